#pragma once

#include <cstdint>

#include "headrace/base/status.h"

namespace headrace {

/// XGBoost's C functions (its xgboost/c_api.h), found in libxgboost.so when first asked for. All but the first return 0
/// when they succeed. Private to this room.
struct XgboostApi {
  using Size = std::uint64_t;
  const char* (*get_last_error)() = nullptr;
  int (*register_log_callback)(void (*callback)(const char*)) = nullptr;
  int (*matrix_create_from_dense)(const char* array, const char* config, void** out) = nullptr;
  int (*quantile_matrix_create)(void* iterator, void* proxy, void* reference, void (*reset)(void*), int (*next)(void*), const char* config, void** out) = nullptr;
  int (*proxy_create)(void** out) = nullptr;  ///< freed as a matrix
  int (*proxy_set_dense)(void* proxy, const char* array) = nullptr;
  int (*matrix_set_float_info)(void* matrix, const char* field, const float* values, Size count) = nullptr;
  int (*matrix_set_info)(void* matrix, const char* field, const char* array) = nullptr;
  int (*matrix_set_uint_info)(void* matrix, const char* field, const unsigned* values, Size count) = nullptr;
  int (*matrix_free)(void* matrix) = nullptr;
  int (*booster_create)(void* const* matrices, Size count, void** out) = nullptr;
  int (*booster_set_param)(void* booster, const char* name, const char* value) = nullptr;
  int (*booster_update_one_iter)(void* booster, int iteration, void* train) = nullptr;
  int (*booster_predict_from_matrix)(void* booster, void* matrix, const char* config, const Size** shape,
                                     Size* dimensions, const float** values) = nullptr;
  int (*booster_predict_from_dense)(void* booster, const char* array, const char* config, void* proxy, const Size** shape,
                                    Size* dimensions, const float** values) = nullptr;
  int (*booster_slice)(void* booster, int begin, int end, int step, void** out) = nullptr;
  int (*booster_set_attr)(void* booster, const char* key, const char* value) = nullptr;
  int (*booster_save_model_to_buffer)(void* booster, const char* config, Size* length, const char** out) = nullptr;
  int (*booster_load_model_from_buffer)(void* booster, const void* data, Size length) = nullptr;  ///< tests only
  int (*booster_feature_score)(void* booster, const char* config, Size* count, const char* const** names,
                               Size* dimensions, const Size** shape, const float** scores) = nullptr;
  int (*booster_free)(void* booster) = nullptr;

  /// Load once per process; silence its log on the calling thread. kInvalid when it cannot be loaded.
  static Result<const XgboostApi*> Get();
  /// What went wrong last on this thread, without the place in XGBoost's sources and its stack.
  std::string LastError() const;
};

}  // namespace headrace

#pragma once

#include <LightGBM/c_api.h>

#include "headrace/base/status.h"

namespace headrace {

/// LightGBM's C functions, found in lib_lightgbm.so when first asked for. Private to this room.
struct LightGbmApi {
  decltype(&LGBM_GetLastError) get_last_error = nullptr;
  decltype(&LGBM_RegisterLogCallback) register_log_callback = nullptr;
  decltype(&LGBM_DatasetCreateFromMat) dataset_create_from_mat = nullptr;
  decltype(&LGBM_DatasetCreateFromCSR) dataset_create_from_csr = nullptr;
  decltype(&LGBM_GetSampleCount) get_sample_count = nullptr;
  decltype(&LGBM_SampleIndices) sample_indices = nullptr;
  decltype(&LGBM_DatasetCreateFromSampledColumn) dataset_create_from_sampled_column = nullptr;
  decltype(&LGBM_DatasetPushRows) dataset_push_rows = nullptr;
  decltype(&LGBM_DatasetSetField) dataset_set_field = nullptr;
  decltype(&LGBM_DatasetFree) dataset_free = nullptr;
  decltype(&LGBM_BoosterCreate) booster_create = nullptr;
  decltype(&LGBM_BoosterAddValidData) booster_add_valid_data = nullptr;
  decltype(&LGBM_BoosterUpdateOneIter) booster_update_one_iter = nullptr;
  decltype(&LGBM_BoosterGetNumPredict) booster_get_num_predict = nullptr;
  decltype(&LGBM_BoosterGetPredict) booster_get_predict = nullptr;
  decltype(&LGBM_BoosterSaveModelToString) booster_save_model_to_string = nullptr;
  decltype(&LGBM_BoosterFeatureImportance) booster_feature_importance = nullptr;
  decltype(&LGBM_BoosterLoadModelFromString) booster_load_model_from_string = nullptr;  ///< tests only
  decltype(&LGBM_BoosterPredictForMat) booster_predict_for_mat = nullptr;               ///< tests only
  decltype(&LGBM_BoosterFree) booster_free = nullptr;

  /// Load once per process; silence its log on the calling thread. kInvalid when it cannot be loaded.
  static Result<const LightGbmApi*> Get();
};

}  // namespace headrace

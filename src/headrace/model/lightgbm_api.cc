#include "headrace/model/lightgbm_api.h"

#include <dlfcn.h>

#include "headrace/base/libraries.h"

namespace headrace {
namespace {

template <typename Function>
bool Load(void* library, const char* name, Function* out) {
  *out = reinterpret_cast<Function>(dlsym(library, name));
  return *out != nullptr;
}

Result<LightGbmApi> LoadLibrary() {
  ASSIGN_OR_RETURN(const std::string path, FindSharedLibrary("lib_lightgbm.so"));
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Error(ErrorCode::kInvalid, "cannot load LightGBM: ", dlerror());
  LightGbmApi api;
  const bool ok = Load(library, "LGBM_GetLastError", &api.get_last_error) &&
                  Load(library, "LGBM_RegisterLogCallback", &api.register_log_callback) &&
                  Load(library, "LGBM_DatasetCreateFromMat", &api.dataset_create_from_mat) &&
                  Load(library, "LGBM_DatasetCreateFromCSR", &api.dataset_create_from_csr) &&
                  Load(library, "LGBM_GetSampleCount", &api.get_sample_count) &&
                  Load(library, "LGBM_SampleIndices", &api.sample_indices) &&
                  Load(library, "LGBM_DatasetCreateFromSampledColumn", &api.dataset_create_from_sampled_column) &&
                  Load(library, "LGBM_DatasetPushRows", &api.dataset_push_rows) &&
                  Load(library, "LGBM_DatasetSetField", &api.dataset_set_field) &&
                  Load(library, "LGBM_DatasetFree", &api.dataset_free) &&
                  Load(library, "LGBM_BoosterCreate", &api.booster_create) &&
                  Load(library, "LGBM_BoosterAddValidData", &api.booster_add_valid_data) &&
                  Load(library, "LGBM_BoosterUpdateOneIter", &api.booster_update_one_iter) &&
                  Load(library, "LGBM_BoosterGetNumPredict", &api.booster_get_num_predict) &&
                  Load(library, "LGBM_BoosterGetPredict", &api.booster_get_predict) &&
                  Load(library, "LGBM_BoosterSaveModelToString", &api.booster_save_model_to_string) &&
                  Load(library, "LGBM_BoosterFeatureImportance", &api.booster_feature_importance) &&
                  Load(library, "LGBM_BoosterLoadModelFromString", &api.booster_load_model_from_string) &&
                  Load(library, "LGBM_BoosterPredictForMat", &api.booster_predict_for_mat) &&
                  Load(library, "LGBM_BoosterFree", &api.booster_free);
  if (!ok) return Error(ErrorCode::kInvalid, "LightGBM's library ", path, " lacks a function that is needed");
  return api;
}

}  // namespace

Result<const LightGbmApi*> LightGbmApi::Get() {
  static const Result<LightGbmApi> kApi = LoadLibrary();  // stays loaded: its threads may outlive any caller
  if (!kApi.ok()) return kApi.status();
  // The callback is per thread inside LightGBM. What matters comes back as an error text.
  kApi->register_log_callback([](const char*) {});
  return &*kApi;
}

}  // namespace headrace

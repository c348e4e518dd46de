#include "headrace/model/xgboost_api.h"

#include <dlfcn.h>

#include <string>

#include "headrace/base/libraries.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

Result<void*> Open(std::string_view file) {
  ASSIGN_OR_RETURN(const std::string path, FindSharedLibrary(file));
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Error(ErrorCode::kInvalid, "cannot load XGBoost: ", dlerror());
  return library;
}

Result<XgboostApi> LoadLibrary() {
  // XGBoost asks for the OpenMP library of its own wheel by this name; opened first, it needs no search.
  RETURN_IF_ERROR(Open("libgomp-e985bcbb.so.1.0.0").status());
  ASSIGN_OR_RETURN(void* const library, Open("libxgboost.so"));
  XgboostApi api;
  const bool ok = LoadFunction(library, "XGBGetLastError", &api.get_last_error) &&
                  LoadFunction(library, "XGBRegisterLogCallback", &api.register_log_callback) &&
                  LoadFunction(library, "XGDMatrixCreateFromDense", &api.matrix_create_from_dense) &&
                  LoadFunction(library, "XGQuantileDMatrixCreateFromCallback", &api.quantile_matrix_create) &&
                  LoadFunction(library, "XGProxyDMatrixCreate", &api.proxy_create) &&
                  LoadFunction(library, "XGProxyDMatrixSetDataDense", &api.proxy_set_dense) &&
                  LoadFunction(library, "XGDMatrixSetFloatInfo", &api.matrix_set_float_info) &&
                  LoadFunction(library, "XGDMatrixSetInfoFromInterface", &api.matrix_set_info) &&
                  LoadFunction(library, "XGDMatrixSetUIntInfo", &api.matrix_set_uint_info) &&
                  LoadFunction(library, "XGDMatrixFree", &api.matrix_free) &&
                  LoadFunction(library, "XGBoosterCreate", &api.booster_create) &&
                  LoadFunction(library, "XGBoosterSetParam", &api.booster_set_param) &&
                  LoadFunction(library, "XGBoosterUpdateOneIter", &api.booster_update_one_iter) &&
                  LoadFunction(library, "XGBoosterPredictFromDMatrix", &api.booster_predict_from_matrix) &&
                  LoadFunction(library, "XGBoosterPredictFromDense", &api.booster_predict_from_dense) &&
                  LoadFunction(library, "XGBoosterSlice", &api.booster_slice) &&
                  LoadFunction(library, "XGBoosterSetAttr", &api.booster_set_attr) &&
                  LoadFunction(library, "XGBoosterSaveModelToBuffer", &api.booster_save_model_to_buffer) &&
                  LoadFunction(library, "XGBoosterLoadModelFromBuffer", &api.booster_load_model_from_buffer) &&
                  LoadFunction(library, "XGBoosterFeatureScore", &api.booster_feature_score) &&
                  LoadFunction(library, "XGBoosterFree", &api.booster_free);
  if (!ok) return Error(ErrorCode::kInvalid, "XGBoost's library libxgboost.so lacks a function that is needed");
  return api;
}

}  // namespace

Result<const XgboostApi*> XgboostApi::Get() {
  static const Result<XgboostApi> kApi = LoadLibrary();  // stays loaded: its threads may outlive any caller
  if (!kApi.ok()) return kApi.status();
  // The callback is per thread inside XGBoost. What matters comes back as an error text.
  kApi->register_log_callback([](const char*) {});
  return &*kApi;
}

std::string XgboostApi::LastError() const {
  std::string_view text = get_last_error();  // "[05:32:30] /src/data.cc:568: Check failed: ...\nStack trace:\n..."
  text = text.substr(0, text.find("\nStack trace"));
  if (const std::size_t place = text.find(": "); text.starts_with('[') && place != std::string_view::npos)
    text.remove_prefix(place + 2);
  return std::string(Trim(text));
}

}  // namespace headrace

#include "headrace/base/libraries.h"
#include "headrace/http/libcurl_internal.h"

namespace headrace::internal {

namespace {
Result<LibCurl> LoadLibrary() {
  ASSIGN_OR_RETURN(void* const library, OpenSystemLibrary("libcurl.so.4", "the library that speaks HTTP and SMTP", "libcurl4"));
  LibCurl api;
  const bool ok = LoadFunction(library, "curl_easy_init", &api.init) && LoadFunction(library, "curl_easy_setopt", &api.set) && LoadFunction(library, "curl_easy_perform", &api.perform) &&
                  LoadFunction(library, "curl_easy_getinfo", &api.info) && LoadFunction(library, "curl_easy_cleanup", &api.cleanup) &&
                  LoadFunction(library, "curl_easy_strerror", &api.error_text) && LoadFunction(library, "curl_slist_append", &api.append) &&
                  LoadFunction(library, "curl_slist_free_all", &api.free_list) && LoadFunction(library, "curl_global_init", &api.global_init);
  if (!ok) return Error(ErrorCode::kInvalid, "libcurl.so.4 lacks a function that is needed");
  if (api.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return Error(ErrorCode::kFailed, "libcurl cannot be set up");
  return api;
}
}  // namespace

Result<const LibCurl*> LibCurl::Get() {
  static const Result<LibCurl> kApi = LoadLibrary();  // stays loaded
  if (!kApi.ok()) return kApi.status();
  return &*kApi;
}

}  // namespace headrace::internal

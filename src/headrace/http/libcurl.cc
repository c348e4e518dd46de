#include <dlfcn.h>

#include "headrace/base/libraries.h"
#include "headrace/http/libcurl_internal.h"

namespace headrace::internal {

namespace {
template <typename Function>
bool Load(void* library, const char* name, Function* out) {
  *out = reinterpret_cast<Function>(dlsym(library, name));
  return *out != nullptr;
}

Result<LibCurl> LoadLibrary() {
  const Result<std::string> own = FindSharedLibrary("libcurl.so.4");   // one that was put beside the program, else the system's
  void* library = dlopen(own.ok() ? own->c_str() : "libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return Error(ErrorCode::kInvalid, "the library that speaks HTTP and SMTP cannot be loaded: ", dlerror()).WithHelp("install it (Debian: apt-get install libcurl4)");
  LibCurl api;
  const bool ok = Load(library, "curl_easy_init", &api.init) && Load(library, "curl_easy_setopt", &api.set) && Load(library, "curl_easy_perform", &api.perform) &&
                  Load(library, "curl_easy_getinfo", &api.info) && Load(library, "curl_easy_cleanup", &api.cleanup) &&
                  Load(library, "curl_easy_strerror", &api.error_text) && Load(library, "curl_slist_append", &api.append) &&
                  Load(library, "curl_slist_free_all", &api.free_list) && Load(library, "curl_global_init", &api.global_init);
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

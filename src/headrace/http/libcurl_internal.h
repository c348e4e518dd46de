#pragma once

#include <curl/curl.h>

#include "headrace/base/status.h"

namespace headrace::internal {

/// The functions of libcurl, found in libcurl.so.4 when first asked for, so that who sends nothing needs no library and waits for none.
struct LibCurl {
  decltype(&::curl_easy_init) init = nullptr;
  decltype(&::curl_easy_setopt) set = nullptr;
  decltype(&::curl_easy_perform) perform = nullptr;
  decltype(&::curl_easy_getinfo) info = nullptr;
  decltype(&::curl_easy_cleanup) cleanup = nullptr;
  decltype(&::curl_easy_strerror) error_text = nullptr;
  decltype(&::curl_slist_append) append = nullptr;
  decltype(&::curl_slist_free_all) free_list = nullptr;
  decltype(&::curl_global_init) global_init = nullptr;

  /// Load once per process. kInvalid when it cannot be loaded. Threads: any.
  static Result<const LibCurl*> Get();
};

}  // namespace headrace::internal

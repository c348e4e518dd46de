#include "headrace/base/text.h"
#include "headrace/sql/connection.h"
#include "headrace/sql/postgres_internal.h"

// libpq takes two forms: postgresql://[user[:password]@]hosts[/database][?key=value&...], and words `key = 'value'`.

namespace headrace {
namespace {

bool IsUri(std::string_view uri) { return uri.starts_with("postgresql://") || uri.starts_with("postgres://"); }

}  // namespace

bool HoldsPassword(std::string_view uri) {
  if (uri.find("password") != std::string_view::npos) {  // also sslpassword; never part of a form without one
    const std::size_t after = uri.find_first_not_of(" \t", uri.find("password") + 8);
    if (after != std::string_view::npos && uri[after] == '=') return true;
  }
  if (!IsUri(uri)) return false;
  uri.remove_prefix(uri.find("//") + 2);
  const std::size_t at = uri.rfind('@');  // the last: a password may hold one that was not quoted
  return at != std::string_view::npos && uri.substr(0, at).find(':') != std::string_view::npos;
}

std::string WithConnectTimeout(std::string_view uri) {
  if (uri.find("connect_timeout") != std::string_view::npos) return std::string(uri);
  if (!IsUri(uri)) return StrCat(uri, " connect_timeout=15");
  return StrCat(uri, uri.find('?') == std::string_view::npos ? "?" : "&", "connect_timeout=15");
}

}  // namespace headrace

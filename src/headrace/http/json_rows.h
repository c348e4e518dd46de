#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

/// Where the rows of an answer lie: a small part of JSONPath (RFC 9535).
///
///   $                 the whole answer      $.data.rows, $['data']    members
///   $.data[*]         the same as $.data: every element of the list
class JsonPath {
 public:
  /// kInvalid says what may stand there.
  static Result<JsonPath> Parse(std::string_view text);
  const std::vector<std::string>& members() const { return members_; }
  const std::string& text() const { return text_; }

 private:
  std::vector<std::string> members_;
  std::string text_;
};

/// The rows at `path`, each one line of JSON with the digits and texts of the answer (nothing is read as a number and written again). One
/// object counts as a list of one. kData says what stands there instead: text that is not JSON (or not all of it), no such member, no list, a row that is no object.
Result<std::vector<std::string>> JsonRows(std::string_view json, const JsonPath& path);

}  // namespace headrace

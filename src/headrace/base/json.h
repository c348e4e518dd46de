#pragma once

// JSON text in and out. Reading and writing are compiled here, once: the templates behind nlohmann's parse and dump cost every file that calls
// them seconds. Who builds or looks into a document includes <nlohmann/json.hpp> in the .cc file.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace headrace {

/// The document that `text` holds; `is_discarded()` if it is not JSON from its first byte to its last (reading a member then throws
/// nlohmann's type_error, as for any other document of an unexpected shape).
nlohmann::json ParseJson(std::string_view text);
nlohmann::ordered_json ParseOrderedJson(std::string_view text);   // keys stay in the order they came in

/// On one line, or with every member on its own, indented by `indent` spaces a level. Bytes that are not UTF-8 become U+FFFD; a discarded
/// document is printed as `<discarded>`.
std::string DumpJson(const nlohmann::json& document, int indent = -1);
std::string DumpJson(const nlohmann::ordered_json& document, int indent = -1);

}  // namespace headrace

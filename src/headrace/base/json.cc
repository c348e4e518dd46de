#include "headrace/base/json.h"

#include <nlohmann/json.hpp>

namespace headrace {

nlohmann::json ParseJson(std::string_view text) { return nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false); }
nlohmann::ordered_json ParseOrderedJson(std::string_view text) { return nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false); }

std::string DumpJson(const nlohmann::json& document, int indent) { return document.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace); }
std::string DumpJson(const nlohmann::ordered_json& document, int indent) {
  return document.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace headrace

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/pipeline/diagnostics.h"

namespace headrace {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) { return DumpJson(json, 2) + "\n"; }

std::string_view Level(const Diagnostic& found) { return found.severity == Severity::kError ? "error" : "warning"; }

Json Region(const Location& at) {
  return {{"startLine", at.line}, {"startColumn", at.column}, {"endColumn", at.column + at.length}};
}

Json PhysicalLocation(const Location& at) {
  Json location = {{"artifactLocation", {{"uri", at.file}}}};
  if (at.line > 0) location["region"] = Region(at);
  return {{"physicalLocation", location}};
}

/// GitHub's escapes: data keeps commas and colons, properties do not.
std::string Escape(std::string_view text, bool property) {
  std::string out = ReplaceAll(text, "%", "%25");
  out = ReplaceAll(ReplaceAll(out, "\r", "%0D"), "\n", "%0A");
  if (property) out = ReplaceAll(ReplaceAll(out, ":", "%3A"), ",", "%2C");
  return out;
}

}  // namespace

std::string RenderJson(const Diagnostics& diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& found : diagnostics.Sorted()) {
    Json one = {{"code", CodeText(found.code)}, {"severity", Level(found)}, {"message", found.message},
                {"file", found.at.file},        {"line", found.at.line},    {"column", found.at.column},
                {"end_column", found.at.column + found.at.length}, {"help", found.help}};
    if (found.related)
      one["related"] = {{"file", found.related->file}, {"line", found.related->line},
                        {"column", found.related->column}, {"label", found.related_label}};
    list.push_back(std::move(one));
  }
  return Dump({{"version", 1},
               {"errors", diagnostics.errors()},
               {"warnings", diagnostics.warnings()},
               {"left_out", diagnostics.left_out()},
               {"diagnostics", std::move(list)}});
}

std::string RenderSarif(const Diagnostics& diagnostics) {
  Json rules = Json::array();
  for (const CodeExplanation& code : AllCodes())
    rules.push_back({{"id", CodeText(code.code)},
                     {"shortDescription", {{"text", code.title}}},
                     {"fullDescription", {{"text", code.explanation}}}});
  Json results = Json::array();
  for (const Diagnostic& found : diagnostics.Sorted()) {
    const std::string text = found.help.empty() ? found.message : StrCat(found.message, "\nhelp: ", found.help);
    Json result = {{"ruleId", CodeText(found.code)}, {"level", Level(found)}, {"message", {{"text", text}}}};
    if (!found.at.file.empty()) result["locations"] = Json::array({PhysicalLocation(found.at)});
    if (found.related) {
      Json related = PhysicalLocation(*found.related);
      related["message"] = {{"text", found.related_label}};
      result["relatedLocations"] = Json::array({related});
    }
    results.push_back(std::move(result));
  }
  const Json driver = {{"name", "headrace"}, {"rules", rules}};
  return Dump({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
               {"version", "2.1.0"},
               {"runs", Json::array({{{"tool", {{"driver", driver}}}, {"columnKind", "unicodeCodePoints"}, {"results", results}}})}});
}

std::string RenderGithub(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& found : diagnostics.Sorted()) {
    const std::string text = found.help.empty() ? found.message : StrCat(found.message, "\nhelp: ", found.help);
    std::string place;
    if (!found.at.file.empty()) place = StrCat("file=", Escape(found.at.file, true), ",");
    if (found.at.line > 0)
      place += StrCat("line=", found.at.line, ",col=", found.at.column, ",endColumn=", found.at.column + found.at.length, ",");
    out += StrCat("::", Level(found), " ", place, "title=", CodeText(found.code), "::", Escape(text, false), "\n");
  }
  return out;
}

}  // namespace headrace

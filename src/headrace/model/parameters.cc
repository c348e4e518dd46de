// Parameters that decide how trees grow pass through to their library; those that read or write files, talk to networks
// or devices, or belong to objectives we do not score, are refused here, so that a typing error or a hostile pipeline
// file never reaches it.
#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/model/parameters_internal.h"

namespace headrace::internal {
namespace {

const Parameter* FindParameter(const ParameterTable& table, std::string_view name) {
  const auto at =
      std::find_if(table.parameters.begin(), table.parameters.end(), [&](const Parameter& p) { return p.name == name; });
  return at == table.parameters.end() ? nullptr : &*at;
}

std::string_view MainName(const ParameterTable& table, std::string_view name) {
  for (const auto& [alias, main] : table.aliases)
    if (alias == name) return main;
  return name;
}

Status UnknownParameter(const ParameterTable& table, const std::string& name) {
  for (const auto& [refused, reason] : table.refused)
    if (refused == name)
      return Error(ErrorCode::kInvalid, table.library, "'s parameter `", name, "` cannot be set here: ", reason);
  std::vector<std::string> names;
  for (const Parameter& p : table.parameters) names.emplace_back(p.name);
  for (const auto& [alias, main] : table.aliases) names.emplace_back(alias);
  Status status = Error(ErrorCode::kInvalid, "`", name, "` is not one of ", table.library, "'s parameters for training");
  const std::string near = NearestName(name, names);
  return near.empty() ? status : std::move(status).WithHelp(StrCat("did you mean `", near, "`?"));
}

std::string Expected(const Parameter& p) {
  switch (p.kind) {
    case ParameterKind::kBool:
      return "true or false";
    case ParameterKind::kWord:
      return Join(Split(p.words, ' '), ", ");
    default:
      break;
  }
  const std::string what = p.kind == ParameterKind::kInt ? "a whole number" : "a number";
  if (p.high == kInf || p.high == kIntMax) return StrCat(what, p.open ? " above " : " of at least ", p.low);
  return StrCat(what, p.open ? " above " : " from ", p.low, p.open ? " and at most " : " to ", p.high);
}

bool Fits(const Parameter& p, const std::string& text) {
  double number = 0;
  switch (p.kind) {
    case ParameterKind::kBool:
      return text == "true" || text == "false";
    case ParameterKind::kWord: {
      const std::vector<std::string> words = Split(p.words, ' ');
      return std::find(words.begin(), words.end(), text) != words.end();
    }
    case ParameterKind::kInt: {
      std::int64_t whole = 0;
      if (!ParseInt(text, &whole)) return false;
      number = static_cast<double>(whole);
      break;
    }
    case ParameterKind::kDouble:
      if (!ParseDouble(text, &number) || number != number || number == kInf) return false;
      break;
  }
  return (p.open ? number > p.low : number >= p.low) && number <= p.high;
}

}  // namespace

Result<std::map<std::string, std::string>> MainParameters(const ParameterTable& table,
                                                          const std::map<std::string, std::string>& given) {
  std::map<std::string, std::string> main;
  for (const auto& [name, value] : given) {
    const Parameter* parameter = FindParameter(table, MainName(table, name));
    if (parameter == nullptr) return UnknownParameter(table, name);
    if (!Fits(*parameter, value))
      return Error(ErrorCode::kInvalid, table.library, "'s `", name, "` is \"", value, "\", expected ", Expected(*parameter));
    if (!main.emplace(parameter->name, value).second)
      return Error(ErrorCode::kInvalid, table.library, "'s `", parameter->name, "` is set twice, once as `", name, "`");
  }
  return main;
}

int TakeInt(LearnerSettings* settings, const char* name) {
  std::int64_t value = 0;
  ParseInt(settings->parameters[name], &value);
  settings->parameters.erase(name);
  return static_cast<int>(value);
}

}  // namespace headrace::internal

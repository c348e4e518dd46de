#include "headrace/base/secret.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace headrace {

VariableLookup ProcessVariables() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

Result<Secret> LoadSecret(const std::string& name, const VariableLookup& variables) {
  if (std::optional<std::string> value = variables(name)) return Secret(name, *std::move(value));
  const std::string file_variable = name + "_FILE";
  const std::optional<std::string> path = variables(file_variable);
  if (!path)
    return Error(ErrorCode::kInvalid, "secret `", name, "` is not set")
        .WithHelp(StrCat("set the variable ", name, ", or ", file_variable, " to the path of a file that holds it"));
  std::ifstream in(*path, std::ios::binary);
  const bool opened = in.is_open();
  std::string value((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!opened || in.bad())
    return Error(ErrorCode::kInvalid, "cannot read the file of secret `", name, "`: ", *path)
        .WithHelp(StrCat("correct the path in the variable ", file_variable));
  if (!value.empty() && value.back() == '\n') value.pop_back();
  if (!value.empty() && value.back() == '\r') value.pop_back();
  return Secret(name, std::move(value));
}

Result<Secret> Load(const TextOrSecret& value, const VariableLookup& variables) {
  if (value.secret.empty()) return Secret("", value.text);
  return LoadSecret(value.secret, variables);
}

}  // namespace headrace

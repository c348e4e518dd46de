#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "headrace/base/status.h"

namespace headrace {

/// A value that must not be printed, with the name by which people may speak of it. There is no operator<<, no
/// StrCat overload and no conversion to text: whoever needs the value asks with Reveal, at the last moment.
///
/// Threads: immutable.
class Secret {
 public:
  Secret(std::string name, std::string value) : name_(std::move(name)), value_(std::move(value)) {}
  const std::string& name() const { return name_; }
  const std::string& Reveal() const { return value_; }

 private:
  std::string name_, value_;
};

/// Looks up a variable of the environment; nullopt when it is not set.
using VariableLookup = std::function<std::optional<std::string>(const std::string& name)>;
/// The process's own environment.
VariableLookup ProcessVariables();

/// The secret called `name`: the variable NAME, or else the file that the variable NAME_FILE names (one final line
/// break is left out). kInvalid, without a value in its text, when neither is there or the file cannot be read.
Result<Secret> LoadSecret(const std::string& name, const VariableLookup& variables);

/// What a project file holds where a value may be secret: the text itself, or the name of a secret.
struct TextOrSecret {
  std::string text;
  std::string secret;                       ///< not empty: `{secret: NAME}`, and `text` is empty
  bool empty() const { return text.empty() && secret.empty(); }
};
/// The text, or the loaded secret. The name of a plain text is "".
Result<Secret> Load(const TextOrSecret& value, const VariableLookup& variables);

}  // namespace headrace

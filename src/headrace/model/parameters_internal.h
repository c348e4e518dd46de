#pragma once

#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"

/// Private to this room: the parameters of the libraries that grow trees.
namespace headrace::internal {

enum class ParameterKind { kInt, kDouble, kBool, kWord };
inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kIntMax = 2147483647;

struct Parameter {
  std::string_view name;
  ParameterKind kind;
  double low, high;  // numbers: the closed range; `open` excludes low
  bool open = false;
  std::string_view words{};  // kWord: the values, between blanks
};

using Words = std::pair<std::string_view, std::string_view>;

/// What a library's user may say.
struct ParameterTable {
  std::string_view library;              ///< "LightGBM"
  std::span<const Parameter> parameters;
  std::span<const Words> aliases;        ///< other names that the library, or its scikit-learn face, has for the same
  std::span<const Words> refused;        ///< what the library has but a pipeline may not set, with the reason a user gets
};

const ParameterTable& LightGbmParameters();
const ParameterTable& XgboostParameters();

/// The user's parameters under their main names; kInvalid as CheckLearnerParameters.
Result<std::map<std::string, std::string>> MainParameters(const ParameterTable& table,
                                                          const std::map<std::string, std::string>& given);

/// The task of an objective; nullopt without one.
std::optional<Task> TaskOfLightGbm(const std::map<std::string, std::string>& main);
std::optional<Task> TaskOfXgboost(const std::map<std::string, std::string>& main);

/// `settings` with the library's parameters, defaults filled in.
Result<LearnerSettings> ResolveLightGbm(const LearnerSpec& spec, LearnerSettings settings, std::size_t rows);
Result<LearnerSettings> ResolveXgboost(const LearnerSpec& spec, LearnerSettings settings);

/// Take a whole number out of the settings' parameters. REQUIRES: it is there.
int TakeInt(LearnerSettings* settings, const char* name);

}  // namespace headrace::internal

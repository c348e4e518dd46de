// A member that is missing here is a compiler error: every struct is taken apart whole.
#include "headrace/feature/spec.h"

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

using nlohmann::json;

template <typename T>
json Of(const T& value) {
  if constexpr (std::is_enum_v<T>) return static_cast<int>(value);
  else return value;
}
template <typename T>
json Of(const std::optional<T>& value) { return value ? Of(*value) : json(); }
template <typename T>
json Of(const std::vector<T>& values) {
  json out = json::array();
  for (const T& one : values) out.push_back(Of(one));
  return out;
}

template <typename... T>
json List(const T&... values) { return json::array({Of(values)...}); }

json Describe(const ImputeStep& step) { const auto& [with, constant, indicator, by] = step; return List("impute", with, constant, indicator, by); }
json Describe(const ClipStep& step) { const auto& [lower, upper, percentiles] = step; return List("clip", lower, upper, percentiles); }
json Describe(const ScaleStep& step) { const auto& [how] = step; return List("scale", how); }
json Describe(const Log1pStep&) { return List("log1p"); }
json Describe(const QuantileStep& step) { const auto& [normal, quantiles] = step; return List("quantile", normal, quantiles); }
json Describe(const PowerStep& step) { const auto& [box_cox, standardize] = step; return List("power", box_cox, standardize); }
json Describe(const BinsStep& step) { const auto& [by, count, edges, onehot] = step; return List("bins", by, count, edges, onehot); }
json Describe(const SplineStep& step) {
  const auto& [knots, degree, quantile, outside, bias] = step;
  return List("spline", knots, degree, quantile, outside, bias);
}
json Describe(const PolynomialStep& step) { const auto& [degree, interactions_only] = step; return List("polynomial", degree, interactions_only); }
json Describe(const NormalizeStep& step) { const auto& [norm] = step; return List("normalize", norm); }
json Describe(const EncodeStep& step) {
  const auto& [how, min_frequency, max_categories, unknown, smooth, regularization, folds, features] = step;
  return List("encode", how, min_frequency, max_categories, unknown, smooth, regularization, folds, features);
}
json Describe(const DateStep& step) { const auto& [parts, cyclical, since, holidays] = step; return List("date", parts, cyclical, since, holidays); }
json Describe(const TextStep& step) {
  const auto& [how, length, characters, from, to, max_features, min_df] = step;
  return List("text", how, length, characters, from, to, max_features, min_df);
}
json Describe(const SelectStep& step) { const auto& [by, threshold, k] = step; return List("select", by, threshold, k); }
json Describe(const ReduceStep& step) { const auto& [center, components] = step; return List("reduce", center, components); }

/// Where a step keeps a number; none for a kind that has no such one.
using Slot = std::variant<std::monostate, std::int64_t*, double*, std::optional<double>*>;

template <typename Step>
Slot SlotOf(Step&, std::string_view) { return {}; }
Slot SlotOf(ClipStep& step, std::string_view key) { return key == "lower" ? Slot(&step.lower) : key == "upper" ? Slot(&step.upper) : Slot(); }
Slot SlotOf(QuantileStep& step, std::string_view key) { return key == "quantiles" ? Slot(&step.quantiles) : Slot(); }
Slot SlotOf(BinsStep& step, std::string_view key) { return key == "count" ? Slot(&step.count) : Slot(); }
Slot SlotOf(SplineStep& step, std::string_view key) { return key == "knots" ? Slot(&step.knots) : key == "degree" ? Slot(&step.degree) : Slot(); }
Slot SlotOf(PolynomialStep& step, std::string_view key) { return key == "polynomial" ? Slot(&step.degree) : Slot(); }
Slot SlotOf(EncodeStep& step, std::string_view key) {
  if (key == "min_frequency") return &step.min_frequency;
  if (key == "max_categories") return &step.max_categories;
  if (key == "smooth") return &step.smooth;
  if (key == "regularization") return &step.regularization;
  if (key == "folds") return &step.folds;
  return key == "features" ? Slot(&step.features) : Slot();
}
Slot SlotOf(TextStep& step, std::string_view key) {
  const bool hash = step.how == TextStep::How::kHash;
  return key == (hash ? "features" : "max_features") ? Slot(&step.max_features) : key == "min_df" ? Slot(&step.min_df) : Slot();
}
Slot SlotOf(SelectStep& step, std::string_view key) { return key == "threshold" ? Slot(&step.threshold) : key == "k" ? Slot(&step.k) : Slot(); }
Slot SlotOf(ReduceStep& step, std::string_view key) { return key == "components" ? Slot(&step.components) : Slot(); }

}  // namespace

bool SetNumber(TransformStep& step, std::string_view key, std::string_view text) {
  if (std::holds_alternative<ClipStep>(step) && text.ends_with('%')) text = Trim(text.substr(0, text.size() - 1));
  const Slot slot = std::visit([&](auto& one) { return SlotOf(one, key); }, step);
  if (auto* const whole = std::get_if<std::int64_t*>(&slot)) return ParseInt(text, *whole);
  double number = 0;
  if (slot.index() == 0 || !ParseDouble(text, &number)) return false;
  if (auto* const plain = std::get_if<double*>(&slot)) **plain = number;
  else **std::get_if<std::optional<double>*>(&slot) = number;
  return true;
}

std::string CanonicalText(const TransformSpec& spec) {
  const auto& [columns, steps, derive, type, drop, tag, cast, rename, choice, alternative, open] = spec;
  json all = json::array(), derived = json::array(), casts = json::array(), renamed = json::array(), numbers = json::array();
  for (const TransformStep& step : steps) all.push_back(std::visit([](const auto& one) { return Describe(one); }, step));
  for (const auto& [name, expression] : derive) derived.push_back({name, expression});
  for (const auto& [name, to] : cast) casts.push_back({name, Of(to)});
  for (const auto& [name, to] : rename) renamed.push_back({name, to});
  for (const auto& [step, key, name] : open) numbers.push_back({step, key, name});
  return DumpJson(json::array({Of(columns), std::move(all), std::move(derived), Of(type), Of(drop), tag, std::move(casts), std::move(renamed), choice, alternative, std::move(numbers)}));
}

std::vector<TransformSpec> Chosen(const std::vector<TransformSpec>& specs, const std::map<std::string, std::string>& chosen) {
  std::vector<TransformSpec> out;
  for (const TransformSpec& spec : specs) {
    const auto at = chosen.find(spec.choice);
    if (!spec.choice.empty() && (at == chosen.end() || at->second != spec.alternative)) continue;
    TransformSpec& one = out.emplace_back(spec);
    for (const OpenNumber& number : spec.open)
      if (const auto value = chosen.find(number.name); value != chosen.end()) SetNumber(one.steps[number.step], number.key, value->second);
    one.choice = one.alternative = "";
    one.open.clear();
  }
  return out;
}

}  // namespace headrace

// A member that is missing here is a compiler error: every struct is taken apart whole.
#include "headrace/feature/spec.h"

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"

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

}  // namespace

std::string CanonicalText(const TransformSpec& spec) {
  const auto& [columns, steps, derive, type, drop, tag, cast, rename, choice, alternative] = spec;
  json all = json::array(), derived = json::array(), casts = json::array(), renamed = json::array();
  for (const TransformStep& step : steps) all.push_back(std::visit([](const auto& one) { return Describe(one); }, step));
  for (const auto& [name, expression] : derive) derived.push_back({name, expression});
  for (const auto& [name, to] : cast) casts.push_back({name, Of(to)});
  for (const auto& [name, to] : rename) renamed.push_back({name, to});
  return DumpJson(json::array({Of(columns), std::move(all), std::move(derived), Of(type), Of(drop), tag, std::move(casts), std::move(renamed), choice, alternative}));
}

std::vector<TransformSpec> Chosen(const std::vector<TransformSpec>& specs, const std::map<std::string, std::string>& alternatives) {
  std::vector<TransformSpec> chosen;
  for (const TransformSpec& spec : specs) {
    const auto at = alternatives.find(spec.choice);
    if (!spec.choice.empty() && (at == alternatives.end() || at->second != spec.alternative)) continue;
    chosen.push_back(spec);
    chosen.back().choice = chosen.back().alternative = "";
  }
  return chosen;
}

}  // namespace headrace

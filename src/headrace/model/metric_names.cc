// The names of all metrics in one table; those with a number in them (`lift@10%`) are a name, `@` and the number.

#include <cassert>
#include <cmath>
#include <optional>

#include "headrace/base/text.h"
#include "headrace/model/metric_rows_internal.h"
#include "headrace/model/metrics.h"

namespace headrace {
namespace {

struct KnownMetric {
  std::string_view name;
  bool binary, multiclass, regression;
  bool higher_is_better;
  bool clustering = false;
};
constexpr KnownMetric kMetrics[] = {
    {"auc", true, true, false, true},
    {"gini", true, false, false, true},
    {"ks", true, false, false, true},
    {"average_precision", true, false, false, true},
    {"logloss", true, true, false, false},
    {"brier", true, true, false, false},
    {"ece", true, false, false, false},
    {"accuracy", true, true, false, true},
    {"balanced_accuracy", true, true, false, true},
    {"mcc", true, true, false, true},
    {"f1", true, true, false, true},
    {"precision", true, true, false, true},
    {"recall", true, true, false, true},
    {"specificity", true, false, false, true},
    {"false_positive_rate", true, false, false, false},
    {"selection_rate", true, false, false, true},
    {"f1_micro", false, true, false, true},
    {"f1_weighted", false, true, false, true},
    {"precision_weighted", false, true, false, true},
    {"recall_weighted", false, true, false, true},
    {"rmse", false, false, true, false},
    {"mae", false, false, true, false},
    {"r2", false, false, true, true},
    {"mape", false, false, true, false},
    {"mape_skipped", false, false, true, false},
    {"wape", false, false, true, false},
    {"rmsle", false, false, true, false},
    {"max_error", false, false, true, false},
    {"bias", true, false, true, false},
    {"poisson_deviance", false, false, true, false},
    {"gamma_deviance", false, false, true, false},
    {"qini", false, false, true, true},
    {"auuc", false, false, true, true},
    {"inertia", false, false, false, false, true},
    {"silhouette", false, false, false, true, true},
    {"davies_bouldin", false, false, false, false, true},
    {"calinski_harabasz", false, false, false, true, true},
};

/// Metrics with a number.
struct Family {
  enum class Number { kShare, kQuantile, kPower, kRank, kMoney };
  std::string_view prefix;
  Number number;
  bool binary, regression;
  bool higher_is_better;
  std::string_view example, form;
};
constexpr Family kFamilies[] = {
    {"lift@", Family::Number::kShare, true, false, true, "lift@10%", "lift@K% with K above 0 and at most 100"},
    {"gain@", Family::Number::kShare, true, false, true, "gain@10%", "gain@K% with K above 0 and at most 100"},
    {"precision@", Family::Number::kShare, true, false, true, "precision@10%", "precision@K% with K above 0 and at most 100"},
    {"profit@", Family::Number::kMoney, true, false, true, "profit@30/2", "profit@VALUE/COST with numbers above 0"},
    {"profit_share@", Family::Number::kMoney, true, false, true, "profit_share@30/2", "profit_share@VALUE/COST with numbers above 0"},
    {"pinball@", Family::Number::kQuantile, false, true, false, "pinball@0.9", "pinball@Q with Q between 0 and 1"},
    {"tweedie_deviance@", Family::Number::kPower, false, true, false, "tweedie_deviance@1.5", "tweedie_deviance@P with P between 1 and 2"},
    {"ndcg@", Family::Number::kRank, true, true, true, "ndcg@10", "ndcg@K with K a whole number from 1"},
    {"uplift@", Family::Number::kShare, false, true, true, "uplift@10%", "uplift@K% with K above 0 and at most 100"},
    {"map@", Family::Number::kRank, true, true, true, "map@10", "map@K with K a whole number from 1"},
};

bool Has(const KnownMetric& metric, Task task) {
  switch (task) {
    case Task::kBinary:
      return metric.binary;
    case Task::kMulticlass:
      return metric.multiclass;
    case Task::kRegression:
      return metric.regression;
    case Task::kClustering:
      return metric.clustering;
  }
  return false;
}

bool Has(const Family& family, Task task) {
  return task == Task::kBinary ? family.binary : task == Task::kRegression && family.regression;
}

const Family* FamilyOf(std::string_view name) {
  for (const Family& family : kFamilies)
    if (name.starts_with(family.prefix)) return &family;
  return nullptr;
}

/// A decimal number without a sign.
bool Plain(std::string_view text, double* number) {
  return !text.empty() && text.find_first_not_of("0123456789.") == text.npos && ParseDouble(text, number);
}

/// What a contact costs in `profit@VALUE/COST`; 0 when it is not said.
double CostOf(std::string_view name) {
  double cost = 0;
  const std::size_t slash = name.find('/');
  return slash != name.npos && Plain(name.substr(slash + 1), &cost) ? cost : 0;
}

/// The (first) number in a name of `family`; nullopt when it is not one that the family takes.
std::optional<double> NumberOf(const Family& family, std::string_view name) {
  std::string_view text = name.substr(family.prefix.size());
  if (family.number == Family::Number::kMoney) {
    if (!(CostOf(name) > 0)) return std::nullopt;
    text = text.substr(0, text.find('/'));
  }
  if (family.number == Family::Number::kShare) {
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
  }
  double number = 0;
  if (!Plain(text, &number)) return std::nullopt;
  bool fits = false;
  switch (family.number) {
    case Family::Number::kShare:
      fits = number > 0 && number <= 100;
      number /= 100;
      break;
    case Family::Number::kQuantile:
      fits = number > 0 && number < 1;
      break;
    case Family::Number::kPower:
      fits = number > 1 && number < 2;
      break;
    case Family::Number::kMoney:
      fits = number > 0;
      break;
    case Family::Number::kRank:
      fits = number >= 1 && number <= 1e9 && number == std::floor(number);
      break;
  }
  return fits ? std::optional(number) : std::nullopt;
}

std::vector<std::string> NamesOf(Task task) {
  std::vector<std::string> names;
  for (const KnownMetric& metric : kMetrics)
    if (Has(metric, task) && !NeedsTreatment(metric.name)) names.emplace_back(metric.name);   // few trainings have one
  for (const Family& family : kFamilies)
    if (Has(family, task) && family.number != Family::Number::kRank && !NeedsTreatment(family.prefix)) names.emplace_back(family.example);   // few trainings name queries
  return names;
}

}  // namespace

namespace internal {

MetricForm FormOf(std::string_view name) {
  if (const Family* family = FamilyOf(name))
    return {family->prefix.substr(0, family->prefix.size() - 1), NumberOf(*family, name), CostOf(name)};
  return {name, std::nullopt, 0};
}

}  // namespace internal

Status CheckMetricName(std::string_view name, Task task) {
  for (const KnownMetric& metric : kMetrics)
    if (metric.name == name && Has(metric, task)) return Ok();
  const Family* family = FamilyOf(name);
  if (family != nullptr && Has(*family, task)) {
    if (NumberOf(*family, name)) return Ok();
    return Error(ErrorCode::kInvalid, "metric \"", name, "\" is not ", family->form)
        .WithHelp(family->number == Family::Number::kShare
                      ? StrCat("write it as ", family->prefix, "10% or ", family->prefix, "2.5%")
                      : StrCat("write it as ", family->example));
  }
  const std::vector<std::string> names = NamesOf(task);
  bool elsewhere = family != nullptr && NumberOf(*family, name);
  for (const KnownMetric& metric : kMetrics) elsewhere = elsewhere || metric.name == name;
  if (elsewhere)
    return Error(ErrorCode::kInvalid, "metric \"", name, "\" does not apply to ", TaskName(task), " models")
        .WithHelp(StrCat("choose from: ", Join(names, ", ")));
  std::vector<std::string> meant = names;
  if (task == Task::kRegression) meant.insert(meant.end(), {"qini", "auuc", "uplift@10%"});
  const std::string near = NearestName(name, meant);
  return Error(ErrorCode::kInvalid, "unknown metric \"", name, "\" for a ", TaskName(task), " model")
      .WithHelp(near.empty() ? StrCat("choose from: ", Join(names, ", ")) : StrCat("did you mean \"", near, "\"?"));
}

MetricName ParseMetricName(std::string_view name) {
  constexpr std::pair<std::string_view, MetricName::Of> kEndings[] = {{".low", MetricName::Of::kLow},
                                                                      {".high", MetricName::Of::kHigh},
                                                                      {".gap", MetricName::Of::kGap},
                                                                      {".ratio", MetricName::Of::kRatio}};
  for (const auto& [ending, of] : kEndings)
    if (name.ends_with(ending)) return {std::string(name.substr(0, name.size() - ending.size())), of};
  return {std::string(name), MetricName::Of::kValue};
}

std::vector<std::string> DefaultMetrics(Task task) {
  switch (task) {
    case Task::kBinary:
      return {"auc", "average_precision", "logloss", "brier",   "ece", "accuracy",
              "f1",  "precision",         "recall",  "lift@10%"};
    case Task::kMulticlass:
      return {"accuracy", "auc", "logloss", "brier", "f1", "precision", "recall"};
    case Task::kRegression:
      return {"rmse", "mae", "r2", "mape"};
    case Task::kClustering:
      return {"inertia", "silhouette", "davies_bouldin", "calinski_harabasz"};
  }
  return {};
}

bool NeedsTreatment(std::string_view name) { return name == "qini" || name == "auuc" || name.starts_with("uplift@"); }
bool NeedsQueries(std::string_view name) { return name.starts_with("ndcg@") || name.starts_with("map@"); }

bool HigherIsBetter(std::string_view name) {
  for (const KnownMetric& metric : kMetrics)
    if (metric.name == name) return metric.higher_is_better;
  const Family* family = FamilyOf(name);
  assert(family != nullptr);
  return family == nullptr || family->higher_is_better;
}

std::vector<std::string> FairnessMetrics(Task task) {
  if (task == Task::kBinary) return {"selection_rate", "recall", "false_positive_rate", "precision", "bias"};
  if (task == Task::kRegression) return {"bias"};
  return {};
}

}  // namespace headrace

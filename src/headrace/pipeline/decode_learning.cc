#include "headrace/pipeline/decode_learning.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "headrace/base/text.h"
#include "headrace/model/tune.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/model_checks.h"

namespace headrace {

ThresholdSpec DecodeThreshold(const Node& node) {
  ThresholdSpec threshold;
  if (!node.is_map()) {
    threshold.fixed = DoubleOf(&node, 0.5);
    return threshold;
  }
  threshold.maximize = TextOf(node.Find("maximize"));
  if (const Node* cost = node.Find("cost")) {
    threshold.false_positive = DoubleOf(cost->Find("false_positive"), 0);
    threshold.false_negative = DoubleOf(cost->Find("false_negative"), 0);
  }
  threshold.precision = ShareOf(node.Find("precision"), 0);
  threshold.top = ShareOf(node.Find("top"), 0);
  return threshold;
}

void DecodeClassWeight(const Node& node, TrainSpec* spec) {
  if (node.is_scalar()) {
    spec->class_weight_balanced = true;
    return;
  }
  for (const Node::Entry& entry : node.entries) spec->class_weight[entry.key] = DoubleOf(&entry.value, 1);
}

std::map<std::string, int> DecodeMonotone(const Node& node) {
  std::map<std::string, int> monotone;
  for (const Node::Entry& entry : node.entries) monotone[entry.key] = TextOf(&entry.value) == "falling" ? -1 : 1;
  return monotone;
}

TuneSpec::Dimension DecodeDimension(const std::string& name, const Node& node) {
  TuneSpec::Dimension dimension;
  dimension.name = name;
  if (node.is_list()) {
    dimension.values = TextsOf(&node);
    return dimension;
  }
  dimension.whole = true;
  for (const auto& [key, slot] : {std::pair{"low", &dimension.low}, {"high", &dimension.high}}) {
    std::string_view text = node.Find(key)->text;
    if (text.ends_with('%')) {
      dimension.percent = true;
      text = Trim(text.substr(0, text.size() - 1));
    }
    std::int64_t whole = 0;
    if (!ParseDouble(text, slot)) *slot = NAN;
    dimension.whole = dimension.whole && ParseInt(text, &whole);
  }
  dimension.log = TextOf(node.Find("scale")) == "log";
  return dimension;
}

bool HasPending(const Node& node) {
  return node.pending || std::any_of(node.items.begin(), node.items.end(), HasPending) || std::any_of(node.entries.begin(), node.entries.end(), [](const Node::Entry& entry) { return HasPending(entry.value); });
}

TuneSpec DecodeTune(const Node& node, const LearnerSpec& learner, Diagnostics& diagnostics) {
  TuneSpec tune;
  tune.trials = IntOf(node.Find("trials"), 50);
  tune.budget_us = DurationOf(node.Find("budget"), 0);
  const std::string search = TextOf(node.Find("search"));
  if (search == "grid") tune.search = TuneSpec::Search::kGrid;
  if (search == "tpe") tune.search = TuneSpec::Search::kTpe;
  if (search == "halving") tune.search = TuneSpec::Search::kHalving;
  if (TextOf(node.Find("choose")) == "one_standard_error") tune.choose = TuneSpec::Choose::kOneStandardError;
  tune.metric = TextOf(node.Find("metric"));
  tune.seed = IntOf(node.Find("seed"), 0);
  if (const Node* metric = node.Find("metric"); metric != nullptr && !metric->pending)
    if (const Status status = CheckMetric(tune.metric, learner.kind == LearnerSpec::Kind::kKMeans ? Task::kClustering : learner.task); !status.ok())
      diagnostics.AddError(DiagnosticCode::kMetric, metric->place, status.message()).Help(status.help());
  const Node* space = node.Find("space");
  if (space == nullptr) return tune;
  for (const Node::Entry& entry : space->entries) {
    if (!entry.value.is_list() && !entry.value.is_map()) continue;   // it was refused
    TuneSpec::Dimension dimension = DecodeDimension(entry.key, entry.value);
    TuneSpec alone = tune;
    alone.space = {dimension};
    if (const Status status = CheckTuneSpace(alone, learner); !HasPending(entry.value) && !status.ok())
      diagnostics.AddError(DiagnosticCode::kLearner, entry.key_place, status.message()).Help(status.help());
    tune.space.push_back(std::move(dimension));
  }
  return tune;
}

}  // namespace headrace

#include <cmath>
#include <tuple>

#include "headrace/base/text.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/decode_learning.h"
#include "headrace/pipeline/model_checks.h"

namespace headrace {
namespace {

using TransformKind = TransformStep::Kind;

class TrainDecoder {
 public:
  explicit TrainDecoder(const DecodeContext& context) : diagnostics_(context.diagnostics) {}

  TrainSpec Decode(const Node& node, const Node* gate) {
    spec_.target = TextOf(node.Find("target"));
    spec_.positive = TextOf(node.Find("positive"));
    spec_.key = ColumnsOf(node.Find("key"), diagnostics_);
    spec_.ignore = ColumnsOf(node.Find("ignore"), diagnostics_);
    if (const Node* split = node.Find("split")) Split(*split);
    if (const Node* folds = node.Find("folds")) Folds(*folds);
    if (const Node* transform = node.Find("transform"))
      for (const Node& group : transform->items) Transform(group);
    if (const Node* learner = node.Find("learner")) Learner(*learner);
    if (const Node* tune = node.Find("tune")) spec_.tune = DecodeTune(*tune, spec_.learner, diagnostics_);
    if (const Node* monotone = node.Find("monotone")) spec_.learner.monotone = DecodeMonotone(*monotone);
    spec_.weight = TextOf(node.Find("weight"));
    if (const Node* weights = node.Find("class_weight")) DecodeClassWeight(*weights, &spec_);
    spec_.intervals = IntOf(node.Find("intervals"), 0);
    const std::string calibrate = TextOf(node.Find("calibrate"));
    if (calibrate == "isotonic") spec_.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
    if (calibrate == "sigmoid") spec_.calibrate.kind = CalibrationSpec::Kind::kSigmoid;
    if (calibrate == "beta") spec_.calibrate.kind = CalibrationSpec::Kind::kBeta;
    if (const Node* threshold = node.Find("threshold")) spec_.threshold = DecodeThreshold(*threshold);
    Evaluate(node.Find("evaluate"));
    spec_.segments = ColumnsOf(node.Find("segments"), diagnostics_);
    spec_.refit_all_rows = BoolOf(node.Find("refit"), false);
    if (gate != nullptr)
      for (const Node& one : gate->items) Gate(one);
    NoTargetAmong(node, "key", spec_.key);
    NoTargetAmong(node, "ignore", spec_.ignore);
    if (!spec_.weight.empty()) NoTargetAmong(node, "weight", {spec_.weight});
    return std::move(spec_);
  }

 private:
  void Error(DiagnosticCode code, const Place& place, std::string message, std::string help = "") {
    diagnostics_.AddError(code, place, std::move(message)).Help(std::move(help));
  }

  void NoTargetAmong(const Node& node, std::string_view key, const std::vector<std::string>& columns) {
    for (const std::string& column : columns)
      if (!spec_.target.empty() && column == spec_.target)
        Error(DiagnosticCode::kConflict, node.FindEntry(key)->key_place, StrCat("the target `", column, "` stands under `", key, "` too"));
  }

  void Split(const Node& node) {
    if (node.is_scalar()) return;  // none
    SplitSpec& split = spec_.split;
    split.test = ShareOf(node.Find("test"), 0.2);
    split.gap_us = DurationOf(node.Find("gap"), 0);
    if (const Node* column = node.Find("column")) {
      split.kind = SplitSpec::Kind::kColumn;
      split.columns = TextsOf(column);
      for (const char* key : {"test", "gap"})
        if (const Node::Entry* entry = node.FindEntry(key))
          Error(DiagnosticCode::kConflict, entry->key_place, StrCat("`", key, "` has no meaning beside `column`"), "remove it");
      return;
    }
    SplitBy(node, *node.Find("by"));
    if (const Node* test = node.Find("test"); test != nullptr && !test->pending && !(split.test > 0 && split.test < 1))
      Error(DiagnosticCode::kBadValue, test->place, "a share of test rows lies between 0% and 100%, both excluded");
  }

  void SplitBy(const Node& node, const Node& by) {
    SplitSpec& split = spec_.split;
    const std::string text = TextOf(&by);
    if (!text.starts_with("hash(")) {
      split.kind = SplitSpec::Kind::kTime;
      split.columns = {text};
      return;
    }
    split.kind = SplitSpec::Kind::kHash;
    if (!text.ends_with(")")) return Error(DiagnosticCode::kBadValue, by.place, "`hash(` is not closed", "write `hash(customer_id)`");
    for (const std::string& column : headrace::Split(std::string_view(text).substr(5, text.size() - 6), ','))
      if (!Trim(column).empty()) split.columns.emplace_back(Trim(column));
    if (const Node::Entry* gap = node.FindEntry("gap"))
      Error(DiagnosticCode::kConflict, gap->key_place, "`gap` needs a split by time", "remove it, or split by a date column");
  }

  void Folds(const Node& node) {
    if (node.pending || node.text == "auto") return;
    if (!ParseInt(node.text, &spec_.folds) || spec_.folds < 2)
      Error(DiagnosticCode::kWrongType, node.place, StrCat("`folds` takes `auto` or an int from 2, got ", Describe(node)));
  }

  void Transform(const Node& node) {
    TransformSpec out;
    if (const Node* derive = node.Find("derive")) {
      if (const Node::Entry* steps = node.FindEntry("steps"))
        Error(DiagnosticCode::kConflict, steps->key_place, "`steps` has no meaning beside `derive`", "put it into a group with `columns`");
      for (const Node::Entry& entry : derive->entries) {
        CheckExpressionSyntax(entry.value, diagnostics_);
        out.derive.emplace_back(entry.key, TextOf(&entry.value));
      }
    } else {
      out.columns = ColumnsOf(node.Find("columns"), diagnostics_);
      const Node* steps = node.Find("steps");
      if (steps == nullptr)
        return Error(DiagnosticCode::kMissingKey, StartOf(node), "a group of `columns` needs `steps`", "add `steps: [{impute: median}]`");
      if (steps->is_list()) {
        for (const Node& step : steps->items) out.steps.push_back(Step(step));
      } else {
        out.steps.push_back(Step(*steps));
      }
    }
    spec_.transform.push_back(std::move(out));
  }

  TransformStep Step(const Node& node) {
    TransformStep step;
    if (node.is_scalar()) {
      step.kind = TransformKind::kLog1p;
      return step;
    }
    if (const Node* impute = node.Find("impute")) Impute(*impute, step);
    if (const Node* clip = node.Find("clip")) Clip(*clip, step);
    if (const Node* scale = node.Find("scale")) {
      step.kind = TransformKind::kScale;
      const std::string text = TextOf(scale);
      step.scale = text == "minmax" ? TransformStep::Scale::kMinMax : text == "robust" ? TransformStep::Scale::kRobust : TransformStep::Scale::kStandard;
    }
    if (node.Find("log1p") != nullptr) step.kind = TransformKind::kLog1p;
    if (const Node* encode = node.Find("encode")) Encode(node, *encode, step);
    else
      for (const char* key : {"min_frequency", "handle_unknown", "smooth", "folds"})
        if (const Node::Entry* entry = node.FindEntry(key))
          Error(DiagnosticCode::kConflict, entry->key_place, StrCat("`", key, "` needs `encode` beside it"));
    return step;
  }

  void Impute(const Node& node, TransformStep& step) {
    step.kind = TransformKind::kImpute;
    if (node.is_map()) {
      step.impute = TransformStep::Impute::kConstant;
      step.constant = TextOf(node.Find("constant"));
      return;
    }
    const std::string text = TextOf(&node);
    if (text == "mean") step.impute = TransformStep::Impute::kMean;
    if (text == "most_frequent") step.impute = TransformStep::Impute::kMostFrequent;
    if (text == "missing") step.impute = TransformStep::Impute::kMissing;
  }

  void Clip(const Node& node, TransformStep& step) {
    step.kind = TransformKind::kClip;
    const Node* lower = node.is_map() ? node.Find("lower") : node.items.size() == 2 ? node.items.data() : nullptr;
    const Node* upper = node.is_map() ? node.Find("upper") : node.items.size() == 2 ? node.items.data() + 1 : nullptr;
    if (lower == nullptr && upper == nullptr)
      return Error(DiagnosticCode::kBadValue, StartOf(node), "`clip` takes two bounds", "write `clip: [1%, 99%]` or `clip: {lower: 0}`");
    bool known = true;
    int percents = 0, plain = 0;
    for (const auto& [bound, slot] : {std::pair{lower, &step.lower}, std::pair{upper, &step.upper}}) {
      if (bound == nullptr) continue;
      known = known && !bound->pending;
      std::string_view text = bound->text;
      const bool percent = text.ends_with('%');
      if (percent) text.remove_suffix(1);
      double value = 0;
      if (bound->pending) continue;
      if (!ParseDouble(Trim(text), &value) || std::isnan(value) || (percent && !(value >= 0 && value <= 100)))
        return Error(DiagnosticCode::kBadValue, bound->place, StrCat("a bound of `clip` is a number or a percentile like 1%, got ", Describe(*bound)));
      ++(percent ? percents : plain);
      *slot = value;
    }
    step.percentiles = percents > 0;
    if (percents > 0 && plain > 0) return Error(DiagnosticCode::kBadValue, StartOf(node), "the bounds of `clip` are a number and a percentile; both must be of one kind");
    if (known && step.lower && step.upper && *step.lower > *step.upper) Error(DiagnosticCode::kBadValue, StartOf(node), "the lower bound of `clip` is above the upper one");
  }

  void Encode(const Node& node, const Node& encode, TransformStep& step) {
    step.kind = TransformKind::kEncode;
    const std::string text = TextOf(&encode);
    if (text == "ordinal") step.encode = TransformStep::Encode::kOrdinal;
    if (text == "target") step.encode = TransformStep::Encode::kTarget;
    step.min_frequency = IntOf(node.Find("min_frequency"), 0);
    const std::string unknown = TextOf(node.Find("handle_unknown"));
    if (unknown == "ignore") step.unknown = TransformStep::Unknown::kIgnore;
    if (unknown == "error") step.unknown = TransformStep::Unknown::kError;
    if (const Node* smooth = node.Find("smooth")) {
      step.smooth = DoubleOf(smooth, -1);
      if (!smooth->pending && !(step.smooth >= 0)) Error(DiagnosticCode::kBadValue, smooth->place, "`smooth` must not be negative");
    }
    step.folds = IntOf(node.Find("folds"), 5);
    const auto only = [&](const char* key, const char* kind) {
      const Node::Entry* entry = node.FindEntry(key);
      if (entry != nullptr && !text.empty() && text != kind)
        Error(DiagnosticCode::kConflict, entry->key_place, StrCat("`", key, "` has no meaning for `encode: ", text, "`"), StrCat("remove it, or write `encode: ", kind, "`"));
    };
    only("min_frequency", "onehot");
    only("smooth", "target");
    only("folds", "target");
  }

  void Learner(const Node& node) {
    LearnerSpec& learner = spec_.learner;
    learner.given = true;
    const std::string name = node.is_map() ? node.entries.front().key : TextOf(&node);
    if (name == "logistic") learner.kind = LearnerSpec::Kind::kLogistic;
    if (name == "linear") learner.kind = LearnerSpec::Kind::kLinear;
    if (name == "naive_bayes") learner.kind = LearnerSpec::Kind::kNaiveBayes;
    if (name == "constant") learner.kind = LearnerSpec::Kind::kConstant;
    learner.automatic = name == "auto";
    if (!node.is_map()) return;
    const Node& parameters = node.entries.front().value;
    if (name != "lightgbm") {
      for (const auto& [key, slot, otherwise] : {std::tuple{"l2", &learner.l2, 1.0}, {"l1", &learner.l1, 0.0}}) {
        *slot = DoubleOf(parameters.Find(key), otherwise);
        if (!(*slot >= 0) || std::isinf(*slot)) Error(DiagnosticCode::kLearner, parameters.Find(key)->place, StrCat("`", key, "` must be a number from 0"));
      }
      return;
    }
    for (const Node::Entry& entry : parameters.entries) {
      if (entry.value.pending) continue;
      if (entry.key == "objective" && TakeTask(entry.value)) continue;
      learner.parameters.emplace(entry.key, entry.value.text);
      LearnerSpec alone;
      alone.parameters.emplace(entry.key, entry.value.text);
      if (const Status status = CheckLearner(alone); !status.ok())
        Error(DiagnosticCode::kLearner, entry.key_place, status.message(), status.help());
    }
  }

  bool TakeTask(const Node& objective) {
    for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
      if (objective.text == TaskName(task)) {
        spec_.learner.task = task;
        return true;
      }
    return false;
  }

  std::optional<Task> KnownTask() const {
    if (spec_.learner.kind == LearnerSpec::Kind::kLinear) return Task::kRegression;
    return spec_.learner.task;
  }

  void Evaluate(const Node* node) {
    spec_.evaluate = TextsOf(node);
    for (std::size_t i = 0; i < spec_.evaluate.size(); ++i) {
      const Node& at = node->is_list() ? node->items[i] : *node;
      if (at.pending) continue;
      if (const Status status = CheckMetric(spec_.evaluate[i], KnownTask()); !status.ok())
        Error(DiagnosticCode::kMetric, at.place, status.message(), status.help());
    }
  }

  void Gate(const Node& node) {
    GateSpec gate;
    if (node.is_scalar()) {
      gate.text = gate.expression = TextOf(&node);
      if (node.pending || !CheckExpressionSyntax(node, diagnostics_)) return;
    } else {
      gate.metric = TextOf(node.Find("metric"));
      gate.by = DoubleOf(node.Find("by"), 0);
      gate.text = StrCat(gate.metric, " not worse than champion", gate.by > 0 ? StrCat(" by ", gate.by) : "");
    }
    if (const Status status = CheckGate(gate, KnownTask()); !status.ok()) {
      const SourcedText text = node.is_scalar() ? node.Sourced() : SourcedText{"", {node.Find("metric")->place, {}}};
      diagnostics_.AddStatus(DiagnosticCode::kMetric, text, status);
    }
    spec_.gate.push_back(std::move(gate));
  }

  Diagnostics& diagnostics_;
  TrainSpec spec_;
};

}  // namespace

TrainSpec DecodeTrain(const Node& node, const Node* gate, const DecodeContext& context) {
  return TrainDecoder(context).Decode(node, gate);
}

}  // namespace headrace

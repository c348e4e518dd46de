#include <cmath>
#include <tuple>

#include "headrace/base/text.h"
#include "headrace/model/learner.h"
#include "headrace/model/tune.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/decode_learning.h"
#include "headrace/pipeline/model_checks.h"

namespace headrace {
namespace {

class TrainDecoder {
 public:
  explicit TrainDecoder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  TrainSpec Decode(const Node& node, const Node* gate) {
    spec_.target = TextOf(node.Find("target"));
    spec_.positive = TextOf(node.Find("positive"));
    spec_.key = ColumnsOf(node.Find("key"), diagnostics_);
    spec_.ignore = ColumnsOf(node.Find("ignore"), diagnostics_);
    if (const Node* split = node.Find("split")) Split(*split);
    if (const Node* folds = node.Find("folds")) Folds(*folds);
    LeftOpen open;
    if (const Node* transform = node.Find("transform")) spec_.transform = DecodeTransforms(*transform, diagnostics_, open);
    if (const Node* learner = node.Find("learner")) Learner(*learner);
    if (const Node* tune = node.Find("tune")) spec_.tune = DecodeTune(*tune, spec_.learner, diagnostics_);
    spec_.tune.choices = std::move(open.choices);
    spec_.tune.numbers = std::move(open.numbers);
    if (open.place) LeftToTune(node, *open.place);
    if (const Node* monotone = node.Find("monotone")) spec_.learner.monotone = DecodeMonotone(*monotone);
    spec_.learner.categorical = ColumnsOf(node.Find("categorical"), diagnostics_);
    spec_.group = TextOf(node.Find("group"));
    spec_.treatment = TextOf(node.Find("treatment"));
    spec_.treated = TextOf(node.Find("treated"));
    spec_.weight = TextOf(node.Find("weight"));
    if (const Node* weights = node.Find("class_weight")) DecodeClassWeight(*weights, &spec_);
    spec_.intervals = IntOf(node.Find("intervals"), 0);
    if (const Node* calibrate = node.Find("calibrate")) Calibrate(*calibrate);
    if (const Node* threshold = node.Find("threshold")) spec_.threshold = DecodeThreshold(*threshold);
    Evaluate(node.Find("evaluate"));
    spec_.segments = ColumnsOf(node.Find("segments"), diagnostics_);
    spec_.refit_all_rows = BoolOf(node.Find("refit"), false);
    spec_.purpose = TextOf(node.Find("purpose"));
    spec_.limits = TextOf(node.Find("limits"));
    if (gate != nullptr)
      for (const Node& one : gate->items) Gate(one);
    TreesOnly(node);
    Uplift(node);
    Clustering(node);
    Program(node);
    Queries(node);
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
    split.columns = HashedColumns(by);
    if (const Node::Entry* gap = node.FindEntry("gap"))
      Error(DiagnosticCode::kConflict, gap->key_place, "`gap` needs a split by time", "remove it, or split by a date column");
  }

  /// The columns of `hash(a, b)`.
  std::vector<std::string> HashedColumns(const Node& by) {
    std::vector<std::string> columns;
    const std::string text = TextOf(&by);
    if (!text.ends_with(")")) {
      Error(DiagnosticCode::kBadValue, by.place, "`hash(` is not closed", "write `hash(customer_id)`");
      return columns;
    }
    for (const std::string& column : headrace::Split(std::string_view(text).substr(5, text.size() - 6), ','))
      if (!Trim(column).empty()) columns.emplace_back(Trim(column));
    return columns;
  }

  void Folds(const Node& node) {
    FoldSpec& folds = spec_.folds;
    if (node.is_map()) return FoldsBy(node, *node.Find("by"));
    if (node.pending || node.text == "auto") return;
    if (!ParseInt(node.text, &folds.count) || folds.count < 2)
      Error(DiagnosticCode::kWrongType, node.place, StrCat("`folds` takes `auto`, an int from 2 or `{by: COLUMN}`, got ", Describe(node)));
  }

  void FoldsBy(const Node& node, const Node& by) {
    FoldSpec& folds = spec_.folds;
    folds.count = IntOf(node.Find("count"), 0);
    folds.gap_us = DurationOf(node.Find("gap"), 0);
    const std::string text = TextOf(&by);
    const bool hashed = text.starts_with("hash(");
    folds.kind = hashed ? FoldSpec::Kind::kHash : FoldSpec::Kind::kTime;
    folds.columns = hashed ? HashedColumns(by) : std::vector<std::string>{text};
    NoTargetAmong(node, "by", folds.columns);
    if (const Node::Entry* gap = node.FindEntry("gap"); gap != nullptr && hashed)
      Error(DiagnosticCode::kConflict, gap->key_place, "`gap` needs folds by time", "remove it, or cut the folds by a date column");
  }

  /// What the transforms leave to `tune`, held against it. A part of the space that is wrong was told already.
  void LeftToTune(const Node& node, const Place& place) {
    if (const Node* tune = node.Find("tune"); tune != nullptr && tune->pending) return;
    TuneSpec tune = spec_.tune, alone = tune;
    alone.choices.clear();
    alone.numbers.clear();
    for (const TuneSpec::Dimension& dimension : tune.space)
      if (alone.space = {dimension}, !CheckTuneSpace(alone, spec_.learner).ok()) return;
    for (const TuneSpec::Dimension& number : tune.numbers)
      if (!CheckTuneRange(number).ok()) return;
    if (const Status status = CheckTuneSpace(tune, spec_.learner); !status.ok()) Error(DiagnosticCode::kConflict, place, status.message(), status.help());
  }

  void Calibrate(const Node& node) {
    const std::string method = TextOf(node.is_map() ? node.Find("method") : &node);
    if (method == "isotonic") spec_.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
    if (method == "sigmoid") spec_.calibrate.kind = CalibrationSpec::Kind::kSigmoid;
    if (method == "beta") spec_.calibrate.kind = CalibrationSpec::Kind::kBeta;
    if (node.is_map()) spec_.calibrate.by = TextOf(node.Find("by"));
  }

  void Learner(const Node& node) {
    LearnerSpec& learner = spec_.learner;
    learner.given = true;
    const std::string name = node.is_map() ? node.entries.front().key : TextOf(&node);
    if (name == "two_model" || name == "x_learner") {
      learner.uplift = name == "two_model" ? LearnerSpec::Kind::kTwoModel : LearnerSpec::Kind::kXLearner;
      return Learner(node.entries.front().value);
    }
    if (name == "command") return LearnerProgram(node.entries.front().value);
    if (name == "xgboost") learner.kind = LearnerSpec::Kind::kXgboost;
    if (name == "logistic") learner.kind = LearnerSpec::Kind::kLogistic;
    if (name == "linear") learner.kind = LearnerSpec::Kind::kLinear;
    if (name == "naive_bayes") learner.kind = LearnerSpec::Kind::kNaiveBayes;
    if (name == "constant") learner.kind = LearnerSpec::Kind::kConstant;
    if (name == "kmeans") learner.kind = LearnerSpec::Kind::kKMeans;
    learner.automatic = name == "auto";
    if (!node.is_map()) return;
    const Node& parameters = node.entries.front().value;
    if (name == "logistic" || name == "linear") {
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
      alone.kind = learner.kind;
      alone.uplift = learner.uplift;
      alone.parameters.emplace(entry.key, entry.value.text);
      if (const Status status = CheckLearner(alone); !status.ok())
        Error(DiagnosticCode::kLearner, entry.key_place, status.message(), status.help());
    }
  }

  void LearnerProgram(const Node& program) {
    spec_.learner.by_program = true;
    if (const Result<LearnerSpec::Kind> kind = LearnerFromName(TextOf(program.Find("writes"))); kind.ok()) spec_.learner.kind = *kind;
  }

  bool TakeTask(const Node& objective) {
    for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression})
      if (objective.text == TaskName(task)) {
        spec_.learner.task = task;
        return true;
      }
    return false;
  }

  /// What learners that grow trees alone take.
  void TreesOnly(const Node& node) {
    LearnerSpec alone;
    alone.kind = spec_.learner.kind;
    alone.monotone = spec_.learner.monotone;
    alone.categorical = spec_.learner.categorical;
    const Node::Entry* at = node.FindEntry(alone.categorical.empty() ? "monotone" : "categorical");
    if (at == nullptr) return;
    if (const Status status = CheckLearner(alone); !status.ok()) Error(DiagnosticCode::kLearner, at->key_place, status.message(), status.help());
  }

  void Uplift(const Node& node) {
    if (!spec_.learner.uplift && node.Find("treatment") == nullptr && node.Find("treated") == nullptr) return;
    const Node* learner = node.Find("learner");
    const Node* treatment = node.Find("treatment");
    if ((learner != nullptr && learner->pending) || (treatment != nullptr && treatment->pending)) return;
    const Place& at = treatment != nullptr ? treatment->place : learner != nullptr ? learner->place : node.Find("treated")->place;
    if (const Status status = CheckUplift(spec_); !status.ok()) Error(DiagnosticCode::kLearner, at, status.message(), status.help());
  }

  void Clustering(const Node& node) {
    const Node* learner = node.Find("learner");
    if (learner == nullptr || learner->pending || spec_.learner.kind != LearnerSpec::Kind::kKMeans) return;
    for (const char* key : {"target", "tune", "folds"})
      if (const Node* value = node.Find(key); value != nullptr && value->pending) return;
    if (const Status status = CheckClusters(spec_); !status.ok()) Error(DiagnosticCode::kLearner, PlaceOfKey(node, status.message()), status.message(), status.help());
  }

  void Program(const Node& node) {
    if (const Status status = CheckProgram(spec_); !status.ok()) Error(DiagnosticCode::kLearner, PlaceOfKey(node, status.message()), status.message(), status.help());
  }

  /// The key that a message begins with between backticks; the learner where it stands elsewhere.
  static Place PlaceOfKey(const Node& node, std::string_view message) {
    const std::size_t end = message.find('`', 1);
    const Node::Entry* entry = message.starts_with('`') && end != message.npos ? node.FindEntry(message.substr(1, end - 1)) : nullptr;
    return entry != nullptr ? entry->key_place : node.Find("learner")->place;
  }

  void Queries(const Node& node) {
    const Node* group = node.Find("group");
    const Node* learner = node.Find("learner");
    bool known = group == nullptr || !group->pending;
    if (learner != nullptr && learner->is_map())
      for (const Node::Entry& entry : learner->entries.front().value.entries) known = known && !entry.value.pending;
    if (!known || (learner != nullptr && learner->pending)) return;
    const Node& at = group != nullptr ? *group : learner != nullptr ? *learner : node;
    if (const Status status = CheckQueries(spec_); !status.ok()) Error(DiagnosticCode::kLearner, at.place, status.message(), status.help());
  }

  std::optional<Task> KnownTask() const {
    if (spec_.learner.kind == LearnerSpec::Kind::kKMeans) return Task::kClustering;
    if (spec_.learner.uplift || spec_.learner.kind == LearnerSpec::Kind::kLinear) return Task::kRegression;
    return spec_.learner.task;
  }

  void Evaluate(const Node* node) {
    spec_.evaluate = TextsOf(node);
    for (std::size_t i = 0; i < spec_.evaluate.size(); ++i) {
      const Node& at = node->is_list() ? node->items[i] : *node;
      if (at.pending) continue;
      if (const Status status = spec_.learner.uplift ? CheckUpliftMetric(spec_.evaluate[i]) : CheckMetric(spec_.evaluate[i], KnownTask()); !status.ok())
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

TrainSpec DecodeTrain(const Node& node, const Node* gate, Diagnostics& diagnostics) {
  return TrainDecoder(diagnostics).Decode(node, gate);
}

}  // namespace headrace

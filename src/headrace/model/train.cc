// One training, as the steps of train.h: each member function is one of them and leaves its result for the next.
#include "headrace/model/train.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "headrace/base/text.h"
#include "headrace/model/card.h"
#include "headrace/model/gate.h"
#include "headrace/model/learner.h"
#include "headrace/model/model_file.h"
#include "headrace/model/profile.h"
#include "headrace/model/proof.h"
#include "headrace/model/row_order.h"
#include "headrace/model/scorer_parts.h"
#include "headrace/model/split.h"
#include "headrace/model/target.h"
#include "headrace/model/threshold.h"

namespace headrace {
namespace {

Status UnknownColumn(std::string_view role, const std::string& name, const Schema& schema) {
  Status status = Error(ErrorCode::kInvalid, role, " column `", name, "` is not in the training data");
  const std::string near = NearestName(name, schema.Names());
  return near.empty() ? status : std::move(status).WithHelp(StrCat("did you mean `", near, "`?"));
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string Percent(double share) { return StrCat(std::round(share * 1000) / 10, "%"); }

std::string DescribeSplit(const SplitSpec& split) {
  switch (split.kind) {
    case SplitSpec::Kind::kNone:
      return "none";
    case SplitSpec::Kind::kHash:
      return StrCat("hash", split.columns.empty() ? "" : StrCat("(", Join(split.columns, ", "), ")"), " ",
                    Percent(split.test));
    case SplitSpec::Kind::kTime:
      return StrCat("time by ", Join(split.columns, ", "), " ", Percent(split.test),
                    split.gap_us > 0 ? StrCat(", gap ", FormatDuration(split.gap_us)) : "");
    case SplitSpec::Kind::kColumn:
      return StrCat("column ", Join(split.columns, ", "));
  }
  return "";
}

std::string_view CalibrationName(CalibrationSpec::Kind kind) {
  return kind == CalibrationSpec::Kind::kIsotonic  ? "isotonic"
         : kind == CalibrationSpec::Kind::kSigmoid ? "sigmoid"
                                                   : "none";
}

Status CheckForTask(const TrainSpec& spec, Task task) {
  RETURN_IF_ERROR(CheckThreshold(spec.threshold, task));
  RETURN_IF_ERROR(MetricsToCompute(spec.evaluate, spec.gate, task).status());
  if (task == Task::kRegression && spec.calibrate.kind != CalibrationSpec::Kind::kNone)
    return Error(ErrorCode::kInvalid, "`calibrate: ", CalibrationName(spec.calibrate.kind),
                 "` is for classes, the target is for regression");
  return Ok();
}

Status CheckColumns(const TrainSpec& spec, const Schema& schema) {
  if (spec.target.empty()) return Error(ErrorCode::kInvalid, "no target column is named");
  if (!schema.IndexOf(spec.target)) return UnknownColumn("target", spec.target, schema);
  for (const auto& [role, names] : {std::pair{"key", &spec.key}, std::pair{"ignored", &spec.ignore}, std::pair{"segment", &spec.segments}}) {
    for (const std::string& name : *names) {
      if (!schema.IndexOf(name)) return UnknownColumn(role, name, schema);
      if (name == spec.target) return Error(ErrorCode::kInvalid, "`", name, "` cannot be both target and ", role, " column");
    }
  }
  for (const std::string& name : spec.segments)
    if (Contains(spec.key, name) || Contains(spec.personal, name))
      return Error(ErrorCode::kInvalid, "segment column `", name, "` is ", Contains(spec.key, name) ? "a key" : "personal", ", and its values would be told in the report");
  return Ok();
}

/// Of the columns that split the rows, those that are no features. Few are: a test date was never seen, an id means nothing.
std::vector<std::string> SplitOnly(const TrainSpec& spec) {
  if (spec.split.kind == SplitSpec::Kind::kNone) return {};
  std::set<std::string> named;
  for (const TransformSpec& transform : spec.transform) named.insert(transform.columns.begin(), transform.columns.end());
  std::vector<std::string> only;
  for (const std::string& column : spec.split.columns) {
    if (Contains(spec.key, column) || Contains(spec.ignore, column)) continue;
    if (spec.split.kind == SplitSpec::Kind::kColumn || !named.contains(column)) only.push_back(column);
  }
  return only;
}

/// What was fitted on some rows.
struct Fit {
  std::unique_ptr<const Scorer> scorer;
  std::vector<std::string> notes;
};

class Trainer {
 public:
  Trainer(const Table& data, TrainSpec spec, const TrainContext& context)
      : data_(data), spec_(std::move(spec)), context_(context) {
    spec_.learner.task = TaskOfLearner(spec_.learner);
  }

  Result<TrainOutput> Run() {
    RETURN_IF_ERROR(CheckColumns(spec_, data_.schema()));
    if (data_.num_rows() == 0) return Error(ErrorCode::kData, "the training data have no rows");
    RETURN_IF_ERROR(Prepare());
    RETURN_IF_ERROR(ScoreFolds());
    RETURN_IF_ERROR(CalibrateAndChooseThreshold());
    RETURN_IF_ERROR(FitOnTraining());
    RETURN_IF_ERROR(EvaluateModel());
    RETURN_IF_ERROR(Judge());
    RETURN_IF_ERROR(FitOnAll());
    RETURN_IF_ERROR(WriteModel());
    output_.notes = evaluation_.notes;
    output_.evaluation = std::move(evaluation_);
    return std::move(output_);
  }

 private:
  Status Prepare() {
    Progress("prepare", 0);
    ASSIGN_OR_RETURN(const RowOrder order, OrderRows(data_, spec_.key));
    table_ = spec_.key.empty() ? data_ : data_.Take(order.rows);
    if (order.duplicate_keys > 0)
      Note(StrCat(FormatCount(static_cast<std::int64_t>(order.duplicate_keys)), " rows have the key of another row"));
    ASSIGN_OR_RETURN(target_, ExtractTarget(table_, spec_));
    RETURN_IF_ERROR(CheckForTask(spec_, target_.task));
    ASSIGN_OR_RETURN(metric_names_, MetricsToCompute(spec_.evaluate, spec_.gate, target_.task));
    ASSIGN_OR_RETURN(split_, MakeSplit(table_, spec_.split, spec_.key));
    for (const std::string& note : split_.notes) Note(note);
    if (split_.train.empty()) return Error(ErrorCode::kData, "the split leaves no training rows");
    RETURN_IF_ERROR(CheckClasses(target_, split_.train, "training"));
    if (!split_.test.empty()) RETURN_IF_ERROR(CheckClasses(target_, split_.test, "test"));
    ASSIGN_OR_RETURN(settings_,
                     ResolveLearner(spec_.learner, target_.task, target_.classes.size(), split_.train.size()));
    iterations_ = settings_.iterations;
    ChooseExcluded();
    return CheckFinite();
  }

  /// All rows at once, so that the count told is not that of one fold.
  Status CheckFinite() const {
    for (std::size_t i = 0; i < table_.schema().size(); ++i) {
      const Field& field = table_.schema()[i];
      if (field.type != Type::kDouble || field.name == spec_.target || Contains(excluded_, field.name)) continue;
      const std::span<const double> values = table_.column(i).doubles();
      const auto infinities = std::count_if(values.begin(), values.end(), [](double x) { return std::isinf(x); });
      if (infinities > 0)
        return Error(ErrorCode::kData, "column `", field.name, "` has ", FormatCount(infinities), infinities == 1 ? " infinity" : " infinities")
            .WithHelp("make them null where the rows are read, or leave the column out");
    }
    return Ok();
  }

  void ChooseExcluded() {
    excluded_ = spec_.key;
    excluded_.insert(excluded_.end(), spec_.ignore.begin(), spec_.ignore.end());
    for (const std::string& column : SplitOnly(spec_)) {
      excluded_.push_back(column);
      Note(StrCat("column `", column, "` splits the rows and is not a feature"));
    }
  }

  FitContext ContextOf(const std::vector<std::size_t>& rows, int threads) const {
    FitContext fit;
    fit.task = target_.task;
    fit.classes = std::max(2, static_cast<int>(target_.classes.size()));
    fit.class_names = target_.classes;
    fit.target = TargetOf(rows);
    fit.target_column = spec_.target;
    fit.exclude = excluded_;
    fit.linear_learner = settings_.kind != LearnerSpec::Kind::kLightGbm;
    fit.threads = threads;
    return fit;
  }

  std::vector<double> TargetOf(const std::vector<std::size_t>& rows) const {
    std::vector<double> target(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) target[i] = target_.values[rows[i]];
    return target;
  }

  Result<FoldVectors> MakeFold(std::size_t fold, int threads) const {
    std::vector<std::size_t> train, held;
    for (std::size_t i = 0; i < split_.train.size(); ++i)
      (fold_of_[i] == static_cast<int>(fold) ? held : train).push_back(split_.train[i]);
    Result<FitOutput> fitted = FitTransform(table_.Take(train), spec_.transform, ContextOf(train, threads));
    if (!fitted.ok()) return std::move(fitted).status().WithContext(StrCat("fold ", fold + 1));
    FoldVectors vectors;
    vectors.features = fitted->transform.output_names().size();
    vectors.train = std::move(fitted->matrix);
    vectors.train_target = TargetOf(train);
    vectors.held.resize(held.size() * vectors.features);
    vectors.held_target = TargetOf(held);
    Status applied = fitted->transform.Apply(table_.Take(held), vectors.held, nullptr);
    if (!applied.ok()) return std::move(applied).WithContext(StrCat("fold ", fold + 1));
    return vectors;
  }

  Status ScoreFolds() {
    ASSIGN_OR_RETURN(const FoldPlan plan, PlanFolds(spec_.folds, static_cast<std::int64_t>(split_.train.size())));
    const bool needed = settings_.early_stopping_round > 0 || spec_.calibrate.kind != CalibrationSpec::Kind::kNone ||
                        !spec_.threshold.maximize.empty() || split_.test.empty();
    if (!needed) {
      folds_ = "none needed";
      return Ok();
    }
    folds_ = plan.Describe();
    const int parts = plan.held_aside() ? kHeldAsideFolds : plan.folds;
    ASSIGN_OR_RETURN(fold_of_, MakeFolds(table_, spec_.key, split_.train, parts));
    if (!plan.held_aside()) RETURN_IF_ERROR(CheckFoldClasses(target_, split_.train, fold_of_, parts));
    FoldSource source;
    source.folds = plan.held_aside() ? 1 : static_cast<std::size_t>(plan.folds);
    source.rows = split_.train.size();
    source.make = [this](std::size_t fold, int threads) { return MakeFold(fold, threads); };
    ASSIGN_OR_RETURN(const FoldFit fit, FitFolds(settings_, source, Control("folds")));
    iterations_ = fit.iterations;
    const std::size_t outputs = settings_.num_outputs();
    std::vector<std::size_t> next(source.folds, 0);
    for (std::size_t i = 0; i < split_.train.size(); ++i) {
      const auto fold = static_cast<std::size_t>(fold_of_[i]);
      if (fold >= source.folds) continue;  // held aside: only fold 0 was
      unseen_rows_.push_back(split_.train[i]);
      const double* margin = fit.held_margins[fold].data() + outputs * next[fold]++;
      unseen_margins_.insert(unseen_margins_.end(), margin, margin + outputs);
    }
    if (settings_.early_stopping_round > 0) {
      if (iterations_ == settings_.iterations)
        Note(StrCat("early stopping did not stop: the loss still fell at iteration ", iterations_));
    }
    return Ok();
  }

  Link LinkOfTask() const {
    if (target_.task == Task::kRegression) return {};
    if (target_.task == Task::kMulticlass) return {Link::Kind::kSoftmax, 1};
    double scale = 1;
    const auto at = settings_.parameters.find("sigmoid");
    if (at != settings_.parameters.end()) ParseDouble(at->second, &scale);
    return {Link::Kind::kSigmoid, scale};
  }

  Status CalibrateAndChooseThreshold() {
    unseen_predictions_ = unseen_margins_;
    const std::size_t outputs = settings_.num_outputs();
    const std::vector<double> target = TargetOf(unseen_rows_);
    if (spec_.calibrate.kind != CalibrationSpec::Kind::kNone) {
      std::vector<double> scores = unseen_margins_;
      if (spec_.calibrate.kind == CalibrationSpec::Kind::kIsotonic)
        ApplyLink(LinkOfTask(), unseen_rows_.size(), outputs, scores.data());
      ASSIGN_OR_RETURN(calibration_, Calibration::Fit(spec_.calibrate.kind, scores, target,
                                                      static_cast<int>(target_.classes.size())));
    }
    ApplyLinkAndCalibration(LinkOfTask(), calibration_, outputs, unseen_predictions_);
    threshold_ = spec_.threshold.fixed;
    if (!spec_.threshold.maximize.empty()) {
      ASSIGN_OR_RETURN(threshold_, ChooseThreshold(spec_.threshold, target, unseen_predictions_));
    }
    return Ok();
  }

  Result<Fit> FitOn(const std::vector<std::size_t>& rows) {
    Progress("fit", 0);
    if (context_.cancelled && context_.cancelled()) return Error(ErrorCode::kInterrupted, "training was interrupted");
    ASSIGN_OR_RETURN(FitOutput fitted,
                     FitTransform(table_.Take(rows), spec_.transform, ContextOf(rows, context_.threads)));
    const std::vector<double> target = TargetOf(rows);
    const Vectors train{fitted.matrix, rows.size(), fitted.transform.output_names().size(), target};
    ASSIGN_OR_RETURN(std::unique_ptr<const FittedLearner> learner,
                     FitLearner(settings_, train, iterations_, Control("fit")));
    Fit fit;
    fit.notes = std::move(fitted.notes);
    fit.scorer = std::make_unique<const Scorer>(std::unique_ptr<const Scorer::Parts>(new Scorer::Parts{
        target_.task, target_.classes, threshold_, std::move(fitted.transform), std::move(learner), calibration_}));
    return fit;
  }

  Status FitOnTraining() {
    ASSIGN_OR_RETURN(fit_, FitOn(split_.train));
    fitted_rows_ = split_.train;
    return Ok();
  }

  Status EvaluateModel() {
    Progress("evaluate", 0);
    const bool tested = !split_.test.empty();
    evaluated_rows_ = tested ? split_.test : unseen_rows_;
    const Table rows = table_.Take(evaluated_rows_);
    if (tested) {
      ASSIGN_OR_RETURN(predictions_, fit_.scorer->Predict(rows, nullptr, context_.threads));
    } else {
      predictions_ = unseen_predictions_;
    }
    const std::vector<double> target = TargetOf(evaluated_rows_);
    const int classes = static_cast<int>(target_.classes.size());
    evaluation_.evaluated_on = tested                                       ? "test rows"
                               : unseen_rows_.size() == split_.train.size() ? "out-of-fold rows"
                                                                            : "rows held aside";
    if (!tested)
      Note("there are no test rows: metrics come from the rows on which calibration and threshold were chosen");
    evaluation_.split = DescribeSplit(spec_.split);
    evaluation_.folds = folds_;
    evaluation_.train_rows = static_cast<std::int64_t>(split_.train.size());
    evaluation_.test_rows = static_cast<std::int64_t>(evaluated_rows_.size());
    evaluation_.dropped_rows = split_.dropped;
    evaluation_.iterations = settings_.kind == LearnerSpec::Kind::kLightGbm ? iterations_ : 0;
    ASSIGN_OR_RETURN(evaluation_.metrics,
                     Evaluate(target_.task, target, predictions_, classes, threshold_, metric_names_));
    ASSIGN_OR_RETURN(evaluation_.segments, EvaluateSegments(rows, spec_.segments, target_.task, target, predictions_,
                                                            classes, threshold_, metric_names_));
    ASSIGN_OR_RETURN(evaluation_.curves, MakeCurves(target_.task, target, predictions_, classes, threshold_));
    MakeTestPredictions(rows);
    return Ok();
  }

  void MakeTestPredictions(const Table& rows) {
    std::vector<Field> fields;
    std::vector<ColumnPtr> columns;
    const auto add = [&](const Table& from, std::size_t c) {
      for (const Field& field : fields)
        if (field.name == from.schema()[c].name) return;
      fields.push_back(from.schema()[c]);
      columns.push_back(from.column_ptr(c));
    };
    for (const std::string& name : spec_.key) add(rows, *rows.schema().IndexOf(name));
    add(rows, *rows.schema().IndexOf(spec_.target));
    const Table scores = ScoreTable(*fit_.scorer, predictions_);
    for (std::size_t c = 0; c < scores.num_columns(); ++c) add(scores, c);
    output_.test_predictions = Table(Schema(std::move(fields)), std::move(columns), rows.num_rows());
  }

  /// The champion's metrics on the rows just evaluated, or why it cannot score them.
  Result<Metrics> ChampionMetrics() const {
    const ModelInfo& champion = context_.champion->info();
    if (champion.task != target_.task || champion.classes != target_.classes)
      return Error(ErrorCode::kInvalid, "it is a ", TaskName(champion.task), " model of other classes");
    ASSIGN_OR_RETURN(const std::vector<double> predictions,
                     context_.champion->scorer().Predict(table_.Take(evaluated_rows_), nullptr, context_.threads));
    return Evaluate(target_.task, TargetOf(evaluated_rows_), predictions, static_cast<int>(target_.classes.size()),
                    champion.threshold, metric_names_);
  }

  Status Judge() {
    const bool compares =
        std::any_of(spec_.gate.begin(), spec_.gate.end(), [](const GateSpec& gate) { return gate.expression.empty(); });
    Status unscorable;
    if (context_.champion != nullptr) {
      Result<Metrics> metrics = ChampionMetrics();
      if (metrics.ok())
        output_.champion_metrics = std::move(metrics).value();
      else
        unscorable = std::move(metrics).status();
      if (!unscorable.ok() && !compares) output_.champion_metrics.clear();
    }
    const bool has_champion = context_.champion != nullptr && unscorable.ok();
    ASSIGN_OR_RETURN(output_.gates, JudgeGates(spec_.gate, target_.task, evaluation_.metrics,
                                               has_champion ? &output_.champion_metrics : nullptr));
    for (std::size_t i = 0; !unscorable.ok() && i < spec_.gate.size(); ++i) {
      if (!spec_.gate[i].expression.empty()) continue;
      output_.gates[i].passed = false;
      output_.gates[i].message =
          StrCat("the champion cannot score these rows, so nothing can be compared: ", unscorable.message());
    }
    return Ok();
  }

  Status FitOnAll() {
    if (!spec_.refit_all_rows || fitted_rows_.size() == table_.num_rows()) return Ok();
    fitted_rows_.resize(table_.num_rows());
    std::iota(fitted_rows_.begin(), fitted_rows_.end(), std::size_t{0});
    ASSIGN_OR_RETURN(fit_, FitOn(fitted_rows_));
    Note("fitted once more on all rows after the evaluation");
    return Ok();
  }

  ModelInfo Info() const {
    ModelInfo info;
    const Scorer::Parts& parts = fit_.scorer->parts();
    info.task = target_.task;
    info.learner = LearnerName(settings_.kind);
    info.target = spec_.target;
    info.classes = target_.classes;
    const Schema& inputs = parts.transform.input_schema();
    for (std::size_t i = 0; i < inputs.size(); ++i)
      info.inputs.push_back({inputs[i].name, inputs[i].type, parts.transform.input_nullable()[i]});
    info.features = parts.transform.output_names();
    info.threshold = threshold_;
    info.calibration = calibration_.name();
    info.folds = folds_;
    info.evaluated_on = evaluation_.evaluated_on;
    info.train_rows = evaluation_.train_rows;
    info.test_rows = evaluation_.test_rows;
    info.fitted_rows = static_cast<std::int64_t>(fitted_rows_.size());
    info.metrics = evaluation_.metrics;
    info.unfitted = context_.unfitted;
    return info;
  }

  void RankFeatures() {
    const Scorer::Parts& parts = fit_.scorer->parts();
    const std::span<const double> importance = parts.learner->importance();
    for (std::size_t i = 0; i < importance.size(); ++i)
      if (importance[i] > 0) evaluation_.importance.emplace_back(parts.transform.output_names()[i], importance[i]);
    std::sort(evaluation_.importance.begin(), evaluation_.importance.end(), [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
  }

  /// One number a row for the profile: the score column of ScoreTable.
  std::vector<double> ProfiledScores() const {
    const std::size_t outputs = settings_.num_outputs();
    std::vector<double> scores(predictions_.size() / outputs);
    for (std::size_t r = 0; r < scores.size(); ++r)
      scores[r] = *std::max_element(predictions_.begin() + static_cast<std::ptrdiff_t>(r * outputs),
                                    predictions_.begin() + static_cast<std::ptrdiff_t>((r + 1) * outputs));
    return scores;
  }

  Status WriteModel() {
    Progress("write", 0);
    for (const std::string& note : fit_.notes) Note(note);
    RankFeatures();
    const Scorer::Parts& parts = fit_.scorer->parts();
    std::set<std::string> hidden(spec_.key.begin(), spec_.key.end());
    hidden.insert(spec_.personal.begin(), spec_.personal.end());
    const Profile profile =
        MakeProfile(table_.Take(fitted_rows_), parts.transform.input_schema(), hidden, ProfiledScores());
    ModelContents contents;
    contents.info = Info();
    contents.transform = parts.transform.ToJson();
    contents.learner_member = parts.learner->member();
    contents.learner = parts.learner->text();
    contents.calibration = parts.calibration.ToJson();
    contents.metrics = evaluation_.ToJson();
    contents.profile = profile.ToJson();
    ASSIGN_OR_RETURN(contents.proof, MakeProof(*fit_.scorer, profile));
    contents.card = MakeCard(contents.info, evaluation_, settings_);
    ASSIGN_OR_RETURN(std::string bytes, ModelFile::Write(contents));
    // What leaves here has been read back and has proved itself once.
    ASSIGN_OR_RETURN(output_.model, ModelFile::Read(std::move(bytes), "just written"));
    RETURN_IF_ERROR(output_.model->ReplayProof());
    Progress("write", 1);
    return Ok();
  }

  LearnerControl Control(const char* stage) const {
    LearnerControl control;
    control.threads = context_.threads;
    control.cancelled = context_.cancelled;
    if (context_.progress) control.progress = [this, stage](double fraction) { context_.progress(stage, fraction); };
    return control;
  }
  void Progress(std::string_view stage, double fraction) const {
    if (context_.progress) context_.progress(stage, fraction);
  }
  void Note(std::string text) {
    if (!Contains(evaluation_.notes, text)) evaluation_.notes.push_back(std::move(text));
  }

  const Table& data_;
  TrainSpec spec_;
  const TrainContext& context_;

  Table table_;  // ordered
  Target target_;
  DataSplit split_;
  LearnerSettings settings_;
  std::vector<std::string> metric_names_, excluded_;
  std::string folds_;
  std::vector<int> fold_of_;  // goes with split_.train
  int iterations_ = 1;
  std::vector<std::size_t> unseen_rows_;  // training rows scored by a learner that had not seen them
  std::vector<double> unseen_margins_, unseen_predictions_;
  Calibration calibration_;
  double threshold_ = 0.5;
  Fit fit_;
  std::vector<std::size_t> fitted_rows_, evaluated_rows_;
  std::vector<double> predictions_;  // of evaluated_rows_
  Evaluation evaluation_;
  TrainOutput output_;
};

}  // namespace

Status CheckTrainSpec(const TrainSpec& spec) {
  RETURN_IF_ERROR(CheckLearnerParameters(spec.learner));
  RETURN_IF_ERROR(CheckSplit(spec.split));
  RETURN_IF_ERROR(PlanFolds(spec.folds, 1).status());
  const std::optional<Task> task = TaskOfLearner(spec.learner);
  return task ? CheckForTask(spec, *task) : Ok();
}

Status CheckTrainColumns(const TrainSpec& spec, const Schema& data) {
  RETURN_IF_ERROR(CheckColumns(spec, data));
  if (spec.split.kind != SplitSpec::Kind::kNone)
    for (const std::string& name : spec.split.columns)
      if (!data.IndexOf(name)) return UnknownColumn("split", name, data);
  FitContext fit;
  fit.task = TaskOfLearner(spec.learner).value_or(Task::kBinary);
  fit.target_column = spec.target;
  fit.exclude = SplitOnly(spec);
  fit.exclude.insert(fit.exclude.end(), spec.key.begin(), spec.key.end());
  fit.exclude.insert(fit.exclude.end(), spec.ignore.begin(), spec.ignore.end());
  return CheckTransform(data, spec.transform, fit);
}

Result<TrainOutput> Train(const Table& data, const TrainSpec& spec, const TrainContext& context) {
  RETURN_IF_ERROR(CheckTrainSpec(spec));
  return Trainer(data, spec, context).Run();
}

}  // namespace headrace

// One training, as the steps of train.h: each member function is one of them and leaves its result for the next.
#include "headrace/model/train.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "headrace/base/text.h"
#include "headrace/model/card.h"
#include "headrace/model/clusters.h"
#include "headrace/model/column_effects.h"
#include "headrace/model/folds.h"
#include "headrace/model/gate.h"
#include "headrace/model/judge.h"
#include "headrace/model/learner.h"
#include "headrace/model/loss.h"
#include "headrace/model/model_file.h"
#include "headrace/model/profile.h"
#include "headrace/model/proof.h"
#include "headrace/model/queries.h"
#include "headrace/model/row_order.h"
#include "headrace/model/row_weights.h"
#include "headrace/model/scorer_parts.h"
#include "headrace/model/split.h"
#include "headrace/model/target.h"
#include "headrace/model/threshold.h"
#include "headrace/model/train_internal.h"
#include "headrace/model/treatment.h"
#include "headrace/model/training_rows_internal.h"
#include "headrace/model/tune.h"

namespace headrace {
namespace {

using internal::CheckColumns;
using internal::CheckForTask;
using internal::Contains;
using internal::DescribeSplit;
using internal::DividesOnly;

/// The key and the target of the rows that were judged, beside their scores.
Table TestPredictions(const TrainSpec& spec, const Table& rows, const Table& scores) {
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  const auto add = [&](const Table& from, std::size_t c) {
    for (const Field& field : fields)
      if (field.name == from.schema()[c].name) return;
    fields.push_back(from.schema()[c]);
    columns.push_back(from.column_ptr(c));
  };
  for (const std::string& name : spec.key) add(rows, *rows.schema().IndexOf(name));
  if (!spec.group.empty()) add(rows, *rows.schema().IndexOf(spec.group));
  if (!spec.treatment.empty()) add(rows, *rows.schema().IndexOf(spec.treatment));
  if (!spec.target.empty()) add(rows, *rows.schema().IndexOf(spec.target));
  for (std::size_t c = 0; c < scores.num_columns(); ++c) add(scores, c);
  return {Schema(std::move(fields)), std::move(columns), rows.num_rows()};
}

std::vector<std::pair<std::string, double>> RankFeatures(std::span<const double> importance, const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, double>> ranked;
  for (std::size_t i = 0; i < importance.size(); ++i)
    if (importance[i] > 0) ranked.emplace_back(names[i], importance[i]);
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
  return ranked;
}

/// What was fitted on some rows.
struct Fit {
  std::unique_ptr<const Scorer> scorer;
  std::vector<std::string> notes;
};

class Trainer {
 public:
  Trainer(Table data, TrainSpec spec, const TrainContext& context)
      : data_(std::move(data)), spec_(std::move(spec)), context_(context) {
    spec_.learner.task = TaskOfLearner(spec_.learner);
    if (!spec_.treatment.empty() && spec_.evaluate.empty()) spec_.evaluate = {"qini", "auuc"};
    if (spec_.group.empty()) return;
    if (spec_.evaluate.empty()) spec_.evaluate = {"ndcg@5", "ndcg@10", "map@10"};
    if (spec_.split.kind == SplitSpec::Kind::kHash && spec_.split.columns.empty()) spec_.split.columns = {spec_.group};
  }

  Result<TrainOutput> Run() {
    RETURN_IF_ERROR(CheckColumns(spec_, data_.schema()));
    if (data_.num_rows() == 0) return Error(ErrorCode::kData, "the training data have no rows");
    RETURN_IF_ERROR(Prepare());
    RETURN_IF_ERROR(ChooseLearner());
    for (const std::string& column : DividesOnly(spec_, spec_.transform))
      Note(StrCat("column `", column, "` ", Contains(spec_.split.columns, column) ? "splits the rows" : "makes the folds", " and is not a feature"));
    RETURN_IF_ERROR(ScoreFolds());
    RETURN_IF_ERROR(CalibrateAndChooseThreshold());
    RETURN_IF_ERROR(FitOnTraining());
    RETURN_IF_ERROR(EvaluateModel());
    RETURN_IF_ERROR(MeasureEffects());
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
    rows_.compress = context_.compress;
    rows_.exact_percentiles = context_.exact_percentiles;
    RETURN_IF_ERROR(rows_.Read(std::move(data_), context_.threads, &evaluation_.notes));
    ASSIGN_OR_RETURN(metric_names_, MetricsToCompute(spec_.evaluate, spec_.gate, rows_.target.task));
    return spec_.learner.automatic ? Ok() : ResolveSettings();
  }

  Status ResolveSettings() {
    ASSIGN_OR_RETURN(settings_, SettingsOf(spec_.learner));
    iterations_ = settings_.iterations;
    return Ok();
  }

  Result<LearnerSettings> SettingsOf(const LearnerSpec& learner) const {
    return ResolveLearner(learner, rows_.outcome, rows_.target.classes.size(), rows_.split.train.size());
  }

  /// `learner: auto` and `tune`: what is best on the folds becomes the learner.
  Status ChooseLearner() {
    const bool tunes = spec_.tune.trials > 0;
    if (!tunes && !spec_.learner.automatic) return Ok();
    Progress("tune", 0);
    RETURN_IF_ERROR(rows_.PlanTheFolds());
    TuneContext tune;
    tune.task = rows_.target.task;
    tune.rows = rows_.split.train.size();
    settings_.task = rows_.target.task;  // what the loss of `learner: auto` follows from
    settings_.uplift = spec_.learner.uplift;
    tune.metric = !spec_.tune.metric.empty() ? spec_.tune.metric : clusters() ? "silhouette" : spec_.group.empty() ? Loss::Of(settings_).metric() : "ndcg@10";
    tune.journal = context_.trials;
    tune.score = [this, &tune](const TuneSetting& setting, double share, int threads) -> Result<FoldScores> {
      ASSIGN_OR_RETURN(const LearnerSettings settings, SettingsOf(setting.learner));
      LearnerControl control;
      control.threads = threads;
      control.cancelled = context_.cancelled;
      return rows_.ScoreOnFolds(settings, setting.choices, tune.metric, share, control);
    };
    if (context_.seconds) tune.seconds = [this, from = context_.seconds()] { return context_.seconds() - from; };
    if (context_.progress) tune.progress = [this](double fraction) { context_.progress("tune", fraction); };
    tune.cancelled = context_.cancelled;
    tune.threads = context_.threads;
    TuneResult chosen;
    if (spec_.learner.automatic) {
      ASSIGN_OR_RETURN(chosen, ChooseAutomatically(tune));
    } else {
      LearnerSpec base = spec_.learner;
      if (!base.given) {
        for (const auto& [name, value] : {std::pair{"num_iterations", "500"}, {"learning_rate", "0.05"}, {"early_stopping_round", "25"}})
          base.parameters.emplace(name, value);
        base.given = true;
      }
      ASSIGN_OR_RETURN(chosen, Tune(spec_.tune, base, tune));
    }
    evaluation_.trials = std::move(chosen.trials);
    Note(StrCat(spec_.learner.automatic ? "learner auto: " : "tuning: ", chosen.note));
    if (rows_.split.test.empty()) Note("there are no test rows: metrics come from the rows on which the settings were chosen, and are a little too good");
    const std::optional<Task> task = spec_.learner.task;
    spec_.learner = std::move(chosen.best.learner);
    spec_.learner.task = task;
    spec_.transform = Chosen(spec_.transform, chosen.best.choices);
    rows_.ForgetFolds();
    return ResolveSettings();
  }

  Status ScoreFolds() {
    const bool needed = settings_.early_stopping_round > 0 || spec_.calibrate.kind != CalibrationSpec::Kind::kNone ||
                        spec_.threshold.chosen() || (rows_.split.test.empty() && context_.evaluate && !clusters());
    if (!needed) {
      RETURN_IF_ERROR(CheckFolds(spec_.folds));
      if (rows_.described.empty()) rows_.described = "none needed";
      return Ok();
    }
    RETURN_IF_ERROR(rows_.PlanTheFolds());
    for (const std::string& note : rows_.folds.notes) Note(note);
    const bool trees = GrowsTrees(settings_.kind);
    FoldSource source = rows_.SourceOfFolds(trees);
    if (rows_.folds.held_aside()) source.make = [this, trees](std::size_t fold, int threads) { return rows_.MakeFold(spec_.transform, fold, trees, threads, &held_aside_fit_); };
    ASSIGN_OR_RETURN(FoldFit fit, FitFolds(settings_, source, Control("folds")));
    iterations_ = fit.iterations;
    link_ = fit.link;
    if (rows_.folds.held_aside()) held_aside_learner_ = std::move(fit.only);
    const std::size_t outputs = settings_.num_outputs();
    std::vector<std::size_t> next(source.folds, 0);
    for (std::size_t i = 0; i < rows_.split.train.size(); ++i) {
      if (rows_.folds.held[i] < 0) continue;
      const auto fold = static_cast<std::size_t>(rows_.folds.held[i]);
      unseen_rows_.push_back(rows_.split.train[i]);
      const double* margin = fit.held_margins[fold].data() + outputs * next[fold]++;
      unseen_margins_.insert(unseen_margins_.end(), margin, margin + outputs);
    }
    if (settings_.early_stopping_round > 0) {
      if (iterations_ == settings_.iterations)
        Note(StrCat("early stopping did not stop: the loss still fell at iteration ", iterations_));
    }
    return Ok();
  }

  Result<Calibration> FitCalibration(std::span<const double> scores, std::span<const double> target, std::span<const double> weights) {
    const int classes = static_cast<int>(rows_.target.classes.size());
    const std::string& by = spec_.calibrate.by;
    if (by.empty()) return Calibration::Fit(spec_.calibrate.kind, scores, target, classes, weights);
    const Column& column = *rows_.table.Find(by);
    std::vector<std::optional<std::string>> values;
    std::set<std::string> known;
    for (const std::size_t row : unseen_rows_) {
      values.push_back(CalibrationValue(column, row));
      if (values.back()) known.insert(*values.back());
    }
    ASSIGN_OR_RETURN(Calibration fitted, Calibration::FitBy(by, values, spec_.calibrate.kind, scores, target, classes, weights));
    Note(StrCat("calibrated by `", by, "`: ", fitted.num_segments(), " of its ", known.size(), " values have rows enough for a curve of their own, all else goes by that of all rows"));
    return fitted;
  }

  Status CalibrateAndChooseThreshold() {
    unseen_predictions_ = unseen_margins_;
    const std::size_t outputs = settings_.num_outputs();
    const std::vector<double> target = rows_.TargetOf(unseen_rows_), weights = rows_.WeightsOf(unseen_rows_);
    if (spec_.calibrate.kind != CalibrationSpec::Kind::kNone) {
      std::vector<double> scores = unseen_margins_;
      if (spec_.calibrate.kind != CalibrationSpec::Kind::kSigmoid)
        ApplyLink(UnseenLink(), unseen_rows_.size(), outputs, scores.data());
      ASSIGN_OR_RETURN(calibration_, FitCalibration(scores, target, weights));
    }
    ApplyLinkAndCalibration(UnseenLink(), calibration_, outputs, unseen_predictions_,
                            calibration_.by().empty() ? std::vector<std::size_t>() : SegmentsOf(calibration_, rows_.table.Take(unseen_rows_, context_.threads)));
    threshold_ = spec_.threshold.fixed;
    if (spec_.threshold.chosen()) {
      ASSIGN_OR_RETURN(threshold_, ChooseThreshold(spec_.threshold, target, unseen_predictions_, weights));
    }
    return Ok();
  }

  /// What the margins of the folds stand for.
  Link UnseenLink() const { return link_.value_or(LinkOf(settings_)); }

  Result<Fit> FitOn(const std::vector<std::size_t>& rows, const char* part = "training rows") {
    Progress("fit", 0);
    if (context_.cancelled && context_.cancelled()) return Error(ErrorCode::kInterrupted, "training was interrupted");
    ASSIGN_OR_RETURN(FitOutput fitted,
                     FitTransform(rows_.table.Take(rows, context_.threads), spec_.transform, rows_.ContextOf(spec_.transform, rows, GrowsTrees(settings_.kind), context_.threads)));
    const std::vector<double> target = rows_.TargetOf(rows), weights = LearnerWeights(spec_, rows_.target, rows_.weights, rows);
    ASSIGN_OR_RETURN(const std::vector<int> monotone, rows_.MonotoneOf(fitted.transform.output_names()));
    const std::vector<std::int64_t> groups = rows_.GroupsOf(rows);
    std::vector<int> categorical;
    if (GrowsTrees(settings_.kind)) { ASSIGN_OR_RETURN(categorical, rows_.CategoricalOf(fitted.transform, fitted.matrix)); }
    const std::vector<std::uint8_t> treated = rows_.TreatedOf(rows);
    const Vectors train{fitted.matrix, target, weights, monotone, categorical, groups, treated, fitted.transform.output_names()};
    LearnerControl control = Control("fit");
    control.part = part;
    ASSIGN_OR_RETURN(std::unique_ptr<const FittedLearner> learner, FitLearner(settings_, train, iterations_, control));
    if (link_ && learner->link() != *link_) return Error(ErrorCode::kFailed, part, ": the program wrote a model of another objective than for the folds");
    return MakeFit(std::move(fitted), std::move(learner));
  }

  Result<Fit> MakeFit(FitOutput fitted, std::shared_ptr<const FittedLearner> learner) const {
    if (const std::string& by = calibration_.by(); !by.empty() && !fitted.transform.input_schema().IndexOf(by))
      return Error(ErrorCode::kData, "calibration goes by `", by, "`, which the model does not read")
          .WithHelp(StrCat("see the notes on why `", by, "` is no feature, or name it in `transform`"));
    Fit fit;
    fit.notes = std::move(fitted.notes);
    fit.scorer = std::make_unique<const Scorer>(std::unique_ptr<const Scorer::Parts>(new Scorer::Parts{
        rows_.target.task, rows_.target.classes, threshold_, std::move(fitted.transform), std::move(learner), calibration_}));
    return fit;
  }

  Status FitOnTraining() {
    if (held_aside_learner_ != nullptr) {  // calibration and threshold are this learner's own
      ASSIGN_OR_RETURN(fit_, MakeFit(*std::move(held_aside_fit_), std::move(held_aside_learner_)));
      fitted_rows_ = rows_.FoldRows(0, false);
      return Ok();
    }
    ASSIGN_OR_RETURN(fit_, FitOn(rows_.split.train));
    fitted_rows_ = rows_.split.train;
    return Ok();
  }

  Status EvaluateModel() {
    Progress("evaluate", 0);
    const bool tested = !rows_.split.test.empty(), learnt = !tested && unseen_rows_.empty();
    evaluated_rows_ = tested ? rows_.split.test : learnt ? rows_.split.train : unseen_rows_;
    const Table rows = rows_.table.Take(evaluated_rows_, context_.threads);
    if (tested || learnt) {
      ASSIGN_OR_RETURN(predictions_, fit_.scorer->Predict(rows, nullptr, context_.threads));
    } else {
      predictions_ = unseen_predictions_;
    }
    evaluation_.evaluated_on = tested                                       ? "test rows"
                               : learnt                                     ? "training rows"
                               : unseen_rows_.size() == rows_.split.train.size() || rows_.folds.count > 1 ? "out-of-fold rows"
                                                                                                          : "rows held aside";
    if (learnt && clusters())
      Note("there are no test rows: metrics come from the rows that the clusters were made of");
    else if (learnt)
      Note("nobody asked for an evaluation: metrics come from the rows that were learnt from, and are too good");
    else if (!tested)
      Note("there are no test rows: metrics come from the rows on which calibration and threshold were chosen");
    evaluation_.split = DescribeSplit(spec_.split);
    evaluation_.folds = rows_.described;
    evaluation_.train_rows = static_cast<std::int64_t>(rows_.split.train.size());
    evaluation_.test_rows = static_cast<std::int64_t>(evaluated_rows_.size());
    evaluation_.dropped_rows = rows_.split.dropped;
    evaluation_.iterations = GrowsTrees(settings_.kind) && !settings_.by_program ? iterations_ : 0;
    output_.test_predictions = TestPredictions(spec_, rows, ScoreTable(*fit_.scorer, predictions_));
    if (clusters()) return EvaluateAsClusters(rows);
    const std::vector<double> target = rows_.TargetOf(evaluated_rows_), weights = rows_.WeightsOf(evaluated_rows_);
    const std::vector<double> trained = rows_.TargetOf(rows_.split.train), trained_weights = rows_.WeightsOf(rows_.split.train);
    const std::vector<std::int64_t> groups = rows_.GroupsOf(evaluated_rows_);
    const std::vector<std::uint8_t> treated = rows_.TreatedOf(evaluated_rows_);
    const Loss loss = Loss::Of(settings_);
    return JudgeModel(spec_, metric_names_,
                               {rows, rows_.target.task, static_cast<int>(rows_.target.classes.size()), threshold_, target, predictions_, weights, groups, treated},
                               {trained, trained_weights, loss.constant_quantile(), loss.metric()}, context_.threads, &evaluation_);
  }

  Result<std::vector<double>> VectorsOf(const Scorer& scorer, const Table& rows) const {
    std::vector<double> vectors(rows.num_rows() * scorer.parts().learner->num_features());
    RETURN_IF_ERROR(scorer.parts().transform.Apply(rows, vectors, nullptr, context_.threads));
    return vectors;
  }

  /// What clusters are by the rows just scored, and what their rows are like.
  Status EvaluateAsClusters(const Table& rows) {
    const std::size_t clusters = fit_.scorer->parts().learner->num_clusters();
    ASSIGN_OR_RETURN(const std::vector<double> vectors, VectorsOf(*fit_.scorer, rows));
    RETURN_IF_ERROR(JudgeClusters({vectors, vectors.size() / rows.num_rows(), predictions_, rows_.WeightsOf(evaluated_rows_)}, metric_names_, clusters, context_.threads, &evaluation_));
    const Table fitted = rows_.table.Take(fitted_rows_, context_.threads);
    ASSIGN_OR_RETURN(const std::vector<double> of_fitted, fit_.scorer->Predict(fitted, nullptr, context_.threads));
    evaluation_.clusters = DescribeClusters(fitted, fit_.scorer->parts().transform.input_schema(), Hidden(), of_fitted, clusters, "training rows");
    return Ok();
  }

  /// What the user's columns do, by rows that the model has not seen; without test rows by those that it has.
  Status MeasureEffects() {
    Progress("explain", 0);
    const bool tested = !rows_.split.test.empty();
    const std::vector<std::size_t> asked = DrawEffectRows(tested ? rows_.split.test : rows_.split.train, fit_.scorer->parts().transform.input_schema().size());
    const Table rows = rows_.table.Take(asked, context_.threads);
    const std::vector<double> target = rows_.TargetOf(asked), weights = rows_.WeightsOf(asked);
    const std::vector<std::uint8_t> treated = rows_.TreatedOf(asked);
    const EffectRows effects{*fit_.scorer, rows, tested ? "test rows" : "training rows", target, weights, treated};
    const std::string metric = treated.empty() ? Loss::Of(settings_).metric() : "qini";
    ASSIGN_OR_RETURN(evaluation_.permutation, MeasureImportance(effects, metric, context_.threads, context_.cancelled));
    if (clusters()) return Ok();   // a mean of their numbers means nothing
    ASSIGN_OR_RETURN(evaluation_.dependence, MeasureDependence(effects, evaluation_.permutation, {spec_.personal.begin(), spec_.personal.end()}, context_.threads, context_.cancelled));
    return Ok();
  }

  /// The champion's metrics on the rows just evaluated, or why it cannot score them.
  Result<Metrics> ChampionMetrics() const {
    const ModelInfo& champion = context_.champion->info();
    if (champion.task != rows_.target.task || champion.classes != rows_.target.classes)
      return Error(ErrorCode::kInvalid, "it is a ", TaskName(champion.task), " model of other classes");
    if (!champion.treatment.column.empty() && spec_.treatment.empty()) return Error(ErrorCode::kInvalid, "it estimates uplift");
    const Table rows = rows_.table.Take(evaluated_rows_, context_.threads);
    ASSIGN_OR_RETURN(const std::vector<double> predictions, context_.champion->scorer().Predict(rows, nullptr, context_.threads));
    if (clusters()) {
      if (champion.features != fit_.scorer->parts().transform.output_names()) return Error(ErrorCode::kInvalid, "its clusters lie among other features, so that no distances can be compared");
      ASSIGN_OR_RETURN(const std::vector<double> vectors, VectorsOf(context_.champion->scorer(), rows));
      return EvaluateClusters({vectors, champion.features.size(), predictions, rows_.WeightsOf(evaluated_rows_)}, metric_names_, context_.threads);
    }
    return Evaluate(rows_.target.task, rows_.TargetOf(evaluated_rows_), predictions, static_cast<int>(rows_.target.classes.size()),
                    champion.threshold, metric_names_, rows_.WeightsOf(evaluated_rows_), rows_.GroupsOf(evaluated_rows_), rows_.TreatedOf(evaluated_rows_));
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
    ASSIGN_OR_RETURN(output_.gates, JudgeGates(spec_.gate, rows_.target.task, GateFigures(evaluation_.metrics, evaluation_.intervals, evaluation_.gaps),
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
    if (!spec_.refit_all_rows || fitted_rows_.size() == rows_.table.num_rows()) return Ok();
    fitted_rows_ = rows_.by_key;
    ASSIGN_OR_RETURN(fit_, FitOn(fitted_rows_, "all rows"));
    Note("fitted once more on all rows after the evaluation");
    return Ok();
  }

  ModelInfo Info() const {
    ModelInfo info;
    const Scorer::Parts& parts = fit_.scorer->parts();
    info.task = rows_.target.task;
    info.learner = LearnerName(settings_.uplift.value_or(settings_.kind));
    if (!spec_.treatment.empty()) info.treatment = {spec_.treatment, rows_.treatment.value, rows_.treatment.control, rows_.outcome_class};
    info.target = spec_.target;
    info.clusters = parts.learner->num_clusters();
    info.classes = rows_.target.classes;
    const Schema& inputs = parts.transform.input_schema();
    for (std::size_t i = 0; i < inputs.size(); ++i)
      info.inputs.push_back({inputs[i].name, inputs[i].type, parts.transform.input_nullable()[i], Contains(spec_.personal, inputs[i].name)});
    info.features = parts.transform.output_names();
    info.threshold = threshold_;
    info.calibration = calibration_.name();
    info.folds = rows_.described;
    info.evaluated_on = evaluation_.evaluated_on;
    info.train_rows = evaluation_.train_rows;
    info.test_rows = evaluation_.test_rows;
    info.fitted_rows = static_cast<std::int64_t>(fitted_rows_.size());
    info.metrics = evaluation_.metrics;
    info.unfitted = context_.unfitted;
    info.facts = internal::FactsOf(spec_, context_.pipeline, rows_.table, rows_.split);
    return info;
  }

  Status WriteModel() {
    Progress("write", 0);
    for (const std::string& note : fit_.notes) Note(note);
    const Scorer::Parts& parts = fit_.scorer->parts();
    evaluation_.importance = RankFeatures(parts.learner->importance(), parts.transform.output_names());
    const Profile profile =
        MakeProfile(rows_.table.Take(fitted_rows_, context_.threads), parts.transform.input_schema(), Hidden(), ProfiledOutputs(*fit_.scorer, predictions_), context_.threads);
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

  bool clusters() const { return rows_.target.task == Task::kClustering; }

  /// Columns whose values the file does not tell.
  std::set<std::string> Hidden() const {
    std::set<std::string> hidden(spec_.key.begin(), spec_.key.end());
    hidden.insert(spec_.personal.begin(), spec_.personal.end());
    return hidden;
  }

  LearnerControl Control(const char* stage) const {
    LearnerControl control;
    control.threads = context_.threads;
    control.cancelled = context_.cancelled;
    if (context_.program) control.program = [this](const Vectors& train, std::string_view part) { return context_.program({settings_, train, rows_.target.classes, part}); };
    if (context_.progress) control.progress = [this, stage](double fraction) { context_.progress(stage, fraction); };
    return control;
  }
  void Progress(std::string_view stage, double fraction) const {
    if (context_.progress) context_.progress(stage, fraction);
  }
  void Note(std::string text) {
    if (!Contains(evaluation_.notes, text)) evaluation_.notes.push_back(std::move(text));
  }

  Table data_;              // until it is read
  TrainSpec spec_;
  const TrainContext& context_;

  internal::TrainingRows rows_{spec_};
  LearnerSettings settings_;
  std::vector<std::string> metric_names_;
  int iterations_ = 1;
  std::optional<Link> link_;              // by a program: of the folds' models
  std::vector<std::size_t> unseen_rows_;  // training rows scored by a learner that had not seen them
  std::vector<double> unseen_margins_, unseen_predictions_;
  std::optional<FitOutput> held_aside_fit_;                     // where a tenth was held aside: the transform and
  std::shared_ptr<const FittedLearner> held_aside_learner_;     // learner of the other nine
  Calibration calibration_;
  double threshold_ = 0.5;
  Fit fit_;
  std::vector<std::size_t> fitted_rows_, evaluated_rows_;
  std::vector<double> predictions_;  // of evaluated_rows_
  Evaluation evaluation_;
  TrainOutput output_;
};

}  // namespace

Result<TrainOutput> Train(Table data, const TrainSpec& spec, const TrainContext& context) {
  RETURN_IF_ERROR(CheckTrainSpec(spec));
  return Trainer(std::move(data), spec, context).Run();
}

}  // namespace headrace

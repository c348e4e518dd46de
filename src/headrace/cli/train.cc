#include "headrace/model/train.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "headrace/base/files.h"
#include "headrace/cli/command.h"
#include "headrace/model/learner.h"
#include "headrace/sql/files.h"

namespace headrace {

namespace {
struct TrainFlags {
  std::string data, target, positive, out, learner, treatment, treated, calibrate, format, delimiter;
  std::vector<std::string> key, ignore;
  double test = 20;
  std::int64_t n_clusters = 0;
  bool no_refit = false;
};

Result<Table> ReadData(const TrainFlags& flags) {
  Engine::Options options;
  options.any_file = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  FileSource source;
  source.pattern = flags.data;
  source.format = flags.format;
  source.delimiter = flags.delimiter;
  RETURN_IF_ERROR(LoadFiles(*engine, source, "data"));
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, engine->Query("SELECT * FROM data"));
  return ReadAll(*rows);
}

TrainSpec SpecOf(const TrainFlags& flags) {
  TrainSpec spec;
  spec.target = flags.target;
  spec.positive = flags.positive;
  spec.key = flags.key;
  spec.ignore = flags.ignore;
  spec.split.kind = flags.test > 0 ? SplitSpec::Kind::kHash : SplitSpec::Kind::kNone;
  spec.split.columns = flags.key;
  spec.split.test = flags.test / 100;
  if (!flags.learner.empty()) {
    spec.learner.given = true;
    spec.learner.automatic = flags.learner == "auto";
    if (const Result<LearnerSpec::Kind> kind = LearnerFromName(flags.learner); kind.ok()) spec.learner.kind = *kind;
  }
  spec.treatment = flags.treatment;
  spec.treated = flags.treated;
  if (!flags.treatment.empty()) {
    spec.learner.given = true;   // what a learner is made of when none is named
    spec.learner.uplift = LearnerSpec::Kind::kXLearner;
  }
  if (flags.calibrate == "isotonic") spec.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
  if (flags.calibrate == "sigmoid") spec.calibrate.kind = CalibrationSpec::Kind::kSigmoid;
  if (flags.calibrate == "beta") spec.calibrate.kind = CalibrationSpec::Kind::kBeta;
  const bool clusters = spec.learner.kind == LearnerSpec::Kind::kKMeans;
  if (flags.n_clusters > 0) spec.learner.parameters["n_clusters"] = StrCat(flags.n_clusters);
  spec.refit_all_rows = !flags.no_refit && !clusters;
  return spec;
}

std::string Rounded(double value) {
  std::array<char, 40> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%.4f", value);
  return buffer.data();
}

std::string ClusterSizes(const Clusters& clusters) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t c = 0; c < clusters.clusters.size(); ++c)
    rows.push_back({StrCat("  ", c), FormatCount(clusters.clusters[c].rows), StrCat(Rounded(100 * clusters.clusters[c].share), " %"), Rounded(clusters.clusters[c].distance)});
  return TextTable({"  cluster", "rows", "share", "mean distance"}, rows);
}

void Tell(const TrainOutput& trained, const TrainFlags& flags) {
  const ModelInfo& info = trained.model->info();
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : trained.evaluation.metrics) rows.push_back({StrCat("  ", name), Rounded(value)});
  std::string text = StrCat(info.learner, " for ", info.clusters > 0 ? StrCat(info.clusters, " clusters") : StrCat(TaskName(info.task), " target `", info.target, "`"));
  if (info.task == Task::kBinary && info.classes.size() == 2) text += StrCat("; the positive class is `", info.classes[1], "`");
  text += StrCat("\nevaluated on ", trained.evaluation.evaluated_on, ": ", FormatCount(info.test_rows), " of ", FormatCount(info.train_rows + (info.evaluated_on == "test rows" ? info.test_rows : 0)), " rows (",
                 trained.evaluation.split, ")\n");
  text += TextTable({"  metric", "value"}, rows);
  if (!trained.evaluation.clusters.clusters.empty()) text += ClusterSizes(trained.evaluation.clusters);
  for (const std::string& note : trained.notes) text += StrCat("note: ", note, "\n");
  text += StrCat("wrote ", flags.out, flags.no_refit || flags.test <= 0 || info.clusters > 0 ? "" : ", fitted once more on all rows", "\n");
  PrintErr(text);
}

int Train(const TrainFlags& flags, const GlobalFlags& global) {
  if (flags.target.empty() != (flags.learner == "kmeans"))
    return Fail(flags.target.empty() ? Error(ErrorCode::kInvalid, "--target is required: it names the column to predict").WithHelp("only `--learner kmeans` has none")
                                     : Error(ErrorCode::kInvalid, "--target has no meaning for kmeans: it puts rows together that are alike").WithHelp("name the column under --ignore to keep it out of the clusters"),
                global);
  if (flags.n_clusters > 0 && flags.learner != "kmeans") return Fail(Error(ErrorCode::kInvalid, "--n-clusters is for `--learner kmeans`"), global);
  Result<Table> data = ReadData(flags);
  if (!data.ok()) return Fail(data.status(), global);
  TrainContext context;
  context.threads = global.threads;
  const bool live = IsInteractive(2) && !global.quiet;
  context.progress = [live](std::string_view stage, double fraction) {
    if (live) PrintErr(StrCat("\r\x1b[K", stage, " ", static_cast<int>(fraction * 100), " %"));
  };
  const Result<TrainOutput> trained = headrace::Train(*std::move(data), SpecOf(flags), context);
  if (live) PrintErr("\r\x1b[K");
  if (!trained.ok()) return Fail(trained.status(), global);
  if (const Status written = WriteFileAtomically(flags.out, trained->model->bytes()); !written.ok()) return Fail(written, global);
  if (!global.quiet) Tell(*trained, flags);
  if (global.json) {
    const ModelInfo& info = trained->model->info();
    const nlohmann::ordered_json json = {{"model", flags.out}, {"digest", info.digest}, {"task", TaskName(info.task)}, {"learner", info.learner}, {"target", info.target},
                                         {"classes", info.classes}, {"train_rows", info.train_rows}, {"test_rows", info.test_rows},
                                         {"metrics", trained->evaluation.metrics}, {"notes", trained->notes}};
    PrintJson(json);
  }
  return 0;
}
}  // namespace

void AddTrainCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("train", "Fit a model on a table, without a project");
  auto flags = std::make_shared<TrainFlags>();
  command->add_option("DATA", flags->data, "CSV, TSV, Parquet or JSON lines, also .gz and .zst; a glob reads several files")->required();
  command->add_option("--target", flags->target, "the column to predict; required but for kmeans, which has none");
  command->add_option("-o,--output", flags->out, "the model file to write")->required()->type_name("FILE");
  command->add_option("--positive", flags->positive, "the positive class (default: true, 1 or the last in byte order)")->type_name("VALUE");
  command->add_option("--key", flags->key, "columns that identify a row; never features")->delimiter(',')->type_name("COLUMN,...");
  command->add_option("--ignore", flags->ignore, "columns that are not features")->delimiter(',')->type_name("COLUMN,...");
  command->add_option("--learner", flags->learner, "lightgbm, xgboost, logistic, linear, naive_bayes, constant, auto: the best of several, or kmeans: clusters (default: by the number of rows)")->one_of({"lightgbm", "xgboost", "logistic", "linear", "naive_bayes", "constant", "auto", "kmeans"});
  command->add_option("--treatment", flags->treatment, "a column of two values that says who was treated: learn what treating adds, by an x_learner of lightgbm, xgboost, logistic or linear")->type_name("COLUMN");
  command->add_option("--treated", flags->treated, "with --treatment: the value of those who were (default: true, 1 or the last in byte order)")->type_name("VALUE")->needs("--treatment");
  command->add_option("--n-clusters", flags->n_clusters, "kmeans: how many clusters (default: 8)")->range(2, 1000)->type_name("N");
  command->add_option("--calibrate", flags->calibrate, "isotonic, sigmoid or beta (default: none)")->one_of({"none", "isotonic", "sigmoid", "beta"});
  command->add_option("--test", flags->test, "percent of rows, by hash, held back for evaluation")->range(0.0, 90.0)->capture_default_str();
  command->add_option("--delimiter", flags->delimiter, "of a CSV file (default: found in its first lines)")->type_name("CHAR");
  command->add_flag("--no-refit", flags->no_refit, "keep the model of the evaluation: do not fit once more on all rows");
  command->callback([&global, &action, flags] { action = [&global, flags] { return Train(*flags, global); }; });
}

}  // namespace headrace

// `headrace performance`: how good past scores turned out to be, once the outcomes are known.

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "headrace/cli/command.h"
#include "headrace/cli/run_json.h"
#include "headrace/model/metrics.h"
#include "headrace/model/model.h"
#include "headrace/sql/files.h"
#include "headrace/sql/sql_text.h"
#include "headrace/step/step.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
struct PerformanceFlags {
  std::string pipeline, step, outcomes, label, tenant, delimiter;
  std::vector<std::string> key, metrics;
  std::int64_t limit = 50;
};

/// One scored interval, held against what came of it.
struct ScoredInterval {
  RunRecord run;
  std::string model;                     // digest
  std::int64_t rows = 0, known = 0;      // scored, and with an outcome
  Metrics metrics, at_training;
  std::string problem;                   // why there are no metrics
};

Result<Table> Read(Engine& engine, const std::string& sql) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, engine.Query(sql));
  return ReadAll(*rows);
}

/// "CAST(a AS VARCHAR), ...": keys are compared as texts, so that an int finds itself in a file of text.
std::string KeyList(const std::vector<std::string>& key, std::string_view table) {
  std::vector<std::string> parts;
  for (const std::string& column : key) parts.push_back(StrCat("CAST(", table, ".", QuoteIdentifier(column), " AS VARCHAR)"));
  return Join(parts, ", ");
}

Status LoadOutcomes(Engine& engine, const PerformanceFlags& flags) {
  FileSource source;
  source.pattern = flags.outcomes;
  source.delimiter = flags.delimiter;
  RETURN_IF_ERROR(LoadFiles(engine, source, "outcomes"));
  ASSIGN_OR_RETURN(const Schema schema, engine.Describe("SELECT * FROM outcomes"));
  std::vector<std::string> needed = flags.key;
  needed.push_back(flags.label);
  for (const std::string& column : needed) {
    if (schema.IndexOf(column)) continue;
    const std::string near = NearestName(column, schema.Names());
    return Error(ErrorCode::kInvalid, "the outcomes have no column `", column, "`").WithHelp(near.empty() ? StrCat("they have ", Join(schema.Names(), ", ")) : StrCat("did you mean `", near, "`?"));
  }
  ASSIGN_OR_RETURN(const Table twice, Read(engine, StrCat("SELECT count(*) FROM (SELECT 1 FROM outcomes o GROUP BY ", KeyList(flags.key, "o"), " HAVING count(*) > 1)")));
  if (const std::int64_t n = twice.column(0).At(0).as_int(); n > 0)
    return Error(ErrorCode::kData, Counted(n, "key stands", "keys stand"), " in the outcomes more than once, and which outcome counts is not known").WithHelp("leave one row for each key, or name more columns by --key");
  return Ok();
}

/// The class or number that an outcome says; nullopt when the model knows no such class.
std::optional<double> TargetOf(const Value& label, const ModelInfo& info) {
  if (info.task == Task::kRegression) return label.type() == Type::kDouble ? label.as_double() : label.type() == Type::kInt ? std::optional<double>(static_cast<double>(label.as_int())) : std::nullopt;
  std::string text = label.ToString();
  auto found = std::find(info.classes.begin(), info.classes.end(), text);
  // A flag is true in one file and 1 in another.
  if (found == info.classes.end() && label.type() == Type::kBool) found = std::find(info.classes.begin(), info.classes.end(), label.as_bool() ? "1" : "0");
  if (found == info.classes.end() && (text == "0" || text == "1")) found = std::find(info.classes.begin(), info.classes.end(), text == "1" ? "true" : "false");
  return found == info.classes.end() ? std::nullopt : std::optional<double>(static_cast<double>(found - info.classes.begin()));
}

std::vector<std::string> ScoreColumns(const ModelInfo& info) {
  if (info.task != Task::kMulticlass) return {"score"};
  std::vector<std::string> columns;
  for (const std::string& name : info.classes) columns.push_back(StrCat("score_", name));
  return columns;
}

Status Measure(Engine& engine, const std::string& path, const PerformanceFlags& flags, const ModelInfo& info, ScoredInterval& out) {
  if (!info.treatment.column.empty()) {
    out.problem = "its model estimates uplift, which no outcome of a row can be compared with";
    return Ok();
  }
  if (info.task == Task::kClustering) {
    out.problem = "its model finds clusters, which no outcome of a row can be compared with";
    return Ok();
  }
  const std::string name = StrCat("scored_", out.run.id);
  RETURN_IF_ERROR(engine.AddParquet(name, path));
  const std::string table = QuoteIdentifier(name);
  ASSIGN_OR_RETURN(const Schema schema, engine.Describe(StrCat("SELECT * FROM ", table)));
  for (const std::string& column : flags.key)
    if (!schema.IndexOf(column)) {
      out.problem = StrCat("the scored rows do not carry `", column, "`");
      return Ok();
    }
  ASSIGN_OR_RETURN(const Table count, Read(engine, StrCat("SELECT count(*) FROM ", table)));
  out.rows = count.column(0).At(0).as_int();
  std::vector<std::string> wanted;
  for (const std::string& column : ScoreColumns(info)) wanted.push_back(StrCat("s.", QuoteIdentifier(column)));
  ASSIGN_OR_RETURN(const Table rows, Read(engine, StrCat("SELECT o.", QuoteIdentifier(flags.label), " AS outcome, ", Join(wanted, ", "), " FROM ", table, " s JOIN outcomes o ON (", KeyList(flags.key, "s"), ") = (",
                                                         KeyList(flags.key, "o"), ") WHERE o.", QuoteIdentifier(flags.label), " IS NOT NULL")));
  std::vector<double> target, scores;
  for (std::size_t r = 0; r < rows.num_rows(); ++r) {
    const std::optional<double> is = TargetOf(rows.column(0).At(r), info);
    if (!is) return Error(ErrorCode::kData, "an outcome in `", flags.label, "` is ", TypeName(rows.schema()[0].type), " and no class of the model of run ", out.run.id, "; its classes are ", Join(info.classes, ", "));
    target.push_back(*is);
    for (std::size_t c = 1; c < rows.num_columns(); ++c) scores.push_back(rows.column(c).doubles()[r]);
  }
  out.known = static_cast<std::int64_t>(target.size());
  if (target.empty()) {
    out.problem = "no outcome is known yet";
    return Ok();
  }
  ASSIGN_OR_RETURN(out.metrics, Evaluate(info.task, target, scores, static_cast<int>(info.classes.size()), info.threshold, flags.metrics));
  for (const auto& [metric, value] : out.metrics)
    if (const auto found = info.metrics.find(metric); found != info.metrics.end()) out.at_training[metric] = found->second;
  return Ok();
}

/// The newest run of each interval that left scored rows.
Result<std::vector<std::pair<RunRecord, StepRecord>>> ScoredRuns(Store& store, const PerformanceFlags& flags) {
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, store.ListRuns({flags.pipeline, flags.tenant, flags.limit}));
  std::map<std::pair<std::int64_t, std::int64_t>, std::pair<RunRecord, StepRecord>> newest;
  for (const RunRecord& run : runs) {
    if (run.tenant != flags.tenant) continue;
    ASSIGN_OR_RETURN(const std::vector<StepRecord> steps, store.ListSteps(run.id));
    for (const StepRecord& step : steps)
      if (step.step == flags.step && step.kind == "score" && step.outputs.contains("")) newest.emplace(std::pair(run.interval_start_us, run.interval_end_us), std::pair(run, step));
  }
  std::vector<std::pair<RunRecord, StepRecord>> out;
  for (auto& [interval, scored] : newest) out.push_back(std::move(scored));
  if (out.empty())
    return Error(ErrorCode::kInvalid, "no run of `", flags.pipeline, "`", flags.tenant.empty() ? "" : StrCat(" for ", flags.tenant), " left rows of a score step `", flags.step, "`").WithHelp("`headrace runs` lists the runs, `headrace show RUN` their steps");
  return out;
}

Result<std::vector<ScoredInterval>> MeasureAll(Store& store, const PerformanceFlags& flags) {
  Engine::Options options;
  options.any_file = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  RETURN_IF_ERROR(LoadOutcomes(*engine, flags));
  ASSIGN_OR_RETURN(const auto scored, ScoredRuns(store, flags));
  std::vector<ScoredInterval> out;
  for (const auto& [run, step] : scored) {
    ScoredInterval& interval = out.emplace_back();
    interval.run = run;
    ASSIGN_OR_RETURN(const StepDetails details, StepDetails::FromJson(step.details));
    interval.model = details.model ? details.model->digest : "";
    const Result<std::string> rows = store.ArtifactPath(step.outputs.at("")), model = store.ArtifactPath({interval.model, "model", -1});
    if (!rows.ok() || !model.ok()) {
      interval.problem = "its scored rows or its model are gone";
      continue;
    }
    ASSIGN_OR_RETURN(const std::shared_ptr<const Model> opened, Model::Open(*model));
    RETURN_IF_ERROR(Measure(*engine, *rows, flags, opened->info(), interval));
  }
  return out;
}

std::string Day(std::int64_t us) { return us % kMicrosPerDay == 0 ? FormatTimestamp(us).substr(0, 10) : FormatTimestamp(us).substr(0, 16); }

std::string AsText(const std::vector<ScoredInterval>& intervals) {
  std::vector<std::string> names, head = {"interval", "run", "model", "scored", "known"};
  for (const ScoredInterval& interval : intervals)
    for (const auto& metric : interval.metrics)
      if (std::find(names.begin(), names.end(), metric.first) == names.end()) names.push_back(metric.first);
  head.insert(head.end(), names.begin(), names.end());
  std::vector<std::vector<std::string>> rows;
  for (const ScoredInterval& i : intervals) {
    std::vector<std::string> row = {StrCat(Day(i.run.interval_start_us), "/", Day(i.run.interval_end_us)), i.run.id, i.model.substr(0, 12), FormatCount(i.rows), FormatCount(i.known)};
    for (const std::string& name : names) {
      const auto now = i.metrics.find(name), then = i.at_training.find(name);
      row.push_back(now == i.metrics.end() ? "" : StrCat(fmt::format("{:.4f}", now->second), then == i.at_training.end() ? "" : fmt::format(" ({:.4f})", then->second)));
    }
    if (!i.problem.empty()) row.push_back(i.problem);
    rows.push_back(std::move(row));
  }
  head.emplace_back("");
  return TextTable(head, rows) + "\nknown: rows with an outcome. In brackets: on the rows kept for the test when that model was trained.\n";
}

std::string AsJson(const std::vector<ScoredInterval>& intervals) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const ScoredInterval& i : intervals)
    all.push_back({{"interval", IntervalJson(i.run.interval_start_us, i.run.interval_end_us)}, {"run", i.run.id}, {"model", i.model}, {"scored", i.rows}, {"known", i.known},
                   {"metrics", i.metrics}, {"at_training", i.at_training}, {"problem", i.problem}});
  return DumpJson(all, 2) + "\n";
}

int Performance(const PerformanceFlags& flags, const GlobalFlags& global) {
  const Result<OpenProject> open = OpenState(global);
  if (!open.ok()) return Fail(open.status(), global);
  const Result<std::vector<ScoredInterval>> intervals = MeasureAll(*open->store, flags);
  if (!intervals.ok()) return Fail(intervals.status(), global);
  PrintOut(global.json ? AsJson(*intervals) : AsText(*intervals));
  return 0;
}
}  // namespace

void AddPerformanceCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("performance", "Join outcomes that came late to the scores of past runs: the metrics of each interval");
  auto flags = std::make_shared<PerformanceFlags>();
  command->add_option("PIPELINE", flags->pipeline, "a pipeline that scores")->required();
  command->add_option("STEP", flags->step, "its score step")->required();
  command->add_option("--outcomes", flags->outcomes, "what became of the scored rows: .csv .tsv .jsonl .parquet")->required()->type_name("FILE");
  command->add_option("--key", flags->key, "columns that both the outcomes and the scored rows have, and that tell rows apart")->required()->delimiter(',')->type_name("COLUMN,...");
  command->add_option("--label", flags->label, "the column of the outcomes that says what the model predicted")->required()->type_name("COLUMN");
  command->add_option("--metrics", flags->metrics, "metrics to compute (default: the usual ones of the task)")->delimiter(',')->type_name("NAME,...");
  command->add_option("--tenant", flags->tenant, "whose runs")->type_name("NAME");
  command->add_option("--delimiter", flags->delimiter, "of a CSV file (default: found in its first lines)")->type_name("CHAR");
  command->add_option("-n,--limit", flags->limit, "look at this many newest runs")->range(1, 1'000'000)->capture_default_str();
  command->callback([&global, &action, flags] { action = [&global, flags] { return Performance(*flags, global); }; });
}

}  // namespace headrace

// The commands that read recorded runs: runs, show, logs, data, why.

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "headrace/base/files.h"
#include "headrace/cli/command.h"
#include "headrace/cli/run_json.h"
#include "headrace/cli/run_outputs.h"
#include "headrace/run/fingerprint.h"
#include "headrace/run/run_report.h"
#include "headrace/sql/engine.h"
#include "headrace/step/step.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
std::string Took(std::int64_t from_us, std::int64_t to_us) { return to_us > from_us ? FormatSeconds(static_cast<double>(to_us - from_us) / 1e6) : std::string(); }
std::string Minute(std::int64_t us) { return FormatTimestamp(us).substr(0, 16); }

int Runs(const Store::RunQuery& query, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<std::vector<RunRecord>> runs = open->store->ListRuns(query);
  if (!runs.ok()) return Fail(runs.status(), flags);
  if (flags.json) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const RunRecord& run : *runs) {
      const Result<std::string> json = RunJson(*open->store, run, false);
      if (!json.ok()) return Fail(json.status(), flags);
      all.push_back(ParseOrderedJson(*json));
    }
    PrintJson(all);
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const RunRecord& run : *runs)
    rows.push_back({run.id, run.pipeline, run.tenant, FormatTimestamp(run.interval_start_us).substr(0, 10), FormatTimestamp(run.interval_end_us).substr(0, 10),
                    std::string(StateName(run.state)), run.exit_code < 0 ? "" : StrCat(run.exit_code), Minute(run.started_us), Took(run.started_us, run.finished_us)});
  PrintOut(TextTable({"run", "pipeline", "tenant", "from", "to", "state", "exit", "started (UTC)", "time"}, rows));
  return 0;
}

int Show(const std::string& id, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<RunRecord> run = open->store->GetRun(id);
  if (!run.ok()) return Fail(run.status(), flags);
  if (flags.json) {
    const Result<std::string> json = RunJson(*open->store, *run, true);
    if (!json.ok()) return Fail(json.status(), flags);
    PrintOut(*json + "\n");
    return 0;
  }
  const Result<RunReport> report = BuildReport(*open->store, open->name, run->id);
  if (!report.ok()) return Fail(report.status(), flags);
  const RunVerdict verdict = MakeVerdict(*report);
  std::string text = StrCat(verdict.chip, ": ", verdict.sentence, "\n", verdict.help.empty() ? "" : StrCat("help: ", verdict.help, "\n"), "\n");
  text += StrCat("run ", run->id, " of ", run->pipeline, run->tenant.empty() ? "" : StrCat(" for ", run->tenant), ", ", FormatTimestamp(run->interval_start_us), " to ",
                 FormatTimestamp(run->interval_end_us), ", exit code ", run->exit_code, "\n\n");
  std::vector<std::vector<std::string>> rows;
  for (const StepReport& step : report->steps)
    rows.push_back({step.name, step.kind, step.state, step.seconds > 0 ? FormatSeconds(step.seconds) : "", step.rows_out ? FormatCount(*step.rows_out) : "",
                    step.message.empty() ? step.reason : step.message});
  PrintOut(text + TextTable({"step", "kind", "state", "time", "rows", "why"}, rows));
  return 0;
}

/// `show RUN --items STEP`: how each item of a `for_each` went.
int ShowItems(const std::string& id, const std::string& step, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<RunRecord> run = open->store->GetRun(id);
  if (!run.ok()) return Fail(run.status(), flags);
  const auto items = open->store->ListItems(run->id, step);
  if (!items.ok()) return Fail(items.status(), flags);
  if (items->empty()) return Fail(Error(ErrorCode::kInvalid, "run ", run->id, " did no item of a step `", step, "`").WithHelp(StrCat("headrace show ", run->id, " lists its steps")), flags);
  std::vector<std::vector<std::string>> rows;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const StepRecord& item : *items) {
    const auto main = item.outputs.find("");
    const std::int64_t count = main == item.outputs.end() ? -1 : main->second.rows;
    const std::string why = item.message.empty() ? item.reason : item.message;
    rows.push_back({item.step, std::string(StateName(item.state)), StrCat(item.attempt), Took(item.started_us, item.finished_us), count < 0 ? "" : FormatCount(count), why});
    all.push_back({{"item", item.step}, {"state", StateName(item.state)}, {"attempt", item.attempt}, {"rows", count < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(count)}, {"reason", why}});
  }
  PrintOut(flags.json ? DumpJson(all, 2) + "\n" : TextTable({"item", "state", "attempt", "time", "rows", "why"}, rows));
  return 0;
}

int Logs(const std::string& id, const std::string& step, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<RunRecord> run = open->store->GetRun(id);
  if (!run.ok()) return Fail(run.status(), flags);
  const auto events = open->store->ListEvents(run->id, step);
  const auto steps = open->store->ListSteps(run->id);
  if (!events.ok()) return Fail(events.status(), flags);
  if (!steps.ok()) return Fail(steps.status(), flags);
  std::vector<Store::Event> lines = *events;
  std::vector<StepRecord> records = *steps;
  if (const std::size_t bracket = step.find('['); bracket != std::string::npos) {  // an item of a `for_each`
    Result<std::vector<StepRecord>> items = open->store->ListItems(run->id, step.substr(0, bracket));
    if (!items.ok()) return Fail(items.status(), flags);
    records = *std::move(items);
  }
  const bool there = step.empty() || std::any_of(records.begin(), records.end(), [&](const StepRecord& record) { return record.step == step; });
  if (!there) return Fail(Error(ErrorCode::kInvalid, "run ", run->id, " has no step `", step, "`").WithHelp(StrCat("headrace show ", run->id, " lists its steps")), flags);
  for (const StepRecord& record : records) {
    if ((!step.empty() && record.step != step) || record.started_us == 0) continue;
    if (record.state == StepState::kSucceeded || record.state == StepState::kFailed || record.state == StepState::kRunning)
      lines.push_back({record.started_us, record.step, "info", StrCat("started: ", record.reason)});
    if (record.finished_us > 0) lines.push_back({record.finished_us, record.step, "info", StrCat(StateName(record.state), record.message.empty() ? "" : StrCat(": ", record.message))});
  }
  std::sort(lines.begin(), lines.end(), [](const Store::Event& a, const Store::Event& b) { return std::tie(a.at_us, a.step, a.text) < std::tie(b.at_us, b.step, b.text); });
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Store::Event& line : lines) {
    if (flags.json) all.push_back({{"at", FormatTimestamp(line.at_us)}, {"step", line.step}, {"level", line.level}, {"text", line.text}});
    else PrintOut(StrCat(FormatTimestamp(line.at_us / 1000 * 1000), "  ", line.level, "  ", line.step.empty() ? "" : StrCat(line.step, ": "), line.text, "\n"));
  }
  if (flags.json) PrintJson(all);
  return 0;
}

/// Numbers and booleans as such, dates and moments as people write them.
nlohmann::ordered_json CellJson(const Value& value) {
  if (value.is_null()) return nullptr;
  if (value.type() == Type::kBool) return value.as_bool();
  if (value.type() == Type::kInt) return value.as_int();
  if (value.type() == Type::kDouble && std::isfinite(value.as_double())) return value.as_double();
  return value.ToString();
}

struct DataFlags {
  std::string run, step, out;
  std::int64_t rows = 20;
};

int Data(const DataFlags& data, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<RunRecord> run = open->store->GetRun(data.run);
  if (!run.ok()) return Fail(run.status(), flags);
  const Result<ArtifactRef> artifact = FindOutput(*open->store, run->id, data.step);
  if (!artifact.ok()) return Fail(artifact.status(), flags);
  const Result<std::string> path = open->store->ArtifactPath(*artifact);
  if (!path.ok()) return Fail(path.status(), flags);
  if (artifact->kind == "model") return Fail(Error(ErrorCode::kInvalid, "`", data.step, "` made a model").WithHelp(StrCat("headrace inspect ", *path)), flags);
  if (artifact->kind == "body") {
    const Result<std::string> body = ReadFile(*path);
    if (!body.ok()) return Fail(body.status(), flags);
    if (data.out.empty()) return PrintOut(*body), 0;
    const Status written = WriteFileAtomically(data.out, *body);
    return written.ok() ? 0 : Fail(written, flags);
  }
  Engine::Options options;
  options.any_file = true;
  const Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
  if (!engine.ok()) return Fail(engine.status(), flags);
  if (const Status added = (*engine)->AddParquet("rows", *path); !added.ok()) return Fail(added, flags);
  if (!data.out.empty()) {
    const Result<FileFormat> format = FileFormat::OfPath(data.out);
    if (!format.ok()) return Fail(format.status(), flags);
    const Result<std::int64_t> written = (*engine)->WriteFile("SELECT * FROM rows", {}, data.out, *format);
    if (!written.ok()) return Fail(written.status(), flags);
    if (!flags.quiet) PrintErr(StrCat("wrote ", FormatCount(*written), " rows to ", data.out, "\n"));
    return 0;
  }
  const auto stream = (*engine)->Query(StrCat("SELECT * FROM rows LIMIT ", data.rows));
  if (!stream.ok()) return Fail(stream.status(), flags);
  const Result<Table> table = ReadAll(**stream);
  if (!table.ok()) return Fail(table.status(), flags);
  std::vector<std::vector<std::string>> rows;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (std::size_t r = 0; r < table->num_rows(); ++r) {
    std::vector<std::string> cells;
    nlohmann::ordered_json row = nlohmann::ordered_json::object();
    for (std::size_t c = 0; c < table->num_columns(); ++c) {
      const Value value = table->column(c).At(r);
      cells.push_back(value.is_null() ? "" : value.ToString());
      row[table->schema()[c].name] = CellJson(value);
    }
    rows.push_back(std::move(cells));
    all.push_back(std::move(row));
  }
  PrintOut(flags.json ? DumpJson(all, 2) + "\n" : TextTable(table->schema().Names(), rows));
  if (!flags.json && !flags.quiet) PrintErr(StrCat(FormatCount(static_cast<std::int64_t>(table->num_rows())), " of ", FormatCount(artifact->rows), " rows\n"));
  return 0;
}

int Why(const std::string& id, const std::string& step, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<RunRecord> run = open->store->GetRun(id);
  if (!run.ok()) return Fail(run.status(), flags);
  const auto steps = StepsFor(*open->store, run->id, step);
  if (!steps.ok()) return Fail(steps.status(), flags);
  std::vector<std::string> names;
  for (const StepRecord& record : *steps) names.push_back(record.step);
  const auto found = std::find(names.begin(), names.end(), step);
  if (found == names.end()) {
    return Fail(Error(ErrorCode::kInvalid, "run ", run->id, " has no step `", step, "`").WithHelp(NamesHelp(run->id, step, names, "its steps are ")), flags);
  }
  const StepRecord& record = (*steps)[static_cast<std::size_t>(found - names.begin())];
  const auto last = open->store->LastOf(run->pipeline, run->tenant, step, run->id);
  if (!last.ok()) return Fail(last.status(), flags);
  std::vector<PartChange> changes;
  if (last->has_value() && !record.fingerprint.empty()) {
    const auto compared = CompareParts((*last)->parts, record.parts);
    if (!compared.ok()) return Fail(compared.status(), flags);
    changes = *compared;
  }
  if (flags.json) {
    nlohmann::ordered_json json = {{"run", run->id}, {"step", step}, {"state", StateName(record.state)}, {"reason", record.reason}, {"fingerprint", record.fingerprint},
                                   {"compared_with", last->has_value() ? (*last)->run : ""}, {"changes", nlohmann::ordered_json::array()}};
    for (const PartChange& change : changes) json["changes"].push_back({{"part", change.part}, {"before", change.before}, {"now", change.now}});
    PrintJson(json);
    return 0;
  }
  std::string text = StrCat(step, " ", StateName(record.state), record.reason.empty() ? "" : StrCat(": ", record.reason), "\n");
  if (!record.reused_from.empty()) text += StrCat("its output is that of run ", record.reused_from, "\n");
  if (last->has_value()) {
    text += changes.empty() ? StrCat("nothing that determines it differs from run ", (*last)->run, "\n") : StrCat("compared with run ", (*last)->run, ":\n");
    for (const PartChange& change : changes)
      text += StrCat("  ", change.part, "\n", change.before.empty() ? "" : StrCat("    - ", ReplaceAll(change.before, "\n", "\n      "), "\n"),
                     change.now.empty() ? "" : StrCat("    + ", ReplaceAll(change.now, "\n", "\n      "), "\n"));
  }
  PrintOut(text);
  return 0;
}

std::shared_ptr<std::string> RunArgument(CommandLine command) {
  auto run = std::make_shared<std::string>("last");
  command->add_option("RUN", *run, "id of a run, the beginning of one, or `last`")->capture_default_str();
  return run;
}
}  // namespace

void AddRunsCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("runs", "List runs, newest first");
  auto query = std::make_shared<Store::RunQuery>();
  command->add_option("--pipeline", query->pipeline, "only of this pipeline")->type_name("NAME");
  command->add_option("--tenant", query->tenant, "only of this tenant")->type_name("NAME");
  command->add_option("-n,--limit", query->limit, "at most this many")->range(1, 1'000'000)->capture_default_str();
  command->callback([&flags, &action, query] { action = [&flags, query] { return Runs(*query, flags); }; });
}

void AddShowCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("show", "Show a run: verdict, steps, times, rows");
  auto run = RunArgument(command);
  auto items = std::make_shared<std::string>();
  command->add_option("--items", *items, "the items of this step's `for_each`, one by one")->type_name("STEP");
  command->callback([&flags, &action, run, items] { action = [&flags, run, items] { return items->empty() ? Show(*run, flags) : ShowItems(*run, *items, flags); }; });
}

void AddLogsCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("logs", "Show what happened in a run, in order");
  auto run = RunArgument(command);
  auto step = std::make_shared<std::string>();
  command->add_option("STEP", *step, "only of this step");
  command->callback([&flags, &action, run, step] { action = [&flags, run, step] { return Logs(*run, *step, flags); }; });
}

void AddDataCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("data", "Show or copy the rows that a step left");
  auto data = std::make_shared<DataFlags>();
  command->add_option("RUN", data->run, "id of a run, the beginning of one, or `last`")->required();
  command->add_option("STEP", data->step, "a step, or step.output")->required();
  command->add_option("-n,--rows", data->rows, "rows to show")->range(1, 1'000'000)->capture_default_str();
  command->add_option("-o,--output", data->out, "write all rows there instead: .parquet, .csv, .tsv or .jsonl")->type_name("FILE");
  command->callback([&flags, &action, data] { action = [&flags, data] { return Data(*data, flags); }; });
}

void AddWhyCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("why", "Say why a step ran or was reused, and what changed");
  auto run = std::make_shared<std::string>();
  auto step = std::make_shared<std::string>();
  command->add_option("RUN", *run, "id of a run, the beginning of one, or `last`")->required();
  command->add_option("STEP", *step, "a step of the run")->required();
  command->callback([&flags, &action, run, step] { action = [&flags, run, step] { return Why(*run, *step, flags); }; });
}

}  // namespace headrace

// A test is an ordinary run: same loop, same steps, same checks. Only its state is a folder that nobody else knows, and its extracts read
// files that were laid there before.

#include "headrace/run/test_run.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/check/check.h"
#include "headrace/run/run_loop.h"
#include "headrace/sql/engine.h"
#include "headrace/sql/files.h"

namespace headrace {
namespace fs = std::filesystem;
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / "headrace-test-XXXXXX").string();
    if (!error && ::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }   ///< "" = it could not be made

 private:
  std::string path_;
};

/// Stands at one time; durations are real, so that timeouts of steps hold.
class StoppedClock final : public Clock {
 public:
  explicit StoppedClock(std::int64_t now_us) : now_us_(now_us) {}
  std::int64_t NowMicros() override { return now_us_; }
  std::int64_t MonotonicMicros() override { return SystemClock().MonotonicMicros(); }
  void Sleep(std::int64_t micros) override { SystemClock().Sleep(micros); }

 private:
  std::int64_t now_us_;
};

Result<std::unique_ptr<Engine>> OpenReader() {
  Engine::Options options;
  options.any_file = true;
  return Engine::Open(options);
}

/// Rows of a file under tests/. Columns that `types` and then `schema` know are read as these say; others by their cells.
Result<Table> ReadRows(const std::string& root, const TestRows& rows, const Schema& schema) {
  FileSource source;
  source.pattern = JoinPath(root, rows.file);
  ASSIGN_OR_RETURN(const Schema found, FileSchema(source));
  std::vector<Field> declared;
  for (const Field& field : found.fields()) {
    const auto stated = std::find_if(rows.types.begin(), rows.types.end(), [&](const Field& f) { return f.name == field.name; });
    if (stated != rows.types.end()) declared.push_back(*stated);
    else if (const auto known = schema.IndexOf(field.name)) declared.push_back(schema[*known]);
  }
  source.declared = Schema(std::move(declared));
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenReader());
  RETURN_IF_ERROR(LoadFiles(*engine, source, "rows"));
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> stream, engine->Query("SELECT * FROM rows"));
  return ReadAll(*stream);
}

Table WithNullableColumns(Table table, const Contract* contract) {
  if (contract == nullptr) return table;
  for (const ContractColumn& column : contract->columns) {
    if (!column.nullable || table.schema().IndexOf(column.name)) continue;
    ColumnBuilder nulls(column.type);
    for (std::size_t i = 0; i < table.num_rows(); ++i) nulls.AppendNull();
    table = table.WithColumn(column.name, nulls.Finish());
  }
  return table;
}

Status WriteSample(const std::string& from, const std::string& column, double share, const std::string& to) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenReader());
  RETURN_IF_ERROR(engine->AddParquet("rows", from));
  ASSIGN_OR_RETURN(const Schema schema, engine->Describe("SELECT * FROM rows"));
  constexpr std::int64_t kParts = 1'000'000;
  std::string sql = "SELECT * FROM rows";
  if (schema.IndexOf(column))
    sql += StrCat(" WHERE md5_number_lower(CAST(", QuoteIdentifier(column), " AS VARCHAR)) % ", kParts, " < ", static_cast<std::int64_t>(share * static_cast<double>(kParts)));
  return engine->WriteParquet(sql, {}, to).status();
}

/// Lay the rows that stand for steps into `folder` and point the steps at them.
Status LayRows(const ProjectTest& test, const TestRunOptions& options, const std::string& folder, TestPlan& plan) {
  for (StepSpec& step : plan.pipeline.steps) {
    if (std::find(plan.replaced.begin(), plan.replaced.end(), step.name) == plan.replaced.end()) continue;
    const std::string path = StrCat(folder, "/", step.name, ".parquet");
    if (options.recorded != nullptr) {
      RETURN_IF_ERROR(WriteSample(options.recorded->paths.at(step.name), test.sample, options.share, path));
    } else if (const auto file = plan.files.find(step.name); file != plan.files.end()) {
      const Contract* contract = ExtractSpec::ContractOf(step.checks);
      ASSIGN_OR_RETURN(Table table, ReadRows(plan.pipeline.root, *file->second, contract == nullptr ? Schema() : contract->schema()));
      RETURN_IF_ERROR(WriteParquetFile(StreamOf(WithNullableColumns(std::move(table), contract)), path).status());
    } else {
      RETURN_IF_ERROR(WriteParquetFile(StreamOf(plan.given.at(step.name)), path).status());
    }
    std::get<ExtractSpec>(step.spec).file = path;
  }
  return Ok();
}

/// Holds the outputs of a finished run against what was expected.
class Judge {
 public:
  Judge(const ProjectTest& test, const TestPlan& plan, Store& store, bool compare_rows) : test_(test), plan_(plan), store_(store), compare_rows_(compare_rows) {}

  Result<std::vector<TestFailure>> Run(const std::string& run) {
    ASSIGN_OR_RETURN(const std::vector<StepRecord> steps, store_.ListSteps(run));
    for (const StepRecord& step : steps) records_[step.step] = step;
    std::set<std::string> may_fail;
    for (std::size_t i = 0; i < plan_.targets.size(); ++i)
      if (!test_.expect[i].fails.empty()) may_fail.insert(plan_.targets[i].step);
    for (const StepRecord& step : steps)
      if (step.state == StepState::kFailed && !may_fail.contains(step.step)) Fail(step.step, StrCat("failed: ", step.message, step.help.empty() ? "" : StrCat(" (", step.help, ")")));
    const bool any_failed = !failures_.empty();
    for (std::size_t i = 0; i < plan_.targets.size(); ++i) {
      const StepRecord& record = records_.at(plan_.targets[i].step);
      if (!test_.expect[i].fails.empty()) MustFail(test_.expect[i], record);
      else if (record.state == StepState::kSucceeded || record.state == StepState::kReused) RETURN_IF_ERROR(Rows(test_.expect[i], plan_.targets[i], record));
      else if (!any_failed) Fail(test_.expect[i].name, StrCat("did not run: ", record.reason));
    }
    return std::move(failures_);
  }

 private:
  void Fail(const std::string& step, std::string message, std::optional<Difference> difference = std::nullopt) {
    failures_.push_back({step, std::move(message), std::move(difference)});
  }

  void MustFail(const TestExpectation& expectation, const StepRecord& record) {
    if (record.state != StepState::kFailed) Fail(expectation.name, StrCat("should fail and say `", expectation.fails, "`, but it ", StateName(record.state)));
    else if (record.message.find(expectation.fails) == std::string::npos) Fail(expectation.name, StrCat("fails, but not with `", expectation.fails, "`: ", record.message));
  }

  Status Rows(const TestExpectation& expectation, const TestPlan::Target& target, const StepRecord& record) {
    const auto output = record.outputs.find(target.output);
    if (output == record.outputs.end()) {
      Fail(expectation.name, "left no rows");
      return Ok();
    }
    ASSIGN_OR_RETURN(const std::string path, store_.ArtifactPath(output->second));
    ASSIGN_OR_RETURN(const Table found, ReadParquet(path));
    const std::unique_ptr<TableStream> stream = StreamOf(found);
    const Result<std::vector<CheckVerdict>> verdicts = RunChecks(target.checks, *stream, {.until_us = plan_.pipeline.interval.end_us});
    if (!verdicts.ok()) Fail(expectation.name, verdicts.status().message());
    else
      for (const CheckVerdict& verdict : *verdicts)
        if (!verdict.passed && verdict.severity == Severity::kError) Fail(expectation.name, StrCat("check `", verdict.name, "`: ", verdict.message));
    if (!expectation.rows || !compare_rows_) return Ok();
    const Result<ExpectedRows> expected = Expected(expectation, found);
    if (expected.ok()) Compare(expectation, target, *expected, found);
    else Fail(expectation.name, expected.status().message());
    return Ok();
  }

  /// The expected rows, typed as those found.
  Result<ExpectedRows> Expected(const TestExpectation& expectation, const Table& found) const {
    const TestRows& rows = *expectation.rows;
    ExpectedRows out;
    std::optional<Table> file;
    if (!rows.file.empty()) {
      ASSIGN_OR_RETURN(file, ReadRows(plan_.pipeline.root, rows, found.schema()));
    }
    out.columns = file ? file->schema().Names() : rows.columns;
    if (out.columns.empty()) out.columns = found.schema().Names();   // no row at all
    for (const std::string& column : out.columns)
      if (!found.schema().IndexOf(column)) {
        const std::string near = NearestName(column, found.schema().Names());
        return Error(ErrorCode::kData, "gives no column `", column, "`; ", near.empty() ? StrCat("it gives ", Join(found.schema().Names(), ", ")) : StrCat("did you mean `", near, "`?"));
      }
    for (const std::string& column : found.schema().Names())
      if (expectation.all_columns && std::find(out.columns.begin(), out.columns.end(), column) == out.columns.end())
        return Error(ErrorCode::kData, "gives a column `", column, "` that the expected rows do not name, and `columns: all` allows no others");
    for (std::size_t r = 0; r < (file ? file->num_rows() : rows.rows.size()); ++r) {
      out.rows.emplace_back();
      for (std::size_t c = 0; c < out.columns.size(); ++c) {
        if (file) {
          out.rows.back().push_back(file->column(c).At(r));
          continue;
        }
        ASSIGN_OR_RETURN(Value value, Cell(rows.rows[r][c], out.columns[c], found.Find(out.columns[c])->type()));
        out.rows.back().push_back(std::move(value));
      }
    }
    return out;
  }

  static Result<Value> Cell(const Node& cell, const std::string& column, Type type) {
    if (cell.is_null()) return Value::Null(type);
    Result<Value> value = Value::Parse(cell.text, type);
    if (!value.ok() && type == Type::kInt) value = Value::Parse(cell.text, Type::kDouble);
    if (value.ok()) return value;
    const Location at = Locate(cell.place);
    return Error(ErrorCode::kData, "gives `", column, "` as ", TypeName(type), ", which the expected `", cell.text, "` (", at.file, ":", at.line, ":", at.column, ") does not read as");
  }

  void Compare(const TestExpectation& expectation, const TestPlan::Target& target, const ExpectedRows& expected, const Table& found) {
    DifferenceOptions options;
    options.ordered = expectation.ordered;
    options.tolerance = expectation.tolerance;
    const bool keyed = std::all_of(target.key.begin(), target.key.end(), [&](const std::string& column) {
      return std::find(expected.columns.begin(), expected.columns.end(), column) != expected.columns.end();
    });
    if (keyed) options.key = target.key;
    Difference difference = CompareRows(expected, found, options);
    if (difference.none()) return;
    std::vector<std::string> parts;
    if (difference.changed > 0) parts.push_back(StrCat(Counted(difference.changed, "row"), " changed"));
    if (difference.missing > 0) parts.push_back(StrCat(Counted(difference.missing, "row"), " missing"));
    if (difference.extra > 0) parts.push_back(StrCat(Counted(difference.extra, "row"), " too many"));
    Fail(expectation.name, StrCat(Join(parts, ", "), " (", Counted(expected.rows.size(), "row"), " expected, ", found.num_rows(), " found; numbers equal within ", expectation.tolerance, ")"),
         std::move(difference));
  }

  const ProjectTest& test_;
  const TestPlan& plan_;
  Store& store_;
  const bool compare_rows_;
  std::map<std::string, StepRecord> records_;
  std::vector<TestFailure> failures_;
};

}  // namespace

Result<RecordedExtracts> FindRecorded(Store& store, const ProjectTest& test, const TestPlan& plan) {
  Store::RunQuery query;
  query.pipeline = test.request.pipeline;
  query.tenant = test.request.tenant;
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, store.ListRuns(query));
  for (const RunRecord& run : runs) {
    if (run.tenant != test.request.tenant) continue;
    ASSIGN_OR_RETURN(const std::vector<StepRecord> steps, store.ListSteps(run.id));
    RecordedExtracts found{run.id, {run.interval_start_us, run.interval_end_us}, {}};
    for (const StepRecord& step : steps) {
      const bool wanted = std::find(plan.replaced.begin(), plan.replaced.end(), step.step) != plan.replaced.end() && step.outputs.contains("");
      if (!wanted || (step.state != StepState::kSucceeded && step.state != StepState::kReused)) continue;
      const Result<std::string> path = store.ArtifactPath(step.outputs.at(""));
      if (path.ok()) found.paths[step.step] = *path;
    }
    if (found.paths.size() == plan.replaced.size()) return found;
  }
  return Error(ErrorCode::kInvalid, "no recorded run of pipeline `", test.request.pipeline, "`", test.request.tenant.empty() ? "" : StrCat(" for tenant `", test.request.tenant, "`"),
               " holds the rows of ", Join(plan.replaced, ", "), ", which test `", test.name, "` would sample")
      .WithHelp(StrCat("`headrace run ", test.request.pipeline, test.request.tenant.empty() ? "" : StrCat(" --tenant ", test.request.tenant), "` records them"));
}

Result<std::vector<TestFailure>> RunTest(const ProjectTest& test, TestPlan plan, const TestRunOptions& options, const std::atomic<bool>& interrupt) {
  const TemporaryFolder folder;
  if (folder.path().empty()) return Error(ErrorCode::kBusy, "cannot make a temporary folder").WithHelp("free space there, or set TMPDIR to another folder");
  if (const Status status = LayRows(test, options, folder.path(), plan); !status.ok()) {
    if (status.code() == ErrorCode::kBusy) return status;
    return std::vector<TestFailure>{{"given", StrCat(status.message(), status.help().empty() ? "" : StrCat(" (", status.help(), ")")), std::nullopt}};
  }
  StoppedClock clock(plan.pipeline.interval.end_us);
  ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, Store::Open(folder.path(), clock));
  ConnectionMap connections(ConnectionMap::Options{});                       // stays empty: the plan has none
  RunEnvironment environment;
  environment.pipeline = &plan.pipeline;
  environment.store = store.get();
  environment.connections = &connections;
  environment.clock = &clock;
  environment.variables = [](const std::string&) { return std::optional<std::string>(); };
  environment.run = "test";
  environment.threads = options.threads;
  ThreadRunner runner(static_cast<std::size_t>(std::max(options.threads, 1)));
  RunObserver observer;
  RunLoop::Options loop;
  loop.force = true;
  ASSIGN_OR_RETURN(const RunRecord run, RunLoop(environment, runner, observer, interrupt).Run(loop));
  if (run.state == RunState::kInterrupted) return Error(ErrorCode::kInterrupted, "interrupted in test `", test.name, "`");
  ASSIGN_OR_RETURN(std::vector<TestFailure> failures, Judge(test, plan, *store, options.recorded == nullptr).Run(run.id));
  for (TestFailure& failure : failures)
    for (const std::string& step : plan.replaced)
      failure.message = ReplaceAll(failure.message, StrCat(folder.path(), "/", step, ".parquet"), options.recorded != nullptr ? "the recorded rows" : "the given rows");
  return failures;
}

}  // namespace headrace

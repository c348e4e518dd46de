#include <algorithm>
#include <filesystem>

#include "headrace/base/files.h"
#include "headrace/base/parallel.h"
#include "headrace/cli/command.h"
#include "headrace/cli/interrupt.h"
#include "headrace/cli/test_results.h"
#include "headrace/pipeline/schema.h"

namespace headrace {

namespace {
struct TestFlags {
  std::vector<std::string> files;
  std::string sample, junit;
};

/// FILE as people write it, to paths within the project.
Result<std::vector<std::string>> Within(const std::string& root, const std::vector<std::string>& files) {
  std::vector<std::string> out;
  for (const std::string& file : files) {
    std::error_code error;
    std::filesystem::path path = std::filesystem::weakly_canonical(file, error);
    if (!FileExists(path.string())) path = std::filesystem::weakly_canonical(JoinPath(root, file), error);   // with -C
    const std::string within = path.lexically_relative(std::filesystem::weakly_canonical(root, error)).generic_string();
    if (!FileExists(path.string())) return Error(ErrorCode::kInvalid, "no file `", file, "`").WithHelp("without a file, all of tests/*.yaml run");
    if (within.empty() || within.starts_with("..")) return Error(ErrorCode::kInvalid, "`", file, "` does not lie in the project `", root, "`");
    out.push_back(within);
  }
  return out;
}

class TestSession {
 public:
  TestSession(const TestFlags& flags, const GlobalFlags& global) : flags_(flags), global_(global), interrupt_(WatchInterrupts()) {}

  int Run() {
    Diagnostics diagnostics;
    Result<Project> project = LoadProject(global_, "", diagnostics);
    if (diagnostics.has_errors()) return FailWith(diagnostics, global_);
    if (!project.ok()) return Fail(project.status(), global_);
    double share = 1;
    if (!flags_.sample.empty() && (!ParseShare(flags_.sample, &share) || !(share > 0 && share <= 1)))
      return Fail(Error(ErrorCode::kInvalid, "`--sample ", flags_.sample, "` is no share").WithHelp("write 1% or 0.01"), global_);
    const Result<std::vector<std::string>> files = Within(project->root(), flags_.files);
    if (!files.ok()) return Fail(files.status(), global_);
    const std::vector<ProjectTest> tests = LoadTests(*project, *files, diagnostics);
    if (tests.empty() && !diagnostics.has_errors())
      return Fail(Error(ErrorCode::kInvalid, "this project has no tests").WithHelp("write them as tests/*.yaml; docs/testing.md says how"), global_);
    const Status status = flags_.sample.empty() ? RunGiven(*project, tests, diagnostics) : RunRecorded(*project, tests, share, diagnostics);
    if (diagnostics.has_errors()) return FailWith(diagnostics, global_);
    if (!status.ok()) return Fail(status, global_);
    return Tell();
  }

 private:
  /// All plans are made before the first test runs, so that all errors of the files come at once.
  Status RunGiven(const Project& project, const std::vector<ProjectTest>& tests, Diagnostics& diagnostics) {
    std::vector<TestPlan> plans;
    for (const ProjectTest& test : tests)
      if (std::optional<TestPlan> plan = PlanTest(project, test, TestRowsFrom::kGiven, diagnostics)) plans.push_back(*std::move(plan));
    if (diagnostics.has_errors()) return Ok();
    for (std::size_t i = 0; i < tests.size(); ++i) RETURN_IF_ERROR(RunOne(tests[i], std::move(plans[i]), nullptr, 1));
    return Ok();
  }

  Status RunRecorded(const Project& project, const std::vector<ProjectTest>& tests, double share, Diagnostics& diagnostics) {
    if (diagnostics.has_errors()) return Ok();
    ASSIGN_OR_RETURN(const OpenProject open, OpenState(global_));
    for (ProjectTest test : tests) {
      if (test.sample.empty()) {
        results_.push_back({test.name, test.file, test.request.pipeline, test.request.tenant, 0, "it has no `sample:` column to take rows by", {}});
        continue;
      }
      const std::optional<TestPlan> any = PlanTest(project, test, TestRowsFrom::kRecorded, diagnostics);
      if (!any) return Ok();
      ASSIGN_OR_RETURN(const RecordedExtracts recorded, FindRecorded(*open.store, test, *any));
      test.request.interval = recorded.interval;
      std::optional<TestPlan> plan = PlanTest(project, test, TestRowsFrom::kRecorded, diagnostics);
      if (!plan) return Ok();
      RETURN_IF_ERROR(RunOne(test, *std::move(plan), &recorded, share));
    }
    return Ok();
  }

  Status RunOne(const ProjectTest& test, TestPlan plan, const RecordedExtracts* recorded, double share) {
    const std::int64_t start = SystemClock().MonotonicMicros();
    ASSIGN_OR_RETURN(std::vector<TestFailure> failures, RunTest(test, std::move(plan), {ResolveThreads(global_.threads), recorded, share}, interrupt_));
    const double seconds = static_cast<double>(SystemClock().MonotonicMicros() - start) / 1e6;
    results_.push_back({test.name, test.file, test.request.pipeline, test.request.tenant, seconds, "", std::move(failures)});
    if (!global_.json && (!global_.quiet || results_.back().failed())) PrintOut(TestText(results_.back()));
    return Ok();
  }

  int Tell() {
    if (!flags_.junit.empty()) {
      const Status status = WriteFileAtomically(flags_.junit, TestJunit(results_));
      if (!status.ok()) return Fail(status, global_);
    }
    if (global_.json) {
      PrintOut(TestJson(results_));
    } else if (!global_.quiet) {
      for (const TestResult& result : results_)
        if (result.skipped()) PrintOut(TestText(result));
      PrintOut(TestCounts(results_));
    }
    return std::any_of(results_.begin(), results_.end(), [](const TestResult& result) { return result.failed(); }) ? ExitCode(ErrorCode::kFailed) : 0;
  }

  const TestFlags& flags_;
  const GlobalFlags& global_;
  const std::atomic<bool>& interrupt_;
  std::vector<TestResult> results_;
};
}  // namespace

void AddTestCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("test", "Run the project's own tests (tests/*.yaml): given rows in, expected rows out; touches no connection");
  auto flags = std::make_shared<TestFlags>();
  command->add_option("FILE", flags->files, "test files (default: all of tests/*.yaml)");
  command->add_option("--sample", flags->sample, "instead of given rows take this share of what the extracts of the last run recorded, and judge checks only")->type_name("SHARE");
  command->add_option("--junit", flags->junit, "write the results there as JUnit XML")->type_name("FILE");
  command->callback([&global, &action, flags] { action = [&global, flags] { return TestSession(*flags, global).Run(); }; });
}

}  // namespace headrace

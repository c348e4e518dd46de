#pragma once

#include <string>
#include <vector>

#include "headrace/run/test_run.h"

namespace headrace {

/// How one test of the project ended.
struct TestResult {
  std::string name, file, pipeline, tenant;
  double seconds = 0;
  std::string skipped_because;                 ///< "" = it ran
  std::vector<TestFailure> failures;

  bool skipped() const { return !skipped_because.empty(); }
  bool failed() const { return !failures.empty(); }
};

/// For people: "ok    NAME", or "FAIL  NAME" with what was expected and what came, side by side.
std::string TestText(const TestResult& result);
/// "2 tests passed, 1 failed".
std::string TestCounts(const std::vector<TestResult>& results);
/// One JSON document: {passed, failed, skipped, tests: [{name, file, pipeline, tenant, state, seconds, failures: [{step, message, difference}]}]}.
std::string TestJson(const std::vector<TestResult>& results);
/// One <testsuites> document as JUnit's readers take it; a character that XML cannot hold becomes "?".
std::string TestJunit(const std::vector<TestResult>& results);

}  // namespace headrace

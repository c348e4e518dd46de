#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "headrace/check/difference.h"
#include "headrace/pipeline/test_file.h"
#include "headrace/store/store.h"

namespace headrace {

/// What the extracts of a test gave in one recorded run.
struct RecordedExtracts {
  std::string run;
  Interval interval;                                 ///< of that run: its rows belong to it
  std::map<std::string, std::string> paths;          ///< step -> Parquet file
};

/// From the newest run of the test's pipeline and tenant in which all replaced steps of `plan` ended well. kInvalid when there is none.
Result<RecordedExtracts> FindRecorded(Store& store, const ProjectTest& test, const TestPlan& plan);

struct TestRunOptions {
  int threads = 1;
  const RecordedExtracts* recorded = nullptr;        ///< for a plan made with TestRowsFrom::kRecorded
  double share = 1;                                  ///< of their rows, by hash of the column ProjectTest::sample
};

/// One thing that a test expected and that did not come.
struct TestFailure {
  std::string step;
  std::string message;                               ///< lower case, no full stop
  std::optional<Difference> difference;
};

/// Run what `plan` holds in a state of its own, in a temporary folder that is removed again, with the clock standing at the interval's end, and
/// hold the outputs against the expectations (with recorded rows only against checks: rows were expected of the given ones). No failure means that
/// the test passed. An error means that the test could not be run: no space, interrupted.
Result<std::vector<TestFailure>> RunTest(const ProjectTest& test, TestPlan plan, const TestRunOptions& options, const std::atomic<bool>& interrupt);

}  // namespace headrace

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "headrace/pipeline/project.h"
#include "headrace/pipeline/yaml.h"
#include "headrace/table/table.h"

namespace headrace {

/// Rows as a test states them: written out, or a file under tests/.
struct TestRows {
  std::vector<std::string> columns;                  ///< in the order in which the rows first name them
  std::vector<std::vector<Node>> rows;               ///< one scalar a column, as written; a null scalar where the row does not name it
  std::string file;                                  ///< relative to the project's root; "" = `rows`
  std::vector<Field> types;                          ///< of some columns, as `types:` says
  Place place;
};

/// What one step must give.
struct TestExpectation {
  std::string name;                                  ///< the step or output, as written
  std::optional<TestRows> rows;
  std::vector<std::string> key;                      ///< empty = not given
  bool all_columns = false, ordered = false;
  double tolerance = 1e-9;                           ///< numbers a and b are equal when |a - b| <= tolerance * max(1, |a|, |b|)
  std::vector<CheckSpec> checks;
  std::string fails;                                 ///< the step must fail with a message that holds this; "" = it must not fail
  Place place;
};

/// One file under tests/: rows that stand for what steps would read, and what other steps must make of them.
struct ProjectTest {
  std::string name, file;                            ///< file: relative to the project's root
  ResolveRequest request;
  struct Given { TestRows rows; Place place; };
  std::map<std::string, Given> given;                ///< by step, as written
  struct ModelFile { std::string path; Place place; };
  std::map<std::string, ModelFile> models;           ///< by name in the registry, or by train step
  bool all_checks = false;                           ///< also checks of whole datasets, and those that read other steps
  std::string sample;                                ///< column for `headrace test --sample`; "" = the test has none
  std::vector<TestExpectation> expect;
  Place place;
};

/// Read and decode test files; all of tests/*.yaml, sorted, when `files` (relative to the root) is empty. What is wrong is reported, and that
/// test is left out. Touches nothing but these files and the contracts that their checks name.
std::vector<ProjectTest> LoadTests(const Project& project, const std::vector<std::string>& files, Diagnostics& diagnostics);

/// What a test runs: the part of the resolved pipeline that its expectations need, in which nothing reaches outside. A step that rows stand
/// for is an extract without inputs whose `file` the runner sets; connections are gone, and so are, unless the test
/// asks for all, checks that measure a whole dataset, which speak of real amounts, and those that read other datasets.
struct TestPlan {
  ResolvedPipeline pipeline;
  std::map<std::string, Table> given;                ///< by full name of a replaced step: rows that were written out, typed
  std::map<std::string, const TestRows*> files;      ///< of the others: rows in a file; borrowed from the ProjectTest
  std::vector<std::string> replaced;                 ///< all of them, and with Rows::kRecorded all extracts needed
  struct Target {
    std::string step, output;                        ///< the dataset to look at: of a deliver step, the one it reads
    std::vector<std::string> key;                    ///< by which its rows are known; empty = by all columns
    std::vector<CheckSpec> checks;                   ///< of the expectation, and that a delivery's key is unique
  };
  std::vector<Target> targets;                       ///< one an expectation, in their order
};

/// Where the rows of extracts come from: the test, or the last run.
enum class TestRowsFrom : std::uint8_t { kGiven, kRecorded };

/// Resolve the test's pipeline and cut out what the test runs. nullopt after reporting, each at its place in the test file: unknown names, rows that
/// do not read as their type, a step that would reach outside and that no rows stand for, rows that nothing needs.
std::optional<TestPlan> PlanTest(const Project& project, const ProjectTest& test, TestRowsFrom from, Diagnostics& diagnostics);

}  // namespace headrace

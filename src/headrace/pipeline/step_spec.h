#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "headrace/aggregate/spec.h"
#include "headrace/base/secret.h"
#include "headrace/check/spec.h"
#include "headrace/model/spec.h"
#include "headrace/pipeline/source.h"
#include "headrace/table/value.h"

namespace headrace {

/// A connection as a project file states it. What a run opens (a secret loaded, a path made absolute) is sql's ConnectionSpec.
struct ConnectionEntry {
  std::string name;
  std::string driver;                                ///< one of ConnectionDrivers()
  TextOrSecret uri;                                  ///< a database file, relative paths under the project's root; a server's address
  Place place;
};

/// The kinds of step that this version can run.
enum class StepKind : std::uint8_t { kExtract, kSql, kTrain, kScore, kDeliver, kCommand, kPipeline, kUnion, kAggregate };
std::string_view StepKindName(StepKind kind);        ///< "extract", "sql", "train", "score", "deliver", "command", "pipeline", "union", "aggregate"

/// How often a failing step is tried, and how long it waits in between: a random time up to backoff, 2 x backoff, ... up to max ("full jitter",
/// Brooker 2015: those that failed together do not come back together).
struct RetrySpec {
  std::int64_t attempts = 1;                         ///< 1 = no second try
  std::int64_t backoff_us = 1'000'000, max_us = 60'000'000;
  std::int64_t deadline_us = 0;                      ///< no new attempt after this much time; 0 = none
  bool all = false;                                  ///< after every failure, not only after one that may pass (locked, full, busy)
};

/// Values for the $names of a query, bound, never pasted. In the order of the file.
using BoundValues = std::vector<std::pair<std::string, Value>>;

/// One GET of an HTTP API whose answer is JSON.
struct ApiSpec {
  TextOrSecret url;
  std::vector<std::pair<std::string, TextOrSecret>> headers;
  std::string rows = "$";                            ///< a path that http/json_rows.h knows
  bool allow_private = false;
};

/// Rows from outside: files, a database by table or query, or an API.
struct ExtractSpec {
  std::string file;                                  ///< path or glob, relative to the project's root; "" = a connection
  std::string format;                                ///< csv | tsv | parquet | jsonl; "" = by the file's ending
  std::string delimiter;                             ///< csv: one character; "" = told from the first lines (tab for tsv)
  std::vector<std::string> null_values;              ///< texts read as null; empty = the contract's, or the default list
  std::string connection;
  std::string table;                                 ///< catalog.schema.name parts joined by dots, after the tenant's `tables`
  std::optional<SourcedText> query;
  BoundValues bind;
  std::optional<ApiSpec> api;                        ///< then all above is empty, but for null_values
  bool empty_allowed = false;                        ///< no rows at all are fine
  bool unchanged_allowed = false;                    ///< the rows of the interval before are fine
  bool of_interval = false;                          ///< the file or a bound value follows from the run's interval, so other rows are due for another
  /// The contract among the step's checks, or nullptr: it decides the types text is read as.
  static const Contract* ContractOf(const std::vector<CheckSpec>& checks);
};

/// One query on the embedded engine over the outputs of other steps.
struct SqlSpec {
  SourcedText query;
  BoundValues bind;
  std::int64_t threads = 1;                          ///< engine threads; above 1 last bits of sums may move
  /// One-row, one-column tables (name of table = name of column) for `date or dataset` parameters given as a date.
  std::vector<std::pair<std::string, Value>> value_tables;
};

struct RegisterSpec {
  enum class Promote : std::uint8_t { kAuto, kNever, kApprove };
  std::string name;
  Promote promote = Promote::kAuto;                  ///< the alias `champion` moves when every gate passed; kApprove: and somebody said yes
};

/// Which model a step applies: exactly one of step, name and file is set.
struct ModelRef {
  std::string step;                                  ///< a train step of this pipeline
  std::string name, alias;                           ///< NAME@ALIAS in the registry ("champion", or a version number)
  std::string file;                                  ///< a model file, relative to the project's root
};

struct ScoreSpec {
  ModelRef model;
  std::optional<std::vector<std::string>> keep;      ///< columns carried over; not given = all
  bool allow_changed_features = false;               ///< features_changed: allow
  int reasons = 0;                                   ///< columns reason_1 .. reason_n; 0 = none
  std::int64_t top = 0;                              ///< select: {top: n}, the n rows with the largest score; 0 = all rows
};

struct DeliverSpec {
  enum class Mode : std::uint8_t { kUpsert, kAppend, kReplace };
  std::string connection, table;                     ///< table: parts joined by dots, after the tenant's `tables`
  std::string file;                                  ///< or a file, relative to the project's root (.parquet, .csv)
  Mode mode = Mode::kUpsert;                         ///< kReplace for files
  std::vector<std::string> key;                      ///< not empty for kUpsert
  bool allow_older = false;                          ///< accept an interval older than the newest delivered
  bool preview = false;                              ///< the environment says `deliver: preview`: write a file, touch no destination
};
std::string_view DeliverModeName(DeliverSpec::Mode mode);

/// A program of the user's. docs/commands.md is what it may rely on.
struct CommandSpec {
  std::vector<std::string> argv;                     ///< never a shell's text; not empty
  std::optional<std::vector<std::string>> outputs;   ///< names; not given = the main one alone
  std::vector<std::string> code;                     ///< paths and globs, relative to the project's root
  std::string params = "{}";                         ///< JSON object
  std::vector<std::pair<std::string, TextOrSecret>> env;
  std::int64_t memory_bytes = 0, file_bytes = 0;     ///< 0 = no limit, as for the next two
  std::int64_t cpu_time_us = 0, open_files = 0;
  std::int64_t log_bytes = 1 << 20;

  /// The end of the variable that holds the path of an input or output: "BASE_EVENTS" for "base.events".
  static std::string VariableOf(std::string_view name);
  bool has_output(std::string_view name) const;      ///< "" = the main one
};

struct TrainStepSpec {
  TrainSpec train;
  std::optional<RegisterSpec> registration;
  std::optional<CommandSpec> program;                ///< that fits (train.learner.by_program); without outputs of its own
};

/// Another pipeline of the project, run as a part of this one: for the same tenant and interval, with parameters of its own.
struct PipelineStepSpec {
  std::string pipeline;
  std::vector<std::pair<std::string, std::string>> params;   ///< as `-p NAME=VALUE` gives them
  std::string output;                                ///< a step of that pipeline whose dataset is this step's; "" = it has none
};

/// The last act of a `for_each`, never written by a user: the rows of all items one after the other, under a column `item`.
struct UnionSpec {
  struct Part { Value item; std::string label, path; std::int64_t rows = 0; };
  std::vector<std::pair<std::string, std::vector<Part>>> outputs;   ///< by output name
};

/// In front of the names of inputs that the checks of a step read, and the step itself does not.
inline constexpr std::string_view kCheckInput = "check ";

/// What an `aggregate` step reads: its events, and the dataset of dates where it has one.
inline constexpr std::string_view kEventsInput = "events", kDatesInput = "dates";

/// The output that holds the rows put aside.
inline constexpr std::string_view kQuarantine = "quarantine";

/// One edge: what a step reads, and under which name.
struct StepInput {
  std::string name;        ///< inside: "data", "model", or the table name in SQL as written (parts joined by dots)
  std::string step;        ///< full name of the step that makes it
  std::string output;      ///< "" = its main output; "test_predictions" of a train step
  bool for_checks() const { return std::string_view(name).starts_with(kCheckInput); }
  bool operator==(const StepInput&) const = default;
};

class ItemTemplate;

/// `for_each`: the step is done once for each of several items, and reading it reads the rows of all.
struct ForEachSpec {
  std::vector<Value> values;                         ///< the items of a list: of one type, all different, no null; empty when `rows` gives them
  std::optional<StepInput> rows;                     ///< or a dataset: each row is an item
  std::vector<std::pair<std::string, Type>> columns; ///< of `rows`: what `${item.NAME}` may read
  std::string key;                                   ///< the one of `columns` that tells items apart
  std::int64_t parallel = 0;                         ///< items at once; 0 = as many as the run may have steps at work
  bool fail_fast = false;                            ///< the first item that fails ends the step; else the others go on
  std::shared_ptr<const ItemTemplate> item;          ///< makes the step of one item
};

/// A value in memory of its own, copied with its owner: a large kind of step must not widen all others, of which there may be 100,000.
template <typename T>
class Boxed {
 public:
  Boxed(T value) : value_(std::make_unique<T>(std::move(value))) {}
  Boxed(const Boxed& other) : value_(std::make_unique<T>(*other.value_)) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(const Boxed& other) { return *this = Boxed(other); }
  Boxed& operator=(Boxed&&) noexcept = default;
  ~Boxed() = default;
  const T& operator*() const { return *value_; }
  T& operator*() { return *value_; }

 private:
  std::unique_ptr<T> value_;   // null only after it was moved from
};

struct CacheSpec {
  bool reuse = true;                                 ///< `cache: off`: run every time
  std::optional<std::int64_t> fresh_for_us;          ///< extract from a live source: reuse while younger than this
};

/// One step, with every `${...}` evaluated.
struct StepSpec {
  std::string name;                                  ///< full: "base.events" for a step inside `base: {use: ...}`
  std::string bare_name;                             ///< "events"
  StepKind kind = StepKind::kExtract;
  std::variant<ExtractSpec, SqlSpec, Boxed<TrainStepSpec>, ScoreSpec, DeliverSpec, CommandSpec, PipelineStepSpec, UnionSpec, AggregateSpec> spec;
  std::vector<CheckSpec> checks;
  /// Rows that checks of single rows refuse go to the output `quarantine`, as long as their share is not larger.
  std::optional<double> quarantine_at_most;

  std::vector<StepInput> inputs;                     ///< data first, then model; for SQL sorted by name; then what checks read
  std::vector<std::string> upstream;                 ///< every step this one waits for, each once, sorted: inputs, `reads`, `after`, NAME@alias
  bool enabled = true;                               ///< value of `when`
  std::string when;                                  ///< as written; "" = none
  RetrySpec retry;
  std::int64_t timeout_us = 0;                       ///< 0 = none
  std::string pool;                                  ///< takes a slot of this pool of the project while it runs; "" = none
  bool approve = false;                              ///< a delivery waits until somebody says yes; for `train` see RegisterSpec
  std::int64_t approve_within_us = 0;                ///< how long a yes is waited for; 0 = no end
  CacheSpec cache;
  /// kSkipDependents: steps that read or follow it are skipped. kContinue: only those that read it are, and the run does not fail for it.
  /// kStopRun: nothing else starts but the steps under `finally`.
  enum class OnFailure : std::uint8_t { kSkipDependents, kContinue, kStopRun } on_failure = OnFailure::kSkipDependents;
  std::optional<ForEachSpec> for_each;               ///< then values that depend on the item stand at their defaults; `item` makes the real ones
  bool last = false;                                 ///< stands under `finally`: runs when all others have ended, however

  /// What the features depend on besides parameters, as written: the query of `sql` and `extract`, "table NAME" for a
  /// table (before the tenant's `tables`), arguments and variables of a command (its code comes with a run), AggregateSpec::Text(); "" where nothing is. Equal text for training and scoring is promise 1.
  std::string unfitted_text;
  Place place;                                       ///< of the step's name
  Place body;                                        ///< of all that stands under it

  template <typename T>
  const T& as() const {
    if constexpr (std::is_same_v<T, TrainStepSpec>) return *std::get<Boxed<T>>(spec);
    else return std::get<T>(spec);
  }
};

/// The program of the user's that the step runs: a command's, or one that fits its model; null for other steps.
inline const CommandSpec* ProgramOf(const StepSpec& step) {
  if (step.kind == StepKind::kCommand) return &step.as<CommandSpec>();
  return step.kind == StepKind::kTrain && step.as<TrainStepSpec>().program ? &*step.as<TrainStepSpec>().program : nullptr;
}

}  // namespace headrace

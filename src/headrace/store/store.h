#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/base/status.h"

struct sqlite3;

namespace headrace {

/// Where a run stands. kSucceeded, kFailed, kInterrupted are final.
enum class RunState : std::uint8_t { kRunning, kSucceeded, kFailed, kInterrupted };
/// Where a step of a run stands. All but kPending and kRunning are final.
enum class StepState : std::uint8_t { kPending, kRunning, kSucceeded, kReused, kFailed, kSkipped };
std::string_view StateName(RunState state);     ///< "running", "succeeded", "failed", "interrupted"
std::string_view StateName(StepState state);    ///< "pending", "running", "succeeded", "reused", "failed", "skipped"

/// A process, told apart from a later one of the same number by its start time.
struct ProcessId {
  std::int64_t pid = 0;
  std::string started;     ///< start time in clock ticks since boot, and the boot's id
  bool operator==(const ProcessId&) const = default;
};
ProcessId ThisProcess();
bool IsAlive(const ProcessId& process);

struct RunRecord {
  std::string id;
  std::string pipeline, tenant, environment;
  std::int64_t interval_start_us = 0, interval_end_us = 0;
  std::string params;             ///< JSON: {name: {value, from: flag | tenant | default}}; secrets as names
  std::string trigger;            ///< "manual", "resume", "dry run"
  RunState state = RunState::kRunning;
  int exit_code = -1;             ///< -1 while running
  std::string message;            ///< one sentence: how it ended
  std::int64_t started_us = 0, finished_us = 0;   ///< finished_us is 0 while it runs, and for one that was killed
  std::string version;            ///< of Headrace
  std::string commit;             ///< of the project's repository; "" = in none
  bool dirty = false;
  ProcessId process;
};

/// One output of a step: a file in the artifact store.
struct ArtifactRef {
  std::string digest;             ///< SHA-256 of the file
  std::string kind;               ///< "dataset" (Parquet) or "model"
  std::int64_t rows = -1;         ///< datasets
  bool operator==(const ArtifactRef&) const = default;
};

struct StepRecord {
  std::string run, step, kind;
  StepState state = StepState::kPending;
  int attempt = 0;
  std::int64_t started_us = 0, finished_us = 0;
  std::string fingerprint;        ///< SHA-256 of `parts`
  std::string parts;              ///< JSON object: all that determined the output (`headrace why` compares two of them)
  std::string reason;             ///< why it ran or was reused
  std::string reused_from;        ///< run id, when reused
  std::string error_code, message, help;
  std::map<std::string, ArtifactRef> outputs;   ///< by output name; "" is the main one
  std::string details;            ///< JSON object: checks, notes, delivery, model, counts
};

struct ModelVersion {
  std::string tenant, name;
  std::int64_t version = 0;
  std::string digest;
  std::int64_t created_us = 0;
  std::string run;                ///< run id, or "" when added from a file
  std::string commit;
  bool dirty = false;
  std::string metrics;            ///< JSON object
  std::string gates;              ///< JSON array of verdicts
  std::vector<std::string> aliases;
};

struct AliasMove {
  std::string alias;
  std::int64_t from_version = 0, to_version = 0;   ///< 0 = none
  std::int64_t moved_us = 0;
  std::string by;                 ///< user name
  std::string run;                ///< run id, or ""
};

/// What lasts of a project: runs and their steps, artifacts, the model registry. One SQLite file and one folder:
///
///   .headrace/state.db          every transition is one transaction (WAL); it survives `kill -9`
///   .headrace/artifacts/ab/abcd...   files named by digest, written aside and renamed
///   .headrace/tmp/              files being written; anything here not owned by a living run may go
///
/// Durable against power loss before it returns: FinishRun, MoveAlias (and AddModelVersion). Other transitions may be lost with
/// the power, never torn: what was lost is done again.
///
/// Threads: any number may call; calls are serialised. Processes: any number share one project.
class Store {
 public:
  /// Open or make `<root>/.headrace`. kInvalid when state.db was made by a newer Headrace; kBusy when it stays locked.
  static Result<std::unique_ptr<Store>> Open(const std::string& root, Clock& clock);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Runs. ---------------------------------------------------------------------------------------------------------
  /// Enter a new run with its steps, all pending. kBusy names the living run of the same pipeline, tenant and interval, if there is
  /// one; a dead one is marked interrupted first.
  Status CreateRun(const RunRecord& run, const std::vector<StepRecord>& steps);
  /// Take over a run whose process is gone: running again under this process, steps that did not end pending again.
  /// kBusy when its process lives; kInvalid when it succeeded or there is none.
  Status ResumeRun(const std::string& id, const ProcessId& process);
  Status StartStep(const StepRecord& step);
  /// Record how a step ended, with its outputs; one transaction.
  Status FinishStep(const StepRecord& step);
  Status FinishRun(const std::string& id, RunState state, int exit_code, const std::string& message);

  Result<RunRecord> GetRun(const std::string& id_or_prefix_or_last);
  struct RunQuery { std::string pipeline, tenant; std::int64_t limit = 50; };
  Result<std::vector<RunRecord>> ListRuns(const RunQuery& query);   ///< newest first
  Result<std::vector<StepRecord>> ListSteps(const std::string& run);
  /// The newest succeeded step of this pipeline, tenant and name with this fingerprint whose artifacts are all there.
  Result<std::optional<StepRecord>> FindReusable(std::string_view pipeline, std::string_view tenant, std::string_view step,
                                                 std::string_view fingerprint);
  /// The newest ended (succeeded or reused) record of the step before `before_run`, to compare with.
  Result<std::optional<StepRecord>> LastOf(std::string_view pipeline, std::string_view tenant, std::string_view step,
                                           std::string_view before_run);

  // Events, for `headrace logs`. ------------------------------------------------------------------------------------
  struct Event { std::int64_t at_us = 0; std::string step, level, text; };
  Status AddEvent(const std::string& run, const Event& event);
  Result<std::vector<Event>> ListEvents(const std::string& run, std::string_view step);

  // Artifacts. ------------------------------------------------------------------------------------------------------
  /// A path for a file being written, unique in the project; its folder is there.
  std::string ScratchPath(std::string_view suffix);
  /// Move a finished scratch file in under its digest. The same content is kept once.
  Result<ArtifactRef> AddArtifact(const std::string& scratch_path, std::string_view kind, std::int64_t rows);
  /// The file of an artifact, whose digest was checked (once a process); kFailed when it is gone or damaged.
  Result<std::string> ArtifactPath(const ArtifactRef& artifact);

  // Registry. -------------------------------------------------------------------------------------------------------
  /// Register a model. The same digest under the same name is the same version. `version` and `created_us` of the argument are ignored.
  Result<ModelVersion> AddModelVersion(const ModelVersion& model);
  Result<std::vector<ModelVersion>> ListModels(std::string_view tenant, std::string_view name);  ///< "" = all; by name, newest first
  /// NAME@ALIAS or NAME@VERSION; kInvalid says what there is.
  Result<ModelVersion> ResolveModel(std::string_view tenant, std::string_view name, std::string_view alias);
  Status MoveAlias(std::string_view tenant, std::string_view name, std::string_view alias, std::int64_t version,
                   std::string_view by, std::string_view run);
  Result<std::vector<AliasMove>> AliasHistory(std::string_view tenant, std::string_view name);   ///< newest first

  const std::string& directory() const { return directory_; }   ///< <root>/.headrace

 private:
  struct CloseDatabase { void operator()(sqlite3* db) const; };
  Store(std::string directory, Clock& clock) : directory_(std::move(directory)), clock_(clock) {}
  Status Migrate();

  std::string directory_;
  Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<sqlite3, CloseDatabase> db_;        // guarded by mutex_
  std::map<std::string, bool> verified_;              // guarded by mutex_: digests whose file was checked
  std::uint64_t scratch_count_ = 0;                   // guarded by mutex_
};

/// A new run id: UTC time and four random characters, so that ids sort by time: "20261122-060000-k3f9".
std::string NewRunId(Clock& clock, Random& random);

}  // namespace headrace

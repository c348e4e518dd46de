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
#include "headrace/base/secret.h"
#include "headrace/base/status.h"
#include "headrace/store/outbox_message.h"

namespace headrace {

namespace internal {
class Database;
}  // namespace internal

/// Where a run stands. kSucceeded, kFailed, kInterrupted are final; kWaiting: it waits for an approval and holds no process meanwhile.
enum class RunState : std::uint8_t { kRunning, kSucceeded, kFailed, kInterrupted, kWaiting };
/// Where a step of a run stands. All but kPending, kRunning and kWaiting (for an approval) are final.
enum class StepState : std::uint8_t { kPending, kRunning, kSucceeded, kReused, kFailed, kSkipped, kWaiting };
std::string_view StateName(RunState state);     ///< "running", "succeeded", "failed", "interrupted", "waiting"
std::string_view StateName(StepState state);    ///< "pending", "running", "succeeded", "reused", "failed", "skipped", "waiting"

/// A process, told apart from a later one of the same number by its start time, and from those of other hosts.
struct ProcessId {
  std::int64_t pid = 0;
  std::string started;     ///< start time in clock ticks since boot, and the boot's id
  std::string host;        ///< name, process namespace and boot of its host; "" = this one
  bool operator==(const ProcessId&) const = default;
};
ProcessId ThisProcess();
/// Whether this host can tell if `process` lives: it was started here, since the last boot.
bool IsOfThisHost(const ProcessId& process);
/// REQUIRES: IsOfThisHost(process).
bool IsAlive(const ProcessId& process);

struct RunRecord {
  std::string id;
  std::string pipeline, tenant, environment;
  std::int64_t interval_start_us = 0, interval_end_us = 0;
  std::string params;             ///< JSON: {name: {value, from: flag | tenant | default}}; secrets as names
  std::string definition;         ///< digest of what the files said about every step; "" = it changed between two tries
  std::string trigger;            ///< "manual", "resume", "dry run", "schedule", the id of a backfill
  RunState state = RunState::kRunning;
  int exit_code = -1;             ///< -1 while running
  std::string message;            ///< one sentence: how it ended
  std::int64_t started_us = 0, finished_us = 0;   ///< finished_us is 0 while it runs, and for one that was killed
  std::string version;            ///< of Headrace
  std::string commit;             ///< of the project's repository; "" = in none
  bool dirty = false;
  ProcessId process;
  std::int64_t epoch = 0;         ///< rises with every owner: 1 when created, one more with each resume
  std::int64_t lease_until_us = 0;   ///< by `lease_clock`, whose times tell nothing about those of another clock
  std::string lease_clock;
  std::string parent;             ///< "RUN/STEP" of the `pipeline` step that started it; "" = people or a schedule did
  std::string files;              ///< digest of the project's files as this run read them (kind "files"); "" = not kept
};

/// Which attempt of which request (store/run_queue.h) a process makes a run for; request "" = of none.
struct RunClaim {
  std::string request;
  std::int64_t attempt = 0;
};

/// One output of a step: a file in the artifact store.
struct ArtifactRef {
  std::string digest;             ///< SHA-256 of the file
  std::string kind;               ///< "dataset" (Parquet), "model", "files" (a project's files, as JSON) or "body" (what an API answered)
  std::int64_t rows = -1;         ///< datasets
  bool operator==(const ArtifactRef&) const = default;
};

/// What a check measured of a step's dataset in one run. Kept when the run goes, so that a baseline outlives `gc`.
struct Measurement {
  std::string measure, segment;   ///< as CheckVerdict
  double value = 0;
  std::optional<double> lower, upper;   ///< what a baseline expected
  std::string verdict;            ///< of the check: "passed", "learning", "warned", "failed"
  bool good = false;              ///< the check passed and the step succeeded: it may train baselines
  // What the state adds; not written.
  std::string step, run;
  std::int64_t interval_start_us = 0, interval_end_us = 0, measured_us = 0;
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
  std::string item_of;            ///< an item of this step's `for_each`, named "STEP[ITEM]"; "" = a step of the pipeline
  std::int64_t position = 0;      ///< of an item among those of its step
  std::vector<Measurement> measured;   ///< written with the step's end, but not for a dry run; read by ReadMeasurements
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

/// A question to people: may this step of this run go on?
struct Approval {
  enum class Verdict : std::uint8_t { kOpen, kYes, kNo } verdict = Verdict::kOpen;
  std::string run, step;
  std::int64_t asked_us = 0, until_us = 0;   ///< after until_us nobody can say yes any more; 0 = no end
  std::string by, note;                      ///< who answered, and why
  std::int64_t decided_us = 0;
};

/// Where the state of a project lies. Artifacts always lie under `root`.
struct StateLocation {
  std::string root;                ///< the project's folder
  std::optional<Secret> uri = {};  ///< postgresql://...; nullopt = <root>/.headrace/state.db
  std::string project = {};        ///< PostgreSQL: its tables lie in the schema "headrace_<project>", so that projects may share a database
  bool own_clock = false;          ///< PostgreSQL: count leases by the clock handed in, not by the database's; for tests
};

/// What AcquireLease found: yours when `granted`, else whose.
struct Lease {
  bool granted = false;
  std::int64_t epoch = 0;          ///< rises with every new holder; a write under an older one is refused
  std::string holder;
  std::int64_t left_us = 0;        ///< until it is over, unless renewed
};

/// What may go: whole runs, of others the datasets they left, and versions of models. What a project needs stays whatever is said (gc.cc).
struct GcRequest {
  std::string pipeline = {}, tenant = {};        ///< "" = all; a pipeline's name leaves models alone
  bool runs = true;                              ///< runs for which both of the next hold
  std::optional<std::int64_t> before_us = {};    ///< started before this moment; nullopt = at any time
  std::int64_t keep = 0;                         ///< not among the newest so many of their pipeline and tenant
  std::optional<std::int64_t> data_before_us = {};     ///< datasets of runs that started before; nullopt = none
  std::optional<std::int64_t> models_before_us = {};   ///< versions registered before that no alias names or last named; nullopt = none
  bool apply = false;                            ///< false: only say what would go
};

/// What went, or would go.
struct GcReport {
  struct Count { std::int64_t runs = 0, steps = 0, artifacts = 0, bytes = 0; };
  struct Group {
    std::string pipeline, tenant;
    Count gone;
    std::int64_t kept = 0;                       ///< runs that stay
    std::int64_t emptied = 0;                    ///< of these: runs whose datasets go
    bool busy = false;                           ///< a run is at work: all stay this time
  };
  std::vector<Group> groups;                     ///< all that the request speaks of, sorted
  std::int64_t models = 0;                       ///< versions
  Count left_over;                               ///< files that no run spoke of: of models, or left by a run or a gc that was killed
  Count postponed;                               ///< files that go another time: a run at work could have made them
};

/// How long a run is its owner's without a word from it. Another host waits this long before it takes over; on the same host a run whose
/// process is gone is free at once.
inline constexpr std::int64_t kRunLeaseMicros = 60'000'000;

/// What lasts of a project: runs and their steps, artifacts, the model registry. One SQLite file, or the schema of a PostgreSQL
/// database, and one folder:
///
///   .headrace/state.db          every transition is one transaction (WAL); it survives `kill -9`
///   .headrace/artifacts/ab/abcd...   files named by digest, written aside and renamed
///   .headrace/artifacts.lock    held while a file there is put or removed
///   .headrace/tmp/              files being written; anything here not owned by a living run may go
///
/// Durable against power loss before it returns: FinishRun, MoveAlias (and AddModelVersion). Other transitions may be lost with
/// the power, never torn: what was lost is done again.
///
/// A run belongs to the Store that created or resumed it, under an epoch that rises with each owner. StartStep, FinishStep and FinishRun are
/// refused from anyone else (kBusy: taken over), and for what has ended (kInvalid: a terminal state is final; only ResumeRun
/// opens a run again).
///
/// Threads: any number may call; calls are serialised. Processes, and with PostgreSQL hosts: any number share one project.
class Store {
 public:
  /// Open or make the state in `<root>/.headrace`. kInvalid when it was made by a newer Headrace; kBusy when it stays locked.
  static Result<std::unique_ptr<Store>> Open(const std::string& root, Clock& clock);
  /// The same, where `where` says. Also kInvalid when PostgreSQL's library is not there or its server refuses, kBusy when it is not reached.
  static Result<std::unique_ptr<Store>> Open(const StateLocation& where, Clock& clock);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Runs. ---------------------------------------------------------------------------------------------------------
  /// Enter a new run with its steps, all pending. kBusy names the living run of the same pipeline, tenant and interval, if there is
  /// one; a dead one is marked interrupted first. A run lives while its process does, or, on another host, while its lease lasts.
  /// In the same transaction the run becomes that of the request it claims; kBusy when that attempt was claimed before, or is no longer wanted.
  Status CreateRun(const RunRecord& run, const std::vector<StepRecord>& steps, const RunClaim& claim = {});
  /// Take over a run whose process is gone: running again under this process, steps that did not end pending again.
  /// kBusy when its process lives; kInvalid when it succeeded or there is none.
  /// The steps named `again` are pending again though they ended: those under `finally`, whose outcome may be another now.
  Status ResumeRun(const std::string& id, const ProcessId& process, const std::vector<std::string>& again = {}, const RunClaim& claim = {},
                   const std::string& definition = {});
  /// A record of an item (StepRecord::item_of) need not be there before; one of a step must.
  Status StartStep(const StepRecord& step) { return Advance({}, &step); }
  /// Record how a step ended, with its outputs; one transaction.
  Status FinishStep(const StepRecord& step) { return Advance({step}, nullptr); }
  /// Both, for steps that ended and one that starts (or nullptr): one transaction.
  Status Advance(const std::vector<StepRecord>& ended, const StepRecord* started);
  /// `told`: what people are told of it (outbox.h), in the same transaction.
  Status FinishRun(const std::string& id, RunState state, int exit_code, const std::string& message, const std::vector<OutboxMessage>& told = {});
  /// Say that a run of this Store is alive. Cheap: writes at most once in a third of kRunLeaseMicros. kBusy when somebody took the run over, or
  /// when the state could not be reached until the lease was over: the caller must stop.
  Status Heartbeat(const std::string& run);
  /// What a destination keeps to refuse those who came earlier: higher for every CreateRun and ResumeRun of the whole project, whatever the clock does.
  /// kBusy when somebody took the run over.
  Result<std::int64_t> FenceOf(const std::string& run);

  // People's say. -----------------------------------------------------------------------------------------------------
  /// Record that a step waits for an approval (state kWaiting, with all else that is known of it) and ask for it; one transaction. An answer that
  /// is there already stays.
  Status ParkStep(const StepRecord& step, std::int64_t until_us);
  Result<std::optional<Approval>> GetApproval(const std::string& run, const std::string& step);
  Result<std::vector<Approval>> ListApprovals(const std::string& run);   ///< and of the waiting runs that its `pipeline` steps started; "" = the open ones of all waiting runs, oldest first
  /// Answer. kInvalid when nothing was asked, another answer was given before, or the time is up.
  Status Decide(const std::string& run, const std::string& step, bool yes, const std::string& by, const std::string& note);
  /// Wish that a run ends: its process finds out by CancelledBy. A waiting run ends at once. kInvalid when it has ended.
  Status Cancel(const std::string& run, const std::string& by);
  Result<std::string> CancelledBy(const std::string& run);               ///< who wished it; "" = nobody

  // Pools: how many steps of the whole project may do something at once. -------------------------------------------------
  /// Take one of `size` slots for a step of a run of this Store; false = all are taken by living runs.
  Result<bool> TakeSlot(const std::string& pool, std::int64_t size, const std::string& run, const std::string& step);
  Status FreeSlot(const std::string& pool, const std::string& run, const std::string& step);

  Result<RunRecord> GetRun(const std::string& id_or_prefix_or_last);
  Result<std::optional<RunRecord>> FindRun(const std::string& id);  ///< by its whole id
  struct RunQuery { std::string pipeline, tenant; std::int64_t limit = 50; };
  Result<std::vector<RunRecord>> ListRuns(const RunQuery& query);   ///< newest first
  Result<std::vector<StepRecord>> ListSteps(const std::string& run);   ///< in the pipeline's order, without the items of a `for_each`
  Result<std::vector<StepRecord>> ListItems(const std::string& run, const std::string& step);   ///< those that were started, in order
  /// The newest run that `parent` ("RUN/STEP") started, if it started one.
  Result<std::optional<RunRecord>> FindChild(const std::string& parent);
  /// The newest succeeded step of this pipeline, tenant and name with this fingerprint whose artifacts are all there.
  Result<std::optional<StepRecord>> FindReusable(std::string_view pipeline, std::string_view tenant, std::string_view step,
                                                 std::string_view fingerprint);
  /// The newest ended (succeeded or reused) record of the step before `before_run`, to compare with.
  Result<std::optional<StepRecord>> LastOf(std::string_view pipeline, std::string_view tenant, std::string_view step,
                                           std::string_view before_run);

  // Measurements: measurements.cc. ------------------------------------------------------------------------------------
  struct MeasurementQuery {
    std::string pipeline, tenant, environment, step;
    std::string measure = {};                    ///< "" = all of the step
    std::optional<std::int64_t> before_us = {};  ///< intervals that begin earlier
    std::int64_t limit = 5000;                   ///< the newest so many
  };
  /// One an interval, measure and segment: of the newest run in which it was good, else of the newest. Oldest interval first.
  Result<std::vector<Measurement>> ReadMeasurements(const MeasurementQuery& query);
  struct EarlierOutput { std::string run, digest; std::int64_t rows = 0, interval_start_us = 0, interval_end_us = 0; };
  /// What the step left in the newest run of the interval before the one that begins at `interval_start_us`; dry runs apart.
  Result<std::optional<EarlierOutput>> OutputOfIntervalBefore(std::string_view pipeline, std::string_view tenant, std::string_view environment, std::string_view step,
                                                              std::int64_t interval_start_us);

  /// The newest `each` runs of every pipeline and tenant; by pipeline, then tenant, then newest first.
  Result<std::vector<RunRecord>> NewestRuns(std::int64_t each);
  /// How many seconds each step of a pipeline took when it last ran and succeeded (a reused one tells nothing): newest first, at most `each` a step.
  Result<std::map<std::string, std::vector<double>>> StepSeconds(std::string_view pipeline, std::string_view tenant, std::int64_t each);
  /// Remove runs with all their records, and artifacts that nothing refers to any more. Durable; may be killed anywhere and called again, while
  /// runs are at work too.
  Result<GcReport> CollectGarbage(const GcRequest& request);

  // Events, for `headrace logs`. ------------------------------------------------------------------------------------
  struct Event { std::int64_t at_us = 0; std::string step, level, text; };
  Status AddEvent(const std::string& run, const Event& event);
  Result<std::vector<Event>> ListEvents(const std::string& run, std::string_view step);

  // Leases: who may act, among processes and hosts. ------------------------------------------------------------------
  /// Take the lease `name` for `duration_us` under a new epoch, unless another holds it still. A holder that asks again keeps its epoch.
  Result<Lease> AcquireLease(const std::string& name, const std::string& holder, std::int64_t duration_us);
  /// Hold it for `duration_us` from now. kBusy names the holder when it went to another, or was let run out: acquire it again.
  Status RenewLease(const std::string& name, std::int64_t epoch, std::int64_t duration_us);
  Status ReleaseLease(const std::string& name, std::int64_t epoch);   ///< fine when it went to another meanwhile
  Result<Lease> FindLease(const std::string& name);                   ///< who holds it; left_us = 0: nobody. Takes nothing
  /// From now on CreateRun, ResumeRun, Cancel and all writes of a RunQueue on this Store are refused (kBusy) unless `epoch` is the newest of the lease `name`.
  void ActUnder(const std::string& name, std::int64_t epoch);

  // Artifacts. ------------------------------------------------------------------------------------------------------
  /// A path for a file being written, unique in the project; its folder is there.
  std::string ScratchPath(std::string_view suffix);
  /// Where a training keeps the scores of its trials until it has ended, for the next attempt of a step with this fingerprint; the folder is there. The file goes
  /// with the last record of such a step (gc), if the step does not remove it.
  Result<std::string> TrialsPath(std::string_view fingerprint);
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
                   std::string_view by, std::string_view run, const std::vector<OutboxMessage>& told = {});   ///< `told` only when it moves
  Result<std::vector<AliasMove>> AliasHistory(std::string_view tenant, std::string_view name);   ///< newest first

  const std::string& directory() const { return directory_; }   ///< <root>/.headrace

 private:
  friend class RunQueue;
  friend class Outbox;
  struct Owned { std::int64_t epoch = 0, renewed = 0, tried = 0; };   // monotonic times of the lease's start and of the last try
  Store(std::string directory, std::unique_ptr<internal::Database> db, Clock& clock);
  Status CheckActing();
  Status EnterMessages(const std::vector<OutboxMessage>& messages);
  Status Claim(const RunClaim& claim, const std::string& run);
  Result<bool> Lives(const RunRecord& run);
  Result<RunRecord> AsSeenNow(RunRecord run);
  Result<std::int64_t> EpochOf(const std::string& run);
  Result<std::int64_t> NextFence();
  Status EnterItem(const StepRecord& step);
  Status WriteMeasurements(const StepRecord& step);
  Result<std::vector<StepRecord>> ReadSteps(const std::string& run, const std::string& item_of);
  Status WriteStart(const StepRecord& step);
  Status WriteStep(const StepRecord& step);
  Result<bool> RunLives(const std::string& run);
  Status Refusal(const std::string& run, const std::string& step);
  std::string LockPath() const { return directory_ + "/artifacts.lock"; }

  std::string directory_;
  Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<internal::Database> db_;            // guarded by mutex_
  std::map<std::string, Owned> owned_;                // guarded by mutex_: runs that this Store created or resumed
  std::optional<std::pair<std::string, std::int64_t>> acting_;   // guarded by mutex_: lease and epoch of ActUnder
  std::map<std::string, bool> verified_;              // guarded by mutex_: digests whose file was checked
  std::uint64_t scratch_count_ = 0;                   // guarded by mutex_
};

/// A new run id: UTC time and four random characters, so that ids sort by time: "20261122-060000-k3f9".
std::string NewRunId(Clock& clock, Random& random);

}  // namespace headrace

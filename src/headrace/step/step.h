#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/base/command.h"
#include "headrace/base/secret.h"
#include "headrace/base/status.h"
#include "headrace/model/model.h"
#include "headrace/pipeline/project.h"
#include "headrace/report/report.h"
#include "headrace/sql/connection.h"
#include "headrace/step/command_folders.h"
#include "headrace/store/store.h"

namespace headrace {

/// One input of a step: an artifact of the store, checked against its digest.
struct StepInputFile {
  ArtifactRef artifact;
  std::string path;
  std::string label;        ///< for a model: how people call it, "propensity@4"; else ""
};

struct AlertRules;
struct StepContext;
struct StepOutcome;

/// What the steps of one run share. Borrowed by all of them; outlives them.
struct RunEnvironment {
  const ResolvedPipeline* pipeline = nullptr;
  Store* store = nullptr;
  ConnectionMap* connections = nullptr;
  Clock* clock = nullptr;
  Random* random = &SystemRandom();        ///< jitter; results never depend on it
  VariableLookup variables;                ///< where secrets come from, and the few variables that commands inherit
  CommandRunner* commands = nullptr;       ///< not null when a step runs a program (ProgramOf)
  std::shared_ptr<CommandFolders> command_folders = std::make_shared<CommandFolders>();
  /// Runs the pipeline of a `pipeline` step to its end. Not empty when a step is one. Any number of threads may call.
  std::function<StepOutcome(const StepContext&)> pipelines = {};
  const AlertRules* alerts = nullptr;      ///< whom to tell of what; nullptr = nobody
  std::string run;                         ///< run id
  std::string user;                        ///< who moves aliases
  std::string commit;                      ///< of the project's repository; "" = it lies in none
  std::string files;                       ///< digest of the project's files as they were read; "" = not kept
  bool dirty = false;                      ///< the project's files differed from that commit
  int threads = 0;                         ///< for kernels that keep their bits; 0 = all cores
  bool dry_run = false;                    ///< deliveries say what they would do, and do nothing
};

/// Everything one attempt of one step may use.
struct StepContext {
  const RunEnvironment* run = nullptr;
  const StepSpec* step = nullptr;
  std::map<std::string, StepInputFile> inputs;           ///< by StepInput::name
  int attempt = 1;
  std::string fingerprint;                               ///< of all that determines the output; "" = not known
  std::vector<UnfittedStep> unfitted;                    ///< the unfitted steps above a train or score step's data
  std::function<void(std::string_view, double)> progress;   ///< what it does now, and how far it is in [0, 1]
  std::function<bool()> cancelled;                       ///< asked between blocks; true = stop soon with kInterrupted
  /// Call `act` from another thread when the step is cancelled (to interrupt a database), until the token goes away.
  std::function<std::shared_ptr<void>(std::function<void()> act)> on_cancel;

  const ResolvedPipeline& pipeline() const { return *run->pipeline; }
  Store& store() const { return *run->store; }
};

/// A model that a train step fitted and perhaps registered, or that a score step used.
struct ModelDetails {
  std::string name;                        ///< in the registry; "" = not registered
  std::int64_t version = 0, champion_before = 0, champion_after = 0;
  std::string digest;
  std::vector<GateVerdict> gates;
};

/// How the items of a `for_each` ended.
struct ItemCounts {
  std::int64_t total = 0, succeeded = 0, reused = 0, skipped = 0, failed = 0, waiting = 0;
};

/// How many rows a quarantine put aside. rows_in = rows_out + rows_aside.
struct QuarantineCounts {
  std::int64_t rows_in = 0, rows_out = 0, rows_aside = 0;
};

/// What a step leaves to be told, besides its outputs. Kept in the store as JSON.
struct StepDetails {
  std::vector<std::string> upstream;       ///< steps it waited for, as the pipeline said then
  std::string taken_from;                  ///< the run leaves this step out and takes what this other run recorded; "" = it does not
  bool anew = false;                       ///< asked for by name: it reuses nothing
  std::vector<CheckVerdict> checks;
  std::optional<QuarantineCounts> quarantine;
  std::vector<std::string> notes;
  std::optional<DeliveryReport> delivery;
  std::optional<ModelDetails> model;
  std::optional<ScoreReport> score;
  std::optional<ItemCounts> items;
  std::string child;                       ///< id of the run that a `pipeline` step started

  std::string ToJson() const;
  /// Read what ToJson wrote; kInvalid for anything else.
  static Result<StepDetails> FromJson(std::string_view json);
};

/// How one attempt ended. After an error `outputs` is empty and `details` says what is known.
struct StepOutcome {
  Status status;
  std::map<std::string, ArtifactRef> outputs;
  StepDetails details;
  /// The step did its work but a gate said no: the run goes on and ends with exit code 3.
  bool gate_refused = false;
  /// Not empty: the step says that it has nothing to do, and why. It counts as skipped; `status` is ok, there are no outputs.
  std::string skipped;
  /// Not empty: the step can go on only when people have answered what another run asks them, and the sentence says what. `status` is ok.
  std::string waits;
};

/// Do the work of one attempt: fit it, score it, read or deliver it, then judge its checks. Nothing half-done is left: outputs
/// are in the store whole or not at all, a destination holds the delivery whole or not at all.
///
/// Threads: any number of steps of one run at once.
StepOutcome RunStep(const StepContext& context);

// One function a kind, each in its own file. They return the scratch file of their main dataset; RunStep judges the
// checks on it and stores it.
struct StepFiles {
  struct File { std::string path, kind; std::int64_t rows = -1; };
  std::map<std::string, File> files;       ///< by output name, "" = main
  StepDetails details;
  bool gate_refused = false;
  std::string skipped;                     ///< why, when it has nothing to do; no files then
};
Result<StepFiles> RunExtract(const StepContext& context);
Result<StepFiles> RunSql(const StepContext& context);
Result<StepFiles> RunAggregate(const StepContext& context);
Result<StepFiles> RunTrain(const StepContext& context);
Result<StepFiles> RunScore(const StepContext& context);
Result<StepFiles> RunDeliver(const StepContext& context);
Result<StepFiles> RunCommand(const StepContext& context);
Result<StepFiles> RunUnion(const StepContext& context);

/// Open the database of `name` as the pipeline's connections say, secrets loaded.
Result<std::unique_ptr<Connection>> OpenConnection(const StepContext& context, const std::string& name, bool writable);

/// kInvalid with a diff when an unfitted step above `score` is not, letter for letter, one the model was trained on.
Status CompareUnfitted(const std::vector<UnfittedStep>& trained, const std::vector<UnfittedStep>& scored, std::string_view model);
/// The unfitted steps above the input `data` of `step`: queries of `sql` and `extract` steps, commands with their code, by name.
std::vector<UnfittedStep> UnfittedAbove(const ResolvedPipeline& pipeline, const StepSpec& step);

/// Make `version` the champion of `model` in the name of `by`, and tell whoever wants to hear of it.
Status PromoteModel(const RunEnvironment& run, const std::string& model, std::int64_t before, std::int64_t version, const std::string& by);
/// The verdict on rows that an extract gave for another interval than this one, byte for byte: an error where it reads by the run's interval, a warning
/// elsewhere. nullopt when they are others, there is no interval before, or the step says `unchanged: allow`.
Result<std::optional<CheckVerdict>> JudgeUnchanged(Store& store, const ResolvedPipeline& pipeline, const StepSpec& step, const ArtifactRef& rows);

/// "passed", "learning" (nothing was expected yet), "warned" or "failed".
std::string_view VerdictName(const CheckVerdict& verdict);

/// What the checks of a step that ended measured, for the state.
std::vector<Measurement> MeasurementsOf(const StepDetails& details, bool succeeded);

/// Digests of the files that a command's `code` names, by path within the project; kInvalid when an entry matches none.
Result<std::map<std::string, std::string>> CodeDigests(const std::string& root, const CommandSpec& command);

}  // namespace headrace

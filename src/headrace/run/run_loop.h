#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/run/fan_out.h"
#include "headrace/run/plan.h"
#include "headrace/run/runner.h"
#include "headrace/step/step.h"

namespace headrace {

/// Hears what happens in a run as it happens: the live table of a terminal, plain lines elsewhere. Called on the loop's thread.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void RunStarted(const RunRecord&, const std::vector<StepRecord>&) {}
  virtual void StepChanged(const StepRecord&, const StepDetails&) {}
  virtual void StepProgress(const std::string& /*step*/, const std::string& /*doing*/, double /*fraction*/) {}
  /// Time passed: redraw clocks.
  virtual void Tick() {}
  virtual void RunFinished(const RunRecord&) {}
};

/// The trigger of a run whose deliveries only counted.
inline constexpr const char* kDryRun = "dry run";

/// Drives one run to its end: asks the plan what may start, reuses what is unchanged, hands the rest to a runner, and
/// records every transition before anybody acts on it or hears of it.
///
/// A failing step skips what depends on it; the rest goes on, and the steps under `finally` run at the end, told the outcome. The run's exit code
/// is that of the first step that failed, 3 when only a gate refused, else 0. An interrupt stops the steps at work, keeps what ended, and ends the
/// run as interrupted; its `finally` runs when it is resumed.
///
/// A step that needs an approval is parked: the rest goes on, then the run ends as waiting, exit code 75, and holds no process. Resumed, it goes
/// on with a yes; a no, or no answer in time, fails a delivery, and leaves the champion as it is.
///
/// `from` and `only` run a part of the pipeline again. What the part reads and does not make itself comes from the recorded run `of`, whatever
/// has changed since; live sources are not read again. Steps of the part that `from` names are made anew, those after them where something changed.
///
/// Threads: none; `interrupt` may be set from a signal handler.
class RunLoop {
 public:
  struct Options {
    std::string resume;                  ///< id of a run to go on with; "" = a new run
    bool force = false;                  ///< reuse nothing, also where the run is gone on with later
    std::string trigger = "manual";
    std::vector<std::string> from;       ///< run these steps and all that comes after them
    std::vector<std::string> only;       ///< run these steps; with `from`, both parts
    std::string parent;                  ///< RunRecord::parent of a new run
    std::string of;                      ///< with `from` or `only`: id of the run whose records stand for the rest
    RunClaim claim;                      ///< of the request that this run is for
  };
  RunLoop(RunEnvironment& environment, StepRunner& runner, RunObserver& observer, const std::atomic<bool>& interrupt)
      : env_(environment), runner_(runner), observer_(observer), interrupt_(interrupt) {}

  /// Returns the run's record, whatever its outcome. An error means that no run could be made: another one is at work (kBusy), or the state
  /// cannot be written. REQUIRES: called once.
  Result<RunRecord> Run(const Options& options);

 private:
  Status Open(const Options& options);
  // A part of a recorded run: run_loop_part.cc.
  Status ChoosePart(const Options& options, std::vector<StepRecord>& records);
  void MakeAnew(std::vector<StepRecord>& records);
  std::set<std::string> Downstream(const std::vector<std::string>& from) const;
  Status ReadRecorded(const std::string& run);
  Status UseRecorded(StepRecord& record);
  // Steps.
  const StepSpec& Spec(const std::string& step) const;
  Status Begin(const std::string& step);
  Result<bool> TryReuse(const StepSpec& spec, StepRecord& record);
  Result<std::optional<StepDetails>> FindReuse(const StepSpec& spec, StepRecord& record, bool anew, bool live);
  Result<std::map<std::string, StepInputFile>> Inputs(const StepSpec& spec);
  Status Start(const StepSpec& spec, StepRecord& record, std::map<std::string, StepInputFile> inputs);
  Status HandleFinished(const std::string& step, StepOutcome outcome);
  Status Record(StepRecord& record, StepDetails details, StepEnd end);
  Status Write(const StepRecord* started);
  Status Skip(const std::vector<std::string>& steps, std::string_view why);
  Status StartDue();
  Result<std::string> CancelledBy();
  Status Interrupt(const std::string& by);
  static bool GateRefused(const StepDetails& details);
  void NoteRefusal(const StepSpec& spec);
  void NoteError(ErrorCode code, std::string message);
  std::optional<StepInputFile> DryChampion(const ModelRef& ref) const;
  void CheckDeadlines();
  Result<bool> HasSlot(const StepSpec& spec);
  Status FailAtOnce(const StepSpec& spec, StepRecord& record, Status status);
  std::optional<std::int64_t> NextTry(const StepSpec& spec, const StepRecord& record, const Status& status, std::int64_t first_try);
  Status Presented(const StepSpec& spec, bool timed_out, StepOutcome& outcome, const std::string& step);
  // People's say: run_loop_approvals.cc.
  bool StillOpen(const Approval& approval) const;
  std::string RefusalOf(const Approval& answer) const;
  Status AskOrGoOn(const StepSpec& spec, StepRecord& record, std::map<std::string, StepInputFile> inputs);
  Status Park(const StepSpec& spec, StepRecord& record, StepDetails details);
  Status ParkForOtherRun(const StepSpec& spec, StepRecord& record, StepDetails details, std::string why);
  Status EndPromotion(const StepSpec& spec, StepRecord& record, const Approval& answer);
  // Items: run_loop_items.cc.
  Status BeginItems(const StepSpec& spec, StepRecord& record);
  Status TakeEarlierItems(FanOut& fan);
  Result<std::pair<std::string, bool>> PartsOfItems(const FanOut& fan);
  Status StartItems();
  Status StartItem(FanOut& fan, std::size_t item);
  Status ItemFinished(const std::string& name, StepOutcome outcome);
  Status EndItem(FanOut& fan, std::size_t item, StepRecord record, StepDetails details, Status status);
  Status EndItems();
  Status JoinItems(FanOut& fan);
  Status Log(const std::string& step, std::string_view level, std::string text);
  std::string Sentence(RunState state) const;
  Result<std::vector<OutboxMessage>> Told(RunState state, int exit_code);

  struct Active {
    std::int64_t deadline = 0;           ///< monotonic; 0 = none
    bool timed_out = false;
    bool tried = true;                   ///< false: it failed before anything was tried, so another try has no sense
  };

  static constexpr std::int64_t kTickMicros = 100'000;   ///< how long a slot or an event is waited for at most
  static constexpr std::size_t kMostEnded = 100;   ///< steps and items that ended and are not written yet

  /// An attempt of an item.
  struct ItemAttempt {
    FanOut* fan = nullptr;
    std::size_t item = 0;
    std::unique_ptr<StepSpec> spec;
    StepRecord record;
  };
  struct ItemTries { int attempts = 0; std::int64_t first = 0; };
  /// The items of a step at work, and at the end the step that joins their outputs.
  struct Fan {
    explicit Fan(const StepSpec& spec, std::vector<FanItem> items) : out(spec, std::move(items)) {}
    FanOut out;
    std::map<std::size_t, ItemTries> tries;       ///< of items that were tried and have not ended
    std::optional<StepSpec> join;
  };

  RunEnvironment& env_;
  StepRunner& runner_;
  RunObserver& observer_;
  const std::atomic<bool>& interrupt_;
  std::map<std::string, const StepSpec*, std::less<>> specs_;
  std::map<std::string, StepRecord> recorded_;  ///< of a run of a part: what the rest left in the run that it is taken from
  RunRecord run_;
  std::optional<Plan> plan_;
  std::map<std::string, StepRecord> records_;
  std::vector<StepRecord> ended_;               ///< not written yet: with the next start, at the latest before the loop waits
  std::map<std::string, StepDetails> details_;
  std::map<std::string, Active> active_;
  std::map<std::string, std::int64_t> due_;     ///< retries, and steps that wait for a slot: step -> monotonic time of the next attempt
  std::map<std::string, Fan> fans_;             ///< steps whose items are at work
  std::map<std::string, ItemAttempt> items_;    ///< items at work, by name
  std::int64_t asked_to_end_ = 0;               ///< monotonic time of the last look for a wish to cancel
  std::vector<std::string> parked_;
  std::string waits_;                           ///< what the run of a parked `pipeline` step waits for
  std::map<std::string, std::int64_t> first_try_;
  std::set<std::string> gates_refused_;         ///< names of models whose gate said no in this run
  ErrorCode worst_error_ = ErrorCode::kOk;  // decides exit code and sentence
  std::string worst_message_;
  bool interrupted_ = false;
  std::string cancelled_by_;
};

/// Fill `inputs` for `name@alias`, a version number or a model file: the label and the artifact.
Result<StepInputFile> ResolveModelInput(Store& store, const ResolvedPipeline& pipeline, const ModelRef& ref);

/// A step that runs each time, whatever its fingerprint says: one that reads a database, a delivery (it asks its destination), a command without outputs.
bool AlwaysRuns(const StepSpec& step);
std::string_view WhyAlways(const StepSpec& step);   ///< the reason, for people

/// Digests of the files an extract reads, or of a command's code, by path within the project; empty for a database. For what learns or tells reasons, the columns that contracts call personal.
Result<std::map<std::string, std::string>> SourceDigests(const ResolvedPipeline& pipeline, const StepSpec& step);

}  // namespace headrace

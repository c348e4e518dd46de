#include "scenario.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "headrace/base/files.h"
#include "headrace/run/run_loop.h"

namespace headrace::simulator {

namespace {
constexpr std::int64_t kLeaseMicros = 30 * kSecond;
constexpr std::int64_t kLimit = 3 * 3600 * kSecond;     // after the last fault everything must have ended by then
constexpr std::int64_t kDay = 86'400 * kSecond;
constexpr const char* kManual = "manual";

class Quiet : public RunObserver {
 public:
  void RunStarted(const RunRecord&, const std::vector<StepRecord>&) override {}
  void StepChanged(const StepRecord&, const StepDetails&) override {}
  void StepProgress(const std::string&, const std::string&, double) override {}
  void Tick() override {}
  void RunFinished(const RunRecord&) override {}
};

/// Keeps the scheduler's lease while a run of its own is at work. That it is lost harms nothing: the run has a lease of its own.
class Renews final : public Quiet {
 public:
  Renews(Store& store, std::string lease, std::int64_t epoch, Clock& clock) : store_(store), lease_(std::move(lease)), epoch_(epoch), clock_(clock), renewed_(clock.MonotonicMicros()) {}
  void Tick() override {
    if (clock_.MonotonicMicros() - renewed_ < kLeaseMicros / 3) return;
    renewed_ = clock_.MonotonicMicros();
    static_cast<void>(store_.RenewLease(lease_, epoch_, kLeaseMicros).ok());
  }

 private:
  Store& store_;
  const std::string lease_;
  const std::int64_t epoch_;
  Clock& clock_;
  std::int64_t renewed_;
};

/// A graph of some steps that ends in a delivery. What a step needs is drawn from all that a pipeline file may say.
ResolvedPipeline DrawPipeline(Choices& choices, const std::string& name, const std::string& root) {
  ResolvedPipeline pipeline;
  pipeline.root = root;
  pipeline.pipeline = name;
  pipeline.pools["narrow"] = 1;
  const std::int64_t count = choices.Between(2, 6);
  std::vector<std::string> readable, all;
  for (std::int64_t i = 0; i < count; ++i) {
    StepSpec step;
    step.kind = i == 0 || (i + 1 < count && choices.Chance(2'000)) ? StepKind::kExtract : i + 1 == count || choices.Chance(2'500) ? StepKind::kDeliver : StepKind::kSql;
    step.name = step.bare_name = StrCat(StepKindName(step.kind), i);
    if (step.kind == StepKind::kExtract) {
      ExtractSpec extract;
      extract.connection = "warehouse";
      step.spec = extract;
    } else {
      if (step.kind == StepKind::kDeliver) step.spec = DeliverSpec{};
      else step.spec = SqlSpec{};
      std::set<std::string> upstream = {choices.Of(readable)};
      if (step.kind == StepKind::kSql) upstream.insert(choices.Of(readable));
      for (const std::string& input : upstream) step.inputs.push_back({step.kind == StepKind::kDeliver ? "data" : input, input, ""});
      if (choices.Chance(3'000)) upstream.insert(choices.Of(all));
      step.upstream = {upstream.begin(), upstream.end()};
    }
    step.retry.attempts = choices.Between(1, 3);
    step.retry.backoff_us = choices.Scaled(kSecond, 16 * kSecond);
    if (choices.Chance(5'000)) step.timeout_us = choices.Scaled(20 * kSecond, 100 * kSecond);
    if (choices.Chance(3'000)) step.pool = "narrow";
    if (choices.Chance(1'500)) step.on_failure = choices.Chance(7'000) ? StepSpec::OnFailure::kContinue : StepSpec::OnFailure::kStopRun;
    all.push_back(step.name);
    if (step.kind != StepKind::kDeliver) readable.push_back(step.name);
    pipeline.steps.push_back(std::move(step));
  }
  if (choices.Chance(5'000)) {
    StepSpec last = pipeline.steps.front();
    last.name = last.bare_name = "last";
    last.last = true;
    last.timeout_us = 0;
    pipeline.steps.push_back(last);
    last.when = "told of a failure";
    pipeline.last_if_failed["last"] = last;
  }
  return pipeline;
}

/// An empty project whose state is watched, made once in a process: (bytes of state.db).
const std::string& EmptyState(const std::string& folder) {
  static const std::string kState = [&] {
    const std::string root = StrCat(folder, "-empty");
    std::filesystem::remove_all(root);
    { const Result<std::unique_ptr<Store>> made = Store::Open(root, SystemClock()); }
    const std::string path = StrCat(root, "/.headrace/state.db");
    sqlite3* db = nullptr;
    sqlite3_open(path.c_str(), &db);
    Checker::Watch(db);
    sqlite3_close(db);
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    std::filesystem::remove_all(root);
    return content.str();
  }();
  return kState;
}

class Scenario {
 public:
  Scenario(std::uint64_t seed, Bug bug, bool tracing, const std::string& folder);
  ~Scenario() { world_.End(); }       // while all that its processes use is there
  Scenario(const Scenario&) = delete;
  Scenario& operator=(const Scenario&) = delete;
  Outcome Live();

 private:
  struct Window {
    ResolvedPipeline pipeline;
    std::int64_t due_us = 0;         ///< by the wall clock, since the world's start
  };
  using Body = void (Scenario::*)(Process&, const std::string&);
  void Keep(const std::string& name, const std::string& pipeline, Body body, std::int64_t pause_us, std::size_t host);
  void Scheduler(Process& self, const std::string& pipeline);
  void Person(Process& self, const std::string& unused);
  void Manual(Process& self, const std::string& pipeline);
  bool TakeUpWork(Process& self, Store& store, const std::string& pipeline, std::int64_t epoch);
  std::unique_ptr<Store> Open(Process& self);
  void RunOnce(Process& self, Store& store, const Window& window, const std::string& resume, RunObserver& observer);
  void Expect(const Status& status);
  bool HasEnded(const Window& window) const;
  bool AllEnded() const;
  void Judge();
  void JudgeDelivery(const Window& window, const Checker::Run& run, const StepSpec& step, const std::map<std::string, StepRecord>& records);

  const std::string root_;
  const Bug bug_;
  World world_;
  std::vector<Window> windows_;
  std::set<std::string> scheduled_, poisoned_;     // poisoned: deliveries' and steps' keys that always fail
  Checker::Pipelines pipelines_;
  Destination destination_;
  std::unique_ptr<Checker> checker_;
  bool over_ = false;                              // everything ended: who keeps on asking may go
};

const std::string& MakeProject(const std::string& root) {
  std::filesystem::remove_all(root);
  std::filesystem::create_directories(root + "/.headrace");
  std::ofstream(root + "/.headrace/state.db", std::ios::binary) << EmptyState(root);
  return root;
}

Scenario::Scenario(std::uint64_t seed, Bug bug, bool tracing, const std::string& folder)
    : root_(MakeProject(folder)), bug_(bug), world_(seed, tracing), destination_(bug != Bug::kNoLedger) {
  Choices& choices = world_.choices;
  world_.faults = Faults::Draw(choices);
  world_.everybody_looks_dead = bug == Bug::kEverybodyDead;
  const std::int64_t scheduled = choices.Between(1, 2);
  for (std::int64_t i = 0; i <= scheduled; ++i) {
    if (i == scheduled && choices.Chance(5'000)) break;
    const std::string name = i == scheduled ? kManual : StrCat("nightly", i);
    if (i < scheduled) scheduled_.insert(name);
    const ResolvedPipeline pipeline = DrawPipeline(choices, name, root_);
    const std::int64_t count = i == scheduled ? 1 : choices.Between(1, 3);
    for (std::int64_t day = 0; day < count; ++day) {
      Window& window = windows_.emplace_back(Window{pipeline, i == scheduled ? 0 : choices.Between(0, 200 * kSecond)});
      window.pipeline.interval = {day * kDay, (day + 1) * kDay};
      for (const StepSpec& step : pipeline.steps)
        if (choices.Chance(300)) poisoned_.insert(DeliveryKey(window.pipeline, step.name));
    }
  }
  for (const Window& window : windows_) pipelines_.emplace(window.pipeline.pipeline, &window.pipeline);
  checker_ = std::make_unique<Checker>(world_, root_ + "/.headrace/state.db", pipelines_, scheduled_);
  world_.after_move = [this](Process& writer) { checker_->AfterMove(writer); };
}

/// Start `body` as a process, and again when it has ended, until all is over.
void Scenario::Keep(const std::string& name, const std::string& pipeline, Body body, std::int64_t pause_us, std::size_t host) {
  const std::size_t where = host < World::kHosts ? host : static_cast<std::size_t>(world_.choices.Between(0, World::kHosts - 1));
  const Process& process = world_.Spawn(name, where, [this, body, pipeline](Process& self) { (this->*body)(self, pipeline); });
  const auto look = std::make_shared<std::function<void()>>();
  *look = [=, this, &process] {
    if (over_) return;
    if (process.alive) world_.At(world_.now_us() + world_.choices.Between(kSecond, 5 * kSecond), nullptr, [look] { (*look)(); });
    else world_.At(world_.now_us() + world_.choices.Between(0, pause_us), nullptr, [=, this] { if (!over_) Keep(name, pipeline, body, pause_us, host); });
  };
  (*look)();
}

/// Refusals are part of life here; anything else is not.
void Scenario::Expect(const Status& status) {
  if (status.ok() || status.code() == ErrorCode::kBusy || status.code() == ErrorCode::kInvalid) return;
  world_.Violation(StrCat("an error that nothing here explains: ", status.message()));
}

std::unique_ptr<Store> Scenario::Open(Process& self) {
  Result<std::unique_ptr<Store>> store = Store::Open(root_, world_.clock(self));
  if (store.ok()) return std::move(store).value();
  world_.Violation(StrCat("the state cannot be opened: ", store.status().message()));
  return nullptr;
}

void Scenario::RunOnce(Process& self, Store& store, const Window& window, const std::string& resume, RunObserver& observer) {
  SeededRandom random(world_.choices.Next());
  RunEnvironment environment;
  environment.pipeline = &window.pipeline;
  environment.store = &store;
  environment.clock = &world_.clock(self);
  environment.random = &random;
  environment.run = resume.empty() ? NewRunId(world_.clock(self), random) : resume;
  SimulatedRunner runner(world_, self, *checker_, destination_, bug_, poisoned_);
  RunLoop::Options options;
  options.resume = resume;
  const Result<RunRecord> run = RunLoop(environment, runner, observer, self.interrupt).Run(options);
  world_.Note("run ", environment.run, " returns: ", run.ok() ? StrCat(StateName(run->state), " ", run->message) : run.status().message());
  Expect(run.status());
}

// --- who acts --------------------------------------------------------------------------------------------------------

void Scenario::Scheduler(Process& self, const std::string& pipeline) {
  const std::unique_ptr<Store> store = Open(self);
  Clock& clock = world_.clock(self);
  const std::string lease_name = StrCat("scheduler of ", pipeline);
  while (store != nullptr && !over_ && !self.interrupt) {
    const Result<Lease> lease = store->AcquireLease(lease_name, self.name, kLeaseMicros);
    Expect(lease.status());
    if (!lease.ok() || !lease->granted) {
      clock.Sleep(lease.ok() ? std::min(lease->left_us, 5 * kSecond) : kSecond);
      continue;
    }
    self.acting_lease = lease_name;
    self.acting_epoch = lease->epoch;
    if (bug_ != Bug::kIgnoredEpoch) store->ActUnder(lease_name, lease->epoch);
    if (!TakeUpWork(self, *store, pipeline, lease->epoch)) clock.Sleep(world_.choices.Between(kSecond, 8 * kSecond));
  }
}

/// Drive the first run that is due and that nobody drives; false when there is none.
bool Scenario::TakeUpWork(Process& self, Store& store, const std::string& pipeline, std::int64_t epoch) {
  const Result<std::vector<RunRecord>> runs = store.ListRuns({pipeline, "", 50});
  Expect(runs.status());
  if (!runs.ok()) return false;
  Renews observer(store, self.acting_lease, epoch, world_.clock(self));
  for (const Window& window : windows_) {
    if (window.pipeline.pipeline != pipeline || world_.wall_us(self.host) < World::kStart + window.due_us) continue;
    const auto run = std::find_if(runs->begin(), runs->end(), [&](const RunRecord& record) { return record.interval_start_us == window.pipeline.interval.start_us; });
    const bool is_new = run == runs->end();
    const bool stands = !is_new && (run->state == RunState::kInterrupted || (run->state == RunState::kFailed && run->exit_code != ExitCode(ErrorCode::kData)));
    if (!is_new && (!stands || (bug_ == Bug::kForgottenRuns && run->state == RunState::kInterrupted))) continue;
    RunOnce(self, store, window, is_new ? "" : run->id, observer);
    return true;
  }
  return false;
}

/// Resumes a run that did not succeed, or cancels one.
void Scenario::Person(Process& self, const std::string&) {
  if (world_.faults.longest_stall_us == 0) return;   // people stop meddling when the faults stop
  const std::unique_ptr<Store> store = Open(self);
  if (store == nullptr) return;
  const Result<std::vector<RunRecord>> runs = store->ListRuns({});
  Expect(runs.status());
  if (!runs.ok() || runs->empty()) return;
  const RunRecord& run = world_.choices.Of(*runs);
  if (world_.choices.Chance(3'000)) return Expect(store->Cancel(run.id, "ann"));
  Quiet observer;
  for (const Window& window : windows_)
    if (window.pipeline.pipeline == run.pipeline && run.pipeline != kManual && window.pipeline.interval.start_us == run.interval_start_us) RunOnce(self, *store, window, run.id, observer);
}

/// `headrace run manual`, until it ends well.
void Scenario::Manual(Process& self, const std::string&) {
  const std::unique_ptr<Store> store = Open(self);
  Quiet observer;
  for (const Window& window : windows_)
    if (window.pipeline.pipeline == kManual && !HasEnded(window) && store != nullptr) RunOnce(self, *store, window, "", observer);
}

// --- the end ---------------------------------------------------------------------------------------------------------

bool Scenario::HasEnded(const Window& window) const {
  const Checker::Run* const run = checker_->Newest(window.pipeline.pipeline, window.pipeline.interval.start_us);
  return run != nullptr && (run->state == "succeeded" || (run->state == "failed" && run->exit_code == ExitCode(ErrorCode::kData)));
}

bool Scenario::AllEnded() const {
  return std::all_of(windows_.begin(), windows_.end(), [this](const Window& window) { return HasEnded(window); });
}

void Scenario::JudgeDelivery(const Window& window, const Checker::Run& run, const StepSpec& step, const std::map<std::string, StepRecord>& records) {
  const std::string key = DeliveryKey(window.pipeline, step.name);
  const std::vector<std::string>& there = destination_.At(key);
  if (there.size() > 1) return world_.Violation(StrCat("the delivery `", key, "` lies at its destination ", there.size(), " times"));
  if (records.at(step.name).state != StepState::kSucceeded) return;
  if (there.empty()) return world_.Violation(StrCat("run ", run.id, " recorded the delivery `", key, "`, but nothing lies at its destination"));
  const std::string& digest = records.at(step.inputs[0].step).outputs.at("").digest;
  if (there[0] != digest) world_.Violation(StrCat("run ", run.id, " recorded the delivery `", key, "` of ", digest.substr(0, 8), ", but ", there[0].substr(0, 8), " lies at its destination"));
}

/// Nobody acts any more: what lies there is what is left.
void Scenario::Judge() {
  const Result<std::unique_ptr<Store>> store = Store::Open(root_, SystemClock());
  if (!store.ok()) return world_.Violation(StrCat("the state cannot be opened: ", store.status().message()));
  std::size_t deliveries = 0;
  for (const Window& window : windows_) {
    const Checker::Run* const run = checker_->Newest(window.pipeline.pipeline, window.pipeline.interval.start_us);
    const Result<std::vector<StepRecord>> steps = (*store)->ListSteps(run->id);
    if (!steps.ok()) return world_.Violation(steps.status().message());
    std::map<std::string, StepRecord> records;
    for (const StepRecord& step : *steps) records[step.step] = step;
    for (const StepSpec& step : window.pipeline.steps) {
      if (step.kind != StepKind::kDeliver) continue;
      deliveries += destination_.At(DeliveryKey(window.pipeline, step.name)).empty() ? 0 : 1;
      JudgeDelivery(window, *run, step, records);
    }
  }
  const auto there = std::count_if(destination_.rows().begin(), destination_.rows().end(), [](const auto& entry) { return !entry.second.empty(); });
  if (static_cast<std::size_t>(there) != deliveries) world_.Violation("something lies at a destination that nobody asked for");
  checker_->CheckSlotsAreFree();
}

Outcome Scenario::Live() {
  for (const std::string& pipeline : scheduled_)
    for (std::size_t host = 0; host < World::kHosts; ++host) Keep("scheduler", pipeline, &Scenario::Scheduler, 10 * kSecond, host);
  Keep("person", "", &Scenario::Person, 120 * kSecond, World::kHosts);
  if (pipelines_.contains(kManual)) Keep("manual", "", &Scenario::Manual, 30 * kSecond, World::kHosts);
  world_.StartFaults();
  world_.Run(world_.choices.Between(60, 600) * kSecond, [this] { return AllEnded(); });
  world_.StopFaults();
  const std::int64_t limit = world_.now_us() + kLimit;
  world_.Run(limit, [this] { return AllEnded(); });
  if (world_.violation().empty() && !AllEnded())
    for (const Window& window : windows_) {
      const Checker::Run* const run = checker_->Newest(window.pipeline.pipeline, window.pipeline.interval.start_us);
      if (!HasEnded(window)) world_.Violation(StrCat("three hours after the last fault the interval ", window.pipeline.pipeline, " ", window.pipeline.interval.start_us / kDay, " has ", run == nullptr ? std::string("no run") : StrCat("run ", run->id, ", which is ", run->state, " (exit code ", run->exit_code, ")")));
    }
  over_ = true;
  world_.Run(limit + kLimit, [this] { return !world_.anybody(); });
  if (world_.violation().empty() && world_.anybody()) world_.Violation("a process never ended");
  if (world_.violation().empty()) Judge();
  return {0, world_.violation(), world_.trace(), world_.now_us(), world_.moves(), checker_->runs().size()};
}
}  // namespace

Outcome Simulate(std::uint64_t seed, Bug bug, bool tracing, const std::string& folder) {
  Outcome outcome;
  {
    Scenario scenario(seed, bug, tracing, folder);
    outcome = scenario.Live();
  }
  std::filesystem::remove_all(folder);
  outcome.seed = seed;
  if (!outcome.violation.empty()) outcome.violation = StrCat("seed ", seed, ", ", outcome.violation);
  return outcome;
}

std::string ScratchFolder() {
  const std::string memory = "/dev/shm";
  return StrCat(::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path().string(), "/headrace-simulator-", ::getpid());
}

}  // namespace headrace::simulator

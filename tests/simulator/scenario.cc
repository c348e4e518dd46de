#include "scenario.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "headrace/run/run_loop.h"
#include "headrace/schedule/supervisor.h"

namespace headrace::simulator {

namespace {
constexpr std::int64_t kLimit = 3 * 3600 * kSecond;     // after the last fault everything must have ended by then
constexpr const char* kManual = "manual";
constexpr const char* kBackfill = "backfill-1";
constexpr std::int64_t kMinute = 60 * kSecond;

class Scenario {
 public:
  Scenario(std::uint64_t seed, Bug bug, bool tracing, const std::string& folder);
  ~Scenario() { world_.End(); }       // while all that its processes use is there
  Scenario(const Scenario&) = delete;
  Scenario& operator=(const Scenario&) = delete;
  Outcome Live();

 private:
  class Launches;
  using Body = void (Scenario::*)(Process&);
  void Keep(const std::string& name, Body body, std::int64_t pause_us, std::size_t host);
  void Server(Process& self);
  void Backfills(Process& self);
  void Supervise(Process& self, Store& store, Scheduler scheduler, bool steps_down);
  void Attempt(Process& self, const RunRequest& request);
  void Person(Process& self);
  void Manual(Process& self);
  std::unique_ptr<Store> Open(Process& self);
  Result<RunRecord> RunOnce(Process& self, Store& store, const std::string& pipeline, Interval interval, RunLoop::Options options);
  void Expect(const Status& status);
  bool BackfillIsOpen() const;
  bool AllEnded() const;
  bool ManualHasEnded() const;
  std::string WhatHasNotEnded() const;
  void Judge();
  void JudgeTicks();
  void JudgeDeliveries(Store& store);

  const std::string root_;
  const Bug bug_;
  World world_;
  std::map<std::string, ResolvedPipeline> projects_;      // by pipeline
  std::vector<PipelineSchedule> schedules_;
  Checker::Pipelines pipelines_;
  Destination destination_;
  std::unique_ptr<Checker> checker_;
  std::int64_t turn_us_ = kSecond, lease_us_ = 15 * kSecond;
  bool wants_backfill_ = false, backfill_entered_ = false;
  bool meddling_ = true;                           // people resume and cancel runs; in the end they only approve
  bool over_ = false;                              // everything ended: who keeps on looking may go
};

Scenario::Scenario(std::uint64_t seed, Bug bug, bool tracing, const std::string& folder)
    : root_((MakeProject(folder), folder)), bug_(bug), world_(seed, tracing), destination_(bug != Bug::kNoLedger) {
  Choices& choices = world_.choices;
  world_.faults = Faults::Draw(choices);
  world_.everybody_looks_dead = bug == Bug::kEverybodyDead;
  turn_us_ = choices.Scaled(2 * kSecond, 16 * kSecond);
  lease_us_ = choices.Scaled(15 * kSecond, 60 * kSecond);
  for (std::int64_t i = choices.Between(1, 2); i > 0; --i) {
    const std::string name = StrCat("nightly", i);
    projects_[name] = DrawPipeline(choices, name, root_);
    schedules_.push_back({name, false, {}, DrawSchedule(choices)});
  }
  if (choices.Chance(4'000)) projects_[kManual] = DrawPipeline(choices, kManual, root_);
  wants_backfill_ = choices.Chance(3'000);
  for (const auto& [name, pipeline] : projects_) pipelines_[name] = &pipeline;
  checker_ = std::make_unique<Checker>(world_, root_ + "/.headrace/state.db", pipelines_);
  world_.after_move = [this](Process& writer) { checker_->AfterMove(writer); };
}

/// Start `body` as a process, and again when it has ended, until all is over.
void Scenario::Keep(const std::string& name, Body body, std::int64_t pause_us, std::size_t host) {
  const std::size_t where = host < World::kHosts ? host : static_cast<std::size_t>(world_.choices.Between(0, World::kHosts - 1));
  Process& process = world_.Spawn(name, where, [this, body](Process& self) { (this->*body)(self); });
  process.ended = [=, this] {
    world_.At(world_.now_us() + world_.choices.Between(0, pause_us), nullptr, [=, this] { if (!over_) Keep(name, body, pause_us, host); });
  };
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
  throw Killed{};
}

Result<RunRecord> Scenario::RunOnce(Process& self, Store& store, const std::string& name, Interval interval, RunLoop::Options options) {
  ResolvedPipeline pipeline = projects_.at(name);
  pipeline.interval = interval;
  SeededRandom random(world_.choices.Next());
  RunEnvironment environment;
  environment.pipeline = &pipeline;
  environment.store = &store;
  environment.clock = &world_.clock(self);
  environment.random = &random;
  environment.run = options.resume.empty() ? NewRunId(world_.clock(self), random) : options.resume;
  SimulatedRunner runner(world_, self, *checker_, destination_, bug_);
  RunObserver observer;
  const Result<RunRecord> run = RunLoop(environment, runner, observer, self.interrupt).Run(options);
  world_.Note("run ", environment.run, " returns: ", run.ok() ? StrCat(StateName(run->state), " ", run->message) : run.status().message());
  Expect(run.status());
  self.exit_code = run.ok() ? run->exit_code : ExitCode(run.status().code());
  if (!run.ok()) self.said = StrCat("error: ", run.status().message());
  return run;
}

// --- servers ---------------------------------------------------------------------------------------------------------

/// Starts `headrace run` for a request: a process on the server's host, which outlives the server.
class Scenario::Launches final : public Launcher {
 public:
  Launches(Scenario& scenario, const Process& server) : scenario_(scenario), server_(server) {}

  Status Start(const RunRequest& request) override {
    World& world = scenario_.world_;
    if (world.choices.Chance(world.faults.fail)) return Error(ErrorCode::kBusy, "there are too many processes");
    Process& child = world.Spawn(StrCat("run-", request.pipeline), server_.host, [&scenario = scenario_, request](Process& self) { scenario.Attempt(self, request); });
    child.request = request.id;
    child.attempt = request.attempt;
    children_[request.id] = &child;
    return Ok();
  }
  Seen Look(const RunRequest& request) override {
    const auto found = children_.find(request.id);
    if (found == children_.end() || found->second->attempt != request.attempt) return {};
    const Process& child = *found->second;
    if (child.alive || scenario_.bug_ == Bug::kDeafLauncher) return {Seen::State::kAlive, 0, ""};
    return {Seen::State::kEnded, child.exit_code, child.said};
  }
  void Forget(const std::string& request) override { children_.erase(request); }
  bool IsGone(const std::string& holder) override { return scenario_.world_.IsGoneFrom(server_.host, holder); }

 private:
  Scenario& scenario_;
  const Process& server_;
  std::map<std::string, const Process*> children_;       // by request
};

void Scenario::Attempt(Process& self, const RunRequest& request) {
  const std::unique_ptr<Store> store = Open(self);
  RunLoop::Options options;
  options.resume = request.run;
  options.trigger = request.origin;
  if (bug_ != Bug::kUnclaimedRuns) options.claim = {request.id, request.attempt};
  static_cast<void>(RunOnce(self, *store, request.pipeline, {request.interval_start_us, request.interval_end_us}, options));
}

/// `headrace server`.
void Scenario::Server(Process& self) {
  const std::unique_ptr<Store> store = Open(self);
  Result<Scheduler> scheduler = Scheduler::Make(schedules_, "");
  Expect(scheduler.status());
  Supervise(self, *store, std::move(scheduler).value(), false);
}

/// `headrace backfill run`: enters the backfill, and looks after it itself where there is no server.
void Scenario::Backfills(Process& self) {
  if (backfill_entered_ && !BackfillIsOpen()) return;
  const std::unique_ptr<Store> store = Open(self);
  RunQueue queue(*store, world_.clock(self));
  const std::string pipeline = schedules_[0].pipeline;
  std::vector<RunRequest> requests;
  for (std::int64_t i = 0; i < 3; ++i) {
    RunRequest& request = requests.emplace_back();
    request.id = StrCat(kBackfill, "/", i);
    request.origin = kBackfill;
    request.pipeline = pipeline;
    request.interval_start_us = World::kStart - (i + 10) * kMinute;
    request.interval_end_us = request.interval_start_us + kMinute;
    request.position = i;
    request.entered_us = World::kStart;
    const Result<std::optional<RunRecord>> before = queue.LastSucceeded(request);
    Expect(before.status());
    if (before.ok() && *before) request.state = RequestState::kSkipped;
  }
  Backfill backfill{kBackfill, pipeline, "", "", "{}", World::kStart - 13 * kMinute, World::kStart - 10 * kMinute, 2, false, false, World::kStart, "ann"};
  const Status entered = queue.EnterBackfill(backfill, requests);
  Expect(entered);
  backfill_entered_ = backfill_entered_ || entered.ok();
  Supervise(self, *store, Scheduler(), true);
}

bool Scenario::BackfillIsOpen() const {
  return std::any_of(checker_->requests().begin(), checker_->requests().end(), [](const auto& entry) { return entry.second.origin == kBackfill && !entry.second.ended(); });
}

void Scenario::Supervise(Process& self, Store& store, Scheduler scheduler, bool steps_down) {
  Clock& clock = world_.clock(self);
  Launches launcher(*this, self);
  Supervisor::Options options;
  options.holder = bug_ == Bug::kOneName ? "the server" : self.name;
  options.lease_us = lease_us_;
  options.steps_down = steps_down;
  Supervisor supervisor(store, launcher, clock, options, [this](const ServerEvent& event) { world_.Note("tells ", static_cast<int>(event.kind), " ", event.request.id, " ", event.text); });
  supervisor.Set(std::move(scheduler), {});
  while (!over_ && !self.interrupt && (!steps_down || BackfillIsOpen())) {
    const Result<Supervisor::Turned> turned = supervisor.Turn();
    Expect(turned.status());
    if (!turned.ok()) world_.Note("turn: ", turned.status().message());
    const std::int64_t pause = turned.ok() && turned->next_us ? std::clamp<std::int64_t>(*turned->next_us - clock.NowMicros(), 10'000, turn_us_) : turn_us_;
    clock.Sleep(pause);
  }
  Expect(supervisor.Stop());
  self.exit_code = 0;
}

// --- people ----------------------------------------------------------------------------------------------------------

/// Answers what waits for an approval; resumes a run that did not succeed, or cancels one.
void Scenario::Person(Process& self) {
  const std::unique_ptr<Store> store = Open(self);
  const Result<std::vector<Approval>> asked = store->ListApprovals("");
  Expect(asked.status());
  if (asked.ok())
    for (const Approval& approval : *asked) Expect(store->Decide(approval.run, approval.step, world_.choices.Chance(8'000), "ann", ""));
  const Result<std::vector<RunRecord>> runs = store->ListRuns({});
  Expect(runs.status());
  if (!runs.ok() || runs->empty() || !meddling_) return;
  const RunRecord& run = world_.choices.Of(*runs);
  if (world_.choices.Chance(2'000)) return Expect(store->Cancel(run.id, "ann"));
  if (run.pipeline == kManual || world_.choices.Chance(5'000)) return;
  RunLoop::Options options;
  options.resume = run.id;
  static_cast<void>(RunOnce(self, *store, run.pipeline, {run.interval_start_us, run.interval_end_us}, options));
}

/// `headrace run manual`, until it ends well or fails for good.
void Scenario::Manual(Process& self) {
  if (ManualHasEnded()) return;
  const std::unique_ptr<Store> store = Open(self);
  RunLoop::Options options;
  const Checker::Run* const newest = checker_->Newest(kManual, 0);
  if (newest != nullptr && newest->state == "waiting") options.resume = newest->id;
  static_cast<void>(RunOnce(self, *store, kManual, {0, kMinute}, options));
}

// --- the end ---------------------------------------------------------------------------------------------------------

bool Scenario::ManualHasEnded() const {
  const Checker::Run* const run = checker_->Newest(kManual, 0);
  return run != nullptr && (run->state == "succeeded" || (run->state == "failed" && run->exit_code == ExitCode(ErrorCode::kData)));
}

bool Scenario::AllEnded() const { return checker_->open_requests() == 0 && WhatHasNotEnded().empty(); }

std::string Scenario::WhatHasNotEnded() const {
  for (const auto& [id, request] : checker_->requests())
    if (!request.ended()) return StrCat("request ", id, " is ", request.state, ", attempt ", request.attempt, ", claimed ", request.claimed, request.runs.empty() ? "" : StrCat(", run ", *request.runs.begin(), " is ", checker_->runs().at(*request.runs.begin()).state));
  for (const PipelineSchedule& schedule : schedules_) {
    const auto mark = checker_->marks().find(schedule.pipeline);
    if (mark == checker_->marks().end()) return StrCat("the schedule of ", schedule.pipeline, " was never seen");
    if (mark->second.handled_us < (*schedule.spec.end_local_s - 60 * std::get<Period>(schedule.spec.when).count) * kSecond) return StrCat("the schedule of ", schedule.pipeline, " has ticks that were not handled");
  }
  if (wants_backfill_ && !backfill_entered_) return "the backfill was never entered";
  if (projects_.contains(kManual) && !ManualHasEnded()) return "the manual pipeline has not ended";
  return "";
}

/// Of a schedule that makes up for every tick, each tick since it was first seen has its request.
void Scenario::JudgeTicks() {
  for (const PipelineSchedule& schedule : schedules_) {
    const Result<Ticks> ticks = Ticks::Make(schedule.spec);
    const std::vector<Tick> all = ticks->Between(checker_->marks().at(schedule.pipeline).since_us + 1, *schedule.spec.end_local_s * kSecond, 100);
    for (const Tick& tick : all)
      if (schedule.spec.catch_up == ScheduleSpec::CatchUp::kAll && !checker_->requests().contains(TickRequestId(schedule.pipeline, "", tick.at_us)))
        world_.Violation(StrCat("the tick ", TickRequestId(schedule.pipeline, "", tick.at_us), " is lost"));
  }
}

/// Each delivery lies at its destination once, as it was recorded last, unless it was begun again after that and not recorded.
void Scenario::JudgeDeliveries(Store& store) {
  for (const auto& [key, there] : destination_.rows()) {
    if (there.size() > 1) world_.Violation(StrCat("the delivery `", key, "` lies at its destination ", there.size(), " times"));
    if (!there.empty() && !checker_->deliveries().contains(key)) world_.Violation(StrCat("the delivery `", key, "` lies at its destination, and nobody began it"));
  }
  for (const auto& [key, delivery] : checker_->deliveries()) {
    if (delivery.recorded.empty()) continue;
    const std::vector<std::string>& there = destination_.At(key);
    if (there.empty()) return world_.Violation(StrCat("run ", delivery.recorded, " recorded the delivery `", key, "`, but nothing lies at its destination"));
    if (delivery.began != delivery.recorded) continue;
    const Result<std::vector<StepRecord>> steps = store.ListSteps(delivery.recorded);
    if (!steps.ok()) return world_.Violation(steps.status().message());
    const StepSpec& step = *pipelines_.at(checker_->runs().at(delivery.recorded).pipeline)->Find(key.substr(key.rfind('/') + 1));
    const auto input = std::find_if(steps->begin(), steps->end(), [&](const StepRecord& record) { return record.step == step.inputs[0].step; });
    const std::string& digest = input->outputs.at("").digest;
    if (there[0] != digest) world_.Violation(StrCat("run ", delivery.recorded, " recorded the delivery `", key, "` of ", digest.substr(0, 8), ", but ", there[0].substr(0, 8), " lies at its destination"));
  }
}

/// Nobody acts any more: what lies there is what is left.
void Scenario::Judge() {
  const Result<std::unique_ptr<Store>> store = Store::Open(root_, SystemClock());
  if (!store.ok()) return world_.Violation(StrCat("the state cannot be opened: ", store.status().message()));
  JudgeTicks();
  JudgeDeliveries(**store);
  checker_->CheckSlotsAreFree();
  for (const auto& [id, request] : checker_->requests())
    if (request.state == "succeeded")
      for (const std::string& run : request.runs)
        if (checker_->runs().at(run).state != "succeeded") world_.Violation(StrCat("request ", id, " succeeded, but its run ", run, " is ", checker_->runs().at(run).state));
}

Outcome Scenario::Live() {
  for (std::size_t host = 0; host < World::kHosts; ++host) Keep("server", &Scenario::Server, 20 * kSecond, host);
  Keep("person", &Scenario::Person, 120 * kSecond, World::kHosts);
  if (projects_.contains(kManual)) Keep("manual", &Scenario::Manual, 30 * kSecond, World::kHosts);
  if (wants_backfill_) Keep("backfill", &Scenario::Backfills, 30 * kSecond, World::kHosts);
  world_.StartFaults();
  world_.Run(world_.choices.Between(60, 600) * kSecond, [this] { return AllEnded(); });
  world_.StopFaults();
  meddling_ = false;
  const std::int64_t limit = world_.now_us() + kLimit;
  world_.Run(limit, [this] { return AllEnded(); });
  if (world_.violation().empty() && !AllEnded()) world_.Violation(StrCat("three hours after the last fault: ", WhatHasNotEnded()));
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

#include "world.h"

#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#include <algorithm>
#include <cstdlib>

#include "headrace/base/crash.h"

namespace headrace::simulator {

namespace {
/// Tell the address sanitizer that another stack goes on, as its fiber interface asks; nothing without it. `fake` keeps what it knows of the stack that is left
/// (nullptr: that one never goes on).
void LeaveStack([[maybe_unused]] void** fake, [[maybe_unused]] const void* bottom, [[maybe_unused]] std::size_t size) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(fake, bottom, size);
#endif
}
/// Forget what lay on a stack that begins anew.
void CleanStack([[maybe_unused]] void* bottom, [[maybe_unused]] std::size_t size) {
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(bottom, size);
#endif
}
/// On the stack that goes on. Where the one that was left lies comes back in `bottom` and `size`.
void EnterStack([[maybe_unused]] void* fake, [[maybe_unused]] const void** bottom, [[maybe_unused]] std::size_t* size) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(fake, bottom, size);
#endif
}

constexpr std::size_t kStackBytes = 512 * 1024;
constexpr std::int64_t kMomentUs = 3'000;          // how long an undisturbed act takes at most
World* the_world = nullptr;

/// Stacks are used again: each is a mapping of its own.
std::vector<void*>& FreeStacks() {
  static std::vector<void*> stacks;
  return stacks;
}
void* TakeStack() {
  if (!FreeStacks().empty()) {
    void* const stack = FreeStacks().back();
    FreeStacks().pop_back();
    return stack;
  }
  void* const stack = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) std::abort();
  ::mprotect(stack, 4096, PROT_NONE);              // running over its end is noticed
  return stack;
}
}  // namespace

std::int64_t Choices::Between(std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(Next() % static_cast<std::uint64_t>(high - low + 1));
}

std::int64_t Choices::Scaled(std::int64_t low, std::int64_t high) {
  std::int64_t doublings = 0;
  while ((low << (doublings + 1)) <= high) ++doublings;
  const std::int64_t base = low << Between(0, doublings);
  return std::min(high, base + Between(0, base));
}

Faults Faults::Draw(Choices& choices) {
  Faults faults;
  const auto sometimes = [&](std::int64_t low, std::int64_t high) { return choices.Chance(5'000) ? choices.Scaled(low, high) : 0; };
  faults.crash = sometimes(5, 300);
  faults.stall = sometimes(20, 400);
  faults.longest_stall_us = choices.Scaled(kSecond, 256 * kSecond);
  faults.kill_every_us = sometimes(8 * kSecond, 128 * kSecond);
  faults.interrupt_every_us = sometimes(16 * kSecond, 256 * kSecond);
  faults.pause_every_us = sometimes(16 * kSecond, 256 * kSecond);
  faults.jump_every_us = sometimes(8 * kSecond, 256 * kSecond);
  faults.reboot_every_us = choices.Chance(1'000) ? choices.Scaled(64 * kSecond, 256 * kSecond) : 0;
  faults.fail = sometimes(100, 3'000);
  faults.hang = sometimes(100, 1'000);
  faults.lose_answer = sometimes(300, 3'000);
  return faults;
}

/// The clocks of a host, as a process on it sees them.
class World::ProcessClock final : public Clock {
 public:
  ProcessClock(World& world, std::size_t host) : world_(world), host_(host) {}
  std::int64_t NowMicros() override { return world_.wall_us(host_); }
  std::int64_t MonotonicMicros() override { return world_.monotonic_us(); }
  void Sleep(std::int64_t micros) override { world_.SleepUntil(world_.now_us() + micros); }

 private:
  World& world_;
  const std::size_t host_;
};

World::World(std::uint64_t seed, bool tracing) : choices(seed * 0x9E3779B97F4A7C15ULL + 1), seed_(seed), tracing_(tracing) {
  for (std::size_t host = 0; host < kHosts; ++host) clocks_.push_back(std::make_unique<ProcessClock>(*this, host));
  the_world = this;
  SetCrashHook(&World::AtCrashPoint);
  internal::SetKernel(this);
}

World::~World() {
  End();
  SetCrashHook(nullptr);
  internal::SetKernel(nullptr);
  the_world = nullptr;
}

void World::End() {
  for (std::size_t i = 0; i < processes_.size(); ++i) processes_[i]->ended = nullptr;
  for (const auto& process : processes_) Kill(*process, "the world ends");
}

bool World::IsPoisoned(std::string_view name) const {
  std::uint64_t sum = seed_;
  for (const char c : name) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  return SeededRandom(sum).Next() % 30 == 0;
}

Clock& World::clock(const Process& process) { return *clocks_[process.host]; }

// --- processes -------------------------------------------------------------------------------------------------------

Process& World::Spawn(std::string name, std::size_t host, std::function<void(Process&)> body) {
  Process& process = *processes_.emplace_back(std::make_unique<Process>());
  process.pid = ++pids_;
  process.name = StrCat(std::move(name), "#", process.pid, "@", NameOf(host));
  process.host = host;
  process.started = now_us_;
  process.body = std::move(body);
  process.wake_us = now_us_ + choices.Between(0, kMomentUs);
  living_.push_back(&process);
  Note("starts ", process.name);
  return process;
}

/// Where each process begins, on its own stack.
void World::Enter() {
  EnterStack(nullptr, &the_world->main_bottom_, &the_world->main_size_);
  Process& process = *the_world->current_;
  try {
    process.body(process);
    the_world->Note("ends");
  } catch (const Killed&) {
  }
  process.alive = false;
  process.finished = true;
  LeaveStack(nullptr, the_world->main_bottom_, the_world->main_size_);
  ::swapcontext(&process.context, &the_world->main_);
}

/// Let `process` run until it gives way.
void World::Resume(Process& process) {
  current_ = &process;
  ++moves_;
  if (!process.began) {
    process.began = true;
    process.stack = TakeStack();
    CleanStack(process.stack, kStackBytes);
    ::getcontext(&process.context);
    process.context.uc_stack.ss_sp = process.stack;
    process.context.uc_stack.ss_size = kStackBytes;
    process.context.uc_link = nullptr;
    ::makecontext(&process.context, &World::Enter, 0);
  }
  void* fake = nullptr;
  LeaveStack(&fake, process.stack, kStackBytes);
  ::swapcontext(&main_, &process.context);
  EnterStack(fake, nullptr, nullptr);
  if (wrote_ && after_move) after_move(process);
  wrote_ = false;
  current_ = nullptr;
  if (process.finished) {
    FreeStacks().push_back(process.stack);
    process.stack = nullptr;
    process.body = nullptr;
  }
  if (!process.alive) Bury(process);
}

void World::Bury(Process& process) {
  std::erase(living_, &process);
  if (const std::function<void()> ended = std::move(process.ended)) ended();
  process.ended = nullptr;
}

void World::SleepUntil(std::int64_t wake_us) {
  if (current_ == nullptr) return;
  Process& process = *current_;
  process.wake_us = std::max(wake_us, now_us_);
  void* fake = nullptr;
  LeaveStack(&fake, main_bottom_, main_size_);
  ::swapcontext(&process.context, &main_);           // a dead one that acts while it is unwound never comes back from here
  EnterStack(fake, &main_bottom_, &main_size_);
  if (!process.alive) throw Killed{};
}

void World::Kill(Process& process, std::string_view why) {
  if (!process.alive) return;
  Note("kills ", process.name, ": ", why);
  process.alive = false;
  if (process.began) return Resume(process);
  process.finished = true;
  Bury(process);
}

void World::AtCrashPoint(std::string_view name) {
  if (the_world->current_ != nullptr) the_world->Pass(name);
}

void World::Pass(std::string_view name) {
  Process& process = *current_;
  wrote_ = true;
  if (process.alive && choices.Chance(faults.crash)) {
    Note("dies at ", name);
    process.alive = false;
    throw Killed{};
  }
  std::int64_t delay = choices.Between(0, kMomentUs);
  if (choices.Chance(faults.stall)) {
    delay = choices.Scaled(10'000, faults.longest_stall_us);
    Note("stalls for ", delay / 1000, " ms at ", name);
  }
  SleepUntil(now_us_ + delay);
  wrote_ = true;                                     // what follows is a durable act, or comes after one
}

// --- time ------------------------------------------------------------------------------------------------------------

void World::At(std::int64_t time_us, Process* process, std::function<void()> act) { events_.emplace(std::max(time_us, now_us_), Event{process, std::move(act)}); }

void World::Run(std::int64_t until_us, const std::function<bool()>& done) {
  while (violation_.empty() && now_us_ < until_us && !done()) {
    const auto next = std::min_element(living_.begin(), living_.end(), [](const Process* a, const Process* b) { return a->wake_us < b->wake_us; });
    if (!events_.empty() && (next == living_.end() || events_.begin()->first <= (*next)->wake_us)) {
      const Event event = std::move(events_.begin()->second);
      now_us_ = events_.begin()->first;
      events_.erase(events_.begin());
      if (event.process == nullptr || event.process->alive) event.act();
      continue;
    }
    if (next == living_.end()) return;
    now_us_ = std::max(now_us_, (*next)->wake_us);
    Resume(**next);
  }
}

bool World::IsGoneFrom(std::size_t host, const std::string& name) const {
  return std::any_of(processes_.begin(), processes_.end(), [&](const auto& process) { return process->name == name && process->host == host && !process->alive; });
}

bool World::anybody() const { return !living_.empty(); }

// --- what breaks -----------------------------------------------------------------------------------------------------

void World::Every(std::int64_t Faults::*period, void (World::*act)()) {
  if (faults.*period <= 0) return;
  At(now_us_ + choices.Between(0, 2 * (faults.*period)), nullptr, [this, period, act] {
    if (faults.*period <= 0) return;
    (this->*act)();
    Every(period, act);
  });
}

void World::StartFaults() {
  Every(&Faults::kill_every_us, &World::KillSomebody);
  Every(&Faults::interrupt_every_us, &World::InterruptSomebody);
  Every(&Faults::pause_every_us, &World::PauseHost);
  Every(&Faults::jump_every_us, &World::JumpClock);
  Every(&Faults::reboot_every_us, &World::Reboot);
}

void World::StopFaults() {
  Note("the faults stop");
  faults = {};
  faults.longest_stall_us = 0;
  std::fill(wall_offsets_.begin(), wall_offsets_.end(), 0);
}

Process* World::Somebody() { return living_.empty() ? nullptr : choices.Of(living_); }

void World::KillSomebody() {
  if (Process* const process = Somebody()) Kill(*process, "SIGKILL");
}

void World::InterruptSomebody() {
  Process* const process = Somebody();
  if (process == nullptr) return;
  Note("interrupts ", process->name);
  process->interrupt = true;
}

void World::PauseHost() {
  const auto host = static_cast<std::size_t>(choices.Between(0, kHosts - 1));
  const std::int64_t pause = choices.Scaled(kSecond, 200 * kSecond);
  Note("pauses host ", NameOf(host), " for ", pause / 1000, " ms");
  for (Process* process : living_)
    if (process->host == host) process->wake_us = std::max(process->wake_us, now_us_ + pause);
  std::vector<std::pair<std::int64_t, Event>> later;
  for (auto event = events_.begin(); event != events_.end();) {
    const bool on_host = event->second.process != nullptr && event->second.process->host == host && event->first < now_us_ + pause;
    if (on_host) later.emplace_back(now_us_ + pause, std::move(event->second));
    event = on_host ? events_.erase(event) : std::next(event);
  }
  for (auto& [time, event] : later) events_.emplace(time, std::move(event));
}

void World::JumpClock() {
  const auto host = static_cast<std::size_t>(choices.Between(0, kHosts - 1));
  wall_offsets_[host] = choices.Chance(3'000) ? 0 : choices.Scaled(kSecond / 100, 100'000 * kSecond) * (choices.Chance(5'000) ? 1 : -1);
  Note("the wall clock of ", NameOf(host), " is now off by ", wall_offsets_[host] / 1000, " ms");
}

void World::Reboot() {
  Note("reboots");
  for (const std::vector<Process*> all = living_; Process* process : all) Kill(*process, "reboot");
  ++boots_;
  boot_us_ = now_us_;
}

// --- what is told ----------------------------------------------------------------------------------------------------

void World::Violation(std::string text) {
  if (!violation_.empty()) return;
  violation_ = StrCat("at ", now_us_ / 1000, " ms", current_ == nullptr ? std::string() : StrCat(", ", current_->name), ": ", text);
  Note("BROKEN: ", text);
}

void World::Write(const std::string& text) {
  trace_ += StrCat(now_us_, " ", current_ == nullptr ? "-" : current_->name, " ", text, "\n");
}

std::int64_t World::Pid() { return current_ == nullptr ? 1 : current_->pid; }

std::string World::StartTicks(std::int64_t pid) {
  if (current_ == nullptr) return "0";
  if (everybody_looks_dead && pid != current_->pid) return "";
  for (const Process* process : living_)
    if (process->pid == pid && process->host == current_->host) return StrCat(process->started);
  return pid == current_->pid ? StrCat(current_->started) : "";
}

std::string World::HostAndNamespace() { return current_ == nullptr ? "outside pid:[0]" : StrCat(NameOf(current_->host), " pid:[", current_->host + 1, "]"); }

}  // namespace headrace::simulator

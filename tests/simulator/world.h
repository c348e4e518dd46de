#pragma once

#include <ucontext.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/base/text.h"
#include "headrace/store/process_internal.h"

namespace headrace::simulator {

inline constexpr std::int64_t kSecond = 1'000'000;

/// The seed's choices, one after the other.
class Choices {
 public:
  explicit Choices(std::uint64_t seed) : random_(seed) {}
  std::uint64_t Next() { return random_.Next(); }
  std::int64_t Between(std::int64_t low, std::int64_t high);      ///< both included
  /// The smaller the likelier: each doubling of `low` up to `high` is as likely as the others.
  std::int64_t Scaled(std::int64_t low, std::int64_t high);
  bool Chance(std::int64_t in_10000) { return in_10000 > 0 && Between(1, 10'000) <= in_10000; }
  template <typename List> const auto& Of(const List& list) { return list[static_cast<std::size_t>(Between(0, static_cast<std::int64_t>(list.size()) - 1))]; }

 private:
  SeededRandom random_;
};

/// What goes wrong under one seed, and how often. Each seed draws its own mixture, some of it nothing ("swarm testing").
struct Faults {
  std::int64_t crash = 0;            ///< of 10,000 crash points passed, how many kill
  std::int64_t stall = 0;            ///< ... and how many take up to `longest_stall_us`: a slow disk
  std::int64_t longest_stall_us = kSecond;
  std::int64_t kill_every_us = 0;    ///< a process is killed wherever it stands; 0 = never, as below
  std::int64_t interrupt_every_us = 0;   ///< a process gets SIGINT
  std::int64_t pause_every_us = 0;   ///< a host stands still for a while, and does not know
  std::int64_t jump_every_us = 0;    ///< the wall clock of a host jumps, back or forth
  std::int64_t reboot_every_us = 0;  ///< all processes die, the monotonic clock begins again
  std::int64_t fail = 0, hang = 0, lose_answer = 0;   ///< of 10,000 attempts of steps
  static Faults Draw(Choices& choices);
};

struct Killed {};   ///< thrown through a process that is killed

class World;

/// A simulated process: a stack of its own, on which it runs until it waits for something.
struct Process {
  std::string name;
  std::size_t host = 0;
  std::int64_t pid = 0, started = 0;
  bool alive = true;                 ///< false from the moment that it dies, before its stack is unwound
  std::atomic<bool> interrupt = false;
  std::string request;               ///< the request that it was started for, and which attempt of it; "" = none
  std::int64_t attempt = 0;
  int exit_code = 137;               ///< set when it ends by itself
  std::string said;                  ///< on standard error

  std::function<void()> ended;       ///< called when it is dead

  std::function<void(Process&)> body;
  std::int64_t wake_us = 0;
  ucontext_t context{};
  void* stack = nullptr;
  bool began = false, finished = false;
};

/// One machine with two containers (two hosts, as Headrace sees it: they share disk, boot and monotonic clock, and see no process of each other), simulated:
/// one thread, virtual time, and one seed that decides who goes on, how long everything takes and what breaks. Equal seeds, equal worlds, bit for bit.
///
/// A process gives way where it waits (Clock::Sleep, StepRunner::Wait) and at each crash point of the program, that is around every durable act and before
/// each transaction of the state. It dies by an exception thrown from there: what it committed stays, what it had in memory is gone.
///
/// Threads: one. One world at a time.
class World final : public internal::Kernel {
 public:
  World(std::uint64_t seed, bool tracing);
  ~World() override;
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Choices choices;
  Faults faults;
  static constexpr std::size_t kHosts = 2;
  static constexpr std::int64_t kStart = 1'767'225'600'000'000;   ///< the wall clock when the world begins: 2026-01-01

  /// Whether what is called so always fails: one in thirty.
  bool IsPoisoned(std::string_view name) const;
  std::int64_t now_us() const { return now_us_; }
  std::int64_t monotonic_us() const { return now_us_ - boot_us_ + kSecond; }
  std::int64_t wall_us(std::size_t host) const { return kStart + now_us_ + wall_offsets_[host]; }
  std::string NameOf(std::size_t host) const { return host == 0 ? "north" : "south"; }

  /// A new process, which begins a moment later. Lives as long as the world, though dead.
  Process& Spawn(std::string name, std::size_t host, std::function<void(Process&)> body);
  Process* current() const { return current_; }    ///< nullptr: no process, the world itself
  Clock& clock(const Process& process);
  /// Give way until `wake_us`. Throws Killed.
  void SleepUntil(std::int64_t wake_us);
  void Kill(Process& process, std::string_view why);
  /// Whether the process of this name was one of `host`, and is dead.
  bool IsGoneFrom(std::size_t host, const std::string& name) const;
  /// `act` at a time, unless `process` is dead then; a pause of its host puts it off.
  void At(std::int64_t time_us, Process* process, std::function<void()> act);
  void StartFaults();
  void StopFaults();                   ///< from now on all goes well, and the wall clocks are right

  /// Let time pass until `done` says so (asked after each move), a rule is broken, or `until_us`.
  void Run(std::int64_t until_us, const std::function<bool()>& done);
  /// Called after each move of a process, before anybody else moves, if it may have written.
  std::function<void(Process&)> after_move;
  bool anybody() const;                ///< whether a process is alive
  void End();                          ///< all processes die

  /// A rule was broken. The first one counts, and ends the simulation.
  void Violation(std::string text);
  const std::string& violation() const { return violation_; }
  /// One line of the event log.
  template <typename... Parts> void Note(const Parts&... parts) { if (tracing_) Write(StrCat(parts...)); }
  const std::string& trace() const { return trace_; }
  std::uint64_t moves() const { return moves_; }

  // internal::Kernel, as the process that runs sees it
  std::int64_t Pid() override;
  std::string StartTicks(std::int64_t pid) override;
  std::string HostAndNamespace() override;
  std::string BootId() override { return StrCat("boot-", boots_); }
  bool everybody_looks_dead = false;   ///< a deliberate bug: who is asked about another process says that there is none

 private:
  struct Event { Process* process; std::function<void()> act; };
  class ProcessClock;
  static void AtCrashPoint(std::string_view name);
  static void Enter();
  void Pass(std::string_view name);
  void Resume(Process& process);
  void Bury(Process& process);
  void Every(std::int64_t Faults::*period, void (World::*act)());
  void KillSomebody();
  void InterruptSomebody();
  void PauseHost();
  void JumpClock();
  void Reboot();
  Process* Somebody();
  void Write(const std::string& text);

  const std::uint64_t seed_;
  std::int64_t now_us_ = 0, boot_us_ = 0;
  std::int64_t boots_ = 1, pids_ = 100;
  std::vector<std::int64_t> wall_offsets_ = std::vector<std::int64_t>(kHosts);
  std::vector<std::unique_ptr<Process>> processes_;
  std::vector<Process*> living_;
  std::vector<std::unique_ptr<Clock>> clocks_;        // by host
  std::multimap<std::int64_t, Event> events_;
  Process* current_ = nullptr;
  ucontext_t main_{};
  const void* main_bottom_ = nullptr;                ///< of the world's own stack, for the address sanitizer
  std::size_t main_size_ = 0;
  bool tracing_;
  bool wrote_ = false;                                // the process that runs may have changed the state
  std::uint64_t moves_ = 0;
  std::string trace_, violation_;
};

}  // namespace headrace::simulator

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "headrace/step/step.h"

namespace headrace {

/// Tells one attempt to stop. `Cancel` may be called again and again: interrupts to a database can be lost between two acts.
///
/// Threads: any.
class CancelToken {
 public:
  bool cancelled() const { return cancelled_.load(); }
  void Cancel();
  /// `act` is called by every Cancel until the returned handle goes away (at once, if already cancelled).
  std::shared_ptr<void> OnCancel(std::function<void()> act);

 private:
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  std::list<std::function<void()>> acts_;   // guarded by mutex_
};

/// Acts: takes steps that may start and says how they ended. The loop's only way to the outside, so that scheduling is tested in memory.
///
/// Threads: one caller (the run loop).
class StepRunner {
 public:
  struct Event {
    enum class Kind : std::uint8_t { kProgress, kFinished, kNothing } kind = Kind::kNothing;   ///< kNothing: the time was up
    std::string step;
    std::string doing;             ///< kProgress
    double fraction = 0;           ///< kProgress
    StepOutcome outcome;           ///< kFinished
  };
  virtual ~StepRunner() = default;
  /// Begin an attempt. `context` without progress, cancelled and on_cancel, which the runner fills in.
  virtual void Start(StepContext context) = 0;
  /// Ask the step to stop; its end still arrives as an event.
  virtual void Cancel(const std::string& step) = 0;
  /// Wait at most `micros` for the next event.
  virtual Event Wait(std::int64_t micros) = 0;
  /// How many steps may be at work at once.
  virtual std::size_t slots() const = 0;
};

/// Runs steps on threads of this process.
class ThreadRunner final : public StepRunner {
 public:
  explicit ThreadRunner(std::size_t slots) : slots_(slots) {}
  ~ThreadRunner() override;   ///< cancels what runs and waits for it
  void Start(StepContext context) override;
  void Cancel(const std::string& step) override;
  Event Wait(std::int64_t micros) override;
  std::size_t slots() const override { return slots_; }

 private:
  struct Work {
    CancelToken token;
    std::thread thread;
  };
  void Push(Event event);

  const std::size_t slots_;
  std::map<std::string, std::unique_ptr<Work>> working_;   // the caller's thread only
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Event> events_;                              // guarded by mutex_
};

}  // namespace headrace

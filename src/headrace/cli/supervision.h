#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "headrace/base/clock.h"
#include "headrace/cli/command.h"
#include "headrace/schedule/run_launcher.h"
#include "headrace/schedule/supervisor.h"

namespace headrace {

/// Sleeps until a signal: SIGCHLD (a run ended), SIGINT or SIGTERM (stop). One per process.
class SignalWait {
 public:
  SignalWait();
  bool stopped() const;
  void Wait(std::int64_t micros) const;   ///< at most that long; at once when a signal came since the last wait

 private:
  std::array<int, 2> pipe_ = {-1, -1};
};

/// A clock whose day can be moved and made shorter; durations stay those of the machine. For tests of the server.
class ShiftedClock final : public Clock {
 public:
  ShiftedClock(std::int64_t start_us, double speed) : start_us_(start_us), speed_(speed), begun_us_(SystemClock().MonotonicMicros()) {}
  std::int64_t NowMicros() override { return start_us_ + static_cast<std::int64_t>(static_cast<double>(MonotonicMicros() - begun_us_) * speed_); }
  std::int64_t MonotonicMicros() override { return SystemClock().MonotonicMicros(); }
  void Sleep(std::int64_t micros) override { SystemClock().Sleep(micros); }

 private:
  std::int64_t start_us_;
  double speed_;
  std::int64_t begun_us_;
};

/// One line of the log, without the time: "started  score/acme  2026-03-02 00:00 to 2026-03-03 00:00".
std::string EventText(const ServerEvent& event);
/// The same as a JSON object.
std::string EventJson(const ServerEvent& event, std::int64_t now_us);

/// Turn `supervisor` until `signals` say stop, or `each` does by false; `each` is called before every turn, told whether the last one acted. Errors of the state are said
/// once and waited out. `speed`: of the supervisor's clock.
void Supervise(Supervisor& supervisor, RunLauncher& launcher, const SignalWait& signals, Clock& clock, double speed, const std::function<bool(bool acting)>& each,
               const std::function<void(const Status&)>& problem);

}  // namespace headrace

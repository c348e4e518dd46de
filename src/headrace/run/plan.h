#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

/// How a step of a plan ended.
enum class StepEnd : std::uint8_t { kOk, kFailed, kSkipped };

/// Decides which steps of one run may start. Starts nothing: the run loop asks, a StepRunner acts.
///
///   Make -> (NextReady | Finished)* -> done()
///
/// Threads: none. Owned by the run loop.
class Plan {
 public:
  struct Step {
    std::string name;
    std::vector<std::string> upstream = {};   ///< names of steps that must end well before it starts
    std::vector<std::string> after = {};      ///< names of steps that must have ended, however
    bool last = false;                   ///< a step under `finally`: starts when all others have ended, however
  };
  /// kInvalid lists the steps on a cycle, in order, or names a step that nobody defines. REQUIRES: only last steps wait for last steps.
  static Result<Plan> Make(const std::vector<Step>& steps);

  /// The next step that may start, longest remaining path first, then in the order given to Make; nullopt if none may start now.
  std::optional<std::string> NextReady();

  /// Report how a step ended. A step that failed or was skipped skips all downstream of it and nothing else; their names are returned, in order.
  /// REQUIRES: `step` came from NextReady and has not been reported yet.
  std::vector<std::string> Finished(std::string_view step, StepEnd end);

  /// A step that came from NextReady cannot go on in this process (it waits for an approval): neither it nor what comes after it ends.
  void Park(std::string_view step);

  /// Give out no further step but those under `finally` (nor these, with `finally_too`: the run is interrupted); those not given out yet are returned.
  std::vector<std::string> Abandon(bool finally_too);

  bool done() const { return waiting_ == 0 && running_ == 0 && parked_ == 0; }
  /// Nothing runs and nothing may start, though steps are left: they wait for those that are parked.
  bool stuck() const { return running_ == 0 && ready_.empty() && parked_ > 0; }

 private:
  struct Node {
    std::string name;
    std::vector<std::size_t> downstream;   ///< steps that need this one to end well
    std::vector<std::size_t> followers;    ///< steps that need it to end
    std::size_t missing = 0;    ///< steps it waits for that have not ended
    std::size_t path = 1;       ///< steps on the longest path from here to an end
    bool last = false;
    enum class State : std::uint8_t { kWaiting, kGiven, kEnded } state = State::kWaiting;
  };
  struct Order {
    const std::vector<Node>* nodes;
    bool operator()(std::size_t a, std::size_t b) const {
      return (*nodes)[a].path != (*nodes)[b].path ? (*nodes)[a].path < (*nodes)[b].path : a > b;
    }
  };
  Status CycleError(const std::vector<Step>& steps, const std::vector<std::size_t>& order) const;
  void Ended(std::size_t node, StepEnd end, std::vector<std::string>& skipped);
  void Arrive(std::size_t node);
  void Push(std::size_t node);
  void OpenLast();

  std::vector<Node> nodes_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<std::size_t> ready_;      ///< a heap by path
  std::size_t waiting_ = 0, running_ = 0, parked_ = 0;
  bool last_open_ = false;              ///< the steps under `finally` may start
  std::size_t before_last_ = 0;         ///< steps not under `finally` that have not ended
};

}  // namespace headrace

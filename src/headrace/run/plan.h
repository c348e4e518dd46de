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
    std::vector<std::string> upstream;   ///< names of steps it waits for
  };
  /// kInvalid lists the steps on a cycle, in order, or names a step that nobody defines.
  static Result<Plan> Make(const std::vector<Step>& steps);

  /// The next step that may start, longest remaining path first, then in the order given to Make; nullopt if none may start now.
  std::optional<std::string> NextReady();

  /// Report how a step ended. A step that failed or was skipped skips all downstream of it and nothing else; their names are returned, in order.
  /// REQUIRES: `step` came from NextReady and has not been reported yet.
  std::vector<std::string> Finished(std::string_view step, StepEnd end);

  /// Give out no further step; those not given out yet are returned. Used when a run is interrupted.
  std::vector<std::string> Abandon();

  bool done() const { return waiting_ == 0 && running_ == 0; }

 private:
  struct Node {
    std::string name;
    std::vector<std::size_t> downstream;
    std::size_t missing = 0;    ///< upstream steps that have not ended
    std::size_t path = 1;       ///< steps on the longest path from here to an end
    enum class State : std::uint8_t { kWaiting, kGiven, kEnded } state = State::kWaiting;
  };
  struct Order {
    const std::vector<Node>* nodes;
    bool operator()(std::size_t a, std::size_t b) const {
      return (*nodes)[a].path != (*nodes)[b].path ? (*nodes)[a].path < (*nodes)[b].path : a > b;
    }
  };
  void Skip(std::size_t node, std::vector<std::string>& skipped);

  std::vector<Node> nodes_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<std::size_t> ready_;      ///< a heap by path
  std::size_t waiting_ = 0, running_ = 0;
};

}  // namespace headrace

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/notify/sender.h"
#include "headrace/store/outbox.h"

namespace headrace {

/// Takes what is due out of the outbox and tells it. A message that does not get through is tried again, after a random time that doubles up to an hour, for a day; a
/// destination that says 410 is left alone until it is edited.
///
/// Threads: one at a time. Any number of couriers, in any number of processes, share one outbox.
class Courier {
 public:
  static constexpr std::int64_t kBackoffMicros = 5'000'000, kLongestPauseMicros = 3'600'000'000, kGiveUpMicros = 86'400'000'000;

  Courier(Outbox outbox, std::vector<AlertDestination> destinations, AlertSender& sender, Clock& clock, Random& random)
      : outbox_(std::move(outbox)), destinations_(std::move(destinations)), sender_(sender), clock_(clock), random_(random) {}

  struct Report {
    std::int64_t sent = 0, failed = 0;
    std::vector<std::string> problems;       ///< "alert to `ops`: ... answered 503; it is tried again"
  };
  /// Tell all that is due, until `stop` says yes. `together`: first wait, as each destination says, for others that are alike.
  Result<Report> Deliver(bool together, const std::function<bool()>& stop);

 private:
  Status DeliverOne(const AlertDestination& destination, const std::vector<OutboxMessage>& messages, Report& report, const std::function<bool()>& stop);
  Result<std::map<std::string, std::int64_t>> Reachable(bool together);

  Outbox outbox_;
  std::vector<AlertDestination> destinations_;
  AlertSender& sender_;
  Clock& clock_;
  Random& random_;
};

}  // namespace headrace

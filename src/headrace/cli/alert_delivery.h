#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "headrace/cli/command.h"
#include "headrace/notify/courier.h"
#include "headrace/schedule/supervisor.h"

namespace headrace {

/// Whom the project tells, and what its pipeline says of itself.
AlertRules AlertRulesOf(const Project& project, const std::string& pipeline);

/// What tells people of this project, with the machine's network, programs and clock.
RealAlertSender SenderOf(const Project& project);

/// Tell what is due, for at most some seconds; what does not get through stays in the outbox. Problems are said on standard error. Nothing at all
/// happens in a project without alerts.
void DeliverAlerts(Store& store, const Project& project, const GlobalFlags& global);

/// Tells people while a supervisor is at work, on a thread of its own, so that a slow destination holds up nobody.
///
/// Threads: Set and Enter may be called by any.
class BackgroundCourier {
 public:
  BackgroundCourier(Store& store, std::function<void(const std::string&)> problem);
  ~BackgroundCourier();                                   ///< stops; what is not told yet stays in the outbox
  void Set(const Project& project);
  /// Enter what no run tells of itself: that it is late, or that none was made.
  void Enter(const ServerEvent& event, std::int64_t now_us);

 private:
  void Work();

  Store& store_;
  std::function<void(const std::string&)> problem_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<AlertDestination> destinations_;            // guarded by mutex_, as the two below
  std::map<std::string, AlertRules> rules_;               // by pipeline
  std::optional<RealAlertSender> sender_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace headrace

#pragma once

#include <cstdint>
#include <string>

namespace headrace {

/// One thing that one destination is to be told, as the outbox keeps it. Whoever enters it fills the first part.
struct OutboxMessage {
  std::string id;                        ///< of what happened and of the destination: entered twice it is one message
  std::string destination;               ///< a name under `alerts:`
  std::string event;                     ///< "failed", "recovered", ...
  std::string pipeline, tenant, run;
  std::string alike;                     ///< messages to one destination that agree in it may be told as one
  std::string body;                      ///< what happened, as JSON

  /// kPending: not told yet. kSnoozed, kAcknowledged: not told, because somebody said so before. kGivenUp: tried for a day.
  enum class State : std::uint8_t { kPending, kSent, kGivenUp, kSnoozed, kAcknowledged } state = State::kPending;
  std::string batch;                     ///< id of the message that tells of it; "" = not tried yet
  std::int64_t attempts = 0;
  std::int64_t entered_us = 0, next_us = 0, sent_us = 0;
  std::string error;                     ///< why the last attempt failed
  std::string acknowledged_by;
  std::int64_t acknowledged_us = 0;
};

}  // namespace headrace

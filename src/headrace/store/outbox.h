#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/base/status.h"
#include "headrace/store/store.h"

namespace headrace {

std::string_view StateName(OutboxMessage::State state);   ///< "pending", "sent", "given up", "snoozed", "acknowledged"

/// Until when nobody is told of a pipeline and tenant; "" = of any.
struct Snooze {
  std::string pipeline, tenant;
  std::int64_t until_us = 0;
  std::string by;
};

/// A destination that said that it is gone (410). It stays so until what the project's file says of it is another.
struct DisabledDestination {
  std::string definition;                ///< digest of what the file said
  std::int64_t since_us = 0;
  std::string reason;
};

/// Messages that people are to get. Store::FinishRun and MoveAlias enter them in the transaction of what they tell of; whoever has time takes one,
/// sends it and says so. One that was taken and not answered for is taken again a minute later, under the same id: it is sent at least once.
///
///   Take -> send -> Sent | Failed | GiveUp
///
/// Threads: as Store; processes too. REQUIRES: the Store outlives it.
class Outbox {
 public:
  Outbox(Store& store, Clock& clock) : store_(store), clock_(clock) {}
  static constexpr std::int64_t kTakenMicros = 60'000'000;

  /// Enter messages that belong to no other change of the state.
  Status Enter(const std::vector<OutboxMessage>& messages);

  /// The oldest message that is due, with all that it tells of together; empty when none is. Only for destinations that `settle` names, and a new one only when
  /// it is as old as `settle` says: others like it may come meanwhile.
  Result<std::vector<OutboxMessage>> Take(const std::map<std::string, std::int64_t>& settle);
  Status Sent(const std::string& batch);
  Status Failed(const std::string& batch, const std::string& error, std::int64_t next_us);
  Status GiveUp(const std::string& batch, const std::string& error);
  Status GiveUpOlder(std::int64_t entered_us);     ///< pending ones entered before, whose destination is gone

  Status Hasten();                                 ///< what failed before is due now

  Status Disable(const std::string& destination, const DisabledDestination& how);
  Result<std::map<std::string, DisabledDestination>> Disabled();

  /// Newest first; `open`: only those that are pending, or that tell of a failure nobody acknowledged.
  Result<std::vector<OutboxMessage>> List(bool open, std::int64_t limit);
  /// Say that somebody knows: it is not sent again, and the same failure of the same pipeline and tenant tells nobody until it has recovered. All messages of the
  /// run count as one, and `id` may be a run's. Returns how many; kInvalid when there is none.
  Result<std::int64_t> Acknowledge(const std::string& id, const std::string& by);
  Status AddSnooze(const Snooze& snooze);
  Result<std::vector<Snooze>> Snoozes();           ///< those that hold now

 private:
  Status Update(const std::string& batch, OutboxMessage::State state, const std::string& error, std::int64_t next_us, std::int64_t sent_us);

  Store& store_;
  Clock& clock_;
};

}  // namespace headrace

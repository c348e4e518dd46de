#include "headrace/notify/courier.h"

#include <algorithm>

#include "headrace/base/crash.h"
#include "headrace/base/text.h"
#include "headrace/http/retry.h"
#include "headrace/table/value.h"

namespace headrace {

/// Destinations that are not disabled as they are now, with how long each waits.
Result<std::map<std::string, std::int64_t>> Courier::Reachable(bool together) {
  ASSIGN_OR_RETURN(const auto disabled, outbox_.Disabled());
  std::map<std::string, std::int64_t> settle;
  for (const AlertDestination& destination : destinations_) {
    const auto gone = disabled.find(destination.name);
    if (gone == disabled.end() || gone->second.definition != sender_.DefinitionOf(destination)) settle[destination.name] = together ? destination.group_us : 0;
  }
  return settle;
}

Result<Courier::Report> Courier::Deliver(bool together, const std::function<bool()>& stop) {
  Report report;
  RETURN_IF_ERROR(outbox_.GiveUpOlder(clock_.NowMicros() - kGiveUpMicros));
  if (destinations_.empty()) return report;
  ASSIGN_OR_RETURN(auto settle, Reachable(together));
  while (!stop()) {
    ASSIGN_OR_RETURN(const std::vector<OutboxMessage> messages, outbox_.Take(settle));
    if (messages.empty()) break;
    const auto destination = std::find_if(destinations_.begin(), destinations_.end(), [&](const AlertDestination& d) { return d.name == messages.front().destination; });
    const std::int64_t failed = report.failed;
    RETURN_IF_ERROR(DeliverOne(*destination, messages, report, stop));
    if (report.failed > failed) settle.erase(destination->name);      // it would not get through either
  }
  return report;
}

Status Courier::DeliverOne(const AlertDestination& destination, const std::vector<OutboxMessage>& messages, Report& report, const std::function<bool()>& stop) {
  const OutboxMessage& first = messages.front();
  std::vector<Alert> alerts;
  for (const OutboxMessage& message : messages)
    if (Result<Alert> alert = Alert::FromJson(message.body); alert.ok()) alerts.push_back(*std::move(alert));
  if (alerts.empty()) return outbox_.GiveUp(first.batch, "it does not read");
  CrashPoint("alert.before_send");
  const SendResult result = sender_.Send(destination, first.batch, alerts, stop);
  CrashPoint("alert.after_send");
  if (result.end == SendResult::End::kSent) {
    ++report.sent;
    return outbox_.Sent(first.batch);
  }
  ++report.failed;
  const std::int64_t now_us = clock_.NowMicros();
  const auto problem = [&](std::string_view what) { report.problems.push_back(StrCat("alert to `", destination.name, "`: ", result.error, "; ", what)); };
  if (result.end == SendResult::End::kGone) {
    problem("nothing is sent there until its address is another");
    RETURN_IF_ERROR(outbox_.Disable(destination.name, {sender_.DefinitionOf(destination), now_us, result.error}));
    return outbox_.Failed(first.batch, result.error, now_us);      // for after the edit
  }
  const std::int64_t pause = std::max(JitteredBackoff(first.attempts, kBackoffMicros, kLongestPauseMicros, random_), result.pause_us.value_or(0));
  if (now_us + pause > first.entered_us + kGiveUpMicros) {
    problem("tried for a day, and given up");
    return outbox_.GiveUp(first.batch, result.error);
  }
  problem("it is tried again");
  return outbox_.Failed(first.batch, result.error, now_us + pause);
}

}  // namespace headrace

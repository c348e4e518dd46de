#include "headrace/store/outbox.h"

#include <algorithm>
#include <array>

#include "headrace/base/crash.h"
#include "headrace/store/database_internal.h"

namespace headrace {

using internal::Database;
using internal::Statement;

namespace {
using State = OutboxMessage::State;
constexpr std::array<std::string_view, 5> kStates = {"pending", "sent", "given up", "snoozed", "acknowledged"};
constexpr std::string_view kColumns =
    "SELECT id, destination, event, pipeline, tenant, run, alike, body, state, batch, attempts, entered_us, next_us, sent_us, error, ack_by, ack_us FROM alerts ";

Result<std::vector<OutboxMessage>> ReadMessages(Statement& row) {
  std::vector<OutboxMessage> messages;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return messages;
    OutboxMessage message;
    message.id = row.Text(0);
    message.destination = row.Text(1);
    message.event = row.Text(2);
    message.pipeline = row.Text(3);
    message.tenant = row.Text(4);
    message.run = row.Text(5);
    message.alike = row.Text(6);
    message.body = row.Text(7);
    for (std::size_t i = 0; i < kStates.size(); ++i)
      if (kStates[i] == row.Text(8)) message.state = static_cast<State>(i);
    message.batch = row.Text(9);
    message.attempts = row.Int(10);
    message.entered_us = row.Int(11);
    message.next_us = row.Int(12);
    message.sent_us = row.Int(13);
    message.error = row.Text(14);
    message.acknowledged_by = row.Text(15);
    message.acknowledged_us = row.Int(16);
    messages.push_back(std::move(message));
  }
}

/// What somebody said before that keeps a new message from being sent.
Result<State> StateOfNew(Database& db, const OutboxMessage& message, std::int64_t now_us) {
  Statement snoozed(db, "SELECT 1 FROM alert_snoozes WHERE until_us > ? AND (pipeline = '' OR pipeline = ?) AND (tenant = '' OR tenant = ?)");
  snoozed.Bind(now_us, message.pipeline, message.tenant);
  ASSIGN_OR_RETURN(const bool quiet, snoozed.Step());
  if (quiet) return State::kSnoozed;
  if (message.event != "failed") return State::kPending;
  Statement before(db, "SELECT event, alike, ack_us FROM alerts WHERE destination = ? AND pipeline = ? AND tenant = ? AND event IN ('failed', 'recovered') ORDER BY entered_us DESC LIMIT 1");
  before.Bind(message.destination, message.pipeline, message.tenant);
  ASSIGN_OR_RETURN(const bool any, before.Step());
  return any && before.Text(0) == "failed" && before.Text(1) == message.alike && before.Int(2) > 0 ? State::kAcknowledged : State::kPending;
}
}  // namespace

std::string_view StateName(OutboxMessage::State state) { return kStates[static_cast<std::size_t>(state)]; }

/// In the transaction of what the messages tell of.
Status Store::EnterMessages(const std::vector<OutboxMessage>& messages) {
  const std::int64_t now_us = messages.empty() ? 0 : clock_.NowMicros();
  for (const OutboxMessage& message : messages) {
    ASSIGN_OR_RETURN(const State state, StateOfNew(*db_, message, now_us));
    const bool known = state == State::kAcknowledged;      // and so is the next one
    Statement insert(*db_, "INSERT INTO alerts(id, destination, event, pipeline, tenant, run, alike, body, state, batch, attempts, entered_us, next_us, sent_us, error, ack_by, ack_us) "
                           "VALUES (?,?,?,?,?,?,?,?,?,'',0,?,?,0,'',?,?) ON CONFLICT (id) DO NOTHING");
    insert.Bind(message.id, message.destination, message.event, message.pipeline, message.tenant, message.run, message.alike, message.body, StateName(state), now_us, now_us,
                known ? "as before" : "", known ? now_us : 0);
    RETURN_IF_ERROR(insert.Run());
  }
  return Ok();
}

Status Outbox::Enter(const std::vector<OutboxMessage>& messages) {
  if (messages.empty()) return Ok();
  const std::lock_guard lock(store_.mutex_);
  return store_.db_->Transact(true, [&] { return store_.EnterMessages(messages); });
}

Result<std::vector<OutboxMessage>> Outbox::Take(const std::map<std::string, std::int64_t>& settle) {
  const std::lock_guard lock(store_.mutex_);
  const std::int64_t now_us = clock_.NowMicros();
  std::vector<OutboxMessage> taken;
  Statement any(*store_.db_, "SELECT 1 FROM alerts WHERE state = 'pending' AND next_us <= ? LIMIT 1");      // a look alone writes nothing
  any.Bind(now_us);
  ASSIGN_OR_RETURN(const bool due, any.Step());
  if (!due) return taken;
  const Status done = store_.db_->Transact(true, [&]() -> Status {
    taken.clear();
    Statement pending(*store_.db_, StrCat(kColumns, "WHERE state = 'pending' AND next_us <= ? ORDER BY entered_us, id"));
    pending.Bind(now_us);
    ASSIGN_OR_RETURN(const std::vector<OutboxMessage> all, ReadMessages(pending));
    const auto first = std::find_if(all.begin(), all.end(), [&](const OutboxMessage& message) {
      const auto destination = settle.find(message.destination);
      return destination != settle.end() && (!message.batch.empty() || message.entered_us + destination->second <= now_us);
    });
    if (first == all.end()) return Ok();
    const std::string batch = first->batch.empty() ? first->id : first->batch;
    for (const OutboxMessage& message : all) {
      const bool together = first->batch.empty() ? message.batch.empty() && message.destination == first->destination && message.alike == first->alike : message.batch == batch;
      if (!together) continue;
      taken.push_back(message);
      taken.back().batch = batch;
      taken.back().attempts += 1;
      Statement take(*store_.db_, "UPDATE alerts SET batch = ?, attempts = attempts + 1, next_us = ? WHERE id = ?");
      take.Bind(batch, now_us + kTakenMicros, message.id);
      RETURN_IF_ERROR(take.Run());
    }
    return Ok();
  });
  RETURN_IF_ERROR(done);
  return taken;
}

Status Outbox::Update(const std::string& batch, State state, const std::string& error, std::int64_t next_us, std::int64_t sent_us) {
  const std::lock_guard lock(store_.mutex_);
  return store_.db_->Transact(true, [&]() -> Status {
    Statement update(*store_.db_, "UPDATE alerts SET state = ?, error = ?, next_us = ?, sent_us = ? WHERE batch = ? AND state = 'pending'");
    update.Bind(StateName(state), error, next_us, sent_us, batch);
    return update.Run();
  });
}

Status Outbox::Sent(const std::string& batch) {
  RETURN_IF_ERROR(Update(batch, State::kSent, "", 0, clock_.NowMicros()));
  CrashPoint("alert.after_record");
  return Ok();
}
Status Outbox::Failed(const std::string& batch, const std::string& error, std::int64_t next_us) { return Update(batch, State::kPending, error, next_us, 0); }
Status Outbox::GiveUp(const std::string& batch, const std::string& error) { return Update(batch, State::kGivenUp, error, 0, 0); }

Status Outbox::Hasten() {
  const std::lock_guard lock(store_.mutex_);
  return store_.db_->Transact(false, [&]() -> Status {
    Statement update(*store_.db_, "UPDATE alerts SET next_us = ?1 WHERE state = 'pending' AND error <> '' AND next_us > ?1");
    update.Bind(clock_.NowMicros());
    return update.Run();
  });
}

Status Outbox::GiveUpOlder(std::int64_t entered_us) {
  const std::lock_guard lock(store_.mutex_);
  Statement any(*store_.db_, "SELECT 1 FROM alerts WHERE state = 'pending' AND entered_us < ? LIMIT 1");
  any.Bind(entered_us);
  ASSIGN_OR_RETURN(const bool old, any.Step());
  if (!old) return Ok();
  return store_.db_->Transact(true, [&]() -> Status {
    Statement update(*store_.db_, "UPDATE alerts SET state = 'given up', error = CASE error WHEN '' THEN 'its destination was not there for a day' ELSE error END WHERE state = 'pending' AND entered_us < ?");
    update.Bind(entered_us);
    return update.Run();
  });
}

Status Outbox::Disable(const std::string& destination, const DisabledDestination& how) {
  const std::lock_guard lock(store_.mutex_);
  return store_.db_->Transact(true, [&]() -> Status {
    Statement put(*store_.db_, "INSERT INTO alert_destinations VALUES (?,?,?,?) ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, since_us = excluded.since_us, reason = excluded.reason");
    put.Bind(destination, how.definition, how.since_us, how.reason);
    return put.Run();
  });
}

Result<std::map<std::string, DisabledDestination>> Outbox::Disabled() {
  const std::lock_guard lock(store_.mutex_);
  Statement row(*store_.db_, "SELECT name, definition, since_us, reason FROM alert_destinations");
  std::map<std::string, DisabledDestination> all;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return all;
    all[row.Text(0)] = {row.Text(1), row.Int(2), row.Text(3)};
  }
}

Result<std::vector<OutboxMessage>> Outbox::List(bool open, std::int64_t limit) {
  const std::lock_guard lock(store_.mutex_);
  Statement find(*store_.db_, StrCat(kColumns, "WHERE (?1 = 0 OR state = 'pending' OR (event = 'failed' AND ack_us = 0 AND NOT EXISTS (SELECT 1 FROM alerts AS later WHERE "
                                               "later.pipeline = alerts.pipeline AND later.tenant = alerts.tenant AND later.event = 'recovered' AND later.entered_us >= alerts.entered_us))) "
                                               "ORDER BY entered_us DESC, id DESC LIMIT ?2"));
  find.Bind(open ? 1 : 0, limit);
  return ReadMessages(find);
}

Result<std::int64_t> Outbox::Acknowledge(const std::string& id, const std::string& by) {
  const std::lock_guard lock(store_.mutex_);
  std::int64_t count = 0;
  const Status done = store_.db_->Transact(true, [&]() -> Status {
    Statement update(*store_.db_, "UPDATE alerts SET ack_by = ?1, ack_us = ?2, state = CASE state WHEN 'pending' THEN 'acknowledged' ELSE state END "
                                  "WHERE id = ?3 OR run = ?3 OR run IN (SELECT run FROM alerts WHERE id = ?3 AND run <> '')");
    update.Bind(by, clock_.NowMicros(), id);
    RETURN_IF_ERROR(update.Run());
    count = update.changed();
    return Ok();
  });
  RETURN_IF_ERROR(done);
  if (count == 0) return Error(ErrorCode::kInvalid, "there is no alert `", id, "`, and none of a run of that id").WithHelp("`headrace alerts list --all` lists them");
  return count;
}

Status Outbox::AddSnooze(const Snooze& snooze) {
  const std::lock_guard lock(store_.mutex_);
  return store_.db_->Transact(true, [&]() -> Status {
    Statement old(*store_.db_, "DELETE FROM alert_snoozes WHERE until_us <= ? OR (pipeline = ? AND tenant = ?)");
    old.Bind(clock_.NowMicros(), snooze.pipeline, snooze.tenant);
    RETURN_IF_ERROR(old.Run());
    if (snooze.until_us <= clock_.NowMicros()) return Ok();
    Statement put(*store_.db_, "INSERT INTO alert_snoozes VALUES (?,?,?,?)");
    put.Bind(snooze.pipeline, snooze.tenant, snooze.until_us, snooze.by);
    return put.Run();
  });
}

Result<std::vector<Snooze>> Outbox::Snoozes() {
  const std::lock_guard lock(store_.mutex_);
  Statement row(*store_.db_, "SELECT pipeline, tenant, until_us, by FROM alert_snoozes WHERE until_us > ? ORDER BY until_us");
  row.Bind(clock_.NowMicros());
  std::vector<Snooze> all;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return all;
    all.push_back({row.Text(0), row.Text(1), row.Int(2), row.Text(3)});
  }
}

}  // namespace headrace

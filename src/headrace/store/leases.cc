// Who may act: leases with rising epochs. A holder that lost its lease without noticing (it was stopped, its host slept) is
// kept from doing harm by the epoch: each of its writes is conditional on it, in the same transaction.

#include <algorithm>

#include "headrace/store/database_internal.h"
#include "headrace/store/store.h"

namespace headrace {

using internal::LeaseTime;
using internal::Statement;

namespace {
struct LeaseRow {
  std::string holder;
  std::int64_t epoch = 0;
  std::int64_t left_us = 0;
};

Result<LeaseRow> ReadLease(internal::Database& db, const std::string& name, const LeaseTime& time) {
  Statement find(db, "SELECT holder, epoch, until_us, clock FROM leases WHERE name = ?");
  find.Bind(name);
  ASSIGN_OR_RETURN(const bool there, find.Step());
  if (!there) return LeaseRow{};
  return LeaseRow{find.Text(0), find.Int(1), find.Text(3) == time.clock ? std::max<std::int64_t>(0, find.Int(2) - time.now_us) : 0};
}

Status Lost(const std::string& name, const LeaseRow& row) {
  return Error(ErrorCode::kBusy, "the lease `", name, "` ", row.left_us > 0 ? StrCat("is now held by ", row.holder) : std::string("has run out"), ": the stale writer is rejected")
      .WithHelp("acquire it again before acting");
}
}  // namespace

Result<Lease> Store::AcquireLease(const std::string& name, const std::string& holder, std::int64_t duration_us) {
  const std::lock_guard lock(mutex_);
  Lease lease;
  const Status done = db_->Transact(true, [&]() -> Status {
    ASSIGN_OR_RETURN(const LeaseTime time, db_->Now());
    ASSIGN_OR_RETURN(const LeaseRow row, ReadLease(*db_, name, time));
    if (row.left_us > 0 && row.holder != holder) {
      lease = {false, row.epoch, row.holder, row.left_us};
      return Ok();
    }
    lease = {true, row.left_us > 0 ? row.epoch : row.epoch + 1, holder, duration_us};
    Statement take(*db_, "INSERT INTO leases(name, holder, epoch, until_us, clock) VALUES (?,?,?,?,?) ON CONFLICT (name) "
                         "DO UPDATE SET holder = excluded.holder, epoch = excluded.epoch, until_us = excluded.until_us, clock = excluded.clock");
    take.Bind(name, holder, lease.epoch, time.now_us + duration_us, time.clock);
    return take.Run();
  });
  RETURN_IF_ERROR(done);
  return lease;
}

Status Store::RenewLease(const std::string& name, std::int64_t epoch, std::int64_t duration_us) {
  const std::lock_guard lock(mutex_);
  return db_->Transact(false, [&]() -> Status {
    ASSIGN_OR_RETURN(const LeaseTime time, db_->Now());
    ASSIGN_OR_RETURN(const LeaseRow row, ReadLease(*db_, name, time));
    if (row.epoch != epoch || row.left_us == 0) return Lost(name, row);
    Statement renew(*db_, "UPDATE leases SET until_us = ?, clock = ? WHERE name = ?");
    renew.Bind(time.now_us + duration_us, time.clock, name);
    return renew.Run();
  });
}

Status Store::ReleaseLease(const std::string& name, std::int64_t epoch) {
  const std::lock_guard lock(mutex_);
  return db_->Transact(false, [&]() -> Status {
    Statement release(*db_, "UPDATE leases SET until_us = 0 WHERE name = ? AND epoch = ?");   // the row stays: its epoch must rise
    release.Bind(name, epoch);
    return release.Run();
  });
}

Result<Lease> Store::FindLease(const std::string& name) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(const LeaseTime time, db_->Now());
  ASSIGN_OR_RETURN(const LeaseRow row, ReadLease(*db_, name, time));
  return Lease{false, row.epoch, row.holder, row.left_us};
}

void Store::ActUnder(const std::string& name, std::int64_t epoch) {
  const std::lock_guard lock(mutex_);
  acting_ = {name, epoch};
}

Status Store::CheckActing() {
  if (!acting_) return Ok();
  ASSIGN_OR_RETURN(const LeaseTime time, db_->Now());
  ASSIGN_OR_RETURN(const LeaseRow row, ReadLease(*db_, acting_->first, time));
  return row.epoch == acting_->second ? Ok() : Lost(acting_->first, row);
}

Status Store::Heartbeat(const std::string& run) {
  const std::lock_guard lock(mutex_);
  const auto owned = owned_.find(run);
  if (owned == owned_.end()) return Refusal(run, "");
  const std::int64_t now = clock_.MonotonicMicros();
  if (now - owned->second.tried < kRunLeaseMicros / 3) return Ok();
  owned->second.tried = now;
  bool refused = false;
  Status status = db_->Transact(false, [&]() -> Status {
    ASSIGN_OR_RETURN(const LeaseTime time, db_->Now());
    Statement renew(*db_, "UPDATE runs SET lease_until_us = ?, lease_clock = ? WHERE id = ? AND epoch = ? AND state = 'running'");
    renew.Bind(time.now_us + kRunLeaseMicros, time.clock, run, owned->second.epoch);
    RETURN_IF_ERROR(renew.Run());
    refused = renew.changed() != 1;
    return refused ? Refusal(run, "") : Ok();
  });
  if (status.ok()) owned->second.renewed = now;
  // The state may be out of reach for a while: the lease holds. It is given up before others may take it.
  else if (!refused && now - owned->second.renewed < 2 * (kRunLeaseMicros / 3)) return Ok();
  return status;
}

}  // namespace headrace

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/report/report.h"
#include "headrace/sql/connection.h"
#include "headrace/table/table.h"

namespace headrace {

/// One delivery into a table, ready to be made.
struct Delivery {
  enum class Mode : std::uint8_t { kUpsert, kAppend, kReplace };
  QualifiedName table;
  Mode mode = Mode::kUpsert;
  std::vector<std::string> key;        ///< unique columns; not empty for kUpsert
  std::string delivery_key;            ///< names this delivery for ever: a second one of the same name is known by it
  std::string digest;                  ///< SHA-256 of the rows' artifact
  std::int64_t rows = 0;               ///< how many there are
  std::int64_t interval_end_us = 0;
  bool allow_older = false;            ///< accept an interval older than the newest delivered to the table
  bool dry_run = false;                ///< count what would change, change nothing
  std::string run;                     ///< run id
  std::int64_t fence = 0;              ///< Store::FenceOf the run; a later one in the ledger refuses this delivery
  std::int64_t now_us = 0;             ///< for the ledger
};

/// Deliver `rows` through `connection` so that the destination shows the effect exactly once:
///
///   make the table and the ledger if missing -> BEGIN -> lock -> ask the ledger -> rows into staging -> count them -> count what changes
///   -> merge by key -> ledger row -> COMMIT
///
/// On PostgreSQL the tables are made inside of the transaction, behind the lock. The ledger `headrace_deliveries` lies in the destination itself and commits with the rows. Same key and digest: nothing is done and
/// `no_op` says so. Same key, other digest: the next revision (append: refused), unless a run with a higher fence wrote the last one. After an error
/// nothing of the delivery is there.
///
/// kDelivery: the table has other columns, types that do not fit or no unique key (help holds the DDL); a null or doubled key; an
/// interval older than the newest delivered; a later run's delivery; a constraint of the destination. kBusy: locked or full. A failed COMMIT comes back as
/// kDelivery with `unknown_outcome` set: ask WasDelivered on a new connection.
Result<DeliveryReport> DeliverToTable(Connection& connection, const Delivery& delivery, std::unique_ptr<TableStream> rows, bool* unknown_outcome);

/// Whether the ledger holds this delivery of this run. Waits for the transaction that may still be at it, and leaves a transaction
/// of its own open: close the connection afterwards.
Result<bool> WasDelivered(Connection& connection, const Delivery& delivery);

}  // namespace headrace

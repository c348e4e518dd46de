#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "headrace/sql/adbc_internal.h"

namespace headrace {

/// The statement that PostgreSQL was given, for errors that point into it: the user's text, rewritten, stands inside of
/// `full` from byte `prefix` on. Null when the statement is ours or is not the one that the places refer to.
struct PostgresContext {
  std::string full;
  std::size_t prefix = 0;
  std::shared_ptr<const BoundSql> user;
};

/// A PostgreSQL error as a Status: code by its SQLSTATE, span by its position, hint as help. The message is the server's
/// own sentence alone: the driver's text repeats the statement, and the server's DETAIL the row.
///   22, 23 (values, constraints): kData. 28, 3D, 3F, 42, 0A, 25006 (rights, names, syntax): kInvalid. 08, 40, 53, 55P03,
///   57P (connections, deadlocks, resources, locks, shutdown) and a connection that broke: kBusy. 57014: kInterrupted, or
///   kBusy when a time limit of the server ended the statement. All else: kFailed.
Status PostgresError(const adbc::DriverError& error, const PostgresContext& context = {});

/// Why no session came about, in the server's or libpq's words but never with a piece of the uri that might be a password.
/// kBusy for what may pass: refused, timed out, starting up, too many clients. kInvalid for the rest.
Status PostgresOpenError(const adbc::DriverError& error);

/// `uri` with a limit on the time to connect, unless it has one.
std::string WithConnectTimeout(std::string_view uri);

}  // namespace headrace

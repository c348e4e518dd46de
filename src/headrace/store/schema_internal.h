#pragma once

#include "headrace/store/database_internal.h"

namespace headrace::internal {

/// Bring the tables to the layout that this program knows, step by step from whatever layout they have; all of it or nothing.
/// kInvalid, politely, when they were made by a newer Headrace.
Status Migrate(Database& db);

/// `sql` of a migration step in PostgreSQL's dialect.
std::string ForPostgres(std::string_view sql);

}  // namespace headrace::internal

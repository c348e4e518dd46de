#pragma once

#include <span>
#include <string>
#include <string_view>

#include "headrace/base/status.h"
#include "headrace/sql/sql_text.h"

namespace headrace {

/// The statement that DuckDB was given, for errors that point into it: the user's text, rewritten, stands inside of
/// `full` from byte `prefix` on. Null pointers when there is no user text.
struct SqlContext {
  std::string full;
  std::size_t prefix = 0;
  const BoundSql* user = nullptr;
  std::span<const std::string> tables;  ///< the names a query may read, for suggestions
};

/// A DuckDB error message as a Status: code by its class ("Binder Error: ..."), span by its "LINE 1: ... ^",
/// candidates and hints as help.
///   Parser, Binder, Catalog, missing files, permissions: kInvalid. Conversion, Out of Range, Constraint, Invalid
///   Input: kData. Out of memory, a full disk, a lock: kBusy. Interrupt: kInterrupted. All else: kFailed.
Status DuckDbError(const std::string& message, const SqlContext& context = {});

}  // namespace headrace

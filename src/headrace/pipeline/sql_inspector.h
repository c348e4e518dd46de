#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/sql/sql_text.h"

namespace headrace {

/// What a query mentions, read from its text without a database's catalog.
struct SqlFacts {
  struct Mention {
    std::string name;       ///< parts joined by dots, quotes removed; parameters without `$`
    TextSpan span;          ///< the first mention
  };
  std::vector<Mention> tables;       ///< tables that are not the query's own CTEs, each once, in order of appearance
  std::vector<Mention> parameters;   ///< `$name`s, each once, in order of appearance
};

/// Reads SQL for the step graph. An interface, so that tests need no database engine.
///
/// Threads: any number may call.
class SqlInspector {
 public:
  virtual ~SqlInspector() = default;
  /// A query of the embedded engine: tables and parameters. kInvalid carries the span of a syntax error.
  virtual Result<SqlFacts> InspectEngineQuery(std::string_view sql) const = 0;
  /// A query for a user's database: parameters only.
  virtual Result<SqlFacts> InspectForeignQuery(std::string_view sql, SqlDialect dialect) const = 0;
};

/// The one that reads SQL with the room `sql`.
std::shared_ptr<const SqlInspector> DefaultSqlInspector();

}  // namespace headrace

#include "headrace/pipeline/sql_inspector.h"

#include <algorithm>
#include <mutex>

#include "headrace/sql/engine.h"
#include "headrace/sql/find_tables.h"

namespace headrace {
namespace {

/// `$name`s by the room's own lexer, so that they are what a run will bind.
Result<std::vector<SqlFacts::Mention>> FindParameters(std::string_view sql, SqlDialect dialect) {
  ASSIGN_OR_RETURN(const std::vector<SqlToken> tokens, LexSql(sql, dialect));
  std::vector<SqlFacts::Mention> found;
  for (const SqlToken& token : tokens) {
    if (token.kind != SqlToken::Kind::kParameter) continue;
    std::string name(sql.substr(token.offset + 1, token.length - 1));
    const bool known = std::any_of(found.begin(), found.end(), [&](const auto& other) { return other.name == name; });
    if (!known) found.push_back({std::move(name), {token.offset, token.length}});
  }
  return found;
}

class EngineInspector : public SqlInspector {
 public:
  Result<SqlFacts> InspectEngineQuery(std::string_view sql) const override {
    SqlFacts facts;
    ASSIGN_OR_RETURN(facts.parameters, FindParameters(sql, SqlDialect::kDuckDb));
    const std::lock_guard lock(mutex_);
    if (engine_ == nullptr) {
      ASSIGN_OR_RETURN(engine_, Engine::Open({}));
    }
    ASSIGN_OR_RETURN(const std::vector<TableUse> tables, FindTables(*engine_, sql));
    for (const TableUse& table : tables)
      facts.tables.push_back({table.schema.empty() ? table.name : StrCat(table.schema, ".", table.name), table.span});
    return facts;
  }

  Result<SqlFacts> InspectForeignQuery(std::string_view sql, SqlDialect dialect) const override {
    SqlFacts facts;
    ASSIGN_OR_RETURN(facts.parameters, FindParameters(sql, dialect));
    return facts;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Engine> engine_;  ///< guarded by mutex_; opened by the first query
};

}  // namespace

std::shared_ptr<const SqlInspector> DefaultSqlInspector() {
  return std::make_shared<EngineInspector>();
}

}  // namespace headrace

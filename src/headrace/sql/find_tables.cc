#include "headrace/sql/find_tables.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <list>
#include <set>

#include "headrace/base/json.h"
#include "headrace/base/text.h"

// DuckDB gives its parse tree as JSON (json_serialize_sql). A name in FROM is a BASE_TABLE node with the byte it stood
// at. What remains to be done here is SQL's scoping of CTEs: each is seen by those after it and by the body of
// its WITH; by itself only when recursive; so in `WITH t AS (SELECT * FROM t) ...` the inner t is a real table.

namespace headrace {
namespace {

using Json = nlohmann::json;
using Scope = std::set<std::string>;  // lower-case names of visible CTEs

struct Found {
  std::string catalog, schema, name;
  std::size_t location;
};

class Walk {
 public:
  void Visit(const Json& node, const Scope& scope) {
    if (node.is_array()) {
      for (const Json& item : node) Visit(item, scope);
    } else if (node.is_object()) {
      Scope inner = scope;
      if (const auto ctes = node.find("cte_map"); ctes != node.end()) Ctes(*ctes, inner);
      if (Text(node, "type") == "BASE_TABLE") Table(node, inner);
      for (const auto& [key, child] : node.items())
        if (key != "cte_map") Visit(child, inner);
    }
  }

  std::list<Found> found;         // sorted by place, stably

 private:
  static std::string Text(const Json& node, const char* key) {
    const auto at = node.find(key);
    return at != node.end() && at->is_string() ? at->get<std::string>() : std::string();
  }

  void Ctes(const Json& ctes, Scope& scope) {
    const auto map = ctes.find("map");
    if (map == ctes.end()) return;
    for (const Json& entry : *map) {
      const std::string name = ToLower(Text(entry, "key"));
      const Json& value = entry.at("value");
      const bool recursive = value.contains("query") && value["query"].contains("node") &&
                             Text(value["query"]["node"], "type") == "RECURSIVE_CTE_NODE";
      Scope own = scope;
      if (recursive) own.insert(name);
      Visit(value, own);
      scope.insert(name);
    }
  }

  void Table(const Json& node, const Scope& scope) {
    Found table{Text(node, "catalog_name"), Text(node, "schema_name"), Text(node, "table_name"),
                node.value("query_location", std::size_t{0})};
    if (table.schema.empty() && scope.contains(ToLower(table.name))) return;
    found.push_back(std::move(table));
  }
};

Result<std::string> ParseTree(Engine& engine, std::string_view sql) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows,
                   engine.Query("SELECT json_serialize_sql($sql::VARCHAR)", {{"sql", Value::Text(std::string(sql))}}));
  ASSIGN_OR_RETURN(const Table table, ReadAll(*rows));
  return std::string(table.column(0).text(0));
}

TextSpan TokenAt(const std::vector<SqlToken>& tokens, std::size_t offset) {
  for (const SqlToken& token : tokens)
    if (offset < token.offset + token.length) return {token.offset, token.length};
  return {tokens.back().offset, tokens.back().length};
}

Status ParseError(const Json& tree, std::string_view sql, const std::vector<SqlToken>& tokens) {
  const std::string message = tree.value("error_message", std::string("syntax error"));
  if (tree.value("error_type", std::string()) != "not implemented") {
    std::int64_t position = -1;
    if (const auto at = tree.find("position"); at != tree.end() && at->is_string())
      ParseInt(at->get<std::string>(), &position);
    const TextSpan span = position >= 0 ? TokenAt(tokens, static_cast<std::size_t>(position))
                                        : TextSpan{tokens.back().offset, tokens.back().length};
    return Error(ErrorCode::kInvalid, message).WithSpan(span);
  }
  const TextSpan first{tokens.front().offset, tokens.front().length};
  const std::string word = ToLower(sql.substr(first.offset, first.length));
  if (word == "select" || word == "with" || word == "from" || word == "(")
    return Error(ErrorCode::kInvalid, "the tables of this query cannot be told from its text: ", message)
        .WithSpan(first)
        .WithHelp("a PIVOT needs its values listed: PIVOT t ON column IN (...)");
  return Error(ErrorCode::kInvalid, "expected a SELECT statement, found `", word, "`")
      .WithSpan(first)
      .WithHelp("a step reads rows; writing to a database is what `deliver` is for");
}

// The span of a name that starts at `offset` and has as many dots as it has qualifiers.
TextSpan NameSpan(const std::vector<SqlToken>& tokens, std::size_t offset, int qualifiers) {
  const auto first =
      std::find_if(tokens.begin(), tokens.end(), [offset](const SqlToken& t) { return offset < t.offset + t.length; });
  if (first == tokens.end()) return {offset, 1};
  const auto last = first + std::min<std::ptrdiff_t>(2 * qualifiers, tokens.end() - first - 1);
  return {first->offset, last->offset + last->length - first->offset};
}

}  // namespace

Result<std::vector<TableUse>> FindTables(Engine& engine, std::string_view sql) {
  RETURN_IF_ERROR(SqlParameterNames(sql, SqlDialect::kDuckDb).status());  // one statement
  ASSIGN_OR_RETURN(std::vector<SqlToken> tokens, LexSql(sql, SqlDialect::kDuckDb));
  std::erase_if(tokens, [](const SqlToken& t) {
    return t.kind == SqlToken::Kind::kComment || t.kind == SqlToken::Kind::kSemicolon;
  });
  for (const SqlToken& token : tokens)
    if (token.kind == SqlToken::Kind::kPositional)
      return Error(ErrorCode::kInvalid, "the query uses the positional marker ", sql.substr(token.offset, token.length))
          .WithSpan({token.offset, token.length})
          .WithHelp("give the value a name, as in $since, and bind it by that name");
  ASSIGN_OR_RETURN(const std::string text, ParseTree(engine, sql));
  const Json tree = ParseJson(text);
  if (tree.is_discarded()) return Error(ErrorCode::kInternal, "the engine's parse tree is not JSON");
  if (tree.value("error", false)) return ParseError(tree, sql, tokens);

  Walk walk;
  walk.Visit(tree.at("statements"), {});
  walk.found.sort([](const Found& a, const Found& b) { return a.location < b.location; });
  std::vector<TableUse> uses;
  std::set<std::pair<std::string, std::string>> seen;
  for (const Found& table : walk.found) {
    const int qualifiers = (table.catalog.empty() ? 0 : 1) + (table.schema.empty() ? 0 : 1);
    const TextSpan span = NameSpan(tokens, table.location, qualifiers);
    if (sql[span.offset] == '\'')
      return Error(ErrorCode::kInvalid, "the query reads the file ", sql.substr(span.offset, span.length),
                   " by its name")
          .WithSpan(span)
          .WithHelp("read it in a step of its own, `extract: {file: ...}`, and use that step's name here");
    const std::string schema = table.catalog.empty() ? table.schema : StrCat(table.catalog, ".", table.schema);
    if (seen.emplace(ToLower(schema), ToLower(table.name)).second) uses.push_back({schema, table.name, span});
  }
  return uses;
}

}  // namespace headrace

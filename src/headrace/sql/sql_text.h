#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/table/value.h"

namespace headrace {

/// Whose lexical rules a text follows. They differ where it hurts: DuckDB has dollar quotes, E'' strings and nested
/// comments, and so has PostgreSQL, where `?` is an operator; SQLite has [bracketed] and `backticked` names and comments that
/// do not nest.
enum class SqlDialect : std::uint8_t { kDuckDb, kSqlite, kPostgres };

/// A stretch of SQL text of one kind. Blanks are not tokens.
struct SqlToken {
  enum class Kind : std::uint8_t {
    kWord,        ///< keyword or bare name
    kQuotedName,  ///< "..." (SQLite also [...] and `...`)
    kString,      ///< '...', E'...', $$...$$, $tag$...$tag$
    kNumber,
    kParameter,   ///< $name
    kPositional,  ///< $1, ?, ?1 (not PostgreSQL; SQLite also :name and @name): the driver's own markers
    kSemicolon,
    kSymbol,  ///< any other single character
    kComment,
  };
  Kind kind = Kind::kSymbol;
  std::size_t offset = 0, length = 0;  ///< bytes of the text
};

/// Cut `sql` into tokens. kInvalid with a span for a string, quoted name or comment that does not end, and for a NUL.
Result<std::vector<SqlToken>> LexSql(std::string_view sql, SqlDialect dialect);

/// Values by name. A date, timestamp or duration keeps its type on the way into the database.
using SqlParameters = std::map<std::string, Value>;

/// SQL whose `$name` parameters were rewritten to numbered markers ($1; ?1 for SQLite), because drivers
/// bind by position and ignore names.
class BoundSql {
 public:
  /// Rewrite `sql`, which must be one statement (a final semicolon is fine) without positional markers.
  /// kInvalid with a span, and the likely name: a second statement, an empty text, a `$name` that `parameters` lacks,
  /// a positional marker; kInvalid without a span: a given parameter that the text does not use.
  static Result<BoundSql> Make(std::string_view sql, SqlDialect dialect, const SqlParameters& parameters);

  const std::string& text() const { return text_; }
  /// The name behind marker number i + 1. A name used twice has one marker.
  const std::vector<std::string>& names() const { return names_; }
  /// Where byte `offset` of text() stood in the user's SQL.
  std::size_t UserOffset(std::size_t offset) const;

 private:
  struct Piece {
    std::size_t user, ours;
  };
  std::string text_;
  std::vector<std::string> names_;
  std::vector<Piece> pieces_;  // in order: from `ours` on, text_ is a copy of the user's text from `user` on
};

/// The names of the `$name` parameters of `sql`, each once, in order of first use.
Result<std::vector<std::string>> SqlParameterNames(std::string_view sql, SqlDialect dialect);

/// The same statement without comments and with every run of blanks outside of strings and quoted names made one
/// blank: equal for texts that differ only in layout. Case is kept. What digests are taken of.
Result<std::string> NormalizeSql(std::string_view sql, SqlDialect dialect);

/// `name` as a quoted identifier: "my ""table""". All dialects read it.
std::string QuoteIdentifier(std::string_view name);
/// `text` as a string literal: 'it''s'.
std::string QuoteString(std::string_view text);

/// A table's name with an optional schema: analytics.dim_customer.
struct QualifiedName {
  std::string schema;  ///< "" for the default one
  std::string name;
  /// Parse `dim`, `analytics.dim` or quoted parts (`"my schema"."t"`); kInvalid for anything else.
  static Result<QualifiedName> Parse(std::string_view text);
  /// Both parts quoted, for use in SQL.
  std::string Quoted() const;
  /// As a user writes it, quotes only where needed.
  std::string ToString() const;
  bool operator==(const QualifiedName&) const = default;
};

/// The place `offset` of `sql` as "line 3, column 7" (columns in bytes, from 1).
std::string SqlPlace(std::string_view sql, std::size_t offset);

}  // namespace headrace

#pragma once

#include <string>
#include <string_view>

#include "headrace/base/status.h"
#include "headrace/sql/sql_text.h"
#include "headrace/table/table.h"

namespace headrace {

/// The bound values in marker order, as a table of one row (no rows when there are none). What a driver cannot carry
/// travels in another form: durations as text (cast back by BoundSql), for SQLite also truth values as 0 and 1, dates and
/// timestamps as the text that they are stored as.
Table ParameterRow(const BoundSql& bound, const SqlParameters& parameters, SqlDialect dialect);

/// kInvalid when two columns of a query have one name (case ignored): they could not be told apart later.
Status CheckUniqueNames(const Schema& schema);

/// DuckDB's type for values of `type`: BIGINT, VARCHAR, ...
std::string_view DuckDbTypeName(Type type);
/// `CAST("a" AS BIGINT) AS "a", ...`: what a file's columns are made of, so that it never holds a type that cannot be read back.
std::string CastList(const Schema& schema);
/// The table function that reads the Parquet file at `path`; with folders called `key=value` as columns, which DuckDB would make of those above a project as well, when asked.
std::string ReadParquetSql(const std::string& path, bool folders_are_columns = false);
/// Of COPY ... TO, for every Parquet file that is written.
inline constexpr std::string_view kParquetOptions = "FORMAT parquet, COMPRESSION zstd";

}  // namespace headrace

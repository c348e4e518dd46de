#include <algorithm>
#include <span>

#include "headrace/base/text.h"
#include "headrace/sql/cell_types_internal.h"

// How a column of text gets its type, in SQL, over all of its cells.
//
// The exact test of a cell (Classify) needs regular expressions, half a second for a million cells and some
// milliseconds of planning for a column. So a sample proposes a type, and a cheap test that accepts only canonical
// cells (a number that prints as it was written, an ISO date) is tried on the whole column. Only when a cell fails
// that, the exact test runs on all cells. Either way the decision is made by all cells; the sample decides nothing but
// which test comes first.

namespace headrace {
namespace {

// Classes of cells, as bits of a mask.
enum : std::int64_t { kIsBool = 1, kIsInt = 2, kIsDouble = 4, kIsDate = 8, kIsTime = 16, kIsText = 32, kIsHuge = 64 };

constexpr std::string_view kIntShape = "'[+-]?(0|[1-9][0-9]*)'";
constexpr std::string_view kDoubleShape =
    "'[+-]?((0|[1-9][0-9]*)(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?[iI]nf(inity)?|[nN]a[nN]'";
constexpr std::string_view kAnyNumberShape =
    "'[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?[iI]nf(inity)?|[nN]a[nN]'";
constexpr std::string_view kDateShape = "'[0-9]{4}-[0-9]{2}-[0-9]{2}'";
constexpr std::string_view kMidnightShape = "'[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]00:00(:00(\\.0+)?)?Z?)?'";
constexpr std::string_view kTimeShape =
    "'[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,9})?)?( "
    "?(Z|[+-][0-9]{2}(:?[0-9]{2})?))?)?'";

// A first guess at a cell's class; wrong guesses cost time only.
std::int64_t Guess(std::string_view cell, bool strings) {
  const std::string_view x = Trim(cell);
  std::int64_t i = 0;
  double d = 0;
  if (x.size() >= 10 && x[4] == '-' && x[7] == '-') {
    if (x.size() == 10 && ParseDate(x).ok()) return kIsDate;
    return ParseTimestamp(x).ok() ? kIsTime : kIsText;
  }
  if (strings) return kIsText;
  if (ParseInt(x.substr(x.starts_with('+') ? 1 : 0), &i)) return kIsInt;
  if (x.find_first_not_of("+-0123456789") == std::string_view::npos) return kIsHuge;
  if (ParseDouble(x, &d)) return kIsDouble;
  const std::string lower = ToLower(x);
  return lower == "true" || lower == "false" ? kIsBool : kIsText;
}

struct Decision {
  Type type = Type::kText;
  bool canonical = false;  // every cell passed the cheap test: a plain cast will do
};

class Typing {
 public:
  Typing(Engine& engine, const std::string& table, const std::vector<CellColumn>& columns,
         const std::vector<std::string>& null_values, const std::function<std::string(std::int64_t)>& place)
      : engine_(engine), table_(table), columns_(columns), place_(place), decisions_(columns.size()) {
    nulls_ = "''";
    null_values_ = null_values;
    for (const std::string& value : null_values) nulls_ += StrCat(", ", QuoteString(value));
  }

  Result<std::vector<std::string>> Run() {
    RETURN_IF_ERROR(Propose());
    RETURN_IF_ERROR(TryCanonical());
    RETURN_IF_ERROR(Exact());
    RETURN_IF_ERROR(PlainText());
    RETURN_IF_ERROR(CheckDeclared());
    std::vector<std::string> expressions;
    for (std::size_t i = 0; i < columns_.size(); ++i) expressions.push_back(Expression(i));
    return expressions;
  }

 private:
  // The cell without blanks around it, null where it means null.
  std::string Cell(const CellColumn& column) const {
    const std::string trimmed = StrCat("trim(", column.raw, ", ' \t\r')");
    return StrCat("(CASE WHEN ", trimmed, " IN (", nulls_, ") THEN NULL ELSE ", trimmed, " END)");
  }

  static std::string Matches(std::string_view x, std::string_view shape) {
    return StrCat("regexp_full_match(", x, ", ", shape, ")");
  }

  std::string Classify(const CellColumn& column) const {
    const std::string x = Cell(column);
    const std::string times =
        StrCat("WHEN ", Matches(x, kDateShape), " AND try_cast(", x, " AS DATE) IS NOT NULL THEN 8 WHEN ",
               Matches(x, kTimeShape), " AND try_cast(", x, " AS TIMESTAMPTZ) IS NOT NULL THEN 16 ");
    const std::string others =
        column.strings
            ? ""
            : StrCat("WHEN ", Matches(x, kIntShape), " THEN CASE WHEN try_cast(", x,
                     " AS BIGINT) IS NULL THEN 64 ELSE 2 END WHEN ", Matches(x, kDoubleShape), " AND try_cast(", x,
                     " AS DOUBLE) IS NOT NULL THEN 4 WHEN lower(", x, ") IN ('true', 'false') THEN 1 ");
    return StrCat("coalesce(bit_or(CASE WHEN ", x, " IS NULL THEN NULL ", others, times, "ELSE 32 END), 0)");
  }

  static Type TypeOf(std::int64_t mask) {
    const auto within = [mask](std::int64_t allowed) { return (mask & ~allowed) == 0; };
    if (mask == 0) return Type::kText;
    if (mask == kIsBool) return Type::kBool;
    if (mask == kIsInt) return Type::kInt;
    if (within(kIsInt | kIsDouble | kIsHuge) && (mask & kIsDouble) != 0) return Type::kDouble;
    if (mask == kIsDate) return Type::kDate;
    if (within(kIsDate | kIsTime)) return Type::kTimestamp;
    return Type::kText;
  }

  // Whether the raw cell is the plain form of a value: cheap, and never true for a cell that Classify tells otherwise.
  static std::string Canonical(const std::string& c, Type type) {
    const auto prints_back = [&c](std::string_view sql_type) {
      return StrCat("CAST(try_cast(", c, " AS ", sql_type, ") AS VARCHAR) = ", c);
    };
    switch (type) {
      case Type::kBool:
        return StrCat(c, " IN ('true', 'false', 'True', 'False')");
      case Type::kInt:
        return prints_back("BIGINT");
      case Type::kDate:
        return prints_back("DATE");
      case Type::kTimestamp:
        return prints_back("TIMESTAMP");
      case Type::kDouble:  // what DuckDB reads, but no digit separators and no leading zeros
        return StrCat("try_cast(", c, " AS DOUBLE) IS NOT NULL AND NOT contains(", c, ", '_') AND NOT (ltrim(", c,
                      ", ' +-') >= '00' AND ltrim(", c, ", ' +-') < '0:')");
      default:
        return "true";
    }
  }

  static std::string_view SqlName(Type type) {
    switch (type) {
      case Type::kBool:
        return "BOOLEAN";
      case Type::kInt:
        return "BIGINT";
      case Type::kDouble:
        return "DOUBLE";
      case Type::kDate:
        return "DATE";
      case Type::kTimestamp:
        return "TIMESTAMP";
      default:
        return "VARCHAR";
    }
  }

  // The cell as `type`, null where it does not read so.
  std::string Read(const CellColumn& column, Type type) const {
    const std::string x = Cell(column);
    switch (type) {
      case Type::kBool:
        return StrCat("CASE WHEN lower(", x, ") IN ('true', 't', 'yes', 'y', '1') THEN true WHEN lower(", x,
                      ") IN ('false', 'f', 'no', 'n', '0') THEN false END");
      case Type::kInt:
        return StrCat("CASE WHEN ", Matches(x, "'[+-]?[0-9]+(\\.0*)?'"), " THEN try_cast(", x, " AS BIGINT) END");
      case Type::kDouble:
        return StrCat("CASE WHEN ", Matches(x, kAnyNumberShape), " THEN try_cast(", x, " AS DOUBLE) END");
      case Type::kDate:
        return StrCat("CASE WHEN ", Matches(x, kMidnightShape), " THEN try_cast(left(", x, ", 10) AS DATE) END");
      case Type::kTimestamp:
        return StrCat("CASE WHEN ", Matches(x, kTimeShape), " THEN CAST(try_cast(", x,
                      " AS TIMESTAMPTZ) AS TIMESTAMP) END");
      default:  // blanks within text stay
        return StrCat("CASE WHEN trim(", column.raw, ", ' \t\r') IN (", nulls_, ") THEN NULL ELSE ", column.raw,
                      " END");
    }
  }

  std::string Expression(std::size_t i) const {
    const CellColumn& column = columns_[i];
    const Decision& decision = decisions_[i];
    if (decision.canonical) return StrCat("CAST(", column.raw, " AS ", SqlName(decision.type), ")");
    return Read(column, decision.type);
  }

  // The values of aggregates over `from`, asked for in queries of bounded width.
  Result<std::vector<std::int64_t>> Ask(const std::vector<std::string>& aggregates, const std::string& from) {
    std::vector<std::int64_t> values;
    constexpr std::size_t kWidth = 64;  // planning time grows faster than the number of aggregates
    for (std::size_t start = 0; start < aggregates.size(); start += kWidth) {
      std::string sql = "SELECT ";
      const std::size_t end = std::min(start + kWidth, aggregates.size());
      for (std::size_t i = start; i < end; ++i) sql += StrCat(i > start ? ", " : "", aggregates[i], " AS a", i);
      ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, engine_.Query(sql + " FROM " + from));
      ASSIGN_OR_RETURN(const Table table, ReadAll(*rows));
      for (std::size_t c = 0; c < table.num_columns(); ++c) values.push_back(table.column(c).ints()[0]);
    }
    return values;
  }

  Status Propose() {
    std::string select;
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].declared) {
        decisions_[i].type = *columns_[i].declared;
      } else {
        select += StrCat(at.empty() ? "" : ", ", columns_[i].raw);
        at.push_back(i);
      }
    }
    if (at.empty()) return Ok();
    const std::size_t sample = std::clamp<std::size_t>(500000 / at.size(), 20, 1000);
    ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows,
                     engine_.Query(StrCat("SELECT ", select, " FROM ", table_, " LIMIT ", sample)));
    ASSIGN_OR_RETURN(const Table table, ReadAll(*rows));
    for (std::size_t k = 0; k < at.size(); ++k) {
      const Column& cells = table.column(k);
      std::int64_t mask = 0;
      for (std::size_t r = 0; r < cells.size(); ++r)
        if (!cells.IsNull(r) && !MeansNull(cells.text(r))) mask |= Guess(cells.text(r), columns_[at[k]].strings);
      decisions_[at[k]].type = TypeOf(mask);
      open_.push_back(at[k]);
    }
    return Ok();
  }

  // Settle the columns all of whose cells are plain. Where the sample had text or nothing, plain means: no cell at all.
  Status TryCanonical() {
    std::vector<std::string> asked;
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const Type type = decisions_[i].type;
      if (type == Type::kText && columns_[i].declared) continue;
      const std::string& raw = columns_[i].raw;
      asked.push_back(type == Type::kText
                          ? AnyCell(raw)
                          : StrCat("count(", raw, ") - count(CASE WHEN ", Canonical(raw, type), " THEN 1 END)"));
      at.push_back(i);
    }
    ASSIGN_OR_RETURN(const std::vector<std::int64_t> others, Ask(asked, table_));
    for (std::size_t k = 0; k < at.size(); ++k) {
      Decision& decision = decisions_[at[k]];
      const bool text = decision.type == Type::kText;
      if (text ? others[k] == 1 : others[k] != 0) continue;
      decision.canonical = !text && others[k] == 0;
      std::erase(open_, at[k]);
    }
    return Ok();
  }

  // 0: no cell has a value. 2: some cell is surely text (it starts with a letter that begins no number, date or truth
  // value). 1: must be looked at closely.
  static std::string AnyCell(const std::string& raw) {
    return StrCat("CASE WHEN count(", raw, ") = 0 THEN 0 WHEN bool_or(lower(left(", raw,
                  ", 1)) BETWEEN 'a' AND 'z' AND lower(left(", raw,
                  ", 1)) NOT IN ('t', 'f', 'n', 'i')) THEN 2 ELSE 1 END");
  }

  // Ask every cell of the columns that are still open.
  Status Exact() {
    std::vector<std::string> asked;
    for (const std::size_t i : open_) asked.push_back(Classify(columns_[i]));
    ASSIGN_OR_RETURN(const std::vector<std::int64_t> masks, Ask(asked, table_));
    for (std::size_t k = 0; k < open_.size(); ++k) decisions_[open_[k]].type = TypeOf(masks[k]);
    return Ok();
  }

  // Text columns without a padded null need no rewriting. (The planner takes a minute over thousands of rewritten
  // columns.)
  Status PlainText() {
    std::vector<std::string> asked;
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (decisions_[i].type != Type::kText || decisions_[i].canonical) continue;
      asked.push_back(StrCat("count(CASE WHEN trim(", columns_[i].raw, ", ' \t\r') IN (", nulls_, ") THEN 1 END)"));
      at.push_back(i);
    }
    ASSIGN_OR_RETURN(const std::vector<std::int64_t> padded, Ask(asked, table_));
    for (std::size_t k = 0; k < at.size(); ++k) decisions_[at[k]].canonical = padded[k] == 0;
    return Ok();
  }

  Status CheckDeclared() {
    std::vector<std::string> asked;
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (!columns_[i].declared || decisions_[i].canonical || decisions_[i].type == Type::kText) continue;
      asked.push_back(StrCat("count(", Cell(columns_[i]), ") - count(", Read(columns_[i], decisions_[i].type), ")"));
      at.push_back(i);
    }
    ASSIGN_OR_RETURN(const std::vector<std::int64_t> bad, Ask(asked, table_));
    for (std::size_t k = 0; k < at.size(); ++k)
      if (bad[k] > 0) return BadCells(columns_[at[k]], decisions_[at[k]].type, bad[k]);
    return Ok();
  }

  Status BadCells(const CellColumn& column, Type type, std::int64_t count) {
    const std::string x = Cell(column);
    ASSIGN_OR_RETURN(
        const std::unique_ptr<TableStream> rows,
        engine_.Query(StrCat("SELECT rowid AS r, left(", column.raw, ", 60) AS c FROM ", table_, " WHERE ", x,
                             " IS NOT NULL AND (", Read(column, type), ") IS NULL ORDER BY rowid LIMIT 3")));
    ASSIGN_OR_RETURN(const Table table, ReadAll(*rows));
    std::string list;
    for (std::size_t r = 0; r < table.num_rows(); ++r)
      list += StrCat(r > 0 ? ", " : "", place_(table.column(0).ints()[r]), column.personal ? std::string() : StrCat(" \"", table.column(1).text(r), "\""));
    return Error(ErrorCode::kData, "column `", column.name, "` is declared ", TypeName(type), ", but ",
                 Counted(count, "cell does", "cells do"), " not read so: ", list,
                 count > 3 ? ", ..." : "")
        .WithHelp("correct the cells, add their text to null_values if it means \"no value\", or declare another type");
  }

  Engine& engine_;
  const std::string& table_;
  const std::vector<CellColumn>& columns_;
  const std::function<std::string(std::int64_t)>& place_;
  bool MeansNull(std::string_view cell) const {
    const std::string_view x = Trim(cell);
    return x.empty() || std::ranges::find(null_values_, x) != null_values_.end();
  }

  std::string nulls_;
  std::vector<std::string> null_values_;
  std::vector<Decision> decisions_;
  std::vector<std::size_t> open_;  // columns whose type the cells decide and have not decided yet
};

}  // namespace

Result<std::vector<std::string>> TypeCells(Engine& engine, const std::string& table,
                                           const std::vector<CellColumn>& columns,
                                           const std::vector<std::string>& null_values,
                                           const std::function<std::string(std::int64_t)>& place) {
  return Typing(engine, table, columns, null_values, place).Run();
}

}  // namespace headrace

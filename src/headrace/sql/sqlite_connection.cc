#include <algorithm>
#include <map>

#include "headrace/base/text.h"
#include "headrace/sql/connection_internal.h"
#include "headrace/sql/parameters_internal.h"
#include "headrace/sql/read_as.h"

// SQLite types values, not columns, and its driver takes a column's type from the first rows, failing when a later row
// has another (an all-null start counts as integer). So each query runs twice inside of one read transaction: once to
// ask which kinds of values every column has, once for the rows, with casts to the one kind and a row of samples in
// front from which the driver takes the types. That row is dropped here.

namespace headrace {
namespace {

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// The first place of `sql` where `word` stands as a name.
std::optional<TextSpan> SpanOf(std::string_view sql, std::string_view word) {
  const Result<std::vector<SqlToken>> tokens = LexSql(sql, SqlDialect::kSqlite);
  if (!tokens.ok() || word.empty()) return std::nullopt;
  for (const SqlToken& token : *tokens)
    if (ToLower(sql.substr(token.offset, token.length)) == ToLower(word)) return TextSpan{token.offset, token.length};
  return std::nullopt;
}

// SQLite's affinity rules (sqlite.org/datatype3.html, 3.1), and the names we write for what it has no class for.
std::optional<Type> TypeOfDeclared(const std::string& declared) {
  const std::string name = ToLower(declared);
  if (Contains(name, "bool")) return Type::kBool;
  if (Contains(name, "timestamp") || Contains(name, "datetime")) return Type::kTimestamp;
  if (Contains(name, "date")) return Type::kDate;
  if (Contains(name, "int")) return Type::kInt;
  if (Contains(name, "char") || Contains(name, "clob") || Contains(name, "text")) return Type::kText;
  if (Contains(name, "blob")) return std::nullopt;
  if (name.empty()) return Type::kText;
  return Type::kDouble;
}

// What is found in one column of a query.
struct Kinds {
  bool ints = false, doubles = false, texts = false, blobs = false;
  bool fits = false;  // all values read as the column's declared type
};

Result<Type> NarrowestType(const std::string& name, const Kinds& kinds, std::optional<Type> declared) {
  if (kinds.blobs)
    return Error(ErrorCode::kData, "column `", name, "` holds binary values, which have no counterpart here")
        .WithHelp("leave it out of the query, or turn it into text: hex(column)");
  if (kinds.texts) return Type::kText;
  if (kinds.doubles) return Type::kDouble;
  if (kinds.ints) return Type::kInt;
  return declared && *declared != Type::kDate && *declared != Type::kTimestamp && *declared != Type::kBool
             ? *declared
             : Type::kText;
}

/// Ends the read transaction that a query began, after its statement.
struct ReadTransaction {
  std::shared_ptr<adbc::Session> session;
  explicit ReadTransaction(std::shared_ptr<adbc::Session> s) : session(std::move(s)) {}
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;
  ~ReadTransaction() { session->Execute("COMMIT").ok(); }  // NOLINT: nothing was written
};

/// All rows but the first, which held samples.
class WithoutSamples : public TableStream {
 public:
  WithoutSamples(std::unique_ptr<ReadTransaction> transaction, std::unique_ptr<TableStream> rows)
      : transaction_(std::move(transaction)), rows_(std::move(rows)) {}
  const Schema& schema() const override { return rows_->schema(); }
  Result<std::optional<Table>> Next() override {
    Result<std::optional<Table>> block = rows_->Next();
    if (!block.ok() || !*block || seen_ || (*block)->num_rows() == 0) return block;
    seen_ = true;
    return std::optional<Table>((*block)->Slice(1, (*block)->num_rows() - 1));
  }

 private:
  std::unique_ptr<ReadTransaction> transaction_;  // destroyed last
  std::unique_ptr<TableStream> rows_;
  bool seen_ = false;
};

/// Rows as SQLite stores them: truth values as 0 and 1, dates and timestamps as text.
class ForSqlite : public TableStream {
 public:
  explicit ForSqlite(std::unique_ptr<TableStream> rows) : rows_(std::move(rows)) {
    std::vector<Field> fields = rows_->schema().fields();
    for (Field& field : fields) field.type = Stored(field.type);
    schema_ = Schema(std::move(fields));
  }
  const Schema& schema() const override { return schema_; }
  Result<std::optional<Table>> Next() override {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows_->Next());
    if (!block) return std::optional<Table>();
    std::vector<ColumnPtr> columns;
    for (std::size_t c = 0; c < schema_.size(); ++c) {
      const Column& from = block->column(c);
      if (from.type() == schema_[c].type) {
        columns.push_back(block->column_ptr(c));
        continue;
      }
      ColumnBuilder builder(schema_[c].type);
      for (std::size_t r = 0; r < from.size(); ++r) {
        if (from.IsNull(r))
          builder.AppendNull();
        else if (from.type() == Type::kBool)
          builder.AppendInt(from.ints()[r]);
        else
          builder.AppendText(from.At(r).ToString());
      }
      columns.push_back(builder.Finish());
    }
    return std::optional<Table>(Table(schema_, std::move(columns), block->num_rows()));
  }

 private:
  static Type Stored(Type type) {
    if (type == Type::kBool) return Type::kInt;
    return type == Type::kDate || type == Type::kTimestamp || type == Type::kDuration ? Type::kText : type;
  }
  std::unique_ptr<TableStream> rows_;
  Schema schema_;
};

class SqliteConnection : public DriverConnection {
 public:
  SqliteConnection(std::string name, std::shared_ptr<adbc::Session> session)
      : DriverConnection(std::move(name), SqlDialect::kSqlite, std::move(session)) {}

  Result<std::unique_ptr<TableStream>> Query(const std::string& sql, const SqlParameters& parameters) override {
    return Read(sql, parameters, {});
  }

  Result<std::unique_ptr<TableStream>> ReadTable(const QualifiedName& table) override {
    ASSIGN_OR_RETURN(const std::optional<TableInfo> info, Describe(table));
    if (!info) return NoTable(table);
    std::vector<std::optional<Type>> declared;
    for (const TableInfo::Column& column : info->columns) declared.push_back(column.type);
    return Read(StrCat("SELECT * FROM ", table.Quoted()), {}, declared);
  }

  Result<std::int64_t> Append(const QualifiedName& table, std::unique_ptr<TableStream> rows) override {
    RETURN_IF_ERROR(CheckColumns(table, rows->schema()));
    return Ingest(table.name, table.schema, std::move(rows), false);
  }

  Result<std::int64_t> Stage(const std::string& name, std::unique_ptr<TableStream> rows) override {
    std::string create = dialect_.CreateTable({"", name}, rows->schema(), {});
    create.replace(0, 12, "CREATE TEMPORARY TABLE");
    RETURN_IF_ERROR(session_->Execute(create).status());
    return Ingest(name, "", std::move(rows), true);
  }

  Result<std::optional<TableInfo>> Describe(const QualifiedName& table) override {
    const std::string in_schema = StrCat(QuoteString(table.name), table.schema.empty() ? "" : ", ",
                                         table.schema.empty() ? "" : QuoteString(table.schema));
    ASSIGN_OR_RETURN(const Table columns, Rows(StrCat("SELECT name, type, \"notnull\", pk FROM pragma_table_info(",
                                                      in_schema, ") ORDER BY cid")));
    if (columns.num_rows() == 0) return std::optional<TableInfo>();
    TableInfo info;
    std::map<std::int64_t, std::string> primary;
    for (std::size_t r = 0; r < columns.num_rows(); ++r) {
      const std::string name(columns.column(0).text(r)), declared(columns.column(1).text(r));
      const std::int64_t place = columns.column(3).ints()[r];
      if (place > 0) primary[place] = name;
      info.columns.push_back(
          {name, declared, TypeOfDeclared(declared), columns.column(2).ints()[r] == 0 && place == 0});
    }
    std::vector<std::string> key;
    for (const auto& [place, name] : primary) key.push_back(name);
    if (!key.empty()) info.unique_keys.push_back(key);
    ASSIGN_OR_RETURN(const Table indexes,
                     Rows(StrCat("SELECT il.name, ii.seqno, coalesce(ii.name, '') FROM pragma_index_list(", in_schema,
                                 ") AS il, pragma_index_info(il.name) AS ii WHERE il.\"unique\" = 1 AND il.partial = 0 "
                                 "ORDER BY il.seq DESC, ii.seqno")));
    for (std::size_t r = 0; r < indexes.num_rows(); ++r) {
      if (indexes.column(1).ints()[r] == 0) info.unique_keys.emplace_back();
      info.unique_keys.back().emplace_back(indexes.column(2).text(r));
    }
    std::erase_if(info.unique_keys,
                  [](const auto& k) { return std::ranges::find(k, "") != k.end(); });  // on expressions
    for (std::size_t i = info.unique_keys.size(); i-- > 1;)
      if (std::find(info.unique_keys.begin(), info.unique_keys.begin() + static_cast<std::ptrdiff_t>(i),
                    info.unique_keys[i]) != info.unique_keys.begin() + static_cast<std::ptrdiff_t>(i))
        info.unique_keys.erase(info.unique_keys.begin() + static_cast<std::ptrdiff_t>(i));
    return std::optional<TableInfo>(std::move(info));
  }

  Result<std::vector<QualifiedName>> ListTables() override {
    ASSIGN_OR_RETURN(const Table table, Rows("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name "
                                             "NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"));
    std::vector<QualifiedName> names;
    for (std::size_t r = 0; r < table.num_rows(); ++r) names.push_back({"", std::string(table.column(0).text(r))});
    return names;
  }

 protected:
  adbc::Translate TranslateFor(const std::string& sql, std::shared_ptr<const BoundSql>, std::size_t,
                               std::string) override {
    std::vector<std::string> names;
    if (const Result<std::vector<QualifiedName>> tables = ListTables(); tables.ok())
      for (const QualifiedName& table : *tables) names.push_back(table.name);
    return [sql, names](const adbc::DriverError& error) {
      Status status = SqliteError(error.message, sql);
      constexpr std::string_view kNone = "no such table: ";
      if (const std::size_t at = status.message().find(kNone); at != std::string::npos) {
        const std::string nearest = NearestName(status.message().substr(at + kNone.size()), names);
        if (!nearest.empty()) status = std::move(status).WithHelp(StrCat("did you mean ", nearest, "?"));
      }
      return status;
    };
  }
  // The write lock is taken at once: a transaction that reads first and cannot get it later would have to start again.
  const char* begin_statement() const override { return "BEGIN IMMEDIATE"; }

 private:
  Result<std::int64_t> Ingest(const std::string& table, const std::string& schema, std::unique_ptr<TableStream> rows,
                              bool temporary) {
    // The driver opens a transaction of its own around a load unless it believes that one is open.
    return session_->Ingest(table, schema, ADBC_INGEST_OPTION_MODE_APPEND, std::make_unique<ForSqlite>(std::move(rows)),
                            temporary);
  }

  Result<std::unique_ptr<TableStream>> Read(const std::string& sql, const SqlParameters& parameters,
                                            const std::vector<std::optional<Type>>& declared) {
    ASSIGN_OR_RETURN(const BoundSql bound, BoundSql::Make(sql, SqlDialect::kSqlite, parameters));
    const Table row = ParameterRow(bound, parameters, SqlDialect::kSqlite);
    const adbc::Translate translate = TranslateFor(sql, nullptr, 0, "");
    std::unique_ptr<ReadTransaction> transaction;
    if (!in_transaction_) {
      RETURN_IF_ERROR(session_->Execute("BEGIN").status());
      transaction = std::make_unique<ReadTransaction>(session_);
    }
    ASSIGN_OR_RETURN(const Schema names, ColumnsOf(bound, row, translate));
    std::string list;
    for (std::size_t i = 0; i < names.size(); ++i) list += StrCat(i > 0 ? ", " : "", "c", i);
    const std::string with = StrCat("WITH q(", list, ") AS (\n", bound.text(), "\n)\n");
    ASSIGN_OR_RETURN(const std::vector<Kinds> kinds, KindsOf(with, row, names.size(), declared, translate));
    std::string samples, columns;
    std::vector<Field> wanted;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::optional<Type> column_declared = i < declared.size() ? declared[i] : std::nullopt;
      ASSIGN_OR_RETURN(const Type type, NarrowestType(names[i].name, kinds[i], column_declared));
      const std::string_view comma = i > 0 ? ", " : "";
      samples += StrCat(comma,
                        type == Type::kText     ? "'x'"
                        : type == Type::kDouble ? "0.5"
                                                : "0",
                        " AS ", QuoteIdentifier(names[i].name));
      const std::string cell = StrCat("c", i);
      columns += comma;
      columns += type == Type::kText     ? StrCat("CAST(", cell, " AS TEXT)")
                 : type == Type::kDouble ? StrCat("CAST(", cell, " AS REAL)")
                                         : cell;
      if (kinds[i].fits && column_declared) wanted.push_back({names[i].name, *column_declared});
    }
    ASSIGN_OR_RETURN(
        std::unique_ptr<TableStream> rows,
        adbc::Session::Query(session_, StrCat(with, "SELECT ", samples, " UNION ALL SELECT ", columns, " FROM q"), row,
                             translate));
    return ReadAs(std::make_unique<WithoutSamples>(std::move(transaction), std::move(rows)), Schema(std::move(wanted)));
  }

  Result<Schema> ColumnsOf(const BoundSql& bound, const Table& row, const adbc::Translate& translate) {
    ASSIGN_OR_RETURN(
        const std::unique_ptr<TableStream> none,
        adbc::Session::Query(session_, StrCat("SELECT * FROM (\n", bound.text(), "\n) LIMIT 0"), row, translate));
    RETURN_IF_ERROR(CheckUniqueNames(none->schema()));
    return none->schema();
  }

  Result<std::vector<Kinds>> KindsOf(const std::string& with, const Table& row, std::size_t width,
                                     const std::vector<std::optional<Type>>& declared,
                                     const adbc::Translate& translate) {
    std::string select = "SELECT 0";
    for (std::size_t i = 0; i < width; ++i) {
      const std::string c = StrCat("c", i);
      for (const char* kind : {"integer", "real", "text", "blob"})
        select += StrCat(", coalesce(max(typeof(", c, ") = '", kind, "'), 0)");
      const std::optional<Type> type = i < declared.size() ? declared[i] : std::nullopt;
      const std::string fits = type == Type::kBool   ? StrCat("typeof(", c, ") = 'integer' AND ", c, " IN (0, 1)")
                               : type == Type::kDate ? StrCat("typeof(", c, ") = 'text' AND date(", c, ") IS ", c)
                               : type == Type::kTimestamp
                                   ? StrCat("typeof(", c, ") = 'text' AND length(", c, ") >= 10 AND datetime(", c,
                                            ") IS NOT NULL AND ", c, " LIKE '____-__-__%'")
                                   : std::string("0");
      select += StrCat(", coalesce(min(", c, " IS NULL OR (", fits, ")), 1)");
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows,
                     adbc::Session::Query(session_, StrCat(with, select, " FROM q"), row, translate));
    ASSIGN_OR_RETURN(const Table table, ReadAll(*rows));
    std::vector<Kinds> kinds(width);
    for (std::size_t i = 0; i < width; ++i) {
      const auto flag = [&](std::size_t k) { return table.column(1 + 5 * i + k).ints()[0] != 0; };
      kinds[i] = {flag(0), flag(1), flag(2), flag(3), flag(4)};
    }
    return kinds;
  }
};

}  // namespace

Status SqliteError(const std::string& message, std::string_view sql) {
  std::string text = message.substr(0, message.find("\nquery:"));
  for (const std::string_view prefix : {"[SQLite] ", "Failed to prepare query: "})
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  const auto has = [&text](std::string_view part) { return Contains(text, part); };
  if (has("interrupted")) return Error(ErrorCode::kInterrupted, "the query was interrupted");
  if (has("is locked") || has("SQLITE_BUSY"))
    return Error(ErrorCode::kBusy, text).WithHelp("another process writes to this database; try again when it is done");
  if (has("disk is full")) return Error(ErrorCode::kBusy, text).WithHelp("free space on that disk, then run again");
  if (has("constraint failed") || has("datatype mismatch")) return Error(ErrorCode::kData, text);
  if (has("not a database") || has("malformed")) return Error(ErrorCode::kInvalid, text);
  std::string word;
  if (const std::size_t near = text.find("near \""); near != std::string::npos)
    word = text.substr(near + 6, text.find('"', near + 6) - near - 6);
  for (const std::string_view start :
       {"no such table: ", "no such column: ", "no such function: ", "ambiguous column name: "})
    if (const std::size_t at = text.find(start); at != std::string::npos) word = text.substr(at + start.size());
  const bool of_query = !word.empty() || has("syntax error") || has("no such") || has("incomplete input") ||
                        has("wrong number of arguments") || has("misuse of") || has("values for") ||
                        has("unable to open database file");
  Status status(of_query ? ErrorCode::kInvalid : ErrorCode::kFailed, text);
  if (const std::size_t dot = word.rfind('.'); dot != std::string::npos) word.erase(0, dot + 1);
  if (const std::optional<TextSpan> span = SpanOf(sql, word)) status = std::move(status).WithSpan(*span);
  return status;
}

std::unique_ptr<Connection> MakeSqliteConnection(std::string name, std::shared_ptr<adbc::Session> session) {
  return std::make_unique<SqliteConnection>(std::move(name), std::move(session));
}

}  // namespace headrace

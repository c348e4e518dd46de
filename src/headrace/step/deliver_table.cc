#include <algorithm>
#include <map>

#include "headrace/base/crash.h"
#include "headrace/step/deliver.h"

namespace headrace {

namespace {
constexpr std::string_view kLedger = "headrace_deliveries";
constexpr std::string_view kStaging = "headrace_staging";
constexpr int kTries = 100;

/// How many columns a table can have; 0 where there is no limit to speak of. SQLite: SQLITE_MAX_COLUMN's default.
std::int64_t MaxColumns(SqlDialect dialect) { return dialect == SqlDialect::kSqlite ? 2000 : dialect == SqlDialect::kPostgres ? 1600 : 0; }

Status Refuse(std::string message, std::string help) { return Status(ErrorCode::kDelivery, std::move(message)).WithHelp(std::move(help)); }

/// What the destination says is a matter of delivery, unless it is only busy.
Status AsDelivery(Status status) {
  if (status.ok() || status.code() == ErrorCode::kBusy || status.code() == ErrorCode::kInterrupted || status.code() == ErrorCode::kDelivery) return status;
  return std::move(status).WithCode(ErrorCode::kDelivery);
}

/// May rows of `from` go into a column of `to` without loss?
bool Fits(Type from, Type to) {
  return from == to || (from == Type::kInt && to == Type::kDouble) || (from == Type::kDate && to == Type::kTimestamp) ||
         (from == Type::kBool && to == Type::kInt);
}

class TableDelivery {
 public:
  TableDelivery(Connection& connection, const Delivery& delivery, const Schema& schema)
      : connection_(connection), delivery_(delivery), schema_(schema), table_(delivery.table.Quoted()) {}

  /// Make what is missing, or refuse what does not fit. Of two deliveries that make the ledger at the same moment DuckDB refuses one instead of letting it
  /// wait: that one looks again.
  Status Prepare() {
    Status status = PrepareOnce();
    for (int i = 0; i < kTries && status.code() == ErrorCode::kBusy && connection_.dialect().kind() == SqlDialect::kDuckDb; ++i) status = PrepareOnce();
    return status;
  }

  Status PrepareOnce() {
    for (const std::string& column : delivery_.key)
      if (!schema_.IndexOf(column)) {
        const std::string near = NearestName(column, schema_.Names());
        return Refuse(StrCat("the rows have no column `", column, "`, which is named in `key`"), near.empty() ? StrCat("they have ", Join(schema_.Names(), ", ")) : StrCat("did you mean `", near, "`?"));
      }
    const auto width = static_cast<std::int64_t>(schema_.size()), most = MaxColumns(connection_.dialect().kind());
    if (most > 0 && width > most)
      return Refuse(StrCat("the rows for ", Name(), " have ", FormatCount(width), " columns; a table of ", connection_.dialect().kind() == SqlDialect::kSqlite ? "SQLite" : "PostgreSQL", " holds at most ", FormatCount(most)),
                    "choose the columns in a sql step above, or `keep` in the score step");
    ASSIGN_OR_RETURN(const std::optional<TableInfo> info, connection_.Describe(delivery_.table));
    exists_ = info.has_value();
    if (exists_) RETURN_IF_ERROR(CheckColumns(*info));
    ASSIGN_OR_RETURN(const std::optional<TableInfo> ledger, connection_.Describe(Ledger()));
    has_ledger_ = ledger.has_value();
    if (delivery_.dry_run) return Ok();
    if (!exists_) RETURN_IF_ERROR(MakeTable());
    exists_ = true;
    if (has_ledger_) return Ok();
    RETURN_IF_ERROR(connection_.LockForDelivery(Ledger()));  // deliveries into two tables may make it at once
    RETURN_IF_ERROR(Execute(StrCat("CREATE TABLE IF NOT EXISTS ", Ledger().Quoted(),
                                   " (delivery_key VARCHAR NOT NULL, revision BIGINT NOT NULL, destination VARCHAR NOT NULL, run VARCHAR NOT NULL, digest VARCHAR NOT NULL, "
                                   "rows BIGINT NOT NULL, interval_end VARCHAR NOT NULL, fence BIGINT NOT NULL, committed_at VARCHAR NOT NULL, "
                                   "PRIMARY KEY (delivery_key, revision))")));
    has_ledger_ = true;
    return Ok();
  }

  /// Another run may make it between our look and our CREATE (two first windows of a backfill): then it is there, and judged as any other.
  Status MakeTable() {
    const Status made = Execute(connection_.dialect().CreateTable(delivery_.table, schema_, delivery_.key));
    if (made.ok()) return made;
    const Result<std::optional<TableInfo>> now = connection_.Describe(delivery_.table);
    return now.ok() && now->has_value() ? CheckColumns(**now) : made;
  }

  /// Ask the ledger; true when there is nothing to do.
  Result<bool> AlreadyThere(DeliveryReport& report) {
    if (!has_ledger_) return false;
    ASSIGN_OR_RETURN(const Table last, Query(StrCat("SELECT revision, digest, rows, run, fence FROM ", Ledger().Quoted(), " WHERE delivery_key = $key ORDER BY revision DESC LIMIT 1"),
                                             {{"key", Value::Text(delivery_.delivery_key)}}));
    if (last.num_rows() > 0) {
      report.revision = last.Find("revision")->ints()[0];
      if (last.Find("digest")->text(0) == delivery_.digest) {
        report.no_op = true;
        report.unchanged = last.Find("rows")->ints()[0];
        return true;
      }
      if (last.Find("fence")->ints()[0] > delivery_.fence)
        return Refuse(StrCat("run ", last.Find("run")->text(0), ", which began or was resumed later, has delivered other rows to ", Name(), " for this interval (revision ", report.revision, ")"),
                      "its rows stay; run again to deliver those of now");
      if (delivery_.mode == Delivery::Mode::kAppend)
        return Refuse(StrCat("other rows were already appended to ", Name(), " for this interval (revision ", report.revision, ")"),
                      "appending again would double them: use `mode: upsert` with a key, or take the old rows out by hand");
      ++report.revision;
    }
    return false;
  }

  Status RefuseOlder() {
    if (!has_ledger_ || delivery_.allow_older) return Ok();
    ASSIGN_OR_RETURN(const Table newest, Query(StrCat("SELECT max(interval_end) AS newest FROM ", Ledger().Quoted(), " WHERE destination = $table"), {{"table", Value::Text(Name())}}));
    if (newest.num_rows() == 0 || newest.column(0).IsNull(0)) return Ok();
    const std::string newest_end = newest.column(0).At(0).ToString(), end = FormatTimestamp(delivery_.interval_end_us);
    if (newest_end <= end) return Ok();
    return Refuse(StrCat("the rows belong to an interval that ends ", end, ", but ", Name(), " already holds a delivery up to ", newest_end),
                  "deliver intervals oldest first; `allow_older: true` beside `mode` accepts this one all the same");
  }

  Status Stage(std::unique_ptr<TableStream> rows) {
    static_cast<void>(connection_.Execute(StrCat("DROP TABLE IF EXISTS ", Staging())).ok());
    ASSIGN_OR_RETURN([[maybe_unused]] const std::int64_t loaded, connection_.Stage(std::string(kStaging), std::move(rows)));
    ASSIGN_OR_RETURN(const std::int64_t staged, Count(StrCat("SELECT count(*) AS n FROM ", Staging())));
    if (staged != delivery_.rows)
      return Error(ErrorCode::kDelivery, "sent ", FormatCount(delivery_.rows), " rows to ", Name(), ", but ", FormatCount(staged), " arrived in staging")
          .WithHelp("nothing was merged; run again, and look at the destination if it stays so");
    if (delivery_.key.empty()) return Ok();
    std::string null_key, keys;
    for (const std::string& column : delivery_.key) {
      null_key += StrCat(null_key.empty() ? "" : " OR ", QuoteIdentifier(column), " IS NULL");
      keys += StrCat(keys.empty() ? "" : ", ", QuoteIdentifier(column));
    }
    ASSIGN_OR_RETURN(const std::int64_t nulls, Count(StrCat("SELECT count(*) AS n FROM ", Staging(), " WHERE ", null_key)));
    if (nulls > 0) return Refuse(StrCat(FormatCount(nulls), " of the rows for ", Name(), " have no value in the key (", Join(delivery_.key, ", "), ")"), "leave such rows out in a sql step above");
    ASSIGN_OR_RETURN(const std::int64_t doubled, Count(StrCat("SELECT count(*) AS n FROM (SELECT 1 FROM ", Staging(), " GROUP BY ", keys, " HAVING count(*) > 1) AS d")));
    if (doubled > 0)
      return Refuse(StrCat(FormatCount(doubled), " keys (", Join(delivery_.key, ", "), ") come more than once in the rows for ", Name()), "a check `unique` above tells which; take the doubles out in a sql step");
    return Ok();
  }

  Status CountChanges(DeliveryReport& report) {
    if (!exists_) {
      report.inserted = delivery_.rows;
      return Ok();
    }
    ASSIGN_OR_RETURN(const std::int64_t before, Count(StrCat("SELECT count(*) AS n FROM ", table_)));
    if (delivery_.mode == Delivery::Mode::kAppend || delivery_.key.empty()) {
      report.inserted = delivery_.rows;
      report.deleted = delivery_.mode == Delivery::Mode::kReplace ? before : 0;
      return Ok();
    }
    const std::string join = StrCat(" FROM ", Source(), " JOIN ", table_, " AS t ON ", KeyEquals());
    ASSIGN_OR_RETURN(const std::int64_t matched, Count(StrCat("SELECT count(*) AS n", join)));
    const std::string differs = Differs();
    if (!differs.empty()) {
      ASSIGN_OR_RETURN(report.updated, Count(StrCat("SELECT count(*) AS n", join, " WHERE ", differs)));
    }
    report.unchanged = matched - report.updated;
    report.inserted = delivery_.rows - matched;
    report.deleted = delivery_.mode == Delivery::Mode::kReplace ? before - matched : 0;
    return Ok();
  }

  Status Merge() {
    if (delivery_.mode == Delivery::Mode::kReplace) RETURN_IF_ERROR(Execute(StrCat("DELETE FROM ", table_)));
    const std::vector<std::string> key = delivery_.mode == Delivery::Mode::kUpsert ? delivery_.key : std::vector<std::string>();
    return Execute(connection_.dialect().Merge(delivery_.table, schema_.Names(), key, Source()));
  }

  Status WriteLedger(std::int64_t revision) {
    ASSIGN_OR_RETURN([[maybe_unused]] const std::int64_t n,
                     connection_.Execute(StrCat("INSERT INTO ", Ledger().Quoted(), " (delivery_key, revision, destination, run, digest, rows, interval_end, fence, committed_at) "
                                                "VALUES ($key, $revision, $table, $run, $digest, $rows, $end, $fence, $now)"),
                                         {{"key", Value::Text(delivery_.delivery_key)}, {"revision", Value::Int(revision)}, {"table", Value::Text(Name())},
                                          {"run", Value::Text(delivery_.run)}, {"digest", Value::Text(delivery_.digest)}, {"rows", Value::Int(delivery_.rows)},
                                          {"end", Value::Text(FormatTimestamp(delivery_.interval_end_us))}, {"fence", Value::Int(delivery_.fence)}, {"now", Value::Text(FormatTimestamp(delivery_.now_us))}}));
    return Execute(StrCat("DROP TABLE ", Staging()));
  }

  Result<Table> Query(const std::string& sql, const SqlParameters& parameters = {}) {
    ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, connection_.Query(sql, parameters));
    return ReadAll(*rows);
  }

  QualifiedName Ledger() const { return {delivery_.table.schema, std::string(kLedger)}; }

 private:
  std::string Staging() const { return connection_.dialect().Temporary(kStaging); }

  /// The staged rows `AS s`, cast where the table's columns do not take them as they are.
  std::string Source() const {
    if (casts_.empty()) return StrCat(Staging(), " AS s");
    std::string columns;
    for (const Field& field : schema_.fields()) {
      const std::string name = QuoteIdentifier(field.name);
      const auto cast = casts_.find(field.name);
      columns += StrCat(columns.empty() ? "" : ", ", cast == casts_.end() ? name : StrCat("CAST(", name, " AS ", cast->second, ") AS ", name));
    }
    return StrCat("(SELECT ", columns, " FROM ", Staging(), ") AS s");
  }
  std::string Name() const { return StrCat(connection_.name(), ".", delivery_.table.ToString()); }

  Status Execute(const std::string& sql) {
    const Result<std::int64_t> done = connection_.Execute(sql);
    return done.ok() ? Ok() : done.status();
  }

  Result<std::int64_t> Count(const std::string& sql) {
    ASSIGN_OR_RETURN(const Table counted, Query(sql));
    return counted.Find("n")->ints()[0];
  }

  std::string KeyEquals() const {
    std::string on;
    for (const std::string& column : delivery_.key) on += StrCat(on.empty() ? "" : " AND ", "t.", QuoteIdentifier(column), " = s.", QuoteIdentifier(column));
    return on;
  }

  /// Whether any column outside the key differs, nulls compared as values.
  std::string Differs() const {
    const std::string_view differ = connection_.dialect().kind() == SqlDialect::kSqlite ? " IS NOT " : " IS DISTINCT FROM ";
    std::string out;
    for (const Field& field : schema_.fields()) {
      if (std::find(delivery_.key.begin(), delivery_.key.end(), field.name) != delivery_.key.end()) continue;
      const auto side = [&](const char* of) {  // as text where the type may know no equality (PostgreSQL's json)
        const std::string column = StrCat(of, QuoteIdentifier(field.name));
        return casts_.contains(field.name) ? StrCat("CAST(", column, " AS text)") : column;
      };
      out += StrCat(out.empty() ? "" : " OR ", side("t."), differ, side("s."));
    }
    return out;
  }

  /// Every column of the rows exists in the table; the help holds the DDL for all that do not.
  Status CheckNames(const TableInfo& info) const {
    std::vector<std::string> names, missing;
    for (const TableInfo::Column& column : info.columns) names.push_back(column.name);
    std::string ddl, renamed;
    for (const Field& field : schema_.fields()) {
      if (info.Find(field.name) != nullptr) continue;
      missing.push_back(StrCat("`", field.name, "`"));
      ddl += StrCat(ddl.empty() ? "" : "; ", "ALTER TABLE ", table_, " ADD COLUMN ", QuoteIdentifier(field.name), " ", connection_.dialect().TypeName(field.type));
      if (const std::string near = NearestName(field.name, names); !near.empty() && !schema_.IndexOf(near)) renamed += StrCat("; or is `", field.name, "` the `", near, "` of the table?");
    }
    if (missing.empty()) return Ok();
    return Refuse(StrCat("the rows have ", missing.size() == 1 ? "a column " : "columns ", Join(missing, ", "), " that ", Name(), " does not have (it has ", Join(names, ", "), ")"), ddl + renamed);
  }

  Status CheckColumns(const TableInfo& info) {
    RETURN_IF_ERROR(CheckNames(info));
    const bool postgres = connection_.dialect().kind() == SqlDialect::kPostgres;
    for (const Field& field : schema_.fields()) {
      const TableInfo::Column* column = info.Find(field.name);
      if (field.type == Type::kText && !column->cast.empty()) casts_[field.name] = column->cast;
      if (postgres && field.type == Type::kBool && column->type == Type::kInt) casts_[field.name] = "integer";
      if (column->type ? !Fits(field.type, *column->type) : postgres)
        return Refuse(StrCat("column `", field.name, "` is ", TypeName(field.type), " in the rows, but ", column->declared, " in ", Name()),
                      "cast it in a sql step above, or change the column of the destination");
    }
    for (const TableInfo::Column& column : info.columns)
      if (!column.nullable && !schema_.IndexOf(column.name))
        return Refuse(StrCat(Name(), " has a column `", column.name, "` that may not be null and that the rows do not have"),
                      "add it in a sql step above, or let the column of the destination be null");
    if (delivery_.mode == Delivery::Mode::kUpsert && !info.HasUniqueKey(delivery_.key))
      return Refuse(StrCat(Name(), " has no unique key on (", Join(delivery_.key, ", "), "), which an upsert needs"), connection_.dialect().CreateUniqueIndex(delivery_.table, delivery_.key));
    return Ok();
  }

  Connection& connection_;
  const Delivery& delivery_;
  const Schema schema_;
  const std::string table_;
  std::map<std::string, std::string> casts_;  // column: the type to cast it to
  bool exists_ = false, has_ledger_ = false;
};

/// Between BEGIN and COMMIT. True when there is something to commit.
Result<bool> InTransaction(Connection& connection, TableDelivery& table, const Delivery& delivery, std::unique_ptr<TableStream> rows, DeliveryReport& report) {
  RETURN_IF_ERROR(connection.LockForDelivery(delivery.table));
  if (connection.dialect().creates_in_transaction()) RETURN_IF_ERROR(table.Prepare());
  ASSIGN_OR_RETURN(const bool there, table.AlreadyThere(report));
  if (there) return false;
  RETURN_IF_ERROR(table.RefuseOlder());
  RETURN_IF_ERROR(table.Stage(std::move(rows)));
  RETURN_IF_ERROR(table.CountChanges(report));
  if (delivery.dry_run) return false;
  RETURN_IF_ERROR(table.Merge());
  RETURN_IF_ERROR(table.WriteLedger(report.revision));
  return true;
}
}  // namespace

Result<DeliveryReport> DeliverToTable(Connection& connection, const Delivery& delivery, std::unique_ptr<TableStream> rows, bool* unknown_outcome) {
  *unknown_outcome = false;
  DeliveryReport report;
  report.destination = StrCat(connection.name(), ".", delivery.table.ToString());
  report.mode = delivery.mode == Delivery::Mode::kUpsert ? "upsert" : delivery.mode == Delivery::Mode::kAppend ? "append" : "replace";
  report.preview = delivery.dry_run;
  report.ledger_key = delivery.delivery_key;
  report.digest = delivery.digest;
  TableDelivery table(connection, delivery, rows->schema());
  CrashPoint("deliver.before_begin");
  if (!connection.dialect().creates_in_transaction())
    if (Status status = AsDelivery(table.Prepare()); !status.ok()) return status;
  if (Status status = AsDelivery(connection.Begin()); !status.ok()) return status;
  const Result<bool> commit = InTransaction(connection, table, delivery, std::move(rows), report);
  if (!commit.ok() || !*commit) {
    const Status rolled_back = connection.Rollback();
    if (!commit.ok()) return AsDelivery(commit.status());
    if (!rolled_back.ok()) return AsDelivery(rolled_back);
    return report;
  }
  CrashPoint("deliver.before_commit");
  if (Status status = connection.Commit(); !status.ok()) {
    *unknown_outcome = status.code() != ErrorCode::kData;  // a constraint that is checked at the end refused it: that is an answer
    return AsDelivery(std::move(status));
  }
  CrashPoint("deliver.after_commit");
  return report;
}

Result<bool> WasDelivered(Connection& connection, const Delivery& delivery) {
  const QualifiedName ledger{delivery.table.schema, std::string(kLedger)};
  RETURN_IF_ERROR(connection.Begin());  // ends with the connection
  RETURN_IF_ERROR(connection.LockForDelivery(delivery.table));  // until the lost transaction has ended, one way or the other
  ASSIGN_OR_RETURN(const std::optional<TableInfo> info, connection.Describe(ledger));
  if (!info) return false;
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows,
                   connection.Query(StrCat("SELECT 1 AS there FROM ", ledger.Quoted(), " WHERE delivery_key = $key AND digest = $digest AND run = $run"),
                                    {{"key", Value::Text(delivery.delivery_key)}, {"digest", Value::Text(delivery.digest)}, {"run", Value::Text(delivery.run)}}));
  ASSIGN_OR_RETURN(const Table found, ReadAll(*rows));
  return found.num_rows() > 0;
}

}  // namespace headrace

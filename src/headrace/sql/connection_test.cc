#include "headrace/sql/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "headrace/base/folder_for_tests.h"
#include "headrace/base/text.h"
#include "headrace/sql/read_as.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// All tests run on each driver, unless their name says which.
class ConnectionTest : public testing::TestWithParam<std::string> {
 protected:
  ConnectionTest() {
    setenv("HEADRACE_LIB_DIR", HEADRACE_LIB_DIR, 1);
    NewMap();
  }
  void NewMap() {
    connection_.reset();
    ConnectionMap::Options options;
    options.sleep = [this](std::int64_t ms) { slept_.push_back(ms); };
    options.attempts = 3;
    options.sqlite_busy_ms = 0;
    map_ = std::make_unique<ConnectionMap>(options);
  }
  std::string driver() const { return GetParam(); }
  bool duckdb() const { return driver() == "duckdb"; }
  std::string File() const { return folder_.Path("data.db"); }
  ConnectionSpec Spec(bool writable = true) const { return {"warehouse", driver(), File(), writable}; }
  void Open(bool writable = true) {
    if (writable) map_->DeclareWritable(File());
    Result<std::unique_ptr<Connection>> connection = map_->Open(Spec(writable));
    ASSERT_TRUE(connection.ok()) << connection.status();
    connection_ = std::move(*connection);
  }
  void Run(const std::string& sql) {
    const Result<std::int64_t> done = connection_->Execute(sql);
    ASSERT_TRUE(done.ok()) << sql << ": " << done.status();
  }
  static std::string Text(Result<std::unique_ptr<TableStream>> rows) {
    if (!rows.ok()) return "error: " + rows.status().ToString();
    Result<Table> table = ReadAll(**rows);
    if (!table.ok()) return "error: " + table.status().ToString();
    std::string out;
    for (const Field& field : table->schema().fields())
      out += StrCat(out.empty() ? "" : " ", field.name, ":", TypeName(field.type));
    out += " |";
    for (std::size_t r = 0; r < table->num_rows(); ++r) {
      out += r > 0 ? "; " : " ";
      for (std::size_t c = 0; c < table->num_columns(); ++c)
        out += (c > 0 ? "," : "") + table->column(c).At(r).ToString();
    }
    return out;
  }
  std::string Query(const std::string& sql, const SqlParameters& parameters = {}) {
    return Text(connection_->Query(sql, parameters));
  }
  std::string Count(const std::string& table) { return Query("select count(*) as n from " + table); }

  static Table People(int rows) {
    ColumnBuilder id(Type::kInt), name(Type::kText), score(Type::kDouble), day(Type::kDate), at(Type::kTimestamp),
        ok(Type::kBool);
    for (int i = 0; i < rows; ++i) {
      id.AppendInt(i);
      if (i < 3000)
        name.AppendNull();  // more rows than SQLite's driver looks at
      else
        name.AppendText(StrCat("n", i));
      score.AppendDouble(i * 0.1);
      day.AppendInt(20000 + i % 100);
      at.AppendInt(1'000'000'000LL * i);
      ok.AppendInt(i % 2);
    }
    const auto n = static_cast<std::size_t>(rows);
    return Table(Schema({{"id", Type::kInt},
                         {"name", Type::kText},
                         {"score", Type::kDouble},
                         {"day", Type::kDate},
                         {"at", Type::kTimestamp},
                         {"ok", Type::kBool}}),
                 {id.Finish(), name.Finish(), score.Finish(), day.Finish(), at.Finish(), ok.Finish()}, n);
  }

  const FolderForTests folder_;
  std::vector<std::int64_t> slept_;
  std::unique_ptr<ConnectionMap> map_;
  std::unique_ptr<Connection> connection_;
};

TEST_P(ConnectionTest, ValuesAreBoundByNameWhateverTheirOrder) {
  Open();
  const SqlParameters ab = {{"a", Value::Int(1)}, {"b", Value::Int(10)}};
  EXPECT_EQ(Query("select $b - $a as d, $a as a, $b as b", ab), "d:int a:int b:int | 9,1,10");
  EXPECT_EQ(Query("select $a - $b as d, $b as b, $a as a", ab), "d:int b:int a:int | -9,10,1");
  Run("create table t(x integer, y integer)");
  ASSERT_TRUE(connection_->Execute("insert into t(y, x) values ($b, $a)", ab).ok());
  EXPECT_EQ(Query("select x, y from t"), "x:int y:int | 1,10");
}

TEST_P(ConnectionTest, TextsNullsAndDatesAreBound) {
  Open();
  Run("create table t(day date, name text)");
  Run("insert into t values ('2026-01-01', 'it''s'), ('2026-02-01', null)");
  const SqlParameters values = {{"since", Value::Date(*ParseDate("2026-01-15"))}, {"n", Value::Null(Type::kText)}};
  EXPECT_EQ(Query("select name from t where day >= $since and $n is null", values), "name:text | null");
  EXPECT_EQ(Query("select count(*) as n from t where name = $n", {{"n", Value::Text("it's")}}), "n:int | 1");
}

TEST_P(ConnectionTest, ATableComesBackAsItWasWritten) {
  Open();
  const Table people = People(5000);
  Run(connection_->dialect().CreateTable({"", "people"}, people.schema(), {"id"}));
  Result<std::int64_t> loaded = connection_->Append({"", "people"}, StreamOf(people, 700));
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(*loaded, 5000);
  Result<std::unique_ptr<TableStream>> rows = connection_->ReadTable({"", "people"});
  ASSERT_TRUE(rows.ok()) << rows.status();
  Result<Table> back = ReadAll(**rows);
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->schema(), people.schema());
  ASSERT_EQ(back->num_rows(), 5000U);
  for (const std::size_t r : {std::size_t{0}, std::size_t{2999}, std::size_t{3000}, std::size_t{4999}})
    for (std::size_t c = 0; c < people.num_columns(); ++c)
      EXPECT_EQ(back->column(c).At(r), people.column(c).At(r)) << "row " << r << " column " << c;
}

TEST_P(ConnectionTest, ARollbackTakesBackWhatWasLoadedAndMerged) {
  Open();
  Run("create table scores(id integer not null primary key, score double precision)");
  Run("insert into scores values (1, 0.5), (2, 0.25)");
  const Table people = *People(4).Select(std::vector<std::string>{"id", "score"});
  for (const bool commit : {false, true}) {
    ASSERT_TRUE(connection_->Begin().ok());
    Result<std::int64_t> staged = connection_->Stage("stage", StreamOf(people));
    ASSERT_TRUE(staged.ok()) << staged.status();
    EXPECT_EQ(*staged, 4);
    EXPECT_EQ(Count("stage"), "n:int | 4");
    Run(connection_->dialect().Merge({"", "scores"}, {"id", "score"}, {"id"}, "\"stage\""));
    EXPECT_EQ(Count("scores"), "n:int | 4");
    const Status end = commit ? connection_->Commit() : connection_->Rollback();
    ASSERT_TRUE(end.ok()) << end;
    EXPECT_EQ(Query("select id, score from scores order by id"),
              commit ? "id:int score:double | 0,0; 1,0.1; 2,0.2; 3,0.30000000000000004"
                     : "id:int score:double | 1,0.5; 2,0.25");
  }
}

TEST_P(ConnectionTest, AnAppendInATransactionIsTakenBackToo) {
  Open();
  const Table people = People(10);
  Run(connection_->dialect().CreateTable({"", "people"}, people.schema(), {}));
  ASSERT_TRUE(connection_->Begin().ok());
  ASSERT_TRUE(connection_->Append({"", "people"}, StreamOf(people)).ok());
  ASSERT_TRUE(connection_->Rollback().ok());
  EXPECT_EQ(Count("people"), "n:int | 0");
  ASSERT_TRUE(connection_->Begin().ok());
  ASSERT_TRUE(connection_->Append({"", "people"}, StreamOf(people)).ok());
  connection_.reset();  // destroyed inside of the transaction
  Open();
  EXPECT_EQ(Count("people"), "n:int | 0");
}

TEST_P(ConnectionTest, AnErrorInATransactionLosesNothingAfterRollback) {
  Open();
  Run("create table t(id integer not null primary key)");
  Run("insert into t values (1)");
  ASSERT_TRUE(connection_->Begin().ok());
  Run("insert into t values (2)");
  const Status twice = connection_->Execute("insert into t values (1)").status();
  EXPECT_EQ(twice.code(), ErrorCode::kData) << twice;
  ASSERT_TRUE(connection_->Rollback().ok());
  EXPECT_EQ(Query("select id from t"), "id:int | 1");
}

TEST_P(ConnectionTest, ATableIsDescribedWithItsKeys) {
  Open();
  Run("create table t(id integer not null, day date not null, name varchar(20), amount double precision, unique "
      "(name), primary key (id, day))");
  Run("create unique index by_amount on t(amount, name)");
  const Result<std::optional<TableInfo>> info = connection_->Describe({"", "t"});
  ASSERT_TRUE(info.ok()) << info.status();
  ASSERT_TRUE(info->has_value());
  ASSERT_EQ((*info)->columns.size(), 4U);
  EXPECT_EQ((*info)->columns[0].type, Type::kInt);
  EXPECT_FALSE((*info)->columns[0].nullable);
  EXPECT_EQ((*info)->columns[1].type, Type::kDate);
  EXPECT_TRUE((*info)->columns[2].nullable);
  EXPECT_EQ((*info)->columns[3].type, Type::kDouble);
  EXPECT_EQ((*info)->unique_keys[0], (std::vector<std::string>{"id", "day"}));
  EXPECT_TRUE((*info)->HasUniqueKey({"day", "id"}));
  EXPECT_TRUE((*info)->HasUniqueKey({"name"}));
  EXPECT_TRUE((*info)->HasUniqueKey({"amount", "name"}));
  EXPECT_FALSE((*info)->HasUniqueKey({"id"}));
  EXPECT_EQ(**connection_->Describe({"", "T"}), **info) << "names are compared without case";
  EXPECT_FALSE((*connection_->Describe({"", "nothing"})).has_value());
  EXPECT_EQ(*connection_->ListTables(), (std::vector<QualifiedName>{{"", "t"}}));
  Run(connection_->dialect().CreateUniqueIndex({"", "t"}, {"id"}));
  EXPECT_TRUE((**connection_->Describe({"", "t"})).HasUniqueKey({"id"}));
}

TEST_P(ConnectionTest, WrongSqlIsRefusedAtItsPlace) {
  Open();
  Run("create table customers(id integer)");
  const auto fails = [this](const std::string& sql, const std::string& span) {
    const Status status = connection_->Query(sql).status();
    EXPECT_EQ(status.code(), ErrorCode::kInvalid) << sql << ": " << status;
    if (status.span()) {
      EXPECT_EQ(sql.substr(status.span()->offset, status.span()->length), span) << status;
    } else {
      EXPECT_EQ(span, "");
    }
    return status.help();
  };
  fails("select idd from customers", "idd");
  fails("select id\nform customers where", "customers");
  EXPECT_THAT(fails("select * from custmers", "custmers"), HasSubstr("did you mean"));
  fails("select 1; select 2", "select");
  fails("delete from customers", duckdb() ? "from" : "delete");
  EXPECT_THAT(connection_->ReadTable({"", "custmers"}).status().help(), HasSubstr("did you mean customers?"));
}

TEST_P(ConnectionTest, AMissingFileNamesTheNearestOne) {
  Open();
  Run("create table t(x integer)");
  ConnectionSpec spec = Spec(false);
  spec.uri = folder_.Path("dta.db");
  const Status missing = map_->Open(spec).status();
  EXPECT_EQ(missing.code(), ErrorCode::kInvalid);
  EXPECT_THAT(missing.help(), HasSubstr("data.db"));
  spec.writable = true;
  spec.uri = folder_.Path("no/data.db");
  EXPECT_EQ(map_->Open(spec).status().code(), ErrorCode::kInvalid);
  spec.uri = folder_.path();
  EXPECT_EQ(map_->Open(spec).status().code(), ErrorCode::kInvalid);
  spec.driver = "duckdbb";
  EXPECT_EQ(map_->Open(spec).status().help(), "did you mean duckdb?");
}

TEST_P(ConnectionTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(File()) << std::string(5000, 'x');
  const Status status = map_->Open(Spec(false)).status();
  EXPECT_EQ(status.code(), ErrorCode::kInvalid) << status;
  EXPECT_THAT(status.message(), HasSubstr("data.db"));
}

TEST_P(ConnectionTest, AReadOnlyConnectionCannotWrite) {
  Open();
  Run("create table t(x integer)");
  NewMap();
  Open(false);
  EXPECT_FALSE(connection_->Execute("insert into t values (1)").ok());
  EXPECT_EQ(Count("t"), "n:int | 0");
}

TEST_P(ConnectionTest, TwoNamesOfOneFileShareOneDatabase) {
  Open();
  Run("create table t(x integer)");
  fs::create_symlink(File(), folder_.Path("link.db"));
  fs::create_hard_link(File(), folder_.Path("hard.db"));
  for (const char* name : {"link.db", "hard.db"}) {
    ConnectionSpec spec = Spec();
    spec.uri = folder_.Path(name);
    Result<std::unique_ptr<Connection>> other = map_->Open(spec);
    if (!duckdb() && std::string(name) == "hard.db") continue;  // SQLite names its journal after the path
    ASSERT_TRUE(other.ok()) << other.status();
    ASSERT_TRUE((*other)->Execute("insert into t values (1)").ok());
    Run("insert into t values (2)");
    EXPECT_EQ(Text((*other)->Query("select count(*) % 2 as odd from t", {})), "odd:int | 0");
  }
  const std::string rows = Count("t");
  NewMap();
  Open();
  EXPECT_EQ(Count("t"), rows) << "rows committed through either handle are on disk";
  EXPECT_EQ(rows, duckdb() ? "n:int | 4" : "n:int | 2");
}

TEST_P(ConnectionTest, ADatabaseLockedByAnotherProcessIsBusyAfterSeveralTries) {
  Open();
  Run("create table t(x integer)");
  NewMap();
  int ready[2], finish[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(finish), 0);
  const pid_t child = fork();
  if (child == 0) {
    Open();
    if (!connection_ || !connection_->Begin().ok() || !connection_->Execute("insert into t values (1)").ok()) _exit(1);
    char c = 'x';
    if (write(ready[1], &c, 1) != 1 || read(finish[0], &c, 1) != 1) _exit(1);
    _exit(0);
  }
  char c;
  ASSERT_EQ(read(ready[0], &c, 1), 1);
  map_->DeclareWritable(File());
  Result<std::unique_ptr<Connection>> connection = map_->Open(Spec());
  Status status = connection.status();
  if (!duckdb()) {  // a SQLite file opens; its write lock is what is held
    ASSERT_TRUE(connection.ok()) << status;
    status = (*connection)->Begin();
  }
  EXPECT_EQ(status.code(), ErrorCode::kBusy) << status;
  if (duckdb()) {
    EXPECT_THAT(status.message(), HasSubstr(StrCat("(PID ", child, ")")));
    EXPECT_EQ(slept_, (std::vector<std::int64_t>{100, 200}));
  }
  ASSERT_EQ(write(finish[1], &c, 1), 1);
  int state = 0;
  waitpid(child, &state, 0);
  EXPECT_EQ(state, 0);
}

TEST_P(ConnectionTest, AProcessKilledWhileItMakesTheFileLeavesOneThatOpens) {
  for (const rlim_t bytes : {0UL, 4096UL, 8192UL}) {   // the signal of a file that grows too large comes between two writes
    fs::remove_all(folder_.path());
    fs::create_directory(folder_.path());
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const rlimit no_core = {0, 0}, most = {bytes, RLIM_INFINITY};
      if (setrlimit(RLIMIT_CORE, &no_core) != 0 || setrlimit(RLIMIT_FSIZE, &most) != 0) _exit(1);
      Open();
      Run("CREATE TABLE IF NOT EXISTS t (a INTEGER)");
      _exit(0);
    }
    int how = 0;
    ASSERT_EQ(waitpid(child, &how, 0), child);
    EXPECT_TRUE(!duckdb() || (WIFSIGNALED(how) && WTERMSIG(how) == SIGXFSZ)) << how;
    NewMap();
    Open();
    Run("CREATE TABLE IF NOT EXISTS t (a INTEGER)");
  }
}

TEST_P(ConnectionTest, RowsOfAContractAreReadAsDeclared) {
  Open();
  Run("create table t(id integer, day text, flag integer)");
  Run("insert into t values (1, '2026-01-31', 1), (2, null, 0)");
  const Schema declared({{"day", Type::kDate}, {"flag", Type::kBool}, {"id", Type::kDouble}});
  EXPECT_EQ(Text(ReadAs(*connection_->Query("select * from t order by id"), declared)),
            "id:double day:date flag:bool | 1,2026-01-31,true; 2,null,false");
  Run("insert into t values (3, 'soon', 0)");
  EXPECT_THAT(Text(ReadAs(*connection_->Query("select * from t order by id"), declared)),
              HasSubstr("column `day` is declared date, but row 3 has \"soon\""));
}

INSTANTIATE_TEST_SUITE_P(Drivers, ConnectionTest, testing::Values("duckdb", "sqlite"),
                         [](const auto& driver) { return driver.param; });

class SqliteConnectionTest : public ConnectionTest {};

TEST_P(SqliteConnectionTest, ColumnsGetTheTypeThatHoldsAllTheirValues) {
  Open();
  Run("create table t(id integer primary key, late_text, late_real, mixed, hollow, day date, bad_day date, flag "
      "boolean)");
  Run("with recursive r(i) as (select 1 union all select i + 1 from r where i < 3000) insert into t select i, case "
      "when i = 3000 then 'x' end, "
      "case when i = 3000 then 0.5 end, case when i < 2500 then i else 'text' end, null, '2026-01-31', case i when 7 "
      "then 'soon' else '2026-01-31' end, i % 2 from r");
  const std::string sql =
      "select * from (select late_text, late_real, mixed, hollow, day, flag, id from t order by id desc limit 1)";
  EXPECT_EQ(Query(sql),
            "late_text:text late_real:double mixed:text hollow:text day:text flag:int id:int | "
            "x,0.5,text,null,2026-01-31,0,3000");
  Result<Table> all = ReadAll(**connection_->Query("select late_text, late_real, mixed, id from t order by id"));
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->num_rows(), 3000U);
  EXPECT_EQ(all->column(2).At(0), Value::Text("1"));
  EXPECT_EQ(all->column(3).At(2999), Value::Int(3000));
  Result<std::unique_ptr<TableStream>> table = connection_->ReadTable({"", "t"});
  ASSERT_TRUE(table.ok()) << table.status();
  const Schema& schema = (*table)->schema();
  EXPECT_EQ(schema[*schema.IndexOf("day")].type, Type::kDate);
  EXPECT_EQ(schema[*schema.IndexOf("bad_day")].type, Type::kText) << "one value that is no date makes it text";
  EXPECT_EQ(schema[*schema.IndexOf("flag")].type, Type::kBool);
}

TEST_P(SqliteConnectionTest, AnEmptyAnswerKeepsItsColumnsAndBlobsAreRefused) {
  Open();
  Run("create table t(id integer, b blob)");
  EXPECT_EQ(Query("select id from t"), "id:text |");
  EXPECT_EQ(Text(connection_->ReadTable({"", "t"})), "id:int b:text |");
  Run("insert into t values (1, x'00ff')");
  EXPECT_THAT(Query("select b from t"), HasSubstr("column `b` holds binary values"));
}

TEST_P(SqliteConnectionTest, AQueryOrderIsKept) {
  Open();
  Run("create table t(id integer)");
  Run("insert into t values (2), (3), (1)");
  EXPECT_EQ(Query("select id from t order by id desc"), "id:int | 3; 2; 1");
  EXPECT_EQ(Query("with x as (select id from t) select id from x order by id limit 2 -- done"), "id:int | 1; 2");
}

TEST(ConnectionUriTest, APasswordIsFoundInEitherForm) {
  for (const char* uri : {"postgresql://u:p@h/d", "postgres://u:p%40@h", "postgresql://u:p@ss@h:5432/d", "postgresql://u@h/d?password=p",
                          "host=h password=p", "host=h password = 'p q'", "host=h sslpassword=p"})
    EXPECT_TRUE(HoldsPassword(uri)) << uri;
  for (const char* uri : {"postgresql://u@h:5432/d", "postgresql:///d?host=/run/pg", "host=h user=u passfile=/x", "postgresql://h:5432,g:5432/d", ""})
    EXPECT_FALSE(HoldsPassword(uri)) << uri;
}

TEST(ConnectionUriTest, OnlyFilesStandUnderTheProject) {
  EXPECT_EQ(ConnectionUri("sqlite", "/p", "data/x.db"), "/p/data/x.db");
  EXPECT_EQ(ConnectionUri("postgresql", "/p", "postgresql://h/d"), "postgresql://h/d");
}

INSTANTIATE_TEST_SUITE_P(Drivers, SqliteConnectionTest, testing::Values("sqlite"),
                         [](const auto& driver) { return driver.param; });

}  // namespace
}  // namespace headrace

#include "headrace/sql/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "headrace/base/folder_for_tests.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    setenv("HEADRACE_LIB_DIR", HEADRACE_LIB_DIR, 1);
    Open(1);
  }
  void Open(int threads) {
    Engine::Options options;
    options.threads = threads;
    options.temp_directory = folder_.Path("temp");
    options.allowed_directories = {folder_.path()};
    Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = std::move(*engine);
  }
  std::string Path(const std::string& name) const { return folder_.Path(name); }
  static std::string Bytes(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  Status QueryStatus(const std::string& sql, const SqlParameters& parameters = {}) {
    Result<std::unique_ptr<TableStream>> rows = engine_->Query(sql, parameters);
    if (!rows.ok()) return rows.status();
    return ReadAll(**rows).status();
  }
  // All cells, "a,b;c,d".
  std::string Rows(const std::string& sql, const SqlParameters& parameters = {}) {
    Result<std::unique_ptr<TableStream>> rows = engine_->Query(sql, parameters);
    if (!rows.ok()) return rows.status().ToString();
    Result<Table> table = ReadAll(**rows);
    if (!table.ok()) return table.status().ToString();
    std::string out;
    for (std::size_t r = 0; r < table->num_rows(); ++r) {
      if (r > 0) out += ";";
      for (std::size_t c = 0; c < table->num_columns(); ++c)
        out += (c > 0 ? "," : "") + table->column(c).At(r).ToString();
    }
    return out;
  }
  // What the error's span covers of `sql`.
  static std::string Spanned(const std::string& sql, const Status& status) {
    if (!status.span()) return "no span";
    return sql.substr(status.span()->offset, status.span()->length);
  }

  const FolderForTests folder_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, AnOutputOfAStepIsReadWithQuotesAndWithout) {
  ASSERT_TRUE(engine_->WriteParquet("SELECT 1 AS x", {}, Path("a.parquet")).ok());
  ASSERT_TRUE(engine_->AddParquet("model", Path("a.parquet")).ok());
  for (const char* name : {"model.tests", "model.rows", "main.tests", "base.model.tests"}) ASSERT_TRUE(engine_->AddParquet(name, Path("a.parquet")).ok()) << name;
  EXPECT_EQ(Rows("SELECT t.x AS a, r.x AS b, q.x AS c, m.x AS d FROM model.tests t, model.rows r, \"model.tests\" q, model m"), "1,1,1,1");
  EXPECT_EQ(Rows("SELECT tests.x FROM main.tests"), "1");
  EXPECT_EQ(Rows("SELECT x FROM \"base.model.tests\""), "1");
}

TEST_F(EngineTest, QueriesReadTablesInTheOrderTheyWereGiven) {
  ColumnBuilder id(Type::kInt), name(Type::kText);
  for (int i = 0; i < 200000; ++i) {
    id.AppendInt(i);
    if (i % 7 == 0)
      name.AppendNull();
    else
      name.AppendText("n" + std::to_string(i % 5));
  }
  const Table table(Schema({{"id", Type::kInt}, {"name", Type::kText}}), {id.Finish(), name.Finish()}, 200000);
  ASSERT_TRUE(engine_->AddTable("people", StreamOf(table)).ok());
  Result<std::unique_ptr<TableStream>> rows = engine_->Query("select * from people");
  ASSERT_TRUE(rows.ok()) << rows.status();
  Result<Table> back = ReadAll(**rows);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->schema(), table.schema());
  ASSERT_EQ(back->num_rows(), 200000U);
  EXPECT_TRUE(std::ranges::equal(back->column(0).ints(), table.column(0).ints()));
  EXPECT_EQ(back->column(1).null_count(), table.column(1).null_count());
}

TEST_F(EngineTest, AnEmptyTableKeepsItsColumns) {
  ASSERT_TRUE(engine_
                  ->AddTable("nothing", StreamOf(Table(Schema({{"x", Type::kDouble}}),
                                                       {ColumnBuilder(Type::kDouble).Finish()}, 0)))
                  .ok());
  EXPECT_EQ(Rows("select count(*) from nothing"), "0");
  EXPECT_EQ((*engine_->Describe("select * from nothing"))[0], (Field{"x", Type::kDouble}));
}

TEST_F(EngineTest, ParametersAreBoundByNameWhateverTheirOrder) {
  EXPECT_EQ(Rows("select $b - $a, $a, $b", {{"a", Value::Int(1)}, {"b", Value::Int(10)}}), "9,1,10");
  EXPECT_EQ(Rows("select $a - $b, $a, $b", {{"a", Value::Int(1)}, {"b", Value::Int(10)}}), "-9,1,10");
}

TEST_F(EngineTest, ParametersKeepTheirTypes) {
  const SqlParameters all = {{"b", Value::Bool(true)},           {"d", Value::Date(20000)},
                             {"t", Value::Timestamp(1000000)},   {"w", Value::Duration(86'400'000'000)},
                             {"s", Value::Text("it's $b -- x")}, {"n", Value::Null(Type::kDouble)},
                             {"f", Value::Double(0.1)}};
  EXPECT_EQ(Rows("select $b, $d, $t, $d - $w, $s, $n is null, $f", all),
            "true,2024-10-04,1970-01-01 00:00:01,2024-10-03 00:00:00,it's $b -- x,true,0.1");
}

TEST_F(EngineTest, ASyntaxErrorPointsIntoTheUsersText) {
  const std::string sql = "select $a,\n  $bb form t";
  const Status status = QueryStatus(sql, {{"a", Value::Int(1)}, {"bb", Value::Duration(5)}});
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_EQ(Spanned(sql, status), "t") << status;
}

TEST_F(EngineTest, AMissingColumnPointsIntoTheUsersTextAndNamesCandidates) {
  ASSERT_TRUE(engine_->Execute("create table t(amount int, day date)").ok());
  const std::string sql = "select $since,\n  -- ä comment\n  amont\nfrom t";
  for (const Status& status :
       {QueryStatus(sql, {{"since", Value::Date(1)}}), engine_->Describe(sql, {{"since", Value::Date(1)}}).status()}) {
    EXPECT_EQ(status.code(), ErrorCode::kInvalid);
    EXPECT_EQ(Spanned(sql, status), "amont") << status;
    EXPECT_THAT(status.help(), HasSubstr("amount"));
  }
}

TEST_F(EngineTest, AMissingTableSuggestsTheNearestInput) {
  ASSERT_TRUE(
      engine_
          ->AddTable("customers", StreamOf(Table(Schema({{"x", Type::kInt}}), {ColumnBuilder(Type::kInt).Finish()}, 0)))
          .ok());
  const std::string sql = "select * from custmers";
  const Status status = QueryStatus(sql);
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_EQ(Spanned(sql, status), "custmers");
  EXPECT_EQ(status.help(), "did you mean `customers`?");
}

TEST_F(EngineTest, AValueThatCannotBeConvertedIsADataError) {
  ASSERT_TRUE(engine_->Execute("create table t as select 'abc' x").ok());
  const Status status = QueryStatus("select cast(x as int) from t");
  EXPECT_EQ(status.code(), ErrorCode::kData);
  EXPECT_THAT(status.message(), HasSubstr("'abc'"));
}

TEST_F(EngineTest, TwoColumnsOfOneNameAreRefused) {
  const Status status = QueryStatus("select 1 as a, 2 as A");
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_THAT(status.message(), HasSubstr("two columns called `A`"));
}

TEST_F(EngineTest, SqlCannotLeaveTheAllowedFoldersOrUnlockTheSettings) {
  for (const char* sql : {"select * from read_csv('/etc/passwd')", "copy (select 1) to '/tmp/headrace_escape.csv'",
                          "set enable_external_access = true", "set threads = 4", "install httpfs", "load httpfs",
                          "attach '/tmp/headrace_escape.db'"}) {
    EXPECT_FALSE(QueryStatus(sql).ok()) << sql;
  }
  EXPECT_FALSE(fs::exists("/tmp/headrace_escape.csv"));
  EXPECT_FALSE(fs::exists("/tmp/headrace_escape.db"));
}

TEST_F(EngineTest, AParquetFileKeepsTheTypesOfTheHouse) {
  const std::string sql =
      "select i::int as i, sum(i) over () as s, 1.25 as d, 'x' as t, date '2026-01-02' as day, "
      "timestamptz '2026-01-02 03:04:05+02' as at, i % 2 = 0 as even, uuid '4d61d7d7-1271-4c04-a6cc-e2f01712aadf' as u "
      "from range(3) r(i)";
  Result<std::int64_t> rows = engine_->WriteParquet(sql, {}, Path("a.parquet"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, 3);
  Result<Table> back = ReadParquet(Path("a.parquet"));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->schema(), *engine_->Describe(sql));
  const Schema expected({{"i", Type::kInt},
                         {"s", Type::kInt},
                         {"d", Type::kDouble},
                         {"t", Type::kText},
                         {"day", Type::kDate},
                         {"at", Type::kTimestamp},
                         {"even", Type::kBool},
                         {"u", Type::kText}});
  EXPECT_EQ(back->schema(), expected);
  EXPECT_EQ(back->Find("at")->At(0).ToString(), "2026-01-02 01:04:05");
  EXPECT_EQ(*ParquetRowCount(Path("a.parquet")), 3);
}

TEST_F(EngineTest, EqualRowsGiveEqualParquetBytesOnAnyNumberOfThreads) {
  const std::string sql =
      "select i, i * 0.37 as x, 'name ' || (i % 1000) as n, case when i % 3 = 0 then null else i end as m "
      "from range(400000) r(i)";
  ASSERT_TRUE(engine_->WriteParquet(sql, {}, Path("a.parquet")).ok());
  ASSERT_TRUE(engine_->WriteParquet(sql, {}, Path("b.parquet"), 2).ok());
  Open(3);
  ASSERT_TRUE(engine_->WriteParquet(sql, {}, Path("c.parquet"), 3).ok());
  for (const char* other : {"b.parquet", "c.parquet"}) EXPECT_EQ(Bytes(Path("a.parquet")), Bytes(Path(other))) << other;
}

TEST_F(EngineTest, ParquetBytesDoNotDependOnHowTheRowsCame) {
  ASSERT_TRUE(engine_->WriteParquet("select i, i * 0.5 as x from range(300000) r(i)", {}, Path("a.parquet")).ok());
  Result<Table> table = ReadParquet(Path("a.parquet"));
  ASSERT_TRUE(table.ok());
  ASSERT_TRUE(WriteParquetFile(StreamOf(*table, 1000), Path("b.parquet")).ok());
  ASSERT_TRUE(WriteParquetFile(StreamOf(*table, 70001), Path("c.parquet")).ok());
  EXPECT_EQ(Bytes(Path("b.parquet")), Bytes(Path("c.parquet")));
  EXPECT_EQ(Bytes(Path("a.parquet")), Bytes(Path("b.parquet")));
}

TEST_F(EngineTest, AWideTableIsTheSameOnAnyNumberOfThreads) {
  std::string sql = "select i";
  for (int c = 1; c < 40; ++c) sql += StrCat(", case when hash(i, ", c, ") % 7 = 0 then null else hash(i + ", c, ")::double end as c", c);
  sql += ", 'name ' || i as name from range(100000) r(i)";
  for (const int threads : {1, 2, 3}) ASSERT_TRUE(engine_->WriteParquet(sql, {}, Path(StrCat(threads, ".parquet")), threads).ok());
  EXPECT_EQ(Bytes(Path("1.parquet")), Bytes(Path("2.parquet")));
  EXPECT_EQ(Bytes(Path("1.parquet")), Bytes(Path("3.parquet")));
  EXPECT_EQ(Rows(StrCat("select max(row_group_num_rows) from parquet_metadata('", Path("1.parquet"), "')")), "30720");
  const Table one = *ReadParquet(Path("1.parquet"), 1);
  for (const int threads : {2, 3, 7}) {
    const Result<Table> several = ReadParquet(Path("1.parquet"), threads);
    ASSERT_TRUE(several.ok()) << several.status();
    ASSERT_EQ(several->schema(), one.schema());
    ASSERT_EQ(several->num_rows(), 100'000u);
    for (std::size_t c = 0; c < one.num_columns(); ++c)
      for (std::size_t r = 0; r < one.num_rows(); r += 97) ASSERT_EQ(several->column(c).At(r).ToString(), one.column(c).At(r).ToString()) << c << " " << r;
  }
  // A file that is cut off is an error on every thread, not fewer rows.
  const std::string bytes = Bytes(Path("1.parquet"));
  std::string damaged = bytes;
  for (std::size_t i = bytes.size() / 3; i < 2 * bytes.size() / 3; ++i) damaged[i] = static_cast<char>(~damaged[i]);
  std::ofstream(Path("damaged.parquet"), std::ios::binary) << damaged;
  EXPECT_FALSE(ReadParquet(Path("damaged.parquet"), 3).ok());
}

TEST_F(EngineTest, AProjectsFolderIsNoColumnOfItsFiles) {
  fs::create_directories(Path("client=acme"));
  ASSERT_TRUE(engine_->WriteParquet("select 1 as a", {}, Path("client=acme/a.parquet")).ok());
  EXPECT_EQ(ReadParquet(Path("client=acme/a.parquet"))->schema().Names(), std::vector<std::string>{"a"});
}

TEST_F(EngineTest, ACsvFileQuotesWhatNeedsItAndTellsNullFromEmpty) {
  const std::string sql = "select * from (values (1, 'a,b'), (2, 'say \"hi\"'), (3, ''), (4, null)) v(id, t)";
  Result<std::int64_t> rows = engine_->WriteFile(sql, {}, Path("a.csv"), *FileFormat::OfPath("a.csv"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(Bytes(Path("a.csv")), "id,t\n1,\"a,b\"\n2,\"say \"\"hi\"\"\"\n3,\"\"\n4,\n");
  ASSERT_TRUE(engine_->WriteFile(sql, {}, Path("a.jsonl"), *FileFormat::OfPath("a.jsonl")).ok());
  EXPECT_THAT(Bytes(Path("a.jsonl")), HasSubstr("{\"id\":1,\"t\":\"a,b\"}\n"));
  for (const char* name : {"a.tsv", "a.csv.gz", "a.csv.zst"})
    EXPECT_TRUE(engine_->WriteFile(sql, {}, Path(name), *FileFormat::OfPath(name)).ok()) << name;
}

TEST_F(EngineTest, AFullDiskIsBusyAndNamesThePlace) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  engine_ = nullptr;
  Engine::Options options;
  options.any_file = true;
  engine_ = *Engine::Open(options);
  const Status status =
      engine_->WriteParquet("select i, md5(i::varchar) h from range(500000) r(i)", {}, "/dev/full").status();
  EXPECT_EQ(status.code(), ErrorCode::kBusy) << status;
  EXPECT_THAT(status.message(), HasSubstr("/dev/full"));
}

TEST_F(EngineTest, OutOfMemoryIsBusy) {
  Engine::Options options;
  options.memory_limit = "20MB";
  engine_ = *Engine::Open(options);
  const Status status = QueryStatus(
      "select i, string_agg(i::varchar || repeat('x', 100), ',') s from range(2000000) r(i) group by i order by s");
  EXPECT_EQ(status.code(), ErrorCode::kBusy) << status;
  EXPECT_THAT(status.message(), AllOf(HasSubstr("out of memory: "), Not(HasSubstr("Reducing the number"))));
}

TEST_F(EngineTest, CancelInterruptsAQueryOfAnotherThread) {
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) {  // one that arrives between two acts of the query interrupts nothing, so it is repeated
      engine_->Cancel();
      std::this_thread::yield();
    }
  });
  const Status status = QueryStatus("select count(*) from range(100000000000) a(x) where x % 3 = 1 and x * x > 5");
  done = true;
  other.join();
  EXPECT_EQ(status.code(), ErrorCode::kInterrupted) << status;
}

TEST_F(EngineTest, TwoStreamsOfOneEngineCanBeReadSideBySide) {
  Result<std::unique_ptr<TableStream>> a = engine_->Query("select i from range(500000) r(i)");
  ASSERT_TRUE(a.ok());
  ASSERT_TRUE((*a)->Next().ok());
  Result<std::unique_ptr<TableStream>> b = engine_->Query("select i from range(500000) r(i)");
  ASSERT_TRUE(b.ok());
  Result<Table> rest = ReadAll(**b);
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(rest->num_rows(), 500000U);
  EXPECT_TRUE(ReadAll(**a).ok());
}

}  // namespace
}  // namespace headrace

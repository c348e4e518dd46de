#include "headrace/sql/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "headrace/base/files.h"
#include "headrace/base/folder_for_tests.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

using testing::HasSubstr;

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    setenv("HEADRACE_LIB_DIR", HEADRACE_LIB_DIR, 1);
    engine_ = NewEngine();
  }
  static std::unique_ptr<Engine> NewEngine() {
    Engine::Options options;
    options.any_file = true;
    return *Engine::Open(options);
  }
  std::string Path(const std::string& name) const { return folder_.Path(name); }
  std::string Write(const std::string& name, const std::string& bytes) const { return folder_.Write(name, bytes); }
  // "a:int b:text | 1,x; 2,y", or the error without the folder's name.
  std::string Load(const FileSource& source) {
    engine_ = NewEngine();
    status_ = LoadFiles(*engine_, source, "t");
    if (!status_.ok()) return "error: " + ReplaceAll(status_.message(), folder_.Path(""), "");
    std::string out;
    Table table = *ReadAll(**engine_->Query("select * from t"));
    for (const Field& field : table.schema().fields())
      out += StrCat(out.empty() ? "" : " ", field.name, ":", TypeName(field.type));
    out += " |";
    for (std::size_t r = 0; r < table.num_rows(); ++r) {
      out += r > 0 ? "; " : " ";
      for (std::size_t c = 0; c < table.num_columns(); ++c)
        out += (c > 0 ? "," : "") + table.column(c).At(r).ToString();
    }
    return out;
  }
  std::string LoadCsv(const std::string& bytes, const std::string& name = "d.csv") {
    return Load({.pattern = Write(name, bytes), .format = "", .delimiter = "", .declared = {}});
  }
  // The type found for a column of these cells.
  std::string TypeOf(const std::vector<std::string>& cells) {
    std::string text = "k,x\n";
    for (const std::string& cell : cells) text += "1," + cell + "\n";
    const std::string loaded = LoadCsv(text);
    const std::size_t at = loaded.find("x:");
    return at == std::string::npos ? loaded : loaded.substr(at + 2, loaded.find(' ', at) - at - 2);
  }
  std::string help() const { return ReplaceAll(status_.help(), folder_.Path(""), ""); }

  const FolderForTests folder_;
  std::unique_ptr<Engine> engine_;
  Status status_;
};

TEST_F(FilesTest, TypesAreThoseThatAllCellsReadAs) {
  EXPECT_EQ(TypeOf({"1", "-2", "", "+3", " 4 "}), "int");
  EXPECT_EQ(TypeOf({"9223372036854775807"}), "int");
  EXPECT_EQ(TypeOf({"1", "9223372036854775808"}), "text");
  EXPECT_EQ(TypeOf({"1.5", "9223372036854775808"}), "double");
  EXPECT_EQ(TypeOf({"1", "2.0", "1e5", ".5", "-inf"}), "double");
  EXPECT_EQ(TypeOf({"007", "12"}), "text");
  EXPECT_EQ(TypeOf({"00.5"}), "text");
  EXPECT_EQ(TypeOf({"0", "0.5", "-0.5"}), "double");
  EXPECT_EQ(TypeOf({"1_000"}), "text");
  EXPECT_EQ(TypeOf({"0x1F"}), "text");
  EXPECT_EQ(TypeOf({"1 2"}), "text");
  EXPECT_EQ(TypeOf({"true", "False", "TRUE", "NA"}), "bool");
  EXPECT_EQ(TypeOf({"yes", "no"}), "text");
  EXPECT_EQ(TypeOf({"true", "1"}), "text");
  EXPECT_EQ(TypeOf({"2026-01-31", ""}), "date");
  EXPECT_EQ(TypeOf({"2026-02-30"}), "text");
  EXPECT_EQ(TypeOf({"2026-1-3"}), "text");
  EXPECT_EQ(TypeOf({"2026-01-31", "2026-01-31 10:00"}), "timestamp");
  EXPECT_EQ(TypeOf({"2026-01-31T10:00:00.25Z", "2026-01-31 10:00:00+02:00"}), "timestamp");
  EXPECT_EQ(TypeOf({"", "NA", "null", "NaN", "  "}), "text");
  EXPECT_EQ(TypeOf({"abc", "1"}), "text");
}

TEST_F(FilesTest, OneOddCellFarDownDecidesAsOneInFront) {
  std::vector<std::string> cells(5000, "1");
  cells.back() = "x";
  EXPECT_EQ(TypeOf(cells), "text");
  cells.back() = "1.5";
  EXPECT_EQ(TypeOf(cells), "double");
  cells.back() = "01";
  EXPECT_EQ(TypeOf(cells), "text");
  cells.assign(5000, "");
  cells.back() = "2026-01-31";
  EXPECT_EQ(TypeOf(cells), "date");
}

TEST_F(FilesTest, CellsKeepTheirValues) {
  EXPECT_EQ(LoadCsv("i,d,t,day,at,b\n-5, 1.50 ,  padded ,2026-01-31,2026-01-31T10:00:00+02:00,true\n,NA,,,,\n"),
            "i:int d:double t:text day:date at:timestamp b:bool | "
            "-5,1.5,  padded ,2026-01-31,2026-01-31 08:00:00,true; null,null,null,null,null,null");
  EXPECT_EQ(LoadCsv("t,i\n\"a,\"\"b\"\"\nc\",1\n,2\n"), "t:text i:int | a,\"b\"\nc,1; null,2");
}

TEST_F(FilesTest, DialectsAreTold) {
  const std::string expected = "a:int b:text | 1,x; 2,y";
  EXPECT_EQ(LoadCsv("a,b\r\n1,x\r\n2,y\r\n"), expected);
  EXPECT_EQ(LoadCsv("\xEF\xBB\xBF"
                    "a,b\n1,x\n2,y"),
            expected);
  EXPECT_EQ(LoadCsv("a,b\n1,x\r\n2,y\n"), expected);
  EXPECT_EQ(LoadCsv("a;b\n1;x\n2;y\n"), expected);
  EXPECT_EQ(LoadCsv("a|b\n1|x\n2|y\n"), expected);
  EXPECT_EQ(LoadCsv("a\tb\n1\tx\n2\ty\n"), expected);
  EXPECT_EQ(LoadCsv("a\tb\n1\tx\n2\ty\n", "d.tsv"), expected);
  EXPECT_EQ(LoadCsv("a,b\n1,x\n\n2,y\n\n"), expected);
  EXPECT_EQ(LoadCsv(" a , b \n1,x\n2,y\n"), expected);
  EXPECT_EQ(LoadCsv("a;b\n1,5;x\n2,5;y\n"), "a:text b:text | 1,5,x; 2,5,y");
  EXPECT_EQ(LoadCsv("a\n1\n2\n"), "a:int | 1; 2");
}

TEST_F(FilesTest, PackedFilesAndOtherFormatsReadTheSame) {
  const std::string rows = "a:int b:text c:double d:date | 1,x,0.5,2026-01-31; 2,null,null,2026-02-01";
  ASSERT_EQ(LoadCsv("a,b,c,d\n1,x,0.5,2026-01-31\n2,,,2026-02-01\n"), rows);
  for (const char* name :
       {"o.csv.gz", "o.csv.zst", "o.tsv.gz", "o.tsv.zst", "o.jsonl", "o.jsonl.gz", "o.jsonl.zst", "o.parquet"}) {
    ASSERT_TRUE(
        LoadFiles(*NewEngine(), {.pattern = Path("d.csv"), .format = "", .delimiter = "", .declared = {}}, "t").ok());
    const std::unique_ptr<Engine> engine = NewEngine();
    ASSERT_TRUE(
        LoadFiles(*engine, {.pattern = Path("d.csv"), .format = "", .delimiter = "", .declared = {}}, "t").ok());
    const Result<std::int64_t> written =
        engine->WriteFile("select * from t", {}, Path(name), *FileFormat::OfPath(name));
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_EQ(Load({.pattern = Path(name), .format = "", .delimiter = "", .declared = {}}), rows) << name;
  }
}

TEST_F(FilesTest, JsonLinesKeepStringsThatLookLikeNumbers) {
  EXPECT_EQ(LoadCsv("{\"id\":1,\"zip\":\"123\",\"f\":true}\n{\"f\":null,\"zip\":\"x\",\"at\":\"2026-01-31 "
                    "10:00:00\",\"id\":2.5,\"o\":{\"k\":[1]}}\n",
                    "d.jsonl"),
            "id:double zip:text f:bool at:timestamp o:text | 1,123,true,null,null; 2.5,x,null,2026-01-31 "
            "10:00:00,{\"k\":[1]}");
  EXPECT_EQ(LoadCsv("{\"zip\":\"123\"}\n", "d.jsonl"), "zip:text | 123");
  EXPECT_THAT(LoadCsv("{\"id\":1}\n[1]\n", "d.jsonl"),
              HasSubstr("expected one JSON object a line, but line 2 holds array"));
  EXPECT_THAT(LoadCsv("{\"id\":1}\n{\"id\":\n", "d.jsonl"), HasSubstr("alformed JSON"));
  EXPECT_EQ(status_.code(), ErrorCode::kData);
}

TEST_F(FilesTest, SeveralFilesAreReadInOrderOfTheirNames) {
  Write("p2.csv", "b,a\ny,2\n");
  Write("p1.csv", "a,b\n1,x\n");
  EXPECT_EQ(Load({.pattern = Path("p*.csv"), .format = "", .delimiter = "", .declared = {}}),
            "a:int b:text | 1,x; 2,y");
  Write("p3.csv", "a,c\n1,x\n");
  EXPECT_EQ(Load({.pattern = Path("p*.csv"), .format = "", .delimiter = "", .declared = {}}),
            "error: p3.csv: the column `c` is not in p1.csv");
  EXPECT_EQ(status_.code(), ErrorCode::kData);
  Write("p3.csv", "a\n1\n");
  EXPECT_EQ(Load({.pattern = Path("p*.csv"), .format = "", .delimiter = "", .declared = {}}),
            "error: p3.csv: the column `b` of p1.csv is missing");
}

TEST_F(FilesTest, DeclaredColumnsAreReadAsDeclared) {
  const std::string path =
      Write("d.csv", "id,n,zip,ok,day,x\n1,5.0,007,1,2026-01-31 00:00:00,9\n2,NA,08,no,2026-02-01,8\n");
  FileSource source{
      .pattern = path,
      .format = "",
      .delimiter = "",
      .declared = Schema(
          {{"zip", Type::kText}, {"n", Type::kInt}, {"ok", Type::kBool}, {"day", Type::kDate}, {"x", Type::kDouble}})};
  EXPECT_EQ(
      Load(source),
      "id:int n:int zip:text ok:bool day:date x:double | 1,5,007,true,2026-01-31,9; 2,null,08,false,2026-02-01,8");
  source.refuse_extra = true;
  EXPECT_EQ(Load(source), "error: d.csv: the column `id` is not declared");
  source.declared = Schema({{"idd", Type::kInt}});
  EXPECT_EQ(Load(source), "error: d.csv: the column `idd` is missing");
  EXPECT_EQ(help(), "is `id` its new name?");
  source.declared = Schema({{"id", Type::kInt}, {"n", Type::kInt}, {"postcode", Type::kText}, {"ok", Type::kBool}, {"day", Type::kDate}, {"x", Type::kDouble}});
  EXPECT_EQ(Load(source), "error: d.csv: the column `postcode` is missing");
  EXPECT_EQ(help(), "is `zip` its new name?") << "the only column that is not declared";
}

TEST_F(FilesTest, CellsThatDoNotReadAsDeclaredAreCountedAndShown) {
  Write("p1.csv", "age\n1\n2\n");
  Write("p2.csv", "age\n1.5\n\nabc\n3\n9223372036854775808\n4 5\n");
  FileSource source{
      .pattern = Path("p*.csv"), .format = "", .delimiter = "", .declared = Schema({{"age", Type::kInt}})};
  EXPECT_EQ(ReplaceAll(Load(source), Path(""), ""),
            "error: p*.csv: column `age` is declared int, but 4 cells do not read so: p2.csv row 1 \"1.5\", p2.csv row "
            "3 \"abc\", "
            "p2.csv row 5 \"9223372036854775808\", ...");
  EXPECT_EQ(status_.code(), ErrorCode::kData);
}

TEST_F(FilesTest, APersonalCellIsCountedButNotShown) {
  Write("d.csv", "phone\n1\n+49 30 901820\n");
  FileSource source{.pattern = Path("d.csv"), .format = "", .delimiter = "", .declared = Schema({{"phone", Type::kInt}})};
  EXPECT_NE(Load(source).find("901820"), std::string::npos);
  source.personal = {"phone"};
  EXPECT_EQ(Load(source), "error: d.csv: column `phone` is declared int, but 1 cell does not read so: row 2");
}

TEST_F(FilesTest, ParquetKeepsItsTypesUnlessDeclaredOtherwise) {
  ASSERT_TRUE(
      engine_
          ->WriteParquet("select * from (values (1, '5', 'NA', date '2026-01-31'), (2, null, 'x', null)) v(i, s, t, d)",
                         {}, Path("d.parquet"))
          .ok());
  FileSource source{.pattern = Path("d.parquet"), .format = "", .delimiter = "", .declared = {}};
  EXPECT_EQ(Load(source), "i:int s:text t:text d:date | 1,5,NA,2026-01-31; 2,null,x,null");
  source.declared = Schema({{"i", Type::kDouble}, {"s", Type::kInt}, {"d", Type::kTimestamp}});
  EXPECT_EQ(Load(source), "i:double s:int t:text d:timestamp | 1,5,NA,2026-01-31 00:00:00; 2,null,x,null");
  source.declared = Schema({{"t", Type::kInt}});
  EXPECT_EQ(Load(source),
            "error: d.parquet: column `t` is declared int, but 2 cells do not read so: row 1 \"NA\", row 2 \"x\"");
}

TEST_F(FilesTest, FoldersBelowTheProjectsAreColumnsOfParquetFilesAndThoseAboveAreNot) {
  std::filesystem::create_directories(Path("client=acme/date=2026-01-31"));
  std::filesystem::create_directories(Path("client=acme/date=2026-02-01"));
  ASSERT_TRUE(engine_->WriteParquet("select 1 as a", {}, Path("client=acme/date=2026-01-31/x.parquet")).ok());
  ASSERT_TRUE(engine_->WriteParquet("select 2 as a", {}, Path("client=acme/date=2026-02-01/x.parquet")).ok());
  FileSource source{.pattern = Path("client=acme/*/x.parquet"), .folder = Path("client=acme"), .format = "", .delimiter = "", .declared = {}};
  EXPECT_EQ(Load(source), "a:int date:date | 1,2026-01-31; 2,2026-02-01");
  source.folder = Path("client=acme/date=2026-01-31");
  source.pattern = Path("client=acme/date=2026-01-31/x.parquet");
  EXPECT_EQ(Load(source), "a:int | 1");
  source.folder = "";
  EXPECT_EQ(Load(source), "a:int client:text date:date | 1,acme,2026-01-31");
}

TEST_F(FilesTest, AFileThatWeCouldWriteNoBetterIsKept) {
  const auto keeps = [this](const std::string& select, const std::string& options, const std::optional<Schema>& declared = {}) {
    const std::string path = Path("d.parquet");
    engine_ = NewEngine();
    EXPECT_TRUE(engine_->Execute(StrCat("COPY (", select, ") TO '", path, "' (FORMAT parquet", options, ")")).ok());
    const FileSource source{.pattern = path, .format = "", .delimiter = "", .declared = declared, .empty_allowed = true};
    EXPECT_TRUE(LoadFiles(*engine_, source, "t").ok());
    const Result<std::optional<std::string>> kept = FileToKeep(*engine_, source, "t");
    EXPECT_TRUE(kept.ok()) << kept.status();
    EXPECT_EQ(kept->value_or(path), path);
    return kept->has_value();
  };
  const std::string ours = "SELECT i::BIGINT AS i, i * 0.5::DOUBLE AS d, 'x' || i AS t, i > 1 AS b, DATE '2026-01-31' AS day, TIMESTAMP '2026-01-31 10:00:00' AS at FROM range(3) r(i)";
  EXPECT_TRUE(keeps(ours, ""));
  EXPECT_TRUE(keeps(ours, ", COMPRESSION zstd"));
  EXPECT_FALSE(keeps(ours, ", COMPRESSION uncompressed"));
  EXPECT_FALSE(keeps("SELECT 1::INT AS i", "")) << "an int has 64 bits here";
  EXPECT_FALSE(keeps("SELECT 1.5::DECIMAL(9, 2) AS d", ""));
  EXPECT_FALSE(keeps("SELECT TIMESTAMPTZ '2026-01-31 10:00:00+02' AS at", ""));
  EXPECT_FALSE(keeps(ours + " WHERE false", ""));
  EXPECT_TRUE(keeps(ours, "", Schema({{"i", Type::kInt}})));
  EXPECT_FALSE(keeps(ours, "", Schema({{"i", Type::kDouble}}))) << "its types are those of the contract";
  EXPECT_TRUE(keeps("SELECT i FROM range(1000000) r(i)", ", ROW_GROUP_SIZE 1000000"));
  EXPECT_FALSE(keeps("SELECT i FROM range(1200000) r(i)", ", ROW_GROUP_SIZE 1200000")) << "all of it would be for one thread";
  EXPECT_FALSE(keeps("SELECT i FROM range(20000) r(i)", ", ROW_GROUP_SIZE 2048"));
  EXPECT_FALSE(keeps("SELECT repeat('x', 2000) || hash(i) AS t FROM range(70000) r(i)", ", DICTIONARY_SIZE_LIMIT 1")) << "a row group of 140 MB";

  const std::string path = Path("d.parquet");
  ASSERT_TRUE(keeps(ours, ""));
  EXPECT_TRUE(*IsDataset(*engine_, path, "t"));
  ASSERT_TRUE(engine_->AddSelect("t", "SELECT 1::BIGINT AS other", false).ok());
  EXPECT_FALSE(*IsDataset(*engine_, path, "t")) << "these are other columns";
  for (const std::string& pattern : {Write("d.csv", "a\n1\n"), Path("*.parquet")}) {
    engine_ = NewEngine();
    ASSERT_TRUE(engine_->Execute(StrCat("COPY (", ours, ") TO '", Path("e.parquet"), "'")).ok());
    const FileSource source{.pattern = pattern, .format = "", .delimiter = "", .declared = {}};
    ASSERT_TRUE(LoadFiles(*engine_, source, "t").ok());
    EXPECT_FALSE(FileToKeep(*engine_, source, "t")->has_value()) << pattern;
  }
}

TEST_F(FilesTest, AFileIsReadThroughToItsLastValue) {
  const std::string path = Path("d.parquet");
  ASSERT_TRUE(engine_->WriteParquet("SELECT i, 'text ' || hash(i) AS t FROM range(50000) r(i)", {}, path).ok());
  const Result<std::int64_t> rows = ReadThrough(*engine_, path);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, 50'000);
  std::string bytes = *ReadFile(path);
  for (std::size_t i = bytes.size() / 2; i < bytes.size() / 2 + 64; ++i) bytes[i] = static_cast<char>(~bytes[i]);
  EXPECT_FALSE(ReadThrough(*NewEngine(), Write("damaged.parquet", bytes)).ok());
}

TEST_F(FilesTest, BadFilesAreRefusedWithTheLineAndWhatToDo) {
  struct Case {
    std::string bytes;
    const char* message;
    const char* help;
    const char* name = "d.csv";
  };
  const Case cases[] = {
      {"", "error: d.csv: the file is empty", "a header line"},
      {"\n\n", "error: d.csv: the file is empty", "a header line"},
      {"a,b\n", "error: d.csv: a header, but no rows", "an empty answer is not an empty table"},
      {"a,b\n1,2\n3\n4,5\n6,7,8\n", "error: d.csv:3: expected 2 fields as in the header, found 1 (and in 1 more row)",
       "fill in the missing fields"},
      {"a,b\n1,\"x\ny\"\n1,2,3\n", "error: d.csv:4: expected 2 fields as in the header, found 3",
       "put quotes around a field that contains a comma"},
      {"a,a\n1,2\n", "error: d.csv:1: two columns are called `a`", "a name of its own"},
      {"Id,id\n1,2\n", "error: d.csv:1: the columns `Id` and `id` differ only in case", "a name of its own"},
      {",a\n1,2\n", "error: d.csv:1: column 1 of 2 has no name", "index=False"},
      {"a,b,\n1,2,\n", "error: d.csv:1: column 3 of 3 has no name", "name it"},
      {"a,b\n1,\"x\n2,y\n", "error: d.csv:2: a quoted field starts here and does not end", "close the quote"},
      {"a,b\n1,\"x\"y\n2,y\n", "error: d.csv:2: text follows a closing quote", "double a quote"},
      {"a,b\n1,x\n2,caf\xE9\n", "error: d.csv:3: not UTF-8 (byte 0xE9); the encoding is likely Latin-1",
       "iconv -f ISO-8859-1 -t UTF-8 d.csv"},
      {"a,b\n1,\x93x\x94\n", "error: d.csv:2: not UTF-8 (byte 0x93); the encoding is likely Windows-1252",
       "iconv -f WINDOWS-1252"},
      {std::string("\xFF\xFE"
                   "a\0,\0b\0\n\0",
                   10),
       "error: d.csv:1: not UTF-8; the encoding is UTF-16", "iconv -f UTF-16 -t UTF-8 d.csv"},
      {std::string("a,b\n1,x\0y\n", 10), "error: d.csv:2: a NUL byte, which no text file has", "UTF-16"},
      {"a;b\n1;2\n", "error: d.tsv:1: one column only when cut at the tab, 2 when cut at the semicolon",
       "delimiter: \";\"", "d.tsv"},
      {"PAR1xxxx", "error: d.csv: this is a Parquet file", ".parquet"},
      {"PK\x03\x04xxxx", "error: d.csv: this is a zip archive or an Excel workbook", "unpack it"},
      {"\x1F\x8B\x08\x00garbage", "d.csv", "", "d.csv"},
      {"a,b\n1,2\n", "error: d.csv.gz: not packed by gzip, as its name says", "take .gz off", "d.csv.gz"},
      {"garbage", "error: d.parquet: cannot be read as Parquet", "", "d.parquet"},
      {"", "error: d.jsonl: the file is empty", "", "d.jsonl"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(LoadCsv(c.bytes, c.name), HasSubstr(c.message));
    EXPECT_THAT(help(), HasSubstr(c.help)) << c.message;
    EXPECT_EQ(status_.code(), ErrorCode::kData) << c.message;
  }
}

TEST_F(FilesTest, FilesPackedByZstdAreCheckedByTheEngine) {
  const auto pack = [this](const std::string& lines) {  // rows of one column whose text holds commas
    ASSERT_TRUE(engine_
                    ->Execute("copy (select unnest(string_split(" + QuoteString(lines) + ", '/')) as l) to " +
                              QuoteString(Path("d.csv.zst")) +
                              " (format csv, header false, quote '', escape '', delimiter '\x1f', compression zstd)")
                    .ok());
  };
  const FileSource source{.pattern = Path("d.csv.zst"), .format = "", .delimiter = "", .declared = {}};
  pack("a,b/1,2/3,4");
  EXPECT_EQ(Load(source), "a:int b:int | 1,2; 3,4");
  pack("a,b/1,2/3/4,5");
  EXPECT_EQ(Load(source), "error: d.csv.zst:3: expected 2 fields as in the header, found 1");
  EXPECT_EQ(status_.code(), ErrorCode::kData);
  pack("a,b/1,2/3,\"4/5,6");
  EXPECT_EQ(Load(source), "error: d.csv.zst:3: a quoted field does not end, or text follows its closing quote");
  pack("a,b");
  EXPECT_EQ(Load(source), "error: d.csv.zst: no rows");
}

TEST_F(FilesTest, MissingFilesNameTheNearestOne) {
  Write("customers.csv", "a\n1\n");
  EXPECT_EQ(Load({.pattern = Path("custmers.csv"), .format = "", .delimiter = "", .declared = {}}),
            "error: file custmers.csv not found");
  EXPECT_EQ(help(), "did you mean customers.csv?");
  EXPECT_EQ(status_.code(), ErrorCode::kInvalid);
  EXPECT_EQ(Load({.pattern = Path("x*.csv"), .format = "", .delimiter = "", .declared = {}}),
            "error: no file matches x*.csv");
  EXPECT_EQ(status_.code(), ErrorCode::kInvalid);
  EXPECT_THAT(Load({.pattern = Path("no/such.csv"), .format = "", .delimiter = "", .declared = {}}),
              HasSubstr("there is no folder"));
  EXPECT_EQ(Load({.pattern = Write("d.xyz", "a\n"), .format = "", .delimiter = "", .declared = {}}),
            "error: the name `d.xyz` does not tell the file's format");
}

TEST_F(FilesTest, FiveThousandColumnsAreNoProblem) {
  std::string text;
  for (int row = 0; row < 20; ++row) {
    for (int c = 0; c < 5000; ++c) {
      if (c > 0) text += ',';
      text += row == 0 ? StrCat("column_", c) : c % 3 == 0 ? StrCat(row) : c % 3 == 1 ? StrCat(row, ".5") : "x";
    }
    text += '\n';
  }
  ASSERT_THAT(LoadCsv(text), HasSubstr("column_4999:double | 1,1.5,x,1,"));
}

TEST_F(FilesTest, TheSchemaOfAFileIsWhatLoadingItGives) {
  const Result<Schema> schema =
      FileSchema({.pattern = Write("d.csv", "a,b\n1,x\n"), .format = "", .delimiter = "", .declared = {}});
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ(*schema, Schema({{"a", Type::kInt}, {"b", Type::kText}}));
}

}  // namespace
}  // namespace headrace

#include "headrace/table/table.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <limits>
#include <new>
#include <tuple>

#include "nanoarrow/nanoarrow.h"

namespace headrace {
namespace {

Table Sample() {
  ColumnBuilder id(Type::kInt), spend(Type::kDouble), name(Type::kText), since(Type::kDate), seen(Type::kTimestamp), member(Type::kBool);
  const std::int64_t big = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < 5; ++i) {
    id.AppendInt(i == 0 ? big : i);
    if (i == 2) spend.AppendNull(); else spend.AppendDouble(i == 1 ? std::nan("") : i * 0.1);
    if (i == 3) name.AppendNull(); else name.AppendText(i == 4 ? "" : "näme" + std::to_string(i));
    since.AppendInt(-1 + i * 10000);
    if (i == 0) seen.AppendNull(); else seen.AppendInt(-1234567 * i);
    member.AppendInt(i % 2);
  }
  return Table(Schema({{"id", Type::kInt}, {"spend", Type::kDouble}, {"name", Type::kText}, {"since", Type::kDate},
                       {"seen", Type::kTimestamp}, {"member", Type::kBool}}),
               {id.Finish(), spend.Finish(), name.Finish(), since.Finish(), seen.Finish(), member.Finish()}, 5);
}

std::string Cells(const Table& table) {
  std::string out;
  for (std::size_t r = 0; r < table.num_rows(); ++r)
    for (std::size_t c = 0; c < table.num_columns(); ++c) out += table.column(c).At(r).ToString() + "|";
  return out;
}

TEST(Table, SurvivesTheArrowInterfaceInBlocksOfAnySize) {
  for (const std::size_t block : {1u, 2u, 5u, 100u}) {
    ArrowArrayStream stream;
    ExportStream(StreamOf(Sample(), block), &stream);
    auto import = ImportStream(&stream);
    ASSERT_TRUE(import.ok()) << import.status();
    auto back = ReadAll(**import);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(back->schema(), Sample().schema());
    EXPECT_EQ(Cells(*back), Cells(Sample()));
  }
}

TEST(Table, SmallArraysAreGatheredIntoBlocksWorthTheirOverhead) {
  ColumnBuilder number(Type::kInt), text(Type::kText);
  constexpr std::size_t kRows = 200'000;
  for (std::size_t i = 0; i < kRows; ++i) {
    number.AppendInt(static_cast<std::int64_t>(i));
    if (i == 150'000 || i == 7) text.AppendNull();
    else text.AppendText("t" + std::to_string(i % 1000));
  }
  const Table table(Schema({{"number", Type::kInt}, {"text", Type::kText}}), {number.Finish(), text.Finish()}, kRows);
  ArrowArrayStream stream;
  ExportStream(StreamOf(table, 2048), &stream);
  const auto import = ImportStream(&stream);
  ASSERT_TRUE(import.ok()) << import.status();
  std::vector<Table> blocks;
  while (true) {
    const auto block = (*import)->Next();
    ASSERT_TRUE(block.ok()) << block.status();
    if (!block->has_value()) break;
    blocks.push_back(**block);
  }
  ASSERT_EQ(blocks.size(), 4u);
  EXPECT_EQ(blocks[0].num_rows(), 65536u);
  EXPECT_FALSE((*import)->Next()->has_value());
  EXPECT_EQ(Cells(Concat(blocks)), Cells(table));
}

/// Rows for which there is no memory.
class TooLarge final : public TableStream {
 public:
  const Schema& schema() const override { return schema_; }
  Result<std::optional<Table>> Next() override { throw std::bad_alloc(); }

 private:
  const Schema schema_{std::vector<Field>{{"id", Type::kInt}}};
};

TEST(Table, NoExceptionLeavesAFunctionThatCCalls) {
  ArrowArrayStream stream;
  ExportStream(std::make_unique<TooLarge>(), &stream);
  ArrowArray block;
  EXPECT_EQ(stream.get_next(&stream, &block), ENOMEM);
  EXPECT_STREQ(stream.get_last_error(&stream), "out of memory while handing rows over");
  EXPECT_EQ(block.release, nullptr);
  stream.release(&stream);
}

/// An array as a stranger may send it: rows cut off in front, numbers of 32 bits, and bytes that lie under a null.
ArrowArrayStream Strange() {
  ArrowSchema schema;
  ArrowSchemaInit(&schema);
  EXPECT_EQ(ArrowSchemaSetTypeStruct(&schema, 3), NANOARROW_OK);
  for (const auto& [at, name, type] : {std::tuple(0, "n", NANOARROW_TYPE_INT32), std::tuple(1, "t", NANOARROW_TYPE_STRING), std::tuple(2, "x", NANOARROW_TYPE_DOUBLE)}) {
    EXPECT_EQ(ArrowSchemaSetType(schema.children[at], type), NANOARROW_OK);
    EXPECT_EQ(ArrowSchemaSetName(schema.children[at], name), NANOARROW_OK);
  }
  ArrowArray array;
  EXPECT_EQ(ArrowArrayInitFromSchema(&array, &schema, nullptr), NANOARROW_OK);
  EXPECT_EQ(ArrowArrayStartAppending(&array), NANOARROW_OK);
  for (int i = 0; i < 5; ++i) {
    if (i == 4)
      for (int c = 0; c < 3; ++c) EXPECT_EQ(ArrowArrayAppendNull(array.children[c], 1), NANOARROW_OK);
    else {
      EXPECT_EQ(ArrowArrayAppendInt(array.children[0], -i), NANOARROW_OK);
      EXPECT_EQ(ArrowArrayAppendString(array.children[1], ArrowCharView(i == 2 ? "hidden" : i == 3 ? "later" : "first")), NANOARROW_OK);
      EXPECT_EQ(ArrowArrayAppendDouble(array.children[2], i / 2.0), NANOARROW_OK);
    }
    EXPECT_EQ(ArrowArrayFinishElement(&array), NANOARROW_OK);
  }
  EXPECT_EQ(ArrowArrayFinishBuildingDefault(&array, nullptr), NANOARROW_OK);
  for (int c = 0; c < 3; ++c) {
    ArrowBitClear(ArrowArrayValidityBitmap(array.children[c])->buffer.data, 2);
    array.children[c]->null_count = -1;
  }
  array.offset = 1;
  array.length = 4;
  ArrowArrayStream stream;
  EXPECT_EQ(ArrowBasicArrayStreamInit(&stream, &schema, 1), NANOARROW_OK);
  ArrowBasicArrayStreamSetArray(&stream, 0, &array);
  return stream;
}

TEST(Table, TakesSlicedArraysAndWhatLiesUnderANullNever) {
  ArrowArrayStream stream = Strange();
  const auto import = ImportStream(&stream);
  ASSERT_TRUE(import.ok()) << import.status();
  const auto table = ReadAll(**import);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(Cells(*table), "-1|first|0.5|null|null|null|-3|later|1.5|null|null|null|");
  EXPECT_EQ(table->column(0).ints()[1], 0);
  EXPECT_EQ(table->column(1).bytes(), "firstlater");
  EXPECT_EQ(table->column(2).doubles()[1], 0);
}

/// A stream of one column, of three rows; `edit` spoils its array.
Result<Table> ReadSpoilt(ArrowType type, void (*append)(ArrowArray*), void (*edit)(ArrowArray*)) {
  ArrowSchema schema;
  ArrowSchemaInit(&schema);
  EXPECT_EQ(ArrowSchemaSetTypeStruct(&schema, 1), NANOARROW_OK);
  EXPECT_EQ(ArrowSchemaSetType(schema.children[0], type), NANOARROW_OK);
  EXPECT_EQ(ArrowSchemaSetName(schema.children[0], "x"), NANOARROW_OK);
  ArrowArray array;
  EXPECT_EQ(ArrowArrayInitFromSchema(&array, &schema, nullptr), NANOARROW_OK);
  EXPECT_EQ(ArrowArrayStartAppending(&array), NANOARROW_OK);
  for (int i = 0; i < 3; ++i) {
    append(array.children[0]);
    EXPECT_EQ(ArrowArrayFinishElement(&array), NANOARROW_OK);
  }
  EXPECT_EQ(ArrowArrayFinishBuildingDefault(&array, nullptr), NANOARROW_OK);
  edit(array.children[0]);
  ArrowArrayStream stream;
  EXPECT_EQ(ArrowBasicArrayStreamInit(&stream, &schema, 1), NANOARROW_OK);
  ArrowBasicArrayStreamSetArray(&stream, 0, &array);
  ASSIGN_OR_RETURN(const auto import, ImportStream(&stream));
  return ReadAll(*import);
}

void AppendLongText(ArrowArray* array) { EXPECT_EQ(ArrowArrayAppendString(array, ArrowCharView("longer than twelve bytes")), NANOARROW_OK); }

ArrowBinaryView* Views(ArrowArray* array) { return reinterpret_cast<ArrowBinaryView*>(ArrowArrayBuffer(array, 1)->data); }

void ExpectRefused(const Result<Table>& table, std::string_view says) {
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.status().code(), ErrorCode::kData);
  EXPECT_NE(table.status().message().find(says), std::string::npos) << table.status();
}

// Only the first and the last offset were looked at: one in the middle that lies beyond, or goes back, had bytes read that are not the array's.
TEST(Table, RefusesTextsWhoseOffsetsDoNotRise) {
  const auto edit = [](ArrowArray* array) { reinterpret_cast<std::int32_t*>(ArrowArrayBuffer(array, 1)->data)[1] = 1'000'000; };
  ExpectRefused(ReadSpoilt(NANOARROW_TYPE_STRING, &AppendLongText, edit), "is not valid Arrow data");
}

TEST(Table, RefusesAViewOfATextThatIsNotThere) {
  const auto good = ReadSpoilt(NANOARROW_TYPE_STRING_VIEW, &AppendLongText, [](ArrowArray*) {});
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->column(0).text(2), "longer than twelve bytes");
  ExpectRefused(ReadSpoilt(NANOARROW_TYPE_STRING_VIEW, &AppendLongText, [](ArrowArray* array) { Views(array)[1].ref.offset = 1'000'000; }), "outside its buffers");
  ExpectRefused(ReadSpoilt(NANOARROW_TYPE_STRING_VIEW, &AppendLongText, [](ArrowArray* array) { Views(array)[1].ref.buffer_index = 7; }), "outside its buffers");
  ExpectRefused(ReadSpoilt(NANOARROW_TYPE_STRING_VIEW, &AppendLongText, [](ArrowArray* array) { Views(array)[1].inlined.size = -1; }), "outside its buffers");
}

TEST(Table, RefusesADateBeyondThoseThatArrowCanTakeBack) {
  const auto append = [](ArrowArray* array) { EXPECT_EQ(ArrowArrayAppendInt(array, std::int64_t{86'400'000} * 3'000'000'000), NANOARROW_OK); };
  ExpectRefused(ReadSpoilt(NANOARROW_TYPE_DATE64, append, [](ArrowArray*) {}), "which does not fit date");
}

TEST(Table, TakeMaySelectARowTwiceAndKeepsNulls) {
  const std::vector<std::size_t> rows = {3, 2, 3};
  const Table taken = Sample().Take(rows);
  EXPECT_TRUE(taken.Find("name")->IsNull(0));
  EXPECT_TRUE(taken.Find("spend")->IsNull(1));
  EXPECT_EQ(taken.Find("id")->ints()[2], 3);
}

TEST(Table, SelectNamesTheMissingColumnAndTheNearOne) {
  const std::vector<std::string> names = {"id", "spent"};
  const auto selected = Sample().Select(names);
  ASSERT_FALSE(selected.ok());
  EXPECT_EQ(selected.status().ToString(), "there is no column `spent`\nhelp: did you mean `spend`?");
}

TEST(Table, AnEmptyStreamStillHasItsColumns) {
  auto stream = StreamOf(Sample().Slice(0, 0));
  const auto table = ReadAll(*stream);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->num_rows(), 0u);
  EXPECT_EQ(table->num_columns(), 6u);
}

TEST(Value, DatesAndTimestampsReadBackAsWritten) {
  for (const char* text : {"1970-01-01", "1969-12-31", "2000-02-29", "1600-03-01", "9999-12-31", "0001-01-01"}) {
    const auto days = ParseDate(text);
    ASSERT_TRUE(days.ok()) << days.status();
    EXPECT_EQ(FormatDate(*days), text);
  }
  for (const char* text : {"1969-12-31 23:59:59.999999", "2026-11-22 06:00:00", "2026-11-22 06:00:00.5"})
    EXPECT_EQ(FormatTimestamp(*ParseTimestamp(text)), text);
  EXPECT_EQ(FormatTimestamp(*ParseTimestamp("2026-11-22T06:00:00+01:30")), "2026-11-22 04:30:00");
  for (const char* text : {"2026-02-29", "2026-13-01", "26-01-01", "2026-01-01x", "2026-1-1", ""}) EXPECT_FALSE(ParseDate(text).ok()) << text;
}

TEST(Value, EveryDayOfFourCenturiesIsItsOwnInverse) {
  for (std::int64_t day = -146097; day < 146097; ++day) {
    const Civil c = CivilFromDays(day);
    ASSERT_EQ(DaysFromCivil(c.year, c.month, c.day), day);
  }
}

TEST(Value, DurationsAreSumsOfUnits) {
  EXPECT_EQ(*ParseDuration("1d12h"), kMicrosPerDay * 3 / 2);
  EXPECT_EQ(FormatDuration(*ParseDuration("26w")), "26w");
  EXPECT_EQ(FormatDuration(*ParseDuration("10d")), "10d");
  EXPECT_EQ(FormatDuration(*ParseDuration("90m")), "1h30m");
  EXPECT_EQ(FormatDuration(-*ParseDuration("2s")), "-2s");
  for (const char* text : {"", "7", "d", "7x", "-", "99999999999999w", "1.5h"}) EXPECT_FALSE(ParseDuration(text).ok()) << text;
}

}  // namespace
}  // namespace headrace

// Events that do not fit into the memory given: the same rows, bit for bit, and nothing left on disk.
#include <bit>
#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "headrace/aggregate/aggregate.h"
#include "headrace/base/files.h"
#include "headrace/base/folder_for_tests.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

constexpr std::int64_t kDay = kMicrosPerDay;

class SpillTest : public testing::TestWithParam<Type> {
 protected:
  void AppendEntity(std::uint64_t id, ColumnBuilder& to) const {
    if (GetParam() == Type::kText) to.AppendText(StrCat("customer ", id * 7919));
    else to.AppendInt(static_cast<std::int64_t>(id));
  }

  Table Events(std::size_t count) const {
    std::mt19937_64 random(1);
    ColumnBuilder customer(GetParam()), at(Type::kTimestamp), amount(Type::kDouble), kind(Type::kText);
    for (std::size_t i = 0; i < count; ++i) {
      AppendEntity(random() % 45, customer);
      at.AppendInt(static_cast<std::int64_t>(random() % 1000) * kDay / 2);
      if (random() % 10 == 0) amount.AppendNull();
      else amount.AppendDouble(std::ldexp(static_cast<double>(random() % 1000) / 7, static_cast<int>(random() % 40) - 20));
      kind.AppendText(StrCat("k", random() % 5));
    }
    return Table(Schema({{"customer", GetParam()}, {"at", Type::kTimestamp}, {"amount", Type::kDouble}, {"kind", Type::kText}}), {customer.Finish(), at.Finish(), amount.Finish(), kind.Finish()}, count);
  }

  /// 900 dates, which meet every entity, or 40 entities at each of them, in any order: more rows than a block, and more of an entity than are written at once.
  Table Dates(bool with_entities) const {
    std::vector<std::pair<std::uint64_t, std::int64_t>> rows;
    for (std::uint64_t c = 0; c < (with_entities ? 40 : 1); ++c)
      for (std::int64_t d = 0; d < 900; ++d) rows.emplace_back(c, d * kDay / 2 + 1);
    std::shuffle(rows.begin(), rows.end(), std::mt19937_64(2));
    ColumnBuilder customer(GetParam()), as_of(Type::kTimestamp);
    for (const auto& [c, d] : rows) AppendEntity(c, customer), as_of.AppendInt(d);
    if (!with_entities) return Table(Schema({{"as_of", Type::kTimestamp}}), {as_of.Finish()}, rows.size());
    return Table(Schema({{"customer", GetParam()}, {"as_of", Type::kTimestamp}}), {customer.Finish(), as_of.Finish()}, rows.size());
  }

  Result<Table> Made(const Table& events, const Table& dates, int threads, std::int64_t memory_bytes) {
    AggregateSpec spec;
    spec.entity = "customer";
    spec.time = "at";
    spec.windows = {{"7d", 7 * kDay}, {}};
    for (const auto& [name, of] : {std::pair("n", "count"), {"kinds", "count(distinct kind)"}, {"sum", "sum(amount)"}, {"high", "max(amount)"}, {"recency", "recency"}})
      spec.features.push_back({name, of, "", {}, std::nullopt});
    spec.features.push_back({"ratio", "sum_7d / nullif(sum, 0)", "", {}, std::nullopt});
    spec.labels = {{"later", "sum(amount)", "", {}, {}}};
    spec.within_us = 5 * kDay;
    ASSIGN_OR_RETURN(const AggregatePlan plan, AggregatePlan::Make(spec, events.schema(), &dates.schema()));
    const auto stream = StreamOf(events, 1000);
    counts_ = {};
    ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, Aggregate(plan, *stream, dates, {threads, {}, memory_bytes, folder_.Path("events")}, counts_));
    EXPECT_EQ(ListDirectory(folder_.path()), std::vector<std::string>());
    return ReadAll(*rows);
  }

  static std::string Bits(const Table& table) {
    std::string out;
    for (std::size_t c = 0; c < table.num_columns(); ++c)
      for (std::size_t r = 0; r < table.num_rows(); ++r)
        if (table.column(c).IsNull(r)) out += " -";
        else if (table.column(c).type() == Type::kDouble) out += StrCat(" ", std::bit_cast<std::int64_t>(table.column(c).doubles()[r]));
        else out += StrCat(" ", table.column(c).At(r).ToString());
    return out;
  }

  const FolderForTests folder_;
  AggregateCounts counts_;
};
INSTANTIATE_TEST_SUITE_P(Entities, SpillTest, testing::Values(Type::kInt, Type::kText), [](const auto& one) { return one.param == Type::kInt ? "Ints" : "Texts"; });

TEST_P(SpillTest, TheSameBitsAsInMemory) {
  const Table events = Events(8000);
  for (const bool with_entities : {true, false}) {
    const Table dates = Dates(with_entities);
    const Result<Table> in_memory = Made(events, dates, 1, 0);
    ASSERT_TRUE(in_memory.ok()) << in_memory.status();
    EXPECT_GT(in_memory->num_rows(), 31'000u);
    EXPECT_EQ(counts_.spilled_bytes, 0);
    const AggregateCounts known = counts_;
    const std::string bits = Bits(*in_memory);
    for (const auto& [threads, memory] : {std::pair(1, 1), {2, 1}, {3, 150'000}, {2, 100'000}}) {
      const Result<Table> spilled = Made(events, dates, threads, memory);
      ASSERT_TRUE(spilled.ok()) << spilled.status();
      EXPECT_TRUE(Bits(*spilled) == bits) << threads << " threads, " << memory << " bytes";
      EXPECT_GT(counts_.spilled_bytes, 0);
      EXPECT_EQ(counts_.entities, known.entities);
      EXPECT_EQ(counts_.of_others, known.of_others);
      EXPECT_EQ(counts_.labels_open, known.labels_open);
    }
    ASSERT_TRUE(Made(events, dates, 2, 100'000'000).ok());
    EXPECT_EQ(counts_.spilled_bytes, 0) << "what fits stays in memory";
  }
}

TEST_P(SpillTest, ADiskThatTakesNothingIsAnErrorThatSaysSo) {
  const Table events = Events(3000), dates = Dates(true);
  std::filesystem::remove(folder_.path());
  const Result<Table> table = Made(events, dates, 2, 1);
  EXPECT_EQ(table.status().code(), ErrorCode::kBusy);
  EXPECT_NE(table.status().message().find("temporary file"), std::string::npos) << table.status();
}

}  // namespace
}  // namespace headrace

#include "headrace/check/drift.h"

#include <gtest/gtest.h>

#include <cmath>

#include "headrace/check/drift_verdict.h"
#include "headrace/check/test_world.h"

namespace headrace {
namespace {

using Counts = std::vector<std::int64_t>;

std::vector<ColumnDrift> Compare(const Table& before, const Table& now, std::size_t block_rows = 65536) {
  Result<std::vector<DriftReference>> reference = ReferenceOf([&] { return Result<std::unique_ptr<TableStream>>(StreamOf(before)); }, {}, {});
  EXPECT_TRUE(reference.ok()) << reference.status();
  Result<std::vector<ColumnDrift>> drift = DriftOf(*std::move(reference), *StreamOf(now, block_rows));
  EXPECT_TRUE(drift.ok()) << drift.status();
  return *std::move(drift);
}

/// The calculation of docs/drift.md.
TEST(DriftTest, TheCalculationByHandOfTheDocs) {
  const DriftMeasures m = MeasureDrift(Counts{50, 30, 20}, Counts{20, 30, 50}, true);
  EXPECT_NEAR(*m.psi, 0.6 * std::log(2.5), 1e-15);
  EXPECT_NEAR(*m.psi, 0.549774, 5e-7);
  EXPECT_NEAR(*m.l_inf, 0.3, 1e-15);
  EXPECT_NEAR(*m.ks, 0.3, 1e-15);
  EXPECT_NEAR(*m.js, 0.5 * std::log2(0.5 / 0.35) + 0.2 * std::log2(0.2 / 0.35), 1e-15);
  EXPECT_NEAR(*m.chi2, 4 * 225.0 / 35, 1e-12);
  EXPECT_EQ(*m.degrees, 2);
  EXPECT_NEAR(*m.chi2_p, std::exp(-4 * 225.0 / 35 / 2), 1e-15);
}

TEST(DriftTest, EmptyBinsCountAsHalfARowAndOnBothSidesNotAtAll) {
  const DriftMeasures m = MeasureDrift(Counts{10, 0, 0}, Counts{5, 5, 0}, false);
  EXPECT_NEAR(*m.psi, (0.5 - 1) * std::log(0.5) + (0.5 - 0.05) * std::log(0.5 / 0.05), 1e-15);
  EXPECT_EQ(*m.degrees, 1);
  EXPECT_FALSE(m.ks);
}

TEST(DriftTest, EqualCountsHaveNotMoved) {
  const DriftMeasures m = MeasureDrift(Counts{10, 20, 30}, Counts{1, 2, 3}, true);
  EXPECT_NEAR(*m.psi, 0, 1e-15);
  EXPECT_NEAR(*m.chi2_p, 1, 1e-12);
  const DriftMeasures constant = MeasureDrift(Counts{10, 0}, Counts{5, 0}, true);
  EXPECT_EQ(*constant.psi, 0);
  EXPECT_FALSE(constant.chi2);
  EXPECT_FALSE(MeasureDrift(Counts{10, 0}, Counts{0, 0}, true).psi);
}

TEST(DriftTest, TheTailOfChiSquare) {
  EXPECT_NEAR(ChiSquareTail(3.841458820694124, 1), 0.05, 1e-14);
  EXPECT_NEAR(ChiSquareTail(18.307038053275146, 10), 0.05, 1e-14);
  EXPECT_NEAR(ChiSquareTail(124.34211340400408, 101), 0.057, 0.001);
  EXPECT_EQ(ChiSquareTail(0, 3), 1);
  EXPECT_EQ(ChiSquareTail(1e6, 3), 0);
}

TEST(DriftTest, NumbersAreCountedBetweenTheDecilesOfTheReference) {
  std::vector<std::string> before, now;
  for (int i = 1; i <= 100; ++i) before.push_back(StrCat(i)), now.push_back(i <= 10 ? "null" : StrCat(i + 50));
  for (const std::size_t block : {7u, 65536u}) {
    const ColumnDrift c = Compare(Column1("x", Type::kInt, before), Column1("x", Type::kInt, now), block).at(0);
    EXPECT_EQ(c.reference.counts, Counts(10, 10));
    EXPECT_EQ(c.counts, (Counts{0, 0, 0, 0, 0, 0, 10, 10, 10, 60}));
    EXPECT_EQ(c.reference.BinName(0), "(-inf, 10.9]");
    EXPECT_EQ(c.MissingNow(), 0.1);
    EXPECT_EQ(c.MissingBefore(), 0);
  }
}

TEST(DriftTest, LevelsHaveBinsAndWhatIsNewGoesToTheRest) {
  const ColumnDrift c = Compare(Column1("t", Type::kText, {"de", "de", "fr", "null"}), Column1("t", Type::kText, {"de", "xx", "yy", "fr"})).at(0);
  EXPECT_EQ(c.reference.levels, (std::vector<std::string>{"de", "fr"}));
  EXPECT_EQ(c.reference.counts, (Counts{2, 1, 0}));
  EXPECT_EQ(c.counts, (Counts{1, 1, 2}));
  EXPECT_EQ(c.reference.BinName(2), "all others");
}

TEST(DriftTest, TextThatHardlyRepeatsIsMeasuredByItsLength) {
  std::vector<std::string> before, now;
  for (int i = 0; i < 400; ++i) before.push_back(StrCat("note ", i)), now.push_back(StrCat("a much longer note ", i));
  const auto columns = Compare(Column1("t", Type::kText, before), Column1("t", Type::kText, now));
  ASSERT_EQ(columns.size(), 2u);
  EXPECT_EQ(columns[1].Name(), "length of t");
  EXPECT_EQ(*columns[1].measures.l_inf, 1);
}

TEST(DriftTest, ColumnsThatCannotBeComparedSayWhy) {
  const Table before = Column1("x", Type::kInt, {"1", "2"});
  EXPECT_EQ(Compare(before, Column1("y", Type::kInt, {"1"})).at(0).problem, "the new rows have no such column");
  EXPECT_EQ(Compare(before, Column1("x", Type::kText, {"1"})).at(0).problem, "it was int and is text now");
  EXPECT_EQ(Compare(before, Column1("x", Type::kInt, {"null"})).at(0).problem, "the new rows have no value");
  EXPECT_EQ(Compare(Column1("x", Type::kInt, {"null"}), before).at(0).problem, "the reference has no values to compare with");
  EXPECT_TRUE(Compare(before, Column1("x", Type::kDouble, {"1.5"})).at(0).problem.empty());
}

TEST(DriftTest, AVerdictNamesColumnMeasureAndLimitAndNoValue) {
  CheckSpec check = Spec(Kind::kDrift);
  check.drift.psi = 0.2;
  const auto columns = Compare(Column1("t", Type::kText, {"canary", "canary", "b"}), Column1("t", Type::kText, {"b", "b", "c"}));
  const CheckVerdict verdict = JudgeDrift(check, columns, "run 1");
  EXPECT_FALSE(verdict.passed);
  EXPECT_TRUE(verdict.message.starts_with("column `t`: PSI ")) << verdict.message;
  EXPECT_NE(verdict.message.find("is above 0.2, against run 1"), std::string::npos) << verdict.message;
  EXPECT_EQ(Everything(verdict).find("canary"), std::string::npos);
  check.drift.psi = 100;
  EXPECT_TRUE(JudgeDrift(check, columns, "run 1").passed);
  check.drift.missing = 0.1;
  const auto nulls = Compare(Column1("t", Type::kText, {"a", "b"}), Column1("t", Type::kText, {"a", "null"}));
  EXPECT_NE(JudgeDrift(check, nulls, "run 1").message.find("0.00 % to 50.00 %"), std::string::npos);
}

TEST(DriftTest, AVerdictShowsBinsButNoLevelThatFewRowsHave) {
  std::vector<std::string> before, now;
  for (int i = 0; i < 100; ++i) before.push_back(i < 60 ? "de" : i < 95 ? "fr" : "rare");
  for (int i = 0; i < 200; ++i) now.push_back(i < 60 ? "de" : i < 195 ? "fr" : "new");
  CheckSpec check = Spec(Kind::kDrift);
  check.drift.psi = 100;
  const CheckVerdict verdict = JudgeDrift(check, Compare(Column1("t", Type::kText, before), Column1("t", Type::kText, now)), "run 1");
  EXPECT_TRUE(verdict.passed) << "shown whether it passed or not";
  ASSERT_EQ(verdict.drift.size(), 1u);
  std::string shown;
  for (const DriftBins::Bin& bin : verdict.drift[0].bins) shown += StrCat(bin.name, " ", bin.before, " ", bin.now, "|");
  EXPECT_EQ(shown, "fr 0.35 0.675|de 0.6 0.3|all others 0.05 0.025|");
  EXPECT_EQ(verdict.drift[0].psi, *verdict.value);
}

TEST(DriftTest, ANamedColumnThatIsGoneFailsTheCheck) {
  CheckSpec check = Spec(Kind::kDrift, {"x"});
  check.drift.psi = 0.2;
  const auto columns = Compare(Column1("x", Type::kInt, {"1", "2"}), Column1("y", Type::kInt, {"1"}));
  EXPECT_NE(JudgeDrift(check, columns, "run 1").message.find("cannot be compared"), std::string::npos);
  check.columns.clear();
  EXPECT_TRUE(JudgeDrift(check, columns, "run 1").passed);
}

}  // namespace
}  // namespace headrace

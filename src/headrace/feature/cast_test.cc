// Columns of another type or another name from an entry on, and columns by tag.
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/feature/transform.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Table Rows() {
  ColumnBuilder amount(Type::kText), zip(Type::kInt), day(Type::kText), fee(Type::kDouble);
  const char* amounts[] = {"1.5", "2.5", "oops", "4"};
  const std::int64_t zips[] = {8001, 8002, 8001, 8002};
  for (std::size_t i = 0; i < 4; ++i) {
    amount.AppendText(amounts[i]);
    zip.AppendInt(zips[i]);
    day.AppendText(i < 3 ? "2026-02-10" : "2026-03-10");
    fee.AppendDouble(static_cast<double>(i));
  }
  return Table(Schema({{"amount", Type::kText}, {"zip", Type::kInt}, {"day", Type::kText}, {"fee", Type::kDouble}}), {amount.Finish(), zip.Finish(), day.Finish(), fee.Finish()}, 4);
}

TransformSpec Cast(std::string column, Type type) {
  TransformSpec spec;
  spec.cast = {{std::move(column), type}};
  return spec;
}
TransformSpec Rename(std::string column, std::string to) {
  TransformSpec spec;
  spec.rename = {{std::move(column), std::move(to)}};
  return spec;
}
TransformSpec Derive(std::string name, std::string text) {
  TransformSpec spec;
  spec.derive = {{std::move(name), std::move(text)}};
  return spec;
}
TransformSpec Group(std::vector<std::string> columns, std::vector<TransformStep> steps) {
  TransformSpec spec;
  spec.columns = std::move(columns);
  spec.steps = std::move(steps);
  return spec;
}
Result<FitOutput> Fit(const std::vector<TransformSpec>& specs) {
  FitContext context;
  context.compress = false;
  context.target = {0, 1, 0, 1};
  context.exclude = {"key"};
  return FitTransform(Rows(), specs, context);
}

TEST(CastTest, AColumnIsOfTheNewTypeInItsPlace) {
  DateStep month;
  month.parts = {DatePart::kMonth};
  const auto fit = Fit({Cast("amount", Type::kDouble), Cast("zip", Type::kText), Cast("day", Type::kDate), Group({"day"}, {month}), Derive("twice", "amount * 2")});
  ASSERT_TRUE(fit.ok()) << fit.status();
  const FittedTransform& transform = fit->transform;
  EXPECT_THAT(transform.output_names(), ElementsAre("day.month", "amount", "zip=8001", "zip=8002", "fee", "twice"));
  EXPECT_EQ(transform.input_schema(), Rows().schema()) << "rows come in as they came to training";
  EXPECT_THAT(std::vector<double>(fit->matrix.values().begin(), fit->matrix.values().begin() + 6), ElementsAre(2, 1.5, 1, 0, 0, 3));
  EXPECT_TRUE(std::isnan(fit->matrix.values()[2 * 6 + 1])) << "oops is no number";
  EXPECT_THAT(fit->notes, testing::Contains("cast `amount`: 1 rows could not be computed and are null"));
}

TEST(CastTest, OneRowAndATableAndAModelReadBackGiveTheSameBits) {
  const auto fit = Fit({Derive("raw", "length(amount)"), Cast("amount", Type::kDouble), Cast("zip", Type::kText), Rename("fee", "fees"), Cast("fees", Type::kInt)});
  ASSERT_FALSE(fit.ok()) << "what an entry made is cast where it is made";
  EXPECT_THAT(fit.status().message(), HasSubstr("column `fees`: is cast, and an entry before made or cast it"));
  const auto good = Fit({Derive("raw", "length(amount)"), Cast("amount", Type::kDouble), Cast("zip", Type::kText), Rename("fee", "fees")});
  ASSERT_TRUE(good.ok()) << good.status();
  const Result<FittedTransform> read = FittedTransform::FromJson(good->transform.ToJson());
  ASSERT_TRUE(read.ok()) << read.status();
  const std::size_t width = read->output_names().size();
  std::vector<double> whole(4 * width), one(width);
  ApplyCounts counts;
  ASSERT_TRUE(read->Apply(Rows(), whole, &counts).ok());
  EXPECT_THAT(counts.derive_errors, ElementsAre(Pair("amount", 1)));
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(read->Apply(Rows().Slice(i, 1), one, nullptr).ok());
    for (std::size_t k = 0; k < width; ++k) {
      const double x = whole[i * width + k];
      EXPECT_TRUE(one[k] == x || (std::isnan(one[k]) && std::isnan(x))) << i << ", " << k;
      const double fitted = good->matrix.values()[i * width + k];
      EXPECT_TRUE(fitted == x || (std::isnan(fitted) && std::isnan(x))) << i << ", " << k;
    }
  }
  EXPECT_EQ(whole[0], 1.5);
}

TEST(CastTest, ADamagedModelCannotPutAnythingElseInTheNameOfAnInput) {
  const auto fit = Fit({Cast("amount", Type::kDouble)});
  ASSERT_TRUE(fit.ok()) << fit.status();
  const std::string json = fit->transform.ToJson(), cast = R"(cast(\"amount\" as double))";
  const std::size_t at = json.find(cast);
  ASSERT_NE(at, std::string::npos) << json;
  for (const char* other : {R"(cast(\"day\" as double))", R"(fee * 2)", R"(upper(\"amount\"))"}) {
    std::string damaged = json;
    damaged.replace(at, cast.size(), other);
    EXPECT_FALSE(FittedTransform::FromJson(damaged).ok()) << other;
  }
}

TEST(CastTest, AColumnThatIsOfTheTypeAlreadyStaysAsItIs) {
  const auto plain = Fit({}), cast = Fit({Cast("fee", Type::kDouble)});
  ASSERT_TRUE(plain.ok() && cast.ok());
  EXPECT_EQ(plain->transform.ToJson(), cast->transform.ToJson());
}

TEST(RenameTest, TheNewNameStandsInLaterEntriesAndFeaturesAndRowsComeWithTheOldOne) {
  const auto fit = Fit({Rename("fee", "the \"fee\""), Group({"the \"fee\""}, {Log1pStep{}}), Group({"zip"}, {})});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->transform.output_names(), ElementsAre("the \"fee\"", "zip", "amount=1.5", "amount=2.5", "amount=4", "amount=oops", "day=2026-02-10", "day=2026-03-10"));
  EXPECT_THAT(fit->transform.input_schema().Names(), ElementsAre("amount", "zip", "day", "fee"));
  EXPECT_TRUE(FittedTransform::FromJson(fit->transform.ToJson()).ok());
}

TEST(RenameTest, WhatCannotBeIsRefused) {
  EXPECT_THAT(Fit({Rename("fee", "zip")}).status().message(), HasSubstr("rename `fee`: the table has a column `zip` already"));
  EXPECT_THAT(Fit({Rename("fees", "x")}).status().help(), HasSubstr("did you mean `fee`?"));
  EXPECT_THAT(Fit({Rename("fee", "x"), Group({"fee"}, {})}).status().message(), HasSubstr("column `fee`: is named by two transforms"));
  EXPECT_THAT(Fit({Group({"fee"}, {}), Cast("fee", Type::kText)}).status().help(), HasSubstr("in front of the transform that takes the column"));
  EXPECT_THAT(Fit({Cast("fee", Type::kDate)}).status().message(), HasSubstr("cast `fee`"));
}

TEST(TagTest, ColumnsOfATagAreThoseThatTheTableHasAndNoEntryTook) {
  TransformSpec tagged = Group({"fee", "zip", "not_there"}, {ScaleStep{}});
  tagged.tag = "money";
  const auto fit = Fit({Group({"zip"}, {}), tagged});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->transform.output_names(), testing::Contains("fee"));
  EXPECT_EQ(fit->matrix.values()[1], (0 - 1.5) / std::sqrt(1.25));
  tagged.columns = {"not_there"};
  EXPECT_EQ(Fit({tagged}).status().ToString(), "no column that is left has the tag `money`\nhelp: it is on not_there");
}

}  // namespace
}  // namespace headrace

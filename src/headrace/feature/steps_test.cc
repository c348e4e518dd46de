// Every kind of step at once: what holds for all of them is tested on a table that has a column for each.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/feature/kernels.h"
#include "headrace/feature/transform.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kNumbers = 24;

/// x0 to x23 doubles with some missing, p0 to p3 positive ones, n an int, c and d text, day a date, at a timestamp, note text with words.
Table Everything(std::size_t rows) {
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  const auto hash = [](std::size_t i, std::size_t k) { return ((i + 1) * 2654435761u + k * 40503u * (i % 977 + 1)) % 100'003; };
  const auto numbers = [&](const std::string& name, auto value) {
    std::vector<double> values;
    for (std::size_t i = 0; i < rows; ++i) values.push_back(value(i));
    fields.push_back({name, Type::kDouble});
    columns.push_back(std::make_shared<const Column>(std::move(values), std::vector<std::uint8_t>{}));
  };
  const auto build = [&](const std::string& name, Type type, auto add) {
    ColumnBuilder builder(type);
    for (std::size_t i = 0; i < rows; ++i) add(builder, i);
    fields.push_back({name, type});
    columns.push_back(builder.Finish());
  };
  for (std::size_t k = 0; k < kNumbers; ++k)
    numbers(StrCat("x", k), [&](std::size_t i) { return hash(i, k) % 19 == 0 ? kNaN : (static_cast<double>(hash(i, k)) - 40'000) / (3.0 + static_cast<double>(k)); });
  for (std::size_t k = 0; k < 4; ++k) numbers(StrCat("p", k), [&](std::size_t i) { return 0.5 + static_cast<double>(hash(i, 50 + k) % 500) / 9; });
  build("n", Type::kInt, [&](ColumnBuilder& b, std::size_t i) { hash(i, 60) % 13 == 0 ? b.AppendNull() : b.AppendInt(static_cast<std::int64_t>(hash(i, 60) % 6)); });
  for (const char* name : {"c", "d", "e", "f", "g", "h"})
    build(name, Type::kText, [&](ColumnBuilder& b, std::size_t i) { hash(i, 70) % 11 == 0 ? b.AppendNull() : b.AppendText(StrCat("level ", hash(i, static_cast<std::size_t>(name[0])) % 9)); });
  build("day", Type::kDate, [&](ColumnBuilder& b, std::size_t i) { hash(i, 80) % 23 == 0 ? b.AppendNull() : b.AppendInt(static_cast<std::int64_t>(hash(i, 80) % 20'000)); });
  build("at", Type::kTimestamp, [&](ColumnBuilder& b, std::size_t i) { b.AppendInt(static_cast<std::int64_t>(hash(i, 81)) * 7'777'777'777 - 100'000'000'000'000); });
  for (const char* name : {"note", "memo"})
    build(name, Type::kText, [&](ColumnBuilder& b, std::size_t i) { b.AppendText(StrCat("Word", hash(i, 90) % 7, " and wörd", hash(i, 91) % 5, "  x, end")); });
  return Table(Schema(std::move(fields)), std::move(columns), rows);
}

TransformSpec Of(std::vector<std::string> columns, std::vector<TransformStep> steps) {
  TransformSpec spec;
  spec.columns = std::move(columns);
  spec.steps = std::move(steps);
  return spec;
}

EncodeStep Encoded(EncodeStep::How how) {
  EncodeStep step;
  step.how = how;
  return step;
}
ImputeStep By(std::string column) {
  ImputeStep step;
  step.by = std::move(column);
  step.indicator = true;
  return step;
}
BinsStep Binned(BinsStep::By by, bool onehot) {
  BinsStep step;
  step.by = by;
  step.onehot = onehot;
  if (by == BinsStep::By::kEdges) step.edges = {-100, 0, 2500.5};
  return step;
}
SplineStep Splined(bool quantile, SplineStep::Outside outside, bool bias) {
  SplineStep step;
  step.quantile = quantile;
  step.outside = outside;
  step.bias = bias;
  return step;
}
TextStep Worded(TextStep::How how, bool length) {
  TextStep step;
  step.how = how;
  step.length = length;
  step.ngram_to = 2;
  step.max_features = 12;
  return step;
}
DateStep Dated(bool time) {
  DateStep step;
  step.parts = {DatePart::kYear, DatePart::kQuarter, DatePart::kMonth, DatePart::kWeek, DatePart::kDay, DatePart::kDayOfYear, DatePart::kWeekday};
  if (time) step.parts.insert(step.parts.end(), {DatePart::kHour, DatePart::kMinute, DatePart::kSecond});
  step.cyclical = {DatePart::kMonth, DatePart::kWeekday};
  step.since = 10'000;
  step.holidays = {0, 366};
  return step;
}

std::vector<TransformSpec> EveryKind() {
  using How = EncodeStep::How;
  const ImputeStep median;
  EncodeStep few = Encoded(How::kOneHot);
  few.max_categories = 4;
  TransformSpec derive;
  derive.derive = {{"sum", "x0 + n"}};
  return {derive,
          Of({"sum"}, {ClipStep{-1000.0, std::nullopt, false}}),
          Of({"x0"}, {By("c"), ScaleStep{ScaleStep::How::kStandard}}),
          Of({"x1"}, {ClipStep{1, 99, true}, ScaleStep{ScaleStep::How::kMinMax}}),
          Of({"x2"}, {ScaleStep{ScaleStep::How::kMaxAbs}}),
          Of({"x3"}, {ScaleStep{ScaleStep::How::kRobust}}),
          Of({"x4"}, {QuantileStep{false, 50}}),
          Of({"x5"}, {QuantileStep{true, 1000}}),
          Of({"x6"}, {PowerStep{}}),
          Of({"p0"}, {Log1pStep{}, PowerStep{true, true}}),
          Of({"x7"}, {Binned(BinsStep::By::kUniform, false)}),
          Of({"x8"}, {Binned(BinsStep::By::kQuantile, true)}),
          Of({"x9"}, {Binned(BinsStep::By::kKMeans, false), Encoded(How::kTarget)}),
          Of({"x10"}, {Binned(BinsStep::By::kEdges, true)}),
          Of({"x11"}, {Splined(false, SplineStep::Outside::kConstant, true)}),
          Of({"x12"}, {Splined(true, SplineStep::Outside::kLinear, false)}),
          Of({"x13"}, {median, Splined(false, SplineStep::Outside::kPeriodic, true)}),
          Of({"x14", "x15"}, {median, ScaleStep{}, PolynomialStep{3, false}}),
          Of({"x16", "x17", "n"}, {NormalizeStep{NormalizeStep::Norm::kL2}, NormalizeStep{NormalizeStep::Norm::kMax}}),
          Of({"x18", "x19", "x20"}, {median, ReduceStep{true, 2}}),
          Of({"x21", "x22", "x23"}, {median, SelectStep{SelectStep::By::kF, 0, 2}, ReduceStep{false, 1}}),
          Of({"p1", "p2", "p3"}, {SelectStep{SelectStep::By::kMutualInformation, 0, 2}}),
          Of({"c"}, {few}),
          Of({"d"}, {Encoded(How::kOrdinal), By("n")}),
          Of({"e"}, {Encoded(How::kTarget), ScaleStep{}}),
          Of({"f"}, {Encoded(How::kFrequency)}),
          Of({"g"}, {Encoded(How::kWoe)}),
          Of({"h"}, {Encoded(How::kHash)}),
          Of({"day"}, {Dated(false), median}),
          Of({"at"}, {Dated(true)}),
          Of({"note"}, {Worded(TextStep::How::kTfidf, true)}),
          Of({"memo"}, {Worded(TextStep::How::kHash, false)})};
}

FitOutput Fit(const Table& data, const std::vector<TransformSpec>& specs, int threads = 1) {
  FitContext context;
  context.compress = false;
  for (std::size_t i = 0; i < data.num_rows(); ++i) context.target.push_back(i % 3 == 0 ? 1 : 0);
  context.threads = threads;
  Result<FitOutput> fitted = FitTransform(data, specs, context);
  EXPECT_TRUE(fitted.ok()) << fitted.status();
  return std::move(fitted).value();
}

std::vector<std::uint64_t> Bits(std::span<const double> values) {
  std::vector<std::uint64_t> bits;
  for (const double x : values) bits.push_back(std::bit_cast<std::uint64_t>(x));
  return bits;
}

std::vector<double> Apply(const FittedTransform& transform, const Table& rows, int threads = 1, Layout layout = Layout::kRows) {
  std::vector<double> out(rows.num_rows() * transform.output_names().size());
  const Status status = transform.Apply(rows, out, nullptr, threads, layout);
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

/// `d` is imputed by a group after it became a number, which an encoded column may not.
std::vector<TransformSpec> Specs() {
  std::vector<TransformSpec> specs = EveryKind();
  for (TransformSpec& spec : specs)
    if (!spec.columns.empty() && spec.columns[0] == "d") spec.steps[1] = ImputeStep{ImputeStep::With::kConstant, "-2", false, ""};
  return specs;
}

TEST(StepsTest, AnyNumberOfThreadsAnyBlocksAndAnyLayoutGiveTheSameBits) {
  const Table data = Everything(70'000);
  const FitOutput one = Fit(data, Specs(), 1), two = Fit(data, Specs(), 3);
  EXPECT_EQ(one.transform.ToJson(), two.transform.ToJson());
  EXPECT_EQ(Bits(one.matrix.values()), Bits(two.matrix.values()));
  const std::vector<double> whole = Apply(one.transform, data);
  const std::size_t width = one.transform.output_names().size(), rows = data.num_rows();
  EXPECT_EQ(Bits(Apply(one.transform, data, 3)), Bits(whole));
  const std::vector<double> columns = Apply(one.transform, data, 2, Layout::kColumns);
  for (std::size_t i = 0; i < rows; i += 31)
    for (std::size_t k = 0; k < width; ++k) ASSERT_EQ(std::bit_cast<std::uint64_t>(columns[k * rows + i]), std::bit_cast<std::uint64_t>(whole[i * width + k]));
  for (std::size_t i = 0; i < rows; i += 1999) ASSERT_EQ(Bits(Apply(one.transform, data.Slice(i, 1))), Bits(std::span(whole).subspan(i * width, width))) << "row " << i;
  EXPECT_EQ(Bits(Apply(one.transform, data.Slice(33'333, 1'111))), Bits(std::span(whole).subspan(33'333 * width, 1'111 * width)));
}

TEST(StepsTest, AProcessorWithoutAvx2GivesTheSameBits) {
  const Table data = Everything(9'000);
  const FitOutput with = Fit(data, Specs());
  ForgetAvx2(true);
  const FitOutput without = Fit(data, Specs());
  const std::vector<double> applied = Apply(with.transform, data);
  ForgetAvx2(false);
  EXPECT_EQ(with.transform.ToJson(), without.transform.ToJson());
  EXPECT_EQ(Bits(with.matrix.values()), Bits(without.matrix.values()));
  EXPECT_EQ(Bits(Apply(with.transform, data)), Bits(applied));
}

TEST(StepsTest, WhatIsReadBackHasTheSameBytesAndGivesTheSameBits) {
  const Table data = Everything(3'000);
  const FitOutput fit = Fit(data, Specs());
  const std::string json = fit.transform.ToJson();
  const Result<FittedTransform> read = FittedTransform::FromJson(json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToJson(), json);
  EXPECT_EQ(read->output_names(), fit.transform.output_names());
  EXPECT_EQ(read->output_columns(), fit.transform.output_columns());
  EXPECT_EQ(Bits(Apply(*read, data)), Bits(Apply(fit.transform, data)));
}

/// Values of members in turn become others, so that every Read meets what it must refuse; what is accepted must run.
TEST(StepsTest, ADamagedFileIsRefusedOrRuns) {
  const Table data = Everything(60);
  std::vector<TransformSpec> specs = Specs();
  const std::string json = Fit(data, specs).transform.ToJson();
  std::size_t accepted = 0, refused = 0;
  for (std::size_t i = 0; i < json.size(); i += 1 + json.size() / 2'000) {
    for (const char c : {'0', '9', '-', '}'}) {
      std::string changed = json;
      changed[i] = c;
      const Result<FittedTransform> read = FittedTransform::FromJson(changed);
      ++(read.ok() ? accepted : refused);
      if (!read.ok()) continue;
      std::vector<double> out(data.num_rows() * read->output_names().size());
      static_cast<void>(read->Apply(data, out, nullptr));   // may refuse the rows; never reads past anything
    }
  }
  EXPECT_GT(refused, 1'000U);
  EXPECT_GT(accepted, 100U);
}

TEST(StepsTest, PatternsAndTypesTakeWhatIsLeftAndDroppedColumnsAreNoFeatures) {
  const Table data = Everything(500);
  TransformSpec drop, texts, numbers;
  drop.drop = {"x2*", "memo", "at", "note"};
  texts.type = Type::kText;
  texts.steps = {Encoded(EncodeStep::How::kOrdinal)};
  const FitOutput fit = Fit(data, {Of({"x1"}, {ScaleStep{}}), drop, Of({"x*", "p1"}, {ScaleStep{}}), texts});
  EXPECT_THAT(fit.transform.output_names(), ElementsAre("x1", "x0", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "p1",
                                                        "c", "d", "e", "f", "g", "h", "p0", "p2", "p3", "n"));
  FitContext context;
  context.compress = false;
  context.target.assign(500, 1);
  EXPECT_THAT(FitTransform(data, {Of({"zz*"}, {ScaleStep{}})}, context).status().message(), HasSubstr("fits the pattern `zz*`"));
}

TEST(StepsTest, SpecsThatDifferHaveDifferentTexts) {
  std::vector<std::string> texts;
  for (const TransformSpec& spec : EveryKind()) texts.push_back(CanonicalText(spec));
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(std::unique(texts.begin(), texts.end()), texts.end());
  TransformSpec a = Of({"x"}, {ClipStep{1.0, 2.0, false}}), b = Of({"x"}, {ClipStep{1.0, 2.0, true}});
  EXPECT_NE(CanonicalText(a), CanonicalText(b));
  EXPECT_EQ(CanonicalText(a), CanonicalText(a));
  b = a;
  b.choice = "c";
  TransformSpec c = b, tagged = a, cast, renamed;
  c.alternative = "d";
  tagged.tag = "money";
  cast.cast = {{"x", Type::kText}};
  renamed.rename = {{"x", "y"}};
  EXPECT_EQ((std::set<std::string>{CanonicalText(a), CanonicalText(b), CanonicalText(c), CanonicalText(tagged), CanonicalText(cast), CanonicalText(renamed)}).size(), 6u);
  EXPECT_EQ(Chosen({a, b, c}, {}).size(), 1u);
  EXPECT_EQ(CanonicalText(Chosen({c}, {{"c", "d"}}).front()), CanonicalText(a)) << "what is chosen is as if it stood alone";
}

TEST(StepsTest, NumbersAreSetByTheKeysOfTheFile) {
  EncodeStep target, onehot;
  target.how = EncodeStep::How::kTarget;
  TextStep words, hashed;
  hashed.how = TextStep::How::kHash;
  const auto set = [](TransformStep step, const char* key, const char* text) { return SetNumber(step, key, text) ? CanonicalText(Of({"x"}, {step})) : "none"; };
  const auto is = [](TransformStep step) { return CanonicalText(Of({"x"}, {std::move(step)})); };
  EXPECT_EQ(set(ClipStep{1.0, 99.0, true}, "lower", "2.5%"), is(ClipStep{2.5, 99.0, true}));
  EXPECT_EQ(set(ClipStep{{}, 99.0, false}, "upper", "7"), is(ClipStep{{}, 7.0, false}));
  EXPECT_EQ(set(QuantileStep{false, 10}, "quantiles", "20"), is(QuantileStep{false, 20}));
  EXPECT_EQ(set(BinsStep{}, "count", "9"), is(BinsStep{BinsStep::By::kQuantile, 9}));
  EXPECT_EQ(set(SplineStep{}, "knots", "4"), is(SplineStep{4}));
  EXPECT_EQ(set(SplineStep{}, "degree", "2"), is(SplineStep{5, 2}));
  EXPECT_EQ(set(PolynomialStep{}, "polynomial", "3"), is(PolynomialStep{3}));
  EXPECT_EQ(set(SelectStep{SelectStep::By::kF}, "k", "4"), is(SelectStep{SelectStep::By::kF, 0, 4}));
  EXPECT_EQ(set(SelectStep{}, "threshold", "0.5"), is(SelectStep{SelectStep::By::kVariance, 0.5}));
  EXPECT_EQ(set(ReduceStep{}, "components", "6"), is(ReduceStep{true, 6}));
  std::set<std::string> texts{is(target)};
  for (const char* key : {"min_frequency", "max_categories", "smooth", "regularization", "folds", "features"}) texts.insert(set(target, key, "17"));
  EXPECT_EQ(texts.size(), 7u);
  EXPECT_NE(set(words, "max_features", "17"), "none");
  EXPECT_NE(set(words, "min_df", "17"), "none");
  EXPECT_NE(set(hashed, "features", "17"), "none");
  EXPECT_EQ(set(hashed, "max_features", "17"), "none");
  EXPECT_EQ(set(BinsStep{}, "count", "9.5"), "none");
  EXPECT_EQ(set(BinsStep{}, "smooth", "9"), "none");
  EXPECT_EQ(set(Log1pStep{}, "count", "9"), "none");
  EXPECT_EQ(set(onehot, "smooth", "much"), "none");
}

TEST(StepsTest, ChosenNumbersAreAsIfTheyHadBeenWritten) {
  TransformSpec open = Of({"x"}, {ClipStep{1.0, 99.0, true}, BinsStep{}}), written = Of({"x"}, {ClipStep{1.0, 95.0, true}, BinsStep{BinsStep::By::kQuantile, 7}});
  open.choice = "x";
  open.alternative = "binned";
  open.open = {{0, "upper", "x.clip.upper"}, {1, "count", "x.bins.count"}};
  const auto chosen = Chosen({open}, {{"x", "binned"}, {"x.clip.upper", "95%"}, {"x.bins.count", "7"}});
  ASSERT_EQ(chosen.size(), 1u);
  EXPECT_EQ(CanonicalText(chosen.front()), CanonicalText(written));
  EXPECT_EQ(CanonicalText(Chosen({open}, {{"x", "binned"}}).front()), CanonicalText(Of({"x"}, {ClipStep{1.0, 99.0, true}, BinsStep{}})));
  TransformSpec other = open;
  other.open[1].name = "x.bins.count.2";
  EXPECT_NE(CanonicalText(open), CanonicalText(other));
}

TEST(StepsTest, ProductsAreNamedAfterWhatTheyAreMadeOf) {
  const Table data = Everything(100);
  const FitOutput fit = Fit(data.Select(std::vector<std::string>{"p0", "p1"}).value(), {Of({"p0", "p1"}, {PolynomialStep{2, false}})});
  EXPECT_THAT(fit.transform.output_names(), ElementsAre("p0", "p1", "p0^2", "p0 x p1", "p1^2"));
  EXPECT_THAT(fit.transform.output_columns(), ElementsAre("p0", "p1", "p0", "p0 x p1", "p1"));
}

TEST(StepsTest, AMissingValueTakesTheMedianOfItsGroup) {
  ColumnBuilder x(Type::kDouble), by(Type::kText);
  for (const double v : {1.0, 3.0, kNaN, 10.0, kNaN, kNaN}) x.AppendDouble(v);
  for (const char* v : {"a", "a", "a", "b", "b", "c"}) by.AppendText(v);
  const Table data(Schema({{"x", Type::kDouble}, {"by", Type::kText}}), {x.Finish(), by.Finish()}, 6);
  TransformSpec drop;
  drop.drop = {"by"};
  const FitOutput fit = Fit(data, {Of({"x"}, {By("by")}), drop});
  EXPECT_THAT(fit.transform.output_names(), ElementsAre("x", "x=(missing)"));
  EXPECT_THAT(fit.matrix.values(), ElementsAre(1, 0, 3, 0, 2, 1, 10, 0, 10, 1, 3, 1)) << "c has no value: the median of all";
  EXPECT_THAT(fit.transform.input_schema().Names(), ElementsAre("x", "by"));
}

TEST(StepsTest, StepsThatDoNotFitAreRefused) {
  const Table data = Everything(200);
  FitContext context;
  context.compress = false;
  context.target.assign(200, 1);
  DateStep hour;
  hour.parts = {DatePart::kHour};
  for (const auto& [spec, message] : std::vector<std::pair<TransformSpec, std::string>>{
           {Of({"day"}, {hour}), "column `day`: is a date, which has no hour"},
           {Of({"x0"}, {hour}), "column `x0`: `date` needs a date or a timestamp as the table has it"},
           {Of({"c"}, {Binned(BinsStep::By::kUniform, false)}), "column `c`: is text, and `bins` needs numbers"},
           {Of({"x0"}, {Worded(TextStep::How::kTfidf, false)}), "column `x0`: `text` needs text as the table has it"},
           {Of({"x0", "c"}, {NormalizeStep{}}), "column `c`: is text and no step encodes it"},
           {Of({"x0"}, {By("nobody")}), "column `x0`: is imputed by the column `nobody`, which the table does not have"},
           {Of({"x0", "x1"}, {NormalizeStep{}, Encoded(EncodeStep::How::kOneHot)}), "columns `x0, x1`: are one group by now, and `encode` works on one column"},
           {Of({"x6"}, {PowerStep{true, true}}), "column `x6` has values of 0 or below, of which box_cox has no result"}})
    EXPECT_EQ(FitTransform(data, {spec}, context).status().message(), message);
}

}  // namespace
}  // namespace headrace

#include "headrace/feature/transform.h"

#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Texts = std::vector<std::optional<std::string>>;
using Ints = std::vector<std::optional<std::int64_t>>;

/// A table built column by column; NaN in Numbers stays NaN, `Nulled` makes nulls.
class World {
 public:
  World& Numbers(std::string name, const std::vector<double>& values) {
    return Put(std::move(name), Type::kDouble, std::make_shared<const Column>(values, std::vector<std::uint8_t>{}));
  }
  World& Whole(std::string name, const Ints& values, Type type = Type::kInt) {
    ColumnBuilder builder(type);
    for (const auto& v : values) v ? builder.AppendInt(*v) : builder.AppendNull();
    return Put(std::move(name), type, builder.Finish());
  }
  World& Text(std::string name, const Texts& values) {
    ColumnBuilder builder(Type::kText);
    for (const auto& v : values) v ? builder.AppendText(*v) : builder.AppendNull();
    return Put(std::move(name), Type::kText, builder.Finish());
  }
  Table table() const { return Table(Schema(fields_), columns_, columns_.empty() ? 0 : columns_[0]->size()); }

 private:
  World& Put(std::string name, Type type, ColumnPtr column) {
    fields_.push_back({std::move(name), type});
    columns_.push_back(std::move(column));
    return *this;
  }
  std::vector<Field> fields_;
  std::vector<ColumnPtr> columns_;
};

TransformStep Impute(ImputeStep::With how, std::string constant = "") {
  ImputeStep step;
  step.with = how;
  step.constant = std::move(constant);
  return step;
}
TransformStep Clip(std::optional<double> lower, std::optional<double> upper, bool percentiles = false) { return ClipStep{lower, upper, percentiles}; }
TransformStep Scale(ScaleStep::How how) { return ScaleStep{how}; }
TransformStep Log1p() { return Log1pStep{}; }
EncodeStep Encode(EncodeStep::How how, EncodeStep::Unknown unknown = EncodeStep::Unknown::kOther, std::int64_t min_frequency = 0) {
  EncodeStep step;
  step.how = how;
  step.unknown = unknown;
  step.min_frequency = min_frequency;
  return step;
}
TransformSpec Group(std::vector<std::string> columns, std::vector<TransformStep> steps) { return {std::move(columns), std::move(steps), {}, {}, {}}; }
TransformSpec Derive(std::string name, std::string text) { return {{}, {}, {{std::move(name), std::move(text)}}, {}, {}}; }

FitContext ContextFor(const Table& data) {
  FitContext context;
  context.compress = false;
  for (std::size_t i = 0; i < data.num_rows(); ++i) context.target.push_back(i % 2 == 0 ? 1 : 0);
  context.threads = 1;
  return context;
}

FitOutput Fit(const Table& data, const std::vector<TransformSpec>& specs, bool linear = false) {
  FitContext context = ContextFor(data);
  context.linear_learner = linear;
  Result<FitOutput> fitted = FitTransform(data, specs, context);
  EXPECT_TRUE(fitted.ok()) << fitted.status();
  return std::move(fitted).value();
}

Status FitError(const Table& data, const std::vector<TransformSpec>& specs, bool linear = false) {
  FitContext context = ContextFor(data);
  context.target_column = "y";
  context.exclude = {"key"};
  context.linear_learner = linear;
  return FitTransform(data, specs, context).status();
}

struct Applied { std::vector<double> out; ApplyCounts counts; Status status; };
Applied Apply(const FittedTransform& transform, const Table& rows) {
  Applied applied;
  applied.out.resize(rows.num_rows() * transform.output_names().size());
  applied.status = transform.Apply(rows, applied.out, &applied.counts);
  return applied;
}

std::vector<std::uint64_t> Bits(std::span<const double> values) {
  std::vector<std::uint64_t> bits;
  for (const double x : values) bits.push_back(std::bit_cast<std::uint64_t>(x));
  return bits;
}

/// Some of everything: a table that exercises each transform.
Table Mixed(std::size_t rows) {
  std::vector<double> amount, other;
  Ints visits, member;
  Texts country, city;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t h = (i * 2654435761u) % 1009;
    amount.push_back(h % 11 == 0 ? kNaN : 1e6 + static_cast<double>(h) / 7);
    other.push_back(static_cast<double>(h * h % 97) * 1e-5);
    visits.push_back(h % 13 == 0 ? std::nullopt : std::optional<std::int64_t>(static_cast<std::int64_t>(h % 5)));
    member.push_back(static_cast<std::int64_t>(h % 2));
    country.push_back(h % 17 == 0 ? std::nullopt : std::optional<std::string>(std::string(1, static_cast<char>('A' + h % 6))));
    city.push_back(StrCat("city ", h % 80));
  }
  return World().Numbers("amount", amount).Numbers("other", other).Whole("visits", visits).Whole("member", member, Type::kBool)
      .Text("country", country).Text("city", city).table();
}
std::vector<TransformSpec> MixedSpecs() {
  return {Derive("per_visit", "amount / visits"),
          Group({"amount"}, {Impute(ImputeStep::With::kMissing), Impute(ImputeStep::With::kMedian), Clip(1, 99, true), Scale(ScaleStep::How::kStandard)}),
          Group({"other"}, {Log1p(), Scale(ScaleStep::How::kRobust)}),
          Group({"per_visit"}, {Impute(ImputeStep::With::kMean), Scale(ScaleStep::How::kMinMax)}),
          Group({"visits"}, {Encode(EncodeStep::How::kOneHot, EncodeStep::Unknown::kIgnore)}),
          Group({"country"}, {Encode(EncodeStep::How::kOrdinal), Impute(ImputeStep::With::kConstant, "-2"), Scale(ScaleStep::How::kStandard)}),
          Group({"city"}, {Encode(EncodeStep::How::kTarget), Scale(ScaleStep::How::kStandard)})};
}

TEST(TransformTest, NumbersGoThroughTheirStepsInOrder) {
  const Table data = World().Numbers("x", {1, 2, kNaN, 5, 100}).table();
  const FitOutput fit = Fit(data, {Group({"x"}, {Impute(ImputeStep::With::kMedian), Clip(std::nullopt, 10), Scale(ScaleStep::How::kMinMax)})});
  EXPECT_THAT(fit.transform.output_names(), ElementsAre("x"));
  EXPECT_THAT(fit.matrix.values(), testing::Pointwise(testing::DoubleEq(), {0.0, 1 / 9.0, 2.5 / 9, 4 / 9.0, 1.0}));
}

TEST(TransformTest, ATextMissingValueIsALevelOfItsOwnOrTheLevelItIsFilledWith) {
  const Table data = World().Text("c", {"b", std::nullopt, "a", "b"}).table();
  const FitOutput own = Fit(data, {Group({"c"}, {Encode(EncodeStep::How::kOneHot)})});
  EXPECT_THAT(own.transform.output_names(), ElementsAre("c=a", "c=b", "c=(missing)"));
  EXPECT_THAT(own.matrix.values(), ElementsAre(0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0));
  const FitOutput filled = Fit(data, {Group({"c"}, {Impute(ImputeStep::With::kMissing), Encode(EncodeStep::How::kOneHot)})});
  EXPECT_THAT(filled.transform.output_names(), ElementsAre("c=a", "c=b", "c=missing"));
  const FitOutput frequent = Fit(data, {Group({"c"}, {Impute(ImputeStep::With::kMostFrequent), Encode(EncodeStep::How::kOrdinal)})});
  EXPECT_THAT(frequent.matrix.values(), ElementsAre(1, 1, 0, 1));
}

TEST(TransformTest, RareLevelsShareOneColumnAndUnseenLevelsJoinItAndAreCounted) {
  const Table data = World().Text("c", {"a", "a", "b", "b", "z", "y"}).table();
  const FitOutput fit = Fit(data, {Group({"c"}, {Encode(EncodeStep::How::kOneHot, EncodeStep::Unknown::kOther, 2)})});
  EXPECT_THAT(fit.transform.output_names(), ElementsAre("c=a", "c=b", "c=(other)"));
  EXPECT_THAT(fit.transform.LevelsOf("c"), ElementsAre("a", "b", "y", "z"));
  const Applied applied = Apply(fit.transform, World().Text("c", {"z", "new", std::nullopt, "b"}).table());
  EXPECT_THAT(applied.out, ElementsAre(0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0));
  EXPECT_THAT(applied.counts.unseen, ElementsAre(Pair("c", 1)));
  EXPECT_THAT(applied.counts.nulls, ElementsAre(Pair("c", 1)));
}

TEST(TransformTest, UnseenLevelsAreIgnoredOrRefusedAsDeclared) {
  const Table data = World().Text("c", {"a", "b"}).table(), rows = World().Text("c", {"a", "q"}).table();
  const FitOutput ignore = Fit(data, {Group({"c"}, {Encode(EncodeStep::How::kOneHot, EncodeStep::Unknown::kIgnore)})});
  EXPECT_THAT(Apply(ignore.transform, rows).out, ElementsAre(1, 0, 0, 0));
  const FitOutput error = Fit(data, {Group({"c"}, {Encode(EncodeStep::How::kOneHot, EncodeStep::Unknown::kError)})});
  const Status refused = Apply(error.transform, rows).status;
  EXPECT_EQ(refused.code(), ErrorCode::kData);
  EXPECT_EQ(refused.message(), "column `c` has `q`, which training never saw, and says handle_unknown: error");
}

TEST(TransformTest, WholeNumbersAndBoolsCanBeLevelsInTheOrderOfTheirValues) {
  const Table data = World().Whole("n", {10, 9, std::nullopt, 10}).Whole("b", {1, 0, 1, 1}, Type::kBool).table();
  const FitOutput fit = Fit(data, {Group({"n"}, {Encode(EncodeStep::How::kOrdinal)}), Group({"b"}, {Encode(EncodeStep::How::kOneHot)})});
  EXPECT_THAT(fit.transform.output_names(), ElementsAre("n", "b=false", "b=true"));
  EXPECT_TRUE(std::isnan(fit.matrix.values()[2 * 3]));
  EXPECT_THAT(fit.transform.LevelsOf("n"), ElementsAre("9", "10"));
  EXPECT_EQ(Apply(fit.transform, World().Whole("n", {11}).Whole("b", {0}, Type::kBool).table()).out[0], -1);
}

TEST(TransformTest, AMissingNumberCanKeepItsPlaceAndGainAnIndicator) {
  const Table data = World().Whole("n", {4, std::nullopt, 6}).table();
  const FitOutput fit = Fit(data, {Group({"n"}, {Impute(ImputeStep::With::kMissing), Impute(ImputeStep::With::kMean)})});
  EXPECT_THAT(fit.transform.output_names(), ElementsAre("n", "n=(missing)"));
  EXPECT_THAT(fit.matrix.values(), ElementsAre(4, 0, 5, 1, 6, 0));
}

TEST(TransformTest, TargetEncodingOfTrainingRowsComesFromOtherFoldsAndOfLaterRowsFromAll) {
  const Table data = World().Text("c", {"a", "a", "b", "b"}).table();
  FitContext context = ContextFor(data);
  context.target = {1, 0, 1, 1};
  context.together = {4, 3, 2, 1};
  EncodeStep encode = Encode(EncodeStep::How::kTarget);
  encode.smooth = 0;
  encode.folds = 2;
  const Result<FitOutput> fit = FitTransform(data, {Group({"c"}, {encode})}, context);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->matrix.values(), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(Apply(fit->transform, World().Text("c", {"a", "b", "new"}).table()).out, ElementsAre(0.5, 1, 0.75));
}

TEST(TransformTest, TargetEncodingOfSeveralClassesHasOneColumnAClass) {
  const Table data = World().Text("c", {"a", "b", "a", "b"}).table();
  FitContext context = ContextFor(data);
  context.task = Task::kMulticlass;
  context.classes = 3;
  context.class_names = {"x", "y", "z"};
  context.target = {0, 1, 2, 1};
  EncodeStep encode = Encode(EncodeStep::How::kTarget);
  encode.folds = 2;
  const Result<FitOutput> fit = FitTransform(data, {Group({"c"}, {encode})}, context);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->transform.output_names(), ElementsAre("c[x]", "c[y]", "c[z]"));
  EXPECT_THAT(fit->transform.output_columns(), ElementsAre("c", "c", "c"));
  EXPECT_THAT(Apply(fit->transform, World().Text("c", {"new"}).table()).out, ElementsAre(0.25, 0.5, 0.25));
}

TEST(TransformTest, DerivedColumnsTakePartInLaterGroupsAndInDefaults) {
  const Table data = World().Whole("spend", {10, 30, 8}).Whole("visits", {2, 0, 4}).table();
  const FitOutput fit = Fit(data, {Derive("each", "spend / visits"), Group({"each"}, {Impute(ImputeStep::With::kConstant, "0")}), Derive("twice", "each * 2")});
  EXPECT_THAT(fit.transform.output_names(), ElementsAre("each", "spend", "visits", "twice"));
  EXPECT_EQ(fit.matrix.values()[0], 5);
  EXPECT_EQ(fit.matrix.values()[4], 0);
  EXPECT_EQ(fit.matrix.values()[8 + 3], 4);
  EXPECT_THAT(fit.transform.input_schema().Names(), ElementsAre("spend", "visits"));
}

TEST(TransformTest, RowsThatADerivedColumnCannotComputeAreNullAndCounted) {
  const Table data = World().Numbers("x", {1, 2, 3}).table();
  const FitOutput fit = Fit(data, {Derive("log", "ln(x)"), Derive("inverse", "1 / x")});
  const Applied applied = Apply(fit.transform, World().Numbers("x", {0, 1}).table());
  ASSERT_TRUE(applied.status.ok()) << applied.status;
  EXPECT_TRUE(std::isnan(applied.out[1]) && std::isnan(applied.out[2])) << "ln(0) raises, 1 / 0 is an infinity";
  EXPECT_EQ(applied.out[5], 1);
  EXPECT_THAT(applied.counts.derive_errors, ElementsAre(Pair("inverse", 1), Pair("log", 1)));
}

TEST(TransformTest, OneRowABlockAndTheWholeTableGiveTheSameBits) {
  const Table data = Mixed(1500);
  const FitOutput fit = Fit(data, MixedSpecs());
  const Applied whole = Apply(fit.transform, data);
  ASSERT_TRUE(whole.status.ok()) << whole.status;
  const std::size_t width = fit.transform.output_names().size();
  for (std::size_t i = 0; i < data.num_rows(); i += 7) {
    const Applied one = Apply(fit.transform, data.Slice(i, 1));
    ASSERT_EQ(Bits(one.out), Bits(std::span(whole.out).subspan(i * width, width))) << "row " << i;
  }
  EXPECT_EQ(Bits(Apply(fit.transform, data.Slice(500, 700)).out), Bits(std::span(whole.out).subspan(500 * width, 700 * width)));
}

TEST(TransformTest, AnyNumberOfThreadsGivesTheSameBits) {
  const Table data = Mixed(140'000);
  for (const std::vector<TransformSpec>& specs : {MixedSpecs(), {}, {Group({"amount"}, {Scale(ScaleStep::How::kStandard)})}}) {
    FitContext context = ContextFor(data);
    const Result<FitOutput> one = FitTransform(data, specs, context);
    ASSERT_TRUE(one.ok()) << one.status();
    for (const int threads : {2, 3}) {
      context.threads = threads;
      const Result<FitOutput> many = FitTransform(data, specs, context);
      ASSERT_TRUE(many.ok()) << many.status();
      EXPECT_EQ(one->transform.ToJson(), many->transform.ToJson());
      EXPECT_EQ(Bits(one->matrix.values()), Bits(many->matrix.values()));
    }
  }
}

TEST(TransformTest, WhatIsReadBackHasTheSameBytesAndGivesTheSameBits) {
  const Table data = Mixed(1000);
  for (const bool defaults : {false, true}) {
    const FitOutput fit = Fit(data, defaults ? std::vector<TransformSpec>{} : MixedSpecs());
    const std::string json = fit.transform.ToJson();
    const Result<FittedTransform> read = FittedTransform::FromJson(json);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->ToJson(), json);
    EXPECT_EQ(read->output_names(), fit.transform.output_names());
    EXPECT_EQ(read->input_nullable(), fit.transform.input_nullable());
    EXPECT_EQ(Bits(Apply(*read, data).out), Bits(Apply(fit.transform, data).out));
  }
}

TEST(TransformTest, ADamagedFileIsRefusedOrReadsAsWhatItSays) {
  const std::string json = Fit(Mixed(90), MixedSpecs()).transform.ToJson();
  EXPECT_FALSE(FittedTransform::FromJson(json + " ").ok());
  for (std::size_t i = 0; i < json.size(); i += 3) {
    EXPECT_FALSE(FittedTransform::FromJson(json.substr(0, i)).ok());
    for (const char c : {'0', '"', ',', ']', '-', '\0', '\xff'}) {
      if (json[i] == c) continue;
      std::string changed = json;
      changed[i] = c;
      const Result<FittedTransform> read = FittedTransform::FromJson(changed);   // another valid transform, or refused; never a crash
      if (read.ok()) EXPECT_EQ(read->ToJson(), changed);
      else EXPECT_EQ(read.status().code(), ErrorCode::kInvalid) << read.status();
    }
  }
}

TEST(TransformTest, AFileThatLiesAboutItsSizesIsRefused) {
  const Table data = World().Text("c", {"a", "b", "a", "b", "a"}).Numbers("x", {1, 2, 3, 5, 5}).table();
  const std::string json = Fit(data, {Group({"c"}, {Encode(EncodeStep::How::kTarget), Scale(ScaleStep::How::kStandard)}),
                                      Group({"x"}, {Encode(EncodeStep::How::kOneHot, EncodeStep::Unknown::kOther, 1)})}).transform.ToJson();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {R"(["a","b"])", R"(["a"])"}, {R"(["a","b"])", R"(["b","a"])"}, {R"(["a","b"])", R"(["a","a"])"}, {R"("classes":[])", R"("classes":["u","v"])"},
           {R"("rare":[])", R"("rare":[4])"}, {R"("rare":[])", R"("rare":[-1])"}, {R"([1.0,2.0,3.0,5.0])", R"([1.0,3.0,2.0,5.0])"},
           {R"([1.0,2.0,3.0,5.0])", R"([1.0,2.0,3.0,1e999])"}, {R"("type":"text")", R"("type":"int")"}, {R"("type":"text")", R"("type":"date")"},
           {R"("format":2)", R"("format":3)"}, {R"("format":2)", R"("format":1)"}, {R"("step":"level_values")", R"("step":"onehot")"}, {R"("of":"text")", R"("of":"double")"}}) {
    const std::string changed = ReplaceAll(json, from, to);
    ASSERT_NE(changed, json) << from;
    const Result<FittedTransform> read = FittedTransform::FromJson(changed);
    ASSERT_FALSE(read.ok()) << to;
    EXPECT_EQ(read.status().code(), ErrorCode::kInvalid);
  }
  EXPECT_FALSE(FittedTransform::FromJson(std::string(100'000, '[')).ok());
}

TEST(TransformTest, ColumnsAreFoundByNameWhateverTheirOrderAndIntsForDoublesAreFine) {
  const Table data = World().Numbers("x", {1.5, 2}).Whole("n", {1, 2}).table();
  const FitOutput fit = Fit(data, {});
  const Applied applied = Apply(fit.transform, World().Numbers("n", {7}).Text("extra", {"?"}).Whole("x", {3}).table());
  ASSERT_TRUE(applied.status.ok()) << applied.status;
  EXPECT_THAT(applied.out, ElementsAre(3, 7));
  EXPECT_TRUE(Apply(fit.transform, World().Text("n", {std::nullopt}).Whole("x", {3}).table()).status.ok()) << "nulls have no type";
}

TEST(TransformTest, AMissingColumnOrAnotherTypeIsNamed) {
  const FitOutput fit = Fit(World().Numbers("spend", {1.5, 2}).Whole("n", {1, 2}).table(), {});
  const Status missing = Apply(fit.transform, World().Numbers("spent", {1}).Whole("n", {1}).table()).status;
  EXPECT_EQ(missing.code(), ErrorCode::kData);
  EXPECT_EQ(missing.message(), "column `spend` (double) is missing");
  EXPECT_THAT(missing.help(), HasSubstr("`spent`"));
  EXPECT_EQ(Apply(fit.transform, World().Text("spend", {"1"}).Whole("n", {1}).table()).status.message(), "column `spend` is text, but was double at training");
  EXPECT_EQ(Apply(fit.transform, World().Numbers("spend", {1}).Numbers("n", {1.5}).table()).status.message(), "column `n` is double, but was int at training");
  EXPECT_FALSE(Apply(fit.transform, World().Whole("spend", {(std::int64_t{1} << 53) + 1}).Whole("n", {1}).table()).status.ok());
}

TEST(TransformTest, InfinitiesAreRefusedWhenFittingAndWhenApplying) {
  const Status fit = FitError(World().Numbers("x", {1, kInfinity, -kInfinity}).table(), {});
  EXPECT_EQ(fit.code(), ErrorCode::kData);
  EXPECT_EQ(fit.message(), "column `x` has 2 infinities");
  EXPECT_EQ(Apply(Fit(World().Numbers("x", {1, 2}).table(), {}).transform, World().Numbers("x", {kInfinity}).table()).status.message(), "column `x` has an infinity");
}

TEST(TransformTest, ALinearLearnerNeverSeesAMissingValue) {
  const Table full = World().Numbers("x", {1, 2, 4}).table(), hole = World().Numbers("x", {1, kNaN, 4}).table();
  const TransformSpec scale = Group({"x"}, {Scale(ScaleStep::How::kStandard)});
  EXPECT_EQ(FitError(hole, {scale}, true).code(), ErrorCode::kInvalid);
  const FitOutput fit = Fit(full, {scale}, true);
  const Applied applied = Apply(fit.transform, hole);
  EXPECT_EQ(applied.status.code(), ErrorCode::kData);
  EXPECT_THAT(applied.status.message(), HasSubstr("missing value"));
  const Applied by_default = Apply(Fit(full, {}, true).transform, hole);
  ASSERT_TRUE(by_default.status.ok());
  EXPECT_EQ(by_default.out[1], Apply(Fit(full, {}, true).transform, World().Numbers("x", {2}).table()).out[0]) << "the median";
}

TEST(TransformTest, DefaultsFollowTypeLevelsAndLearner) {
  Texts id, few, many;
  Ints flag, day;
  std::vector<double> x;
  for (int i = 0; i < 1000; ++i) {
    id.push_back(StrCat("u", i));
    few.push_back(i < 5 ? "rare" : i % 2 ? "a" : "b");
    many.push_back(StrCat("m", i % 60));
    flag.push_back(i % 3 == 0);
    day.push_back(i);
    x.push_back(i);
  }
  const Table data = World().Text("id", id).Text("few", few).Text("many", many).Whole("flag", flag, Type::kBool).Whole("day", day, Type::kDate)
                         .Numbers("x", x).Numbers("one", std::vector<double>(1000, 7)).Numbers("none", std::vector<double>(1000, kNaN)).table();
  for (const bool linear : {false, true}) {
    const FitOutput fit = Fit(data, {}, linear);
    EXPECT_THAT(fit.transform.output_names(), ElementsAre("few=a", "few=b", "few=(other)", "many", "flag", "x"));
    EXPECT_THAT(fit.notes, testing::UnorderedElementsAre(HasSubstr("`id` looks like an identifier"), HasSubstr("`day` is a date"),
                                                         HasSubstr("`one` is constant and was left out"), HasSubstr("`none` has no value")));
    EXPECT_NEAR(fit.matrix.values()[6 * 999 + 5], linear ? std::sqrt(3) : 999, 0.01);
  }
  EXPECT_THAT(Fit(data, {Derive("month", "date_part('month', day)")}).notes, testing::Not(testing::Contains(HasSubstr("`day`"))));
}

TEST(TransformTest, ATableWithoutAUsableFeatureIsRefused) {
  const Status status = FitError(World().Numbers("one", {7, 7}).table(), {});
  EXPECT_EQ(status.code(), ErrorCode::kData);
  EXPECT_THAT(status.help(), HasSubstr("`one` is constant"));
  EXPECT_EQ(FitError(World().Numbers("key", {1, 2}).Numbers("y", {0, 1}).table(), {}).code(), ErrorCode::kData);
  EXPECT_EQ(FitError(World().Numbers("x", {}).table(), {}).message(), "no rows to fit the transforms on");
}

TEST(TransformTest, AConstantFeatureThatIsNamedStaysWithScaleOneAndANote) {
  const FitOutput fit = Fit(World().Numbers("one", {7, 7}).table(), {Group({"one"}, {Scale(ScaleStep::How::kStandard)})});
  EXPECT_THAT(fit.matrix.values(), ElementsAre(0, 0));
  EXPECT_THAT(fit.notes, ElementsAre("column `one` is constant"));
}

TEST(TransformTest, OutputsOfTheSameNameAreToldApart) {
  const FitOutput fit = Fit(World().Text("a", {"b", "c", "(missing)", std::nullopt}).Numbers("a=b", {1, 2, 3, 4}).table(), {Group({"a"}, {Encode(EncodeStep::How::kOneHot)})});
  EXPECT_THAT(fit.transform.output_names(), ElementsAre("a=(missing)", "a=b", "a=c", "a=(missing) (2)", "a=b (2)"));
}

struct Refused { std::vector<TransformSpec> specs; std::string message; };
TEST(TransformTest, SpecsThatDoNotFitTheTableAreRefusedWithTheColumn) {
  const Table data = World().Numbers("x", {-1, 2, 3}).Text("c", {"a", "b", "c"}).Whole("day", {1, 2, 3}, Type::kDate).Numbers("y", {0, 1, 0}).Numbers("key", {1, 2, 3}).table();
  for (const Refused& refused : std::vector<Refused>{
           {{Group({"z"}, {})}, "transform names the column `z`, which the table does not have"},
           {{Group({"y"}, {})}, "column `y`: is the target and cannot be a feature"},
           {{Group({"key"}, {})}, "column `key`: is a key or ignored, and a transform names it"},
           {{Group({"x"}, {}), Group({"x"}, {})}, "column `x`: is named by two transforms"},
           {{Group({"c"}, {Scale(ScaleStep::How::kStandard)})}, "column `c`: is text, and `scale` needs numbers"},
           {{Group({"c"}, {Impute(ImputeStep::With::kMean), Encode(EncodeStep::How::kOneHot)})}, "column `c`: is text, which has no mean or median"},
           {{Group({"c"}, {Impute(ImputeStep::With::kMissing)})}, "column `c`: is text and no step encodes it"},
           {{Group({"x"}, {Encode(EncodeStep::How::kOneHot), Encode(EncodeStep::How::kOneHot)})}, "column `x`: is encoded twice"},
           {{Group({"x"}, {Impute(ImputeStep::With::kMean), Impute(ImputeStep::With::kMissing)})}, "column `x`: impute: missing must come before the encoding and any other impute"},
           {{Group({"x"}, {Impute(ImputeStep::With::kConstant, "many")})}, "column `x`: the constant `many` is not a double"},
           {{Group({"x"}, {Clip(3, 1)})}, "column `x`: clip's lower bound 3 is above its upper bound 1"},
           {{Group({"x"}, {Clip(1, 101, true)})}, "column `x`: clip percentiles must be between 0% and 100%"},
           {{Group({"x"}, {Clip(std::nullopt, std::nullopt)})}, "column `x`: clip needs a lower or an upper bound"},
           {{Group({"x"}, {Log1p()})}, "column `x` has 1 values of -1 or below, of which log1p has no result"},
           {{Group({"day"}, {Scale(ScaleStep::How::kStandard)})}, "column `day`: is a date, which is not a feature"},
           {{Derive("d", "y * 2")}, "derive `d` reads the target `y`"},
           {{Derive("x", "x * 2")}, "derive `x`: the table has a column of that name already"}}) {
    const Status status = FitError(data, refused.specs);
    EXPECT_EQ(status.message(), refused.message);
  }
  EXPECT_THAT(FitError(data, {Derive("d", "x +")}).message(), HasSubstr("derive `d`: "));
}

}  // namespace
}  // namespace headrace

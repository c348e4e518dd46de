// Calibration by a column: who gets a curve of his own, that every way of scoring takes the same one, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "headrace/base/text.h"
#include "headrace/model/calibration.h"
#include "headrace/model/model.h"
#include "headrace/model/row_scorer.h"
#include "headrace/model/scorer_parts.h"
#include "headrace/model/test_world.h"
#include "headrace/model/train.h"

namespace headrace {
namespace {

using testing_world::Customers;
using testing_world::SpecFor;
using ::testing::HasSubstr;
using Kind = CalibrationSpec::Kind;
using Values = std::vector<std::optional<std::string>>;

struct Rows {
  Values values;
  std::vector<double> scores, targets;
  std::vector<double> Of(const std::string& value, const std::vector<double>& from) const {
    std::vector<double> out;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] == value) out.push_back(from[i]);
    return out;
  }
};

/// "many" is right, "high" is far too high, "few" have too few rows, "sure" too few positives, and some are null.
Rows MakeRows() {
  std::mt19937_64 random(5);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) / 9007199254740992.0; };
  Rows rows;
  const auto add = [&](std::optional<std::string> value, std::size_t n, double factor) {
    for (std::size_t i = 0; i < n; ++i) {
      rows.values.push_back(value);
      rows.scores.push_back(uniform());
      rows.targets.push_back(uniform() < factor * rows.scores.back());
    }
  };
  add("many", 400, 1);
  add("few", 199, 1);
  add("high", 200, 0.5);
  add("sure", 500, 0.02);
  add(std::nullopt, 300, 1);
  return rows;
}

TEST(CalibrationBy, ValuesWithRowsEnoughHaveTheirOwnCurveAndAllOthersThePooledOne) {
  const Rows rows = MakeRows();
  for (const Kind kind : {Kind::kIsotonic, Kind::kSigmoid, Kind::kBeta}) {
    const auto fitted = Calibration::FitBy("place", rows.values, kind, rows.scores, rows.targets, 2);
    ASSERT_TRUE(fitted.ok()) << fitted.status();
    EXPECT_EQ(fitted->by(), "place");
    EXPECT_EQ(fitted->num_segments(), 2u);
    const Calibration pooled = *Calibration::Fit(kind, rows.scores, rows.targets, 2);
    for (const double score : {0.0, 0.1, 0.35, 0.8, 1.0}) {
      for (const char* value : {"few", "sure", "never seen", "", "man", "manyy"}) {
        EXPECT_EQ(fitted->SegmentOf(value), Calibration::kPooled) << value;
        EXPECT_EQ(fitted->Apply(score, fitted->SegmentOf(value)), pooled.Apply(score));
      }
      for (const char* value : {"many", "high"}) {
        const Calibration own = *Calibration::Fit(kind, rows.Of(value, rows.scores), rows.Of(value, rows.targets), 2);
        EXPECT_EQ(fitted->Apply(score, fitted->SegmentOf(value)), own.Apply(score)) << value;
      }
    }
    const auto read = Calibration::FromJson(fitted->ToJson());
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, *fitted);
  }
}

TEST(CalibrationBy, WithoutAValueOfRowsEnoughItIsThePooledOne) {
  const Rows rows = MakeRows();
  const Values few(rows.values.size(), std::nullopt);
  EXPECT_EQ(*Calibration::FitBy("place", few, Kind::kBeta, rows.scores, rows.targets, 2), *Calibration::Fit(Kind::kBeta, rows.scores, rows.targets, 2));
}

TEST(CalibrationBy, RowsOfNoWeightDoNotCountTowardsEnough) {
  const Rows rows = MakeRows();
  std::vector<double> weights(rows.values.size(), 1);
  for (std::size_t i = 0; i < 201; ++i) weights[i] = 0;  // of "many" 199 are left
  const auto fitted = Calibration::FitBy("place", rows.values, Kind::kSigmoid, rows.scores, rows.targets, 2, weights);
  ASSERT_TRUE(fitted.ok()) << fitted.status();
  EXPECT_EQ(fitted->SegmentOf("many"), Calibration::kPooled);
  EXPECT_NE(fitted->SegmentOf("high"), Calibration::kPooled);
}

TEST(CalibrationBy, RefusesDamagedText) {
  const std::string good = R"({"by":"c","curves":[{"a":1,"b":2}],"kind":"sigmoid","segments":[{"curves":[{"a":3,"b":4}],"value":"x"},{"curves":[{"a":5,"b":6}],"value":"y"}]})";
  ASSERT_TRUE(Calibration::FromJson(good).ok()) << Calibration::FromJson(good).status();
  EXPECT_EQ(Calibration::FromJson(good)->ToJson(), good);
  for (const auto& [part, with] : std::initializer_list<std::pair<std::string, std::string>>{
           {R"("by":"c",)", ""}, {R"("by":"c")", R"("by":"")"}, {R"("by":"c")", R"("by":1)"}, {R"("value":"y")", R"("value":"x")"}, {R"("value":"y")", R"("value":"a")"},
           {R"("value":"y")", R"("value":null)"}, {R"([{"a":3,"b":4}])", "[]"}, {R"([{"a":3,"b":4}])", "1"}, {R"([{"a":3,"b":4}])", R"([{"a":3,"b":4},{"a":3,"b":4}])"},
           {R"({"a":3,"b":4})", R"({"a":3})"}, {R"("kind":"sigmoid")", R"("kind":"none")"}, {R"("kind":"sigmoid")", R"("kind":"beta")"}, {R"({"curves":[{"a":3,"b":4}],"value":"x"},)", "7,"},
           {R"([{"a":1,"b":2}])", "[]"}, {R"("a":3)", R"("a":3.0)"}}) {
    std::string text = good;
    ASSERT_NE(text.find(part), std::string::npos) << part;
    text.replace(text.find(part), part.size(), with);
    EXPECT_FALSE(Calibration::FromJson(text).ok()) << text;
  }
  EXPECT_FALSE(Calibration::FromJson(R"({"by":"c","curves":[{"a":1,"b":2}],"kind":"sigmoid","segments":[]})").ok());
  EXPECT_FALSE(Calibration::FromJson(R"({"curves":[{"a":1,"b":2}],"kind":"sigmoid","segments":[]})").ok());
}

TEST(CalibrationBy, ATableARowAndAnyThreadsGiveTheSameBits) {
  for (const auto& [target, by] : {std::pair{"churned", "country"}, {"plan", "active"}}) {
    TrainSpec spec = SpecFor(target);
    spec.ignore = {"visits", std::string(target) == "plan" ? "churned" : "plan"};
    spec.calibrate = {Kind::kSigmoid, by};
    spec.learner.given = true;
    spec.learner.kind = LearnerSpec::Kind::kLogistic;
    Table rows = Customers(3000);
    const auto trained = Train(rows, spec, {});
    ASSERT_TRUE(trained.ok()) << trained.status();
    const Calibration& calibration = trained->model->scorer().parts().calibration;
    EXPECT_EQ(calibration.by(), by);
    EXPECT_EQ(calibration.num_segments(), std::string(by) == "country" ? 4u : 2u);
    EXPECT_THAT(trained->notes, ::testing::Contains(HasSubstr(StrCat("calibrated by `", by, "`"))));
    const auto reopened = Model::FromBytes(trained->model->bytes(), "again");
    ASSERT_TRUE(reopened.ok()) << reopened.status();
    const auto one = (*reopened)->scorer().Predict(rows, nullptr, 1), three = (*reopened)->scorer().Predict(rows, nullptr, 3);
    ASSERT_TRUE(one.ok() && three.ok()) << one.status() << three.status();
    EXPECT_EQ(*one, *three);
    auto row_scorer = RowScorer::Bind(*reopened, rows.schema());
    ASSERT_TRUE(row_scorer.ok()) << row_scorer.status();
    const std::size_t outputs = one->size() / rows.num_rows();
    for (std::size_t r = 0; r < rows.num_rows(); r += 13) {
      std::vector<Value> row;
      for (std::size_t c = 0; c < rows.num_columns(); ++c) row.push_back(rows.column(c).At(r));
      const auto scores = row_scorer->Score(row);
      ASSERT_TRUE(scores.ok()) << scores.status();
      for (std::size_t k = 0; k < outputs; ++k) EXPECT_EQ((*scores)[k], (*one)[r * outputs + k]);
    }
    // The value decides: the same margins, other curves.
    if (std::string(by) == "country") {
      ColumnBuilder unknown(Type::kText);
      for (std::size_t r = 0; r < rows.num_rows(); ++r) unknown.AppendText("nowhere");
      const auto elsewhere = (*reopened)->scorer().Predict(rows.WithColumn("country", unknown.Finish()));
      ASSERT_TRUE(elsewhere.ok()) << elsewhere.status();
      EXPECT_NE(*elsewhere, *one);
    }
  }
}

TEST(CalibrationBy, RefusesColumnsThatCannotDecide) {
  const Table rows = Customers(800);
  const auto says = [&](const std::string& by, auto change) {
    TrainSpec spec = SpecFor("churned");
    spec.calibrate = {Kind::kBeta, by};
    change(spec);
    return Train(rows, spec, {}).status().ToString();
  };
  const auto nothing = [](TrainSpec&) {};
  EXPECT_THAT(says("contry", nothing), HasSubstr("did you mean `country`?"));
  EXPECT_THAT(says("customer_id", nothing), HasSubstr("which is no feature"));
  EXPECT_THAT(says("churned", nothing), HasSubstr("which is no feature"));
  EXPECT_THAT(says("country", [](TrainSpec& s) { s.ignore = {"country"}; }), HasSubstr("which is no feature"));
  EXPECT_THAT(says("country", [](TrainSpec& s) { s.personal = {"country"}; }), HasSubstr("`country` is personal"));
  EXPECT_THAT(says("spend", nothing), HasSubstr("expected text, int or bool"));
  EXPECT_THAT(says("since", nothing), HasSubstr("expected text, int or bool"));
  EXPECT_THAT(says("constant", nothing), HasSubstr("which the model does not read"));
}

}  // namespace
}  // namespace headrace

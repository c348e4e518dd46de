#include <gtest/gtest.h>

#include <bit>
#include <numeric>

#include "headrace/base/text.h"
#include "headrace/model/model.h"
#include "headrace/model/row_scorer.h"
#include "headrace/model/test_world.h"

namespace headrace {
namespace {

using testing_world::Customers;
using testing_world::SpecFor;

std::shared_ptr<const Model> Trained(const std::string& target, LearnerSpec::Kind kind) {
  TrainSpec spec = SpecFor(target);
  spec.learner.given = true;
  spec.learner.kind = kind;
  if (kind == LearnerSpec::Kind::kLightGbm) spec.learner.parameters = {{"num_iterations", "30"}};
  if (target != "visits")
    spec.calibrate.kind = target == "plan" ? CalibrationSpec::Kind::kIsotonic : CalibrationSpec::Kind::kSigmoid;
  Result<TrainOutput> trained = Train(Customers(900), spec, {});
  EXPECT_TRUE(trained.ok()) << trained.status();
  return trained->model;
}

void ExpectSameBits(const Table& a, const Table& b, std::string_view what) {
  ASSERT_EQ(a.schema(), b.schema());
  ASSERT_EQ(a.num_rows(), b.num_rows());
  for (std::size_t c = 0; c < a.num_columns(); ++c) {
    for (std::size_t r = 0; r < a.num_rows(); ++r) {
      if (a.column(c).type() == Type::kDouble) {
        ASSERT_EQ(std::bit_cast<std::uint64_t>(a.column(c).doubles()[r]),
                  std::bit_cast<std::uint64_t>(b.column(c).doubles()[r]))
            << what << " row " << r;
      } else {
        ASSERT_EQ(a.column(c).text(r), b.column(c).text(r)) << what << " row " << r;
      }
    }
  }
}

TEST(Scorer, OneRowABlockATableAndThreadsGiveTheSameBits) {
  const std::pair<std::string, LearnerSpec::Kind> kModels[] = {{"churned", LearnerSpec::Kind::kLightGbm},
                                                               {"churned", LearnerSpec::Kind::kLogistic},
                                                               {"plan", LearnerSpec::Kind::kLightGbm},
                                                               {"plan", LearnerSpec::Kind::kLogistic},
                                                               {"visits", LearnerSpec::Kind::kLinear}};
  const Table rows = Customers(2500, 9);
  for (const auto& [target, kind] : kModels) {
    const auto model = Trained(target, kind);
    const Scorer& scorer = model->scorer();
    const auto whole = scorer.Score(rows, nullptr);
    ASSERT_TRUE(whole.ok()) << whole.status();
    for (const int threads : {2, 3}) ExpectSameBits(*whole, *scorer.Score(rows, nullptr, threads), "threads");
    for (const std::size_t at : {0u, 1u, 1023u, 1024u, 2499u})
      ExpectSameBits(whole->Slice(at, 1), *scorer.Score(rows.Slice(at, 1), nullptr), "one row");
    ExpectSameBits(whole->Slice(700, 900), *scorer.Score(rows.Slice(700, 900), nullptr), "block");
    std::vector<std::string> names = rows.schema().Names();
    std::reverse(names.begin(), names.end());
    ExpectSameBits(*whole, *scorer.Score(rows.Select(names)->WithColumn("more", rows.column_ptr(0)), nullptr),
                   "columns");
  }
}

TEST(RowScorer, GivesTheBitsOfATable) {
  const std::pair<std::string, LearnerSpec::Kind> kModels[] = {{"churned", LearnerSpec::Kind::kLightGbm},
                                                               {"plan", LearnerSpec::Kind::kLightGbm},
                                                               {"visits", LearnerSpec::Kind::kLinear}};
  const Table rows = Customers(300, 9);
  std::vector<std::string> names = rows.schema().Names();
  std::reverse(names.begin(), names.end());
  const Table turned = *rows.Select(names);
  for (const auto& [target, kind] : kModels) {
    const auto model = Trained(target, kind);
    const auto whole = model->scorer().Predict(rows);
    const auto scored = model->scorer().Score(rows, nullptr);
    auto one = RowScorer::Bind(model, turned.schema());
    ASSERT_TRUE(one.ok()) << one.status();
    for (std::size_t r = 0; r < 300; ++r) {
      std::vector<Value> row;
      for (std::size_t c = 0; c < turned.num_columns(); ++c) row.push_back(turned.column(c).At(r));
      const auto predictions = one->Score(row);
      ASSERT_TRUE(predictions.ok()) << predictions.status();
      for (std::size_t k = 0; k < predictions->size(); ++k)
        ASSERT_EQ(std::bit_cast<std::uint64_t>((*predictions)[k]),
                  std::bit_cast<std::uint64_t>((*whole)[r * predictions->size() + k]));
      const Column* label = scored->Find("label");
      EXPECT_EQ(one->label(), label == nullptr ? "" : label->text(r));
    }
  }
}

TEST(RowScorer, RefusesWhatDoesNotFit) {
  const auto model = Trained("churned", LearnerSpec::Kind::kLightGbm);
  const Table rows = Customers(2);
  EXPECT_EQ(RowScorer::Bind(model, Schema({{"spend", Type::kDouble}})).status().code(), ErrorCode::kData);
  auto one = RowScorer::Bind(model, rows.schema());
  std::vector<Value> row;
  for (std::size_t c = 0; c < rows.num_columns(); ++c) row.push_back(rows.column(c).At(0));
  ASSERT_TRUE(one->Score(row).ok());
  row[1] = Value::Text("much");
  const auto refused = one->Score(row);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message(), "column `spend` is double, the row has text");
}

TEST(Scorer, NamesTheColumnThatIsMissingAndTheOneMeant) {
  const auto model = Trained("churned", LearnerSpec::Kind::kLightGbm);
  const Table rows = Customers(10);
  std::vector<Field> fields = rows.schema().fields();
  fields[1].name = "spent";
  const Table renamed(
      Schema(fields),
      {rows.column_ptr(0), rows.column_ptr(1), rows.column_ptr(2), rows.column_ptr(3), rows.column_ptr(4),
       rows.column_ptr(5), rows.column_ptr(6), rows.column_ptr(7), rows.column_ptr(8), rows.column_ptr(9)},
      10);
  const auto scores = model->scorer().Score(renamed, nullptr);
  ASSERT_FALSE(scores.ok());
  EXPECT_EQ(scores.status().code(), ErrorCode::kData);
  EXPECT_NE(scores.status().message().find("column `spend` (double) is missing"), std::string::npos) << scores.status();
  EXPECT_NE(scores.status().help().find("`spent`"), std::string::npos) << scores.status();
}

TEST(Scorer, RefusesAColumnOfAnotherType) {
  const auto model = Trained("churned", LearnerSpec::Kind::kLightGbm);
  const Table rows = Customers(10);
  const auto scores = model->scorer().Score(rows.WithColumn("country", rows.column_ptr(0)), nullptr);
  ASSERT_FALSE(scores.ok());
  EXPECT_EQ(scores.status().code(), ErrorCode::kData);
  EXPECT_NE(scores.status().message().find("country"), std::string::npos) << scores.status();
  EXPECT_TRUE(model->scorer().Score(rows.WithColumn("spend", rows.column_ptr(0)), nullptr).ok())
      << "an int column for a double one is fine";
}

TEST(Scorer, NeedsNoTargetAndTakesNoRows) {
  const auto model = Trained("churned", LearnerSpec::Kind::kLightGbm);
  const std::vector<std::string> inputs = [&] {
    std::vector<std::string> names;
    for (const InputColumn& c : model->info().inputs) names.push_back(c.name);
    return names;
  }();
  const Table rows = *Customers(5).Select(inputs);
  EXPECT_TRUE(model->scorer().Score(rows, nullptr).ok());
  const auto none = model->scorer().Score(rows.Slice(0, 0), nullptr);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->num_rows(), 0u);
  EXPECT_EQ(none->schema().Names(), (std::vector<std::string>{"score", "label"}));
}

TEST(Scorer, CountsWhatItHadARuleFor) {
  const auto model = Trained("churned", LearnerSpec::Kind::kLightGbm);
  const Table rows = Customers(2000, 3);
  ColumnBuilder country(Type::kText);
  for (std::size_t i = 0; i < 2000; ++i) country.AppendText(i < 1500 ? "Atlantis" : "A");
  ScoreCounts counts;
  ASSERT_TRUE(model->scorer().Score(rows.WithColumn("country", country.Finish()), &counts, 2).ok());
  EXPECT_EQ(counts.rows, 2000);
  EXPECT_EQ(counts.unseen["country"], 1500);
}

TEST(Scorer, LabelsFromTheThresholdOn) {
  const auto model = Trained("churned", LearnerSpec::Kind::kLogistic);
  const double t = model->info().threshold;
  EXPECT_EQ(model->scorer().Labels(std::vector<double>{0, std::nextafter(t, 0), t, 1}),
            (std::vector<std::size_t>{0, 0, 1, 1}));
  const auto several = Trained("plan", LearnerSpec::Kind::kLogistic);
  EXPECT_EQ(several->scorer().Labels(std::vector<double>{0.4, 0.4, 0.2, 0.1, 0.2, 0.7}),
            (std::vector<std::size_t>{0, 2}));
}

}  // namespace
}  // namespace headrace

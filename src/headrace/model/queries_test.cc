// Whole trainings of rankings: queries stay whole, and metrics are theirs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "headrace/base/text.h"
#include "headrace/model/learner.h"
#include "headrace/model/train.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;

/// `queries` queries of up to twenty documents, their rows mixed, with grades from 0 to 4 that two columns tell.
Table Documents(int queries, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  ColumnBuilder query(Type::kText), document(Type::kInt), match(Type::kDouble), clicks(Type::kDouble), grade(Type::kInt);
  std::vector<int> of_row;
  for (int q = 0; q < queries; ++q)
    for (std::uint64_t d = 2 + random() % 18; d-- > 0;) of_row.push_back(q);
  std::shuffle(of_row.begin(), of_row.end(), random);
  for (std::size_t r = 0; r < of_row.size(); ++r) {
    query.AppendText(StrCat("q", of_row[r]));
    document.AppendInt(static_cast<std::int64_t>(r));
    const double a = normal(random), b = normal(random);
    match.AppendDouble(a);
    clicks.AppendDouble(b + of_row[r]);  // its level differs from query to query
    grade.AppendInt(static_cast<std::int64_t>(std::clamp(std::round(1 + a + 0.5 * b + 0.3 * normal(random)), 0.0, 4.0)));
  }
  return Table(Schema({{"query", Type::kText}, {"document", Type::kInt}, {"match", Type::kDouble}, {"clicks", Type::kDouble}, {"grade", Type::kInt}}),
               {query.Finish(), document.Finish(), match.Finish(), clicks.Finish(), grade.Finish()}, of_row.size());
}

TrainSpec SpecOf(LearnerSpec::Kind kind) {
  TrainSpec spec;
  spec.target = "grade";
  spec.key = {"document"};
  spec.group = "query";
  spec.split = {SplitSpec::Kind::kHash, {}, 0.25, 0};
  spec.learner.given = true;
  spec.learner.kind = kind;
  if (kind == LearnerSpec::Kind::kLightGbm)
    spec.learner.parameters = {{"objective", "lambdarank"}, {"num_iterations", "80"}, {"min_data_in_leaf", "5"}, {"early_stopping_round", "10"}};
  else
    spec.learner.parameters = {{"objective", "rank:ndcg"}, {"n_estimators", "80"}, {"max_depth", "3"}, {"early_stopping_rounds", "10"}};
  return spec;
}

TEST(Ranking, OrdersQueriesThatItHasNotSeen) {
  const Table rows = Documents(150);
  for (const auto kind : {LearnerSpec::Kind::kLightGbm, LearnerSpec::Kind::kXgboost}) {
    TrainSpec spec = SpecOf(kind);
    spec.intervals = 50;
    const auto trained = Train(rows, spec, {});
    ASSERT_TRUE(trained.ok()) << trained.status();
    const Evaluation& evaluation = trained->evaluation;
    EXPECT_GT(evaluation.metrics.at("ndcg@10"), evaluation.baseline.at("ndcg@10") + 0.1);
    EXPECT_LT(evaluation.intervals.at("ndcg@10").low, evaluation.metrics.at("ndcg@10"));
    EXPECT_EQ(evaluation.metrics.size(), 3u);  // ndcg@5, ndcg@10, map@10
    EXPECT_LT(evaluation.iterations, 80);
    std::set<std::string> tested;
    for (std::size_t r = 0; r < trained->test_predictions.num_rows(); ++r)
      tested.insert(std::string(trained->test_predictions.Find("query")->text(r)));
    std::size_t whole = 0;
    for (std::size_t r = 0; r < rows.num_rows(); ++r) whole += tested.contains(std::string(rows.Find("query")->text(r))) ? 1 : 0;
    EXPECT_EQ(whole, trained->test_predictions.num_rows());  // queries are tested whole
    for (const InputColumn& input : trained->model->info().inputs) EXPECT_NE(input.name, "query");
  }
}

TEST(Ranking, TheSameFileForAnyOrderOfRowsAndAnyNumberOfThreads) {
  const Table rows = Documents(80);
  std::vector<std::size_t> backwards(rows.num_rows());
  for (std::size_t i = 0; i < backwards.size(); ++i) backwards[i] = rows.num_rows() - 1 - i;
  for (const auto kind : {LearnerSpec::Kind::kLightGbm, LearnerSpec::Kind::kXgboost}) {
    TrainContext one, three;
    one.threads = 1;
    three.threads = 3;
    const auto first = Train(rows, SpecOf(kind), one), second = Train(rows.Take(backwards), SpecOf(kind), three);
    ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
    EXPECT_TRUE(first->model->bytes() == second->model->bytes());
  }
}

TEST(Ranking, RefusesWhatIsNoRanking) {
  const Table rows = Documents(40);
  const auto says = [&](const TrainSpec& spec) { return Train(rows, spec, {}).status().ToString(); };
  TrainSpec spec = SpecOf(LearnerSpec::Kind::kLightGbm);
  spec.group = "";
  EXPECT_THAT(says(spec), HasSubstr("add `group: COLUMN`"));
  spec = SpecOf(LearnerSpec::Kind::kLightGbm);
  spec.learner.parameters.erase("objective");
  EXPECT_THAT(says(spec), HasSubstr("objective: lambdarank"));
  spec = SpecOf(LearnerSpec::Kind::kXgboost);
  spec.group = "qery";
  EXPECT_THAT(says(spec), HasSubstr("did you mean `query`?"));
  spec.group = "query";
  spec.split.columns = {"document"};
  EXPECT_THAT(says(spec), HasSubstr("hash(query)"));
  spec.split = {SplitSpec::Kind::kTime, {"document"}, 0.25, 0};
  EXPECT_THAT(says(spec), HasSubstr("the split cuts through the query query = q"));
  spec.split = {SplitSpec::Kind::kHash, {}, 0.25, 0};
  spec.weight = "clicks";
  EXPECT_THAT(says(spec), HasSubstr("`weight` is of rows"));
  spec.weight = "";
  spec.target = "match";
  EXPECT_THAT(says(spec), HasSubstr("whole numbers from 0 to 30"));
  spec.target = "grade";
  spec.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
  EXPECT_THAT(says(spec), HasSubstr("calibrate"));
  spec = TrainSpec();
  spec.target = "grade";
  spec.learner.given = true;
  spec.learner.kind = LearnerSpec::Kind::kLinear;
  spec.evaluate = {"ndcg@10"};
  EXPECT_THAT(says(spec), HasSubstr("name it with `group: COLUMN`"));
}

}  // namespace
}  // namespace headrace

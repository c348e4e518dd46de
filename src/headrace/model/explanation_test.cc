#include "headrace/model/explanation.h"

#include <gtest/gtest.h>

#include <bit>
#include <numeric>

#include "headrace/model/test_world.h"

namespace headrace {
namespace {

using testing_world::Customers;
using testing_world::SpecFor;

std::shared_ptr<const Model> Trained(const std::string& target, LearnerSpec::Kind kind) {
  TrainSpec spec = SpecFor(target);
  spec.learner.given = true;
  spec.learner.kind = kind;
  if (kind == LearnerSpec::Kind::kLightGbm) spec.learner.parameters = {{"num_iterations", "20"}};
  Result<TrainOutput> trained = Train(Customers(900), spec, {});
  EXPECT_TRUE(trained.ok()) << trained.status();
  return trained->model;
}

const std::pair<std::string, LearnerSpec::Kind> kModels[] = {{"churned", LearnerSpec::Kind::kLightGbm},
                                                             {"churned", LearnerSpec::Kind::kLogistic},
                                                             {"plan", LearnerSpec::Kind::kLightGbm},
                                                             {"plan", LearnerSpec::Kind::kLogistic},
                                                             {"visits", LearnerSpec::Kind::kLinear}};

TEST(Explanation, ColumnsAddUpToTheMargin) {
  const Table rows = Customers(600, 5);
  for (const auto& [target, kind] : kModels) {
    const auto model = Trained(target, kind);
    const auto parts = Contributions(model->scorer(), rows);
    ASSERT_TRUE(parts.ok()) << parts.status();
    EXPECT_EQ(std::count(parts->columns.begin(), parts->columns.end(), "country"), 1) << "not one a level";
    const auto margins = model->scorer().RawScores(rows);
    for (std::size_t r = 0; r < 600; ++r)
      for (std::size_t k = 0; k < parts->outputs; ++k) {
        const auto adds = parts->Of(r, k);
        ASSERT_NEAR(std::accumulate(adds.begin(), adds.end(), 0.0), (*margins)[r * parts->outputs + k], 1e-9);
      }
  }
}

TEST(Explanation, OneRowATableAndThreadsGiveTheSameBits) {
  const Table rows = Customers(600, 5);
  for (const auto& [target, kind] : kModels) {
    const auto model = Trained(target, kind);
    const auto whole = Contributions(model->scorer(), rows);
    EXPECT_EQ(whole->values, Contributions(model->scorer(), rows, 3)->values);
    for (const std::size_t r : {0u, 255u, 256u, 599u}) {
      const auto one = Contributions(model->scorer(), rows.Slice(r, 1));
      for (std::size_t i = 0; i < one->values.size(); ++i)
        ASSERT_EQ(std::bit_cast<std::int64_t>(one->values[i]),
                  std::bit_cast<std::int64_t>(whole->values[r * one->values.size() + i]));
    }
  }
}

TEST(Explanation, ReasonsNameTheLargestPartsWithValueAndDirection) {
  const Table rows = Customers(300, 6);
  for (const auto& [target, kind] : kModels) {
    const auto model = Trained(target, kind);
    const auto parts = Contributions(model->scorer(), rows);
    const auto labels = model->scorer().Labels(*model->scorer().Predict(rows));
    const auto reasons = Reasons(model->scorer(), rows, {2, {}, 1});
    ASSERT_TRUE(reasons.ok()) << reasons.status();
    ASSERT_EQ(reasons->size(), 2u);
    for (std::size_t r = 0; r < 300; ++r) {
      const auto adds = parts->Of(r, parts->outputs > 1 ? labels[r] : 0).first(parts->columns.size());
      const auto top =
          std::max_element(adds.begin(), adds.end(), [](double a, double b) { return std::fabs(a) < std::fabs(b); });
      const std::string& column = parts->columns[static_cast<std::size_t>(top - adds.begin())];
      const Value value = rows.Find(column)->At(r);
      EXPECT_EQ((*reasons)[0]->text(r),
                StrCat(*top > 0 ? "+ " : "- ", column, " = ", value.is_null() ? "(missing)" : value.ToString()));
    }
  }
}

TEST(Explanation, ReasonsNeverTellAPersonalValue) {
  const Table rows = Customers(200, 6);
  const auto model = Trained("churned", LearnerSpec::Kind::kLogistic);
  const auto reasons = Reasons(model->scorer(), rows, {20, {"country", "spend"}, 1});
  ASSERT_TRUE(reasons.ok()) << reasons.status();
  std::size_t named = 0, empty = 0;
  for (const ColumnPtr& column : *reasons)
    for (std::size_t r = 0; r < 200; ++r) {
      if (column->IsNull(r)) {
        ++empty;
        continue;
      }
      const std::string_view text = column->text(r);
      named += text == "+ country" || text == "- country" || text == "+ spend" || text == "- spend" ? 1 : 0;
      EXPECT_EQ(text.find("country ="), std::string_view::npos) << text;
      EXPECT_EQ(text.find("spend ="), std::string_view::npos) << text;
    }
  EXPECT_GT(named, 200u);
  EXPECT_GT(empty, 0u) << "a model of fewer columns has no twentieth reason";
}

}  // namespace
}  // namespace headrace

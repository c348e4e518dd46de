// Whole trainings of uplift: who was treated is no feature, both sides are in every part, and the score is what treatment adds.
#include "headrace/model/uplift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "headrace/base/json.h"
#include "headrace/model/explanation.h"
#include "headrace/model/metrics.h"
#include "headrace/model/model.h"
#include "headrace/model/row_scorer.h"
#include "headrace/model/train.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using Kind = LearnerSpec::Kind;

/// Customers of whom half got a mail: it helps where `young` is high and harms where `tired` is; `age` alone tells much of who buys anyway.
Table Mailed(std::size_t n, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  const auto uniform = [&] { return static_cast<double>(random() >> 11) / 9007199254740992.0; };
  ColumnBuilder id(Type::kInt), young(Type::kDouble), age(Type::kDouble), tired(Type::kText), mailed(Type::kText), bought(Type::kBool), spent(Type::kDouble);
  for (std::size_t i = 0; i < n; ++i) {
    const double a = normal(random), b = normal(random);
    const bool off = uniform() < 0.3, treated = uniform() < 0.5;
    const double effect = off ? -0.8 : 1.2 * a;
    const double lean = b + (treated ? effect : 0);
    id.AppendInt(static_cast<std::int64_t>(i));
    young.AppendDouble(a);
    age.AppendDouble(b);
    tired.AppendText(off ? "yes" : "no");
    mailed.AppendText(treated ? "mail" : "none");
    bought.AppendInt(uniform() < 1 / (1 + std::exp(0.5 - lean)));
    spent.AppendDouble(10 + 3 * lean + normal(random));
  }
  return Table(Schema({{"id", Type::kInt}, {"young", Type::kDouble}, {"age", Type::kDouble}, {"tired", Type::kText}, {"mailed", Type::kText}, {"bought", Type::kBool}, {"spent", Type::kDouble}}),
               {id.Finish(), young.Finish(), age.Finish(), tired.Finish(), mailed.Finish(), bought.Finish(), spent.Finish()}, n);
}

TrainSpec SpecOf(Kind uplift, Kind base, const std::string& target = "bought") {
  TrainSpec spec;
  spec.target = target;
  spec.key = {"id"};
  spec.ignore = {target == "bought" ? "spent" : "bought"};
  spec.treatment = "mailed";
  spec.treated = "mail";
  spec.split = {SplitSpec::Kind::kHash, {}, 0.4, 0};
  spec.learner.given = true;
  spec.learner.kind = base;
  spec.learner.uplift = uplift;
  if (base == Kind::kLightGbm) spec.learner.parameters = {{"num_iterations", "40"}, {"num_leaves", "7"}, {"learning_rate", "0.05"}};
  if (base == Kind::kXgboost) spec.learner.parameters = {{"num_boost_round", "40"}, {"max_depth", "3"}, {"eta", "0.05"}};
  return spec;
}

TEST(Uplift, FindsWhomTheMailMakesBuy) {
  const Table rows = Mailed(4000);
  for (const Kind uplift : {Kind::kTwoModel, Kind::kXLearner})
    for (const Kind base : {Kind::kLightGbm, Kind::kXgboost, Kind::kLogistic}) {
      TrainSpec spec = SpecOf(uplift, base);
      spec.intervals = 40;
      spec.segments = {"tired"};
      spec.gate = {{"qini >= 0.1", "qini >= 0.1", "", 0}, {"auuc.low > 0", "auuc.low > 0", "", 0}};
      const auto trained = Train(rows, spec, {});
      ASSERT_TRUE(trained.ok()) << trained.status();
      const Evaluation& evaluation = trained->evaluation;
      EXPECT_EQ(evaluation.metrics.size(), 2u);
      EXPECT_GT(evaluation.metrics.at("qini"), 0.12);
      EXPECT_GT(evaluation.metrics.at("auuc"), 0.08);
      EXPECT_EQ(evaluation.baseline.at("qini"), 0);  // random targeting
      EXPECT_EQ(evaluation.baseline.at("auuc"), 0);
      EXPECT_LT(evaluation.intervals.at("qini").low, evaluation.metrics.at("qini"));
      EXPECT_TRUE(trained->gates_passed());
      EXPECT_TRUE(evaluation.gaps.empty());
      EXPECT_GT(evaluation.curves.uplift.size(), 50u);
      EXPECT_FALSE(evaluation.importance.empty());
      const ModelInfo& info = trained->model->info();
      EXPECT_EQ(info.task, Task::kRegression);
      EXPECT_EQ(info.treatment, (TreatmentFacts{"mailed", "mail", "none", "true"}));
      for (const InputColumn& input : info.inputs) EXPECT_NE(input.name, "mailed");
      EXPECT_THAT(*trained->model->Member("card.md"), HasSubstr("probability of `true` rises where `mailed` is `mail` instead of `none`"));
      EXPECT_TRUE(trained->test_predictions.Find("mailed") != nullptr && trained->test_predictions.Find("label") == nullptr);
    }
}

/// The score is what the paper's formulas give, from models fitted apart.
TEST(Uplift, IsMadeOfItsPartsAsWritten) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  const std::size_t n = 300;
  std::vector<double> x, y, w;
  std::vector<std::uint8_t> treated;
  for (std::size_t i = 0; i < n; ++i) {
    x.push_back(normal(random));
    x.push_back(normal(random));
    treated.push_back(random() % 3 == 0);
    y.push_back(normal(random) + x[2 * i] * (treated[i] ? 2 : -1) + x[2 * i + 1] > 0);
    w.push_back(1 + static_cast<double>(random() % 3));
  }
  const auto fit = [&](Kind kind, Task task, bool side, const std::vector<double>& target) {
    std::vector<double> xs, ys, ws;
    for (std::size_t i = 0; i < n; ++i)
      if ((treated[i] != 0) == side) {
        xs.insert(xs.end(), {x[2 * i], x[2 * i + 1]});
        ys.push_back(target[i]);
        ws.push_back(w[i]);
      }
    LearnerSpec spec;
    spec.given = true;
    spec.kind = kind;
    auto learner = FitLearner(*ResolveLearner(spec, task, 2, ys.size()), {Matrix::Dense(xs, 2), ys, ws}, 1, {});
    EXPECT_TRUE(learner.ok()) << learner.status();
    std::vector<double> out(n);
    (*learner)->RawScores(x.data(), n, out.data());
    ApplyLink((*learner)->link(), n, 1, out.data());
    return out;
  };
  const auto uplift = [&](Kind kind) {
    LearnerSpec spec;
    spec.given = true;
    spec.kind = Kind::kLogistic;
    spec.uplift = kind;
    const auto settings = ResolveLearner(spec, Task::kBinary, 2, n);
    EXPECT_TRUE(settings.ok()) << settings.status();
    auto learner = FitLearner(*settings, {Matrix::Dense(x, 2), y, w, {}, {}, {}, treated}, 1, {});
    EXPECT_TRUE(learner.ok()) << learner.status();
    auto read = ReadLearner(kind, Task::kRegression, (*learner)->text(), 2, 1);
    EXPECT_TRUE(read.ok()) << read.status();
    std::vector<double> out(n), again(n);
    (*learner)->RawScores(x.data(), n, out.data());
    (*read)->RawScores(x.data(), n, again.data());
    EXPECT_EQ(out, again);
    for (std::size_t i = 0; i < n; ++i) {
      double one = 0;
      (*read)->RawScores(x.data() + 2 * i, 1, &one);
      EXPECT_EQ(one, out[i]);
    }
    return out;
  };
  const std::vector<double> m0 = fit(Kind::kLogistic, Task::kBinary, false, y), m1 = fit(Kind::kLogistic, Task::kBinary, true, y);
  const std::vector<double> two = uplift(Kind::kTwoModel);
  for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(two[i], m1[i] - m0[i]);
  std::vector<double> effect(n);
  double all = 0, of_treated = 0;
  for (std::size_t i = 0; i < n; ++i) {
    effect[i] = treated[i] != 0 ? y[i] - m0[i] : m1[i] - y[i];
    all += w[i];
    of_treated += treated[i] != 0 ? w[i] : 0;
  }
  const std::vector<double> t0 = fit(Kind::kLinear, Task::kRegression, false, effect), t1 = fit(Kind::kLinear, Task::kRegression, true, effect);
  const std::vector<double> x_learner = uplift(Kind::kXLearner);
  const double g = of_treated / all;
  for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(x_learner[i], g * t0[i] + (1 - g) * t1[i], 1e-12);
}

TEST(Uplift, TheSameFileForAnyOrderOfRowsAndAnyNumberOfThreads) {
  const Table rows = Mailed(600);
  std::vector<std::size_t> backwards(rows.num_rows());
  for (std::size_t i = 0; i < backwards.size(); ++i) backwards[i] = rows.num_rows() - 1 - i;
  for (const Kind uplift : {Kind::kTwoModel, Kind::kXLearner})
    for (const Kind base : {Kind::kLightGbm, Kind::kXgboost, Kind::kLinear}) {
      TrainSpec spec = SpecOf(uplift, base, "spent");
      spec.refit_all_rows = true;
      TrainContext one, three;
      one.threads = 1;
      three.threads = 3;
      const auto first = Train(rows, spec, one), second = Train(rows.Take(backwards), spec, three);
      ASSERT_TRUE(first.ok() && second.ok()) << first.status() << second.status();
      EXPECT_TRUE(first->model->bytes() == second->model->bytes());
      EXPECT_EQ(first->model->info().fitted_rows, 600);
      EXPECT_EQ(first->model->info().treatment.outcome, "");
      EXPECT_EQ(first->evaluation.metrics.count("auuc"), 0u);  // of a number only qini
      EXPECT_GT(first->evaluation.metrics.at("qini"), 0.1);
    }
}

TEST(Uplift, ScoresARowAsATable) {
  const Table rows = Mailed(500);
  const auto trained = Train(rows, SpecOf(Kind::kXLearner, Kind::kLightGbm), {});
  ASSERT_TRUE(trained.ok()) << trained.status();
  const auto scores = trained->model->scorer().Score(rows, nullptr, 2);
  ASSERT_TRUE(scores.ok()) << scores.status();
  auto row_scorer = RowScorer::Bind(trained->model, rows.schema());
  ASSERT_TRUE(row_scorer.ok()) << row_scorer.status();
  for (std::size_t r = 0; r < rows.num_rows(); r += 7) {
    std::vector<Value> row;
    for (std::size_t c = 0; c < rows.num_columns(); ++c) row.push_back(rows.column(c).At(r));
    const auto score = row_scorer->Score(row);
    ASSERT_TRUE(score.ok()) << score.status();
    EXPECT_EQ((*score)[0], scores->Find("score")->doubles()[r]);
  }
}

TEST(Uplift, SumsCanBeExplainedAndDifferencesOfProbabilitiesCannot) {
  const Table rows = Mailed(500);
  const auto explained = [&](Kind uplift, Kind base, const std::string& target) {
    const auto trained = Train(rows, SpecOf(uplift, base, target), {});
    EXPECT_TRUE(trained.ok()) << trained.status();
    const auto parts = Contributions(trained->model->scorer(), rows, 1);
    if (!parts.ok()) return parts.status().ToString();
    const auto scores = trained->model->scorer().Predict(rows);
    for (std::size_t r = 0; r < rows.num_rows(); ++r) {
      double sum = 0;
      for (const double part : parts->Of(r, 0)) sum += part;
      EXPECT_NEAR(sum, (*scores)[r], 1e-9);
    }
    return std::string("explained");
  };
  EXPECT_EQ(explained(Kind::kXLearner, Kind::kLightGbm, "bought"), "explained");
  EXPECT_EQ(explained(Kind::kXLearner, Kind::kLogistic, "bought"), "explained");
  EXPECT_EQ(explained(Kind::kTwoModel, Kind::kLinear, "spent"), "explained");
  EXPECT_THAT(explained(Kind::kTwoModel, Kind::kLightGbm, "bought"), HasSubstr("learn by `x_learner`"));
}

TEST(Uplift, IsTunedByQiniAndJudgedOutOfFold) {
  TrainSpec spec = SpecOf(Kind::kTwoModel, Kind::kLightGbm);
  spec.split.kind = SplitSpec::Kind::kNone;
  spec.tune.trials = 3;
  spec.tune.space = {{"num_leaves", {"2", "4", "31"}, 0, 0, false, false}};
  const auto trained = Train(Mailed(1500), spec, {});
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_EQ(trained->evaluation.evaluated_on, "out-of-fold rows");
  ASSERT_EQ(trained->evaluation.trials.size(), 3u);
  double best = -1;
  for (const Trial& trial : trained->evaluation.trials) {
    EXPECT_EQ(trial.metric, "qini");
    best = std::max(best, trial.mean);
  }
  for (const Trial& trial : trained->evaluation.trials) EXPECT_TRUE(!trial.chosen || trial.mean == best);
}

TEST(Uplift, SaysWhenItIsWorseThanRandomTargeting) {
  Table rows = Mailed(600);
  ColumnBuilder turned(Type::kText), is_test(Type::kBool);  // in the test rows who was treated is the wrong way round
  for (std::size_t i = 0; i < rows.num_rows(); ++i) {
    is_test.AppendInt(i % 2);
    turned.AppendText((rows.Find("mailed")->text(i) == "mail") == (i % 2 == 0) ? "mail" : "none");
  }
  rows = rows.WithColumn("mailed", turned.Finish()).WithColumn("is_test", is_test.Finish());
  TrainSpec spec = SpecOf(Kind::kTwoModel, Kind::kLogistic);
  spec.split = {SplitSpec::Kind::kColumn, {"is_test"}, 0, 0};
  const auto trained = Train(rows, spec, {});
  ASSERT_TRUE(trained.ok()) << trained.status();
  EXPECT_LT(trained->evaluation.metrics.at("qini"), 0);
  EXPECT_THAT(trained->notes, ::testing::Contains(HasSubstr("WORSE THAN RANDOM TARGETING: qini is -")));
}

TEST(Uplift, RefusesWhatHasNoMeaning) {
  const Table rows = Mailed(300);
  const auto says = [&](const TrainSpec& spec) { return Train(rows, spec, {}).status().ToString(); };
  const auto with = [&](auto change) {
    TrainSpec spec = SpecOf(Kind::kTwoModel, Kind::kLightGbm);
    change(spec);
    return says(spec);
  };
  EXPECT_THAT(with([](TrainSpec& s) { s.treatment = ""; s.treated = ""; }), HasSubstr("add `treatment: COLUMN`"));
  EXPECT_THAT(with([](TrainSpec& s) { s.learner.uplift.reset(); }), HasSubstr("`treatment` is for learners of uplift"));
  EXPECT_THAT(with([](TrainSpec& s) { s.treatment = "maild"; }), HasSubstr("did you mean `mailed`?"));
  EXPECT_THAT(with([](TrainSpec& s) { s.treatment = "bought"; }), HasSubstr("both treatment and target"));
  EXPECT_THAT(with([](TrainSpec& s) { s.treated = "post"; }), HasSubstr("choose from: mail, none"));
  EXPECT_THAT(with([](TrainSpec& s) { s.treatment = "young"; }), HasSubstr("more than two values"));
  EXPECT_THAT(with([](TrainSpec& s) { s.calibrate.kind = CalibrationSpec::Kind::kIsotonic; }), HasSubstr("`calibrate` has no meaning for uplift"));
  EXPECT_THAT(with([](TrainSpec& s) { s.threshold.maximize = "f1"; }), HasSubstr("`threshold` has no meaning for uplift"));
  EXPECT_THAT(with([](TrainSpec& s) { s.class_weight_balanced = true; }), HasSubstr("`class_weight` has no meaning for uplift"));
  EXPECT_THAT(with([](TrainSpec& s) { s.learner.monotone = {{"young", 1}}; }), HasSubstr("`monotone` has no meaning for uplift"));
  EXPECT_THAT(with([](TrainSpec& s) { s.learner.kind = Kind::kNaiveBayes; s.learner.parameters.clear(); }), HasSubstr("cannot be made of naive_bayes"));
  EXPECT_THAT(with([](TrainSpec& s) { s.learner.parameters["early_stopping_round"] = "10"; }), HasSubstr("no early stopping"));
  EXPECT_THAT(with([](TrainSpec& s) { s.learner.parameters["objective"] = "quantile"; }), HasSubstr("not quantile"));
  EXPECT_THAT(with([](TrainSpec& s) { s.learner.parameters["scale_pos_weight"] = "3"; }), HasSubstr("moves the probabilities"));
  EXPECT_THAT(with([](TrainSpec& s) { s.evaluate = {"rmse"}; }), HasSubstr("use qini, auuc or uplift@10%"));
  EXPECT_THAT(with([](TrainSpec& s) { s.tune.trials = 2; s.tune.metric = "rmse"; }), HasSubstr("use qini, auuc or uplift@10%"));
  TrainSpec plain;
  plain.target = "spent";
  plain.key = {"id"};
  plain.learner.given = true;
  plain.learner.kind = Kind::kLinear;
  plain.evaluate = {"qini"};
  EXPECT_THAT(says(plain), HasSubstr("name it with `treatment: COLUMN`"));
}

TEST(Uplift, BothSidesAreInEveryPart) {
  const Table rows = Mailed(200);
  const auto says = [&](auto mailed_of, const TrainSpec& spec) {
    ColumnBuilder mailed(Type::kText);
    for (std::size_t i = 0; i < rows.num_rows(); ++i) mailed.AppendText(mailed_of(i) ? "mail" : "none");
    ColumnBuilder is_test(Type::kBool);
    for (std::size_t i = 0; i < rows.num_rows(); ++i) is_test.AppendInt(i % 4 == 0);
    return Train(rows.WithColumn("mailed", mailed.Finish()).WithColumn("is_test", is_test.Finish()), spec, {}).status().ToString();
  };
  TrainSpec spec = SpecOf(Kind::kTwoModel, Kind::kLogistic);
  spec.split = {SplitSpec::Kind::kColumn, {"is_test"}, 0, 0};
  EXPECT_THAT(says([](std::size_t i) { return i % 4 == 0; }, spec), HasSubstr("the training part has no treated rows"));
  EXPECT_THAT(says([](std::size_t i) { return i % 4 != 0 && i % 3 == 0; }, spec), HasSubstr("the test part has no treated rows"));
  EXPECT_THAT(says([](std::size_t i) { return i % 4 != 3 || i > 3; }, spec), HasSubstr("all have the same target"));
}

TEST(Uplift, RefusesDamagedTexts) {
  const Table rows = Mailed(300);
  const auto trained = Train(rows, SpecOf(Kind::kXLearner, Kind::kLogistic), {});
  ASSERT_TRUE(trained.ok()) << trained.status();
  const std::string text = *trained->model->Member("uplift.json");
  const std::size_t features = trained->model->info().features.size();
  const auto read = [&](const std::string& changed, Kind kind = Kind::kXLearner, Task task = Task::kRegression) {
    const auto learner = ReadLearner(kind, task, changed, features, 1);
    return learner.ok() ? "read" : learner.status().ToString();
  };
  EXPECT_EQ(read(text), "read");
  EXPECT_NE(read(text, Kind::kTwoModel), "read");
  EXPECT_THAT(read(text, Kind::kXLearner, Task::kBinary), HasSubstr("outputs of another kind"));
  EXPECT_THAT(read(""), HasSubstr("not a JSON object"));
  EXPECT_THAT(read("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(read(" " + text), HasSubstr("one form"));
  const auto with = [&](const char* key, const nlohmann::json& value) {
    nlohmann::json document = ParseJson(text);
    if (value.is_null()) document.erase(key); else document[key] = value;
    return read(DumpJson(document) + "\n");
  };
  for (const char* key : {"base", "control", "learner", "outcome", "share", "treated"}) EXPECT_THAT(with(key, nullptr), HasSubstr("uplift.json")) << key;
  EXPECT_THAT(with("base", "two_model"), HasSubstr("of which it cannot be"));
  EXPECT_THAT(with("base", "naive_bayes"), HasSubstr("of which it cannot be"));
  EXPECT_THAT(with("base", "lightgbm"), HasSubstr(""));
  EXPECT_NE(with("base", "lightgbm"), "read");
  EXPECT_NE(with("learner", "two_model"), "read");
  EXPECT_NE(with("outcome", "multiclass"), "read");
  EXPECT_NE(with("control", "{}"), "read");
  EXPECT_NE(with("treated", text), "read");
  for (const double share : {0.0, 1.0, -1.0, 1e300}) EXPECT_THAT(with("share", share), HasSubstr("outside (0, 1)"));
  EXPECT_THAT(with("share", "half"), HasSubstr("no share"));
}

}  // namespace
}  // namespace headrace

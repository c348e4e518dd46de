#include "headrace/model/learner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "headrace/base/math.h"
#include "headrace/base/text.h"
#include "headrace/model/linear.h"

namespace headrace {
namespace {

struct World {
  std::vector<double> x, y;
  std::size_t rows, features;
  mutable Matrix matrix = {};
  Vectors vectors() const { return {matrix = Matrix::Dense(x, features), y}; }
};

World MakeWorld(Task task, std::size_t rows, std::size_t features, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  World w{std::vector<double>(rows * features), std::vector<double>(rows), rows, features};
  for (std::size_t r = 0; r < rows; ++r) {
    double lean = 0;
    for (std::size_t j = 0; j < features; ++j) {
      const double z = normal(random);
      w.x[r * features + j] =
          100.0 * static_cast<double>(j) + z * static_cast<double>(1 + j);  // means and scales differ
      lean += z * (j % 2 == 0 ? 0.7 : -0.4);
    }
    lean += normal(random);
    w.y[r] = task == Task::kRegression ? 3 + lean
             : task == Task::kBinary   ? lean > 0.3
             : lean < -0.8             ? 0
             : lean < 0.8              ? 1
                                       : 2;
  }
  return w;
}

LearnerSettings Settings(LearnerSpec::Kind kind, Task task, double l2 = 1) {
  LearnerSpec spec;
  spec.kind = kind;
  spec.given = true;
  spec.l2 = l2;
  return *ResolveLearner(spec, task, 3, 1000);
}

/// The gradient of the documented objective in the columns as they are, at the fitted coefficients: zero at the
/// minimum.
double LargestGradient(const World& w, const FittedLearner& learner, Task task, double l2) {
  const std::size_t k = learner.num_outputs();
  std::vector<double> predictions(w.rows * k), base(k), unit(k), x(w.features, 0);
  learner.RawScores(w.x.data(), w.rows, predictions.data());
  ApplyLink(learner.link(), w.rows, k, predictions.data());
  learner.RawScores(x.data(), 1, base.data());
  double largest = 0;
  for (std::size_t j = 0; j <= w.features; ++j) {
    if (j < w.features) {
      x.assign(w.features, 0);
      x[j] = 1;
      learner.RawScores(x.data(), 1, unit.data());
    }
    for (std::size_t c = 0; c < k; ++c) {
      double g = j < w.features ? l2 * (unit[c] - base[c]) : 0, size = 0;
      for (std::size_t r = 0; r < w.rows; ++r) {
        const double truth = task == Task::kMulticlass ? w.y[r] == static_cast<double>(c) : w.y[r];
        const double u = j < w.features ? w.x[r * w.features + j] : 1;
        g += (predictions[r * k + c] - truth) * u;
        size += std::abs(u);
      }
      largest = std::max(largest, std::abs(g) / size);
    }
  }
  return largest;
}

TEST(Coefficients, StandAtTheMinimumOfTheDocumentedLoss) {
  for (const double l2 : {0.01, 1.0, 50.0}) {
    for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
      const World w = MakeWorld(task, 700, 6);
      const auto kind = task == Task::kRegression ? LearnerSpec::Kind::kLinear : LearnerSpec::Kind::kLogistic;
      const auto learner = FitLearner(Settings(kind, task, l2), w.vectors(), 1, {});
      ASSERT_TRUE(learner.ok()) << learner.status();
      EXPECT_LT(LargestGradient(w, **learner, task, l2), 1e-11) << TaskName(task) << " l2 " << l2;
    }
  }
}

TEST(Coefficients, LbfgsAgreesWithNewton) {
  for (const Task task : {Task::kBinary, Task::kMulticlass}) {
    const World w = MakeWorld(task, 600, 8);
    const LearnerSettings settings = Settings(LearnerSpec::Kind::kLogistic, task);
    const Vectors vectors = w.vectors();
    const auto problem = internal::RegressionProblem::Make(settings, vectors, 1);
    ASSERT_TRUE(problem.ok());
    const auto newton = internal::SolveByNewton(*problem, settings, w.rows, {});
    const auto lbfgs = internal::SolveByLbfgs(*problem, w.rows, {});
    ASSERT_TRUE(newton.ok() && lbfgs.ok()) << lbfgs.status();
    for (std::size_t i = 0; i < newton->size(); ++i) EXPECT_NEAR((*newton)[i], (*lbfgs)[i], 1e-6);
  }
}

TEST(Coefficients, ConjugateGradientsAgreeWithNewton) {
  World w = MakeWorld(Task::kRegression, 600, 12);
  for (std::size_t r = 0; r < w.rows; ++r)
    for (std::size_t j = 6; j < 12; ++j)
      if (r % j != 0) w.x[r * w.features + j] = 0;
  for (double& y : w.y) y *= 1e6;  // the target's scale is no matter
  for (const double l2 : {0.0, 1.0, 1e4}) {
    const LearnerSettings settings = Settings(LearnerSpec::Kind::kLinear, Task::kRegression, l2);
    const Vectors vectors = w.vectors();
    const auto problem = internal::RegressionProblem::Make(settings, vectors, 1);
    ASSERT_TRUE(problem.ok());
    const auto newton = internal::SolveByNewton(*problem, settings, w.rows, {});
    const auto gradients = internal::SolveByConjugateGradients(*problem, {});
    ASSERT_TRUE(newton.ok() && gradients.ok()) << gradients.status();
    for (std::size_t i = 0; i < newton->size(); ++i) EXPECT_NEAR((*newton)[i], (*gradients)[i], 1e-9 * 1e6);
  }
}

/// A column of which most are 0 is not centred: the minimum is the documented one all the same, however far the others lie.
TEST(Coefficients, ReachTheMinimumWhereMostOfAColumnIsZero) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
    World w = MakeWorld(task, 800, 6);
    for (std::size_t r = 0; r < w.rows; ++r)
      for (std::size_t j = 2; j < 6; ++j)
        if (r % (j + 1) != 0) w.x[r * w.features + j] = 0;
    const auto kind = task == Task::kRegression ? LearnerSpec::Kind::kLinear : LearnerSpec::Kind::kLogistic;
    for (const double l2 : {0.01, 1.0}) {
      const auto learner = FitLearner(Settings(kind, task, l2), w.vectors(), 1, {});
      ASSERT_TRUE(learner.ok()) << learner.status();
      EXPECT_LT(LargestGradient(w, **learner, task, l2), 1e-11) << TaskName(task) << " l2 " << l2;
    }
  }
}

TEST(Coefficients, TheSameBitsForAnyNumberOfThreads) {
  for (const Task task : {Task::kBinary, Task::kMulticlass, Task::kRegression}) {
    const World w = MakeWorld(task, 9000, 5);
    const auto kind = task == Task::kRegression ? LearnerSpec::Kind::kLinear : LearnerSpec::Kind::kLogistic;
    std::string first;
    for (const int threads : {1, 2, 3}) {
      LearnerControl control;
      control.threads = threads;
      const auto learner = FitLearner(Settings(kind, task), w.vectors(), 1, control);
      ASSERT_TRUE(learner.ok());
      if (first.empty()) first = (*learner)->text();
      EXPECT_EQ((*learner)->text(), first) << threads;
    }
  }
}

TEST(Coefficients, ReadBackToTheSameBits) {
  const World w = MakeWorld(Task::kMulticlass, 300, 4);
  const auto learner = FitLearner(Settings(LearnerSpec::Kind::kLogistic, Task::kMulticlass), w.vectors(), 1, {});
  ASSERT_TRUE(learner.ok());
  const auto again = ReadLearner(LearnerSpec::Kind::kLogistic, Task::kMulticlass, (*learner)->text(), 4, 3);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->text(), (*learner)->text());
  for (const std::string& bad : {ReplaceAll((*learner)->text(), "intercepts", "intercept"), (*learner)->text() + " ",
                                 std::string("{}"), std::string("[")})
    EXPECT_FALSE(ReadLearner(LearnerSpec::Kind::kLogistic, Task::kMulticlass, bad, 4, 3).ok()) << bad;
  EXPECT_FALSE(ReadLearner(LearnerSpec::Kind::kLogistic, Task::kMulticlass, (*learner)->text(), 5, 3).ok());
  EXPECT_FALSE(ReadLearner(LearnerSpec::Kind::kLogistic, Task::kBinary, (*learner)->text(), 4, 1).ok());
}

TEST(Coefficients, ConstantAndRepeatedColumnsGetAFiniteSolution) {
  for (const double l2 : {0.0, 1.0}) {
    for (const Task task : {Task::kBinary, Task::kRegression}) {
      World w = MakeWorld(task, 400, 4);
      for (std::size_t r = 0; r < w.rows; ++r) {
        w.x[r * 4 + 2] = 1e6;
        w.x[r * 4 + 3] = 2 * w.x[r * 4] + 1;
      }
      const auto kind = task == Task::kRegression ? LearnerSpec::Kind::kLinear : LearnerSpec::Kind::kLogistic;
      const auto learner = FitLearner(Settings(kind, task, l2), w.vectors(), 1, {});
      ASSERT_TRUE(learner.ok()) << learner.status();
      std::vector<double> margins(w.rows);
      (*learner)->RawScores(w.x.data(), w.rows, margins.data());
      for (const double m : margins) ASSERT_LT(std::abs(m), 100) << (*learner)->text();
    }
  }
}

TEST(Coefficients, SayWhenThereIsNoFiniteSolution) {
  World w = MakeWorld(Task::kBinary, 200, 2);
  for (std::size_t r = 0; r < w.rows; ++r) w.y[r] = w.x[r * 2] > 0;
  const auto learner = FitLearner(Settings(LearnerSpec::Kind::kLogistic, Task::kBinary, 0), w.vectors(), 1, {});
  ASSERT_FALSE(learner.ok());
  EXPECT_EQ(learner.status().code(), ErrorCode::kData);
  EXPECT_NE(learner.status().help().find("l2"), std::string::npos);
}

TEST(Coefficients, RefuseMissingValues) {
  World w = MakeWorld(Task::kRegression, 50, 2);
  w.x[7] = std::nan("");
  const auto learner = FitLearner(Settings(LearnerSpec::Kind::kLinear, Task::kRegression), w.vectors(), 1, {});
  ASSERT_FALSE(learner.ok());
  EXPECT_EQ(learner.status().code(), ErrorCode::kData);
}

FoldSource Folds(const World& w, std::size_t count) {
  FoldSource source;
  source.folds = count;
  source.rows = w.rows;
  source.make = [&w, count](std::size_t fold, int) -> Result<FoldVectors> {
    FoldVectors v;
    std::vector<double> train, held;
    for (std::size_t r = 0; r < w.rows; ++r) {
      auto& x = r % count == fold ? held : train;
      x.insert(x.end(), w.x.begin() + static_cast<std::ptrdiff_t>(r * w.features),
               w.x.begin() + static_cast<std::ptrdiff_t>((r + 1) * w.features));
      (r % count == fold ? v.held_target : v.train_target).push_back(w.y[r]);
    }
    v.train = Matrix::Dense(std::move(train), w.features);
    v.held = Matrix::Dense(std::move(held), w.features);
    return v;
  };
  return source;
}

/// Held-out loss after `iterations`, measured from outside.
double PooledLoss(const World& w, LearnerSettings settings, int iterations) {
  settings.iterations = iterations;
  settings.early_stopping_round = 0;
  const auto fit = FitFolds(settings, Folds(w, 4), {});
  EXPECT_TRUE(fit.ok()) << fit.status();
  double loss = 0;
  for (std::size_t f = 0; f < 4; ++f)
    for (std::size_t i = 0; i < fit->held_margins[f].size(); ++i) {
      const double m = fit->held_margins[f][i];
      loss += math::Log1p(math::Exp(w.y[i * 4 + f] > 0 ? -m : m));
    }
  return loss / static_cast<double>(w.rows);
}

TEST(FitFolds, StopsWhereAllFoldsTogetherAreBest) {
  const World w = MakeWorld(Task::kBinary, 800, 4);
  LearnerSpec spec;
  spec.given = true;
  spec.parameters = {
      {"num_iterations", "200"}, {"learning_rate", "0.15"}, {"early_stopping_round", "12"}, {"num_leaves", "8"}};
  const LearnerSettings settings = *ResolveLearner(spec, Task::kBinary, 2, 800);
  const auto fit = FitFolds(settings, Folds(w, 4), {});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_GT(fit->iterations, 3);
  EXPECT_LT(fit->iterations, 150);
  const double best = PooledLoss(w, settings, fit->iterations);
  for (int i = std::max(1, fit->iterations - 3); i <= fit->iterations + 12; i += 3)
    EXPECT_LE(best, PooledLoss(w, settings, i) + 1e-12) << i;
}

TEST(FitFolds, PassesOnWhatMakingAFoldSays) {
  FoldSource source;
  source.folds = 3;
  source.rows = 10;
  source.make = [](std::size_t, int) -> Result<FoldVectors> { return Error(ErrorCode::kData, "no such fold"); };
  LearnerSpec spec;
  spec.given = true;
  const auto fit = FitFolds(*ResolveLearner(spec, Task::kBinary, 2, 10), source, {});
  ASSERT_FALSE(fit.ok());
  EXPECT_EQ(fit.status().message(), "no such fold");
}

TEST(LearnerParameters, RefusesWhatIsNotForTraining) {
  struct Case {
    std::map<std::string, std::string> parameters;
    std::string says, help;
  };
  const Case cases[] = {
      {{{"num_leafs", "31"}}, "`num_leafs` is not one of LightGBM's", "num_leaf"},
      {{{"learning_rat", "1"}}, "`learning_rat`", "learning_rate"},
      {{{"data", "/etc/passwd"}}, "`data` cannot be set", ""},
      {{{"input_model", "x"}}, "`input_model` cannot be set", ""},
      {{{"output_model", "x"}}, "`output_model` cannot be set", ""},
      {{{"machines", "a:1"}}, "`machines` cannot be set", ""},
      {{{"device_type", "gpu"}}, "`device_type` cannot be set", ""},
      {{{"linear_tree", "true"}}, "`linear_tree` cannot be set", ""},
      {{{"num_threads", "2"}}, "`num_threads` cannot be set", ""},
      {{{"learning_rate", "fast"}}, "`learning_rate` is \"fast\", expected a number above 0", ""},
      {{{"learning_rate", "0"}}, "expected a number above 0", ""},
      {{{"num_leaves", "1"}}, "expected a whole number from 2 to 131072", ""},
      {{{"num_leaves", "31 data=/etc/passwd"}}, "`num_leaves` is", ""},
      {{{"extra_trees", "1"}}, "expected true or false", ""},
      {{{"objective", "cross_entropy"}}, "expected binary, multiclass", ""},
      {{{"boosting", "dart"}}, "expected gbdt, rf", ""},
      {{{"eta", "0.1"}, {"learning_rate", "0.1"}}, "set twice", ""},
  };
  for (const Case& c : cases) {
    LearnerSpec spec;
    spec.given = true;
    spec.parameters = c.parameters;
    const Status status = CheckLearnerParameters(spec);
    EXPECT_EQ(status.code(), ErrorCode::kInvalid) << c.says;
    EXPECT_NE(status.message().find(c.says), std::string::npos) << status;
    EXPECT_NE(status.help().find(c.help), std::string::npos) << status;
  }
}

TEST(LearnerParameters, FillsInDefaultsOnlyWhenNoLearnerIsGiven) {
  const auto open = ResolveLearner({}, Task::kBinary, 2, 2000);
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(open->iterations, 500);
  EXPECT_EQ(open->early_stopping_round, 25);
  EXPECT_EQ(open->parameters.at("num_leaves"), "10");
  EXPECT_EQ(ResolveLearner({}, Task::kBinary, 2, 100)->kind, LearnerSpec::Kind::kLogistic);
  EXPECT_EQ(ResolveLearner({}, Task::kRegression, 0, 100)->kind, LearnerSpec::Kind::kLinear);
  LearnerSpec given;
  given.given = true;
  given.parameters = {{"n_estimators", "40"}, {"random_state", "7"}};
  const auto settings = ResolveLearner(given, Task::kMulticlass, 4, 2000);
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->iterations, 40);
  EXPECT_EQ(settings->early_stopping_round, 0);
  EXPECT_EQ(settings->parameters.at("seed"), "7");
  EXPECT_EQ(settings->parameters.at("num_class"), "4");
  EXPECT_FALSE(settings->parameters.contains("num_leaves"));
  given.parameters = {{"objective", "regression"}};
  EXPECT_FALSE(ResolveLearner(given, Task::kBinary, 2, 2000).ok());
  given.parameters.clear();
  given.kind = LearnerSpec::Kind::kLinear;
  EXPECT_FALSE(ResolveLearner(given, Task::kBinary, 2, 2000).ok());
}

}  // namespace
}  // namespace headrace

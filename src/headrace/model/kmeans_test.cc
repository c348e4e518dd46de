#include "headrace/model/kmeans.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "headrace/base/processor.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using Kind = LearnerSpec::Kind;

/// Rows about some middles, of which each has more than the next.
struct World {
  std::vector<double> x, weights;
  std::size_t rows = 0, features;
  mutable Matrix matrix = {};
  /// Of x and weights as they are now; good until the next call.
  Vectors vectors() const {
    matrix = Matrix::Dense(x, features);
    return {matrix, {}, weights};
  }
};

World MakeWorld(std::size_t middles, std::size_t rows, std::size_t features, double spread = 0.3, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  World w{{}, {}, rows, features};
  std::vector<double> centers(middles * features);
  for (double& value : centers) value = 10 * normal(random);
  for (std::size_t r = 0; r < rows; ++r) {
    std::size_t middle = r % (middles + 2);
    if (middle >= middles) middle = 0;
    for (std::size_t j = 0; j < features; ++j) w.x.push_back(centers[middle * features + j] + spread * normal(random));
  }
  return w;
}

LearnerSettings Settings(std::map<std::string, std::string> parameters) {
  LearnerSpec spec;
  spec.kind = Kind::kKMeans;
  spec.given = true;
  spec.parameters = std::move(parameters);
  const Result<LearnerSettings> settings = ResolveLearner(spec, Task::kClustering, 0, 1000);
  EXPECT_TRUE(settings.ok()) << settings.status();
  return settings.ok() ? *settings : LearnerSettings();
}

std::shared_ptr<const FittedLearner> Fitted(const World& w, std::map<std::string, std::string> parameters, int threads = 1) {
  LearnerControl control;
  control.threads = threads;
  Result<std::unique_ptr<const FittedLearner>> learner = FitLearner(Settings(std::move(parameters)), w.vectors(), 1, control);
  EXPECT_TRUE(learner.ok()) << learner.status();
  return learner.ok() ? *std::move(learner) : nullptr;
}

/// Cluster and distance of each row.
std::vector<double> Put(const FittedLearner& learner, const World& w) {
  std::vector<double> out(w.rows * 2);
  learner.RawScores(w.x.data(), w.rows, out.data());
  return out;
}

internal::Centers::Nearest NearestOf(const internal::Centers& centers, const double* x) {
  internal::Centers::Nearest nearest;
  centers.Find({&x, 1}, &nearest);
  return nearest;
}

TEST(KMeans, FindsTheMiddlesAndNumbersThemBySize) {
  const World w = MakeWorld(4, 1200, 3);
  const auto learner = Fitted(w, {{"n_clusters", "4"}});
  ASSERT_NE(learner, nullptr);
  EXPECT_EQ(learner->num_outputs(), 2u);
  EXPECT_EQ(learner->num_clusters(), 4u);
  const std::vector<double> put = Put(*learner, w);
  std::vector<std::size_t> sizes(4);
  for (std::size_t r = 0; r < w.rows; ++r) {
    ++sizes[static_cast<std::size_t>(put[2 * r])];
    EXPECT_EQ(put[2 * r], put[2 * (r % 6)]) << r;    // rows of one middle are together
    EXPECT_LT(put[2 * r + 1], 2);
  }
  EXPECT_TRUE(std::is_sorted(sizes.rbegin(), sizes.rend()));
  EXPECT_EQ(sizes[0], 600u);
}

TEST(KMeans, TheSameBitsForAnyNumberOfThreads) {
  World w = MakeWorld(7, 9000, 5, 4);
  for (std::size_t r = 0; r < w.rows; ++r) w.weights.push_back(1 + static_cast<double>(r % 7) / 3);
  std::string first;
  for (const int threads : {1, 2, 3, 5}) {
    const auto learner = Fitted(w, {{"n_clusters", "9"}, {"n_init", "3"}}, threads);
    if (first.empty()) first = learner->text();
    EXPECT_EQ(learner->text(), first) << threads;
  }
  EXPECT_NE(Fitted(w, {{"n_clusters", "9"}, {"n_init", "1"}, {"seed", "1"}})->text(), Fitted(w, {{"n_clusters", "9"}, {"n_init", "1"}, {"seed", "2"}})->text());
}

TEST(KMeans, ARowHasTheSameNumbersAloneAndAmongOthers) {
  const World w = MakeWorld(5, 500, 4, 3);
  const auto learner = Fitted(w, {{"n_clusters", "11"}});
  const std::vector<double> put = Put(*learner, w);
  for (std::size_t r = 0; r < w.rows; ++r) {
    double one[2];
    learner->RawScores(w.x.data() + r * 4, 1, one);
    EXPECT_EQ(one[0], put[2 * r]);
    EXPECT_EQ(one[1], put[2 * r + 1]);
  }
}

TEST(KMeans, CentersAreTheWeightedMeansOfTheirRows) {
  World w = MakeWorld(3, 600, 2, 5);
  for (std::size_t r = 0; r < w.rows; ++r) w.weights.push_back(r % 3 == 0 ? 0 : 1 + static_cast<double>(r % 5));
  const Result<std::vector<double>> centers = internal::FindCenters(Settings({{"n_clusters", "3"}, {"tol", "0"}}), w.vectors(), {});
  ASSERT_TRUE(centers.ok()) << centers.status();
  const internal::Centers near(*centers, 2);
  std::vector<double> sums(6), weights(3);
  for (std::size_t r = 0; r < w.rows; ++r) {
    const std::size_t c = NearestOf(near, w.x.data() + 2 * r).center;
    weights[c] += w.weights[r];
    for (std::size_t j = 0; j < 2; ++j) sums[2 * c + j] += w.weights[r] * w.x[2 * r + j];
  }
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(sums[i] / weights[i / 2], (*centers)[i], 1e-9);
  EXPECT_GE(weights[0], weights[1]);
  EXPECT_GE(weights[1], weights[2]);
}

TEST(KMeans, AnIterationPutsEveryRowWithTheNearestCenter) {
  // Bounds spare most comparisons after a few iterations; the means tell of any row that a bound kept from its nearest centre.
  constexpr std::size_t kClusters = 6, kFeatures = 3;
  World w = MakeWorld(9, 5000, kFeatures, 6);
  for (std::size_t r = 0; r < w.rows; ++r) w.weights.push_back(r % 11 == 0 ? 0 : 1 + static_cast<double>(r % 3));
  const auto after = [&](std::size_t iterations) {
    const Result<std::vector<double>> centers = internal::FindCenters(Settings({{"n_clusters", StrCat(kClusters)}, {"n_init", "1"}, {"tol", "0"}, {"max_iter", StrCat(iterations)}}), w.vectors(), {});
    EXPECT_TRUE(centers.ok()) << centers.status();
    return *centers;
  };
  const auto sorted = [](const std::vector<double>& centers) {
    std::vector<std::array<double, kFeatures>> rows(centers.size() / kFeatures);
    for (std::size_t i = 0; i < centers.size(); ++i) rows[i / kFeatures][i % kFeatures] = centers[i];
    std::sort(rows.begin(), rows.end());
    return rows;
  };
  for (const std::size_t iterations : {1u, 2u, 3u, 5u, 8u, 12u, 20u, 30u}) {
    const std::vector<double> before = after(iterations);
    const internal::Centers near(before, kFeatures);
    std::vector<double> sums(before.size()), weights(kClusters);
    for (std::size_t r = 0; r < w.rows; ++r) {
      const std::size_t c = NearestOf(near, w.x.data() + kFeatures * r).center;
      weights[c] += w.weights[r];
      for (std::size_t j = 0; j < kFeatures; ++j) sums[kFeatures * c + j] += w.weights[r] * w.x[kFeatures * r + j];
    }
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= weights[i / kFeatures];
    const auto expected = sorted(sums), found = sorted(after(iterations + 1));
    for (std::size_t c = 0; c < kClusters; ++c)
      for (std::size_t j = 0; j < kFeatures; ++j) EXPECT_NEAR(found[c][j], expected[c][j], 1e-11) << iterations;
  }
}

TEST(KMeans, TheSameBitsWithoutAvx2AndForAnyRowsTogether) {
  constexpr std::size_t kFeatures = 5;
  const World w = MakeWorld(7, 700, kFeatures, 4);
  std::vector<const double*> rows;
  for (std::size_t r = 0; r < w.rows; ++r) rows.push_back(w.x.data() + r * kFeatures);
  const internal::Centers centers({w.x.data(), 11 * kFeatures}, kFeatures);
  std::vector<internal::Centers::Nearest> together(w.rows);
  std::vector<double> squares(w.rows * centers.stride()), some(centers.stride());
  centers.Find(rows, together.data());
  centers.Squares(rows, squares.data());
  const std::string text = Fitted(w, {{"n_clusters", "9"}})->text();
  for (const bool avx2 : {true, false}) {
    ForgetAvx2(!avx2);
    for (std::size_t r = 0; r < w.rows; ++r) {
      const internal::Centers::Nearest alone = NearestOf(centers, rows[r]);
      centers.Squares({&rows[r], 1}, some.data());
      std::vector<double> in_order(some.begin(), some.begin() + 11);
      std::sort(in_order.begin(), in_order.end());
      EXPECT_EQ(alone.center, together[r].center);
      EXPECT_EQ(alone.squared, in_order[0]);
      EXPECT_EQ(alone.second, in_order[1]);
      EXPECT_EQ(alone.second, together[r].second);
      for (std::size_t c = 0; c < 11; ++c) EXPECT_EQ(some[c], squares[r * centers.stride() + c]);
    }
    EXPECT_EQ(Fitted(w, {{"n_clusters", "9"}})->text(), text);
  }
  ForgetAvx2(false);
}

TEST(KMeans, ReadsBackToTheSameBitsAndNothingElse) {
  const World w = MakeWorld(3, 200, 3);
  const auto learner = Fitted(w, {{"n_clusters", "3"}});
  const std::string text = learner->text();
  const auto again = ReadLearner(Kind::kKMeans, Task::kClustering, text, 3, 2);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->text(), text);
  EXPECT_EQ(Put(**again, w), Put(*learner, w));
  const std::string row = text.substr(text.find("[["), text.find(']') - text.find("[[") + 1);
  for (const std::string& bad :
       {ReplaceAll(text, "centers", "centres"), text + " ", std::string("{}"), std::string("["), std::string(R"({"centers":[],"learner":"kmeans"})") + "\n",
        R"({"centers":)" + row + R"(],"learner":"kmeans"})" + "\n",                        // one centre
        ReplaceAll(text, row, "[[1.0,2.0]"), ReplaceAll(text, row, "[[1.0,2.0,null]"), ReplaceAll(text, row, "[[1.0,2.0,1e999]"), ReplaceAll(text, row, "[[1.0,2.0,\"3\"]"),
        ReplaceAll(text, row, "[1.0,[2.0,3.0,4.0]"), ReplaceAll(text, "kmeans", "linear")})
    EXPECT_FALSE(ReadLearner(Kind::kKMeans, Task::kClustering, bad, 3, 2).ok()) << bad;
  EXPECT_FALSE(ReadLearner(Kind::kKMeans, Task::kClustering, text, 4, 2).ok());
  EXPECT_FALSE(ReadLearner(Kind::kKMeans, Task::kClustering, text, 0, 2).ok());
  EXPECT_FALSE(ReadLearner(Kind::kKMeans, Task::kRegression, text, 3, 2).ok());
  EXPECT_FALSE(ReadLearner(Kind::kKMeans, Task::kBinary, text, 3, 1).ok());
  EXPECT_FALSE(ReadLearner(Kind::kLinear, Task::kClustering, R"({"coefficients":[[1.0]],"intercepts":[0.5],"learner":"linear"})" "\n", 1, 1).ok());
}

TEST(KMeans, RefusesWhatItCannotPutTogether) {
  World w = MakeWorld(2, 40, 2);
  const auto refusal = [&](std::map<std::string, std::string> parameters) {
    const auto learner = FitLearner(Settings(std::move(parameters)), w.vectors(), 1, {});
    EXPECT_FALSE(learner.ok());
    return learner.ok() ? std::string() : learner.status().message();
  };
  for (std::size_t r = 0; r < w.rows; ++r) w.x[2 * r] = static_cast<double>(r % 3), w.x[2 * r + 1] = 1;
  EXPECT_THAT(refusal({{"n_clusters", "4"}}), HasSubstr("have 3 different vectors only, and `n_clusters` is 4"));
  EXPECT_NE(Fitted(w, {{"n_clusters", "3"}}), nullptr);
  w.x[7] = std::nan("");
  EXPECT_THAT(refusal({{"n_clusters", "2"}}), HasSubstr("feature 1 holds a missing value"));
  w.x[7] = 1e200;
  EXPECT_THAT(refusal({{"n_clusters", "3"}}), HasSubstr("too large"));
}

TEST(KMeans, RowsFarApartLeaveNoClusterEmpty) {
  // Many equal rows and as many different ones as clusters: beginnings and iterations run into empty clusters.
  World w{{}, {}, 0, 1};
  for (int i = 0; i < 500; ++i) w.x.push_back(0);
  for (const double far : {1.0, 1.0000001, 50.0, 1e6}) w.x.push_back(far);
  w.rows = w.x.size();
  for (const char* seed : {"0", "1", "2", "3", "4", "5", "6", "7"}) {
    const auto learner = Fitted(w, {{"n_clusters", "5"}, {"n_init", "1"}, {"seed", seed}, {"tol", "0"}});
    ASSERT_NE(learner, nullptr);
    const std::vector<double> put = Put(*learner, w);
    std::set<double> used;
    for (std::size_t r = 0; r < w.rows; ++r) used.insert(put[2 * r]);
    EXPECT_EQ(used.size(), 5u) << seed;
  }
}

TEST(KMeans, SaysWhichParametersItHas) {
  const auto refusal = [](std::map<std::string, std::string> parameters) {
    LearnerSpec spec;
    spec.kind = Kind::kKMeans;
    spec.given = true;
    spec.parameters = std::move(parameters);
    const Status status = CheckLearnerParameters(spec);
    return StrCat(status.message(), " | ", status.help());
  };
  EXPECT_THAT(refusal({{"n_cluster", "3"}}), HasSubstr("did you mean `n_clusters`?"));
  EXPECT_THAT(refusal({{"n_clusters", "1"}}), HasSubstr("`n_clusters` is \"1\", expected a whole number from 2 to 1000"));
  EXPECT_THAT(refusal({{"tol", "-1"}}), HasSubstr("expected a number of at least 0"));
  EXPECT_THAT(refusal({{"max_iter", "0"}}), HasSubstr("expected a whole number from 1"));
  LearnerSpec spec;
  spec.given = true;
  spec.kind = Kind::kKMeans;
  EXPECT_FALSE(ResolveLearner(spec, Task::kBinary, 2, 100).ok());
  spec.kind = Kind::kLightGbm;
  EXPECT_FALSE(ResolveLearner(spec, Task::kClustering, 0, 100).ok());
}

TEST(KMeans, OfEquallyNearCentersTheFirstIsTaken) {
  const std::vector<double> centers{5, -1, 1, 1, 1, 1, 1, 1, 1, 1, -1};
  const internal::Centers near(centers, 1);
  const double x = 0, y = 3;
  EXPECT_EQ(NearestOf(near, &x).center, 1u);
  EXPECT_EQ(NearestOf(near, &x).squared, 1);
  EXPECT_EQ(NearestOf(near, &y).center, 0u);
}

TEST(KMeans, StopsWhenAsked) {
  const World w = MakeWorld(3, 300, 2);
  LearnerControl control;
  control.cancelled = [] { return true; };
  EXPECT_EQ(FitLearner(Settings({}), w.vectors(), 1, control).status().code(), ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace headrace

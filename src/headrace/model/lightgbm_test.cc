#include "headrace/model/lightgbm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

#include "headrace/base/text.h"
#include "headrace/model/lightgbm_api.h"

namespace headrace {
namespace {

constexpr std::size_t kRows = 9000, kColumns = 21;
constexpr int kTrees = 12;

/// Columns with no 0, with some, with nothing else; missing values; numbers that LightGBM takes for 0; columns of few values; columns that are mostly 0, of which it
/// puts together those that are never both something else.
std::vector<double> OddRows() {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  std::vector<double> x(kRows * kColumns);
  for (std::size_t r = 0; r < kRows; ++r)
    for (std::size_t c = 0; c < kColumns; ++c) {
      double& number = x[r * kColumns + c];
      number = c == 0 ? 0 : c % 5 == 4 ? std::round(normal(random)) : normal(random);
      if (c % 3 == 1 && random() % 4 == 0) number = 0;
      if (c % 4 == 2 && random() % 10 == 0) number = std::numeric_limits<double>::quiet_NaN();
      if (c >= 15 && r % 20 != (c < 18 ? 0 : c)) number = 0;
      if (c == 7 && random() % 3 == 0) number = random() % 2 == 0 ? 1e-36 : -0.0;
    }
  return x;
}

/// The model of the rows as LightGBM itself reads them.
std::string ByLightGbm(const LearnerSettings& settings, const std::vector<double>& x, const std::vector<double>& y) {
  const LightGbmApi& api = **LightGbmApi::Get();
  std::string parameters = "num_threads=1";
  for (const auto& [name, value] : settings.parameters) parameters += StrCat(" ", name, "=", value);
  void* data = nullptr;
  void* booster = nullptr;
  EXPECT_EQ(api.dataset_create_from_mat(x.data(), C_API_DTYPE_FLOAT64, kRows, kColumns, 1, parameters.c_str(), nullptr, &data), 0);
  const std::vector<float> label(y.begin(), y.end());
  EXPECT_EQ(api.dataset_set_field(data, "label", label.data(), kRows, C_API_DTYPE_FLOAT32), 0);
  EXPECT_EQ(api.booster_create(data, parameters.c_str(), &booster), 0);
  int empty = 0;
  for (int tree = 0; tree < kTrees; ++tree) EXPECT_EQ(api.booster_update_one_iter(booster, &empty), 0);
  std::string text(1 << 20, '\0');
  std::int64_t length = 0;
  EXPECT_EQ(api.booster_save_model_to_string(booster, 0, kTrees, C_API_FEATURE_IMPORTANCE_SPLIT, static_cast<std::int64_t>(text.size()), &length, text.data()), 0);
  text.resize(static_cast<std::size_t>(length) - 1);
  api.booster_free(booster);
  api.dataset_free(data);
  return WithoutTrainingSettings(std::move(text));
}

TEST(LightGbm, LearnsFromTheRowsAsItReadsThemItself) {
  setenv("HEADRACE_LIB_DIR", HEADRACE_LIB_DIR, 1);
  const std::vector<double> x = OddRows();
  std::vector<double> y(kRows);
  for (std::size_t r = 0; r < kRows; ++r) y[r] = x[r * kColumns + 1] - (std::isnan(x[r * kColumns + 2]) ? 1 : 0) + x[r * kColumns + 4] * x[r * kColumns + 5] + 3 * (x[r * kColumns + 15] - x[r * kColumns + 16] + x[r * kColumns + 18] - x[r * kColumns + 19]) > 0 ? 1 : 0;
  for (const char* sampled : {"200000", "5000"}) {    // all rows; some, in more than one block
    LearnerSpec spec;
    spec.kind = LearnerSpec::Kind::kLightGbm;
    spec.given = true;
    spec.parameters = {{"num_leaves", "15"}, {"bin_construct_sample_cnt", sampled}, {"num_iterations", StrCat(kTrees)}};
    const Result<LearnerSettings> settings = ResolveLearner(spec, Task::kBinary, 2, kRows);
    ASSERT_TRUE(settings.ok()) << settings.status();
    const std::string expected = ByLightGbm(*settings, x, y);
    ASSERT_NE(expected.find("Tree=11"), std::string::npos);
    const Matrix matrix = Matrix::Dense(x, kColumns);
    for (const int threads : {1, 3}) {
      const Result<std::unique_ptr<Booster>> booster = MakeLightGbmBooster(*settings, {matrix, y}, nullptr, threads);
      ASSERT_TRUE(booster.ok()) << booster.status();
      for (int tree = 0; tree < kTrees; ++tree) ASSERT_TRUE((*booster)->Grow().ok());
      EXPECT_TRUE(*(*booster)->Text(kTrees) == expected) << sampled << " rows sampled, " << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace headrace

// Matrices of both kinds hold the same numbers, and a transform makes either of them the same for any number of threads.
#include "headrace/feature/matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "headrace/feature/transform.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;

/// As bits, so that NaN equals NaN; -0 as 0, which is what a compressed one becomes.
std::vector<std::uint64_t> Bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> out;
  for (const double x : values) out.push_back(std::bit_cast<std::uint64_t>(x + 0.0));
  return out;
}

std::vector<double> All(const Matrix& matrix) {
  std::vector<double> out(matrix.rows() * matrix.columns());
  matrix.Expand(0, matrix.rows(), out.data());
  return out;
}

/// 0 1 0 / 0 0 0 / NaN 0 5 / 0 0 7
Matrix Small() {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  return Matrix::Compressed({0, 1, 1, 3, 4}, {1, 0, 2, 2}, {1, nan, 5, 7}, 3);
}

TEST(MatrixTest, CompressedReadsAsWhatItStandsFor) {
  const Matrix small = Small(), dense = Matrix::Dense(All(small), 3);
  EXPECT_TRUE(small.compressed());
  EXPECT_FALSE(dense.compressed());
  for (const Matrix* matrix : {&small, &dense}) {
    EXPECT_EQ(matrix->rows(), 4u);
    EXPECT_EQ(matrix->columns(), 3u);
    EXPECT_EQ(matrix->At(2, 2), 5);
    EXPECT_EQ(matrix->At(1, 0), 0);
    EXPECT_TRUE(std::isnan(matrix->At(2, 0)));
    std::vector<std::size_t> places;
    matrix->ForEach(2, [&](std::size_t column, double) { places.push_back(column); });
    EXPECT_THAT(places, ElementsAre(0, 2));
    std::vector<double> two(6, -1);
    matrix->Expand(0, 2, two.data());
    EXPECT_THAT(two, ElementsAre(0, 1, 0, 0, 0, 0));
    const std::vector<std::size_t> rows{3, 0, 3};
    const Matrix taken = matrix->Take(rows);
    EXPECT_EQ(taken.compressed(), matrix->compressed());
    EXPECT_THAT(All(taken), ElementsAre(0, 0, 7, 0, 1, 0, 0, 0, 7));
  }
}

/// Texts of a few words of many, a column of many levels, numbers with nulls, numbers that are mostly 0.
Table Rows(std::size_t n) {
  std::mt19937_64 random(5);
  ColumnBuilder text(Type::kText), level(Type::kText), number(Type::kDouble), rare(Type::kInt);
  for (std::size_t i = 0; i < n; ++i) {
    std::string words;
    for (int w = 0; w < 4; ++w) words += "word" + std::to_string(random() % 300) + " ";
    if (i % 97 == 0) text.AppendNull();
    else text.AppendText(words);
    level.AppendText("level" + std::to_string(random() % 90));
    if (i % 11 == 0) number.AppendNull();
    else number.AppendDouble(static_cast<double>(random() % 1000) / 7);
    rare.AppendInt(random() % 20 == 0 ? static_cast<std::int64_t>(random() % 5) - 2 : 0);
  }
  return Table(Schema({{"text", Type::kText}, {"level", Type::kText}, {"number", Type::kDouble}, {"rare", Type::kInt}}), {text.Finish(), level.Finish(), number.Finish(), rare.Finish()}, n);
}

/// The levels once as they are and once as the target's means, which are cross-fitted.
std::vector<TransformSpec> Specs(TextStep::How how) {
  TextStep text;
  text.how = how;
  text.max_features = 250;
  EncodeStep target;
  target.how = EncodeStep::How::kTarget;
  return {{{}, {}, {{"again", "level"}}}, {{"text"}, {text}, {}}, {{"again"}, {target}, {}}, {{"number"}, {ImputeStep{.indicator = true}}, {}}};
}

FitOutput Fitted(const Table& rows, const std::vector<TransformSpec>& specs, std::optional<bool> compress, int threads) {
  FitContext context;
  for (std::size_t i = 0; i < rows.num_rows(); ++i) context.target.push_back(i % 3 == 0 ? 1 : 0);
  context.compress = compress;
  context.threads = threads;
  Result<FitOutput> fitted = FitTransform(rows, specs, context);
  EXPECT_TRUE(fitted.ok()) << fitted.status();
  return *std::move(fitted);
}

TEST(MatrixTest, TransformsMakeTheSameNumbersOfEitherKindForAnyNumberOfThreads) {
  const Table rows = Rows(17'000);   // more than one chunk
  for (const TextStep::How how : {TextStep::How::kCount, TextStep::How::kTfidf, TextStep::How::kHash}) {
    const FitOutput dense = Fitted(rows, Specs(how), false, 1);
    ASSERT_FALSE(dense.matrix.compressed());
    for (const int threads : {1, 2, 3}) {
      const FitOutput compressed = Fitted(rows, Specs(how), true, threads);
      ASSERT_TRUE(compressed.matrix.compressed());
      EXPECT_EQ(compressed.transform.ToJson(), dense.transform.ToJson());
      EXPECT_TRUE(Bits(All(compressed.matrix)) == Bits(dense.matrix.values())) << threads;
      std::vector<double> applied(rows.num_rows() * dense.transform.output_names().size());
      ASSERT_TRUE(dense.transform.Apply(rows, applied, nullptr).ok());
      const Result<Matrix> made = compressed.transform.MakeMatrix(rows, true, threads);
      ASSERT_TRUE(made.ok()) << made.status();
      EXPECT_TRUE(Bits(All(*made)) == Bits(applied)) << threads;
    }
  }
}

TEST(MatrixTest, IsCompressedByItselfWhereFewNumbersAreNotZero) {
  const Table rows = Rows(3000);
  EXPECT_TRUE(Fitted(rows, Specs(TextStep::How::kTfidf), std::nullopt, 1).matrix.compressed());
  const std::vector<std::string> few{"number", "rare"};
  EXPECT_FALSE(Fitted(*rows.Select(few), {}, std::nullopt, 1).matrix.compressed());
  const Table one = rows.Slice(1, 1);
  EXPECT_TRUE(Fitted(one, {{{"text"}, {TextStep{.how = TextStep::How::kHash}}, {}}}, std::nullopt, 1).matrix.compressed());
}

}  // namespace
}  // namespace headrace

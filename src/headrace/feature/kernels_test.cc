#include "headrace/feature/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace headrace::internal {
namespace {

TEST(KernelsTest, RowsOfAnyWidthAreWrittenWholePastTheCachesOrNot) {
  for (const std::size_t width : {1u, 2u, 3u, 4u, 5u, 8u, 9u, 63u, 64u, 65u, 66u, 511u, 512u, 513u, 514u, 515u, 1023u, 1025u})
    for (const std::size_t rows : {1u, 2u, 3u, 4u, 7u}) {
      std::vector<std::vector<double>> columns;
      std::vector<const double*> at;
      for (std::size_t c = 0; c < width; ++c) {
        columns.emplace_back();
        for (std::size_t i = 0; i < rows; ++i) columns.back().push_back(static_cast<double>(i * width + c));
      }
      for (const std::vector<double>& column : columns) at.push_back(column.data());
      for (const bool stream : {false, true})
        for (const std::size_t shift : {0u, 1u}) {
          std::vector<double> out(shift + rows * width + 1, -1);
          WriteRows(at.data(), width, rows, out.data() + shift, width, stream);
          for (std::size_t i = 0; i < rows * width; ++i) ASSERT_EQ(out[shift + i], static_cast<double>(i)) << width << " x " << rows << ", " << i;
          ASSERT_EQ(out.back(), -1);
        }
    }
}

TEST(KernelsTest, WhatIsOddIsFoundWhereverItStands) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
  for (const std::size_t n : {1u, 3u, 4u, 5u, 8u, 9u, 20u})
    for (std::size_t at = 0; at < n; ++at)
      for (const double odd : {kNaN, kInfinity, -kInfinity, std::numeric_limits<double>::max()})
        for (const bool portable : {false, true}) {
          ForgetAvx2(portable);
          std::vector<double> x(n, 1.5), copied(n);
          x[at] = odd;
          const Oddities found = OdditiesOf(x.data(), n), of_copy = Copy(x.data(), n, copied.data());
          EXPECT_EQ(found.missing, std::isnan(odd));
          EXPECT_EQ(found.infinite, std::isinf(odd));
          EXPECT_EQ(of_copy.missing, found.missing);
          EXPECT_EQ(of_copy.infinite, found.infinite);
          for (std::size_t i = 0; i < n; ++i) EXPECT_TRUE(copied[i] == x[i] || (i == at && std::isnan(copied[i])));
        }
  ForgetAvx2(false);
}

}  // namespace
}  // namespace headrace::internal

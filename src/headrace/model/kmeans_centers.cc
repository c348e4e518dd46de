// Distances of rows to centres. Four centres lie side by side, and a few rows meet them at once, so that no sum waits for the one before it. Each distance is
// added up feature by feature, whatever rows are compared with it, so a row has the same bits alone, among others, and on every machine.
#include <cstring>
#include <limits>

#include "headrace/base/processor.h"
#include "headrace/model/kmeans.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kLanes = 4;
using Lanes = double __attribute__((vector_size(kLanes * sizeof(double))));   // two registers where there is no AVX2

/// What a walk reads.
struct Walk {
  const double* centers;      ///< for four each: their first feature, their second ...
  std::size_t groups, features;
};

/// take(row, first centre, squares[4]) for `kRows` rows and all centres.
template <std::size_t kRows, typename Take>
[[gnu::always_inline]] inline void Compare(const Walk& walk, const double* const* x, const Take& take) {
  const double* of = walk.centers;
  for (std::size_t group = 0; group < walk.groups; ++group) {
    Lanes sums[kRows] = {};
    for (std::size_t j = 0; j < walk.features; ++j, of += kLanes) {
      Lanes center;
      std::memcpy(&center, of, sizeof(center));
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kRows; ++r) {
        const Lanes apart = x[r][j] - center;
        sums[r] += apart * apart;
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      double squares[kLanes];
      std::memcpy(squares, &sums[r], sizeof(squares));
      take(r, group * kLanes, squares);
    }
  }
}

template <std::size_t kRows>
[[gnu::always_inline]] inline void FindSome(const Walk& walk, const double* const* x, Centers::Nearest* out) {
  constexpr double kFar = std::numeric_limits<double>::infinity();
  for (std::size_t r = 0; r < kRows; ++r) out[r] = {0, kFar, kFar};
  Compare<kRows>(walk, x, [out](std::size_t r, std::size_t first, const double* squares) __attribute__((always_inline)) {
    Centers::Nearest best = out[r];
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double here = squares[lane];
      const bool nearer = here < best.squared;
      const double beaten = nearer ? best.squared : here;
      best.second = beaten < best.second ? beaten : best.second;
      best.center = nearer ? first + lane : best.center;
      best.squared = nearer ? here : best.squared;
    }
    out[r] = best;
  });
}

template <std::size_t kRows>
[[gnu::always_inline]] inline void SquaresOfSome(const Walk& walk, const double* const* x, double* out) {
  const std::size_t stride = walk.groups * kLanes;
  Compare<kRows>(walk, x, [out, stride](std::size_t r, std::size_t first, const double* squares) __attribute__((always_inline)) {
    std::memcpy(out + r * stride + first, squares, kLanes * sizeof(double));
  });
}

/// As many rows as registers hold, then one by one.
template <std::size_t kRows>
[[gnu::always_inline]] inline void FindAny(const Walk& walk, const double* const* x, std::size_t rows, Centers::Nearest* out) {
  std::size_t r = 0;
  for (; r + kRows <= rows; r += kRows) FindSome<kRows>(walk, x + r, out + r);
  for (; r < rows; ++r) FindSome<1>(walk, x + r, out + r);
}
template <std::size_t kRows>
[[gnu::always_inline]] inline void SquaresOfAny(const Walk& walk, const double* const* x, std::size_t rows, double* out) {
  std::size_t r = 0;
  for (; r + kRows <= rows; r += kRows) SquaresOfSome<kRows>(walk, x + r, out + r * walk.groups * kLanes);
  for (; r < rows; ++r) SquaresOfSome<1>(walk, x + r, out + r * walk.groups * kLanes);
}

void FindPortable(const Walk& walk, const double* const* x, std::size_t rows, Centers::Nearest* out) { FindAny<4>(walk, x, rows, out); }
void SquaresPortable(const Walk& walk, const double* const* x, std::size_t rows, double* out) { SquaresOfAny<4>(walk, x, rows, out); }
#if defined(__x86_64__)
[[gnu::target("avx2")]] void FindAvx2(const Walk& walk, const double* const* x, std::size_t rows, Centers::Nearest* out) { FindAny<8>(walk, x, rows, out); }
[[gnu::target("avx2")]] void SquaresAvx2(const Walk& walk, const double* const* x, std::size_t rows, double* out) { SquaresOfAny<8>(walk, x, rows, out); }
#else
constexpr auto FindAvx2 = FindPortable;
constexpr auto SquaresAvx2 = SquaresPortable;
#endif

}  // namespace

Centers::Centers(std::span<const double> rows, std::size_t features) : size_(rows.size() / features), features_(features) {
  values_.resize(stride() * features, std::numeric_limits<double>::infinity());   // the places after the last centre are never nearest
  for (std::size_t c = 0; c < size_; ++c)
    for (std::size_t j = 0; j < features; ++j) values_[(c / kLanes * features + j) * kLanes + c % kLanes] = rows[c * features + j];
}

std::size_t Centers::stride() const { return (size_ + kLanes - 1) / kLanes * kLanes; }

void Centers::Find(std::span<const double* const> rows, Nearest* out) const {
  const Walk walk{values_.data(), stride() / kLanes, features_};
  (HasAvx2() ? FindAvx2 : FindPortable)(walk, rows.data(), rows.size(), out);
}

void Centers::Squares(std::span<const double* const> rows, double* out) const {
  const Walk walk{values_.data(), stride() / kLanes, features_};
  (HasAvx2() ? SquaresAvx2 : SquaresPortable)(walk, rows.data(), rows.size(), out);
}

}  // namespace headrace::internal

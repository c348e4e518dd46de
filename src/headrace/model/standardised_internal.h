#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "headrace/feature/matrix.h"

/// Private to this room: what a regression sees of a chunk of rows.
namespace headrace::internal {

/// How columns are standardised: z = (x - shift) / deviation. The shift is the mean, or 0 where at most half of a column's numbers are not 0, so that its zeros stay
/// zeros; the mean of z is then at most 1, which the intercept takes up. A deviation of 0: a constant column, left out.
struct Standards {
  std::vector<double> shift, deviation;
  std::vector<std::size_t> shifted;  ///< columns that are not 0 where x is
  double Of(std::size_t column, double x) const { return (x - shift[column]) / deviation[column]; }
};

/// gram (m x m, upper) += sum over rows of weight_r * u_r u_r^T, row after row.
inline void AddGram(const double* u, const double* weights, std::size_t rows, std::size_t m, double* gram) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const double *u0 = u + r * m, *u1 = u0 + m, *u2 = u1 + m, *u3 = u2 + m;
    for (std::size_t i = 0; i < m; ++i) {
      const double a0 = weights[r] * u0[i], a1 = weights[r + 1] * u1[i], a2 = weights[r + 2] * u2[i],
                   a3 = weights[r + 3] * u3[i];
      double* g = gram + i * m;
      for (std::size_t j = i; j < m; ++j) g[j] = (((g[j] + a0 * u0[j]) + a1 * u1[j]) + a2 * u2[j]) + a3 * u3[j];
    }
  }
  for (; r < rows; ++r) {
    const double* u0 = u + r * m;
    for (std::size_t i = 0; i < m; ++i) {
      const double a0 = weights[r] * u0[i];
      double* g = gram + i * m;
      for (std::size_t j = i; j < m; ++j) g[j] += a0 * u0[j];
    }
  }
}

/// Rows of a row-major matrix: 1 for the intercept, then a z for each column.
class DenseRows {
 public:
  DenseRows(const Matrix& matrix, const Standards& standards) : matrix_(matrix), standards_(standards), m_(matrix.columns() + 1) {}

  void Take(std::size_t first, std::size_t rows) {
    u_.resize(rows * m_);
    for (std::size_t r = 0; r < rows; ++r) {
      const double* x = matrix_.values().data() + (first + r) * (m_ - 1);
      double* z = u_.data() + r * m_;
      z[0] = 1;
      for (std::size_t j = 0; j + 1 < m_; ++j) z[j + 1] = standards_.deviation[j] > 0 ? standards_.Of(j, x[j]) : 0;
    }
  }
  template <typename Use>
  void ForEach(std::size_t r, const Use& use) const {
    const double* z = u_.data() + r * m_;
    for (std::size_t j = 0; j < m_; ++j) use(j, z[j]);
  }
  void AddGrams(const double* weights, std::size_t rows, double* gram) const { AddGram(u_.data(), weights, rows, m_, gram); }

 private:
  const Matrix& matrix_;
  const Standards& standards_;
  std::size_t m_;
  std::vector<double> u_;
};

/// Rows of a compressed matrix: the same numbers in the same order, without those that are 0, which no sum notices.
class CompressedRows {
 public:
  CompressedRows(const Matrix& matrix, const Standards& standards) : matrix_(matrix), standards_(standards), m_(matrix.columns() + 1) {}

  void Take(std::size_t first, std::size_t rows) {
    places_.clear();
    z_.clear();
    begins_.assign(1, 0);
    for (std::size_t r = 0; r < rows; ++r) {
      Put(0, 1);
      auto shifted = standards_.shifted.begin();
      const auto zeros_before = [&](std::size_t column) {
        for (; shifted != standards_.shifted.end() && *shifted < column; ++shifted) Put(*shifted + 1, standards_.Of(*shifted, 0.0));
      };
      matrix_.ForEach(first + r, [&](std::size_t column, double x) {
        zeros_before(column);
        if (shifted != standards_.shifted.end() && *shifted == column) ++shifted;
        if (standards_.deviation[column] > 0) Put(column + 1, standards_.Of(column, x));
      });
      zeros_before(m_);
      begins_.push_back(z_.size());
    }
  }
  template <typename Use>
  void ForEach(std::size_t r, const Use& use) const {
    for (std::size_t i = begins_[r]; i < begins_[r + 1]; ++i) use(places_[i], z_[i]);
  }
  void AddGrams(const double* weights, std::size_t rows, double* gram) const {
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t a = begins_[r]; a < begins_[r + 1]; ++a) {
        const double by = weights[r] * z_[a];
        double* g = gram + places_[a] * m_;
        for (std::size_t b = a; b < begins_[r + 1]; ++b) g[places_[b]] += by * z_[b];
      }
  }

 private:
  void Put(std::size_t place, double z) {
    places_.push_back(place);
    z_.push_back(z);
  }

  const Matrix& matrix_;
  const Standards& standards_;
  std::size_t m_;
  std::vector<std::size_t> places_, begins_;
  std::vector<double> z_;
};

}  // namespace headrace::internal

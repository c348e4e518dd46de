#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "headrace/base/parallel.h"
#include "headrace/model/kmeans.h"

/// Private to the kmeans_*.cc files.
namespace headrace::internal {

/// The rows that centres are found for, cut into parts. What a pass over all rows adds up is added up within each part and then in the order of the parts, so that
/// threads never change a bit; which parts there are follows from the sizes alone.
class PartedRows {
 public:
  static constexpr std::size_t kAtOnce = 8;   // rows that meet centres together

  /// Both are borrowed.
  PartedRows(const Vectors& rows, std::size_t clusters, int threads) : rows_(rows), threads_(threads) {
    const std::size_t most = std::clamp<std::size_t>(kMostSums / (clusters * rows.features()), 1, kMostParts), parts = std::clamp<std::size_t>(rows.rows() / kFewestRows, 1, most);
    part_rows_ = (rows.rows() + parts - 1) / parts;
  }

  std::size_t rows() const { return rows_.rows(); }
  std::size_t features() const { return rows_.features(); }
  double weight(std::size_t r) const { return rows_.weights.empty() ? 1.0 : rows_.weights[r]; }
  std::size_t parts() const { return (rows() + part_rows_ - 1) / part_rows_; }
  std::size_t first(std::size_t part) const { return part * part_rows_; }
  std::size_t end(std::size_t part) const { return std::min(rows(), (part + 1) * part_rows_); }

  /// work(part) for every part, on all threads.
  template <typename Work>
  void ForParts(const Work& work) const { ForEach(threads_, parts(), work); }

  /// Rows as vectors. Threads: none.
  class Reader {
   public:
    explicit Reader(const PartedRows& rows) : matrix_(rows.rows_.matrix), expanded_(matrix_.compressed() ? kAtOnce * matrix_.columns() : 0) {}
    /// Good until the next call. REQUIRES: at most kAtOnce.
    std::span<const double* const> operator()(std::span<const std::size_t> rows) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!matrix_.compressed()) {
          x_[i] = matrix_.values().data() + rows[i] * matrix_.columns();
          continue;
        }
        double* to = expanded_.data() + i * matrix_.columns();
        matrix_.Expand(rows[i], 1, to);
        x_[i] = to;
      }
      return {x_.data(), rows.size()};
    }
    const double* operator()(std::size_t row) { return (*this)({&row, 1})[0]; }
    /// These come next: to be fetched meanwhile.
    void Expect(std::span<const std::size_t> rows) const {
      constexpr std::size_t kLine = 64 / sizeof(double);
      if (matrix_.compressed()) return;
      for (const std::size_t row : rows)
        for (std::size_t j = 0; j < matrix_.columns(); j += kLine) __builtin_prefetch(matrix_.values().data() + row * matrix_.columns() + j);
    }

   private:
    const Matrix& matrix_;
    std::vector<double> expanded_;
    std::array<const double*, kAtOnce> x_{};
  };

  /// take(row, its squared distances) for every row of a part, in order.
  template <typename Take>
  void Measure(std::size_t part, const Centers& centers, const Take& take) const {
    Reader reader(*this);
    std::vector<double> squares(kAtOnce * centers.stride());
    for (std::size_t r = first(part); r < end(part); r += kAtOnce) {
      std::array<std::size_t, kAtOnce> some;
      for (std::size_t i = 0; i < kAtOnce; ++i) some[i] = r + i;
      const std::size_t count = std::min(kAtOnce, end(part) - r);
      centers.Squares(reader({some.data(), count}), squares.data());
      for (std::size_t i = 0; i < count; ++i) take(r + i, squares.data() + i * centers.stride());
    }
  }

 private:
  static constexpr std::size_t kMostParts = 64, kFewestRows = 1024, kMostSums = std::size_t{1} << 23;   // what all parts add up takes 128 MB at most

  const Vectors& rows_;
  int threads_;
  std::size_t part_rows_ = 0;
};

/// k-means++: rows to begin with, row-major. kData: fewer different rows than clusters, or none whose distances are numbers. kInterrupted.
Result<std::vector<double>> BeginCenters(const PartedRows& rows, std::size_t clusters, std::uint64_t seed, std::uint64_t start, const LearnerControl& control);

inline Status NotInterrupted(const LearnerControl& control) {
  return control.cancelled && control.cancelled() ? Status(Error(ErrorCode::kInterrupted, "training was interrupted")) : Ok();
}

}  // namespace headrace::internal

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace headrace {

/// Rows of numbers as learners take them: row-major, or compressed (CSR), where a row keeps only its numbers that are not 0. What is read off it is the same either
/// way, but that a compressed -0 is 0.
class Matrix {
 public:
  Matrix() = default;
  /// REQUIRES: as many values as rows x columns.
  static Matrix Dense(std::vector<double> values, std::size_t columns);
  /// Row r has numbers[offsets[r]] up to offsets[r + 1] in the columns of the same places of `places`. REQUIRES: these rise in each row; offsets[0] is 0.
  static Matrix Compressed(std::vector<std::int64_t> offsets, std::vector<std::int32_t> places, std::vector<double> numbers, std::size_t columns);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  bool compressed() const { return !offsets_.empty(); }
  const std::vector<double>& values() const;                  ///< row-major; REQUIRES: !compressed()
  std::span<const std::int64_t> offsets() const { return offsets_; }
  std::span<const std::int32_t> places() const { return places_; }
  std::span<const double> numbers() const { return numbers_; }

  /// Rows [begin, begin + count) into `out`, row-major, zeros and all.
  void Expand(std::size_t begin, std::size_t count, double* out) const;
  double At(std::size_t row, std::size_t column) const;
  Matrix Take(std::span<const std::size_t> rows) const;
  /// use(column, number) for each number of a row that is not 0, in the order of columns.
  template <typename Use>
  void ForEach(std::size_t row, const Use& use) const;

 private:
  std::size_t rows_ = 0, columns_ = 0;
  std::vector<double> values_;
  std::vector<std::int64_t> offsets_;   // empty: not compressed
  std::vector<std::int32_t> places_;
  std::vector<double> numbers_;
};

template <typename Use>
void Matrix::ForEach(std::size_t row, const Use& use) const {
  if (compressed()) {
    for (auto i = static_cast<std::size_t>(offsets_[row]); i < static_cast<std::size_t>(offsets_[row + 1]); ++i) use(static_cast<std::size_t>(places_[i]), numbers_[i]);
    return;
  }
  const double* x = values_.data() + row * columns_;
  for (std::size_t j = 0; j < columns_; ++j)
    if (x[j] != 0) use(j, x[j]);
}

}  // namespace headrace

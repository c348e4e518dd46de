#include "headrace/feature/matrix.h"

#include <algorithm>
#include <cassert>

namespace headrace {

Matrix Matrix::Dense(std::vector<double> values, std::size_t columns) {
  assert(columns == 0 ? values.empty() : values.size() % columns == 0);
  Matrix out;
  out.rows_ = columns == 0 ? 0 : values.size() / columns;
  out.columns_ = columns;
  out.values_ = std::move(values);
  return out;
}

Matrix Matrix::Compressed(std::vector<std::int64_t> offsets, std::vector<std::int32_t> places, std::vector<double> numbers, std::size_t columns) {
  assert(!offsets.empty() && offsets.front() == 0 && static_cast<std::size_t>(offsets.back()) == numbers.size() && places.size() == numbers.size());
  Matrix out;
  out.rows_ = offsets.size() - 1;
  out.columns_ = columns;
  out.offsets_ = std::move(offsets);
  out.places_ = std::move(places);
  out.numbers_ = std::move(numbers);
  return out;
}

const std::vector<double>& Matrix::values() const {
  assert(!compressed());
  return values_;
}

void Matrix::Expand(std::size_t begin, std::size_t count, double* out) const {
  if (!compressed()) {
    std::copy_n(values_.data() + begin * columns_, count * columns_, out);
    return;
  }
  std::fill_n(out, count * columns_, 0.0);
  for (std::size_t r = 0; r < count; ++r, out += columns_) ForEach(begin + r, [out](std::size_t column, double number) { out[column] = number; });
}

double Matrix::At(std::size_t row, std::size_t column) const {
  if (!compressed()) return values_[row * columns_ + column];
  const auto end = places_.begin() + offsets_[row + 1], at = std::lower_bound(places_.begin() + offsets_[row], end, static_cast<std::int32_t>(column));
  return at == end || *at != static_cast<std::int32_t>(column) ? 0.0 : numbers_[static_cast<std::size_t>(at - places_.begin())];
}

Matrix Matrix::Take(std::span<const std::size_t> rows) const {
  Matrix out;
  out.rows_ = rows.size();
  out.columns_ = columns_;
  if (!compressed()) {
    out.values_.reserve(rows.size() * columns_);
    for (const std::size_t row : rows) out.values_.insert(out.values_.end(), values_.data() + row * columns_, values_.data() + (row + 1) * columns_);
    return out;
  }
  out.offsets_.reserve(rows.size() + 1);
  out.offsets_.push_back(0);
  for (const std::size_t row : rows) out.offsets_.push_back(out.offsets_.back() + offsets_[row + 1] - offsets_[row]);
  out.places_.reserve(static_cast<std::size_t>(out.offsets_.back()));
  out.numbers_.reserve(static_cast<std::size_t>(out.offsets_.back()));
  for (const std::size_t row : rows) {
    out.places_.insert(out.places_.end(), places_.data() + offsets_[row], places_.data() + offsets_[row + 1]);
    out.numbers_.insert(out.numbers_.end(), numbers_.data() + offsets_[row], numbers_.data() + offsets_[row + 1]);
  }
  return out;
}

}  // namespace headrace

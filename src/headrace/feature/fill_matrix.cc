// Which way a matrix is kept is decided by some blocks spread over the rows. It changes no bit of what is learnt, so a decision that the other rows do not bear out
// costs memory only: 1.5 times the row-major doubles at worst.
#include "headrace/feature/fill_matrix.h"

#include <algorithm>
#include <bit>

#include "headrace/base/parallel.h"
#include "headrace/feature/blocks.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kSampledBlocks = 8;
constexpr std::size_t kFilledRows = 16'384;            // that a thread takes at once

/// Compressed rows as they come.
struct Chunk {
  std::vector<std::int64_t> ends;
  std::vector<std::int32_t> places;
  std::vector<double> numbers;
};

/// Whether all are 0, of either sign.
bool AllZero(const double* x, std::size_t n) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < n; ++i) bits |= std::bit_cast<std::uint64_t>(x[i]);
  return bits << 1 == 0;
}

/// Runs blocks of rows and puts in what is given.
class Filler {
 public:
  Filler(const TransformParts& parts, std::span<const ColumnPtr> columns, std::span<const GivenOutput> given, std::size_t block_rows)
      : runner_(parts, block_rows), columns_(columns), given_(given), width_(parts.width()), unseen_(parts.read.size()) {}

  Status Run(std::size_t begin, std::size_t rows) {
    RETURN_IF_ERROR(runner_.Run(columns_, begin, rows, unseen_.data()));
    for (const GivenOutput& one : given_) std::copy_n(one.values.data() + begin, rows, runner_.out()[one.output]);
    return Ok();
  }

  std::size_t CountNumbers(std::size_t rows) const {
    std::size_t count = 0;
    for (std::size_t k = 0; k < width_; ++k)
      for (std::size_t i = 0; i < rows; ++i) count += runner_.out()[k][i] != 0 ? 1 : 0;
    return count;
  }

  /// Two walks over the columns, most of which are 0 in all rows of a block: how many numbers each row has, then where they go.
  void Compress(std::size_t rows, Chunk& chunk) {
    next_.assign(rows + 1, 0);
    held_.clear();
    for (std::size_t k = 0; k < width_; ++k) {
      const double* column = runner_.out()[k];
      if (AllZero(column, rows)) continue;
      held_.push_back(k);
      for (std::size_t i = 0; i < rows; ++i) next_[i + 1] += column[i] != 0 ? 1 : 0;
    }
    const std::size_t before = chunk.numbers.size();
    next_[0] = before;
    for (std::size_t i = 0; i < rows; ++i) {
      next_[i + 1] += next_[i];
      chunk.ends.push_back(static_cast<std::int64_t>(next_[i + 1]));
    }
    chunk.places.resize(next_[rows]);
    chunk.numbers.resize(next_[rows]);
    for (const std::size_t k : held_)
      for (std::size_t i = 0; i < rows; ++i) {
        const double x = runner_.out()[k][i];
        if (x == 0) continue;
        chunk.places[next_[i]] = static_cast<std::int32_t>(k);
        chunk.numbers[next_[i]++] = x;
      }
  }

 private:
  BlockRunner runner_;
  std::span<const ColumnPtr> columns_;
  std::span<const GivenOutput> given_;
  std::size_t width_;
  std::vector<std::int64_t> unseen_;
  std::vector<std::size_t> next_, held_;
};

/// An error is left to the run over all rows, which meets it again in its own order.
bool FewNumbers(const TransformParts& parts, std::span<const ColumnPtr> columns, std::size_t rows, std::span<const GivenOutput> given) {
  const std::size_t block = std::min(parts.block_rows(), rows), blocks = std::min(kSampledBlocks, rows / std::max<std::size_t>(block, 1));
  Filler filler(parts, columns, given, block);
  std::size_t numbers = 0;
  for (std::size_t b = 0; b < blocks; ++b) {
    const std::size_t begin = blocks == 1 ? 0 : (rows - block) / (blocks - 1) * b;
    if (!filler.Run(begin, block).ok()) return false;
    numbers += filler.CountNumbers(block);
  }
  return static_cast<double>(numbers) <= kMostNumbers * static_cast<double>(blocks * block * parts.width());
}

/// One after the other, each forgotten once it is copied.
Matrix JoinChunks(std::vector<Chunk> chunks, std::size_t rows, std::size_t columns) {
  std::size_t numbers = 0;
  for (const Chunk& chunk : chunks) numbers += chunk.numbers.size();
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> places;
  std::vector<double> values;
  offsets.reserve(rows + 1);
  places.reserve(numbers);
  values.reserve(numbers);
  for (Chunk& chunk : chunks) {
    const std::int64_t before = offsets.back();
    for (const std::int64_t end : chunk.ends) offsets.push_back(before + end);
    places.insert(places.end(), chunk.places.begin(), chunk.places.end());
    values.insert(values.end(), chunk.numbers.begin(), chunk.numbers.end());
    chunk = {};
  }
  return Matrix::Compressed(std::move(offsets), std::move(places), std::move(values), columns);
}

}  // namespace

Result<Matrix> FillMatrix(const TransformParts& parts, std::span<const ColumnPtr> columns, std::size_t rows, std::optional<bool> compress, int threads,
                          std::span<const GivenOutput> given) {
  const std::size_t width = parts.width();
  if (!(compress ? *compress : FewNumbers(parts, columns, rows, given))) {
    std::vector<double> values(rows * width);
    RETURN_IF_ERROR(ApplyTo(parts, columns, rows, values.data(), Layout::kRows, threads, nullptr));
    ForEach(threads, FitBlocks(rows), [&](std::size_t b) {
      const std::size_t begin = b * kFitBlockRows, end = std::min(rows, begin + kFitBlockRows);
      for (const GivenOutput& one : given)
        for (std::size_t i = begin; i < end; ++i) values[i * width + one.output] = one.values[i];
    });
    return Matrix::Dense(std::move(values), width);
  }
  const std::size_t block = std::min(parts.block_rows(), std::max<std::size_t>(rows, 1));
  std::vector<Chunk> chunks((rows + kFilledRows - 1) / kFilledRows);
  const Status filled = ParallelFor(threads, chunks.size(), [&](std::size_t c) -> Status {
    Filler filler(parts, columns, given, block);
    const std::size_t end = std::min(rows, (c + 1) * kFilledRows);
    for (std::size_t begin = c * kFilledRows; begin < end; begin += block) {
      const std::size_t some = std::min(block, end - begin);
      RETURN_IF_ERROR(filler.Run(begin, some));
      filler.Compress(some, chunks[c]);
    }
    return Ok();
  });
  RETURN_IF_ERROR(filled);
  return JoinChunks(std::move(chunks), rows, width);
}

}  // namespace headrace::internal

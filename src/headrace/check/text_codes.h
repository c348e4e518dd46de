#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "headrace/check/row_check.h"

namespace headrace::internal {

/// Numbers the different texts of one column as they come, so that what depends on the text alone is asked once a text, not once a row. Gives up,
/// for good, when there are many.
///
///   (Number -> codes)*
///
/// Threads: none for Number; between two of them any number may read.
class TextCodes {
 public:
  static constexpr std::size_t kMost = 4096, kLongest = 256;

  explicit TextCodes(std::size_t at) : at_(at), texts_(1), places_(kPlaces) {}
  /// Number the texts of the column in `block`.
  void Number(const Table& block);
  bool gave_up() const { return gave_up_; }
  /// One a row of the last block: a position in texts(). Null is 0.
  std::span<const std::uint32_t> codes() const { return codes_; }
  /// All texts so far; the first stands for null.
  const std::vector<std::string>& texts() const { return texts_; }
  std::size_t at() const { return at_; }

 private:
  /// What texts are compared by: of up to 16 bytes all of them, of longer ones a hash.
  struct Key { std::uint64_t low = 0, high = 0; std::uint32_t size = 0; };
  struct Place { Key key; std::uint32_t code = 0; };
  static constexpr std::size_t kPlaces = kMost * 4;
  static Key KeyOf(std::string_view text);
  std::uint32_t CodeOf(std::string_view text);

  std::size_t at_;
  bool gave_up_ = false;
  std::vector<std::uint32_t> codes_;
  std::vector<std::string> texts_;
  std::vector<Place> places_;   ///< open addressing by the key of a text; the code 0 is free
};

/// A check that looks at one column of texts by value, asked once a text as long as `codes` has not given up. `by_row` looks at blocks, `by_text` at tables of that column alone.
std::unique_ptr<RowCheck> OncePerText(std::unique_ptr<RowCheck> by_row, std::unique_ptr<RowCheck> by_text, std::shared_ptr<const TextCodes> codes);

}  // namespace headrace::internal

#include "headrace/check/text_codes.h"

#include <xxhash.h>

#include <cstring>

namespace headrace::internal {

namespace {
constexpr std::size_t kWhole = 16;   // so many bytes of a text lie in its key

template <typename Word>
std::uint64_t Load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof(word));
  return word;
}
}  // namespace

/// Texts of one size differ in one of the loads, which overlap where the size is no power of two.
TextCodes::Key TextCodes::KeyOf(std::string_view text) {
  const char* at = text.data();
  const std::size_t size = text.size();
  Key key{0, 0, static_cast<std::uint32_t>(size)};
  if (size > kWhole) {
    key.low = XXH3_64bits(at, size);
  } else if (size >= 8) {
    key.low = Load<std::uint64_t>(at);
    key.high = Load<std::uint64_t>(at + size - 8);
  } else if (size >= 4) {
    key.low = Load<std::uint32_t>(at) << 32 | Load<std::uint32_t>(at + size - 4);
  } else if (size > 0) {
    key.low = Load<std::uint8_t>(at) << 16 | Load<std::uint8_t>(at + size / 2) << 8 | Load<std::uint8_t>(at + size - 1);
  }
  return key;
}

std::uint32_t TextCodes::CodeOf(std::string_view text) {
  constexpr std::size_t kMask = kPlaces - 1;
  const Key key = KeyOf(text);
  std::uint64_t mixed = (key.low ^ (key.high + key.size) * 0x9E3779B97F4A7C15u) * 0xBF58476D1CE4E5B9u;
  mixed ^= mixed >> 32;
  for (std::size_t at = mixed & kMask;; at = (at + 1) & kMask) {
    Place& place = places_[at];
    if (place.code == 0) {
      gave_up_ = texts_.size() >= kMost || text.size() > kLongest;
      if (gave_up_) return 0;
      place = {key, static_cast<std::uint32_t>(texts_.size())};
      texts_.emplace_back(text);
      return place.code;
    }
    const bool alike = place.key.low == key.low && place.key.high == key.high && place.key.size == key.size;
    if (alike && (text.size() <= kWhole || texts_[place.code] == text)) return place.code;
  }
}

void TextCodes::Number(const Table& block) {
  if (gave_up_) return;
  const Column& column = block.column(at_);
  codes_.resize(column.size());
  const auto offsets = column.offsets();
  const char* bytes = column.bytes().data();
  for (std::size_t i = 0; i < column.size() && !gave_up_; ++i)
    codes_[i] = column.IsNull(i) ? 0 : CodeOf({bytes + offsets[i], static_cast<std::size_t>(offsets[i + 1] - offsets[i])});
}

namespace {

class PerText : public RowCheck {
 public:
  PerText(std::unique_ptr<RowCheck> by_row, std::unique_ptr<RowCheck> by_text, std::shared_ptr<const TextCodes> codes)
      : RowCheck(by_row->columns()), by_row_(std::move(by_row)), by_text_(std::move(by_text)), codes_(std::move(codes)) {}

  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    if (codes_->gave_up() || !Learn(block.schema()[codes_->at()].name)) return by_row_->Test(block, failed);
    const auto codes = codes_->codes();
    if (any_fails_)
      for (std::size_t i = 0; i < failed.size(); ++i) failed[i] = fails_[codes[i]];
    return Ok();
  }
  std::string Complaint(std::int64_t failed, std::int64_t rows) const override { return by_row_->Complaint(failed, rows); }
  std::unique_ptr<RowCheck> Clone() const override { return OncePerText(by_row_->Clone(), by_text_->Clone(), codes_); }

 private:
  /// Ask about the texts that are new. False when that raises: the row has to be named.
  bool Learn(const std::string& name) {
    const std::vector<std::string>& texts = codes_->texts();
    if (fails_.size() == texts.size()) return true;
    ColumnBuilder builder(Type::kText);
    for (std::size_t k = fails_.size(); k < texts.size(); ++k)
      if (k == 0) builder.AppendNull();
      else builder.AppendText(texts[k]);
    const std::size_t count = builder.size();
    std::vector<std::uint8_t> failed(count, 0);
    if (!by_text_->Test(Table(Schema({{name, Type::kText}}), {builder.Finish()}, count), failed).ok()) return false;
    for (const std::uint8_t f : failed) {
      fails_.push_back(f);
      any_fails_ = any_fails_ || f != 0;
    }
    return true;
  }

  std::unique_ptr<RowCheck> by_row_, by_text_;
  std::shared_ptr<const TextCodes> codes_;
  std::vector<std::uint8_t> fails_;   ///< by code
  bool any_fails_ = false;
};

}  // namespace

std::unique_ptr<RowCheck> OncePerText(std::unique_ptr<RowCheck> by_row, std::unique_ptr<RowCheck> by_text, std::shared_ptr<const TextCodes> codes) {
  return std::make_unique<PerText>(std::move(by_row), std::move(by_text), std::move(codes));
}

}  // namespace headrace::internal

#include "headrace/check/text_codes.h"

#include <xxhash.h>

namespace headrace::internal {

std::uint32_t TextCodes::CodeOf(std::string_view text) {
  const std::size_t mask = places_.size() - 1;
  std::size_t at = XXH3_64bits(text.data(), text.size()) & mask;
  while (places_[at] != 0 && texts_[places_[at]] != text) at = (at + 1) & mask;
  if (places_[at] != 0) return places_[at];
  gave_up_ = texts_.size() >= kMost || text.size() > kLongest;
  if (gave_up_) return 0;
  places_[at] = static_cast<std::uint32_t>(texts_.size());
  texts_.emplace_back(text);
  return places_[at];
}

void TextCodes::Number(const Table& block) {
  if (gave_up_) return;
  const Column& column = block.column(at_);
  codes_.resize(column.size());
  for (std::size_t i = 0; i < column.size() && !gave_up_; ++i) codes_[i] = column.IsNull(i) ? 0 : CodeOf(column.text(i));
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

#include "headrace/check/sample.h"

#include <algorithm>

#include "headrace/base/text.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kRows = 10, kGuilty = 12, kIdentifying = 3, kTextBytes = 200;

/// A cell for people: a long text is cut between two characters.
std::string Cell(const Column& column, std::size_t row) {
  std::string text = column.At(row).ToString();
  if (text.size() <= kTextBytes) return text;
  std::size_t end = kTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return StrCat(text.substr(0, end), "…");
}

}  // namespace

Sample::Sample(const std::vector<std::string>& looked_at, const Schema& schema, const std::set<std::string>& masked) {
  std::set<std::string_view> seen;
  for (const std::string& name : looked_at) {
    const auto at = schema.IndexOf(name);
    if (at && seen.insert(name).second) columns_.push_back({*at, name, masked.contains(name)});
  }
  looked_at_ = columns_.size();
  for (std::size_t i = 0; i < schema.size() && columns_.size() < looked_at_ + kIdentifying; ++i)
    if (const std::string& name = schema[i].name; !seen.contains(name) && !masked.contains(name)) columns_.push_back({i, name, false});
}

void Sample::Take(const Table& block, std::span<const std::uint8_t> failed, std::int64_t rows_before) {
  for (std::size_t i = 0; i < failed.size() && rows_.size() < kRows; ++i) {
    if (failed[i] == 0) continue;
    numbers_.push_back(rows_before + static_cast<std::int64_t>(i));
    std::vector<std::string>& row = rows_.emplace_back();
    for (const Shown& column : columns_) row.push_back(column.masked ? "***" : Cell(block.column(column.at), i));
  }
}

void Sample::Show(const std::vector<std::string>& guilty, CheckVerdict* verdict) const {
  std::vector<std::size_t> kept;
  for (std::size_t k = 0; k < columns_.size(); ++k)
    if (k >= looked_at_ || (kept.size() < kGuilty && std::find(guilty.begin(), guilty.end(), columns_[k].name) != guilty.end())) kept.push_back(k);
  verdict->sample_columns = {"row"};
  for (const std::size_t k : kept) verdict->sample_columns.push_back(columns_[k].name);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    std::vector<std::string>& row = verdict->sample_rows.emplace_back();
    row.push_back(StrCat(numbers_[i] + 1));
    for (const std::size_t k : kept) row.push_back(rows_[i][k]);
  }
}

}  // namespace headrace::internal

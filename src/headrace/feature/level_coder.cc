#include "headrace/feature/level_coder.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "headrace/feature/blocks.h"
#include "headrace/feature/read_json.h"
#include "headrace/feature/steps.h"

namespace headrace::internal {
namespace {

constexpr double kExactInts = 9007199254740992.0;   // 2^53

/// Number the levels in sorted order, and give each row its level's number.
template <typename Key, typename Value>
struct Sorted {
  std::vector<Value> levels;
  std::vector<std::int64_t> counts;
  std::vector<std::int32_t> codes;
  std::int64_t missing = 0;

  Sorted(const RowLevels<Key>& found, const std::function<Value(Key)>& value_of, int threads) {
    std::vector<std::pair<Value, std::size_t>> order;
    for (std::size_t i = 0; i < found.levels.size(); ++i) order.emplace_back(value_of(found.levels.keys()[i]), i);
    std::sort(order.begin(), order.end());
    std::vector<std::int32_t> rank(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      rank[order[i].second] = static_cast<std::int32_t>(i);
      levels.push_back(order[i].first);
      counts.push_back(found.levels.counts()[order[i].second]);
    }
    codes.resize(found.places.size());
    const auto none = static_cast<std::int32_t>(levels.size());
    ForEach(threads, FitBlocks(codes.size()), [&](std::size_t b) {
      const std::size_t end = std::min(codes.size(), (b + 1) * kFitBlockRows);
      for (std::size_t i = b * kFitBlockRows; i < end; ++i) codes[i] = found.places[i] < 0 ? none : rank[static_cast<std::size_t>(found.places[i])];
    });
    missing = static_cast<std::int64_t>(codes.size());
    for (const std::int64_t n : counts) missing -= n;
    if (missing > 0) counts.push_back(missing);
  }
};

}  // namespace

LevelCoder::LevelCoder(Type type, Levels levels, bool missing_seen, std::optional<std::string> fill)
    : type_(type), levels_(std::move(levels)), missing_seen_(missing_seen), fill_(std::move(fill)),
      of_missing_(missing_seen_ ? static_cast<std::int32_t>(levels_.size()) : kMissingUnseen) {
  if (fill_) {
    const std::int32_t at = levels_.Find(*fill_);
    if (at >= 0) of_missing_ = at;
  }
}

std::string LevelCoder::Name(std::size_t code) const {
  if (code == levels_.size()) return "(missing)";
  if (levels_.is_text()) return levels_.texts()[code];
  if (type_ == Type::kBool) return levels_.numbers()[code] == 0 ? "false" : "true";
  return FormatDouble(levels_.numbers()[code]);
}

std::vector<std::string> LevelCoder::Names() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < levels_.size(); ++i) names.push_back(Name(i));
  return names;
}

std::int64_t LevelCoder::CodesOf(const Column& source, std::size_t begin, std::size_t rows, std::int32_t* codes) const {
  std::int64_t unseen = 0;
  if (source.type() != Type::kText) {
    double numbers[256];
    for (std::size_t i = 0; i < rows; i += std::size(numbers)) {
      const std::size_t some = std::min(std::size(numbers), rows - i);
      LoadNumbers(source, begin + i, some, numbers);
      unseen += CodesOf(numbers, some, codes + i);
    }
    return unseen;
  }
  const bool nulls = !source.valid().empty();
  for (std::size_t i = 0; i < rows; ++i) {
    codes[i] = nulls && source.IsNull(begin + i) ? of_missing_ : levels_.Find(source.text(begin + i));
    unseen += codes[i] == kUnseen ? 1 : 0;
  }
  return unseen;
}

std::int64_t LevelCoder::CodesOf(const double* numbers, std::size_t rows, std::int32_t* codes) const {
  std::int64_t unseen = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    codes[i] = numbers[i] == numbers[i] ? levels_.Find(numbers[i]) : of_missing_;
    unseen += codes[i] == kUnseen ? 1 : 0;
  }
  return unseen;
}

void LevelCoder::ToJson(json& into) const {
  into["levels"] = levels_.is_text() ? json(levels_.texts()) : NumbersToJson(levels_.numbers());
  into["missing"] = missing_seen_;
  into["of"] = TypeName(type_);
  into["null"] = fill_ ? json(*fill_) : json();
}

Result<LevelCoder> LevelCoder::Read(const json& from) {
  ASSIGN_OR_RETURN(const std::string name, ReadText(from, "of"));
  ASSIGN_OR_RETURN(const Type type, TypeFromName(name));
  if (IsMoment(type)) return Damaged(StrCat("levels of a ", name));
  ASSIGN_OR_RETURN(const bool missing, ReadBool(from, "missing"));
  std::optional<std::string> fill;
  if (!Member(from, "null").is_null()) {
    ASSIGN_OR_RETURN(fill, ReadText(from, "null"));
    if (type != Type::kText) return Damaged("a text for missing numbers");
  }
  Levels levels;
  if (type == Type::kText) {
    ASSIGN_OR_RETURN(std::vector<std::string> texts, ReadTexts(from, "levels"));
    if (std::adjacent_find(texts.begin(), texts.end(), std::greater_equal<>()) != texts.end()) return Damaged("levels out of order");
    levels = Levels::OfText(std::move(texts));
  } else {
    ASSIGN_OR_RETURN(std::vector<double> numbers, ReadNumbers(from, "levels", kAnyCount));
    if (!Rising(numbers)) return Damaged("levels out of order");
    for (const double x : numbers)
      if (x == 0 && std::signbit(x)) return Damaged("a level of -0");
    levels = Levels::OfNumbers(std::move(numbers));
  }
  if (levels.size() + (missing ? 1 : 0) == 0) return Damaged("an encoding without levels");
  return LevelCoder(type, std::move(levels), missing, std::move(fill));
}

Result<CodedLevels> CodeLevels(const std::string& column, const Column& source, const std::optional<std::string>& fill, int threads) {
  if (source.type() != Type::kText) {
    std::vector<double> numbers(source.size());
    LoadNumbers(source, 0, source.size(), numbers.data());
    return CodeLevels(column, source.type(), numbers, threads);
  }
  RowLevels<std::string_view> found = FindLevels(source, threads);
  if (fill && source.null_count() > 0) {
    const std::int32_t place = found.levels.Add(*fill, static_cast<std::int64_t>(source.null_count()));
    for (std::int32_t& at : found.places) at = at < 0 ? place : at;
  }
  for (const std::string_view level : found.levels.keys())
    if (!IsUtf8(level)) return Error(ErrorCode::kData, "column `", column, "` has text that is not UTF-8").WithHelp("convert it where the rows are read");
  Sorted<std::string_view, std::string_view> sorted(found, [](std::string_view key) { return key; }, threads);
  Levels levels = Levels::OfText({sorted.levels.begin(), sorted.levels.end()});
  return CodedLevels{LevelCoder(Type::kText, std::move(levels), sorted.missing > 0, fill), std::move(sorted.counts), std::move(sorted.codes)};
}

Result<CodedLevels> CodeLevels(const std::string& column, Type type, std::span<const double> numbers, int threads) {
  if (type == Type::kInt)
    for (const double x : numbers)
      if (std::fabs(x) >= kExactInts)
        return Error(ErrorCode::kData, "column `", column, "` has whole numbers beyond 2^53, which cannot be told apart as levels").WithHelp("cast it to text with `derive`");
  Sorted<std::uint64_t, double> sorted(FindLevels(numbers, threads), [](std::uint64_t key) { return std::bit_cast<double>(key); }, threads);
  return CodedLevels{LevelCoder(type == Type::kText ? Type::kDouble : type, Levels::OfNumbers(std::move(sorted.levels)), sorted.missing > 0, {}), std::move(sorted.counts), std::move(sorted.codes)};
}

}  // namespace headrace::internal

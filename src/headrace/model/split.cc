#include "headrace/model/split.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

#include <xxhash.h>

#include "headrace/base/text.h"

namespace headrace {
namespace {

constexpr std::uint64_t kSplitSeed = 0;

void AppendUint64(std::string& out, std::uint64_t v) {
  for (int byte = 0; byte < 8; ++byte) out.push_back(static_cast<char>((v >> (8 * byte)) & 0xFF));
}

void AppendKey(std::string& out, const Column& column, std::size_t row) {
  if (column.IsNull(row)) {
    out.push_back('n');
    return;
  }
  switch (column.type()) {
    case Type::kBool:
      out.push_back('b');
      break;
    case Type::kInt:
      out.push_back('i');
      break;
    case Type::kDate:
      out.push_back('d');
      break;
    case Type::kTimestamp:
      out.push_back('t');
      break;
    case Type::kDuration:
      out.push_back('u');
      break;
    case Type::kDouble: {
      const double v = column.doubles()[row];
      out.push_back('f');
      AppendUint64(out, std::isnan(v) ? 0x7FF8000000000000u : std::bit_cast<std::uint64_t>(v == 0 ? 0.0 : v));
      return;
    }
    case Type::kText: {
      const std::string_view text = column.text(row);
      out.push_back('s');
      AppendUint64(out, text.size());
      out.append(text);
      return;
    }
  }
  AppendUint64(out, static_cast<std::uint64_t>(column.ints()[row]));
}

std::string Count(std::size_t n) { return FormatCount(static_cast<std::int64_t>(n)); }

using internal::FindColumn;

Status RefuseNulls(const Column& column, const std::string& name, std::string_view role) {
  if (column.null_count() == 0) return Ok();
  std::size_t first = 0;
  while (!column.IsNull(first)) ++first;
  return Error(ErrorCode::kData, role, " column `", name, "` is null in ", Count(column.null_count()), " of ",
               Count(column.size()), " rows (row ", first + 1, " is the first)")
      .WithHelp(StrCat("leave those rows out, or ", role, " by another column"));
}

Result<DataSplit> SplitByHash(const Table& table, const SplitSpec& spec, std::span<const std::string> key) {
  ASSIGN_OR_RETURN(const KeyHasher hasher,
                   KeyHasher::Make(table, spec.columns.empty() ? key : std::span<const std::string>(spec.columns)));
  DataSplit split;
  for (std::size_t row = 0; row < table.num_rows(); ++row)
    (hasher.Fraction(row, kSplitSeed) < spec.test ? split.test : split.train).push_back(row);
  return split;
}

/// The index into `order` (rows by time) at which the test part begins: between two distinct values, as near to the
/// share as whole values allow. 0 when there is one value only. `same(a, b)`: rows a and b have one time.
template <typename Same>
std::size_t FindCut(const std::vector<std::size_t>& order, double share, Same same) {
  const double wanted = share * static_cast<double>(order.size());
  std::size_t best = 0;
  double distance = std::numeric_limits<double>::infinity();
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (same(order[i - 1], order[i])) continue;
    const double off = std::fabs(static_cast<double>(order.size() - i) - wanted);
    if (off <= distance) {
      distance = off;
      best = i;
    }
  }
  return best;
}

Result<DataSplit> SplitByTime(const Table& table, const SplitSpec& spec) {
  const std::string& name = spec.columns.front();
  ASSIGN_OR_RETURN(const Column* column, internal::FindTimeColumn(table, name, "split", spec.gap_us));
  const auto before = [&](std::size_t a, std::size_t b) { return internal::IsBefore(*column, a, b); };
  std::vector<std::size_t> order(table.num_rows());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), before);
  const std::size_t cut =
      FindCut(order, spec.test, [&](std::size_t a, std::size_t b) { return !before(a, b) && !before(b, a); });
  if (cut == 0)
    return Error(ErrorCode::kData, "split column `", name, "` has one value only",
                 order.empty() ? "" : StrCat(": ", column->At(order.front()).ToString()),
                 "; a split by time needs at least two")
        .WithHelp("give rows of several times, or split by hash");

  DataSplit split;
  const std::size_t first_test = order[cut];
  for (std::size_t row = 0; row < order.size(); ++row) {
    if (!before(row, first_test)) {
      split.test.push_back(row);
    } else if (internal::InGap(*column, row, first_test, spec.gap_us)) {
      split.dropped += 1;
    } else {
      split.train.push_back(row);
    }
  }
  const double share = static_cast<double>(split.test.size()) / static_cast<double>(order.size());
  split.notes.push_back(StrCat("split by ", name, ": test rows from ", column->At(first_test).ToString(), " on, ",
                               Count(split.test.size()), " of ", Count(order.size()), " (",
                               FormatDouble(std::round(share * 1000) / 10), "%)"));
  if (split.dropped > 0)
    split.notes.push_back(StrCat("gap of ", FormatDuration(spec.gap_us), ": ", FormatCount(split.dropped),
                                 " rows before the first test row are left out"));
  return split;
}

Result<DataSplit> SplitByColumn(const Table& table, const SplitSpec& spec) {
  const std::string& name = spec.columns.front();
  ASSIGN_OR_RETURN(const Column* column, FindColumn(table, name, "split"));
  if (column->type() != Type::kBool && column->type() != Type::kInt && column->type() != Type::kText)
    return Error(ErrorCode::kInvalid, "split column `", name, "` is ", TypeName(column->type()),
                 "; expected bool, int (0 or 1) or text (\"train\" or \"test\")");
  RETURN_IF_ERROR(RefuseNulls(*column, name, "split"));
  DataSplit split;
  for (std::size_t row = 0; row < column->size(); ++row) {
    const bool is_text = column->type() == Type::kText;
    const bool test = is_text ? column->text(row) == "test" : column->ints()[row] == 1;
    const bool train = is_text ? column->text(row) == "train" : column->ints()[row] == 0;
    if (!test && !train)
      return Error(ErrorCode::kData, "split column `", name, "` is ", is_text ? "\"" : "", column->At(row).ToString(),
                   is_text ? "\"" : "", " in row ", row + 1, "; expected ",
                   is_text ? "\"train\" or \"test\"" : "0 (training) or 1 (test)");
    (test ? split.test : split.train).push_back(row);
  }
  return split;
}

Result<DataSplit> Divide(const Table& table, const SplitSpec& spec, std::span<const std::string> key) {
  switch (spec.kind) {
    case SplitSpec::Kind::kNone:
      break;
    case SplitSpec::Kind::kHash:
      return SplitByHash(table, spec, key);
    case SplitSpec::Kind::kTime:
      return SplitByTime(table, spec);
    case SplitSpec::Kind::kColumn:
      return SplitByColumn(table, spec);
  }
  DataSplit all;
  all.train.resize(table.num_rows());
  for (std::size_t i = 0; i < all.train.size(); ++i) all.train[i] = i;
  return all;
}

}  // namespace

namespace internal {

Result<const Column*> FindColumn(const Table& table, const std::string& name, std::string_view role) {
  if (const Column* column = table.Find(name)) return column;
  const std::vector<std::string> names = table.schema().Names();
  const std::string near = NearestName(name, names);
  return Error(ErrorCode::kInvalid, role, " column \"", name, "\" is not in the data")
      .WithHelp(near.empty() ? StrCat("columns: ", Join(names, ", ")) : StrCat("did you mean \"", near, "\"?"));
}

Status CheckTimeType(Type type, const std::string& name, std::string_view role, std::int64_t gap_us) {
  const bool time = type == Type::kDate || type == Type::kTimestamp;
  if (!time && !IsNumeric(type))
    return Error(ErrorCode::kInvalid, role, " column `", name, "` is ", TypeName(type),
                 "; expected date, timestamp, int or double");
  if (!time && gap_us > 0)
    return Error(ErrorCode::kInvalid, role, " column `", name, "` is ", TypeName(type),
                 "; a gap needs a date or timestamp")
        .WithHelp(StrCat("leave `gap` out, or ", role, " by a date"));
  return Ok();
}

Result<const Column*> FindTimeColumn(const Table& table, const std::string& name, std::string_view role, std::int64_t gap_us) {
  ASSIGN_OR_RETURN(const Column* column, FindColumn(table, name, role));
  RETURN_IF_ERROR(CheckTimeType(column->type(), name, role, gap_us));
  RETURN_IF_ERROR(RefuseNulls(*column, name, role));
  if (column->type() == Type::kDouble)
    for (std::size_t row = 0; row < column->size(); ++row)
      if (std::isnan(column->doubles()[row]))
        return Error(ErrorCode::kData, role, " column `", name, "` is NaN in row ", row + 1)
            .WithHelp("leave those rows out");
  return column;
}

bool IsBefore(const Column& time, std::size_t a, std::size_t b) {
  return time.type() == Type::kDouble ? time.doubles()[a] < time.doubles()[b] : time.ints()[a] < time.ints()[b];
}

bool InGap(const Column& time, std::size_t row, std::size_t first, std::int64_t gap_us) {
  if (gap_us <= 0) return false;
  const std::uint64_t unit = time.type() == Type::kDate ? static_cast<std::uint64_t>(kMicrosPerDay) : 1;
  const std::uint64_t gap = (static_cast<std::uint64_t>(gap_us) + unit - 1) / unit;
  return static_cast<std::uint64_t>(time.ints()[first]) - static_cast<std::uint64_t>(time.ints()[row]) < gap;
}

}  // namespace internal

Result<KeyHasher> KeyHasher::Make(const Table& table, std::span<const std::string> columns) {
  KeyHasher hasher;
  for (const std::string& name : columns) {
    ASSIGN_OR_RETURN(const Column* column, FindColumn(table, name, "key"));
    hasher.columns_.push_back(column);
  }
  return hasher;
}

std::uint64_t KeyHasher::Hash(std::size_t row, std::uint64_t seed) const {
  std::string key;
  if (columns_.empty()) {
    key.push_back('i');
    AppendUint64(key, row);
  }
  for (const Column* column : columns_) AppendKey(key, *column, row);
  return XXH64(key.data(), key.size(), seed);
}

double KeyHasher::Fraction(std::size_t row, std::uint64_t seed) const {
  return static_cast<double>(Hash(row, seed) >> 11) * 0x1p-53;
}

Status CheckSplit(const SplitSpec& spec) {
  const bool share = spec.kind == SplitSpec::Kind::kHash || spec.kind == SplitSpec::Kind::kTime;
  if (share && !(spec.test > 0 && spec.test < 1))
    return Error(ErrorCode::kInvalid, "split: the test share is ", spec.test,
                 "; expected a share above 0 and below 1, such as 20%");
  if (spec.gap_us < 0) return Error(ErrorCode::kInvalid, "split: the gap is negative");
  const bool one = spec.kind == SplitSpec::Kind::kTime || spec.kind == SplitSpec::Kind::kColumn;
  if (one && spec.columns.size() != 1)
    return Error(ErrorCode::kInvalid, "split: expected one column, got ", spec.columns.size());
  return Ok();
}

Result<DataSplit> MakeSplit(const Table& table, const SplitSpec& spec, std::span<const std::string> key) {
  RETURN_IF_ERROR(CheckSplit(spec));
  if (table.num_rows() == 0) return Error(ErrorCode::kData, "no rows to split");
  ASSIGN_OR_RETURN(DataSplit split, Divide(table, spec, key));
  const std::string_view empty = split.train.empty() ? "training" : "test";
  if (split.train.empty() || (split.test.empty() && spec.kind != SplitSpec::Kind::kNone)) {
    const std::string gap = split.dropped > 0 ? StrCat(" (", FormatCount(split.dropped), " lie in the gap)") : "";
    return Error(ErrorCode::kData, "the split puts none of the ", Count(table.num_rows()), " rows into the ", empty,
                 " part", gap)
        .WithHelp(split.dropped > 0 ? "shorten the gap, or give older rows"
                                    : "give more rows, change the split, or say split: none");
  }
  return split;
}

}  // namespace headrace

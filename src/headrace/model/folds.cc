#include "headrace/model/folds.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "headrace/base/text.h"
#include "headrace/model/split.h"

namespace headrace {
namespace {

constexpr std::uint64_t kFoldSeed = 1;

std::string Count(std::size_t n) { return FormatCount(static_cast<std::int64_t>(n)); }

Result<Folds> FoldsByHash(const Table& table, const FoldSpec& spec, std::span<const std::string> key, std::span<const std::size_t> rows, bool aside) {
  const int parts = aside ? kHeldAsideParts : spec.count == 0 ? kAutoFolds : static_cast<int>(spec.count);
  const std::string by = spec.columns.empty() ? "" : StrCat(" by ", Join(spec.columns, ", "));
  Folds folds;
  folds.count = aside ? 1 : parts;
  folds.described = aside ? StrCat("held aside 10%", by) : StrCat("out-of-fold ", parts, by);
  const std::span<const std::string> columns = spec.columns.empty() ? key : std::span<const std::string>(spec.columns);
  ASSIGN_OR_RETURN(const KeyHasher hasher, KeyHasher::Make(table, columns));
  if (rows.size() < static_cast<std::size_t>(parts))
    return Error(ErrorCode::kData, Count(rows.size()), " training rows are fewer than ", parts, " folds")
        .WithHelp("give more rows");
  std::vector<std::size_t> sizes(static_cast<std::size_t>(parts));
  for (const std::size_t row : rows) {
    const int fold = static_cast<int>(hasher.Fraction(row, kFoldSeed) * parts);
    sizes[static_cast<std::size_t>(fold)] += 1;
    folds.held.push_back(fold < folds.count ? fold : -1);
  }
  const auto empty = std::find(sizes.begin(), sizes.end(), 0u);
  if (empty != sizes.end())
    return Error(ErrorCode::kData, "fold ", empty - sizes.begin() + 1, " of ", parts, " has none of the ",
                 Count(rows.size()), " training rows")
        .WithHelp(columns.empty() ? "give more rows, or ask for fewer folds"
                                  : StrCat("rows with equal ", spec.columns.empty() ? "key" : Join(columns, ", "), " share a fold: give more keys, or ask for fewer folds"));
  return folds;
}

/// The place nearest to `at` where the time changes, of two equally near the later; 0 when it never does.
template <typename Same>
std::size_t NearestChange(std::size_t at, std::size_t size, Same same) {
  for (std::size_t away = 0; away < size; ++away) {
    if (at + away < size && !same(at + away - 1, at + away)) return at + away;
    if (away < at && !same(at - away - 1, at - away)) return at - away;
  }
  return 0;
}

Result<Folds> FoldsByTime(const Table& table, const FoldSpec& spec, std::span<const std::size_t> rows, bool aside) {
  const std::string& name = spec.columns.front();
  ASSIGN_OR_RETURN(const Column* time, internal::FindTimeColumn(table, name, "fold", spec.gap_us));
  Folds folds;
  folds.count = aside ? 1 : spec.count == 0 ? kAutoFolds : static_cast<int>(spec.count);
  const auto count = static_cast<std::size_t>(folds.count);
  const std::string gap = spec.gap_us > 0 ? StrCat(", gap ", FormatDuration(spec.gap_us)) : "";
  folds.described = aside ? StrCat("newest 10% held aside by ", name, gap) : StrCat("forward in time by ", name, ", ", count, " blocks", gap);
  const std::size_t size = rows.size() / (aside ? static_cast<std::size_t>(kHeldAsideParts) : count + 1);
  if (size == 0)
    return Error(ErrorCode::kData, Count(rows.size()), " training rows are too few for ", count, " folds by `", name, "`, which need ", count + 1)
        .WithHelp("give more rows, or ask for fewer folds");

  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return internal::IsBefore(*time, rows[a], rows[b]); });
  std::vector<std::size_t> cuts;   // where in `order` each fold's block begins
  for (std::size_t fold = 0; fold < count; ++fold) {
    const std::size_t cut = NearestChange(rows.size() - (count - fold) * size, rows.size(),
                                          [&](std::size_t a, std::size_t b) { return !internal::IsBefore(*time, rows[order[a]], rows[order[b]]); });
    if (cut == 0 || (!cuts.empty() && cut <= cuts.back()))
      return Error(ErrorCode::kData, "fold column `", name, "` has too few different values: ", count, " folds are cut between values, and two of the cuts are the same")
          .WithHelp("ask for fewer folds, or take a column that tells times apart more finely");
    cuts.push_back(cut);
  }
  std::vector<std::string> starts;
  for (const std::size_t cut : cuts) starts.push_back(time->At(rows[order[cut]]).ToString());
  folds.notes.push_back(StrCat("folds by ", name, ": rows are held out from ", Join(starts, ", "), " on"));

  folds.held.resize(rows.size());
  folds.from.resize(rows.size());
  int block = -1;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (static_cast<std::size_t>(block + 1) < count && i == cuts[static_cast<std::size_t>(block + 1)]) ++block;
    int from = block + 1;
    while (from < folds.count && internal::InGap(*time, rows[order[i]], rows[order[cuts[static_cast<std::size_t>(from)]]], spec.gap_us)) ++from;
    folds.held[order[i]] = block;
    folds.from[order[i]] = from;
  }
  if (std::find(folds.from.begin(), folds.from.end(), 0) == folds.from.end())
    return Error(ErrorCode::kData, "the gap of ", FormatDuration(spec.gap_us), " leaves fold 1 no row to learn from: it holds out rows from ", starts.front(), " on")
        .WithHelp("shorten the gap, give older rows, or ask for fewer folds");
  return folds;
}

}  // namespace

Status CheckFolds(const FoldSpec& spec) {
  if (spec.count != 0 && (spec.count < 2 || spec.count > 100))
    return Error(ErrorCode::kInvalid, "folds: expected auto or a number from 2 to 100, got ", spec.count);
  const bool time = spec.kind == FoldSpec::Kind::kTime;
  if (time && spec.columns.size() != 1)
    return Error(ErrorCode::kInvalid, "folds: by time expected one column, got ", spec.columns.size());
  if (spec.gap_us < 0 || (spec.gap_us > 0 && !time))
    return Error(ErrorCode::kInvalid, spec.gap_us < 0 ? "folds: the gap is negative" : "folds: a gap needs folds by time");
  return Ok();
}

Result<Folds> MakeFolds(const Table& table, const FoldSpec& spec, std::span<const std::string> key, std::span<const std::size_t> rows) {
  RETURN_IF_ERROR(CheckFolds(spec));
  const bool aside = spec.count == 0 && static_cast<std::int64_t>(rows.size()) >= kHoldAsideFromRows;
  return spec.kind == FoldSpec::Kind::kTime ? FoldsByTime(table, spec, rows, aside) : FoldsByHash(table, spec, key, rows, aside);
}

Status CheckFoldClasses(const Target& target, std::span<const std::size_t> rows, const Folds& folds) {
  assert(rows.size() == folds.held.size());
  for (int fold = 0; fold < folds.count; ++fold) {
    std::vector<std::size_t> learnt;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (folds.Learns(i, fold)) learnt.push_back(rows[i]);
    RETURN_IF_ERROR(CheckClasses(target, learnt, StrCat("fold ", fold + 1, "'s training")));
  }
  return Ok();
}

}  // namespace headrace

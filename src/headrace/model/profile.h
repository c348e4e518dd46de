#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/check/drift.h"
#include "headrace/table/table.h"

namespace headrace {

/// A value or a bin is told only when at least this many training rows stand behind it.
inline constexpr std::int64_t kProfileRows = 20;

/// How the values of one input column were spread at training. No single customer can be read from it: levels seen in
/// fewer than kProfileRows rows are only counted together, quantiles leave out the outermost hundredth and need
/// kProfileRows rows.
struct ColumnProfile {
  std::string name;
  Type type = Type::kDouble;
  std::int64_t rows = 0, nulls = 0;  ///< NaN counts as null
  /// Numbers, dates (days) and timestamps (microseconds): probability -> value, numpy's "linear" rule; a date's or
  /// whole number's rounded down.
  std::vector<std::pair<double, double>> quantiles;
  /// Distinct deciles, and the rows in (-inf, e0], (e0, e1], ..., (e_last, inf): what drift is measured on.
  std::vector<double> edges;
  std::vector<std::int64_t> counts;
  /// Text and bool: value and rows, in byte order; at most kProfileLevels, the most frequent.
  std::vector<std::pair<std::string, std::int64_t>> levels;
  std::int64_t other_rows = 0, other_levels = 0;  ///< rows and levels not among them
  /// Text: distinct deciles of its length in characters, and the rows between them, as `edges` and `counts` are for numbers. Empty in older files.
  std::vector<double> length_edges;
  std::vector<std::int64_t> length_counts;
};
inline constexpr std::size_t kProfileLevels = 200;

/// The content of profile.json: what scored data are compared with.
struct Profile {
  std::vector<ColumnProfile> columns;  ///< input columns in training order, without keys and personal ones
  /// What the model says of the rows it was evaluated on: `score` (multiclass: of the label), or of a clustering `cluster` and `distance`.
  std::vector<ColumnProfile> outputs;

  const ColumnProfile* Find(std::string_view column) const;
  std::string ToJson() const;
  static Result<Profile> FromJson(std::string_view text);
};

ColumnProfile ProfileColumn(std::string name, const Column& column);

/// Profile the columns of `inputs` that are not in `hidden`, and all of `outputs`, the same on any number of threads (0 = all cores). REQUIRES: `rows` has them.
Profile MakeProfile(const Table& rows, const Schema& inputs, const std::set<std::string>& hidden, const Table& outputs,
                    int threads = 1);

/// What drift is measured against: the bins and counts of the input columns and then of the outputs, as far as training told them (a column with too few
/// training rows has none). Lengths of text stand for levels where those do not tell much.
std::vector<DriftReference> DriftReferences(const Profile& profile);

}  // namespace headrace

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "headrace/table/table.h"

namespace headrace {

enum class Severity : std::uint8_t { kWarn, kError };
enum class ExtraColumns : std::uint8_t { kRefuse, kIgnore };

/// One column of a contract file (`contracts/*.yaml`).
struct ContractColumn {
  std::string name;
  Type type = Type::kText;
  bool nullable = true;
  bool personal = false;          ///< masked wherever rows are shown
  std::string description;
  // Bounds on single values, judged as checks of their own beside the contract's (RulesOf). Nulls pass all of them.
  std::optional<Value> min = {}, max = {};   ///< both inclusive
  std::vector<std::string> one_of = {};      ///< all values that may come, as text; empty = any
  std::string matches = {};                  ///< a POSIX extended regular expression for the whole text; "" = any
  bool unique = false;                       ///< no value comes twice
  std::vector<std::string> tags = {};        ///< words that `columns: {tag: WORD}` of a transform finds the column by
};

/// What a dataset must look like: names, types, nullability. Column order does not matter.
struct Contract {
  std::string path;               ///< as written in the pipeline, for messages
  std::vector<ContractColumn> columns;
  ExtraColumns extra = ExtraColumns::kRefuse;
  std::vector<std::string> null_values;  ///< texts read as null from files of text; empty = the default list
  Schema schema() const;
};

/// Bounds of the level `warn`: judged when those of the check itself hold. Only what is set.
struct WarnBounds {
  std::optional<double> at_least;          ///< checks of single rows
  std::optional<Value> min, max;           ///< kRange, and the kinds with a measured number
  std::optional<std::int64_t> within_us;   ///< kFresh
};

/// Where a distribution may have moved to, against a known one. At least one bound is set.
struct DriftLimits {
  std::string against;                       ///< "training", "last", or a file of rows or a model file, relative to the project's root
  std::optional<double> psi, js, l_inf, ks, missing;   ///< at most this much (docs/drift.md)
  std::optional<double> chi2_p;              ///< at least this p-value
};

/// `baseline:` of a check: what was measured must fit what earlier runs measured. docs/baselines.md has the formula.
struct BaselineSpec {
  enum class Season : std::uint8_t { kHour, kWeekday, kMonth };
  enum class Direction : std::uint8_t { kBoth, kUp, kDown };
  std::vector<Season> same;                ///< only points of the same hour, weekday or month are compared with; empty = all
  std::int64_t learn = 4;                  ///< with fewer points nothing is expected yet
  std::int64_t window = 20;                ///< the newest so many points count,
  std::int64_t window_us = 0;              ///< or, above 0, those of intervals that begin at most so long before the tested one
  double within = 3;                       ///< half the width of the band, in spreads
  double min_change = 1.0 / 3;             ///< a change of at most this share of what is expected never counts
  double min_difference = 0;               ///< nor one of at most so much
  Direction direction = Direction::kBoth;  ///< which changes count
  std::int64_t half_life = 0;              ///< a point counts half as much as the one so many points later; 0 = all alike
  bool trend = false;                      ///< go on with the slope of the points
  std::optional<std::int64_t> since_us;    ///< intervals that begin earlier do not count: the level changed for good
};

/// A checkable statement on a dataset. `kind` says which fields count.
struct CheckSpec {
  enum class Kind : std::uint8_t {
    kContract,
    kRows, kSum, kMean, kQuantile, kDistinct, kMetric, kFresh, kSequence, kSameAs,                                  // one number of the whole dataset
    kNotNull, kUnique, kRange, kOneOf, kMatches, kExpect, kTypeOfText, kOrdered, kMonotone, kForeignKey,            // single rows
    kSql, kDrift,
  };
  Kind kind = Kind::kExpect;
  Severity severity = Severity::kError;
  std::string name;                        ///< shown; defaults to the check as written
  double at_least = 1.0;                   ///< share of rows that must pass, in [0, 1]; row checks only
  std::optional<WarnBounds> warn;          ///< beside severity kError
  std::string where;                       ///< looks only at rows for which this holds; "" = all
  std::vector<std::string> by;             ///< one verdict for each combination of values of these columns; empty = one for all rows
  std::vector<std::string> tags;

  Contract contract;                       ///< kContract
  std::optional<std::int64_t> min_rows, max_rows;   ///< kRows
  std::vector<std::string> columns;        ///< kNotNull (each), kUnique, kOrdered, kMonotone, kSameAs (together; none: all), others one
  std::optional<Value> min, max;           ///< kRange, both inclusive; nulls pass, NaN fails. kSum ... kMetric: of the number measured
  std::vector<std::string> values;         ///< kOneOf, as text; compared after reading them as the column's type
  std::string pattern;                     ///< kMatches: a POSIX extended regular expression on the whole text
  std::string expression;                  ///< kExpect: a row passes when true or null; kMetric: an expression over aggregates
  double quantile = 0.5;                   ///< kQuantile, in [0, 1]
  std::int64_t within_us = 0;              ///< kFresh
  std::string every = "day";               ///< kSequence of dates and timestamps: hour, day, week, month
  std::string form;                        ///< kTypeOfText: one of TextForms()
  std::vector<std::string> key;            ///< kOrdered, kMonotone: order is asked for within each of its values; empty = of all rows
  std::string dataset, other_column;       ///< kForeignKey (both), kSameAs: another dataset as the pipeline names it
  std::string query;                       ///< kSql: gives the rows that should not be there
  std::vector<std::pair<std::string, Value>> bind;   ///< kSql: values of the query's `$name`s
  std::optional<BaselineSpec> baseline;    ///< kinds that measure the whole dataset
  DriftLimits drift;                       ///< kDrift; of `columns`, or of all that can be compared

  bool of_single_rows() const { return kind >= Kind::kNotNull && kind <= Kind::kForeignKey; }
  /// Whether it asks of each row by itself or against those above it: true of a few rows as of many, without another dataset.
  bool holds_for_few_rows() const { return kind == Kind::kContract || (of_single_rows() && kind != Kind::kForeignKey); }
  bool of_a_number() const { return kind >= Kind::kRows && kind <= Kind::kSameAs; }
};

/// What a baseline expected of a measured value.
struct ExpectedBand {
  double lower = 0, center = 0, upper = 0; ///< both ends inclusive; meaningless while learning
  std::int64_t points = 0;                 ///< it was learnt from
  bool learning = false;                   ///< too few: nothing was expected
  std::string basis;                       ///< "8 Mondays 2026-09-07 to 2026-11-09", "learning, 2 of 4"
};

/// "email", "url", "iso_date", "currency", "country".
std::vector<std::string> TextForms();

/// The bounds of a contract's columns as checks: range, one_of, matches and unique, in the order of the columns.
std::vector<CheckSpec> RulesOf(const Contract& contract, Severity severity);

/// Where the values of one column lay before and lie now, for showing: shares of the rows that have a value.
struct DriftBins {
  struct Bin { std::string name; double before = 0, now = 0; };
  std::string column;                      ///< "amount", "length of comment"
  double psi = 0;
  std::vector<Bin> bins;                   ///< all bins of numbers; the most frequent levels, then one for all others
};

std::string_view CheckKindName(CheckSpec::Kind kind);   ///< "contract", "rows", "not_null", ...

/// How one check ended. Counts are rows (groups of equal keys for kUnique count all their rows but the first).
struct CheckVerdict {
  std::string name;
  std::string kind;
  Severity severity = Severity::kError;
  bool passed = true;
  std::int64_t rows = 0;                   ///< rows looked at
  std::int64_t failed_rows = 0;
  std::optional<double> value;             ///< what was measured of the whole dataset (rows, a sum, a metric, ...); none for checks of single rows
  std::string segment;                     ///< of a check with `by`: "country=de"; "" = all rows
  std::vector<std::string> tags;
  std::string measure;                     ///< names what `value` is, however the check is worded: "rows"; "" = no value
  std::optional<ExpectedBand> band;        ///< of a check with `baseline`
  std::vector<DriftBins> drift;            ///< of a check of kind kDrift: the columns that moved most, at most twelve
  std::string message;                     ///< what was expected, what came; empty when passed
  std::string help;                        ///< e.g. the likely new name of a missing column
  /// Up to ten offending rows as text, with their row number (from 1, without the header) in front; personal columns masked as "***".
  std::vector<std::string> sample_columns;
  std::vector<std::vector<std::string>> sample_rows;
};

}  // namespace headrace

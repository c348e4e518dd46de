#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/check/check.h"
#include "headrace/check/spec.h"
#include "headrace/table/table.h"

// The checks that measure one number of a whole dataset and hold it against bounds, one class a kind. Private to this room.

namespace headrace::internal {

/// What a measured number must keep to, both inclusive. NaN keeps to nothing.
struct Bounds {
  std::optional<double> min, max;
  bool Hold(double value) const { return (!min || value >= *min) && (!max || value <= *max); }
};

/// Measures a number over all rows given to it. Blocks come in order and all have the schema given to MakeMeasure.
///
///   Add* -> Finish -> Complaint
///
/// Threads: none.
class Measure {
 public:
  virtual ~Measure() = default;

  virtual Status Add(const Table& block) = 0;
  /// One that has seen no row. REQUIRES: this one has not.
  virtual std::unique_ptr<Measure> Clone() const = 0;
  /// nullopt: there was nothing to measure.
  virtual std::optional<double> Finish() = 0;
  /// What was expected and what came, when the number does not keep to `bounds`. With `hide`, no value of the data and nothing made from single ones is in it.
  virtual std::string Complaint(std::optional<double> value, const Bounds& bounds, bool hide) const = 0;
  virtual std::string Help() const { return "look at what was loaded, or change the bound"; }
  /// Whether the number counts rows or values, and so shows none of them.
  virtual bool only_counts() const { return false; }
  /// Bounds the kind has by itself.
  virtual Bounds own_bounds() const { return {}; }

  /// The columns it reads, each once.
  const std::vector<std::string>& columns() const { return columns_; }

 protected:
  explicit Measure(std::vector<std::string> columns);

 private:
  std::vector<std::string> columns_;
};

/// "expected WHAT to be at least 5, got 3".
std::string Expected(std::string_view what, std::optional<double> value, const Bounds& bounds, bool hide, std::string_view nothing);

/// The measure that `spec` describes. kInvalid: a column that `schema` lacks or of another type than the kind can take, an expression that does not parse, no bound where
/// the kind needs one. Errors of reading another dataset are passed on. REQUIRES: spec.of_a_number().
Result<std::unique_ptr<Measure>> MakeMeasure(const CheckSpec& spec, const Schema& schema, const CheckContext& context);

Result<std::unique_ptr<Measure>> MakeMetric(const CheckSpec& spec, const Schema& schema);
Result<std::unique_ptr<Measure>> MakeSequence(const CheckSpec& spec, const Schema& schema);
Result<std::unique_ptr<Measure>> MakeSameAs(const CheckSpec& spec, const Schema& schema, const CheckContext& context);

/// A sum that does not depend on where blocks are cut and keeps what plain addition would lose (Neumaier 1974).
class Sum {
 public:
  void Add(double x) {
    plain_ += x;
    const double t = sum_ + x;
    lost_ += (sum_ >= 0 ? sum_ : -sum_) >= (x >= 0 ? x : -x) ? (sum_ - t) + x : (x - t) + sum_;
    sum_ = t;
  }
  double value() const;

 private:
  double sum_ = 0, lost_ = 0, plain_ = 0;
};

/// Call `act(double)` for each row of `column`, a number or bool, that is not null.
template <typename Act>
void ForEachNumber(const Column& column, Act act) {
  const auto each = [&](const auto values) {
    const auto valid = column.valid();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (valid.empty() || valid[i] != 0) act(static_cast<double>(values[i]));
  };
  column.type() == Type::kDouble ? each(column.doubles()) : each(column.ints());
}

}  // namespace headrace::internal

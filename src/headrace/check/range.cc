// Bounds are turned once into the numbers that the column holds, such that no comparison of a row rounds: an int
// column gets int bounds, a date column days, a double column the nearest doubles inside the range.

#include <cmath>
#include <limits>
#include <utility>

#include "headrace/base/text.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {
namespace {

constexpr double kTwo63 = 9223372036854775808.0;
using Limits = std::numeric_limits<std::int64_t>;

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// The smallest double that is not below `i`, or the largest not above it.
double DoubleBound(std::int64_t i, bool is_min) {
  const double d = static_cast<double>(i);
  if (is_min) return d < kTwo63 && static_cast<std::int64_t>(d) < i ? std::nextafter(d, HUGE_VAL) : d;
  return d >= kTwo63 || static_cast<std::int64_t>(d) > i ? std::nextafter(d, -HUGE_VAL) : d;
}

class Range : public RowCheck {
 public:
  Range(const CheckSpec& spec, std::size_t at) : RowCheck(spec.columns), at_(at) {
    if (spec.min) min_text_ = spec.min->ToString();
    if (spec.max) max_text_ = spec.max->ToString();
  }

  std::string Complaint(std::int64_t failed, std::int64_t rows) const override {
    std::string what;
    if (below_ == failed) what = StrCat("below ", min_text_);
    else if (above_ == failed) what = StrCat("above ", max_text_);
    else if (nan_ == failed) what = "nan";
    else {
      what = max_text_.empty() ? StrCat("not at least ", min_text_) : min_text_.empty() ? StrCat("not at most ", max_text_)
                                                                                       : StrCat("outside ", min_text_, " to ", max_text_);
      std::string parts;
      for (const auto& [count, name] : {std::pair(below_, " below"), std::pair(above_, " above"), std::pair(nan_, " nan")})
        if (count > 0) parts += StrCat(parts.empty() ? "" : ", ", FormatCount(count), name);
      what += StrCat(" (", parts, ")");
    }
    return StrCat("column `", columns()[0], "`: ", RowsThat(failed, rows, "is ", "are "), what);
  }

 protected:
  std::size_t at_;
  std::string min_text_, max_text_;
  std::int64_t below_ = 0, above_ = 0, nan_ = 0;
};

class IntRange : public Range {
 public:
  IntRange(const CheckSpec& spec, std::size_t at, std::int64_t min, std::int64_t max, bool none_is_low, bool none_is_high)
      : Range(spec, at), min_(min), max_(max), all_below_(none_is_low), all_above_(none_is_high) {}

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<IntRange>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    const Column& column = block.column(at_);
    const auto values = column.ints();
    bool any = all_below_ || all_above_;
    for (const std::int64_t value : values) any |= (value < min_) | (value > max_);   // nearly always none is
    if (!any) return Ok();
    for (std::size_t i = 0; i < failed.size(); ++i) {
      if (column.IsNull(i)) continue;
      const bool below = all_below_ || values[i] < min_;
      const bool above = !below && (all_above_ || values[i] > max_);
      below_ += below ? 1 : 0;
      above_ += above ? 1 : 0;
      failed[i] = below || above ? 1 : 0;
    }
    return Ok();
  }

 private:
  std::int64_t min_, max_;
  bool all_below_, all_above_;  ///< the bound lies beyond all ints
};

class DoubleRange : public Range {
 public:
  DoubleRange(const CheckSpec& spec, std::size_t at, double min, double max) : Range(spec, at), min_(min), max_(max) {}

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<DoubleRange>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    const Column& column = block.column(at_);
    const auto values = column.doubles();
    bool any = false;
    for (const double value : values) any |= !((value >= min_) & (value <= max_));
    if (!any) return Ok();
    for (std::size_t i = 0; i < failed.size(); ++i) {
      if ((values[i] >= min_ && values[i] <= max_) || column.IsNull(i)) continue;
      failed[i] = 1;
      ++(std::isnan(values[i]) ? nan_ : values[i] < min_ ? below_ : above_);
    }
    return Ok();
  }

 private:
  double min_, max_;
};

/// `bound` as a Value that can be compared with `type`, or an error that says what would do.
Result<Value> BoundFor(const Value& bound, Type type, std::string_view which, const std::string& column) {
  const Type given = bound.type();
  if (bound.is_null()) return Error(ErrorCode::kInvalid, "`", which, "` of the range of `", column, "` is null");
  if (given == Type::kDouble && std::isnan(bound.as_double())) return Error(ErrorCode::kInvalid, "`", which, "` of the range of `", column, "` is nan");
  if (given == Type::kText) {
    if (Result<Value> read = Value::Parse(bound.as_text(), type); read.ok()) return BoundFor(*read, type, which, column);
  } else if (IsNumeric(type) ? IsNumeric(given) : given == Type::kDate || given == Type::kTimestamp) {
    return bound;
  }
  return Error(ErrorCode::kInvalid, "`", which, "` should be ", TypeName(type), " like column `", column, "`, got ", TypeName(given), " `", bound.ToString(), "`");
}

/// A date or timestamp in the column's own unit, rounded into the range.
std::int64_t TimeBound(const Value& bound, Type type, bool is_min) {
  const std::int64_t held = bound.as_int();
  if (bound.type() == type) return held;
  if (type == Type::kDate) {
    const std::int64_t day = FloorDivide(held, kMicrosPerDay);
    return is_min && day * kMicrosPerDay != held ? day + 1 : day;
  }
  constexpr std::int64_t kDays = Limits::max() / kMicrosPerDay;  // beyond these no timestamp exists
  return held > kDays ? Limits::max() : held < -kDays ? Limits::min() : held * kMicrosPerDay;
}

}  // namespace

Result<std::unique_ptr<RowCheck>> MakeRange(const CheckSpec& spec, const Schema& schema) {
  ASSIGN_OR_RETURN(const std::size_t at, OnlyColumn(spec, schema));
  const Field& field = schema[at];
  if (!IsNumeric(field.type) && field.type != Type::kDate && field.type != Type::kTimestamp)
    return Error(ErrorCode::kInvalid, "`range` needs a column of int, double, date or timestamp; `", field.name, "` is ", TypeName(field.type))
        .WithHelp("use `one_of` or `expect`");
  if (!spec.min && !spec.max) return Error(ErrorCode::kInvalid, "`range` needs `min`, `max` or both");
  std::optional<Value> min, max;
  if (spec.min) { ASSIGN_OR_RETURN(min, BoundFor(*spec.min, field.type, "min", field.name)); }
  if (spec.max) { ASSIGN_OR_RETURN(max, BoundFor(*spec.max, field.type, "max", field.name)); }

  if (field.type == Type::kDouble) {
    const auto as_double = [](const Value& v, bool is_min) { return v.type() == Type::kDouble ? v.as_double() : DoubleBound(v.as_int(), is_min); };
    return std::unique_ptr<RowCheck>(std::make_unique<DoubleRange>(spec, at, min ? as_double(*min, true) : -HUGE_VAL, max ? as_double(*max, false) : HUGE_VAL));
  }
  std::int64_t low = Limits::min(), high = Limits::max();
  bool all_below = false, all_above = false;
  if (field.type != Type::kInt) {
    if (min) low = TimeBound(*min, field.type, true);
    if (max) high = TimeBound(*max, field.type, false);
  } else {
    if (min && min->type() == Type::kInt) low = min->as_int();
    if (max && max->type() == Type::kInt) high = max->as_int();
    if (min && min->type() == Type::kDouble) {
      const double d = std::ceil(min->as_double());
      all_below = d >= kTwo63;
      low = d < -kTwo63 || all_below ? Limits::min() : static_cast<std::int64_t>(d);
    }
    if (max && max->type() == Type::kDouble) {
      const double d = std::floor(max->as_double());
      all_above = d < -kTwo63;
      high = d >= kTwo63 || all_above ? Limits::max() : static_cast<std::int64_t>(d);
    }
  }
  return std::unique_ptr<RowCheck>(std::make_unique<IntRange>(spec, at, low, high, all_below, all_above));
}

}  // namespace headrace::internal

#include "headrace/check/measure.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/check/distinct_count.h"
#include "headrace/check/row_check.h"
#include "headrace/check/summaries.h"

namespace headrace::internal {
namespace {

using Kind = CheckSpec::Kind;

class Rows : public Measure {
 public:
  Rows() : Measure({}) {}
  std::unique_ptr<Measure> Clone() const override { return std::make_unique<Rows>(*this); }
  Status Add(const Table& block) override {
    rows_ += static_cast<std::int64_t>(block.num_rows());
    return Ok();
  }
  std::optional<double> Finish() override { return static_cast<double>(rows_); }
  std::string Complaint(std::optional<double>, const Bounds& bounds, bool) const override {
    const bool few = bounds.min && static_cast<double>(rows_) < *bounds.min;
    const auto due = static_cast<std::int64_t>(few ? *bounds.min : *bounds.max);
    return StrCat("expected ", few ? "at least " : "at most ", Counted(due, "row"), ", got ", FormatCount(rows_));
  }
  std::string Help() const override { return rows_ == 0 ? "look at what the source answered; the data are empty" : Measure::Help(); }
  bool only_counts() const override { return true; }

 private:
  std::int64_t rows_ = 0;
};

/// Of one column that holds numbers or bools.
class NumberMeasure : public Measure {
 public:
  NumberMeasure(const std::string& column, std::size_t at) : Measure({column}), at_(at) {}

 protected:
  std::size_t at_;
};

class SumOrMean : public NumberMeasure {
 public:
  SumOrMean(const std::string& column, std::size_t at, bool mean) : NumberMeasure(column, at), mean_(mean) {}
  std::unique_ptr<Measure> Clone() const override { return std::make_unique<SumOrMean>(*this); }
  Status Add(const Table& block) override {
    ForEachNumber(block.column(at_), [this](double x) {
      sum_.Add(x);
      ++count_;
    });
    return Ok();
  }
  std::optional<double> Finish() override {
    if (!mean_) return sum_.value();
    return count_ == 0 ? std::nullopt : std::optional(sum_.value() / static_cast<double>(count_));
  }
  std::string Complaint(std::optional<double> value, const Bounds& bounds, bool hide) const override {
    return Expected(StrCat(mean_ ? "the mean of `" : "the sum of `", columns()[0], "`"), value, bounds, hide, "no row has a value");
  }

 private:
  bool mean_;
  Sum sum_;
  std::int64_t count_ = 0;
};

class Quantile : public NumberMeasure {
 public:
  Quantile(const std::string& column, std::size_t at, double q) : NumberMeasure(column, at), q_(q) {}
  std::unique_ptr<Measure> Clone() const override { return std::make_unique<Quantile>(*this); }
  Status Add(const Table& block) override {
    ForEachNumber(block.column(at_), [this](double x) { std::isnan(x) ? static_cast<void>(++nans_) : sketch_.Add(x); });
    return Ok();
  }
  std::optional<double> Finish() override {
    if (nans_ > 0) return std::nan("");
    return sketch_.count() == 0 ? std::nullopt : std::optional(DiscreteQuantileOf(sketch_.Points(), q_));
  }
  std::string Complaint(std::optional<double> value, const Bounds& bounds, bool hide) const override {
    std::string what = StrCat("the ", q_, " quantile of `", columns()[0], "`");
    if (nans_ > 0) return StrCat("expected ", what, ", but ", Counted(nans_, "row is nan", "rows are nan"));
    const double error = static_cast<double>(sketch_.rank_error()) / static_cast<double>(std::max<std::int64_t>(1, sketch_.count()));
    if (error > 0) what += StrCat(" (by a sketch, its rank within ", FormatDouble(std::ceil(error * 1e5) / 1e3), "%)");
    return Expected(what, value, bounds, hide, "no row has a value");
  }

 private:
  double q_;
  QuantileSketch sketch_{1'000'000, 16'384};
  std::int64_t nans_ = 0;
};

class Distinct : public Measure {
 public:
  Distinct(const std::string& column, std::size_t at, Type type) : Measure({column}), at_(at), hasher_({at}, {type}) {}
  std::unique_ptr<Measure> Clone() const override { return std::make_unique<Distinct>(*this); }
  Status Add(const Table& block) override {
    hasher_.Run(block, hashes_);
    for (std::size_t i = 0; i < hashes_.size(); ++i)
      if (!block.column(at_).IsNull(i)) count_.Add(hashes_[i]);
    return Ok();
  }
  std::optional<double> Finish() override { return static_cast<double>(count_.Count()); }
  std::string Complaint(std::optional<double> value, const Bounds& bounds, bool) const override {
    const bool few = bounds.min && *value < *bounds.min;
    return StrCat("column `", columns()[0], "`: expected ", few ? "at least " : "at most ", FormatCount(static_cast<std::int64_t>(few ? *bounds.min : *bounds.max)), " different values, got ",
                  count_.exact() ? "" : "about ", FormatCount(count_.Count()), count_.exact() ? "" : " (HyperLogLog, standard error 0.8%)");
  }
  bool only_counts() const override { return true; }

 private:
  std::size_t at_;
  RowHasher hasher_;
  DistinctCount count_;
  std::vector<Hash> hashes_;
};

/// How old the newest value is, in seconds before the time given.
class Fresh : public Measure {
 public:
  Fresh(const CheckSpec& spec, std::size_t at, Type type, std::int64_t until_us)
      : Measure(spec.columns), at_(at), unit_(type == Type::kDate ? kMicrosPerDay : 1), until_us_(until_us), within_us_(spec.within_us) {}
  std::unique_ptr<Measure> Clone() const override { return std::make_unique<Fresh>(*this); }
  Status Add(const Table& block) override {
    const Column& column = block.column(at_);
    for (std::size_t i = 0; i < column.size(); ++i)
      if (!column.IsNull(i) && (!newest_ || column.ints()[i] > *newest_)) newest_ = column.ints()[i];
    return Ok();
  }
  std::optional<double> Finish() override { return newest_ ? std::optional(static_cast<double>(until_us_ - *newest_ * unit_) / 1e6) : std::nullopt; }
  std::string Complaint(std::optional<double> value, const Bounds& bounds, bool hide) const override {
    const std::string what = StrCat("expected the newest `", columns()[0], "` within ", FormatDuration(std::llround(*bounds.max * 1e6)), " of ", FormatTimestamp(until_us_));
    if (!value) return StrCat(what, ", but no row has a value");
    if (hide) return StrCat(what, ", got an older one");
    return StrCat(what, ", got ", unit_ == 1 ? FormatTimestamp(*newest_) : FormatDate(*newest_), ", ", FormatDuration((until_us_ - *newest_ * unit_) / 1'000'000 * 1'000'000), " before it");
  }
  std::string Help() const override { return "look whether the source still gets new rows; `within` counts back from the end of the run's interval"; }
  Bounds own_bounds() const override { return {std::nullopt, static_cast<double>(within_us_) / 1e6}; }

 private:
  std::size_t at_;
  std::int64_t unit_, until_us_, within_us_;
  std::optional<std::int64_t> newest_;
};

Result<std::size_t> ColumnOfNumbers(const CheckSpec& spec, const Schema& schema) {
  ASSIGN_OR_RETURN(const std::size_t at, OnlyColumn(spec, schema));
  if (const Type type = schema[at].type; !IsNumeric(type) && type != Type::kBool)
    return Error(ErrorCode::kInvalid, "`", CheckKindName(spec.kind), "` needs a column of int, double or bool; `", schema[at].name, "` is ", TypeName(type)).WithHelp("use `metric` with an expression");
  return at;
}

template <typename T, typename... Args>
Result<std::unique_ptr<Measure>> Made(Args&&... args) {
  return std::unique_ptr<Measure>(std::make_unique<T>(std::forward<Args>(args)...));
}

}  // namespace

Measure::Measure(std::vector<std::string> columns) {
  for (std::string& name : columns)
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end()) columns_.push_back(std::move(name));
}

/// Infinities make the part that was lost NaN; then the plain sum says all there is to say.
double Sum::value() const { return std::isfinite(plain_) && std::isfinite(sum_ + lost_) ? sum_ + lost_ : plain_; }

std::string Expected(std::string_view what, std::optional<double> value, const Bounds& bounds, bool hide, std::string_view nothing) {
  const bool below = bounds.min && !(value && *value >= *bounds.min);
  std::string out = StrCat("expected ", what, " to be ", below ? "at least " : "at most ", below ? *bounds.min : bounds.max.value_or(0));
  if (!value) return StrCat(out, ", but ", nothing);
  return StrCat(out, ", got ", hide ? std::string("***") : FormatDouble(*value));
}

Result<std::unique_ptr<Measure>> MakeMeasure(const CheckSpec& spec, const Schema& schema, const CheckContext& context) {
  switch (spec.kind) {
    case Kind::kRows: return Made<Rows>();
    case Kind::kSum:
    case Kind::kMean: {
      ASSIGN_OR_RETURN(const std::size_t at, ColumnOfNumbers(spec, schema));
      return Made<SumOrMean>(schema[at].name, at, spec.kind == Kind::kMean);
    }
    case Kind::kQuantile: {
      ASSIGN_OR_RETURN(const std::size_t at, ColumnOfNumbers(spec, schema));
      if (!(spec.quantile >= 0 && spec.quantile <= 1)) return Error(ErrorCode::kInvalid, "`q` should be between 0 and 1, got ", spec.quantile);
      return Made<Quantile>(schema[at].name, at, spec.quantile);
    }
    case Kind::kDistinct: {
      ASSIGN_OR_RETURN(const std::size_t at, OnlyColumn(spec, schema));
      return Made<Distinct>(schema[at].name, at, schema[at].type);
    }
    case Kind::kFresh: {
      ASSIGN_OR_RETURN(const std::size_t at, OnlyColumn(spec, schema));
      if (const Type type = schema[at].type; type != Type::kDate && type != Type::kTimestamp)
        return Error(ErrorCode::kInvalid, "`fresh` needs a column of date or timestamp; `", schema[at].name, "` is ", TypeName(type));
      return Made<Fresh>(spec, at, schema[at].type, context.until_us);
    }
    case Kind::kMetric: return MakeMetric(spec, schema);
    case Kind::kSequence: return MakeSequence(spec, schema);
    case Kind::kSameAs: return MakeSameAs(spec, schema, context);
    default: return Error(ErrorCode::kInternal, "`", CheckKindName(spec.kind), "` does not measure a number");
  }
}

}  // namespace headrace::internal

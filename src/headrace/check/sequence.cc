// `sequence` keeps the steps seen as runs of neighbours: one run when nothing is missing and rows come in order, more while they come mixed.

#include <algorithm>
#include <iterator>

#include "headrace/base/text.h"
#include "headrace/check/measure.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kMostRuns = 1 << 22;  // 64 MiB

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// Values as numbers of steps, and back for people.
class Steps {
 public:
  Steps(Type type, std::string every) : type_(type), every_(type == Type::kInt ? "1" : std::move(every)) {}

  std::int64_t Of(std::int64_t held) const {
    if (type_ == Type::kInt) return held;
    if (every_ == "hour") return FloorDivide(held, kMicrosPerDay / 24);
    const std::int64_t day = type_ == Type::kTimestamp ? FloorDivide(held, kMicrosPerDay) : held;
    if (every_ == "week") return FloorDivide(day + 3, 7);   // 1970-01-01 was a Thursday; weeks begin on Mondays
    if (every_ == "day") return day;
    const Civil civil = CivilFromDays(day);
    return civil.year * 12 + civil.month - 1;
  }
  std::string Show(std::int64_t step) const {
    if (type_ == Type::kInt) return StrCat(step);
    if (every_ == "hour") return FormatTimestamp(step * (kMicrosPerDay / 24)).substr(0, 16);
    if (every_ == "week") return StrCat("the week of ", FormatDate(step * 7 - 3));
    if (every_ == "day") return FormatDate(step);
    return FormatDate(DaysFromCivil(FloorDivide(step, 12), static_cast<unsigned>(step - FloorDivide(step, 12) * 12 + 1), 1)).substr(0, 7);
  }
  std::string Name() const { return type_ == Type::kInt ? "number" : every_; }

 private:
  Type type_;
  std::string every_;
};

class Sequence : public Measure {
 public:
  Sequence(const CheckSpec& spec, std::size_t at, Type type) : Measure(spec.columns), at_(at), steps_(type, spec.every) {}

  std::unique_ptr<Measure> Clone() const override { return std::make_unique<Sequence>(*this); }
  Status Add(const Table& block) override {
    const Column& column = block.column(at_);
    fresh_.clear();
    for (std::size_t i = 0; i < column.size(); ++i) {
      if (column.IsNull(i)) continue;
      const std::int64_t step = steps_.Of(column.ints()[i]);
      if (fresh_.empty() || fresh_.back().last != step) fresh_.push_back({step, step});
    }
    if (fresh_.empty()) return Ok();
    std::sort(fresh_.begin(), fresh_.end());
    merged_.clear();
    std::merge(runs_.begin(), runs_.end(), fresh_.begin(), fresh_.end(), std::back_inserter(merged_));
    runs_.clear();
    for (const Run& run : merged_) {
      if (!runs_.empty() && (run.first <= runs_.back().last || run.first - 1 == runs_.back().last)) runs_.back().last = std::max(runs_.back().last, run.last);
      else runs_.push_back(run);
    }
    if (runs_.size() > kMostRuns)
      return Error(ErrorCode::kData, "column `", columns()[0], "`: values lie too far apart to tell gaps (", FormatCount(static_cast<std::int64_t>(runs_.size())), " pieces so far)").WithHelp("sort the rows by the column, or use `distinct`");
    return Ok();
  }

  std::optional<double> Finish() override {
    double missing = 0;
    for (std::size_t k = 1; k < runs_.size(); ++k) missing += static_cast<double>(runs_[k].first) - static_cast<double>(runs_[k - 1].last) - 1;
    return missing;
  }

  std::string Complaint(std::optional<double> value, const Bounds&, bool hide) const override {
    const std::string count = *value == 1 ? StrCat("1 ", steps_.Name(), " is") : StrCat(*value < 1e15 ? FormatCount(static_cast<std::int64_t>(*value)) : FormatDouble(*value), " ", steps_.Name(), "s are");
    if (hide) return StrCat("column `", columns()[0], "`: ", count, " missing");
    return StrCat("column `", columns()[0], "`: ", count, " missing between ", steps_.Show(runs_.front().first), " and ", steps_.Show(runs_.back().last), ", first ", steps_.Show(runs_[0].last + 1));
  }
  std::string Help() const override { return "look at what was loaded for what is missing"; }
  bool only_counts() const override { return true; }
  Bounds own_bounds() const override { return {std::nullopt, 0.0}; }

 private:
  struct Run {
    std::int64_t first, last;
    bool operator<(const Run& other) const { return first < other.first; }
  };
  std::size_t at_;
  Steps steps_;
  std::vector<Run> runs_, fresh_, merged_;
};

}  // namespace

Result<std::unique_ptr<Measure>> MakeSequence(const CheckSpec& spec, const Schema& schema) {
  ASSIGN_OR_RETURN(const std::size_t at, OnlyColumn(spec, schema));
  const Type type = schema[at].type;
  if (type != Type::kInt && type != Type::kDate && type != Type::kTimestamp)
    return Error(ErrorCode::kInvalid, "`sequence` needs a column of int, date or timestamp; `", schema[at].name, "` is ", TypeName(type));
  if (spec.every == "hour" && type == Type::kDate) return Error(ErrorCode::kInvalid, "`every: hour` needs a timestamp; `", schema[at].name, "` is date");
  return std::unique_ptr<Measure>(std::make_unique<Sequence>(spec, at, type));
}

}  // namespace headrace::internal

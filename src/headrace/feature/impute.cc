// impute: what stands where a value is missing. The indicator of `missing` is no step: plan.cc makes it an output of the column.
#include <algorithm>
#include <bit>

#include "headrace/feature/elementwise.h"
#include "headrace/feature/kernels.h"
#include "headrace/feature/level_coder.h"

namespace headrace::internal {
namespace {

using With = ImputeStep::With;

struct FillKernel {
  static constexpr std::string_view kStep = "fill", kA = "value", kB = "";
  static constexpr bool kOpen = false, kLeavesMissing = false;
  static bool Valid(double, double) { return true; }
  static Status NoResult(std::string_view) { return Ok(); }
  static std::size_t Run(double* x, std::size_t n, double a, double) { Fill(x, n, a); return 0; }
};

/// A fill for each level of another column; levels never seen at training get that of all rows.
class FillBy final : public FittedStep {
 public:
  FillBy(std::string by, LevelCoder coder, std::vector<double> values, double otherwise)
      : by_(std::move(by)), coder_(std::move(coder)), values_(std::move(values)), otherwise_(otherwise) {}

  Status Run(Lane& lane) const override {
    double* x = lane.out[0];
    if (!OdditiesOf(x, lane.rows).missing) return Ok();
    coder_.CodesOf(*lane.other, lane.begin, lane.rows, lane.codes.data());
    for (std::size_t i = 0; i < lane.rows; ++i) {
      const double fill = lane.codes[i] < 0 ? otherwise_ : values_[static_cast<std::size_t>(lane.codes[i])];
      x[i] = x[i] == x[i] ? x[i] : fill;
    }
    return Ok();
  }
  bool leaves_missing() const override { return false; }
  std::string_view other() const override { return by_; }
  bool Accepts(Type type) const override { return type == coder_.type(); }
  json ToJson() const override {
    json out = {{"step", "fill_by"}, {"by", by_}, {"values", NumbersToJson(values_)}, {"otherwise", otherwise_}};
    coder_.ToJson(out);
    return out;
  }

 private:
  std::string by_;
  LevelCoder coder_;
  std::vector<double> values_;
  double otherwise_;
};

Result<double> FillOf(const ImputeStep& step, FitInput& input, std::size_t k) {
  Numbers& numbers = input.numbers[k];
  if (step.with == With::kConstant) return NumberConstant(step.constant, input.group || input.type == Type::kText ? Type::kDouble : input.type);
  RETURN_IF_ERROR(input.NeedValue(k));
  switch (step.with) {
    case With::kMean: return numbers.Range(input.threads).Mean();
    case With::kMostFrequent: return MostFrequent(numbers.values(), input.threads);
    default: return input.Rank(k).Median();
  }
}

/// The values of each level, one after another, in the order of the rows.
Result<FitResult> FitBy(const ImputeStep& step, FitInput& input) {
  const Column& by = *input.find(step.by);
  ASSIGN_OR_RETURN(CodedLevels coded, CodeLevels(step.by, by, {}, input.threads));
  ASSIGN_OR_RETURN(const double otherwise, FillOf(step, input, 0));
  const std::span<const double> x = input.numbers[0].values();
  std::vector<std::vector<double>> groups(coded.coder.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i] == x[i]) groups[static_cast<std::size_t>(coded.codes[i])].push_back(x[i]);
  std::vector<double> values;
  for (const std::vector<double>& group : groups) {
    if (group.empty()) values.push_back(otherwise);
    else values.push_back(step.with == With::kMean ? RangeOf(group, 1).Mean() : input.Rank(group, 1).Median());
  }
  RETURN_IF_ERROR(input.NeedFinite(values));
  return FitResult{std::make_unique<FillBy>(step.by, std::move(coded.coder), std::move(values), otherwise)};
}

}  // namespace

Result<StepPtr> ReadFill(const json& from, const ReadContext& context) { return Elementwise<FillKernel>::Read(from, context); }

Result<StepPtr> ReadFillBy(const json& from, const ReadContext& context) {
  if (context.inputs != 1 || context.group) return Damaged("fill_by needs one number column");
  ASSIGN_OR_RETURN(std::string by, ReadText(from, "by"));
  if (by.empty()) return Damaged("fill_by by no column");
  ASSIGN_OR_RETURN(LevelCoder coder, LevelCoder::Read(from));
  ASSIGN_OR_RETURN(std::vector<double> values, ReadNumbers(from, "values", coder.size()));
  const json& otherwise = Member(from, "otherwise");
  if (!otherwise.is_number() || !std::isfinite(otherwise.get<double>())) return Damaged("`otherwise` must be a number");
  return StepPtr(std::make_unique<FillBy>(std::move(by), std::move(coder), std::move(values), otherwise.get<double>()));
}

Status Check(const ImputeStep& step, StepTypes& types) {
  const bool text = types.type == Type::kText && !types.numbers;
  if (!text) RETURN_IF_ERROR(types.NeedNumbers("impute"));
  if (step.with == With::kMissing || step.indicator) {
    if ((types.numbers && types.type == Type::kText) || types.filled || types.group)
      return types.Refuse(StrCat(step.indicator ? "an indicator" : "impute: missing", " must come before the encoding and any other impute"));
  }
  if (step.indicator && text) return types.Refuse("is text, which has no indicator").WithHelp("say {impute: missing}, which makes it a level");
  if (!step.by.empty()) {
    if (text || types.group || (step.with != With::kMean && step.with != With::kMedian)) return types.Refuse("`by` needs a mean or median of one number column");
    const auto at = types.schema.IndexOf(step.by);
    if (!at) return types.Refuse(StrCat("is imputed by the column `", step.by, "`, which the table does not have"));
    if (types.schema[*at].name == types.column) return types.Refuse("is imputed by itself");
    if (IsMoment(types.schema[*at].type)) return types.Refuse(StrCat("is imputed by `", step.by, "`, which is a ", TypeName(types.schema[*at].type)));
  }
  types.filled |= step.with != With::kMissing || text;
  if (step.with == With::kConstant) {
    if (text) return Ok();
    const Result<double> constant = NumberConstant(step.constant, types.type == Type::kText || types.group ? Type::kDouble : types.type);
    return constant.ok() ? Ok() : types.Refuse(constant.status().message());
  }
  if (text && step.with != With::kMostFrequent && step.with != With::kMissing)
    return types.Refuse("is text, which has no mean or median").WithHelp("say {impute: most_frequent} or {impute: missing}");
  return Ok();
}

Result<FitResult> Fit(const ImputeStep& step, FitInput& input) {
  if (!step.by.empty()) return FitBy(step, input);
  std::vector<double> fills;
  for (std::size_t k = 0; k < input.numbers.size(); ++k) {
    ASSIGN_OR_RETURN(const double fill, FillOf(step, input, k));
    fills.push_back(fill);
  }
  RETURN_IF_ERROR(input.NeedFinite(fills));
  return FitResult{std::make_unique<Elementwise<FillKernel>>(std::move(fills), std::vector<double>{})};
}

}  // namespace headrace::internal

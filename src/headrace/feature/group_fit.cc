// Fitting walks through the steps as applying does, but over all training rows at once: fit a step on the numbers so far, run it over them, go on. A target encoding
// hands its cross-fitted values on, so that what comes after is fitted on what the learner will see.
#include "headrace/feature/group_fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "headrace/feature/blocks.h"

namespace headrace::internal {
namespace {

/// Run `step` over all training rows.
Status Advance(const FittedStep& step, FitInput& input) {
  const std::size_t width = step.Width(input.numbers.size());
  if (width > kMaxHeldOutputs) return input.LimitOutputs(width, "columns, which further steps are fitted on", "put fewer columns through these steps");
  std::vector<double*> in, out;
  std::vector<Numbers> made;
  if (step.in_place()) {
    for (Numbers& numbers : input.numbers) out.push_back(numbers.Own().data());
  } else {
    for (std::size_t k = 0; k < width; ++k) {
      made.emplace_back(std::vector<double>(input.rows));
      out.push_back(made.back().Own().data());
    }
    for (Numbers& numbers : input.numbers) in.push_back(const_cast<double*>(numbers.values().data()));   // read only: the step does not work in place
  }
  const Column* other = step.other().empty() ? nullptr : input.find(std::string(step.other()));
  const Status status = ParallelFor(input.threads, FitBlocks(input.rows), [&](std::size_t b) -> Status {
    Lane lane;
    lane.column = input.column;
    lane.source = input.source;
    lane.fill = input.fill ? &*input.fill : nullptr;
    lane.other = other;
    lane.begin = b * kFitBlockRows;
    lane.rows = std::min(kFitBlockRows, input.rows - lane.begin);
    std::vector<std::int32_t> codes(lane.rows);
    lane.codes = codes;
    std::vector<double*> from, to;
    for (double* column : out) to.push_back(column + lane.begin);
    for (double* column : in) from.push_back(column + lane.begin);
    lane.out = to;
    lane.in = step.in_place() ? lane.out : std::span<double* const>(from);
    return step.Run(lane);
  });
  RETURN_IF_ERROR(status);
  if (!step.in_place()) input.numbers = std::move(made);
  return Ok();
}

/// Fit one step and, if anything is fitted on what it makes, run it. True: training rows are cross-fitted.
Result<bool> FitAndAdvance(const TransformStep& step, FitInput& input, bool needed, std::vector<StepPtr>& steps) {
  input.steps_follow = needed;
  ASSIGN_OR_RETURN(FitResult fit, FitStep(step, input));
  const bool cross_fitted = !fit.training.empty();
  if (cross_fitted) {
    input.numbers.clear();
    for (std::vector<double>& column : fit.training) input.numbers.emplace_back(std::move(column));
  } else if (needed) {
    RETURN_IF_ERROR(Advance(*fit.step, input));
  }
  steps.push_back(std::move(fit.step));
  return cross_fitted;
}

std::string MostFrequentText(const Column& source, int threads) {
  const LevelCounts<std::string_view> counts = CountLevels(source, threads);
  std::size_t best = 0;
  for (std::size_t i = 1; i < counts.size(); ++i)
    if (counts.counts()[i] > counts.counts()[best] || (counts.counts()[i] == counts.counts()[best] && counts.keys()[i] < counts.keys()[best])) best = i;
  return std::string(counts.keys()[best]);
}

struct ColumnFit {
  FittedColumn fitted;
  FitInput input;
  bool cross_fitted = false, missing = false, nullable = false;
};

class ColumnFitter {
 public:
  ColumnFitter(const std::string& name, const Table& all, const TargetColumns& target, std::size_t exact_percentiles, int threads)
      : fit_{{}, FitInput{name, false, all.Find(name)->type(), all.Find(name), {}, {}, target, [&all](const std::string& other) { return all.Find(other); }, false, all.num_rows(), threads, exact_percentiles}} {
    fit_.fitted.column = name;
    fit_.fitted.type = fit_.input.type;
  }

  /// `held`: steps on the group follow.
  Result<ColumnFit> Fit(const std::vector<TransformStep>& steps, bool held) {
    RETURN_IF_ERROR(Load());
    fit_.nullable = fit_.missing;
    for (std::size_t s = 0; s < steps.size(); ++s) {
      if (const auto* impute = std::get_if<ImputeStep>(&steps[s]); impute != nullptr && Imputes(*impute)) continue;
      const bool needed = held || fit_.cross_fitted || s + 1 < steps.size();
      ASSIGN_OR_RETURN(const bool crossed, FitAndAdvance(steps[s], fit_.input, needed, fit_.fitted.program.steps));
      fit_.cross_fitted |= crossed;
    }
    fit_.fitted.sketched = fit_.input.sketched;
    for (const StepPtr& step : fit_.fitted.program.steps) fit_.missing = fit_.missing && step->leaves_missing();
    if (held && fit_.fitted.indicator) fit_.input.numbers.emplace_back(Indicator());
    return std::move(fit_);
  }

 private:
  Status Load() {
    FitInput& input = fit_.input;
    fit_.missing = input.source->null_count() > 0;
    if (!fit_.fitted.is_number()) return Ok();
    input.numbers.push_back(Numbers::Of(*input.source, input.threads));
    if (input.type != Type::kDouble) return Ok();
    const RangeState& range = input.numbers[0].Range(input.threads);
    fit_.missing = range.count < static_cast<std::int64_t>(input.rows);
    if (std::isfinite(range.min) && std::isfinite(range.max)) return Ok();
    const std::span<const double> values = input.numbers[0].values();
    const auto infinities = std::count_if(values.begin(), values.end(), [](double x) { return std::isinf(x); });
    return input.Refuse(StrCat("has ", Counted(infinities, "infinity", "infinities"))).WithHelp("make them null where the rows are read, or leave the column out");
  }

  /// An impute that is no step: of text, or an indicator only.
  bool Imputes(const ImputeStep& step) {
    FitInput& input = fit_.input;
    if (input.type == Type::kText && input.numbers.empty()) {
      if (!input.fill) {   // else nothing is missing any more
        if (step.with == ImputeStep::With::kConstant) input.fill = step.constant;
        if (step.with == ImputeStep::With::kMissing) input.fill = "missing";
        if (step.with == ImputeStep::With::kMostFrequent) input.fill = MostFrequentText(*input.source, input.threads);
        fit_.fitted.fill = input.fill;
      }
      return true;
    }
    fit_.fitted.indicator |= step.indicator || step.with == ImputeStep::With::kMissing;
    return step.with == ImputeStep::With::kMissing;
  }

  std::vector<double> Indicator() const {
    const Numbers raw = Numbers::Of(*fit_.input.source, fit_.input.threads);
    std::vector<double> missing;
    for (const double x : raw.values()) missing.push_back(x == x ? 0.0 : 1.0);
    return missing;
  }

  ColumnFit fit_;
};

}  // namespace

Result<GroupFit> FitGroup(const GroupPlan& plan, const Table& all, const TargetColumns& target, bool linear_learner, std::size_t exact_percentiles, int threads) {
  GroupFit out;
  const bool held = !plan.group_steps.empty();
  bool cross_fitted = false, missing = false;
  FitInput group{Join(plan.columns, ", "), true, Type::kDouble, nullptr, {}, {}, target, {}, false, all.num_rows(), threads, exact_percentiles};
  for (const std::string& name : plan.columns) {
    ASSIGN_OR_RETURN(ColumnFit fit, ColumnFitter(name, all, target, exact_percentiles, threads).Fit(plan.steps, held));
    cross_fitted |= fit.cross_fitted;
    missing |= fit.missing;
    out.nullable.push_back(fit.nullable);
    out.group.columns.push_back(std::move(fit.fitted));
    if (held || cross_fitted)
      for (Numbers& numbers : fit.input.numbers) group.numbers.push_back(std::move(numbers));
  }
  for (std::size_t s = 0; s < plan.group_steps.size(); ++s) {
    RETURN_IF_ERROR(FitAndAdvance(plan.group_steps[s], group, cross_fitted || s + 1 < plan.group_steps.size(), out.group.program.steps).status());
    missing = missing && out.group.program.steps.back()->leaves_missing();
  }
  out.group.sketched = group.sketched;
  if (missing && linear_learner)
    return Error(ErrorCode::kInvalid, plan.columns.size() > 1 ? "columns `" : "column `", group.column, "` has missing values, which no step fills and a linear learner cannot take")
        .WithHelp("put {impute: median} in front of its steps");
  if (cross_fitted)
    for (Numbers& numbers : group.numbers) out.cross_fitted.push_back(numbers.Take());
  return out;
}

}  // namespace headrace::internal

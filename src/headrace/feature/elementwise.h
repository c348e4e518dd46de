#pragma once

// Private to this room's .cc files: the Reads of steps.cc's list, and steps that treat every number alone with two parameters a column.

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "headrace/feature/read_json.h"
#include "headrace/feature/steps.h"

namespace headrace::internal {

#define HEADRACE_READ(Name) Result<StepPtr> Name(const json& from, const ReadContext& context);
HEADRACE_READ(ReadFill) HEADRACE_READ(ReadFillBy) HEADRACE_READ(ReadClip) HEADRACE_READ(ReadScale) HEADRACE_READ(ReadMinMax) HEADRACE_READ(ReadDivide)
HEADRACE_READ(ReadLog1p) HEADRACE_READ(ReadQuantile) HEADRACE_READ(ReadPower) HEADRACE_READ(ReadBins) HEADRACE_READ(ReadSpline) HEADRACE_READ(ReadPolynomial)
HEADRACE_READ(ReadNormalize) HEADRACE_READ(ReadOneHot) HEADRACE_READ(ReadLevelValues) HEADRACE_READ(ReadHash) HEADRACE_READ(ReadDate) HEADRACE_READ(ReadTextStep)
HEADRACE_READ(ReadSelect) HEADRACE_READ(ReadReduce)
#undef HEADRACE_READ

inline constexpr double kEpsilon = std::numeric_limits<double>::epsilon(), kInfinity = std::numeric_limits<double>::infinity();

/// Centre and scale of one column as StandardScaler learns them; the scale of a constant is 1. REQUIRES: it has a value.
std::pair<double, double> StandardOf(Numbers& numbers, int threads);

/// kInvalid unless numbers come in.
inline Status NeedInputs(const ReadContext& context) { return context.inputs > 0 ? Ok() : Damaged("a step on numbers where there are none"); }

/// One function of x and the parameters a and b of its column. A Kernel says
///   kStep, kA, kB        how the file calls it and its parameters ("" = it has none)
///   Open(), Valid(a, b)  whether null may stand for an infinity; which parameters Run takes
///   Run(x, n, a, b)      in place; the number of values without a result
///   kLeavesMissing, NoResult(column)
template <typename Kernel>
class Elementwise final : public FittedStep {
 public:
  Elementwise(std::vector<double> a, std::vector<double> b) : a_(std::move(a)), b_(std::move(b)) {}

  Status Run(Lane& lane) const override {
    for (std::size_t k = 0; k < lane.out.size(); ++k)
      if (Kernel::Run(lane.out[k], lane.rows, At(a_, k), At(b_, k)) > 0) return Kernel::NoResult(lane.column);
    return Ok();
  }
  bool leaves_missing() const override { return Kernel::kLeavesMissing; }

  json ToJson() const override {
    json out = {{"step", Kernel::kStep}};
    if (!Kernel::kA.empty()) out[std::string(Kernel::kA)] = NumbersToJson(a_);
    if (!Kernel::kB.empty()) out[std::string(Kernel::kB)] = NumbersToJson(b_);
    return out;
  }

  static Result<StepPtr> Read(const json& from, const ReadContext& context) {
    RETURN_IF_ERROR(NeedInputs(context));
    std::vector<double> a, b;
    if (!Kernel::kA.empty()) {
      ASSIGN_OR_RETURN(a, ReadNumbers(from, std::string(Kernel::kA).c_str(), context.inputs, Kernel::kOpen ? -HUGE_VAL : 0));
    }
    if (!Kernel::kB.empty()) {
      ASSIGN_OR_RETURN(b, ReadNumbers(from, std::string(Kernel::kB).c_str(), context.inputs, Kernel::kOpen ? HUGE_VAL : 0));
    }
    for (std::size_t k = 0; k < a.size(); ++k)
      if (!Kernel::Valid(At(a, k), At(b, k))) return Damaged(StrCat("parameters of ", Kernel::kStep, " that it cannot have"));
    return StepPtr(std::make_unique<Elementwise>(std::move(a), std::move(b)));
  }

 private:
  static double At(const std::vector<double>& parameters, std::size_t k) { return parameters.empty() ? 0 : parameters[k]; }
  std::vector<double> a_, b_;
};

}  // namespace headrace::internal

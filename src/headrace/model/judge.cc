#include "headrace/model/judge.h"

#include <algorithm>
#include <cstdio>

#include "headrace/base/text.h"
#include "headrace/model/constant.h"
#include "headrace/model/gate.h"

namespace headrace {
namespace {

constexpr std::uint64_t kIntervalSeed = 2;  // 0 splits, 1 folds

std::string Short(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

/// The constant answer for each of `rows` rows.
std::vector<double> Repeat(const std::vector<double>& answer, std::size_t rows) {
  std::vector<double> out;
  out.reserve(rows * answer.size());
  for (std::size_t r = 0; r < rows; ++r) out.insert(out.end(), answer.begin(), answer.end());
  return out;
}

Status CompareWithConstant(std::span<const std::string> names, const JudgedRows& rows, const ConstantRows& constant,
                           Evaluation* out) {
  const std::vector<double> answer = Repeat(
      ConstantAnswer(rows.task, static_cast<std::size_t>(rows.classes), constant.target, constant.weights, constant.quantile),
      rows.target.size());
  ASSIGN_OR_RETURN(out->baseline, Evaluate(rows.task, rows.target, answer, rows.classes, rows.threshold, names, rows.weights, rows.groups, rows.treated));
  const std::vector<std::string> loss{constant.loss_metric};
  ASSIGN_OR_RETURN(const Metrics ours, Evaluate(rows.task, rows.target, rows.predictions, rows.classes, rows.threshold, loss, rows.weights, rows.groups, rows.treated));
  ASSIGN_OR_RETURN(const Metrics theirs, Evaluate(rows.task, rows.target, answer, rows.classes, rows.threshold, loss, rows.weights, rows.groups, rows.treated));
  if (ours.empty() || theirs.empty()) return Ok();
  const double own = ours.begin()->second, of_constant = theirs.begin()->second;
  // Equal but for rounding: a constant model is no worse than itself.
  const bool worse = HigherIsBetter(constant.loss_metric) ? own < of_constant * (1 - 1e-9) : own > of_constant * (1 + 1e-9);
  if (worse && !rows.treated.empty())
    out->notes.push_back(StrCat("WORSE THAN RANDOM TARGETING: ", constant.loss_metric, " is ", Short(own), ", and 0 where rows are chosen at random; such a model should not be used as it is"));
  else if (worse)
    out->notes.push_back(StrCat("WORSE THAN THE CONSTANT: ", constant.loss_metric, " is ", Short(own), ", always giving ",
                                rows.task == Task::kMulticlass ? "the classes' shares" : Short(answer.front()), " has ",
                                Short(of_constant), "; such a model should not be used as it is"));
  return Ok();
}

}  // namespace

Status JudgeModel(const TrainSpec& spec, std::span<const std::string> names, const JudgedRows& rows,
                  const ConstantRows& constant, int threads, Evaluation* out) {
  const GateNeeds needs = NeedsOf(spec.gate);
  ASSIGN_OR_RETURN(out->metrics, Evaluate(rows.task, rows.target, rows.predictions, rows.classes, rows.threshold, names, rows.weights, rows.groups, rows.treated));
  out->resamples = spec.intervals > 0 ? spec.intervals : needs.intervals ? kUsualResamples : 0;
  if (out->resamples > 0) {
    ASSIGN_OR_RETURN(out->intervals,
                     BootstrapIntervals(rows.task, rows.target, rows.predictions, rows.classes, rows.threshold, names,
                                        rows.weights, rows.groups, out->resamples, kIntervalSeed, threads, rows.treated));
  }
  ASSIGN_OR_RETURN(out->segments, EvaluateSegments(rows.rows, spec.segments, rows.task, rows.target, rows.predictions,
                                                   rows.classes, rows.threshold, names, rows.weights, rows.groups, rows.treated));
  std::vector<std::string> compared;
  if (rows.treated.empty()) compared = FairnessMetrics(rows.task);   // of uplift no row's truth is known
  for (const std::string& metric : needs.gaps)
    if (std::find(compared.begin(), compared.end(), metric) == compared.end()) compared.push_back(metric);
  if (!spec.segments.empty() && !compared.empty()) {
    ASSIGN_OR_RETURN(const std::vector<SegmentMetrics> segments,
                     EvaluateSegments(rows.rows, spec.segments, rows.task, rows.target, rows.predictions, rows.classes,
                                      rows.threshold, compared, rows.weights, rows.groups, rows.treated));
    out->gaps = GapsOf(segments);
  }
  ASSIGN_OR_RETURN(out->curves, rows.treated.empty() ? MakeCurves(rows.task, rows.target, rows.predictions, rows.classes, rows.threshold)
                                                     : MakeUpliftCurves(rows.target, rows.predictions, rows.treated));
  for (const std::string& name : names)
    if (name.starts_with("profit@")) out->curves.profit.push_back(MakeProfitCurve(name, rows.target, rows.predictions));
  return CompareWithConstant(names, rows, constant, out);
}

}  // namespace headrace

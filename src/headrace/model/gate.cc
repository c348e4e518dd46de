#include "headrace/model/gate.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "headrace/base/text.h"
#include "headrace/expr/expr.h"

namespace headrace {
namespace {

/// An expression of the commonest kind, METRIC OPERATOR NUMBER, whose verdict can be put into a sentence.
struct Comparison {
  std::string metric, op;
  double limit = 0;

  bool Holds(double value) const {
    if (op == ">=") return value >= limit;
    if (op == "<=") return value <= limit;
    return op == ">" ? value > limit : value < limit;
  }
  std::string_view Words(bool holds) const {
    if (op == ">=") return holds ? "is at least" : "is below";
    if (op == "<=") return holds ? "is at most" : "is above";
    if (op == ">") return holds ? "is above" : "is not above";
    return holds ? "is below" : "is not below";
  }
};

std::optional<Comparison> AsComparison(std::string_view text) {
  const std::size_t at = text.find_first_of("<>");
  if (at == text.npos) return std::nullopt;
  Comparison comparison{.metric = "", .op = std::string(text.substr(at, at + 1 < text.size() && text[at + 1] == '=' ? 2 : 1))};
  std::string_view name = Trim(text.substr(0, at));
  if (name.size() > 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
  comparison.metric = name;
  if (!ParseDouble(Trim(text.substr(at + comparison.op.size())), &comparison.limit)) return std::nullopt;
  return comparison;
}

/// `value` in four significant digits, or in more where fewer would tell another story (0.71996 is not "0.72, below
/// 0.72").
template <typename SameVerdict>
std::string Brief(double value, SameVerdict same) {
  for (int digits = 4; digits < 17; ++digits) {
    const std::string text = fmt::format("{:.{}g}", value, digits);
    double read = 0;
    if (ParseDouble(text, &read) && same(read)) return text;
  }
  return FormatDouble(value);
}
std::string Brief(double value) {
  return Brief(value, [](double) { return true; });
}

/// kInvalid unless `name` is a metric of the task, or one with an ending that gates know.
Status CheckGateName(const std::string& name, Task task) {
  const MetricName parsed = ParseMetricName(name);
  Status status = CheckMetricName(parsed.metric, task);
  if (status.ok() || parsed.of != MetricName::Of::kValue) return status;
  const std::size_t dot = name.rfind('.');
  if (dot == name.npos || !CheckMetricName(name.substr(0, dot), task).ok()) return status;
  const std::vector<std::string> endings = {".low", ".high", ".gap", ".ratio"};
  const std::string near = NearestName(name.substr(dot), endings);
  return Error(ErrorCode::kInvalid, "`", name, "` is neither a metric nor one end of an interval")
      .WithHelp(near.empty() ? StrCat("a metric may end in ", Join(endings, ", "))
                             : StrCat("did you mean `", name.substr(0, dot), near, "`?"));
}

/// The parsed expression, every name of which is a metric of the task.
Result<Expression> ParseGate(const GateSpec& gate, Task task) {
  ASSIGN_OR_RETURN(Expression expression, Expression::Parse(gate.expression));
  for (const std::string& name : expression.names()) RETURN_IF_ERROR(CheckGateName(name, task));
  return expression;
}

/// One row with the metrics that `expression` names; a metric that could not be computed is null.
Table MetricsRow(const Expression& expression, const Metrics& metrics) {
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  for (const std::string& name : expression.names()) {
    ColumnBuilder builder(Type::kDouble);
    const auto found = metrics.find(name);
    if (found == metrics.end())
      builder.AppendNull();
    else
      builder.AppendDouble(found->second);
    fields.push_back({name, Type::kDouble});
    columns.push_back(builder.Finish());
  }
  return Table(Schema(std::move(fields)), std::move(columns), 1);
}

Result<BoundExpression> BindGate(const Expression& expression, const Table& row) {
  ASSIGN_OR_RETURN(BoundExpression bound, expression.Bind(row.schema(), {}));
  if (bound.type() != Type::kBool)
    return Error(ErrorCode::kInvalid, "a gate must be true or false; this is ", TypeName(bound.type()))
        .WithHelp("write it as in: auc >= 0.72");
  return bound;
}

Status InGate(Status status, const GateSpec& gate) {
  return std::move(status).WithContext(StrCat("gate `", gate.text, "`")).WithCode(ErrorCode::kInvalid);
}

std::string NotComputed(const std::string& metric) { return StrCat(metric, " could not be computed on the test rows"); }

/// "auc 0.7112, ece 0.013"
std::string ListMetrics(const std::set<std::string>& names, const Metrics& metrics) {
  std::vector<std::string> parts;
  for (const std::string& name : names) parts.push_back(StrCat(name, " ", Brief(metrics.at(name))));
  return Join(parts, ", ");
}

Result<GateVerdict> JudgeExpression(const GateSpec& gate, Task task, const Metrics& metrics) {
  ASSIGN_OR_RETURN(const Expression expression, ParseGate(gate, task));
  const Table row = MetricsRow(expression, metrics);
  ASSIGN_OR_RETURN(const BoundExpression bound, BindGate(expression, row));
  GateVerdict verdict{gate.text, false, ""};
  for (const std::string& name : expression.names()) {
    if (metrics.contains(name)) continue;
    verdict.message = NotComputed(name);
    return verdict;
  }
  const Result<BoundExpression::Output> output = bound.Evaluate(row, OnError::kRaise);
  if (!output.ok()) {
    verdict.message = StrCat("cannot be evaluated: ", output.status().message());
    return verdict;
  }
  const Column& column = *output->column;
  verdict.passed = !column.IsNull(0) && column.ints()[0] != 0;
  const std::optional<Comparison> simple = AsComparison(gate.expression);
  if (simple && expression.names() == std::set<std::string>{simple->metric}) {
    const double value = metrics.at(simple->metric);
    const auto same = [&](double read) { return simple->Holds(read) == verdict.passed; };
    verdict.message =
        StrCat(simple->metric, " ", Brief(value, same), " ", simple->Words(verdict.passed), " ", simple->limit);
  } else {
    verdict.message = StrCat(column.IsNull(0) ? "is null: "
                             : verdict.passed ? "is true: "
                                              : "is false: ",
                             ListMetrics(expression.names(), metrics));
  }
  return verdict;
}

GateVerdict JudgeComparison(const GateSpec& gate, const Metrics& metrics, const Metrics* champion) {
  GateVerdict verdict{gate.text, false, ""};
  const auto own = metrics.find(gate.metric);
  if (own == metrics.end()) {
    verdict.message = NotComputed(gate.metric);
    return verdict;
  }
  if (champion == nullptr) {
    verdict.passed = true;
    verdict.message = StrCat(gate.metric, " ", Brief(own->second), "; there is no champion to compare with");
    return verdict;
  }
  const auto other = champion->find(gate.metric);
  if (other == champion->end()) {
    verdict.message = StrCat("the champion's ", NotComputed(gate.metric));
    return verdict;
  }
  const bool higher = HigherIsBetter(gate.metric);
  const auto worse_by = [&](double value, double than) { return higher ? than - value : value - than; };
  const double worse = worse_by(own->second, other->second);
  // 0.73 - 0.725 is a rounding error more than 0.005; such a difference is not held against a model.
  const double accepted = gate.by + 1e-12 * std::fabs(other->second);
  verdict.passed = worse <= accepted;
  // Both numbers are shown as far as the sentence needs them to be seen to hold.
  const std::string theirs =
      Brief(other->second, [&](double read) { return (worse_by(own->second, read) <= accepted) == verdict.passed; });
  double shown = other->second;
  ParseDouble(theirs, &shown);
  const std::string ours = Brief(own->second, [&](double read) {
    return (worse_by(read, shown) <= accepted) == verdict.passed && (worse_by(read, shown) > 0) == (worse > 0);
  });
  verdict.message = StrCat(gate.metric, " ", ours, " ");
  if (worse <= 0)
    verdict.message += StrCat("is not worse than the champion's ", theirs);
  else if (verdict.passed)
    verdict.message += StrCat("is worse than the champion's ", theirs, " by no more than ", gate.by);
  else
    verdict.message +=
        StrCat("is worse than the champion's ", theirs, gate.by == 0 ? "" : StrCat(" by more than ", gate.by));
  return verdict;
}

}  // namespace

GateNeeds NeedsOf(std::span<const GateSpec> gates) {
  GateNeeds needs;
  for (const GateSpec& gate : gates) {
    if (gate.expression.empty()) continue;
    const Result<Expression> expression = Expression::Parse(gate.expression);
    if (!expression.ok()) continue;  // ValidateGates tells
    for (const std::string& name : expression->names()) {
      MetricName parsed = ParseMetricName(name);
      needs.intervals = needs.intervals || parsed.interval();
      if (parsed.gap()) needs.gaps.push_back(std::move(parsed.metric));
    }
  }
  return needs;
}

Metrics GateFigures(const Metrics& metrics, const Intervals& intervals, std::span<const SegmentGap> gaps) {
  Metrics figures = metrics;
  for (const auto& [name, interval] : intervals) {
    figures[StrCat(name, ".low")] = interval.low;
    figures[StrCat(name, ".high")] = interval.high;
  }
  for (const SegmentGap& gap : gaps) {
    double& widest = figures.try_emplace(StrCat(gap.metric, ".gap"), gap.difference()).first->second;
    widest = std::max(widest, gap.difference());
    double& least = figures.try_emplace(StrCat(gap.metric, ".ratio"), gap.ratio()).first->second;
    least = std::min(least, gap.ratio());
  }
  return figures;
}

Status ValidateGates(std::span<const GateSpec> gates, Task task) {
  for (const GateSpec& gate : gates) {
    if (gate.expression.empty()) {
      if (Status status = CheckMetricName(gate.metric, task); !status.ok()) return InGate(std::move(status), gate);
      if (!(gate.by >= 0) || std::isinf(gate.by))
        return InGate(
            Error(ErrorCode::kInvalid, "`by` is ", gate.by, "; expected how much worse is accepted, 0 or above"), gate);
      continue;
    }
    Result<Expression> expression = ParseGate(gate, task);
    if (!expression.ok()) return InGate(std::move(expression).status(), gate);
    Result<BoundExpression> bound = BindGate(*expression, MetricsRow(*expression, {}));
    if (!bound.ok()) return InGate(std::move(bound).status(), gate);
  }
  return Ok();
}

Result<std::vector<GateVerdict>> JudgeGates(std::span<const GateSpec> gates, Task task, const Metrics& metrics,
                                            const Metrics* champion_metrics) {
  RETURN_IF_ERROR(ValidateGates(gates, task));
  std::vector<GateVerdict> verdicts;
  for (const GateSpec& gate : gates) {
    if (gate.expression.empty()) {
      verdicts.push_back(JudgeComparison(gate, metrics, champion_metrics));
      continue;
    }
    ASSIGN_OR_RETURN(GateVerdict verdict, JudgeExpression(gate, task, metrics));
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

Result<std::vector<std::string>> MetricsToCompute(std::span<const std::string> evaluate,
                                                  std::span<const GateSpec> gates, Task task) {
  for (const std::string& name : evaluate) RETURN_IF_ERROR(CheckMetricName(name, task));
  RETURN_IF_ERROR(ValidateGates(gates, task));
  std::vector<std::string> names(evaluate.begin(), evaluate.end());
  if (names.empty()) names = DefaultMetrics(task);
  for (const GateSpec& gate : gates) {
    if (gate.expression.empty()) {
      names.push_back(gate.metric);
      continue;
    }
    ASSIGN_OR_RETURN(const Expression expression, ParseGate(gate, task));
    for (const std::string& name : expression.names()) {
      MetricName parsed = ParseMetricName(name);
      if (!parsed.gap()) names.push_back(std::move(parsed.metric));
    }
  }
  std::set<std::string> seen;
  std::erase_if(names, [&](const std::string& name) { return !seen.insert(name).second; });
  return names;
}

}  // namespace headrace

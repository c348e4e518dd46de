// Expressions of a stranger, one a line: parse, type over the columns of a small table, evaluate. A row's value may not depend on the rows beside it.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "headrace/expr/expr.h"
#include "target.h"

namespace headrace::fuzz {
namespace {

constexpr std::size_t kMostBytes = 4096;

/// A column of every type, with what is odd in each.
const Table& Rows() {
  static const Table kRows = [] {
    constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min(), kMost = std::numeric_limits<std::int64_t>::max();
    const std::int64_t ints[] = {0, 1, -1, kLeast, kMost, 7, 1'000'000};
    const double doubles[] = {0.0, -0.0, 1e308, -1e-308, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 2.5};
    const char* texts[] = {"", "a", "Ärger", "2026-11-22", "12e400", "%_\\", "\xF0\x9F\x90\x80 rat"};
    const std::int64_t days[] = {0, -1, 20'000, 106'751'991, -719'528, 2'932'896, 59};
    ColumnBuilder b(Type::kBool), i(Type::kInt), d(Type::kDouble), t(Type::kText), day(Type::kDate), at(Type::kTimestamp), gap(Type::kDuration);
    for (std::size_t row = 0; row < std::size(ints); ++row) {
      b.AppendInt(static_cast<std::int64_t>(row % 2));
      i.AppendInt(ints[row]);
      d.AppendDouble(doubles[row]);
      t.AppendText(texts[row]);
      day.AppendInt(days[row]);
      at.AppendInt(row == 3 ? kLeast : row == 4 ? kMost : days[row] * 1'000'000'000);
      gap.AppendInt(ints[row]);
    }
    for (ColumnBuilder* column : {&b, &i, &d, &t, &day, &at, &gap}) column->AppendNull();
    return Table(Schema({{"b", Type::kBool}, {"i", Type::kInt}, {"d", Type::kDouble}, {"t", Type::kText}, {"day", Type::kDate}, {"at", Type::kTimestamp}, {"gap", Type::kDuration}}),
                 {b.Finish(), i.Finish(), d.Finish(), t.Finish(), day.Finish(), at.Finish(), gap.Finish()}, std::size(ints) + 1);
  }();
  return kRows;
}

bool Same(const Value& a, const Value& b) {
  if (a.type() != Type::kDouble || a.is_null() || b.is_null() || b.type() != Type::kDouble) return a == b;
  if (std::isnan(a.as_double())) return std::isnan(b.as_double());
  const double x = a.as_double(), y = b.as_double();
  return std::memcmp(&x, &y, sizeof x) == 0;
}

void TryExpression(std::string_view text) {
  const Result<Expression> parsed = Expression::Parse(text);
  if (!parsed.ok()) {
    Demand(parsed.status().code() == ErrorCode::kInvalid);
    const Status status = parsed.status();
    Demand(!status.span() || status.span()->offset <= text.size());
    return;
  }
  const Expression::Names names{{"params.as_of", Value::Date(20'000)}, {"params.share", Value::Double(0.1)}, {"item", Value::Text("x")}, {"run.interval.end", Value::Null(Type::kTimestamp)}};
  const Result<BoundExpression> bound = parsed->Bind(Rows().schema(), names);
  if (!bound.ok()) return;
  (void)bound->Evaluate(Rows(), OnError::kRaise).ok();
  (void)bound->EvaluateScalar().ok();
  const auto whole = bound->Evaluate(Rows(), OnError::kNull);
  if (!whole.ok()) return;
  Demand(whole->column->size() == Rows().num_rows() && whole->column->type() == bound->type());
  for (std::size_t row = 0; row < Rows().num_rows(); ++row) {
    const auto alone = bound->Evaluate(Rows().Slice(row, 1), OnError::kNull);
    Demand(alone.ok() && Same(alone->column->At(0), whole->column->At(row)));
  }
}

}  // namespace
}  // namespace headrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size <= headrace::fuzz::kMostBytes ? size : 0);
  for (int lines = 0; lines < 40 && !rest.empty(); ++lines) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    headrace::fuzz::TryExpression(line);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return 0;
}

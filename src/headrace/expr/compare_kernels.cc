#include <cmath>

#include "headrace/expr/kernels.h"

namespace headrace::internal::kernels {
namespace {

// The total order of DuckDB: NaN equals NaN and is above every other double, -0.0 equals 0.0.
bool IsEqual(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
bool IsLess(double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; }
bool IsEqual(std::int64_t a, std::int64_t b) { return a == b; }
bool IsLess(std::int64_t a, std::int64_t b) { return a < b; }
bool IsEqual(std::string_view a, std::string_view b) { return a == b; }
bool IsLess(std::string_view a, std::string_view b) { return a < b; }  // bytes, which order code points

/// Call `with` on an accessor of the pointer that holds `type`.
template <typename With>
void ByType(Type type, With with) {
  if (type == Type::kText)
    with([](const Vector& v) { return v.texts; });
  else if (type == Type::kDouble)
    with([](const Vector& v) { return v.doubles; });
  else
    with([](const Vector& v) { return v.ints; });
}

template <typename Test>
void Compare(Frame& frame, const Node& node, Args args, Vector& out, Test test) {
  ByType(node.args[0]->type, [&](auto values) {
    const auto* a = values(*args[0]);
    const auto* b = values(*args[1]);
    std::int64_t* result = out.MakeInts(frame.rows());
    for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = test(a[i], b[i]) ? 1 : 0;
  });
}

enum Truth : std::uint8_t { kFalse, kTrue, kUnknown };

void Write(std::uint8_t* valid, std::int64_t* result, std::size_t i, Truth truth) {
  result[i] = truth == kTrue ? 1 : 0;
  valid[i] = truth == kUnknown ? 0 : 1;
}

Truth Negated(Truth truth, bool negated) {
  return truth == kUnknown || !negated ? truth : truth == kTrue ? kFalse : kTrue;
}

/// The value that beats all others, nulls left out; the first of equals.
template <typename Beats>
void Extreme(Frame& frame, const Node& node, Args args, Vector& out, Beats beats) {
  const std::size_t rows = frame.rows();
  std::uint8_t* valid = out.MakeValid(rows);
  ByType(node.type, [&](auto values) {
    auto* result = [&] {
      if constexpr (std::is_same_v<decltype(values(out)), const double*>)
        return out.MakeDoubles(rows);
      else if constexpr (std::is_same_v<decltype(values(out)), const std::int64_t*>)
        return out.MakeInts(rows);
      else
        return out.MakeTexts(rows);
    }();
    for (std::size_t i = 0; i < rows; ++i) {
      valid[i] = 0;
      result[i] = {};
      for (const Vector* arg : args) {
        if (!arg->IsValid(i)) continue;
        const auto value = values(*arg)[i];
        if (valid[i] == 0 || beats(value, result[i])) result[i] = value;
        valid[i] = 1;
      }
    }
  });
}

}  // namespace

void Equal(Frame& frame, const Node& node, Args args, Vector& out) {
  Compare(frame, node, args, out, [](auto a, auto b) { return IsEqual(a, b); });
}
void NotEqual(Frame& frame, const Node& node, Args args, Vector& out) {
  Compare(frame, node, args, out, [](auto a, auto b) { return !IsEqual(a, b); });
}
void Less(Frame& frame, const Node& node, Args args, Vector& out) {
  Compare(frame, node, args, out, [](auto a, auto b) { return IsLess(a, b); });
}
void LessOrEqual(Frame& frame, const Node& node, Args args, Vector& out) {
  Compare(frame, node, args, out, [](auto a, auto b) { return !IsLess(b, a); });
}

void Between(Frame& frame, const Node& node, Args args, Vector& out) {
  const std::size_t rows = frame.rows();
  std::int64_t* result = out.MakeInts(rows);
  std::uint8_t* valid = out.MakeValid(rows);
  ByType(node.args[0]->type, [&](auto values) {
    const auto* x = values(*args[0]);
    const auto* low = values(*args[1]);
    const auto* high = values(*args[2]);
    for (std::size_t i = 0; i < rows; ++i) {
      const bool known = args[0]->IsValid(i);
      Truth above = kUnknown, below = kUnknown;
      if (known && args[1]->IsValid(i)) above = IsLess(x[i], low[i]) ? kFalse : kTrue;
      if (known && args[2]->IsValid(i)) below = IsLess(high[i], x[i]) ? kFalse : kTrue;
      Truth truth = kUnknown;
      if (above == kFalse || below == kFalse)
        truth = kFalse;
      else if (above == kTrue && below == kTrue)
        truth = kTrue;
      Write(valid, result, i, Negated(truth, node.option == 1));
    }
  });
}

void In(Frame& frame, const Node& node, Args args, Vector& out) {
  const std::size_t rows = frame.rows();
  std::int64_t* result = out.MakeInts(rows);
  std::uint8_t* valid = out.MakeValid(rows);
  ByType(node.args[0]->type, [&](auto values) {
    const auto* x = values(*args[0]);
    for (std::size_t i = 0; i < rows; ++i) {
      Truth truth = kFalse;
      for (std::size_t k = 1; k < args.size() && truth != kTrue; ++k) {
        if (!args[0]->IsValid(i) || !args[k]->IsValid(i))
          truth = kUnknown;
        else if (IsEqual(x[i], values(*args[k])[i]))
          truth = kTrue;
      }
      Write(valid, result, i, Negated(truth, node.option == 1));
    }
  });
}

void IsNull(Frame& frame, const Node& node, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = args[0]->IsValid(i) == (node.option == 1) ? 1 : 0;
}

void Not(Frame& frame, const Node&, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = args[0]->ints[i] != 0 ? 0 : 1;
}

void NullIf(Frame& frame, const Node&, Args args, Vector& out) {
  const std::size_t rows = frame.rows();
  out.ints = args[0]->ints;
  out.doubles = args[0]->doubles;
  out.texts = args[0]->texts;
  out.valid = args[0]->valid;
  for (std::size_t i = 0; i < rows; ++i)
    if (args[1]->IsValid(i) && args[1]->ints[i] != 0) out.MakeValid(rows)[i] = 0;
}

void Greatest(Frame& frame, const Node& node, Args args, Vector& out) {
  Extreme(frame, node, args, out, [](const auto& a, const auto& b) { return IsLess(b, a); });
}
void Least(Frame& frame, const Node& node, Args args, Vector& out) {
  Extreme(frame, node, args, out, [](const auto& a, const auto& b) { return IsLess(a, b); });
}

}  // namespace headrace::internal::kernels

#include <array>
#include <cmath>
#include <limits>

#include "headrace/base/math.h"
#include "headrace/expr/kernels.h"

namespace headrace::internal::kernels {
namespace {

constexpr std::int64_t kMinInt = std::numeric_limits<std::int64_t>::min();
constexpr std::string_view kOverflow = "the result does not fit into an int of 64 bits";
constexpr std::string_view kUseDouble = "cast one side to double";

/// `compute` returns whether it overflowed; it sees null rows too.
template <typename Compute>
void IntsChecked(Frame& frame, const Node& node, Args args, Vector& out, Compute compute) {
  const std::size_t rows = frame.rows();
  const std::int64_t* a = args[0]->ints;
  const std::int64_t* b = args[1]->ints;
  std::int64_t* result = out.MakeInts(rows);
  bool any = false;
  for (std::size_t i = 0; i < rows; ++i) any |= compute(a[i], b[i], &result[i]);
  if (!any) return;
  for (std::size_t i = 0; i < rows; ++i) {
    std::int64_t unused = 0;
    if (compute(a[i], b[i], &unused) && out.IsValid(i)) frame.Fail(i, node, out, kOverflow, kUseDouble);
  }
}

/// Division and its like: null where b is 0, raising where it is the one quotient that overflows.
template <typename Compute>
void IntsDivided(Frame& frame, const Node& node, Args args, Vector& out, Compute compute) {
  const std::size_t rows = frame.rows();
  std::int64_t* result = out.MakeInts(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::int64_t a = args[0]->ints[i], b = args[1]->ints[i];
    result[i] = 0;
    if (b == 0) {
      out.MakeValid(rows)[i] = 0;
    } else if (a == kMinInt && b == -1) {
      if (out.IsValid(i)) frame.Fail(i, node, out, kOverflow, kUseDouble);
    } else {
      result[i] = compute(a, b);
    }
  }
}

template <typename Compute>
void Doubles(Frame& frame, Args args, Vector& out, Compute compute) {
  const double* a = args[0]->doubles;
  const double* b = args[1]->doubles;
  double* result = out.MakeDoubles(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = compute(a[i], b[i]);
}

template <typename Compute>
void Double(Frame& frame, Args args, Vector& out, Compute compute) {
  const double* a = args[0]->doubles;
  double* result = out.MakeDoubles(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = compute(a[i]);
}

template <typename Test>
void TestDouble(Frame& frame, Args args, Vector& out, Test test) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = test(args[0]->doubles[i]) ? 1 : 0;
}

/// A function defined above zero only (`with_zero`: and at it); NaN passes through.
template <typename Compute>
void AboveZero(Frame& frame, const Node& node, Args args, Vector& out, bool with_zero, std::string_view why,
               Compute compute) {
  double* result = out.MakeDoubles(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    const double x = args[0]->doubles[i];
    result[i] = 0;
    if (x < 0 || (x == 0 && !with_zero)) {
      if (out.IsValid(i)) frame.Fail(i, node, out, why, "guard it: case when x > 0 then ... end");
    } else {
      result[i] = compute(x);
    }
  }
}

/// 10^n, the double nearest to it. REQUIRES: 0 <= n <= 308.
double PowerOfTen(std::int64_t n) { return math::Pow(10.0, static_cast<double>(n)); }

}  // namespace

void AddInts(Frame& frame, const Node& node, Args args, Vector& out) {
  IntsChecked(frame, node, args, out, [](auto a, auto b, auto* r) { return __builtin_add_overflow(a, b, r); });
}
void SubtractInts(Frame& frame, const Node& node, Args args, Vector& out) {
  IntsChecked(frame, node, args, out, [](auto a, auto b, auto* r) { return __builtin_sub_overflow(a, b, r); });
}
void MultiplyInts(Frame& frame, const Node& node, Args args, Vector& out) {
  IntsChecked(frame, node, args, out, [](auto a, auto b, auto* r) { return __builtin_mul_overflow(a, b, r); });
}
void DivideInts(Frame& frame, const Node& node, Args args, Vector& out) {
  IntsDivided(frame, node, args, out, [](auto a, auto b) { return a / b; });
}
void RemainderInts(Frame& frame, const Node& node, Args args, Vector& out) {
  IntsDivided(frame, node, args, out, [](auto a, auto b) { return a % b; });
}
void AddDoubles(Frame& frame, const Node&, Args args, Vector& out) {
  Doubles(frame, args, out, [](double a, double b) { return a + b; });
}
void SubtractDoubles(Frame& frame, const Node&, Args args, Vector& out) {
  Doubles(frame, args, out, [](double a, double b) { return a - b; });
}
void MultiplyDoubles(Frame& frame, const Node&, Args args, Vector& out) {
  Doubles(frame, args, out, [](double a, double b) { return a * b; });
}
void DivideDoubles(Frame& frame, const Node&, Args args, Vector& out) {
  Doubles(frame, args, out, [](double a, double b) { return a / b; });
}
void RemainderDoubles(Frame& frame, const Node&, Args args, Vector& out) {
  Doubles(frame, args, out, [](double a, double b) { return std::fmod(a, b); });
}

void NegateInt(Frame& frame, const Node& node, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i)
    if (__builtin_sub_overflow(std::int64_t{0}, args[0]->ints[i], &result[i]) && out.IsValid(i))
      frame.Fail(i, node, out, kOverflow, kUseDouble);
}
void NegateDouble(Frame& frame, const Node&, Args args, Vector& out) {
  Double(frame, args, out, [](double x) { return -x; });
}
void AbsInt(Frame& frame, const Node& node, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    const std::int64_t x = args[0]->ints[i];
    result[i] = x;
    if (x < 0 && __builtin_sub_overflow(std::int64_t{0}, x, &result[i]) && out.IsValid(i))
      frame.Fail(i, node, out, kOverflow, kUseDouble);
  }
}
void AbsDouble(Frame& frame, const Node&, Args args, Vector& out) {
  Double(frame, args, out, [](double x) { return std::fabs(x); });
}

void RoundInt(Frame& frame, const Node&, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = args[0]->ints[i];
}
void RoundIntDigits(Frame& frame, const Node& node, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    const std::int64_t x = args[0]->ints[i], digits = args[1]->ints[i];
    result[i] = x;
    if (digits >= 0) continue;
    result[i] = 0;
    if (digits < -19) continue;
    std::uint64_t unit = 1;
    for (std::int64_t d = digits; d < 0; ++d) unit *= 10;
    const std::uint64_t size = x < 0 ? 0 - static_cast<std::uint64_t>(x) : static_cast<std::uint64_t>(x);
    const std::uint64_t rest = size % unit;
    const bool up = rest >= unit / 2;  // unit is even
    const std::uint64_t limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (x < 0 ? 1 : 0);
    if (up && (unit > limit || size - rest > limit - unit)) {
      if (out.IsValid(i)) frame.Fail(i, node, out, kOverflow, kUseDouble);
      continue;
    }
    const std::uint64_t rounded = size - rest + (up ? unit : 0);
    result[i] = static_cast<std::int64_t>(x < 0 ? 0 - rounded : rounded);
  }
}
void RoundDouble(Frame& frame, const Node&, Args args, Vector& out) {
  Double(frame, args, out, [](double x) { return std::round(x); });
}
void RoundDoubleDigits(Frame& frame, const Node&, Args args, Vector& out) {
  double* result = out.MakeDoubles(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    const double x = args[0]->doubles[i];
    const std::int64_t digits = args[1]->ints[i];
    if (digits >= 0) {
      const double unit = digits > 308 ? std::numeric_limits<double>::infinity() : PowerOfTen(digits);
      const double rounded = std::round(x * unit) / unit;
      result[i] = std::isfinite(rounded) ? rounded : x;
    } else {
      const double unit = digits < -308 ? std::numeric_limits<double>::infinity() : PowerOfTen(-digits);
      const double rounded = std::round(x / unit) * unit;
      result[i] = std::isfinite(rounded) ? rounded : 0.0;
    }
  }
}
void Floor(Frame& frame, const Node&, Args args, Vector& out) {
  Double(frame, args, out, [](double x) { return std::floor(x); });
}
void Ceil(Frame& frame, const Node&, Args args, Vector& out) {
  Double(frame, args, out, [](double x) { return std::ceil(x); });
}
void Ln(Frame& frame, const Node& node, Args args, Vector& out) {
  AboveZero(frame, node, args, out, false, "there is no logarithm of a number that is not above zero", math::Log);
}
void Log10(Frame& frame, const Node& node, Args args, Vector& out) {
  AboveZero(frame, node, args, out, false, "there is no logarithm of a number that is not above zero", math::Log10);
}
void Exp(Frame& frame, const Node&, Args args, Vector& out) { Double(frame, args, out, math::Exp); }
void Sqrt(Frame& frame, const Node& node, Args args, Vector& out) {
  AboveZero(frame, node, args, out, true, "there is no square root of a negative number",
            [](double x) { return std::sqrt(x); });
}
void Power(Frame& frame, const Node&, Args args, Vector& out) { Doubles(frame, args, out, math::Pow); }

void IsNan(Frame& frame, const Node&, Args args, Vector& out) {
  TestDouble(frame, args, out, [](double x) { return std::isnan(x); });
}
void IsInf(Frame& frame, const Node&, Args args, Vector& out) {
  TestDouble(frame, args, out, [](double x) { return std::isinf(x); });
}
void IsFinite(Frame& frame, const Node&, Args args, Vector& out) {
  TestDouble(frame, args, out, [](double x) { return std::isfinite(x); });
}

}  // namespace headrace::internal::kernels

#include "headrace/base/math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "headrace/base/math_tables.h"

// Every function is reduced to two kernels that work on sums of two doubles (T. J. Dekker, "A floating-point
// technique for extending the available precision", 1971):
//
//   LogPair   x = 2^k m; a table gives a short number near 1/m, so that r = m * inverse - 1 is small and exact;
//             log x = k log 2 - log(inverse) + log(1 + r), the last by its series. About 68 bits.
//   ScaledExp x = n log(2)/64 + r; e^x = 2^(n/64) e^r, 2^(j/64) from a table, e^r by its series.
//
// The relative error of each sum is far below half a unit, so the one rounding at the end decides.

namespace headrace::math {
namespace {

using internal::Pair;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// a + b exactly (D. E. Knuth).
Pair TwoSum(double a, double b) {
  const double sum = a + b;
  const double from_b = sum - a;
  return {sum, (a - (sum - from_b)) + (b - from_b)};
}

/// a + b exactly. REQUIRES: |a| >= |b|, or a is 0.
Pair FastTwoSum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

/// The upper 26 bits of a (G. W. Veltkamp). REQUIRES: |a| < 2^996.
double UpperHalf(double a) {
  const double t = 134217729.0 * a;
  return t - (t - a);
}

/// a * b exactly, where nothing overflows or underflows.
Pair TwoProduct(double a, double b) {
  const double product = a * b;
  const double a1 = UpperHalf(a), a0 = a - a1, b1 = UpperHalf(b), b0 = b - b1;
  return {product, ((a1 * b1 - product) + a1 * b0 + a0 * b1) + a0 * b0};
}

/// 2^k. REQUIRES: -1022 <= k <= 1023.
double PowerOfTwo(int k) { return std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52); }

/// v * 2^k, rounded once. REQUIRES: 0.5 <= |v| <= 4.
double Scale(double v, int k) {
  if (k > 1020) return k > 1030 ? v * kInf : v * PowerOfTwo(k - 10) * 1024.0;
  if (k >= -1020) return v * PowerOfTwo(k);
  return k < -1080 ? v * 0.0 : v * PowerOfTwo(k + 100) * PowerOfTwo(-100);
}

/// log(hi + lo). REQUIRES: hi is positive and finite; |lo| is at most half a unit of hi, and 0 when hi is subnormal.
Pair LogPair(double hi, double lo) {
  int k = 0;
  if (hi < 0x1p-1022) {
    hi *= 0x1p54;
    k = -54;
  }
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(hi);
  const int exponent = static_cast<int>(bits >> 52) - 1023;
  const auto index = static_cast<std::size_t>((bits >> 44) & 0xff);
  const bool halved = index >= static_cast<std::size_t>(internal::kLogHalved);
  const internal::LogEntry& entry = internal::kLog[index];
  k += exponent + (halved ? 1 : 0);
  const std::uint64_t mantissa = bits & 0x000fffffffffffffULL;
  const double m = std::bit_cast<double>(mantissa | (halved ? 0x3fe0000000000000ULL : 0x3ff0000000000000ULL));

  // m has 53 bits and the inverse 16: in two parts, both products are exact, and so is the subtraction.
  const double upper = std::bit_cast<double>(std::bit_cast<std::uint64_t>(m) & 0xffffffff00000000ULL);
  Pair r = TwoSum(upper * entry.inverse - 1.0, (m - upper) * entry.inverse);
  if (lo != 0.0) {
    const Pair with_lo = TwoSum(r.hi, lo * PowerOfTwo(-k) * entry.inverse);
    r = FastTwoSum(with_lo.hi, with_lo.lo + r.lo);
  }

  // log(1 + r) = r - r^2/2 + r^3/3 - ...: the first two terms in pairs.
  const Pair square = TwoProduct(r.hi, r.hi);
  const Pair sum = FastTwoSum(r.hi, -0.5 * square.hi);
  const double x = r.hi;
  const double series =
      x * square.hi *
      (1.0 / 3 + x * (-1.0 / 4 + x * (1.0 / 5 + x * (-1.0 / 6 + x * (1.0 / 7 + x * (-1.0 / 8 + x * (1.0 / 9)))))));
  const double tail = ((sum.lo + r.lo) - (0.5 * square.lo + r.hi * r.lo)) + series;

  // log 2 in two parts of 42 bits, so that k times either is exact.
  const double dk = k;
  const Pair a = TwoSum(dk * 0x1.62e42fefa3800p-1, entry.log.hi);
  const Pair b = TwoSum(a.hi, sum.hi);
  return FastTwoSum(b.hi, b.lo + (((dk * 0x1.ef35793c76000p-45 + entry.log.lo) + a.lo) + tail));
}

/// The parts of e^x: 2^k * (table + table * growth), growth = growth_hi + growth_lo = e^r - 1.
struct ExpParts {
  int k;
  Pair table;
  double growth_hi, growth_lo;
};

/// REQUIRES: |hi| < 2000.
ExpParts SplitExp(double hi, double lo) {
  const double shifted = hi * 0x1.71547652b82fep+6 + 0x1.8p52;  // the nearest integer stands in the low bits
  const double n = shifted - 0x1.8p52;
  const int whole = static_cast<int>(n);
  const double upper = hi - n * 0x1.62e42fefa0000p-7;  // exact: log(2)/64 with 36 bits
  const Pair r = TwoSum(upper, -(n * 0x1.cf79abc9e3b3ap-46));
  const double r_lo = r.lo + lo;
  const double x = r.hi;
  const double series =
      x * x * (1.0 / 2 + x * (1.0 / 6 + x * (1.0 / 24 + x * (1.0 / 120 + x * (1.0 / 720 + x * (1.0 / 5040))))));
  const int j = whole & 63;
  return {(whole - j) / 64, internal::kExp2[j], x, r_lo + r_lo * x + series};
}

/// e^(hi + lo), |lo| far below |hi|.
double ScaledExp(double hi, double lo) {
  if (hi > 710.0) return kInf;
  if (hi < -746.0) return 0.0;
  const ExpParts e = SplitExp(hi, lo);
  return Scale(e.table.hi + (e.table.lo + e.table.hi * (e.growth_hi + e.growth_lo)), e.k);
}

enum class Parity { kNone, kEven, kOdd };

/// Whether y is a whole number, and which. REQUIRES: y is finite.
Parity ParityOf(double y) {
  const double size = std::fabs(y);
  if (size >= 0x1p53) return Parity::kEven;
  const double whole = std::floor(size);
  if (whole != size) return Parity::kNone;
  return (static_cast<std::uint64_t>(whole) & 1) != 0 ? Parity::kOdd : Parity::kEven;
}

/// x^y where x or y is 0, infinite or NaN (ISO C Annex F).
double PowSpecial(double x, double y) {
  if (y == 0.0 || x == 1.0) return 1.0;
  if (std::isnan(x) || std::isnan(y)) return kNaN;
  const double size = std::fabs(x);
  if (std::isinf(y)) {
    if (size == 1.0) return 1.0;
    return (size > 1.0) == (y > 0.0) ? kInf : 0.0;
  }
  const bool negative = std::signbit(x) && ParityOf(y) == Parity::kOdd;
  const double result = (size == 0.0) == (y < 0.0) ? kInf : 0.0;
  return negative ? -result : result;
}

}  // namespace

double Exp(double x) {
  if (std::isnan(x)) return x;
  return ScaledExp(x, 0.0);
}

double Expm1(double x) {
  if (std::isnan(x)) return x;
  if (std::fabs(x) < 0x1p-54) return x;
  if (x > 56.0) return ScaledExp(x, 0.0);
  if (x < -40.0) return -1.0;
  const ExpParts e = SplitExp(x, 0.0);
  const double scale = PowerOfTwo(e.k);
  const double table = e.table.hi * scale;
  const Pair start = TwoSum(table, -1.0);
  const Pair growth = TwoProduct(table, e.growth_hi);
  const double tail = ((growth.lo + table * e.growth_lo) + e.table.lo * scale) + start.lo;
  const Pair sum = TwoSum(start.hi, growth.hi);
  return sum.hi + (sum.lo + tail);
}

double Log(double x) {
  if (std::isnan(x) || x == kInf) return x;
  if (x == 0.0) return -kInf;
  if (x < 0.0) return kNaN;
  return LogPair(x, 0.0).hi;
}

double Log1p(double x) {
  if (std::isnan(x) || x == kInf) return x;
  if (x == -1.0) return -kInf;
  if (x < -1.0) return kNaN;
  if (std::fabs(x) < 0x1p-54) return x;
  if (x > 0x1p80) return LogPair(x, 0.0).hi;   // 1 more changes nothing
  const Pair sum = TwoSum(1.0, x);
  return LogPair(sum.hi, sum.lo).hi;
}

double Log10(double x) {
  if (std::isnan(x) || x == kInf) return x;
  if (x == 0.0) return -kInf;
  if (x < 0.0) return kNaN;
  const Pair log = LogPair(x, 0.0);
  const Pair product = TwoProduct(log.hi, 0x1.bcb7b1526e50ep-2);
  return product.hi + (product.lo + (log.hi * 0x1.95355baaafad3p-57 + log.lo * 0x1.bcb7b1526e50ep-2));
}

double Pow(double x, double y) {
  if (x == 0.0 || x == 1.0 || y == 0.0 || !std::isfinite(x) || !std::isfinite(y)) return PowSpecial(x, y);
  double sign = 1.0;
  if (x < 0.0) {
    const Parity parity = ParityOf(y);
    if (parity == Parity::kNone) return kNaN;
    if (parity == Parity::kOdd) sign = -1.0;
    x = -x;
    if (x == 1.0) return sign;
  }
  if (std::fabs(y) < 0x1p-66) return sign;                                         // |y log x| < 2^-56
  if (std::fabs(y) > 0x1p64) return sign * ((x > 1.0) == (y > 0.0) ? kInf : 0.0);  // |log x| > 2^-54
  const Pair log = LogPair(x, 0.0);
  const Pair product = TwoProduct(log.hi, y);
  const Pair exponent = FastTwoSum(product.hi, product.lo + log.lo * y);
  return sign * ScaledExp(exponent.hi, exponent.lo);
}

namespace {

/// pi y as a pair. REQUIRES: |y| <= 1/4.
Pair TimesPi(double y) {
  const Pair product = TwoProduct(y, 0x1.921fb54442d18p+1);
  return FastTwoSum(product.hi, product.lo + y * 0x1.1a62633145c07p-53);
}

double SinOf(Pair t) {
  const double z = t.hi * t.hi;
  const double series = 1.0 / 6 - z * (1.0 / 120 - z * (1.0 / 5040 - z * (1.0 / 362880 - z * (1.0 / 39916800 - z * (1.0 / 6227020800.0 - z * (1.0 / 1307674368000.0 - z * (1.0 / 355687428096000.0)))))));
  return t.hi + (t.lo * (1.0 - 0.5 * z) - t.hi * z * series);
}

double CosOf(Pair t) {
  const Pair square = TwoProduct(t.hi, t.hi);
  const double z = square.hi;
  const double series = 1.0 / 24 - z * (1.0 / 720 - z * (1.0 / 40320 - z * (1.0 / 3628800 - z * (1.0 / 479001600 - z * (1.0 / 87178291200.0 - z * (1.0 / 20922789888000.0))))));
  const double half = 0.5 * z, first = 1.0 - half;
  return first + (((1.0 - first) - half) + (z * z * series - (0.5 * square.lo + t.hi * t.lo)));
}

/// sin(pi (x + quarters / 2)).
double SinPiFrom(double x, int quarters) {
  if (!std::isfinite(x)) return kNaN;
  const double within = std::fmod(x, 2.0);           // exact, as all that follows
  const double n = std::nearbyint(2.0 * within);
  const double y = within - 0.5 * n;
  const Pair t = TimesPi(y);
  switch ((static_cast<int>(n) + quarters + 8) & 3) {
    case 0: return y == 0.0 ? 0.0 * x : SinOf(t);
    case 1: return CosOf(t);
    case 2: return y == 0.0 ? 0.0 : -SinOf(t);
    default: return -CosOf(t);
  }
}

}  // namespace

double SinPi(double x) { return SinPiFrom(x, 0); }
double CosPi(double x) {
  const double cosine = SinPiFrom(x, 1);
  return cosine == 0.0 ? 0.0 : cosine;
}

double Sigmoid(double x) {
  if (x >= 0.0) return 1.0 / (1.0 + Exp(-x));
  const double e = Exp(x);
  return e / (1.0 + e);
}

}  // namespace headrace::math

// Log, Log1p and Expm1 of many numbers: the steps of math.cc, four numbers at a time where the processor has AVX2. What math.cc treats apart is done there, one by one.

#include "headrace/base/math.h"

#include <cstdint>

#include "headrace/base/math_tables.h"
#include "headrace/base/processor.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace headrace::math {
namespace {

template <double (*kFunction)(double)>
void OneByOne(double* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] = kFunction(x[i]);
}

#if defined(__x86_64__)
#define HEADRACE_LANES __attribute__((target("avx2"), always_inline)) static inline

using Four = __m256d;
struct FourPairs { Four hi, lo; };

HEADRACE_LANES Four All(double x) { return _mm256_set1_pd(x); }
HEADRACE_LANES __m256i AllBits(std::int64_t bits) { return _mm256_set1_epi64x(bits); }
HEADRACE_LANES __m256i BitsOf(Four x) { return _mm256_castpd_si256(x); }
HEADRACE_LANES Four OfBits(__m256i bits) { return _mm256_castsi256_pd(bits); }

HEADRACE_LANES FourPairs TwoSum(Four a, Four b) {
  const Four sum = a + b, from_b = sum - a;
  return {sum, (a - (sum - from_b)) + (b - from_b)};
}
HEADRACE_LANES FourPairs FastTwoSum(Four a, Four b) {
  const Four sum = a + b;
  return {sum, b - (sum - a)};
}
HEADRACE_LANES Four UpperHalf(Four a) {
  const Four t = All(134217729.0) * a;
  return t - (t - a);
}
HEADRACE_LANES FourPairs TwoProduct(Four a, Four b) {
  const Four product = a * b, a1 = UpperHalf(a), a0 = a - a1, b1 = UpperHalf(b), b0 = b - b1;
  return {product, ((a1 * b1 - product) + a1 * b0 + a0 * b1) + a0 * b0};
}

/// LogPair(hi, lo).hi of numbers that are normal and below 2^1022.
HEADRACE_LANES Four LogOf(Four hi, Four lo) {
  const __m256i bits = BitsOf(hi);
  const __m256i index = _mm256_and_si256(_mm256_srli_epi64(bits, 44), AllBits(0xff));
  const __m256i entry = _mm256_add_epi64(index, _mm256_slli_epi64(index, 1));      // three doubles each
  const double* const table = &internal::kLog[0].inverse;
  const Four inverse = _mm256_i64gather_pd(table, entry, 8), log_hi = _mm256_i64gather_pd(table + 1, entry, 8), log_lo = _mm256_i64gather_pd(table + 2, entry, 8);
  const __m256i halved = _mm256_cmpgt_epi64(index, AllBits(internal::kLogHalved - 1));   // -1 where it is
  const __m256i exponent = _mm256_sub_epi64(_mm256_srli_epi64(bits, 52), halved);        // k + 1023
  const Four dk = OfBits(_mm256_or_si256(exponent, AllBits(0x4330000000000000))) - All(0x1p52 + 1023);
  const __m256i one = _mm256_add_epi64(AllBits(0x3ff0000000000000), _mm256_slli_epi64(halved, 52));
  const Four m = OfBits(_mm256_or_si256(_mm256_and_si256(bits, AllBits(0x000fffffffffffff)), one));
  const Four upper = OfBits(_mm256_and_si256(BitsOf(m), AllBits(static_cast<std::int64_t>(0xffffffff00000000))));
  FourPairs r = TwoSum(upper * inverse - All(1.0), (m - upper) * inverse);
  const Four scale = OfBits(_mm256_slli_epi64(_mm256_sub_epi64(AllBits(2046), exponent), 52));
  const FourPairs with_lo = TwoSum(r.hi, lo * scale * inverse);                          // where lo is 0 this changes nothing
  r = FastTwoSum(with_lo.hi, with_lo.lo + r.lo);
  const FourPairs square = TwoProduct(r.hi, r.hi);
  const FourPairs sum = FastTwoSum(r.hi, All(-0.5) * square.hi);
  const Four x = r.hi;
  const Four series = x * square.hi *
      (All(1.0 / 3) + x * (All(-1.0 / 4) + x * (All(1.0 / 5) + x * (All(-1.0 / 6) + x * (All(1.0 / 7) + x * (All(-1.0 / 8) + x * All(1.0 / 9)))))));
  const Four tail = ((sum.lo + r.lo) - (All(0.5) * square.lo + r.hi * r.lo)) + series;
  const FourPairs a = TwoSum(dk * All(0x1.62e42fefa3800p-1), log_hi);
  const FourPairs b = TwoSum(a.hi, sum.hi);
  return b.hi + (b.lo + (((dk * All(0x1.ef35793c76000p-45) + log_lo) + a.lo) + tail));
}

/// Expm1 of numbers from -40 to 56.
HEADRACE_LANES Four Expm1Of(Four x) {
  const Four shifted = x * All(0x1.71547652b82fep+6) + All(0x1.8p52), n = shifted - All(0x1.8p52);
  const __m256i whole = _mm256_sub_epi64(BitsOf(shifted), AllBits(0x4338000000000000));
  const FourPairs r = TwoSum(x - n * All(0x1.62e42fefa0000p-7), -(n * All(0x1.cf79abc9e3b3ap-46)));
  const Four r_lo = r.lo + All(0.0), y = r.hi;
  const Four series = y * y * (All(1.0 / 2) + y * (All(1.0 / 6) + y * (All(1.0 / 24) + y * (All(1.0 / 120) + y * (All(1.0 / 720) + y * All(1.0 / 5040))))));
  const Four growth_lo = r_lo + r_lo * y + series;
  const __m256i j = _mm256_and_si256(whole, AllBits(63)), entry = _mm256_slli_epi64(j, 1);
  const double* const table = &internal::kExp2[0].hi;
  const Four table_hi = _mm256_i64gather_pd(table, entry, 8), table_lo = _mm256_i64gather_pd(table + 1, entry, 8);
  const Four scale = OfBits(_mm256_slli_epi64(_mm256_add_epi64(_mm256_sub_epi64(whole, j), AllBits(1023 * 64)), 46));
  const Four scaled = table_hi * scale;
  const FourPairs start = TwoSum(scaled, All(-1.0)), growth = TwoProduct(scaled, y);
  const Four tail = ((growth.lo + scaled * growth_lo) + table_lo * scale) + start.lo;
  const FourPairs sum = TwoSum(start.hi, growth.hi);
  return sum.hi + (sum.lo + tail);
}

HEADRACE_LANES Four Between(Four x, double low, double high) {
  return _mm256_and_pd(_mm256_cmp_pd(x, All(low), _CMP_GE_OQ), _mm256_cmp_pd(x, All(high), _CMP_LE_OQ));
}
HEADRACE_LANES Four Size(Four x) { return _mm256_andnot_pd(All(-0.0), x); }

struct LogLanes {
  static constexpr double (*kOne)(double) = Log;
  HEADRACE_LANES Four Usual(Four x) { return Between(x, 0x1p-1022, 0x1p1021); }
  HEADRACE_LANES Four Of(Four x) { return LogOf(x, All(0.0)); }
};
struct Log1pLanes {
  static constexpr double (*kOne)(double) = Log1p;
  HEADRACE_LANES Four Usual(Four x) { return _mm256_and_pd(Between(x, -1 + 0x1p-53, 0x1p80), Between(Size(x), 0x1p-54, 0x1p80)); }
  HEADRACE_LANES Four Of(Four x) {
    const FourPairs sum = TwoSum(All(1.0), x);
    return LogOf(sum.hi, sum.lo);
  }
};
struct Expm1Lanes {
  static constexpr double (*kOne)(double) = Expm1;
  HEADRACE_LANES Four Usual(Four x) { return _mm256_and_pd(Between(x, -40, 56), Between(Size(x), 0x1p-54, 56)); }
  HEADRACE_LANES Four Of(Four x) { return Expm1Of(x); }
};

template <typename Lanes>
__attribute__((target("avx2"))) void FourAtATime(double* x, std::size_t n) {
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const Four given = _mm256_loadu_pd(x + i);
    const int usual = _mm256_movemask_pd(Lanes::Usual(given));
    _mm256_storeu_pd(x + i, Lanes::Of(given));
    for (std::size_t lane = 0; usual != 15 && lane < 4; ++lane)
      if ((usual >> lane & 1) == 0) x[i + lane] = Lanes::kOne(given[lane]);
  }
  for (; i < n; ++i) x[i] = Lanes::kOne(x[i]);
}
#endif

}  // namespace

#if defined(__x86_64__)
void LogAll(double* x, std::size_t n) { HasAvx2() ? FourAtATime<LogLanes>(x, n) : OneByOne<Log>(x, n); }
void Log1pAll(double* x, std::size_t n) { HasAvx2() ? FourAtATime<Log1pLanes>(x, n) : OneByOne<Log1p>(x, n); }
void Expm1All(double* x, std::size_t n) { HasAvx2() ? FourAtATime<Expm1Lanes>(x, n) : OneByOne<Expm1>(x, n); }
#else
void LogAll(double* x, std::size_t n) { OneByOne<Log>(x, n); }
void Log1pAll(double* x, std::size_t n) { OneByOne<Log1p>(x, n); }
void Expm1All(double* x, std::size_t n) { OneByOne<Expm1>(x, n); }
#endif

}  // namespace headrace::math

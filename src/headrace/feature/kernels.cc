#include "headrace/feature/kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace headrace::internal {

HEADRACE_BODY FillBody(double* x, std::size_t n, double value) {
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] == x[i] ? x[i] : value;
}
HEADRACE_WITH_AVX2(Fill, (double* x, std::size_t n, double value), (x, n, value))

HEADRACE_BODY ClipBody(double* x, std::size_t n, double lower, double upper) {
  for (std::size_t i = 0; i < n; ++i) {
    const double raised = x[i] < lower ? lower : x[i];
    x[i] = raised > upper ? upper : raised;
  }
}
HEADRACE_WITH_AVX2(Clip, (double* x, std::size_t n, double lower, double upper), (x, n, lower, upper))

HEADRACE_BODY CenterAndScaleBody(double* x, std::size_t n, double center, double scale) {
  for (std::size_t i = 0; i < n; ++i) x[i] = (x[i] - center) / scale;
}
HEADRACE_WITH_AVX2(CenterAndScale, (double* x, std::size_t n, double center, double scale), (x, n, center, scale))

HEADRACE_BODY ScaleAndShiftBody(double* x, std::size_t n, double scale, double shift) {
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] * scale + shift;
}
HEADRACE_WITH_AVX2(ScaleAndShift, (double* x, std::size_t n, double scale, double shift), (x, n, scale, shift))

HEADRACE_BODY DivideBody(double* x, std::size_t n, double by) {
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] / by;
}
HEADRACE_WITH_AVX2(Divide, (double* x, std::size_t n, double by), (x, n, by))

HEADRACE_BODY MarkMissingBody(double* x, const std::uint8_t* valid, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] = valid[i] != 0 ? x[i] : std::numeric_limits<double>::quiet_NaN();
}
HEADRACE_WITH_AVX2(MarkMissing, (double* x, const std::uint8_t* valid, std::size_t n), (x, valid, n))

/// 0 where all are numbers, else NaN: x - x is 0 for a number, NaN for what is none. `each(four or fewer, at)` sees them on the way.
template <typename Each>
__attribute__((always_inline)) inline void SumDoubts(const double* x, std::size_t n, double* doubt, const Each& each) {
  Four lanes[2] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t half = 0; half < 2; ++half) {
      Four v;
      Load(x + i + 4 * half, &v);
      lanes[half] += v - v;
      each(v, i + 4 * half);
    }
  *doubt = 0;
  for (; i < n; ++i) {
    *doubt += x[i] - x[i];
    each(x[i], i);
  }
  lanes[0] += lanes[1];
  for (std::size_t lane = 0; lane < 4; ++lane) *doubt += lanes[0][lane];
}

HEADRACE_BODY DoubtBody(const double* x, std::size_t n, double* doubt) {
  SumDoubts(x, n, doubt, [](const auto&, std::size_t) __attribute__((always_inline)) {});
}
HEADRACE_WITH_AVX2(Doubt, (const double* x, std::size_t n, double* doubt), (x, n, doubt))

HEADRACE_BODY CopyDoubtedBody(const double* x, std::size_t n, double* out, double* doubt) {
  SumDoubts(x, n, doubt, [out](const auto& v, std::size_t i) __attribute__((always_inline)) { std::memcpy(out + i, &v, sizeof(v)); });
}
HEADRACE_WITH_AVX2(CopyDoubted, (const double* x, std::size_t n, double* out, double* doubt), (x, n, out, doubt))

HEADRACE_BODY FindOddBody(const double* x, std::size_t n, Oddities* found) {
  constexpr double kMost = std::numeric_limits<double>::max();
  using Found = decltype(Four{} < Four{});
  Found missing = {}, infinite = {};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    Four v;
    Load(x + i, &v);
    missing |= v != v;
    infinite |= (v > kMost) | (v < -kMost);
  }
  for (std::size_t lane = 0; lane < 4; ++lane) {
    found->missing |= missing[lane] != 0;
    found->infinite |= infinite[lane] != 0;
  }
  for (; i < n; ++i) {
    found->missing |= x[i] != x[i];
    found->infinite |= std::fabs(x[i]) > kMost;
  }
}
HEADRACE_WITH_AVX2(FindOdd, (const double* x, std::size_t n, Oddities* found), (x, n, found))

Oddities OdditiesOf(const double* x, std::size_t n) {
  double doubt = 0;
  Doubt(x, n, &doubt);
  Oddities found;
  if (doubt != 0) FindOdd(x, n, &found);
  return found;
}

Oddities Copy(const double* x, std::size_t n, double* out) {
  double doubt = 0;
  CopyDoubted(x, n, out, &doubt);
  Oddities found;
  if (doubt != 0) FindOdd(out, n, &found);
  return found;
}

namespace {

#if defined(__SSE2__)
/// Past the caches, or not.
template <bool kStream>
void Store(double* to, __m128d two) {
  if constexpr (kStream) _mm_stream_pd(to, two);
  else _mm_storeu_pd(to, two);
}
template <bool kStream>
void Store(double* to, double one) {
#if defined(__x86_64__)
  if constexpr (kStream) return _mm_stream_si64(reinterpret_cast<long long*>(to), std::bit_cast<long long>(one));
#endif
  *to = one;
}

/// Two rows and two columns at a time; rows follow each other, so that whole cache lines are written. `kShifted`: of rows of an odd width, the lower one begins
/// between two places of 16 bytes, and its pairs one column later.
template <bool kStream, bool kShifted>
void WriteRowPairs(const double* const* columns, std::size_t width, std::size_t rows, double* out, std::size_t stride) {
  std::size_t i = 0;
  for (; i + 2 <= rows; i += 2) {
    double* upper = out + i * stride;
    double* lower = upper + stride;
    std::size_t c = 0;
    if constexpr (kShifted) {
      __m128d a = _mm_loadu_pd(columns[0] + i);
      Store<kStream>(lower, columns[0][i + 1]);
      for (; c + 3 <= width; c += 2) {
        const __m128d b = _mm_loadu_pd(columns[c + 1] + i), next = _mm_loadu_pd(columns[c + 2] + i);
        Store<kStream>(upper + c, _mm_unpacklo_pd(a, b));
        Store<kStream>(lower + c + 1, _mm_unpackhi_pd(b, next));
        a = next;
      }
      for (std::size_t rest = c; rest < width; ++rest) Store<kStream>(upper + rest, columns[rest][i]);
      for (std::size_t rest = c + 1; rest < width; ++rest) Store<kStream>(lower + rest, columns[rest][i + 1]);
    } else {
      for (; c + 2 <= width; c += 2) {
        const __m128d a = _mm_loadu_pd(columns[c] + i), b = _mm_loadu_pd(columns[c + 1] + i);
        Store<kStream>(upper + c, _mm_unpacklo_pd(a, b));
        Store<kStream>(lower + c, _mm_unpackhi_pd(a, b));
      }
      if (c < width) {
        Store<kStream>(upper + c, columns[c][i]);
        Store<kStream>(lower + c, columns[c][i + 1]);
      }
    }
  }
  if (i < rows)
    for (std::size_t c = 0; c < width; ++c) out[i * stride + c] = columns[c][i];
}
#endif

}  // namespace

void WriteRows(const double* const* columns, std::size_t width, std::size_t rows, double* out, std::size_t stride, bool stream) {
#if defined(__SSE2__)
  stream = stream && reinterpret_cast<std::uintptr_t>(out) % 16 == 0;
  const std::size_t tile = stream ? 512 : 64;   // columns whose lines stay in the first cache together; past the caches a line that two tiles share would be written twice
  const auto write = stream ? (stride % 2 == 0 ? WriteRowPairs<true, false> : WriteRowPairs<true, true>) : WriteRowPairs<false, false>;
  for (std::size_t c = 0; c < width; c += tile) write(columns + c, std::min(tile, width - c), rows, out + c, stride);
  if (stream) _mm_sfence();
#else
  static_cast<void>(stream);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t c = 0; c < width; ++c) out[i * stride + c] = columns[c][i];
#endif
}

}  // namespace headrace::internal

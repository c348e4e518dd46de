#include "headrace/feature/kernels.h"

#include <cmath>
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

/// x - x is 0 for a number, NaN for what is none.
HEADRACE_BODY DoubtBody(const double* x, std::size_t n, double* doubt) {
  double lanes[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += x[i + lane] - x[i + lane];
  for (; i < n; ++i) lanes[0] += x[i] - x[i];
  *doubt = 0;
  for (const double lane : lanes) *doubt += lane;
}
HEADRACE_WITH_AVX2(Doubt, (const double* x, std::size_t n, double* doubt), (x, n, doubt))

struct OddLanes { double missing[4] = {}, infinite[4] = {}; };

HEADRACE_BODY CountOddBody(const double* x, std::size_t n, OddLanes* out) {
  OddLanes lanes;
  const auto add = [&](std::size_t lane, double v) __attribute__((always_inline)) {
    lanes.missing[lane] += v != v ? 1.0 : 0.0;
    lanes.infinite[lane] += std::fabs(v) > std::numeric_limits<double>::max() ? 1.0 : 0.0;
  };
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (std::size_t lane = 0; lane < 4; ++lane) add(lane, x[i + lane]);
  for (; i < n; ++i) add(0, x[i]);
  *out = lanes;
}
HEADRACE_WITH_AVX2(CountOdd, (const double* x, std::size_t n, OddLanes* out), (x, n, out))

Oddities OdditiesOf(const double* x, std::size_t n) {
  double doubt = 0;
  Doubt(x, n, &doubt);
  if (doubt == 0) return {};
  OddLanes lanes;
  CountOdd(x, n, &lanes);
  Oddities found;
  for (std::size_t lane = 0; lane < 4; ++lane) {
    found.missing |= lanes.missing[lane] > 0;
    found.infinite |= lanes.infinite[lane] > 0;
  }
  return found;
}

namespace {

#if defined(__SSE2__)
/// Two rows and two columns at a time; rows follow each other, so that whole cache lines are written.
template <bool kStream>
void WriteRowPairs(const double* const* columns, std::size_t width, std::size_t rows, double* out, std::size_t stride) {
  const auto store = [](double* to, __m128d two) {
    if constexpr (kStream) _mm_stream_pd(to, two);
    else _mm_storeu_pd(to, two);
  };
  std::size_t i = 0;
  for (; i + 2 <= rows; i += 2) {
    double* upper = out + i * stride;
    double* lower = upper + stride;
    std::size_t c = 0;
    for (; c + 2 <= width; c += 2) {
      const __m128d a = _mm_loadu_pd(columns[c] + i), b = _mm_loadu_pd(columns[c + 1] + i);
      store(upper + c, _mm_unpacklo_pd(a, b));
      store(lower + c, _mm_unpackhi_pd(a, b));
    }
    if (c < width) {
      upper[c] = columns[c][i];
      lower[c] = columns[c][i + 1];
    }
  }
  if (i < rows)
    for (std::size_t c = 0; c < width; ++c) out[i * stride + c] = columns[c][i];
}
#endif

}  // namespace

void WriteRows(const double* const* columns, std::size_t width, std::size_t rows, double* out, std::size_t stride, bool stream) {
#if defined(__SSE2__)
  constexpr std::size_t kTile = 64;   // columns whose lines stay in the first cache together
  const bool aligned = reinterpret_cast<std::uintptr_t>(out) % 16 == 0 && stride % 2 == 0;
  for (std::size_t c = 0; c < width; c += kTile) {
    const std::size_t some = width - c < kTile ? width - c : kTile;
    if (stream && aligned) WriteRowPairs<true>(columns + c, some, rows, out + c, stride);
    else WriteRowPairs<false>(columns + c, some, rows, out + c, stride);
  }
  if (stream && aligned) _mm_sfence();
#else
  static_cast<void>(stream);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t c = 0; c < width; ++c) out[i * stride + c] = columns[c][i];
#endif
}

}  // namespace headrace::internal

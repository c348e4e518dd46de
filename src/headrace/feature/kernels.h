#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "headrace/base/processor.h"

namespace headrace::internal {

// Loops over a few hundred numbers that lie side by side. Where the processor has AVX2 they run four at a time; the bits are the same (no step adds up across lanes
// but in a fixed order, and nothing is fused).

/// `body(args...)` compiled once plain and once for AVX2, chosen when the program runs.
#if defined(__x86_64__)
#define HEADRACE_WITH_AVX2(name, parameters, arguments)                                    \
  __attribute__((target("avx2"))) static void name##Avx2 parameters { name##Body arguments; } \
  void name parameters { HasAvx2() ? name##Avx2 arguments : name##Body arguments; }
#else
#define HEADRACE_WITH_AVX2(name, parameters, arguments) \
  void name parameters { name##Body arguments; }
#endif
#define HEADRACE_BODY static inline __attribute__((always_inline)) void

/// Four numbers side by side, a register of AVX2 or two without it. Loops over arrays that hold sums are not made such by compilers.
using Four = double __attribute__((vector_size(32)));
__attribute__((always_inline)) inline void Load(const double* x, Four* out) {
  using Anywhere = double __attribute__((vector_size(32), aligned(8), may_alias));
  *out = *reinterpret_cast<const Anywhere*>(x);
}

/// Read soon: to be fetched while other work goes on.
inline void Expect(const double* x, std::size_t n) {
  constexpr std::size_t kLine = 64 / sizeof(double);
  for (std::size_t i = 0; i < n; i += kLine) __builtin_prefetch(x + i, 0, 2);
}

void Fill(double* x, std::size_t n, double value);                       ///< NaN becomes `value`
void Clip(double* x, std::size_t n, double lower, double upper);
void CenterAndScale(double* x, std::size_t n, double center, double scale);   ///< (x - center) / scale
void ScaleAndShift(double* x, std::size_t n, double scale, double shift);     ///< x * scale + shift
void Divide(double* x, std::size_t n, double by);
/// Null becomes NaN.
void MarkMissing(double* x, const std::uint8_t* valid, std::size_t n);

struct Oddities { bool missing = false, infinite = false; };
Oddities OdditiesOf(const double* x, std::size_t n);
Oddities Copy(const double* x, std::size_t n, double* out);    ///< and what is odd

/// Rows of columns side by side: column c of row i, `columns[c][i]`, goes to out[i * stride + c]. `stream`: past the caches, for outputs much larger than they are.
void WriteRows(const double* const* columns, std::size_t width, std::size_t rows, double* out, std::size_t stride, bool stream);

}  // namespace headrace::internal

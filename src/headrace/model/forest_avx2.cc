// The blend of forest_kernels.cc, 32 rows an instruction. Chosen at run time; comparisons and moves of bytes cannot
// differ from the portable path in anything but time.
#include "headrace/model/forest_plan_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace headrace::internal {

#if defined(__x86_64__)

namespace {

template <std::size_t kVectors>
[[gnu::target("avx2")]] void Blend(const BlendOp* ops, std::size_t count, const std::int8_t* planes,
                                   std::int8_t* places, std::size_t vectors) {
  const std::size_t end = kVectors != 0 ? kVectors : vectors;
  for (const BlendOp* op = ops; op != ops + count; ++op) {
    const std::int8_t* plane = planes + op->plane;
    const std::int8_t* left = places + op->left * kVectorRows;
    const std::int8_t* right = places + op->right * kVectorRows;
    std::int8_t* out = places + op->out * kVectorRows;
    const std::size_t left_step = op->left_step, right_step = op->right_step;
    const __m256i cut = _mm256_set1_epi8(op->cut);
#pragma GCC unroll 8
    for (std::size_t v = 0; v < end; ++v) {
      const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(plane + v * kVectorRows));
      const __m256i l = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(left + v * left_step));
      const __m256i r = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(right + v * right_step));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + v * kVectorRows),
                          _mm256_blendv_epi8(l, r, _mm256_cmpgt_epi8(x, cut)));
    }
  }
}

}  // namespace

void BlendAvx2(const BlendOp* ops, std::size_t count, const std::int8_t* planes, std::int8_t* places,
               std::size_t vectors) {
  constexpr std::size_t kAll = kPlanRows / kVectorRows;
  (vectors == kAll ? Blend<kAll> : Blend<0>)(ops, count, planes, places, vectors);
}

#else

void BlendAvx2(const BlendOp* ops, std::size_t count, const std::int8_t* planes, std::int8_t* places,
               std::size_t vectors) {
  BlendPortable(ops, count, planes, places, vectors);
}

#endif

}  // namespace headrace::internal

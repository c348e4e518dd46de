#include "headrace/base/processor.h"

#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#ifdef __clang__
#define _Bool bool  // glibc's header writes C's name in C++ too, where GCC alone knows it
#endif
#include <sys/platform/x86.h>
#undef _Bool
#endif

namespace headrace {

namespace {
bool g_forget_avx2 = false;  // NOLINT: tests alone change it

bool Find() {
#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
  return CPU_FEATURE_ACTIVE(AVX2) != 0;  // as glibc sees it: what its tunables mask is not active
#elif defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}
}  // namespace

bool HasAvx2() {
  static const bool has = Find();
  return has && !g_forget_avx2;
}
void ForgetAvx2(bool forget) { g_forget_avx2 = forget; }

}  // namespace headrace

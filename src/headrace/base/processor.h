#pragma once

namespace headrace {

/// Whether kernels may use AVX2: the processor has it, nobody masked it (GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2) and no test forgot it. Every kernel has a portable
/// twin with the same bits.
bool HasAvx2();
/// For tests: from now on without. Threads: none at work meanwhile.
void ForgetAvx2(bool forget);

}  // namespace headrace

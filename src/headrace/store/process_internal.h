#pragma once

#include <cstdint>
#include <string>

namespace headrace::internal {

/// What the kernel says of processes and of the host they are on. The simulator of tests/simulator speaks in its place.
///
/// Threads: any.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::int64_t Pid() = 0;                             ///< of the process that asks
  /// Clock ticks since boot at which `pid` started; "" when there is no such process, or it ended.
  virtual std::string StartTicks(std::int64_t pid) = 0;
  virtual std::string HostAndNamespace() = 0;                 ///< processes are told apart by number only within one process namespace
  virtual std::string BootId() = 0;                           ///< "" when it does not say
};
Kernel& TheKernel();
void SetKernel(Kernel* kernel);   ///< nullptr: the real one. REQUIRES: no other thread asks meanwhile

/// Eight letters that tell the processes of this host from those of others that share its folders; the same after a restart.
std::string HostTag();

}  // namespace headrace::internal

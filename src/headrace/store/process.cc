// Is the process that owned a run still the one of that number? The kernel's start time of the process, together with the id
// of this boot, tells a living owner from a later process that got the same number.

#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "headrace/base/digest.h"
#include "headrace/base/text.h"
#include "headrace/store/process_internal.h"
#include "headrace/store/store.h"

namespace headrace {

using internal::Kernel;
using internal::TheKernel;

namespace {
class SystemKernel final : public Kernel {
 public:
  std::int64_t Pid() override { return ::getpid(); }

  // One that ended is none, though its number stays taken until its parent asks how it ended, which the first process of many containers never does.
  std::string StartTicks(std::int64_t pid) override {
    std::ifstream file(StrCat("/proc/", pid, "/stat"));
    std::stringstream content;
    content << file.rdbuf();
    const std::string text = content.str();
    const std::size_t name_end = text.rfind(')');  // the name in parentheses may hold anything
    if (name_end == std::string::npos) return {};
    const std::vector<std::string> fields = Split(std::string_view(text).substr(name_end + 2), ' ');
    return fields.size() > 19 && fields[0] != "Z" && fields[0] != "X" ? fields[19] : std::string();
  }

  /// Two containers are two hosts.
  std::string HostAndNamespace() override {
    static const std::string kHost = [] {
      std::array<char, 256> name{};
      ::gethostname(name.data(), name.size() - 1);
      std::error_code ignored;
      return StrCat(name.data(), " ", std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string());
    }();
    return kHost;
  }

  std::string BootId() override {
    static const std::string kBoot = [] {
      std::ifstream file("/proc/sys/kernel/random/boot_id");
      std::string id;
      std::getline(file, id);
      return id;
    }();
    return kBoot;
  }
};

Kernel* kernel = nullptr;

std::string StartOf(std::int64_t pid) {
  const std::string ticks = TheKernel().StartTicks(pid);
  return ticks.empty() ? std::string() : StrCat(ticks, "@", TheKernel().BootId());
}

/// ... and within one boot.
std::string ThisHost() { return StrCat(TheKernel().HostAndNamespace(), " ", TheKernel().BootId()); }
}  // namespace

Kernel& internal::TheKernel() {
  static SystemKernel system;
  return kernel == nullptr ? system : *kernel;
}
void internal::SetKernel(Kernel* new_kernel) { kernel = new_kernel; }

std::string internal::HostTag() { return Sha256Hex(TheKernel().HostAndNamespace()).substr(0, 8); }

ProcessId ThisProcess() {
  const std::int64_t pid = TheKernel().Pid();
  return {pid, StartOf(pid), ThisHost()};
}

bool IsOfThisHost(const ProcessId& process) { return process.host.empty() || process.host == ThisHost(); }

bool IsAlive(const ProcessId& process) {
  const std::string started = StartOf(process.pid);
  return !started.empty() && (process.started.empty() || started == process.started);
}

}  // namespace headrace

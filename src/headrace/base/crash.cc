#include "headrace/base/crash.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "headrace/base/text.h"

namespace headrace {

namespace {
constexpr std::array<std::string_view, 29> kPoints = {
    "run.before_create",      "run.after_create",        "step.before_start",      "step.after_start",
    "artifact.before_rename", "artifact.after_rename",   "step.before_finish",     "step.after_finish",
    "model.before_register",  "model.after_register",    "alias.before_move",      "alias.after_move",
    "deliver.before_begin",   "deliver.before_commit",   "deliver.after_commit",   "file.before_rename",
    "step.before_park",       "step.after_park",         "run.before_finish",      "run.after_finish",
    "gc.before_records",      "gc.after_records",        "gc.before_file",         "gc.after_file",
    "state.before_begin",     "alert.before_send",     "alert.after_send",
    "alert.after_record",     "trial.after_keep",
};

struct Target {
  std::string name;
  std::int64_t count = 1;
};

Target FromEnvironment() {
  const char* text = std::getenv("HEADRACE_CRASH_AT");
  if (text == nullptr) return {};
  const std::string_view whole = text;
  const std::size_t colon = whole.find(':');
  Target target{std::string(whole.substr(0, colon)), 1};
  if (colon != std::string_view::npos && !ParseInt(whole.substr(colon + 1), &target.count)) target.count = 1;
  return target;
}

CrashHook hook = nullptr;
}  // namespace

void SetCrashHook(CrashHook new_hook) { hook = new_hook; }

void CrashPoint(std::string_view name) {
  assert(std::find(kPoints.begin(), kPoints.end(), name) != kPoints.end());
  if (hook != nullptr) return hook(name);
  static const Target target = FromEnvironment();
  static std::atomic<std::int64_t> passed{0};
  if (target.name.empty() || target.name != name) return;
  if (++passed == target.count) std::raise(SIGKILL);
}

std::span<const std::string_view> CrashPoints() { return kPoints; }

}  // namespace headrace

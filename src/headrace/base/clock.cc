#include "headrace/base/clock.h"

#include <chrono>
#include <mutex>
#include <random>
#include <thread>

namespace headrace {

namespace {
class RealClock final : public Clock {
 public:
  std::int64_t NowMicros() override {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  std::int64_t MonotonicMicros() override {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  void Sleep(std::int64_t micros) override { std::this_thread::sleep_for(std::chrono::microseconds(micros)); }
};

class DeviceRandom final : public Random {
 public:
  std::uint64_t Next() override {
    const std::lock_guard lock(mutex_);
    return (std::uint64_t{device_()} << 32) | device_();
  }

 private:
  std::mutex mutex_;
  std::random_device device_;  // guarded by mutex_
};
}  // namespace

Clock& SystemClock() {
  static RealClock clock;
  return clock;
}

Random& SystemRandom() {
  static DeviceRandom random;
  return random;
}

}  // namespace headrace

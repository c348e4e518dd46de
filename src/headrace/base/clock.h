#pragma once

#include <cstdint>
#include <string>

namespace headrace {

/// Where time comes from. Handed in, so that runs, retries and leases are tested with a clock turned by hand.
///
/// Threads: any number may ask.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Microseconds since 1970-01-01 00:00:00 UTC. May jump; never used to measure.
  virtual std::int64_t NowMicros() = 0;
  /// Microseconds on a clock that only goes forward. For durations and deadlines.
  virtual std::int64_t MonotonicMicros() = 0;
  virtual void Sleep(std::int64_t micros) = 0;
};

/// The machine's clock.
Clock& SystemClock();

/// A clock that moves only when told to; Sleep moves it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t now_us = 1'767'225'600'000'000) : now_us_(now_us) {}
  std::int64_t NowMicros() override { return now_us_; }
  std::int64_t MonotonicMicros() override { return now_us_; }
  void Sleep(std::int64_t micros) override { now_us_ += micros; }

 private:
  std::int64_t now_us_;
};

/// Where names that must differ come from (run ids, jitter). Results never depend on it.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t Next() = 0;
};
Random& SystemRandom();

/// SplitMix64 (Steele, Lea, Flood 2014): for tests, jitter under a seed, made-up rows.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() override {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

}  // namespace headrace

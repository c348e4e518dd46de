#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

/// Private to this room.
namespace headrace::internal {

/// Random numbers that are the same on every machine: SplitMix64 (Steele, Lea, Flood 2014). A stream is told by a seed and
/// a number, so that work spread over threads draws the same.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream) : state_(Mix(seed + 0x9E3779B97F4A7C15) ^ Mix(stream + 0xD1B54A32D192ED03)) {}

  std::uint64_t Next() { return Mix(state_ += 0x9E3779B97F4A7C15); }
  /// In [0, 1), 53 bits.
  double Uniform() { return static_cast<double>(Next() >> 11) / 9007199254740992.0; }
  /// In [0, n), by the high half of a product (Lemire 2019); its bias is below n / 2^32. REQUIRES: 1 <= n < 2^32.
  std::size_t Below(std::size_t n) {
    const std::uint64_t high = Next() >> 32;
    return static_cast<std::size_t>((high * static_cast<std::uint64_t>(n)) >> 32);
  }

 private:
  static std::uint64_t Mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

/// Places of [0, rows), at most so many of them, drawn without replacement; in their order.
inline std::vector<std::size_t> DrawPlaces(std::size_t rows, std::size_t most, std::uint64_t seed) {
  std::vector<std::size_t> drawn(rows);
  std::iota(drawn.begin(), drawn.end(), std::size_t{0});
  if (rows <= most) return drawn;
  Random random(seed, rows);
  for (std::size_t i = 0; i < most; ++i) std::swap(drawn[i], drawn[i + random.Below(rows - i)]);
  drawn.resize(most);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

}  // namespace headrace::internal

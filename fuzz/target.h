#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// One input to one fuzz target, by the name that libFuzzer calls; replay.cc calls it too. Any bytes are an input. What a target promises of them it
/// asserts by Demand; the rest (no crash, no hang, no undefined behaviour) the sanitizers watch.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace headrace::fuzz {

/// End the process when a promise is broken, so that fuzzer and replay both notice.
inline void Demand(bool holds) {
  if (!holds) std::abort();
}

/// The input, piece by piece; zeros when it is used up.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}

  std::uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  /// Small numbers mostly; one byte in sixteen asks for a number of eight bytes.
  std::int64_t Number() {
    const std::uint8_t byte = Byte();
    if (byte < 240) return byte;
    std::uint64_t wide = 0;
    for (int i = 0; i < 8; ++i) wide = wide << 8 | Byte();
    return static_cast<std::int64_t>(wide);
  }
  std::string_view Text(std::size_t size) {
    const std::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(text.size());
    return text;
  }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace headrace::fuzz

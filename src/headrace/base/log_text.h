#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

/// What a program wrote, as a terminal or a page may show it: well-formed UTF-8 (what is not becomes U+FFFD), line breaks and tabs kept, a
/// carriage return read as a line break, terminal escapes and all other control characters left out.
std::string PrintableText(std::string_view raw);

/// Keeps the beginning and the end of a stream of any length, in bounded memory.
///
///   Append* -> Text
///
/// Threads: none.
class BoundedLog {
 public:
  /// Keep at most `bytes`: the first half and the last half of what comes.
  explicit BoundedLog(std::size_t bytes) : half_(bytes / 2) {}
  void Append(std::string_view bytes);
  /// As PrintableText shows it, with `***` for every one of `secrets`, also where the cut went through one; a line in the middle says how much
  /// was cut.
  std::string Text(const std::vector<std::string>& secrets) const;

 private:
  std::size_t half_;
  std::string head_, tail_;
  std::uint64_t cut_ = 0;
};

}  // namespace headrace

#include "headrace/base/log_text.h"

#include <algorithm>

#include "headrace/base/text.h"

namespace headrace {

namespace {
constexpr std::string_view kMask = "***";
constexpr char kEscape = 0x1b;

bool Between(char c, char low, char high) { return c >= low && c <= high; }

/// The place after the escape sequence (ECMA-48) that begins at `at`. One that does not end in its line ends with it, so that
/// a broken program cannot hide the rest of its log.
std::size_t AfterEscape(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  if (i >= text.size()) return i;
  const char kind = text[i];
  if (kind == '[') {
    for (++i; i < text.size() && Between(text[i], 0x20, 0x3f); ++i) {}
    return i < text.size() && Between(text[i], 0x40, 0x7e) ? i + 1 : i;
  }
  if (kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_') {
    for (++i; i < text.size() && text[i] != '\n'; ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == kEscape && i + 1 < text.size() && text[i + 1] == '\\') return i + 2;
    }
    return i;
  }
  while (i < text.size() && Between(text[i], 0x20, 0x2f)) ++i;
  return i < text.size() && Between(text[i], 0x30, 0x7e) ? i + 1 : i;
}

/// Bytes of the character that begins at `at`; 0 when it is malformed.
std::size_t CharacterBytes(std::string_view text, std::size_t at) {
  for (std::size_t n = 2; n <= 4 && at + n <= text.size(); ++n)
    if (IsUtf8(text.substr(at, n))) return n;
  return 0;
}

std::string Mask(std::string text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets)
    if (!secret.empty()) text = ReplaceAll(text, secret, kMask);
  return text;
}

/// Masked before escapes are taken out, and again after: they may stand inside of a secret.
std::string Shown(std::string_view raw, const std::vector<std::string>& secrets) { return Mask(PrintableText(Mask(std::string(raw), secrets)), secrets); }
}  // namespace

std::string PrintableText(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size();) {
    const char c = raw[i];
    if (c == kEscape) {
      i = AfterEscape(raw, i);
    } else if (static_cast<unsigned char>(c) < 0x80) {
      if (c == '\r' && !raw.substr(i + 1).starts_with('\n')) out += '\n';
      if (c == '\n' || c == '\t' || Between(c, 0x20, 0x7e)) out += c;
      ++i;
    } else if (const std::size_t n = CharacterBytes(raw, i); n == 0) {
      out += "\xEF\xBF\xBD";
      ++i;
    } else {
      const bool control = c == '\xC2' && static_cast<unsigned char>(raw[i + 1]) < 0xA0;   // U+0080 to U+009F
      if (!control) out += raw.substr(i, n);
      i += n;
    }
  }
  return out;
}

void BoundedLog::Append(std::string_view bytes) {
  const std::size_t first = std::min(bytes.size(), half_ - head_.size());
  head_ += bytes.substr(0, first);
  tail_ += bytes.substr(first);
  if (tail_.size() <= 2 * half_) return;
  cut_ += tail_.size() - half_;
  tail_.erase(0, tail_.size() - half_);
}

std::string BoundedLog::Text(const std::vector<std::string>& secrets) const {
  const std::size_t over = tail_.size() > half_ ? tail_.size() - half_ : 0;
  const std::uint64_t cut = cut_ + over;
  if (cut == 0) return Shown(head_ + tail_, secrets);
  std::size_t longest = 1;
  for (const std::string& secret : secrets) longest = std::max(longest, secret.size());
  // A part of a secret that the cut left is shorter than the secret, and lies at the cut.
  std::string head = Mask(head_, secrets), tail = Mask(tail_.substr(over), secrets);
  head.resize(head.size() - std::min(head.size(), longest - 1));
  tail.erase(0, std::min(tail.size(), longest - 1));
  return StrCat(Shown(head, secrets), "\n[... ", FormatCount(static_cast<std::int64_t>(cut)), " bytes cut ...]\n", Shown(tail, secrets));
}

}  // namespace headrace

#include "headrace/report/format.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "headrace/base/text.h"

namespace headrace {
namespace {

constexpr std::string_view kMinus = "\xE2\x88\x92";

/// A decimal without the zeros that say nothing.
std::string Trimmed(std::string text) {
  if (text.find('.') == std::string::npos || text.find('e') != std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

struct Glyph { std::size_t begin, end, width; };

std::vector<Glyph> Glyphs(std::string_view text) {
  std::vector<Glyph> glyphs;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t most = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    std::size_t length = 1;
    while (length < most && i + length < text.size() && (static_cast<unsigned char>(text[i + length]) & 0xC0) == 0x80) ++length;
    const bool wide = length == 4 || (length == 3 && first >= 0xE3 && first <= 0xED);
    glyphs.push_back({i, i + length, wide ? 2u : 1u});
    i += length;
  }
  return glyphs;
}

}  // namespace

std::string ShowSeconds(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  if (seconds == 0) return "0 s";
  if (seconds < 0.0095) return fmt::format("{:.1f} ms", seconds * 1000);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 9.995) return fmt::format("{:.2f} s", seconds);
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(std::min(seconds, 1e12)));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string ShowPercent(double share) {
  if (!std::isfinite(share)) return "\xE2\x80\x93";
  const double percent = share * 100;
  if (percent == 0 || percent == 100) return fmt::format("{:.0f} %", percent);
  const double shown = std::abs(percent);
  std::string text = shown < 0.01 ? std::string("<0.01") : shown < 1 ? fmt::format("{:.2f}", shown)
                     : shown > 99.9 && shown < 100 ? (shown > 99.99 ? std::string(">99.99") : fmt::format("{:.2f}", shown))
                                                   : fmt::format("{:.1f}", shown);
  return StrCat(percent < 0 ? kMinus : std::string_view(), text, " %");
}

std::string ShowNumber(double value) {
  if (std::isnan(value)) return "nan";
  const std::string_view sign = value < 0 ? kMinus : std::string_view();
  const double size = std::abs(value);
  if (std::isinf(value)) return StrCat(sign, "inf");
  if (size == 0) return "0";
  if (size >= 1e15 || size < 1e-4) return StrCat(sign, fmt::format("{:.3g}", size));
  if (size >= 1000) return StrCat(sign, FormatCount(std::llround(size)));
  const int decimals = size >= 100 ? 1 : size >= 10 ? 2 : size >= 0.01 ? 4 : 6;
  return StrCat(sign, size >= 1 || decimals == 6 ? Trimmed(fmt::format("{:.{}f}", size, size < 10 && size >= 1 ? 3 : decimals))
                                                 : fmt::format("{:.4f}", size));
}

std::string ShowDifference(double value) {
  if (value == 0) return "\xC2\xB1" "0";
  if (std::isnan(value)) return "nan";
  const double size = std::abs(value);
  const std::string shown = size < 1 && size >= 0.00005 ? fmt::format("{:.4f}", size) : ShowNumber(size);
  return StrCat(value > 0 ? std::string_view("+") : kMinus, shown);
}

std::string ShowPlain(double value) {
  const double size = std::abs(value);
  if (std::isfinite(value) && size < 1e-12) return "0";
  if (!std::isfinite(value) || size >= 1e4 || size < 1e-3) return ShowNumber(value);
  return StrCat(value < 0 ? kMinus : std::string_view(), Trimmed(fmt::format("{:.4f}", size)));
}

std::string ShowCount(std::int64_t count, std::string_view singular, std::string_view plural) {
  return StrCat(FormatCount(count), " ", count == 1 ? singular : plural);
}

std::string ShortDigest(std::string_view digest) {
  if (digest.starts_with("sha256:")) digest.remove_prefix(7);
  return std::string(digest.substr(0, 12));
}

std::size_t TextWidth(std::string_view text) {
  std::size_t width = 0;
  for (const Glyph& glyph : Glyphs(text)) width += glyph.width;
  return width;
}

std::string Shorten(std::string_view text, std::size_t width) {
  if (TextWidth(text) <= width || width < 3) return std::string(text);
  const std::vector<Glyph> glyphs = Glyphs(text);
  const std::size_t tail_width = (width - 1) / 3, head_width = width - 1 - tail_width;
  std::size_t head = 0, used = 0;
  while (head < glyphs.size() && used + glyphs[head].width <= head_width) used += glyphs[head++].width;
  std::size_t tail = glyphs.size();
  used = 0;
  while (tail > head && used + glyphs[tail - 1].width <= tail_width) used += glyphs[--tail].width;
  const std::size_t head_end = head == 0 ? 0 : glyphs[head - 1].end;
  const std::size_t tail_begin = tail == glyphs.size() ? text.size() : glyphs[tail].begin;
  return StrCat(text.substr(0, head_end), "\xE2\x80\xA6", text.substr(tail_begin));
}

std::string Capitalised(std::string_view text) {
  std::string out(text);
  const std::string_view word = text.substr(0, text.find(' '));
  for (char c : word)
    if (c < 'a' || c > 'z') return out;
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out;
}

}  // namespace headrace

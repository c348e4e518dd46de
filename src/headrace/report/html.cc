#include "headrace/report/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace headrace {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Decode one code point at `text[i]`; its length in bytes, or 0 when the bytes there are not UTF-8.
std::size_t Decode(std::string_view text, std::size_t i, std::uint32_t* code) {
  const auto byte = [&](std::size_t k) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[k])); };
  const std::uint32_t first = byte(i);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  if (length == 0 || i + length > text.size()) return 0;
  if (length == 1) { *code = first; return 1; }
  std::uint32_t value = first & (0xFFu >> (length + 1));
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0u) != 0x80u) return 0;
    value = (value << 6) | (byte(i + k) & 0x3Fu);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || (value >= 0xD800 && value < 0xE000) || value > 0x10FFFF) return 0;
  *code = value;
  return length;
}

/// Marks that reorder or hide the text around them (Unicode TR 9 and 36): a hostile name could show as another.
bool IsInvisibleControl(std::uint32_t code) {
  return code == 0x061C || code == 0x200B || code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code >= 0x80 && code < 0xA0) ||
         (code >= 0xE0000 && code <= 0xE007F) || (code & 0xFFFEu) == 0xFFFE || (code >= 0xFDD0 && code <= 0xFDEF);
}

void AppendCode(std::string& out, std::uint32_t code, std::string_view bytes) {
  switch (code) {
    case '&': out += "&amp;"; return;
    case '<': out += "&lt;"; return;
    case '>': out += "&gt;"; return;
    case '"': out += "&quot;"; return;
    case '\'': out += "&#39;"; return;
    case '\t': case '\n': out += static_cast<char>(code); return;
    default: break;
  }
  if (code < 0x20 || code == 0x7F) {  // pictures of control characters: U+2400 + code, and U+2421 for DEL
    const std::uint32_t picture = code == 0x7F ? 0x21 : code;
    out += "\xE2\x90";
    out += static_cast<char>(0x80u + picture);
  } else if (IsInvisibleControl(code)) {
    char spelt[16];
    std::snprintf(spelt, sizeof spelt, "[U+%04X]", code);
    out += spelt;
  } else {
    out += bytes;
  }
}

bool IsVoid(std::string_view tag) {
  return tag == "meta" || tag == "br" || tag == "hr" || tag == "col" || tag == "wbr";
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t i = 0; i < text.size();) {
    std::uint32_t code = 0;
    const std::size_t length = Decode(text, i, &code);
    if (length == 0) {
      out += kReplacement;
      ++i;
      continue;
    }
    AppendCode(out, code, text.substr(i, length));
    i += length;
  }
  return out;
}

std::string Coordinate(double value) {
  if (!std::isfinite(value)) return "0";
  const double bounded = std::fmin(std::fmax(value, -1e6), 1e6);
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", bounded);
  std::string out = text;
  while (out.back() == '0') out.pop_back();
  if (out.back() == '.') out.pop_back();
  return out == "-0" ? "0" : out;
}

Html Html::Raw(Literal text) {
  Html html;
  html.markup_ = text.text();
  return html;
}

Html Html::Element(TagName tag, std::initializer_list<Attr> attributes, const Html& body) {
  Html html;
  std::string& out = html.markup_;
  out.reserve(body.markup_.size() + 64);
  out += '<';
  out += tag.text();
  for (const Attr& attribute : attributes) {
    out += ' ';
    out += attribute.name.text();
    out += "=\"";
    out += attribute.value;
    out += '"';
  }
  out += '>';
  if (IsVoid(tag.text())) return html;
  out += body.markup_;
  out += "</";
  out += tag.text();
  out += '>';
  return html;
}

Html Html::LinkTo(const Anchor& place, const Html& body) {
  Html html;
  html.markup_ = "<a href=\"#" + EscapeHtml(place.id()) + "\">" + body.markup_ + "</a>";
  return html;
}

RunPage::RunPage(std::string_view run) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; };
  if (!run.empty() && std::all_of(run.begin(), run.end(), plain)) path_ = "runs/" + std::string(run) + ".html";
}

Html Html::LinkTo(const RunPage& page, const Html& body) {
  if (page.none()) return body;
  Html html;
  html.markup_ = "<a href=\"" + page.path() + "\">" + body.markup_ + "</a>";
  return html;
}

}  // namespace headrace

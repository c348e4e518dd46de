#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "headrace/expr/case_tables.h"
#include "headrace/expr/kernels.h"

namespace headrace::internal::kernels {
namespace {

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}
bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Bytes of the code point that begins at `at`, at least 1. REQUIRES: at < text.size().
std::size_t CodePointSize(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && IsContinuation(text[end])) ++end;
  return end - at;
}

std::size_t CountCodePoints(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

std::uint32_t Decode(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  switch (bytes.size()) {
    case 2:
      return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3:
      return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    case 4:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    default:
      return byte(0);
  }
}

char* Encode(std::uint32_t code, char* at) {
  const auto put = [&](std::uint32_t byte) { *at++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
  return at;
}

std::uint32_t MapCase(std::uint32_t code, std::span<const CaseRange> table) {
  const auto after = std::upper_bound(table.begin(), table.end(), code,
                                      [](std::uint32_t c, const CaseRange& range) { return c < range.first; });
  if (after == table.begin()) return code;
  const CaseRange& range = *std::prev(after);
  if (code > range.last || (code - range.first) % range.step != 0) return code;
  return static_cast<std::uint32_t>(static_cast<std::int64_t>(code) + range.delta);
}

std::string_view ChangeCase(std::string_view text, bool lower, TextArena& arena) {
  if (IsAscii(text)) {
    char* out = arena.Allocate(text.size());
    const char first = lower ? 'A' : 'a';
    for (std::size_t i = 0; i < text.size(); ++i)
      out[i] = static_cast<char>(text[i] >= first && text[i] <= first + 25 ? text[i] ^ 0x20 : text[i]);
    return {out, text.size()};
  }
  char* out = arena.Allocate(text.size() + text.size() / 2 + 4);  // two bytes become three at most
  char* end = out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = CodePointSize(text, i);
    end = Encode(MapCase(Decode(text.substr(i, size)), lower ? std::span<const CaseRange>(kToLower) : kToUpper), end);
    i += size;
  }
  return {out, static_cast<std::size_t>(end - out)};
}

template <typename Change>
void Texts(Frame& frame, Args args, Vector& out, Change change) {
  std::string_view* result = out.MakeTexts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i)
    result[i] = out.IsValid(i) ? change(args[0]->texts[i], i) : std::string_view();
}

/// The blanks of Unicode (category Zs); tabs and line ends are none of them.
bool IsBlank(std::string_view code_point) {
  const std::uint32_t c = Decode(code_point);
  return c == 0x20 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

void TrimSides(Frame& frame, Args args, Vector& out, bool left, bool right) {
  Texts(frame, args, out, [&](std::string_view text, std::size_t row) {
    const auto strips = [&](std::string_view code_point) {
      if (args.size() == 1) return IsBlank(code_point);
      const std::string_view set = args[1]->texts[row];
      for (std::size_t i = 0; i < set.size();) {
        const std::size_t size = CodePointSize(set, i);
        if (set.substr(i, size) == code_point) return true;
        i += size;
      }
      return false;
    };
    while (left && !text.empty()) {
      const std::size_t size = CodePointSize(text, 0);
      if (!strips(text.substr(0, size))) break;
      text.remove_prefix(size);
    }
    while (right && !text.empty()) {
      std::size_t begin = text.size() - 1;
      while (begin > 0 && IsContinuation(text[begin])) --begin;
      if (!strips(text.substr(begin))) break;
      text.remove_suffix(text.size() - begin);
    }
    return text;
  });
}

/// Code points [begin, end) of `text`, which may reach beyond it on both sides.
std::string_view CodePoints(std::string_view text, std::int64_t begin, std::int64_t end) {
  begin = std::max<std::int64_t>(begin, 0);
  std::size_t from = 0;
  for (std::int64_t n = 0; n < begin && from < text.size(); ++n) from += CodePointSize(text, from);
  std::size_t to = from;
  for (std::int64_t n = begin; n < end && to < text.size(); ++n) to += CodePointSize(text, to);
  return text.substr(from, to - from);
}

/// SQL's substring: positions count from 1, negative ones from the end; a negative length reaches to the left.
std::string_view SubstringOf(std::string_view text, std::int64_t position, std::int64_t length) {
  std::int64_t begin = position - 1;
  if (position < 0) begin = static_cast<std::int64_t>(CountCodePoints(text)) + position;
  if (position == 0) {
    begin = 0;
    --length;
    if (length <= 0) return {};
  }
  return length >= 0 ? CodePoints(text, begin, begin + length) : CodePoints(text, begin + length, begin);
}

/// Whether `text` matches: % any run, _ one code point. Backtracks to the last % only, which is enough.
bool Matches(std::string_view text, std::string_view pattern, char escape) {
  std::size_t t = 0, p = 0, retry_t = 0, retry_p = std::string_view::npos;
  while (true) {
    if (p < pattern.size() && pattern[p] == '%' && escape != '%') {
      retry_p = ++p;
      retry_t = t;
      continue;
    }
    if (p == pattern.size() && t == text.size()) return true;
    bool matched = false;
    if (p < pattern.size() && t < text.size()) {
      if (escape != '\0' && pattern[p] == escape) {
        if (p + 1 < pattern.size() && pattern[p + 1] == text[t]) p += 2, ++t, matched = true;
      } else if (pattern[p] == '_') {
        ++p, t += CodePointSize(text, t), matched = true;
      } else if (pattern[p] == text[t]) {
        ++p, ++t, matched = true;
      }
    }
    if (matched) continue;
    if (retry_p == std::string_view::npos || retry_t >= text.size()) return false;
    p = retry_p;
    t = ++retry_t;
  }
}

/// Whether every escape character has one after it.
bool EscapesComplete(std::string_view pattern, char escape) {
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == escape && ++i == pattern.size()) return false;
  return true;
}

}  // namespace

void Length(Frame& frame, const Node&, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i)
    result[i] = static_cast<std::int64_t>(CountCodePoints(args[0]->texts[i]));
}
void Lower(Frame& frame, const Node&, Args args, Vector& out) {
  Texts(frame, args, out, [&](std::string_view text, std::size_t) { return ChangeCase(text, true, frame.arena()); });
}
void Upper(Frame& frame, const Node&, Args args, Vector& out) {
  Texts(frame, args, out, [&](std::string_view text, std::size_t) { return ChangeCase(text, false, frame.arena()); });
}
void Trim(Frame& frame, const Node&, Args args, Vector& out) { TrimSides(frame, args, out, true, true); }
void LeftTrim(Frame& frame, const Node&, Args args, Vector& out) { TrimSides(frame, args, out, true, false); }
void RightTrim(Frame& frame, const Node&, Args args, Vector& out) { TrimSides(frame, args, out, false, true); }

void Substring(Frame& frame, const Node& node, Args args, Vector& out) {
  constexpr std::int64_t kLimit = 4'294'967'295;
  std::string_view* result = out.MakeTexts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    result[i] = {};
    if (!out.IsValid(i)) continue;
    const std::int64_t position = args[1]->ints[i], length = args.size() > 2 ? args[2]->ints[i] : kLimit;
    if (position > kLimit || position < -kLimit - 1 || length > kLimit || length < -kLimit - 1) {
      frame.Fail(i, node, out, "a position or length of substr is beyond 4,294,967,295");
      continue;
    }
    result[i] = SubstringOf(args[0]->texts[i], position, length);
  }
}

void Concat(Frame& frame, const Node&, Args args, Vector& out) {
  std::string_view* result = out.MakeTexts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    std::size_t size = 0;
    for (const Vector* arg : args) size += arg->IsValid(i) ? arg->texts[i].size() : 0;
    char* at = frame.arena().Allocate(size);
    result[i] = {at, size};
    for (const Vector* arg : args) {
      if (!arg->IsValid(i) || arg->texts[i].empty()) continue;
      std::memcpy(at, arg->texts[i].data(), arg->texts[i].size());
      at += arg->texts[i].size();
    }
  }
}

void Join(Frame& frame, const Node&, Args args, Vector& out) {
  Texts(frame, args, out, [&](std::string_view left, std::size_t i) {
    const std::string_view right = args[1]->texts[i];
    char* at = frame.arena().Allocate(left.size() + right.size());
    std::copy(left.begin(), left.end(), at);
    std::copy(right.begin(), right.end(), at + left.size());
    return std::string_view(at, left.size() + right.size());
  });
}

void StartsWith(Frame& frame, const Node&, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = args[0]->texts[i].starts_with(args[1]->texts[i]) ? 1 : 0;
}

void Like(Frame& frame, const Node& node, Args args, Vector& out) {
  const char escape = static_cast<char>(node.option >> 8);
  const bool insensitive = (node.option & kLikeInsensitive) != 0, negated = (node.option & kLikeNegated) != 0;
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    result[i] = 0;
    if (!out.IsValid(i)) continue;
    std::string_view text = args[0]->texts[i], pattern = args[1]->texts[i];
    if (escape != '\0' && !EscapesComplete(pattern, escape)) {
      frame.Fail(i, node, out, "the pattern of `like` ends with its escape character");
      continue;
    }
    if (insensitive) {
      text = ChangeCase(text, true, frame.arena());
      pattern = ChangeCase(pattern, true, frame.arena());
    }
    result[i] = Matches(text, pattern, escape) != negated ? 1 : 0;
  }
}

}  // namespace headrace::internal::kernels

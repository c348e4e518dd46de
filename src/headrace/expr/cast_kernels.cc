#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "headrace/base/text.h"
#include "headrace/expr/kernels.h"

namespace headrace::internal {

std::string DoubleToText(double value) {
  if (!std::isfinite(value) || value == 0.0) {
    if (std::isnan(value)) return "nan";
    return value == 0.0 ? (std::signbit(value) ? "-0.0" : "0.0") : (value < 0 ? "-inf" : "inf");
  }
  std::array<char, 40> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value), std::chars_format::scientific);
  const std::string_view shortest(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t e = shortest.find('e');
  std::string digits(1, shortest[0]);
  if (e > 2) digits += shortest.substr(2, e - 2);
  int exponent = 0;
  const std::size_t skip = shortest[e + 1] == '+' ? 2 : 1;
  std::from_chars(shortest.data() + e + skip, shortest.data() + shortest.size(), exponent);

  const std::string sign = value < 0 ? "-" : "";
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    const int size = std::abs(exponent);
    return StrCat(sign, digits.substr(0, 1), count > 1 ? "." : "", digits.substr(1), exponent < 0 ? "e-" : "e+",
                  size < 10 ? "0" : "", size);
  }
  if (exponent < 0) return StrCat(sign, "0.", std::string(static_cast<std::size_t>(-exponent - 1), '0'), digits);
  if (count <= exponent + 1)
    return StrCat(sign, digits, std::string(static_cast<std::size_t>(exponent + 1 - count), '0'), ".0");
  const auto whole = static_cast<std::size_t>(exponent + 1);
  return StrCat(sign, digits.substr(0, whole), ".", digits.substr(whole));
}

namespace kernels {
namespace {

/// A decimal number cut into its parts: digits without leading zeros, times 10^exponent.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;
};

std::string_view TrimBlanks(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// [sign] digits [. digits] [e [sign] digits], with at least one digit before the e.
bool ReadDecimal(std::string_view text, Decimal* out) {
  std::size_t at = 0;
  const auto digit = [&] { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) out->negative = text[at++] == '-';
  bool any = false;
  for (bool fraction = false;; ++at) {
    if (digit()) {
      any = true;
      if (fraction) --out->exponent;
      if (!out->digits.empty() || text[at] != '0') out->digits += text[at];
    } else if (at < text.size() && text[at] == '.' && !fraction) {
      fraction = true;
    } else {
      break;
    }
  }
  if (!any) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    const bool negative = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (!digit()) return false;
    std::int64_t size = 0;
    for (; digit(); ++at) size = std::min<std::int64_t>(size * 10 + (text[at] - '0'), 1'000'000);
    out->exponent += negative ? -size : size;
  }
  return at == text.size();
}

/// The nearest int, ties away from zero.
bool TextToInt(std::string_view text, std::int64_t* out) {
  Decimal decimal;
  if (!ReadDecimal(TrimBlanks(text), &decimal)) return false;
  bool up = false;
  while (decimal.exponent < 0 && !decimal.digits.empty()) {
    const std::size_t drop = std::min<std::size_t>(static_cast<std::size_t>(-decimal.exponent), decimal.digits.size());
    up = drop == static_cast<std::size_t>(-decimal.exponent) && decimal.digits[decimal.digits.size() - drop] >= '5';
    decimal.digits.resize(decimal.digits.size() - drop);
    decimal.exponent = 0;
  }
  if (!decimal.digits.empty() && static_cast<std::int64_t>(decimal.digits.size()) + decimal.exponent > 19) return false;
  std::uint64_t size = 0;
  for (char c : decimal.digits) size = size * 10 + static_cast<std::uint64_t>(c - '0');
  for (; decimal.exponent > 0 && size != 0; --decimal.exponent) size *= 10;
  size += up ? 1 : 0;
  const std::uint64_t limit =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (decimal.negative ? 1 : 0);
  if (size > limit) return false;
  *out = static_cast<std::int64_t>(decimal.negative ? 0 - size : size);
  return true;
}

bool TextToDouble(std::string_view text, double* out) {
  text = TrimBlanks(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  const bool negative = text.starts_with('-');
  const std::string word = ToLower(negative ? text.substr(1) : text);
  if (word == "nan" || word == "inf" || word == "infinity") {
    const double value =
        word == "nan" ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
    *out = negative ? -value : value;
    return true;
  }
  Decimal decimal;
  if (!ReadDecimal(text, &decimal)) return false;
  if (std::from_chars(text.data(), text.data() + text.size(), *out).ec == std::errc::result_out_of_range) {
    const bool large = static_cast<std::int64_t>(decimal.digits.size()) + decimal.exponent > 0;
    *out = large ? std::numeric_limits<double>::infinity() : 0.0;
    if (negative) *out = -*out;
  }
  return true;
}

bool TextToBool(std::string_view text, std::int64_t* out) {
  const std::string word = ToLower(text);
  *out = word == "true" || word == "t" || word == "yes" || word == "y" || word == "1" ? 1 : 0;
  return *out == 1 || word == "false" || word == "f" || word == "no" || word == "n" || word == "0";
}

bool Take(Result<std::int64_t> parsed, std::int64_t* out) {
  if (parsed.ok()) *out = *parsed;
  return parsed.ok();
}

bool TextToHeldInt(std::string_view text, Type type, std::int64_t* out) {
  switch (type) {
    case Type::kBool:
      return TextToBool(text, out);
    case Type::kInt:
      return TextToInt(text, out);
    case Type::kDate:
      return Take(ParseDate(TrimBlanks(text)), out);
    case Type::kTimestamp:
      return Take(ParseTimestamp(TrimBlanks(text)), out);
    default:
      return Take(ParseDuration(TrimBlanks(text)), out);
  }
}

/// A date as DuckDB casts it to text: years before 1 count down from 1 BC.
std::string DayToText(std::int64_t days) {
  const Civil c = CivilFromDays(days);
  if (c.year > 0) return FormatDate(days);
  // A year with the same months, found by going on whole cycles of 400 years, carries month and day.
  const std::string text = FormatDate(DaysFromCivil(c.year % 400 + 800, c.month, c.day));
  const std::string year = StrCat(1 - c.year);
  return StrCat(std::string(year.size() < 4 ? 4 - year.size() : 0, '0'), year, text.substr(4), " (BC)");
}

std::string HeldToText(std::int64_t value, Type type) {
  if (type == Type::kDate) return DayToText(value);
  if (type != Type::kTimestamp) return Value::Int64(type, value).ToString();
  const std::int64_t days = value / kMicrosPerDay - (value % kMicrosPerDay < 0 ? 1 : 0);
  const std::int64_t of_day = value % kMicrosPerDay + (value % kMicrosPerDay < 0 ? kMicrosPerDay : 0);
  const std::string time = FormatTimestamp(of_day).substr(10);  // of 1970-01-01
  return DayToText(days) + time;
}

void Refuse(Frame& frame, const Node& node, std::size_t row, Vector& out, std::string_view from) {
  if (!out.IsValid(row)) return;
  if (node.tries)
    out.MakeValid(frame.rows())[row] = 0;
  else
    frame.Fail(row, node, out, StrCat("this ", from, " cannot be cast to ", TypeName(node.type)),
               "try_cast gives null instead");
}

}  // namespace

void IntToDouble(Frame& frame, const Node&, Args args, Vector& out) {
  double* result = out.MakeDoubles(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = static_cast<double>(args[0]->ints[i]);
}
void IntToBool(Frame& frame, const Node&, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = args[0]->ints[i] != 0 ? 1 : 0;
}
void DoubleToInt(Frame& frame, const Node& node, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    const double x = args[0]->doubles[i];
    result[i] = 0;
    if (x >= -0x1p63 && x < 0x1p63)
      result[i] = static_cast<std::int64_t>(std::nearbyint(x));
    else
      Refuse(frame, node, i, out, "double");
  }
}
void DoubleToBool(Frame& frame, const Node&, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = args[0]->doubles[i] != 0.0 ? 1 : 0;
}
void Reinterpret(Frame& frame, const Node&, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = args[0]->ints[i];
}
void DateToTimestamp(Frame& frame, const Node& node, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i)
    if (__builtin_mul_overflow(args[0]->ints[i], kMicrosPerDay, &result[i])) {
      result[i] = 0;
      Refuse(frame, node, i, out, "date");
    }
}
void TimestampToDate(Frame& frame, const Node&, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    const std::int64_t micros = args[0]->ints[i];
    result[i] = micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0);
  }
}

void ToText(Frame& frame, const Node& node, Args args, Vector& out) {
  const Type from = node.args[0]->type;
  std::string_view* result = out.MakeTexts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    result[i] = {};
    if (!out.IsValid(i)) continue;
    if (from == Type::kDouble)
      result[i] = frame.arena().Copy(DoubleToText(args[0]->doubles[i]));
    else
      result[i] = frame.arena().Copy(HeldToText(args[0]->ints[i], from));
  }
}

void FromText(Frame& frame, const Node& node, Args args, Vector& out) {
  double* doubles = node.type == Type::kDouble ? out.MakeDoubles(frame.rows()) : nullptr;
  std::int64_t* ints = doubles == nullptr ? out.MakeInts(frame.rows()) : nullptr;
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    bool done = false;
    double as_double = 0;
    std::int64_t as_int = 0;
    if (out.IsValid(i)) {
      const std::string_view text = args[0]->texts[i];
      done = doubles != nullptr ? TextToDouble(text, &as_double) : TextToHeldInt(text, node.type, &as_int);
    }
    if (doubles != nullptr)
      doubles[i] = done ? as_double : 0.0;
    else
      ints[i] = done ? as_int : 0;
    if (!done) Refuse(frame, node, i, out, "text");
  }
}

}  // namespace kernels
}  // namespace headrace::internal

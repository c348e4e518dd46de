#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "headrace/base/status.h"

namespace headrace {

/// The types of the house, in memory and in every file we define. Sources map onto these when they
/// are read (docs/types.md); what does not fit is refused.
enum class Type : std::uint8_t {
  kBool,       ///< false, true
  kInt,        ///< 64 bit signed
  kDouble,     ///< IEEE 754 binary64
  kText,       ///< UTF-8
  kDate,       ///< days since 1970-01-01, proleptic Gregorian
  kTimestamp,  ///< microseconds since 1970-01-01 00:00:00 UTC
  kDuration,   ///< microseconds; lives in expressions and parameters, never in a file
};

/// "bool", "int", "double", "text", "date", "timestamp", "duration": the names users write.
std::string_view TypeName(Type type);
Result<Type> TypeFromName(std::string_view name);
/// kBool, kInt, kDate, kTimestamp and kDuration are held as int64; kDouble as double; kText as bytes.
inline bool HeldAsInt(Type type) { return type != Type::kDouble && type != Type::kText; }
inline bool IsNumeric(Type type) { return type == Type::kInt || type == Type::kDouble; }

/// One typed value, or a typed null. Two values are equal when type, nullness and bits are.
class Value {
 public:
  Value() = default;  ///< a text null
  static Value Null(Type type) { Value v; v.type_ = type; return v; }
  static Value Bool(bool b) { return Int64(Type::kBool, b ? 1 : 0); }
  static Value Int(std::int64_t i) { return Int64(Type::kInt, i); }
  static Value Double(double d) { Value v; v.type_ = Type::kDouble; v.held_ = d; return v; }
  static Value Text(std::string s) { Value v; v.type_ = Type::kText; v.held_ = std::move(s); return v; }
  static Value Date(std::int64_t days) { return Int64(Type::kDate, days); }
  static Value Timestamp(std::int64_t us) { return Int64(Type::kTimestamp, us); }
  static Value Duration(std::int64_t us) { return Int64(Type::kDuration, us); }
  /// REQUIRES: HeldAsInt(type).
  static Value Int64(Type type, std::int64_t i) { Value v; v.type_ = type; v.held_ = i; return v; }

  Type type() const { return type_; }
  bool is_null() const { return held_.index() == 0; }
  /// REQUIRES (each): not null and held that way.
  std::int64_t as_int() const { return std::get<std::int64_t>(held_); }
  bool as_bool() const { return as_int() != 0; }
  double as_double() const { return std::get<double>(held_); }
  const std::string& as_text() const { return std::get<std::string>(held_); }

  /// As users write it: 2026-11-22, 2026-11-22 06:00:00, 7d, 0.5, true, plain text; "null".
  std::string ToString() const;
  /// Read `text` as `type` (the inverse of ToString; a date where a timestamp is due is its midnight).
  static Result<Value> Parse(std::string_view text, Type type);

  bool operator==(const Value&) const = default;

 private:
  Type type_ = Type::kText;
  std::variant<std::monostate, std::int64_t, double, std::string> held_;
};

/// Calendar arithmetic on the proleptic Gregorian calendar (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms"). Days count from 1970-01-01.
std::int64_t DaysFromCivil(std::int64_t year, unsigned month, unsigned day);
struct Civil { std::int64_t year; unsigned month, day; };
Civil CivilFromDays(std::int64_t days);
inline constexpr std::int64_t kMicrosPerDay = 86'400'000'000;

/// "2026-11-22". "2026-11-22 06:00:00[.ffffff]" (UTC; a "T" between and a final "Z" or "+hh:mm" are read too).
std::string FormatDate(std::int64_t days);
std::string FormatTimestamp(std::int64_t micros);
/// 90d, 26w, 12h, 5m, 2s, 100ms; sums like 1d12h. Printed in the largest units that are exact.
std::string FormatDuration(std::int64_t micros);
Result<std::int64_t> ParseDate(std::string_view text);
Result<std::int64_t> ParseTimestamp(std::string_view text);
Result<std::int64_t> ParseDuration(std::string_view text);

}  // namespace headrace

#pragma once

// Random values of every type, with a liking for odd ones, and tables of them. Used by expr_compare.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/table/table.h"

namespace headrace {

inline constexpr std::size_t kRows = 32;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t Bits() { return engine_(); }
  std::int64_t Below(std::int64_t n) { return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }
  template <typename T>
  const T& Of(const std::vector<T>& all) {
    return all[static_cast<std::size_t>(Below(static_cast<std::int64_t>(all.size())))];
  }

 private:
  std::mt19937_64 engine_;
};

inline constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min(),
                              kMax = std::numeric_limits<std::int64_t>::max();

inline std::int64_t AnyInt(Random& r) {
  static const std::vector<std::int64_t> kOdd = {0,
                                                 1,
                                                 -1,
                                                 2,
                                                 3,
                                                 7,
                                                 10,
                                                 -10,
                                                 100,
                                                 kMax,
                                                 kMin,
                                                 kMax - 1,
                                                 kMin + 1,
                                                 1LL << 53,
                                                 (1LL << 53) + 1,
                                                 -(1LL << 53) - 1,
                                                 4294967295,
                                                 4294967296,
                                                 3037000500,
                                                 1000000007,
                                                 50,
                                                 250,
                                                 2500};
  if (r.Chance(50)) return r.Of(kOdd);
  if (r.Chance(60)) return r.Below(41) - 20;
  return static_cast<std::int64_t>(r.Bits() >> r.Below(64)) * (r.Chance(50) ? 1 : -1);
}

inline double AnyDouble(Random& r) {
  static const std::vector<double> kOdd = {0.0,
                                           -0.0,
                                           1,
                                           -1,
                                           0.5,
                                           1.5,
                                           2.5,
                                           -2.5,
                                           0.1,
                                           1e-5,
                                           1e15,
                                           1e16,
                                           123456.789,
                                           9007199254740993.0,
                                           1e300,
                                           -1e300,
                                           0x1p63,
                                           -0x1p63,
                                           0x1p-1074,
                                           0x1p-1022,
                                           0.49999999999999994,
                                           2.345,
                                           1e22,
                                           1e23,
                                           3.14159,
                                           std::numeric_limits<double>::quiet_NaN(),
                                           std::numeric_limits<double>::infinity(),
                                           -std::numeric_limits<double>::infinity(),
                                           std::numeric_limits<double>::max()};
  if (r.Chance(45)) return r.Of(kOdd);
  if (r.Chance(60)) return static_cast<double>(r.Below(4001) - 2000) / static_cast<double>(1 + r.Below(64));
  const double any = std::bit_cast<double>(r.Bits());
  return std::isnan(any) ? 0.25 : any;
}

inline void AppendCodePoint(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t b) { out += static_cast<char>(b); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  if (c < 0x10000) return put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
}

inline std::string AnyText(Random& r) {
  static const std::vector<std::string> kParts = {
      "a", "b",        "ab",           "A",  "B",    "%",  "_", " ", "ä", "Ö", "ß", "σ",  "Σ", "ς", "İ",
      "ı", "日",       "👍",           "\\", "$",    "\t", "0", "1", "-", ".", "'", "\"", "é", "ﬁ", "я",
      "Я", "\xc2\xa0", "\xe3\x80\x80", "x",  "hello"};
  std::string out;
  for (std::int64_t n = r.Below(6); n > 0; --n) {
    if (r.Chance(92)) {
      out += r.Of(kParts);
    } else {
      const auto c = static_cast<std::uint32_t>(1 + r.Below(r.Chance(80) ? 0x2fff : 0x10fffe));
      if (c < 0xd800 || c > 0xdfff) AppendCodePoint(out, c);
    }
  }
  return out;
}

inline std::string NumberText(Random& r) {
  static const std::vector<std::string> kOdd = {"",
                                                " ",
                                                "12",
                                                " 12 ",
                                                "12.5",
                                                "-12.5",
                                                "13.5",
                                                "0.5",
                                                ".5",
                                                "5.",
                                                ".",
                                                "-",
                                                "+",
                                                "+7",
                                                "--7",
                                                "1e3",
                                                "1e",
                                                "1.25e1",
                                                "25e-1",
                                                "nan",
                                                "NaN",
                                                "inf",
                                                "-inf",
                                                "Infinity",
                                                "+inf",
                                                "1e400",
                                                "-1e400",
                                                "1e-400",
                                                "9223372036854775807",
                                                "9223372036854775808",
                                                "-9223372036854775808",
                                                "-9223372036854775809",
                                                "99999999999999999999",
                                                "007",
                                                "9223372036854775807.4",
                                                "9223372036854775807.5",
                                                "abc",
                                                "1 2",
                                                "12a",
                                                "1e19",
                                                "1e18",
                                                "0",
                                                "-0",
                                                "-0.0",
                                                "0.1",
                                                "123456789.123456789",
                                                "4.9e-324",
                                                "2.2250738585072014e-308",
                                                "1,5",
                                                "\t3\n",
                                                "0.49999999999999999999"};
  if (r.Chance(60)) return r.Of(kOdd);
  std::string out = r.Chance(30) ? "-" : "";
  for (std::int64_t n = r.Below(12); n >= 0; --n) out += static_cast<char>('0' + r.Below(10));
  if (r.Chance(50)) out += StrCat(".", r.Below(1000000));
  if (r.Chance(25)) out += StrCat("e", r.Below(30) - 15);
  return out;
}

inline std::int64_t AnyDay(Random& r) {
  static const std::vector<std::int64_t> kOdd = {
      0,   -1,   1,     11016,      19782,   20454,   -719162,   2932896,  kMicrosPerDay / 1000, 59, 365,
      364, -365, 10957, 2147483646, -719163, -800000, 106751991, 106751992};
  if (r.Chance(30)) return r.Of(kOdd);
  return r.Chance(70) ? 10000 + r.Below(12000) : r.Below(3600000) - 719162;
}

inline std::int64_t AnyMicros(Random& r) {
  const std::int64_t day = r.Chance(70) ? 10000 + r.Below(12000) : r.Below(3600000) - 719162;
  static const std::vector<std::int64_t> kTimes = {0, 1, kMicrosPerDay - 1, 43200000000, 3599999999, 500000, 1500};
  return day * kMicrosPerDay + (r.Chance(50) ? r.Of(kTimes) : r.Below(kMicrosPerDay));
}

inline std::string DateText(Random& r) {
  static const std::vector<std::string> kOdd = {"2026-02-30", "2026-13-01", "abc",          "",           "2024-02-29",
                                                "2023-02-29", "2026-00-01", " 2026-01-01 ", "0001-01-01", "9999-12-31"};
  return r.Chance(40) ? r.Of(kOdd) : FormatDate(r.Below(3600000) - 719162);
}
inline std::string TimestampText(Random& r) {
  static const std::vector<std::string> kOdd = {"2026-02-30 10:00:00",
                                                "abc",
                                                "",
                                                "2026-01-01",
                                                "2026-01-01T10:11",
                                                "2026-01-01 10:11:12Z",
                                                "2026-01-01 10:61:00",
                                                "2026-01-01 10:11:12.1234567"};
  return r.Chance(40) ? r.Of(kOdd) : FormatTimestamp(AnyMicros(r));
}
inline std::string BoolText(Random& r) {
  return r.Of<std::string>(
      {"true", "T", "tRuE", "no", "N", "yes", "0", "1", "f", "FALSE", "abc", "", " true", "2", "on"});
}

/// i j k: ints (k small) · x y z: doubles (z moderate) · s u: texts · n: numbers as text · b c: bools · d e: dates ·
/// t v: timestamps · dates, stamps, bools: texts to be cast.
inline Table AnyTable(Random& r) {
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  const auto add = [&](const std::string& name, Type type, auto value) {
    ColumnBuilder builder(type);
    const int nulls = r.Chance(15) ? 0 : 15;
    for (std::size_t i = 0; i < kRows; ++i) {
      if (r.Chance(nulls))
        builder.AppendNull();
      else
        builder.Append(value());
    }
    fields.push_back({name, type});
    columns.push_back(builder.Finish());
  };
  for (const char* name : {"i", "j"}) add(name, Type::kInt, [&] { return Value::Int(AnyInt(r)); });
  add("k", Type::kInt, [&] { return Value::Int(r.Below(9) - 3); });
  for (const char* name : {"x", "y"}) add(name, Type::kDouble, [&] { return Value::Double(AnyDouble(r)); });
  add("z", Type::kDouble, [&] { return Value::Double(static_cast<double>(r.Below(2001) - 500) / 64); });
  for (const char* name : {"s", "u"}) add(name, Type::kText, [&] { return Value::Text(AnyText(r)); });
  add("n", Type::kText, [&] { return Value::Text(NumberText(r)); });
  for (const char* name : {"b", "c"}) add(name, Type::kBool, [&] { return Value::Bool(r.Chance(50)); });
  for (const char* name : {"d", "e"}) add(name, Type::kDate, [&] { return Value::Date(AnyDay(r)); });
  for (const char* name : {"t", "v"}) add(name, Type::kTimestamp, [&] { return Value::Timestamp(AnyMicros(r)); });
  add("dates", Type::kText, [&] { return Value::Text(DateText(r)); });
  add("stamps", Type::kText, [&] { return Value::Text(TimestampText(r)); });
  add("bools", Type::kText, [&] { return Value::Text(BoolText(r)); });
  return Table(Schema(std::move(fields)), std::move(columns), kRows);
}

}  // namespace headrace

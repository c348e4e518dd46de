#include "headrace/table/value.h"

#include <array>
#include <cstdio>
#include <limits>
#include <vector>

namespace headrace {

namespace {
const std::vector<std::string> kTypeNames = {"bool", "int", "double", "text", "date", "timestamp", "duration"};

/// Exactly `digits` decimal digits at the front of `text`, removed from it; -1 if they are not there.
int TakeDigits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return -1;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool Take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

int DaysInMonth(std::int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

bool TakeDate(std::string_view& text, std::int64_t* days) {
  const int year = TakeDigits(text, 4);
  if (year < 0 || !Take(text, '-')) return false;
  const int month = TakeDigits(text, 2);
  if (month < 1 || month > 12 || !Take(text, '-')) return false;
  const int day = TakeDigits(text, 2);
  if (day < 1 || day > DaysInMonth(year, month)) return false;
  *days = DaysFromCivil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  return true;
}

/// hh:mm[:ss[.ffffff]] as microseconds of the day.
bool TakeTime(std::string_view& text, std::int64_t* micros) {
  const int hour = TakeDigits(text, 2);
  if (hour < 0 || hour > 23 || !Take(text, ':')) return false;
  const int minute = TakeDigits(text, 2);
  if (minute < 0 || minute > 59) return false;
  int second = 0;
  std::int64_t fraction = 0;
  if (Take(text, ':')) {
    second = TakeDigits(text, 2);
    if (second < 0 || second > 59) return false;
    if (Take(text, '.')) {
      std::int64_t unit = 100'000;
      bool any = false;
      while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
        fraction += unit * (text[0] - '0');
        unit /= 10;
        any = true;
        text.remove_prefix(1);
      }
      if (!any) return false;
    }
  }
  *micros = ((hour * 60LL + minute) * 60 + second) * 1'000'000 + fraction;
  return true;
}

/// "", "Z" or "+hh[:mm]" as microseconds east of UTC.
bool TakeOffset(std::string_view& text, std::int64_t* micros) {
  *micros = 0;
  if (text.empty() || Take(text, 'Z') || Take(text, 'z')) return true;
  const bool east = Take(text, '+');
  if (!east && !Take(text, '-')) return false;
  const int hours = TakeDigits(text, 2);
  if (hours < 0 || hours > 15) return false;
  int minutes = 0;
  if (Take(text, ':') || !text.empty()) minutes = TakeDigits(text, 2);
  if (minutes < 0 || minutes > 59) return false;
  *micros = (east ? 1 : -1) * (hours * 60LL + minutes) * 60'000'000;
  return true;
}

struct Unit { std::string_view name; std::int64_t micros; };
constexpr std::array<Unit, 6> kUnits = {{{"w", 7 * kMicrosPerDay}, {"d", kMicrosPerDay}, {"h", 3'600'000'000},
                                         {"m", 60'000'000}, {"s", 1'000'000}, {"ms", 1'000}}};
}  // namespace

std::string_view TypeName(Type type) { return kTypeNames[static_cast<std::size_t>(type)]; }

Result<Type> TypeFromName(std::string_view name) {
  for (std::size_t i = 0; i < kTypeNames.size(); ++i)
    if (kTypeNames[i] == name) return static_cast<Type>(i);
  const std::string near = NearestName(name, kTypeNames);
  return Error(ErrorCode::kInvalid, "there is no type `", name, "`")
      .WithHelp(near.empty() ? StrCat("the types are ", Join(kTypeNames, ", ")) : StrCat("did you mean `", near, "`?"));
}

// Era arithmetic: a 400-year era has 146,097 days; March is month 0, so a leap day ends its year.
std::int64_t DaysFromCivil(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto of_era = static_cast<unsigned>(year - era * 400);
  const unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
  return era * 146097 + static_cast<std::int64_t>(day_of_era) - 719468;
}

Civil CivilFromDays(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * of_year + 2) / 153;
  const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month,
          of_year - (153 * shifted + 2) / 5 + 1};
}

std::string FormatDate(std::int64_t days) {
  const Civil c = CivilFromDays(days);
  std::array<char, 40> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%04lld-%02u-%02u", static_cast<long long>(c.year), c.month, c.day);
  return buffer.data();
}

std::string FormatTimestamp(std::int64_t micros) {
  std::int64_t days = micros / kMicrosPerDay, rest = micros % kMicrosPerDay;
  if (rest < 0) {
    rest += kMicrosPerDay;
    --days;
  }
  const std::int64_t seconds = rest / 1'000'000, fraction = rest % 1'000'000;
  std::array<char, 40> buffer;
  std::snprintf(buffer.data(), buffer.size(), " %02d:%02d:%02d", static_cast<int>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  std::string out = FormatDate(days) + buffer.data();
  if (fraction != 0) {
    std::snprintf(buffer.data(), buffer.size(), ".%06d", static_cast<int>(fraction));
    out += buffer.data();
    while (out.back() == '0') out.pop_back();
  }
  return out;
}

std::string FormatDuration(std::int64_t micros) {
  if (micros == 0) return "0s";
  std::string out = micros < 0 ? "-" : "";
  auto rest = micros < 0 ? 0 - static_cast<std::uint64_t>(micros) : static_cast<std::uint64_t>(micros);
  for (const Unit& unit : kUnits) {
    if (unit.name == "w" && rest % static_cast<std::uint64_t>(unit.micros) != 0) continue;  // 10d, not 1w3d
    const std::uint64_t count = rest / static_cast<std::uint64_t>(unit.micros);
    if (count > 0) out += StrCat(count, unit.name);
    rest %= static_cast<std::uint64_t>(unit.micros);
  }
  if (rest > 0) out += StrCat(rest, "us");
  return out;
}

Result<std::int64_t> ParseDate(std::string_view text) {
  std::string_view rest = text;
  std::int64_t days = 0;
  if (TakeDate(rest, &days) && rest.empty()) return days;
  return Error(ErrorCode::kInvalid, "`", text, "` is not a date").WithHelp("write dates as 2026-11-22");
}

Result<std::int64_t> ParseTimestamp(std::string_view text) {
  std::string_view rest = text;
  std::int64_t days = 0, time = 0, offset = 0;
  if (TakeDate(rest, &days)) {
    if (rest.empty()) return days * kMicrosPerDay;
    if ((Take(rest, ' ') || Take(rest, 'T')) && TakeTime(rest, &time) && TakeOffset(rest, &offset) && rest.empty())
      return days * kMicrosPerDay + time - offset;
  }
  return Error(ErrorCode::kInvalid, "`", text, "` is not a timestamp")
      .WithHelp("write timestamps as 2026-11-22 06:00:00 (UTC) or 2026-11-22T06:00:00+01:00");
}

Result<std::int64_t> ParseDuration(std::string_view text) {
  const Status bad = Error(ErrorCode::kInvalid, "`", text, "` is not a duration")
                         .WithHelp("write a number and a unit: 90d, 26w, 12h, 30m, 10s, 100ms, or a sum like 1d12h");
  std::string_view rest = text;
  const bool negative = Take(rest, '-');
  if (rest.empty()) return bad;
  std::int64_t total = 0;
  while (!rest.empty()) {
    std::size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
    std::size_t letters = digits;
    while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') ++letters;
    std::int64_t count = 0;
    if (digits == 0 || !ParseInt(rest.substr(0, digits), &count)) return bad;
    const std::string_view name = rest.substr(digits, letters - digits);
    std::int64_t unit = name == "us" ? 1 : 0;
    for (const Unit& u : kUnits)
      if (u.name == name) unit = u.micros;
    std::int64_t part = 0;
    if (unit == 0 || __builtin_mul_overflow(count, unit, &part) || __builtin_add_overflow(total, part, &total)) return bad;
    rest.remove_prefix(letters);
  }
  return negative ? -total : total;
}

std::string Value::ToString() const {
  if (is_null()) return "null";
  switch (type_) {
    case Type::kBool: return as_bool() ? "true" : "false";
    case Type::kInt: return StrCat(as_int());
    case Type::kDouble: return FormatDouble(as_double());
    case Type::kText: return as_text();
    case Type::kDate: return FormatDate(as_int());
    case Type::kTimestamp: return FormatTimestamp(as_int());
    case Type::kDuration: return FormatDuration(as_int());
  }
  return {};
}

Result<Value> Value::Parse(std::string_view text, Type type) {
  std::int64_t i = 0;
  double d = 0;
  switch (type) {
    case Type::kBool:
      if (text == "true") return Bool(true);
      if (text == "false") return Bool(false);
      return Error(ErrorCode::kInvalid, "`", text, "` is not a bool").WithHelp("write true or false");
    case Type::kInt:
      if (ParseInt(text, &i)) return Int(i);
      return Error(ErrorCode::kInvalid, "`", text, "` is not an int of 64 bits");
    case Type::kDouble:
      if (ParseDouble(text, &d)) return Double(d);
      return Error(ErrorCode::kInvalid, "`", text, "` is not a double");
    case Type::kText: return Text(std::string(text));
    case Type::kDate: {
      ASSIGN_OR_RETURN(i, ParseDate(text));
      return Date(i);
    }
    case Type::kTimestamp: {
      ASSIGN_OR_RETURN(i, ParseTimestamp(text));
      return Timestamp(i);
    }
    case Type::kDuration: {
      ASSIGN_OR_RETURN(i, ParseDuration(text));
      return Duration(i);
    }
  }
  return Error(ErrorCode::kInternal, "unknown type");
}

}  // namespace headrace

#include <limits>

#include "headrace/expr/kernels.h"

// Calendar units count boundaries crossed, as SQL's date_diff does: from December 31st to January 1st is one
// year. Weeks begin on Monday, but date_diff('week') counts whole spans of seven days.

namespace headrace::internal::kernels {
namespace {

constexpr std::string_view kDateRange = "the date is out of range";
constexpr std::string_view kTimestampRange = "the timestamp is out of range";

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}
std::int64_t DaysOf(std::int64_t micros) { return FloorDivide(micros, kMicrosPerDay); }
/// By the remainder: the midnight before the first timestamps that 64 bits hold is none of them.
std::int64_t MicrosOfDay(std::int64_t micros) { return micros % kMicrosPerDay + (micros % kMicrosPerDay < 0 ? kMicrosPerDay : 0); }
bool IsDay(std::int64_t days) { return days >= -kMaxDay && days <= kMaxDay; }
bool IsMicros(std::int64_t micros) { return micros >= -kMaxMicros && micros <= kMaxMicros; }

/// `compute(a, b, &result)` returns whether there is a result.
template <typename Compute>
void Checked(Frame& frame, const Node& node, const Vector& a, const Vector& b, Vector& out, std::string_view why,
             Compute compute) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i)
    if (!compute(a.ints[i], b.ints[i], &result[i])) {
      result[i] = 0;
      if (out.IsValid(i)) frame.Fail(i, node, out, why);
    }
}

bool AddDay(std::int64_t date, std::int64_t days, std::int64_t* result) {
  return !__builtin_add_overflow(date, days, result) && IsDay(*result);
}
bool SubtractDay(std::int64_t date, std::int64_t days, std::int64_t* result) {
  return !__builtin_sub_overflow(date, days, result) && IsDay(*result);
}

template <typename Compute>
void DateAndDuration(Frame& frame, const Node& node, Args args, Vector& out, Compute compute) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    const std::int64_t micros = args[1]->ints[i];
    result[i] = 0;
    if (!out.IsValid(i)) continue;
    if (micros % kMicrosPerDay != 0)
      frame.Fail(i, node, out, "a date moves by whole days only", "cast the date to timestamp first");
    else if (std::int64_t moved = 0; compute(args[0]->ints[i], micros / kMicrosPerDay, &moved))
      result[i] = moved;
    else
      frame.Fail(i, node, out, kDateRange);
  }
}

std::int64_t UnitMicros(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kWeek:
      return 7 * kMicrosPerDay;
    case TimeUnit::kDay:
      return kMicrosPerDay;
    case TimeUnit::kHour:
      return 3'600'000'000;
    case TimeUnit::kMinute:
      return 60'000'000;
    case TimeUnit::kSecond:
      return 1'000'000;
    case TimeUnit::kMillisecond:
      return 1'000;
    default:
      return 1;
  }
}

std::int64_t IsoDayOfWeek(std::int64_t days) { return days + 3 - FloorDivide(days + 3, 7) * 7 + 1; }
std::int64_t MondayOf(std::int64_t days) { return days - (IsoDayOfWeek(days) - 1); }
/// The year of the week's Thursday (ISO 8601).
std::int64_t IsoYear(std::int64_t days) { return CivilFromDays(MondayOf(days) + 3).year; }

/// Calendar units since year 0, such that differences count boundaries.
std::int64_t Ordinal(TimeUnit unit, std::int64_t days) {
  const Civil c = CivilFromDays(days);
  switch (unit) {
    case TimeUnit::kYear:
      return c.year;
    case TimeUnit::kQuarter:
      return (c.year * 12 + c.month - 1) / 3;  // towards year 0, as DuckDB
    case TimeUnit::kMonth:
      return c.year * 12 + c.month - 1;
    default:
      return days;
  }
}

std::int64_t TruncateDays(TimeUnit unit, std::int64_t days) {
  const Civil c = CivilFromDays(days);
  switch (unit) {
    case TimeUnit::kYear:
      return DaysFromCivil(c.year, 1, 1);
    case TimeUnit::kQuarter:
      return DaysFromCivil(c.year, (c.month - 1) / 3 * 3 + 1, 1);
    case TimeUnit::kMonth:
      return DaysFromCivil(c.year, c.month, 1);
    case TimeUnit::kWeek:
      return MondayOf(days);
    default:
      return days;
  }
}

std::int64_t Part(TimeUnit unit, std::int64_t days, std::int64_t micros_of_day) {
  const Civil c = CivilFromDays(days);
  switch (unit) {
    case TimeUnit::kYear:
      return c.year;
    case TimeUnit::kQuarter:
      return (c.month - 1) / 3 + 1;
    case TimeUnit::kMonth:
      return c.month;
    case TimeUnit::kWeek:
      return (days - MondayOf(DaysFromCivil(IsoYear(days), 1, 4))) / 7 + 1;
    case TimeUnit::kDay:
      return c.day;
    case TimeUnit::kHour:
      return micros_of_day / 3'600'000'000;
    case TimeUnit::kMinute:
      return micros_of_day / 60'000'000 % 60;
    case TimeUnit::kSecond:
      return micros_of_day / 1'000'000 % 60;
    case TimeUnit::kMillisecond:
      return micros_of_day / 1'000 % 60'000;
    case TimeUnit::kMicrosecond:
      return micros_of_day % 60'000'000;
    case TimeUnit::kDayOfWeek:
      return IsoDayOfWeek(days) % 7;
    case TimeUnit::kIsoDayOfWeek:
      return IsoDayOfWeek(days);
    case TimeUnit::kDayOfYear:
      return days - DaysFromCivil(c.year, 1, 1) + 1;
    case TimeUnit::kIsoYear:
      return IsoYear(days);
    case TimeUnit::kEpoch:
      return 0;
  }
  return 0;
}

bool ToMicros(std::int64_t days, std::int64_t* micros) {
  return !__builtin_mul_overflow(days, kMicrosPerDay, micros) && IsMicros(*micros);
}

TimeUnit UnitOf(const Node& node) { return static_cast<TimeUnit>(node.option); }

}  // namespace

void AddDays(Frame& frame, const Node& node, Args args, Vector& out) {
  Checked(frame, node, *args[0], *args[1], out, kDateRange, AddDay);
}
void SubtractDays(Frame& frame, const Node& node, Args args, Vector& out) {
  Checked(frame, node, *args[0], *args[1], out, kDateRange, SubtractDay);
}
void AddDurationToDate(Frame& frame, const Node& node, Args args, Vector& out) {
  DateAndDuration(frame, node, args, out, AddDay);
}
void SubtractDurationFromDate(Frame& frame, const Node& node, Args args, Vector& out) {
  DateAndDuration(frame, node, args, out, SubtractDay);
}
void AddToTimestamp(Frame& frame, const Node& node, Args args, Vector& out) {
  Checked(frame, node, *args[0], *args[1], out, kTimestampRange,
          [](auto a, auto b, auto* r) { return !__builtin_add_overflow(a, b, r) && IsMicros(*r); });
}
void SubtractFromTimestamp(Frame& frame, const Node& node, Args args, Vector& out) {
  Checked(frame, node, *args[0], *args[1], out, kTimestampRange,
          [](auto a, auto b, auto* r) { return !__builtin_sub_overflow(a, b, r) && IsMicros(*r); });
}

void DateDifference(Frame& frame, const Node& node, Args args, Vector& out) {
  const TimeUnit unit = UnitOf(node);
  Checked(frame, node, *args[0], *args[1], out, kTimestampRange, [unit](auto from, auto to, auto* result) {
    if (unit == TimeUnit::kWeek) {
      *result = (to - from) / 7;
    } else if (unit <= TimeUnit::kDay) {
      *result = Ordinal(unit, to) - Ordinal(unit, from);
    } else if (unit <= TimeUnit::kSecond) {
      *result = (to - from) * (kMicrosPerDay / UnitMicros(unit));
    } else {
      std::int64_t from_micros = 0, to_micros = 0;
      if (!ToMicros(from, &from_micros) || !ToMicros(to, &to_micros)) return false;
      return !__builtin_sub_overflow(to_micros / UnitMicros(unit), from_micros / UnitMicros(unit), result);
    }
    return true;
  });
}
void TimestampDifference(Frame& frame, const Node& node, Args args, Vector& out) {
  const TimeUnit unit = UnitOf(node);
  Checked(frame, node, *args[0], *args[1], out, kTimestampRange, [unit](auto from, auto to, auto* result) {
    if (unit == TimeUnit::kWeek) {
      *result = (DaysOf(to) - DaysOf(from)) / 7;
      return true;
    }
    if (unit <= TimeUnit::kDay) {
      *result = Ordinal(unit, DaysOf(to)) - Ordinal(unit, DaysOf(from));
      return true;
    }
    const std::int64_t size = UnitMicros(unit);
    return !__builtin_sub_overflow(FloorDivide(to, size), FloorDivide(from, size), result);
  });
}

void TruncateDate(Frame& frame, const Node& node, Args args, Vector& out) {
  const TimeUnit unit = UnitOf(node);
  Checked(frame, node, *args[0], *args[0], out, kTimestampRange,
          [unit](auto days, auto, auto* result) { return ToMicros(TruncateDays(unit, days), result); });
}
void TruncateTimestamp(Frame& frame, const Node& node, Args args, Vector& out) {
  const TimeUnit unit = UnitOf(node);
  Checked(frame, node, *args[0], *args[0], out, kTimestampRange, [unit](auto micros, auto, auto* result) {
    if (unit <= TimeUnit::kDay) return ToMicros(TruncateDays(unit, DaysOf(micros)), result);
    const std::int64_t size = UnitMicros(unit);
    return !__builtin_mul_overflow(FloorDivide(micros, size), size, result);
  });
}
void PartOfDate(Frame& frame, const Node& node, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = Part(UnitOf(node), args[0]->ints[i], 0);
}
void PartOfTimestamp(Frame& frame, const Node& node, Args args, Vector& out) {
  std::int64_t* result = out.MakeInts(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) {
    const std::int64_t micros = args[0]->ints[i];
    result[i] = Part(UnitOf(node), DaysOf(micros), MicrosOfDay(micros));
  }
}
void EpochOfTimestamp(Frame& frame, const Node&, Args args, Vector& out) {
  double* result = out.MakeDoubles(frame.rows());
  for (std::size_t i = 0; i < frame.rows(); ++i) result[i] = static_cast<double>(args[0]->ints[i]) / 1e6;
}

}  // namespace headrace::internal::kernels

#pragma once

#include "headrace/expr/node.h"

// Every operation of the language on blocks of values (see Kernel in node.h). What each computes is in
// docs/expressions.md; where it says "raises", Frame::Fail is called for the row.

namespace headrace::internal::kernels {

#define HEADRACE_KERNEL(name) void name(Frame& frame, const Node& node, Args args, Vector& out)

// numeric_kernels.cc
HEADRACE_KERNEL(AddInts);
HEADRACE_KERNEL(SubtractInts);
HEADRACE_KERNEL(MultiplyInts);
HEADRACE_KERNEL(DivideInts);     ///< //: towards zero; null when divided by zero
HEADRACE_KERNEL(RemainderInts);  ///< sign of the dividend; null when divided by zero
HEADRACE_KERNEL(AddDoubles);
HEADRACE_KERNEL(SubtractDoubles);
HEADRACE_KERNEL(MultiplyDoubles);
HEADRACE_KERNEL(DivideDoubles);
HEADRACE_KERNEL(RemainderDoubles);
HEADRACE_KERNEL(NegateInt);  ///< also durations
HEADRACE_KERNEL(NegateDouble);
HEADRACE_KERNEL(AbsInt);
HEADRACE_KERNEL(AbsDouble);
HEADRACE_KERNEL(RoundInt);         ///< (x): x
HEADRACE_KERNEL(RoundIntDigits);   ///< (x, digits)
HEADRACE_KERNEL(RoundDouble);
HEADRACE_KERNEL(RoundDoubleDigits);
HEADRACE_KERNEL(Floor);
HEADRACE_KERNEL(Ceil);
HEADRACE_KERNEL(Ln);
HEADRACE_KERNEL(Log10);
HEADRACE_KERNEL(Exp);
HEADRACE_KERNEL(Sqrt);
HEADRACE_KERNEL(Power);
HEADRACE_KERNEL(IsNan);
HEADRACE_KERNEL(IsInf);
HEADRACE_KERNEL(IsFinite);

// compare_kernels.cc. Arguments are of one type; NaN equals NaN and is above every other double.
HEADRACE_KERNEL(Equal);
HEADRACE_KERNEL(NotEqual);
HEADRACE_KERNEL(Less);
HEADRACE_KERNEL(LessOrEqual);
HEADRACE_KERNEL(Between);   ///< option: 1 = negated
HEADRACE_KERNEL(In);        ///< option: 1 = negated
HEADRACE_KERNEL(IsNull);    ///< option: 1 = negated
HEADRACE_KERNEL(Not);
HEADRACE_KERNEL(NullIf);    ///< (x, equal): null where `equal` is true
HEADRACE_KERNEL(Greatest);
HEADRACE_KERNEL(Least);

// text_kernels.cc. Texts are UTF-8; positions and lengths count code points.
HEADRACE_KERNEL(Length);
HEADRACE_KERNEL(Lower);
HEADRACE_KERNEL(Upper);
HEADRACE_KERNEL(Trim);   ///< also LeftTrim, RightTrim; (x) or (x, characters)
HEADRACE_KERNEL(LeftTrim);
HEADRACE_KERNEL(RightTrim);
HEADRACE_KERNEL(Substring);
HEADRACE_KERNEL(Concat);  ///< nulls are left out
HEADRACE_KERNEL(Join);    ///< ||: null when either is
HEADRACE_KERNEL(StartsWith);
/// option: kLikeNegated | kLikeInsensitive | escape character << 8 (0: none).
HEADRACE_KERNEL(Like);
inline constexpr int kLikeNegated = 1, kLikeInsensitive = 2;

// time_kernels.cc. Days, and microseconds since 1970; option: a TimeUnit.
HEADRACE_KERNEL(AddDays);            ///< date + int
HEADRACE_KERNEL(SubtractDays);       ///< date - int
HEADRACE_KERNEL(AddDurationToDate);  ///< raises unless whole days
HEADRACE_KERNEL(SubtractDurationFromDate);
HEADRACE_KERNEL(AddToTimestamp);
HEADRACE_KERNEL(SubtractFromTimestamp);
HEADRACE_KERNEL(DateDifference);     ///< date_diff(unit, date, date)
HEADRACE_KERNEL(TimestampDifference);
HEADRACE_KERNEL(TruncateDate);       ///< to a timestamp
HEADRACE_KERNEL(TruncateTimestamp);
HEADRACE_KERNEL(PartOfDate);
HEADRACE_KERNEL(PartOfTimestamp);
HEADRACE_KERNEL(EpochOfTimestamp);   ///< seconds since 1970 as a double

// cast_kernels.cc. With Node::tries a value that cannot be cast is null, otherwise it raises.
HEADRACE_KERNEL(IntToDouble);        ///< also bool
HEADRACE_KERNEL(IntToBool);
HEADRACE_KERNEL(DoubleToInt);        ///< to the nearest, ties to even
HEADRACE_KERNEL(DoubleToBool);
HEADRACE_KERNEL(Reinterpret);        ///< the same number under another type: bool to int
HEADRACE_KERNEL(DateToTimestamp);
HEADRACE_KERNEL(TimestampToDate);
HEADRACE_KERNEL(ToText);             ///< from any type but text: the type of args[0]
HEADRACE_KERNEL(FromText);           ///< to any type but text: node.type

#undef HEADRACE_KERNEL

}  // namespace headrace::internal::kernels

namespace headrace::internal {

/// A double as DuckDB casts it to text: the shortest digits that read back to it, 1.0, 0.1, 1e+16, 1e-05, nan, inf.
std::string DoubleToText(double value);

/// The units of date_diff, date_trunc and date_part.
enum class TimeUnit : std::uint8_t {
  kYear, kQuarter, kMonth, kWeek, kDay, kHour, kMinute, kSecond, kMillisecond, kMicrosecond,
  kDayOfWeek, kIsoDayOfWeek, kDayOfYear, kIsoYear, kEpoch,  // date_part only
};

/// Dates and timestamps that exist, as in DuckDB: beyond them an operation raises.
inline constexpr std::int64_t kMaxDay = 2'147'483'646;
inline constexpr std::int64_t kMaxMicros = 9'223'372'036'854'775'806;

}  // namespace headrace::internal

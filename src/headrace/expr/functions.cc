#include "headrace/expr/functions.h"

#include <algorithm>
#include <iterator>

#include "headrace/base/text.h"

namespace headrace::internal {
namespace {

namespace k = kernels;

const Overload kOverloads[] = {
    {"+", "ii", Type::kInt, k::AddInts},
    {"+", "dd", Type::kDouble, k::AddDoubles},
    {"+", "Di", Type::kDate, k::AddDays},
    {"+", "iD", Type::kDate, k::AddDays, true},
    {"+", "DU", Type::kDate, k::AddDurationToDate},
    {"+", "UD", Type::kDate, k::AddDurationToDate, true},
    {"+", "TU", Type::kTimestamp, k::AddToTimestamp},
    {"+", "UT", Type::kTimestamp, k::AddToTimestamp, true},
    {"+", "UU", Type::kDuration, k::AddInts},
    {"-", "ii", Type::kInt, k::SubtractInts},
    {"-", "dd", Type::kDouble, k::SubtractDoubles},
    {"-", "Di", Type::kDate, k::SubtractDays},
    {"-", "DD", Type::kInt, k::SubtractInts},
    {"-", "DU", Type::kDate, k::SubtractDurationFromDate},
    {"-", "TU", Type::kTimestamp, k::SubtractFromTimestamp},
    {"-", "TT", Type::kDuration, k::SubtractInts},
    {"-", "UU", Type::kDuration, k::SubtractInts},
    {"*", "ii", Type::kInt, k::MultiplyInts},
    {"*", "dd", Type::kDouble, k::MultiplyDoubles},
    {"*", "Ui", Type::kDuration, k::MultiplyInts},
    {"*", "iU", Type::kDuration, k::MultiplyInts},
    {"/", "dd", Type::kDouble, k::DivideDoubles},
    {"//", "ii", Type::kInt, k::DivideInts},
    {"%", "ii", Type::kInt, k::RemainderInts},
    {"%", "dd", Type::kDouble, k::RemainderDoubles},
    {"||", "tt", Type::kText, k::Join},
    {"negate", "i", Type::kInt, k::NegateInt},
    {"negate", "d", Type::kDouble, k::NegateDouble},
    {"negate", "U", Type::kDuration, k::NegateInt},

    {"abs", "i", Type::kInt, k::AbsInt},
    {"abs", "d", Type::kDouble, k::AbsDouble},
    {"round", "i", Type::kInt, k::RoundInt},
    {"round", "d", Type::kDouble, k::RoundDouble},
    {"round", "ii", Type::kInt, k::RoundIntDigits},
    {"round", "di", Type::kDouble, k::RoundDoubleDigits},
    {"floor", "d", Type::kDouble, k::Floor},
    {"ceil", "d", Type::kDouble, k::Ceil},
    {"ceiling", "d", Type::kDouble, k::Ceil},
    {"ln", "d", Type::kDouble, k::Ln},
    {"log10", "d", Type::kDouble, k::Log10},
    {"exp", "d", Type::kDouble, k::Exp},
    {"sqrt", "d", Type::kDouble, k::Sqrt},
    {"power", "dd", Type::kDouble, k::Power},
    {"pow", "dd", Type::kDouble, k::Power},
    {"mod", "ii", Type::kInt, k::RemainderInts},
    {"mod", "dd", Type::kDouble, k::RemainderDoubles},
    {"isnan", "d", Type::kBool, k::IsNan},
    {"isinf", "d", Type::kBool, k::IsInf},
    {"isfinite", "d", Type::kBool, k::IsFinite},

    {"length", "t", Type::kInt, k::Length},
    {"lower", "t", Type::kText, k::Lower},
    {"upper", "t", Type::kText, k::Upper},
    {"trim", "t", Type::kText, k::Trim},
    {"trim", "tt", Type::kText, k::Trim},
    {"ltrim", "t", Type::kText, k::LeftTrim},
    {"ltrim", "tt", Type::kText, k::LeftTrim},
    {"rtrim", "t", Type::kText, k::RightTrim},
    {"rtrim", "tt", Type::kText, k::RightTrim},
    {"substr", "ti", Type::kText, k::Substring},
    {"substr", "tii", Type::kText, k::Substring},
    {"substring", "ti", Type::kText, k::Substring},
    {"substring", "tii", Type::kText, k::Substring},
    {"starts_with", "tt", Type::kBool, k::StartsWith},

    {"date_diff", "uDD", Type::kInt, k::DateDifference},
    {"date_diff", "uTT", Type::kInt, k::TimestampDifference},
    {"date_trunc", "uD", Type::kTimestamp, k::TruncateDate},
    {"date_trunc", "uT", Type::kTimestamp, k::TruncateTimestamp},
    {"date_part", "uD", Type::kInt, k::PartOfDate},
    {"date_part", "uT", Type::kInt, k::PartOfTimestamp},
};

struct Text {
  std::string_view name, text;
};

constexpr Text kSignatures[] = {
    {"abs", "abs(x: int or double)"},
    {"ceil", "ceil(x: double)"},
    {"ceiling", "ceiling(x: double)"},
    {"coalesce", "coalesce(x, ...), all of one type"},
    {"concat", "concat(x, ...), of any types"},
    {"date_diff", "date_diff('unit', from, to), of dates or timestamps"},
    {"date_part", "date_part('unit', x: date or timestamp)"},
    {"date_trunc", "date_trunc('unit', x: date or timestamp)"},
    {"exp", "exp(x: double)"},
    {"floor", "floor(x: double)"},
    {"greatest", "greatest(x, ...), all of one type"},
    {"isfinite", "isfinite(x: double)"},
    {"isinf", "isinf(x: double)"},
    {"isnan", "isnan(x: double)"},
    {"least", "least(x, ...), all of one type"},
    {"length", "length(x: text)"},
    {"ln", "ln(x: double)"},
    {"log10", "log10(x: double)"},
    {"lower", "lower(x: text)"},
    {"ltrim", "ltrim(x: text[, characters: text])"},
    {"mod", "mod(x, y), both int or double"},
    {"nullif", "nullif(x, y), both of one type"},
    {"pow", "pow(x: double, y: double)"},
    {"power", "power(x: double, y: double)"},
    {"round", "round(x: int or double[, digits: int])"},
    {"rtrim", "rtrim(x: text[, characters: text])"},
    {"sqrt", "sqrt(x: double)"},
    {"starts_with", "starts_with(x: text, prefix: text)"},
    {"substr", "substr(x: text, position: int[, length: int])"},
    {"substring", "substring(x: text, position: int[, length: int])"},
    {"trim", "trim(x: text[, characters: text])"},
    {"upper", "upper(x: text)"},
};

constexpr std::string_view kOneRow = "an expression sees one row; sums and counts over rows belong into SQL";
constexpr std::string_view kNoClock = "an expression has no clock and no chance; take a parameter or run.interval.end";
constexpr Text kInstead[] = {
    {"avg", kOneRow},
    {"count", kOneRow},
    {"sum", kOneRow},
    {"row_number", kOneRow},
    {"min", "for the smaller of two values write least(x, y); over rows it belongs into SQL"},
    {"max", "for the larger of two values write greatest(x, y); over rows it belongs into SQL"},
    {"log", "write ln(x) for the natural logarithm, log10(x) for base 10"},
    {"if", "write case when condition then x else y end"},
    {"iif", "write case when condition then x else y end"},
    {"ifnull", "write coalesce(x, y)"},
    {"nvl", "write coalesce(x, y)"},
    {"len", "write length(x)"},
    {"log1p", "write ln(1 + x)"},
    {"log2", "write ln(x) / ln(2)"},
    {"now", kNoClock},
    {"today", kNoClock},
    {"current_date", kNoClock},
    {"random", kNoClock},
    {"year", "write date_part('year', x)"},
    {"month", "write date_part('month', x)"},
    {"day", "write date_part('day', x)"},
    {"hour", "write date_part('hour', x)"},
    {"extract", "write date_part('year', x)"},
    {"datediff", "write date_diff('day', from, to)"},
    {"regexp_matches", "write x like 'pattern'"},
    {"contains", "write x like '%part%'"},
    {"ends_with", "write x like '%end'"},
};

struct Unit {
  std::string_view name;
  TimeUnit unit;
};
constexpr Unit kUnits[] = {
    {"year", TimeUnit::kYear},
    {"quarter", TimeUnit::kQuarter},
    {"month", TimeUnit::kMonth},
    {"week", TimeUnit::kWeek},
    {"day", TimeUnit::kDay},
    {"hour", TimeUnit::kHour},
    {"minute", TimeUnit::kMinute},
    {"second", TimeUnit::kSecond},
    {"millisecond", TimeUnit::kMillisecond},
    {"microsecond", TimeUnit::kMicrosecond},
    {"dow", TimeUnit::kDayOfWeek},
    {"isodow", TimeUnit::kIsoDayOfWeek},
    {"doy", TimeUnit::kDayOfYear},
    {"isoyear", TimeUnit::kIsoYear},
    {"epoch", TimeUnit::kEpoch},
};

bool Knows(std::string_view function, TimeUnit unit) {
  return function == "date_part" || unit <= TimeUnit::kMicrosecond;
}

template <std::size_t n>
std::string_view Find(const Text (&table)[n], std::string_view name) {
  for (const Text& entry : table)
    if (entry.name == name) return entry.text;
  return {};
}

}  // namespace

std::vector<const Overload*> OverloadsOf(std::string_view name) {
  std::vector<const Overload*> found;
  for (const Overload& overload : kOverloads)
    if (overload.name == name) found.push_back(&overload);
  return found;
}

std::string_view Signature(std::string_view name) { return Find(kSignatures, name); }
std::string_view InsteadOf(std::string_view name) { return Find(kInstead, name); }

std::span<const std::string> FunctionNames() {
  static const std::vector<std::string>& names = *new std::vector<std::string>([] {
    std::vector<std::string> all;
    for (const Text& entry : kSignatures) all.emplace_back(entry.name);
    return all;
  }());
  return names;
}

Type TypeOfLetter(char letter) {
  switch (letter) {
    case 'b':
      return Type::kBool;
    case 'i':
      return Type::kInt;
    case 'd':
      return Type::kDouble;
    case 'D':
      return Type::kDate;
    case 'T':
      return Type::kTimestamp;
    case 'U':
      return Type::kDuration;
    default:
      return Type::kText;
  }
}

std::optional<TimeUnit> UnitFromName(std::string_view name, std::string_view function) {
  std::string word = ToLower(name);
  if (word.size() > 1 && word.ends_with('s')) word.pop_back();
  for (const Unit& unit : kUnits)
    if (unit.name == word && Knows(function, unit.unit)) return unit.unit;
  return std::nullopt;
}

std::string UnitNames(std::string_view function) {
  std::vector<std::string> names;
  for (const Unit& unit : kUnits)
    if (Knows(function, unit.unit)) names.emplace_back(unit.name);
  return Join(names, ", ");
}

Kernel CastKernel(Type from, Type to) {
  if (from == Type::kText) return k::FromText;
  if (to == Type::kText) return k::ToText;
  const auto is = [&](Type a, Type b) { return from == a && to == b; };
  if (is(Type::kInt, Type::kDouble) || is(Type::kBool, Type::kDouble)) return k::IntToDouble;
  if (is(Type::kBool, Type::kInt)) return k::Reinterpret;
  if (is(Type::kInt, Type::kBool)) return k::IntToBool;
  if (is(Type::kDouble, Type::kBool)) return k::DoubleToBool;
  if (is(Type::kDouble, Type::kInt)) return k::DoubleToInt;
  if (is(Type::kDate, Type::kTimestamp)) return k::DateToTimestamp;
  if (is(Type::kTimestamp, Type::kDate)) return k::TimestampToDate;
  return nullptr;
}

}  // namespace headrace::internal

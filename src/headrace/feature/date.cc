// date: a date or a time as numbers.
#include <algorithm>
#include <limits>

#include "headrace/base/math.h"
#include "headrace/feature/elementwise.h"

namespace headrace {
namespace {
constexpr std::string_view kPartNames[] = {"year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour", "minute", "second"};   // in the order of the enum
}  // namespace

std::string_view DatePartName(DatePart part) { return kPartNames[static_cast<std::size_t>(part)]; }

namespace internal {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;
bool OfTime(DatePart part) { return part == DatePart::kHour || part == DatePart::kMinute || part == DatePart::kSecond; }

/// Days and, of a timestamp, microseconds since midnight (UTC).
struct Moment { std::int64_t days, micros; };

constexpr std::int64_t kFarthest = 1'000'000'000'000;   // days; beyond them no calendar's arithmetic is safe

Moment MomentOf(Type type, std::int64_t value) {
  if (type == Type::kDate) return {std::clamp(value, -kFarthest, kFarthest), 0};
  const std::int64_t days = value / kMicrosPerDay - (value % kMicrosPerDay < 0 ? 1 : 0);
  return {days, value - days * kMicrosPerDay};
}

std::int64_t WeekdayOf(std::int64_t days) { return ((days + 3) % 7 + 7) % 7; }   // Monday is 0; 1970-01-01 was a Thursday

std::int64_t DayOfYear(std::int64_t days) { return days - DaysFromCivil(CivilFromDays(days).year, 1, 1) + 1; }

/// ISO 8601: the week of a day is that of its Thursday.
std::int64_t WeekOf(std::int64_t days) { return (DayOfYear(days - WeekdayOf(days) + 3) - 1) / 7 + 1; }

double PartOf(DatePart part, Moment at) {
  const auto number = [](std::int64_t n) { return static_cast<double>(n); };
  switch (part) {
    case DatePart::kYear: return number(CivilFromDays(at.days).year);
    case DatePart::kQuarter: return number((CivilFromDays(at.days).month - 1) / 3 + 1);
    case DatePart::kMonth: return number(CivilFromDays(at.days).month);
    case DatePart::kWeek: return number(WeekOf(at.days));
    case DatePart::kDay: return number(CivilFromDays(at.days).day);
    case DatePart::kDayOfYear: return number(DayOfYear(at.days));
    case DatePart::kWeekday: return number(WeekdayOf(at.days));
    case DatePart::kHour: return number(at.micros / (3600 * kMicrosPerSecond));
    case DatePart::kMinute: return number(at.micros / (60 * kMicrosPerSecond) % 60);
    case DatePart::kSecond: return number(at.micros / kMicrosPerSecond % 60);
  }
  return 0;
}

/// The first value of a part, and how many there are before it begins again. 0: never.
struct Cycle { double first, length; };
Cycle CycleOf(DatePart part) {
  switch (part) {
    case DatePart::kYear: return {0, 0};
    case DatePart::kQuarter: return {1, 4};
    case DatePart::kMonth: return {1, 12};
    case DatePart::kWeek: return {1, 53};
    case DatePart::kDay: return {1, 31};
    case DatePart::kDayOfYear: return {1, 366};
    case DatePart::kWeekday: return {0, 7};
    case DatePart::kHour: return {0, 24};
    case DatePart::kMinute: return {0, 60};
    case DatePart::kSecond: return {0, 60};
  }
  return {0, 0};
}

class DateParts final : public FittedStep {
 public:
  explicit DateParts(DateStep step) : step_(std::move(step)) {
    std::sort(step_.holidays.begin(), step_.holidays.end());
    step_.holidays.erase(std::unique(step_.holidays.begin(), step_.holidays.end()), step_.holidays.end());
  }

  Status Run(Lane& lane) const override {
    const Type type = lane.source->type();
    for (std::size_t i = 0; i < lane.rows; ++i) {
      std::size_t k = 0;
      if (lane.source->IsNull(lane.begin + i)) {
        for (; k < lane.out.size(); ++k) lane.out[k][i] = std::numeric_limits<double>::quiet_NaN();
        continue;
      }
      const Moment at = MomentOf(type, lane.source->ints()[lane.begin + i]);
      for (const DatePart part : step_.parts) lane.out[k++][i] = PartOf(part, at);
      for (const DatePart part : step_.cyclical) {
        const Cycle cycle = CycleOf(part);
        const double turn = 2 * (PartOf(part, at) - cycle.first) / cycle.length;
        lane.out[k++][i] = math::SinPi(turn);
        lane.out[k++][i] = math::CosPi(turn);
      }
      if (step_.since) lane.out[k++][i] = static_cast<double>(at.days - *step_.since) + static_cast<double>(at.micros) / static_cast<double>(kMicrosPerDay);
      if (!step_.holidays.empty()) lane.out[k++][i] = std::binary_search(step_.holidays.begin(), step_.holidays.end(), at.days) ? 1.0 : 0.0;
    }
    return Ok();
  }
  std::size_t Width(std::size_t) const override {
    return step_.parts.size() + 2 * step_.cyclical.size() + (step_.since ? 1 : 0) + (step_.holidays.empty() ? 0 : 1);
  }
  bool in_place() const override { return false; }

  void Describe(Outputs& outputs) const override {
    const std::string name = outputs.names[0], column = outputs.columns[0];
    outputs.names.clear();
    for (const DatePart part : step_.parts) outputs.names.push_back(StrCat(name, ".", DatePartName(part)));
    for (const DatePart part : step_.cyclical)
      for (const char* side : {"_sin", "_cos"}) outputs.names.push_back(StrCat(name, ".", DatePartName(part), side));
    if (step_.since) outputs.names.push_back(StrCat(name, ".days"));
    if (!step_.holidays.empty()) outputs.names.push_back(StrCat(name, ".holiday"));
    outputs.columns.assign(outputs.names.size(), column);
  }

  json ToJson() const override {
    json parts = json::array(), cyclical = json::array(), holidays = json::array();
    for (const DatePart part : step_.parts) parts.push_back(DatePartName(part));
    for (const DatePart part : step_.cyclical) cyclical.push_back(DatePartName(part));
    for (const std::int64_t day : step_.holidays) holidays.push_back(FormatDate(day));
    return {{"step", "date"}, {"parts", parts}, {"cyclical", cyclical}, {"since", step_.since ? json(FormatDate(*step_.since)) : json()}, {"holidays", holidays}};
  }

 private:
  DateStep step_;
};

Result<std::vector<DatePart>> ReadParts(const json& from, const char* key) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadTexts(from, key));
  std::vector<DatePart> parts;
  for (const std::string& name : names) {
    const auto at = std::find(std::begin(kPartNames), std::end(kPartNames), name);
    if (at == std::end(kPartNames)) return Damaged(StrCat("a part of a date `", name, "`"));
    parts.push_back(static_cast<DatePart>(at - std::begin(kPartNames)));
  }
  return parts;
}

/// What is wrong with the parts for a column of `type`; "" = nothing.
std::string Wrong(const DateStep& step, Type type) {
  if (step.parts.empty() && step.cyclical.empty() && !step.since && step.holidays.empty()) return "`date` needs parts, cyclical, since or holidays";
  for (const std::vector<DatePart>* parts : {&step.parts, &step.cyclical})
    for (const DatePart part : *parts)
      if (OfTime(part) && type == Type::kDate) return StrCat("is a date, which has no ", DatePartName(part));
  for (const DatePart part : step.cyclical)
    if (CycleOf(part).length == 0) return StrCat("a ", DatePartName(part), " does not come again, so it is not cyclical");
  return "";
}

}  // namespace

Result<StepPtr> ReadDate(const json& from, const ReadContext& context) {
  DateStep step;
  ASSIGN_OR_RETURN(step.parts, ReadParts(from, "parts"));
  ASSIGN_OR_RETURN(step.cyclical, ReadParts(from, "cyclical"));
  if (!Member(from, "since").is_null()) {
    ASSIGN_OR_RETURN(const std::string text, ReadText(from, "since"));
    ASSIGN_OR_RETURN(step.since, ParseDate(text));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> holidays, ReadTexts(from, "holidays"));
  for (const std::string& text : holidays) {
    ASSIGN_OR_RETURN(const std::int64_t day, ParseDate(text));
    step.holidays.push_back(day);
  }
  if (context.group || context.inputs > 0 || (context.type != Type::kDate && context.type != Type::kTimestamp) || !Wrong(step, context.type).empty())
    return Damaged("parts of something that has none");
  return StepPtr(std::make_unique<DateParts>(std::move(step)));
}

Status Check(const DateStep& step, StepTypes& types) {
  if (types.group || types.numbers || (types.type != Type::kDate && types.type != Type::kTimestamp))
    return types.Refuse(StrCat("`date` needs a date or a timestamp as the table has it", types.group || types.numbers ? "" : StrCat(", not ", TypeName(types.type))));
  if (const std::string wrong = Wrong(step, types.type); !wrong.empty()) return types.Refuse(wrong);
  types.numbers = true;
  return Ok();
}

Result<FitResult> Fit(const DateStep& step, FitInput&) { return FitResult{std::make_unique<DateParts>(step)}; }

}  // namespace internal
}  // namespace headrace

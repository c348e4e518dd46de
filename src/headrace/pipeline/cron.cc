#include "headrace/pipeline/cron.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "headrace/base/text.h"

namespace headrace {
namespace {

const std::vector<std::string> kMonthNames = {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
const std::vector<std::string> kDayNames = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct Field {
  std::string_view name;
  std::int64_t low, high;
  std::span<const std::string> names = {};
  std::int64_t first_name = 0;                           ///< the number of the first name

  std::string Expected() const {
    std::string out = StrCat(low, " to ", high);
    if (!names.empty()) out += StrCat(", or ", names.front(), " to ", names.back());
    return out;
  }
};

const std::array<Field, 5> kFields = {{
    {"minute", 0, 59}, {"hour", 0, 23}, {"day-of-month", 1, 31}, {"month", 1, 12, kMonthNames, 1}, {"day-of-week", 0, 7, kDayNames, 0},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kShorthands = {{
    {"@hourly", "0 * * * *"}, {"@daily", "0 0 * * *"}, {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
}};

constexpr std::string_view kExample = "write minute hour day-of-month month day-of-week, for example \"0 6 * * MON\" for Mondays at 06:00";

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// A word of the text with its place.
struct Word {
  std::string_view text;
  std::size_t offset = 0;
  Word Part(std::size_t from, std::size_t length) const { return {text.substr(from, length), offset + from}; }
  TextSpan span() const { return {offset, std::max<std::size_t>(text.size(), 1)}; }
};

std::vector<Word> Words(std::string_view text) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && !IsBlank(text[end])) ++end;
    if (end > at) words.push_back({text.substr(at, end - at), at});
    at = end + 1;
  }
  return words;
}

Status Wrong(const Field& field, const Word& at, std::string_view expected) {
  return Error(ErrorCode::kInvalid, "the ", field.name, " field takes ", expected, ", got `", at.text, "`").WithSpan(at.span());
}

/// What to write instead of something that is no number and no name of the field.
std::string Instead(const Field& field, std::string_view word) {
  if (word == "?") return "write `*`";
  const auto is_extension = [](char c) { return c == 'L' || c == 'W' || c == '#'; };
  if (std::any_of(word.begin(), word.end(), is_extension) && std::none_of(word.begin(), word.end(), [&](char c) { return !is_extension(c) && !IsDigit(c); }))
    return "`L`, `W` and `#` of other crons are not known here";
  for (const std::string& name : field.names)
    if (word.size() > 3 && ToLower(word.substr(0, 3)) == ToLower(name)) return StrCat("did you mean `", name, "`?");
  const std::string near = NearestName(word, field.names);
  return near.empty() ? "" : StrCat("did you mean `", near, "`?");
}

Result<std::int64_t> ParseNumber(const Field& field, const Word& word) {
  std::int64_t number = 0;
  if (word.text.empty()) return Wrong(field, word, field.Expected());
  if (std::all_of(word.text.begin(), word.text.end(), IsDigit)) {
    if (ParseInt(word.text, &number) && number >= field.low && number <= field.high) return number;
    return Wrong(field, word, field.Expected());
  }
  for (std::size_t i = 0; i < field.names.size(); ++i)
    if (ToLower(word.text) == ToLower(field.names[i])) return field.first_name + static_cast<std::int64_t>(i);
  return Wrong(field, word, field.Expected()).WithHelp(Instead(field, word.text));
}

/// One entry of a list: `*`, `5`, `MON-FRI`, each with or without `/step`; `5/15` runs from 5 to the field's end.
Result<std::uint64_t> ParseEntry(const Field& field, const Word& word) {
  const std::size_t slash = word.text.find('/');
  const Word range = word.Part(0, slash);
  std::int64_t low = field.low, high = field.high == 7 ? 6 : field.high, step = 1;
  if (range.text != "*") {
    const std::size_t dash = range.text.find('-');
    const Word first = range.Part(0, dash);
    ASSIGN_OR_RETURN(low, ParseNumber(field, first));
    if (dash != std::string_view::npos) {
      const Word last = range.Part(dash + 1, std::string_view::npos);
      ASSIGN_OR_RETURN(high, ParseNumber(field, last));
      if (field.high == 7 && high == 0 && !IsDigit(last.text[0])) high = 7;  // FRI-SUN
      if (low > high)
        return Wrong(field, range, "a range that goes up").WithHelp(StrCat("write `", first.text, "-", field.high == 7 ? 6 : field.high, ",", field.low, "-", last.text, "`"));
    } else if (slash == std::string_view::npos) {
      high = low;
    } else {
      high = std::max(high, low);
    }
  }
  if (slash != std::string_view::npos) {
    const Word text = word.Part(slash + 1, std::string_view::npos);
    const bool digits = !text.text.empty() && std::all_of(text.text.begin(), text.text.end(), IsDigit);
    if (!digits || !ParseInt(text.text, &step) || step < 1 || step > field.high)
      return Wrong(field, text, StrCat("a step of 1 to ", field.high, " after `/`"));
  }
  std::uint64_t set = 0;
  for (std::int64_t number = low; number <= high; number += step) set |= 1ULL << (field.high == 7 ? number % 7 : number);
  return set;
}

Result<std::uint64_t> ParseField(const Field& field, const Word& word) {
  std::uint64_t set = 0;
  for (std::size_t at = 0; at <= word.text.size();) {
    const std::size_t comma = std::min(word.text.find(',', at), word.text.size());
    const Word entry = word.Part(at, comma - at);
    if (entry.text.empty()) return Error(ErrorCode::kInvalid, "the ", field.name, " field has an empty place in its list").WithSpan({entry.offset, 1}).WithHelp("remove a comma");
    ASSIGN_OR_RETURN(const std::uint64_t part, ParseEntry(field, entry));
    set |= part;
    at = comma + 1;
  }
  return set;
}

Status CheckNumberOfFields(std::string_view text, const std::vector<Word>& words) {
  if (words.size() == 5) return Ok();
  const std::string_view help = words.size() == 6 ? "seconds and years are not part of it: ticks come on full minutes" : kExample;
  const TextSpan span = words.size() > 5 ? words[5].span() : TextSpan{0, std::max<std::size_t>(text.size(), 1)};
  return Error(ErrorCode::kInvalid, "a cron expression has five fields, got ", words.size()).WithSpan(span).WithHelp(std::string(help));
}

/// Whether some month of the set has a day of the set.
bool HasSomeDay(const CronExpression& cron) {
  constexpr std::array<int, 13> kLongest = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (std::size_t month = 1; month <= 12; ++month)
    if ((cron.months >> month & 1) != 0 && (cron.days & ((2ULL << kLongest[month]) - 1)) != 0) return true;
  return false;
}

Result<CronExpression> ParseShorthand(std::string_view text, const Word& word) {
  std::vector<std::string> names;
  for (const auto& [name, meaning] : kShorthands) {
    names.emplace_back(name);
    if (ToLower(word.text) != name) continue;
    ASSIGN_OR_RETURN(CronExpression cron, ParseCron(meaning));
    cron.text = text;
    return cron;
  }
  const std::string near = NearestName(word.text, names);
  const bool interval = ToLower(word.text) == "@every";
  return Error(ErrorCode::kInvalid, "there is no `", word.text, "`; expected one of ", Join(names, ", "))
      .WithSpan(word.span())
      .WithHelp(interval ? "write `every: 15m` in place of `cron:`" : near.empty() ? std::string(kExample) : StrCat("did you mean `", near, "`?"));
}

}  // namespace

Result<CronExpression> ParseCron(std::string_view text) {
  const std::vector<Word> words = Words(text);
  if (!words.empty() && words[0].text[0] == '@' && (words.size() == 1 || ToLower(words[0].text) == "@every")) return ParseShorthand(text, words[0]);
  RETURN_IF_ERROR(CheckNumberOfFields(text, words));
  std::array<std::uint64_t, 5> sets{};
  for (std::size_t i = 0; i < sets.size(); ++i) {
    ASSIGN_OR_RETURN(sets[i], ParseField(kFields[i], words[i]));
  }
  CronExpression cron;
  cron.text = text;
  cron.minutes = sets[0];
  cron.hours = static_cast<std::uint32_t>(sets[1]);
  cron.days = static_cast<std::uint32_t>(sets[2]);
  cron.months = static_cast<std::uint32_t>(sets[3]);
  cron.weekdays = static_cast<std::uint32_t>(sets[4]);
  cron.either_day = words[2].text[0] != '*' && words[4].text[0] != '*';
  cron.real_time = words[1].text.find_first_of("*/") != std::string_view::npos;
  if (!cron.either_day && !HasSomeDay(cron))
    return Error(ErrorCode::kInvalid, "day ", words[2].text, " never comes in month ", words[3].text).WithSpan(words[2].span()).WithHelp("for a month's last day use `every: 1 month` with `start:` on a 31st");
  return cron;
}

Result<Period> ParsePeriod(std::string_view text) {
  struct Unit { std::string_view name; Period::Unit unit; std::int64_t count; };
  using enum Period::Unit;
  constexpr std::array<Unit, 19> kUnits = {{
      {"m", kMinutes, 1}, {"min", kMinutes, 1}, {"minute", kMinutes, 1}, {"minutes", kMinutes, 1}, {"h", kMinutes, 60}, {"hour", kMinutes, 60}, {"hours", kMinutes, 60},
      {"d", kDays, 1}, {"day", kDays, 1}, {"days", kDays, 1}, {"w", kDays, 7}, {"week", kDays, 7}, {"weeks", kDays, 7},
      {"month", kMonths, 1}, {"months", kMonths, 1}, {"quarter", kMonths, 3}, {"quarters", kMonths, 3}, {"year", kMonths, 12}, {"years", kMonths, 12},
  }};
  constexpr std::int64_t kMost = 1'000'000;
  const TextSpan whole{0, std::max<std::size_t>(text.size(), 1)};
  const std::string_view trimmed = Trim(text);
  const std::size_t digits = static_cast<std::size_t>(std::find_if_not(trimmed.begin(), trimmed.end(), IsDigit) - trimmed.begin());
  const std::string_view word = Trim(trimmed.substr(digits));
  std::int64_t count = 0;
  if (!ParseInt(trimmed.substr(0, digits), &count) || word.empty())
    return Error(ErrorCode::kInvalid, "expected a number and a unit, like 15m, 6h, 1 day, 2 weeks or 1 month, got `", text, "`").WithSpan(whole);
  if (count < 1 || count > kMost) return Error(ErrorCode::kInvalid, "expected a number from 1 to ", kMost, ", got `", text, "`").WithSpan(whole);
  std::vector<std::string> names;
  for (const Unit& unit : kUnits) {
    if (word == unit.name) return Period{std::string(text), unit.unit, count * unit.count};
    names.emplace_back(unit.name);
  }
  const std::string near = NearestName(word, names);
  const bool seconds = word == "s" || word == "sec" || word == "second" || word == "seconds";
  const std::size_t offset = static_cast<std::size_t>(word.data() - text.data());
  return Error(ErrorCode::kInvalid, "`", word, "` is no unit; expected minutes, hours, days, weeks, months, quarters or years")
      .WithSpan({offset, word.size()})
      .WithHelp(seconds ? "the shortest is `1m`" : near.empty() ? "one number and one unit: `36h` for a day and a half" : StrCat("did you mean `", near, "`?"));
}

}  // namespace headrace

// What past runs of the same tenant let expect of a number.
//
// Volumes move by shares (a holiday halves them, it does not take 400 away), so points above 0 are compared by their logarithms: then the lower end of the
// band stays above 0 and an empty dataset is always outside. Upwards the same shares are added, not multiplied, so that a doubling is seen about as early as a
// halving. Median and Qn, because the history holds odd days that nobody marked; Qn rather than the median distance from the median, because of 4 to 20 points every one is needed: its
// efficiency is 82 %, not 37 %. Few points may lie close together by chance, so they are taken together with some that a series nobody knows yet is thought to have, and whose
// spread is such that three of them are a halving. The floors keep tiny changes of a steady series from being reported. bench/baselines.py measures the rule on real series.
#include "headrace/check/baseline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "headrace/base/math.h"
#include "headrace/base/text.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
constexpr double kPairsToSpread = 2.2219;        // of a normal distribution
constexpr double kUnknownPoints = 4;             // a series nobody knows yet has so many points,
constexpr double kUnknownSpread = 0.6931471805599453;   // with this spread of logarithms, ln 2, times `min_change`
constexpr double kMedianVariance = 1.5707963267948966;  // pi / 2: of the median of n points of variance 1, times n
constexpr double kCountSpreads = 2;              // a count varies by about its square root whatever the history says
constexpr std::int64_t kMicrosPerSecond = 1'000'000;
constexpr double kMicrosPerDayDouble = 86'400e6;

/// Days since 1970-01-01 and the second of the day, on the zone's clock.
struct LocalTime { std::int64_t day = 0, second = 0; };

LocalTime Local(std::int64_t at_us, const TimeZone* zone) {
  std::int64_t seconds = at_us / kMicrosPerSecond - (at_us % kMicrosPerSecond < 0 ? 1 : 0);
  if (zone != nullptr) seconds = zone->ToLocal(seconds);
  const std::int64_t day = seconds / 86'400 - (seconds % 86'400 < 0 ? 1 : 0);
  return {day, seconds - day * 86'400};
}

std::int64_t Weekday(std::int64_t day) { return ((day + 3) % 7 + 7) % 7; }            // 1970-01-01 was a Thursday; 0 = Monday
std::int64_t Month(std::int64_t day) {
  std::int64_t month = 0;
  ParseInt(std::string_view(FormatDate(day)).substr(5, 2), &month);
  return month;
}

std::int64_t SeasonOf(BaselineSpec::Season season, const LocalTime& at) {
  switch (season) {
    case BaselineSpec::Season::kHour: return at.second / 3600;
    case BaselineSpec::Season::kWeekday: return Weekday(at.day);
    case BaselineSpec::Season::kMonth: return Month(at.day);
  }
  return 0;
}

bool SameSeason(const BaselineSpec& spec, const LocalTime& a, const LocalTime& b) {
  return std::all_of(spec.same.begin(), spec.same.end(), [&](BaselineSpec::Season season) { return SeasonOf(season, a) == SeasonOf(season, b); });
}

/// "Mondays", "points of 8 h", "points of March", "Mondays of 8 h"; "points" without a season.
std::string PointsName(const BaselineSpec& spec, const LocalTime& at) {
  static constexpr std::array<std::string_view, 7> kDays = {"Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"};
  static constexpr std::array<std::string_view, 12> kMonths = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
  std::string name = "points", of;
  for (const BaselineSpec::Season season : spec.same) {
    const auto value = static_cast<std::size_t>(SeasonOf(season, at));
    if (season == BaselineSpec::Season::kWeekday) name = kDays[value];
    if (season == BaselineSpec::Season::kMonth) of += StrCat(" of ", kMonths[value - 1]);
    if (season == BaselineSpec::Season::kHour) of += StrCat(" of ", value < 10 ? "0" : "", value, ":00");
  }
  return name + of;
}

std::string ShowWhen(std::int64_t at_us, const TimeZone* zone) {
  const LocalTime at = Local(at_us, zone);
  std::string text = FormatDate(at.day);
  if (at.second == 0) return text;
  const std::int64_t hour = at.second / 3600, minute = at.second / 60 % 60;
  return StrCat(text, hour < 10 ? " 0" : " ", hour, minute < 10 ? ":0" : ":", minute);
}

bool Before(const HistoryPoint& a, const HistoryPoint& b) { return a.at_us != b.at_us ? a.at_us < b.at_us : a.value < b.value; }

/// The points that count, oldest first.
std::vector<HistoryPoint> Chosen(const BaselineSpec& spec, std::span<const HistoryPoint> history, std::int64_t at_us, const TimeZone* zone) {
  const LocalTime at = Local(at_us, zone);
  std::vector<HistoryPoint> chosen;
  for (const HistoryPoint& point : history)
    if (point.good && point.at_us < at_us && std::isfinite(point.value) && point.at_us >= spec.since_us.value_or(point.at_us) && SameSeason(spec, Local(point.at_us, zone), at))
      chosen.push_back(point);
  std::sort(chosen.begin(), chosen.end(), Before);
  if (spec.window_us > 0) std::erase_if(chosen, [&](const HistoryPoint& point) { return point.at_us < at_us - spec.window_us; });
  else if (std::ssize(chosen) > spec.window) chosen.erase(chosen.begin(), chosen.end() - spec.window);
  return chosen;
}

/// The newest weighs 1, the one `half_life` before it a half.
std::vector<double> Weights(std::size_t count, std::int64_t half_life) {
  std::vector<double> weights(count, 1.0);
  if (half_life > 0)
    for (std::size_t i = 0; i < count; ++i) weights[i] = math::Pow(0.5, static_cast<double>(count - 1 - i) / static_cast<double>(half_life));
  return weights;
}

bool AreCounts(const std::vector<HistoryPoint>& points) {
  return std::all_of(points.begin(), points.end(), [](const HistoryPoint& p) { return p.value >= 0 && p.value == std::floor(p.value); });
}

double Median(std::vector<double> values) {
  const std::vector<double> weights(values.size(), 1.0);
  return WeightedMedian(values, weights);
}

/// What makes the spread of few values right on average (Croux and Rousseeuw 1992).
double FewValues(std::size_t count) {
  static constexpr std::array<double, 10> kFew = {0, 0, 0.399, 0.994, 0.512, 0.844, 0.611, 0.857, 0.669, 0.872};
  if (count < kFew.size()) return kFew[count];
  const auto n = static_cast<double>(count);
  return n / (n + (count % 2 == 1 ? 1.4 : 3.8));
}

/// The values as seen from `at_us`: with a trend moved along its slope to that time.
void FollowTrend(const std::vector<HistoryPoint>& points, std::int64_t at_us, std::vector<double>& values) {
  std::vector<double> days;
  for (const HistoryPoint& point : points) days.push_back(static_cast<double>(point.at_us - at_us) / kMicrosPerDayDouble);
  const double slope = TheilSenSlope(days, values);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= slope * days[i];
}
}  // namespace

double WeightedMedian(std::span<const double> values, std::span<const double> weights) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] != values[b] ? values[a] < values[b] : a < b; });
  const double half = std::accumulate(weights.begin(), weights.end(), 0.0) / 2;
  double below = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    below += weights[order[i]];
    if (below > half || i + 1 == order.size()) return values[order[i]];
    if (below == half) return (values[order[i]] + values[order[i + 1]]) / 2;
  }
  return values[order.back()];
}

double SpreadOf(std::span<const double> values, std::span<const double> weights) {
  struct Pair { double distance, weight; };
  std::vector<Pair> pairs;
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = i + 1; j < values.size(); ++j) {
      pairs.push_back({std::fabs(values[i] - values[j]), weights[i] * weights[j]});
      total += pairs.back().weight;
    }
  if (pairs.empty()) return 0;
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.distance != b.distance ? a.distance < b.distance : a.weight < b.weight; });
  const auto half = static_cast<double>(values.size() / 2 + 1);           // so many values lie within the distance of each other
  const double wanted = total * (half * (half - 1) / 2) / static_cast<double>(pairs.size()) * (1 - 1e-12);
  double seen = 0;
  std::size_t at = 0;
  while (at + 1 < pairs.size() && (seen += pairs[at].weight) < wanted) ++at;
  return kPairsToSpread * FewValues(values.size()) * pairs[at].distance;
}

double TheilSenSlope(std::span<const double> at, std::span<const double> values) {
  std::vector<double> slopes;
  for (std::size_t i = 0; i < at.size(); ++i)
    for (std::size_t j = i + 1; j < at.size(); ++j)
      if (at[i] != at[j]) slopes.push_back((values[j] - values[i]) / (at[j] - at[i]));
  return slopes.empty() ? 0 : Median(std::move(slopes));
}

ExpectedBand ExpectFrom(const BaselineSpec& spec, std::span<const HistoryPoint> history, std::int64_t at_us, const TimeZone* zone) {
  const std::vector<HistoryPoint> points = Chosen(spec, history, at_us, zone);
  ExpectedBand band;
  band.points = std::ssize(points);
  if (band.points < spec.learn || points.empty()) {
    band.learning = true;
    band.basis = StrCat("learning, ", band.points, " of ", spec.learn);
    return band;
  }
  band.basis = StrCat(band.points, " ", PointsName(spec, Local(at_us, zone)), " ", ShowWhen(points.front().at_us, zone), " to ", ShowWhen(points.back().at_us, zone));

  const bool by_share = std::all_of(points.begin(), points.end(), [](const HistoryPoint& p) { return p.value > 0; });
  std::vector<double> values;
  for (const HistoryPoint& point : points) values.push_back(by_share ? math::Log(point.value) : point.value);
  if (spec.trend) FollowTrend(points, at_us, values);
  const std::vector<double> weights = Weights(points.size(), spec.half_life);
  const double center = WeightedMedian(values, weights), count = static_cast<double>(points.size());
  double spread = SpreadOf(values, weights);
  if (by_share && spec.min_change > 0) {
    const double unknown = kUnknownSpread * spec.min_change;
    spread = std::sqrt((count * spread * spread + kUnknownPoints * unknown * unknown) / (count + kUnknownPoints));
  }
  spread *= std::sqrt(1 + kMedianVariance / count);
  const double half = spec.within * spread;

  band.center = by_share ? math::Exp(center) : center;
  double floor = std::max(spec.min_change * std::fabs(band.center), spec.min_difference);
  const bool counts = AreCounts(points);
  if (counts) floor = std::max(floor, kCountSpreads * std::sqrt(band.center));
  band.lower = std::min(by_share ? math::Exp(center - half) : center - half, band.center - floor);
  band.upper = std::max(by_share ? band.center * (1 + half) : center + half, band.center + floor);
  if (counts) {                                            // the same for whole numbers, and easier to read
    band.lower = std::max(0.0, std::ceil(band.lower));
    band.upper = std::floor(band.upper);
  }
  return band;
}

bool Fits(const BaselineSpec& spec, const ExpectedBand& band, double value) {
  if (band.learning) return true;
  if (!std::isfinite(value)) return false;
  return (value >= band.lower || spec.direction == BaselineSpec::Direction::kUp) && (value <= band.upper || spec.direction == BaselineSpec::Direction::kDown);
}

void JudgeByBaseline(const BaselineSpec& spec, std::span<const HistoryPoint> history, std::int64_t at_us, const TimeZone* zone, CheckVerdict& verdict) {
  verdict.band = ExpectFrom(spec, history, at_us, zone);
  if (!verdict.passed || Fits(spec, *verdict.band, *verdict.value)) return;
  verdict.passed = false;
  verdict.message = StrCat(verdict.measure.empty() ? verdict.name : verdict.measure, verdict.segment.empty() ? "" : StrCat(" of ", verdict.segment), " ", ShowMeasured(*verdict.value),
                           ": expected ", ShowBand(spec, *verdict.band), ", from ", verdict.band->basis);
  std::vector<HistoryPoint> before(history.begin(), history.end());
  std::erase_if(before, [&](const HistoryPoint& point) { return point.at_us >= at_us; });
  std::sort(before.begin(), before.end(), Before);
  std::int64_t row = 1, first_us = at_us;                  // intervals in a row that were outside, with this one
  for (auto point = before.rbegin(); point != before.rend() && !point->good; ++point, ++row) first_us = point->at_us;
  verdict.help = row < 3 ? "look at what the source answered; if the new level is right and stays, say `since:` under `baseline`, and the history begins there"
                         : StrCat(row, " intervals in a row were outside; if this is the new level, say `since: ", FormatDate(Local(first_us, zone).day), "` under `baseline`, and the history begins there");
}

std::vector<ReplayedPoint> Replay(const BaselineSpec& spec, std::vector<HistoryPoint> history, const TimeZone* zone) {
  std::vector<ReplayedPoint> replayed;
  for (std::size_t i = 0; i < history.size(); ++i) {
    ReplayedPoint& point = replayed.emplace_back();
    point.band = ExpectFrom(spec, std::span(history).first(i), history[i].at_us, zone);
    point.fits = Fits(spec, point.band, history[i].value);
    history[i].good = history[i].good && point.fits;
  }
  return replayed;
}

std::string ShowMeasured(double value) {
  if (!std::isfinite(value)) return FormatDouble(value);
  if (value == std::floor(value) && std::fabs(value) < 1e15) return FormatCount(static_cast<std::int64_t>(value));
  if (std::fabs(value) >= 1000) return FormatCount(static_cast<std::int64_t>(std::llround(value)));
  const double scale = math::Pow(10, 3 - std::floor(math::Log10(std::fabs(value))));
  return FormatDouble(std::round(value * scale) / scale);
}

std::string ShowBand(const BaselineSpec& spec, const ExpectedBand& band) {
  if (spec.direction == BaselineSpec::Direction::kDown) return StrCat("at least ", ShowMeasured(band.lower));
  if (spec.direction == BaselineSpec::Direction::kUp) return StrCat("at most ", ShowMeasured(band.upper));
  return StrCat(ShowMeasured(band.lower), " to ", ShowMeasured(band.upper));
}

}  // namespace headrace

// The made-up worlds of the project templates. Each row is drawn from SplitMix64 under a fixed seed; what is to be predicted follows
// from the row's other values through a logit or a product of factors, plus noise.

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

#include "headrace/base/clock.h"
#include "headrace/base/math.h"
#include "headrace/base/text.h"
#include "headrace/cli/templates.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  double Uniform() { return static_cast<double>(random_.Next() >> 11) * 0x1p-53; }      ///< [0, 1)
  bool Chance(double p) { return Uniform() < p; }
  std::int64_t Whole(std::int64_t low, std::int64_t high) {                              ///< both included
    return low + static_cast<std::int64_t>(Uniform() * static_cast<double>(high - low + 1));
  }
  /// Mean 0, deviation 1: the sum of twelve uniform numbers (Irwin-Hall), near enough to normal.
  double Normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += Uniform();
    return sum;
  }
  /// An index, by weights that add up to 1.
  std::size_t Pick(std::initializer_list<double> weights) {
    double at = Uniform();
    std::size_t index = 0;
    for (const double weight : weights) {
      if (at < weight || index + 1 == weights.size()) break;
      at -= weight;
      ++index;
    }
    return index;
  }
  bool Yes(double logit) { return Chance(math::Sigmoid(logit)); }

 private:
  SeededRandom random_;
};

/// A value with `digits` (1 or 2) places.
std::string Fixed(double value, int digits) {
  const std::int64_t unit = digits == 1 ? 10 : 100;
  const auto scaled = static_cast<std::int64_t>(value * static_cast<double>(unit) + (value < 0 ? -0.5 : 0.5));
  const std::int64_t size = scaled < 0 ? -scaled : scaled;
  std::string rest = StrCat(size % unit);
  rest.insert(0, static_cast<std::size_t>(digits) - rest.size(), '0');
  return StrCat(scaled < 0 ? "-" : "", size / unit, ".", rest);
}

std::string OrNull(bool null, std::string text) { return null ? std::string() : text; }

/// Customers as of one day; with `churned`, also who left in the 90 days after.
std::string Customers(Dice& dice, std::int64_t first_id, std::int64_t count, std::int64_t as_of, std::string* churned) {
  static constexpr std::array<std::string_view, 4> kPlans = {"basic", "plus", "team", "legacy"};
  static constexpr std::array<double, 4> kFees = {9.9, 19.9, 49.9, 14.9}, kPlanEffect = {0.35, 0, -0.9, 1.2};
  static constexpr std::array<std::string_view, 5> kCountries = {"DE", "FR", "NL", "AT", "CH"};
  std::string rows = "customer_id,joined_on,plan,country,monthly_fee,visits_30d,tickets_90d,last_visit_on\n";
  if (churned != nullptr) *churned = "customer_id,churned\n";
  for (std::int64_t id = first_id; id < first_id + count; ++id) {
    const std::size_t plan = dice.Pick({0.55, 0.32, 0.12, 0.01});
    const std::size_t country = dice.Pick({0.45, 0.25, 0.15, 0.1, 0.05});
    const std::int64_t tenure = 30 + static_cast<std::int64_t>(2000 * dice.Uniform() * dice.Uniform());
    const double love = dice.Normal();
    const auto visits = std::max<std::int64_t>(0, static_cast<std::int64_t>(8 + 6 * love + 2 * dice.Normal()));
    const std::int64_t tickets = static_cast<std::int64_t>(dice.Pick({0.6, 0.2, 0.1, 0.06, 0.04}));
    const std::int64_t away = visits > 0 ? dice.Whole(0, 60 / (visits + 1)) : dice.Whole(31, 120);
    const double fee = kFees[plan] * (dice.Chance(0.2) ? 0.8 : 1.0);
    rows += StrCat(id, ",", FormatDate(as_of - tenure), ",", kPlans[plan], ",", OrNull(dice.Chance(0.03), std::string(kCountries[country])), ",", Fixed(fee, 2), ",",
                   visits, ",", tickets, ",", OrNull(dice.Chance(0.04), FormatDate(as_of - away)), "\n");
    const double logit = -1.1 + kPlanEffect[plan] - 0.13 * static_cast<double>(visits) + 0.55 * static_cast<double>(tickets) +
                         0.014 * static_cast<double>(away) - 0.0008 * static_cast<double>(tenure) + 0.4 * dice.Normal();
    if (churned != nullptr) *churned += StrCat(id, ",", dice.Yes(logit), "\n");
  }
  return rows;
}

/// Leads; with `won`, also which of them became customers.
std::string Leads(Dice& dice, std::int64_t first_id, std::int64_t count, std::int64_t first_day, std::int64_t days, std::string* won) {
  static constexpr std::array<std::string_view, 6> kSources = {"search", "ads", "referral", "event", "partner", "print"};
  static constexpr std::array<double, 6> kSourceEffect = {0, -0.5, 1.1, 0.3, 0.8, -0.2};
  static constexpr std::array<std::string_view, 5> kIndustries = {"retail", "software", "health", "finance", "public"};
  static constexpr std::array<double, 5> kIndustryEffect = {0, 0.6, -0.2, 0.3, -0.7};
  std::string rows = "lead_id,created_on,email,source,industry,employees,pages_viewed,demo_requested\n";
  if (won != nullptr) *won = "lead_id,won\n";
  for (std::int64_t id = first_id; id < first_id + count; ++id) {
    const std::size_t source = dice.Pick({0.38, 0.3, 0.12, 0.1, 0.095, 0.005}), industry = dice.Pick({0.3, 0.25, 0.2, 0.15, 0.1});
    const bool company = dice.Chance(0.7), demo = dice.Chance(0.18);
    const double size = 3.4 + 1.3 * dice.Normal();
    const auto employees = std::max<std::int64_t>(1, static_cast<std::int64_t>(math::Exp(size)));
    const auto pages = static_cast<std::int64_t>(1 + 18 * dice.Uniform() * dice.Uniform());
    const std::string domain = company ? StrCat("company", id % 977, ".example") : std::string(id % 2 == 0 ? "freemail.example" : "post.example");
    rows += StrCat(id, ",", FormatDate(first_day + dice.Whole(0, days - 1)), ",person", id, "@", domain, ",", kSources[source], ",",
                   OrNull(dice.Chance(0.05), std::string(kIndustries[industry])), ",", OrNull(dice.Chance(0.08), StrCat(employees)), ",", pages, ",", demo, "\n");
    const double logit = -3.6 + kSourceEffect[source] + kIndustryEffect[industry] + (company ? 0.9 : 0) + (demo ? 1.4 : 0) +
                         0.12 * static_cast<double>(pages) + 0.3 * (size - 3.4) + 0.4 * dice.Normal();
    if (won != nullptr) *won += StrCat(id, ",", dice.Yes(logit), "\n");
  }
  return rows;
}
}  // namespace

std::vector<NewFile> ChurnData() {
  Dice dice(20260331);
  std::string churned;
  std::string first = Customers(dice, 1001, 3000, DaysFromCivil(2026, 3, 31), &churned);
  return {{"data/customers_2026_q1.csv", std::move(first)},
          {"data/churned_2026_q1.csv", std::move(churned)},
          {"data/customers_2026_q2.csv", Customers(dice, 4001, 1500, DaysFromCivil(2026, 6, 30), nullptr)}};
}

std::vector<NewFile> LeadScoringData() {
  Dice dice(20251231);
  std::string won;
  std::string first = Leads(dice, 1, 3000, DaysFromCivil(2025, 1, 1), 365, &won);
  return {{"data/leads_2025.csv", std::move(first)},
          {"data/won_2025.csv", std::move(won)},
          {"data/leads_new.csv", Leads(dice, 3001, 400, DaysFromCivil(2026, 1, 1), 28, nullptr)}};
}

std::vector<NewFile> ForecastData() {
  static constexpr std::array<std::string_view, 4> kRegions = {"north", "south", "west", "island"};
  Dice dice(20251229);
  constexpr std::int64_t kStores = 40, kWeeks = 104;
  const std::int64_t first_week = DaysFromCivil(2024, 1, 1);  // a Monday
  std::string stores = "store_id,region,opened_on,size_m2\n", plan = "store_id,week,promo,holiday\n", sales = "store_id,week,visitors,revenue\n";
  for (std::int64_t store = 1; store <= kStores; ++store) {
    const std::size_t region = store == kStores ? 3 : static_cast<std::size_t>(dice.Whole(0, 2));
    const std::int64_t size = dice.Whole(12, 120) * 10;
    stores += StrCat(store, ",", kRegions[region], ",", FormatDate(first_week - dice.Whole(100, 6000)), ",", OrNull(store % 13 == 0, StrCat(size)), "\n");
    const double level = static_cast<double>(size) * (18 + 3 * dice.Normal()) * (region == 1 ? 1.2 : region == 3 ? 1.5 : 1.0);
    const double growth = 0.0012 * dice.Normal();
    for (std::int64_t week = 0; week <= kWeeks; ++week) {
      const std::string day = FormatDate(first_week + 7 * week);
      const bool promo = dice.Chance(0.2), holiday = week % 52 >= 47 && week % 52 <= 50;
      plan += StrCat(store, ",", day, ",", promo, ",", holiday, "\n");
      const std::int64_t from_summer = std::min((week + 52 - 28) % 52, (28 + 52 - week % 52) % 52);
      const double season = 0.85 + 0.3 * static_cast<double>(26 - std::min<std::int64_t>(26, from_summer)) / 26;
      const double revenue = level * (1 + growth * static_cast<double>(week)) * season * (promo ? 1.25 : 1) * (holiday ? 1.4 : 1) * (1 + 0.07 * dice.Normal());
      const bool closed = dice.Chance(0.004);
      if (week < kWeeks && !closed)
        sales += StrCat(store, ",", day, ",", OrNull(dice.Chance(0.02), StrCat(static_cast<std::int64_t>(revenue / (9 + dice.Uniform())))), ",", Fixed(revenue, 2), "\n");
    }
  }
  return {{"data/stores.csv", std::move(stores)}, {"data/plan.csv", std::move(plan)}, {"data/sales.csv", std::move(sales)}};
}

}  // namespace headrace

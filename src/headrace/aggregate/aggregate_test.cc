#include "headrace/aggregate/aggregate.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/aggregate/feature_text.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kDay = kMicrosPerDay;
std::int64_t At(const char* text) { return *ParseTimestamp(text); }
std::int64_t Day(const char* text) { return *ParseDate(text); }

/// One event of the tests' shop.
struct Event {
  std::optional<std::int64_t> customer;
  std::optional<std::int64_t> at;
  std::optional<double> amount;
  std::optional<std::string> kind;
  std::optional<std::int64_t> loaded = std::nullopt;
};

Table Events(const std::vector<Event>& events, Type time = Type::kTimestamp) {
  ColumnBuilder customer(Type::kInt), at(time), amount(Type::kDouble), kind(Type::kText), loaded(time);
  for (const Event& e : events) {
    e.customer ? customer.AppendInt(*e.customer) : customer.AppendNull();
    e.at ? at.AppendInt(*e.at) : at.AppendNull();
    e.amount ? amount.AppendDouble(*e.amount) : amount.AppendNull();
    e.kind ? kind.AppendText(*e.kind) : kind.AppendNull();
    e.loaded ? loaded.AppendInt(*e.loaded) : loaded.AppendNull();
  }
  return Table(Schema({{"customer", Type::kInt}, {"at", time}, {"amount", Type::kDouble}, {"kind", Type::kText}, {"loaded", time}}),
               {customer.Finish(), at.Finish(), amount.Finish(), kind.Finish(), loaded.Finish()}, events.size());
}

Table Dates(const std::vector<std::pair<std::int64_t, std::int64_t>>& rows, Type type = Type::kTimestamp) {
  ColumnBuilder customer(Type::kInt), as_of(type);
  for (const auto& [c, d] : rows) customer.AppendInt(c), as_of.AppendInt(d);
  return Table(Schema({{"customer", Type::kInt}, {"as_of", type}}), {customer.Finish(), as_of.Finish()}, rows.size());
}

AggregateSpec Spec(std::vector<std::pair<std::string, std::string>> features, std::vector<WindowSpec> windows = {{}}) {
  AggregateSpec spec;
  spec.entity = "customer";
  spec.time = "at";
  spec.windows = std::move(windows);
  for (auto& [name, of] : features) spec.features.push_back({std::move(name), std::move(of), "", {}, std::nullopt});
  return spec;
}

Result<Table> Made(const AggregateSpec& spec, const Table& events, const std::optional<Table>& dates = {}, int threads = 1, std::size_t block = 65536, AggregateCounts* counts = nullptr) {
  AggregateCounts own;
  ASSIGN_OR_RETURN(const AggregatePlan plan, AggregatePlan::Make(spec, events.schema(), dates ? &dates->schema() : nullptr));
  const auto stream = StreamOf(events, block);
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, Aggregate(plan, *stream, dates, {threads, {}}, counts == nullptr ? own : *counts));
  ASSIGN_OR_RETURN(Table table, ReadAll(*rows));
  EXPECT_EQ(table.schema(), plan.output());
  return table;
}

/// Each row as text: `1 2026-01-10: 2, null`, from column `first` on.
std::vector<std::string> Shown(const Result<Table>& table, std::size_t first = 0) {
  if (!table.ok()) return {table.status().ToString()};
  std::vector<std::string> rows;
  for (std::size_t r = 0; r < table->num_rows(); ++r) {
    std::vector<std::string> cells;
    for (std::size_t c = first; c < table->num_columns(); ++c) cells.push_back(table->column(c).At(r).ToString());
    rows.push_back(Join(cells, " "));
  }
  return rows;
}

/// All bits of a table.
std::string Bits(const Table& table) {
  std::string out;
  for (std::size_t r = 0; r < table.num_rows(); ++r, out += '\n')
    for (std::size_t c = 0; c < table.num_columns(); ++c) {
      const Column& column = table.column(c);
      if (column.IsNull(r)) out += " -";
      else if (column.type() == Type::kDouble) out += StrCat(" ", std::bit_cast<std::int64_t>(column.doubles()[r]));
      else out += StrCat(" ", column.At(r).ToString());
    }
  return out;
}

const WindowSpec k7d{"7d", 7 * kDay}, k30d{"30d", 30 * kDay}, kAll{};

TEST(AggregateTest, AWindowHoldsItsFirstMomentAndNotTheDate) {
  AggregateSpec spec = Spec({{"n", "count"}, {"spend", "sum(amount)"}}, {k7d, kAll});
  spec.as_of = Value::Timestamp(At("2026-01-10 00:00:00"));
  const Table events = Events({{1, At("2026-01-03 00:00:00"), 1.0, "a"},            // the first moment of the 7 days
                               {1, At("2026-01-03 00:00:00") - 1, 2.0, "a"},        // just before them
                               {1, At("2026-01-10 00:00:00") - 1, 4.0, "a"},
                               {1, At("2026-01-10 00:00:00"), 8.0, "a"},            // the date itself
                               {2, At("2026-01-10 00:00:00"), 16.0, "a"}});         // nothing before the date: no row
  AggregateCounts counts;
  const Result<Table> table = Made(spec, events, {}, 1, 65536, &counts);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->schema().Names(), ElementsAre("customer", "as_of", "n_7d", "n", "spend_7d", "spend"));
  EXPECT_THAT(Shown(table), ElementsAre("1 2026-01-10 00:00:00 2 3 5 7"));
  EXPECT_EQ(counts.events, 5);
  EXPECT_EQ(counts.at_or_after, 2);
  EXPECT_EQ(counts.rows, 1);
}

TEST(AggregateTest, EveryFunctionByItsFormula) {
  AggregateSpec spec = Spec({{"n", "count"}, {"any", "any where kind = 'b'"}, {"values", "count(amount)"}, {"kinds", "count(distinct kind)"}, {"sum", "sum(amount)"}, {"mean", "mean(amount)"},
                             {"low", "min(amount)"}, {"high", "max(amount)"}, {"std", "std(amount)"}, {"trend", "trend(amount)"}, {"recency", "recency"}, {"tenure", "tenure"},
                             {"gap", "mean_gap"}, {"gaps", "std_gap"}, {"b", "sum(amount * 2) where kind = 'b'"}, {"share", "b / sum"}});
  spec.as_of = Value::Date(Day("2026-01-11"));
  const Table events = Events({{1, At("2026-01-05 12:00:00"), 6.0, "b"}, {1, At("2026-01-01 12:00:00"), 2.0, "a"}, {1, At("2026-01-02 12:00:00"), {}, {}}, {1, At("2026-01-09 12:00:00"), 10.0, "a"}});
  const Result<Table> table = Made(spec, events);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(Shown(table), ElementsAre("1 2026-01-11 4 true 3 2 18 6 2 10 4 1 1.5 9.5 2.6666666666666665 1.5275252316519465 12 0.6666666666666666"));
}

TEST(AggregateTest, AnEntityWithoutEventsGetsZeroForCountsAndSumsAndNullForTheRest) {
  AggregateSpec spec = Spec({{"n", "count"}, {"any", "any"}, {"kinds", "count(distinct kind)"}, {"sum", "sum(amount)"}, {"mean", "mean(amount)"}, {"low", "min(amount)"},
                             {"std", "std(amount)"}, {"trend", "trend(amount)"}, {"recency", "recency"}, {"tenure", "tenure"}, {"gap", "mean_gap"}, {"gaps", "std_gap"}});
  const Table events = Events({{1, At("2026-01-05 12:00:00"), 6.0, "b"}});
  EXPECT_THAT(Shown(Made(spec, events, Dates({{9, At("2026-02-01 00:00:00")}, {1, At("2026-01-01 00:00:00")}}))),
              ElementsAre("9 2026-02-01 00:00:00 0 false 0 0 null null null null null null null null", "1 2026-01-01 00:00:00 0 false 0 0 null null null null null null null null"));
}

TEST(AggregateTest, GivenRowsKeepTheirOrderAndColumnsAndDatesAloneMeetEveryEntity) {
  const Table events = Events({{3, At("2026-01-05 12:00:00"), 6.0, "b"}, {-1, At("2026-01-02 12:00:00"), 1.0, "b"}, {4, At("2026-03-05 12:00:00"), 1.0, "b"}});
  ColumnBuilder note(Type::kText);
  for (const char* text : {"x", "y", "z"}) note.AppendText(text);
  const Table given = Dates({{3, Day("2026-02-01")}, {-1, Day("2026-01-03")}, {3, Day("2026-01-03")}}, Type::kDate).WithColumn("note", note.Finish());
  AggregateCounts counts;
  EXPECT_THAT(Shown(Made(Spec({{"n", "count"}}), events, given, 1, 65536, &counts)), ElementsAre("3 2026-02-01 x 1", "-1 2026-01-03 y 1", "3 2026-01-03 z 0"));
  EXPECT_EQ(counts.entities, 2);
  ColumnBuilder as_of(Type::kDate), month(Type::kText);
  for (const char* day : {"2026-02-01", "2026-01-03"}) as_of.AppendInt(Day(day)), month.AppendText(day + 5);
  const Table dates(Schema({{"month", Type::kText}, {"as_of", Type::kDate}}), {month.Finish(), as_of.Finish()}, 2);
  EXPECT_THAT(Shown(Made(Spec({{"n", "count"}}), events, dates)), ElementsAre("-1 01-03 2026-01-03 1", "-1 02-01 2026-02-01 1", "3 02-01 2026-02-01 1"));
}

TEST(AggregateTest, LabelsReadFromTheDateOn) {
  AggregateSpec spec = Spec({});
  spec.labels = {{"bought", "any where kind = 'b'", "", {}, {}}, {"spend", "sum(amount)", "", {}, {}}};
  spec.within_us = 7 * kDay;
  const Table events = Events({{1, At("2026-01-05 00:00:00") - 1, 1.0, "b"}, {1, At("2026-01-05 00:00:00"), 2.0, "b"}, {1, At("2026-01-12 00:00:00") - 1, 4.0, "a"}, {1, At("2026-01-12 00:00:00"), 8.0, "b"}});
  AggregateCounts counts;
  EXPECT_THAT(Shown(Made(spec, events, Dates({{1, At("2026-01-05 00:00:00")}, {1, At("2026-01-06 00:00:00")}, {2, At("2026-01-05 00:00:00")}}), 1, 65536, &counts)),
              ElementsAre("1 2026-01-05 00:00:00 true 6", "1 2026-01-06 00:00:00 true 12", "2 2026-01-05 00:00:00 false 0"));
  EXPECT_EQ(counts.labels_open, 1) << "the second row's seven days end after the newest event";
}

TEST(AggregateTest, LevelsAreThoseNamedAndTheirWindowsMayBeOthers) {
  AggregateSpec spec = Spec({{"n", "count"}}, {k30d});
  spec.features.push_back({"n_of", "count", "kind", {"a", "b c"}, std::vector<WindowSpec>{k7d, kAll}});
  spec.features.push_back({"last", "recency", "kind", {"a"}, std::nullopt});
  spec.as_of = Value::Date(Day("2026-01-11"));
  const Table events = Events({{1, At("2026-01-05 00:00:00"), 1.0, "a"}, {1, At("2026-01-01 00:00:00"), 1.0, "a"}, {1, At("2026-01-01 00:00:00"), 1.0, "b c"}, {1, At("2026-01-09 00:00:00"), 1.0, "d"}, {1, At("2026-01-08 00:00:00"), 1.0, {}}});
  const Result<Table> table = Made(spec, events);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_THAT(table->schema().Names(), ElementsAre("customer", "as_of", "n_30d", "n_of_a_7d", "n_of_b c_7d", "n_of_a", "n_of_b c", "last_a"));
  EXPECT_THAT(Shown(table, 2), ElementsAre("5 1 0 2 1 6"));
}

TEST(AggregateTest, AnEventKnownLaterCountsForLaterDatesOnly) {
  AggregateSpec spec = Spec({{"n", "count"}, {"recency", "recency"}});
  spec.known = "loaded";
  spec.labels = {{"later", "count", "", {}, {}}};
  spec.within_us = 7 * kDay;
  const Table events = Events({{1, At("2026-01-05 00:00:00"), 1.0, "a", At("2026-01-05 01:00:00")}, {1, At("2026-01-06 00:00:00"), 1.0, "a", At("2026-01-20 00:00:00")}, {1, At("2026-01-06 00:00:00"), 1.0, "a", {}}});
  EXPECT_THAT(Shown(Made(spec, events, Dates({{1, At("2026-01-07 00:00:00")}, {1, At("2026-01-20 00:00:00")}, {1, At("2026-01-20 00:00:01")}, {1, At("2026-01-05 12:00:00")}})), 2),
              ElementsAre("1 2 0", "1 15 0", "2 14.000011574074074 0", "1 0.5 2"));
}

TEST(AggregateTest, EventsWithoutAnEntityAreCountedAndThoseWithoutATimeRefused) {
  AggregateSpec spec = Spec({{"n", "count"}});
  spec.as_of = Value::Date(Day("2026-01-11"));
  AggregateCounts counts;
  EXPECT_THAT(Shown(Made(spec, Events({{{}, At("2026-01-05 00:00:00"), 1.0, "a"}, {1, At("2026-01-05 00:00:00"), 1.0, "a"}}), {}, 1, 65536, &counts), 2), ElementsAre("1"));
  EXPECT_EQ(counts.without_entity, 1);
  const Result<Table> refused = Made(spec, Events({{1, {}, 1.0, "a"}, {1, At("2026-01-05 00:00:00"), 1.0, "a"}}));
  EXPECT_EQ(refused.status().code(), ErrorCode::kData);
  EXPECT_THAT(refused.status().message(), HasSubstr("1 of 2 events has no `at`"));
}

TEST(AggregateTest, RefusesDatesThatAreNotClear) {
  const AggregateSpec spec = Spec({{"n", "count"}});
  const Table events = Events({{1, At("2026-01-05 00:00:00"), 1.0, "a"}});
  const auto message = [&](const Table& data, const Table& dates) { return Made(spec, data, dates).status().message(); };
  EXPECT_EQ(message(events, Dates({{1, 5}, {2, 5}, {1, 5}, {1, 5}})), "2 rows of the dataset of dates have `customer` and `as_of` of an earlier row; the first is row 3");
  EXPECT_THAT(message(Events({{1, Day("2026-01-05"), 1.0, "a"}}, Type::kDate), Dates({{1, At("2026-01-05 06:00:00")}})), HasSubstr("has a time of day"));
  ColumnBuilder nothing(Type::kDate);
  nothing.AppendNull();
  EXPECT_EQ(message(events, Table(Schema({{"as_of", Type::kDate}}), {nothing.Finish()}, 1)), "1 row of the dataset of dates without `as_of`");
  ColumnBuilder twice(Type::kDate);
  twice.AppendInt(3), twice.AppendInt(3);
  EXPECT_EQ(message(events, Table(Schema({{"as_of", Type::kDate}}), {twice.Finish()}, 2)), "the dataset of dates has 1970-01-04 00:00:00 twice");
}

TEST(AggregateTest, DaysAreDaysOfEventsThatHaveDates) {
  AggregateSpec spec = Spec({{"n", "count"}, {"recency", "recency"}}, {k7d});
  const Table events = Events({{1, Day("2026-01-04"), 1.0, "a"}, {1, Day("2026-01-03"), 1.0, "a"}, {1, Day("2026-01-11"), 1.0, "a"}}, Type::kDate);
  spec.as_of = Value::Date(Day("2026-01-11"));
  EXPECT_THAT(Shown(Made(spec, events), 2), ElementsAre("1 7"));
  spec.as_of = Value::Timestamp(At("2026-01-12 00:00:00"));
  EXPECT_THAT(Shown(Made(spec, events), 2), ElementsAre("1 1"));
}

TEST(AggregateTest, ASumOfIntsStaysExactAndSaysWhenItCannot) {
  AggregateSpec spec = Spec({{"sum", "sum(cast(amount as int) + 9007199254740992)"}});
  spec.as_of = Value::Date(Day("2026-01-11"));
  std::vector<Event> events(3, {1, At("2026-01-05 00:00:00"), 1.0, "a"});
  EXPECT_THAT(Shown(Made(spec, Events(events)), 2), ElementsAre("27021597764222979"));
  events.assign(2000, events[0]);
  EXPECT_THAT(Made(spec, Events(events)).status().message(), HasSubstr("passes 64 bits"));
}

TEST(AggregateTest, NamesWhatDoesNotFit) {
  const Schema events = Events({}).schema();
  const auto message = [&](AggregateSpec spec) {
    spec.as_of = Value::Date(0);
    const Result<AggregatePlan> plan = AggregatePlan::Make(spec, events, nullptr);
    return plan.ok() ? "ok" : plan.status().ToString();
  };
  EXPECT_EQ(message(Spec({{"n", "sum(amout)"}})), "`n`: there is no column `amout`\nhelp: did you mean `amount`?");
  EXPECT_EQ(message(Spec({{"n", "sum(kind)"}})), "`n`: this function takes a number or bool, but `kind` is of type text");
  EXPECT_EQ(message(Spec({{"n", "count where amount"}})), "`n`: `where` takes a condition, but the expression gives a double");
  EXPECT_THAT(message(Spec({{"n", "count"}, {"m", "n_7d + 1"}})), HasSubstr("an entry without a function over events reads the features before it: n"));
  EXPECT_THAT(message(Spec({{"as_of", "count"}})), HasSubstr("the column `as_of` is there already"));
  AggregateSpec spec = Spec({{"n", "count"}});
  spec.entity = "costumer";
  EXPECT_EQ(message(spec), "`entity` `costumer` is no column of the dataset of events\nhelp: did you mean `customer`?");
  spec = Spec({{"n", "count"}});
  spec.time = "";
  EXPECT_EQ(message(spec), "the dataset of events has several columns of dates or timestamps: at, loaded\nhelp: say which is the event's: `time: at`");
  spec = Spec({});
  spec.labels = {{"r", "recency", "", {}, {}}};
  EXPECT_THAT(message(spec), HasSubstr("a label looks ahead"));
}

TEST(FeatureTextTest, IsAFunctionPerhapsWithAConditionOrAnExpression) {
  const auto shown = [](const char* text) {
    const Result<FeatureText> parsed = ParseFeature(text);
    if (!parsed.ok()) return StrCat(parsed.status().span() ? StrCat(parsed.status().span()->offset, ": ") : "", parsed.status().message());
    return StrCat(parsed->function ? static_cast<int>(*parsed->function) : -1, "|", parsed->argument, "|", parsed->where);
  };
  EXPECT_EQ(shown("count"), "0||");
  EXPECT_EQ(shown("Count(*)"), "0||");
  EXPECT_EQ(shown("count(x)"), "2|x|");
  EXPECT_EQ(shown("count(distinct lower(x))"), "3|lower(x)|");
  EXPECT_EQ(shown("sum( (a + b) * 2 ) where kind = 'where ('"), "4|(a + b) * 2 |kind = 'where ('");
  EXPECT_EQ(shown("recency where a > 1 and b"), "10||a > 1 and b");
  EXPECT_EQ(shown("spend_7d / nullif(spend_90d, 0)"), "-1|spend_7d / nullif(spend_90d, 0)|");
  EXPECT_EQ(shown("sum(a) / 2"), "7: expected `where` or the end, got `/`");
  EXPECT_EQ(shown("sum()"), "4: `sum(...)` needs an argument");
  EXPECT_EQ(shown("count where"), "6: `where` needs a condition");
  EXPECT_EQ(shown("recency()"), "7: `recency` stands without parentheses");
  EXPECT_EQ(shown("sum(foo(a))"), "4: there is no function `foo`");
  EXPECT_EQ(shown("sum(a"), "3: `(` is not closed");
}

// --- properties

std::vector<Event> RandomEvents(std::mt19937_64& random, std::size_t count) {
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(random() % n); };
  std::vector<Event> events;
  for (std::size_t i = 0; i < count; ++i) {
    Event event{below(40), At("2026-01-01 00:00:00") + below(100) * (kDay / 3), std::ldexp(static_cast<double>(below(1000)) / 7, static_cast<int>(below(40)) - 20), StrCat("k", below(5)), {}};
    if (below(10) == 0) event.amount = std::nullopt;
    if (below(10) == 0) event.kind = std::nullopt;
    event.loaded = *event.at + below(3) * kDay;
    events.push_back(event);
  }
  return events;
}

AggregateSpec Everything() {
  AggregateSpec spec = Spec({{"n", "count"}, {"any", "any where kind = 'k1'"}, {"values", "count(amount)"}, {"kinds", "count(distinct kind)"}, {"amounts", "count(distinct amount)"}, {"sum", "sum(amount)"},
                             {"mean", "mean(amount) where kind <> 'k2'"}, {"low", "min(amount)"}, {"high", "max(amount)"}, {"std", "std(amount)"}, {"trend", "trend(amount)"}, {"recency", "recency where kind = 'k3'"},
                             {"tenure", "tenure"}, {"gap", "mean_gap"}, {"gaps", "std_gap"}},
                            {k7d, k30d, kAll});
  spec.features.push_back({"of", "sum(amount)", "kind", {"k0", "k1", "k4"}, std::nullopt});
  spec.features.push_back({"ratio", "sum_7d / nullif(sum_30d, 0)", "", {}, std::nullopt});
  return spec;
}

std::vector<std::pair<std::int64_t, std::int64_t>> RandomDates(std::mt19937_64& random) {
  std::vector<std::pair<std::int64_t, std::int64_t>> dates;
  for (std::int64_t c = 0; c < 45; ++c)
    for (std::int64_t d = 0; d < 4; ++d)
      if (random() % 3 != 0) dates.emplace_back(c, At("2026-01-03 00:00:00") + d * 8 * kDay);
  return dates;
}

TEST(AggregatePropertyTest, EqualEventsGiveEqualBitsInAnyOrderBlockAndNumberOfThreads) {
  std::mt19937_64 random(1);
  std::vector<Event> events = RandomEvents(random, 3000);
  const Table dates = Dates(RandomDates(random));
  AggregateSpec given = Everything(), single = Everything();
  given.labels = {{"later", "sum(amount)", "", {}, {}}};
  given.within_us = 5 * kDay;
  single.as_of = Value::Date(Day("2026-01-20"));
  const std::string first = Bits(*Made(given, Events(events), dates)), first_single = Bits(*Made(single, Events(events)));
  for (const auto& [threads, block] : {std::pair(1, 7u), {2, 100u}, {3, 1u}, {8, 1000u}}) {
    std::shuffle(events.begin(), events.end(), random);
    EXPECT_EQ(Bits(*Made(given, Events(events), dates, threads, block)), first);
    EXPECT_EQ(Bits(*Made(single, Events(events), {}, threads, block)), first_single);
  }
}

TEST(AggregatePropertyTest, NothingAtOrAfterTheDateChangesAFeature) {
  std::mt19937_64 random(2);
  AggregateSpec spec = Everything();
  const std::int64_t date = At("2026-01-20 08:00:00");
  spec.as_of = Value::Timestamp(date);
  for (int round = 0; round < 30; ++round) {
    spec.known = round % 3 == 0 ? "loaded" : "";
    std::vector<Event> events = RandomEvents(random, 500);
    const std::string before = Bits(*Made(spec, Events(events)));
    std::erase_if(events, [&](const Event& e) { return *e.at >= date && random() % 2 == 0; });      // removed,
    for (Event& event : events)
      if (*event.at >= date && random() % 2 == 0) event = {event.customer, date + static_cast<std::int64_t>(random() % 1000), std::numeric_limits<double>::infinity(), "k1", 0};   // changed,
    for (std::int64_t c = 0; c < 60; ++c) events.push_back({c, date, std::numeric_limits<double>::quiet_NaN(), "k0", 0});   // and added
    std::shuffle(events.begin(), events.end(), random);
    EXPECT_EQ(Bits(*Made(spec, Events(events))), before);
  }
}

TEST(AggregatePropertyTest, OneEventChangesOnlyFeaturesOfLaterDatesAndLabelsThatHoldIt) {
  std::mt19937_64 random(3);
  AggregateSpec features = Everything(), labels = Spec({});
  labels.labels = {{"n", "count", "", {}, {}}, {"sum", "sum(amount)", "", {}, {}}, {"high", "max(amount)", "", {}, {}}};
  labels.within_us = 9 * kDay;
  for (int round = 0; round < 40; ++round) {
    std::vector<Event> events = RandomEvents(random, 200);
    const auto rows = RandomDates(random);
    const std::vector<std::string> before = Shown(Made(features, Events(events), Dates(rows))), label_before = Shown(Made(labels, Events(events), Dates(rows)));
    const Event old = events[random() % events.size()];
    std::erase_if(events, [&](const Event& e) { return e.customer == old.customer && e.at == old.at; });
    const std::vector<std::string> after = Shown(Made(features, Events(events), Dates(rows))), label_after = Shown(Made(labels, Events(events), Dates(rows)));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool own = rows[i].first == *old.customer;
      EXPECT_EQ(before[i] != after[i], own && *old.at < rows[i].second) << before[i];
      EXPECT_EQ(label_before[i] != label_after[i], own && *old.at >= rows[i].second && *old.at < rows[i].second + labels.within_us) << label_before[i];
    }
  }
}

}  // namespace
}  // namespace headrace

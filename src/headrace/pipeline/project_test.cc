#include "headrace/pipeline/project.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/folder_for_tests.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Reads tables after FROM and JOIN and `$name`s, word by word: enough for these tests, without a database engine.
class WordInspector : public SqlInspector {
 public:
  Result<SqlFacts> InspectEngineQuery(std::string_view sql) const override { return Inspect(sql, true); }
  Result<SqlFacts> InspectForeignQuery(std::string_view sql, SqlDialect) const override { return Inspect(sql, false); }

 private:
  static SqlFacts Inspect(std::string_view sql, bool tables) {
    SqlFacts facts;
    std::string previous;
    for (std::size_t at = 0; at < sql.size();) {
      const std::size_t begin = sql.find_first_not_of(" \n(),;", at);
      if (begin == std::string_view::npos) break;
      const std::size_t end = std::min(sql.find_first_of(" \n(),;", begin), sql.size());
      const std::string word(sql.substr(begin, end - begin));
      if (word.starts_with('$')) facts.parameters.push_back({word.substr(1), {begin, word.size()}});
      else if (tables && (previous == "from" || previous == "join")) facts.tables.push_back({word, {begin, word.size()}});
      previous = ToLower(word);
      at = end;
    }
    return facts;
  }
};

class ProjectTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, std::string_view text) { folder_.Write(path, text); }

  Project Load(const std::string& environment = "", const std::string& path = "") {
    Result<Project> project = Project::Load({folder_.Path(path), environment, std::make_shared<WordInspector>()}, diagnostics_);
    EXPECT_TRUE(project.ok()) << project.status();
    return *std::move(project);
  }

  ResolvedPipeline Resolve(const Project& project, ResolveRequest request) {
    if (request.interval == Interval{}) request.interval = {Day("2026-11-15"), Day("2026-11-22")};
    Result<ResolvedPipeline> resolved = project.Resolve(request, diagnostics_);
    EXPECT_TRUE(resolved.ok()) << RenderText(diagnostics_, false);
    return resolved.ok() ? *std::move(resolved) : ResolvedPipeline{};
  }

  std::string Errors() const { return RenderText(diagnostics_, false); }
  static std::int64_t Day(std::string_view text) { return *ParseTimestamp(text); }
  static std::string StepNames(const ResolvedPipeline& resolved) {
    std::vector<std::string> names;
    for (const StepSpec& step : resolved.steps) names.push_back(step.name);
    return Join(names, " ");
  }

  const FolderForTests folder_;
  Diagnostics diagnostics_;
};

constexpr std::string_view kSmallest = R"(name: churn
steps:
  customers: {extract: {file: data/customers.csv}}
  model:     {train: {data: customers, target: churned}}
  scores:    {score: {data: customers, model: model}}
  out:       {deliver: {data: scores, file: out/scores.parquet}}
)";

TEST_F(ProjectTest, TheSmallestPipelineNeedsNoProjectFile) {
  Write("churn.yaml", kSmallest);
  const Project project = Load("", "churn.yaml");
  EXPECT_EQ(project.opened_pipeline(), "churn");
  EXPECT_FALSE(project.has_file());
  project.Validate("", diagnostics_);
  EXPECT_FALSE(diagnostics_.has_errors()) << Errors();
  const ResolvedPipeline resolved = Resolve(project, {.pipeline = "churn"});
  EXPECT_EQ(StepNames(resolved), "customers model scores out");
  const StepSpec& scores = *resolved.Find("scores");
  EXPECT_THAT(scores.upstream, ElementsAre("customers", "model"));
  EXPECT_EQ(scores.as<ScoreSpec>().model.step, "model");
  EXPECT_EQ(resolved.Find("out")->as<DeliverSpec>().mode, DeliverSpec::Mode::kReplace);
}

/// DESIGN section 3, without the keys of later versions.
class AgencyTest : public ProjectTest {
 protected:
  AgencyTest() {
    Write("headrace.yaml", R"(environments:
  dev:  {default: true, schedules: off, deliver: preview}
  prod: {schedules: on, deliver: live, state: "postgresql://host/db"}
retention: {data: 30d, runs: 1y, models: forever}
defaults: {extract: {retry: {attempts: 4, backoff: 2s, max: 1m}, timeout: 20m}}
)");
    Write("tenants/acme.yaml", R"(tenant: acme
params: {category: shoes}
connections:
  warehouse: {driver: duckdb, uri: "data/acme.duckdb"}
  cdp: {driver: sqlite, uri: {secret: ACME_CDP}}
tables: {profiles: analytics.dim_customer}
)");
    Write("shared/features.yaml", R"(params: {as_of: {type: date or dataset}, since: {type: date}}
outputs: [features]
steps:
  events:
    extract:
      connection: warehouse
      query: sql/events.sql
      bind: {since: "${params.since}"}
    checks:
      - contract: contracts/events.yaml
      - rows: {min: 1000}
      - expect: "amount >= 0 or amount is null"
        at_least: 99.9%
  profiles:
    extract: {connection: warehouse, table: profiles}
  features:
    sql: {query: sql/features.sql}
    checks: [{unique: [customer_id, as_of]}]
)");
    Write("contracts/events.yaml", R"(columns:
  - {name: customer_id, type: int, nullable: false}
  - {name: amount, type: double}
  - {name: email, type: text, personal: true}
)");
    Write("sql/events.sql", "select * from events\nwhere time >= $since\n");
    Write("sql/features.sql", "select * from events join profiles using (customer_id) join as_of on true\n");
    Write("sql/snapshot_dates.sql", "select $until as as_of\n");
    Write("sql/label.sql", "select * from features\n");
    Write("pipelines/train.yaml", R"y(name: propensity-train
params: {as_of: {type: date, default: "${run.interval.end}"}, category: {type: string}}
steps:
  dates:    {sql: {query: sql/snapshot_dates.sql, bind: {until: "${params.as_of - 7d}"}}}
  base:     {use: shared/features.yaml, with: {as_of: dates, since: "${params.as_of - 26w}"}}
  labelled: {sql: {query: sql/label.sql}}
  model:
    train:
      data: labelled
      target: purchased_next_7d
      key: [customer_id, as_of]
      split: {by: as_of, test: 20%, gap: 7d}
      folds: auto
      transform:
        - {columns: [recency_days, spend_30d], steps: [{impute: median}, {clip: [1%, 99%]}, {scale: standard}]}
        - {columns: [country, device], steps: [{impute: {constant: missing}}, {encode: onehot, min_frequency: 20, handle_unknown: other}]}
        - {columns: [category], steps: [{encode: target, smooth: 20, folds: 5}]}
        - {derive: {spend_per_visit: "spend_30d / nullif(visits_30d, 0)"}}
      learner: {lightgbm: {objective: binary, num_iterations: 200, num_leaves: 63, early_stopping_round: 20}}
      calibrate: isotonic
      threshold: {maximize: f1}
      evaluate: [auc, logloss, brier, ece, lift@10%]
      segments: [country]
    gate: [auc >= 0.72, ece <= 0.02, {not_worse_than: champion, metric: auc, by: 0.005}]
    register: {name: propensity, promote: auto}
)y");
    Write("pipelines/score.yaml", R"(name: propensity-score
steps:
  base:   {use: shared/features.yaml, with: {as_of: "${run.interval.end}", since: "${run.interval.end - 90d}"}}
  scores:
    score: {data: features, model: propensity@champion, keep: [customer_id]}
    checks: [{expect: "score between 0 and 1"}]
  to_cdp:
    deliver: {data: scores, connection: cdp, table: propensity_scores, mode: upsert, key: [customer_id]}
)");
  }
};

TEST_F(ProjectTest, BaselinesResolveAndDaysAreThoseOfTheSchedule) {
  Write("p.yaml", R"(name: p
schedule: {cron: "0 6 * * *", timezone: Europe/Vienna}
steps:
  a:
    extract: {file: "in/${cast(run.interval.start as date)}.csv", empty: allow}
    checks:
      - rows: {min: 5, baseline: auto}
      - rows: {baseline: {same: [weekday, hour], learn: 8, window: 12, within: 4, min_change: 10%, min_difference: 50, direction: down, half_life: 6, trend: true, since: 2026-11-02}}
        severity: warn
  b: {extract: {file: b.csv, unchanged: refuse}, checks: [{rows: {baseline: {window: 90d}}}, {sql: {query: "select * from b where day >= $until", bind: {until: "${cast(run.interval.end as date)}"}}}]}
)");
  const ResolvedPipeline resolved = Resolve(Load("", "p.yaml"), {.pipeline = "p"});
  EXPECT_EQ(resolved.time_zone, "Europe/Vienna");
  const StepSpec& a = *resolved.Find("a");
  EXPECT_TRUE(a.as<ExtractSpec>().of_interval);
  EXPECT_TRUE(a.as<ExtractSpec>().empty_allowed);
  EXPECT_TRUE(resolved.Find("b")->as<ExtractSpec>().of_interval) << "it asks to be held to it";
  const StepSpec& b = *resolved.Find("b");
  ASSERT_EQ(b.checks.size(), 2U);
  EXPECT_EQ(b.checks[0].baseline->window_us, 90 * kMicrosPerDay);
  ASSERT_EQ(b.checks[1].bind.size(), 1U);
  EXPECT_EQ(b.checks[1].bind[0].first, "until");
  EXPECT_EQ(b.checks[1].bind[0].second.type(), Type::kDate);
  ASSERT_EQ(a.checks.size(), 2U);
  ASSERT_TRUE(a.checks[0].baseline && a.checks[1].baseline);
  EXPECT_EQ(a.checks[1].baseline->window_us, 0);
  EXPECT_EQ(a.checks[0].baseline->window, 20);
  EXPECT_EQ(a.checks[0].min_rows, 5);
  const BaselineSpec& spec = *a.checks[1].baseline;
  EXPECT_THAT(spec.same, ElementsAre(BaselineSpec::Season::kWeekday, BaselineSpec::Season::kHour));
  EXPECT_EQ(spec.learn, 8);
  EXPECT_EQ(spec.window, 12);
  EXPECT_DOUBLE_EQ(spec.within, 4);
  EXPECT_DOUBLE_EQ(spec.min_change, 0.1);
  EXPECT_DOUBLE_EQ(spec.min_difference, 50);
  EXPECT_EQ(spec.direction, BaselineSpec::Direction::kDown);
  EXPECT_EQ(spec.half_life, 6);
  EXPECT_TRUE(spec.trend);
  EXPECT_EQ(spec.since_us, Day("2026-11-02"));
}

TEST_F(AgencyTest, TheWholeProjectIsValid) {
  const Project project = Load();
  project.Validate("", diagnostics_);
  EXPECT_FALSE(diagnostics_.has_errors()) << Errors();
  EXPECT_THAT(project.pipelines(), ElementsAre("propensity-score", "propensity-train"));
  EXPECT_THAT(project.tenants(), ElementsAre("acme"));
  EXPECT_EQ(project.environment().name, "dev");
  EXPECT_TRUE(project.environment().preview);
  EXPECT_EQ(project.retention().runs_us, 365 * kMicrosPerDay);
  EXPECT_EQ(project.retention().models_us, std::nullopt);
}

TEST_F(AgencyTest, TrainingResolvesWithItsValues) {
  const ResolvedPipeline resolved = Resolve(Load("prod"), {.pipeline = "propensity-train", .tenant = "acme"});
  EXPECT_EQ(StepNames(resolved), "dates base.events base.profiles base.features labelled model");
  EXPECT_EQ(resolved.params.at("as_of").ToString(), "2026-11-22");
  EXPECT_EQ(resolved.params.at("category").ToString(), "shoes");

  const StepSpec& dates = *resolved.Find("dates");
  EXPECT_EQ(dates.as<SqlSpec>().bind.front(), (std::pair<std::string, Value>{"until", Value::Date(Day("2026-11-15") / kMicrosPerDay)}));

  const StepSpec& events = *resolved.Find("base.events");
  EXPECT_EQ(events.bare_name, "events");
  EXPECT_EQ(events.retry.attempts, 4);
  EXPECT_EQ(events.retry.backoff_us, 2'000'000);
  EXPECT_EQ(events.timeout_us, 20 * 60'000'000LL);
  EXPECT_EQ(events.as<ExtractSpec>().bind.front().second, Value::Date(Day("2026-05-24") / kMicrosPerDay));
  ASSERT_EQ(events.checks.size(), 3U);
  EXPECT_EQ(ExtractSpec::ContractOf(events.checks)->columns.size(), 3U);
  EXPECT_TRUE(events.checks[0].contract.columns[2].personal);
  EXPECT_EQ(events.checks[1].min_rows, 1000);
  EXPECT_DOUBLE_EQ(events.checks[2].at_least, 0.999);

  EXPECT_EQ(resolved.Find("base.profiles")->as<ExtractSpec>().table, "analytics.dim_customer");
  EXPECT_EQ(resolved.Find("base.profiles")->unfitted_text, "table profiles");
  EXPECT_TRUE(events.as<ExtractSpec>().of_interval) << "through a parameter of the pipeline and one of the group";
  EXPECT_FALSE(resolved.Find("base.profiles")->as<ExtractSpec>().of_interval);
  EXPECT_THAT(resolved.Find("base.features")->inputs,
              ElementsAre(StepInput{"as_of", "dates", ""}, StepInput{"events", "base.events", ""}, StepInput{"profiles", "base.profiles", ""}));
  EXPECT_THAT(resolved.Find("labelled")->inputs, ElementsAre(StepInput{"features", "base.features", ""}));

  const TrainSpec& train = resolved.Find("model")->as<TrainStepSpec>().train;
  EXPECT_EQ(train.split.kind, SplitSpec::Kind::kTime);
  EXPECT_DOUBLE_EQ(train.split.test, 0.2);
  EXPECT_EQ(train.split.gap_us, 7 * kMicrosPerDay);
  EXPECT_EQ(train.transform.size(), 4U);
  EXPECT_TRUE(std::get<ClipStep>(train.transform[0].steps[1]).percentiles);
  EXPECT_EQ(train.learner.task, Task::kBinary);
  EXPECT_EQ(train.learner.parameters.at("num_leaves"), "63");
  EXPECT_FALSE(train.learner.parameters.contains("objective"));
  EXPECT_EQ(train.gate.size(), 3U);
  EXPECT_EQ(train.gate[2].metric, "auc");
  EXPECT_EQ(resolved.Find("model")->as<TrainStepSpec>().registration->name, "propensity");
  EXPECT_FALSE(resolved.environment.preview);
}

TEST_F(AgencyTest, ScoringReadsADateAsAOneRowTable) {
  const ResolvedPipeline resolved = Resolve(Load(), {.pipeline = "propensity-score", .tenant = "acme"});
  const StepSpec& features = *resolved.Find("base.features");
  EXPECT_THAT(features.as<SqlSpec>().value_tables, ElementsAre(std::pair<std::string, Value>{"as_of", Value::Date(Day("2026-11-22") / kMicrosPerDay)}));
  EXPECT_THAT(features.upstream, ElementsAre("base.events", "base.profiles"));
  const ModelRef& model = resolved.Find("scores")->as<ScoreSpec>().model;
  EXPECT_EQ(model.name + "@" + model.alias, "propensity@champion");
  EXPECT_TRUE(resolved.Find("to_cdp")->as<DeliverSpec>().preview);
  EXPECT_EQ(resolved.connections.at("cdp").uri.secret, "ACME_CDP");
}

TEST_F(AgencyTest, FeaturesOfTrainingAndScoringAreTheSameText) {
  const Project project = Load();
  const ResolvedPipeline train = Resolve(project, {.pipeline = "propensity-train", .tenant = "acme"});
  const ResolvedPipeline score = Resolve(project, {.pipeline = "propensity-score", .tenant = "acme"});
  for (const char* step : {"base.events", "base.profiles", "base.features"})
    EXPECT_EQ(train.Find(step)->unfitted_text, score.Find(step)->unfitted_text) << step;
}

TEST_F(AgencyTest, AFlagBeatsTheTenantWhichBeatsTheDefault) {
  const ResolvedPipeline resolved = Resolve(Load(), {.pipeline = "propensity-train", .tenant = "acme", .params = {{"category", "hats"}, {"as_of", "2026-01-31"}}});
  EXPECT_EQ(resolved.params.at("category").ToString(), "hats");
  EXPECT_EQ(resolved.params.at("category").from, ParamValue::From::kFlag);
  EXPECT_EQ(resolved.params.at("as_of").ToString(), "2026-01-31");
}

TEST_F(AgencyTest, AFlagOfTheWrongTypeIsRefusedWithTheDeclaration) {
  const Project project = Load();
  ResolveRequest request{.pipeline = "propensity-train", .tenant = "acme", .params = {{"as_of", "soon"}, {"categry", "hats"}}, .interval = {}};
  const Result<ResolvedPipeline> resolved = project.Resolve(request, diagnostics_);
  ASSERT_FALSE(resolved.ok());
  EXPECT_EQ(resolved.status().code(), ErrorCode::kInvalid);
  EXPECT_THAT(Errors(), HasSubstr("parameter `as_of` is of type date, got `soon`"));
  EXPECT_THAT(Errors(), HasSubstr("did you mean `category`?"));
}

TEST_F(AgencyTest, WithoutATenantItsConnectionsAreMissed) {
  const Project project = Load();
  const Result<ResolvedPipeline> resolved = project.Resolve({.pipeline = "propensity-score", .tenant = "", .params = {}, .interval = {0, kMicrosPerDay}}, diagnostics_);
  ASSERT_FALSE(resolved.ok());
  EXPECT_THAT(Errors(), HasSubstr("choose one with `--tenant` (acme)"));
}

TEST_F(AgencyTest, OneTenantsErrorDoesNotDecideAboutTheNext) {
  const Project project = Load();
  const auto resolves = [&](const char* tenant) {
    return project.Resolve({.pipeline = "propensity-score", .tenant = tenant, .params = {}, .interval = {0, kMicrosPerDay}}, diagnostics_).ok();
  };
  EXPECT_FALSE(resolves("nobody"));
  EXPECT_TRUE(resolves("acme")) << "an error of before is not its own";
  EXPECT_FALSE(resolves("nobody")) << "nor is the same error, a second time, none";
}

TEST_F(AgencyTest, AnIntervalThatEndsInsideADayIsNoDate) {
  const Project project = Load();
  const Result<ResolvedPipeline> resolved = project.Resolve({.pipeline = "propensity-score", .tenant = "acme", .params = {}, .interval = {0, 3'600'000'000}}, diagnostics_);
  ASSERT_FALSE(resolved.ok());
  EXPECT_THAT(Errors(), HasSubstr("is not at midnight"));
}

TEST_F(ProjectTest, SubstitutionKeepsTypesAndCannotChangeAnExpression) {
  Write("headrace.yaml", "connections: {w: {driver: duckdb, uri: \"data/${env.name}.duckdb\"}}\n");
  Write("pipelines/p.yaml", R"y(name: p
params:
  least: {type: int, default: 10}
  name: {type: text, default: "o'neill' or true or '"}
  cols: {type: columns, default: [a, b]}
  day: {type: date, default: 2026-01-31}
steps:
  rows:
    extract: {connection: w, query: "select $day, $least from t", bind: {day: "${params.day}", least: "${params.least * 2}"}}
    checks:
      - rows: {min: "${params.least}"}
      - unique: "${params.cols}"
      - expect: "name <> ${params.name} and day >= ${params.day}"
      - expect: "name <> '${params.name}'"
  out: {deliver: {data: rows, file: "out/${params.day}-${params.least}.csv"}}
)y");
  const ResolvedPipeline resolved = Resolve(Load(), {.pipeline = "p"});
  ASSERT_NE(resolved.Find("rows"), nullptr) << Errors();
  const StepSpec& rows = *resolved.Find("rows");
  EXPECT_EQ(rows.as<ExtractSpec>().bind[0].second.type(), Type::kDate);
  EXPECT_EQ(rows.as<ExtractSpec>().bind[1].second, Value::Int(20));
  EXPECT_EQ(rows.checks[0].min_rows, 10);
  EXPECT_THAT(rows.checks[1].columns, ElementsAre("a", "b"));
  EXPECT_EQ(rows.checks[2].expression, "name <> 'o''neill'' or true or ''' and day >= cast('2026-01-31' as date)");
  EXPECT_EQ(rows.checks[3].expression, "name <> 'o''neill'' or true or '''");
  EXPECT_EQ(resolved.Find("out")->as<DeliverSpec>().file, "out/2026-01-31-10.csv");
  EXPECT_EQ(resolved.connections.at("w").uri.text, "data/default.duckdb");
}

TEST_F(ProjectTest, WhenIsEvaluatedWithTheParameters) {
  Write("p.yaml", R"(name: p
params: {category: {type: enum, values: [shoes, hats], default: shoes}}
steps:
  a: {extract: {file: a.csv}, when: "params.category = 'hats'"}
  b: {extract: {file: b.csv}, when: "params.category = 'shoes'"}
)");
  const ResolvedPipeline resolved = Resolve(Load(), {.pipeline = "p"});
  EXPECT_FALSE(resolved.Find("a")->enabled);
  EXPECT_TRUE(resolved.Find("b")->enabled);
}

TEST_F(ProjectTest, ScoringByNameWaitsForTheStepThatRegistersIt) {
  Write("p.yaml", R"(name: p
steps:
  scores: {score: {data: rows, model: m@champion}}
  rows: {extract: {file: a.csv}}
  fit: {train: {data: rows, target: y}, register: {name: m}}
)");
  const ResolvedPipeline resolved = Resolve(Load(), {.pipeline = "p"});
  EXPECT_EQ(StepNames(resolved), "rows fit scores");
}

TEST_F(ProjectTest, AGroupMayUseAGroup) {
  Write("headrace.yaml", "");
  Write("shared/inner.yaml", "params: {path: {type: text}}\noutputs: [raw]\nsteps:\n  raw: {extract: {file: \"${params.path}\"}}\n");
  Write("shared/outer.yaml", "outputs: [clean]\nsteps:\n  in: {use: shared/inner.yaml, with: {path: a.csv}}\n  clean: {sql: {query: select * from raw}}\n");
  Write("pipelines/p.yaml", "name: p\nsteps:\n  base: {use: shared/outer.yaml}\n  out: {deliver: {data: clean, file: o.csv}}\n  after: {sql: {query: \"select 1 from base.in.raw\"}, after: [base]}\n");
  const ResolvedPipeline resolved = Resolve(Load(), {.pipeline = "p"});
  EXPECT_EQ(StepNames(resolved), "base.in.raw base.clean out after");
  EXPECT_THAT(resolved.Find("after")->upstream, ElementsAre("base.clean", "base.in.raw"));
  EXPECT_EQ(resolved.Find("base.in.raw")->as<ExtractSpec>().file, "a.csv");
}

TEST_F(ProjectTest, AnErrorOfTheDatabaseFindsItsPlaceInABlockScalar) {
  Write("p.yaml", "name: p\nsteps:\n  a: {extract: {file: a.csv}}\n  q:\n    sql:\n      query: |\n        select x\n        from a\n        where y\n");
  const ResolvedPipeline resolved = Resolve(Load(), {.pipeline = "p"});
  const SourcedText& query = resolved.Find("q")->as<SqlSpec>().query;
  const Location at = Locate(query.origin.At({query.text.find("where"), 5}));
  EXPECT_EQ(at.line, 9U);
  EXPECT_EQ(at.column, 9U);
  EXPECT_EQ(at.length, 5U);
}

TEST_F(ProjectTest, APathThatIsNotThereIsAnError) {
  const Result<Project> project = Project::Load({folder_.Path("nothing"), "", nullptr}, diagnostics_);
  ASSERT_FALSE(project.ok());
  EXPECT_EQ(project.status().code(), ErrorCode::kInvalid);
}

TEST_F(ProjectTest, ATenantsScheduleStandsOverThatOfItsPipeline) {
  Write("headrace.yaml", "");
  Write("pipelines/p.yaml", R"(name: p
schedule: {cron: "0 6 * * MON", timezone: Europe/Berlin, tenants: all, parallel: 5, catch_up: all, start: 2026-01-31, jitter: 10m, finish_by: "07:30", repeated: last, missing: skip, overlap: cancel}
steps: {a: {extract: {file: a.csv}}}
)");
  Write("pipelines/q.yaml", "name: q\nschedule: {every: 1 month}\nsteps: {a: {extract: {file: a.csv}}}\n");
  Write("tenants/aster.yaml", "tenant: aster\nschedule: {p: {every: 2 weeks, catch_up: none, end: 2027-01-01}}\n");
  Write("tenants/bolt.yaml", "tenant: bolt\n");
  Write("tenants/cedar.yaml", "tenant: cedar\n");
  const std::vector<PipelineSchedule> schedules = Load().Schedules("", diagnostics_);
  EXPECT_FALSE(diagnostics_.has_errors()) << Errors();
  ASSERT_EQ(schedules.size(), 3u);
  EXPECT_THAT(schedules[0].tenants, ElementsAre("bolt", "cedar"));
  EXPECT_THAT(schedules[1].tenants, ElementsAre("aster"));
  EXPECT_EQ(schedules[2].pipeline, "q");
  EXPECT_FALSE(schedules[2].by_tenant);

  const ScheduleSpec &shared = schedules[0].spec, &own = schedules[1].spec;
  EXPECT_EQ(std::get<CronExpression>(shared.when).text, "0 6 * * MON");
  EXPECT_EQ(std::get<Period>(own.when).count, 14);
  EXPECT_EQ(shared.catch_up, ScheduleSpec::CatchUp::kAll);
  EXPECT_EQ(own.catch_up, ScheduleSpec::CatchUp::kNone);
  EXPECT_EQ(shared.end_local_s, std::nullopt);
  EXPECT_EQ(own.end_local_s, Day("2027-01-01") / 1'000'000);
  for (const ScheduleSpec* spec : {&shared, &own}) {
    EXPECT_EQ(spec->timezone, "Europe/Berlin");
    EXPECT_EQ(spec->start_local_s, Day("2026-01-31") / 1'000'000);
    EXPECT_EQ(spec->jitter_us, 600'000'000);
    EXPECT_EQ(spec->finish_by_minute, 450);
    EXPECT_EQ(spec->parallel, 5);
    EXPECT_EQ(spec->max_parallel, 1);
    EXPECT_EQ(spec->repeated, ScheduleSpec::Repeated::kLast);
    EXPECT_EQ(spec->missing, ScheduleSpec::Missing::kSkip);
    EXPECT_EQ(spec->overlap, ScheduleSpec::Overlap::kCancel);
  }
  EXPECT_EQ(Load().Schedules("q", diagnostics_).size(), 1u);
}

}  // namespace
}  // namespace headrace

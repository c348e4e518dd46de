#include "headrace/report/sample_runs.h"

#include <cmath>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "headrace/base/text.h"

namespace headrace {
namespace {

CheckVerdict Passed(std::string name, std::string kind, std::int64_t rows) {
  CheckVerdict check;
  check.name = std::move(name);
  check.kind = std::move(kind);
  check.rows = rows;
  return check;
}

StepReport Step(std::string name, std::string kind, double start, double seconds, std::int64_t rows, std::vector<std::string> inputs) {
  StepReport step;
  step.artifact_digest = "9f2c4e61a07b83d5" + std::string(40, 'a') + std::to_string(10000000 + rows);
  step.fingerprint = "51c0de77ab12ff09" + std::string(40, 'b') + std::to_string(10000000 + rows);
  step.name = std::move(name);
  step.kind = std::move(kind);
  step.state = "succeeded";
  step.started_offset_seconds = start;
  step.seconds = seconds;
  step.rows_out = rows;
  step.inputs = std::move(inputs);
  step.reason = "first run with these inputs";
  step.attempts = {{"succeeded", seconds, ""}};
  return step;
}

RunReport Base(std::string pipeline, std::string run_id) {
  RunReport run;
  run.project = "agency";
  run.pipeline = std::move(pipeline);
  run.tenant = "acme";
  run.environment = "prod";
  run.run_id = std::move(run_id);
  run.state = "succeeded";
  run.started = "1998-03-09 06:00:00";
  run.finished = "1998-03-09 06:00:04";
  run.seconds = 3.91;
  run.interval_start = "1998-03-02";
  run.interval_end = "1998-03-09";
  run.trigger = "manual";
  run.parameters = {{"as_of", "1998-03-09"}, {"horizon", "30d"}, {"category", "music"}};
  run.headrace_version = "0.1.0";
  run.code_commit = "3c0c0a7f1d5be5f72a0b3f8a9e4d7c6512ab90ef";
  run.lineage = {{"purchases", "warehouse.purchases", "read 1998-03-09, 13,894 rows"}, {"features", "sql/features.sql", "sha256 77ab12ff09"}};
  return run;
}

std::vector<StepReport> FeatureSteps() {
  std::vector<StepReport> steps{Step("base.purchases", "extract", 0.01, 0.42, 13894, {"warehouse.purchases"}), Step("base.customers", "extract", 0.02, 0.17, 4714, {"warehouse.customers"}),
                                Step("base.activity", "sql", 0.45, 0.61, 4712, {"base.purchases"}), Step("base.features", "sql", 1.08, 0.38, 4712, {"base.activity", "base.customers"})};
  steps[0].checks = {Passed("contract contracts/purchases.yaml", "contract", 13894), Passed("amount >= 0 or amount is null", "expect", 13894), Passed("rows at least 1,000", "rows", 13894)};
  steps[1].checks = {Passed("contract contracts/customers.yaml", "contract", 4714), Passed("unique customer_id", "unique", 4714)};
  steps[3].checks = {Passed("unique customer_id, as_of", "unique", 4712), Passed("recency_days between 0 and 600", "range", 4712), Passed("not null recency_days", "not_null", 4712)};
  return steps;
}

Curves SampleCurves() {
  Curves curves;
  const std::int64_t rows[10] = {2612, 1130, 470, 238, 122, 70, 36, 20, 11, 3};
  std::int64_t all = 0;
  for (int i = 0; i < 10; ++i) {
    const double mid = 0.05 + 0.1 * i;
    curves.reliability.push_back({0.1 * i, 0.1 * (i + 1), rows[i], mid - 0.008, mid + (i % 2 == 0 ? 0.012 : -0.017)});
    all += rows[i];
  }
  const double lift[10] = {4.12, 2.31, 1.28, 0.83, 0.55, 0.36, 0.25, 0.15, 0.10, 0.05};
  double gain = 0;
  for (int i = 0; i < 10; ++i) {
    gain += lift[i] / 10;
    curves.deciles.push_back({i + 1, static_cast<double>(all) / 10, lift[i] * 62.5, lift[i] * 0.13, lift[i] * 0.1326, lift[i], gain * 10 / (i + 1), gain});
  }
  for (int i = 0; i <= 100; ++i) {
    const double x = i / 100.0;
    curves.roc.push_back({i == 0 ? HUGE_VAL : 1 - x, x, 1 - std::pow(1 - x, 4.2)});
    curves.precision_recall.push_back({1 - x, x, 0.13 + 0.62 * std::exp(-3 * x)});
  }
  for (int i = 0; i < 20; ++i) {
    const auto count = static_cast<std::int64_t>(1900 * std::exp(-0.42 * i));
    curves.histogram.push_back({0.05 * i, 0.05 * (i + 1), count - count * i / 20, count * i / 20});
  }
  curves.confusion = {0.27, {{3689, 398}, {271, 354}}};
  return curves;
}

ModelReport SampleModel() {
  ModelReport model;
  model.step = "model";
  model.name = "propensity";
  model.version = 4;
  model.digest = "c41f3e0b97d2" + std::string(52, '7');
  model.alias_moves = {"champion: version 3 → 4"};
  model.promoted = true;
  model.champion_version = 4;
  model.learner = "lightgbm, 60 trees of 7 leaves";
  model.target = "purchased_next_30d";
  model.positive_class = "true";
  model.classes = {"false", "true"};
  model.calibration = "isotonic";
  model.folds = "out-of-fold 5";
  model.threshold = 0.27;
  model.train_rows = 18848;
  model.test_rows = 4712;
  model.gates = {{"auc >= 0.72", true, "auc is 0.8124"}, {"ece <= 0.02", true, "ece is 0.0119"}, {"not_worse_than champion by auc", true, "0.8124 against 0.8097 of version 3, on the same rows"}};
  model.metrics = {{"auc", 0.81243}, {"average_precision", 0.4621}, {"logloss", 0.30512}, {"brier", 0.09235}, {"ece", 0.01187}, {"f1", 0.5141}, {"precision", 0.4707}, {"recall", 0.5664}, {"lift@10%", 4.12}};
  model.champion_metrics = {{"auc", 0.80971}, {"average_precision", 0.4588}, {"logloss", 0.30701}, {"brier", 0.09282}, {"ece", 0.01105}, {"f1", 0.5102}, {"precision", 0.4663}, {"recall", 0.5632}, {"lift@10%", 4.05}};
  model.segments = {{"country", "AT", 512, 61, {{"auc", 0.7981}, {"ece", 0.0312}, {"logloss", 0.3131}}},
                    {"country", "CH", 388, 44, {{"auc", 0.8342}, {"ece", 0.0287}, {"logloss", 0.2875}}},
                    {"country", "DE", 3791, 518, {{"auc", 0.8139}, {"ece", 0.0124}, {"logloss", 0.3057}}},
                    {"country", "(small)", 21, 2, {{"logloss", 0.2612}}}};
  model.curves = SampleCurves();
  model.importance = {{"recency_days", 0.381}, {"orders_90d", 0.192}, {"spend_180d", 0.141}, {"orders_30d", 0.092}, {"tenure_days", 0.081}, {"spend_90d", 0.051},
                      {"spend_per_order", 0.031}, {"country=DE", 0.017}, {"orders_180d", 0.009}, {"spend_30d", 0.004}, {"country=AT", 0.001}};
  model.permutation = {"logloss", "test rows", 4712, 5, {{"recency_days", 0.0412, 0.0011}, {"spend_180d", 0.0181, 0.0008}, {"country", 0.0049, 0.0003}, {"joined", 0.0012, 0.0004}, {"visits", -0.0002, 0.0003}}};
  const auto numbers = [](std::initializer_list<std::int64_t> values, Type type) {
    std::vector<Value> grid;
    for (const std::int64_t value : values) grid.push_back(Value::Int64(type, value));
    return grid;
  };
  model.dependence = {"test rows", 1000, {{"recency_days", Type::kInt, numbers({2, 9, 21, 40, 62, 90, 130}, Type::kInt), {{0.31}, {0.27}, {0.21}, {0.16}, {0.12}, {0.1}, {0.09}}},
                                          {"spend_180d", Type::kDouble, {Value::Double(0), Value::Double(12.5), Value::Double(48), Value::Double(210.4)}, {{0.13}, {0.14}, {0.17}, {0.24}}},
                                          {"country", Type::kText, {Value::Text("DE"), Value::Text("AT"), Value::Text("CH")}, {{0.17}, {0.15}, {0.16}}},
                                          {"joined", Type::kDate, numbers({16'000, 17'200, 18'500, 19'900}, Type::kDate), {{0.16}, {0.165}, {0.17}, {0.162}}}}};
  model.notes = {"column `is_member` has one value only and was left out"};
  model.card = "# propensity\n\nScores which customers **buy** in the next 30 days.\n\n## Data\n\n- 18,848 training rows as of `1997-12-01`\n- 4,712 test rows as of `1998-03-01`\n\n| input | type |\n|---|---|\n| recency_days | int |\n| spend_180d | double |\n";
  return model;
}

}  // namespace

RunReport SampleTrainRun() {
  RunReport run = Base("propensity-train", "r-19980301-060000-7f2a");
  run.seconds = 6.73;
  run.steps = FeatureSteps();
  run.steps.push_back(Step("labelled", "sql", 1.47, 0.22, 23560, {"base.features", "base.purchases"}));
  run.steps.push_back(Step("model", "train", 1.70, 4.91, 4712, {"labelled"}));
  run.steps.back().notes = {"column `is_member` has one value only and was left out"};
  run.models = {SampleModel()};
  run.lineage.push_back({"model", "labelled, 18,848 training rows", "sha256 c41f3e0b97d2"});
  return run;
}

/// Thirty weeks of row counts, two of them outside; bands from the fifth on.
CheckHistory SampleHistory() {
  CheckHistory history;
  history.measure = "rows";
  for (int week = 0; week < 30; ++week) {
    CheckHistory::Point point;
    point.when = StrCat("1997-", week / 4 < 2 ? "08-" : "09-", 10 + week % 18);
    point.value = week == 17 ? 6200 : week == 24 ? 0 : 13000 + 400 * ((week * 7) % 5) + 60 * week;
    if (week >= 4) point.lower = 9000 + 45 * week, point.upper = 18000 + 90 * week;
    point.verdict = week < 4 ? "learning" : week == 17 ? "warned" : week == 24 ? "failed" : "passed";
    history.points.push_back(point);
  }
  return history;
}

RunReport SampleScoreRun() {
  RunReport run = Base("propensity-score", "r-19980309-060000-b1c4");
  run.steps = FeatureSteps();
  CheckVerdict warning = Passed("country in (AT, CH, DE)", "one_of", 4714);
  warning.severity = Severity::kWarn;
  warning.passed = false;
  warning.failed_rows = 3;
  warning.message = "3 of 4,714 rows have a `country` that is none of AT, CH, DE";
  warning.help = "add the new value to the list, or ask who loads `customers` where it comes from";
  warning.sample_columns = {"customer_id", "email", "country", "first_seen"};
  warning.sample_rows = {{"118", "***", "***", "LI", "1997-02-11"}, {"2291", "***", "***", "LI", "1997-03-02"}, {"4013", "***", "***", "XX", "1997-03-24"}};
  run.steps[1].checks.push_back(warning);
  run.steps[1].state = "warned";
  run.steps[0].checks[2].value = 15140;
  run.steps[0].checks[2].band = ExpectedBand{10305, 15500, 20610, 20, false, "20 points 1997-08-16 to 1997-09-20"};
  run.steps[0].histories = {SampleHistory()};
  run.steps.push_back(Step("scores", "score", 1.49, 0.84, 4712, {"base.features", "model propensity@champion"}));
  run.steps.back().checks = {Passed("score between 0 and 1", "expect", 4712), Passed("not null customer_id", "not_null", 4712), Passed("drift against training", "drift", 4712)};
  run.steps.back().checks[2].value = 0.112;
  run.steps.back().checks[2].drift = {{"country", 0.112, {{"DE", 0.61, 0.52}, {"AT", 0.24, 0.22}, {"CH", 0.14, 0.21}, {"all others", 0.01, 0.05}}},
                                      {"score", 0.03, {{"(-inf, 0.02]", 0.25, 0.27}, {"(0.02, 0.05]", 0.25, 0.28}, {"(0.05, 0.11]", 0.25, 0.24}, {"(0.11, inf)", 0.25, 0.21}}}};
  run.steps.push_back(Step("to_cdp", "deliver", 2.36, 0.31, 4712, {"scores"}));
  DeliveryReport delivery;
  delivery.destination = "cdp.propensity_scores";
  delivery.mode = "upsert";
  delivery.inserted = 38;
  delivery.updated = 4661;
  delivery.unchanged = 13;
  delivery.ledger_key = "ab90ef3c0c0a7f1d5be5f72a0b3f8a9e4d7c6512ab90ef3c0c0a7f1d5be5f72a";
  delivery.digest = "0b3f8a9e4d7c6512ab90ef3c0c0a7f1d5be5f72a0b3f8a9e4d7c6512ab90ef3c";
  run.steps.back().delivery = delivery;
  run.steps.back().attempts = {{"failed", 0.05, "cdp is locked by another process"}, {"succeeded", 0.26, ""}};
  run.steps.push_back(Step("audience", "sql", 2.36, 0.12, 471, {"scores", "base.customers"}));
  run.steps.push_back(Step("to_file", "deliver", 2.50, 0.04, 471, {"audience"}));
  delivery.destination = "out/audience.csv";
  delivery.mode = "file";
  delivery.inserted = 471;
  delivery.updated = delivery.unchanged = 0;
  run.steps.back().delivery = delivery;
  ScoreReport score;
  score.step = "scores";
  score.model = "propensity version 4 (champion)";
  score.rows = 4712;
  for (int i = 0; i <= 20; ++i) score.histogram.edges.push_back(0.05 * i);
  for (int i = 0; i < 20; ++i) score.histogram.counts.push_back(static_cast<std::int64_t>(1750 * std::exp(-0.37 * i)));
  score.training_histogram = TestHistogram(SampleCurves());
  score.unseen = {{"country", 3}};
  score.nulls = {{"tenure_days", 2}};
  run.scores = {score};
  run.lineage.push_back({"scores", "model propensity version 4 (champion)", "sha256 c41f3e0b97d2"});
  run.lineage.push_back({"to_cdp", "scores", "revision 1"});
  run.notes = {"sql step `base.activity` ran on one engine thread, so that sums keep their last bit"};
  return run;
}

RunReport SampleStoppedRun() {
  RunReport run = SampleScoreRun();
  run.run_id = "r-19980316-060000-e0d2";
  run.state = "failed";
  run.exit_code = 3;
  run.seconds = 0.48;
  run.finished = "1998-03-16 06:00:00";
  run.models.clear();
  run.scores.clear();
  run.notes.clear();
  run.steps[1].checks.pop_back();
  run.steps[1].state = "succeeded";
  StepReport& broken = run.steps[0];
  broken.state = "failed";
  broken.rows_out.reset();
  broken.message = "warehouse.purchases has no column `date`; likely now `purchase_date`";
  broken.help = "name the column back in the warehouse, or change `contracts/purchases.yaml` and the queries that read `date`";
  CheckVerdict contract = Passed("contract contracts/purchases.yaml", "contract", 13902);
  contract.passed = false;
  contract.message = broken.message;
  contract.help = broken.help;
  CheckVerdict amount = Passed("amount >= 0 or amount is null", "expect", 13902);
  amount.passed = false;
  amount.failed_rows = 12;
  amount.message = "12 of 13,902 rows fail `amount >= 0 or amount is null`";
  amount.sample_columns = {"row", "customer_id", "amount", "cds"};
  for (int i = 0; i < 10; ++i) amount.sample_rows.push_back({std::to_string(91 + 37 * i), "***", StrCat("-", i + 1, ".99"), "1"});
  broken.checks = {contract, amount, Passed("rows at least 1,000", "rows", 13902)};
  for (std::size_t i = 2; i < run.steps.size(); ++i) {
    StepReport& step = run.steps[i];
    step.state = "skipped";
    step.seconds = step.started_offset_seconds = 0;
    step.rows_out.reset();
    step.checks.clear();
    step.attempts.clear();
    step.artifact_digest.clear();
    step.delivery.reset();
    step.reason = "`base.purchases` failed";
  }
  return run;
}

RunReport SampleReusedRun() {
  RunReport run = SampleScoreRun();
  run.run_id = "r-19980309-071500-04aa";
  run.seconds = 0.31;
  for (StepReport& step : run.steps) {
    if (step.kind == "extract") {
      step.seconds = 0.12;
      step.started_offset_seconds = 0.01;
      step.reason = "a live source is read again; its content is equal";
      continue;
    }
    step.state = "reused";
    step.seconds = 0.001;
    step.started_offset_seconds = 0.2;
    step.reason = "same fingerprint as in run r-19980309-060000-b1c4";
    if (step.delivery) {
      step.delivery->no_op = true;
      step.delivery->unchanged = step.delivery->rows();
      step.delivery->inserted = step.delivery->updated = 0;
    }
  }
  run.steps[1].checks.pop_back();
  run.steps[1].state = "succeeded";
  return run;
}

RunReport SampleRefusedRun() {
  RunReport run = SampleTrainRun();
  run.exit_code = 3;
  run.state = "failed";
  ModelReport& model = run.models[0];
  model.promoted = false;
  model.alias_moves.clear();
  model.version = 5;
  model.champion_version = 4;
  model.gates[0] = {"auc >= 0.72", false, "auc 0.7012 is below 0.72"};
  model.metrics["auc"] = 0.7012;
  return run;
}

std::vector<std::pair<std::string, RunReport>> SampleRuns() {
  return {{"train", SampleTrainRun()}, {"score", SampleScoreRun()}, {"stopped", SampleStoppedRun()}, {"reused", SampleReusedRun()}, {"refused", SampleRefusedRun()}};
}

/// `HEADRACE_REPORT_SAMPLES=folder report_test` leaves the pages there, to be looked at; without it they go to the tests' temporary folder.
TEST(SampleRunsTest, PagesAreWrittenWhereAsked) {
  const char* asked = std::getenv("HEADRACE_REPORT_SAMPLES");
  const std::string folder = asked == nullptr ? testing::TempDir() : asked;
  for (const auto& [name, run] : SampleRuns()) {
    std::ofstream out(StrCat(folder, "/", name, ".html"), std::ios::binary);
    out << RenderHtml(run);
    EXPECT_TRUE(out.good()) << name;
  }
}

}  // namespace headrace

// Every key of a step. The order here is the order of the reference.
#include "headrace/pipeline/schema.h"
#include "headrace/pipeline/schema_learning.h"

namespace headrace {
namespace {

using enum ScalarType;

Shape ColumnShape() { return Scalar(kColumn); }
Shape Columns() { return ListOrSingle(ColumnShape()); }

Key Data() {
  return Required({"data", Scalar(kStep), "the dataset to read: a step, or one of its outputs as `step.output`", "features"});
}

Shape BindShape() { return Named("$name: value", Scalar(kAny)); }

Key Bind() {
  return {"bind", BindShape(), "values for the `$name`s of the query; they are bound, never pasted into SQL",
          "{since: \"${params.since}\"}"};
}

Shape ExtractShape() {
  return MapOf("how to read rows", {
      {"file", Scalar(kPath), "files to read: a path relative to the project's folder; `*` and `**` match several; folders called `key=value` are columns of Parquet files", "data/customers.csv"},
      {"format", Choice({"csv", "tsv", "parquet", "jsonl"}), "format of the files; told from their ending (also before .gz and .zst) when not given", "csv"},
      {"delimiter", Scalar(kText), "csv: the character between fields; found in the first lines when not given", "\";\""},
      {"null_values", ListOrSingle(Scalar(kText)), "texts that are read as null", "[\"\", NA]"},
      {"connection", Scalar(kName), "a connection of headrace.yaml or the tenant", "warehouse"},
      {"table", Scalar(kText), "the table to read; the tenant's `tables` may give it another name", "profiles"},
      {"query", Scalar(kSql), "a .sql file, or the query itself", "sql/events.sql"},
      Bind(),
      {"api", MapOf("an HTTP API", {
           Required({"url", TextOrSecretShape("API_TOKEN"), "what to GET: https:// or http://", "\"https://api.example/v1/orders?since=${params.since}\""}),
           {"headers", Named("name: value", TextOrSecretShape("API_TOKEN"), kLabel), "headers of the request", "{Authorization: {secret: API_TOKEN}}"},
           {"rows", Scalar(kText), "where the rows lie in the JSON that comes: `$`, `$.data`, `$['data'].rows`; `$` when not given", "$.data"},
           {"allow_private", Scalar(kBool), "also an address that is not of the public internet: loopback, private and link-local ones", "true"},
       }), "read from an HTTP API: one GET, whose answer is JSON (docs/api-sources.md)", "{url: \"https://api.example/v1/orders\", rows: $.data}"},
      {"empty", Choice({"refuse", "allow"}), "whether no rows at all are fine; `refuse` when not given", "allow"},
      {"unchanged", Choice({"refuse", "allow"}), "whether the very rows of the interval before are fine; when not given they fail a step that reads by the run's interval, and are a warning elsewhere", "allow"},
  });
}

Shape AggregateShape() {
  const Shape windows = ListOrSingle(Scalar(kText));
  const Shape feature = Either({Scalar(kExpression), MapOf("a feature", {
      Required({"of", Scalar(kExpression), "a function over events, or an expression over the features before it", "sum(amount) where kind = 'purchase'"}),
      {"by", ColumnShape(), "one feature for each level of this column, called `NAME_LEVEL`", "category"},
      {"levels", ListOrSingle(Scalar(kText)), "beside `by`: the levels; events of others count in none", "[shoes, hats]"},
      {"windows", windows, "in place of those of the step", "[7d, 90d]"},
  })});
  return MapOf("features from events", {
      Required({"events", Scalar(kStep), "the dataset of events: a step, or one of its outputs", "events"}),
      Required({"entity", ColumnShape(), "the column that says whose event it is", "customer_id"}),
      {"time", ColumnShape(), "the column that says when it happened; the only date or timestamp column when not given", "happened_at"},
      {"known", ColumnShape(), "a column that says when the event became known, where that is later: features read only what was known before the date", "loaded_at"},
      Required({"as_of", Scalar(kAny), "a date or timestamp, or a dataset with a column `as_of` and perhaps the entity's: features read events before it, never from it on", "\"${params.as_of}\""}),
      {"windows", windows, "how far back features look, each the end of a name (`spend_7d`); `all`, which has no such end, when not given", "[7d, 30d, 90d, all]"},
      {"of", Named("name: feature", feature), "the features: count, any, count(x), count(distinct x), sum(x), mean(x), min(x), max(x), std(x), trend(x), recency, tenure, mean_gap, std_gap, each perhaps with `where CONDITION`; or an expression over features before it",
       "{orders: count, spend: sum(amount), share: \"spend_7d / nullif(spend_90d, 0)\"}"},
      {"label", Named("name: function", Scalar(kExpression)), "functions over the events from the date on, for `within`", "{bought: any where kind = 'purchase'}"},
      {"within", Scalar(kDuration), "beside `label`: how far ahead labels look", "30d"},
  });
}

Shape SqlShape() {
  return MapOf("a query over other steps", {
      Required({"query", Scalar(kSql), "a .sql file, or the query itself; tables are other steps, by name", "sql/features.sql"}),
      Bind(),
      {"threads", IntFrom(1), "threads of the engine; above 1 the last bits of sums may move from run to run", "4"},
  });
}

Shape SplitShape() {
  return Either({Choice({"none"}), MapOf("by or column", {
      {"by", Scalar(kText), "a date or time column (the newest rows are the test rows), or `hash(column, ...)`", "as_of"},
      {"test", Scalar(kShare), "share of rows held back for testing; 20% when not given", "20%"},
      {"gap", Scalar(kDuration), "by time: training rows end this long before the first test row", "7d"},
      {"column", ColumnShape(), "a bool column that is true for test rows", "is_test"},
  }, {"by", "column"})});
}

Shape GateShape() {
  return ListOf(Either({Scalar(kExpression), MapOf("a comparison", {
      Required({"not_worse_than", Choice({"champion"}), "the model version to compare with, on the same test rows", "champion"}),
      Required({"metric", Scalar(kText), "what is compared", "auc"}),
      {"by", Scalar(kDouble), "how much worse is still accepted", "0.005"},
  })}));
}

Shape ScoreShape() {
  return MapOf("how to score", {
      Data(),
      Required({"model", Scalar(kText), "a train step, NAME@ALIAS of the registry, or the path of a model file", "propensity@champion"}),
      {"keep", Columns(), "columns carried over to the scores; all when not given", "[customer_id]"},
      {"features_changed", Choice({"refuse", "allow"}), "what to do when the steps that make the features are not those the model was trained on", "allow"},
      {"reasons", IntFrom(1), "so many columns `reason_1`, `reason_2`, ...: what moved each row's score most, as `+ spend = 12.5` (docs/explanations.md)", "3"},
      {"select", MapOf("which rows to keep", {Required({"top", IntFrom(1), "the rows with the largest `score`, this many; of equal scores those that come first", "5000"})}),
       "keep some of the scored rows, in their order", "{top: 5000}"},
  });
}

Shape DeliverShape() {
  return MapOf("where scores go", {
      Data(),
      {"connection", Scalar(kName), "a connection of headrace.yaml or the tenant", "cdp"},
      {"table", Scalar(kText), "the table to write; made when it is not there", "propensity_scores"},
      {"file", Scalar(kPath), "or a file to write, relative to the project's folder: .parquet, .csv, .tsv or .jsonl, the last three also with .gz or .zst", "out/scores.parquet"},
      {"mode", Choice({"upsert", "append", "replace"}), "how rows get into the table; `upsert` when there is a key", "upsert"},
      {"key", Columns(), "columns that identify a row in the destination", "[customer_id]"},
      {"allow_older", Scalar(kBool), "accept an interval older than the newest delivered to the table", "true"},
      NotYet("api", "deliver to an HTTP API"),
  });
}

Shape CommandShape() {
  std::vector<Key> keys = {
      internal::ProgramRun(),
      {"reads", ListOrSingle(Scalar(kStep)), "steps whose datasets or models it gets, as paths in `HEADRACE_INPUT_NAME`", "[features]"},
      {"outputs", ListOrSingle(Scalar(kName)),
       "datasets it writes, at the paths in `HEADRACE_OUTPUT_NAME`, read as `step.name`; when not given one, at `HEADRACE_OUTPUT`, read as `step`; `[]`: none, and it runs each time", "[scores, rejected]"},
  };
  for (Key& key : internal::ProgramKeys()) keys.push_back(std::move(key));
  return MapOf("a program to run", std::move(keys));
}

Key Baseline() {
  const Shape amount = Scalar(kDouble);
  return {"baseline", Either({Choice({"auto"}), MapOf("a baseline", {
      {"same", ListOrSingle(Choice({"hour", "weekday", "month"})), "compare only with points of the same hour, weekday or month, on the clock of the pipeline's schedule", "weekday"},
      {"learn", IntFrom(2), "with fewer points nothing is expected yet; 4 when not given", "8"},
      {"window", Scalar(kAny), "the newest so many points count, or those of so much time; 20 when not given", "90d"},
      {"within", amount, "half the width of the band, in spreads of the points; 3 when not given", "4"},
      {"min_change", Scalar(kShare), "a change of at most this share never counts; a third when not given", "10%"},
      {"min_difference", amount, "nor does one of at most so much", "50"},
      {"direction", Choice({"both", "up", "down"}), "which changes count; `both` when not given", "down"},
      {"half_life", IntFrom(1), "a point counts half as much as the one so many points after it; all count alike when not given", "10"},
      {"trend", Scalar(kBool), "go on with the slope of the points; false when not given", "true"},
      {"since", Scalar(kAny), "a date: the level changed for good, earlier intervals do not count", "2026-11-02"},
  })}), "what is measured must fit what earlier runs measured; `auto`: as everything below says when not given", "auto"};
}

Shape RetryShape() {
  return Either({IntFrom(1), MapOf("attempts, backoff, max, deadline, on", {
      {"attempts", IntFrom(1), "tries in all", "4"},
      {"backoff", Scalar(kDuration), "longest wait before the second try; doubles from try to try, and a random part of it is waited", "2s"},
      {"max", Scalar(kDuration), "longest wait", "1m"},
      {"deadline", Scalar(kDuration), "no new try after this much time", "30m"},
      {"on", Choice({"temporary", "all"}), "which failures are tried again: those that may pass (locked, full, busy), or all; `temporary` when not given", "all"},
  })});
}

Shape PipelineStepShape() {
  return MapOf("a pipeline to run", {
      Required({"name", Scalar(kLabel), "a pipeline of this project; it runs for the same tenant and interval", "features"}),
      {"params", Named("parameter: value", Scalar(kAny)), "its parameters; those not given have their values of the tenant's file or their defaults", "{as_of: \"${run.interval.end}\"}"},
      {"output", Scalar(kStep), "a step of it whose dataset is read under this step's name", "profiles"},
  });
}

std::vector<Key> CommonKeys() {
  return {
      {"checks", ListOf(CheckEntryShape()), "statements that must hold for the step's output before anything reads it", "[{unique: [customer_id]}]"},
      {"quarantine", MapOf("at_most", {Required({"at_most", Scalar(kShare), "share of the rows that may be put aside; with more the step fails", "0.5%"})}),
       "put the rows that checks of single rows refuse aside, as `STEP.quarantine`, and go on with the others", "{at_most: 0.5%}"},
      {"when", Scalar(kExpression), "run the step only when this holds; reads `params`, `run`, `tenant` and `env`", "\"params.category = 'shoes'\""},
      {"after", ListOrSingle(Scalar(kStep)), "steps to wait for besides those that are read", "[to_cdp]"},
      {"reads", ListOrSingle(Scalar(kStep)), "steps that the query reads but that cannot be seen in it", "[profiles]"},
      {"retry", RetryShape(), "how often to try when the step fails for a reason that may pass", "{attempts: 4, backoff: 2s, max: 1m}"},
      {"timeout", Scalar(kDuration), "the step fails when one try takes longer", "20m"},
      {"cache", Either({Choice({"on", "off"}), MapOf("fresh_for", {Required({"fresh_for", Scalar(kDuration), "reuse what a live source gave while it is younger than this", "12h"})})}),
       "whether an output made from the same inputs is reused", "{fresh_for: 12h}"},
      {"on_failure", Choice({"skip_dependents", "continue", "stop_run"}),
       "when the step fails: skip what reads or follows it; `continue`: skip only what reads it, and the run does not fail; `stop_run`: start nothing else", "continue"},
      {"description", Scalar(kText), "for people", ""},
      {"for_each", ForEachShape(), "do the step once for each item, which `${item}` stands for; whoever reads it reads the rows of all, with a column `item`", "[de, fr, it]"},
      {"pool", Scalar(kName), "a pool of headrace.yaml: the step waits for one of its slots", "warehouse"},
      {"approve", Either({Scalar(kBool), MapOf("within", {Required({"within", Scalar(kDuration), "how long a yes is waited for; then it is a no", "3d"})})}),
       "on `deliver`, or on `train` with `promote: approve`: the run waits, without a process, until somebody says yes", "{within: 3d}"},
  };
}

}  // namespace

const Shape& ForEachShape() {
  static const Shape shape = Either({ListOrSingle(Scalar(kAny)), MapOf("for_each", {
      {"values", ListOrSingle(Scalar(kAny)), "the items, all of one type", "[de, fr, it]"},
      {"rows", Scalar(kStep), "or a dataset: each row is an item", "regions"},
      {"columns", Named("name: type", Choice({"bool", "int", "double", "text", "date", "timestamp"}), kColumn), "beside `rows`: the columns that `${item.NAME}` reads, with their types", "{region: text, since: date}"},
      {"key", ColumnShape(), "beside `rows`: the column whose values tell the items apart; the first of `columns` when not given", "region"},
      {"parallel", IntFrom(1), "items at once; as many as the run has threads when not given", "4"},
      {"fail", Choice({"late", "fast"}), "when an item fails: do the others and fail then (when not given), or stop at once", "fast"},
  }, {"values", "rows"})});
  return shape;
}

const Shape& TrainShape() {
  static const Shape shape = MapOf("how to learn", {
      Data(),
      {"target", ColumnShape(), "the column to predict; every learner but `kmeans`, which has none, needs it", "churned"},
      {"positive", Scalar(kText), "binary: the class that scores speak of; true, 1 or the last in byte order when not given", "yes"},
      {"key", Columns(), "columns that identify a row; they order the rows and are never features", "[customer_id, as_of]"},
      {"ignore", Columns(), "columns that are not features", "[name]"},
      {"split", SplitShape(), "which rows are held back for testing; none when not given", "{by: as_of, test: 20%, gap: 7d}"},
      {"folds", internal::FoldsShape(), "`auto`, or how many folds serve tuning, calibration, threshold and stopping point; or by which column they are cut (docs/metrics.md)", "{by: as_of, count: 5, gap: 7d}"},
      {"transform", ListOf(TransformShape()), "preparation of the columns, in order; a column that none names gets the default of its type", "[{columns: [age], steps: [{impute: median}]}]"},
      {"learner", internal::LearnerShape(), "the algorithm and its parameters; `auto` tries the usual ones on the folds (docs/learners.md)", "{lightgbm: {num_leaves: 31}}"},
      {"tune", internal::TuneShape(), "try settings of the learner on the folds and take the best (docs/tuning.md)", "{trials: 50}"},
      {"group", ColumnShape(), "a column with the query of each row, for objectives that rank (docs/learners.md); whole queries are split", "query_id"},
      {"treatment", ColumnShape(), "uplift: a column of two values that says who was treated; never a feature (docs/learners.md)", "mailed"},
      {"treated", Scalar(kText), "beside `treatment`: the value of those who were; true, 1 or the last in byte order when not given", "yes"},
      {"weight", ColumnShape(), "a column with how much each row counts, for learner, calibration, threshold and metrics", "importance"},
      {"class_weight", internal::ClassWeightShape(), "how much rows of a class count for the learner; `balanced`: all classes alike", "balanced"},
      {"monotone", internal::MonotoneShape(), "lightgbm, xgboost: features that may only raise, or only lower, the prediction", "{price: falling}"},
      {"categorical", Columns(), "lightgbm: columns that are split by sets of their values, without one-hot or target encoding (docs/learners.md)", "[country, city]"},
      {"calibrate", internal::CalibrateShape(), "how scores become probabilities (docs/calibration-and-thresholds.md)", "isotonic"},
      {"threshold", internal::ThresholdShape(), "from which score on the label is the positive class; 0.5 when not given", "{maximize: f1}"},
      {"evaluate", ListOrSingle(Scalar(kText)), "metrics to report; the usual ones of the task when not given", "[auc, logloss, lift@10%]"},
      {"intervals", IntFrom(1), "a 95 % interval of each metric from so many bootstrap resamples; 1000 when a gate asks for one", "1000"},
      {"segments", Columns(), "metrics also for each value of these columns, and how far apart those are", "[country]"},
      {"refit", Scalar(kBool), "keep a model that is fitted once more on all rows, test rows too; metrics, calibration and threshold stay; false when not given", "true"},
      {"purpose", Scalar(kText), "for the model card: what the model is for", "who gets the spring catalogue"},
      {"limits", Scalar(kText), "for the model card: what it cannot do, and what it must not be used for", "not for prices; knows no customers of less than a month"},
  });
  return shape;
}

namespace {
Shape DriftShape() {
  const auto limit = [] { Shape shape = Scalar(kDouble); shape.minimum = 0; return shape; };
  return MapOf("a drift check", {
      Required({"against", Scalar(kText), "`training`: the rows that the model of this `score` step was trained on; `last`: what this step left in the last run; or a file of rows or a model file", "training"}),
      {"columns", Columns(), "columns to compare; all that both sides have when not given", "[amount, country, score]"},
      {"psi", limit(), "largest population stability index; 0.2 when no bound is given", "0.2"},
      {"js", limit(), "largest Jensen-Shannon divergence, in bits", "0.05"},
      {"l_inf", limit(), "largest difference of a bin's shares", "0.1"},
      {"ks", limit(), "largest difference of the cumulated shares, for ordered values", "0.1"},
      {"chi2_p", limit(), "smallest p-value of the chi-square test", "0.001"},
      {"missing", Scalar(kShare), "largest change of the share of missing values", "5%"},
  });
}
}  // namespace

const Shape& CheckEntryShape() {
  const auto one_column = [] { return Required({"column", ColumnShape(), "the column to look at", "amount"}); };
  const auto bounded = [](std::vector<Key> keys) {
    keys.push_back({"min", Scalar(kDouble), "smallest value of the number measured", "0"});
    keys.push_back({"max", Scalar(kDouble), "largest value of the number measured", "100"});
    keys.push_back(Baseline());
    return MapOf("a measured number and its bounds", std::move(keys));
  };
  const Shape ordered = MapOf("columns, key", {
      Required({"columns", Columns(), "the columns that decide, the first before the others; rows with a null in them are passed over", "[changed_at]"}),
      {"key", Columns(), "ask within each of the values of these columns, not over all rows", "[customer_id]"},
  });
  static const Shape shape = MapOf("a check", {
      {"contract", Scalar(kPath), "names, types and nulls as a contract file says", "contracts/events.yaml"},
      {"rows", MapOf("min, max, baseline", {{"min", IntFrom(0), "fewest rows", "1000"}, {"max", IntFrom(0), "most rows", "1000000"}, Baseline()}), "how many rows", "{min: 1000}"},
      {"not_null", Columns(), "no nulls in these columns", "[customer_id]"},
      {"unique", Columns(), "no two rows agree in all of these columns", "[customer_id, as_of]"},
      {"range", MapOf("column, min, max", {one_column(), {"min", Scalar(kAny), "smallest value", "0"}, {"max", Scalar(kAny), "largest value", "120"}}), "values between two bounds, both allowed; nulls pass", "{column: age, min: 0, max: 120}"},
      {"one_of", MapOf("column, values", {one_column(), Required({"values", ListOf(Scalar(kText)), "all values that may come; nulls pass", "[de, fr]"})}), "values from a list", "{column: country, values: [de, fr]}"},
      {"matches", MapOf("column, pattern", {one_column(), Required({"pattern", Scalar(kText), "a POSIX extended regular expression for the whole text; nulls pass", "\"[A-Z]{2}[0-9]+\""})}), "texts of one form", "{column: id, pattern: \"[0-9]+\"}"},
      {"expect", Scalar(kExpression), "an expression that is true for every row; null passes", "\"amount >= 0\""},
      {"sum", bounded({one_column()}), "the sum of a column", "{column: amount, min: 0}"},
      {"mean", bounded({one_column()}), "the mean of a column", "{column: amount, min: 10, max: 50}"},
      {"quantile", bounded({one_column(), Required({"q", Scalar(kShare), "which quantile", "95%"})}), "a quantile of a column", "{column: amount, q: 95%, max: 500}"},
      {"distinct", bounded({one_column()}), "how many different values a column has, nulls apart", "{column: country, min: 3, max: 60}"},
      {"metric", bounded({Required({"of", Scalar(kText), "an expression over count(*), count(x), count(distinct x), sum(x), mean(x), min(x), max(x), null_share(x)", "\"sum(refunds) / count(*)\""})}), "any number made of aggregates", "{of: \"sum(refunds) / count(*)\", max: 0.1}"},
      {"fresh", MapOf("column, within", {one_column(), Required({"within", Scalar(kDuration), "how long the newest value may lie before the end of the run's interval", "2d"})}), "the newest value is young enough", "{column: updated_at, within: 2d}"},
      {"ordered", ordered, "no row comes before the row above it", "{columns: [changed_at], key: [customer_id]}"},
      {"monotone", ordered, "every row comes after the row above it, and none is equal to it", "{columns: [id]}"},
      {"sequence", MapOf("column, every", {one_column(), {"every", Choice({"hour", "day", "week", "month"}), "step of a date or timestamp; day when not given; ints go by 1", "day"}}), "nothing is missing between the smallest and the largest value", "{column: day}"},
      {"type_of_text", MapOf("column, is", {one_column(), Required({"is", Choice({"email", "url", "iso_date", "currency", "country"}), "what every text is; nulls pass", "currency"})}), "texts are of one kind", "{column: currency, is: currency}"},
      {"foreign_key", MapOf("column, to", {one_column(), Required({"to", Scalar(kText), "STEP.column of another step, which this one then waits for", "customers.customer_id"})}), "every value is one of another dataset's; nulls pass", "{column: customer_id, to: customers.customer_id}"},
      {"same_as", MapOf("dataset, columns", {Required({"dataset", Scalar(kStep), "another step, which this one then waits for", "orders_copy"}), {"columns", Columns(), "the columns to compare; all when not given", "[id, amount]"}}), "another dataset has the same rows, in whatever order", "{dataset: orders_copy}"},
      {"sql", Either({Scalar(kSql), MapOf("query, bind", {Required({"query", Scalar(kSql), "a .sql file, or the query itself", "sql/strays.sql"}), Bind()})}),
       "a query over this step and others, by name, that gives no row", "\"select * from orders join refunds using (id) where refunds.amount > orders.amount\""},
      {"at_least", Scalar(kShare), "share of rows that must pass; all when not given", "99.9%"},
      {"severity", Choice({"error", "warn"}), "`warn` reports and goes on", "warn"},
      {"warn", MapOf("the bounds of a warning", {
           {"at_least", Scalar(kShare), "share of rows", "99.9%"},
           {"min", Scalar(kAny), "smallest value", "5000"},
           {"max", Scalar(kAny), "largest value", "9000"},
           {"within", Scalar(kDuration), "for `fresh`", "1d"},
       }), "narrower bounds that warn before those of the check fail", "{at_least: 99.9%}"},
      {"where", Scalar(kExpression), "look only at the rows for which this is true", "\"country = 'de'\""},
      {"by", Columns(), "one verdict for each value of these columns, at most 1,000", "[country]"},
      {"tags", ListOrSingle(Scalar(kText)), "words to find the check by", "[finance]"},
      {"name", Scalar(kText), "how reports call the check", "no refunds"},
      {"drift", DriftShape(), "distributions that may not have moved away from known ones (docs/drift.md)", "{against: training, psi: 0.2}"},
  }, {"contract", "rows", "not_null", "unique", "range", "one_of", "matches", "expect", "sum", "mean", "quantile", "distinct", "metric", "fresh", "ordered", "monotone",
      "sequence", "type_of_text", "foreign_key", "same_as", "sql", "drift"});
  return shape;
}

const Shape& StepShape() {
  static const Shape shape = [] {
    std::vector<Key> keys = {
        {"extract", ExtractShape(), "read rows from files or a database", "{file: data/customers.csv}"},
        {"sql", SqlShape(), "one query over the outputs of other steps", "{query: sql/features.sql}"},
        {"aggregate", AggregateShape(), "events to features per entity as of dates, never reading past them (docs/aggregate.md)", "{events: events, entity: customer_id, as_of: \"${params.as_of}\", windows: [7d, 30d], of: {orders: count}}"},
        {"fill", MapOf("what to fill", {
             Data(),
             Required({"columns", Columns(), "the columns whose nulls take the last value before them", "[price, stock]"}),
             Required({"by", Columns(), "rows that agree in these columns belong together; no value crosses over", "[product_id]"}),
             Required({"order", ColumnShape(), "the column that says which row comes before which", "day"}),
         }), "carry values forward within a key: each null takes the last value before it (docs/fill.md)", "{data: prices, columns: [price], by: [product_id], order: day}"},
        {"train", TrainShape(), "fit a model", "{data: customers, target: churned}"},
        {"score", ScoreShape(), "apply a model", "{data: customers, model: model}"},
        {"deliver", DeliverShape(), "write rows to a destination", "{data: scores, file: out/scores.parquet}"},
        {"command", CommandShape(), "run a program of your own", "{run: [python3, scripts/fit.py], reads: [features], code: [scripts/fit.py]}"},
        {"pipeline", PipelineStepShape(), "run another pipeline of the project as a part of this one", "{name: features, output: profiles}"},
        {"use", Scalar(kPath), "the steps of a file under shared/, as `NAME.step`", "shared/features.yaml"},
        {"with", Named("parameter: value", Either({Scalar(kAny), ListOf(ColumnShape())})), "beside `use`: values for the parameters of that file", "{as_of: dates}"},
        {"gate", GateShape(), "beside `train`: conditions on metrics before the model may become champion", "[auc >= 0.72]"},
        {"register", MapOf("name, promote", {
             Required({"name", Scalar(kLabel), "name in the registry", "propensity"}),
             {"promote", Choice({"auto", "approve", "never"}), "`auto` moves the alias `champion` when every gate passed; `approve` asks people first", "auto"},
         }), "beside `train`: put the model into the registry", "{name: propensity, promote: auto}"},
    };
    for (Key& key : CommonKeys()) keys.push_back(std::move(key));
    for (const char* kind : {"report", "attribute", "media_mix"})
      keys.push_back(NotYet(kind, "a step kind of a later version"));
    return MapOf("a step", std::move(keys), {"extract", "sql", "aggregate", "fill", "train", "score", "deliver", "command", "pipeline", "use"});
  }();
  return shape;
}

}  // namespace headrace

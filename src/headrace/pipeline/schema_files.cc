// Every key of the project's files outside of steps.
#include "headrace/pipeline/alert_spec.h"
#include "headrace/pipeline/schema.h"
#include "headrace/sql/connection.h"

namespace headrace {
namespace {

using enum ScalarType;

Shape Drivers() { return Choice({ConnectionDrivers().begin(), ConnectionDrivers().end()}); }

Shape ConnectionsShape() {
  return Named("name: connection", MapOf("a connection", {
      Required({"driver", Drivers(), "kind of database", "duckdb"}),
      Required({"uri", TextOrSecretShape("WAREHOUSE_URI"), "where the database is: a file, relative to the project's folder, or `postgresql://user@host/database`; with a password always `{secret: NAME}`", "data/warehouse.duckdb"}),
  }));
}

Shape ParamsShape() { return Named("name: parameter", ParamShape()); }
Shape StepsShape() { return Named("name: step", StepShape()); }

Key Description() { return {"description", Scalar(kText), "for people", ""}; }

Shape RetryTimeout() {
  std::vector<Key> keys;
  for (const Key& key : StepShape().keys)
    if (key.name == "retry" || key.name == "timeout") keys.push_back(key);
  return MapOf("retry, timeout", std::move(keys));
}

/// What a tenant may say otherwise.
std::vector<Key> ScheduleTimes() {
  return {
      {"cron", Scalar(kText), "five fields: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly", "\"0 6 * * MON\""},
      {"every", Scalar(kText), "a distance in place of `cron`: 15m, 6h, 1 day, 2 weeks, 1 month", "1 month"},
      {"timezone", Scalar(kText), "IANA name of the zone whose wall clock counts; UTC when not given", "Europe/Berlin"},
      {"start", Scalar(kText), "no run before this local date or time; `every` counts from it", "2026-01-31"},
      {"end", Scalar(kText), "no run at this local date or time, or later", "\"2027-01-01 06:00\""},
      {"missing", Choice({"run_at_next_valid", "skip"}), "a time of day that the clock jumps over: run when it has jumped (when not given), or not", "skip"},
      {"repeated", Choice({"first", "both", "last"}), "a time of day that the clock shows twice: which of the two; `first` when not given", "last"},
      {"catch_up", Choice({"latest", "all", "none"}), "which of the ticks missed while nothing ran are made up for; `latest` when not given", "all"},
      {"jitter", Scalar(kDuration), "spread starts over this long after the tick; the same tick always gets the same delay", "10m"},
      {"finish_by", Scalar(kText), "local time of day at which the run should have ended", "\"07:30\""},
      {"max_parallel", IntFrom(1), "runs of one tenant at once; 1 when not given", "2"},
      {"overlap", Choice({"queue", "skip", "cancel"}), "a tick while `max_parallel` runs are at work: wait (when not given), leave it out, or cancel the oldest", "skip"},
  };
}

Shape ScheduleShape() {
  std::vector<Key> keys = ScheduleTimes();
  keys.push_back({"tenants", ListOrSingle(Scalar(kLabel)), "`all`, or names: a run for each; one run without a tenant when not given", "all"});
  keys.push_back({"parallel", IntFrom(1), "tenants at once; 1 when not given", "5"});
  return MapOf("a schedule", std::move(keys), {"cron", "every"});
}

Key AllowPrivate() { return {"allow_private", Scalar(kBool), "also addresses that are not of the public internet: loopback, private and link-local ones", "true"}; }
Key Url(const char* description, const char* example, bool required = true) {
  return {"url", TextOrSecretShape("ALERTS_URL"), description, example, required};
}

/// The key of a service, never written out in an example.
Key ServiceKey(const char* description, const std::string& name) {
  return Required({"key", TextOrSecretShape(name), description, "{secret: " + name + "}"});
}

/// One destination of alerts.
Shape AlertShape() {
  return MapOf("a destination of alerts", {
      {"webhook", MapOf("a webhook", {
           Url("where to: `{secret: NAME}` when the address itself is one", "{secret: OPS_WEBHOOK}"),
           {"secrets", ListOf(TextOrSecretShape("OPS_SIGNING")), "keys to sign with, base64, with or without `whsec_`; several while they are being changed", "[{secret: OPS_SIGNING}]"},
           AllowPrivate(),
       }), "a POST of CloudEvents 1.0 with the headers of Standard Webhooks", "{url: {secret: OPS_WEBHOOK}}"},
      {"slack", MapOf("a Slack webhook", {Url("the incoming webhook", "{secret: SLACK_WEBHOOK}"), AllowPrivate()}), "a message in a channel of Slack", "{url: {secret: SLACK_WEBHOOK}}"},
      {"teams", MapOf("a Teams webhook", {Url("the workflow's webhook", "{secret: TEAMS_WEBHOOK}"), AllowPrivate()}), "a card in a channel of Teams", "{url: {secret: TEAMS_WEBHOOK}}"},
      {"pagerduty", MapOf("a PagerDuty service", {ServiceKey("the integration's routing key", "PAGERDUTY_KEY"), Url("another address than PagerDuty's own", "https://events.eu.pagerduty.com/v2/enqueue", false), AllowPrivate()}),
       "an incident of PagerDuty, resolved when the pipeline has recovered", "{key: {secret: PAGERDUTY_KEY}}"},
      {"opsgenie", MapOf("an Opsgenie team", {ServiceKey("the integration's API key", "OPSGENIE_KEY"), Url("another address than Opsgenie's own", "https://api.eu.opsgenie.com/v2/alerts", false), AllowPrivate()}),
       "an alert of Opsgenie, closed when the pipeline has recovered", "{key: {secret: OPSGENIE_KEY}}"},
      {"email", MapOf("mail", {
           Url("the mail server: smtps://host:465, or smtp://host:587, which must offer STARTTLS", "smtps://mail.example:465"),
           Required({"from", Scalar(kText), "the sender's address", "headrace@agency.example"}),
           Required({"to", ListOrSingle(Scalar(kText)), "addresses", "[data@agency.example]"}),
           {"user", Scalar(kText), "who signs in", "headrace"},
           {"password", TextOrSecretShape("MAIL_PASSWORD"), "with which password", "{secret: MAIL_PASSWORD}"},
           {"starttls", Choice({"required", "off"}), "`off`: send in the open when the server offers no TLS; never with a password", "off"},
           AllowPrivate(),
       }), "a mail", "{url: \"smtps://mail.example:465\", from: headrace@agency.example, to: [data@agency.example]}"},
      {"command", ListOf(Scalar(kText)), "a program with its arguments, run in the project's folder; the variable HEADRACE_ALERT names a file with the message as JSON", "[scripts/tell.sh]"},
      {"file", Scalar(kPath), "a file that gets the message as a line of JSON", "out/alerts.jsonl"},
      {"when", ListOrSingle(Choice({kAlertEvents.begin(), kAlertEvents.end()})), "what to tell of; `[failed, recovered, late]` when not given", "[failed, recovered, late]"},
      {"environments", ListOrSingle(Scalar(kLabel)), "only runs of these environments; all when not given", "[prod]"},
      {"group", Scalar(kDuration), "how long a server waits for clients that broke alike, to tell of them in one message; 30s when not given", "2m"},
  }, {"webhook", "slack", "teams", "pagerduty", "opsgenie", "email", "command", "file"});
}

Shape KeepFor() { return Scalar(kText); }

}  // namespace

const Shape& ParamShape() {
  static const Shape shape = MapOf("a parameter", {
      Required({"type", Choice({"text", "string", "int", "double", "bool", "date", "timestamp", "duration", "columns", "enum", "secret", "dataset", "date or dataset"}),
                "what values it takes; `string` is `text`, `columns` a list of columns, `dataset` a step", "date"}),
      {"default", Either({Scalar(kAny), ListOf(Scalar(kColumn)), MapOf("secret: NAME", {Required({"secret", Scalar(kName), "name of a secret", "TOKEN"})})}),
       "the value when neither the command line nor the tenant gives one", "\"${run.interval.end}\""},
      {"values", ListOf(Scalar(kText)), "enum: the values that may be given", "[shoes, hats]"},
      {"required", Scalar(kBool), "whether a value must be given; true without a default", "true"},
      Description(),
  });
  return shape;
}

const Shape& PipelineFileShape() {
  static const Shape shape = MapOf("a pipeline", {
      Required({"name", Scalar(kLabel), "name of the pipeline; unique in the project", "churn"}),
      Description(),
      {"owner", Scalar(kText), "whom to ask about it; stands on the page of the project and in alerts", "data@agency.example"},
      {"runbook", Scalar(kText), "what to do when it fails, most often an address; stands in alerts", "https://wiki.agency.example/churn"},
      {"params", ParamsShape(), "typed parameters, read as `${params.NAME}`", "{as_of: {type: date}}"},
      Required({"steps", StepsShape(), "the steps by name; their order in the file does not matter", "{customers: {extract: {file: data/customers.csv}}}"}),
      {"finally", StepsShape(), "steps that run when all others have ended, however they ended; they may read `${run.outcome}`: succeeded or failed",
       "{log: {deliver: {data: scores, file: out/last.csv}, when: \"run.outcome = 'succeeded'\"}}"},
      {"schedule", ScheduleShape(), "when runs start, and for whom (docs/schedules.md)", "{cron: \"0 6 * * MON\", timezone: Europe/Berlin, tenants: all}"},
  });
  return shape;
}

const Shape& SharedFileShape() {
  static const Shape shape = MapOf("a group of steps", {
      Description(),
      {"params", ParamsShape(), "parameters of the group; values come from `with:`", "{as_of: {type: date or dataset}}"},
      Required({"outputs", ListOrSingle(Scalar(kName)), "steps that the using file may read by their bare names", "[features]"}),
      Required({"steps", StepsShape(), "the steps by name", "{events: {extract: {connection: warehouse, table: events}}}"}),
  });
  return shape;
}

const Shape& ProjectFileShape() {
  static const Shape shape = MapOf("a project", {
      {"name", Scalar(kLabel), "name of the project; the folder's name when not given", "agency"},
      Description(),
      {"environments", Named("name: environment", MapOf("an environment", {
           {"default", Scalar(kBool), "used when the command line names none", "true"},
           {"schedules", Choice({"on", "off"}), "whether schedules start runs here", "off"},
           {"deliver", Choice({"live", "preview"}), "`preview` writes files beside and never touches a destination", "preview"},
           {"state", TextOrSecretShape("STATE_URI"), "where runs, models and deliveries are recorded; `.headrace/state.db` when not given", "postgresql://host/headrace"},
           {"connections", ConnectionsShape(), "connections of this environment", "{}"},
       }), kLabel), "places that the project runs in", "{dev: {default: true, deliver: preview}}"},
      {"connections", ConnectionsShape(), "connections that all tenants share", "{warehouse: {driver: duckdb, uri: data/warehouse.duckdb}}"},
      {"defaults", MapOf("step kind: defaults", {
           {"extract", RetryTimeout(), "for every `extract` step", "{timeout: 20m}"},
           {"sql", RetryTimeout(), "for every `sql` step", "{timeout: 20m}"},
           {"train", RetryTimeout(), "for every `train` step", "{timeout: 2h}"},
           {"score", RetryTimeout(), "for every `score` step", "{timeout: 20m}"},
           {"deliver", RetryTimeout(), "for every `deliver` step", "{retry: 3}"},
           {"aggregate", RetryTimeout(), "for every `aggregate` step", "{timeout: 20m}"},
           {"command", RetryTimeout(), "for every `command` step", "{timeout: 1h}"},
       }), "what steps get that do not say otherwise", "{extract: {timeout: 20m}}"},
      {"pools", Named("pool: slots", IntFrom(1)), "how many steps that name the pool may run at once, over all runs of the project", "{warehouse: 2}"},
      {"retention", MapOf("data, runs, models", {
           {"data", KeepFor(), "how long the rows that steps left are kept: a duration or `forever`. `headrace gc` goes by it; the records of the runs stay", "30d"},
           {"runs", KeepFor(), "how long runs are kept, with what they left; `headrace gc` goes by it", "1y"},
           {"models", KeepFor(), "how long model versions are kept that no alias names or named last; `headrace gc` goes by it", "forever"},
       }), "how long things are kept", "{data: 30d, runs: 1y, models: forever}"},
      {"alerts", Named("name: destination", AlertShape(), kLabel), "whom to tell, of what (docs/alerts.md)", "{ops: {webhook: {url: {secret: OPS_WEBHOOK}}, when: [failed, recovered, late]}}"},
  });
  return shape;
}

const Shape& TenantFileShape() {
  static const Shape shape = MapOf("a tenant", {
      Required({"tenant", Scalar(kLabel), "name of the tenant", "acme"}),
      Description(),
      {"params", Named("parameter: value", Either({Scalar(kAny), ListOf(Scalar(kColumn)), MapOf("secret: NAME", {Required({"secret", Scalar(kName), "name of a secret", "TOKEN"})})})),
       "values for the parameters of the pipelines", "{category: shoes}"},
      {"connections", ConnectionsShape(), "the tenant's own connections", "{warehouse: {driver: duckdb, uri: data/acme.duckdb}}"},
      {"tables", Named("table as pipelines call it: the tenant's table", Scalar(kText), kLabel), "names of tables that differ here", "{profiles: analytics.dim_customer}"},
      {"schedule", Named("pipeline: what differs", MapOf("a tenant's schedule", ScheduleTimes()), kLabel), "what the schedules of pipelines say otherwise for this tenant", "{score: {timezone: America/New_York}}"},
      {"quotas", MapOf("runs, memory", {
           {"runs", IntFrom(1), "runs of this tenant at once, over all pipelines, that schedules and backfills start", "2"},
           {"memory", Scalar(kSize), "memory of the process of one run", "2GiB"},
       }), "how much of the machine this tenant may take", "{runs: 2, memory: 2GiB}"},
  });
  return shape;
}

const Shape& ContractFileShape() {
  static const Shape shape = MapOf("a contract", {
      Description(),
      Required({"columns", ListOf(MapOf("a column", {
           Required({"name", Scalar(kColumn), "name of the column", "customer_id"}),
           Required({"type", Choice({"bool", "int", "double", "text", "date", "timestamp"}), "type of its values", "int"}),
           {"nullable", Scalar(kBool), "whether nulls may come; true when not given", "false"},
           {"personal", Scalar(kBool), "personal data: masked wherever rows are shown", "true"},
           {"min", Scalar(kAny), "smallest value; for int, double, date and timestamp", "0"},
           {"max", Scalar(kAny), "largest value", "120"},
           {"one_of", ListOf(Scalar(kText)), "all values that may come", "[de, fr]"},
           {"matches", Scalar(kText), "text: a POSIX extended regular expression for the whole text", "\"[A-Z]{2}[0-9]+\""},
           {"unique", Scalar(kBool), "no value comes twice", "true"},
           {"tags", ListOrSingle(Scalar(kText)), "words by which transforms find the column: `columns: {tag: money}`", "[money]"},
           Description(),
       })), "the columns, in any order", "[{name: customer_id, type: int, nullable: false}]"}),
      {"extra", Choice({"refuse", "ignore"}), "what to do with columns that are not listed; `refuse` when not given", "ignore"},
      {"null_values", ListOrSingle(Scalar(kText)), "texts that are read as null, for files of text", "[\"\", NA]"},
  });
  return shape;
}

const Shape& TestFileShape() {
  static const Shape shape = [] {
    const Shape rows = ListOf(Named("column: value", Scalar(kAny), kColumn));
    const Shape types = Named("column: type", Choice({"bool", "int", "double", "text", "date", "timestamp"}), kColumn);
    const Key inline_rows = {"rows", rows, "the rows; a column that a row does not name is null", "[{customer_id: 1, dollars: 9.5}]"};
    const Key file = {"file", Scalar(kPath), "or a file of rows under tests/: .csv, .tsv, .jsonl or .parquet", "tests/data/purchases.csv"};
    const Shape given = MapOf("given rows", {
        inline_rows, file,
        {"types", types, "types of columns that the step's contract does not type and that do not show theirs", "{amount: double}"},
    }, {"rows", "file"});
    const Shape expected = MapOf("what a step must give", {
        {"rows", rows, "the rows that must come, no more and no fewer; all name the same columns", "[{customer_id: 1, orders: 2}]"},
        file,
        {"key", ListOrSingle(Scalar(kColumn)), "columns by which a row is known when rows differ; those of the step's `unique` check or delivery when not given", "[customer_id]"},
        {"columns", Choice({"named", "all"}), "`named`: compare the columns that the rows name; `all`: there may be no others", "all"},
        {"ordered", Scalar(kBool), "whether the rows must come in this order", "true"},
        {"tolerance", [] { Shape s = Scalar(kDouble); s.minimum = 0; return s; }(), "numbers a and b are equal when they differ by at most this times max(1, abs(a), abs(b)); 1e-9 when not given", "0.001"},
        {"checks", ListOf(CheckEntryShape()), "statements that must hold for the rows", "[{expect: \"score between 0 and 1\"}]"},
        {"fails", Scalar(kText), "the step must fail, and say this", "\"has nulls\""},
    });
    return MapOf("a test", {
        Required({"name", Scalar(kText), "what is tested, as a sentence", "repeat customers are counted once"}),
        Description(),
        Required({"pipeline", Scalar(kLabel), "the pipeline whose steps are tested", "score"}),
        {"tenant", Scalar(kLabel), "the tenant it runs for; none when not given", "acme"},
        {"interval", Scalar(kText), "the run's interval, half-open; its end is also what the clock says. 2026-01-01/2026-01-02 when not given", "2026-01-05/2026-01-12"},
        {"params", Named("parameter: value", Either({Scalar(kAny), ListOf(Scalar(kColumn))})), "values of the pipeline's parameters", "{category: shoes}"},
        {"given", Named("step: rows", Either({rows, given}), kStep), "the rows that stand for a step's output; no connection, source or destination is touched", "{events: [{customer_id: 1, amount: 9.5}]}"},
        {"models", Named("model: file", Scalar(kPath), kLabel), "the model file that stands for a model of the registry or for a train step", "{propensity: tests/data/propensity.model}"},
        {"checks", Choice({"single_rows", "all"}), "which checks of the steps run: those of single rows, or also those that measure a whole dataset or read another step; `single_rows` when not given", "all"},
        {"sample", Scalar(kColumn), "for `headrace test --sample`: the column by whose values rows of the recorded extracts are taken", "customer_id"},
        Required({"expect", Named("step: rows", Either({rows, expected}), kStep), "what steps must give; of a `deliver` step, what it would deliver. Only steps that these need are run",
                  "{features: [{customer_id: 1, orders: 2}]}"}),
    });
  }();
  return shape;
}

}  // namespace headrace

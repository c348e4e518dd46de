// Every key of the project's files outside of steps.
#include "headrace/pipeline/schema.h"

namespace headrace {
namespace {

using enum ScalarType;

Shape SecretOrText() {
  return Either({Scalar(kText), MapOf("secret: NAME", {Required({"secret", Scalar(kName), "the variable NAME, or the file that NAME_FILE names, holds the value", "WAREHOUSE_URI"})})});
}

Shape ConnectionsShape() {
  return Named("name: connection", MapOf("a connection", {
      Required({"driver", Choice({"duckdb", "sqlite"}, "postgresql"), "kind of database", "duckdb"}),
      Required({"uri", SecretOrText(), "where the database is; a relative path stands under the project's folder", "data/warehouse.duckdb"}),
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
      {"params", ParamsShape(), "typed parameters, read as `${params.NAME}`", "{as_of: {type: date}}"},
      Required({"steps", StepsShape(), "the steps by name; their order in the file does not matter", "{customers: {extract: {file: data/customers.csv}}}"}),
      {"finally", StepsShape(), "steps that run when all others have ended, however they ended; they may read `${run.outcome}`: succeeded or failed",
       "{log: {deliver: {data: scores, file: out/last.csv}, when: \"run.outcome = 'succeeded'\"}}"},
      NotYet("schedule", "run by the clock"),
      NotYet("alerts", "whom to tell"),
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
           {"state", SecretOrText(), "where runs, models and deliveries are recorded; `.headrace/state.db` when not given", "postgresql://host/headrace"},
           {"connections", ConnectionsShape(), "connections of this environment", "{}"},
       }), kLabel), "places that the project runs in", "{dev: {default: true, deliver: preview}}"},
      {"connections", ConnectionsShape(), "connections that all tenants share", "{warehouse: {driver: duckdb, uri: data/warehouse.duckdb}}"},
      {"defaults", MapOf("step kind: defaults", {
           {"extract", RetryTimeout(), "for every `extract` step", "{timeout: 20m}"},
           {"sql", RetryTimeout(), "for every `sql` step", "{timeout: 20m}"},
           {"train", RetryTimeout(), "for every `train` step", "{timeout: 2h}"},
           {"score", RetryTimeout(), "for every `score` step", "{timeout: 20m}"},
           {"deliver", RetryTimeout(), "for every `deliver` step", "{retry: 3}"},
           {"command", RetryTimeout(), "for every `command` step", "{timeout: 1h}"},
       }), "what steps get that do not say otherwise", "{extract: {timeout: 20m}}"},
      {"retention", MapOf("data, runs, models", {
           {"data", KeepFor(), "how long outputs of steps are kept: a duration or `forever`", "30d"},
           {"runs", KeepFor(), "how long records of runs are kept", "1y"},
           {"models", KeepFor(), "how long model versions are kept", "forever"},
       }), "how long things are kept", "{data: 30d, runs: 1y, models: forever}"},
      NotYet("alerts", "whom to tell"),
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
      NotYet("schedule", "run at other times for this tenant"),
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
           Description(),
       })), "the columns, in any order", "[{name: customer_id, type: int, nullable: false}]"}),
      {"extra", Choice({"refuse", "ignore"}), "what to do with columns that are not listed; `refuse` when not given", "ignore"},
      {"null_values", ListOrSingle(Scalar(kText)), "texts that are read as null, for files of text", "[\"\", NA]"},
  });
  return shape;
}

}  // namespace headrace

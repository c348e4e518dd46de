#include <cmath>

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/step/step.h"

namespace headrace {

namespace {
using Json = nlohmann::json;

Json ToJson(const CheckVerdict& v) {
  Json j = {{"name", v.name}, {"kind", v.kind}, {"severity", v.severity == Severity::kWarn ? "warn" : "error"}, {"passed", v.passed},
            {"rows", v.rows}, {"failed_rows", v.failed_rows}, {"message", v.message}, {"help", v.help},
            {"sample_columns", v.sample_columns}, {"sample_rows", v.sample_rows}};
  if (v.value) j["value"] = std::isfinite(*v.value) ? Json(*v.value) : Json(FormatDouble(*v.value));
  if (!v.segment.empty()) j["segment"] = v.segment;
  if (!v.tags.empty()) j["tags"] = v.tags;
  if (!v.measure.empty()) j["measure"] = v.measure;
  if (v.band)
    j["band"] = {{"lower", v.band->lower}, {"center", v.band->center}, {"upper", v.band->upper}, {"points", v.band->points}, {"learning", v.band->learning}, {"basis", v.band->basis}};
  for (const DriftBins& column : v.drift) {
    Json bins = Json::array();
    for (const DriftBins::Bin& bin : column.bins) bins.push_back({bin.name, bin.before, bin.now});
    j["drift"].push_back({{"column", column.column}, {"psi", column.psi}, {"bins", bins}});
  }
  return j;
}

CheckVerdict VerdictFrom(const Json& j) {
  CheckVerdict v;
  v.name = j.at("name");
  v.kind = j.at("kind");
  v.severity = j.at("severity") == "warn" ? Severity::kWarn : Severity::kError;
  v.passed = j.at("passed");
  v.rows = j.at("rows");
  v.failed_rows = j.at("failed_rows");
  v.message = j.at("message");
  v.help = j.at("help");
  double value = 0;
  if (j.contains("value") && (j["value"].is_number() || ParseDouble(j["value"].get<std::string>(), &value))) v.value = j["value"].is_number() ? j["value"].get<double>() : value;
  v.segment = j.value("segment", "");
  v.tags = j.value("tags", std::vector<std::string>());
  v.measure = j.value("measure", "");
  if (j.contains("band")) {
    const Json& band = j["band"];
    v.band = ExpectedBand{band.at("lower"), band.at("center"), band.at("upper"), band.at("points"), band.at("learning"), band.at("basis")};
  }
  for (const Json& column : j.value("drift", Json::array())) {
    DriftBins& drift = v.drift.emplace_back(DriftBins{column.at("column"), column.at("psi"), {}});
    for (const Json& bin : column.at("bins")) drift.bins.push_back({bin.at(0), bin.at(1), bin.at(2)});
  }
  v.sample_columns = j.at("sample_columns").get<std::vector<std::string>>();
  v.sample_rows = j.at("sample_rows").get<std::vector<std::vector<std::string>>>();
  return v;
}

Json ToJson(const DeliveryReport& d) {
  return {{"destination", d.destination}, {"mode", d.mode}, {"inserted", d.inserted}, {"updated", d.updated}, {"deleted", d.deleted},
          {"unchanged", d.unchanged}, {"revision", d.revision}, {"no_op", d.no_op}, {"preview", d.preview},
          {"ledger_key", d.ledger_key}, {"digest", d.digest}};
}

DeliveryReport DeliveryFrom(const Json& j) {
  DeliveryReport d;
  d.destination = j.at("destination");
  d.mode = j.at("mode");
  d.inserted = j.at("inserted");
  d.updated = j.at("updated");
  d.deleted = j.at("deleted");
  d.unchanged = j.at("unchanged");
  d.revision = j.at("revision");
  d.no_op = j.at("no_op");
  d.preview = j.at("preview");
  d.ledger_key = j.at("ledger_key");
  d.digest = j.at("digest");
  return d;
}

Json ToJson(const ModelDetails& m) {
  Json gates = Json::array();
  for (const GateVerdict& g : m.gates) gates.push_back({{"text", g.text}, {"passed", g.passed}, {"message", g.message}});
  return {{"name", m.name}, {"version", m.version}, {"champion_before", m.champion_before}, {"champion_after", m.champion_after},
          {"digest", m.digest}, {"gates", gates}};
}

ModelDetails ModelFrom(const Json& j) {
  ModelDetails m;
  m.name = j.at("name");
  m.version = j.at("version");
  m.champion_before = j.at("champion_before");
  m.champion_after = j.at("champion_after");
  m.digest = j.at("digest");
  for (const Json& g : j.at("gates")) m.gates.push_back({g.at("text"), g.at("passed"), g.at("message")});
  return m;
}

Json ToJson(const HistogramReport& h) { return {{"edges", h.edges}, {"counts", h.counts}}; }
HistogramReport HistogramFrom(const Json& j) {
  return {j.at("edges").get<std::vector<double>>(), j.at("counts").get<std::vector<std::int64_t>>()};
}

Json ToJson(const std::vector<ColumnCount>& counts) {
  Json out = Json::array();
  for (const ColumnCount& c : counts) out.push_back({{"column", c.column}, {"rows", c.rows}});
  return out;
}
std::vector<ColumnCount> CountsFrom(const Json& j) {
  std::vector<ColumnCount> out;
  for (const Json& c : j) out.push_back({c.at("column"), c.at("rows")});
  return out;
}

Json ToJson(const ScoreReport& s) {
  Json out = {{"step", s.step}, {"model", s.model}, {"rows", s.rows}, {"histogram", ToJson(s.histogram)},
              {"training_histogram", ToJson(s.training_histogram)}, {"unseen", ToJson(s.unseen)}, {"nulls", ToJson(s.nulls)},
              {"derive_errors", ToJson(s.derive_errors)}};
  if (s.clusters > 0) out["clusters"] = s.clusters;
  return out;
}

ScoreReport ScoreFrom(const Json& j) {
  ScoreReport s;
  s.step = j.at("step");
  s.model = j.at("model");
  s.rows = j.at("rows");
  s.clusters = j.value("clusters", std::int64_t{0});
  s.histogram = HistogramFrom(j.at("histogram"));
  s.training_histogram = HistogramFrom(j.at("training_histogram"));
  s.unseen = CountsFrom(j.at("unseen"));
  s.nulls = CountsFrom(j.at("nulls"));
  s.derive_errors = CountsFrom(j.at("derive_errors"));
  return s;
}
}  // namespace

std::string StepDetails::ToJson() const {
  Json j = {{"upstream", upstream}};
  if (!taken_from.empty()) j["taken_from"] = taken_from;
  if (anew) j["anew"] = true;
  for (const CheckVerdict& verdict : checks) j["checks"].push_back(headrace::ToJson(verdict));
  if (quarantine) j["quarantine"] = {{"rows_in", quarantine->rows_in}, {"rows_out", quarantine->rows_out}, {"rows_aside", quarantine->rows_aside}};
  if (!notes.empty()) j["notes"] = notes;
  if (delivery) j["delivery"] = headrace::ToJson(*delivery);
  if (model) j["model"] = headrace::ToJson(*model);
  if (score) j["score"] = headrace::ToJson(*score);
  if (items) j["items"] = {{"total", items->total}, {"succeeded", items->succeeded}, {"reused", items->reused}, {"skipped", items->skipped}, {"failed", items->failed}, {"waiting", items->waiting}};
  if (!child.empty()) j["child"] = child;
  return DumpJson(j);
}

Result<StepDetails> StepDetails::FromJson(std::string_view text) {
  StepDetails details;
  try {
    const Json j = ParseJson(text);
    if (j.contains("upstream")) details.upstream = j.at("upstream").get<std::vector<std::string>>();
    details.taken_from = j.value("taken_from", "");
    details.anew = j.value("anew", false);
    if (j.contains("checks"))
      for (const Json& verdict : j.at("checks")) details.checks.push_back(VerdictFrom(verdict));
    if (j.contains("quarantine")) {
      const Json& counts = j.at("quarantine");
      details.quarantine = QuarantineCounts{counts.at("rows_in"), counts.at("rows_out"), counts.at("rows_aside")};
    }
    if (j.contains("notes")) details.notes = j.at("notes").get<std::vector<std::string>>();
    if (j.contains("delivery")) details.delivery = DeliveryFrom(j.at("delivery"));
    if (j.contains("model")) details.model = ModelFrom(j.at("model"));
    if (j.contains("score")) details.score = ScoreFrom(j.at("score"));
    if (j.contains("items")) {
      const Json& items = j.at("items");
      details.items = ItemCounts{items.at("total"), items.at("succeeded"), items.at("reused"), items.at("skipped"), items.at("failed"), items.value("waiting", std::int64_t{0})};
    }
    details.child = j.value("child", "");
  } catch (const Json::exception& error) {
    return Error(ErrorCode::kInvalid, "the recorded details of a step do not read: ", error.what());
  }
  return details;
}

}  // namespace headrace

#include "headrace/model/evaluation.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/model/model.h"
#include "headrace/model/whole_internal.h"

namespace headrace {
namespace {

using internal::Whole;
using internal::Wholes;
using nlohmann::json;

// Readers of one struct each; json's exceptions for what is missing or of another type are caught in FromJson.

Curves ReadCurves(const json& j) {
  Curves c;
  for (const json& b : j.at("reliability"))
    c.reliability.push_back({b.at("from"), b.at("to"), Whole(b.at("rows")), b.at("mean_score"), b.at("mean_target")});
  const auto threshold = [](const json& t) {
    return t.is_null() ? std::numeric_limits<double>::infinity() : t.get<double>();
  };
  for (const json& p : j.at("roc"))
    c.roc.push_back({threshold(p.at("threshold")), p.at("false_positive_rate"), p.at("true_positive_rate")});
  for (const json& p : j.at("precision_recall"))
    c.precision_recall.push_back({threshold(p.at("threshold")), p.at("recall"), p.at("precision")});
  for (const json& d : j.at("deciles"))
    c.deciles.push_back({Whole<int>(d.at("decile")), d.at("rows"), d.at("positives"), d.at("mean_score"), d.at("mean_target"),
                         d.at("lift"), d.at("cumulative_lift"), d.at("gain")});
  for (const json& b : j.at("histogram"))
    c.histogram.push_back({b.at("from"), b.at("to"), Whole(b.at("negatives")), Whole(b.at("positives"))});
  const json uplift = j.value("uplift", json::array()), profit = j.value("profit", json::array());   // few models have them
  for (const json& one : profit) {
    Curves::Profit& curve = c.profit.emplace_back(Curves::Profit{one.at("metric"), {}});
    for (const json& p : one.at("points")) curve.points.push_back({p.at("share"), p.at("profit")});
  }
  for (const json& p : uplift) c.uplift.push_back({p.at("share"), p.at("gain")});
  const json& confusion = j.at("confusion");
  c.confusion.threshold = threshold(confusion.at("threshold"));
  for (const json& row : confusion.at("counts")) c.confusion.counts.push_back(Wholes(row));
  return c;
}

PermutationImportance ReadPermutation(const json& j) {
  PermutationImportance out{j.at("metric"), j.at("of"), Whole(j.at("rows")), Whole(j.at("repeats")), {}};
  for (const json& c : j.at("columns")) out.columns.push_back({c.at("column"), c.at("mean"), c.at("deviation")});
  return out;
}

json::other_error NotWritten(const std::string& what) { return json::other_error::create(501, what, static_cast<const json*>(nullptr)); }

/// A value of a grid: a number, or a level as text.
Value ReadPoint(const json& j, Type type) {
  if (type == Type::kDouble) return Value::Double(j.get<double>());
  if (type == Type::kBool) return Value::Bool(j.get<bool>());
  return type == Type::kText ? Value::Text(j.get<std::string>()) : Value::Int64(type, Whole(j));
}

json WritePoint(const Value& value) {
  if (value.type() == Type::kDouble) return value.as_double();
  if (value.type() == Type::kBool) return value.as_bool();
  return value.type() == Type::kText ? json(value.as_text()) : json(value.as_int());
}

PartialDependence ReadDependence(const json& j) {
  PartialDependence out{j.at("of"), Whole(j.at("rows")), {}};
  for (const json& c : j.at("columns")) {
    const Result<Type> type = TypeFromName(c.at("type").get<std::string>());
    if (!type.ok()) throw NotWritten(type.status().message());
    ColumnDependence column{c.at("column"), *type, {}, {}};
    for (const json& point : c.at("points")) {
      column.grid.push_back(ReadPoint(point.at("value"), *type));
      column.means.push_back(point.at("mean").get<std::vector<double>>());
      if (column.means.back().empty() || column.means.back().size() != column.means.front().size()) throw NotWritten("a point of a partial dependence has another number of means");
    }
    out.columns.push_back(std::move(column));
  }
  return out;
}

Cluster ReadCluster(const json& j) {
  Cluster out{Whole(j.at("rows")), j.at("share"), j.at("distance"), {}};
  for (const json& value : j.at("values")) {
    ClusterValue& read = out.values.emplace_back();
    if (value.contains("mean")) read.mean = value.at("mean").get<double>();
    if (value.contains("level")) read.level = value.at("level"), read.share = value.at("share");
  }
  return out;
}

Clusters ReadClusters(const json& j) {
  Clusters out{j.at("of"), j.at("columns"), ReadCluster(j.at("all")), {}};
  for (const json& one : j.at("clusters")) out.clusters.push_back(ReadCluster(one));
  for (const Cluster& one : out.clusters)
    if (one.values.size() != out.columns.size() || out.all.values.size() != out.columns.size()) throw NotWritten("a cluster tells of other columns");
  return out;
}

json ToJsonObject(const Cluster& cluster) {
  json values = json::array();
  for (const ClusterValue& value : cluster.values) {
    json& one = values.emplace_back(json::object());
    if (value.mean) one["mean"] = *value.mean;
    if (value.share > 0) one["level"] = value.level, one["share"] = value.share;
  }
  return {{"rows", cluster.rows}, {"share", cluster.share}, {"distance", cluster.distance}, {"values", std::move(values)}};
}

json ToJsonObject(const Clusters& clusters) {
  json list = json::array();
  for (const Cluster& one : clusters.clusters) list.push_back(ToJsonObject(one));
  return {{"of", clusters.of}, {"columns", clusters.columns}, {"all", ToJsonObject(clusters.all)}, {"clusters", std::move(list)}};
}

json ToJsonObject(const PermutationImportance& permutation) {
  json columns = json::array();
  for (const ColumnImportance& c : permutation.columns) columns.push_back({{"column", c.column}, {"mean", c.mean}, {"deviation", c.deviation}});
  return {{"metric", permutation.metric}, {"of", permutation.of}, {"rows", permutation.rows}, {"repeats", permutation.repeats}, {"columns", std::move(columns)}};
}

json ToJsonObject(const PartialDependence& dependence) {
  json columns = json::array();
  for (const ColumnDependence& c : dependence.columns) {
    json points = json::array();
    for (std::size_t i = 0; i < c.grid.size(); ++i) points.push_back({{"value", WritePoint(c.grid[i])}, {"mean", c.means[i]}});
    columns.push_back({{"column", c.column}, {"type", TypeName(c.type)}, {"points", std::move(points)}});
  }
  return {{"of", dependence.of}, {"rows", dependence.rows}, {"columns", std::move(columns)}};
}

Evaluation Read(const json& j) {
  Evaluation e;
  j.at("evaluated_on").get_to(e.evaluated_on);
  j.at("split").get_to(e.split);
  j.at("folds").get_to(e.folds);
  e.train_rows = Whole(j.at("train_rows"));
  e.test_rows = Whole(j.at("test_rows"));
  e.dropped_rows = Whole(j.at("dropped_rows"));
  e.iterations = Whole<int>(j.at("iterations"));
  j.at("metrics").get_to(e.metrics);
  for (const json& s : j.at("segments"))
    e.segments.push_back(
        {s.at("column"), s.at("value"), Whole(s.at("rows")), Whole(s.at("positives")), s.at("metrics").get<Metrics>()});
  // Files of earlier versions lack what follows.
  const json intervals = j.value("intervals", json::object());   // items() borrows
  for (const auto& [name, i] : intervals.items()) e.intervals[name] = {i.at("low"), i.at("high")};
  e.resamples = j.contains("resamples") ? Whole(j.at("resamples")) : 0;
  e.baseline = j.value("baseline", Metrics());
  for (const json& g : j.value("gaps", json::array()))
    e.gaps.push_back({g.at("column"), g.at("metric"), g.at("lowest"), g.at("highest"), g.at("low"), g.at("high")});
  for (const json& t : j.value("trials", json::array()))
    e.trials.push_back({t.at("name"), t.at("metric"), t.at("mean"), t.at("error"), Whole(t.at("folds")), Whole<int>(t.at("iterations")),
                        t.at("chosen"), t.at("failed")});
  e.curves = ReadCurves(j.at("curves"));
  for (const json& i : j.at("importance")) e.importance.emplace_back(i.at("feature"), i.at("importance"));
  if (j.contains("permutation")) e.permutation = ReadPermutation(j.at("permutation"));
  if (j.contains("dependence")) e.dependence = ReadDependence(j.at("dependence"));
  if (j.contains("clusters")) e.clusters = ReadClusters(j.at("clusters"));
  j.at("notes").get_to(e.notes);
  return e;
}

}  // namespace

std::string Evaluation::ToJson() const {
  json segment_list = json::array(), importance_list = json::array();
  for (const SegmentMetrics& s : segments)
    segment_list.push_back({{"column", s.column},
                            {"value", s.value},
                            {"rows", s.rows},
                            {"positives", s.positives},
                            {"metrics", s.metrics}});
  for (const auto& [feature, value] : importance)
    importance_list.push_back({{"feature", feature}, {"importance", value}});
  json interval_map = json::object(), gap_list = json::array(), trial_list = json::array();
  for (const auto& [name, i] : intervals) interval_map[name] = {{"low", i.low}, {"high", i.high}};
  for (const SegmentGap& g : gaps)
    gap_list.push_back({{"column", g.column}, {"metric", g.metric}, {"lowest", g.lowest}, {"highest", g.highest}, {"low", g.low}, {"high", g.high}});
  for (const Trial& t : trials)
    trial_list.push_back({{"name", t.name}, {"metric", t.metric}, {"mean", t.mean}, {"error", t.error}, {"folds", t.folds},
                          {"iterations", t.iterations}, {"chosen", t.chosen}, {"failed", t.failed}});
  json document{{"evaluated_on", evaluated_on},
                      {"split", split},
                      {"folds", folds},
                      {"train_rows", train_rows},
                      {"test_rows", test_rows},
                      {"dropped_rows", dropped_rows},
                      {"iterations", iterations},
                      {"metrics", metrics},
                      {"intervals", interval_map},
                      {"resamples", resamples},
                      {"baseline", baseline},
                      {"segments", segment_list},
                      {"gaps", gap_list},
                      {"trials", trial_list},
                      {"curves", ParseJson(curves.ToJson())},
                      {"importance", importance_list},
                      {"permutation", ToJsonObject(permutation)},
                      {"dependence", ToJsonObject(dependence)},
                      {"notes", notes}};
  if (!clusters.clusters.empty()) document["clusters"] = ToJsonObject(clusters);
  return DumpJson(document, 1) + "\n";
}

Result<Evaluation> Evaluation::FromJson(std::string_view text) {
  try {
    return Read(ParseJson(text));
  } catch (const json::exception& error) { return Error(ErrorCode::kInvalid, "metrics.json: ", error.what()); }
}

Result<Evaluation> EvaluationOf(const Model& model) {
  ASSIGN_OR_RETURN(const std::string text, model.Member("metrics.json"));
  return Evaluation::FromJson(text);
}

}  // namespace headrace

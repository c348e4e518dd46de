// Answers questions of the pytest oracles: one JSON document on stdin, an array of requests; one on stdout, an array of
// answers in the same order, each {"error": "..."} or the result. Numbers travel as JSON doubles, which read back to
// the same bits.

#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "headrace/model/calibration.h"
#include "headrace/model/clusters.h"
#include "headrace/model/curves.h"
#include "headrace/model/metrics.h"
#include "headrace/model/folds.h"
#include "headrace/model/split.h"
#include "headrace/model/threshold.h"

namespace headrace {
namespace {

using nlohmann::json;
using Doubles = std::vector<double>;
using Names = std::vector<std::string>;

json Failed(const Status& status) { return {{"error", status.ToString()}}; }

Task TaskOf(const json& request) {
  const std::string name = request.at("task");
  return name == "binary" ? Task::kBinary : name == "multiclass" ? Task::kMulticlass : Task::kRegression;
}

/// {"target": [...], "scores": [...], "classes": 3, "threshold": 0.5, "metrics": ["auc"], "weights": [...], "groups": [...], "treated": [...]}
/// -> {"auc": 0.7}
json AskMetrics(const json& request) {
  const Result<Metrics> metrics =
      Evaluate(TaskOf(request), request.at("target").get<Doubles>(), request.at("scores").get<Doubles>(),
               request.value("classes", 1), request.value("threshold", 0.5), request.value("metrics", Names()),
               request.value("weights", Doubles()), request.value("groups", std::vector<std::int64_t>()),
               request.value("treated", std::vector<std::uint8_t>()));
  if (!metrics.ok()) return Failed(metrics.status());
  return *metrics;
}

/// {"task": "binary", "target": [...], "scores": [...], "classes": 2, "threshold": 0.5, "profit": "profit@30/2"} -> Curves::ToJson()
json AskCurves(const json& request) {
  const Doubles target = request.at("target"), scores = request.at("scores");
  Result<Curves> curves = MakeCurves(TaskOf(request), target, scores, request.value("classes", 2), request.value("threshold", 0.5));
  if (!curves.ok()) return Failed(curves.status());
  if (request.contains("profit")) curves->profit.push_back(MakeProfitCurve(request.at("profit"), target, scores));
  return json::parse(curves->ToJson());
}

/// {"task": "binary", "target": [...], "scores": [...], "by": ["DE", null], "metrics": ["recall"]} -> {"segments": {"DE": {"recall": 0.7}}, "gaps": {"recall": [0.6, 0.7]}}
json AskSegments(const json& request) {
  ColumnBuilder by(Type::kText);
  for (const json& value : request.at("by")) value.is_null() ? by.AppendNull() : by.AppendText(value.get<std::string>());
  const Doubles target = request.at("target");
  const Table table = Table(Schema(), {}, target.size()).WithColumn("by", by.Finish());
  const auto segments = EvaluateSegments(table, Names{"by"}, TaskOf(request), target, request.at("scores").get<Doubles>(), request.value("classes", 1), request.value("threshold", 0.5),
                                         request.at("metrics").get<Names>(), request.value("weights", Doubles()));
  if (!segments.ok()) return Failed(segments.status());
  json answer = {{"segments", json::object()}, {"gaps", json::object()}};
  for (const SegmentMetrics& segment : *segments) answer["segments"][segment.value] = segment.metrics;
  for (const SegmentGap& gap : GapsOf(*segments)) answer["gaps"][gap.metric] = {gap.low, gap.high};
  return answer;
}

/// {"vectors": [...], "features": 2, "predictions": [cluster, distance, ...], "weights": [...], "metrics": ["silhouette"]} -> {"silhouette": 0.7}
json AskClusters(const json& request) {
  const Doubles vectors = request.at("vectors"), predictions = request.at("predictions"), weights = request.value("weights", Doubles());
  const Names names = request.value("metrics", DefaultMetrics(Task::kClustering));
  const Result<Metrics> metrics = EvaluateClusters({vectors, request.at("features"), predictions, weights}, names, 2);
  if (!metrics.ok()) return Failed(metrics.status());
  return *metrics;
}

/// The same and "resamples", "seed" -> {"auc": [0.68, 0.72]}
json AskIntervals(const json& request) {
  const Result<Intervals> intervals = BootstrapIntervals(
      TaskOf(request), request.at("target").get<Doubles>(), request.at("scores").get<Doubles>(), request.value("classes", 1),
      request.value("threshold", 0.5), request.value("metrics", Names()), request.value("weights", Doubles()),
      request.value("groups", std::vector<std::int64_t>()), request.at("resamples").get<std::int64_t>(),
      request.value("seed", std::uint64_t{2}), 2);
  if (!intervals.ok()) return Failed(intervals.status());
  json answer = json::object();
  for (const auto& [name, interval] : *intervals) answer[name] = {interval.low, interval.high};
  return answer;
}

/// {"kind": "isotonic", "scores": [...], "target": [...], "weights": [...], "apply": [...]} -> {"values": [...],
/// "json": "..."}. With several classes, scores and apply are row-major and so are the values. "by" and "apply_by": a text or
/// null for each row.
json AskCalibration(const json& request) {
  const Doubles scores = request.at("scores"), target = request.at("target"),
                weights = request.value("weights", Doubles());
  const int classes = request.value("classes", 2);
  const auto kind = request.at("kind") == "isotonic"  ? CalibrationSpec::Kind::kIsotonic
                    : request.at("kind") == "sigmoid" ? CalibrationSpec::Kind::kSigmoid
                                                      : CalibrationSpec::Kind::kBeta;
  std::vector<std::optional<std::string>> by, apply_by;
  for (const json& value : request.value("by", json::array())) by.push_back(value.is_null() ? std::nullopt : std::optional(value.get<std::string>()));
  for (const json& value : request.value("apply_by", json::array())) apply_by.push_back(value.is_null() ? std::nullopt : std::optional(value.get<std::string>()));
  const Result<Calibration> fitted = by.empty() ? Calibration::Fit(kind, scores, target, classes, weights) : Calibration::FitBy("by", by, kind, scores, target, classes, weights);
  if (!fitted.ok()) return Failed(fitted.status());
  const Result<Calibration> read = Calibration::FromJson(fitted->ToJson());
  if (!read.ok()) return Failed(read.status());
  Doubles values = request.at("apply");
  if (classes <= 2) {
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = read->Apply(values[i], i < apply_by.size() && apply_by[i] ? read->SegmentOf(*apply_by[i]) : Calibration::kPooled);
  } else {
    const auto width = static_cast<std::size_t>(classes);
    for (std::size_t i = 0; i < values.size(); i += width) read->ApplyRow(std::span<double>(values).subspan(i, width));
  }
  return {{"values", values}, {"json", fitted->ToJson()}};
}

/// A column as {"name": "k", "type": "int", "values": [1, null]}; doubles may also be "nan".
ColumnPtr ColumnOf(const json& column, Type type) {
  ColumnBuilder builder(type);
  for (const json& value : column.at("values")) {
    if (value.is_null())
      builder.AppendNull();
    else if (type == Type::kText)
      builder.AppendText(value.get<std::string>());
    else if (type == Type::kDouble)
      builder.AppendDouble(value == "nan" ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
    else
      builder.AppendInt(value.is_boolean() ? (value.get<bool>() ? 1 : 0) : value.get<std::int64_t>());
  }
  return builder.Finish();
}

Table TableOf(const json& request) {
  Table table(Schema(), {}, request.at("rows").get<std::size_t>());
  for (const json& column : request.at("columns")) table = table.WithColumn(column.at("name"), ColumnOf(column, *TypeFromName(column.at("type").get<std::string>())));
  return table;
}

/// {"columns": [...], "key": ["k"], "rows": 3, "test": 0.2, "folds": 5} -> {"hashes": ["..."], "test": [rows], "folds":
/// [fold of each row]}
json AskSplit(const json& request) {
  const Table table = TableOf(request);
  const Names key = request.at("key");
  const Result<KeyHasher> hasher = KeyHasher::Make(table, key);
  if (!hasher.ok()) return Failed(hasher.status());
  SplitSpec spec;
  spec.kind = SplitSpec::Kind::kHash;
  spec.columns = key;
  spec.test = request.at("test");
  const Result<DataSplit> split = MakeSplit(table, spec, {});
  if (!split.ok()) return Failed(split.status());
  std::vector<std::string> hashes;
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < table.num_rows(); ++row) {
    hashes.push_back(std::to_string(hasher->Hash(row, 0)));
    rows.push_back(row);
  }
  const Result<Folds> folds = MakeFolds(table, {FoldSpec::Kind::kHash, {}, request.at("folds").get<std::int64_t>(), 0}, key, rows);
  if (!folds.ok()) return Failed(folds.status());
  return {{"hashes", hashes}, {"test", split->test}, {"folds", folds->held}};
}

/// {"columns": [...], "rows": 3, "by": "t", "time": true, "count": 5, "gap_us": 0} -> [{"train": [rows], "test": [rows]}, ...]
json AskFolds(const json& request) {
  const Table table = TableOf(request);
  std::vector<std::size_t> rows(table.num_rows());
  for (std::size_t row = 0; row < rows.size(); ++row) rows[row] = row;
  FoldSpec spec{request.at("time") ? FoldSpec::Kind::kTime : FoldSpec::Kind::kHash, {request.at("by").get<std::string>()}, request.at("count"), request.at("gap_us")};
  const Result<Folds> folds = MakeFolds(table, spec, Names{}, rows);
  if (!folds.ok()) return Failed(folds.status());
  json out = json::array();
  for (int fold = 0; fold < folds->count; ++fold) {
    json train = json::array(), test = json::array();
    for (const std::size_t row : rows) {
      if (folds->Learns(row, fold)) train.push_back(row);
      if (folds->held[row] == fold) test.push_back(row);
    }
    out.push_back({{"train", train}, {"test", test}});
  }
  return {{"folds", out}};
}

/// {"maximize": "f1", "target": [...], "scores": [...]} -> {"threshold": 0.4}; or "false_positive" and "false_negative",
/// "precision", "top"; "weights"
json AskThreshold(const json& request) {
  ThresholdSpec spec;
  spec.maximize = request.value("maximize", "");
  spec.false_positive = request.value("false_positive", 0.0);
  spec.false_negative = request.value("false_negative", 0.0);
  spec.precision = request.value("precision", 0.0);
  spec.top = request.value("top", 0.0);
  const Result<double> threshold = ChooseThreshold(spec, request.at("target").get<Doubles>(), request.at("scores").get<Doubles>(),
                                                   request.value("weights", Doubles()));
  if (!threshold.ok()) return Failed(threshold.status());
  return {{"threshold", *threshold}};
}

json Answer(const json& request) {
  const std::string ask = request.at("ask");
  if (ask == "metrics") return AskMetrics(request);
  if (ask == "curves") return AskCurves(request);
  if (ask == "segments") return AskSegments(request);
  if (ask == "clusters") return AskClusters(request);
  if (ask == "intervals") return AskIntervals(request);
  if (ask == "calibration") return AskCalibration(request);
  if (ask == "split") return AskSplit(request);
  if (ask == "folds") return AskFolds(request);
  if (ask == "threshold") return AskThreshold(request);
  return {{"error", "unknown question " + ask}};
}

}  // namespace
}  // namespace headrace

int main() {
  try {
    const nlohmann::json requests = nlohmann::json::parse(std::cin);
    nlohmann::json answers = nlohmann::json::array();
    for (const nlohmann::json& request : requests) answers.push_back(headrace::Answer(request));
    std::cout << answers.dump() << "\n";
  } catch (const nlohmann::json::exception& error) {
    std::cerr << "oracle_metrics: " << error.what() << "\n";
    return 2;
  }
  return 0;
}

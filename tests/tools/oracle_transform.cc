// Fits transforms on a table and prints what comes out, for tests/oracle/test_transforms.py to compare with scikit-learn.
//
// Reads one JSON document from standard input:
//   columns   [{"name", "type": bool|int|double|text, "values": [...]}]   doubles may be "nan", "inf", "-inf"; null is null
//   specs     [{"columns": [...], "steps": [{"impute"|"clip"|"scale"|"log1p"|"encode": ...}]} | {"derive": {name: expression}}]
//   task, classes, target, folds, linear, threads
//   score     columns as above, rows to apply the fitted transform to (may be absent)
// Writes {"names", "matrix", "scored", "notes", "unseen", "nulls", "json"}, numbers as C hex floats; or {"error", "help"}.
#include <cmath>
#include <cstdio>
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "headrace/feature/transform.h"

namespace headrace {
namespace {

using nlohmann::json;

double Number(const json& from) {
  double x = 0;
  if (from.is_string() && ParseDouble(from.get<std::string>(), &x)) return x;
  return from.get<double>();
}

Table ReadTable(const json& columns) {
  std::vector<Field> fields;
  std::vector<ColumnPtr> held;
  std::size_t rows = 0;
  for (const json& column : columns) {
    const Type type = *TypeFromName(column["type"].get<std::string>());
    ColumnBuilder builder(type);
    for (const json& value : column["values"]) {
      if (value.is_null()) builder.AppendNull();
      else if (type == Type::kText) builder.AppendText(value.get<std::string>());
      else if (type == Type::kDouble) builder.AppendDouble(Number(value));
      else if (type == Type::kBool) builder.AppendInt(value.get<bool>() ? 1 : 0);
      else builder.AppendInt(value.get<std::int64_t>());
    }
    rows = builder.size();
    fields.push_back({column["name"].get<std::string>(), type});
    held.push_back(builder.Finish());
  }
  return Table(Schema(std::move(fields)), std::move(held), rows);
}

TransformStep ReadStep(const json& from) {
  TransformStep step;
  if (from.contains("impute")) {
    step.kind = TransformStep::Kind::kImpute;
    const json& how = from["impute"];
    if (how.is_object()) {
      step.impute = TransformStep::Impute::kConstant;
      step.constant = how["constant"].get<std::string>();
    } else {
      step.impute = how == "mean"            ? TransformStep::Impute::kMean
                    : how == "median"        ? TransformStep::Impute::kMedian
                    : how == "most_frequent" ? TransformStep::Impute::kMostFrequent
                                             : TransformStep::Impute::kMissing;
    }
  } else if (from.contains("clip")) {
    step.kind = TransformStep::Kind::kClip;
    step.percentiles = from.value("percentiles", false);
    if (!from["clip"][0].is_null()) step.lower = Number(from["clip"][0]);
    if (!from["clip"][1].is_null()) step.upper = Number(from["clip"][1]);
  } else if (from.contains("scale")) {
    step.kind = TransformStep::Kind::kScale;
    step.scale = from["scale"] == "standard" ? TransformStep::Scale::kStandard
                 : from["scale"] == "minmax" ? TransformStep::Scale::kMinMax
                                             : TransformStep::Scale::kRobust;
  } else if (from.contains("log1p")) {
    step.kind = TransformStep::Kind::kLog1p;
  } else {
    step.kind = TransformStep::Kind::kEncode;
    step.encode = from["encode"] == "onehot"    ? TransformStep::Encode::kOneHot
                  : from["encode"] == "ordinal" ? TransformStep::Encode::kOrdinal
                                                : TransformStep::Encode::kTarget;
    step.min_frequency = from.value("min_frequency", std::int64_t{0});
    const std::string unknown = from.value("handle_unknown", "other");
    step.unknown = unknown == "other"    ? TransformStep::Unknown::kOther
                   : unknown == "ignore" ? TransformStep::Unknown::kIgnore
                                         : TransformStep::Unknown::kError;
    step.smooth = from.value("smooth", -1.0);
  }
  return step;
}

std::vector<TransformSpec> ReadSpecs(const json& from) {
  std::vector<TransformSpec> specs;
  for (const json& one : from) {
    TransformSpec& spec = specs.emplace_back();
    if (one.contains("derive"))
      for (const auto& [name, text] : one["derive"].items()) spec.derive.emplace_back(name, text.get<std::string>());
    else
      spec.columns = one["columns"].get<std::vector<std::string>>();
    for (const json& step : one.value("steps", json::array())) spec.steps.push_back(ReadStep(step));
  }
  return specs;
}

json Hex(const std::vector<double>& numbers) {
  json out = json::array();
  char text[64];
  for (const double x : numbers) {
    std::snprintf(text, sizeof text, "%a", x);
    out.push_back(text);
  }
  return out;
}

int Fail(const Status& status) {
  std::cout << json{{"error", status.message()}, {"code", ErrorCodeName(status.code())}, {"help", status.help()}}.dump() << "\n";
  return 0;
}

int Run(const json& in) {
  const Table data = ReadTable(in["columns"]);
  FitContext context;
  const std::string task = in.value("task", "binary");
  context.task = task == "binary" ? Task::kBinary : task == "multiclass" ? Task::kMulticlass : Task::kRegression;
  context.classes = in.value("classes", 2);
  for (const json& y : in["target"]) context.target.push_back(Number(y));
  context.folds = in.value("folds", std::vector<int>{});
  context.linear_learner = in.value("linear", false);
  context.threads = in.value("threads", 1);
  const Result<FitOutput> fitted = FitTransform(data, ReadSpecs(in["specs"]), context);
  if (!fitted.ok()) return Fail(fitted.status());

  json out = {{"names", fitted->transform.output_names()}, {"matrix", Hex(fitted->matrix)}, {"notes", fitted->notes}, {"json", fitted->transform.ToJson()}};
  if (in.contains("score")) {
    const Table score = ReadTable(in["score"]);
    std::vector<double> scored(score.num_rows() * fitted->transform.output_names().size());
    ApplyCounts counts;
    if (const Status status = fitted->transform.Apply(score, scored, &counts); !status.ok()) return Fail(status);
    out["scored"] = Hex(scored);
    out["unseen"] = counts.unseen;
    out["nulls"] = counts.nulls;
  }
  std::cout << out.dump() << "\n";
  return 0;
}

}  // namespace
}  // namespace headrace

int main() {
  const std::string text(std::istreambuf_iterator<char>(std::cin), {});
  return headrace::Run(nlohmann::json::parse(text));
}

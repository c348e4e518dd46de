// Fits transforms on a table and prints what comes out, for tests/oracle/test_transforms.py to compare with scikit-learn.
//
// Reads one JSON document from standard input:
//   columns   [{"name", "type", "values": [...]}]   doubles may be "nan", "inf", "-inf"; dates and timestamps are texts; null is null
//   specs     as under `transform` of a pipeline file
//   task, classes, target, folds, linear, threads
//   score     columns as above, rows to apply the fitted transform to (may be absent)
// Writes {"names", "matrix", "scored", "notes", "unseen", "nulls", "json"}, numbers as C hex floats; or {"error", "help"}.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "headrace/feature/transform.h"
#include "headrace/pipeline/decode.h"

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
      else if (type == Type::kInt) builder.AppendInt(value.get<std::int64_t>());
      else builder.Append(*Value::Parse(value.get<std::string>(), type));
    }
    rows = builder.size();
    fields.push_back({column["name"].get<std::string>(), type});
    held.push_back(builder.Finish());
  }
  return Table(Schema(std::move(fields)), std::move(held), rows);
}

/// JSON is YAML: specs are read as a pipeline file's.
std::vector<TransformSpec> ReadSpecs(const json& from) {
  Diagnostics diagnostics;
  const auto source = std::make_shared<SourceFile>("specs", from.dump());
  std::optional<Node> node = ParseYaml(source, diagnostics);
  std::vector<TransformSpec> specs;
  LeftOpen open;   // and never decided
  if (node && CheckShape(*node, ListOf(TransformShape()), "transform", nullptr, diagnostics)) specs = DecodeTransforms(*node, diagnostics, open);
  if (diagnostics.has_errors()) {
    std::cerr << RenderText(diagnostics, false);
    std::exit(1);
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
  context.compress = false;
  const std::string task = in.value("task", "binary");
  context.task = task == "binary" ? Task::kBinary : task == "multiclass" ? Task::kMulticlass : Task::kRegression;
  context.classes = in.value("classes", 2);
  for (const json& y : in["target"]) context.target.push_back(Number(y));
  context.together = in.value("folds", std::vector<std::uint64_t>{});
  context.linear_learner = in.value("linear", false);
  context.threads = in.value("threads", 1);
  const Result<FitOutput> fitted = FitTransform(data, ReadSpecs(in["specs"]), context);
  if (!fitted.ok()) return Fail(fitted.status());

  json out = {{"names", fitted->transform.output_names()}, {"matrix", Hex(fitted->matrix.values())}, {"notes", fitted->notes}, {"json", fitted->transform.ToJson()}};
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

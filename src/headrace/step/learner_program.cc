#include "headrace/step/learner_program.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "headrace/base/files.h"
#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/model/learner.h"
#include "headrace/sql/engine.h"
#include "headrace/step/program.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
constexpr std::size_t kLargestModel = std::size_t{1} << 30;   // as a model file

ColumnPtr ColumnOf(std::vector<double> values) { return std::make_shared<const Column>(std::move(values), std::vector<std::uint8_t>()); }

/// A column a feature, in the vector's order: names of columns are the user's, and may differ in nothing but case, so they are told beside the file.
Table FeaturesOf(const Vectors& train) {
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  for (std::size_t j = 0; j < train.features(); ++j) {
    std::vector<double> values(train.rows());
    for (std::size_t r = 0; r < train.rows(); ++r) values[r] = train.matrix.At(r, j);
    fields.push_back({StrCat("f", j), Type::kDouble});
    columns.push_back(ColumnOf(std::move(values)));
  }
  return {Schema(std::move(fields)), std::move(columns), train.rows()};
}

Table TargetOf(const Vectors& train) {
  std::vector<double> weights(train.weights.begin(), train.weights.end());
  weights.resize(train.rows(), train.weights.empty() ? 1.0 : 0.0);
  return {Schema({{"target", Type::kDouble}, {"weight", Type::kDouble}}), {ColumnOf({train.target.begin(), train.target.end()}), ColumnOf(std::move(weights))}, train.rows()};
}

std::string Described(const ProgramFit& fit) {
  const nlohmann::ordered_json document = {{"fit", fit.part}, {"task", TaskName(fit.settings.task)}, {"classes", fit.classes}, {"model", LearnerName(fit.settings.kind)},
                                           {"rows", fit.train.rows()}, {"features", std::vector<std::string>(fit.train.names.begin(), fit.train.names.end())}};
  return DumpJson(document, 1) + "\n";
}
}  // namespace

Result<std::string> FitByProgram(const StepContext& context, const CommandSpec& spec, const ProgramFit& fit) {
  ASSIGN_OR_RETURN(Program program, Program::Make(context, spec));
  const std::string inputs = program.Folder("inputs"), model = JoinPath(program.Folder("outputs"), "model");
  RETURN_IF_ERROR(WriteParquetFile(StreamOf(FeaturesOf(fit.train)), JoinPath(inputs, "features.parquet"), context.run->threads).status());
  RETURN_IF_ERROR(WriteParquetFile(StreamOf(TargetOf(fit.train)), JoinPath(inputs, "target.parquet"), context.run->threads).status());
  RETURN_IF_ERROR(WriteFileAtomically(JoinPath(inputs, "fit.json"), Described(fit)));
  program.Tell("HEADRACE_FEATURES", JoinPath(inputs, "features.parquet"));
  program.Tell("HEADRACE_TARGET", JoinPath(inputs, "target.parquet"));
  program.Tell("HEADRACE_FIT", JoinPath(inputs, "fit.json"));
  program.Tell("HEADRACE_MODEL", model);
  Result<Program::End> end = program.Run();
  if (!end.ok()) return std::move(end).status().WithContext(std::string(fit.part));
  if (end->code != 0) return Error(ErrorCode::kFailed, fit.part, ": `", spec.argv[0], "` asks to be skipped (exit code ", Program::kSkip, "), which a learner cannot be");
  std::error_code error;
  if (std::filesystem::symlink_status(model, error).type() != std::filesystem::file_type::regular)
    return Error(ErrorCode::kFailed, fit.part, ": `", spec.argv[0], "` ended with exit code 0 but wrote no model").WithHelp("it must write a file to the path in HEADRACE_MODEL");
  Result<std::string> text = ReadFile(model, kLargestModel);
  if (!text.ok()) return std::move(text).status().WithCode(ErrorCode::kFailed).WithContext(StrCat(fit.part, ": the model that `", spec.argv[0], "` wrote"));
  return text;
}

}  // namespace headrace

#include "headrace/sql/engine.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
std::unique_ptr<TableStream> OneRow(const std::string& name, const Value& value) {
  ColumnBuilder column(value.type());
  column.Append(value);
  return StreamOf(Table(Schema({{name, value.type()}}), {column.Finish()}, 1));
}
}  // namespace

Result<StepFiles> RunSql(const StepContext& context) {
  const auto& spec = context.step->as<SqlSpec>();
  Engine::Options options;
  options.threads = static_cast<int>(spec.threads);
  options.temp_directory = context.store().ScratchPath("-spill");
  const std::map<std::string, StepInputFile> inputs = OwnInputs(context);
  for (const auto& [name, input] : inputs) options.allowed_files.push_back(input.path);
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  const auto token = CancelsWith(context, [&engine] { engine->Cancel(); });
  for (const auto& [name, input] : inputs) RETURN_IF_ERROR(engine->AddParquet(name, input.path));
  for (const auto& [name, value] : spec.value_tables) RETURN_IF_ERROR(engine->AddTable(name, OneRow(name, value)));

  StepFiles out;
  const std::string path = context.store().ScratchPath(".parquet");
  const Result<std::int64_t> rows = engine->WriteParquet(spec.query.text, Bind(spec.bind), path, context.run->threads);
  if (!rows.ok()) return AtPlace(spec.query, rows.status());
  out.files[""] = {path, "dataset", *rows};
  if (spec.threads > 1)
    out.details.notes.push_back(StrCat("ran on ", spec.threads, " engine threads: the last bits of sums of doubles may move from run to run"));
  return out;
}

}  // namespace headrace

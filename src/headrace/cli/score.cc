#include <nlohmann/json.hpp>

#include "headrace/base/files.h"
#include "headrace/cli/command.h"
#include "headrace/model/model.h"
#include "headrace/sql/files.h"
#include "headrace/step/scoring.h"

namespace headrace {

namespace {
struct ScoreFlags {
  std::string model, data, out, format, delimiter;
  std::vector<std::string> keep, personal;
  int reasons = 0;
  std::int64_t top = 0;
};

/// The data typed as the model's inputs were at training; other columns of text files are carried as the text they are.
Status LoadRows(Engine& engine, const ScoreFlags& flags, const ModelInfo& info) {
  FileSource source;
  source.pattern = flags.data;
  source.format = flags.format;
  source.delimiter = flags.delimiter;
  std::vector<Field> declared;
  for (const InputColumn& input : info.inputs) declared.push_back({input.name, input.type});
  ASSIGN_OR_RETURN(const std::vector<std::string> files, MatchFiles(source.pattern));
  ASSIGN_OR_RETURN(const FileFormat format, source.format.empty() ? FileFormat::OfPath(files[0]) : FileFormat::OfName(source.format));
  if (format.kind != FileFormat::Kind::kParquet) {
    ASSIGN_OR_RETURN(const Schema found, FileSchema(source));
    const Schema inputs(declared);
    for (const Field& field : found.fields())
      if (!inputs.IndexOf(field.name)) declared.push_back({field.name, Type::kText});
  }
  source.declared = Schema(std::move(declared));
  return LoadFiles(engine, source, "data");
}

Status ScoreFile(const ScoreFlags& flags, const Model& model, std::shared_ptr<const Model> shared, ScoreCounts* counts, std::int64_t* kept) {
  ASSIGN_OR_RETURN(const FileFormat format, FileFormat::OfPath(flags.out));
  Engine::Options options;
  options.any_file = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  RETURN_IF_ERROR(LoadRows(*engine, flags, model.info()));
  RETURN_IF_ERROR(model.ReplayProof());
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, engine->Query("SELECT * FROM data"));
  ScoringOptions scoring;
  if (!flags.keep.empty()) scoring.keep = flags.keep;
  scoring.model_version = model.info().digest.substr(0, 12);
  scoring.counts = counts;
  scoring.reasons = flags.reasons;
  scoring.personal = {flags.personal.begin(), flags.personal.end()};
  scoring.top = flags.top;
  scoring.threads = 0;
  ASSIGN_OR_RETURN(std::unique_ptr<TableStream> scores, MakeScoringStream(std::move(shared), std::move(rows), scoring));
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> writer, Engine::Open(options));
  RETURN_IF_ERROR(writer->AddTable("scores", std::move(scores)));
  const std::string aside = StrCat(flags.out, ".", ThisProcess().pid, ".tmp");
  const Result<std::int64_t> written = writer->WriteFile("SELECT * FROM scores", {}, aside, format);
  if (!written.ok()) {
    static_cast<void>(RemoveFile(aside).ok());
    return written.status();
  }
  *kept = *written;
  return MoveFile(aside, flags.out);
}

int Score(const ScoreFlags& flags, const GlobalFlags& global) {
  const Result<std::shared_ptr<const Model>> model = Model::Open(flags.model);
  if (!model.ok()) return Fail(model.status(), global);
  ScoreCounts counts;
  std::int64_t kept = 0;
  if (const Status status = ScoreFile(flags, **model, *model, &counts, &kept); !status.ok()) return Fail(status, global);
  if (!global.quiet) {
    std::string text = StrCat("scored ", Counted(counts.rows, "row"), kept < counts.rows ? StrCat(" and wrote the best ", FormatCount(kept)) : std::string(), " into ", flags.out, "\n");
    for (const auto& [column, n] : counts.unseen) text += StrCat("warning: ", Counted(n, "row has", "rows have"), " a value of `", column, "` that training never saw\n");
    for (const auto& [column, n] : counts.nulls) text += StrCat("warning: ", Counted(n, "row has", "rows have"), " no `", column, "`, which was never missing at training\n");
    for (const auto& [column, n] : counts.derive_errors) text += StrCat("warning: `", column, "` could not be computed for ", Counted(n, "row"), " and is null there\n");
    PrintErr(text);
  }
  if (global.json) {
    const nlohmann::ordered_json json = {{"output", flags.out}, {"rows", counts.rows}, {"model", (*model)->info().digest}, {"unseen", counts.unseen},
                                         {"nulls", counts.nulls}, {"derive_errors", counts.derive_errors}};
    PrintJson(json);
  }
  return 0;
}
}  // namespace

void AddScoreCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("score", "Score a table with a model file, without a project");
  auto flags = std::make_shared<ScoreFlags>();
  command->add_option("MODEL", flags->model, "a model file")->required();
  command->add_option("DATA", flags->data, "the rows to score; read with the types the model was trained on")->required();
  command->add_option("-o,--output", flags->out, "where the scored rows go: .csv, .tsv, .parquet or .jsonl")->required()->type_name("FILE");
  command->add_option("--keep", flags->keep, "columns to carry over (default: all but the target)")->delimiter(',')->type_name("COLUMN,...");
  command->add_option("--reasons", flags->reasons, "add the N columns reason_1, ...: what moved each score most")->range(1, 100)->type_name("N");
  command->add_option("--personal", flags->personal, "columns whose values no reason tells")->delimiter(',')->type_name("COLUMN,...");
  command->add_option("--top", flags->top, "keep the N rows with the largest score")->range(1, 1'000'000'000)->type_name("N");
  command->add_option("--delimiter", flags->delimiter, "of a CSV file (default: found in its first lines)")->type_name("CHAR");
  command->callback([&global, &action, flags] { action = [&global, flags] { return Score(*flags, global); }; });
}

}  // namespace headrace

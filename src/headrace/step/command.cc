// A program of the user's between two steps. It gets copies of its inputs, not the artifacts: a program may write to any file of its user, whatever
// the file's mode says, and the store must stay what its digests say. What it leaves is read through the engine and written again, so that
// later steps meet only Parquet of our own.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "headrace/base/digest.h"
#include "headrace/base/files.h"
#include "headrace/sql/engine.h"
#include "headrace/sql/files.h"
#include "headrace/step/program.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
namespace fs = std::filesystem;

/// One attempt of one command.
class Attempt {
 public:
  Attempt(const StepContext& context, Program program) : context_(context), spec_(context.step->as<CommandSpec>()), program_(std::move(program)) {}

  Result<StepFiles> Run() {
    StepFiles files;
    if (context_.run->dry_run && spec_.outputs && spec_.outputs->empty()) {
      files.skipped = "a dry run leaves out commands without outputs: nobody knows what they would do outside";
      return files;
    }
    RETURN_IF_ERROR(Inputs());
    Outputs();
    if (context_.progress) context_.progress(StrCat("running ", FileName(spec_.argv[0])), 0.1);
    ASSIGN_OR_RETURN(Program::End end, program_.Run());
    files.details.notes = std::move(end.notes);
    if (end.code == Program::kSkip) {
      files.skipped = end.last_line.empty() ? StrCat("exit code ", Program::kSkip) : end.last_line;
      return files;
    }
    RETURN_IF_ERROR(Collect(files));
    return files;
  }

 private:
  Status Inputs() {
    for (const auto& [name, input] : OwnInputs(context_)) {
      const std::string path = JoinPath(program_.Folder("inputs"), StrCat(name, input.artifact.kind == "model" ? ".model" : ".parquet"));
      RETURN_IF_ERROR(CopyFile(input.path, path).WithContext(StrCat("the input `", name, "`")));
      if (::chmod(path.c_str(), 0444) != 0) return Error(ErrorCode::kFailed, "cannot protect the input `", name, "`: ", std::strerror(errno));
      program_.Tell(StrCat("HEADRACE_INPUT_", CommandSpec::VariableOf(name)), path);
    }
    return Ok();
  }

  std::string OutputPath(const std::string& name) const { return JoinPath(program_.Folder("outputs"), StrCat(name.empty() ? "main" : name, ".parquet")); }
  std::vector<std::string> OutputNames() const { return spec_.outputs.value_or(std::vector<std::string>{""}); }
  static std::string OutputVariable(const std::string& name) { return name.empty() ? "HEADRACE_OUTPUT" : StrCat("HEADRACE_OUTPUT_", CommandSpec::VariableOf(name)); }

  void Outputs() {
    for (const std::string& name : OutputNames()) program_.Tell(OutputVariable(name), OutputPath(name));
  }

  /// Take in the outputs.
  Status Collect(StepFiles& files) {
    for (const std::string& name : OutputNames()) {
      const std::string path = OutputPath(name);
      const std::string called = name.empty() ? std::string("its output") : StrCat("its output `", name, "`");
      std::error_code error;
      if (fs::symlink_status(path, error).type() != fs::file_type::regular)
        return Error(ErrorCode::kFailed, "`", spec_.argv[0], "` ended with exit code 0 but wrote no file for ", called)
            .WithHelp(StrCat("it must write a Parquet file to the path in ", OutputVariable(name), "; a step without outputs says `outputs: []`"));
      Status status = Take(path, name, files);
      if (status.ok()) continue;
      for (const auto& [taken, file] : files.files) static_cast<void>(RemoveFile(file.path).ok());
      if (status.code() == ErrorCode::kBusy || status.code() == ErrorCode::kInterrupted) return status;
      return std::move(status).WithCode(ErrorCode::kFailed).WithContext(StrCat("`", spec_.argv[0], "` ended with exit code 0, but ", called, " cannot be read"));
    }
    return Ok();
  }

  Status Take(const std::string& path, const std::string& name, StepFiles& files) {
    if (context_.progress) context_.progress("reading what it wrote", 0.8);
    Engine::Options options;
    options.temp_directory = context_.store().ScratchPath("-spill");
    const std::string kept = context_.store().ScratchPath(".parquet");
    options.allowed_files = {path};
    ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
    const auto token = CancelsWith(context_, [&engine] { engine->Cancel(); });
    RETURN_IF_ERROR(engine->AddParquet("rows", path));
    const Result<std::int64_t> rows = engine->WriteParquet("SELECT * FROM rows", {}, kept, context_.run->threads);
    if (!rows.ok()) {
      static_cast<void>(RemoveFile(kept).ok());
      return rows.status();
    }
    files.files[name] = {kept, "dataset", *rows};
    return Ok();
  }

  const StepContext& context_;
  const CommandSpec& spec_;
  Program program_;
};
}  // namespace

Result<StepFiles> RunCommand(const StepContext& context) {
  ASSIGN_OR_RETURN(Program program, Program::Make(context, context.step->as<CommandSpec>()));
  return Attempt(context, std::move(program)).Run();
}

Result<std::map<std::string, std::string>> CodeDigests(const std::string& root, const CommandSpec& command) {
  std::map<std::string, std::string> digests;
  const std::string within = root + "/";
  for (const std::string& pattern : command.code) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, MatchFiles(JoinPath(root, pattern)));
    for (const std::string& file : files) {
      ASSIGN_OR_RETURN(digests[file.starts_with(within) ? file.substr(within.size()) : file], Sha256OfFile(file));
    }
  }
  return digests;
}

}  // namespace headrace

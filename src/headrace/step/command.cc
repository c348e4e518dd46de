// A program of the user's between two steps. It gets copies of its inputs, not the artifacts: a program may write to any file of its user, whatever
// the file's mode says, and the store must stay what its digests say. What it leaves is read through the engine and written again, so that
// later steps meet only Parquet of our own.
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>

#include "headrace/base/digest.h"
#include "headrace/base/files.h"
#include "headrace/sql/engine.h"
#include "headrace/sql/files.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
namespace fs = std::filesystem;

constexpr int kTryAgain = 75, kSkip = 99;
constexpr std::size_t kShownLines = 5, kShownBytes = 1000;

/// A folder borrowed for one attempt.
class Borrowed {
 public:
  Borrowed(CommandFolders& folders, std::string path) : folders_(folders), path_(std::move(path)) {}
  ~Borrowed() { folders_.Return(path_); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  std::string Folder(std::string_view name) const { return JoinPath(path_, name); }

 private:
  CommandFolders& folders_;
  const std::string path_;
};

/// The last lines of what it wrote, short enough for a message.
std::string LastLines(std::string_view text, std::size_t lines) {
  text = Trim(text);
  std::size_t begin = text.size();
  for (std::size_t n = 0; n < lines && begin > 0 && begin != std::string_view::npos; ++n) begin = text.rfind('\n', begin - 1);
  std::string out(begin == std::string_view::npos ? text : text.substr(begin));
  if (out.size() > kShownBytes) {
    out.erase(0, out.size() - kShownBytes);
    while (!out.empty() && (static_cast<unsigned char>(out[0]) & 0xC0) == 0x80) out.erase(0, 1);   // not within a character
    out = "..." + out;
  }
  return std::string(Trim(out));
}

std::string IsoTime(std::int64_t micros) { return ReplaceAll(FormatTimestamp(micros), " ", "T") + "Z"; }

/// One attempt of one command.
class Attempt {
 public:
  Attempt(const StepContext& context, std::string folder)
      : context_(context), spec_(context.step->as<CommandSpec>()), scratch_(*context.run->command_folders, std::move(folder)) {}

  Result<StepFiles> Run() {
    StepFiles files;
    if (context_.run->dry_run && spec_.outputs && spec_.outputs->empty()) {
      files.skipped = "a dry run leaves out commands without outputs: nobody knows what they would do outside";
      return files;
    }
    Command command;
    command.argv = spec_.argv;
    command.directory = context_.pipeline().root;
    command.limits = {spec_.memory_bytes, (spec_.cpu_time_us + 999'999) / 1'000'000, spec_.open_files, spec_.file_bytes};
    command.log_bytes = static_cast<std::size_t>(spec_.log_bytes);
    RETURN_IF_ERROR(Environment(command));
    RETURN_IF_ERROR(Inputs(command));
    Outputs(command);
    if (context_.progress) context_.progress(StrCat("running ", FileName(spec_.argv[0])), 0.1);
    if (context_.run->commands == nullptr) return Error(ErrorCode::kInternal, "commands cannot run here");
    ASSIGN_OR_RETURN(const CommandEnd end, context_.run->commands->Run(command, context_.cancelled));
    const std::string out = end.out.Text(secrets_), err = end.err.Text(secrets_);
    RETURN_IF_ERROR(Log("stdout", out));
    RETURN_IF_ERROR(Log("stderr", err));
    if (end.stopped) return Error(ErrorCode::kInterrupted, "the program was stopped");
    if (end.left_behind > 0) files.details.notes.push_back(StrCat("the program left ", Counted(end.left_behind, "process", "processes"), " running, ended with it"));
    if (end.signal == 0 && end.code == kSkip) {
      files.skipped = LastLines(err, 1);
      if (files.skipped.empty()) files.skipped = StrCat("exit code ", kSkip);
      return files;
    }
    if (end.signal != 0 || end.code != 0) return Failure(end, err.empty() ? out : err);
    RETURN_IF_ERROR(Collect(files));
    return files;
  }

 private:
  Status Environment(Command& command) {
    const auto inherit = [&](const std::string& name, std::string otherwise) {
      const std::optional<std::string> value = context_.run->variables ? context_.run->variables(name) : std::nullopt;
      if (value || !otherwise.empty()) command.env.emplace_back(name, value ? *value : std::move(otherwise));
    };
    inherit("PATH", "/usr/local/bin:/usr/bin:/bin");
    for (const char* name : {"HOME", "LANG", "TZ", "HEADRACE_COMMAND"}) inherit(name, "");
    command.env.emplace_back("TMPDIR", scratch_.Folder("tmp"));
    for (const auto& [name, value] : spec_.env) {
      ASSIGN_OR_RETURN(const Secret loaded, Load(value, context_.run->variables));
      if (!value.secret.empty() && !loaded.Reveal().empty()) secrets_.push_back(loaded.Reveal());
      if (loaded.Reveal().find('\0') != std::string::npos) return Error(ErrorCode::kInvalid, "the value for the variable ", name, " holds a NUL byte");
      std::erase_if(command.env, [&](const auto& entry) { return entry.first == name; });
      command.env.emplace_back(name, loaded.Reveal());
    }
    const ResolvedPipeline& pipeline = context_.pipeline();
    command.env.insert(command.env.end(), {{"HEADRACE_RUN", context_.run->run}, {"HEADRACE_PIPELINE", pipeline.pipeline}, {"HEADRACE_STEP", context_.step->name},
        {"HEADRACE_TENANT", pipeline.tenant}, {"HEADRACE_INTERVAL_START", IsoTime(pipeline.interval.start_us)}, {"HEADRACE_INTERVAL_END", IsoTime(pipeline.interval.end_us)},
        {"HEADRACE_ATTEMPT", StrCat(context_.attempt)}, {"HEADRACE_PARAMS", spec_.params}});
    return Ok();
  }

  Status Inputs(Command& command) {
    for (const auto& [name, input] : OwnInputs(context_)) {
      const std::string path = JoinPath(scratch_.Folder("inputs"), StrCat(name, input.artifact.kind == "model" ? ".model" : ".parquet"));
      std::error_code error;
      fs::copy_file(input.path, path, error);
      if (error == std::errc::no_space_on_device) return Error(ErrorCode::kBusy, "the disk is full: cannot copy the input `", name, "`").WithHelp("free space, then run again");
      if (error || ::chmod(path.c_str(), 0444) != 0) return Error(ErrorCode::kFailed, "cannot copy the input `", name, "`: ", error.message());
      command.env.emplace_back(StrCat("HEADRACE_INPUT_", CommandSpec::VariableOf(name)), path);
    }
    return Ok();
  }

  std::string OutputPath(const std::string& name) const { return JoinPath(scratch_.Folder("outputs"), StrCat(name.empty() ? "main" : name, ".parquet")); }
  std::vector<std::string> OutputNames() const { return spec_.outputs.value_or(std::vector<std::string>{""}); }
  static std::string OutputVariable(const std::string& name) { return name.empty() ? "HEADRACE_OUTPUT" : StrCat("HEADRACE_OUTPUT_", CommandSpec::VariableOf(name)); }

  void Outputs(Command& command) const {
    for (const std::string& name : OutputNames()) command.env.emplace_back(OutputVariable(name), OutputPath(name));
  }

  Status Log(std::string_view stream, const std::string& text) {
    if (text.empty()) return Ok();
    return context_.store().AddEvent(context_.run->run, {context_.run->clock->NowMicros(), context_.step->name, std::string(stream), text});
  }

  Status Failure(const CommandEnd& end, const std::string& log) const {
    const std::string last = LastLines(log, kShownLines);
    std::string message = StrCat("`", spec_.argv[0], "` ");
    if (end.signal == SIGXCPU) message += StrCat("used more than its `cpu_time` of ", FormatDuration(spec_.cpu_time_us));
    else if (end.signal == SIGXFSZ) message += StrCat("wrote a file larger than its `file_size` of ", FormatCount(spec_.file_bytes), " bytes");
    else if (end.signal != 0) message += StrCat("was ended by the signal ", SignalName(end.signal));
    else if (end.code == kTryAgain) message += StrCat("asks to be run again later (exit code ", kTryAgain, ")");
    else message += StrCat("failed with exit code ", end.code);
    if (!last.empty()) message += StrCat("; it wrote last: ", last);
    std::string help = StrCat("`headrace logs ", context_.run->run, " ", context_.step->name, "` shows what it wrote");
    if (spec_.memory_bytes > 0) help += StrCat("; each of its processes may use ", FormatCount(spec_.memory_bytes), " bytes of memory (`memory`)");
    return Error(end.signal == 0 && end.code == kTryAgain ? ErrorCode::kBusy : ErrorCode::kFailed, message).WithHelp(help);
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
    options.allowed_files = {path, kept};
    ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
    const auto token = CancelsWith(context_, [&engine] { engine->Cancel(); });
    RETURN_IF_ERROR(engine->AddParquet("rows", path));
    const Result<std::int64_t> rows = engine->WriteParquet("SELECT * FROM rows", {}, kept);
    if (!rows.ok()) {
      static_cast<void>(RemoveFile(kept).ok());
      return rows.status();
    }
    files.files[name] = {kept, "dataset", *rows};
    return Ok();
  }

  const StepContext& context_;
  const CommandSpec& spec_;
  const Borrowed scratch_;
  std::vector<std::string> secrets_;
};
}  // namespace

Result<StepFiles> RunCommand(const StepContext& context) {
  ASSIGN_OR_RETURN(std::string folder, context.run->command_folders->Borrow(context.store()));
  return Attempt(context, std::move(folder)).Run();
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

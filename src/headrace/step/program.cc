#include "headrace/step/program.h"

#include <signal.h>

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
constexpr std::size_t kShownLines = 5, kShownBytes = 1000;

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
}  // namespace

Result<Program> Program::Make(const StepContext& context, const CommandSpec& spec) {
  ASSIGN_OR_RETURN(std::string folder, context.run->command_folders->Borrow(context.store()));
  return Program(context, spec, std::move(folder));
}

Program::Program(Program&& other) noexcept
    : context_(other.context_), spec_(other.spec_), folder_(std::exchange(other.folder_, "")), told_(std::move(other.told_)), secrets_(std::move(other.secrets_)) {}

Program::~Program() {
  if (!folder_.empty()) context_.run->command_folders->Return(folder_);
}

std::string Program::Folder(std::string_view name) const { return JoinPath(folder_, name); }

Result<Program::End> Program::Run() {
  Command command;
  command.argv = spec_.argv;
  command.directory = context_.pipeline().root;
  command.limits = {spec_.memory_bytes, (spec_.cpu_time_us + 999'999) / 1'000'000, spec_.open_files, spec_.file_bytes};
  command.log_bytes = static_cast<std::size_t>(spec_.log_bytes);
  RETURN_IF_ERROR(Environment(command));
  if (context_.run->commands == nullptr) return Error(ErrorCode::kInternal, "commands cannot run here");
  ASSIGN_OR_RETURN(const CommandEnd end, context_.run->commands->Run(command, context_.cancelled));
  const std::string out = end.out.Text(secrets_), err = end.err.Text(secrets_);
  RETURN_IF_ERROR(Log("stdout", out));
  RETURN_IF_ERROR(Log("stderr", err));
  if (end.stopped) return Error(ErrorCode::kInterrupted, "the program was stopped");
  if (end.signal != 0 || (end.code != 0 && end.code != kSkip)) return Failure(end, err.empty() ? out : err);
  End done{end.code, LastLines(err, 1), {}};
  if (end.left_behind > 0) done.notes.push_back(StrCat("the program left ", Counted(end.left_behind, "process", "processes"), " running, ended with it"));
  return done;
}

Status Program::Environment(Command& command) {
  const auto inherit = [&](const std::string& name, std::string otherwise) {
    const std::optional<std::string> value = context_.run->variables ? context_.run->variables(name) : std::nullopt;
    if (value || !otherwise.empty()) command.env.emplace_back(name, value ? *value : std::move(otherwise));
  };
  inherit("PATH", "/usr/local/bin:/usr/bin:/bin");
  for (const char* name : {"HOME", "LANG", "TZ", "HEADRACE_COMMAND"}) inherit(name, "");
  command.env.emplace_back("TMPDIR", Folder("tmp"));
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
  command.env.insert(command.env.end(), told_.begin(), told_.end());
  return Ok();
}

Status Program::Log(std::string_view stream, const std::string& text) const {
  if (text.empty()) return Ok();
  return context_.store().AddEvent(context_.run->run, {context_.run->clock->NowMicros(), context_.step->name, std::string(stream), text});
}

Status Program::Failure(const CommandEnd& end, const std::string& log) const {
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

}  // namespace headrace

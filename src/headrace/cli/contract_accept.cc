// `headrace contract accept STEP`: what the last good run of a step gave becomes its contract.
#include "headrace/cli/contract_accept.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "headrace/base/files.h"
#include "headrace/cli/command.h"
#include "headrace/cli/scaffold.h"
#include "headrace/run/run_loop.h"
#include "headrace/sql/engine.h"
#include "headrace/step/step.h"

namespace headrace {

namespace {
struct AcceptFlags {
  std::string step = {}, pipeline = {}, tenant = {}, out = {};
  bool replace = false;
};

struct Accepted {
  RunRecord run;
  ArtifactRef rows;
};

bool Good(const StepRecord& step) {
  const Result<StepDetails> details = StepDetails::FromJson(step.details);
  return (step.state == StepState::kSucceeded || step.state == StepState::kReused) && details.ok() &&
         std::all_of(details->checks.begin(), details->checks.end(), [](const CheckVerdict& verdict) { return verdict.passed; });
}

/// The newest run in which the step succeeded and every check of it passed.
Result<Accepted> LastGood(Store& store, const AcceptFlags& flags) {
  constexpr std::int64_t kLookedAt = 100;
  ASSIGN_OR_RETURN(const std::vector<RunRecord> runs, store.ListRuns({flags.pipeline, flags.tenant, kLookedAt}));
  std::vector<std::string> names;
  for (const RunRecord& run : runs) {
    ASSIGN_OR_RETURN(const std::vector<StepRecord> steps, store.ListSteps(run.id));
    for (const StepRecord& step : steps) {
      const auto main = step.outputs.find("");
      if (main == step.outputs.end() || main->second.kind != "dataset") continue;
      if (std::find(names.begin(), names.end(), step.step) == names.end()) names.push_back(step.step);
      if (step.step == flags.step && Good(step)) return Accepted{run, main->second};
    }
  }
  const std::string near = NearestName(flags.step, names);
  return Error(ErrorCode::kInvalid, "no run holds rows of a step `", flags.step, "` whose checks all passed")
      .WithHelp(names.empty() ? "run the pipeline first" : !near.empty() && near != flags.step ? StrCat("did you mean `", near, "`?") : StrCat("steps with recorded rows: ", Join(names, ", ")));
}

/// Names, types, and which columns had no null.
Result<std::string> ContractOf(TableStream& rows, const Accepted& accepted) {
  const Schema schema = rows.schema();
  std::vector<std::uint8_t> nulls(schema.size(), 0);
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows.Next());
    if (!block) break;
    for (std::size_t c = 0; c < schema.size(); ++c)
      if (block->column(c).null_count() > 0) nulls[c] = 1;
  }
  std::string text = StrCat("# What run ", accepted.run.id, " gave: ", Counted(accepted.rows.rows, "row"),
                            ". A column without a null there may have none from now on.\n# Mark columns that hold personal data with `personal: true`.\ncolumns:\n");
  for (std::size_t c = 0; c < schema.size(); ++c)
    text += StrCat("  - {name: ", YamlText(schema[c].name), ", type: ", TypeName(schema[c].type), nulls[c] == 0 ? ", nullable: false" : "", "}\n");
  return text + "extra: refuse\n";
}

std::string FileOf(const AcceptFlags& flags) { return flags.out.empty() ? StrCat("contracts/", ReplaceAll(flags.step, ".", "_"), ".yaml") : flags.out; }

Result<Accepted> Write(Store& store, const AcceptFlags& flags, const std::string& path) {
  ASSIGN_OR_RETURN(Accepted accepted, LastGood(store, flags));
  if (FileExists(path) && !flags.replace)
    return Error(ErrorCode::kInvalid, FileOf(flags), " is there already").WithHelp("`--replace` writes it anew, `--out FILE` writes another");
  ASSIGN_OR_RETURN(const std::string artifact, store.ArtifactPath(accepted.rows));
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, StreamParquet(artifact));
  ASSIGN_OR_RETURN(const std::string text, ContractOf(*rows, accepted));
  RETURN_IF_ERROR(MakeDirectories(ParentPath(path)));
  RETURN_IF_ERROR(WriteFileAtomically(path, text));
  return accepted;
}

int Accept(const AcceptFlags& flags, const GlobalFlags& global) {
  const Result<OpenProject> open = OpenState(global);
  if (!open.ok()) return Fail(open.status(), global);
  const std::string file = FileOf(flags);
  const Result<Accepted> accepted = Write(*open->store, flags, JoinPath(open->root, file));
  if (!accepted.ok()) return Fail(accepted.status(), global);
  const std::string checks = StrCat("    checks:\n      - contract: ", file, "\n      - rows: {min: 1, baseline: auto}\n");
  if (global.json) PrintJson(nlohmann::ordered_json({{"contract", file}, {"step", flags.step}, {"run", accepted->run.id}, {"rows", accepted->rows.rows}, {"checks", checks}}));
  else PrintErr(StrCat("wrote ", file, " from run ", accepted->run.id, ", ", FormatCount(accepted->rows.rows), " rows; put beside the step `", flags.step, "` of ", accepted->run.pipeline, ":\n")), PrintOut(checks);
  return 0;
}
}  // namespace

std::string ContractHint(Store& store, const ResolvedPipeline& pipeline, const RunRecord& run) {
  if (run.state != RunState::kSucceeded || run.trigger == kDryRun) return "";
  const Result<std::vector<RunRecord>> runs = store.ListRuns({run.pipeline, run.tenant, 100});
  const auto earlier = [&](const RunRecord& other) { return other.id != run.id && other.tenant == run.tenant && other.state == RunState::kSucceeded && other.trigger != kDryRun; };
  if (!runs.ok() || std::any_of(runs->begin(), runs->end(), earlier)) return "";
  std::vector<std::string> open;
  for (const StepSpec& step : pipeline.steps)
    if (step.kind == StepKind::kExtract && ExtractSpec::ContractOf(step.checks) == nullptr) open.push_back(step.name);
  if (open.empty()) return "";
  return StrCat("hint: no contract guards `", Join(open, "`, `"), "`: `headrace contract accept ", open[0], "` writes ", FileOf({.step = open[0]}), " from this run\n");
}

void AddContractAccept(CommandLine contract, const GlobalFlags& global, Action& action) {
  CommandLine command = contract.add_subcommand("accept", "Write the contract that the last good rows of a step keep");
  auto flags = std::make_shared<AcceptFlags>();
  command->add_option("STEP", flags->step, "the step whose rows are taken")->required();
  command->add_option("--pipeline", flags->pipeline, "only runs of this pipeline")->type_name("NAME");
  command->add_option("--tenant", flags->tenant, "only runs for this tenant")->type_name("NAME");
  command->add_option("--out", flags->out, "the file, relative to the project's folder; contracts/STEP.yaml when not given")->type_name("FILE");
  command->add_flag("--replace", flags->replace, "write it anew when it is there");
  command->callback([&global, &action, flags] { action = [&global, flags] { return Accept(*flags, global); }; });
}

}  // namespace headrace

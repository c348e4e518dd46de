#include <array>
#include <cstdio>

#include "headrace/cli/command.h"
#include "headrace/model/describe.h"
#include "headrace/model/model.h"

namespace headrace {

namespace {
std::string AsText(const Model& model, bool proof) {
  const ModelInfo& info = model.info();
  std::string text = StrCat(info.learner, " for ", info.clusters > 0 ? StrCat(info.clusters, " clusters") : StrCat(KindOf(info), " target `", info.target, "`"), ", made by Headrace ", info.headrace_version, " (commit ",
                            info.code_commit.substr(0, 12), info.code_dirty ? ", with local changes" : "", ")\n");
  text += StrCat("digest       ", info.digest, "\n");
  if (!info.classes.empty()) text += StrCat("classes      ", Join(info.classes, ", "), info.task == Task::kBinary ? StrCat("; positive: ", info.classes.back()) : "", "\n");
  if (!info.treatment.column.empty()) text += StrCat("treatment    ", DescribeTreatment(info.treatment), "\n");
  if (info.task == Task::kBinary) text += StrCat("threshold    ", info.threshold, "\n");
  if (const std::string sketches = DescribeSketches(model); !sketches.empty()) text += StrCat("percentiles  ", sketches, "\n");
  text += StrCat("calibration  ", info.calibration, "\nfolds        ", info.folds, "\nrows         ", FormatCount(info.train_rows), " train, ",
                 FormatCount(info.test_rows), " test\nproof        ", proof ? "replayed: every bit agrees" : "not replayed", "\n\n");
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : info.metrics) {
    std::array<char, 40> buffer;
    std::snprintf(buffer.data(), buffer.size(), "%.5f", value);
    rows.push_back({name, buffer.data()});
  }
  text += TextTable({"metric", "value"}, rows) + "\n";
  rows.clear();
  for (const InputColumn& input : info.inputs) rows.push_back({input.name, std::string(TypeName(input.type)), input.nullable ? "yes" : "no"});
  text += TextTable({"input", "type", "null at training"}, rows);
  text += StrCat("\n", FormatCount(static_cast<std::int64_t>(info.features.size())), " features after the transforms\n");
  for (const UnfittedStep& step : info.unfitted) text += StrCat("unfitted step above: ", step.name, " (", step.kind, ", ", step.digest.substr(0, 12), ")\n");
  return text;
}

int Inspect(const std::string& file, const std::string& member, const GlobalFlags& flags) {
  const Result<std::shared_ptr<const Model>> model = Model::Open(file);
  if (!model.ok()) return Fail(model.status(), flags);
  if (!member.empty()) {
    const Result<std::string> content = (*model)->Member(member);
    if (!content.ok()) return Fail(content.status(), flags);
    PrintOut(*content);
    return 0;
  }
  if (const Status proof = (*model)->ReplayProof(); !proof.ok()) return Fail(proof, flags);
  PrintOut(flags.json ? DescribeAsJson(**model) : AsText(**model, true));
  return 0;
}
}  // namespace

void AddInspectCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine command = app.add_subcommand("inspect", "Check a model file, replay its parity proof and say what it holds");
  auto file = std::make_shared<std::string>();
  auto member = std::make_shared<std::string>();
  command->add_option("MODEL", *file, "a model file")->required();
  command->add_option("--member", *member, "print one member of the file: card.md, metrics.json, transform.json, ...")->type_name("NAME");
  command->callback([&flags, &action, file, member] { action = [&flags, file, member] { return Inspect(*file, *member, flags); }; });
}

}  // namespace headrace

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "headrace/base/process.h"
#include "headrace/base/files.h"
#include "headrace/cli/alert_delivery.h"
#include "headrace/cli/command.h"
#include "headrace/model/model.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
struct ModelFlags {
  std::string name, tenant, file;
  std::string version = "champion";
};

/// null where the state is damaged.
nlohmann::ordered_json Recorded(const std::string& text) {
  nlohmann::ordered_json json = ParseOrderedJson(text);
  return json.is_discarded() ? nlohmann::ordered_json() : json;
}

nlohmann::ordered_json AsJson(const ModelVersion& model) {
  return {{"tenant", model.tenant}, {"name", model.name}, {"version", model.version}, {"aliases", model.aliases}, {"digest", model.digest},
          {"created", FormatTimestamp(model.created_us)}, {"run", model.run}, {"commit", model.commit}, {"dirty", model.dirty},
          {"metrics", Recorded(model.metrics)}, {"gates", Recorded(model.gates)}};
}

int List(const ModelFlags& model, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const auto models = open->store->ListModels(model.tenant, model.name);
  if (!models.ok()) return Fail(models.status(), flags);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows;
  for (const ModelVersion& m : *models) {
    all.push_back(AsJson(m));
    rows.push_back({m.name, m.tenant, StrCat(m.version), Join(m.aliases, ", "), FormatTimestamp(m.created_us).substr(0, 16), m.commit.substr(0, 12) + (m.dirty ? "+" : ""), m.digest.substr(0, 12)});
  }
  PrintOut(flags.json ? DumpJson(all, 2) + "\n" : TextTable({"model", "tenant", "version", "aliases", "made (UTC)", "commit", "digest"}, rows));
  return 0;
}

std::string Second(std::int64_t us) { return FormatTimestamp(us / 1'000'000 * 1'000'000); }

/// In a Markdown table or list: one line, nothing that ends a cell or begins code.
std::string Plain(std::string_view text) { return ReplaceAll(ReplaceAll(ReplaceAll(text, "\n", " "), "|", "\\|"), "`", "'"); }

/// What only the registry knows of a version, below its card: where it came from, who let it into use and when.
std::string RegistryCard(const ModelVersion& version, const std::vector<AliasMove>& moves, const Result<RunRecord>& run) {
  std::string text = StrCat("\n## In the registry\n\n- version: `", Plain(version.name), "` ", version.version, version.tenant.empty() ? "" : StrCat(" of ", Plain(version.tenant)),
                            version.aliases.empty() ? "" : StrCat(" (", Join(version.aliases, ", "), ")"), "\n- model file: `", version.digest, "`\n- made: ", Second(version.created_us), " UTC",
                            version.run.empty() ? ", added from a file" : StrCat(" by run ", Plain(version.run)), "\n");
  if (run.ok()) {
    text += StrCat("- pipeline: `", Plain(run->pipeline), "`, interval ", Second(run->interval_start_us), " to ", Second(run->interval_end_us), "\n");
    if (!run->files.empty()) text += StrCat("- project files: `", run->files, "`\n");
  }
  if (!version.commit.empty()) text += StrCat("- commit: `", Plain(version.commit), "`", version.dirty ? ", with local changes" : "", "\n");
  const nlohmann::json gates = ParseJson(version.gates);
  for (const auto& gate : gates)
    if (gate.is_object()) text += StrCat("- gate ", gate.value("passed", false) ? "passed: `" : "refused: `", Plain(gate.value("text", "")), "`\n");
  text += moves.empty() ? "\nNobody has promoted a version of this model.\n" : "\n| when (UTC) | alias | from | to | by | run |\n|---|---|---:|---:|---|---|\n";
  for (const AliasMove& move : moves)
    text += StrCat("| ", Second(move.moved_us), " | ", Plain(move.alias), " | ", move.from_version == 0 ? "none" : StrCat(move.from_version), " | ", move.to_version, " | ", Plain(move.by), " | ", Plain(move.run), " |\n");
  return text;
}

int Show(const ModelFlags& model, bool card, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<ModelVersion> version = open->store->ResolveModel(model.tenant, model.name, model.version);
  if (!version.ok()) return Fail(version.status(), flags);
  const Result<std::string> path = open->store->ArtifactPath({version->digest, "model", -1});
  if (!path.ok()) return Fail(path.status(), flags);
  const auto moves = open->store->AliasHistory(model.tenant, model.name);
  if (!moves.ok()) return Fail(moves.status(), flags);
  if (card) {
    const auto opened = Model::Open(*path);
    if (!opened.ok()) return Fail(opened.status(), flags);
    const Result<std::string> text = (*opened)->Member("card.md");
    if (!text.ok()) return Fail(text.status(), flags);
    const std::string whole = *text + RegistryCard(*version, *moves, open->store->GetRun(version->run));
    nlohmann::ordered_json document = AsJson(*version);
    document["card"] = whole;
    PrintOut(flags.json ? DumpJson(document, 2) + "\n" : whole);
    return 0;
  }
  nlohmann::ordered_json json = AsJson(*version);
  json["file"] = *path;
  json["alias_moves"] = nlohmann::ordered_json::array();
  for (const AliasMove& move : *moves)
    json["alias_moves"].push_back({{"alias", move.alias}, {"from", move.from_version}, {"to", move.to_version}, {"at", FormatTimestamp(move.moved_us)}, {"by", move.by}, {"run", move.run}});
  if (flags.json) {
    PrintJson(json);
    return 0;
  }
  std::string text = StrCat(version->name, version->tenant.empty() ? "" : StrCat(" of ", version->tenant), " version ", version->version,
                            version->aliases.empty() ? "" : StrCat(" (", Join(version->aliases, ", "), ")"), "\nfile    ", *path, "\nmade    ", FormatTimestamp(version->created_us / 1'000'000 * 1'000'000),
                            " UTC", version->run.empty() ? "" : StrCat(" by run ", version->run), ", commit ", version->commit.substr(0, 12), version->dirty ? ", with local changes" : "", "\n");
  for (const auto& [name, value] : json["metrics"].items()) text += StrCat("  ", name, " ", DumpJson(value), "\n");
  for (const auto& gate : json["gates"]) text += StrCat("  gate ", gate["passed"].get<bool>() ? "passed: " : "refused: ", gate["text"].get<std::string>(), "\n");
  for (const AliasMove& move : *moves)
    text += StrCat("  ", FormatTimestamp(move.moved_us / 1'000'000 * 1'000'000), "  ", move.alias, ": ", move.from_version == 0 ? std::string("none") : StrCat(move.from_version), " -> ", move.to_version,
                   move.by.empty() ? "" : StrCat(" by ", move.by), move.run.empty() ? "" : StrCat(" in run ", move.run), "\n");
  PrintOut(text);
  return 0;
}

int Add(const ModelFlags& flags_of, const GlobalFlags& flags) {
  Diagnostics diagnostics;
  const Result<Project> project = LoadProject(flags, "", diagnostics);
  if (!project.ok()) return Fail(project.status(), flags);
  const Result<std::unique_ptr<Store>> store = OpenStore(*project);
  if (!store.ok()) return Fail(store.status(), flags);
  const auto model = Model::Open(flags_of.file);
  if (!model.ok()) return Fail(model.status(), flags);
  if (const Status proof = (*model)->ReplayProof(); !proof.ok()) return Fail(proof, flags);
  const std::string scratch = (*store)->ScratchPath(".model");
  if (const Status written = WriteFileAtomically(scratch, (*model)->bytes()); !written.ok()) return Fail(written, flags);
  const Result<ArtifactRef> artifact = (*store)->AddArtifact(scratch, "model", -1);
  if (!artifact.ok()) return Fail(artifact.status(), flags);
  ModelVersion version;
  version.tenant = flags_of.tenant;
  version.name = flags_of.name;
  version.digest = artifact->digest;
  version.metrics = DumpJson(nlohmann::json((*model)->info().metrics));
  version.gates = "[]";
  const Result<ModelVersion> added = (*store)->AddModelVersion(version);
  if (!added.ok()) return Fail(added.status(), flags);
  if (flags.json) PrintJson(AsJson(*added));
  else PrintErr(StrCat(added->name, " version ", added->version, "; `headrace models promote ", added->name, " ", added->version, "` makes it the champion\n"));
  return 0;
}

int Move(const ModelFlags& model, std::int64_t version, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  Diagnostics diagnostics;
  const Result<Project> project = LoadProject(flags, "", diagnostics);      // for whom to tell; a file that does not read keeps no model from moving
  std::vector<OutboxMessage> told;
  if (project.ok() && !project->alerts().empty()) {
    const Result<ModelVersion> before = open->store->ResolveModel(model.tenant, model.name, "champion");
    const AlertRules rules = AlertRulesOf(*project, "");
    const Alert alert = ChampionMoved(rules, "", model.tenant, model.name, before.ok() ? before->version : 0, version, UserName(), "", SystemClock().NowMicros());
    told = MessagesFor(rules, {&alert, 1});
  }
  if (const Status moved = open->store->MoveAlias(model.tenant, model.name, "champion", version, UserName(), "", told); !moved.ok()) return Fail(moved, flags);
  if (!told.empty()) DeliverAlerts(*open->store, *project, flags);
  if (flags.json) PrintJson(nlohmann::ordered_json({{"name", model.name}, {"tenant", model.tenant}, {"champion", version}}));
  else PrintErr(StrCat("champion of ", model.name, model.tenant.empty() ? "" : StrCat(" of ", model.tenant), " is now version ", version, "\n"));
  return 0;
}

int Promote(const ModelFlags& model, const GlobalFlags& flags) {
  std::int64_t version = 0;
  if (!ParseInt(model.version, &version)) return Fail(Error(ErrorCode::kInvalid, "`", model.version, "` is not a version number").WithHelp("headrace models promote NAME VERSION"), flags);
  return Move(model, version, flags);
}

/// Back to the champion before the present one.
int Rollback(const ModelFlags& model, const GlobalFlags& flags) {
  const Result<OpenProject> open = OpenState(flags);
  if (!open.ok()) return Fail(open.status(), flags);
  const Result<ModelVersion> now = open->store->ResolveModel(model.tenant, model.name, "champion");
  if (!now.ok()) return Fail(now.status(), flags);
  const auto moves = open->store->AliasHistory(model.tenant, model.name);
  if (!moves.ok()) return Fail(moves.status(), flags);
  for (const AliasMove& move : *moves)
    if (move.alias == "champion" && move.to_version == now->version) {
      if (move.from_version == 0) break;
      return Move(model, move.from_version, flags);
    }
  return Fail(Error(ErrorCode::kInvalid, "`", model.name, "` had no champion before version ", now->version).WithHelp("`headrace models promote NAME VERSION` names one"), flags);
}

CommandLine Sub(CommandLine models, const char* name, const char* what, const std::shared_ptr<ModelFlags>& model, bool name_needed) {
  CommandLine command = models->add_subcommand(name, what);
  Option option = command->add_option("NAME", model->name, "name of the model in the registry");
  if (name_needed) option->required();
  command->add_option("--tenant", model->tenant, "the tenant whose model it is")->type_name("NAME");
  return command;
}
}  // namespace

void AddModelsCommand(CommandLine app, const GlobalFlags& flags, Action& action) {
  CommandLine models = app.add_subcommand("models", "The model registry: list, show, add, promote, roll back");
  models->require_subcommand(1);
  auto model = std::make_shared<ModelFlags>();
  Sub(models, "list", "List versions, newest first", model, false)->callback([&flags, &action, model] { action = [&flags, model] { return List(*model, flags); }; });
  CommandLine show = Sub(models, "show", "Show one version: metrics, gates, who promoted it", model, true);
  show->add_option("VERSION", model->version, "a version number or an alias")->capture_default_str();
  show->callback([&flags, &action, model] { action = [&flags, model] { return Show(*model, false, flags); }; });
  CommandLine card = Sub(models, "card", "Print the model card and what the registry knows: where the version came from, who promoted it and when", model, true);
  card->add_option("VERSION", model->version, "a version number or an alias")->capture_default_str();
  card->callback([&flags, &action, model] { action = [&flags, model] { return Show(*model, true, flags); }; });
  CommandLine add = Sub(models, "add", "Register a model file", model, true);
  add->add_option("FILE", model->file, "a model file")->required();
  add->callback([&flags, &action, model] { action = [&flags, model] { return Add(*model, flags); }; });
  CommandLine promote = Sub(models, "promote", "Make a version the champion", model, true);
  promote->add_option("VERSION", model->version, "a version number")->required();
  promote->callback([&flags, &action, model] { action = [&flags, model] { return Promote(*model, flags); }; });
  Sub(models, "rollback", "Make the champion before the present one the champion again", model, true)
      ->callback([&flags, &action, model] { action = [&flags, model] { return Rollback(*model, flags); }; });
}

}  // namespace headrace

// What people were told, and what they say to that.

#include <nlohmann/json.hpp>

#include "headrace/base/process.h"
#include "headrace/cli/alert_delivery.h"
#include "headrace/cli/command.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;

struct AlertFlags {
  std::string id, period, name, pipeline, tenant;
  bool all = false;
  std::int64_t limit = 50;
};

std::string Minute(std::int64_t micros) { return micros == 0 ? std::string() : FormatTimestamp(micros).substr(0, 16); }
std::string Time(std::int64_t micros) { return micros == 0 ? std::string() : FormatTimestamp(micros); }

/// The project with its state. When it cannot be opened, all has been said.
struct Opened {
  std::optional<Project> project;
  std::unique_ptr<Store> store;
  int exit_code = 0;
};
Opened Open(const GlobalFlags& flags) {
  Opened opened;
  Diagnostics diagnostics;
  Result<Project> project = LoadProject(flags, "", diagnostics);
  if (diagnostics.has_errors()) return opened.exit_code = FailWith(diagnostics, flags), std::move(opened);
  if (!project.ok()) return opened.exit_code = Fail(project.status(), flags), std::move(opened);
  Result<std::unique_ptr<Store>> store = OpenStore(*project);
  if (!store.ok()) return opened.exit_code = Fail(store.status(), flags), std::move(opened);
  opened.project = std::move(project).value();
  opened.store = std::move(store).value();
  return opened;
}

int List(const AlertFlags& alert, const GlobalFlags& flags) {
  Opened open = Open(flags);
  if (!open.project) return open.exit_code;
  Outbox outbox(*open.store, SystemClock());
  const auto messages = outbox.List(!alert.all, alert.limit);
  if (!messages.ok()) return Fail(messages.status(), flags);
  const auto disabled = outbox.Disabled();
  if (!disabled.ok()) return Fail(disabled.status(), flags);
  const auto snoozes = outbox.Snoozes();
  if (!snoozes.ok()) return Fail(snoozes.status(), flags);
  Json all = {{"alerts", Json::array()}, {"disabled", Json::array()}, {"snoozes", Json::array()}};
  std::vector<std::vector<std::string>> rows;
  for (const OutboxMessage& m : *messages) {
    all["alerts"].push_back({{"id", m.id}, {"event", m.event}, {"pipeline", m.pipeline}, {"tenant", m.tenant}, {"run", m.run}, {"destination", m.destination}, {"state", StateName(m.state)}, {"told_with", m.batch},
                             {"attempts", m.attempts}, {"entered", Time(m.entered_us)}, {"sent", Time(m.sent_us)}, {"error", m.error}, {"acknowledged_by", m.acknowledged_by}, {"acknowledged", Time(m.acknowledged_us)}});
    rows.push_back({m.id, m.event, m.pipeline, m.tenant, m.destination, std::string(StateName(m.state)), Minute(m.entered_us), m.acknowledged_by, m.error});
  }
  RealAlertSender sender = SenderOf(*open.project);
  for (const AlertDestination& destination : open.project->alerts())
    if (const auto gone = disabled->find(destination.name); gone != disabled->end() && gone->second.definition == sender.DefinitionOf(destination)) {
      all["disabled"].push_back({{"destination", destination.name}, {"since", Time(gone->second.since_us)}, {"reason", gone->second.reason}});
      if (!flags.json) PrintErr(StrCat("nothing is sent to `", destination.name, "` since ", Minute(gone->second.since_us), " UTC: ", gone->second.reason, "\n"));
    }
  for (const Snooze& s : *snoozes) {
    all["snoozes"].push_back({{"pipeline", s.pipeline}, {"tenant", s.tenant}, {"until", Time(s.until_us)}, {"by", s.by}});
    if (!flags.json) PrintErr(StrCat("snoozed until ", Minute(s.until_us), " UTC: ", s.pipeline.empty() ? "all pipelines" : s.pipeline, s.tenant.empty() ? "" : "/", s.tenant, s.by.empty() ? "" : ", by ", s.by, "\n"));
  }
  if (flags.json) PrintJson(all);
  else if (rows.empty()) PrintErr(alert.all ? "nobody was told of anything yet\n" : "no alert is open; --all lists the others\n");
  else PrintOut(TextTable({"alert", "event", "pipeline", "tenant", "destination", "state", "entered (UTC)", "acknowledged", "problem"}, rows));
  return 0;
}

int Acknowledge(const AlertFlags& alert, const GlobalFlags& flags) {
  Opened open = Open(flags);
  if (!open.project) return open.exit_code;
  const Result<std::int64_t> count = Outbox(*open.store, SystemClock()).Acknowledge(alert.id, UserName());
  if (!count.ok()) return Fail(count.status(), flags);
  if (flags.json) PrintJson(Json({{"id", alert.id}, {"acknowledged", *count}, {"by", UserName()}}));
  else if (!flags.quiet) PrintErr("acknowledged: the same failure tells nobody until the pipeline has recovered\n");
  return 0;
}

int Quiet(const AlertFlags& alert, const GlobalFlags& flags) {
  Opened open = Open(flags);
  if (!open.project) return open.exit_code;
  const bool off = alert.period == "off";
  const Result<std::int64_t> period = off ? Result<std::int64_t>(0) : ParseDuration(alert.period);
  if (!period.ok() || *period < 0) return Fail(Error(ErrorCode::kInvalid, "`", alert.period, "` is no time to be quiet for").WithHelp("write 30m, 8h or 2d, or `off`"), flags);
  std::vector<std::string> names = open.project->pipelines();
  if (!alert.pipeline.empty() && std::find(names.begin(), names.end(), alert.pipeline) == names.end()) {
    const std::string near = NearestName(alert.pipeline, names);
    return Fail(Error(ErrorCode::kInvalid, "there is no pipeline `", alert.pipeline, "`").WithHelp(near.empty() ? StrCat("pipelines: ", Join(names, ", ")) : StrCat("did you mean `", near, "`?")), flags);
  }
  const std::int64_t until_us = SystemClock().NowMicros() + *period;
  if (const Status status = Outbox(*open.store, SystemClock()).AddSnooze({alert.pipeline, alert.tenant, until_us, UserName()}); !status.ok()) return Fail(status, flags);
  if (flags.json) PrintJson(Json({{"pipeline", alert.pipeline}, {"tenant", alert.tenant}, {"until", off ? "" : Time(until_us)}}));
  else if (!flags.quiet) PrintErr(off ? std::string("alerts are sent again\n") : StrCat("quiet until ", Minute(until_us), " UTC; what happens meanwhile is in `headrace alerts list --all`\n"));
  return 0;
}

int Test(const AlertFlags& alert, const GlobalFlags& flags) {
  Opened open = Open(flags);
  if (!open.project) return open.exit_code;
  const auto& all = open.project->alerts();
  const auto found = std::find_if(all.begin(), all.end(), [&](const AlertDestination& destination) { return destination.name == alert.name; });
  if (found == all.end()) {
    std::vector<std::string> names;
    for (const AlertDestination& destination : all) names.push_back(destination.name);
    return Fail(Error(ErrorCode::kInvalid, "no destination `", alert.name, "` under `alerts:` in environment `", open.project->environment().name, "`").WithHelp(names.empty() ? "headrace.yaml names them" : StrCat("there is ", Join(names, ", "))), flags);
  }
  Alert made_up;
  made_up.event = AlertEvent::kLate;
  made_up.at_us = SystemClock().NowMicros();
  made_up.project = open.project->name();
  made_up.environment = open.project->environment().name;
  made_up.pipeline = "test";
  made_up.message = "this is a test of `headrace alerts test`: nothing is wrong";
  RealAlertSender sender = SenderOf(*open.project);
  const SendResult result = sender.Send(*found, StrCat("test.", made_up.at_us, ".", found->name), {&made_up, 1}, nullptr);
  if (result.end != SendResult::End::kSent) return Fail(Error(ErrorCode::kDelivery, result.error), flags);
  if (flags.json) PrintJson(Json({{"destination", found->name}, {"sent", true}}));
  else if (!flags.quiet) PrintErr(StrCat("`", found->name, "` was told (", AlertWayName(found->way), ")\n"));
  return 0;
}

int SendNow(const GlobalFlags& flags) {
  Opened open = Open(flags);
  if (!open.project) return open.exit_code;
  Outbox outbox(*open.store, SystemClock());
  if (const Status hastened = outbox.Hasten(); !hastened.ok()) return Fail(hastened, flags);
  RealAlertSender sender = SenderOf(*open.project);
  const Result<Courier::Report> report = Courier(outbox, open.project->alerts(), sender, SystemClock(), SystemRandom()).Deliver(false, [] { return false; });
  if (!report.ok()) return Fail(report.status(), flags);
  if (flags.json) PrintJson(Json({{"sent", report->sent}, {"failed", report->failed}, {"problems", report->problems}}));
  else {
    for (const std::string& problem : report->problems) PrintErr(StrCat("warning: ", problem, "\n"));
    if (!flags.quiet) PrintErr(StrCat(Counted(report->sent, "message"), " sent\n"));
  }
  return report->failed > 0 ? ExitCode(ErrorCode::kDelivery) : 0;
}
}  // namespace

void AddAlertsCommand(CommandLine app, const GlobalFlags& global, Action& action) {
  CommandLine command = app.add_subcommand("alerts", "What people are told: list, acknowledge, be quiet, try a destination, send what is left");
  command->require_subcommand(1);
  auto flags = std::make_shared<AlertFlags>();
  CommandLine list = command->add_subcommand("list", "Messages that are not sent yet, and failures nobody acknowledged");
  list->add_flag("--all", flags->all, "the others too");
  list->add_option("--limit", flags->limit, "at most so many, newest first")->range(1, 100000)->capture_default_str();
  list->callback([&global, &action, flags] { action = [&global, flags] { return List(*flags, global); }; });
  CommandLine ack = command->add_subcommand("ack", "Say that you know: it is not sent again, and the same failure tells nobody until it has recovered");
  ack->add_option("ID", flags->id, "an alert, or a run")->required();
  ack->callback([&global, &action, flags] { action = [&global, flags] { return Acknowledge(*flags, global); }; });
  CommandLine snooze = command->add_subcommand("snooze", "Tell nobody for a while");
  snooze->add_option("FOR", flags->period, "30m, 8h, 2d; `off`: tell again")->required();
  snooze->add_option("--pipeline", flags->pipeline, "only of this pipeline")->type_name("NAME");
  snooze->add_option("--tenant", flags->tenant, "only of this tenant")->type_name("NAME");
  snooze->callback([&global, &action, flags] { action = [&global, flags] { return Quiet(*flags, global); }; });
  CommandLine test = command->add_subcommand("test", "Send a made-up message to one destination, now");
  test->add_option("NAME", flags->name, "as under `alerts:` in headrace.yaml")->required();
  test->callback([&global, &action, flags] { action = [&global, flags] { return Test(*flags, global); }; });
  CommandLine send = command->add_subcommand("send", "Send what is not sent yet, without waiting for its next try");
  send->callback([&global, &action] { action = [&global] { return SendNow(global); }; });
}

}  // namespace headrace

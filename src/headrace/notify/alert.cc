#include "headrace/notify/alert.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "headrace/base/digest.h"
#include "headrace/base/json.h"
#include "headrace/base/text.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;

/// These tools put alerts together by a key of their own, one incident a pipeline and client.
bool KeepsClientsApart(AlertDestination::Way way) { return way == AlertDestination::Way::kPagerDuty || way == AlertDestination::Way::kOpsgenie; }
}  // namespace

std::string Alert::Subject() const { return tenant.empty() ? pipeline : StrCat(pipeline, "/", tenant); }

std::string Alert::ToJson() const {
  return DumpJson(Json({{"event", AlertEventName(event)}, {"id", id}, {"at_us", at_us}, {"project", project}, {"environment", environment}, {"pipeline", pipeline}, {"tenant", tenant}, {"run", run},
               {"interval", interval}, {"owner", owner}, {"runbook", runbook}, {"step", step}, {"message", message}, {"help", help}, {"since", since}, {"held_back", held_back}, {"look", look}, {"alike", alike}}));
}

Result<Alert> Alert::FromJson(std::string_view text) {
  try {
    const Json json = ParseOrderedJson(text);
    Alert alert;
    const auto event = std::find(kAlertEvents.begin(), kAlertEvents.end(), json.at("event").get<std::string>());
    if (event == kAlertEvents.end()) return Error(ErrorCode::kInvalid, "an alert of an unknown kind");
    alert.event = static_cast<AlertEvent>(event - kAlertEvents.begin());
    alert.at_us = json.at("at_us").get<std::int64_t>();
    for (const auto& [key, field] : {std::pair{"id", &alert.id}, {"project", &alert.project}, {"environment", &alert.environment}, {"pipeline", &alert.pipeline}, {"tenant", &alert.tenant}, {"run", &alert.run},
                                     {"interval", &alert.interval}, {"owner", &alert.owner}, {"runbook", &alert.runbook}, {"step", &alert.step}, {"message", &alert.message}, {"help", &alert.help},
                                     {"since", &alert.since}, {"alike", &alert.alike}})
      *field = json.value(key, "");
    alert.held_back = json.at("held_back").get<std::vector<std::string>>();
    alert.look = json.at("look").get<std::vector<std::string>>();
    return alert;
  } catch (const Json::exception&) {
    return Error(ErrorCode::kInvalid, "an alert in the outbox does not read");
  }
}

bool AlertRules::Wants(AlertEvent event) const {
  return std::any_of(destinations.begin(), destinations.end(), [&](const AlertDestination& destination) { return destination.Wants(event); });
}

std::vector<OutboxMessage> MessagesFor(const AlertRules& rules, std::span<const Alert> alerts) {
  std::vector<OutboxMessage> messages;
  for (const AlertDestination& destination : rules.destinations)
    for (const Alert& alert : alerts) {
      const bool told_better = alert.event == AlertEvent::kFailed && alert.step.empty() && destination.Wants(AlertEvent::kGateRefused) &&
                               std::any_of(alerts.begin(), alerts.end(), [&](const Alert& other) { return other.event == AlertEvent::kGateRefused; });
      if (!destination.Wants(alert.event) || told_better) continue;
      OutboxMessage message;
      message.id = StrCat(alert.id, ".", destination.name);
      message.destination = destination.name;
      message.event = AlertEventName(alert.event);
      message.pipeline = alert.pipeline;
      message.tenant = alert.tenant;
      message.run = alert.run;
      message.alike = Sha256Hex(StrCat(message.event, "\n", alert.pipeline, "\n", alert.environment, "\n", alert.alike, "\n", KeepsClientsApart(destination.way) ? alert.tenant : "")).substr(0, 16);
      message.body = alert.ToJson();
      messages.push_back(std::move(message));
    }
  return messages;
}

Alert ChampionMoved(const AlertRules& rules, const std::string& pipeline, const std::string& tenant, const std::string& model, std::int64_t from, std::int64_t to, const std::string& by,
                    const std::string& run, std::int64_t now_us) {
  Alert alert;
  alert.event = AlertEvent::kChampionMoved;
  alert.id = StrCat("champion.", model, tenant.empty() ? "" : ".", tenant, ".", to, ".", now_us);
  alert.at_us = now_us;
  alert.project = rules.project;
  alert.environment = rules.environment;
  alert.owner = rules.owner;
  alert.runbook = rules.runbook;
  alert.pipeline = pipeline;
  alert.tenant = tenant;
  alert.run = run;
  alert.message = StrCat("version ", to, " of `", model, "` is the champion now", from > 0 ? StrCat("; before it was version ", from) : std::string("; it had none before"), by.empty() ? "" : ", by ", by);
  alert.look = {StrCat("headrace models show ", model, " ", to, tenant.empty() ? "" : " --tenant ", tenant)};
  alert.alike = StrCat("champion of ", model, " moved");
  return alert;
}

}  // namespace headrace

#include "headrace/notify/body.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "headrace/base/digest.h"
#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/http/webhook_signature.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;
constexpr std::size_t kShownClients = 20;

std::string Dump(const Json& json) { return DumpJson(json); }

/// At most so many bytes, never half a character.
std::string Cut(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  text.resize(bytes);
  return text;
}

std::string_view Verb(AlertEvent event) {
  switch (event) {
    case AlertEvent::kFailed: return "failed";
    case AlertEvent::kRecovered: return "has recovered";
    case AlertEvent::kLate: return "is late";
    case AlertEvent::kCheckWarned: return "has a warning";
    case AlertEvent::kGateRefused: return "has a new model that a gate refused";
    case AlertEvent::kChampionMoved: return "has a new champion";
  }
  return "";
}

std::string Rfc3339(std::int64_t micros) { return StrCat(ReplaceAll(FormatTimestamp(micros), " ", "T"), "Z"); }

void Line(std::string& out, std::string_view name, std::string_view text) {
  if (!text.empty()) out += StrCat(name, ": ", ReplaceAll(text, "\n", "\n  "), "\n");
}

/// What one client's alert says.
std::string Section(const Alert& alert) {
  std::string out;
  Line(out, "client", alert.tenant);
  Line(out, "run", alert.run);
  Line(out, "interval", alert.interval);
  Line(out, "step", alert.step);
  Line(out, "what", alert.message);
  Line(out, "help", alert.help);
  Line(out, "since", alert.since);
  Line(out, "held back", Join(alert.held_back, ", "));
  for (const std::string& command : alert.look) Line(out, "look", command);
  return out;
}

Json ClientJson(const Alert& alert) {
  return {{"tenant", alert.tenant}, {"run", alert.run}, {"interval", alert.interval}, {"step", alert.step}, {"at", Rfc3339(alert.at_us)}, {"message", alert.message}, {"help", alert.help},
          {"since", alert.since}, {"held_back", alert.held_back}, {"look", alert.look}};
}

bool Recovered(std::span<const Alert> alerts) { return alerts.front().event == AlertEvent::kRecovered; }

/// A header's text, as RFC 2047 has it when it is not plain ASCII.
std::string HeaderText(const std::string& text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 127; })) return Cut(text, 200);
  return StrCat("=?UTF-8?B?", Base64(Cut(text, 45)), "?=");
}

/// RFC 5322's date, in UTC.
std::string MailDate(std::int64_t micros) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::string text = FormatTimestamp(micros);          // "2026-11-22 06:00:00"
  std::int64_t month = 1;
  ParseInt(text.substr(5, 2), &month);
  return StrCat(text.substr(8, 2), " ", kMonths[static_cast<std::size_t>(month - 1)], " ", text.substr(0, 4), " ", text.substr(11, 8), " +0000");
}
}  // namespace

std::string Headline(std::span<const Alert> alerts) {
  const Alert& first = alerts.front();
  std::vector<std::string> clients;
  for (const Alert& alert : alerts) clients.push_back(alert.tenant);
  std::string who;
  if (clients.size() == 1) who = first.tenant.empty() ? "" : StrCat(" for ", first.tenant);
  else {
    const std::size_t count = clients.size();
    clients.resize(std::min(count, kShownClients));
    std::erase(clients, "");
    who = StrCat(" for ", count, clients.empty() ? " runs" : StrCat(" clients: ", Join(clients, ", "), count > kShownClients ? ", ..." : ""));
  }
  return StrCat(first.pipeline.empty() ? first.project : first.pipeline, " ", Verb(first.event), who);
}

std::string PlainText(std::span<const Alert> alerts) {
  const Alert& first = alerts.front();
  std::string out = StrCat(Headline(alerts), "\n\n");
  Line(out, "project", StrCat(first.project, first.environment.empty() ? "" : StrCat(" (", first.environment, ")")));
  Line(out, "pipeline", first.pipeline);
  Line(out, "owner", first.owner);
  Line(out, "runbook", first.runbook);
  for (std::size_t i = 0; i < std::min(alerts.size(), kShownClients); ++i) {
    if (alerts.size() > 1) out += "\n";
    out += Section(alerts[i]);
  }
  if (alerts.size() > kShownClients) out += StrCat("\nand ", alerts.size() - kShownClients, " more\n");
  return out;
}

std::string CloudEvent(const std::string& id, std::span<const Alert> alerts) {
  const Alert& first = alerts.front();
  Json clients = Json::array();
  for (const Alert& alert : alerts) clients.push_back(ClientJson(alert));
  const Json data = {{"event", AlertEventName(first.event)}, {"title", Headline(alerts)}, {"project", first.project}, {"environment", first.environment}, {"pipeline", first.pipeline},
                     {"owner", first.owner}, {"runbook", first.runbook}, {"alerts", clients}};
  return Dump({{"specversion", "1.0"}, {"id", id}, {"source", StrCat("/headrace/", first.project)}, {"type", StrCat("headrace.", AlertEventName(first.event))},
               {"time", Rfc3339(first.at_us)}, {"subject", alerts.size() == 1 ? first.Subject() : first.pipeline}, {"datacontenttype", "application/json"}, {"data", data}});
}

std::string SlackBody(std::span<const Alert> alerts) {
  std::string text = ReplaceAll(ReplaceAll(ReplaceAll(PlainText(alerts), "&", "&amp;"), "<", "&lt;"), ">", "&gt;");
  return Dump({{"text", Cut(std::move(text), 30'000)}});
}

std::string TeamsBody(std::span<const Alert> alerts) {
  Json body = Json::array();
  body.push_back({{"type", "TextBlock"}, {"text", Headline(alerts)}, {"weight", "Bolder"}, {"wrap", true}});
  const std::string text = PlainText(alerts);
  body.push_back({{"type", "TextBlock"}, {"text", Cut(ReplaceAll(text.substr(text.find("\n\n") + 2), "\n", "\n\n"), 20'000)}, {"wrap", true}});
  const Json card = {{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"}, {"type", "AdaptiveCard"}, {"version", "1.4"}, {"body", body}};
  return Dump({{"type", "message"}, {"attachments", Json::array({{{"contentType", "application/vnd.microsoft.card.adaptive"}, {"content", card}}})}});
}

std::string IncidentKey(const Alert& alert) {
  return StrCat("headrace-", Sha256Hex(StrCat(alert.project, "\n", alert.environment, "\n", alert.pipeline, "\n", alert.tenant)).substr(0, 32));
}

std::string PagerDutyBody(const std::string& routing_key, std::span<const Alert> alerts) {
  const Alert& first = alerts.front();
  const bool quiet = first.event == AlertEvent::kCheckWarned || first.event == AlertEvent::kChampionMoved;
  Json event = {{"routing_key", routing_key}, {"event_action", Recovered(alerts) ? "resolve" : "trigger"}, {"dedup_key", IncidentKey(first)}};
  if (!Recovered(alerts))
    event["payload"] = {{"summary", Cut(StrCat(Headline(alerts), first.message.empty() ? "" : ": ", first.message), 1024)}, {"source", StrCat("headrace/", first.project)},
                        {"severity", quiet ? "info" : first.event == AlertEvent::kFailed ? "error" : "warning"}, {"timestamp", Rfc3339(first.at_us)}, {"component", first.pipeline},
                        {"group", first.tenant}, {"class", AlertEventName(first.event)}, {"custom_details", ClientJson(first)}};
  return Dump(event);
}

std::string OpsgenieBody(std::span<const Alert> alerts) {
  const Alert& first = alerts.front();
  if (Recovered(alerts)) return Dump({{"source", "headrace"}, {"note", Headline(alerts)}});
  return Dump({{"message", Cut(Headline(alerts), 130)}, {"alias", IncidentKey(first)}, {"description", Cut(PlainText(alerts), 15'000)}, {"source", "headrace"},
               {"entity", first.Subject()}, {"priority", first.event == AlertEvent::kFailed ? "P2" : "P4"}, {"tags", Json::array({AlertEventName(first.event)})},
               {"details", {{"run", first.run}, {"pipeline", first.pipeline}, {"tenant", first.tenant}}}});
}

std::string MailText(const std::string& id, const AlertDestination& destination, std::span<const Alert> alerts) {
  std::string out;
  const auto header = [&](std::string_view name, std::string_view value) { out += StrCat(name, ": ", value, "\r\n"); };
  header("Date", MailDate(alerts.front().at_us));
  header("From", StrCat("<", destination.from, ">"));
  std::vector<std::string> to;
  for (const std::string& address : destination.to) to.push_back(StrCat("<", address, ">"));
  header("To", Join(to, ",\r\n "));
  header("Subject", HeaderText(StrCat("[headrace] ", Headline(alerts))));
  header("Message-ID", StrCat("<", Sha256Hex(id).substr(0, 32), "@headrace>"));
  header("Auto-Submitted", "auto-generated");
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", "base64");
  out += "\r\n";
  const std::string body = Base64(ReplaceAll(PlainText(alerts), "\n", "\r\n"));
  for (std::size_t i = 0; i < body.size(); i += 76) out += StrCat(body.substr(i, 76), "\r\n");
  return out;
}

}  // namespace headrace

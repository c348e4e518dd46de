// `alerts:` of headrace.yaml.
#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/pipeline/project_parts.h"

namespace headrace {

namespace {
using Way = AlertDestination::Way;
constexpr std::array<std::string_view, 8> kWays = {"webhook", "slack", "teams", "pagerduty", "opsgenie", "email", "command", "file"};

class AlertDecoder {
 public:
  AlertDecoder(const Node::Entry& entry, const Environment& environment, Diagnostics& diagnostics) : node_(entry.value), environment_(environment), diagnostics_(diagnostics) { out_.name = entry.key; }

  std::optional<AlertDestination> Decode() {
    for (std::size_t i = 0; i < kWays.size(); ++i)
      if (const Node* how = node_.Find(kWays[i])) {
        out_.way = static_cast<Way>(i);
        DecodeWay(*how);
      }
    if (const Node* when = node_.Find("when")) DecodeWhen(*when);
    out_.environments = TextsOf(node_.Find("environments"));
    out_.group_us = DurationOf(node_.Find("group"), out_.group_us);
    const bool here = out_.environments.empty() || std::find(out_.environments.begin(), out_.environments.end(), environment_.name) != out_.environments.end();
    return here ? std::optional(std::move(out_)) : std::nullopt;
  }

 private:
  void Wrong(const Node& node, std::string message, std::string help) { diagnostics_.AddError(DiagnosticCode::kBadValue, node.place, std::move(message)).Help(std::move(help)); }

  void DecodeWhen(const Node& node) {
    out_.when.clear();
    for (const std::string& name : TextsOf(&node)) out_.when.push_back(static_cast<AlertEvent>(std::find(kAlertEvents.begin(), kAlertEvents.end(), name) - kAlertEvents.begin()));
  }

  void DecodeWay(const Node& how) {
    if (out_.way == Way::kFile) {
      out_.file = TextOf(&how);
      return;
    }
    if (out_.way == Way::kCommand) {
      out_.argv = TextsOf(&how);
      return;
    }
    out_.allow_private = BoolOf(how.Find("allow_private"), false);
    const Node* url = how.Find("url");
    out_.url = TextOrSecretOf(url);
    if (out_.way == Way::kPagerDuty && url == nullptr) out_.url.text = "https://events.pagerduty.com/v2/enqueue";
    if (out_.way == Way::kOpsgenie && url == nullptr) out_.url.text = "https://api.opsgenie.com/v2/alerts";
    if (const Node* key = how.Find("key")) out_.key = TextOrSecretOf(key);
    if (const Node* secrets = how.Find("secrets"))
      for (const Node& secret : secrets->items) out_.secrets.push_back(TextOrSecretOf(&secret));
    if (out_.way == Way::kEmail) DecodeEmail(how);
    else if (url != nullptr) CheckScheme(*url, {"https://", "http://"});
  }

  void DecodeEmail(const Node& how) {
    CheckScheme(*how.Find("url"), {"smtps://", "smtp://"});
    out_.user = TextOf(how.Find("user"));
    out_.key = TextOrSecretOf(how.Find("password"));
    out_.from = TextOf(how.Find("from"));
    out_.to = TextsOf(how.Find("to"));
    out_.starttls = TextOf(how.Find("starttls")) != "off";
    for (const char* field : {"from", "to"})
      for (const std::string& address : TextsOf(how.Find(field)))
        if (address.find('@') == std::string::npos || std::any_of(address.begin(), address.end(), [](char c) { return c <= ' ' || c > 126 || std::string_view("<>,\"").find(c) != std::string_view::npos; }))
          Wrong(*how.Find(field), StrCat("`", address, "` is no mail address"), "write name@example.com, without a name in front");
    if (!out_.starttls && !out_.key.empty())
      Wrong(*how.Find("starttls"), "`starttls: off` would send the password in the open", "leave it out, or use an smtps:// address");
  }

  void CheckScheme(const Node& url, std::initializer_list<std::string_view> schemes) {
    if (!url.is_scalar() || url.pending) return;
    if (std::none_of(schemes.begin(), schemes.end(), [&](std::string_view scheme) { return url.text.starts_with(scheme); }))
      Wrong(url, StrCat("the `url` of `", kWays[static_cast<std::size_t>(out_.way)], "` begins with ", *schemes.begin(), ", got `", url.text.substr(0, url.text.find(':')), "`"), "");
  }

  const Node& node_;
  const Environment& environment_;
  Diagnostics& diagnostics_;
  AlertDestination out_;
};
}  // namespace

std::string_view AlertWayName(AlertDestination::Way way) { return kWays[static_cast<std::size_t>(way)]; }

std::vector<AlertDestination> DecodeAlerts(const Node& node, const Environment& environment, Diagnostics& diagnostics) {
  std::vector<AlertDestination> all;
  for (const Node::Entry& entry : node.entries)
    if (std::optional<AlertDestination> destination = AlertDecoder(entry, environment, diagnostics).Decode()) all.push_back(*std::move(destination));
  return all;
}

}  // namespace headrace

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/secret.h"

namespace headrace {

/// What people may be told of. The names stand under `when:` and in messages.
enum class AlertEvent : std::uint8_t { kFailed, kRecovered, kLate, kCheckWarned, kGateRefused, kChampionMoved };
inline constexpr std::array<std::string_view, 6> kAlertEvents = {"failed", "recovered", "late", "check_warned", "gate_refused", "champion_moved"};
constexpr std::string_view AlertEventName(AlertEvent event) { return kAlertEvents[static_cast<std::size_t>(event)]; }

/// One entry of `alerts:`: whom to tell, of what, and how.
struct AlertDestination {
  enum class Way : std::uint8_t { kWebhook, kSlack, kTeams, kPagerDuty, kOpsgenie, kEmail, kCommand, kFile };
  std::string name;
  Way way = Way::kFile;
  std::vector<AlertEvent> when = {AlertEvent::kFailed, AlertEvent::kRecovered, AlertEvent::kLate};
  std::vector<std::string> environments;         ///< empty = all
  std::int64_t group_us = 30'000'000;            ///< how long a server waits for others like it
  bool allow_private = false;

  TextOrSecret url;                              ///< of a web service, or of a mail server
  std::vector<TextOrSecret> secrets;             ///< kWebhook: keys to sign with; several while they are being changed
  TextOrSecret key;                              ///< kPagerDuty: routing key; kOpsgenie: API key; kEmail: password
  std::string user, from;                        ///< kEmail
  std::vector<std::string> to;                   ///< kEmail
  bool starttls = true;                          ///< kEmail
  std::vector<std::string> argv;                 ///< kCommand
  std::string file;                              ///< kFile, relative to the project's root

  bool Wants(AlertEvent event) const {
    for (const AlertEvent wanted : when)
      if (wanted == event) return true;
    return false;
  }
};
std::string_view AlertWayName(AlertDestination::Way way);   ///< "webhook", ...

}  // namespace headrace

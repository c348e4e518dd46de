#pragma once

#include <span>
#include <string>

#include "headrace/notify/alert.h"

namespace headrace {

// How one message about one or several alerts of the same kind looks. REQUIRE: `alerts` is not empty, all of one event and pipeline.

std::string Headline(std::span<const Alert> alerts);         ///< one line: "score failed for 3 clients: acme, beta, corp"
std::string PlainText(std::span<const Alert> alerts);        ///< all of it, for people

/// A CloudEvents 1.0 event in JSON; `data.alerts` has an object for each.
std::string CloudEvent(const std::string& id, std::span<const Alert> alerts);
std::string SlackBody(std::span<const Alert> alerts);
std::string TeamsBody(std::span<const Alert> alerts);        ///< an Adaptive Card
/// Events API v2: `trigger`, or `resolve` when it has recovered.
std::string PagerDutyBody(const std::string& routing_key, std::span<const Alert> alerts);
std::string OpsgenieBody(std::span<const Alert> alerts);
std::string IncidentKey(const Alert& alert);                 ///< the same for all that happens to one pipeline and client
/// A mail with its headers, lines ended by CR LF.
std::string MailText(const std::string& id, const AlertDestination& destination, std::span<const Alert> alerts);

}  // namespace headrace

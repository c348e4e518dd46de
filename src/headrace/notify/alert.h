#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/pipeline/alert_spec.h"
#include "headrace/store/outbox_message.h"

namespace headrace {

/// One thing that happened, as people are told of it. Never holds rows of data, nor a secret.
struct Alert {
  AlertEvent event = AlertEvent::kFailed;
  std::string id;                        ///< of what happened: made once, whoever tells of it and how often
  std::int64_t at_us = 0;
  std::string project, environment, pipeline, tenant, run;
  std::string interval;                  ///< "2026-01-05 00:00:00 to 2026-01-12 00:00:00"; "" = none
  std::string owner, runbook;            ///< as the pipeline's file says
  std::string step;                      ///< where it happened; "" = of the whole run
  std::string message, help;             ///< what was expected, what came; what to do
  std::string since;                     ///< "since 2026-01-05 06:00:00 UTC, 3 runs in a row"
  std::vector<std::string> held_back;    ///< deliveries that did not happen
  std::vector<std::string> look;         ///< commands that show more
  std::string alike;                     ///< what several clients have in common when they broke alike

  std::string ToJson() const;
  /// Read what ToJson wrote; kInvalid for anything else.
  static Result<Alert> FromJson(std::string_view json);

  std::string Subject() const;           ///< "score/acme"; without a tenant "score"
};

/// Whom a project tells, and what stands in every message of a pipeline.
struct AlertRules {
  std::string project, environment, owner, runbook;
  std::vector<AlertDestination> destinations;

  bool Wants(AlertEvent event) const;
};

/// A message for each destination that wants to hear of each of `alerts`. A destination that asks for `gate_refused` is not told of the same run as `failed`.
std::vector<OutboxMessage> MessagesFor(const AlertRules& rules, std::span<const Alert> alerts);

/// An alias moved: by a run, or by a person (`run` is "").
Alert ChampionMoved(const AlertRules& rules, const std::string& pipeline, const std::string& tenant, const std::string& model, std::int64_t from, std::int64_t to, const std::string& by,
                    const std::string& run, std::int64_t now_us);

}  // namespace headrace

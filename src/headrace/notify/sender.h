#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "headrace/base/clock.h"
#include "headrace/base/process.h"
#include "headrace/base/secret.h"
#include "headrace/http/transport.h"
#include "headrace/notify/alert.h"

namespace headrace {

/// How an attempt to tell somebody ended.
struct SendResult {
  enum class End : std::uint8_t { kSent, kFailed, kGone } end = End::kSent;   ///< kGone: 410, nobody is there any more
  std::string error;
  std::optional<std::int64_t> pause_us;      ///< the destination asked to be left alone so long
};

/// Tells one destination. An interface, so that the courier is tested without any.
///
/// Threads: any number may call.
class AlertSender {
 public:
  virtual ~AlertSender() = default;
  /// One attempt. `id` is the message's: the same at each attempt.
  virtual SendResult Send(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts, const std::function<bool()>& cancelled) = 0;
  /// Names what the destination is now, secrets included, without telling them: it changes when an edit or another secret changes it.
  virtual std::string DefinitionOf(const AlertDestination& destination) = 0;
};

/// The real one.
class RealAlertSender final : public AlertSender {
 public:
  struct Tools {
    std::string root;                        ///< the project's folder: `file` stands under it, `command` runs in it
    VariableLookup variables;
    Transport& transport;
    ProcessRunner& processes;
    Clock& clock;
  };
  explicit RealAlertSender(Tools tools) : tools_(std::move(tools)) {}
  SendResult Send(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts, const std::function<bool()>& cancelled) override;
  std::string DefinitionOf(const AlertDestination& destination) override;

 private:
  SendResult Post(const AlertDestination& destination, std::string url, std::string body, std::vector<std::pair<std::string, std::string>> headers, const std::function<bool()>& cancelled);
  Result<SendResult> Webhook(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts, const std::function<bool()>& cancelled);
  Result<SendResult> Shaped(const AlertDestination& destination, std::span<const Alert> alerts, const std::function<bool()>& cancelled);
  Result<SendResult> Mail(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts, const std::function<bool()>& cancelled);
  Result<SendResult> RunCommand(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts);
  Result<SendResult> Append(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts);

  Tools tools_;
};

}  // namespace headrace

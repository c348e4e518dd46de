#include "headrace/notify/sender.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "headrace/base/digest.h"
#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/http/retry.h"
#include "headrace/http/webhook_signature.h"
#include "headrace/notify/body.h"

namespace headrace {

namespace {
using Way = AlertDestination::Way;
constexpr std::int64_t kTimeoutMicros = 15'000'000;

std::string Shown(const TextOrSecret& url) { return url.secret.empty() ? ShownUrl(url.text) : StrCat("secret ", url.secret); }

SendResult Failed(std::string error) { return {SendResult::End::kFailed, std::move(error), {}}; }
}  // namespace

SendResult RealAlertSender::Send(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts, const std::function<bool()>& cancelled) {
  const Result<SendResult> result = [&]() -> Result<SendResult> {
    switch (destination.way) {
      case Way::kWebhook: return Webhook(destination, id, alerts, cancelled);
      case Way::kEmail: return Mail(destination, id, alerts, cancelled);
      case Way::kCommand: return RunCommand(destination, id, alerts);
      case Way::kFile: return Append(destination, id, alerts);
      default: return Shaped(destination, alerts, cancelled);
    }
  }();
  return result.ok() ? *result : Failed(result.status().message());
}

std::string RealAlertSender::DefinitionOf(const AlertDestination& destination) {
  std::string text(AlertWayName(destination.way));
  std::vector<TextOrSecret> values = {destination.url, destination.key};
  values.insert(values.end(), destination.secrets.begin(), destination.secrets.end());
  for (const TextOrSecret& value : values) {
    const Result<Secret> loaded = Load(value, tools_.variables);
    text += StrCat("\n", value.secret, "\n", loaded.ok() ? loaded->Reveal() : "");
  }
  return Sha256Hex(text);
}

SendResult RealAlertSender::Post(const AlertDestination& destination, std::string url, std::string body, std::vector<std::pair<std::string, std::string>> headers, const std::function<bool()>& cancelled) {
  HttpRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.shown = Shown(destination.url);
  request.headers = std::move(headers);
  request.body = std::move(body);
  request.timeout_us = kTimeoutMicros;
  request.max_bytes = 1 << 20;
  request.allow_private = destination.allow_private;
  const Result<HttpResponse> answer = tools_.transport.Send(request, cancelled);
  if (!answer.ok()) return Failed(answer.status().message());
  if (answer->status >= 200 && answer->status < 300) return {};
  SendResult result = Failed(StrCat(request.shown, " answered ", answer->status));
  if (answer->status == 410) result.end = SendResult::End::kGone;
  result.pause_us = RetryAfterMicros(answer->Header("retry-after"), tools_.clock.NowMicros());
  return result;
}

Result<SendResult> RealAlertSender::Webhook(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts, const std::function<bool()>& cancelled) {
  ASSIGN_OR_RETURN(const Secret url, Load(destination.url, tools_.variables));
  std::string body = CloudEvent(id, alerts);
  const std::int64_t seconds = tools_.clock.NowMicros() / 1'000'000;
  std::vector<std::string> signatures;
  for (const TextOrSecret& named : destination.secrets) {
    ASSIGN_OR_RETURN(const Secret secret, Load(named, tools_.variables));
    ASSIGN_OR_RETURN(std::string signature, WebhookSignature(secret.Reveal(), id, seconds, body));
    signatures.push_back(std::move(signature));
  }
  std::vector<std::pair<std::string, std::string>> headers = {{"Content-Type", "application/cloudevents+json"}, {"webhook-id", id}, {"webhook-timestamp", StrCat(seconds)}};
  if (!signatures.empty()) headers.emplace_back("webhook-signature", Join(signatures, " "));
  return Post(destination, url.Reveal(), std::move(body), std::move(headers), cancelled);
}

Result<SendResult> RealAlertSender::Shaped(const AlertDestination& destination, std::span<const Alert> alerts, const std::function<bool()>& cancelled) {
  ASSIGN_OR_RETURN(const Secret url, Load(destination.url, tools_.variables));
  ASSIGN_OR_RETURN(const Secret key, Load(destination.key, tools_.variables));
  std::vector<std::pair<std::string, std::string>> headers = {{"Content-Type", "application/json"}};
  std::string to = url.Reveal(), body;
  if (destination.way == Way::kSlack) body = SlackBody(alerts);
  if (destination.way == Way::kTeams) body = TeamsBody(alerts);
  if (destination.way == Way::kPagerDuty) body = PagerDutyBody(key.Reveal(), alerts);
  if (destination.way == Way::kOpsgenie) {
    body = OpsgenieBody(alerts);
    headers.emplace_back("Authorization", StrCat("GenieKey ", key.Reveal()));
    if (alerts.front().event == AlertEvent::kRecovered) to += StrCat("/", IncidentKey(alerts.front()), "/close?identifierType=alias");
  }
  return Post(destination, std::move(to), std::move(body), std::move(headers), cancelled);
}

Result<SendResult> RealAlertSender::Mail(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts, const std::function<bool()>& cancelled) {
  ASSIGN_OR_RETURN(const Secret url, Load(destination.url, tools_.variables));
  ASSIGN_OR_RETURN(const Secret password, Load(destination.key, tools_.variables));
  MailRequest mail;
  mail.url = url.Reveal();
  mail.shown = Shown(destination.url);
  mail.user = destination.user;
  mail.password = password.Reveal();
  mail.from = destination.from;
  mail.to = destination.to;
  mail.text = MailText(id, destination, alerts);
  mail.starttls = destination.starttls;
  mail.timeout_us = kTimeoutMicros;
  mail.allow_private = destination.allow_private;
  RETURN_IF_ERROR(tools_.transport.SendMail(mail, cancelled));
  return SendResult{};
}

/// In the project's folder, with an environment of little more than the message: PATH and HOME of this process and HEADRACE_ALERT, a file.
Result<SendResult> RealAlertSender::RunCommand(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts) {
  const std::string path = JoinPath(tools_.root, StrCat(".headrace/tmp/", ::getpid(), "-alert-", Sha256Hex(id).substr(0, 16), ".json"));
  RETURN_IF_ERROR(WriteFileAtomically(path, CloudEvent(id, alerts)));
  std::vector<std::string> argv = {"/usr/bin/timeout", "-k", "5", "30", "/usr/bin/env", "-i", "-C", tools_.root, StrCat("HEADRACE_ALERT=", path)};
  for (const char* name : {"PATH", "HOME"})
    if (const std::optional<std::string> value = tools_.variables(name)) argv.push_back(StrCat(name, "=", *value));
  argv.insert(argv.end(), destination.argv.begin(), destination.argv.end());
  const Result<ProcessExit> exit = tools_.processes.Run(argv, nullptr);
  static_cast<void>(RemoveFile(path).ok());
  if (!exit.ok()) return exit.status();
  if (exit->code == 124) return Failed(StrCat("`", destination.argv.front(), "` did not end within 30 s"));
  return exit->code == 0 ? SendResult{} : Failed(StrCat("`", destination.argv.front(), "` ended with exit code ", exit->code));
}

/// One write, so that lines of several processes do not mix.
Result<SendResult> RealAlertSender::Append(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts) {
  const std::string path = JoinPath(tools_.root, destination.file);
  RETURN_IF_ERROR(MakeDirectories(ParentPath(path)));
  const std::string line = CloudEvent(id, alerts) + "\n";
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return Failed(StrCat("cannot open ", destination.file, ": ", std::strerror(errno)));
  const bool written = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(file) == 0;
  const int error = errno;
  ::close(file);
  return written ? SendResult{} : Failed(StrCat("cannot write ", destination.file, ": ", std::strerror(error)));
}

}  // namespace headrace

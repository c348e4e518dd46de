#include "headrace/cli/supervision.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>

#include "headrace/cli/run_json.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
constexpr std::int64_t kLookMicros = 1'000'000, kShortestMicros = 5'000;

std::atomic<bool> g_stopped = false;
std::atomic<int> g_wake = -1;

extern "C" void OnSignal(int signal) {
  const int error = errno;
  if (signal != SIGCHLD && g_stopped.exchange(true)) ::_exit(ExitCode(ErrorCode::kInterrupted));   // asked twice
  static_cast<void>(::write(g_wake, "x", 1) + 0);
  errno = error;
}

std::string_view NameOf(ServerEvent::Kind kind) {
  switch (kind) {
    case ServerEvent::Kind::kActs: return "acts";
    case ServerEvent::Kind::kWaits: return "waits";
    case ServerEvent::Kind::kTookOver: return "took over";
    case ServerEvent::Kind::kLost: return "stepped down";
    case ServerEvent::Kind::kTick: return "tick";
    case ServerEvent::Kind::kPassedOver: return "left out";
    case ServerEvent::Kind::kStarted: return "started";
    case ServerEvent::Kind::kResumed: return "resumed";
    case ServerEvent::Kind::kAdopted: return "adopted";
    case ServerEvent::Kind::kEnded: return "ended";
    case ServerEvent::Kind::kWaitsForApproval: return "waiting";
    case ServerEvent::Kind::kSkipped: return "skipped";
    case ServerEvent::Kind::kCancelled: return "cancelled";
    case ServerEvent::Kind::kDelayed: return "delayed";
    case ServerEvent::Kind::kGaveUp: return "gave up";
    case ServerEvent::Kind::kLate: return "late";
  }
  return "";
}

std::string Minute(std::int64_t micros) { return FormatTimestamp(micros).substr(0, 16); }
}  // namespace

SignalWait::SignalWait() {
  if (::pipe2(pipe_.data(), O_CLOEXEC | O_NONBLOCK) != 0) return;   // then waits last their whole time
  g_wake = pipe_[1];
  struct sigaction action{};
  action.sa_handler = &OnSignal;
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
}

bool SignalWait::stopped() const { return g_stopped; }

void SignalWait::Wait(std::int64_t micros) const {
  pollfd file = {pipe_[0], POLLIN, 0};
  if (::poll(&file, 1, static_cast<int>((micros + 999) / 1000)) <= 0) return;
  std::array<char, 256> drained;
  while (::read(pipe_[0], drained.data(), drained.size()) > 0) {}
}

std::string EventText(const ServerEvent& event) {
  const RunRequest& request = event.request;
  std::string text(NameOf(event.kind));
  text.resize(std::max<std::size_t>(text.size(), 9), ' ');
  if (request.pipeline.empty()) return event.text.empty() ? text : StrCat(text, "  ", RunLauncher::Describe(event.text));
  text += StrCat("  ", request.pipeline, request.tenant.empty() ? "" : "/", request.tenant);
  if (request.interval_end_us != request.interval_start_us) text += StrCat("  ", Minute(request.interval_start_us), " to ", Minute(request.interval_end_us));
  if (!request.origin.empty() && request.origin != "schedule") text += StrCat("  ", request.origin);
  if (!request.run.empty()) text += StrCat("  run ", request.run);
  if (event.kind == ServerEvent::Kind::kEnded) text += StrCat("  ", StateName(request.state), ", exit code ", event.exit_code, ", ", FormatSeconds(event.seconds));
  if (event.kind == ServerEvent::Kind::kLate) text += StrCat("  should have ended by ", Minute(request.finish_by_us));
  if (!event.text.empty() && (event.kind != ServerEvent::Kind::kEnded || event.exit_code != 0)) text += StrCat("  ", ReplaceAll(event.text, "\n", " "));
  return text;
}

std::string EventJson(const ServerEvent& event, std::int64_t now_us) {
  const RunRequest& request = event.request;
  nlohmann::ordered_json json = {{"at", FormatTimestamp(now_us)}, {"event", NameOf(event.kind)}};
  if (!request.pipeline.empty()) json.update({{"pipeline", request.pipeline}, {"tenant", request.tenant}});
  if (!request.id.empty())
    json.update({{"request", request.id}, {"origin", request.origin}, {"interval", IntervalJson(request.interval_start_us, request.interval_end_us)},
                 {"run", request.run}, {"state", StateName(request.state)}, {"attempt", request.attempt}});
  if (event.kind == ServerEvent::Kind::kEnded) json.update({{"exit_code", event.exit_code}, {"seconds", event.seconds}});
  json["text"] = request.pipeline.empty() ? RunLauncher::Describe(event.text) : event.text;
  return DumpJson(json);
}

void Supervise(Supervisor& supervisor, RunLauncher& launcher, const SignalWait& signals, Clock& clock, double speed, const std::function<bool(bool acting)>& each,
               const std::function<void(const Status&)>& problem) {
  std::string said;
  bool acting = false;
  while (!signals.stopped() && each(acting)) {
    const Result<Supervisor::Turned> turned = supervisor.Turn();
    launcher.ReapForgotten();
    acting = turned.ok() && turned->acting;
    if (!turned.ok() && turned.status().message() != said) problem(turned.status());
    said = turned.ok() ? "" : turned.status().message();
    std::int64_t wait_us = kLookMicros;
    if (acting && turned->next_us) wait_us = static_cast<std::int64_t>(static_cast<double>(std::min<std::int64_t>(*turned->next_us - clock.NowMicros(), std::int64_t{1} << 50)) / speed);
    signals.Wait(std::clamp(wait_us, kShortestMicros, kLookMicros));
  }
}

}  // namespace headrace

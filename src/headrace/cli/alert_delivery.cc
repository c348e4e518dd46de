#include "headrace/cli/alert_delivery.h"

#include <chrono>

#include "headrace/base/process.h"
#include "headrace/cli/interrupt.h"
#include "headrace/run/run_alerts.h"

namespace headrace {

namespace {
constexpr std::int64_t kAfterRunMicros = 20'000'000;
constexpr std::chrono::seconds kLook(1);
}  // namespace

AlertRules AlertRulesOf(const Project& project, const std::string& pipeline) {
  return {project.name(), project.environment().name, project.OwnerOf(pipeline), project.RunbookOf(pipeline), project.alerts()};
}

RealAlertSender SenderOf(const Project& project) {
  return RealAlertSender({project.root(), ProcessVariables(), CurlTransport(), SystemProcesses(), SystemClock()});
}

void DeliverAlerts(Store& store, const Project& project, const GlobalFlags& global) {
  if (project.alerts().empty()) return;
  RealAlertSender sender = SenderOf(project);
  Courier courier(Outbox(store, SystemClock()), project.alerts(), sender, SystemClock(), SystemRandom());
  const std::int64_t end = SystemClock().MonotonicMicros() + kAfterRunMicros;
  const std::atomic<bool>& interrupt = WatchInterrupts();
  const Result<Courier::Report> report = courier.Deliver(false, [&] { return interrupt || SystemClock().MonotonicMicros() > end; });
  if (global.quiet) return;
  if (!report.ok()) PrintErr(StrCat("warning: ", report.status().message(), "\n"));
  else
    for (const std::string& problem : report->problems) PrintErr(StrCat("warning: ", problem, "\n"));
}

BackgroundCourier::BackgroundCourier(Store& store, std::function<void(const std::string&)> problem) : store_(store), problem_(std::move(problem)), thread_([this] { Work(); }) {}

BackgroundCourier::~BackgroundCourier() {
  stop_ = true;
  wake_.notify_all();
  thread_.join();
}

void BackgroundCourier::Set(const Project& project) {
  const std::lock_guard lock(mutex_);
  destinations_ = project.alerts();
  rules_.clear();
  for (const std::string& pipeline : project.pipelines()) rules_[pipeline] = AlertRulesOf(project, pipeline);
  sender_.emplace(SenderOf(project));
}

void BackgroundCourier::Enter(const ServerEvent& event, std::int64_t now_us) {
  using Kind = ServerEvent::Kind;
  const RunRequest& request = event.request;
  const bool late = event.kind == Kind::kLate;
  const bool no_run = event.kind == Kind::kGaveUp || (event.kind == Kind::kEnded && request.state == RequestState::kFailed && request.run.empty());
  if (!late && !no_run) return;
  std::vector<OutboxMessage> messages;
  {
    const std::lock_guard lock(mutex_);
    const auto rules = rules_.find(request.pipeline);
    if (rules == rules_.end()) return;
    const std::string message = late ? StrCat("expected to end by ", FormatTimestamp(request.finish_by_us), " UTC; it ", request.run.empty() ? "has not begun" : "is still at work") : request.message;
    const Alert alert = AlertOfRequest(rules->second, late ? AlertEvent::kLate : AlertEvent::kFailed, request, message, now_us);
    messages = MessagesFor(rules->second, {&alert, 1});
  }
  if (const Status entered = Outbox(store_, SystemClock()).Enter(messages); !entered.ok()) problem_(entered.message());
}

void BackgroundCourier::Work() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait_for(lock, kLook, [&] { return stop_.load(); });
    if (stop_ || destinations_.empty()) continue;
    const std::vector<AlertDestination> destinations = destinations_;
    RealAlertSender sender = *sender_;
    lock.unlock();
    Courier courier(Outbox(store_, SystemClock()), destinations, sender, SystemClock(), SystemRandom());
    const Result<Courier::Report> report = courier.Deliver(true, [&] { return stop_.load(); });
    if (!report.ok()) problem_(report.status().message());
    else
      for (const std::string& problem : report->problems) problem_(problem);
    lock.lock();
  }
}

}  // namespace headrace

#include "headrace/run/runner.h"

#include <chrono>
#include <new>

#include "headrace/base/memory.h"

namespace headrace {

void CancelToken::Cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (const auto& act : acts_) act();
}

std::shared_ptr<void> CancelToken::OnCancel(std::function<void()> act) {
  const std::lock_guard lock(mutex_);
  if (cancelled_) act();
  const auto place = acts_.insert(acts_.end(), std::move(act));
  return std::shared_ptr<void>(nullptr, [this, place](void*) {
    const std::lock_guard again(mutex_);
    acts_.erase(place);
  });
}

ThreadRunner::~ThreadRunner() {
  for (auto& [name, work] : working_) work->token.Cancel();
  for (auto& [name, work] : working_) work->thread.join();
}

void ThreadRunner::Push(Event event) {
  const std::lock_guard lock(mutex_);
  // Of the progress of one step only the newest counts.
  if (event.kind == Event::Kind::kProgress)
    for (Event& waiting : events_)
      if (waiting.kind == Event::Kind::kProgress && waiting.step == event.step) {
        waiting = std::move(event);
        return;
      }
  events_.push_back(std::move(event));
  arrived_.notify_one();
}

void ThreadRunner::Start(StepContext context) {
  const std::string name = context.step->name;
  auto work = std::make_unique<Work>();
  CancelToken* token = &work->token;
  context.progress = [this, name](std::string_view doing, double fraction) {
    Push({Event::Kind::kProgress, name, std::string(doing), fraction, {}});
  };
  context.cancelled = [token] { return token->cancelled(); };
  context.on_cancel = [token](std::function<void()> act) { return token->OnCancel(std::move(act)); };
  work->thread = std::thread([this, name, context = std::move(context)] {
    Event event{Event::Kind::kFinished, name, "", 1, {}};
    try {
      event.outcome = RunStep(context);
    } catch (const std::bad_alloc&) {
      event.outcome.status = OutOfMemory();
    }
    Push(std::move(event));
  });
  working_[name] = std::move(work);
}

void ThreadRunner::Cancel(const std::string& step) {
  const auto work = working_.find(step);
  if (work != working_.end()) work->second->token.Cancel();
}

StepRunner::Event ThreadRunner::Wait(std::int64_t micros) {
  Event event;
  {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, std::chrono::microseconds(micros), [this] { return !events_.empty(); });
    if (events_.empty()) return {};
    event = std::move(events_.front());
    events_.erase(events_.begin());
  }
  if (event.kind == Event::Kind::kFinished) {
    working_.at(event.step)->thread.join();
    working_.erase(event.step);
  }
  return event;
}

}  // namespace headrace

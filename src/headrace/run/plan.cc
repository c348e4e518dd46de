#include "headrace/run/plan.h"

#include <algorithm>
#include <cassert>

namespace headrace {

namespace {
/// Steps in an order in which each comes after its upstream (Kahn); shorter than `nodes` when there is a cycle.
template <typename Nodes>
std::vector<std::size_t> InOrder(const Nodes& nodes) {
  std::vector<std::size_t> missing, order;
  for (const auto& node : nodes) missing.push_back(node.missing);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (missing[i] == 0) order.push_back(i);
  for (std::size_t at = 0; at < order.size(); ++at)
    for (const auto* nexts : {&nodes[order[at]].downstream, &nodes[order[at]].followers})
      for (const std::size_t next : *nexts)
        if (--missing[next] == 0) order.push_back(next);
  return order;
}
}  // namespace

Result<Plan> Plan::Make(const std::vector<Step>& steps) {
  Plan plan;
  plan.nodes_.reserve(steps.size());
  for (const Step& step : steps) {
    if (!plan.index_.emplace(step.name, plan.nodes_.size()).second) return Error(ErrorCode::kInvalid, "two steps are called `", step.name, "`");
    Node& node = plan.nodes_.emplace_back();
    node.name = step.name;
    node.last = step.last;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const auto* names : {&steps[i].upstream, &steps[i].after}) {
      for (const std::string& name : *names) {
        const auto found = plan.index_.find(name);
        if (found == plan.index_.end()) return Error(ErrorCode::kInvalid, "step `", steps[i].name, "` waits for `", name, "`, which no step defines");
        Node& before = plan.nodes_[found->second];
        (names == &steps[i].upstream ? before.downstream : before.followers).push_back(i);
        ++plan.nodes_[i].missing;
      }
    }
  }
  const std::vector<std::size_t> order = InOrder(plan.nodes_);
  if (order.size() < plan.nodes_.size()) return plan.CycleError(steps, order);
  for (auto i = order.rbegin(); i != order.rend(); ++i)
    for (const auto* nexts : {&plan.nodes_[*i].downstream, &plan.nodes_[*i].followers})
      for (const std::size_t next : *nexts) plan.nodes_[*i].path = std::max(plan.nodes_[*i].path, plan.nodes_[next].path + 1);
  plan.waiting_ = plan.nodes_.size();
  for (const Node& node : plan.nodes_) plan.before_last_ += node.last ? 0 : 1;
  for (std::size_t i = 0; i < plan.nodes_.size(); ++i)
    if (plan.nodes_[i].missing == 0 && !plan.nodes_[i].last) plan.ready_.push_back(i);
  std::make_heap(plan.ready_.begin(), plan.ready_.end(), Order{&plan.nodes_});
  if (plan.before_last_ == 0) plan.OpenLast();
  return plan;
}

/// Every step left waits for another one left: follow them until one comes twice.
Status Plan::CycleError(const std::vector<Step>& steps, const std::vector<std::size_t>& order) const {
  std::vector<bool> left(nodes_.size(), true);
  for (const std::size_t i : order) left[i] = false;
  std::size_t at = static_cast<std::size_t>(std::find(left.begin(), left.end(), true) - left.begin());
  std::vector<std::size_t> path;
  while (std::find(path.begin(), path.end(), at) == path.end()) {
    path.push_back(at);
    const Step& step = steps[at];
    for (const auto* names : {&step.upstream, &step.after})
      for (const std::string& name : *names)
        if (left[index_.find(name)->second]) at = index_.find(name)->second;
  }
  std::string loop = steps[at].name;
  for (auto step = path.rbegin(); step != path.rend(); ++step) {
    loop += StrCat(" -> ", steps[*step].name);
    if (*step == at) break;
  }
  return Error(ErrorCode::kInvalid, "the steps wait for each other: ", loop).WithHelp("take one of these edges away");
}

std::optional<std::string> Plan::NextReady() {
  if (ready_.empty()) return std::nullopt;
  std::pop_heap(ready_.begin(), ready_.end(), Order{&nodes_});
  Node& node = nodes_[ready_.back()];
  ready_.pop_back();
  node.state = Node::State::kGiven;
  --waiting_;
  ++running_;
  return node.name;
}

std::vector<std::string> Plan::Finished(std::string_view step, StepEnd end) {
  const auto found = index_.find(step);
  assert(found != index_.end() && nodes_[found->second].state == Node::State::kGiven);
  --running_;
  std::vector<std::string> skipped;
  Ended(found->second, end, skipped);
  return skipped;
}

void Plan::Park([[maybe_unused]] std::string_view step) {
  assert(nodes_[index_.find(step)->second].state == Node::State::kGiven);
  --running_;
  ++parked_;
}

/// What a step's end means for the others: some may start, some never will. A skipped step has ended too, for those that only come after it.
void Plan::Ended(std::size_t first, StepEnd how, std::vector<std::string>& skipped) {
  nodes_[first].state = Node::State::kEnded;
  std::vector<std::pair<std::size_t, StepEnd>> ended = {{first, how}};
  for (std::size_t at = 0; at < ended.size(); ++at) {
    const auto [i, end] = ended[at];
    if (!nodes_[i].last) --before_last_;
    for (const std::size_t next : nodes_[i].followers) Arrive(next);
    if (end == StepEnd::kOk) {
      for (const std::size_t next : nodes_[i].downstream) Arrive(next);
      continue;
    }
    for (const std::size_t next : nodes_[i].downstream) {
      if (nodes_[next].state != Node::State::kWaiting) continue;
      nodes_[next].state = Node::State::kEnded;
      --waiting_;
      skipped.push_back(nodes_[next].name);
      ended.emplace_back(next, StepEnd::kSkipped);
    }
  }
  if (before_last_ == 0) OpenLast();
}

/// One of the steps that `node` waits for has ended as it needs it to.
void Plan::Arrive(std::size_t node) {
  if (--nodes_[node].missing == 0 && nodes_[node].state == Node::State::kWaiting && (!nodes_[node].last || last_open_)) Push(node);
}

void Plan::Push(std::size_t node) {
  ready_.push_back(node);
  std::push_heap(ready_.begin(), ready_.end(), Order{&nodes_});
}

void Plan::OpenLast() {
  if (last_open_) return;
  last_open_ = true;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (nodes_[i].last && nodes_[i].missing == 0 && nodes_[i].state == Node::State::kWaiting) Push(i);
}

std::vector<std::string> Plan::Abandon(bool finally_too) {
  std::vector<std::string> abandoned;
  std::vector<std::size_t> given_up;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].state != Node::State::kWaiting || (nodes_[i].last && !finally_too)) continue;
    nodes_[i].state = Node::State::kEnded;
    --waiting_;
    abandoned.push_back(nodes_[i].name);
    given_up.push_back(i);
  }
  std::erase_if(ready_, [&](std::size_t i) { return nodes_[i].state != Node::State::kWaiting; });
  std::make_heap(ready_.begin(), ready_.end(), Order{&nodes_});
  for (const std::size_t i : given_up) Ended(i, StepEnd::kSkipped, abandoned);
  return abandoned;
}

}  // namespace headrace

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
    for (const std::size_t next : nodes[order[at]].downstream)
      if (--missing[next] == 0) order.push_back(next);
  return order;
}
}  // namespace

Result<Plan> Plan::Make(const std::vector<Step>& steps) {
  Plan plan;
  for (const Step& step : steps) {
    if (!plan.index_.emplace(step.name, plan.nodes_.size()).second) return Error(ErrorCode::kInvalid, "two steps are called `", step.name, "`");
    plan.nodes_.push_back({step.name, {}, 0, 1, Node::State::kWaiting});
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    for (const std::string& upstream : steps[i].upstream) {
      const auto found = plan.index_.find(upstream);
      if (found == plan.index_.end()) return Error(ErrorCode::kInvalid, "step `", steps[i].name, "` waits for `", upstream, "`, which no step defines");
      plan.nodes_[found->second].downstream.push_back(i);
      ++plan.nodes_[i].missing;
    }
  }
  const std::vector<std::size_t> order = InOrder(plan.nodes_);
  if (order.size() < plan.nodes_.size()) {
    // Every step left waits for another one left: follow upstream until one comes twice.
    std::vector<bool> left(plan.nodes_.size(), true);
    for (const std::size_t i : order) left[i] = false;
    std::size_t at = static_cast<std::size_t>(std::find(left.begin(), left.end(), true) - left.begin());
    std::vector<std::size_t> path;
    while (std::find(path.begin(), path.end(), at) == path.end()) {
      path.push_back(at);
      for (const std::string& upstream : steps[at].upstream)
        if (left[plan.index_.find(upstream)->second]) at = plan.index_.find(upstream)->second;
    }
    std::string loop = steps[at].name;
    for (auto step = path.rbegin(); step != path.rend(); ++step) {
      loop += StrCat(" -> ", steps[*step].name);
      if (*step == at) break;
    }
    return Error(ErrorCode::kInvalid, "the steps wait for each other: ", loop).WithHelp("take one of these edges away");
  }
  for (auto i = order.rbegin(); i != order.rend(); ++i)
    for (const std::size_t next : plan.nodes_[*i].downstream) plan.nodes_[*i].path = std::max(plan.nodes_[*i].path, plan.nodes_[next].path + 1);
  for (std::size_t i = 0; i < plan.nodes_.size(); ++i)
    if (plan.nodes_[i].missing == 0) plan.ready_.push_back(i);
  std::make_heap(plan.ready_.begin(), plan.ready_.end(), Order{&plan.nodes_});
  plan.waiting_ = plan.nodes_.size();
  return plan;
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
  Node& node = nodes_[found->second];
  node.state = Node::State::kEnded;
  --running_;
  std::vector<std::string> skipped;
  for (const std::size_t next : node.downstream) {
    if (end != StepEnd::kOk) {
      Skip(next, skipped);
    } else if (--nodes_[next].missing == 0 && nodes_[next].state == Node::State::kWaiting) {
      ready_.push_back(next);
      std::push_heap(ready_.begin(), ready_.end(), Order{&nodes_});
    }
  }
  return skipped;
}

void Plan::Skip(std::size_t first, std::vector<std::string>& skipped) {
  std::vector<std::size_t> open = {first};
  while (!open.empty()) {
    Node& node = nodes_[open.back()];
    open.pop_back();
    if (node.state != Node::State::kWaiting) continue;
    node.state = Node::State::kEnded;
    --waiting_;
    skipped.push_back(node.name);
    open.insert(open.end(), node.downstream.rbegin(), node.downstream.rend());
  }
}

std::vector<std::string> Plan::Abandon() {
  std::vector<std::string> abandoned;
  for (std::size_t i = 0; i < nodes_.size(); ++i) Skip(i, abandoned);
  ready_.clear();
  return abandoned;
}

}  // namespace headrace

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "checker.h"
#include "headrace/run/runner.h"
#include "world.h"

namespace headrace::simulator {

/// Bugs put in on purpose; the tests demand that each is found.
enum class Bug : std::uint8_t {
  kNone,
  kIgnoredEpoch,        ///< a scheduler creates runs without ActUnder, so a lease that it lost does not stop it
  kNoLedger,            ///< the destination adds what arrives without asking whether it came before
  kEverybodyDead,       ///< who takes over a run does not see that its owner lives
  kEarlySuccess,        ///< a delivery is reported before the destination has committed it
  kForgottenRuns,       ///< the scheduler does not go on with runs that were interrupted
};
inline constexpr std::array<std::string_view, 6> kBugNames = {"none", "ignored-epoch", "no-ledger", "everybody-dead", "early-success", "forgotten-runs"};

/// What lies outside of Headrace: a database that takes deliveries, as step/deliver_table.cc uses it. One delivery is one transaction: under a key it
/// replaces what came before, unless the ledger says that the same rows came already.
class Destination {
 public:
  explicit Destination(bool has_ledger) : has_ledger_(has_ledger) {}
  void Deliver(const std::string& key, const std::string& digest);
  /// What lies there under `key`: digests, one for each time that rows were added.
  const std::vector<std::string>& At(const std::string& key) { return rows_[key]; }
  const std::map<std::string, std::vector<std::string>>& rows() const { return rows_; }

 private:
  const bool has_ledger_;
  std::map<std::string, std::vector<std::string>> rows_;
};

std::string DeliveryKey(const ResolvedPipeline& pipeline, const std::string& step);

/// Steps that take virtual time: they end well, fail, hang until they are cancelled, leave artifacts in the store, and deliver. A delivery commits at its
/// time even while the process that waits for it is stalled; one of a process that dies may have been on its way.
class SimulatedRunner final : public StepRunner {
 public:
  SimulatedRunner(World& world, Process& process, Checker& checker, Destination& destination, Bug bug, const std::set<std::string>& poisoned)
      : world_(world), process_(process), checker_(checker), destination_(destination), bug_(bug), poisoned_(poisoned), slots_(static_cast<std::size_t>(world.choices.Between(1, 4))) {}
  ~SimulatedRunner() override;
  void Start(StepContext context) override;
  void Cancel(const std::string& step) override;
  Event Wait(std::int64_t micros) override;
  std::size_t slots() const override { return slots_; }

 private:
  struct Attempt {
    StepContext context;
    std::int64_t ends_us = 0;
    ErrorCode end = ErrorCode::kOk;
    std::string key, digest;           ///< of a delivery
    bool settled = true;               ///< a delivery has come to its end at the destination
    bool cancelled = false, dropped = false;
  };
  void Commit(Attempt& attempt);
  StepOutcome End(Attempt& attempt);
  StepOutcome Make(const Attempt& attempt);

  World& world_;
  Process& process_;
  Checker& checker_;
  Destination& destination_;
  const Bug bug_;
  const std::set<std::string>& poisoned_;
  const std::size_t slots_;
  std::map<std::string, std::shared_ptr<Attempt>> attempts_;
};

}  // namespace headrace::simulator

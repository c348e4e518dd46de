#pragma once

#include <cstdint>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checker.h"
#include "headrace/run/runner.h"
#include "project.h"
#include "world.h"

namespace headrace::simulator {

/// Bugs put in on purpose; the tests demand that each is found.
enum class Bug : std::uint8_t {
  kNone,
  kNoLedger,            ///< the destination adds what arrives without asking whether it came before
  kEarlySuccess,        ///< a delivery is reported before the destination has committed it
  kEverybodyDead,       ///< who takes over a run does not see that its owner lives
  kOneName,             ///< both servers hold the lease under one name, so that it keeps neither from acting
  kUnclaimedRuns,       ///< a process makes its run without claiming the attempt that it was started for
  kDeafLauncher,        ///< a server never hears that a process it started has ended
};
inline constexpr std::array<std::string_view, 7> kBugNames = {"none", "no-ledger", "early-success", "everybody-dead", "one-name", "unclaimed-runs", "deaf-launcher"};

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

/// Steps that take virtual time: they end well, fail, hang until they are cancelled, leave artifacts in the store, and deliver. A delivery commits at its
/// time even while the process that waits for it is stalled; one of a process that dies may have been on its way.
class SimulatedRunner final : public StepRunner {
 public:
  SimulatedRunner(World& world, Process& process, Checker& checker, Destination& destination, Bug bug)
      : world_(world), process_(process), checker_(checker), destination_(destination), bug_(bug), slots_(static_cast<std::size_t>(world.choices.Between(1, 4))) {}
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
    bool settled = true;               ///< nothing more comes of it at the destination
    bool cancelled = false;
  };
  static void Commit(World& world, Destination& destination, Attempt& attempt);
  StepOutcome End(Attempt& attempt);
  StepOutcome Make(const Attempt& attempt);

  World& world_;
  Process& process_;
  Checker& checker_;
  Destination& destination_;
  const Bug bug_;
  const std::size_t slots_;
  std::map<std::string, std::shared_ptr<Attempt>> attempts_;
};

}  // namespace headrace::simulator

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/step/step.h"

namespace headrace {

/// One item of a `for_each`.
struct FanItem {
  std::string text;                        ///< as people see it; unique within the step
  std::vector<Value> values;               ///< one, or those of ForEachSpec::columns
};

/// The items that `step` has: those of its list, or the rows of the Parquet file `rows`. kData when a column is missing or of another type, or the key is
/// null or comes twice. REQUIRES: step.for_each.
Result<std::vector<FanItem>> ItemsOf(const StepSpec& step, const std::string& rows);

/// The items of one step at work: which may start, how those that ended went, and what the step says of them all. Starts nothing: the run loop asks.
/// Some hundred bytes an item, so that 100,000 are no trouble.
///
/// Threads: none. Owned by the run loop.
class FanOut {
 public:
  FanOut(const StepSpec& step, std::vector<FanItem> items);

  const StepSpec& step() const { return step_; }
  std::size_t size() const { return items_.size(); }
  std::string Name(std::size_t item) const;           ///< "scores[de]"; "scores[#1f00ab...]", by its digest, for one whose text is no good name
  const std::string& Text(std::size_t item) const { return items_[item].text; }
  /// The step of one item; kInvalid says what is wrong with it for this item.
  Result<StepSpec> SpecOf(std::size_t item) const;

  /// The next item that may start at monotonic time `now`: retries that are due first, then in order; nullopt while none may.
  std::optional<std::size_t> Next(std::int64_t now);
  /// An item that came from Next is to be given again at `at`.
  void Later(std::size_t item, std::int64_t at);
  /// An item ended, in this process or, before it came from Next, in an earlier one; or it waits (StepState::kWaiting), and the step can end only in a resumed
  /// run. Keeps of it what the step needs. `status`: why it failed.
  void Ended(std::size_t item, const StepRecord& record, const StepDetails& details, const Status& status = Ok());
  /// Give out no further item.
  void Stop() { stopped_ = true; }

  /// Nothing is at work and nothing may come.
  bool done() const { return working_ == 0 && later_.empty() && (stopped_ || next_ == items_.size()); }
  double progress() const { return static_cast<double>(ended_) / static_cast<double>(items_.size()); }
  const ItemCounts& counts() const { return counts_; }

  /// What the step as a whole says: counts, checks that failed, deliveries added up.
  StepDetails Details() const;
  /// Not ok when an item failed: which, and the first one's reason.
  Status Failure() const;
  /// What the first item that waits is waiting for; "" when none does.
  const std::string& waits() const { return waits_; }
  /// The join of the outputs, in the items' order; without outputs when no item left a dataset.
  Result<UnionSpec> Join(Store& store) const;

 private:
  enum class Place : std::uint8_t { kWaiting, kGiven, kEnded };
  const StepSpec& step_;
  std::vector<FanItem> items_;
  std::vector<Place> places_;
  std::size_t next_ = 0, working_ = 0, ended_ = 0;
  std::multimap<std::int64_t, std::size_t> later_;
  bool stopped_ = false;
  ItemCounts counts_;
  StepDetails details_;
  std::vector<std::string> failed_;                   ///< texts of the first that failed
  Status failure_;
  std::string waits_;
  std::map<std::string, std::map<std::size_t, ArtifactRef>> outputs_;
};

/// "100 items: 97 done, 3 failed", for people.
std::string CountsText(const ItemCounts& items);

/// What determines the output of a step with items, as FingerprintParts does for one without: `items` are their texts and fingerprints.
std::string ItemParts(const StepSpec& step, const std::vector<std::pair<std::string, std::string>>& items);

}  // namespace headrace

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/cli/run_table.h"
#include "headrace/run/run_loop.h"

namespace headrace {

/// Shows a run on stderr while it runs: on a terminal a live table of the steps, elsewhere one plain line per event.
class ProgressView final : public RunObserver {
 public:
  /// `seconds`: how long each step took in the last runs, newest first (Store::StepSeconds), for the table to say what is left.
  ProgressView(Clock& clock, bool live, bool quiet, const std::map<std::string, std::vector<double>>& seconds = {});
  void RunStarted(const RunRecord& run, const std::vector<StepRecord>& steps) override;
  void StepChanged(const StepRecord& step, const StepDetails& details) override;
  void StepProgress(const std::string& step, const std::string& doing, double fraction) override;
  void Tick() override;
  void RunFinished(const RunRecord& run) override;

 private:
  struct Line {
    TableStep step;
    std::int64_t started = 0;      ///< monotonic
  };
  std::string Describe(const Line& line) const;
  std::string Erasure();
  void Draw();
  void Tell(const StepRecord& step, const StepDetails& details);

  Clock& clock_;
  bool live_, quiet_;
  bool told_failure_ = false;      ///< a failed step has said its error
  std::map<std::string, double> usual_;
  std::vector<Line> lines_;
  std::map<std::string, std::size_t> index_;
  std::size_t drawn_ = 0;
  std::int64_t started_ = 0, last_draw_ = 0;   ///< monotonic
};

}  // namespace headrace

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "headrace/base/clock.h"
#include "headrace/run/run_loop.h"

namespace headrace {

/// Shows a run on stderr while it runs: on a terminal a live table of the steps, elsewhere one plain line per event.
class ProgressView final : public RunObserver {
 public:
  ProgressView(Clock& clock, bool live, bool quiet) : clock_(clock), live_(live), quiet_(quiet) {}
  void RunStarted(const RunRecord& run, const std::vector<StepRecord>& steps) override;
  void StepChanged(const StepRecord& step, const StepDetails& details) override;
  void StepProgress(const std::string& step, const std::string& doing, double fraction) override;
  void Tick() override;
  void RunFinished(const RunRecord& run) override;

 private:
  struct Line {
    StepRecord record;
    std::string doing;
    double fraction = 0;
    std::int64_t started = 0;      ///< monotonic
  };
  std::string Describe(const Line& line) const;
  void Erase();
  void Draw();
  void Tell(const StepRecord& step, const StepDetails& details);

  Clock& clock_;
  bool live_, quiet_;
  bool told_failure_ = false;      ///< a failed step has said its error
  std::vector<Line> lines_;
  std::map<std::string, std::size_t> index_;
  std::size_t drawn_ = 0;
  std::int64_t last_draw_ = 0;
};

}  // namespace headrace

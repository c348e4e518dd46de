#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "headrace/store/store.h"

namespace headrace {

/// What the live table shows of one step.
struct TableStep {
  StepRecord record;
  std::vector<std::string> upstream;
  std::string doing;                    ///< while it runs: what, and how far in [0, 1]
  double fraction = 0;
  double elapsed = 0;                   ///< seconds, while it runs
  std::optional<double> usual;          ///< seconds it usually takes
};

/// How large the terminal is, in characters.
struct TerminalSize { std::size_t rows = 24, columns = 80; };

/// The live table as lines with colours, none wider than the terminal and one fewer than it has rows: a line a step, then one for the run. When not all
/// steps fit, those that are done give way first, then those that have not begun.
std::vector<std::string> RunTable(const std::vector<TableStep>& steps, double run_seconds, TerminalSize size);

/// "<1 s", "42 s", "3 min", "1.5 h": an estimate pretends no more than it knows.
std::string Roughly(double seconds);

}  // namespace headrace

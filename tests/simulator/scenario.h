#pragma once

#include <cstdint>
#include <string>

#include "steps.h"

namespace headrace::simulator {

struct Outcome {
  std::uint64_t seed = 0;
  std::string violation;         ///< "" = every rule held
  std::string trace;             ///< of every act, when asked for
  std::int64_t simulated_us = 0;
  std::uint64_t moves = 0;       ///< of processes
  std::size_t runs = 0;
};

/// Live through the world of one seed, in `folder` (made, and emptied first).
///
/// Two hosts, and on each a scheduler for each pipeline that does what a server does: it holds the scheduler's lease and creates and resumes runs under it. A person
/// starts the manual pipeline, resumes runs and cancels them. For some minutes all that Faults names goes wrong; then nothing more, and within three hours
/// every interval must have its one run, ended; every delivery must lie at its destination once.
Outcome Simulate(std::uint64_t seed, Bug bug, bool tracing, const std::string& folder);

/// A folder of this process in memory, if the machine has one.
std::string ScratchFolder();

}  // namespace headrace::simulator

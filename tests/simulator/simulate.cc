// Simulate worlds and hold them against the rules. Ends with one JSON line:
//   {"seeds", "failed", "first_failed", "runs", "moves", "simulated_hours", "seconds", "seeds_per_second", "jobs"}
// Exit code 1 when a seed failed: its message says which rule was broken, when, and by whom; `--replay SEED --trace` prints all that happened in it.
//
// usage: simulate [--seeds N] [--first S] [--jobs N] [--bug NAME] [--replay SEED] [--trace]

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iomanip>
#include <iostream>

#include "scenario.h"

namespace headrace::simulator {
namespace {

struct Arguments {
  std::int64_t seeds = 500, first = 1, jobs = 1;
  Bug bug = Bug::kNone;
  bool trace = false;
};

bool Read(const std::vector<std::string>& words, Arguments& arguments) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--trace") {
      arguments.trace = true;
      continue;
    }
    if (i + 1 == words.size()) return false;
    const std::string& value = words[++i];
    if (words[i - 1] == "--bug") {
      const auto found = std::find(kBugNames.begin(), kBugNames.end(), value);
      if (found == kBugNames.end()) return false;
      arguments.bug = static_cast<Bug>(found - kBugNames.begin());
    } else if (words[i - 1] == "--replay") {
      arguments.seeds = 1;
      if (!ParseInt(value, &arguments.first)) return false;
    } else {
      std::int64_t* const number = words[i - 1] == "--seeds" ? &arguments.seeds : words[i - 1] == "--first" ? &arguments.first : words[i - 1] == "--jobs" ? &arguments.jobs : nullptr;
      if (number == nullptr || !ParseInt(value, number) || *number < 1) return false;
    }
  }
  return true;
}

struct Sums {
  std::int64_t failed = 0, first_failed = 0, runs = 0, moves = 0;
  double simulated_us = 0;
};

/// Every `jobs`-th seed, from the one at `place` on.
Sums Simulate(const Arguments& arguments, std::int64_t place) {
  Sums sums;
  for (std::int64_t seed = arguments.first + place; seed < arguments.first + arguments.seeds; seed += arguments.jobs) {
    const Outcome outcome = Simulate(static_cast<std::uint64_t>(seed), arguments.bug, arguments.trace, ScratchFolder());
    if (arguments.trace) std::fputs(outcome.trace.c_str(), stdout);
    sums.runs += static_cast<std::int64_t>(outcome.runs);
    sums.moves += static_cast<std::int64_t>(outcome.moves);
    sums.simulated_us += static_cast<double>(outcome.simulated_us);
    if (outcome.violation.empty()) continue;
    std::printf("%s\n", outcome.violation.c_str());
    std::fflush(stdout);
    if (sums.failed++ == 0) sums.first_failed = seed;
  }
  return sums;
}

/// A world takes a process to itself, so several at once are several processes, each of which says its sums in the end.
bool SimulateAll(const Arguments& arguments, Sums& all) {
  std::vector<std::pair<pid_t, int>> children;
  for (std::int64_t place = 0; place < arguments.jobs; ++place) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return false;
    const pid_t child = ::fork();
    if (child < 0) return false;
    if (child == 0) {
      const Sums sums = Simulate(arguments, place);
      ::_exit(std::fflush(stdout) == 0 && ::write(ends[1], &sums, sizeof sums) == sizeof sums ? 0 : 1);
    }
    ::close(ends[1]);
    children.emplace_back(child, ends[0]);
  }
  bool well = true;
  for (const auto& [child, end] : children) {
    Sums sums;
    int status = 0;
    well = ::read(end, &sums, sizeof sums) == sizeof sums && well;
    well = ::waitpid(child, &status, 0) == child && status == 0 && well;
    all.failed += sums.failed;
    if (sums.failed > 0) all.first_failed = all.first_failed == 0 ? sums.first_failed : std::min(all.first_failed, sums.first_failed);
    all.runs += sums.runs;
    all.moves += sums.moves;
    all.simulated_us += sums.simulated_us;
  }
  return well;
}

int Main(const Arguments& arguments) {
  const auto began = std::chrono::steady_clock::now();
  Sums all;
  const bool well = SimulateAll(arguments, all);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::cout << "{\"seeds\": " << arguments.seeds << ", \"failed\": " << all.failed << ", \"first_failed\": " << all.first_failed << ", \"runs\": " << all.runs << ", \"moves\": " << all.moves
            << std::fixed << std::setprecision(1) << ", \"simulated_hours\": " << all.simulated_us / 3.6e9 << ", \"seconds\": " << seconds
            << ", \"seeds_per_second\": " << static_cast<double>(arguments.seeds) / seconds << ", \"jobs\": " << arguments.jobs << "}\n";
  if (!well) std::cerr << "simulate: a process of its own died\n";
  return well && all.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace headrace::simulator

int main(int argc, char** argv) {
  headrace::simulator::Arguments arguments;
  if (headrace::simulator::Read({argv + 1, argv + argc}, arguments)) return headrace::simulator::Main(arguments);
  std::cerr << "usage: simulate [--seeds N] [--first S] [--jobs N] [--bug NAME] [--replay SEED] [--trace]\nbugs:";
  for (const std::string_view name : headrace::simulator::kBugNames) std::cerr << " " << name;
  std::cerr << "\n";
  return 2;
}

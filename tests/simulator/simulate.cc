// Simulate worlds and hold them against the rules. Ends with one JSON line:
//   {"seeds", "failed", "first_failed", "runs", "moves", "simulated_hours", "seconds", "seeds_per_second"}
// Exit code 1 when a seed failed: its message says which rule was broken, when, and by whom; `--replay SEED --trace` prints all that happened in it.
//
// usage: simulate [--seeds N] [--first S] [--bug NAME] [--trace] [--replay SEED]

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "scenario.h"

namespace headrace::simulator {
namespace {

struct Arguments {
  std::int64_t seeds = 500, first = 1;
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
    } else if ((words[i - 1] != "--seeds" && words[i - 1] != "--first") || !ParseInt(value, words[i - 1] == "--seeds" ? &arguments.seeds : &arguments.first)) {
      return false;
    }
  }
  return true;
}

int Main(const Arguments& arguments) {
  const std::string folder = ScratchFolder();
  const auto began = std::chrono::steady_clock::now();
  std::int64_t failed = 0, first_failed = 0;
  std::uint64_t runs = 0, moves = 0;
  double simulated_us = 0;
  for (std::int64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    const Outcome outcome = Simulate(static_cast<std::uint64_t>(seed), arguments.bug, arguments.trace, folder);
    if (arguments.trace) std::fputs(outcome.trace.c_str(), stdout);
    runs += outcome.runs;
    moves += outcome.moves;
    simulated_us += static_cast<double>(outcome.simulated_us);
    if (outcome.violation.empty()) continue;
    std::printf("%s\n", outcome.violation.c_str());
    std::fflush(stdout);
    if (failed++ == 0) first_failed = seed;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("{\"seeds\": %lld, \"failed\": %lld, \"first_failed\": %lld, \"runs\": %llu, \"moves\": %llu, \"simulated_hours\": %.1f, \"seconds\": %.1f, \"seeds_per_second\": %.0f}\n",
              static_cast<long long>(arguments.seeds), static_cast<long long>(failed), static_cast<long long>(first_failed), static_cast<unsigned long long>(runs),
              static_cast<unsigned long long>(moves), simulated_us / 3.6e9, seconds, static_cast<double>(arguments.seeds) / seconds);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace headrace::simulator

int main(int argc, char** argv) {
  headrace::simulator::Arguments arguments;
  if (headrace::simulator::Read({argv + 1, argv + argc}, arguments)) return headrace::simulator::Main(arguments);
  std::cerr << "usage: simulate [--seeds N] [--first S] [--bug NAME] [--trace] [--replay SEED]\nbugs:";
  for (const std::string_view name : headrace::simulator::kBugNames) std::cerr << " " << name;
  std::cerr << "\n";
  return 2;
}

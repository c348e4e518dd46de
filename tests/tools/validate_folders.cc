// Loads and validates one project after another, for tests/long/broken_files.py: a process for each of 10,000 projects would cost more than the checking.
//
// Reads one JSON document a line: {"path": folder or file[, "pipeline", "tenant", "params": [[name, value], ...]]}. Without `pipeline` all of it is
// validated, as `headrace validate` does; with it, that pipeline is made concrete, as `headrace run` does. Writes one line for each and flushes it:
// {"ms": wall time of reading and checking, "cpu_ms": the processor time it took, which other programs cannot lengthen, "report": as `validate --format json`, "text": size of the same as text}. A project that takes longer than kLimitSeconds ends the program by
// SIGALRM, a crash by its own signal; the reader sees by the number of lines which one it was.
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "headrace/pipeline/project.h"

namespace headrace {
namespace {

using nlohmann::json;

constexpr unsigned kLimitSeconds = 10;

void Check(const json& wanted, Diagnostics& diagnostics) {
  const Result<Project> project = Project::Load({.path = wanted.at("path"), .environment = "", .sql = nullptr}, diagnostics);
  if (!project.ok()) {
    diagnostics.AddError(DiagnosticCode::kUnreadable, {}, project.status().message());
    return;
  }
  if (!wanted.contains("pipeline")) return project->Validate(project->opened_pipeline(), diagnostics);
  ResolveRequest request;
  request.pipeline = wanted.at("pipeline");
  request.tenant = wanted.value("tenant", "");
  for (const json& param : wanted.value("params", json::array())) request.params.emplace_back(param.at(0), param.at(1));
  request.interval = {0, kMicrosPerDay};
  (void)project->Resolve(request, diagnostics);
}

}  // namespace
}  // namespace headrace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const nlohmann::json wanted = nlohmann::json::parse(line);
    alarm(headrace::kLimitSeconds);
    const auto begin = std::chrono::steady_clock::now();
    const std::clock_t cpu_begin = std::clock();
    headrace::Diagnostics diagnostics;
    headrace::Check(wanted, diagnostics);
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    const double cpu_ms = 1000.0 * static_cast<double>(std::clock() - cpu_begin) / CLOCKS_PER_SEC;
    alarm(0);
    const nlohmann::json report = nlohmann::json::parse(headrace::RenderJson(diagnostics));
    std::cout << nlohmann::json{{"ms", ms}, {"cpu_ms", cpu_ms}, {"report", report}, {"text", headrace::RenderText(diagnostics, false).size()}}.dump() << std::endl;
  }
}

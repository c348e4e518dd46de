#include "headrace/cli/run_request.h"

#include "headrace/pipeline/params.h"

namespace headrace {

bool NamesFile(const std::string& pipeline) { return pipeline.ends_with(".yaml") || pipeline.ends_with(".yml"); }

namespace {
/// "1998-03-02/1998-03-09", half-open; yesterday (UTC) when empty.
Result<Interval> IntervalOf(const std::string& text, Clock& clock) {
  if (text.empty()) {
    const std::int64_t today = clock.NowMicros() / kMicrosPerDay * kMicrosPerDay;
    return Interval{today - kMicrosPerDay, today};
  }
  return ParseInterval(text);
}
}  // namespace

void AddRunTarget(CommandLine command, RunTarget& target) {
  command->add_option("PIPELINE", target.pipeline, "name of a pipeline of the project, or a pipeline file");
  command->add_option("-p,--param", target.params, "set a parameter; may be given several times")->type_name("NAME=VALUE")->expected(1)->take_all();
  command->add_option("--tenant", target.tenant, "for this tenant (run: or for `all`)")->type_name("NAME");
  command->add_option("--interval", target.interval, "data interval, half-open, UTC (default: yesterday)")->type_name("START/END");
}

std::optional<Project> LoadTarget(const RunTarget& target, const GlobalFlags& global, int* exit_code) {
  Diagnostics diagnostics;
  Result<Project> project = LoadProject(global, NamesFile(target.pipeline) ? target.pipeline : "", diagnostics);
  if (diagnostics.has_errors()) *exit_code = FailWith(diagnostics, global);
  else if (!project.ok()) *exit_code = Fail(project.status(), global);
  else return std::move(project).value();
  return std::nullopt;
}

Result<std::vector<std::pair<std::string, std::string>>> ParseParams(const std::vector<std::string>& given) {
  std::vector<std::pair<std::string, std::string>> params;
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return Error(ErrorCode::kInvalid, "`-p ", text, "` is not NAME=VALUE");
    params.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return params;
}

Result<ResolveRequest> RequestOf(const RunTarget& target, const Project& project, Clock& clock) {
  ResolveRequest request;
  request.pipeline = NamesFile(target.pipeline) ? project.opened_pipeline() : target.pipeline;
  request.tenant = target.tenant;
  ASSIGN_OR_RETURN(request.interval, IntervalOf(target.interval, clock));
  ASSIGN_OR_RETURN(request.params, ParseParams(target.params));
  return request;
}

std::optional<ResolvedPipeline> ResolveTarget(const Project& project, const ResolveRequest& request, const GlobalFlags& global, int* exit_code) {
  Diagnostics diagnostics;
  Result<ResolvedPipeline> pipeline = project.Resolve(request, diagnostics);
  if (diagnostics.has_errors()) *exit_code = FailWith(diagnostics, global);
  else if (!pipeline.ok()) *exit_code = Fail(pipeline.status(), global);
  else return std::move(pipeline).value();
  return std::nullopt;
}

}  // namespace headrace

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "headrace/pipeline/project.h"
#include "headrace/report/project_report.h"
#include "headrace/store/store.h"

namespace headrace {

/// What the calendar says of one pipeline and client. Times in microseconds since 1970-01-01 UTC.
struct ScheduleView {
  std::string pipeline, tenant;            ///< tenant "" = none
  std::string schedule, next, finish_by;   ///< as people read them: PipelineGrid::schedule, ClientRow::next and finish_by
  std::optional<Interval> newest;          ///< of the newest tick that has passed
  std::optional<std::int64_t> finish_by_us;   ///< when the run of `newest` has to be ready; nullopt = not said, or schedules are off
};

struct ProjectReportRequest {
  std::string project, environment;
  std::vector<std::string> pipelines, tenants;    ///< those the project has; what else is recorded is history
  std::map<std::string, std::string> owners;      ///< of pipelines that name one
  std::vector<ScheduleView> schedules;
  std::int64_t now_us = 0;
  std::size_t intervals = 7;                       ///< at most so many columns
};

/// What the page of a project says, read from the store. Dry runs and runs of other environments are left out.
Result<ProjectReport> BuildProjectReport(Store& store, const ProjectReportRequest& request);

}  // namespace headrace

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/report/report.h"

namespace headrace {

/// One run, as its cell says it. Times are UTC text as they should be read.
struct RunCell {
  std::string run;                    ///< id; "" = no run
  std::string state;                  ///< as RunReport::state, also "waiting"; "" = no run
  std::string started;
  double seconds = 0;                 ///< 0 while it runs
  std::optional<std::int64_t> rows;   ///< delivered; nullopt when it delivers nothing
  std::string message;                ///< how it ended when not well: no capital, no full stop
  bool late = false;                  ///< it ended well after `finish_by`, or `finish_by` passed without a run that did
};

/// A pipeline for one client.
struct ClientRow {
  std::string tenant;                 ///< "" = none
  std::vector<RunCell> cells;         ///< one for each of PipelineGrid::intervals
  RunCell last;                       ///< the newest run
  std::string last_interval_end;      ///< its data go up to there
  std::string next;                   ///< when the next run is due, local time; "" = no schedule
  std::string finish_by;              ///< when the run of the newest tick had to be, or has to be, ready; "" = not said
  std::string lateness;               ///< "on time", "late by 42 min", "not there: due since 3 h", "due in 20 min"; "" = not said
  bool late = false;                  ///< the run of the newest tick
};

/// The model in use, for one client.
struct ChampionLine {
  std::string tenant, name;
  std::int64_t version = 0, newest = 0;      ///< version 0: no version is the champion
  std::string age;                           ///< "12 days"
  std::string run;                           ///< that fitted it; "" = added from a file
  std::vector<std::pair<std::string, double>> metrics;
};

struct PipelineGrid {
  std::string pipeline;
  std::string owner;                         ///< whom to ask; "" = not said
  std::string schedule;                      ///< "0 6 * * MON, Europe/Berlin"; "" = none
  std::vector<std::pair<std::string, std::string>> intervals;   ///< of data, start and end; newest first
  std::vector<ClientRow> clients;
};

/// Everything the page of a whole project says. Plain values, as RunReport.
struct ProjectReport {
  std::string project, environment;
  std::string written;                       ///< when
  std::string headrace_version;
  std::vector<PipelineGrid> pipelines;
  std::vector<ChampionLine> champions;
};

RunVerdict MakeVerdict(const ProjectReport& project);

/// One self-contained HTML page, like that of a run. Cells lead to runs/ID.html beside it.
std::string RenderHtml(const ProjectReport& project);

}  // namespace headrace

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "headrace/pipeline/alert_spec.h"
#include "headrace/pipeline/diagnostics.h"
#include "headrace/pipeline/schedule_spec.h"
#include "headrace/pipeline/sql_inspector.h"
#include "headrace/pipeline/step_spec.h"

namespace headrace {

/// The data interval of a run, half-open, microseconds since 1970-01-01 UTC. `${run.interval.start}`, `.end`.
struct Interval {
  std::int64_t start_us = 0, end_us = 0;
  bool operator==(const Interval&) const = default;
};

/// One entry of `environments`.
struct Environment {
  std::string name = "default";
  bool schedules = false;
  bool preview = false;                              ///< deliver: preview
  TextOrSecret state;                                ///< empty = .headrace/state.db under the root
};

/// How long things are kept; nullopt = forever.
struct Retention {
  std::optional<std::int64_t> data_us, runs_us, models_us;
};

/// What one tenant may take for itself; 0 = as much as there is.
struct Quota {
  std::int64_t runs = 0;                             ///< at once, over all pipelines
  std::int64_t memory_bytes = 0;                     ///< of the process of a run
};

/// A parameter's value after all sources were asked.
struct ParamValue {
  /// A value, a list of columns, the full name of a step (`dataset`), or a secret's name.
  struct Columns { std::vector<std::string> names; bool operator==(const Columns&) const = default; };
  struct Dataset { std::string step, output; bool operator==(const Dataset&) const = default; };
  struct SecretName { std::string name; bool operator==(const SecretName&) const = default; };
  std::variant<Value, Columns, Dataset, SecretName> held;
  enum class From : std::uint8_t { kFlag, kTenant, kDefault } from = From::kDefault;
  std::string ToString() const;                      ///< a secret shows as "secret NAME"
};

/// One pipeline made concrete: tenant, parameters and interval applied, ready to plan and run.
struct ResolvedPipeline {
  std::string root;                                  ///< absolute folder that relative paths stand under
  std::string project;                               ///< name in headrace.yaml, or the folder's name
  std::string pipeline;
  std::string file;                                  ///< relative to root
  std::string tenant;                                ///< "" = none
  Environment environment;
  Interval interval;
  std::string time_zone = {};                        ///< of its schedule: days and hours of baselines are its own; "" = UTC
  std::map<std::string, ParamValue> params;          ///< the pipeline's own parameters
  std::map<std::string, ConnectionEntry> connections; ///< of project, environment and tenant, the later winning
  Retention retention;
  std::map<std::string, std::int64_t> pools;         ///< slots of each pool
  std::vector<StepSpec> steps;                       ///< every step after those it waits for, else in file order; those under `finally` as after a success
  std::map<std::string, std::shared_ptr<const SourceFile>> files;   ///< the project's files that say all this, by path; no other tenant's
  std::map<std::string, StepSpec> last_if_failed;    ///< the steps under `finally` as `${run.outcome}` = failed makes them

  const StepSpec* Find(std::string_view step) const; ///< nullptr when there is none of that full name
};

struct ResolveRequest {
  std::string pipeline = {};
  std::string tenant = {};                                     ///< "" = none
  std::vector<std::pair<std::string, std::string>> params = {};   ///< -p NAME=VALUE, as text
  Interval interval = {};
};

/// All files of one project, parsed with positions.
///
///   Load -> Validate | Resolve | Schedules (any number of times, in any order)
///
/// Nothing throws errors away: every call appends all it found to a Diagnostics. No call touches a database, reads a
/// secret or evaluates a value that only a run knows.
///
/// Threads: immutable after Load; any number may call.
class Project {
 public:
  struct Options {
    std::string path = ".";                          ///< a folder, headrace.yaml or a pipeline file
    std::string environment;                         ///< "" = the one that says `default: true`, or the only one
    std::shared_ptr<const SqlInspector> sql;         ///< nullptr = DefaultSqlInspector()
    std::string data_root = {};                      ///< the folder that paths of data and programs stand under; "" = the project's. For a copy of its files
  };
  /// Find headrace.yaml in the folder of `path` or above it and read everything beside it: pipelines/*.yaml,
  /// tenants/*.yaml, and what they use. Without one, `path`'s folder is the project: its *.yaml files are the pipelines
  /// (only the file itself when `path` is one). kInvalid when `path` is not there.
  static Result<Project> Load(const Options& options, Diagnostics& diagnostics);

  Project(Project&&) noexcept;
  Project& operator=(Project&&) noexcept;
  ~Project();

  const std::string& root() const;                   ///< absolute
  const std::string& name() const;
  bool has_file() const;                             ///< whether a headrace.yaml was found
  const Environment& environment() const;
  const Retention& retention() const;
  std::vector<std::string> pipelines() const;        ///< names, sorted
  std::vector<std::string> tenants() const;          ///< names, sorted
  std::string OwnerOf(const std::string& pipeline) const;   ///< as its file says; "" = it does not
  std::string RunbookOf(const std::string& pipeline) const; ///< the same
  const std::vector<AlertDestination>& alerts() const;      ///< those of this environment
  /// Pipeline, project and tenant files read, relative to the root, sorted (for `validate` and completion).
  std::vector<std::string> files() const;
  /// Name of the pipeline in the file Options::path named, or "".
  const std::string& opened_pipeline() const;
  Quota QuotaOf(std::string_view tenant) const;
  /// Connections as a tenant ("" = none) sees them.
  std::map<std::string, ConnectionEntry> ConnectionsOf(std::string_view tenant) const;

  /// Check all pipelines and tenants with values unknown: keys and types, names, the graph, SQL files and their $names,
  /// schedules, expressions, metrics, learner parameters, files a contract or query names. `pipeline` "" = all.
  void Validate(std::string_view pipeline, Diagnostics& diagnostics) const;

  /// Make one pipeline concrete. kInvalid with the first error's text when `diagnostics` got any; unknown names of
  /// pipelines and tenants suggest a near one.
  Result<ResolvedPipeline> Resolve(const ResolveRequest& request, Diagnostics& diagnostics) const;

  /// What `schedule:` says in pipelines and, over it, in tenants: by pipeline ("" = all). Not part of Load, because only the
  /// zones' database (some milliseconds to open) can tell whether a zone exists, and a run by hand needs none.
  std::vector<PipelineSchedule> Schedules(std::string_view pipeline, Diagnostics& diagnostics) const;

  struct Parts;                                      ///< this room's own

 private:
  explicit Project(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

/// The JSON Schema (draft-07) of pipeline files, of headrace.yaml, tenant, shared and contract files, from the same definitions the
/// parser uses. `kind`: "pipeline" | "project" | "tenant" | "shared" | "contract"; kInvalid for others.
Result<std::string> JsonSchema(std::string_view kind);
/// The reference of every key as Markdown, from the same definitions (docs/pipeline-files.md).
std::string SchemaMarkdown();

}  // namespace headrace

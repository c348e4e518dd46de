#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/params.h"
#include "headrace/pipeline/project.h"
#include "headrace/pipeline/yaml.h"

namespace headrace {

struct TenantFile {
  std::string name;
  Node root;                                             ///< `${...}` evaluated
  std::map<std::string, ConnectionEntry> connections;
  std::map<std::string, std::string> tables;
};

struct PipelineFile {
  std::string name, path;
  Node root;                                             ///< `${...}` of params and steps not yet evaluated
  std::vector<ParamDecl> params;
};

/// What stands under `alerts:`, of the environment. REQUIRES: `node` passed its shape.
std::vector<AlertDestination> DecodeAlerts(const Node& node, const Environment& environment, Diagnostics& diagnostics);

/// What Load leaves: everything that does not depend on a run.
struct Project::Parts {
  std::string root, data_root, name, opened_pipeline;
  std::map<std::string, std::shared_ptr<const SourceFile>> sources;   ///< all files read
  bool has_file = false;
  Environment environment;
  Retention retention;
  std::vector<AlertDestination> alerts;
  std::shared_ptr<const SqlInspector> sql;
  std::map<std::string, ConnectionEntry> connections;    ///< of the project and the chosen environment
  std::map<StepKind, StepDefaults> defaults;
  std::map<std::string, std::int64_t> pools;
  std::map<std::string, TenantFile> tenants;
  std::map<std::string, PipelineFile> pipelines;
  std::vector<std::string> files;
};

}  // namespace headrace

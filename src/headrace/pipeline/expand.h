#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/params.h"

namespace headrace {

/// The names that the steps of one file see: a pipeline, or a group of steps brought in by `use:`. A group sees its own
/// steps, those it uses itself, and its parameters; nothing of the file that uses it.
struct Frame {
  std::string prefix;                                        ///< "" or "base."
  Frame* parent = nullptr;
  Scope scope;
  std::map<std::string, std::vector<std::string>> steps;     ///< name as seen here -> full names; several = ambiguous
  std::set<std::string> groups;                              ///< names of `use` steps
  std::map<std::string, Node> datasets;                      ///< parameter -> the step as the parent wrote it
  std::map<std::string, Value> dates;                        ///< `date or dataset` parameters given a date
};

/// A step and the frame whose names it uses.
struct ExpandedStep {
  DraftStep draft;
  Frame* frame = nullptr;
};

/// All steps of one pipeline, groups opened, in the order of the files.
struct ExpandedPipeline {
  std::vector<std::unique_ptr<Frame>> frames;                ///< the pipeline's own first
  std::vector<ExpandedStep> steps;
  std::set<std::string> broken;                              ///< full names of steps that were refused
};

/// Open every `use:` and decode every step of `steps` and `finally`, either of which may be null. `scope` holds the pipeline's parameters; the
/// steps under `finally` see `run.outcome` besides: `outcome`, or a text that only the run knows when it is empty.
ExpandedPipeline Expand(const Node* steps, const Node* finally, const Scope& scope, std::string_view outcome, const StepSurroundings& around,
                        const std::shared_ptr<const SqlInspector>& sql, Diagnostics& diagnostics);

/// Resolve the references of all steps, find loops, and order the steps: each after those it waits for, else as in the
/// files.
std::vector<StepSpec> LinkSteps(ExpandedPipeline pipeline, Diagnostics& diagnostics);

}  // namespace headrace

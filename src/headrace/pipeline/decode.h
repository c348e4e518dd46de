#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/pipeline/diagnostics.h"
#include "headrace/pipeline/schema.h"
#include "headrace/pipeline/scope.h"
#include "headrace/pipeline/sql_inspector.h"
#include "headrace/pipeline/step_spec.h"

namespace headrace {

/// A step that another one mentions, before names are resolved.
struct StepReference {
  enum class Role : std::uint8_t { kData, kModel, kTable, kReads, kAfter, kFile, kItems, kCheck };   ///< kFile: a dataset or a model; kItems: a dataset whose rows are items; kCheck: read by the step's checks
  Role role = Role::kData;
  std::string inside;      ///< the name the reading step knows it by
  std::string text;        ///< as written: "events", "base.features", "model.test_predictions"
  Place place;
};

/// A step decoded, with its references still as written.
struct DraftStep {
  StepSpec spec;
  std::vector<StepReference> references;
};

/// What headrace.yaml says for all steps of one kind.
struct StepDefaults {
  RetrySpec retry;
  std::int64_t timeout_us = 0;
};

/// What the project and the tenant give to every step of a pipeline.
struct StepSurroundings {
  std::string root;
  std::map<std::string, ConnectionEntry> connections;        ///< while values are unknown: those of all tenants
  std::map<std::string, std::string> tables;                 ///< the tenant's names of tables
  std::map<StepKind, StepDefaults> defaults;
  bool preview = false;
  std::map<std::string, std::int64_t> pools;
  /// Names of the project's pipelines with their parameters; nullptr = nobody asks.
  std::shared_ptr<const std::map<std::string, std::vector<std::string>>> pipelines = nullptr;
  /// Takes the tables that steps name, "" for one that only a run knows; nullptr = nobody asks.
  std::shared_ptr<std::set<std::string>> tables_named = nullptr;
  /// What to do about a connection that is missing; "" = nothing to say.
  std::string connection_help;
};

/// What decoding needs besides the node.
struct DecodeContext {
  const StepSurroundings& around;
  const Scope& scope;
  const SqlInspector& sql;
  Diagnostics& diagnostics;
  bool last = false;                 ///< the step stands under `finally`
};

/// Decode one step whose node passed CheckShape (so `${...}` are evaluated). Values that only a run knows are left at
/// their defaults; what can be checked without them is. nullopt when nothing useful is left.
std::optional<DraftStep> DecodeStep(const std::string& name, const Node::Entry& entry, const DecodeContext& context);

/// What transforms leave for `tune` to decide.
struct LeftOpen {
  std::vector<TuneSpec::Dimension> choices, numbers;
  std::optional<Place> place;        ///< of the first choice, else of the first number
};

/// The parts, for tests and for each other. REQUIRE: nodes that passed their shape.
TrainSpec DecodeTrain(const Node& node, const Node* gate, Diagnostics& diagnostics);
/// What stands under `transform` of a `train`; `open` takes what it leaves for `tune` to decide.
std::vector<TransformSpec> DecodeTransforms(const Node& node, Diagnostics& diagnostics, LeftOpen& open);
/// `references` takes the other steps that checks read; null: none may. `own`: the name of the step whose checks they are.
std::vector<CheckSpec> DecodeChecks(const Node* checks, const DecodeContext& context, std::string_view own = "", std::vector<StepReference>* references = nullptr);
/// Read a contract file; nullopt after reporting. `place` is where the path is written.
std::optional<Contract> ReadContract(const std::string& path, const Place& place, const DecodeContext& context);
/// Read the contract at `file`, which messages call `path`; nullopt after reporting.
std::optional<Contract> ReadContractFile(const std::string& file, const std::string& path, Diagnostics& diagnostics);
/// What stands under `command`; adds what it reads, and its unfitted text, to `draft`.
CommandSpec DecodeCommand(const Node& node, const DecodeContext& context, DraftStep& draft);
/// What stands under `command` of a learner: a program without inputs and outputs of its own.
CommandSpec DecodeProgram(const Node& node, const DecodeContext& context);
/// What stands under `aggregate`; adds what it reads, and its unfitted text, to `draft`.
AggregateSpec DecodeAggregate(const Node& node, const DecodeContext& context, DraftStep& draft);
/// What stands under `fill`, as a query; adds what it reads, and its unfitted text, to `draft`.
SqlSpec DecodeFill(const Node& node, const DecodeContext& context, DraftStep& draft);
/// What stands under `api` of an extract.
ApiSpec DecodeApi(const Node& node, const DecodeContext& context);
RetrySpec DecodeRetry(const Node& node, RetrySpec base);

/// Small readers; a null node gives the default.
std::string TextOf(const Node* node);
std::vector<std::string> TextsOf(const Node* node);                    ///< a list, or one scalar
std::int64_t IntOf(const Node* node, std::int64_t otherwise);
double DoubleOf(const Node* node, double otherwise);
bool BoolOf(const Node* node, bool otherwise);
std::int64_t DurationOf(const Node* node, std::int64_t otherwise);
std::int64_t SizeOf(const Node* node, std::int64_t otherwise);         ///< bytes
double ShareOf(const Node* node, double otherwise);
TextOrSecret TextOrSecretOf(const Node* node);
/// A place for "this map", short enough to underline.
Place StartOf(const Node& node);
/// Columns, each at most once.
std::vector<std::string> ColumnsOf(const Node* node, Diagnostics& diagnostics);
/// What to do about a file that a step names and that is not there: the nearest one, or where paths stand.
std::string MissingFileHelp(const std::string& root, const std::string& path);
/// The values under `bind`, and whether each `$name` of the query has one and each of them is used.
BoundValues BindOf(const Node* bind);
void CheckBinding(const SourcedText& query, const SqlFacts& facts, const Node* bind, Diagnostics& diagnostics);
/// What can be said without columns (FindEarlyErrors). False after reporting.
bool CheckExpressionSyntax(const Node& node, Diagnostics& diagnostics);

}  // namespace headrace

#include <filesystem>
#include <set>

#include "headrace/base/text.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/params.h"
#include "headrace/pipeline/yaml.h"
#include "headrace/sql/connection.h"
#include "headrace/sql/engine.h"

namespace headrace {
namespace {

constexpr std::size_t kMaxSqlBytes = 1 << 20;

class StepDecoder {
 public:
  StepDecoder(const Node& step, const DecodeContext& context)
      : step_(step), context_(context), around_(context.around), diagnostics_(context.diagnostics) {}

  std::optional<DraftStep> Decode(const std::string& name, const Node::Entry& entry) {
    StepSpec& spec = draft_.spec;
    spec.name = name;
    spec.bare_name = entry.key;
    spec.place = entry.key_place;
    spec.body = step_.place;
    if (const Node* node = step_.Find("extract")) spec.kind = StepKind::kExtract, spec.spec = Extract(*node);
    if (const Node* node = step_.Find("sql")) spec.kind = StepKind::kSql, spec.spec = Sql(*node);
    if (const Node* node = step_.Find("train")) spec.kind = StepKind::kTrain, spec.spec = Train(*node);
    if (const Node* node = step_.Find("score")) spec.kind = StepKind::kScore, spec.spec = Score(*node);
    if (const Node* node = step_.Find("deliver")) spec.kind = StepKind::kDeliver, spec.spec = Deliver(*node);
    if (const Node* node = step_.Find("command")) spec.kind = StepKind::kCommand, spec.spec = DecodeCommand(*node, context_, draft_);
    if (const Node* node = step_.Find("aggregate")) spec.kind = StepKind::kAggregate, spec.spec = DecodeAggregate(*node, context_, draft_);
    if (const Node* node = step_.Find("fill")) spec.kind = StepKind::kSql, spec.spec = DecodeFill(*node, context_, draft_);
    if (const Node* node = step_.Find("pipeline")) spec.kind = StepKind::kPipeline, spec.spec = Pipeline(*node);
    for (const char* key : {"gate", "register"})
      if (spec.kind != StepKind::kTrain) Refuse(key, StrCat("`", key, "` needs `train` beside it"));
    Refuse("with", "`with` needs `use` beside it");
    Common();
    return std::move(draft_);
  }

 private:
  void Error(DiagnosticCode code, const Place& place, std::string message, std::string help = "") {
    diagnostics_.AddError(code, place, std::move(message)).Help(std::move(help));
  }

  void Refuse(const char* key, std::string message) {
    if (const Node::Entry* entry = step_.FindEntry(key)) Error(DiagnosticCode::kConflict, entry->key_place, std::move(message), "remove it");
  }
  void RefuseIn(const Node& node, std::initializer_list<const char*> keys, std::string_view why) {
    for (const char* key : keys)
      if (const Node::Entry* entry = node.FindEntry(key))
        Error(DiagnosticCode::kConflict, entry->key_place, StrCat("`", key, "` has no meaning ", why), "remove it");
  }

  void Refer(StepReference::Role role, std::string inside, const Node& node) {
    if (!node.pending) draft_.references.push_back({role, std::move(inside), node.text, node.place});
  }

  // --- reading and writing: file | connection + table or query

  std::string Table(const Node& node) {
    if (around_.tables_named) around_.tables_named->insert(node.pending ? "" : node.text);
    if (node.pending) return "";
    const Result<QualifiedName> name = QualifiedName::Parse(node.text);
    if (!name.ok()) Error(DiagnosticCode::kBadValue, node.place, name.status().message(), "write `table` or `schema.table`");
    const auto renamed = around_.tables.find(node.text);
    return renamed == around_.tables.end() ? node.text : renamed->second;
  }

  std::string Connection(const Node& node) {
    const std::string name = TextOf(&node);
    if (name.empty() || around_.connections.contains(name)) return name;
    std::vector<std::string> known;
    for (const auto& [key, entry] : around_.connections) known.push_back(key);
    const std::string near = NearestName(name, known);
    std::string help = near.empty() ? around_.connection_help : StrCat("did you mean `", near, "`?");
    if (help.empty()) help = StrCat("define it under `connections:` in headrace.yaml or the tenant's file");
    Error(DiagnosticCode::kUnknownConnection, node.place, StrCat("no connection `", name, "`"), std::move(help));
    return name;
  }

  void CheckFormat(const Node& file, const std::string& format) {
    if (file.pending || !format.empty()) return;
    if (const Result<FileFormat> known = FileFormat::OfPath(file.text); !known.ok())
      Error(DiagnosticCode::kBadValue, file.place, known.status().message(), known.status().help());
  }

  // --- queries

  SourcedText Query(const Node& node) {
    if (!node.text.ends_with(".sql")) return node.Sourced();
    const std::filesystem::path file = std::filesystem::path(around_.root) / node.text;
    std::error_code error;
    if (!std::filesystem::is_regular_file(file, error)) {
      Error(DiagnosticCode::kMissingFile, node.place, StrCat("no query file `", node.text, "`"), MissingFileHelp(around_.root, node.text));
      return {};
    }
    const std::shared_ptr<const SourceFile> source = ReadOrReport(file.string(), node.text, kMaxSqlBytes, diagnostics_);
    if (source == nullptr) return {};
    if (Trim(source->text()).empty()) {
      Error(DiagnosticCode::kSql, node.place, StrCat("the query file `", node.text, "` is empty"));
      return {};
    }
    return {source->text(), {Place{source, 0, 1}, {{0, 0}}}};
  }

  std::optional<SqlFacts> Facts(const SourcedText& query, Result<SqlFacts> facts) {
    if (facts.ok()) return *std::move(facts);
    diagnostics_.AddStatus(DiagnosticCode::kSql, query, facts.status());
    return std::nullopt;
  }

  // --- kinds

  ExtractSpec Extract(const Node& node) {
    ExtractSpec spec;
    ExtractPresence(node, spec);
    spec.format = TextOf(node.Find("format"));
    spec.null_values = TextsOf(node.Find("null_values"));
    const Node* file = node.Find("file");
    const Node::Entry* connection = node.FindEntry("connection");
    if (const Node::Entry* api = node.FindEntry("api")) {
      if (const Node::Entry* other = connection != nullptr ? connection : node.FindEntry("file"))
        diagnostics_.AddError(DiagnosticCode::kConflict, api->key_place, StrCat("`extract` has both `api` and `", other->key, "`; exactly one may stand")).Related(other->key_place, "the other");
      RefuseIn(node, {"format", "delimiter", "table", "query", "bind"}, "beside `api`");
      spec.api = DecodeApi(api->value, context_);
    } else if (file != nullptr && connection != nullptr) {
      diagnostics_.AddError(DiagnosticCode::kConflict, connection->key_place, "`extract` has both `file` and `connection`; exactly one may stand").Related(node.FindEntry("file")->key_place, "the other");
    } else if (file != nullptr) {
      spec.file = TextOf(file);
      CheckFormat(*file, spec.format);
      ExtractDelimiter(node, spec);
      RefuseIn(node, {"table", "query", "bind"}, "beside `file`");
    } else if (connection == nullptr) {
      Error(DiagnosticCode::kMissingKey, StartOf(node), "`extract` needs `file`, `api`, or `connection` with `table` or `query`", "add `file: data/customers.csv`");
    } else {
      RefuseIn(node, {"format", "delimiter", "null_values"}, "beside `connection`");
      ExtractFromConnection(node, spec);
    }
    return spec;
  }

  /// What the rows must be besides well-formed: there, and other ones than last time.
  void ExtractPresence(const Node& node, ExtractSpec& spec) {
    spec.empty_allowed = TextOf(node.Find("empty")) == "allow";
    spec.unchanged_allowed = TextOf(node.Find("unchanged")) == "allow";
    const Node* file = node.Find("file");
    const Node* api = node.Find("api");
    const auto of_interval = [](const Node* value) { return value != nullptr && value->of_interval; };
    const auto any = [](const Node* map) { return map != nullptr && std::any_of(map->entries.begin(), map->entries.end(), [](const Node::Entry& entry) { return entry.value.of_interval; }); };
    spec.of_interval = of_interval(file) || any(node.Find("bind")) || (api != nullptr && (of_interval(api->Find("url")) || any(api->Find("headers")))) || TextOf(node.Find("unchanged")) == "refuse";
  }

  void ExtractDelimiter(const Node& node, ExtractSpec& spec) {
    const Node* delimiter = node.Find("delimiter");
    if (delimiter == nullptr) return;
    spec.delimiter = TextOf(delimiter);
    if (!delimiter->pending && spec.delimiter.size() != 1)
      Error(DiagnosticCode::kBadValue, delimiter->place, StrCat("`delimiter` takes one character, got ", Describe(*delimiter)), "a tab is written \"\\t\"");
  }

  void ExtractFromConnection(const Node& node, ExtractSpec& spec) {
    spec.connection = Connection(*node.Find("connection"));
    const Node* table = node.Find("table");
    const Node* query = node.Find("query");
    if ((table == nullptr) == (query == nullptr)) {
      const Node::Entry* at = query == nullptr ? node.FindEntry("connection") : node.FindEntry("query");
      Error(query == nullptr ? DiagnosticCode::kMissingKey : DiagnosticCode::kConflict, at->key_place, StrCat("`connection` takes ", query == nullptr ? "" : "only one of ", "`table` or `query` beside it"));
      return;
    }
    if (table != nullptr) {
      spec.table = Table(*table);
      draft_.spec.unfitted_text = StrCat("table ", TextOf(table));
      RefuseIn(node, {"bind"}, "beside `table`");
      return;
    }
    spec.query = Query(*query);
    spec.bind = BindOf(node.Find("bind"));
    draft_.spec.unfitted_text = spec.query->text;
    if (spec.query->text.empty()) return;
    const auto entry = around_.connections.find(spec.connection);
    const SqlDialect dialect = DialectOf(entry == around_.connections.end() ? "" : entry->second.driver);
    if (const auto facts = Facts(*spec.query, context_.sql.InspectForeignQuery(spec.query->text, dialect)))
      CheckBinding(*spec.query, *facts, node.Find("bind"), diagnostics_);
  }

  SqlSpec Sql(const Node& node) {
    SqlSpec spec;
    spec.query = Query(*node.Find("query"));
    spec.bind = BindOf(node.Find("bind"));
    spec.threads = IntOf(node.Find("threads"), 1);
    draft_.spec.unfitted_text = spec.query.text;
    if (spec.query.text.empty()) return spec;
    if (const auto facts = Facts(spec.query, context_.sql.InspectEngineQuery(spec.query.text))) {
      CheckBinding(spec.query, *facts, node.Find("bind"), diagnostics_);
      for (const SqlFacts::Mention& table : facts->tables)
        draft_.references.push_back({StepReference::Role::kTable, table.name, table.name, spec.query.origin.At(table.span)});
    }
    return spec;
  }

  TrainStepSpec Train(const Node& node) {
    TrainStepSpec spec;
    Refer(StepReference::Role::kData, "data", *node.Find("data"));
    spec.train = DecodeTrain(node, step_.Find("gate"), diagnostics_);
    const Node* learner = node.Find("learner");
    if (spec.train.learner.by_program) spec.program = DecodeProgram(learner->entries.front().value, context_);
    if (node.Find("target") == nullptr && spec.train.learner.kind != LearnerSpec::Kind::kKMeans && (learner == nullptr || !learner->pending))
      Error(DiagnosticCode::kMissingKey, StartOf(node), "`train` needs the key `target`", "add `target: churned`; only the learner `kmeans` has none");
    if (const Node* registration = step_.Find("register")) {
      RegisterSpec& entry = spec.registration.emplace();
      entry.name = TextOf(registration->Find("name"));
      const std::string promote = TextOf(registration->Find("promote"));
      if (promote == "never") entry.promote = RegisterSpec::Promote::kNever;
      if (promote == "approve") entry.promote = RegisterSpec::Promote::kApprove;
    }
    return spec;
  }

  ScoreSpec Score(const Node& node) {
    ScoreSpec spec;
    Refer(StepReference::Role::kData, "data", *node.Find("data"));
    Model(*node.Find("model"), spec.model);
    if (const Node* keep = node.Find("keep"); keep != nullptr && !keep->pending) spec.keep = ColumnsOf(keep, diagnostics_);
    spec.allow_changed_features = TextOf(node.Find("features_changed")) == "allow";
    spec.reasons = static_cast<int>(IntOf(node.Find("reasons"), 0));
    if (const Node* select = node.Find("select"); select != nullptr && !select->pending) spec.top = IntOf(select->Find("top"), 0);
    return spec;
  }

  void Model(const Node& node, ModelRef& model) {
    if (node.pending) return;
    const std::string& text = node.text;
    if (const std::size_t at = text.find('@'); at != std::string::npos) {
      model.name = text.substr(0, at);
      model.alias = text.substr(at + 1);
      std::int64_t version = 0;
      const bool alias = IsNameOf(ScalarType::kLabel, model.alias) || (ParseInt(model.alias, &version) && version > 0);
      if (!IsNameOf(ScalarType::kLabel, model.name) || !alias)
        Error(DiagnosticCode::kBadValue, node.place, StrCat("`model` takes a train step, NAME@ALIAS or a model file, got ", Describe(node)), "write `NAME@champion` or `NAME@3`");
    } else if (text.find('/') != std::string::npos || text.ends_with(".model")) {
      model.file = text;
    } else {
      Refer(StepReference::Role::kModel, "model", node);
    }
  }

  DeliverSpec Deliver(const Node& node) {
    DeliverSpec spec;
    spec.preview = around_.preview;
    Refer(StepReference::Role::kData, "data", *node.Find("data"));
    spec.key = ColumnsOf(node.Find("key"), diagnostics_);
    spec.allow_older = BoolOf(node.Find("allow_older"), false);
    const Node* file = node.Find("file");
    const Node::Entry* connection = node.FindEntry("connection");
    if (file != nullptr && connection != nullptr) {
      diagnostics_.AddError(DiagnosticCode::kConflict, connection->key_place, "`deliver` has both `file` and `connection`; exactly one may stand").Related(node.FindEntry("file")->key_place, "the other");
    } else if (file != nullptr) {
      spec.file = TextOf(file);
      spec.mode = DeliverSpec::Mode::kReplace;
      CheckFormat(*file, "");
      RefuseIn(node, {"table", "mode", "key", "allow_older"}, "beside `file`");
    } else if (connection == nullptr) {
      Error(DiagnosticCode::kMissingKey, StartOf(node), "`deliver` needs `file`, or `connection` with `table`", "add `file: out/scores.parquet`");
    } else {
      spec.connection = Connection(connection->value);
      if (const Node* table = node.Find("table")) spec.table = Table(*table);
      else Error(DiagnosticCode::kMissingKey, connection->key_place, "`connection` needs `table` beside it", "add `table: scores`");
      DeliverMode(node, spec);
    }
    return spec;
  }

  void DeliverMode(const Node& node, DeliverSpec& spec) {
    const Node* mode = node.Find("mode");
    const Node* key = node.Find("key");
    const std::string text = TextOf(mode);
    if (text == "append") spec.mode = DeliverSpec::Mode::kAppend;
    if (text == "replace") spec.mode = DeliverSpec::Mode::kReplace;
    const bool has_key = key != nullptr && (key->pending || !spec.key.empty());
    if (mode == nullptr && !has_key)
      Error(DiagnosticCode::kMissingKey, StartOf(node), "`deliver` to a table needs `key`, or `mode: append` or `replace`", "add `key: [customer_id]`");
    if (text == "upsert" && !has_key) Error(DiagnosticCode::kMissingKey, mode->place, "`mode: upsert` needs `key`", "add `key: [customer_id]`");
  }

  PipelineStepSpec Pipeline(const Node& node) {
    PipelineStepSpec spec;
    const Node& name = *node.Find("name");
    spec.pipeline = TextOf(&name);
    spec.output = TextOf(node.Find("output"));
    draft_.spec.unfitted_text = StrCat("pipeline ", spec.pipeline, " output ", spec.output);
    if (!name.pending && around_.pipelines != nullptr) KnownPipeline(name, node.Find("params"));
    if (const Node* params = node.Find("params"))
      for (const Node::Entry& entry : params->entries) spec.params.emplace_back(entry.key, TextOf(&entry.value));
    return spec;
  }

  void KnownPipeline(const Node& name, const Node* params) {
    const auto found = around_.pipelines->find(name.text);
    const auto help = [](const std::string& near, std::string_view what, const std::vector<std::string>& known) {
      return near.empty() ? StrCat(what, ": ", Join(known, ", ")) : StrCat("did you mean `", near, "`?");
    };
    std::vector<std::string> known;
    if (found == around_.pipelines->end()) {
      for (const auto& [other, declared] : *around_.pipelines) known.push_back(other);
      return Error(DiagnosticCode::kUnknownPipeline, name.place, StrCat("no pipeline `", name.text, "`"), help(NearestName(name.text, known), "pipelines", known));
    }
    for (const std::string& parameter : found->second) known.push_back(parameter);
    for (const Node::Entry& given : params == nullptr ? std::vector<Node::Entry>() : params->entries)
      if (std::find(known.begin(), known.end(), given.key) == known.end())
        Error(DiagnosticCode::kUnknownParameter, given.key_place, StrCat("pipeline `", name.text, "` has no parameter `", given.key, "`"),
              known.empty() ? "it has none" : help(NearestName(given.key, known), "parameters", known));
  }

  // --- keys beside every kind

  void Common() {
    StepSpec& spec = draft_.spec;
    spec.checks = DecodeChecks(step_.Find("checks"), context_, spec.bare_name, &draft_.references);
    Quarantine();
    if (spec.kind == StepKind::kDeliver) Refuse("checks", "`deliver` has no output to check; put checks on the step it reads");
    if (spec.kind == StepKind::kTrain) Refuse("checks", "`train` gives a model, not rows; conditions on it stand under `gate`");
    if (spec.kind == StepKind::kPipeline && spec.as<PipelineStepSpec>().output.empty()) Refuse("checks", "`checks` judge rows, and this step has none; add `output` under `pipeline`");
    if (spec.kind == StepKind::kCommand) {
      Refuse("reads", "what a command reads stands under `command`");
      if (!spec.as<CommandSpec>().has_output("")) Refuse("checks", "`checks` judge a command's main output, and this one has none; read its outputs by a `sql` step with checks");
    }
    const auto against_training = [](const CheckSpec& check) { return check.kind == CheckSpec::Kind::kDrift && check.drift.against == "training"; };
    if (spec.kind != StepKind::kScore && std::any_of(spec.checks.begin(), spec.checks.end(), against_training))
      Error(DiagnosticCode::kCheck, step_.FindEntry("checks")->key_place, "`drift: {against: training}` needs the model of a `score` step", "put it on the step that scores: it compares the rows that step reads, too; or name a model file");
    if (const Node* when = step_.Find("when")) When(*when);
    References("after", StepReference::Role::kAfter);
    References("reads", StepReference::Role::kReads);
    if (const auto defaults = around_.defaults.find(spec.kind); defaults != around_.defaults.end()) {
      spec.retry = defaults->second.retry;
      spec.timeout_us = defaults->second.timeout_us;
    }
    if (const Node* retry = step_.Find("retry")) spec.retry = DecodeRetry(*retry, spec.retry);
    spec.timeout_us = DurationOf(step_.Find("timeout"), spec.timeout_us);
    if (const Node* cache = step_.Find("cache")) {
      spec.cache.reuse = !(cache->is_scalar() && TextOf(cache) == "off");
      if (cache->is_map()) spec.cache.fresh_for_us = DurationOf(cache->Find("fresh_for"), 0);
      if (cache->is_map() && spec.kind != StepKind::kExtract)
        Error(DiagnosticCode::kConflict, cache->entries.front().key_place, "`fresh_for` is for `extract`: other steps are made again when what they read changed", "remove it");
    }
    EmptyAnswer();
    Pool();
    Approve();
    const std::string on_failure = TextOf(step_.Find("on_failure"));
    if (on_failure == "stop_run") spec.on_failure = StepSpec::OnFailure::kStopRun;
    if (on_failure == "continue") spec.on_failure = StepSpec::OnFailure::kContinue;
    spec.last = context_.last;
  }

  /// An empty list of an API names no column.
  void EmptyAnswer() {
    const Node* extract = step_.Find("extract");
    if (extract == nullptr || draft_.spec.kind != StepKind::kExtract || !draft_.spec.as<ExtractSpec>().api || !draft_.spec.as<ExtractSpec>().empty_allowed) return;
    if (ExtractSpec::ContractOf(draft_.spec.checks) == nullptr)
      Error(DiagnosticCode::kConflict, extract->FindEntry("empty")->key_place, "`empty: allow` beside `api` needs a contract: an empty list names no column", "add `checks: [{contract: contracts/...}]` to the step");
  }

  void Quarantine() {
    const Node::Entry* entry = step_.FindEntry("quarantine");
    if (entry == nullptr) return;
    StepSpec& spec = draft_.spec;
    if (spec.kind == StepKind::kTrain || spec.kind == StepKind::kDeliver || spec.kind == StepKind::kPipeline)
      return Refuse("quarantine", StrCat("`", StepKindName(spec.kind), "` makes no rows of its own that could be put aside"));
    if (spec.kind == StepKind::kCommand && spec.as<CommandSpec>().has_output("quarantine")) return Refuse("quarantine", "the command has an output `quarantine` of its own");
    spec.quarantine_at_most = ShareOf(entry->value.Find("at_most"), 0);
    const auto refuses = [](const CheckSpec& check) { return check.severity == Severity::kError && (check.of_single_rows() || check.kind == CheckSpec::Kind::kContract); };
    if (step_.Find("checks") == nullptr || std::none_of(spec.checks.begin(), spec.checks.end(), refuses))
      Error(DiagnosticCode::kConflict, entry->key_place, "`quarantine` needs checks of single rows beside it, which say what a bad row is", "add `checks`, for example `- not_null: [id]`");
    for (const CheckSpec& check : spec.checks)
      if (refuses(check) && check.at_least < 1)
        Error(DiagnosticCode::kConflict, entry->key_place, StrCat("`at_least` lets bad rows through and `quarantine` puts them aside; the check `", check.name, "` has both"), "remove `at_least`, or give the check `severity: warn`");
  }

  void Pool() {
    const Node* pool = step_.Find("pool");
    draft_.spec.pool = TextOf(pool);
    if (pool == nullptr || pool->pending || around_.pools.contains(pool->text)) return;
    std::vector<std::string> known;
    for (const auto& [name, slots] : around_.pools) known.push_back(name);
    const std::string near = NearestName(pool->text, known);
    Error(DiagnosticCode::kBadValue, pool->place, StrCat("no pool `", pool->text, "`"),
          near.empty() ? StrCat("write `pools: {", pool->text, ": 2}` in headrace.yaml") : StrCat("did you mean `", near, "`?"));
  }

  void Approve() {
    StepSpec& spec = draft_.spec;
    const bool promotes = spec.kind == StepKind::kTrain && spec.as<TrainStepSpec>().registration && spec.as<TrainStepSpec>().registration->promote == RegisterSpec::Promote::kApprove;
    spec.approve = promotes;
    const Node::Entry* entry = step_.FindEntry("approve");
    if (entry == nullptr) return;
    const Node& node = entry->value;
    if (step_.Find("for_each") != nullptr) return Error(DiagnosticCode::kConflict, entry->key_place, "`approve` cannot stand beside `for_each`", "let one delivery read the rows of all items");
    if (spec.kind != StepKind::kDeliver && !promotes)
      return Error(DiagnosticCode::kConflict, entry->key_place, "`approve` stands beside `deliver`, or beside `train` with `register: {promote: approve}`", "remove it");
    spec.approve = promotes || node.is_map() || BoolOf(&node, false);
    if (node.is_map()) spec.approve_within_us = DurationOf(node.Find("within"), 0);
  }

  void References(const char* key, StepReference::Role role) {
    const Node* node = step_.Find(key);
    if (node == nullptr) return;
    if (node->is_scalar()) Refer(role, "", *node);
    for (const Node& item : node->items) Refer(role, "", item);
  }

  void When(const Node& node) {
    StepSpec& spec = draft_.spec;
    spec.when = TextOf(&node);
    if (!CheckExpressionSyntax(node, diagnostics_) || node.pending) return;
    const Result<Expression> expression = Expression::Parse(node.text);
    const SourcedText text = node.Sourced();
    const Result<BoundExpression> bound = expression->Bind(Schema(), context_.scope.names());
    if (!bound.ok()) return diagnostics_.AddStatus(DiagnosticCode::kExpression, text, bound.status());
    if (bound->type() != Type::kBool)
      return Error(DiagnosticCode::kExpression, node.place, StrCat("`when` takes a condition, but the expression gives a ", TypeName(bound->type())));
    for (const std::string& name : expression->names())
      if (context_.scope.IsUnknown(name)) return;
    const Result<Value> value = bound->EvaluateScalar();
    if (!value.ok()) return diagnostics_.AddStatus(DiagnosticCode::kExpression, text, value.status());
    spec.enabled = !value->is_null() && value->as_bool();
  }

  const Node& step_;
  const DecodeContext& context_;
  const StepSurroundings& around_;
  Diagnostics& diagnostics_;
  DraftStep draft_;
};

}  // namespace

std::optional<DraftStep> DecodeStep(const std::string& name, const Node::Entry& entry, const DecodeContext& context) {
  return StepDecoder(entry.value, context).Decode(name, entry);
}

std::string_view StepKindName(StepKind kind) {
  switch (kind) {
    case StepKind::kExtract: return "extract";
    case StepKind::kSql: return "sql";
    case StepKind::kTrain: return "train";
    case StepKind::kScore: return "score";
    case StepKind::kDeliver: return "deliver";
    case StepKind::kCommand: return "command";
    case StepKind::kPipeline: return "pipeline";
    case StepKind::kUnion: return "union";
    case StepKind::kAggregate: return "aggregate";
  }
  return "extract";
}

std::string_view DeliverModeName(DeliverSpec::Mode mode) {
  switch (mode) {
    case DeliverSpec::Mode::kUpsert: return "upsert";
    case DeliverSpec::Mode::kAppend: return "append";
    case DeliverSpec::Mode::kReplace: return "replace";
  }
  return "upsert";
}

const Contract* ExtractSpec::ContractOf(const std::vector<CheckSpec>& checks) {
  for (const CheckSpec& check : checks)
    if (check.kind == CheckSpec::Kind::kContract) return &check.contract;
  return nullptr;
}

}  // namespace headrace

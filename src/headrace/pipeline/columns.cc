#include "headrace/pipeline/columns.h"

#include <algorithm>
#include <cctype>

#include "headrace/aggregate/plan.h"
#include "headrace/base/text.h"
#include "headrace/check/check.h"
#include "headrace/model/train.h"
#include "headrace/pipeline/tags.h"
#include "headrace/sql/engine.h"

namespace headrace {
namespace {

/// The items' rows come with a column that says whose they are.
constexpr const char* kItem = "item";

std::unique_ptr<TableStream> NoRows(const Schema& schema) {
  std::vector<ColumnPtr> columns;
  for (const Field& field : schema.fields()) columns.push_back(ColumnBuilder(field.type).Finish());
  return StreamOf(Table(schema, std::move(columns), 0));
}

bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Where `word` stands in `text` and is not a part of a longer word.
std::optional<std::size_t> FindWord(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !IsWord(word.front()) || !IsWord(text[at - 1]);
    const std::size_t end = at + word.size();
    if (begins && (end == text.size() || !IsWord(word.back()) || !IsWord(text[end]))) return at;
  }
  return std::nullopt;
}

/// The place in a step's text that a message speaks of: what it quotes between backticks, then what it quotes next where that stands within, and so on. The
/// step's name when nothing quoted is there.
Place PlaceOf(const StepSpec& step, std::string_view message) {
  if (step.body.source == nullptr) return step.place;
  const std::string_view text = step.body.source->text();
  Place found = step.body;
  bool any = false;
  for (std::size_t open = message.find('`'); open != std::string_view::npos; open = message.find('`', open)) {
    const std::size_t close = message.find('`', open + 1);
    if (close == std::string_view::npos) break;
    const std::string_view quoted = message.substr(open + 1, close - open - 1);
    open = close + 1;
    if (quoted.empty()) continue;
    const std::optional<std::size_t> at = FindWord(text.substr(found.offset, found.length), quoted);
    if (!at) continue;
    found = {found.source, found.offset + *at, quoted.size()};
    any = true;
  }
  return any ? found : step.place;
}

class ColumnChecker {
 public:
  ColumnChecker(const ResolvedPipeline& pipeline, Diagnostics& diagnostics) : pipeline_(pipeline), diagnostics_(diagnostics) {}

  std::map<std::string, Schema> Run() {
    for (const StepSpec& step : pipeline_.steps) {
      const std::optional<Schema> own = Of(step);
      if (!own) continue;
      CheckChecks(step, *own);
      if (const std::optional<Schema> read = step.for_each ? WithItem(step, *own) : own) known_.emplace(step.name, *read);
    }
    return std::move(known_);
  }

 private:
  /// What one run of the step gives; nullopt: not known.
  std::optional<Schema> Of(const StepSpec& step) {
    switch (step.kind) {
      case StepKind::kExtract:
      case StepKind::kCommand: return OfContract(step);
      case StepKind::kSql: return OfQuery(step);
      case StepKind::kAggregate: return OfAggregate(step);
      case StepKind::kTrain: CheckTrain(step); return std::nullopt;
      case StepKind::kScore: CheckNames(step, "keep", step.as<ScoreSpec>().keep.value_or(std::vector<std::string>())); return std::nullopt;
      case StepKind::kDeliver: CheckNames(step, "key", step.as<DeliverSpec>().key); return std::nullopt;
      default: return std::nullopt;
    }
  }

  static std::optional<Schema> OfContract(const StepSpec& step) {
    const Contract* contract = ExtractSpec::ContractOf(step.checks);
    if (contract == nullptr || contract->extra != ExtraColumns::kRefuse || contract->columns.empty()) return std::nullopt;
    return contract->schema();
  }

  std::optional<Schema> OfQuery(const StepSpec& step) {
    const auto& spec = step.as<SqlSpec>();
    if (!OpenEngine()) return std::nullopt;
    Status added;
    for (const StepInput& input : step.inputs) {
      if (input.for_checks()) continue;
      if (!Knows(input)) return std::nullopt;
      if (added.ok()) added = engine_->AddColumns(input.name, known_.at(input.step));
    }
    for (const auto& [name, value] : spec.value_tables)
      if (added.ok()) added = engine_->AddColumns(name, Schema({{name, value.type()}}));
    if (!added.ok()) return std::nullopt;
    Result<Schema> schema = engine_->Describe(spec.query.text, SqlParameters(spec.bind.begin(), spec.bind.end()));
    if (schema.ok()) return *std::move(schema);
    if (schema.status().code() == ErrorCode::kInvalid) diagnostics_.AddStatus(DiagnosticCode::kColumns, spec.query, schema.status());
    return std::nullopt;
  }

  std::optional<Schema> OfAggregate(const StepSpec& step) {
    const Schema* events = nullptr;
    const Schema* dates = nullptr;
    for (const StepInput& input : step.inputs) {
      if (input.name != kEventsInput && input.name != kDatesInput) continue;
      if (!Knows(input)) return std::nullopt;
      (input.name == kEventsInput ? events : dates) = &known_.at(input.step);
    }
    if (events == nullptr) return std::nullopt;
    const Result<AggregatePlan> plan = AggregatePlan::Make(step.as<AggregateSpec>(), *events, dates);
    if (plan.ok()) return plan->output();
    Refuse(step, plan.status());
    return std::nullopt;
  }

  /// One for all queries; where there is none, a run will say why.
  bool OpenEngine() {
    if (engine_ == nullptr)
      if (Result<std::unique_ptr<Engine>> opened = Engine::Open({}); opened.ok()) engine_ = *std::move(opened);
    return engine_ != nullptr;
  }

  /// Columns that `key` of the step names, against those of its data.
  void CheckNames(const StepSpec& step, std::string_view key, const std::vector<std::string>& names) {
    const StepInput* data = KnownData(step);
    if (data == nullptr) return;
    const std::vector<std::string> known = known_.at(data->step).Names();
    for (const std::string& name : names) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::string near = NearestName(name, known);
      Refuse(step, Error(ErrorCode::kInvalid, "there is no column `", name, "` in `", data->step, "`, which `", key, "` names")
                       .WithHelp(near.empty() ? StrCat("its columns: ", Join(known, ", ")) : StrCat("did you mean `", near, "`?")));
    }
  }

  void CheckTrain(const StepSpec& step) {
    TrainSpec train = step.as<TrainStepSpec>().train;
    if (const Status tags = ResolveTags(pipeline_, train.transform); !tags.ok()) return Refuse(step, tags);
    if (const StepInput* data = KnownData(step)) Refuse(step, CheckTrainColumns(train, known_.at(data->step)));
  }

  void CheckChecks(const StepSpec& step, const Schema& schema) {
    for (const CheckSpec& check : step.checks)
      if (check.kind == CheckSpec::Kind::kSql) CheckQuery(step, schema, check);
      else if (check.kind != CheckSpec::Kind::kDrift) CheckOne(step, schema, check);
  }

  /// Of the verdicts on no rows only that of a contract tells something.
  void CheckOne(const StepSpec& step, const Schema& schema, const CheckSpec& check) {
    CheckContext around;
    around.threads = 1;
    if (!check.dataset.empty()) {
      const auto other = std::find_if(step.inputs.begin(), step.inputs.end(), [&](const StepInput& input) { return input.name == StrCat(kCheckInput, check.dataset); });
      if (other == step.inputs.end() || !Knows(*other)) return;
      around.open = [this, step_name = other->step](const std::string&) -> Result<std::unique_ptr<TableStream>> { return NoRows(known_.at(step_name)); };
    }
    Result<CheckScan> scan = CheckScan::Make({&check, 1}, schema, around);
    if (!scan.ok()) return Refuse(step, scan.status());
    if (check.kind != CheckSpec::Kind::kContract || check.severity != Severity::kError) return;
    const Result<std::vector<CheckVerdict>> verdicts = scan->Finish();
    if (verdicts.ok() && !verdicts->empty() && !(*verdicts)[0].passed) Refuse(step, Error(ErrorCode::kData, (*verdicts)[0].message).WithHelp((*verdicts)[0].help));
  }

  void CheckQuery(const StepSpec& step, const Schema& schema, const CheckSpec& check) {
    if (!OpenEngine()) return;
    Status added = engine_->AddColumns(step.bare_name, schema);
    for (const StepInput& input : step.inputs) {
      if (!input.for_checks()) continue;
      if (!Knows(input)) return;
      if (added.ok()) added = engine_->AddColumns(input.name.substr(kCheckInput.size()), known_.at(input.step));
    }
    if (!added.ok()) return;
    const Status status = engine_->Describe(check.query, SqlParameters(check.bind.begin(), check.bind.end())).status();
    if (status.code() == ErrorCode::kInvalid) Refuse(step, Error(ErrorCode::kInvalid, "check `", check.name, "`: ", status.message()).WithHelp(status.help()));
  }

  /// The step's `data:`; nullptr when its columns are not known.
  const StepInput* KnownData(const StepSpec& step) const {
    const auto data = std::find_if(step.inputs.begin(), step.inputs.end(), [](const StepInput& input) { return input.name == "data"; });
    return data != step.inputs.end() && Knows(*data) ? &*data : nullptr;
  }

  bool Knows(const StepInput& input) const { return input.output.empty() && known_.contains(input.step); }

  void Refuse(const StepSpec& step, const Status& status) {
    if (!status.ok()) diagnostics_.AddError(DiagnosticCode::kColumns, PlaceOf(step, status.message()), StrCat("`", step.name, "`: ", status.message())).Help(status.help());
  }

  static std::optional<Schema> WithItem(const StepSpec& step, const Schema& own) {
    const ForEachSpec& each = *step.for_each;
    std::optional<Type> type;
    if (!each.values.empty()) type = each.values[0].type();
    for (const auto& [name, column] : each.columns)
      if (name == each.key) type = column;
    if (!type || own.IndexOf(kItem)) return std::nullopt;
    std::vector<Field> fields = {{kItem, *type}};
    fields.insert(fields.end(), own.fields().begin(), own.fields().end());
    return Schema(std::move(fields));
  }

  const ResolvedPipeline& pipeline_;
  Diagnostics& diagnostics_;
  std::unique_ptr<Engine> engine_;
  std::map<std::string, Schema> known_;
};

}  // namespace

std::map<std::string, Schema> CheckColumns(const ResolvedPipeline& pipeline, Diagnostics& diagnostics) { return ColumnChecker(pipeline, diagnostics).Run(); }

void CheckColumns(const Project& project, std::string_view pipeline, Diagnostics& diagnostics) {
  std::vector<std::string> tenants = project.tenants();
  tenants.insert(tenants.begin(), "");
  for (const std::string& name : project.pipelines()) {
    if (!pipeline.empty() && name != pipeline) continue;
    for (const std::string& tenant : tenants) {
      Diagnostics missing;   // a value that only a caller knows
      const Result<ResolvedPipeline> resolved = project.Resolve({.pipeline = name, .tenant = tenant, .interval = {0, 86'400'000'000}}, missing);
      if (!resolved.ok()) continue;
      CheckColumns(*resolved, diagnostics);
      break;
    }
  }
}

}  // namespace headrace

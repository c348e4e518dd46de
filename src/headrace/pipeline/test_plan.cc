// Which part of a pipeline a test runs. From the steps that must give something we walk up what they read; a step that rows stand for ends the
// walk. What remains may only compute: a kind of step that is not known to stay inside is refused, so that a new kind cannot slip through.

#include <algorithm>
#include <set>

#include "headrace/base/text.h"
#include "headrace/pipeline/test_file.h"

namespace headrace {
namespace {

bool LooksLike(const Node& cell, Type type) {
  const bool number = IsNumeric(type) || type == Type::kBool;
  if (number && cell.style != Node::Style::kPlain) return false;
  const std::string_view digits = std::string_view(cell.text).substr(cell.text.starts_with('-') ? 1 : 0);
  if (IsNumeric(type) && digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') return false;
  return Value::Parse(cell.text, type).ok();
}

/// The type of a column that neither contract nor test types: the first that all its values read as. A quoted value is no number, and
/// neither is one with a leading zero.
Type InferType(const std::vector<std::vector<Node>>& rows, std::size_t column) {
  const bool any = std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return !row[column].is_null(); });
  for (const Type type : {Type::kInt, Type::kDouble, Type::kBool, Type::kDate, Type::kTimestamp})
    if (any && std::all_of(rows.begin(), rows.end(), [&](const auto& row) { return row[column].is_null() || LooksLike(row[column], type); })) return type;
  return Type::kText;
}

class TestPlanner {
 public:
  TestPlanner(const ProjectTest& test, TestRowsFrom from, Diagnostics& diagnostics) : test_(test), from_(from), diagnostics_(diagnostics) {}

  TestPlan Plan(ResolvedPipeline resolved) {
    all_ = std::move(resolved);
    FindGiven();
    TestPlan plan;
    for (const TestExpectation& expectation : test_.expect)
      if (std::optional<TestPlan::Target> target = FindTarget(expectation)) {
        Need(target->step, expectation.place);
        plan.targets.push_back(*std::move(target));
      }
    const bool all_known = plan.targets.size() == test_.expect.size();   // else a misspelt name may be what reads them
    for (const auto& [step, given] : given_)
      if (all_known && !needed_.contains(step) && from_ == TestRowsFrom::kGiven)
        Error(given->place, StrCat("no step that must give something reads `", step, "`")).Help("remove these rows, or say under `expect:` what comes of them");
    for (const auto& [name, model] : test_.models)
      if (!models_used_.contains(name)) Error(model.place, StrCat("no step that this test runs applies a model `", name, "`"));
    plan.pipeline = Cut(plan);
    return plan;
  }

 private:
  Diagnostic& Error(const Place& place, std::string message) { return diagnostics_.AddError(DiagnosticCode::kWrongInput, place, std::move(message)); }

  /// By full name, or by the step's own when only one has it. nullptr after reporting.
  const StepSpec* FindStep(const std::string& name, const Place& place) {
    std::vector<const StepSpec*> found;
    std::vector<std::string> names;
    for (const StepSpec& step : all_.steps) {
      names.push_back(step.name);
      if (step.bare_name != step.name) names.push_back(step.bare_name);
      if (step.name == name) return &step;
      if (step.bare_name == name) found.push_back(&step);
    }
    if (found.size() == 1) return found.front();
    if (found.size() > 1) {
      diagnostics_.AddError(DiagnosticCode::kDuplicateName, place, StrCat("`", name, "` may mean ", found[0]->name, " or ", found[1]->name)).Help(StrCat("write `", found[0]->name, "`"));
      return nullptr;
    }
    const std::string near = NearestName(name, names);
    diagnostics_.AddError(DiagnosticCode::kUnknownStep, place, StrCat("pipeline `", all_.pipeline, "` has no step `", name, "`"))
        .Help(!near.empty() ? StrCat("did you mean `", near, "`?") : StrCat("its steps: ", Join(names, ", ")));
    return nullptr;
  }

  void FindGiven() {
    for (const auto& [name, given] : test_.given) {
      const StepSpec* step = FindStep(name, given.place);
      if (step == nullptr) continue;
      if (step->kind == StepKind::kDeliver) Error(given.place, StrCat("`", name, "` delivers; it has no rows that could be given"));
      else if (step->kind == StepKind::kTrain) Error(given.place, StrCat("`", name, "` makes a model, not rows")).Help(StrCat("give a model file: `models: {", name, ": FILE}`"));
      else if (!given_.emplace(step->name, &given).second) Error(given.place, StrCat("rows for `", step->name, "` are given twice"));
    }
  }

  std::optional<TestPlan::Target> FindTarget(const TestExpectation& expectation) {
    TestPlan::Target target;
    std::string name = expectation.name;
    for (const std::string_view output : {"test_predictions", "quarantine"})
      if (all_.Find(name) == nullptr && name.size() > output.size() && name.ends_with(output) && name[name.size() - output.size() - 1] == '.') {
        name.resize(name.size() - output.size() - 1);
        target.output = output;
      }
    const StepSpec* step = FindStep(name, expectation.place);
    if (step == nullptr) return std::nullopt;
    const bool trains = step->kind == StepKind::kTrain, aside = target.output == "quarantine";
    if (aside && !step->quarantine_at_most) {
      Error(expectation.place, StrCat("step `", name, "` puts no rows aside")).Help("give it `quarantine: {at_most: ...}`");
      return std::nullopt;
    }
    if (!aside && trains != !target.output.empty() && expectation.fails.empty()) {
      Error(expectation.place, trains ? StrCat("`", name, "` makes a model, not rows") : StrCat("step `", name, "` has no output `test_predictions`"))
          .Help(trains ? StrCat("its test rows with scores are `", name, ".test_predictions`") : StrCat("write `", name, "`"));
      return std::nullopt;
    }
    target.step = step->name;
    target.key = expectation.key;
    target.checks = expectation.checks;
    for (const CheckSpec& check : step->checks)
      if (check.kind == CheckSpec::Kind::kUnique && target.key.empty()) target.key = check.columns;
    if (expectation.rows && expectation.rows->file.empty())
      for (const std::string& column : expectation.key)
        if (const auto& named = expectation.rows->columns; !named.empty() && std::find(named.begin(), named.end(), column) == named.end())
          Error(expectation.place, StrCat("the key `", column, "` is no column of the expected rows")).Help(StrCat("their columns: ", Join(named, ", ")));
    if (step->kind != StepKind::kDeliver) return target;
    if (!expectation.fails.empty()) Error(expectation.place, StrCat("`", name, "` delivers, which no test does, so it cannot fail")).Help("say what must fail of a step before it");
    const auto& deliver = step->as<DeliverSpec>();
    if (!deliver.key.empty()) {
      if (target.key.empty()) target.key = deliver.key;
      CheckSpec unique;
      unique.kind = CheckSpec::Kind::kUnique;
      unique.columns = deliver.key;
      unique.name = StrCat("the delivery's key [", Join(deliver.key, ", "), "] is unique");
      target.checks.push_back(std::move(unique));
    }
    target.output = step->inputs.front().output;
    target.step = step->inputs.front().step;
    return target;
  }

  /// Mark `name` and all that it reads as steps of the test.
  void Need(const std::string& name, const Place& place) {
    if (!needed_.insert(name).second) return;
    const StepSpec& step = *all_.Find(name);
    const auto given = given_.find(name);
    const bool replaced = from_ == TestRowsFrom::kGiven ? given != given_.end() : step.kind == StepKind::kExtract;
    if (test_.all_checks && (!replaced || step.kind == StepKind::kExtract))
      for (const StepInput& input : step.inputs)
        if (input.for_checks()) Need(input.step, place);
    if (replaced) return;
    switch (step.kind) {
      case StepKind::kSql: case StepKind::kAggregate: break;
      case StepKind::kTrain:
        if (!step.as<TrainStepSpec>().program) break;
        Error(place, StrCat("step `", step.name, "` is trained by a program, which acts outside")).Help(StrCat("give a model file in its place: `models: {", step.bare_name, ": FILE}`"));
        return;
      case StepKind::kScore: NeedModel(step, place); break;
      default: Refuse(step, place); return;
    }
    if (step.for_each && step.for_each->rows) Need(step.for_each->rows->step, place);
    for (const StepInput& input : step.inputs)
      if (!input.for_checks() && (!models_.contains(name) || input.name != "model")) Need(input.step, place);
  }

  void Refuse(const StepSpec& step, const Place& place) {
    std::string where;
    if (step.kind == StepKind::kExtract) {
      const auto& extract = step.as<ExtractSpec>();
      where = extract.api ? std::string(" asks an API") : extract.file.empty() ? StrCat(" reads the connection `", extract.connection, "`") : StrCat(" reads `", extract.file, "`");
    } else {
      where = StrCat(" is of kind ", StepKindName(step.kind), ", which acts outside");
    }
    Error(place, StrCat("step `", step.name, "`", where, ", and the test gives no rows that stand for it")).Help(StrCat("add `", step.name, ":` with its rows under `given:`"));
  }

  /// A model of the registry is one that a step of this test trains, or a file.
  void NeedModel(const StepSpec& step, const Place& place) {
    const ModelRef& ref = step.as<ScoreSpec>().model;
    for (const std::string& name : {ref.name, ref.step}) {
      const auto model = name.empty() ? test_.models.end() : test_.models.find(name);
      if (model == test_.models.end()) continue;
      models_used_.insert(name);
      models_[step.name] = model->second.path;
      return;
    }
    if (!ref.file.empty() || !ref.step.empty()) return;
    for (const StepSpec& other : all_.steps) {
      if (other.kind != StepKind::kTrain || !other.as<TrainStepSpec>().registration || other.as<TrainStepSpec>().registration->name != ref.name) continue;
      return Need(other.name, place);
    }
    Error(place, StrCat("step `", step.name, "` applies `", ref.name, "@", ref.alias, "`, which no step of this pipeline trains"))
        .Help(StrCat("give a model file: `models: {", ref.name, ": FILE}`"));
  }

  ResolvedPipeline Cut(TestPlan& plan) {
    ResolvedPipeline cut = all_;
    cut.connections.clear();
    std::erase_if(cut.steps, [&](const StepSpec& step) { return !needed_.contains(step.name); });
    std::erase_if(cut.last_if_failed, [&](const auto& entry) { return !needed_.contains(entry.first); });
    for (StepSpec& step : cut.steps) {
      if (!test_.all_checks) {
        std::erase_if(step.checks, [](const CheckSpec& check) { return !check.holds_for_few_rows(); });
        std::erase_if(step.inputs, [](const StepInput& input) { return input.for_checks(); });
      }
      std::erase_if(step.upstream, [&](const std::string& name) { return !needed_.contains(name); });
      step.retry = {};
      step.approve = false;   // nobody is there to say yes, and nothing to say it about
      if (step.kind == StepKind::kTrain)
        if (auto& registration = (*std::get<Boxed<TrainStepSpec>>(step.spec)).registration; registration && registration->promote == RegisterSpec::Promote::kApprove)
          registration->promote = RegisterSpec::Promote::kAuto;
      const bool recorded = from_ == TestRowsFrom::kRecorded && step.kind == StepKind::kExtract;
      const auto given = given_.find(step.name);
      if (recorded || (from_ == TestRowsFrom::kGiven && given != given_.end())) {
        Replace(step, recorded ? nullptr : &given->second->rows, plan);
      } else if (const auto model = models_.find(step.name); model != models_.end()) {
        std::get<ScoreSpec>(step.spec).model = {"", "", "", model->second};
        std::erase_if(step.inputs, [](const StepInput& input) { return input.name == "model"; });
      }
    }
    return cut;
  }

  void Replace(StepSpec& step, const TestRows* rows, TestPlan& plan) {
    const Contract* contract = ExtractSpec::ContractOf(step.checks);
    if (rows != nullptr && !rows->file.empty()) plan.files[step.name] = rows;
    else if (rows != nullptr)
      if (std::optional<Table> table = Typed(*rows, contract)) plan.given[step.name] = *std::move(table);
    plan.replaced.push_back(step.name);
    const bool checked = step.kind == StepKind::kExtract;        // of others, given rows name only the columns that matter
    if (!checked) step.checks.clear();
    std::erase_if(step.inputs, [&](const StepInput& input) { return !checked || !input.for_checks(); });
    step.upstream.clear();
    for (const StepInput& input : step.inputs) step.upstream.push_back(input.step);
    ExtractSpec given;
    given.empty_allowed = step.kind != StepKind::kExtract || step.as<ExtractSpec>().empty_allowed;
    step.kind = StepKind::kExtract;
    step.spec = std::move(given);
    step.for_each.reset();       // the rows of all items are given
    step.timeout_us = 0;
    step.enabled = true;
  }

  std::optional<Table> Typed(const TestRows& rows, const Contract* contract) {
    std::vector<Field> fields;
    std::vector<ColumnPtr> columns;
    bool fine = true;
    for (std::size_t c = 0; c < rows.columns.size(); ++c) {
      const Type type = TypeOf(rows, c, contract);
      ColumnBuilder column(type);
      for (const std::vector<Node>& row : rows.rows) {
        const Result<Value> value = row[c].is_null() ? Value::Null(type) : Value::Parse(row[c].text, type);
        if (!value.ok()) Error(row[c].place, StrCat("`", row[c].text, "` does not read as ", TypeName(type), ", the type of column `", rows.columns[c], "`")).Help(value.status().help());
        fine = fine && value.ok();
        column.Append(value.ok() ? *value : Value::Null(type));
      }
      fields.push_back({rows.columns[c], type});
      columns.push_back(column.Finish());
    }
    for (const Field& field : rows.types) AddNulls(field, rows.rows.size(), fields, columns);
    if (contract != nullptr)
      for (const ContractColumn& column : contract->columns)
        if (column.nullable || rows.rows.empty()) AddNulls({column.name, column.type}, rows.rows.size(), fields, columns);
    if (fields.empty()) {
      Error(rows.place, "these rows have no column").Help("say which: `{rows: [], types: {COLUMN: TYPE}}`");
      return std::nullopt;
    }
    return fine ? std::optional(Table(Schema(std::move(fields)), std::move(columns), rows.rows.size())) : std::nullopt;
  }

  static Type TypeOf(const TestRows& rows, std::size_t c, const Contract* contract) {
    for (const Field& field : rows.types)
      if (field.name == rows.columns[c]) return field.type;
    if (contract != nullptr)
      for (const ContractColumn& column : contract->columns)
        if (column.name == rows.columns[c]) return column.type;
    return InferType(rows.rows, c);
  }

  static void AddNulls(const Field& field, std::size_t count, std::vector<Field>& fields, std::vector<ColumnPtr>& columns) {
    if (std::any_of(fields.begin(), fields.end(), [&](const Field& f) { return f.name == field.name; })) return;
    ColumnBuilder column(field.type);
    for (std::size_t i = 0; i < count; ++i) column.AppendNull();
    fields.push_back(field);
    columns.push_back(column.Finish());
  }

  const ProjectTest& test_;
  const TestRowsFrom from_;
  Diagnostics& diagnostics_;
  ResolvedPipeline all_;
  std::map<std::string, const ProjectTest::Given*> given_;   // by full name
  std::set<std::string> needed_, models_used_;
  std::map<std::string, std::string> models_;                // score step -> model file
};

}  // namespace

std::optional<TestPlan> PlanTest(const Project& project, const ProjectTest& test, TestRowsFrom from, Diagnostics& diagnostics) {
  Diagnostics found;
  std::optional<TestPlan> plan;
  Result<ResolvedPipeline> resolved = project.Resolve(test.request, found);
  if (resolved.ok()) plan = TestPlanner(test, from, found).Plan(std::move(resolved).value());
  for (Diagnostic& diagnostic : found.Sorted()) {
    if (diagnostic.at.file.empty()) diagnostic.at = Locate(test.place);   // a parameter: the request has no place of its own
    diagnostics.Add(std::move(diagnostic));
  }
  if (found.has_errors()) return std::nullopt;
  return plan;
}

}  // namespace headrace

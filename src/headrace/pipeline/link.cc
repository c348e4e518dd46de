// From names to edges. A reference is looked up in the frame of the step that makes it; a dataset parameter leads on to
// the frame that gave it. Then the steps are ordered by always taking the first, in file order, whose inputs are there.
#include <algorithm>
#include <optional>

#include "headrace/base/text.h"
#include "headrace/pipeline/expand.h"

namespace headrace {
namespace {

using Role = StepReference::Role;

struct Producer {
  std::string step, output;
};

class Linker {
 public:
  Linker(ExpandedPipeline& pipeline, Diagnostics& diagnostics) : pipeline_(pipeline), diagnostics_(diagnostics) {
    for (std::size_t i = 0; i < pipeline_.steps.size(); ++i) index_.emplace(pipeline_.steps[i].draft.spec.name, i);
  }

  std::vector<StepSpec> Run() {
    DuplicateRegistrations();
    for (ExpandedStep& step : pipeline_.steps) {
      for (const StepReference& reference : step.draft.references) Link(step, reference);
      Finish(step.draft.spec);
    }
    return Order();
  }

 private:
  void Link(ExpandedStep& step, const StepReference& reference) {
    StepSpec& spec = step.draft.spec;
    if (reference.role == Role::kTable) {
      if (const auto date = step.frame->dates.find(reference.text); date != step.frame->dates.end()) {
        std::get<SqlSpec>(spec.spec).value_tables.emplace_back(date->first, date->second);
        return;
      }
    }
    if (reference.role == Role::kAfter && LinkGroup(step, reference)) return;
    const std::optional<Producer> target = Find(*step.frame, reference);
    if (!target) return;
    const auto found = index_.find(target->step);
    if (found == index_.end()) return;  // refused already
    if (!Suits(reference, *target, pipeline_.steps[found->second].draft.spec)) return;
    spec.upstream.push_back(target->step);
    if (reference.role == Role::kAfter) return;
    if (reference.role == Role::kItems) {
      spec.for_each->rows = StepInput{reference.inside, target->step, target->output};
      return;
    }
    if (reference.role == Role::kReads) {
      spec.inputs.push_back({reference.text, target->step, target->output});
      return;
    }
    if (reference.role == Role::kCheck) {
      const StepInput input{StrCat(kCheckInput, reference.inside), target->step, target->output};
      if (std::find(spec.inputs.begin(), spec.inputs.end(), input) == spec.inputs.end()) spec.inputs.push_back(input);
      return;
    }
    if (reference.role == Role::kModel) {
      std::get<ScoreSpec>(spec.spec).model.step = target->step;
      RefuseScoresOfClusters(spec.as<ScoreSpec>(), reference, pipeline_.steps[found->second].draft.spec);
    }
    spec.inputs.push_back({reference.inside, target->step, target->output});
  }

  void RefuseScoresOfClusters(const ScoreSpec& score, const StepReference& reference, const StepSpec& producer) {
    if (producer.kind != StepKind::kTrain || producer.as<TrainStepSpec>().train.learner.kind != LearnerSpec::Kind::kKMeans) return;
    const auto refuse = [&](const char* message, const char* help) {
      diagnostics_.AddError(DiagnosticCode::kWrongInput, reference.place, StrCat("step `", producer.name, "` finds clusters: ", message)).Help(help);
    };
    if (score.top > 0) refuse("its rows have no score, of which the largest could be kept", "leave `select` out, and choose rows by `cluster` in a sql step below");
    if (score.reasons > 0) refuse("its rows have no score, for which there could be reasons", "leave `reasons` out; the model card tells how clusters differ");
  }

  /// `after: [base]` waits for every step of the group `base`.
  bool LinkGroup(ExpandedStep& step, const StepReference& reference) {
    if (!step.frame->groups.contains(reference.text)) return false;
    const std::string prefix = StrCat(step.frame->prefix, reference.text, ".");
    for (const auto& [name, i] : index_)
      if (name.starts_with(prefix)) step.draft.spec.upstream.push_back(name);
    return true;
  }

  std::optional<Producer> Find(const Frame& frame, const StepReference& reference) {
    if (const auto found = frame.steps.find(reference.text); found != frame.steps.end()) return Only(found->second, reference);
    if (const auto dataset = frame.datasets.find(reference.text); dataset != frame.datasets.end()) {
      // The step the using file named; errors belong there.
      return Find(*frame.parent, {Role::kData, "", dataset->second.text, dataset->second.place});
    }
    if (const std::size_t dot = reference.text.rfind('.'); dot != std::string::npos) {
      const auto found = frame.steps.find(reference.text.substr(0, dot));
      if (found != frame.steps.end()) {
        std::optional<Producer> target = Only(found->second, reference);
        if (target) target->output = reference.text.substr(dot + 1);
        return target;
      }
    }
    ReportUnknown(frame, reference);
    return std::nullopt;
  }

  std::optional<Producer> Only(const std::vector<std::string>& full, const StepReference& reference) {
    if (full.size() == 1) return Producer{full.front(), ""};
    diagnostics_.AddError(DiagnosticCode::kDuplicateName, reference.place, StrCat("`", reference.text, "` may mean ", Join(full, " or ")))
        .Help(StrCat("write `", full.front(), "`, or rename one of them"));
    return std::nullopt;
  }

  void ReportUnknown(const Frame& frame, const StepReference& reference) {
    const std::string group = reference.text.substr(0, reference.text.find('.'));
    if (pipeline_.broken.contains(frame.prefix + group) || HasBrokenGroup(frame)) return;
    std::vector<std::string> names;
    for (const auto& [name, full] : frame.steps) names.push_back(name);
    for (const auto& [name, node] : frame.datasets) names.push_back(name);
    if (reference.role == Role::kTable)
      for (const auto& [name, value] : frame.dates) names.push_back(name);
    std::string near = NearestName(reference.text, names);
    std::string help = near.empty() ? "" : StrCat("did you mean `", near, "`?");
    if (help.empty() && frame.groups.contains(reference.text)) help = StrCat("`", reference.text, "` is a group of steps; name one of them, as `", reference.text, ".step`");
    if (help.empty() && !names.empty()) help = StrCat("steps here: ", Join(names, ", "));
    if (reference.role == Role::kTable)
      diagnostics_.AddError(DiagnosticCode::kUnknownTable, reference.place, StrCat("the query reads `", reference.text, "`, which no step makes")).Help(help);
    else
      diagnostics_.AddError(DiagnosticCode::kUnknownStep, reference.place, StrCat("no step `", reference.text, "`")).Help(help);
  }

  /// A group that could not be opened may have brought the name.
  bool HasBrokenGroup(const Frame& frame) const {
    return std::any_of(frame.groups.begin(), frame.groups.end(), [&](const std::string& group) { return pipeline_.broken.contains(frame.prefix + group); });
  }

  bool Suits(const StepReference& reference, const Producer& target, const StepSpec& producer) {
    const auto refuse = [&](DiagnosticCode code, std::string message, std::string help = "") {
      diagnostics_.AddError(code, reference.place, std::move(message)).Help(std::move(help));
      return false;
    };
    const bool trains = producer.kind == StepKind::kTrain;
    if (trains && producer.for_each && reference.role != Role::kAfter && target.output.empty())
      return refuse(DiagnosticCode::kWrongInput, StrCat("step `", producer.name, "` makes a model for each item, and no single one"), "register them under names that hold `${item}`, and score with NAME@champion");
    if (producer.kind == StepKind::kCommand && producer.quarantine_at_most && target.output == kQuarantine) return reference.role != Role::kModel || refuse(DiagnosticCode::kWrongInput, "`model` takes a train step");
    if (producer.kind == StepKind::kCommand && reference.role != Role::kAfter && !producer.as<CommandSpec>().has_output(target.output)) {
      const auto& outputs = producer.as<CommandSpec>().outputs;
      if (outputs && outputs->empty()) return refuse(DiagnosticCode::kWrongInput, StrCat("step `", producer.name, "` has no output to read"), "to wait for it, use `after:`");
      std::vector<std::string> names;
      for (const std::string& output : outputs.value_or(std::vector<std::string>())) names.push_back(StrCat("`", producer.name, ".", output, "`"));
      return refuse(DiagnosticCode::kUnknownOutput, StrCat("step `", producer.name, "` has no ", target.output.empty() ? std::string("main output") : StrCat("output `", target.output, "`")),
                    names.empty() ? StrCat("write `", producer.name, "`") : StrCat("it has ", Join(names, ", ")));
    }
    if (producer.kind == StepKind::kCommand) return reference.role != Role::kModel || refuse(DiagnosticCode::kWrongInput, StrCat("`model` takes a train step, but `", producer.name, "` is of kind command"));
    if (!target.output.empty()) {
      if (trains && target.output == "test_predictions" && reference.role != Role::kModel) return true;
      if (producer.quarantine_at_most && target.output == kQuarantine && reference.role != Role::kModel) return true;
      return refuse(DiagnosticCode::kUnknownOutput, StrCat("step `", producer.name, "` has no output `", target.output, "`"),
                    trains ? "a train step has the output `test_predictions`" : StrCat("write `", producer.name, "`"));
    }
    if (reference.role == Role::kAfter) return true;
    if (producer.kind == StepKind::kPipeline && producer.as<PipelineStepSpec>().output.empty())
      return refuse(DiagnosticCode::kWrongInput, StrCat("step `", producer.name, "` has no output to read"), "name one of that pipeline's steps by `output:`, or wait for it by `after:`");
    if (producer.kind == StepKind::kDeliver) return refuse(DiagnosticCode::kWrongInput, StrCat("step `", producer.name, "` delivers and has no output to read"), "to wait for it, use `after:`");
    if (reference.role == Role::kModel && !trains) return refuse(DiagnosticCode::kWrongInput, StrCat("`model` takes a train step, but `", producer.name, "` is of kind ", StepKindName(producer.kind)));
    if (reference.role == Role::kFile) return true;
    if (reference.role != Role::kModel && trains)
      return refuse(DiagnosticCode::kWrongInput, StrCat("step `", producer.name, "` makes a model, not a dataset"), StrCat("its test rows with scores are `", producer.name, ".test_predictions`"));
    return true;
  }

  void DuplicateRegistrations() {
    for (ExpandedStep& step : pipeline_.steps) {
      const StepSpec& spec = step.draft.spec;
      if (spec.kind != StepKind::kTrain || !spec.as<TrainStepSpec>().registration) continue;
      const std::string& name = spec.as<TrainStepSpec>().registration->name;
      if (name.empty()) continue;
      const auto [first, fresh] = registers_.emplace(name, &spec);
      if (!fresh)
        diagnostics_.AddError(DiagnosticCode::kDuplicateName, spec.place, StrCat("steps `", first->second->name, "` and `", spec.name, "` both register the model `", name, "`"))
            .Related(first->second->place, "the other");
    }
  }

  /// NAME@alias waits for the step that registers NAME; then everything in its stable order.
  void Finish(StepSpec& spec) {
    if (spec.kind == StepKind::kScore) {
      const auto registers = registers_.find(spec.as<ScoreSpec>().model.name);
      if (registers != registers_.end()) spec.upstream.push_back(registers->second->name);
    }
    std::sort(spec.upstream.begin(), spec.upstream.end());
    spec.upstream.erase(std::unique(spec.upstream.begin(), spec.upstream.end()), spec.upstream.end());
    if (spec.kind != StepKind::kSql) return;
    std::sort(spec.inputs.begin(), spec.inputs.end(), [](const StepInput& a, const StepInput& b) { return std::pair(a.for_checks(), a.name) < std::pair(b.for_checks(), b.name); });
    spec.inputs.erase(std::unique(spec.inputs.begin(), spec.inputs.end()), spec.inputs.end());
  }

  std::vector<StepSpec> Order() {
    std::vector<StepSpec> ordered;
    std::set<std::string> done;
    std::vector<const StepSpec*> waiting;
    for (const ExpandedStep& step : pipeline_.steps) waiting.push_back(&step.draft.spec);
    while (!waiting.empty()) {
      const auto ready = std::find_if(waiting.begin(), waiting.end(), [&](const StepSpec* spec) {
        return std::all_of(spec->upstream.begin(), spec->upstream.end(), [&](const std::string& name) { return done.contains(name); });
      });
      if (ready == waiting.end()) {
        ReportCycle(*waiting.front(), done);
        return {};
      }
      done.insert((*ready)->name);
      ordered.push_back(**ready);
      waiting.erase(ready);
    }
    return ordered;
  }

  /// Walk upstream from a step that cannot run until one comes a second time: the loop lies between.
  void ReportCycle(const StepSpec& start, const std::set<std::string>& done) {
    std::vector<std::string> path;
    const StepSpec* at = &start;
    auto seen = path.end();
    while ((seen = std::find(path.begin(), path.end(), at->name)) == path.end()) {
      path.push_back(at->name);
      const auto next = std::find_if(at->upstream.begin(), at->upstream.end(), [&](const std::string& name) { return !done.contains(name); });
      at = &pipeline_.steps[index_.at(*next)].draft.spec;
    }
    std::vector<std::string> loop(seen, path.end());
    const auto depth = [](const std::string& name) { return std::pair(std::ranges::count(name, '.'), name); };
    std::rotate(loop.begin(), std::ranges::min_element(loop, {}, depth), loop.end());  // told at a step of the pipeline's own file, where there is one
    const std::string first = loop.front();
    loop.push_back(first);
    diagnostics_.AddError(DiagnosticCode::kCycle, pipeline_.steps[index_.at(first)].draft.spec.place, StrCat("steps wait for each other: ", Join(loop, " reads ")))
        .Help("remove one of these edges");
  }

  ExpandedPipeline& pipeline_;
  Diagnostics& diagnostics_;
  std::map<std::string, std::size_t> index_;
  std::map<std::string, const StepSpec*> registers_;
};

}  // namespace

std::vector<StepSpec> LinkSteps(ExpandedPipeline pipeline, Diagnostics& diagnostics) {
  return Linker(pipeline, diagnostics).Run();
}

}  // namespace headrace

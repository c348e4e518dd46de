// What does the machinery of a run cost a step? Runs a graph of native steps that do nothing, through the real plan, loop, fingerprints and state
// (SQLite: each transition outlives `kill -9`), and prints one JSON line:
//   {"steps", "plan_ms", "plan_mb", "run_ms", "cpu_ms", "mb"}
// plan_ms: Plan::Make and every step handed out and reported; plan_mb: memory at its height then, the graph itself included; run_ms, cpu_ms: RunLoop::Run, wall
// and processor time; mb: memory at its height in the end. With --plan-only there is no run.
//
// usage: no_op_steps FOLDER line|wide|items STEPS [ARTIFACT_BYTES | --plan-only]     items: one step with so many items (`for_each`)
//
// A step ends the moment it is started, so nothing but the machinery is measured. ARTIFACT_BYTES > 0: each leaves a file of so many bytes, named by its
// digest, and the next one reads it.

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <iostream>

#include "headrace/base/files.h"
#include "headrace/pipeline/for_each.h"
#include "headrace/run/run_loop.h"

namespace headrace {
namespace {

double Milliseconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since).count();
}
double ProcessorMilliseconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& time) { return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3; };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}
double PeakMegabytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

/// Ends each step as soon as it starts.
class InstantRunner final : public StepRunner {
 public:
  InstantRunner(Store& store, std::size_t bytes) : store_(store), bytes_(bytes) {}
  void Start(StepContext context) override {
    Event event{Event::Kind::kFinished, context.step->name, "", 1, {}};
    if (bytes_ > 0) event.outcome.status = Write(event.step, event.outcome.outputs[""]);
    ended_.push_back(std::move(event));
  }
  void Cancel(const std::string&) override {}
  Event Wait(std::int64_t) override {
    if (ended_.empty()) return {};
    Event event = std::move(ended_.front());
    ended_.pop_front();
    return event;
  }
  std::size_t slots() const override { return 2; }

 private:
  Status Write(const std::string& step, ArtifactRef& artifact) {
    std::string content = step;
    content.resize(bytes_, '.');
    const std::string scratch = store_.ScratchPath(".parquet");
    std::FILE* file = std::fopen(scratch.c_str(), "wb");
    if (file == nullptr) return Error(ErrorCode::kFailed, "cannot write ", scratch);
    const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
    if ((std::fclose(file) != 0) || !written) return Error(ErrorCode::kFailed, "cannot write ", scratch);
    ASSIGN_OR_RETURN(artifact, store_.AddArtifact(scratch, "dataset", 1));
    return Ok();
  }

  Store& store_;
  const std::size_t bytes_;
  std::deque<Event> ended_;
};

ResolvedPipeline Graph(const std::string& root, bool line, std::size_t steps, bool reads) {
  ResolvedPipeline pipeline;
  pipeline.root = root;
  pipeline.pipeline = "no_op";
  pipeline.steps.reserve(steps);
  const auto name = [](std::size_t i) { return StrCat("s", i); };
  for (std::size_t i = 0; i < steps; ++i) {
    StepSpec& step = pipeline.steps.emplace_back();
    step.name = step.bare_name = name(i);
    step.kind = StepKind::kSql;
    SqlSpec sql;
    sql.query.text = "select 1 as x";
    step.spec = std::move(sql);
    if (i == 0) continue;
    if (!line && i + 1 == steps)
      for (std::size_t before = 1; before < i; ++before) step.upstream.push_back(name(before));
    else
      step.upstream = {line ? name(i - 1) : name(0)};
    if (reads && step.upstream.size() == 1) step.inputs = {{step.upstream[0], step.upstream[0], ""}};
  }
  return pipeline;
}

/// One step with `items` items, each made from the step's text as a run makes it.
ResolvedPipeline Items(const std::string& root, std::size_t items) {
  ResolvedPipeline pipeline = Graph(root, true, 1, false);
  Diagnostics diagnostics;
  const std::optional<Node> file = ParseYaml(MakeSource("items.yaml", "s0: {sql: {query: \"select $i as x\", bind: {i: \"${item}\"}}}\n", 1000).value(), diagnostics);
  ForEachSpec each;
  for (std::size_t i = 0; i < items; ++i) each.values.push_back(Value::Int(static_cast<std::int64_t>(i)));
  each.item = std::make_shared<ItemTemplate>("s0", file->entries[0], std::vector<StepReference>(), Scope(), std::make_shared<StepSurroundings>(), CachingSqlInspector(DefaultSqlInspector()), false);
  pipeline.steps[0].for_each = std::move(each);
  return pipeline;
}

Status PlanAll(const ResolvedPipeline& pipeline) {
  std::vector<Plan::Step> steps;
  steps.reserve(pipeline.steps.size());
  for (const StepSpec& spec : pipeline.steps) steps.push_back({spec.name, spec.upstream});
  ASSIGN_OR_RETURN(Plan plan, Plan::Make(steps));
  while (const std::optional<std::string> next = plan.NextReady()) plan.Finished(*next, StepEnd::kOk);
  return plan.done() ? Ok() : Error(ErrorCode::kInternal, "the plan did not come to its end");
}

Status Main(const std::string& folder, const std::string& shape, std::size_t steps, bool run, std::size_t bytes) {
  const ResolvedPipeline pipeline = shape == "items" ? Items(folder, steps) : Graph(folder, shape == "line", steps, bytes > 0);
  const auto planning = std::chrono::steady_clock::now();
  RETURN_IF_ERROR(PlanAll(pipeline));
  const double plan_ms = Milliseconds(planning), plan_mb = PeakMegabytes();
  double run_ms = 0, cpu_ms = 0;
  if (run) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, Store::Open(folder, SystemClock()));
    RunEnvironment environment;
    environment.pipeline = &pipeline;
    environment.store = store.get();
    environment.clock = &SystemClock();
    environment.run = NewRunId(SystemClock(), SystemRandom());
    InstantRunner runner(*store, bytes);
    RunObserver observer;
    const std::atomic<bool> interrupt = false;
    const auto running = std::chrono::steady_clock::now();
    const double cpu = ProcessorMilliseconds();
    ASSIGN_OR_RETURN(const RunRecord record, RunLoop(environment, runner, observer, interrupt).Run({}));
    run_ms = Milliseconds(running);
    cpu_ms = ProcessorMilliseconds() - cpu;
    if (record.state != RunState::kSucceeded) return Error(ErrorCode::kInternal, "the run ended as ", StateName(record.state), ": ", record.message);
  }
  std::printf("{\"steps\": %zu, \"plan_ms\": %.3f, \"plan_mb\": %.1f, \"run_ms\": %.3f, \"cpu_ms\": %.3f, \"mb\": %.1f}\n", steps, plan_ms, plan_mb, run_ms,
              cpu_ms, PeakMegabytes());
  return Ok();
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  std::int64_t steps = 0, bytes = 0;
  const bool plan_only = words.size() == 4 && words[3] == "--plan-only";
  if (words.size() < 3 || words.size() > 4 || (words[1] != "line" && words[1] != "wide" && words[1] != "items") || !headrace::ParseInt(words[2], &steps) || steps < 3 ||
      (words.size() == 4 && !plan_only && (!headrace::ParseInt(words[3], &bytes) || bytes < 0))) {
    std::cerr << "usage: no_op_steps FOLDER line|wide|items STEPS [ARTIFACT_BYTES | --plan-only]\n";
    return 2;
  }
  const headrace::Status status = headrace::Main(words[0], words[1], static_cast<std::size_t>(steps), !plan_only, static_cast<std::size_t>(bytes));
  if (!status.ok()) std::cerr << status.ToString() << "\n";
  return status.ok() ? 0 : 1;
}

#include "project.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "checker.h"
#include "headrace/store/store.h"

namespace headrace::simulator {

namespace {
StepSpec DrawStep(Choices& choices, StepKind kind, const std::string& name, const std::vector<std::string>& readable, const std::vector<std::string>& all) {
  StepSpec step;
  step.kind = kind;
  step.name = step.bare_name = name;
  if (kind == StepKind::kExtract) {
    ExtractSpec extract;
    extract.connection = "warehouse";
    step.spec = extract;
  } else {
    if (kind == StepKind::kDeliver) step.spec = DeliverSpec{};
    else step.spec = SqlSpec{};
    std::set<std::string> upstream = {choices.Of(readable)};
    if (kind == StepKind::kSql) upstream.insert(choices.Of(readable));
    for (const std::string& input : upstream) step.inputs.push_back({kind == StepKind::kDeliver ? "data" : input, input, ""});
    if (choices.Chance(3'000)) upstream.insert(choices.Of(all));
    step.upstream = {upstream.begin(), upstream.end()};
  }
  step.retry.attempts = choices.Between(1, 3);
  step.retry.backoff_us = choices.Scaled(kSecond, 16 * kSecond);
  if (choices.Chance(5'000)) step.timeout_us = choices.Scaled(20 * kSecond, 100 * kSecond);
  if (choices.Chance(3'000)) step.pool = "narrow";
  if (choices.Chance(1'500)) step.on_failure = choices.Chance(7'000) ? StepSpec::OnFailure::kContinue : StepSpec::OnFailure::kStopRun;
  if (kind == StepKind::kDeliver && choices.Chance(1'500)) {
    step.approve = true;
    if (choices.Chance(5'000)) step.approve_within_us = choices.Scaled(30 * kSecond, 300 * kSecond);
  }
  return step;
}

/// An empty state that is watched, made once: the bytes of state.db.
const std::string& EmptyState(const std::string& folder) {
  static const std::string kState = [&] {
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);           // one thread, one process: what guards others costs a quarter of the time
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
    sqlite3_vfs_register(sqlite3_vfs_find("unix-excl"), 1);
    const std::string root = StrCat(folder, "-empty");
    std::filesystem::remove_all(root);
    static_cast<void>(Store::Open(root, SystemClock()).ok());
    const std::string path = StrCat(root, "/.headrace/state.db");
    sqlite3* db = nullptr;
    sqlite3_open(path.c_str(), &db);
    Checker::Watch(db);
    sqlite3_close(db);
    std::stringstream content;
    content << std::ifstream(path, std::ios::binary).rdbuf();
    std::filesystem::remove_all(root);
    return content.str();
  }();
  return kState;
}
}  // namespace

ResolvedPipeline DrawPipeline(Choices& choices, const std::string& name, const std::string& root) {
  ResolvedPipeline pipeline;
  pipeline.root = root;
  pipeline.pipeline = name;
  pipeline.pools["narrow"] = 1;
  const std::int64_t count = choices.Between(2, 6);
  std::vector<std::string> readable, all;
  for (std::int64_t i = 0; i < count; ++i) {
    StepKind kind = StepKind::kSql;
    if (i == 0 || (i + 1 < count && choices.Chance(2'000))) kind = StepKind::kExtract;
    else if (i + 1 == count || choices.Chance(2'500)) kind = StepKind::kDeliver;
    pipeline.steps.push_back(DrawStep(choices, kind, StrCat(StepKindName(kind), i), readable, all));
    all.push_back(pipeline.steps.back().name);
    if (kind != StepKind::kDeliver) readable.push_back(all.back());
  }
  if (choices.Chance(5'000)) {
    StepSpec last = pipeline.steps.front();
    last.name = last.bare_name = "last";
    last.last = true;
    pipeline.steps.push_back(last);
    last.when = kToldOfFailure;
    pipeline.last_if_failed["last"] = last;
  }
  return pipeline;
}

ScheduleSpec DrawSchedule(Choices& choices) {
  ScheduleSpec spec;
  const std::int64_t every = choices.Between(1, 3), first_s = World::kStart / kSecond + choices.Between(20, 60);
  spec.when = Period{StrCat(every, "m"), Period::Unit::kMinutes, every};
  spec.start_local_s = first_s;
  spec.end_local_s = first_s + choices.Between(1, 4) * every * 60;
  if (!choices.Chance(6'000)) spec.catch_up = choices.Chance(5'000) ? ScheduleSpec::CatchUp::kNone : ScheduleSpec::CatchUp::kLatest;
  else spec.catch_up = ScheduleSpec::CatchUp::kAll;
  if (choices.Chance(5'000)) spec.overlap = choices.Chance(5'000) ? ScheduleSpec::Overlap::kSkip : ScheduleSpec::Overlap::kCancel;
  spec.max_parallel = choices.Between(1, 2);
  if (choices.Chance(3'000)) spec.jitter_us = 20 * kSecond;
  return spec;
}

void MakeProject(const std::string& root) {
  std::filesystem::remove_all(root);
  std::filesystem::create_directories(root + "/.headrace");
  std::ofstream(root + "/.headrace/state.db", std::ios::binary) << EmptyState(root);
}

std::string DeliveryKey(const ResolvedPipeline& pipeline, const std::string& step) { return StrCat(pipeline.pipeline, "/", pipeline.interval.start_us, "/", step); }

}  // namespace headrace::simulator

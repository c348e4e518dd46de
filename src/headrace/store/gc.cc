// Removing old runs, and the artifacts that nothing refers to any more, while other runs are at work.
//
// Records go first, in one durable transaction; then files, one by one, of those that no record speaks of. A kill in between leaves files
// without records: the next gc finds them, because it looks at all files and not at those it has just let go.
//
// Why no file goes that a run needs. A file is removed when (1) no record spoke of its digest at a moment S, within one transaction; (2) it is older
// than every run that lived at S, and than S itself, by kYoungMicros; (3) it is still that old, seen under a lock that AddArtifact shares.
// Suppose that a record speaks of it after S. Then a run
//   - wrote the file and recorded it after S. It either lived at S or began later, so its file is younger than (2) allows; and since it renames a
//     file of its own over an equal one, (3) sees the young one. `models add`, and a run that keeps its project's files, write before a run is entered: kYoungMicros is for them, and for clocks that differ.
//   - or copied another record after S: it reused a step, or took one over (`run --from`). The record it copied was gone at S, so it was read before a
//     gc removed it. Steps are reused within a pipeline and tenant, by a run that is entered already; and gc leaves a pipeline and tenant alone
//     while one of its runs lives. A killed run is none; it is closed before its neighbours go, so that it cannot wake up and go on.
// One thing is read before a run is entered: the run that `--from` repeats. When that one goes in this very moment, the new run ends with "the artifact
// is gone" and has written nothing wrong. Once entered, a run that did not end well keeps the one it takes its part from.
//
// To name artifacts from another table, add a line to kReferences; to hang another table on runs, one to kOfRuns.

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <tuple>

#include "headrace/base/crash.h"
#include "headrace/base/file_lock.h"
#include "headrace/base/files.h"
#include "headrace/store/database_internal.h"
#include "headrace/store/store.h"

namespace headrace {

using internal::Database;
using internal::Statement;

namespace {
constexpr std::int64_t kYoungMicros = 600'000'000;

/// Every place of the state that names an artifact: the digest, and the run with which the name goes ("" = it stays).
constexpr std::array kReferences = {
    "SELECT digest, run FROM outputs",
    "SELECT digest, '' FROM models",
    "SELECT files, id FROM runs WHERE files <> ''",
};
/// Every table with rows of a run, by its column `run`; `runs` itself apart.
constexpr std::array kOfRuns = {"outputs", "events", "approvals", "pool_slots", "steps", "alerts"};

struct Run {
  RunRecord record;
  bool succeeded = false;      ///< for real: not a dry run
  bool waiting = false;
  bool open = false;           ///< recorded as running, whether it lives or not
  std::int64_t steps = 0;
  std::size_t group = 0;
  bool goes = false;
};

struct File {
  std::string path, digest;
  std::int64_t bytes = 0, changed_us = 0;
};

/// Rows of at most two texts.
Result<std::vector<std::pair<std::string, std::string>>> Pairs(Database& db, const char* sql) {
  Statement row(db, sql);
  std::vector<std::pair<std::string, std::string>> pairs;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return pairs;
    pairs.emplace_back(row.Text(0), row.Text(1));
  }
}

/// All runs, by pipeline and tenant, newest first.
Result<std::vector<Run>> ReadRuns(Database& db) {
  std::map<std::string, std::int64_t> steps;
  ASSIGN_OR_RETURN(const auto counts, Pairs(db, "SELECT run, count(*) FROM steps GROUP BY run"));
  for (const auto& [run, count] : counts) ParseInt(count, &steps[run]);
  Statement row(db, "SELECT id, pipeline, tenant, state, trigger, started_us, pid, process_started, host, lease_until_us, lease_clock FROM runs "
                    "ORDER BY pipeline, tenant, started_us DESC, id DESC");
  std::vector<Run> runs;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return runs;
    Run run;
    run.record.id = row.Text(0);
    run.record.pipeline = row.Text(1);
    run.record.tenant = row.Text(2);
    run.succeeded = row.Text(3) == StateName(RunState::kSucceeded) && row.Text(4) != "dry run";
    run.waiting = row.Text(3) == StateName(RunState::kWaiting);
    run.open = row.Text(3) == StateName(RunState::kRunning);
    run.record.started_us = row.Int(5);
    run.record.process = {row.Int(6), row.Text(7), row.Text(8)};
    run.record.lease_until_us = row.Int(9);
    run.record.lease_clock = row.Text(10);
    run.steps = steps[run.record.id];
    runs.push_back(std::move(run));
  }
}

/// Runs that made a registered model.
Result<std::set<std::string>> MadeModels(Database& db) {
  ASSIGN_OR_RETURN(const auto rows, Pairs(db, "SELECT DISTINCT run, '' FROM models"));
  std::set<std::string> runs;
  for (const auto& row : rows) runs.insert(row.first);
  return runs;
}

/// A run of a part (`run --from`) that did not end well may be resumed: it needs the run that it takes the rest from.
Status KeepWhatPartsTake(Database& db, std::vector<Run>& runs) {
  constexpr std::string_view kKey = "\"taken_from\":\"";
  ASSIGN_OR_RETURN(const auto rows, Pairs(db, "SELECT run, details FROM steps WHERE state NOT IN ('succeeded', 'reused') AND details LIKE '%\"taken_from\":\"%'"));
  std::map<std::string, Run*> by_id;
  for (Run& run : runs) by_id[run.record.id] = &run;
  for (const auto& [taker, details] : rows) {
    const std::size_t begin = details.find(kKey);
    if (begin == std::string::npos || by_id.at(taker)->goes) continue;
    const std::size_t end = details.find('"', begin + kKey.size());
    const auto taken = by_id.find(details.substr(begin + kKey.size(), end - begin - kKey.size()));
    if (taken != by_id.end()) taken->second->goes = false;
  }
  return Ok();
}

Status RemoveRecords(Database& db, const std::vector<Run>& runs) {
  constexpr std::size_t kBlock = 200;      // each statement is a round trip to a server
  std::vector<std::string> ids;
  for (const Run& run : runs)
    if (run.goes) ids.push_back(run.record.id);
  for (std::size_t begin = 0; begin < ids.size(); begin += kBlock) {
    const std::size_t end = std::min(ids.size(), begin + kBlock);
    std::string marks = "?";
    for (std::size_t i = begin + 1; i < end; ++i) marks += ",?";
    const auto remove = [&](std::string_view table, std::string_view column) {
      Statement statement(db, StrCat("DELETE FROM ", table, " WHERE ", column, " IN (", marks, ")"));
      for (std::size_t i = begin; i < end; ++i) statement.Bind(ids[i]);
      return statement.Run();
    };
    for (const char* table : kOfRuns) RETURN_IF_ERROR(remove(table, "run"));
    RETURN_IF_ERROR(remove("runs", "id"));
  }
  return Ok();
}

bool Look(File& file) {
  struct stat info;
  if (::stat(file.path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  file.bytes = static_cast<std::int64_t>(info.st_size);
  file.changed_us = static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000 + static_cast<std::int64_t>(info.st_mtim.tv_nsec) / 1000;
  return true;
}

std::vector<File> ListFiles(const std::string& folder) {
  std::vector<File> files;
  for (const std::string& part : ListDirectory(folder))
    for (const std::string& name : ListDirectory(JoinPath(folder, part))) {
      File file{JoinPath(JoinPath(folder, part), name), name.substr(0, name.find('.'))};
      if (file.digest.size() == 64 && Look(file)) files.push_back(std::move(file));
    }
  return files;
}

void Add(GcReport::Count& count, const File& file) {
  ++count.artifacts;
  count.bytes += file.bytes;
}

bool Meant(const GcRequest& request, const GcReport::Group& group) {
  return (request.pipeline.empty() || request.pipeline == group.pipeline) && (request.tenant.empty() || request.tenant == group.tenant);
}

/// What is known at the moment S.
struct Garbage {
  std::vector<GcReport::Group> groups;
  std::vector<Run> runs;
  std::int64_t oldest_us = 0;                      ///< start of the oldest run that lives, at most now
  std::set<std::string> needed;                    ///< digests that what stays names
  std::map<std::string, std::size_t> of_gone;      ///< digests that runs that go name, and the group they count for
};

Status ReadReferences(Database& db, Garbage& garbage) {
  std::map<std::string, std::size_t> gone;
  for (const Run& run : garbage.runs)
    if (run.goes) gone[run.record.id] = run.group;
  for (const char* source : kReferences) {
    ASSIGN_OR_RETURN(const auto rows, Pairs(db, source));
    for (const auto& [digest, run] : rows) {
      const auto group = gone.find(run);
      if (group == gone.end()) garbage.needed.insert(digest);
      else garbage.of_gone.emplace(digest, group->second);
    }
  }
  return Ok();
}

Result<Garbage> FindGarbage(Database& db, const GcRequest& request, std::int64_t now_us, const std::function<Result<bool>(const RunRecord&)>& lives) {
  Garbage garbage;
  garbage.oldest_us = now_us;
  std::vector<Run>& runs = garbage.runs;
  ASSIGN_OR_RETURN(runs, ReadRuns(db));
  ASSIGN_OR_RETURN(const std::set<std::string> registered, MadeModels(db));
  for (auto begin = runs.begin(); begin != runs.end();) {
    const auto end = std::find_if(begin, runs.end(), [&](const Run& run) { return std::tie(run.record.pipeline, run.record.tenant) != std::tie(begin->record.pipeline, begin->record.tenant); });
    GcReport::Group group{begin->record.pipeline, begin->record.tenant, {}, 0, false};
    for (auto run = begin; run != end; ++run) {
      run->group = garbage.groups.size();
      if (!run->open) continue;
      ASSIGN_OR_RETURN(const bool living, lives(run->record));
      if (living) garbage.oldest_us = std::min(garbage.oldest_us, run->record.started_us);
      group.busy = group.busy || living;
    }
    bool newest_success = true;
    for (auto run = begin; run != end; ++run) {
      const bool stays = run->waiting || (run->succeeded && newest_success) || registered.contains(run->record.id);
      if (run->succeeded) newest_success = false;
      run->goes = Meant(request, group) && !group.busy && !stays && run - begin >= request.keep && (!request.before_us || run->record.started_us < *request.before_us);
    }
    garbage.groups.push_back(std::move(group));
    begin = end;
  }
  RETURN_IF_ERROR(KeepWhatPartsTake(db, runs));
  for (const Run& run : runs) {
    GcReport::Group& group = garbage.groups[run.group];
    (run.goes ? group.gone.runs : group.kept) += 1;
    group.gone.steps += run.goes ? run.steps : 0;
  }
  RETURN_IF_ERROR(ReadReferences(db, garbage));
  return garbage;
}

Status CloseKilled(Database& db, const Garbage& garbage, std::int64_t now_us) {
  for (const Run& run : garbage.runs) {
    if (!run.open || garbage.groups[run.group].busy) continue;
    Statement close(db, "UPDATE runs SET state = 'interrupted', exit_code = 130, message = 'its process ended without a word; its finished steps are reused', finished_us = ? WHERE id = ?");
    close.Bind(now_us, run.record.id);
    RETURN_IF_ERROR(close.Run());
  }
  return Ok();
}
}  // namespace

Result<GcReport> Store::CollectGarbage(const GcRequest& request) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = clock_.NowMicros();
  Garbage garbage;
  const auto find = [&]() -> Status {
    ASSIGN_OR_RETURN(garbage, FindGarbage(*db_, request, now, [&](const RunRecord& run) { return Lives(run); }));
    return Ok();
  };
  const auto remove_records = [&]() -> Status {
    RETURN_IF_ERROR(find());
    RETURN_IF_ERROR(CloseKilled(*db_, garbage, now));
    return RemoveRecords(*db_, garbage.runs);
  };
  if (request.apply) CrashPoint("gc.before_records");
  RETURN_IF_ERROR(request.apply ? db_->Transact(true, remove_records) : find());
  if (request.apply) CrashPoint("gc.after_records");

  GcReport report;
  const std::int64_t old = garbage.oldest_us - kYoungMicros;
  for (File& file : ListFiles(JoinPath(directory_, "artifacts"))) {
    if (garbage.needed.contains(file.digest)) continue;
    if (file.changed_us >= old) {
      Add(report.postponed, file);
      continue;
    }
    if (request.apply) {
      ASSIGN_OR_RETURN(const FileLock alone, FileLock::Alone(LockPath()));
      if (!Look(file) || file.changed_us >= old) continue;
      CrashPoint("gc.before_file");
      RETURN_IF_ERROR(RemoveFile(file.path));
      verified_.erase(file.digest);
      CrashPoint("gc.after_file");
    }
    const auto group = garbage.of_gone.find(file.digest);
    Add(group == garbage.of_gone.end() ? report.left_over : garbage.groups[group->second].gone, file);
  }
  for (GcReport::Group& group : garbage.groups)
    if (Meant(request, group)) report.groups.push_back(std::move(group));
  return report;
}

}  // namespace headrace

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
// Datasets and models that go while their run stays lose their record in the same way: the step keeps what it says of itself, and stands for nothing any more.
//
// To name artifacts from another table, read it in ReadReferences; to hang another table on runs, one to kOfRuns.

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

/// Every place of the state that names an artifact, apart from the registry: the digest, and the run with which the name goes.
constexpr const char* kFiles = "SELECT files, id FROM runs WHERE files <> ''";
/// These go with their run, datasets also by their own age, models also with the version that was made of them.
constexpr const char* kDatasets = "SELECT digest, run FROM outputs WHERE kind = 'dataset'";
constexpr const char* kOthers = "SELECT digest, run FROM outputs WHERE kind <> 'dataset'";
/// Every table with rows of a run, by its column `run`; `runs` itself apart.
constexpr std::array kOfRuns = {"outputs", "events", "approvals", "pool_slots", "steps", "alerts"};

struct Run {
  RunRecord record;
  bool succeeded = false;      ///< for real: not a dry run
  bool waiting = false;
  bool open = false;           ///< recorded as running, whether it lives or not
  std::int64_t steps = 0;
  std::size_t group = 0;
  bool free = false;           ///< nothing but its age keeps it: what it left may go
  bool goes = false;
  bool data_goes = false;      ///< the run stays, the datasets that it left do not
};

/// A version of a model that goes.
struct OldModel { std::string tenant, name, version, digest; };

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

/// Versions that may go: registered before `before_us`, not the newest of their name, and neither what an alias names nor what it named before, where
/// `models rollback` leads back.
Result<std::vector<OldModel>> FindOldModels(Database& db, const GcRequest& request) {
  std::vector<OldModel> models;
  if (!request.models_before_us || !request.pipeline.empty()) return models;
  Statement row(db, "SELECT tenant, name, version, digest FROM models m WHERE created_us < ?1 AND (?2 = '' OR tenant = ?2) "
                    "AND version < (SELECT max(version) FROM models n WHERE n.tenant = m.tenant AND n.name = m.name) "
                    "AND NOT EXISTS (SELECT 1 FROM aliases a WHERE a.tenant = m.tenant AND a.name = m.name AND a.version = m.version) "
                    "AND NOT EXISTS (SELECT 1 FROM alias_moves v WHERE v.tenant = m.tenant AND v.name = m.name AND v.from_version = m.version AND NOT EXISTS "
                    "(SELECT 1 FROM alias_moves w WHERE w.tenant = v.tenant AND w.name = v.name AND w.alias = v.alias AND w.rowid > v.rowid)) "
                    "ORDER BY tenant, name, version");
  row.Bind(*request.models_before_us, request.tenant);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return models;
    models.push_back({row.Text(0), row.Text(1), row.Text(2), row.Text(3)});
  }
}

Status RemoveModels(Database& db, const std::vector<OldModel>& models, const std::vector<std::pair<std::string, std::string>>& outputs) {
  for (const auto& [digest, run] : outputs) {
    Statement forget(db, "UPDATE steps SET fingerprint = '' WHERE run = ?1 AND EXISTS (SELECT 1 FROM outputs o WHERE o.run = steps.run AND o.step = steps.step AND o.digest = ?2)");
    RETURN_IF_ERROR(forget.Bind(run, digest).Run());
    Statement remove(db, "DELETE FROM outputs WHERE run = ? AND digest = ?");
    RETURN_IF_ERROR(remove.Bind(run, digest).Run());
  }
  for (const OldModel& model : models) {
    Statement remove(db, "DELETE FROM models WHERE tenant = ? AND name = ? AND version = CAST(? AS BIGINT)");
    remove.Bind(model.tenant, model.name, model.version);
    RETURN_IF_ERROR(remove.Run());
  }
  return Ok();
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
    if (begin == std::string::npos || by_id.at(taker)->goes || by_id.at(taker)->data_goes) continue;
    const std::size_t end = details.find('"', begin + kKey.size());
    const auto taken = by_id.find(details.substr(begin + kKey.size(), end - begin - kKey.size()));
    if (taken != by_id.end()) taken->second->free = taken->second->goes = taken->second->data_goes = false;
  }
  return Ok();
}

/// `act` for each block of the runs' ids, with the marks of its parameters: each statement is a round trip to a server.
Status ForIds(Database& db, const std::vector<std::string>& ids, const std::vector<std::pair<std::string, std::string>>& statements) {
  constexpr std::size_t kBlock = 200;
  for (std::size_t begin = 0; begin < ids.size(); begin += kBlock) {
    const std::size_t end = std::min(ids.size(), begin + kBlock);
    std::string marks = "?";
    for (std::size_t i = begin + 1; i < end; ++i) marks += ",?";
    for (const auto& [head, tail] : statements) {
      Statement statement(db, StrCat(head, " IN (", marks, ")", tail));
      for (std::size_t i = begin; i < end; ++i) statement.Bind(ids[i]);
      RETURN_IF_ERROR(statement.Run());
    }
  }
  return Ok();
}

/// Wishes that ended without a run, and backfills of which nothing is left.
Status RemoveOldRequests(Database& db, const GcRequest& request) {
  if (!request.runs || !request.before_us) return Ok();
  Statement requests(db, "DELETE FROM requests WHERE run = '' AND state NOT IN ('queued', 'started') AND ended_us < ?1 AND (?2 = '' OR pipeline = ?2) AND (?3 = '' OR tenant = ?3)");
  RETURN_IF_ERROR(requests.Bind(*request.before_us, request.pipeline, request.tenant).Run());
  Statement backfills(db, "DELETE FROM backfills WHERE created_us < ? AND NOT EXISTS (SELECT 1 FROM requests WHERE origin = backfills.id)");
  return backfills.Bind(*request.before_us).Run();
}

Status RemoveRecords(Database& db, const std::vector<Run>& runs) {
  std::vector<std::string> gone, emptied;
  for (const Run& run : runs) {
    if (run.goes) gone.push_back(run.record.id);
    if (run.data_goes) emptied.push_back(run.record.id);
  }
  std::vector<std::pair<std::string, std::string>> of_runs;
  for (const char* table : kOfRuns) of_runs.emplace_back(StrCat("DELETE FROM ", table, " WHERE run"), "");
  of_runs.emplace_back("DELETE FROM requests WHERE run", " AND state NOT IN ('queued', 'started')");
  of_runs.emplace_back("DELETE FROM runs WHERE id", "");
  RETURN_IF_ERROR(ForIds(db, gone, of_runs));
  return ForIds(db, emptied, {{"UPDATE steps SET fingerprint = '' WHERE run", " AND EXISTS (SELECT 1 FROM outputs o WHERE o.run = steps.run AND o.step = steps.step AND o.kind = 'dataset')"},
                              {"DELETE FROM outputs WHERE run", " AND kind = 'dataset'"}});
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
  std::vector<OldModel> models;
  std::int64_t oldest_us = 0;                      ///< start of the oldest run that lives, at most now
  std::set<std::string> needed;                    ///< digests that what stays names
  std::map<std::string, std::size_t> of_gone;      ///< digests that what goes of runs names, and the group they count for
  std::vector<std::pair<std::string, std::string>> old_outputs;   ///< digest and run of model files that go while the run stays
};

/// Digests of the versions that go and that no other version has.
Result<std::set<std::string>> ReadModels(Database& db, Garbage& garbage) {
  std::multiset<std::string> old;
  for (const OldModel& model : garbage.models) old.insert(model.digest);
  ASSIGN_OR_RETURN(const auto rows, Pairs(db, "SELECT digest, '' FROM models"));
  std::set<std::string> gone(old.begin(), old.end());
  for (const auto& row : rows) {
    if (const auto one = old.find(row.first); one != old.end()) {
      old.erase(one);
      continue;
    }
    garbage.needed.insert(row.first);
    gone.erase(row.first);
  }
  return gone;
}

Status ReadReferences(Database& db, Garbage& garbage) {
  ASSIGN_OR_RETURN(const std::set<std::string> old_models, ReadModels(db, garbage));
  std::map<std::string, const Run*> runs;
  for (const Run& run : garbage.runs) runs[run.record.id] = &run;
  const auto read = [&](const char* source, const auto& goes) -> Status {
    ASSIGN_OR_RETURN(const auto rows, Pairs(db, source));
    for (const auto& [digest, id] : rows) {
      const auto run = runs.find(id);
      if (run != runs.end() && goes(*run->second, digest)) garbage.of_gone.emplace(digest, run->second->group);
      else garbage.needed.insert(digest);
    }
    return Ok();
  };
  RETURN_IF_ERROR(read(kFiles, [](const Run& run, const std::string&) { return run.goes; }));
  RETURN_IF_ERROR(read(kDatasets, [](const Run& run, const std::string&) { return run.goes || run.data_goes; }));
  return read(kOthers, [&](const Run& run, const std::string& digest) {
    const bool old = run.free && !run.goes && old_models.contains(digest);
    if (old) garbage.old_outputs.emplace_back(digest, run.record.id);
    return run.goes || old;
  });
}

Result<Garbage> FindGarbage(Database& db, const GcRequest& request, std::int64_t now_us, const std::function<Result<bool>(const RunRecord&)>& lives) {
  Garbage garbage;
  garbage.oldest_us = now_us;
  std::vector<Run>& runs = garbage.runs;
  ASSIGN_OR_RETURN(runs, ReadRuns(db));
  ASSIGN_OR_RETURN(garbage.models, FindOldModels(db, request));
  ASSIGN_OR_RETURN(const std::set<std::string> registered, MadeModels(db));
  for (auto begin = runs.begin(); begin != runs.end();) {
    const auto end = std::find_if(begin, runs.end(), [&](const Run& run) { return std::tie(run.record.pipeline, run.record.tenant) != std::tie(begin->record.pipeline, begin->record.tenant); });
    GcReport::Group group{begin->record.pipeline, begin->record.tenant, {}, 0, 0, false};
    for (auto run = begin; run != end; ++run) {
      run->group = garbage.groups.size();
      if (!run->open) continue;
      ASSIGN_OR_RETURN(const bool living, lives(run->record));
      if (living) garbage.oldest_us = std::min(garbage.oldest_us, run->record.started_us);
      group.busy = group.busy || living;
    }
    bool newest_success = true;
    for (auto run = begin; run != end; ++run) {
      run->free = Meant(request, group) && !group.busy && !run->waiting && !(run->succeeded && newest_success);
      if (run->succeeded) newest_success = false;
      run->goes = request.runs && run->free && !registered.contains(run->record.id) && run - begin >= request.keep && (!request.before_us || run->record.started_us < *request.before_us);
      run->data_goes = !run->goes && run->free && request.data_before_us && run->record.started_us < *request.data_before_us;
    }
    garbage.groups.push_back(std::move(group));
    begin = end;
  }
  RETURN_IF_ERROR(KeepWhatPartsTake(db, runs));
  ASSIGN_OR_RETURN(const auto datasets, Pairs(db, "SELECT DISTINCT run, '' FROM outputs WHERE kind = 'dataset'"));
  std::set<std::string> full;
  for (const auto& dataset : datasets) full.insert(dataset.first);
  for (const Run& run : runs) {
    GcReport::Group& group = garbage.groups[run.group];
    (run.goes ? group.gone.runs : group.kept) += 1;
    group.gone.steps += run.goes ? run.steps : 0;
    group.emptied += run.data_goes && full.contains(run.record.id) ? 1 : 0;
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

/// What searches left that no recorded step can go on with. A step is recorded before it begins one.
Status RemoveTrials(Database& db, const std::string& folder) {
  for (const std::string& fingerprint : ListDirectory(folder)) {
    Statement find(db, "SELECT 1 FROM steps WHERE fingerprint = ? LIMIT 1");
    find.Bind(fingerprint);
    ASSIGN_OR_RETURN(const bool found, find.Step());
    if (!found) RETURN_IF_ERROR(RemoveFile(JoinPath(folder, fingerprint)));
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
    RETURN_IF_ERROR(RemoveModels(*db_, garbage.models, garbage.old_outputs));
    RETURN_IF_ERROR(RemoveRecords(*db_, garbage.runs));
    return RemoveOldRequests(*db_, request);
  };
  if (request.apply) CrashPoint("gc.before_records");
  RETURN_IF_ERROR(request.apply ? db_->Transact(true, remove_records) : find());
  if (request.apply) CrashPoint("gc.after_records");

  GcReport report;
  report.models = static_cast<std::int64_t>(garbage.models.size());
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
  if (request.apply) RETURN_IF_ERROR(RemoveTrials(*db_, JoinPath(directory_, "trials")));
  for (GcReport::Group& group : garbage.groups)
    if (Meant(request, group)) report.groups.push_back(std::move(group));
  return report;
}

}  // namespace headrace

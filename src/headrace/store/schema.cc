// The tables, as numbered steps from nothing to today's layout. A step that was released is never edited: what changes is a new step.
//
// The text is SQLite's; PostgreSQL differs in the names of the types, and in `rowid`, which SQLite gives to every table and which
// stands in a comment where PostgreSQL needs it (/*pg ...*/).

#include "headrace/store/schema_internal.h"

#include <array>

namespace headrace::internal {

namespace {
constexpr std::array<const char*, 9> kSteps = {
    // 1
    R"sql(
CREATE TABLE runs(
  id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, tenant TEXT NOT NULL, environment TEXT NOT NULL,
  interval_start_us INTEGER NOT NULL, interval_end_us INTEGER NOT NULL, params TEXT NOT NULL, trigger TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('running','succeeded','failed','interrupted')),
  exit_code INTEGER NOT NULL, message TEXT NOT NULL, started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL,
  version TEXT NOT NULL, code_commit TEXT NOT NULL, dirty INTEGER NOT NULL, pid INTEGER NOT NULL, process_started TEXT NOT NULL) STRICT;
CREATE INDEX runs_by_window ON runs(pipeline, tenant, interval_start_us, interval_end_us);
CREATE TABLE steps(
  run TEXT NOT NULL REFERENCES runs(id), step TEXT NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('pending','running','succeeded','reused','failed','skipped')),
  attempt INTEGER NOT NULL, started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL, fingerprint TEXT NOT NULL,
  parts TEXT NOT NULL, reason TEXT NOT NULL, reused_from TEXT NOT NULL, error_code TEXT NOT NULL, message TEXT NOT NULL,
  help TEXT NOT NULL, details TEXT NOT NULL, PRIMARY KEY(run, step)) STRICT;
CREATE INDEX steps_by_fingerprint ON steps(fingerprint) WHERE fingerprint <> '';
CREATE TABLE outputs(
  run TEXT NOT NULL, step TEXT NOT NULL, output TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL, rows INTEGER NOT NULL,
  PRIMARY KEY(run, step, output)) STRICT;
CREATE TABLE events(/*pg rowid BIGINT GENERATED ALWAYS AS IDENTITY,*/
  run TEXT NOT NULL, at_us INTEGER NOT NULL, step TEXT NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX events_by_run ON events(run);
CREATE TABLE models(
  tenant TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, created_us INTEGER NOT NULL,
  run TEXT NOT NULL, code_commit TEXT NOT NULL, dirty INTEGER NOT NULL, metrics TEXT NOT NULL, gates TEXT NOT NULL,
  PRIMARY KEY(tenant, name, version), UNIQUE(tenant, name, digest)) STRICT;
CREATE TABLE aliases(
  tenant TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY(tenant, name, alias)) STRICT;
CREATE TABLE alias_moves(/*pg rowid BIGINT GENERATED ALWAYS AS IDENTITY,*/
  tenant TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL, from_version INTEGER NOT NULL, to_version INTEGER NOT NULL,
  moved_us INTEGER NOT NULL, by TEXT NOT NULL, run TEXT NOT NULL) STRICT;
)sql",
    // 2: who owns a run and until when; leases; the runs of a pipeline by time
    R"sql(
ALTER TABLE runs ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN lease_until_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN lease_clock TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_by_time ON runs(pipeline, tenant, started_us, id);
CREATE TABLE leases(
  name TEXT PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL, until_us INTEGER NOT NULL, clock TEXT NOT NULL) STRICT;
)sql",
    // 3: runs and steps that wait for an approval (their states are checked by the program from now on), wishes to cancel, pools
    R"sql(
CREATE TABLE runs3(
  id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, tenant TEXT NOT NULL, environment TEXT NOT NULL,
  interval_start_us INTEGER NOT NULL, interval_end_us INTEGER NOT NULL, params TEXT NOT NULL, trigger TEXT NOT NULL, state TEXT NOT NULL,
  exit_code INTEGER NOT NULL, message TEXT NOT NULL, started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL,
  version TEXT NOT NULL, code_commit TEXT NOT NULL, dirty INTEGER NOT NULL, pid INTEGER NOT NULL, process_started TEXT NOT NULL,
  host TEXT NOT NULL, epoch INTEGER NOT NULL, lease_until_us INTEGER NOT NULL, lease_clock TEXT NOT NULL,
  cancel_by TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO runs3 SELECT id, pipeline, tenant, environment, interval_start_us, interval_end_us, params, trigger, state, exit_code, message, started_us,
  finished_us, version, code_commit, dirty, pid, process_started, host, epoch, lease_until_us, lease_clock, '' FROM runs;
CREATE TABLE steps3(
  run TEXT NOT NULL REFERENCES runs3(id), step TEXT NOT NULL, position INTEGER NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
  attempt INTEGER NOT NULL, started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL, fingerprint TEXT NOT NULL,
  parts TEXT NOT NULL, reason TEXT NOT NULL, reused_from TEXT NOT NULL, error_code TEXT NOT NULL, message TEXT NOT NULL,
  help TEXT NOT NULL, details TEXT NOT NULL, PRIMARY KEY(run, step)) STRICT;
INSERT INTO steps3 SELECT * FROM steps;
DROP TABLE steps;
DROP TABLE runs;
ALTER TABLE runs3 RENAME TO runs;
ALTER TABLE steps3 RENAME TO steps;
CREATE INDEX runs_by_window ON runs(pipeline, tenant, interval_start_us, interval_end_us);
CREATE INDEX runs_by_time ON runs(pipeline, tenant, started_us, id);
CREATE INDEX steps_by_fingerprint ON steps(fingerprint) WHERE fingerprint <> '';
CREATE TABLE approvals(
  run TEXT NOT NULL, step TEXT NOT NULL, asked_us INTEGER NOT NULL, until_us INTEGER NOT NULL, verdict TEXT NOT NULL,
  by TEXT NOT NULL, note TEXT NOT NULL, decided_us INTEGER NOT NULL, PRIMARY KEY(run, step)) STRICT;
CREATE TABLE pool_slots(pool TEXT NOT NULL, run TEXT NOT NULL, step TEXT NOT NULL, PRIMARY KEY(pool, run, step)) STRICT;
)sql",
    // 4: steps with equal fingerprints are told apart by name; only those that can be used again are indexed, so that a start writes one page less
    R"sql(
DROP INDEX steps_by_fingerprint;
CREATE INDEX steps_by_fingerprint ON steps(fingerprint, step) WHERE state = 'succeeded';
)sql",
    // 5: requests of runs, what made them, and what the files said when a run was made
    R"sql(
ALTER TABLE runs ADD COLUMN definition TEXT NOT NULL DEFAULT '';
CREATE TABLE requests(
  id TEXT PRIMARY KEY, origin TEXT NOT NULL, pipeline TEXT NOT NULL, tenant TEXT NOT NULL, environment TEXT NOT NULL,
  interval_start_us INTEGER NOT NULL, interval_end_us INTEGER NOT NULL, params TEXT NOT NULL, entered_us INTEGER NOT NULL, position INTEGER NOT NULL,
  finish_by_us INTEGER NOT NULL, state TEXT NOT NULL, not_before_us INTEGER NOT NULL, attempt INTEGER NOT NULL, claimed INTEGER NOT NULL,
  deaths INTEGER NOT NULL, run TEXT NOT NULL, message TEXT NOT NULL, ended_us INTEGER NOT NULL) STRICT;
CREATE INDEX requests_open ON requests(state, entered_us, position) WHERE state IN ('queued', 'started');
CREATE INDEX requests_by_origin ON requests(origin, state);
CREATE TABLE schedule_marks(
  pipeline TEXT NOT NULL, tenant TEXT NOT NULL, tick_text TEXT NOT NULL, since_us INTEGER NOT NULL, handled_us INTEGER NOT NULL,
  PRIMARY KEY(pipeline, tenant)) STRICT;
CREATE TABLE schedule_pauses(
  pipeline TEXT NOT NULL, tenant TEXT NOT NULL, from_us INTEGER NOT NULL, until_us INTEGER NOT NULL, by TEXT NOT NULL) STRICT;
CREATE TABLE backfills(
  id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, tenants TEXT NOT NULL, environment TEXT NOT NULL, params TEXT NOT NULL,
  from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, parallel INTEGER NOT NULL, newest_first INTEGER NOT NULL, cancelled INTEGER NOT NULL,
  created_us INTEGER NOT NULL, by TEXT NOT NULL) STRICT;
)sql",
    // 6: items of a `for_each` are steps of a step; runs that a step of another run started; the project's files as a run read them
    R"sql(
ALTER TABLE steps ADD COLUMN item_of TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN parent TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN files TEXT NOT NULL DEFAULT '';
CREATE INDEX runs_by_parent ON runs(parent) WHERE parent <> '';
)sql",
    // 7: the outbox of alerts, destinations that are gone, and who does not want to hear
    R"sql(
CREATE TABLE alerts(
  id TEXT PRIMARY KEY, destination TEXT NOT NULL, event TEXT NOT NULL, pipeline TEXT NOT NULL, tenant TEXT NOT NULL, run TEXT NOT NULL,
  alike TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, batch TEXT NOT NULL, attempts INTEGER NOT NULL, entered_us INTEGER NOT NULL,
  next_us INTEGER NOT NULL, sent_us INTEGER NOT NULL, error TEXT NOT NULL, ack_by TEXT NOT NULL, ack_us INTEGER NOT NULL) STRICT;
CREATE INDEX alerts_pending ON alerts(next_us) WHERE state = 'pending';
CREATE INDEX alerts_by_subject ON alerts(pipeline, tenant, entered_us);
CREATE INDEX alerts_by_run ON alerts(run);
CREATE TABLE alert_destinations(name TEXT PRIMARY KEY, definition TEXT NOT NULL, since_us INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE TABLE alert_snoozes(pipeline TEXT NOT NULL, tenant TEXT NOT NULL, until_us INTEGER NOT NULL, by TEXT NOT NULL) STRICT;
)sql",
    // 8: what checks measured, for baselines: it stays when its run goes
    R"sql(
CREATE TABLE measurements(
  pipeline TEXT NOT NULL, tenant TEXT NOT NULL, environment TEXT NOT NULL, step TEXT NOT NULL, measure TEXT NOT NULL, segment TEXT NOT NULL,
  interval_start_us INTEGER NOT NULL, interval_end_us INTEGER NOT NULL, run TEXT NOT NULL, measured_us INTEGER NOT NULL,
  value TEXT NOT NULL, lower_end TEXT NOT NULL, upper_end TEXT NOT NULL, verdict TEXT NOT NULL, good INTEGER NOT NULL,
  PRIMARY KEY(pipeline, tenant, environment, step, measure, interval_start_us, segment, run)) STRICT;
)sql",
    // 9: who came to a run last, among all runs: destinations refuse those who came earlier
    R"sql(
ALTER TABLE runs ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_by_fence ON runs(fence);
)sql",
};
constexpr std::int64_t kKnown = kSteps.size();

Result<std::int64_t> FoundVersion(Database& db) {
  ASSIGN_OR_RETURN(const std::int64_t found, db.Version());
  if (found <= kKnown) return found;
  return Error(ErrorCode::kInvalid, db.Name(), " was written by a newer Headrace (version ", found, " of its layout, this program knows ", kKnown, ")")
      .WithHelp("use that Headrace, or point this one at another project folder");
}
}  // namespace

Status Migrate(Database& db) {
  ASSIGN_OR_RETURN(const std::int64_t before, FoundVersion(db));
  if (before == kKnown) return Ok();
  return db.Transact(true, [&]() -> Status {
    ASSIGN_OR_RETURN(std::int64_t version, FoundVersion(db));   // another process may have been quicker
    for (; version < kKnown; ++version) {
      RETURN_IF_ERROR(db.Script(kSteps[static_cast<std::size_t>(version)]));
      RETURN_IF_ERROR(db.SetVersion(version + 1));
    }
    return Ok();
  });
}

std::string ForPostgres(std::string_view sql) {
  std::string out = ReplaceAll(sql, ") STRICT;", ");");
  out = ReplaceAll(out, " INTEGER", " BIGINT");
  out = ReplaceAll(out, " TEXT", " TEXT COLLATE \"C\"");   // compared byte by byte, as SQLite does
  return ReplaceAll(ReplaceAll(out, "/*pg ", ""), "*/", "");
}

}  // namespace headrace::internal

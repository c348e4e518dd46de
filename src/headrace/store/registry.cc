#include "headrace/base/crash.h"
#include "headrace/store/database_internal.h"
#include "headrace/store/store.h"

namespace headrace {

using internal::Database;
using internal::Statement;

namespace {
constexpr std::string_view kModelColumns =
    "SELECT tenant, name, version, digest, created_us, run, code_commit, dirty, metrics, gates FROM models ";

Result<std::vector<ModelVersion>> ReadModels(Database& db, Statement& row) {
  std::vector<ModelVersion> models;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    ModelVersion model;
    model.tenant = row.Text(0);
    model.name = row.Text(1);
    model.version = row.Int(2);
    model.digest = row.Text(3);
    model.created_us = row.Int(4);
    model.run = row.Text(5);
    model.commit = row.Text(6);
    model.dirty = row.Int(7) != 0;
    model.metrics = row.Text(8);
    model.gates = row.Text(9);
    models.push_back(std::move(model));
  }
  for (ModelVersion& model : models) {
    Statement alias(db, "SELECT alias FROM aliases WHERE tenant = ? AND name = ? AND version = ? ORDER BY alias");
    alias.Bind(model.tenant, model.name, model.version);
    while (true) {
      ASSIGN_OR_RETURN(const bool more, alias.Step());
      if (!more) break;
      model.aliases.push_back(alias.Text(0));
    }
  }
  return models;
}

std::string OfTenant(std::string_view tenant) { return tenant.empty() ? std::string() : StrCat(" of tenant `", tenant, "`"); }
}  // namespace

Result<ModelVersion> Store::AddModelVersion(const ModelVersion& model) {
  const std::lock_guard lock(mutex_);
  CrashPoint("model.before_register");
  std::vector<ModelVersion> models;
  const Status done = db_->Transact(true, [&]() -> Status {
    Statement insert(*db_,
                     "INSERT INTO models SELECT ?1, ?2, 1 + coalesce(max(version), 0), ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM models "
                     "WHERE tenant = ?1 AND name = ?2 ON CONFLICT DO NOTHING");
    insert.Bind(model.tenant, model.name, model.digest, clock_.NowMicros(), model.run, model.commit, model.dirty, model.metrics, model.gates);
    RETURN_IF_ERROR(insert.Run());
    Statement find(*db_, StrCat(kModelColumns, "WHERE tenant = ? AND name = ? AND digest = ?"));
    find.Bind(model.tenant, model.name, model.digest);
    ASSIGN_OR_RETURN(models, ReadModels(*db_, find));
    return Ok();
  });
  RETURN_IF_ERROR(done);
  CrashPoint("model.after_register");
  if (models.empty()) return Error(ErrorCode::kInternal, "a model that was just registered is not there");
  return std::move(models[0]);
}

Result<std::vector<ModelVersion>> Store::ListModels(std::string_view tenant, std::string_view name) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, StrCat(kModelColumns, "WHERE (?1 = '' OR tenant = ?1) AND (?2 = '' OR name = ?2) ORDER BY tenant, name, version DESC"));
  find.Bind(tenant, name);
  return ReadModels(*db_, find);
}

Result<ModelVersion> Store::ResolveModel(std::string_view tenant, std::string_view name, std::string_view alias) {
  const std::lock_guard lock(mutex_);
  std::int64_t number = 0;
  const bool by_number = ParseInt(alias, &number);
  Statement find(*db_, by_number ? StrCat(kModelColumns, "WHERE tenant = ? AND name = ? AND version = ?")
                                      : StrCat(kModelColumns, "NATURAL JOIN aliases WHERE tenant = ? AND name = ? AND alias = ?"));
  find.Bind(tenant, name);
  if (by_number) find.Bind(number);
  else find.Bind(alias);
  ASSIGN_OR_RETURN(std::vector<ModelVersion> models, ReadModels(*db_, find));
  if (!models.empty()) return std::move(models[0]);

  Statement known(*db_, StrCat(kModelColumns, "WHERE tenant = ? AND name = ? ORDER BY version DESC"));
  known.Bind(tenant, name);
  ASSIGN_OR_RETURN(const std::vector<ModelVersion> versions, ReadModels(*db_, known));
  if (versions.empty()) {
    Statement all(*db_, StrCat(kModelColumns, "WHERE tenant = ? ORDER BY name, version DESC"));
    all.Bind(tenant);
    ASSIGN_OR_RETURN(const std::vector<ModelVersion> others, ReadModels(*db_, all));
    std::vector<std::string> names;
    for (const ModelVersion& other : others) names.push_back(other.name);
    const std::string near = NearestName(name, names);
    return Error(ErrorCode::kInvalid, "no model is registered as `", name, "`", OfTenant(tenant))
        .WithHelp(near.empty() ? "run the pipeline that trains and registers it, or `headrace models add`" : StrCat("did you mean `", near, "`?"));
  }
  return Error(ErrorCode::kInvalid, "the model `", name, "`", OfTenant(tenant), " has no ", by_number ? "version " : "alias `", alias,
               by_number ? "" : "`", "; its newest version is ", versions[0].version)
      .WithHelp(by_number ? StrCat("`headrace models list ", name, "` shows its versions")
                          : StrCat("no version passed its gates yet; `headrace models promote ", name, " ", versions[0].version, "` makes that one the ", alias));
}

Status Store::MoveAlias(std::string_view tenant, std::string_view name, std::string_view alias, std::int64_t version,
                        std::string_view by, std::string_view run, const std::vector<OutboxMessage>& told) {
  const std::lock_guard lock(mutex_);
  CrashPoint("alias.before_move");
  const Status done = db_->Transact(true, [&]() -> Status {
    Statement exists(*db_, "SELECT 1 FROM models WHERE tenant = ? AND name = ? AND version = ?");
    exists.Bind(tenant, name, version);
    ASSIGN_OR_RETURN(const bool there, exists.Step());
    if (!there)
      return Error(ErrorCode::kInvalid, "the model `", name, "`", OfTenant(tenant), " has no version ", version)
          .WithHelp(StrCat("`headrace models list ", name, "` shows its versions"));
    Statement old(*db_, "SELECT version FROM aliases WHERE tenant = ? AND name = ? AND alias = ?");
    old.Bind(tenant, name, alias);
    ASSIGN_OR_RETURN(const bool had, old.Step());
    const std::int64_t from = had ? old.Int(0) : 0;
    if (from == version) return Ok();
    Statement set(*db_, "INSERT INTO aliases VALUES (?,?,?,?) ON CONFLICT (tenant, name, alias) DO UPDATE SET version = excluded.version");
    set.Bind(tenant, name, alias, version);
    RETURN_IF_ERROR(set.Run());
    Statement move(*db_, "INSERT INTO alias_moves(tenant, name, alias, from_version, to_version, moved_us, by, run) VALUES (?,?,?,?,?,?,?,?)");
    move.Bind(tenant, name, alias, from, version, clock_.NowMicros(), by, run);
    RETURN_IF_ERROR(move.Run());
    return EnterMessages(told);
  });
  RETURN_IF_ERROR(done);
  CrashPoint("alias.after_move");
  return Ok();
}

Result<std::vector<AliasMove>> Store::AliasHistory(std::string_view tenant, std::string_view name) {
  const std::lock_guard lock(mutex_);
  Statement find(*db_, "SELECT alias, from_version, to_version, moved_us, by, run FROM alias_moves WHERE tenant = ? AND name = ? ORDER BY rowid DESC");
  find.Bind(tenant, name);
  std::vector<AliasMove> moves;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, find.Step());
    if (!more) return moves;
    moves.push_back({find.Text(0), find.Int(1), find.Int(2), find.Int(3), find.Text(4), find.Text(5)});
  }
}

}  // namespace headrace

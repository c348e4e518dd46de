#include "headrace/base/libraries.h"
#include "headrace/store/libpq_internal.h"

namespace headrace::internal {

namespace {
Result<LibPq> LoadLibrary() {
  ASSIGN_OR_RETURN(void* const library, OpenSystemLibrary("libpq.so.5", "the state is on PostgreSQL, whose client library", "libpq5"));
  LibPq api;
  const bool ok = LoadFunction(library, "PQconnectdbParams", &api.connect) && LoadFunction(library, "PQpingParams", &api.ping) && LoadFunction(library, "PQfinish", &api.finish) &&
                  LoadFunction(library, "PQstatus", &api.status) && LoadFunction(library, "PQerrorMessage", &api.error_message) &&
                  LoadFunction(library, "PQserverVersion", &api.server_version) && LoadFunction(library, "PQparameterStatus", &api.parameter_status) &&
                  LoadFunction(library, "PQsetNoticeProcessor", &api.set_notice_processor) && LoadFunction(library, "PQconninfoParse", &api.conninfo_parse) &&
                  LoadFunction(library, "PQconninfoFree", &api.conninfo_free) && LoadFunction(library, "PQfreemem", &api.free_memory) && LoadFunction(library, "PQexec", &api.exec) &&
                  LoadFunction(library, "PQprepare", &api.prepare) && LoadFunction(library, "PQexecPrepared", &api.exec_prepared) &&
                  LoadFunction(library, "PQresultStatus", &api.result_status) && LoadFunction(library, "PQresultErrorField", &api.error_field) &&
                  LoadFunction(library, "PQcmdStatus", &api.command_status) && LoadFunction(library, "PQcmdTuples", &api.command_rows) && LoadFunction(library, "PQntuples", &api.rows) &&
                  LoadFunction(library, "PQnfields", &api.columns) && LoadFunction(library, "PQgetvalue", &api.value) && LoadFunction(library, "PQgetlength", &api.length) &&
                  LoadFunction(library, "PQclear", &api.clear);
  if (!ok) return Error(ErrorCode::kInvalid, "PostgreSQL's client library libpq.so.5 lacks a function that is needed");
  return api;
}
}  // namespace

Result<const LibPq*> LibPq::Get() {
  static const Result<LibPq> kApi = LoadLibrary();  // stays loaded
  if (!kApi.ok()) return kApi.status();
  return &*kApi;
}

}  // namespace headrace::internal

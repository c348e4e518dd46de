#include <dlfcn.h>

#include "headrace/base/libraries.h"
#include "headrace/store/libpq_internal.h"

namespace headrace::internal {

namespace {
template <typename Function>
bool Load(void* library, const char* name, Function* out) {
  *out = reinterpret_cast<Function>(dlsym(library, name));
  return *out != nullptr;
}

Result<LibPq> LoadLibrary() {
  const Result<std::string> own = FindSharedLibrary("libpq.so.5");   // one that was put beside the program, else the system's
  void* library = dlopen(own.ok() ? own->c_str() : "libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return Error(ErrorCode::kInvalid, "the state is on PostgreSQL, whose client library cannot be loaded: ", dlerror())
        .WithHelp("install it (Debian: apt-get install libpq5)");
  LibPq api;
  const bool ok = Load(library, "PQconnectdbParams", &api.connect) && Load(library, "PQpingParams", &api.ping) && Load(library, "PQfinish", &api.finish) &&
                  Load(library, "PQstatus", &api.status) && Load(library, "PQerrorMessage", &api.error_message) &&
                  Load(library, "PQserverVersion", &api.server_version) && Load(library, "PQparameterStatus", &api.parameter_status) &&
                  Load(library, "PQsetNoticeProcessor", &api.set_notice_processor) && Load(library, "PQconninfoParse", &api.conninfo_parse) &&
                  Load(library, "PQconninfoFree", &api.conninfo_free) && Load(library, "PQfreemem", &api.free_memory) && Load(library, "PQexec", &api.exec) &&
                  Load(library, "PQprepare", &api.prepare) && Load(library, "PQexecPrepared", &api.exec_prepared) &&
                  Load(library, "PQresultStatus", &api.result_status) && Load(library, "PQresultErrorField", &api.error_field) &&
                  Load(library, "PQcmdStatus", &api.command_status) && Load(library, "PQcmdTuples", &api.command_rows) && Load(library, "PQntuples", &api.rows) &&
                  Load(library, "PQnfields", &api.columns) && Load(library, "PQgetvalue", &api.value) && Load(library, "PQgetlength", &api.length) &&
                  Load(library, "PQclear", &api.clear);
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

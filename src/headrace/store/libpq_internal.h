#pragma once

#include <libpq-fe.h>

#include "headrace/base/status.h"

namespace headrace::internal {

/// The functions of PostgreSQL's client library, found in libpq.so.5 when first asked for, so that who keeps the state in SQLite needs
/// no library and waits for none.
struct LibPq {
  decltype(&PQconnectdbParams) connect = nullptr;
  decltype(&PQpingParams) ping = nullptr;
  decltype(&PQfinish) finish = nullptr;
  decltype(&PQstatus) status = nullptr;
  decltype(&PQerrorMessage) error_message = nullptr;
  decltype(&PQserverVersion) server_version = nullptr;
  decltype(&PQparameterStatus) parameter_status = nullptr;
  decltype(&PQsetNoticeProcessor) set_notice_processor = nullptr;
  decltype(&PQconninfoParse) conninfo_parse = nullptr;
  decltype(&PQconninfoFree) conninfo_free = nullptr;
  decltype(&PQfreemem) free_memory = nullptr;
  decltype(&PQexec) exec = nullptr;
  decltype(&PQprepare) prepare = nullptr;
  decltype(&PQexecPrepared) exec_prepared = nullptr;
  decltype(&PQresultStatus) result_status = nullptr;
  decltype(&PQresultErrorField) error_field = nullptr;
  decltype(&PQcmdStatus) command_status = nullptr;
  decltype(&PQcmdTuples) command_rows = nullptr;
  decltype(&PQntuples) rows = nullptr;
  decltype(&PQnfields) columns = nullptr;
  decltype(&PQgetvalue) value = nullptr;
  decltype(&PQgetlength) length = nullptr;
  decltype(&PQclear) clear = nullptr;

  /// Load once per process. kInvalid when it cannot be loaded. Threads: any.
  static Result<const LibPq*> Get();
};

}  // namespace headrace::internal

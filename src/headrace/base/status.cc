#include "headrace/base/status.h"

namespace headrace {

int ExitCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOk: return 0;
    case ErrorCode::kFailed:
    case ErrorCode::kInternal: return 1;
    case ErrorCode::kInvalid: return 2;
    case ErrorCode::kData:
    case ErrorCode::kGate: return 3;
    case ErrorCode::kDelivery: return 4;
    case ErrorCode::kBusy: return 75;
    case ErrorCode::kInterrupted: return 130;
  }
  return 1;
}

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOk: return "ok";
    case ErrorCode::kFailed: return "failed";
    case ErrorCode::kInvalid: return "invalid";
    case ErrorCode::kData: return "data";
    case ErrorCode::kGate: return "gate";
    case ErrorCode::kDelivery: return "delivery";
    case ErrorCode::kBusy: return "busy";
    case ErrorCode::kInterrupted: return "interrupted";
    case ErrorCode::kInternal: return "internal";
  }
  return "internal";
}

Status Status::WithContext(std::string_view context) && {
  if (!ok()) message_ = StrCat(context, ": ", message_);
  return std::move(*this);
}

std::string Status::ToString() const {
  if (ok()) return "ok";
  return help_.empty() ? message_ : StrCat(message_, "\nhelp: ", help_);
}

std::ostream& operator<<(std::ostream& out, const Status& status) { return out << status.ToString(); }

}  // namespace headrace

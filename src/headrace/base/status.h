#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "headrace/base/text.h"

namespace headrace {

/// What kind of failure this is. The list is short on purpose: exit codes, `--json` and the report
/// all map from it (`ExitCode`), and a caller decides by it, never by the text.
enum class ErrorCode : std::uint8_t {
  kOk,
  kFailed,       ///< a step failed for a reason that is none of those below (exit code 1)
  kInvalid,      ///< usage, project file, SQL, missing local input, damaged model file (2)
  kData,         ///< the data are refused: contract, check, types, empty, one class, ... (3)
  kGate,         ///< a gate refused to promote a model (3)
  kDelivery,     ///< the destination does not fit, or writing to it failed (4)
  kBusy,         ///< locked, full, another run at work: try again later (75)
  kInterrupted,  ///< the user or a deadline stopped it (130)
  kInternal,     ///< a bug of ours that was noticed (1)
};

/// The process exit code of DESIGN section 5 for `code`: 0, 1, 2, 3, 4, 75 or 130.
int ExitCode(ErrorCode code);
/// "failed", "invalid", "data", ... as in `--json` output.
std::string_view ErrorCodeName(ErrorCode code);

/// A stretch of the text that was being read when the error arose (an expression, a query), in bytes.
struct TextSpan {
  std::size_t offset = 0;
  std::size_t length = 1;
  bool operator==(const TextSpan&) const = default;
};

/// Success, or what went wrong. A message says what was expected, what came and where, in lower
/// case without a full stop; `help` says what to do. Cheap to move; equal to nothing when ok.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == ErrorCode::kOk; }
  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& help() const { return help_; }
  /// Set when the error belongs to a place in a text that the caller handed in.
  const std::optional<TextSpan>& span() const { return span_; }

  /// The same error with a `help:` text, a place, or "context: " in front of the message.
  Status WithHelp(std::string help) && { help_ = std::move(help); return std::move(*this); }
  Status WithSpan(TextSpan span) && { span_ = span; return std::move(*this); }
  Status WithContext(std::string_view context) &&;
  Status WithCode(ErrorCode code) && { code_ = code; return std::move(*this); }

  /// "message" or "message\nhelp: ...", for people.
  std::string ToString() const;

 private:
  ErrorCode code_ = ErrorCode::kOk;
  std::string message_, help_;
  std::optional<TextSpan> span_;
};

inline Status Ok() { return {}; }

/// Build an error from parts: `Error(ErrorCode::kData, "column `", name, "` has ", n, " nulls")`.
template <typename... Parts>
Status Error(ErrorCode code, const Parts&... parts) {
  return Status(code, StrCat(parts...));
}

/// A value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<1>, std::move(value)) {}      // NOLINT: implicit
  Result(Status status) : state_(std::in_place_index<0>, std::move(status)) {}  // NOLINT: implicit
  template <typename U>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, Status> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result> && !std::is_same_v<std::remove_cvref_t<U>, T>)
  Result(U&& value) : state_(std::in_place_index<1>, std::forward<U>(value)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 1; }
  /// The error; Ok() when there is a value.
  Status status() const& { return ok() ? Status() : std::get<0>(state_); }
  Status status() && { return ok() ? Status() : std::get<0>(std::move(state_)); }

  /// REQUIRES: ok().
  T& value() & { return std::get<1>(state_); }
  const T& value() const& { return std::get<1>(state_); }
  T value() && { return std::get<1>(std::move(state_)); }  // by value, so that `for (x : *F())` is safe
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<Status, T> state_;
};

std::ostream& operator<<(std::ostream& out, const Status& status);

#define HEADRACE_CONCAT_(a, b) a##b
#define HEADRACE_CONCAT(a, b) HEADRACE_CONCAT_(a, b)

/// Leave the function with the error of `expr`, if it has one.
#define RETURN_IF_ERROR(expr)                            \
  do {                                                   \
    ::headrace::Status status_ = (expr);                 \
    if (!status_.ok()) return status_;                   \
  } while (false)

/// `ASSIGN_OR_RETURN(Table t, ReadAll(stream));`
#define ASSIGN_OR_RETURN(lhs, expr) ASSIGN_OR_RETURN_IMPL_(HEADRACE_CONCAT(result_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL_(result, lhs, expr) \
  auto result = (expr);                           \
  if (!result.ok()) return std::move(result).status(); \
  lhs = std::move(result).value()

}  // namespace headrace

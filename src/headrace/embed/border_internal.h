#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <nanoarrow/nanoarrow.h>

#include "headrace/embed/headrace.h"
#include "headrace/model/row_scorer.h"

/// Private to this room: what stands between the C ABI and the rooms above.

struct headrace_model {
  /// A scorer of single rows that no other thread uses meanwhile.
  headrace::Result<headrace::RowScorer> Borrow() const {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        headrace::RowScorer scorer = std::move(idle.back());
        idle.pop_back();
        return scorer;
      }
    }
    return headrace::RowScorer::Bind(model, inputs);
  }
  void Return(headrace::RowScorer scorer) const {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(scorer));
  }

  std::shared_ptr<const headrace::Model> model;
  headrace::Schema inputs;
  std::string description;
  mutable std::mutex mutex;
  mutable std::vector<headrace::RowScorer> idle;   // guarded by mutex
};

namespace headrace::internal {

/// As much of `text` as fits, without half a character.
template <std::size_t size>
void Copy(const std::string& text, char (&out)[size]) {
  std::size_t n = std::min(text.size(), size - 1);
  if (n < text.size())
    while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) --n;
  std::memcpy(out, text.data(), n);
  out[n] = '\0';
}

inline std::int32_t Tell(const Status& status, headrace_error* error) {
  const std::int32_t code = ExitCode(status.code());
  if (error != nullptr) {
    error->code = code;
    Copy(status.message(), error->message);
    Copy(status.help(), error->help);
  }
  return code;
}

/// Nothing is thrown across the border.
template <typename Act>
std::int32_t Guarded(headrace_error* error, Act act) {
  try {
    if (error != nullptr) *error = headrace_error{};
    return Tell(act(), error);
  } catch (const std::bad_alloc&) {
    return Tell(Error(ErrorCode::kBusy, "there is not enough memory"), error);
  } catch (const std::exception& thrown) {
    return Tell(Error(ErrorCode::kInternal, thrown.what()), error);
  }
}

inline Status Null(std::string_view what) { return Error(ErrorCode::kInvalid, "`", what, "` is null"); }

/// A stream that was taken over and not read on.
class Owned {
 public:
  explicit Owned(ArrowArrayStream* stream) : stream_(stream) {}
  ~Owned() {
    if (stream_ != nullptr && stream_->release != nullptr) stream_->release(stream_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ArrowArrayStream* Pass() { return std::exchange(stream_, nullptr); }
  /// All its rows.
  Result<Table> Read() {
    if (stream_ == nullptr) return Null("rows");
    ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> imported, ImportStream(Pass()));
    return ReadAll(*imported);
  }

 private:
  ArrowArrayStream* stream_;
};

/// A handle for `model`, into `*out`.
void Give(std::shared_ptr<const Model> model, headrace_model** out);

inline Status CheckThreads(std::int32_t threads) {
  return threads >= 0 ? Ok() : Error(ErrorCode::kInvalid, "`threads` is 0 (all cores) or more, got ", threads);
}

}  // namespace headrace::internal

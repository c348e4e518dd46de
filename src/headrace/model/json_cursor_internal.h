#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"

/// Private to this room.
namespace headrace::internal {

/// Reads JSON of a known form from front to back, numbers straight into vectors: a forest has millions. Each call takes
/// one value; kInvalid says what was expected, and the members above it.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : text_(text) {}

  struct Member {
    std::string_view name;
    std::function<Status()> read;
  };
  /// An object with each of these members once, in any order, and no others.
  Status Object(const std::vector<Member>& members);
  /// An object with any members; `read` takes the value of each.
  Status Object(const std::function<Status(std::string_view key)>& read);
  /// An array; `read` takes each element.
  Status Array(const std::function<Status()>& read);
  Status Empty();                    ///< an array without elements
  Result<std::string_view> Text();   ///< a string without escapes
  Status Int(std::int64_t low, std::int64_t high, std::int64_t* out);
  Status Ints(std::int64_t low, std::int64_t high, std::vector<std::int64_t>* out);
  Status Floats(std::vector<float>* out);  ///< the float nearest to each number; also NaN and +-Infinity
  Status End();

 private:
  void Blanks();
  bool Take(char expected);
  Status Expected(std::string_view what) const;
  std::string_view Word();  ///< of a number, true, NaN

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace headrace::internal

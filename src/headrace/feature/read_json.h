#pragma once

// Private to this room's .cc files: reading JSON that nobody vouches for.

#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "headrace/base/status.h"

namespace headrace::internal {

using nlohmann::json;

inline Status Damaged(const std::string& what) { return Error(ErrorCode::kInvalid, "not a transform that this version wrote: ", what); }

/// The member, or null where there is none.
const json& Member(const json& from, const char* key);
Result<std::string> ReadText(const json& from, const char* key);
Result<bool> ReadBool(const json& from, const char* key);
/// A whole number in [least, most].
Result<std::int64_t> ReadInt(const json& from, const char* key, std::int64_t least, std::int64_t most);
Result<std::vector<std::string>> ReadTexts(const json& from, const char* key);
/// A list of `count` finite numbers (any number of them if count is kAnyCount); where `open` is not 0, null reads as that.
inline constexpr std::size_t kAnyCount = static_cast<std::size_t>(-1);
Result<std::vector<double>> ReadNumbers(const json& from, const char* key, std::size_t count, double open = 0);
/// One list of numbers for each of `count` columns.
Result<std::vector<std::vector<double>>> ReadNumberLists(const json& from, const char* key, std::size_t count);
/// A list of numbers; an infinity (no bound) as null.
json NumbersToJson(std::span<const double> numbers);
inline bool Rising(const std::vector<double>& numbers) { return std::adjacent_find(numbers.begin(), numbers.end(), std::greater_equal<>()) == numbers.end(); }

/// The place of the member's text in `names`.
template <std::size_t N>
Result<std::size_t> ReadName(const json& from, const char* key, const std::string_view (&names)[N]) {
  ASSIGN_OR_RETURN(const std::string name, ReadText(from, key));
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == name) return i;
  return Damaged(StrCat("`", key, "` is `", name, "`"));
}

}  // namespace headrace::internal

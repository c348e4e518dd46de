#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

/// Private to this room.
namespace headrace::internal {

/// A whole number of a document that nobody vouches for; throws json's type_error for any that T does not hold. (json itself casts what has a fraction or is too
/// large, which is undefined beyond T.)
template <typename T = std::int64_t>
T Whole(const nlohmann::json& j) {
  if (j.is_number_unsigned() && std::in_range<T>(j.get<std::uint64_t>())) return j.get<T>();
  if (j.is_number_integer() && !j.is_number_unsigned() && std::in_range<T>(j.get<std::int64_t>())) return j.get<T>();
  throw nlohmann::json::type_error::create(302, std::string("type must be a whole number, but is ") + j.type_name(), &j);
}

/// A list of them; one that lacks is empty.
inline std::vector<std::int64_t> Wholes(const nlohmann::json& j) {
  std::vector<std::int64_t> out;
  for (const nlohmann::json& one : j) out.push_back(Whole(one));
  return out;
}

}  // namespace headrace::internal

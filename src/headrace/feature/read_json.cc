#include "headrace/feature/read_json.h"

namespace headrace::internal {

const json& Member(const json& from, const char* key) {
  static const json kNone;
  if (!from.is_object()) return kNone;
  const auto at = from.find(key);
  return at == from.end() ? kNone : *at;
}

Result<std::string> ReadText(const json& from, const char* key) {
  const json& member = Member(from, key);
  if (!member.is_string()) return Damaged(StrCat("`", key, "` must be text"));
  return member.get<std::string>();
}

Result<bool> ReadBool(const json& from, const char* key) {
  const json& member = Member(from, key);
  if (!member.is_boolean()) return Damaged(StrCat("`", key, "` must be true or false"));
  return member.get<bool>();
}

Result<std::int64_t> ReadInt(const json& from, const char* key, std::int64_t least, std::int64_t most) {
  const json& member = Member(from, key);
  if (!member.is_number_integer() || (member.is_number_unsigned() && member.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)))
    return Damaged(StrCat("`", key, "` must be a whole number"));
  const auto value = member.get<std::int64_t>();
  if (value < least || value > most) return Damaged(StrCat("`", key, "` must lie between ", least, " and ", most));
  return value;
}

Result<std::vector<std::string>> ReadTexts(const json& from, const char* key) {
  const json& member = Member(from, key);
  std::vector<std::string> out;
  if (!member.is_array()) return Damaged(StrCat("`", key, "` must be a list"));
  for (const json& one : member) {
    if (!one.is_string()) return Damaged(StrCat("`", key, "` must be a list of texts"));
    out.push_back(one.get<std::string>());
  }
  return out;
}

namespace {

Result<std::vector<double>> NumbersOf(const json& list, const char* key, std::size_t count, double open) {
  std::vector<double> out;
  if (!list.is_array() || (count != kAnyCount && list.size() != count)) return Damaged(StrCat("`", key, "` must be a list of numbers of another length"));
  for (const json& one : list) {
    if (!one.is_number() && !(open != 0 && one.is_null())) return Damaged(StrCat("`", key, "` must be a list of numbers"));
    out.push_back(one.is_null() ? open : one.get<double>());
    if (one.is_number() && !std::isfinite(out.back())) return Damaged(StrCat("`", key, "` has a number out of range"));
  }
  return out;
}

}  // namespace

Result<std::vector<double>> ReadNumbers(const json& from, const char* key, std::size_t count, double open) { return NumbersOf(Member(from, key), key, count, open); }

Result<std::vector<std::vector<double>>> ReadNumberLists(const json& from, const char* key, std::size_t count) {
  const json& lists = Member(from, key);
  if (!lists.is_array() || lists.size() != count) return Damaged(StrCat("`", key, "` must be a list of ", count, " lists"));
  std::vector<std::vector<double>> out;
  for (const json& list : lists) {
    ASSIGN_OR_RETURN(std::vector<double> one, NumbersOf(list, key, kAnyCount, 0));
    out.push_back(std::move(one));
  }
  return out;
}

json NumbersToJson(std::span<const double> numbers) {
  json out = json::array();
  for (const double x : numbers) out.push_back(std::isfinite(x) ? json(x) : json());
  return out;
}

}  // namespace headrace::internal

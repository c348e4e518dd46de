#include "headrace/check/contract_check.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "headrace/base/text.h"
#include "headrace/check/check.h"

namespace headrace {
namespace internal {

bool MayStandFor(Type found, Type declared) {
  return found == declared || (found == Type::kInt && declared == Type::kDouble) || (found == Type::kDate && declared == Type::kTimestamp);
}

namespace {

constexpr std::size_t kGuesses = 20;

Breach MissingColumn(const Field& wanted, const std::string& now) {
  if (now.empty())
    return {wanted.name, StrCat("table has no column `", wanted.name, "`"), StrCat("bring `", wanted.name, "` back, or take it out of the contract and of what reads it")};
  return {wanted.name, StrCat("table has no column `", wanted.name, "`; likely now `", now, "`"),
          StrCat("name `", now, "` back to `", wanted.name, "`, or change the contract and what reads `", wanted.name, "`")};
}

}  // namespace

std::vector<Breach> BreachesOf(const Contract& contract, const Schema& found) {
  std::vector<Breach> breaches;
  const Schema expected = contract.schema();
  std::set<std::string_view> promised;
  std::size_t missing = 0;
  for (const ContractColumn& column : contract.columns) {
    promised.insert(column.name);
    const auto at = found.IndexOf(column.name);
    if (!at)
      breaches.push_back(MissingColumn({column.name, column.type}, missing++ < kGuesses ? LikelyNewName({column.name, column.type}, expected, found) : ""));
    else if (const Type type = found[*at].type; !MayStandFor(type, column.type))
      breaches.push_back({column.name, StrCat("column `", column.name, "` should be ", TypeName(column.type), ", but is ", TypeName(type)),
                          StrCat("cast it to ", TypeName(column.type), " where it is read, or declare it as ", TypeName(type), " in the contract")});
  }
  if (contract.extra == ExtraColumns::kIgnore) return breaches;
  for (const Field& field : found.fields())
    if (!promised.contains(field.name))
      breaches.push_back({"", StrCat("table has a column `", field.name, "` (", TypeName(field.type), ") that the contract does not know"),
                          "add it to the contract, do not read it, or write `extra: ignore` in the contract"});
  return breaches;
}

namespace {

/// Lower case, letters and digits only: CustomerID and customer_id are the same.
std::string Bare(std::string_view name) {
  std::string bare;
  for (const char c : ToLower(name))
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 128) bare.push_back(c);
  return bare;
}

std::vector<std::string> Words(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : ToLower(name)) {
    if (c == '_' || c == ' ' || c == '-' || c == '.') words.emplace_back();
    else words.back().push_back(c);
  }
  std::erase_if(words, [](const std::string& word) { return word.size() < 2 || word.find_first_not_of("0123456789") == std::string::npos; });
  return words;
}

/// Whether two names have a word in common (not a mere letter or number), or words that begin alike (purchased, purchase).
bool ShareWord(std::string_view a, std::string_view b) {
  constexpr std::size_t kStem = 4;
  for (const std::string& left : Words(a))
    for (const std::string& right : Words(b))
      if (left == right || (left.size() >= kStem && right.size() >= kStem && left.compare(0, kStem, right, 0, kStem) == 0)) return true;
  return false;
}

}  // namespace
}  // namespace internal

std::string LikelyNewName(const Field& wanted, const Schema& expected, const Schema& found) {
  std::vector<std::string> unknown, of_type, alike, related;
  for (const Field& field : found.fields()) {
    if (expected.IndexOf(field.name)) continue;
    unknown.push_back(field.name);
    if (internal::Bare(field.name) == internal::Bare(wanted.name)) alike.push_back(field.name);
    if (!internal::MayStandFor(field.type, wanted.type)) continue;
    of_type.push_back(field.name);
    if (internal::ShareWord(field.name, wanted.name)) related.push_back(field.name);
  }
  if (alike.size() == 1) return alike[0];
  if (std::string near = NearestName(wanted.name, unknown); !near.empty()) return near;
  if (related.size() == 1) return related[0];
  const auto missing = std::count_if(expected.fields().begin(), expected.fields().end(), [&](const Field& field) {
    return field.type == wanted.type && !found.IndexOf(field.name);
  });
  return of_type.size() == 1 && missing == 1 ? of_type[0] : std::string();
}

}  // namespace headrace

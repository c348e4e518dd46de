#include "headrace/pipeline/decode_open.h"

#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/model/tune.h"
#include "headrace/pipeline/decode_learning.h"

namespace headrace {
namespace {

/// Lists under these are no lists of numbers to choose from.
constexpr std::string_view kListed[] = {"bins", "ngrams", "date", "clip"};

bool IsOpen(const Node::Entry& entry) {
  if (entry.value.is_map()) return entry.value.Find("low") != nullptr;
  return entry.value.is_list() && std::find(std::begin(kListed), std::end(kListed), entry.key) == std::end(kListed);
}

}  // namespace

std::vector<const Node*> OpenNumbers::ValuesOf(const Node& number) {
  if (number.is_scalar()) return {&number};
  std::vector<const Node*> values;
  for (const Node& item : number.items) values.push_back(&item);
  if (number.is_map()) values = {number.Find("low"), number.Find("high")};
  return values;
}

Node OpenNumbers::Take(const Node& step, const std::string& kind, TransformSpec& spec) {
  Node taken = step;
  std::erase_if(taken.entries, [&](Node::Entry& entry) {
    if (!IsOpen(entry)) return false;
    Add(entry.value, entry.key_place, kind, entry.key, spec);
    const std::vector<const Node*> values = ValuesOf(entry.value);
    if (values.empty()) return true;
    Node first = *values.front();
    entry.value = std::move(first);
    return false;
  });
  const Node::Entry* clip = step.FindEntry("clip");
  for (std::size_t i = 0; clip != nullptr && i < 2; ++i) {
    const char* const key = i == 0 ? "lower" : "upper";
    const Node* bound = clip->value.is_map() ? clip->value.Find(key) : clip->value.items.size() == 2 ? &clip->value.items[i] : nullptr;
    if (bound != nullptr && !bound->is_scalar()) Add(*bound, clip->key_place, kind, key, spec);
  }
  return taken;
}

void OpenNumbers::Add(const Node& number, const Place& place, const std::string& kind, const std::string& key, TransformSpec& spec) {
  const std::string where = !spec.columns.empty() ? spec.columns.front() : !spec.tag.empty() ? spec.tag : spec.type ? std::string(TypeName(*spec.type)) : "columns";
  const std::string name = StrCat(where, ".", kind, key == kind ? "" : StrCat(".", key));
  const auto taken = [&](const std::string& other) { return std::any_of(open_.numbers.begin(), open_.numbers.end(), [&](const TuneSpec::Dimension& d) { return d.name == other; }); };
  std::string unique = name;
  for (int i = 2; taken(unique); ++i) unique = StrCat(name, ".", i);
  TuneSpec::Dimension dimension = DecodeDimension(unique, number);
  dimension.choice = spec.choice;
  dimension.alternative = spec.alternative;
  const bool told_later = kind == "clip" && (std::isnan(dimension.low) || std::isnan(dimension.high));   // what is no bound at all
  if (number.is_list() && number.items.empty()) diagnostics_.AddError(DiagnosticCode::kBadValue, place, StrCat("`", unique, "` has no value to choose"));
  else if (const Status status = CheckTuneRange(dimension); !status.ok() && !told_later && !HasPending(number)) diagnostics_.AddError(DiagnosticCode::kBadValue, place, status.message());
  if (!open_.place) open_.place = place;
  open_.numbers.push_back(std::move(dimension));
  spec.open.push_back({spec.steps.size(), key, std::move(unique)});
}

}  // namespace headrace

#include "headrace/run/fan_out.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "headrace/base/digest.h"
#include "headrace/base/json.h"
#include "headrace/base/version.h"
#include "headrace/pipeline/for_each.h"
#include "headrace/sql/engine.h"

namespace headrace {

namespace {
constexpr std::size_t kNamed = 10;          // items that a message names
constexpr std::size_t kChecks = 20;         // verdicts that the step repeats
constexpr std::size_t kListed = 200;        // items that the step's parts list one by one
constexpr std::size_t kLongest = 80;        // bytes of an item's text in a name

/// Where the values of an item hold the one that tells it apart.
std::size_t KeyOf(const ForEachSpec& each) {
  std::size_t key = 0;
  while (key < each.columns.size() && each.columns[key].first != each.key) ++key;
  return each.columns.empty() ? 0 : key;
}

bool IsGoodName(std::string_view text) {
  return !text.empty() && text.size() <= kLongest && text[0] != '#' && std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == ']' || c == 0x7f; });
}

DeliveryReport Sum(const std::optional<DeliveryReport>& so_far, const DeliveryReport& next) {
  if (!so_far) return next;
  DeliveryReport sum = *so_far;
  if (sum.destination != next.destination) sum.destination = "several destinations";
  sum.inserted += next.inserted;
  sum.updated += next.updated;
  sum.deleted += next.deleted;
  sum.unchanged += next.unchanged;
  sum.no_op = sum.no_op && next.no_op;
  sum.ledger_key = sum.digest = "";
  return sum;
}

Status ReadRows(const StepSpec& step, const std::string& rows, std::vector<FanItem>& items) {
  const ForEachSpec& each = *step.for_each;
  ASSIGN_OR_RETURN(const Table table, ReadParquet(rows));
  std::vector<const Column*> columns;
  for (const auto& [name, type] : each.columns) {
    const Column* column = table.Find(name);
    if (column == nullptr || column->type() != type)
      return Error(ErrorCode::kData, "`for_each` expects a column `", name, "` of type ", TypeName(type), " in `", each.rows->step, "`, which ",
                   column == nullptr ? StrCat("has ", Join(table.schema().Names(), ", ")) : StrCat("has it as ", TypeName(column->type())))
          .WithHelp(column == nullptr ? "name the columns that are there" : "say so under `columns`, or cast it");
    columns.push_back(column);
  }
  const std::size_t key = KeyOf(each);
  for (std::size_t row = 0; row < table.num_rows(); ++row) {
    FanItem item;
    for (const Column* column : columns) item.values.push_back(column->At(row));
    if (item.values[key].is_null()) return Error(ErrorCode::kData, "row ", row + 1, " of `", each.rows->step, "` has no `", each.key, "`, which tells the items of `", step.name, "` apart");
    item.text = item.values[key].ToString();
    items.push_back(std::move(item));
  }
  return Ok();
}
}  // namespace

Result<std::vector<FanItem>> ItemsOf(const StepSpec& step, const std::string& rows) {
  std::vector<FanItem> items;
  for (const Value& value : step.for_each->values) items.push_back({value.ToString(), {value}});
  if (step.for_each->rows) RETURN_IF_ERROR(ReadRows(step, rows, items));
  std::set<std::string_view> seen;
  for (const FanItem& item : items)
    if (!seen.insert(item.text).second) return Error(ErrorCode::kData, "the item `", item.text, "` of `", step.name, "` comes twice").WithHelp("make the rows unique, or choose another `key`");
  return items;
}

FanOut::FanOut(const StepSpec& step, std::vector<FanItem> items) : step_(step), items_(std::move(items)), places_(items_.size(), Place::kWaiting) {
  counts_.total = static_cast<std::int64_t>(items_.size());
}

std::string FanOut::Name(std::size_t item) const {
  const std::string& text = items_[item].text;
  return IsGoodName(text) ? StrCat(step_.name, "[", text, "]") : StrCat(step_.name, "[#", Sha256Hex(text).substr(0, 12), "]");
}

Result<StepSpec> FanOut::SpecOf(std::size_t item) const {
  Diagnostics diagnostics;
  std::optional<StepSpec> spec = step_.for_each->item->Make(step_, items_[item].values, Name(item), diagnostics);
  if (spec) return *std::move(spec);
  const Status wrong = diagnostics.ToStatus();
  return wrong.ok() ? Error(ErrorCode::kInternal, "the step of this item could not be made") : wrong;
}

std::optional<std::size_t> FanOut::Next(std::int64_t now) {
  if (stopped_ || (step_.for_each->parallel > 0 && working_ >= static_cast<std::size_t>(step_.for_each->parallel))) return std::nullopt;
  if (!later_.empty() && later_.begin()->first <= now) {
    const std::size_t item = later_.begin()->second;
    later_.erase(later_.begin());
    ++working_;
    return item;
  }
  while (next_ < items_.size() && places_[next_] == Place::kEnded) ++next_;
  if (next_ == items_.size()) return std::nullopt;
  places_[next_] = Place::kGiven;
  ++working_;
  return next_++;
}

void FanOut::Later(std::size_t item, std::int64_t at) {
  --working_;
  if (!stopped_) later_.emplace(at, item);
}

void FanOut::Ended(std::size_t item, const StepRecord& record, const StepDetails& details, const Status& status) {
  if (places_[item] == Place::kGiven) --working_;
  places_[item] = Place::kEnded;
  ++ended_;
  switch (record.state) {
    case StepState::kSucceeded: ++counts_.succeeded; break;
    case StepState::kReused: ++counts_.reused; break;
    case StepState::kSkipped: ++counts_.skipped; break;
    case StepState::kWaiting: ++counts_.waiting; break;
    default: ++counts_.failed;
  }
  if (record.state == StepState::kWaiting && waits_.empty()) waits_ = record.reason;
  if (record.state == StepState::kFailed) {
    if (failed_.size() < kNamed) failed_.push_back(items_[item].text);
    if (failure_.ok()) failure_ = status;
  }
  for (const auto& [name, artifact] : record.outputs)
    if (artifact.kind == "dataset") outputs_[name][item] = artifact;
  for (const CheckVerdict& verdict : details.checks) {
    if (verdict.passed || details_.checks.size() >= kChecks) continue;
    details_.checks.push_back(verdict);
    details_.checks.back().name = StrCat("[", items_[item].text, "] ", verdict.name);
  }
  if (details.quarantine) {
    QuarantineCounts& all = details_.quarantine ? *details_.quarantine : details_.quarantine.emplace();
    all.rows_in += details.quarantine->rows_in;
    all.rows_out += details.quarantine->rows_out;
    all.rows_aside += details.quarantine->rows_aside;
  }
  if (details.delivery) details_.delivery = Sum(details_.delivery, *details.delivery);
}

StepDetails FanOut::Details() const {
  StepDetails details = details_;
  details.items = counts_;
  return details;
}

Status FanOut::Failure() const {
  if (failure_.ok()) return Ok();
  std::string named = headrace::Join(failed_, "`, `");
  if (counts_.failed > static_cast<std::int64_t>(failed_.size())) named += "`, `...";
  const std::int64_t left = counts_.total - counts_.succeeded - counts_.reused - counts_.skipped - counts_.failed - counts_.waiting;
  return Error(failure_.code(), counts_.failed, " of ", counts_.total, " items failed (`", named, "`)", left > 0 ? StrCat(", ", left, " were not started") : std::string(), "; `", failed_[0], "`: ",
               failure_.message())
      .WithHelp(failure_.help());
}

Result<UnionSpec> FanOut::Join(Store& store) const {
  UnionSpec join;
  const std::size_t key = KeyOf(*step_.for_each);
  for (const auto& [name, artifacts] : outputs_) {
    std::vector<UnionSpec::Part>& parts = join.outputs.emplace_back(name, std::vector<UnionSpec::Part>()).second;
    for (const auto& [item, artifact] : artifacts) {
      ASSIGN_OR_RETURN(std::string path, store.ArtifactPath(artifact));
      parts.push_back({items_[item].values[key], StrCat("`", items_[item].text, "`"), std::move(path), artifact.rows});
    }
  }
  return join;
}

std::string CountsText(const ItemCounts& items) {
  std::string text = StrCat(FormatCount(items.total), " items: ", FormatCount(items.succeeded), " done");
  const auto add = [&](std::int64_t count, std::string_view what) {
    if (count > 0) text += StrCat(", ", FormatCount(count), " ", what);
  };
  add(items.reused, "reused");
  add(items.skipped, "skipped");
  add(items.failed, "failed");
  add(items.waiting, "waiting");
  return text;
}

std::string ItemParts(const StepSpec& step, const std::vector<std::pair<std::string, std::string>>& items) {
  nlohmann::json parts = {{"kind", StepKindName(step.kind)}, {"program", StrCat(ThisBuild().version, " ", ThisBuild().commit)}};
  std::string all;
  for (const auto& [text, fingerprint] : items) {
    all += StrCat(text, "\n", fingerprint, "\n");
    if (items.size() <= kListed) parts["items"][text] = fingerprint;
  }
  if (items.size() > kListed) parts["items"] = StrCat(items.size(), " items ", Sha256Hex(all));
  return DumpJson(parts);
}

}  // namespace headrace

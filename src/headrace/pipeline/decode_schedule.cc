#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/base/time_zone.h"
#include "headrace/pipeline/project_parts.h"

namespace headrace {
namespace {

/// Reads one `schedule:` over what another already says.
class ScheduleDecoder {
 public:
  ScheduleDecoder(const Node& node, Diagnostics& diagnostics) : node_(node), diagnostics_(diagnostics) {}

  void DecodeOver(ScheduleSpec& spec) {
    Parsed("cron", ParseCron, spec.when);
    Parsed("every", ParsePeriod, spec.when);
    if (const Node* zone = Given("timezone")) {
      const Result<TimeZone> found = TimeZone::Find(zone->text);
      if (found.ok()) spec.timezone = zone->text;
      else Wrong(*zone, found.status().message()).Help(found.status().help());
    }
    Choose("missing", {"run_at_next_valid", "skip"}, spec.missing);
    Choose("repeated", {"first", "both", "last"}, spec.repeated);
    Choose("catch_up", {"latest", "all", "none"}, spec.catch_up);
    Choose("overlap", {"queue", "skip", "cancel"}, spec.overlap);
    LocalTime("start", spec.start_local_s);
    LocalTime("end", spec.end_local_s);
    const Node* end = Given("end") != nullptr ? Given("end") : Given("start");
    if (end != nullptr && spec.start_local_s && spec.end_local_s && *spec.start_local_s >= *spec.end_local_s)
      Wrong(*end, "the schedule ends before it starts");
    if (const Node* jitter = Given("jitter")) {
      spec.jitter_us = DurationOf(jitter, 0);
      if (spec.jitter_us < 0 || spec.jitter_us > kMicrosPerDay) Wrong(*jitter, StrCat("`jitter` takes a duration up to 1d, got `", jitter->text, "`"));
    }
    if (const Node* finish_by = Given("finish_by")) TimeOfDay(*finish_by, spec.finish_by_minute);
    spec.max_parallel = IntOf(node_.Find("max_parallel"), spec.max_parallel);
    spec.parallel = IntOf(node_.Find("parallel"), spec.parallel);
  }

 private:
  const Node* Given(std::string_view key) const {
    const Node* value = node_.Find(key);
    return value == nullptr || value->pending || !value->is_scalar() ? nullptr : value;
  }

  Diagnostic& Wrong(const Node& value, std::string message) { return diagnostics_.AddError(DiagnosticCode::kSchedule, value.place, std::move(message)); }

  template <typename Parse, typename When>
  void Parsed(std::string_view key, Parse parse, When& when) {
    const Node* value = Given(key);
    if (value == nullptr) return;
    auto parsed = parse(value->text);
    if (parsed.ok()) when = *std::move(parsed);
    else diagnostics_.AddStatus(DiagnosticCode::kSchedule, value->Sourced(), parsed.status());
  }

  template <typename Enum>
  void Choose(std::string_view key, std::initializer_list<std::string_view> names, Enum& out) const {
    const Node* value = Given(key);
    if (value == nullptr) return;
    const auto found = std::find(names.begin(), names.end(), value->text);
    if (found != names.end()) out = static_cast<Enum>(found - names.begin());
  }

  void LocalTime(std::string_view key, std::optional<std::int64_t>& out) {
    const Node* value = Given(key);
    if (value == nullptr) return;
    const Result<std::int64_t> parsed = ParseTimestamp(value->text);
    if (!parsed.ok()) Wrong(*value, StrCat("`", key, "` takes a date or a local time, got `", value->text, "`")).Help("write 2026-01-31 or \"2026-01-31 06:00\"");
    else if (value->text.find_first_of("Z+-", 10) != std::string::npos) Wrong(*value, StrCat("`", key, "` takes a local time of the schedule's zone, without an offset")).Help("remove what follows the time");
    else out = *parsed / 1'000'000;
  }

  void TimeOfDay(const Node& value, std::optional<int>& out) {
    const std::vector<std::string> parts = Split(value.text, ':');
    std::int64_t hour = 0, minute = 0;
    if (parts.size() == 2 && parts[1].size() == 2 && ParseInt(parts[0], &hour) && ParseInt(parts[1], &minute) && hour >= 0 && hour < 24 && minute >= 0 && minute < 60)
      out = static_cast<int>(hour * 60 + minute);
    else
      Wrong(value, StrCat("`finish_by` takes a time of day, got `", value.text, "`")).Help("write it as \"07:30\"");
  }

  const Node& node_;
  Diagnostics& diagnostics_;
};

template <typename Map>
std::string NearHelp(const std::string& word, const Map& known, std::string_view what) {
  std::vector<std::string> names;
  for (const auto& [name, value] : known) names.push_back(name);
  const std::string near = NearestName(word, names);
  if (!near.empty()) return StrCat("did you mean `", near, "`?");
  return names.empty() ? StrCat("this project has no ", what) : StrCat(what, ": ", Join(names, ", "));
}

/// The tenants that `tenants:` names, sorted, each once.
std::vector<std::string> TenantsOf(const Node& node, const Project::Parts& parts, Diagnostics& diagnostics) {
  std::vector<std::string> out;
  if (node.is_scalar() && node.text == "all") {
    for (const auto& [name, tenant] : parts.tenants) out.push_back(name);
    if (out.empty() && parts.has_file) diagnostics.AddError(DiagnosticCode::kSchedule, node.place, "`tenants: all`, but this project has none").Help("add tenants/NAME.yaml, or remove `tenants`");
    return out;
  }
  for (const Node& item : node.is_list() ? std::span<const Node>(node.items) : std::span<const Node>(&node, 1)) {
    if (item.pending) continue;
    if (parts.tenants.contains(item.text)) out.push_back(item.text);
    else diagnostics.AddError(DiagnosticCode::kUnknownTenant, item.place, StrCat("no tenant `", item.text, "`")).Help(NearHelp(item.text, parts.tenants, "tenants"));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

/// Each entry of a tenant's `schedule:` names a pipeline that runs for it.
void CheckOverrides(const TenantFile& tenant, const Project::Parts& parts, std::string_view wanted, const std::vector<PipelineSchedule>& schedules, Diagnostics& diagnostics) {
  const Node* given = tenant.root.Find("schedule");
  if (given == nullptr || !given->is_map()) return;
  for (const Node::Entry& entry : given->entries) {
    if (!parts.pipelines.contains(entry.key)) {
      diagnostics.AddError(DiagnosticCode::kUnknownPipeline, entry.key_place, StrCat("no pipeline `", entry.key, "`")).Help(NearHelp(entry.key, parts.pipelines, "pipelines"));
      continue;
    }
    if (!wanted.empty() && entry.key != wanted) continue;
    const bool runs = std::any_of(schedules.begin(), schedules.end(), [&](const PipelineSchedule& schedule) {
      return schedule.pipeline == entry.key && std::find(schedule.tenants.begin(), schedule.tenants.end(), tenant.name) != schedule.tenants.end();
    });
    if (!runs)
      diagnostics.AddError(DiagnosticCode::kSchedule, entry.key_place, StrCat("pipeline `", entry.key, "` is not scheduled for tenant `", tenant.name, "`"))
          .Help(StrCat("give the pipeline a `schedule:` with `tenants: all`, or remove this"));
    if (const Node::Entry* cron = entry.value.is_map() ? entry.value.FindEntry("cron") : nullptr)
      if (const Node::Entry* every = entry.value.FindEntry("every"))
        diagnostics.AddError(DiagnosticCode::kConflict, every->key_place, "both `cron` and `every`; one of them decides").Related(cron->key_place, "the other");
  }
}

}  // namespace

std::vector<PipelineSchedule> Project::Schedules(std::string_view wanted, Diagnostics& diagnostics) const {
  const Parts& parts = *parts_;
  std::vector<PipelineSchedule> out;
  for (const auto& [name, pipeline] : parts.pipelines) {
    const Node* node = pipeline.root.Find("schedule");
    if (node == nullptr || !node->is_map() || (!wanted.empty() && name != wanted)) continue;
    PipelineSchedule shared;
    shared.pipeline = name;
    ScheduleDecoder(*node, diagnostics).DecodeOver(shared.spec);
    std::vector<PipelineSchedule> own;
    if (const Node* tenants = node->Find("tenants")) {
      shared.by_tenant = true;
      for (const std::string& tenant : TenantsOf(*tenants, parts, diagnostics)) {
        const Node* given = parts.tenants.at(tenant).root.Find("schedule");
        const Node* other = given == nullptr || !given->is_map() ? nullptr : given->Find(name);
        if (other == nullptr || !other->is_map()) {
          shared.tenants.push_back(tenant);
          continue;
        }
        own.push_back({name, true, {tenant}, shared.spec});
        ScheduleDecoder(*other, diagnostics).DecodeOver(own.back().spec);
      }
    }
    if (!shared.by_tenant || !shared.tenants.empty()) out.push_back(std::move(shared));
    std::move(own.begin(), own.end(), std::back_inserter(out));
  }
  for (const auto& [name, tenant] : parts.tenants) CheckOverrides(tenant, parts, wanted, out, diagnostics);
  return out;
}

}  // namespace headrace

#include "headrace/model/trial_journal.h"

#include <cmath>
#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "headrace/base/crash.h"
#include "headrace/base/files.h"
#include "headrace/base/json.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

using nlohmann::json;

constexpr std::size_t kMostBytes = std::size_t{64} << 20;

std::string SumOf(std::string_view record) { return StrCat(XXH64(record.data(), record.size(), 0)); }

/// Whether `record` is what Keep writes; nothing of it is believed before.
bool IsRecord(const json& record) {
  if (!record.is_object() || !record.contains("trial") || !record.contains("share") || !record.contains("values") || !record.contains("iterations")) return false;
  if (!record["trial"].is_string() || !record["share"].is_number() || !record["values"].is_array() || !record["iterations"].is_number_integer()) return false;
  for (const json& value : record["values"])
    if (!value.is_number()) return false;
  return true;
}

}  // namespace

TrialJournal::TrialJournal(std::string path) : path_(std::move(path)) {
  if (!FileExists(path_)) return;
  const Result<std::string> text = ReadFile(path_, kMostBytes);
  if (!text.ok()) return;
  for (const std::string& line : Split(*text, '\n')) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos || SumOf(std::string_view(line).substr(blank + 1)) != line.substr(0, blank)) continue;
    const json record = ParseJson(std::string_view(line).substr(blank + 1));
    if (!IsRecord(record)) continue;
    known_[{record["trial"].get<std::string>(), record["share"].get<double>()}] = {record["values"].get<std::vector<double>>(), record["iterations"].get<int>()};
  }
}

std::optional<FoldScores> TrialJournal::Find(const std::string& trial, double share) {
  const std::lock_guard lock(mutex_);
  const auto at = known_.find({trial, share});
  if (at == known_.end()) return std::nullopt;
  ++found_;
  return at->second;
}

void TrialJournal::Keep(const std::string& trial, double share, const FoldScores& scores) {
  for (const double value : scores.values)
    if (!std::isfinite(value)) return;   // JSON has no such numbers
  const std::string record = DumpJson(json{{"trial", trial}, {"share", share}, {"values", scores.values}, {"iterations", scores.iterations}});
  // Begins a line of its own whatever a process that died left before it; one write, so that several processes do not mix their lines.
  const std::string line = StrCat("\n", SumOf(record), " ", record, "\n");
  const std::lock_guard lock(mutex_);
  const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  static_cast<void>(write(file, line.data(), line.size()) < 0);
  close(file);
  CrashPoint("trial.after_keep");
}

}  // namespace headrace

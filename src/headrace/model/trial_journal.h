#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "headrace/model/tune.h"

namespace headrace {

/// Scores of the trials of one search, in a file: a search that was killed finds those it had, and goes on as if nothing had happened, since the settings it draws
/// follow from seed and scores alone. A trial that failed is not kept: it is tried again.
///
/// Each line is a record after its XXH64. One that is not whole, because the process died while it was written, counts as not there.
///
/// REQUIRES: equal data and equal settings of everything but the trial whenever one path is opened; the name should hold a digest of them.
/// Threads: any number may call. Processes: several may keep into one file; what equal trials left is equal.
class TrialJournal {
 public:
  /// Read what `path` holds. A file that is not there, or does not read, is empty.
  explicit TrialJournal(std::string path);

  std::optional<FoldScores> Find(const std::string& trial, double share);
  /// When the file cannot be written the scores are lost with the process, and nothing else happens.
  void Keep(const std::string& trial, double share, const FoldScores& scores);
  /// How many trials Find gave.
  std::int64_t found() const { return found_; }

 private:
  const std::string path_;
  std::mutex mutex_;
  std::map<std::pair<std::string, double>, FoldScores> known_;   // guarded by mutex_
  std::int64_t found_ = 0;                                       // guarded by mutex_
};

}  // namespace headrace

#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/store/store.h"

namespace headrace {

/// The folders that commands find their inputs in, leave their outputs in and use as TMPDIR. Each is emptied when its command has ended and lent to the
/// next: making and removing four folders can take longer than the program that works in them (a file system with `discard` waits for the disk
/// at each removal). All are removed with their owner, those of a run that was killed by the store's house-keeping, as any scratch file.
///
/// Threads: any number may borrow and return.
class CommandFolders {
 public:
  CommandFolders() = default;
  ~CommandFolders();
  CommandFolders(const CommandFolders&) = delete;
  CommandFolders& operator=(const CommandFolders&) = delete;

  /// An empty one, with empty folders `inputs`, `outputs` and `tmp` in it, for nobody else until Return.
  Result<std::string> Borrow(Store& store);
  /// Empty it. One that cannot be emptied, or that the command changed in any other way, is removed as far as that goes and not lent again.
  void Return(std::string folder);

 private:
  std::mutex mutex_;
  std::vector<std::string> idle_;   // guarded by mutex_
};

}  // namespace headrace

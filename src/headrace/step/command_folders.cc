#include "headrace/step/command_folders.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "headrace/base/files.h"
#include "headrace/base/text.h"

namespace headrace {

namespace {
namespace fs = std::filesystem;

constexpr std::array<const char*, 3> kParts = {"inputs", "outputs", "tmp"};

/// Whether `folder` now is as Borrow gives it. What a program may have put in place of a folder is never followed.
bool Emptied(const std::string& folder) {
  std::error_code error;
  std::size_t entries = 0;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) ++entries;
  if (error || entries != kParts.size()) return false;
  for (const char* part : kParts) {
    const std::string path = JoinPath(folder, part);
    const fs::file_status status = fs::symlink_status(path, error);
    if (error || status.type() != fs::file_type::directory || (status.permissions() & fs::perms::owner_all) != fs::perms::owner_all) return false;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
      fs::remove_all(at->path(), error);
      if (error) return false;
    }
    if (error) return false;
  }
  return true;
}

void Remove(const std::string& folder) {
  std::error_code ignored;
  fs::remove_all(folder, ignored);
}
}  // namespace

CommandFolders::~CommandFolders() { std::for_each(idle_.begin(), idle_.end(), Remove); }

Result<std::string> CommandFolders::Borrow(Store& store) {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::string folder = std::move(idle_.back());
      idle_.pop_back();
      return folder;
    }
  }
  std::string folder = store.ScratchPath("-command");
  for (const char* part : kParts)
    if (Status made = MakeDirectories(JoinPath(folder, part)); !made.ok()) {
      Remove(folder);
      return made;
    }
  return folder;
}

void CommandFolders::Return(std::string folder) {
  if (!Emptied(folder)) return Remove(folder);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(folder));
}

}  // namespace headrace

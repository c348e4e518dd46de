#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "headrace/base/files.h"

namespace headrace {

/// A folder of a test's own, empty at first and gone with this object: tests run side by side. A child that a test forks leaves it there by `_exit`.
class FolderForTests {
 public:
  FolderForTests() : path_(testing::TempDir() + "headrace-XXXXXX") { EXPECT_NE(::mkdtemp(path_.data()), nullptr) << path_; }
  ~FolderForTests() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  FolderForTests(const FolderForTests&) = delete;
  FolderForTests& operator=(const FolderForTests&) = delete;

  const std::string& path() const { return path_; }
  std::string Path(std::string_view file) const { return JoinPath(path_, file); }   ///< of a file in it, there or not

  /// Write `file`, making the folders on the way to it; its path.
  std::string Write(std::string_view file, std::string_view bytes) const {
    std::string path = Path(file);
    EXPECT_TRUE(MakeDirectories(ParentPath(path)).ok()) << path;
    std::ofstream out(path, std::ios::binary);
    EXPECT_TRUE(out << bytes << std::flush) << path;
    return path;
  }

 private:
  std::string path_;
};

}  // namespace headrace

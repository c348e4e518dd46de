#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include "headrace/base/status.h"

namespace headrace {

/// A file for what does not fit into memory: pieces are written behind each other and read back in any order. It loses its name as soon as it is
/// made, so that it is gone with the process however that ends; it is made when the first piece comes.
///
/// Threads: any number may write and read at once.
class ScratchFile {
 public:
  /// `path`: where it is made; its folder must be there by then.
  explicit ScratchFile(std::string path) : path_(std::move(path)) {}
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  /// Where the piece begins. kBusy: the disk is full.
  Result<std::uint64_t> Append(const void* from, std::size_t bytes);
  /// REQUIRES: an Append returned a place so that all of these bytes were written.
  Status Read(std::uint64_t at, void* to, std::size_t bytes) const;
  /// Bytes written.
  std::uint64_t size() const { return size_; }

 private:
  Status Open();
  const std::string path_;
  std::mutex opening_;
  std::atomic<int> fd_{-1};
  std::atomic<std::uint64_t> size_{0};
};

}  // namespace headrace

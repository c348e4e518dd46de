#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

/// Whole-file work on the local disk. Paths are absolute or stand under the working directory. A full disk is kBusy and
/// names the file; what cannot be read is kInvalid.

/// The whole content; kInvalid when missing, not a regular file, or larger than `max_bytes`.
Result<std::string> ReadFile(const std::string& path, std::size_t max_bytes = std::size_t{1} << 30);
/// SHA-256 of a file's content as 64 hex digits, read in blocks.
Result<std::string> Sha256OfFile(const std::string& path);
/// Write beside the target and rename over it: readers see the old file or the new one, never half of one. With `sync`, the bytes and
/// the name are on disk when this returns.
Status WriteFileAtomically(const std::string& path, std::string_view bytes, bool sync = false);
/// The bytes of `from` in a new file; nothing is left of it after an error.
Status CopyFile(const std::string& from, const std::string& to);
/// Rename over `to` (same file system). With `sync`, file and folder are flushed first.
Status MoveFile(const std::string& from, const std::string& to, bool sync = false);
/// Give `from` the name `to` (same file system) unless something stands there already. `from` is gone in either case.
Status MoveFileIfAbsent(const std::string& from, const std::string& to);
Status MakeDirectories(const std::string& path);
Status RemoveFile(const std::string& path);      ///< fine when it is not there
bool FileExists(const std::string& path);        ///< a regular file or a link to one
bool DirectoryExists(const std::string& path);
Result<std::int64_t> FileSize(const std::string& path);
/// Names in a folder, sorted, without "." and ".."; empty when there is no such folder.
std::vector<std::string> ListDirectory(const std::string& path);

std::string JoinPath(std::string_view folder, std::string_view path);   ///< `path` itself when absolute
std::string ParentPath(std::string_view path);                          ///< "." when there is no slash
std::string FileName(std::string_view path);

}  // namespace headrace

#include <algorithm>
#include <filesystem>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/sql/missing_file_internal.h"

namespace headrace {

namespace fs = std::filesystem;

Status MissingFile(const std::string& pattern) {
  const fs::path path(pattern);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return Error(ErrorCode::kInvalid, "file ", pattern, " not found: there is no folder ", folder.string());
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; it != end; it.increment(error)) {
    if (error) break;
    names.push_back(it->path().filename().string());
  }
  std::ranges::sort(names);
  Status status = pattern.find_first_of("*?[") == std::string::npos
                      ? Error(ErrorCode::kInvalid, "file ", pattern, " not found")
                      : Error(ErrorCode::kInvalid, "no file matches ", pattern);
  const std::string nearest = NearestName(path.filename().string(), names);
  if (!nearest.empty())
    return std::move(status).WithHelp(
        StrCat("did you mean ", (path.has_parent_path() ? folder / nearest : fs::path(nearest)).string(), "?"));
  if (names.empty()) return std::move(status).WithHelp(StrCat("the folder ", folder.string(), " is empty"));
  return std::move(status).WithHelp(StrCat("the folder ", folder.string(), " has ",
                                           Join(std::span(names).first(std::min<std::size_t>(names.size(), 6)), ", "),
                                           names.size() > 6 ? ", ..." : ""));
}

}  // namespace headrace

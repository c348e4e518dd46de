#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

/// One file of a project that is about to be written: its path under the project's folder, and its whole text.
struct NewFile {
  std::string path, text;
};

/// `text` (UTF-8) as one YAML scalar that every YAML reader takes for that text, on one line, also inside `[...]` and
/// `{...}`: as it is where that is safe, else in double quotes with what cannot be seen escaped. Safe are letters, digits, `_`, `-`,
/// `.`, `/` and single blanks between, beginning with a letter or `_`, but no word that YAML 1.1 or 1.2 reads as a bool, null or number.
std::string YamlText(std::string_view text);
/// The same for a value of a project file, where `${` would begin an expression: it becomes `$${`.
std::string YamlValue(std::string_view text);

/// Write all of `files` under `folder` (made when missing), or none: when one fails, those before it are taken away again.
/// Nothing is written over: kInvalid names the first path that is there already.
Status WriteNewFiles(const std::string& folder, const std::vector<NewFile>& files);

/// The JSON Schemas that editors check a project's files with: `.headrace/schema/KIND.json`.
Result<std::vector<NewFile>> SchemaFiles();
/// The first line of the project file at `path` (relative to the project), by which editors find the schema of `kind`.
std::string SchemaLine(std::string_view kind, std::string_view path);

}  // namespace headrace

// Writing new projects: text that YAML reads back as itself, and files that arrive together or not at all.

#include "headrace/cli/scaffold.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdint>

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/pipeline/project.h"

namespace headrace {

namespace {
bool IsPlain(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (text.empty() || !letter(text.front())) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool inner_blank = c == ' ' && i + 1 < text.size() && text[i + 1] != ' ';
    if (!letter(c) && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '/' && !inner_blank) return false;
  }
  static constexpr std::array<std::string_view, 12> kWords = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "none"};
  const std::string lower = ToLower(text);
  return std::find(kWords.begin(), kWords.end(), lower) == kWords.end();
}

/// The code point that starts at `at` of well-formed UTF-8, and its length.
std::uint32_t CodePoint(std::string_view text, std::size_t at, std::size_t* length) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i])); };
  const std::uint32_t first = byte(0);
  *length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (*length == 1) return first;
  std::uint32_t code = first & (0xFFU >> (*length + 1));
  for (std::size_t i = 1; i < *length; ++i) code = (code << 6) | (byte(i) & 0x3F);
  return code;
}

/// Characters that YAML forbids, that end a line, or that nobody sees.
bool MustEscape(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0xA0) || code == 0xAD || (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

/// Make `folder` and its missing parents; those made are added to `made`, outermost first.
Status MakeFolder(const std::string& folder, std::vector<std::string>* made) {
  if (folder.empty() || DirectoryExists(folder)) return Ok();
  const std::string parent = ParentPath(folder);
  if (parent != folder) RETURN_IF_ERROR(MakeFolder(parent, made));
  RETURN_IF_ERROR(MakeDirectories(folder));
  made->push_back(folder);
  return Ok();
}
}  // namespace

std::string YamlText(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  std::string out = "\"";
  for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
    const std::uint32_t code = CodePoint(text, at, &length);
    const std::string_view character = text.substr(at, length);
    if (character == "\"" || character == "\\") out += StrCat("\\", character);
    else if (character == "\n") out += "\\n";
    else if (character == "\t") out += "\\t";
    else if (MustEscape(code)) {
      std::array<char, 16> hex;
      std::snprintf(hex.data(), hex.size(), "\\u%04X", static_cast<unsigned>(code));
      out += hex.data();
    } else {
      out += character;
    }
  }
  return out + "\"";
}

std::string YamlValue(std::string_view text) { return YamlText(ReplaceAll(text, "${", "$${")); }

Status WriteNewFiles(const std::string& folder, const std::vector<NewFile>& files) {
  for (const NewFile& file : files) {
    const std::string path = JoinPath(folder, file.path);
    if (FileExists(path) || DirectoryExists(path))
      return Error(ErrorCode::kInvalid, "`", path, "` is there already; nothing was written").WithHelp("choose an empty or a new folder: `headrace init ... DIR`");
  }
  std::vector<std::string> folders, written;
  const auto write = [&]() -> Status {
    RETURN_IF_ERROR(MakeFolder(folder, &folders));
    for (const NewFile& file : files) {
      const std::string path = JoinPath(folder, file.path);
      RETURN_IF_ERROR(MakeFolder(ParentPath(path), &folders));
      RETURN_IF_ERROR(WriteFileAtomically(path, file.text));
      written.push_back(path);
    }
    return Ok();
  };
  Status status = write();
  if (status.ok()) return status;
  for (const std::string& path : written) (void)RemoveFile(path);
  for (auto made = folders.rbegin(); made != folders.rend(); ++made) ::rmdir(made->c_str());
  return status;
}

Result<std::vector<NewFile>> SchemaFiles() {
  std::vector<NewFile> files;
  for (const char* kind : {"contract", "pipeline", "project", "shared", "tenant", "test"}) {
    ASSIGN_OR_RETURN(const std::string text, JsonSchema(kind));
    files.push_back({StrCat(".headrace/schema/", kind, ".json"), text + "\n"});
  }
  return files;
}

std::string SchemaLine(std::string_view kind, std::string_view path) {
  std::string up;
  for (const char c : path)
    if (c == '/') up += "../";
  return StrCat("# yaml-language-server: $schema=", up, ".headrace/schema/", kind, ".json\n");
}

}  // namespace headrace

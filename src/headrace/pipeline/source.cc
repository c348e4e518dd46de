#include "headrace/pipeline/source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "headrace/base/text.h"

namespace headrace {
namespace {

/// How many bytes the character starting with `lead` takes, in valid UTF-8.
std::size_t Width(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// How many bytes the character at `at` has; 0 when none that is valid begins there.
std::size_t CharacterAt(std::string_view text, std::size_t at) {
  const std::size_t width = Width(text[at]);
  return IsUtf8(text.substr(at, width)) ? width : 0;
}

/// Characters that some readers take for line breaks and others do not; positions would differ between tools.
constexpr std::string_view kOddBreaks[] = {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};

}  // namespace

SourceFile::SourceFile(std::string path, std::string text) : path_(std::move(path)), text_(std::move(text)) {
  line_starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
}

SourceFile::Position SourceFile::PositionOf(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = static_cast<std::size_t>(after - line_starts_.begin());
  std::size_t column = 1;
  for (std::size_t i = line_starts_[line - 1]; i < offset; i += Width(text_[i])) ++column;
  return {line, column};
}

std::string_view SourceFile::Line(std::size_t line) const {
  if (line == 0 || line > line_starts_.size()) return {};
  const std::size_t begin = line_starts_[line - 1];
  const std::size_t end = std::min(text_.find('\n', begin), text_.size());
  return std::string_view(text_).substr(begin, end - begin);
}

std::size_t SourceFile::OffsetOf(std::size_t line, std::size_t column) const {
  if (line >= line_starts_.size()) return text_.size();
  std::size_t offset = line_starts_[line];
  while (column > 0 && offset < text_.size() && text_[offset] != '\n') {
    offset += Width(text_[offset]);
    --column;
  }
  return offset;
}

Place Origin::At(TextSpan span) const {
  auto after = std::upper_bound(segments.begin(), segments.end(), span.offset,
                                [](std::size_t offset, const auto& segment) { return offset < segment.first; });
  if (after == segments.begin()) return whole;
  --after;
  return {whole.source, after->second + (span.offset - after->first), std::max<std::size_t>(span.length, 1)};
}

Result<std::shared_ptr<const SourceFile>> MakeSource(std::string shown_path, std::string text, std::size_t max_bytes) {
  if (text.size() > max_bytes)
    return Error(ErrorCode::kInvalid, "the file has ", text.size(), " bytes; at most ", max_bytes, " are read");
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return Error(ErrorCode::kInvalid, "the file is UTF-16; expected UTF-8").WithHelp("save it as UTF-8");
  // Places are those of the file as it is, also before line ends are made one kind.
  const auto refuse = [&](std::size_t at, std::string_view what) {
    return Error(ErrorCode::kInvalid, "line ", 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'), " ", what).WithSpan({at, 1});
  };
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos) return refuse(nul, "holds a NUL byte; expected text in UTF-8");
  if (!IsUtf8(text)) {
    std::size_t good = 0;
    for (std::size_t end = 0; end != std::string::npos && IsUtf8(std::string_view(text).substr(good, end - good)); end = text.find('\n', end + 1)) good = end;
    while (good < text.size() && CharacterAt(text, good) > 0) good += CharacterAt(text, good);
    return refuse(good, "is not valid UTF-8").WithHelp("save the file as UTF-8");
  }
  for (std::size_t at = text.find('\r'); at != std::string::npos; at = text.find('\r', at + 1))
    if (at + 1 == text.size() || text[at + 1] != '\n') return refuse(at, "holds a carriage return without a line feed").WithHelp("save the file with line feeds");
  for (const std::string_view odd : kOddBreaks)
    if (const std::size_t at = text.find(odd); at != std::string::npos)
      return refuse(at, "holds an invisible line separator character").WithHelp("replace it by a plain line break or a blank");
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  text = ReplaceAll(text, "\r\n", "\n");
  return std::shared_ptr<const SourceFile>(std::make_shared<SourceFile>(std::move(shown_path), std::move(text)));
}

Result<std::string> ReadBytes(const std::string& file, std::size_t max_bytes) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in.is_open()) return Error(ErrorCode::kInvalid, "cannot open the file: ", std::strerror(errno == 0 ? ENOENT : errno));
  std::string text(max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error(ErrorCode::kInvalid, "cannot read the file: ", std::strerror(errno == 0 ? EIO : errno));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::string WithoutBadBytes(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t width = CharacterAt(text, at);
    out += width > 0 ? text.substr(at, width) : "\xEF\xBF\xBD";
    at += std::max<std::size_t>(width, 1);
  }
  return out;
}

}  // namespace headrace

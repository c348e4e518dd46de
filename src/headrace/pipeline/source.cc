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

std::size_t LineAt(std::string_view text, std::size_t offset) {
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
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
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (const std::size_t nul = text.find('\0'); nul != std::string::npos)
    return Error(ErrorCode::kInvalid, "line ", LineAt(text, nul), " holds a NUL byte; expected text in UTF-8");
  if (!IsUtf8(text)) {
    std::size_t line = 1;
    for (const std::string& part : Split(text, '\n')) {
      if (!IsUtf8(part)) break;
      ++line;
    }
    return Error(ErrorCode::kInvalid, "line ", line, " is not valid UTF-8").WithHelp("save the file as UTF-8");
  }
  text = ReplaceAll(text, "\r\n", "\n");
  if (const std::size_t lone = text.find('\r'); lone != std::string::npos)
    return Error(ErrorCode::kInvalid, "line ", LineAt(text, lone), " holds a carriage return without a line feed")
        .WithHelp("save the file with line feeds");
  for (const std::string_view odd : kOddBreaks)
    if (const std::size_t at = text.find(odd); at != std::string::npos)
      return Error(ErrorCode::kInvalid, "line ", LineAt(text, at), " holds an invisible line separator character")
          .WithHelp("replace it by a plain line break or a blank");
  return std::shared_ptr<const SourceFile>(std::make_shared<SourceFile>(std::move(shown_path), std::move(text)));
}

Result<std::shared_ptr<const SourceFile>> ReadSource(const std::string& file, std::string shown_path,
                                                     std::size_t max_bytes) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in.is_open()) return Error(ErrorCode::kInvalid, "cannot open the file: ", std::strerror(errno == 0 ? ENOENT : errno));
  std::string text(max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Error(ErrorCode::kInvalid, "cannot read the file: ", std::strerror(errno == 0 ? EIO : errno));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return MakeSource(std::move(shown_path), std::move(text), max_bytes);
}

}  // namespace headrace

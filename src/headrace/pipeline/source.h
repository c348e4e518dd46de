#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

/// The text of one project file (YAML or SQL), kept so that any later error can show the line.
///
/// Threads: immutable; shared by all that points into it.
class SourceFile {
 public:
  /// `path` is shown to people: relative to the project's root. `text` has line feeds only and is valid UTF-8.
  SourceFile(std::string path, std::string text);
  const std::string& path() const { return path_; }
  const std::string& text() const { return text_; }

  struct Position { std::size_t line, column; };   ///< from 1; columns count characters
  Position PositionOf(std::size_t offset) const;
  std::string_view Line(std::size_t line) const;   ///< without its line feed; "" past the end
  /// Byte offset of a 0-based line and a 0-based column in characters.
  std::size_t OffsetOf(std::size_t line, std::size_t column) const;

 private:
  std::string path_, text_;
  std::vector<std::size_t> line_starts_;
};

/// A stretch of a source file, in bytes. Without a source: no place (a command-line flag).
struct Place {
  std::shared_ptr<const SourceFile> source;
  std::size_t offset = 0, length = 0;
};

/// Where the bytes of a text stand in a source file: a whole .sql file, a plain or quoted scalar, a block
/// scalar line by line. Turns a span that a parser reports into a place the user can go to.
struct Origin {
  Place whole;                                                ///< used when the text was not written verbatim
  std::vector<std::pair<std::size_t, std::size_t>> segments;  ///< (offset in the text, offset in the source), ascending
  Place At(TextSpan span) const;
};

/// A text with its origin: a query, an expression.
struct SourcedText {
  std::string text;
  Origin origin;
};

/// The bytes of a file, `max_bytes` + 1 at most. kInvalid says why it cannot be read.
Result<std::string> ReadBytes(const std::string& file, std::size_t max_bytes);
/// The text of a project file: at most `max_bytes`, UTF-8 (a byte order mark is left out), CRLF read as LF. kInvalid says which rule the file breaks, with the
/// first offending byte of `text` as its span where there is one.
Result<std::shared_ptr<const SourceFile>> MakeSource(std::string shown_path, std::string text, std::size_t max_bytes);
/// `text` for people: each byte that is not part of a UTF-8 character becomes U+FFFD.
std::string WithoutBadBytes(std::string_view text);

}  // namespace headrace

#include "headrace/pipeline/unclosed.h"

#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/text.h"

namespace headrace {
namespace {

class Scanner {
 public:
  std::optional<Unclosed> Line(std::string_view line, std::size_t offset) {
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent == std::string_view::npos) return std::nullopt;
    if (block_ && indent > *block_) return std::nullopt;  // inside a text written with `|` or `>`
    block_.reset();
    if (!open_.empty() && indent <= open_.front().indent && BeginsEntry(line.substr(indent))) return open_.back().at;
    Scan(line, offset, Inner(line, indent));
    return std::nullopt;
  }
  std::optional<Unclosed> End() const { return open_.empty() ? std::nullopt : std::optional(open_.back().at); }

 private:
  struct Open {
    Unclosed at;
    std::size_t indent;   ///< of the line it stands on, after its `- `
  };

  static bool InName(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; }

  /// "key:" or "- ".
  static bool BeginsEntry(std::string_view text) {
    if (text.starts_with("- ")) return true;
    std::size_t end = 0;
    while (end < text.size() && InName(text[end])) ++end;
    return end > 0 && end < text.size() && text[end] == ':' && (end + 1 == text.size() || text[end + 1] == ' ');
  }

  static std::size_t Inner(std::string_view line, std::size_t indent) {
    while (line.substr(indent).starts_with("- ")) indent = std::min(line.find_first_not_of(' ', indent + 1), line.size());
    return indent;
  }

  void Scan(std::string_view line, std::size_t offset, std::size_t indent) {
    char before = ':';      // the last character that is no blank; the line's begin counts as after a key
    bool blank = true;      // whether a blank stands just before
    for (std::size_t i = indent; i < line.size(); ++i) {
      const char c = line[i];
      if (!open_.empty() && (open_.back().at.mark == '"' || open_.back().at.mark == '\'')) {
        Quoted(line, i);
      } else if (c == '#' && blank) {
        return;
      } else if (c == '"' || c == '\'') {
        if (std::string_view("[{,:").find(before) != std::string_view::npos) open_.push_back({{offset + i, c}, indent});
      } else if (c == '{' || c == '[') {
        if (!open_.empty() || (before == ':' && blank)) open_.push_back({{offset + i, c}, indent});
      } else if ((c == '}' || c == ']') && !open_.empty()) {
        open_.pop_back();
      } else if ((c == '|' || c == '>') && open_.empty() && before == ':' && blank && line.find(' ', i) == std::string_view::npos) {
        block_ = indent;
        return;
      }
      blank = c == ' ';
      if (!blank) before = c;
    }
  }

  /// One character inside a quote; leaves `i` on the last character it used up.
  void Quoted(std::string_view line, std::size_t& i) {
    const char quote = open_.back().at.mark;
    if (quote == '"' && line[i] == '\\') ++i;
    else if (quote == '\'' && line.substr(i).starts_with("''")) ++i;
    else if (line[i] == quote) open_.pop_back();
  }

  std::vector<Open> open_;
  std::optional<std::size_t> block_;  ///< indentation of the key that a block text belongs to
};

}  // namespace

std::optional<Unclosed> FindUnclosed(const SourceFile& source, std::size_t last_line) {
  Scanner scanner;
  std::size_t offset = 0;
  for (std::size_t number = 1; number <= last_line && offset < source.text().size(); ++number) {
    const std::string_view line = source.Line(number);
    if (const std::optional<Unclosed> found = scanner.Line(line, offset)) return found;
    offset += line.size() + 1;
  }
  return offset >= source.text().size() ? scanner.End() : std::nullopt;
}

}  // namespace headrace

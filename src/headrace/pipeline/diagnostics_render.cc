#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/pipeline/diagnostics.h"

namespace headrace {
namespace {

/// Longest stretch of a source line that is shown; longer ones are cut around the caret.
constexpr std::size_t kWindow = 120;

struct Palette {
  std::string_view error = "", warning = "", frame = "", bold = "", reset = "";
};
constexpr Palette kPlain{};
constexpr Palette kColored{"\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"};

/// The characters of `text`, control characters shown as blanks: a file cannot write to the terminal.
std::vector<std::string> Characters(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t width = 1;
    while (i + width < text.size() && (static_cast<unsigned char>(text[i + width]) & 0xC0U) == 0x80U) ++width;
    const auto lead = static_cast<unsigned char>(text[i]);
    out.push_back(lead < 0x20 || lead == 0x7F ? " " : std::string(text.substr(i, width)));
    i += width;
  }
  return out;
}

std::string Clean(std::string_view text) {
  std::string out;
  for (const std::string& part : Split(text, '\n')) {
    if (!out.empty()) out += '\n';
    out += Join(Characters(part), "");
  }
  return out;
}

/// The source line of `at` and the line of carets under it.
void AppendSnippet(std::string& out, const Location& at, char mark, std::string_view label, std::size_t gutter,
                   const Palette& color, std::string_view mark_color, bool with_source = true) {
  const std::vector<std::string> all = Characters(at.source_line);
  const std::size_t caret = at.column - 1;
  std::size_t begin = 0, end = all.size();
  if (all.size() > kWindow) {
    begin = caret > kWindow / 2 ? std::min(caret - kWindow / 2, all.size() - kWindow) : 0;
    end = begin + kWindow;
  }
  std::string shown = begin > 0 ? "..." : "";
  const std::size_t shift = shown.size();
  for (std::size_t i = begin; i < end; ++i) shown += all[i];
  if (end < all.size()) shown += "...";
  const std::string number = StrCat(at.line);
  if (with_source) out += StrCat(color.frame, std::string(gutter - number.size() + 1, ' '), number, " | ", color.reset, shown, "\n");
  const std::size_t length = std::max<std::size_t>(1, std::min(at.length, end > caret ? end - caret : 1));
  out += StrCat(color.frame, std::string(gutter + 2, ' '), "| ", color.reset, std::string(shift + caret - begin, ' '),
                mark_color, std::string(length, mark), label.empty() ? "" : " ", label, color.reset, "\n");
}

}  // namespace

std::string RenderText(const Diagnostic& found, bool use_color) {
  const Palette& color = use_color ? kColored : kPlain;
  const bool error = found.severity == Severity::kError;
  const std::string_view kind_color = error ? color.error : color.warning;
  std::string out = StrCat(kind_color, error ? "error[" : "warning[", CodeText(found.code), "]", color.reset, color.bold,
                           ": ", Clean(found.message), color.reset, "\n");
  std::size_t last_line = found.at.line;
  const bool same_file = found.related && found.related->file == found.at.file;
  if (found.related) last_line = std::max(last_line, found.related->line);
  const std::size_t gutter = StrCat(last_line).size() + 1;
  const std::string bar = StrCat(color.frame, std::string(gutter + 2, ' '), "|", color.reset, "\n");
  if (found.at.line > 0) {
    out += StrCat(color.frame, std::string(gutter, ' '), " --> ", color.reset, found.at.file, ":", found.at.line, ":",
                  found.at.column, "\n", bar);
    const bool related_first = same_file && found.related->line < found.at.line;
    if (related_first) AppendSnippet(out, *found.related, '-', found.related_label, gutter, color, color.frame);
    AppendSnippet(out, found.at, '^', "", gutter, color, kind_color);
    if (same_file && !related_first) {
      // On one short line both marks stand under one copy of it.
      const bool again = found.related->line != found.at.line || found.at.source_line.size() > kWindow;
      AppendSnippet(out, *found.related, '-', found.related_label, gutter, color, color.frame, again);
    }
    if (found.related && !same_file) {
      out += StrCat(color.frame, std::string(gutter, ' '), " ::: ", color.reset, found.related->file, ":",
                    found.related->line, ":", found.related->column, "\n", bar);
      AppendSnippet(out, *found.related, '-', found.related_label, gutter, color, color.frame);
    }
  } else if (!found.at.file.empty()) {
    out += StrCat(color.frame, std::string(gutter, ' '), " --> ", color.reset, found.at.file, "\n");
  }
  if (!found.help.empty()) {
    if (found.at.line > 0) out += bar;
    const std::string lead = std::string(gutter + 2, ' ') + "= help: ";
    const std::string next = "\n" + std::string(lead.size(), ' ');
    out += StrCat(color.frame, std::string(gutter + 2, ' '), "= ", color.reset, color.bold, "help", color.reset, ": ",
                  ReplaceAll(Clean(found.help), "\n", next), "\n");
  }
  return out;
}

std::string RenderText(const Diagnostics& diagnostics, bool color) {
  std::string out;
  for (const Diagnostic& found : diagnostics.Sorted()) out += RenderText(found, color) + "\n";
  if (diagnostics.left_out() > 0) out += StrCat(diagnostics.left_out(), " more not shown\n");
  if (diagnostics.errors() + diagnostics.warnings() > 0) {
    out += Counted(static_cast<std::int64_t>(diagnostics.errors()), "error");
    if (diagnostics.warnings() > 0) out += StrCat(", ", Counted(static_cast<std::int64_t>(diagnostics.warnings()), "warning"));
    out += "\n";
  }
  return out;
}

}  // namespace headrace

// libyaml's event API drives a small recursive builder. Events come one by one, so a limit stops the reading at the
// event that breaks it: a bomb costs no more than the limit allows. libyaml counts characters, we keep bytes; the
// source file translates.
#include "headrace/pipeline/yaml.h"

#include <yaml.h>

#include <map>

#include "headrace/base/text.h"
#include "headrace/pipeline/unclosed.h"

namespace headrace {
namespace {

constexpr std::string_view kQuoteIt = "quote this expression: put the whole value in \"...\"";

class Builder {
 public:
  Builder(std::shared_ptr<const SourceFile> source, Diagnostics& diagnostics, const YamlLimits& limits)
      : source_(std::move(source)), diagnostics_(diagnostics), limits_(limits) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(source_->text().data()),
                                 source_->text().size());
  }
  ~Builder() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  std::optional<Node> Document() {
    if (!Next()) return std::nullopt;  // stream start
    if (!Next()) return std::nullopt;
    Node root;
    root.place = {source_, 0, 0};
    if (event_.type == YAML_STREAM_END_EVENT) return root;
    if (!Next() || !Build(root, 1)) return std::nullopt;
    if (!Next() || !Next()) return std::nullopt;  // document end, stream end
    if (event_.type != YAML_STREAM_END_EVENT) {
      diagnostics_.AddError(DiagnosticCode::kSeveralDocuments, At(event_.start_mark), "a second document begins here; expected one document in a file")
          .Help("remove the line `---`, or put the second document into a file of its own");
      return std::nullopt;
    }
    return root;
  }

 private:
  /// Marks come in rising order, so most walks begin where the last one ended: a file of one long line stays linear.
  std::size_t Offset(const yaml_mark_t& mark) {
    if (mark.line != last_.line || mark.column < last_.column) {
      last_offset_ = source_->OffsetOf(mark.line, mark.column);
    } else {
      const std::string& text = source_->text();
      for (std::size_t column = last_.column; column < mark.column && last_offset_ < text.size(); ++column) {
        ++last_offset_;
        while (last_offset_ < text.size() && (static_cast<unsigned char>(text[last_offset_]) & 0xC0U) == 0x80U) ++last_offset_;
      }
    }
    last_ = mark;
    return last_offset_;
  }
  Place At(const yaml_mark_t& mark) { return {source_, Offset(mark), 1}; }
  Place Span() {
    const std::size_t begin = Offset(event_.start_mark);
    const std::size_t end = Offset(event_.end_mark);
    return {source_, begin, end > begin ? end - begin : 1};
  }

  bool Next() {
    yaml_event_delete(&event_);
    if (yaml_parser_parse(&parser_, &event_) != 0) return true;
    ReportSyntax();
    return false;
  }

  void ReportSyntax() {
    const Place place = At(parser_.problem_mark);
    const std::string_view line = source_->Line(parser_.problem_mark.line + 1);
    const std::size_t indentation = line.find_first_not_of(" \t");
    if (line.substr(0, indentation).find('\t') != std::string_view::npos) {
      diagnostics_.AddError(DiagnosticCode::kTabIndentation, place, "a tab cannot indent in YAML")
          .Help("replace tabs at the beginning of lines by blanks");
      return;
    }
    if (ReportUnclosed(place) || ReportMissingColon(place)) return;
    std::string problem = parser_.problem == nullptr ? "cannot be parsed" : parser_.problem;
    if (problem == "found unexpected end of stream" && parser_.context != nullptr) {
      diagnostics_.AddError(DiagnosticCode::kSyntax, At(parser_.context_mark), "the quote is not closed").Help("close it, or take it away");
      return;
    }
    Diagnostic& found = diagnostics_.AddError(DiagnosticCode::kSyntax, place, "not valid YAML: " + problem);
    if (parser_.context != nullptr && parser_.context_mark.line != parser_.problem_mark.line)
      found.Related(At(parser_.context_mark), parser_.context);
    found.Help(HelpFor(problem, place, line));
  }

  /// What people most often meant where libyaml gives up; "" when nothing on the line looks like the cause.
  std::string HelpFor(std::string_view problem, const Place& place, std::string_view line) {
    const auto [number, column] = source_->PositionOf(place.offset);
    const std::string_view before = line.substr(0, std::min(line.size(), column - 1));
    if (before.ends_with('$') && line.substr(before.size()).starts_with('{')) return "quote it: write `\"${...}\"`, since a brace alone begins a map in YAML";
    if (problem == "did not find expected alphabetic or numeric character") return "quote it: a value that begins with `*` or `&` means something else in YAML";
    // `learner: lightgbm {num_leaves: 7}`
    const std::string_view written = Trim(line);
    const std::size_t value = written.find(": "), brace = written.find(" {");
    if (problem == "mapping values are not allowed in this context" && value < brace && brace != std::string_view::npos && written.ends_with('}') && IsIdentifier(Trim(written.substr(value + 2, brace - value - 2))))
      return StrCat("write `", written.substr(0, value), ": {", Trim(written.substr(value + 2, brace - value - 2)), ": ", written.substr(brace + 1), "}`");
    const std::size_t context_line = parser_.context_mark.line + 1;
    if (problem == "did not find expected key" && parser_.context != nullptr && context_line != number && parser_.context_mark.column + 1 != column)
      return StrCat("keys of one map begin in one column: this one in column ", column, ", the first, in line ", context_line, ", in column ", parser_.context_mark.column + 1);
    if (line.find_first_of("{}[]:,&*!|>%@`\"'") == std::string_view::npos) return "";
    return std::string(kQuoteIt) + ", or balance brackets and quotes";
  }

  /// A bracket or quote of an earlier line that runs into this one.
  bool ReportUnclosed(const Place& noticed) {
    const std::size_t line = source_->PositionOf(noticed.offset).line;
    const std::optional<Unclosed> open = FindUnclosed(*source_, line);
    if (!open || source_->PositionOf(open->offset).line == line) return false;
    const char close = open->mark == '{' ? '}' : open->mark == '[' ? ']' : open->mark;
    const std::string_view kind = close == open->mark ? "quote" : "bracket";
    diagnostics_.AddError(DiagnosticCode::kSyntax, {source_, open->offset, 1}, StrCat("the ", kind, " `", open->mark, "` is not closed"))
        .Related(noticed, "noticed here")
        .Help(StrCat("close it with `", close, "`"));
    return true;
  }

  /// `key` or `key value` on a line of its own, where the parser goes on reading a text until it meets the next line's `:`.
  bool ReportMissingColon(const Place& noticed) {
    const std::string_view problem = parser_.problem == nullptr ? "" : parser_.problem;
    if (problem != "could not find expected ':'" && problem != "mapping values are not allowed in this context") return false;
    const auto [here, column] = source_->PositionOf(noticed.offset);
    if (source_->Line(here).substr(0, column - 1).find(": ") != std::string_view::npos) return false;  // `a: b: c`, wrong by itself
    std::size_t line = here - 1;
    while (line > 0 && (Trim(source_->Line(line)).empty() || Trim(source_->Line(line)).starts_with('#'))) --line;
    const std::string_view text = source_->Line(line);
    std::string_view written = Trim(text);
    if (written.starts_with("- ") && written.find(' ', 2) != std::string_view::npos) written = Trim(written.substr(2));
    const std::string_view key = written.substr(0, written.find(' '));
    if (const std::size_t colon = key.find(':'); line > 0 && colon != std::string_view::npos && colon + 1 < key.size() && IsIdentifier(key.substr(0, colon))) {
      diagnostics_.AddError(DiagnosticCode::kSyntax, {source_, source_->OffsetOf(line - 1, 0) + text.find(key), key.size()}, StrCat("expected a blank after the `:` of `", key, "`"))
          .Help(StrCat("write `", key.substr(0, colon), ": ", key.substr(colon + 1), "`"));
      return true;
    }
    if (line == 0 || !IsIdentifier(key) || written.find(": ") != std::string_view::npos || written.ends_with(':')) return false;
    const std::size_t offset = source_->OffsetOf(line - 1, 0) + text.find(key);
    diagnostics_.AddError(DiagnosticCode::kSyntax, {source_, offset, key.size()}, StrCat("expected `:` after `", key, "`"))
        .Related(noticed, "noticed here")
        .Help(StrCat("write `", key, ": ...`"));
    return true;
  }

  /// Build the node that event_ begins. `depth` of the root is 1.
  bool Build(Node& node, std::size_t depth) {
    if (depth > limits_.max_depth) {
      diagnostics_.AddError(DiagnosticCode::kTooDeep, At(event_.start_mark),
                            StrCat("nested deeper than ", limits_.max_depth, " levels"));
      return false;
    }
    if (!CountNode() || !RefuseDecoration()) return false;
    node.place = Span();
    switch (event_.type) {
      case YAML_SCALAR_EVENT: return BuildScalar(node);
      case YAML_SEQUENCE_START_EVENT: return BuildList(node, depth);
      case YAML_MAPPING_START_EVENT: return BuildMap(node, depth);
      default: return false;
    }
  }

  bool CountNode() {
    if (++nodes_ <= limits_.max_nodes) return true;
    diagnostics_.AddError(DiagnosticCode::kTooManyNodes, At(event_.start_mark),
                          StrCat("more than ", limits_.max_nodes, " values in one file"));
    return false;
  }

  bool RefuseDecoration() {
    const char* what = nullptr;
    if (event_.type == YAML_ALIAS_EVENT) what = "an alias (`*name`)";
    else if (event_.type == YAML_SCALAR_EVENT && event_.data.scalar.anchor != nullptr) what = "an anchor (`&name`)";
    else if (event_.type == YAML_SCALAR_EVENT && event_.data.scalar.tag != nullptr) what = "a tag (`!name`)";
    else if (event_.type == YAML_SEQUENCE_START_EVENT && event_.data.sequence_start.anchor != nullptr) what = "an anchor (`&name`)";
    else if (event_.type == YAML_SEQUENCE_START_EVENT && event_.data.sequence_start.tag != nullptr) what = "a tag (`!name`)";
    else if (event_.type == YAML_MAPPING_START_EVENT && event_.data.mapping_start.anchor != nullptr) what = "an anchor (`&name`)";
    else if (event_.type == YAML_MAPPING_START_EVENT && event_.data.mapping_start.tag != nullptr) what = "a tag (`!name`)";
    if (what == nullptr) return true;
    diagnostics_.AddError(DiagnosticCode::kAliasOrTag, At(event_.start_mark), StrCat(what, " is not allowed in project files"))
        .Help(StrCat(kQuoteIt, "; to share steps, use `use:`"));
    return false;
  }

  bool BuildScalar(Node& node) {
    node.kind = Node::Kind::kScalar;
    const auto& scalar = event_.data.scalar;
    node.text.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
    switch (scalar.style) {
      case YAML_SINGLE_QUOTED_SCALAR_STYLE: node.style = Node::Style::kSingle; break;
      case YAML_DOUBLE_QUOTED_SCALAR_STYLE: node.style = Node::Style::kDouble; break;
      case YAML_LITERAL_SCALAR_STYLE: node.style = Node::Style::kLiteral; break;
      case YAML_FOLDED_SCALAR_STYLE: node.style = Node::Style::kFolded; break;
      default: node.style = Node::Style::kPlain;
    }
    if (node.text.find('\0') == std::string::npos) return true;
    diagnostics_.AddError(DiagnosticCode::kEncoding, node.place, "a text may not hold the character NUL (`\\0`)");
    return false;
  }

  bool BuildList(Node& node, std::size_t depth) {
    node.kind = Node::Kind::kList;
    while (true) {
      if (!Next()) return false;
      if (event_.type == YAML_SEQUENCE_END_EVENT) break;
      if (!Build(node.items.emplace_back(), depth + 1)) return false;
    }
    return Close(node);
  }

  bool BuildMap(Node& node, std::size_t depth) {
    node.kind = Node::Kind::kMap;
    std::map<std::string, Place> seen;
    while (true) {
      if (!Next()) return false;
      if (event_.type == YAML_MAPPING_END_EVENT) break;
      Node key;
      if (event_.type != YAML_SCALAR_EVENT && event_.type != YAML_ALIAS_EVENT) {
        diagnostics_.AddError(DiagnosticCode::kSyntax, At(event_.start_mark), "a key must be a plain text").Help(std::string(kQuoteIt));
        return false;
      }
      if (!Build(key, depth + 1)) return false;
      Node value;
      if (!Next() || !Build(value, depth + 1)) return false;
      const auto [first, fresh] = seen.emplace(key.text, key.place);
      if (fresh) {
        node.entries.push_back({std::move(key.text), key.place, std::move(value)});
      } else {
        diagnostics_.AddError(DiagnosticCode::kDuplicateKey, key.place, StrCat("key `", key.text, "` stands here a second time"))
            .Related(first->second, "first here")
            .Help("remove one of the two");
      }
    }
    return Close(node);
  }

  /// Lengthen the node's place to its closing bracket, when there is one on the same stretch.
  bool Close(Node& node) {
    const std::size_t end = Offset(event_.end_mark);
    if (end > node.place.offset) node.place.length = end - node.place.offset;
    return true;
  }

  std::shared_ptr<const SourceFile> source_;
  Diagnostics& diagnostics_;
  YamlLimits limits_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
  std::size_t nodes_ = 0;
  yaml_mark_t last_{};
  std::size_t last_offset_ = 0;
};

/// Segments of a literal block scalar: value line k is source line k below the header, after the indentation.
bool MapLiteral(const Node& node, std::vector<std::pair<std::size_t, std::size_t>>& segments) {
  const SourceFile& source = *node.place.source;
  std::size_t line = source.PositionOf(node.place.offset).line;  // the header `|`, 1-based
  std::size_t begin = 0;
  while (begin < node.text.size()) {
    const std::size_t end = std::min(node.text.find('\n', begin), node.text.size());
    const std::string_view wanted = std::string_view(node.text).substr(begin, end - begin);
    const std::string_view written = source.Line(++line);
    if (!wanted.empty()) {
      if (!written.ends_with(wanted)) return false;
      segments.emplace_back(begin, source.OffsetOf(line - 1, 0) + written.size() - wanted.size());
    }
    begin = end + 1;
  }
  return true;
}

}  // namespace

bool Node::is_null() const {
  if (value) return value->is_null();
  if (kind != Kind::kScalar || style != Style::kPlain || pending) return false;
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

const Node::Entry* Node::FindEntry(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

const Node* Node::Find(std::string_view key) const {
  const Entry* entry = FindEntry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

SourcedText Node::Sourced() const {
  SourcedText out{text, {place, {}}};
  if (place.source == nullptr || value || pending) return out;
  const std::size_t quote = style == Style::kSingle || style == Style::kDouble ? 1 : 0;
  if (style == Style::kLiteral) {
    if (!MapLiteral(*this, out.origin.segments)) out.origin.segments.clear();
  } else if (place.source->text().compare(place.offset + quote, text.size(), text) == 0) {
    out.origin.segments.emplace_back(0, place.offset + quote);
  }
  return out;
}

std::string Describe(const Node& node) {
  if (node.is_list()) return "a list";
  if (node.is_map()) return "a map";
  if (node.pending) return StrCat("a ", TypeName(*node.pending));
  if (node.is_null()) return "nothing";
  std::string shown = node.text.substr(0, 60);
  while (!shown.empty() && !IsUtf8(shown)) shown.pop_back();
  return StrCat("`", shown, node.text.size() > shown.size() ? "..." : "", "`");
}

std::optional<Node> ParseYaml(const std::shared_ptr<const SourceFile>& source, Diagnostics& diagnostics,
                              const YamlLimits& limits) {
  return Builder(source, diagnostics, limits).Document();
}

std::shared_ptr<const SourceFile> ReadOrReport(const std::string& file, const std::string& shown_path, std::size_t max_bytes, Diagnostics& diagnostics) {
  Diagnostic refused;
  refused.at.file = shown_path;
  refused.at.line = refused.at.column = 1;
  const auto refuse = [&](DiagnosticCode code, const Status& status) {
    refused.code = code;
    refused.message = status.message();
    refused.help = status.help();
    diagnostics.Add(std::move(refused));
    return nullptr;
  };
  const Result<std::string> bytes = ReadBytes(file, max_bytes);
  if (!bytes.ok()) return refuse(DiagnosticCode::kUnreadable, bytes.status());
  const Result<std::shared_ptr<const SourceFile>> source = MakeSource(shown_path, *bytes, max_bytes);
  if (source.ok()) {
    diagnostics.NoteSource(*source);
    return *source;
  }
  const Status status = source.status();
  if (status.span()) {
    refused.at = Locate({std::make_shared<const SourceFile>(shown_path, *bytes), status.span()->offset, 1});
    refused.at.source_line = WithoutBadBytes(refused.at.source_line);
  }
  return refuse(bytes->size() > max_bytes ? DiagnosticCode::kTooLarge : DiagnosticCode::kEncoding, status);
}

std::optional<Node> ReadYaml(const std::string& file, const std::string& shown_path, Diagnostics& diagnostics) {
  const YamlLimits limits;
  const std::shared_ptr<const SourceFile> source = ReadOrReport(file, shown_path, limits.max_bytes, diagnostics);
  if (source == nullptr) return std::nullopt;
  return ParseYaml(source, diagnostics, limits);
}

}  // namespace headrace

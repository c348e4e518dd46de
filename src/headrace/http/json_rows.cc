// The text is first held against the grammar as a whole; after that a value is found by counting brackets, without building a tree of it. So a row keeps
// the digits it came with, and memory is that of the text.

#include "headrace/http/json_rows.h"

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"

namespace headrace {

namespace {
using Json = nlohmann::json;

/// Walks over a text that is valid JSON.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  char Peek() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool Take(char c) {
    const bool there = Peek() == c;
    if (there) ++at_;
    return there;
  }
  /// The text of the value here; behind it afterwards.
  std::string_view Value() {
    Peek();
    const std::size_t begin = at_;
    int depth = 0;
    do {
      const char c = text_[at_];
      if (c == '"') Text();
      else if (c == '{' || c == '[') ++depth, ++at_;
      else if (c == '}' || c == ']') --depth, ++at_;
      else if (depth == 0) while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == std::string_view::npos) ++at_;
      else ++at_;
    } while (depth > 0);
    return text_.substr(begin, at_ - begin);
  }
  std::string Key() {
    Peek();
    const std::size_t begin = at_;
    Text();
    const std::string_view quoted = text_.substr(begin, at_ - begin);
    return quoted.find('\\') == std::string_view::npos ? std::string(quoted.substr(1, quoted.size() - 2)) : ParseJson(quoted).get<std::string>();
  }

 private:
  void Text() {
    for (++at_; text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

std::string_view KindOf(std::string_view value) {
  switch (Cursor(value).Peek()) {
    case '{': return "an object";
    case '[': return "a list";
    case '"': return "a text";
    case 'n': return "null";
    case 't':
    case 'f': return "true or false";
    default: return "a number";
  }
}

/// The value of the last member of that name, as other readers have it; the names there are, when there is none.
std::string_view Member(std::string_view object, const std::string& name, std::vector<std::string>* names) {
  Cursor cursor(object);
  std::string_view found;
  cursor.Take('{');
  while (!cursor.Take('}')) {
    names->push_back(cursor.Key());
    cursor.Take(':');
    const std::string_view value = cursor.Value();
    if (names->back() == name) found = value;
    cursor.Take(',');
  }
  return found;
}

std::string OneLine(std::string_view value) {
  std::string line(value);
  for (char& c : line)
    if (c == '\n' || c == '\r') c = ' ';          // they stand between values only: a text holds them escaped
  return line;
}
}  // namespace

Result<JsonPath> JsonPath::Parse(std::string_view text) {
  JsonPath path;
  path.text_ = text;
  const Status wrong = Error(ErrorCode::kInvalid, "`", text, "` is no path to rows").WithHelp("`$` is the whole answer, `$.data` or `$['data']` a member of it, `$.data.rows[*]` the elements of a list in it");
  if (!text.starts_with('$')) return wrong;
  std::string_view rest = text.substr(1);
  while (!rest.empty() && rest != "[*]") {
    std::size_t end = 0;
    if (rest.starts_with("['")) {
      end = rest.find("']", 2);
      if (end == std::string_view::npos) return wrong;
      path.members_.emplace_back(rest.substr(2, end - 2));
      end += 2;
    } else if (rest.starts_with('.')) {
      end = std::min(rest.find_first_of(".[", 1), rest.size());
      path.members_.emplace_back(rest.substr(1, end - 1));
    }
    if (end == 0 || path.members_.back().empty()) return wrong;
    rest.remove_prefix(end);
  }
  return path;
}

Result<std::vector<std::string>> JsonRows(std::string_view json, const JsonPath& path) {
  if (json.starts_with("\xEF\xBB\xBF")) json.remove_prefix(3);
  if (!Json::accept(json)) return Error(ErrorCode::kData, "the answer is not JSON, or not all of it came");
  std::string_view value = json;
  std::string where = "$";
  for (const std::string& member : path.members()) {
    std::vector<std::string> names;
    if (Cursor(value).Peek() != '{') return Error(ErrorCode::kData, "`", where, "` of the answer is ", KindOf(value), ", not an object with `", member, "`");
    const std::string_view found = Member(value, member, &names);
    if (found.empty()) {
      if (names.size() > 20) names.resize(20);
      return Error(ErrorCode::kData, "`", where, "` of the answer has no `", member, "`; it has ", names.empty() ? "nothing" : StrCat("`", Join(names, "`, `"), "`"));
    }
    value = found;
    where += StrCat(".", member);
  }
  Cursor cursor(value);
  if (cursor.Peek() == '{') return std::vector<std::string>{OneLine(cursor.Value())};
  if (!cursor.Take('[')) return Error(ErrorCode::kData, "`", path.text(), "` of the answer is ", KindOf(value), ", not a list of rows");
  std::vector<std::string> rows;
  while (!cursor.Take(']')) {
    const std::string_view row = cursor.Value();
    if (!row.starts_with('{')) return Error(ErrorCode::kData, "row ", rows.size() + 1, " of `", path.text(), "` is ", KindOf(row), ", not an object with columns");
    rows.push_back(OneLine(row));
    cursor.Take(',');
  }
  return rows;
}

}  // namespace headrace

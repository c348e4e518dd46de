#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace headrace {

/// A tag name of our own source. Text that arrives at run time cannot become one: the constructor runs in the compiler.
class TagName {
 public:
  consteval TagName(const char* name) : text_(name) {  // NOLINT: implicit
    if (text_.empty() || text_ == "script") throw "not a tag of the report";
    for (char c : text_)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) throw "not a tag name";
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// An attribute name of our own source. Those that run or load something (`on...`, `href`, `src`, `style`) do not compile;
/// links go through LinkTo, which reaches only places of the same page and pages of runs beside it.
class AttrName {
 public:
  consteval AttrName(const char* name) : text_(name) {  // NOLINT: implicit
    if (text_.empty() || text_.starts_with("on")) throw "event handlers are not written";
    for (std::string_view bad : {"href", "src", "style", "srcdoc", "action", "formaction", "srcset", "data", "background"})
      if (text_ == bad) throw "this attribute is not written";
    for (char c : text_)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-')) throw "not an attribute";
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// Text of our own source, written without escaping (style sheets, entities we chose).
class Literal {
 public:
  consteval Literal(const char* text) : text_(text) {}  // NOLINT: implicit
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// `text` as it may stand between tags and inside quotes: & < > " ' become entities, broken UTF-8 becomes U+FFFD, control
/// characters become their pictures (U+2400 ff.), and characters that turn the direction of text are spelt out.
std::string EscapeHtml(std::string_view text);
/// A coordinate: at most two decimals, no exponent; 0 for what is not finite.
std::string Coordinate(double value);

/// A place in the page, made of our own words and a number.
class Anchor {
 public:
  explicit Anchor(Literal name) : id_(name.text()) {}
  Anchor(Literal name, std::size_t number) : id_(std::string(name.text()) + "-" + std::to_string(number)) {}
  const std::string& id() const { return id_; }

 private:
  std::string id_;
};

/// The page of a run, in the folder runs/ beside this page. Made of letters, digits and dashes of the run's id; with anything else in it there is none.
class RunPage {
 public:
  explicit RunPage(std::string_view run);
  bool none() const { return path_.empty(); }
  const std::string& path() const { return path_; }      ///< "runs/20261122-060000-k3f9.html"

 private:
  std::string path_;
};

/// One attribute with its escaped value.
struct Attr {
  Attr(AttrName n, std::string_view v) : name(n), value(EscapeHtml(v)) {}
  Attr(AttrName n, const char* v) : Attr(n, std::string_view(v)) {}
  Attr(AttrName n, const std::string& v) : Attr(n, std::string_view(v)) {}
  Attr(AttrName n, const Anchor& a) : Attr(n, std::string_view(a.id())) {}
  Attr(AttrName n, double v) : name(n), value(Coordinate(v)) {}
  Attr(AttrName n, std::integral auto v) : name(n), value(std::to_string(v)) {}
  AttrName name;
  std::string value;
};

/// Finished markup. A string becomes Html only by being escaped, so a caller cannot forget to: there is no way to put
/// run-time text in unescaped.
class Html {
 public:
  Html() = default;
  Html(std::string_view text) : markup_(EscapeHtml(text)) {}    // NOLINT: implicit
  Html(const char* text) : Html(std::string_view(text)) {}      // NOLINT: implicit
  Html(const std::string& text) : Html(std::string_view(text)) {}  // NOLINT: implicit
  static Html Raw(Literal text);

  /// `<tag attributes>body</tag>`; void elements (meta, br, hr, col, wbr) have no body and no end.
  static Html Element(TagName tag, std::initializer_list<Attr> attributes, const Html& body);
  /// `<a href="#place">body</a>`
  static Html LinkTo(const Anchor& place, const Html& body);
  /// `<a href="runs/ID.html">body</a>`; `body` alone when there is no such page.
  static Html LinkTo(const RunPage& page, const Html& body);

  Html& operator+=(const Html& more) { markup_ += more.markup_; return *this; }
  bool empty() const { return markup_.empty(); }
  const std::string& markup() const { return markup_; }

 private:
  std::string markup_;
};

/// `El("td", {{"class", "number"}}, "4 < 5")`: an element of any number of children, text or Html.
template <typename... Children>
Html El(TagName tag, std::initializer_list<Attr> attributes, const Children&... children) {
  Html body;
  ((body += Html(children)), ...);
  return Html::Element(tag, attributes, body);
}

/// Children side by side.
template <typename... Children>
Html HtmlOf(const Children&... children) {
  Html body;
  ((body += Html(children)), ...);
  return body;
}

}  // namespace headrace

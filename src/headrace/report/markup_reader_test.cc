// A small strict reader of the pages we write, so that tests see what a browser sees and not what we meant.

#include "headrace/report/markup_reader.h"

#include <gtest/gtest.h>

#include "headrace/base/text.h"

namespace headrace {
namespace {

bool IsNameChar(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; }

class Reader {
 public:
  explicit Reader(std::string_view html) : html_(html) {}

  MarkupPage Run() {
    if (html_.starts_with("<!doctype html>")) at_ = 15;
    while (at_ < html_.size() && page_.error.empty()) {
      if (html_[at_] == '<') Tag();
      else Text();
    }
    if (page_.error.empty() && !open_.empty()) Fail(StrCat("not closed: ", open_.back()));
    return std::move(page_);
  }

 private:
  void Fail(std::string what) {
    if (page_.error.empty()) page_.error = StrCat(what, " at byte ", at_, ": ", html_.substr(at_, 60));
  }

  std::string Name() {
    const std::size_t begin = at_;
    while (at_ < html_.size() && IsNameChar(html_[at_])) ++at_;
    return std::string(html_.substr(begin, at_ - begin));
  }

  void Entity(std::string* out) {
    for (const auto& [name, value] : {std::pair{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}}) {
      if (!html_.substr(at_).starts_with(name)) continue;
      *out += value;
      at_ += std::string_view(name).size();
      return;
    }
    Fail("a bare &");
  }

  void Text() {
    while (at_ < html_.size() && html_[at_] != '<' && page_.error.empty()) {
      if (html_[at_] == '&') { Entity(&page_.text); continue; }
      if (html_[at_] == '>' || html_[at_] == '"' || html_[at_] == '\'') return Fail("an unescaped character");
      page_.text += html_[at_++];
    }
  }

  void Attribute(MarkupTag* tag) {
    ++at_;
    const std::string name = Name();
    if (name.empty() || !html_.substr(at_).starts_with("=\"")) return Fail("a bad attribute");
    at_ += 2;
    const std::size_t end = html_.find('"', at_);
    if (end == std::string_view::npos) return Fail("an open quote");
    const std::string value(html_.substr(at_, end - at_));
    if (value.find('<') != std::string::npos || value.find('>') != std::string::npos) return Fail("a bracket in a value");
    if (!tag->attributes.emplace(name, value).second) return Fail("an attribute twice");
    at_ = end + 1;
  }

  void Tag() {
    ++at_;
    MarkupTag tag;
    const bool closes = at_ < html_.size() && html_[at_] == '/';
    if (closes) ++at_;
    tag.name = Name();
    if (tag.name.empty()) return Fail("a bare <");
    while (at_ < html_.size() && html_[at_] == ' ' && page_.error.empty()) Attribute(&tag);
    if (!page_.error.empty()) return;
    if (at_ >= html_.size() || html_[at_] != '>') return Fail("a bad tag");
    ++at_;
    page_.text += ' ';
    if (closes) {
      if (open_.empty() || open_.back() != tag.name) return Fail(StrCat("</", tag.name, "> closes nothing"));
      open_.pop_back();
      tag.name = "/" + tag.name;
    } else if (tag.name != "meta" && tag.name != "br") {
      open_.push_back(tag.name);
      if (tag.name == "style") at_ = std::min(html_.find("</style>", at_), html_.size());
    }
    page_.tags.push_back(std::move(tag));
  }

  std::string_view html_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
  MarkupPage page_;
};

}  // namespace

MarkupPage ReadMarkup(std::string_view html) { return Reader(html).Run(); }

TEST(MarkupReaderTest, TheReaderRefusesWhatABrowserWouldRepair) {
  EXPECT_EQ(ReadMarkup("<p class=\"a\">x &lt; y</p>").error, "");
  for (const char* bad : {"<p>", "<p></b></p>", "<p a=b></p>", "<p>&nbsp;</p>", "<p>></p>", "<p a=\"1\" a=\"2\"></p>", "<p>'</p>", "< p></p>"})
    EXPECT_NE(ReadMarkup(bad).error, "") << bad;
}

}  // namespace headrace

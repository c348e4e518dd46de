#include "headrace/report/parts.h"

#include "headrace/base/text.h"
#include "headrace/report/card.h"
#include "headrace/report/style.h"

namespace headrace {

namespace {
std::string_view ToneClass(RunVerdict::Tone tone) {
  switch (tone) {
    case RunVerdict::Tone::kGood: return "good";
    case RunVerdict::Tone::kWarn: return "warn";
    case RunVerdict::Tone::kBad: return "bad";
    case RunVerdict::Tone::kNeutral: break;
  }
  return "neutral";
}

std::string_view ToneSign(RunVerdict::Tone tone) {
  switch (tone) {
    case RunVerdict::Tone::kGood: return "✓";
    case RunVerdict::Tone::kWarn: return "!";
    case RunVerdict::Tone::kBad: return "✕";
    case RunVerdict::Tone::kNeutral: break;
  }
  return "…";
}
}  // namespace

StateLook LookOf(std::string_view state) {
  if (state == "succeeded") return {"good", "✓"};
  if (state == "failed") return {"bad", "✕"};
  if (state == "reused") return {"reused", "↺"};
  if (state == "warned") return {"warn", "!"};
  if (state == "skipped") return {"skipped", "–"};
  if (state == "running") return {"running", "…"};
  if (state == "waiting") return {"warn", "?"};
  if (state == "interrupted") return {"warn", "■"};
  return {"neutral", "·"};
}

Html StateChip(std::string_view state) {
  const StateLook look = LookOf(state);
  const std::string_view tone = look.css_class == "good" || look.css_class == "bad" || look.css_class == "warn" ? look.css_class : "neutral";
  return El("span", {{"class", "chip " + std::string(tone)}}, El("span", {{"aria-hidden", "true"}}, look.sign), state);
}

Html Section(PageContents& contents, Literal id, std::size_t number, std::string_view title, const Html& body) {
  if (body.empty()) return {};
  const Anchor place = number == 0 ? Anchor(id) : Anchor(id, number), heading = number == 0 ? Anchor(id, 0) : Anchor(id, 1000 + number);
  contents.emplace_back(place, std::string(title));
  return El("section", {{"id", place}, {"aria-labelledby", heading}}, El("h2", {{"id", heading}}, title), body);
}

Html DataTable(std::string_view caption, const std::vector<TableHead>& head, const std::vector<std::vector<Html>>& rows, bool sample) {
  if (rows.empty()) return {};
  Html top, body;
  for (const TableHead& cell : head) top += El("th", {{"scope", "col"}, {"class", cell.number ? "n" : ""}}, cell.text);
  for (const std::vector<Html>& row : rows) {
    Html cells;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string_view look = i < head.size() && head[i].number ? "n" : "";
      cells += i == 0 ? El("th", {{"scope", "row"}, {"class", look}}, row[i]) : El("td", {{"class", look}}, row[i]);
    }
    body += El("tr", {}, cells);
  }
  return El("div", {{"class", "scroll"}, {"tabindex", 0}, {"role", "region"}, {"aria-label", caption}},
            El("table", {{"class", sample ? "sample" : ""}}, El("caption", {}, Prose(caption)), El("thead", {}, El("tr", {}, top)), El("tbody", {}, body)));
}

Html Facts(std::initializer_list<std::pair<std::string_view, Html>> facts) {
  Html body;
  for (const auto& [name, value] : facts)
    if (!value.empty()) body += HtmlOf(El("dt", {}, name), El("dd", {}, value));
  return body.empty() ? Html() : El("dl", {{"class", "facts"}}, body);
}

Html Fold(std::string_view summary, const Html& body) {
  return body.empty() ? Html() : El("details", {}, El("summary", {}, summary), body);
}

Html NoteList(const std::vector<std::string>& notes) {
  Html items;
  for (const std::string& note : notes) items += El("li", {}, Prose(note));
  return items.empty() ? Html() : El("ul", {{"class", "notes"}}, items);
}

Html Mono(std::string_view text) {
  return text.empty() ? Html() : El("span", {{"class", "mono"}}, text);
}

Html VerdictBox(const RunVerdict& verdict) {
  Html body = El("span", {{"class", "chip"}}, El("span", {{"aria-hidden", "true"}}, ToneSign(verdict.tone)), verdict.chip);
  body += El("h1", {}, Prose(verdict.sentence));
  if (!verdict.help.empty()) body += El("p", {{"class", "help"}}, El("strong", {}, "What to do: "), Prose(verdict.help));
  return El("div", {{"class", StrCat("verdict ", ToneClass(verdict.tone))}}, body);
}

Html Tile(std::string_view name, std::string_view value) {
  return value.empty() ? Html() : El("div", {}, El("dt", {}, name), El("dd", {{"class", value.size() > 9 ? "long" : ""}}, value));
}

Html ContentsList(const PageContents& contents) {
  Html items;
  for (const auto& [place, title] : contents) items += El("li", {}, Html::LinkTo(place, title));
  return El("nav", {{"aria-label", "Sections of this page"}}, El("ul", {}, items));
}

std::string Document(std::string_view title, const Html& body) {
  Html head = El("meta", {{"charset", "utf-8"}});
  head += El("meta", {{"http-equiv", "Content-Security-Policy"}, {"content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"}});
  head += El("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  head += El("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
  head += El("meta", {{"name", "referrer"}, {"content", "no-referrer"}});
  head += El("title", {}, title);
  head += El("style", {}, StyleSheet());
  return StrCat("<!doctype html>\n", El("html", {{"lang", "en"}}, El("head", {}, head), El("body", {}, El("div", {{"class", "page"}}, body))).markup(), "\n");
}

}  // namespace headrace

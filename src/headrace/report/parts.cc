#include "headrace/report/parts.h"

#include "headrace/report/card.h"

namespace headrace {

StateLook LookOf(std::string_view state) {
  if (state == "succeeded") return {"good", "✓"};
  if (state == "failed") return {"bad", "✕"};
  if (state == "reused") return {"reused", "↺"};
  if (state == "warned") return {"warn", "!"};
  if (state == "skipped") return {"skipped", "–"};
  if (state == "running") return {"running", "…"};
  if (state == "waiting") return {"warn", "?"};
  return {"neutral", "·"};
}

Html StateChip(std::string_view state) {
  const StateLook look = LookOf(state);
  const std::string_view tone = look.css_class == "good" || look.css_class == "bad" || look.css_class == "warn" ? look.css_class : "neutral";
  return El("span", {{"class", "chip " + std::string(tone)}}, El("span", {{"aria-hidden", "true"}}, look.sign), state);
}

Html Section(Page& page, Literal id, std::string_view title, const Html& body) {
  if (body.empty()) return {};
  const Anchor place(id), heading(id, 0);
  page.contents.emplace_back(place, std::string(title));
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

}  // namespace headrace

#include "headrace/report/card.h"

#include <string>
#include <vector>

#include "headrace/base/text.h"

namespace headrace {
namespace {

std::vector<std::string> Cells(std::string_view row) {
  row = Trim(row);
  if (row.starts_with('|')) row.remove_prefix(1);
  if (row.ends_with('|')) row.remove_suffix(1);
  std::vector<std::string> cells = Split(row, '|');
  for (std::string& cell : cells) cell = std::string(Trim(cell));
  return cells;
}

bool IsRuler(std::string_view row) {
  return row.find('-') != std::string_view::npos && row.find_first_not_of("|-: \t") == std::string_view::npos;
}

Html TableOf(const std::vector<std::string_view>& rows) {
  Html head, body;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (IsRuler(rows[i])) continue;
    Html cells;
    const std::vector<std::string> texts = Cells(rows[i]);
    for (std::size_t k = 0; k < texts.size(); ++k) {
      if (i == 0) cells += El("th", {{"scope", "col"}}, Prose(texts[k]));
      else if (k == 0) cells += El("th", {{"scope", "row"}}, Prose(texts[k]));
      else cells += El("td", {}, Prose(texts[k]));
    }
    (i == 0 ? head : body) += El("tr", {}, cells);
  }
  return El("div", {{"class", "scroll"}, {"tabindex", 0}, {"role", "region"}, {"aria-label", "Table of the model card"}},
            El("table", {}, El("thead", {}, head), El("tbody", {}, body)));
}

bool IsBullet(std::string_view line) { return line.starts_with("- ") || line.starts_with("* "); }

std::string_view HeadingText(std::string_view line) {
  const std::size_t text = line.find_first_not_of('#');
  return text == std::string_view::npos ? std::string_view() : Trim(line.substr(text));
}

}  // namespace

Html Prose(std::string_view text) {
  Html out;
  while (!text.empty()) {
    const std::size_t open = text.find('`');
    const std::size_t close = open == std::string_view::npos ? open : text.find('`', open + 1);
    if (close == std::string_view::npos || close == open + 1) {
      const std::size_t whole = close == std::string_view::npos ? text.size() : close + 1;
      out += Html(text.substr(0, whole));
      text.remove_prefix(whole);
      continue;
    }
    out += Html(text.substr(0, open));
    out += El("code", {}, text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
  }
  return out;
}

Html RenderCard(std::string_view markdown) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at <= markdown.size();) {
    const std::size_t end = std::min(markdown.find('\n', at), markdown.size());
    lines.push_back(Trim(markdown.substr(at, end - at)));
    at = end + 1;
  }
  Html out;
  for (std::size_t i = 0; i < lines.size();) {
    const auto run_of = [&](auto&& belongs) {
      std::vector<std::string_view> block;
      while (i < lines.size() && belongs(lines[i])) block.push_back(lines[i++]);
      return block;
    };
    if (lines[i].empty()) {
      ++i;
    } else if (lines[i].starts_with('#')) {
      if (const auto heading = HeadingText(lines[i++]); !heading.empty()) out += El("h4", {}, Prose(heading));
    } else if (lines[i].starts_with('|')) {
      out += TableOf(run_of([](std::string_view l) { return l.starts_with('|'); }));
    } else if (IsBullet(lines[i])) {
      Html items;
      for (std::string_view item : run_of(IsBullet)) items += El("li", {}, Prose(item.substr(2)));
      out += El("ul", {}, items);
    } else {
      Html text;
      for (std::string_view line : run_of([](std::string_view l) { return !l.empty() && !l.starts_with('#') && !l.starts_with('|') && !IsBullet(l); })) {
        if (!text.empty()) text += " ";
        text += Prose(line);
      }
      out += El("p", {}, text);
    }
  }
  return out;
}

}  // namespace headrace

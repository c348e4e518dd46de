#include "tree_sizes.h"

#include "headrace/base/text.h"

namespace headrace::fuzz {

std::string MendTreeSizes(std::string_view text) {
  constexpr std::string_view kLine = "\ntree_sizes=", kTree = "\nTree=", kEnd = "\nend of trees";
  const std::size_t line = text.find(kLine);
  const std::size_t line_end = line == std::string_view::npos ? line : text.find('\n', line + 1);
  if (line_end == std::string_view::npos) return std::string(text);
  std::string sizes;
  std::size_t tree = text.find(kTree, line_end);
  for (std::size_t n = 0; tree != std::string_view::npos && n < 10'000; ++n) {
    std::size_t next = text.find(kTree, tree + 1);
    const std::size_t end = next != std::string_view::npos ? next : text.find(kEnd, tree + 1);
    if (end == std::string_view::npos) break;
    sizes += StrCat(sizes.empty() ? "" : " ", end - tree);
    tree = next;
  }
  return StrCat(text.substr(0, line), kLine, sizes, text.substr(line_end));
}

}  // namespace headrace::fuzz

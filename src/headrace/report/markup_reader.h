#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

/// One tag of a page as a browser would see it, for tests: strict where a browser is lenient.
struct MarkupTag {
  std::string name;                          ///< "/p" closes a p
  std::map<std::string, std::string> attributes;  ///< values as written, with their entities
};

/// A page taken apart. `error` is empty when every tag is closed in its turn, every attribute is quoted and given once,
/// and every & starts an entity.
struct MarkupPage {
  std::vector<MarkupTag> tags;
  std::string text;                          ///< between tags, entities resolved, without <style>
  std::string error;
};

MarkupPage ReadMarkup(std::string_view html);

}  // namespace headrace

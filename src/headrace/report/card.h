#pragma once

#include <string_view>

#include "headrace/report/html.h"

namespace headrace {

/// Text of our messages: `backticks` become code, line ends stay. Everything else is text.
Html Prose(std::string_view text);

/// A model's card.md as HTML: headings (all as h4), bullet lists, pipe tables and paragraphs with `code`. Links, images, emphasis and HTML
/// are shown as they are written: a card comes from outside.
Html RenderCard(std::string_view markdown);

}  // namespace headrace

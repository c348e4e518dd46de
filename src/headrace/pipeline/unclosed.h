#pragma once

#include <cstddef>
#include <optional>

#include "headrace/pipeline/source.h"

namespace headrace {

/// A bracket or quote that is likely not closed.
struct Unclosed {
  std::size_t offset = 0;
  char mark = '{';         ///< { [ " '
};

/// YAML lets brackets and quotes go on over any number of lines, so its parser notices a missing one far below, or at the end of the file. People indent
/// what goes on: the first line that begins an entry no deeper than the line with the opening mark says that it was meant to be closed before.
/// Looks at the lines up to `last_line`, from 1. Only a guess, for a file that the parser has refused.
std::optional<Unclosed> FindUnclosed(const SourceFile& source, std::size_t last_line);

}  // namespace headrace

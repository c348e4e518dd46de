#pragma once

#include "headrace/report/html.h"

namespace headrace {

/// The page's style sheet: light and dark, narrow and wide, screen and paper.
Html StyleSheet();

}  // namespace headrace

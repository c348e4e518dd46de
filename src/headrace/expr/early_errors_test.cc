#include "headrace/expr/early_errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "headrace/base/text.h"

namespace headrace {
namespace {

/// "text under the span: message" of each error, one a line.
std::string Told(const std::string& text) {
  std::string out;
  for (const Status& status : FindEarlyErrors(text)) {
    EXPECT_TRUE(status.span());
    if (status.span()) out += StrCat(out.empty() ? "" : "\n", text.substr(status.span()->offset, status.span()->length), ": ", status.message());
  }
  return out;
}

TEST(FindEarlyErrors, SaysNothingOfWhatColumnsDecide) {
  for (const char* fine : {"amount >= 0", "lower(name) = 'a'", "coalesce(a, b, 0) > 1", "day >= '2026-01-01'", "date_diff('day', a, b) > 3", "x in (1, 2)", "true",
                           "round(x, 2) > 1 and round(x) > 1", "day > date '2026-01-01' - 7d", "case when a then 1 else null end = 1"})
    EXPECT_EQ(Told(fine), "") << fine;
}

TEST(FindEarlyErrors, FindsUnknownFunctionsAndWrongNumbersOfArgumentsBesideColumns) {
  EXPECT_EQ(Told("rond(amount) > lower(a, b)"), "rond: there is no function `rond`\nlower(a, b): `lower` cannot be called with 2 arguments");
}

TEST(FindEarlyErrors, TypesThePartsThatMentionNoColumn) {
  EXPECT_EQ(Told("amount > abs('x')"), "abs('x'): `abs` cannot be called with (text)");
  EXPECT_EQ(Told("coalesce() > 1"), "coalesce(): `coalesce` got 0 arguments");
  EXPECT_NE(Told("amount > 1 or not 1"), "");
}

TEST(FindEarlyErrors, SaysOnlyTheSyntaxErrorOfABrokenText) {
  EXPECT_EQ(FindEarlyErrors("rond(1) >").size(), 1U);
  EXPECT_EQ(FindEarlyErrors("").size(), 1U);
}

}  // namespace
}  // namespace headrace

#include "headrace/pipeline/unclosed.h"

#include <gtest/gtest.h>

#include <string>

#include "headrace/base/text.h"

namespace headrace {
namespace {

/// "line:mark" of what is not closed, or "".
std::string Found(const std::string& text, std::size_t last_line = 100) {
  const SourceFile source("a.yaml", text);
  const std::optional<Unclosed> found = FindUnclosed(source, last_line);
  return found ? StrCat(source.PositionOf(found->offset).line, ":", std::string(1, found->mark)) : "";
}

TEST(FindUnclosed, NamesTheLineThatOpenedWhatTheNextEntryRunsInto) {
  EXPECT_EQ(Found("a: {b: [1, 2}\nc: 1\n"), "1:{") << "the `}` closes the innermost, whatever it is";
  EXPECT_EQ(Found("a: 1\nb: {c: {d: 1}\ne: 2\n"), "2:{");
  EXPECT_EQ(Found("a:\n  - {x: 1\n  - {x: 2}\n"), "2:{");
  EXPECT_EQ(Found("a:\n  - k: [1\n    l: 2\n"), "2:[") << "the item's keys stand after its `- `";
  EXPECT_EQ(Found("a: \"x\nb: \"y\"\n"), "1:\"");
  EXPECT_EQ(Found("a: 'it''s\nb: 1\n"), "1:'");
}

TEST(FindUnclosed, NamesWhatIsOpenAtTheEnd) {
  EXPECT_EQ(Found("a: {b: 1\n"), "1:{");
  EXPECT_EQ(Found("a: {b: 1\n", 1), "1:{");
  EXPECT_EQ(Found("a: {b: 1\n  , c: 2\n", 1), "") << "only the first line was looked at";
}

TEST(FindUnclosed, LeavesAloneWhatIsClosed) {
  EXPECT_EQ(Found("a: {b: 1,\n  c: [1,\n    2]}\nd: 1\n"), "");
  EXPECT_EQ(Found("a: \"one\n  two\"\nb: 1\n"), "") << "text goes on when it is indented";
  EXPECT_EQ(Found("a: it's [fine\nb: x{y\n"), "") << "inside a plain text they mean nothing";
  EXPECT_EQ(Found("# {\na: 1 # [\nb: |\n  select [ from {\n  \"\nc: 1\n"), "");
  EXPECT_EQ(Found("a: \"\\\"{\"\nb: '{'\n"), "");
}

}  // namespace
}  // namespace headrace

#include "headrace/base/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace headrace {
namespace {

TEST(Json, WhatIsNotJsonFromEndToEndIsDiscarded) {
  for (const char* text : {"", "{", "{} x", "{\"a\": nan}", "\"\xff\"", "'a'"}) EXPECT_TRUE(ParseJson(text).is_discarded()) << text;
  EXPECT_TRUE(ParseOrderedJson("[1,").is_discarded());
  EXPECT_EQ(ParseJson(" {\"a\": [1, 2.5, null]} ").at("a").size(), 3U);
}

TEST(Json, OrderedKeepsTheOrderOfTheText) {
  EXPECT_EQ(DumpJson(ParseOrderedJson(R"({"b": 1, "a": 2})")), R"({"b":1,"a":2})");
  EXPECT_EQ(DumpJson(ParseJson(R"({"b": 1, "a": 2})")), R"({"a":2,"b":1})");
}

TEST(Json, BytesThatAreNotUtf8AreReplacedNotThrown) {
  EXPECT_EQ(DumpJson(nlohmann::json("a\xff")), "\"a\xEF\xBF\xBD\"");
  EXPECT_EQ(DumpJson(nlohmann::ordered_json("a\xff")), "\"a\xEF\xBF\xBD\"");
}

TEST(Json, DoublesReadBackToTheSameBits) {
  for (const double value : {0.1, 1e300, -5e-324, 1.0 / 3}) EXPECT_EQ(ParseJson(DumpJson(nlohmann::json(value))).get<double>(), value);
}

}  // namespace
}  // namespace headrace

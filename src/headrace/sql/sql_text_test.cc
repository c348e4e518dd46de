#include "headrace/sql/sql_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "headrace/base/text.h"
#include "headrace/sql/find_tables.h"

namespace headrace {
namespace {

using testing::HasSubstr;
constexpr SqlDialect kDuck = SqlDialect::kDuckDb;
constexpr SqlDialect kLite = SqlDialect::kSqlite;

SqlParameters Given(const std::vector<std::string>& names) {
  SqlParameters parameters;
  for (const std::string& name : names) parameters.emplace(name, Value::Int(1));
  return parameters;
}

// The rewritten text, then the names in marker order: "select $1 [a]".
std::string Bound(std::string_view sql, const std::vector<std::string>& names, SqlDialect dialect = kDuck) {
  const Result<BoundSql> bound = BoundSql::Make(sql, dialect, Given(names));
  if (!bound.ok()) return "error: " + bound.status().message();
  return StrCat(bound->text(), " [", Join(bound->names(), " "), "]");
}

std::string Spanned(std::string_view sql, const Status& status) {
  if (!status.span()) return "no span";
  return std::string(sql.substr(status.span()->offset, status.span()->length));
}

TEST(SqlTextTest, NamedParametersBecomeNumberedMarkersInOrderOfFirstUse) {
  EXPECT_EQ(Bound("select $b, $a, $b", {"a", "b"}), "select $1, $2, $1 [b a]");
  EXPECT_EQ(Bound("select $b, $a, $b", {"a", "b"}, kLite), "select ?1, ?2, ?1 [b a]");
  EXPECT_EQ(Bound("select x>=$a::int and y<$b", {"a", "b"}), "select x>=$1::int and y<$2 [a b]");
}

TEST(SqlTextTest, WhatLooksLikeAParameterInsideOfQuotesAndCommentsIsLeftAlone) {
  const std::pair<const char*, const char*> cases[] = {
      {"select '$a', $b", "select '$a', $1 [b]"},
      {"select 'it''s $a', $b", "select 'it''s $a', $1 [b]"},
      {"select \"$a\", $b", "select \"$a\", $1 [b]"},
      {"select \"say \"\"$a\"\"\", $b", "select \"say \"\"$a\"\"\", $1 [b]"},
      {"select 1 -- $a\n, $b", "select 1 -- $a\n, $1 [b]"},
      {"select 1 /* $a */, $b", "select 1 /* $a */, $1 [b]"},
      {"select 1 /* /* $a */ $a */, $b", "select 1 /* /* $a */ $a */, $1 [b]"},
      {"select E'\\'$a', $b", "select E'\\'$a', $1 [b]"},
      {"select 'back\\', $b", "select 'back\\', $1 [b]"},
      {"select $$ $a $$, $b", "select $$ $a $$, $1 [b]"},
      {"select $tag$ $a $$ ' $tag$, $b", "select $tag$ $a $$ ' $tag$, $1 [b]"},
      {"select a$a, $b", "select a$a, $1 [b]"},
      {"select 1e-5-$b", "select 1e-5-$1 [b]"},
      {"select 'ä', $b", "select 'ä', $1 [b]"},
      {"select $b--$a", "select $1 [b]"},
      {"select $b;  -- the end; really", "select $1 [b]"},
      {"select x[$b:3], {'k': $b}", "select x[$1:3], {'k': $1} [b]"},
      {"select e'x' || prefix_e, $b", "select e'x' || prefix_e, $1 [b]"},
  };
  for (const auto& [sql, expected] : cases) EXPECT_EQ(Bound(sql, {"b"}), expected) << sql;
}

TEST(SqlTextTest, SqliteHasItsOwnQuotesAndNoNestedComments) {
  EXPECT_EQ(Bound("select [$a], `$a`, $b", {"b"}, kLite), "select [$a], `$a`, ?1 [b]");
  EXPECT_EQ(Bound("select 1 /* /* $a */, $b", {"b"}, kLite), "select 1 /* /* $a */, ?1 [b]");
  EXPECT_EQ(Bound("select E'\\', $b", {"b"}, kLite), "select E'\\', ?1 [b]");
}

TEST(SqlTextTest, PostgresHasDuckDbsQuotesAndQuestionMarksAsOperators) {
  constexpr SqlDialect kPostgres = SqlDialect::kPostgres;
  EXPECT_EQ(Bound("select j ? 'a', j ?| array['b'], j @> $b::jsonb, j @? '$.x', $a, $b", {"a", "b"}, kPostgres),
            "select j ? 'a', j ?| array['b'], j @> $1::jsonb, j @? '$.x', $2, $1 [b a]");
  EXPECT_EQ(Bound("select E'\\'$a', $$ $a $$, $t$ $a $$ $t$ /* /* $a */ $a */, U&'$a', \"$a\", a$a, x[$b:3] -- $a", {"b"}, kPostgres),
            "select E'\\'$a', $$ $a $$, $t$ $a $$ $t$ /* /* $a */ $a */, U&'$a', \"$a\", a$a, x[$1:3] [b]");
  EXPECT_EQ(Bound("select $1", {}, kPostgres), "error: the query uses the positional marker $1");
}

TEST(SqlTextTest, WrongTextsAreRefusedAtTheirPlace) {
  struct Case {
    const char* sql;
    const char* message;
    const char* span;
    SqlDialect dialect = kDuck;
  };
  const Case cases[] = {
      {"select 1; select 2", "a second statement follows the first", "select"},
      {"select 1; drop table t; --", "a second statement follows the first", "drop"},
      {"  ;", "the query is empty", "  ;"},
      {"-- nothing", "the query is empty", "-- nothing"},
      {"select 'abc", "a string that starts with ' does not end", "'"},
      {"select \"abc", "a quoted name that starts with \" does not end", "\""},
      {"select /* /* */", "a comment that starts with /* does not end", "/"},
      {"select $x$ abc", "a string that starts with $x$ does not end", "$"},
      {"select ?", "the query uses the positional marker ?", "?"},
      {"select $1", "the query uses the positional marker $1", "$1"},
      {"select :a", "the query uses the positional marker :a", ":a", kLite},
      {"select (1", "a ( is not closed", "("},
      {"select 1) from t", "a ) closes nothing", ")"},
      {"select $c", "the query uses the parameter $c, which is not bound", "$c"},
  };
  for (const Case& c : cases) {
    const Result<BoundSql> bound = BoundSql::Make(c.sql, c.dialect, {});
    ASSERT_FALSE(bound.ok()) << c.sql;
    EXPECT_EQ(bound.status().code(), ErrorCode::kInvalid);
    EXPECT_THAT(bound.status().message(), HasSubstr(c.message)) << c.sql;
    EXPECT_EQ(Spanned(c.sql, bound.status()), c.span) << c.sql;
  }
}

TEST(SqlTextTest, AMissingOrUnusedParameterNamesTheLikelyOne) {
  const Status missing = BoundSql::Make("select $sinse", kDuck, Given({"since"})).status();
  EXPECT_EQ(missing.help(), "did you mean $since?");
  const Status unused = BoundSql::Make("select $since", kDuck, Given({"since", "untl"})).status();
  EXPECT_THAT(unused.message(), HasSubstr("`untl` is bound, but the query does not use $untl"));
}

TEST(SqlTextTest, PlacesAreTranslatedBackThroughTheRewriting) {
  const std::string sql = "select $first_parameter, x from $b, y";
  const Result<BoundSql> bound = BoundSql::Make(sql, kDuck, Given({"first_parameter", "b"}));
  ASSERT_TRUE(bound.ok());
  for (const std::string word : {"select", "x from", ", y", "y"})
    EXPECT_EQ(bound->UserOffset(bound->text().find(word)), sql.find(word)) << word;
  EXPECT_EQ(bound->UserOffset(bound->text().find("$1")), sql.find("$first"));
  EXPECT_EQ(bound->UserOffset(bound->text().find("$2")), sql.find("$b"));
  EXPECT_EQ(bound->UserOffset(bound->text().size()), sql.size());
}

TEST(SqlTextTest, NormalizedTextIgnoresLayoutAndCommentsButNothingElse) {
  const auto normal = [](std::string_view sql) { return *NormalizeSql(sql, kDuck); };
  EXPECT_EQ(normal("select  a,\n\tb -- why\nfrom t ;"), normal("select a, b /* x */ from t"));
  EXPECT_EQ(normal("select 'a  b'"), "select 'a  b'");
  EXPECT_NE(normal("select 'a  b'"), normal("select 'a b'"));
  EXPECT_NE(normal("select A from t"), normal("select a from t"));
  EXPECT_EQ(normal("a/**/b"), "a b");
}

TEST(SqlTextTest, QualifiedNamesAreParsedAndQuoted) {
  EXPECT_EQ(QualifiedName::Parse("dim")->Quoted(), "\"dim\"");
  EXPECT_EQ(QualifiedName::Parse("analytics.dim_customer")->Quoted(), "\"analytics\".\"dim_customer\"");
  EXPECT_EQ(QualifiedName::Parse("\"my schema\".\"a \"\"b\"\"\"")->name, "a \"b\"");
  EXPECT_EQ(QualifiedName::Parse("\"my schema\".t")->ToString(), "\"my schema\".t");
  for (const char* bad : {"", "a.b.c", "a b", "a.", ".a", "a; drop table t", "'a'", "a--b", "\"\"", "a .b", "1a"})
    EXPECT_EQ(QualifiedName::Parse(bad).status().code(), ErrorCode::kInvalid) << bad;
}

class FindTablesTest : public testing::Test {
 protected:
  FindTablesTest() {
    setenv("HEADRACE_LIB_DIR", HEADRACE_LIB_DIR, 1);
    engine_ = *Engine::Open({});
  }
  // "name@text ..." in order; the text is what the span covers.
  std::string Tables(const std::string& sql) {
    const Result<std::vector<TableUse>> uses = FindTables(*engine_, sql);
    if (!uses.ok()) return StrCat("error: ", uses.status().message(), " at ", Spanned(sql, uses.status()));
    std::string out;
    for (const TableUse& use : *uses)
      out += StrCat(out.empty() ? "" : " ", use.schema.empty() ? "" : use.schema + ".", use.name, "@",
                    sql.substr(use.span.offset, use.span.length));
    return out;
  }
  std::unique_ptr<Engine> engine_;
};

TEST_F(FindTablesTest, FindsTheTablesOfAQueryButNotItsCtesAndFunctions) {
  const std::pair<const char*, const char*> cases[] = {
      {"select * from a join b using (x)", "a@a b@b"},
      {"select 'ä', * from s.a as t, S.A, \"My T\"", "s.a@s.a My T@\"My T\""},
      {"with a as (select * from b) select * from a, c", "b@b c@c"},
      {"with t as (select * from t) select * from t", "t@t"},
      {"with a as (select * from b), b as (select * from a) select * from a, b", "b@b"},
      {"with recursive r as (select 1 i union all select i + 1 from r, lim) select * from r", "lim@lim"},
      {"select * from (with x as (select * from y) select * from x) q, x", "y@y x@x"},
      {"select * from x where id in (select id from y where $since < any (select d from z))", "x@x y@y z@z"},
      {"select (select max(v) from m), * from range(3), read_csv('f.csv'), lateral (select * from n)", "m@m n@n"},
      {"select 1 union all select * from u except select * from v", "u@u v@v"},
      {"from t select x", "t@t"},
      {"select 'from q', t.q from t -- from w", "t@t"},
      {"select * from t pivot (sum(x) for y in (1, 2))", "t@t"},
      {"values (1)", ""},
      {"select * from a A1, a A2", "a@a"},
  };
  for (const auto& [sql, expected] : cases) EXPECT_EQ(Tables(sql), expected) << sql;
}

TEST_F(FindTablesTest, RefusesWhatIsNoSelect) {
  EXPECT_EQ(Tables("insert into t values (1)"), "error: expected a SELECT statement, found `insert` at insert");
  EXPECT_EQ(Tables("select 1; select 2"),
            "error: a second statement follows the first; one query is one statement at select");
  EXPECT_EQ(Tables("select a\nform t where x"), "error: syntax error at or near \"t\" at t");
  EXPECT_EQ(Tables("select a from"), "error: syntax error at end of input at from");
  EXPECT_EQ(Tables("select * from 'data/x.csv'"),
            "error: the query reads the file 'data/x.csv' by its name at 'data/x.csv'");
  EXPECT_EQ(Tables("select $1"), "error: the query uses the positional marker $1 at $1");
}

}  // namespace
}  // namespace headrace

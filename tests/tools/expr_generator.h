#pragma once

// Random well-typed expressions, each in our words and in DuckDB's over the columns of AnyTable. Used by expr_compare.
// What docs/expressions.md lists as different on purpose is not made.

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/expr/expr.h"
#include "random_values.h"

namespace headrace {

/// The same expression in our words and in DuckDB's.
struct Pair {
  std::string ours, duck;
  bool inexact = false;   ///< holds a value that may differ in the last places: only compared, not computed with
  bool constant = false;  ///< reads no column
};

inline std::string_view DuckType(Type type) {
  switch (type) {
    case Type::kBool:
      return "boolean";
    case Type::kInt:
      return "bigint";
    case Type::kDouble:
      return "double";
    case Type::kText:
      return "varchar";
    case Type::kDate:
      return "date";
    case Type::kTimestamp:
      return "timestamp";
    case Type::kDuration:
      return "interval";
  }
  return "";
}

class Generator {
 public:
  explicit Generator(Random& random) : r_(random) {}

  Pair Root() {
    static const std::vector<Type> kTypes = {Type::kBool,   Type::kBool, Type::kInt,  Type::kDouble,
                                             Type::kDouble, Type::kText, Type::kDate, Type::kTimestamp};
    if (r_.Chance(12)) return Inexact(3);
    return Make(r_.Of(kTypes), 2 + static_cast<int>(r_.Below(3)));
  }

 private:
  /// `pattern` with $1, $2, ... replaced on both sides alike.
  static Pair Fill(std::string_view pattern, const std::vector<Pair>& parts) { return Fill(pattern, pattern, parts); }
  static Pair Fill(std::string_view ours, std::string_view duck, const std::vector<Pair>& parts) {
    Pair out;
    const auto fill = [&](std::string_view pattern, bool is_duck, std::string* to) {
      for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '$' && i + 1 < pattern.size() && pattern[i + 1] >= '1' && pattern[i + 1] <= '9') {
          const Pair& part = parts[static_cast<std::size_t>(pattern[++i] - '1')];
          *to += is_duck ? part.duck : part.ours;
        } else {
          *to += pattern[i];
        }
      }
    };
    fill(ours, false, &out.ours);
    fill(duck, true, &out.duck);
    out.constant = true;
    for (const Pair& part : parts) {
      out.inexact = out.inexact || part.inexact;
      out.constant = out.constant && part.constant;
    }
    if (out.constant) HideNull(out);
    return out;
  }
  static Pair Same(std::string text) { return {text, text}; }
  static Pair Constant(const std::string& both) { return {both, both, false, true}; }
  static Pair Constant(std::string ours, std::string duck) { return {std::move(ours), std::move(duck), false, true}; }

  /// DuckDB makes f(x, constant null) null without looking at x, which may raise; so no null of its is constant.
  static void HideNull(Pair& pair) {
    const Result<Expression> parsed = Expression::Parse(pair.ours);
    if (!parsed.ok()) return;
    const Result<BoundExpression> bound = parsed->Bind(Schema(), {});
    if (!bound.ok()) return;
    const Result<Value> value = bound->EvaluateScalar();
    if (value.ok() && value->is_null()) pair.duck = StrCat("(case when k = 1000 then ", pair.duck, " end)");
  }

  static std::string Quoted(std::string_view text) { return StrCat("'", ReplaceAll(text, "'", "''"), "'"); }

  Pair Literal(Type type) {
    if (r_.Chance(8))
      return Constant(StrCat("cast(null as ", TypeName(type), ")"),
                      StrCat("(case when k = 1000 then null::", DuckType(type), " end)"));
    switch (type) {
      case Type::kBool:
        return Constant(r_.Chance(50) ? "true" : "false");
      case Type::kInt:
        return IntLiteral(AnyInt(r_));
      case Type::kDouble: {
        const double value = AnyDouble(r_);
        const std::string text = FormatDouble(value);
        if (!std::isfinite(value))
          return Constant(StrCat("cast('", text, "' as double)"), StrCat("'", text, "'::double"));
        const bool plain = text.find_first_of(".e") == std::string::npos;
        return Constant(StrCat("(", text, plain ? ".0" : "", ")"), StrCat("('", text, "'::double)"));
      }
      case Type::kText: {
        const std::string text = r_.Chance(15) ? NumberText(r_) : AnyText(r_);
        return Constant(Quoted(text), StrCat(Quoted(text), "::varchar"));
      }
      case Type::kDate:
        return Constant(StrCat("date '", FormatDate(r_.Below(3600000) - 719162), "'"));
      case Type::kTimestamp:
        return Constant(StrCat("timestamp '", FormatTimestamp(AnyMicros(r_)), "'"));
      case Type::kDuration: {
        const std::int64_t n = r_.Below(500);
        if (r_.Chance(50)) return Constant(StrCat(n, "d"), StrCat("to_days(", n, ")"));
        if (r_.Chance(50)) return Constant(StrCat(n, "h"), StrCat("to_hours(", n, ")"));
        return Constant(StrCat(n, "s"), StrCat("to_seconds(", n, ")"));
      }
    }
    return {};
  }
  static Pair IntLiteral(std::int64_t value) {
    return Constant(StrCat("(", value, ")"), StrCat("((", value, ")::bigint)"));
  }

  Pair Column(Type type) {
    switch (type) {
      case Type::kBool:
        return Same(r_.Of<std::string>({"b", "c"}));
      case Type::kInt:
        return Same(r_.Of<std::string>({"i", "j", "k"}));
      case Type::kDouble:
        return Same(r_.Of<std::string>({"x", "y", "z"}));
      case Type::kText:
        return Same(r_.Of<std::string>({"s", "u", "s", "u", "n"}));
      case Type::kDate:
        return Same(r_.Of<std::string>({"d", "e"}));
      case Type::kTimestamp:
        return Same(r_.Of<std::string>({"t", "v"}));
      case Type::kDuration:
        return Literal(type);
    }
    return {};
  }

  /// An argument where `type` is due: now and then one that converts to it.
  Pair Arg(Type type, int depth) {
    if (type == Type::kDouble && r_.Chance(15)) return Make(Type::kInt, depth);
    if (type == Type::kTimestamp && r_.Chance(15)) return Make(Type::kDate, depth);
    return Make(type, depth);
  }

  Pair Make(Type type, int depth) {
    if (depth <= 0) return r_.Chance(70) ? Column(type) : Literal(type);
    if (r_.Chance(18) && type != Type::kDuration) return Generic(type, depth - 1);
    switch (type) {
      case Type::kBool:
        return MakeBool(depth - 1);
      case Type::kInt:
        return MakeInt(depth - 1);
      case Type::kDouble:
        return MakeDouble(depth - 1);
      case Type::kText:
        return MakeText(depth - 1);
      case Type::kDate:
        return MakeDate(depth - 1);
      case Type::kTimestamp:
        return MakeTimestamp(depth - 1);
      case Type::kDuration:
        return MakeDuration(depth - 1);
    }
    return {};
  }

  Type AnyType() {
    return r_.Of<Type>({Type::kBool, Type::kInt, Type::kDouble, Type::kText, Type::kDate, Type::kTimestamp});
  }

  /// What there is for every type.
  Pair Generic(Type type, int depth) {
    // As a condition, DuckDB evaluates some operations (between) only as far as it must; as an operand, wholly.
    const auto null_or = [&](Pair pair) { return r_.Chance(10) ? Constant("null") : pair; };
    switch (r_.Below(8)) {
      case 0:
        return Fill("case when $1 then $2 else $3 end", "case when ($1) = true then $2 else $3 end",
                    {Make(Type::kBool, depth), Make(type, depth), Arg(type, depth)});
      case 1:
        return Fill(
            "case when $1 then $2 when $3 then $4 end", "case when ($1) = true then $2 when ($3) = true then $4 end",
            {Make(Type::kBool, depth), Make(type, depth), Make(Type::kBool, depth), null_or(Make(type, depth))});
      case 2: {
        const Type over = AnyType();
        return Fill("case $1 when $2 then $3 when $4 then $5 else $6 end",
                    {Make(over, depth), Arg(over, depth), Make(type, depth), Make(over, depth), Make(type, depth),
                     null_or(Make(type, depth))});
      }
      case 3:
        return Fill("coalesce($1, $2, $3)", {Make(type, depth), null_or(Make(type, depth)), Arg(type, depth)});
      case 4:
        return Fill("nullif($1, $2)", {Make(type, depth), Arg(type, depth)});
      case 5:
        return Fill("greatest($1, $2, $3)", {Make(type, depth), Arg(type, depth), null_or(Make(type, depth))});
      case 6:
        return Fill("least($1, $2)", {Make(type, depth), Arg(type, depth)});
      default:
        return Fill("($1)", {Make(type, depth)});
    }
  }

  Pair Compared(int depth) {
    const Type type = r_.Chance(10) ? Type::kDuration : AnyType();
    const std::string op = r_.Of<std::string>({"=", "<>", "<", "<=", ">", ">=", "!=", "=="});
    Pair left = Make(type, depth), right = Arg(type, depth);
    if (type == Type::kDate && r_.Chance(15)) right = Constant(StrCat("'", FormatDate(r_.Below(30000)), "'"));
    if (type == Type::kTimestamp && r_.Chance(15)) {
      left = Column(type);  // with a date on the left, the text would be read as a date
      right = Constant(StrCat("'", FormatTimestamp(AnyMicros(r_)), "'"));
    }
    return Fill(StrCat("($1 ", op, " $2)"), {left, right});
  }

  Pair Like(int depth) {
    const std::string op = r_.Of<std::string>({" like ", " not like ", " ilike ", " not ilike "});
    const Pair text = Make(Type::kText, depth);
    if (r_.Chance(60)) {
      std::string pattern =
          r_.Of<std::string>({"%", "a%", "%b", "_", "%a%", "__", "%_b%", "a_", "%ä%", "%a%b%", "ÄB%", ""});
      if (r_.Chance(40)) return Fill(StrCat("($1", op, "$2)"), {text, Constant(Quoted(pattern + AnyText(r_)))});
      const std::string escape = r_.Of<std::string>({"\\", "$", "", "a"});
      pattern += r_.Of<std::string>({"", escape + "%", escape + "_", "x" + escape + escape});
      pattern += "%";
      return Fill(StrCat("($1", op, "$2 escape '", escape, "')"), {text, Constant(Quoted(pattern))});
    }
    return Fill(StrCat("($1", op, "$2)"), {text, Make(Type::kText, depth)});
  }

  Pair MakeBool(int depth) {
    switch (r_.Below(12)) {
      case 0:
      case 1:
      case 2:
        return Compared(depth);
      // DuckDB may look at both sides; ours stops where the left one decides, which a case says to both.
      case 3:
        return Fill("($1 and $2)", "(case when ($1) = false then false else ($1 and $2) end)",
                    {Make(Type::kBool, depth), Make(Type::kBool, depth)});
      case 4:
        return Fill("($1 or $2 or $3)",
                    "(case when ($1) = true then true when ($2) = true then true else ($1 or $2 or $3) end)",
                    {Make(Type::kBool, depth), Make(Type::kBool, depth), Make(Type::kBool, depth)});
      case 5:
        return Fill("(not $1)", {Make(Type::kBool, depth)});
      case 6: {
        const Type type = AnyType();
        return Fill(r_.Chance(50) ? "($1 between $2 and $3)" : "($1 not between $2 and $3)",
                    {Make(type, depth), Arg(type, depth), Make(type, depth)});
      }
      case 7: {
        const Type type = AnyType();
        return Fill(
            r_.Chance(50) ? "($1 in ($2, $3, $4))" : "($1 not in ($2, $3, $4))",
            {Make(type, depth), Arg(type, depth), r_.Chance(15) ? Constant("null") : Make(type, depth), Make(type, depth)});
      }
      case 8:
        return Fill(r_.Chance(50) ? "($1 is null)" : "($1 is not null)", {Make(AnyType(), depth)});
      case 9:
        return Like(depth);
      case 10:
        if (r_.Chance(40)) return Fill("starts_with($1, $2)", {Make(Type::kText, depth), Make(Type::kText, depth)});
        return Fill(StrCat(r_.Of<std::string>({"isnan", "isinf", "isfinite"}), "($1)"), {Make(Type::kDouble, depth)});
      default:
        return Casting(Type::kBool, depth);
    }
  }

  Pair Casting(Type to, int depth) {
    std::vector<Pair> from;
    if (to == Type::kBool)
      from = {Make(Type::kInt, depth), Make(Type::kDouble, depth), Same("bools"), Column(Type::kText)};
    if (to == Type::kInt)
      from = {Make(Type::kBool, depth), Make(Type::kDouble, depth), Same("n"), Same("trim(n)"), Column(Type::kDouble)};
    if (to == Type::kDouble) from = {Make(Type::kBool, depth), Make(Type::kInt, depth), Same("n"), Same("upper(n)")};
    if (to == Type::kText)
      from = {Make(Type::kBool, depth), Make(Type::kInt, depth),  Column(Type::kDouble),
              Literal(Type::kDouble),   Make(Type::kDate, depth), Make(Type::kTimestamp, depth)};
    if (to == Type::kDate) from = {Make(Type::kTimestamp, depth), Same("dates")};
    if (to == Type::kTimestamp) from = {Make(Type::kDate, depth), Same("stamps")};
    const Pair value = r_.Of(from);
    const std::string duck(DuckType(to)), ours(r_.Chance(50) ? TypeName(to) : DuckType(to));
    if (r_.Chance(40)) return Fill(StrCat("try_cast($1 as ", ours, ")"), StrCat("try_cast($1 as ", duck, ")"), {value});
    if (r_.Chance(50)) return Fill(StrCat("cast($1 as ", ours, ")"), StrCat("cast($1 as ", duck, ")"), {value});
    return Fill(StrCat("(($1)::", ours, ")"), StrCat("(($1)::", duck, ")"), {value});
  }

  Pair MakeInt(int depth) {
    switch (r_.Below(10)) {
      case 0:
      case 1:
      case 2:
        return Fill(StrCat("($1 ", r_.Of<std::string>({"+", "-", "*", "//", "%"}), " $2)"),
                    {Make(Type::kInt, depth), Make(Type::kInt, depth)});
      case 3:
        return Fill(r_.Chance(50) ? "(- $1)" : "abs($1)", {Make(Type::kInt, depth)});
      case 4:
        return Fill("mod($1, $2)", {Make(Type::kInt, depth), Make(Type::kInt, depth)});
      case 5: {
        // Towards tens: what does not fit wraps around in DuckDB and raises here, so these stay away from the limits.
        const std::int64_t digits = r_.Below(12) - 8;
        if (digits >= 0)
          return Fill(StrCat("round($1, ", digits, ")"), StrCat("round($1, ", digits, "::integer)"),
                      {Make(Type::kInt, depth)});
        return Fill(StrCat("round(($1 % 1000000000000), ", digits, ")"),
                    StrCat("round(($1 % 1000000000000::bigint), ", digits, "::integer)"), {Column(Type::kInt)});
      }
      case 6:
        return Fill("length($1)", {Make(Type::kText, depth)});
      case 7: {
        if (r_.Chance(25)) return Fill("($1 - $2)", {Make(Type::kDate, depth), Make(Type::kDate, depth)});
        const std::string unit = r_.Of<std::string>({"year", "quarter", "month", "week", "day", "days", "hour",
                                                     "minute", "second", "millisecond", "microsecond"});
        const Type type = r_.Chance(50) ? Type::kDate : Type::kTimestamp;
        return Fill(StrCat("date_diff('", unit, "', $1, $2)"), {Make(type, depth), Arg(type, depth)});
      }
      case 8: {
        const std::string unit =
            r_.Of<std::string>({"year", "quarter", "month", "week", "day", "dow", "isodow", "doy", "isoyear", "hour",
                                "minute", "second", "millisecond", "microsecond"});
        return Fill(StrCat("date_part('", unit, "', $1)"), {Arg(Type::kTimestamp, depth)});
      }
      default:
        return Casting(Type::kInt, depth);
    }
  }

  Pair MakeDouble(int depth) {
    switch (r_.Below(9)) {
      case 0:
      case 1:
      case 2:
        return Fill(StrCat("($1 ", r_.Of<std::string>({"+", "-", "*", "%"}), " $2)"),
                    {Make(Type::kDouble, depth), Arg(Type::kDouble, depth)});
      case 3:
        return Fill("($1 / $2)", {Arg(Type::kDouble, depth), Arg(Type::kDouble, depth)});
      case 4:
        return Fill(StrCat(r_.Of<std::string>({"abs", "round", "- ", "+ "}), "($1)"), {Make(Type::kDouble, depth)});
      case 5:
        return Fill(StrCat(r_.Of<std::string>({"floor", "ceil", "ceiling", "sqrt"}), "($1)"),
                    {Arg(Type::kDouble, depth)});
      case 6: {
        const std::int64_t digits = r_.Below(22) - 6;
        return Fill(StrCat("round($1, ", digits, ")"), StrCat("round($1, ", digits, "::integer)"),
                    {Make(Type::kDouble, depth)});
      }
      case 7:
        if (r_.Chance(50)) return Fill("date_part('epoch', $1)", {Make(Type::kTimestamp, depth)});
        return Fill("mod($1, $2)", {Make(Type::kDouble, depth), Make(Type::kDouble, depth)});
      default:
        return Casting(Type::kDouble, depth);
    }
  }

  Pair MakeText(int depth) {
    switch (r_.Below(8)) {
      case 0:
        return Fill(StrCat(r_.Of<std::string>({"lower", "upper", "trim", "ltrim", "rtrim"}), "($1)"),
                    {Make(Type::kText, depth)});
      case 1:
        return Fill(StrCat(r_.Of<std::string>({"trim", "ltrim", "rtrim"}), "($1, $2)"),
                    {Make(Type::kText, depth), Make(Type::kText, depth)});
      case 2:
        return Fill("substr($1, $2)", {Make(Type::kText, depth), r_.Chance(70) ? Same("k") : Make(Type::kInt, depth)});
      case 3:
        return Fill("substring($1, $2, $3)", {Make(Type::kText, depth), Same("k"),
                                              r_.Chance(50) ? Same("(k + 1::bigint)") : Make(Type::kInt, depth)});
      case 4:
        return Fill("($1 || $2)", {Make(Type::kText, depth), Make(Type::kText, depth)});
      case 5:
        return Fill("concat($1, $2, $3)", {Make(Type::kText, depth), Make(Type::kInt, depth),
                                           r_.Chance(30) ? Column(Type::kDouble) : Make(Type::kText, depth)});
      default:
        return Casting(Type::kText, depth);
    }
  }

  Pair MakeDate(int depth) {
    switch (r_.Below(5)) {
      case 0:
        return Fill("($1 + $2)", "($1 + ($2)::integer)", {Make(Type::kDate, depth), Same("k")});
      case 1: {
        const std::int64_t days = r_.Below(2000);
        if (r_.Chance(50))
          return Fill("($1 + $2)", {Make(Type::kDate, depth), Pair{StrCat(days, "d"), StrCat(days, "::integer")}});
        return Fill("($1 - $2)",
                    {Make(Type::kDate, depth), Pair{StrCat(days % 60, "w"), StrCat(days % 60 * 7, "::integer")}});
      }
      case 2:
        return Fill("($1 - $2)", "($1 - ($2)::integer)", {Make(Type::kDate, depth), Same("k")});
      default:
        return Casting(Type::kDate, depth);
    }
  }

  Pair MakeTimestamp(int depth) {
    switch (r_.Below(5)) {
      case 0:
      case 1:
        return Fill(r_.Chance(50) ? "($1 + $2)" : "($1 - $2)",
                    {Make(Type::kTimestamp, depth), Make(Type::kDuration, depth)});
      case 2:
      case 3: {
        const std::string unit = r_.Of<std::string>(
            {"year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond"});
        return Fill(StrCat("date_trunc('", unit, "', $1)"), {Arg(Type::kTimestamp, depth)});
      }
      default:
        return Casting(Type::kTimestamp, depth);
    }
  }

  Pair MakeDuration(int depth) {
    switch (r_.Below(5)) {
      case 0:
        return Fill("($1 - $2)", {Column(Type::kTimestamp), Column(Type::kTimestamp)});
      case 1:
        return Fill(r_.Chance(50) ? "($1 + $2)" : "($1 - $2)",
                    {Make(Type::kDuration, depth), Make(Type::kDuration, depth)});
      case 2:
        return Fill("($1 * $2)", {Literal(Type::kDuration), Same("k")});
      case 3:
        return Fill("(- $1)", {Make(Type::kDuration, depth)});
      default:
        return Literal(Type::kDuration);
    }
  }

  /// Functions whose last places may differ, and what passes their values on unchanged.
  Pair Inexact(int depth) {
    Pair out;
    switch (r_.Below(depth > 0 ? 8 : 5)) {
      case 0:
        out = Fill("ln($1)", {Arg(Type::kDouble, depth)});
        break;
      case 1:
        out = Fill("log10($1)", {Arg(Type::kDouble, depth)});
        break;
      case 2:
        out = Fill("exp($1)", {Arg(Type::kDouble, depth)});
        break;
      case 3:
        out = Fill("power($1, $2)", {Arg(Type::kDouble, depth), Arg(Type::kDouble, depth)});
        break;
      case 4:
        out = Fill("pow($1, $2)", {Column(Type::kDouble), Literal(Type::kInt)});
        break;
      case 5:
        return Fill("case when $1 then $2 else $3 end", "case when ($1) = true then $2 else $3 end",
                    {Make(Type::kBool, depth), Inexact(depth - 1), Inexact(depth - 1)});
      case 6:
        return Fill("coalesce($1, $2)", {Inexact(depth - 1), Inexact(depth - 1)});
      default:
        return Fill("(- $1)", {Inexact(depth - 1)});
    }
    out.inexact = true;
    return out;
  }

  Random& r_;
};

}  // namespace headrace

// expr_compare [COUNT [SEED]]: generates well-typed random expressions and random columns, evaluates each expression
// with ours and with DuckDB, and compares value by value, null by null and raising row by raising row. What is inexact
// by nature (exp, ln, log10, power) may differ by 2 units in the last place, all else by nothing. Prints each
// difference, then one JSON line; exits 1 when there was a difference.
//
// DuckDB is the reference for what an expression says, so its optimizer is off: it may rewrite `i + 1 > 5` to `i > 4`
// and lose the overflow. The differences kept on purpose (docs/expressions.md) are not generated.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/expr/expr.h"
#include "headrace/sql/adbc_internal.h"

namespace headrace {
namespace {

constexpr std::size_t kRows = 32, kBatch = 250;

/// The same expression in our words and in DuckDB's.
struct Pair {
  std::string ours, duck;
  bool inexact = false;   ///< holds a value that may differ in the last places: only compared, not computed with
  bool constant = false;  ///< reads no column
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t Bits() { return engine_(); }
  std::int64_t Below(std::int64_t n) { return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(n)); }
  bool Chance(int percent) { return Below(100) < percent; }
  template <typename T>
  const T& Of(const std::vector<T>& all) { return all[static_cast<std::size_t>(Below(static_cast<std::int64_t>(all.size())))]; }

 private:
  std::mt19937_64 engine_;
};

// ---- values ----

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min(), kMax = std::numeric_limits<std::int64_t>::max();

std::int64_t AnyInt(Random& r) {
  static const std::vector<std::int64_t> kOdd = {0, 1, -1, 2, 3, 7, 10, -10, 100, kMax, kMin, kMax - 1, kMin + 1, 1LL << 53, (1LL << 53) + 1,
                                                 -(1LL << 53) - 1, 4294967295, 4294967296, 3037000500, 1000000007, 50, 250, 2500};
  if (r.Chance(50)) return r.Of(kOdd);
  if (r.Chance(60)) return r.Below(41) - 20;
  return static_cast<std::int64_t>(r.Bits() >> r.Below(64)) * (r.Chance(50) ? 1 : -1);
}

double AnyDouble(Random& r) {
  static const std::vector<double> kOdd = {0.0, -0.0, 1, -1, 0.5, 1.5, 2.5, -2.5, 0.1, 1e-5, 1e15, 1e16, 123456.789, 9007199254740993.0, 1e300, -1e300,
                                           0x1p63, -0x1p63, 0x1p-1074, 0x1p-1022, 0.49999999999999994, 2.345, 1e22, 1e23, 3.14159,
                                           std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                                           -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::max()};
  if (r.Chance(45)) return r.Of(kOdd);
  if (r.Chance(60)) return static_cast<double>(r.Below(4001) - 2000) / static_cast<double>(1 + r.Below(64));
  const double any = std::bit_cast<double>(r.Bits());
  return std::isnan(any) ? 0.25 : any;
}

void AppendCodePoint(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t b) { out += static_cast<char>(b); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  if (c < 0x10000) return put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
}

std::string AnyText(Random& r) {
  static const std::vector<std::string> kParts = {"a", "b", "ab", "A", "B", "%", "_", " ", "ä", "Ö", "ß", "σ", "Σ", "ς", "İ", "ı", "日", "👍", "\\", "$",
                                                  "\t", "0", "1", "-", ".", "'", "\"", "é", "ﬁ", "я", "Я", "\xc2\xa0", "\xe3\x80\x80", "x", "hello"};
  std::string out;
  for (std::int64_t n = r.Below(6); n > 0; --n) {
    if (r.Chance(92)) {
      out += r.Of(kParts);
    } else {
      const auto c = static_cast<std::uint32_t>(1 + r.Below(r.Chance(80) ? 0x2fff : 0x10fffe));
      if (c < 0xd800 || c > 0xdfff) AppendCodePoint(out, c);
    }
  }
  return out;
}

std::string NumberText(Random& r) {
  static const std::vector<std::string> kOdd = {"", " ", "12", " 12 ", "12.5", "-12.5", "13.5", "0.5", ".5", "5.", ".", "-", "+", "+7", "--7", "1e3", "1e", "1.25e1",
                                                "25e-1", "nan", "NaN", "inf", "-inf", "Infinity", "+inf", "1e400", "-1e400", "1e-400", "9223372036854775807",
                                                "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "99999999999999999999", "007",
                                                "9223372036854775807.4", "9223372036854775807.5", "abc", "1 2", "12a", "1e19", "1e18", "0", "-0", "-0.0",
                                                "0.1", "123456789.123456789", "4.9e-324", "2.2250738585072014e-308", "1,5", "\t3\n", "0.49999999999999999999"};
  if (r.Chance(60)) return r.Of(kOdd);
  std::string out = r.Chance(30) ? "-" : "";
  for (std::int64_t n = r.Below(12); n >= 0; --n) out += static_cast<char>('0' + r.Below(10));
  if (r.Chance(50)) out += StrCat(".", r.Below(1000000));
  if (r.Chance(25)) out += StrCat("e", r.Below(30) - 15);
  return out;
}

std::int64_t AnyDay(Random& r) {
  static const std::vector<std::int64_t> kOdd = {0, -1, 1, 11016, 19782, 20454, -719162, 2932896, kMicrosPerDay / 1000, 59, 365, 364, -365, 10957, 2147483646,
                                                 -719163, -800000, 106751991, 106751992};
  if (r.Chance(30)) return r.Of(kOdd);
  return r.Chance(70) ? 10000 + r.Below(12000) : r.Below(3600000) - 719162;
}

std::int64_t AnyMicros(Random& r) {
  const std::int64_t day = r.Chance(70) ? 10000 + r.Below(12000) : r.Below(3600000) - 719162;
  static const std::vector<std::int64_t> kTimes = {0, 1, kMicrosPerDay - 1, 43200000000, 3599999999, 500000, 1500};
  return day * kMicrosPerDay + (r.Chance(50) ? r.Of(kTimes) : r.Below(kMicrosPerDay));
}

std::string DateText(Random& r) {
  static const std::vector<std::string> kOdd = {"2026-02-30", "2026-13-01", "abc", "", "2024-02-29", "2023-02-29", "2026-00-01", " 2026-01-01 ", "0001-01-01", "9999-12-31"};
  return r.Chance(40) ? r.Of(kOdd) : FormatDate(r.Below(3600000) - 719162);
}
std::string TimestampText(Random& r) {
  static const std::vector<std::string> kOdd = {"2026-02-30 10:00:00", "abc", "", "2026-01-01", "2026-01-01T10:11", "2026-01-01 10:11:12Z", "2026-01-01 10:61:00", "2026-01-01 10:11:12.1234567"};
  return r.Chance(40) ? r.Of(kOdd) : FormatTimestamp(AnyMicros(r));
}
std::string BoolText(Random& r) {
  return r.Of<std::string>({"true", "T", "tRuE", "no", "N", "yes", "0", "1", "f", "FALSE", "abc", "", " true", "2", "on"});
}

/// i j k: ints (k small) · x y z: doubles (z moderate) · s u: texts · n: numbers as text · b c: bools · d e: dates ·
/// t v: timestamps · dates, stamps, bools: texts to be cast.
Table AnyTable(Random& r) {
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  const auto add = [&](const std::string& name, Type type, auto value) {
    ColumnBuilder builder(type);
    const int nulls = r.Chance(15) ? 0 : 15;
    for (std::size_t i = 0; i < kRows; ++i) {
      if (r.Chance(nulls)) builder.AppendNull();
      else builder.Append(value());
    }
    fields.push_back({name, type});
    columns.push_back(builder.Finish());
  };
  for (const char* name : {"i", "j"}) add(name, Type::kInt, [&] { return Value::Int(AnyInt(r)); });
  add("k", Type::kInt, [&] { return Value::Int(r.Below(9) - 3); });
  for (const char* name : {"x", "y"}) add(name, Type::kDouble, [&] { return Value::Double(AnyDouble(r)); });
  add("z", Type::kDouble, [&] { return Value::Double(static_cast<double>(r.Below(2001) - 500) / 64); });
  for (const char* name : {"s", "u"}) add(name, Type::kText, [&] { return Value::Text(AnyText(r)); });
  add("n", Type::kText, [&] { return Value::Text(NumberText(r)); });
  for (const char* name : {"b", "c"}) add(name, Type::kBool, [&] { return Value::Bool(r.Chance(50)); });
  for (const char* name : {"d", "e"}) add(name, Type::kDate, [&] { return Value::Date(AnyDay(r)); });
  for (const char* name : {"t", "v"}) add(name, Type::kTimestamp, [&] { return Value::Timestamp(AnyMicros(r)); });
  add("dates", Type::kText, [&] { return Value::Text(DateText(r)); });
  add("stamps", Type::kText, [&] { return Value::Text(TimestampText(r)); });
  add("bools", Type::kText, [&] { return Value::Text(BoolText(r)); });
  return Table(Schema(std::move(fields)), std::move(columns), kRows);
}

// ---- expressions ----

std::string_view DuckType(Type type) {
  switch (type) {
    case Type::kBool: return "boolean";
    case Type::kInt: return "bigint";
    case Type::kDouble: return "double";
    case Type::kText: return "varchar";
    case Type::kDate: return "date";
    case Type::kTimestamp: return "timestamp";
    case Type::kDuration: return "interval";
  }
  return "";
}

class Generator {
 public:
  explicit Generator(Random& random) : r_(random) {}

  Pair Root() {
    static const std::vector<Type> kTypes = {Type::kBool, Type::kBool, Type::kInt, Type::kDouble, Type::kDouble, Type::kText, Type::kDate, Type::kTimestamp};
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
    if (r_.Chance(8)) return Constant(StrCat("cast(null as ", TypeName(type), ")"), StrCat("(case when k = 1000 then null::", DuckType(type), " end)"));
    switch (type) {
      case Type::kBool: return Constant(r_.Chance(50) ? "true" : "false");
      case Type::kInt: return IntLiteral(AnyInt(r_));
      case Type::kDouble: {
        const double value = AnyDouble(r_);
        const std::string text = FormatDouble(value);
        if (!std::isfinite(value)) return Constant(StrCat("cast('", text, "' as double)"), StrCat("'", text, "'::double"));
        const bool plain = text.find_first_of(".e") == std::string::npos;
        return Constant(StrCat("(", text, plain ? ".0" : "", ")"), StrCat("('", text, "'::double)"));
      }
      case Type::kText: {
        const std::string text = r_.Chance(15) ? NumberText(r_) : AnyText(r_);
        return Constant(Quoted(text), StrCat(Quoted(text), "::varchar"));
      }
      case Type::kDate: return Constant(StrCat("date '", FormatDate(r_.Below(3600000) - 719162), "'"));
      case Type::kTimestamp: return Constant(StrCat("timestamp '", FormatTimestamp(AnyMicros(r_)), "'"));
      case Type::kDuration: {
        const std::int64_t n = r_.Below(500);
        if (r_.Chance(50)) return Constant(StrCat(n, "d"), StrCat("to_days(", n, ")"));
        if (r_.Chance(50)) return Constant(StrCat(n, "h"), StrCat("to_hours(", n, ")"));
        return Constant(StrCat(n, "s"), StrCat("to_seconds(", n, ")"));
      }
    }
    return {};
  }
  static Pair IntLiteral(std::int64_t value) { return Constant(StrCat("(", value, ")"), StrCat("((", value, ")::bigint)")); }

  Pair Column(Type type) {
    switch (type) {
      case Type::kBool: return Same(r_.Of<std::string>({"b", "c"}));
      case Type::kInt: return Same(r_.Of<std::string>({"i", "j", "k"}));
      case Type::kDouble: return Same(r_.Of<std::string>({"x", "y", "z"}));
      case Type::kText: return Same(r_.Of<std::string>({"s", "u", "s", "u", "n"}));
      case Type::kDate: return Same(r_.Of<std::string>({"d", "e"}));
      case Type::kTimestamp: return Same(r_.Of<std::string>({"t", "v"}));
      case Type::kDuration: return Literal(type);
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
      case Type::kBool: return MakeBool(depth - 1);
      case Type::kInt: return MakeInt(depth - 1);
      case Type::kDouble: return MakeDouble(depth - 1);
      case Type::kText: return MakeText(depth - 1);
      case Type::kDate: return MakeDate(depth - 1);
      case Type::kTimestamp: return MakeTimestamp(depth - 1);
      case Type::kDuration: return MakeDuration(depth - 1);
    }
    return {};
  }

  Type AnyType() {
    return r_.Of<Type>({Type::kBool, Type::kInt, Type::kDouble, Type::kText, Type::kDate, Type::kTimestamp});
  }

  /// What there is for every type.
  Pair Generic(Type type, int depth) {
    // As a condition, DuckDB evaluates some operations (between) only as far as it must; as an operand, wholly.
    const auto null_or = [&](Pair pair) { return r_.Chance(10) ? Same("null") : pair; };
    switch (r_.Below(8)) {
      case 0: return Fill("case when $1 then $2 else $3 end", "case when ($1) = true then $2 else $3 end", {Make(Type::kBool, depth), Make(type, depth), Arg(type, depth)});
      case 1: return Fill("case when $1 then $2 when $3 then $4 end", "case when ($1) = true then $2 when ($3) = true then $4 end",
                          {Make(Type::kBool, depth), Make(type, depth), Make(Type::kBool, depth), null_or(Make(type, depth))});
      case 2: {
        const Type over = AnyType();
        return Fill("case $1 when $2 then $3 when $4 then $5 else $6 end",
                    {Make(over, depth), Arg(over, depth), Make(type, depth), Make(over, depth), Make(type, depth), null_or(Make(type, depth))});
      }
      case 3: return Fill("coalesce($1, $2, $3)", {Make(type, depth), null_or(Make(type, depth)), Arg(type, depth)});
      case 4: return Fill("nullif($1, $2)", {Make(type, depth), Arg(type, depth)});
      case 5: return Fill("greatest($1, $2, $3)", {Make(type, depth), Arg(type, depth), null_or(Make(type, depth))});
      case 6: return Fill("least($1, $2)", {Make(type, depth), Arg(type, depth)});
      default: return Fill("($1)", {Make(type, depth)});
    }
  }

  Pair Compared(int depth) {
    const Type type = r_.Chance(10) ? Type::kDuration : AnyType();
    const std::string op = r_.Of<std::string>({"=", "<>", "<", "<=", ">", ">=", "!=", "=="});
    Pair left = Make(type, depth), right = Arg(type, depth);
    if (type == Type::kDate && r_.Chance(15)) right = Same(StrCat("'", FormatDate(r_.Below(30000)), "'"));
    if (type == Type::kTimestamp && r_.Chance(15)) {
      left = Column(type);  // with a date on the left, the text would be read as a date
      right = Same(StrCat("'", FormatTimestamp(AnyMicros(r_)), "'"));
    }
    return Fill(StrCat("($1 ", op, " $2)"), {left, right});
  }

  Pair Like(int depth) {
    const std::string op = r_.Of<std::string>({" like ", " not like ", " ilike ", " not ilike "});
    const Pair text = Make(Type::kText, depth);
    if (r_.Chance(60)) {
      std::string pattern = r_.Of<std::string>({"%", "a%", "%b", "_", "%a%", "__", "%_b%", "a_", "%ä%", "%a%b%", "ÄB%", ""});
      if (r_.Chance(40)) return Fill(StrCat("($1", op, "$2)"), {text, Same(Quoted(pattern + AnyText(r_)))});
      const std::string escape = r_.Of<std::string>({"\\", "$", "", "a"});
      pattern += r_.Of<std::string>({"", escape + "%", escape + "_", "x" + escape + escape});
      pattern += "%";
      return Fill(StrCat("($1", op, "$2 escape '", escape, "')"), {text, Same(Quoted(pattern))});
    }
    return Fill(StrCat("($1", op, "$2)"), {text, Make(Type::kText, depth)});
  }

  Pair MakeBool(int depth) {
    switch (r_.Below(12)) {
      case 0:
      case 1:
      case 2: return Compared(depth);
      // DuckDB may look at both sides; ours stops where the left one decides, which a case says to both.
      case 3: return Fill("($1 and $2)", "(case when ($1) = false then false else ($1 and $2) end)", {Make(Type::kBool, depth), Make(Type::kBool, depth)});
      case 4: return Fill("($1 or $2 or $3)", "(case when ($1) = true then true when ($2) = true then true else ($1 or $2 or $3) end)",
                          {Make(Type::kBool, depth), Make(Type::kBool, depth), Make(Type::kBool, depth)});
      case 5: return Fill("(not $1)", {Make(Type::kBool, depth)});
      case 6: {
        const Type type = AnyType();
        return Fill(r_.Chance(50) ? "($1 between $2 and $3)" : "($1 not between $2 and $3)", {Make(type, depth), Arg(type, depth), Make(type, depth)});
      }
      case 7: {
        const Type type = AnyType();
        return Fill(r_.Chance(50) ? "($1 in ($2, $3, $4))" : "($1 not in ($2, $3, $4))",
                    {Make(type, depth), Arg(type, depth), r_.Chance(15) ? Same("null") : Make(type, depth), Make(type, depth)});
      }
      case 8: return Fill(r_.Chance(50) ? "($1 is null)" : "($1 is not null)", {Make(AnyType(), depth)});
      case 9: return Like(depth);
      case 10:
        if (r_.Chance(40)) return Fill("starts_with($1, $2)", {Make(Type::kText, depth), Make(Type::kText, depth)});
        return Fill(StrCat(r_.Of<std::string>({"isnan", "isinf", "isfinite"}), "($1)"), {Make(Type::kDouble, depth)});
      default: return Casting(Type::kBool, depth);
    }
  }

  Pair Casting(Type to, int depth) {
    std::vector<Pair> from;
    if (to == Type::kBool) from = {Make(Type::kInt, depth), Make(Type::kDouble, depth), Same("bools"), Column(Type::kText)};
    if (to == Type::kInt) from = {Make(Type::kBool, depth), Make(Type::kDouble, depth), Same("n"), Same("trim(n)"), Column(Type::kDouble)};
    if (to == Type::kDouble) from = {Make(Type::kBool, depth), Make(Type::kInt, depth), Same("n"), Same("upper(n)")};
    if (to == Type::kText) from = {Make(Type::kBool, depth), Make(Type::kInt, depth), Column(Type::kDouble), Literal(Type::kDouble), Make(Type::kDate, depth), Make(Type::kTimestamp, depth)};
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
      case 2: return Fill(StrCat("($1 ", r_.Of<std::string>({"+", "-", "*", "//", "%"}), " $2)"), {Make(Type::kInt, depth), Make(Type::kInt, depth)});
      case 3: return Fill(r_.Chance(50) ? "(- $1)" : "abs($1)", {Make(Type::kInt, depth)});
      case 4: return Fill("mod($1, $2)", {Make(Type::kInt, depth), Make(Type::kInt, depth)});
      case 5: {
        // Towards tens: what does not fit wraps around in DuckDB and raises here, so these stay away from the limits.
        const std::int64_t digits = r_.Below(12) - 8;
        if (digits >= 0) return Fill(StrCat("round($1, ", digits, ")"), StrCat("round($1, ", digits, "::integer)"), {Make(Type::kInt, depth)});
        return Fill(StrCat("round(($1 % 1000000000000), ", digits, ")"), StrCat("round(($1 % 1000000000000::bigint), ", digits, "::integer)"), {Column(Type::kInt)});
      }
      case 6: return Fill("length($1)", {Make(Type::kText, depth)});
      case 7: {
        if (r_.Chance(25)) return Fill("($1 - $2)", {Make(Type::kDate, depth), Make(Type::kDate, depth)});
        const std::string unit = r_.Of<std::string>({"year", "quarter", "month", "week", "day", "days", "hour", "minute", "second", "millisecond", "microsecond"});
        const Type type = r_.Chance(50) ? Type::kDate : Type::kTimestamp;
        return Fill(StrCat("date_diff('", unit, "', $1, $2)"), {Make(type, depth), Arg(type, depth)});
      }
      case 8: {
        const std::string unit = r_.Of<std::string>({"year", "quarter", "month", "week", "day", "dow", "isodow", "doy", "isoyear", "hour", "minute", "second", "millisecond", "microsecond"});
        return Fill(StrCat("date_part('", unit, "', $1)"), {Arg(Type::kTimestamp, depth)});
      }
      default: return Casting(Type::kInt, depth);
    }
  }

  Pair MakeDouble(int depth) {
    switch (r_.Below(9)) {
      case 0:
      case 1:
      case 2: return Fill(StrCat("($1 ", r_.Of<std::string>({"+", "-", "*", "%"}), " $2)"), {Make(Type::kDouble, depth), Arg(Type::kDouble, depth)});
      case 3: return Fill("($1 / $2)", {Arg(Type::kDouble, depth), Arg(Type::kDouble, depth)});
      case 4: return Fill(StrCat(r_.Of<std::string>({"abs", "round", "- ", "+ "}), "($1)"), {Make(Type::kDouble, depth)});
      case 5: return Fill(StrCat(r_.Of<std::string>({"floor", "ceil", "ceiling", "sqrt"}), "($1)"), {Arg(Type::kDouble, depth)});
      case 6: {
        const std::int64_t digits = r_.Below(22) - 6;
        return Fill(StrCat("round($1, ", digits, ")"), StrCat("round($1, ", digits, "::integer)"), {Make(Type::kDouble, depth)});
      }
      case 7:
        if (r_.Chance(50)) return Fill("date_part('epoch', $1)", {Make(Type::kTimestamp, depth)});
        return Fill("mod($1, $2)", {Make(Type::kDouble, depth), Make(Type::kDouble, depth)});
      default: return Casting(Type::kDouble, depth);
    }
  }

  Pair MakeText(int depth) {
    switch (r_.Below(8)) {
      case 0: return Fill(StrCat(r_.Of<std::string>({"lower", "upper", "trim", "ltrim", "rtrim"}), "($1)"), {Make(Type::kText, depth)});
      case 1: return Fill(StrCat(r_.Of<std::string>({"trim", "ltrim", "rtrim"}), "($1, $2)"), {Make(Type::kText, depth), Make(Type::kText, depth)});
      case 2: return Fill("substr($1, $2)", {Make(Type::kText, depth), r_.Chance(70) ? Same("k") : Make(Type::kInt, depth)});
      case 3: return Fill("substring($1, $2, $3)", {Make(Type::kText, depth), Same("k"), r_.Chance(50) ? Same("(k + 1::bigint)") : Make(Type::kInt, depth)});
      case 4: return Fill("($1 || $2)", {Make(Type::kText, depth), Make(Type::kText, depth)});
      case 5: return Fill("concat($1, $2, $3)", {Make(Type::kText, depth), Make(Type::kInt, depth), r_.Chance(30) ? Column(Type::kDouble) : Make(Type::kText, depth)});
      default: return Casting(Type::kText, depth);
    }
  }

  Pair MakeDate(int depth) {
    switch (r_.Below(5)) {
      case 0: return Fill("($1 + $2)", "($1 + ($2)::integer)", {Make(Type::kDate, depth), Same("k")});
      case 1: {
        const std::int64_t days = r_.Below(2000);
        if (r_.Chance(50)) return Fill("($1 + $2)", {Make(Type::kDate, depth), Pair{StrCat(days, "d"), StrCat(days, "::integer")}});
        return Fill("($1 - $2)", {Make(Type::kDate, depth), Pair{StrCat(days % 60, "w"), StrCat(days % 60 * 7, "::integer")}});
      }
      case 2: return Fill("($1 - $2)", "($1 - ($2)::integer)", {Make(Type::kDate, depth), Same("k")});
      default: return Casting(Type::kDate, depth);
    }
  }

  Pair MakeTimestamp(int depth) {
    switch (r_.Below(5)) {
      case 0:
      case 1: return Fill(r_.Chance(50) ? "($1 + $2)" : "($1 - $2)", {Make(Type::kTimestamp, depth), Make(Type::kDuration, depth)});
      case 2:
      case 3: {
        const std::string unit = r_.Of<std::string>({"year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond"});
        return Fill(StrCat("date_trunc('", unit, "', $1)"), {Arg(Type::kTimestamp, depth)});
      }
      default: return Casting(Type::kTimestamp, depth);
    }
  }

  Pair MakeDuration(int depth) {
    switch (r_.Below(5)) {
      case 0: return Fill("($1 - $2)", {Column(Type::kTimestamp), Column(r_.Chance(70) ? Type::kTimestamp : Type::kTimestamp)});
      case 1: return Fill(r_.Chance(50) ? "($1 + $2)" : "($1 - $2)", {Make(Type::kDuration, depth), Make(Type::kDuration, depth)});
      case 2: return Fill("($1 * $2)", {Literal(Type::kDuration), Same("k")});
      case 3: return Fill("(- $1)", {Make(Type::kDuration, depth)});
      default: return Literal(Type::kDuration);
    }
  }

  /// Functions whose last places may differ, and what passes their values on unchanged.
  Pair Inexact(int depth) {
    Pair out;
    switch (r_.Below(depth > 0 ? 8 : 5)) {
      case 0: out = Fill("ln($1)", {Arg(Type::kDouble, depth)}); break;
      case 1: out = Fill("log10($1)", {Arg(Type::kDouble, depth)}); break;
      case 2: out = Fill("exp($1)", {Arg(Type::kDouble, depth)}); break;
      case 3: out = Fill("power($1, $2)", {Arg(Type::kDouble, depth), Arg(Type::kDouble, depth)}); break;
      case 4: out = Fill("pow($1, $2)", {Column(Type::kDouble), Literal(Type::kInt)}); break;
      case 5: return Fill("case when $1 then $2 else $3 end", "case when ($1) = true then $2 else $3 end", {Make(Type::kBool, depth), Inexact(depth - 1), Inexact(depth - 1)});
      case 6: return Fill("coalesce($1, $2)", {Inexact(depth - 1), Inexact(depth - 1)});
      default: return Fill("(- $1)", {Inexact(depth - 1)});
    }
    out.inexact = true;
    return out;
  }

  Random& r_;
};

// ---- comparison ----

bool Near(double a, double b, bool inexact) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b)) return true;
  if (!inexact || std::signbit(a) != std::signbit(b)) return false;
  return std::llabs(std::bit_cast<std::int64_t>(a) - std::bit_cast<std::int64_t>(b)) <= 2;
}

bool SameValue(const Value& a, const Value& b, bool inexact) {
  if (a.is_null() || b.is_null() || a.type() != Type::kDouble || b.type() != Type::kDouble) return a == b;
  return Near(a.as_double(), b.as_double(), inexact);
}

struct Case {
  Pair pair;
  BoundExpression bound;
  ColumnPtr ours;
  std::vector<std::string> raised;  ///< by row: why ours raised, or ""
  bool raises = false;
};

class Comparison {
 public:
  Comparison(std::shared_ptr<adbc::Session> session, std::uint64_t seed) : session_(std::move(session)), random_(seed) {}

  /// False when something stops the comparison itself.
  bool Run(std::size_t count) {
    while (expressions_ < count) {
      const Table table = AnyTable(random_);
      std::vector<Case> plain, raising;
      for (std::size_t i = 0; i < std::min(kBatch, count - expressions_); ++i) {
        std::optional<Case> made = Make(table);
        if (made.has_value()) (made->raises ? raising : plain).push_back(std::move(*made));
      }
      expressions_ += std::min(kBatch, count - expressions_);
      const Result<std::int64_t> loaded = session_->Ingest("t", "", "adbc.ingest.mode.replace", StreamOf(table));
      if (!loaded.ok()) return Stop(loaded.status());
      if (!Ask(plain, false, table) && !Ask(plain, true, table)) return false;
      if (!Ask(raising, true, table)) return Stop(Error(ErrorCode::kFailed, "DuckDB refused a query"));
    }
    return true;
  }

  std::size_t expressions_ = 0, rows_ = 0, differences_ = 0, raised_ = 0;

 private:
  static bool Stop(const Status& status) {
    std::cerr << status << "\n";
    return false;
  }

  void Differ(const Case& c, const std::string& what) {
    ++differences_;
    std::cerr << "ours:   " << c.pair.ours << "\nduckdb: " << c.pair.duck << "\n  " << what << "\n";
  }

  /// Evaluate with ours: as a block, and where a row raises, or now and then, row by row.
  std::optional<Case> Make(const Table& table) {
    Case c;
    c.pair = Generator(random_).Root();
    // What binds is what the generator meant to be well typed; anything else is a fault here or in the binder.
    Result<Expression> parsed = Expression::Parse(ReplaceAll(c.pair.ours, "1::bigint", "1"));
    Result<BoundExpression> bound = parsed.ok() ? parsed->Bind(table.schema(), {}) : Result<BoundExpression>(parsed.status());
    if (!bound.ok()) {
      Differ(c, StrCat("does not bind: ", bound.status().ToString()));
      return std::nullopt;
    }
    c.bound = std::move(*bound);
    const Result<BoundExpression::Output> output = c.bound.Evaluate(table, OnError::kNull);
    if (!output.ok()) {
      Differ(c, output.status().ToString());
      return std::nullopt;
    }
    c.ours = output->column;
    c.raises = output->errors > 0;
    c.raised.resize(kRows);
    if (c.raises || random_.Chance(10)) {
      std::int64_t errors = 0;
      for (std::size_t i = 0; i < kRows; ++i) {
        const Result<BoundExpression::Output> one = c.bound.Evaluate(table.Slice(i, 1), OnError::kRaise);
        if (!one.ok()) {
          c.raised[i] = one.status().message();
          ++errors;
          if (!c.ours->IsNull(i)) Differ(c, StrCat("row ", i, " raises alone and has a value in the block"));
        } else if (!SameValue(one->column->At(0), c.ours->At(i), false)) {
          Differ(c, StrCat("row ", i, " alone gives ", one->column->At(0).ToString(), ", in the block ", c.ours->At(i).ToString()));
        }
      }
      if (errors != output->errors) Differ(c, StrCat(errors, " rows raise alone, ", output->errors, " in the block"));
    }
    return c;
  }

  /// Evaluate `cases` with DuckDB in one query and compare. With `tries` each row says whether it raised. False when the
  /// query as a whole failed.
  bool Ask(std::vector<Case>& cases, bool tries, const Table& table) {
    if (cases.empty()) return true;
    std::string inner, outer;
    for (std::size_t k = 0; k < cases.size(); ++k) {
      const std::string& duck = cases[k].pair.duck;
      inner += tries ? StrCat(", try({'v': ", duck, "}) as s", k) : StrCat(", (", duck, ") as v", k);
      outer += tries ? StrCat(", s", k, " is null as r", k, ", s", k, ".v as v", k) : StrCat(", v", k);
    }
    const std::string sql = StrCat("select ", outer.substr(2), " from (select ", inner.substr(2), " from t)");
    Result<std::unique_ptr<TableStream>> stream = adbc::Session::Query(session_, sql);
    if (!stream.ok()) return Refused(cases, tries, stream.status(), table);
    Result<Table> answer = ReadAll(**stream);
    if (!answer.ok()) return Refused(cases, tries, answer.status(), table);
    for (std::size_t k = 0; k < cases.size(); ++k) {
      const Column* raised = tries ? answer->Find(StrCat("r", k)) : nullptr;
      Compare(cases[k], *answer->Find(StrCat("v", k)), raised, table);
    }
    return true;
  }

  bool Refused(std::vector<Case>& cases, bool tries, const Status& status, const Table& table) {
    if (!tries) return false;
    if (cases.size() == 1) {
      Differ(cases[0], StrCat("DuckDB: ", status.message()));
      return true;
    }
    for (Case& c : cases) {
      std::vector<Case> alone = {c};
      Ask(alone, true, table);
    }
    return true;
  }

  void Compare(const Case& c, const Column& theirs, const Column* raised, const Table& table) {
    rows_ += kRows;
    if (theirs.type() != c.ours->type())
      return Differ(c, StrCat("is ", TypeName(c.ours->type()), ", in DuckDB ", TypeName(theirs.type())));
    for (std::size_t i = 0; i < kRows; ++i) {
      const bool they_raise = raised != nullptr && raised->ints()[i] != 0;
      if (they_raise && !c.raised[i].empty()) {
        ++raised_;
        continue;
      }
      const Value ours = c.ours->At(i), other = theirs.At(i);
      if (!they_raise && c.raised[i].empty() && SameValue(ours, other, c.pair.inexact)) continue;
      std::string row;
      for (const std::string& name : c.bound.columns()) row += StrCat(" ", name, " = ", table.Find(name)->At(i).ToString(), ";");
      return Differ(c, StrCat("row ", i, ": ours ", c.raised[i].empty() ? ours.ToString() : StrCat("raises (", c.raised[i], ")"), ", DuckDB ",
                              they_raise ? "raises" : other.ToString(), "  with", row));
    }
  }

  std::shared_ptr<adbc::Session> session_;
  Random random_;
};

int Main(std::size_t count, std::uint64_t seed) {
  const adbc::Translate translate = [](const std::string& message) { return Error(ErrorCode::kFailed, message); };
  Result<std::shared_ptr<adbc::Database>> database = adbc::Database::Open("libduckdb.so", "duckdb_adbc_init", {}, translate);
  if (!database.ok()) return std::cerr << database.status() << "\n", 2;
  Result<std::shared_ptr<adbc::Session>> session = adbc::Session::Open(*database, translate);
  if (!session.ok()) return std::cerr << session.status() << "\n", 2;
  for (const char* setting : {"pragma disable_optimizer", "set threads = 1"}) {
    const Result<std::int64_t> done = (*session)->Execute(setting);
    if (!done.ok()) return std::cerr << done.status() << "\n", 2;
  }
  Comparison comparison(*session, seed);
  const bool finished = comparison.Run(count);
  std::cout << "{\"expressions\":" << comparison.expressions_ << ",\"rows\":" << comparison.rows_ << ",\"differences\":" << comparison.differences_
            << ",\"raised\":" << comparison.raised_ << ",\"seed\":" << seed << "}\n";
  return finished && comparison.differences_ == 0 ? 0 : 1;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  return headrace::Main(count, seed);
}

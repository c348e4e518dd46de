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
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "expr_generator.h"
#include "headrace/base/text.h"
#include "headrace/expr/expr.h"
#include "headrace/sql/adbc_internal.h"

namespace headrace {
namespace {

constexpr std::size_t kBatch = 250;  ///< expressions in one query

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
  Comparison(std::shared_ptr<adbc::Session> session, std::uint64_t seed)
      : session_(std::move(session)), random_(seed) {}

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
    Result<Expression> parsed = Expression::Parse(c.pair.ours);
    Result<BoundExpression> bound =
        parsed.ok() ? parsed->Bind(table.schema(), {}) : Result<BoundExpression>(parsed.status());
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
          Differ(c, StrCat("row ", i, " alone gives ", one->column->At(0).ToString(), ", in the block ",
                           c.ours->At(i).ToString()));
        }
      }
      if (errors != output->errors) Differ(c, StrCat(errors, " rows raise alone, ", output->errors, " in the block"));
    }
    return c;
  }

  /// Evaluate `cases` with DuckDB in one query and compare. With `tries` each row says whether it raised. False when
  /// the query as a whole failed.
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
      for (const std::string& name : c.bound.columns())
        row += StrCat(" ", name, " = ", table.Find(name)->At(i).ToString(), ";");
      return Differ(
          c, StrCat("row ", i, ": ours ", c.raised[i].empty() ? ours.ToString() : StrCat("raises (", c.raised[i], ")"),
                    ", DuckDB ", they_raise ? "raises" : other.ToString(), "  with", row));
    }
  }

  std::shared_ptr<adbc::Session> session_;
  Random random_;
};

int Main(std::size_t count, std::uint64_t seed) {
  const adbc::Translate translate = [](const adbc::DriverError& error) { return Error(ErrorCode::kFailed, error.message); };
  Result<std::shared_ptr<adbc::Database>> database =
      adbc::Database::Open("libduckdb.so", "duckdb_adbc_init", {}, translate);
  if (!database.ok()) return std::cerr << database.status() << "\n", 2;
  Result<std::shared_ptr<adbc::Session>> session = adbc::Session::Open(*database, translate);
  if (!session.ok()) return std::cerr << session.status() << "\n", 2;
  for (const char* setting : {"pragma disable_optimizer", "set threads = 1"}) {
    const Result<std::int64_t> done = (*session)->Execute(setting);
    if (!done.ok()) return std::cerr << done.status() << "\n", 2;
  }
  Comparison comparison(*session, seed);
  const bool finished = comparison.Run(count);
  std::cout << "{\"expressions\":" << comparison.expressions_ << ",\"rows\":" << comparison.rows_
            << ",\"differences\":" << comparison.differences_ << ",\"raised\":" << comparison.raised_
            << ",\"seed\":" << seed << "}\n";
  return finished && comparison.differences_ == 0 ? 0 : 1;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  return headrace::Main(count, seed);
}

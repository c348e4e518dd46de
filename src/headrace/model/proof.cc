#include "headrace/model/proof.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "headrace/base/text.h"
#include "headrace/model/ipc.h"
#include "headrace/model/scorer_parts.h"

namespace headrace {
namespace {

/// SplitMix64 (Steele, Lea, Flood 2014).
class SplitMix {
 public:
  std::uint64_t Next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  std::size_t Below(std::size_t n) { return static_cast<std::size_t>(Next() % n); }

 private:
  std::uint64_t state_ = 0x68656164'72616365u;
};

/// What one column may hold, usual and odd.
struct Pool {
  Type type = Type::kDouble;
  std::vector<Value> usual, odd;
};

Value Number(Type type, double value) {
  if (type == Type::kDouble) return Value::Double(value);
  const double most = type == Type::kDate ? 2147483647 : 9e18;   // a date in Arrow is 32 bits of days
  return Value::Int64(type, static_cast<std::int64_t>(std::clamp(std::floor(value), -most, most)));
}

Pool MakePool(const Field& field, const ColumnProfile* profile, const std::vector<std::string>& levels) {
  Pool pool{field.type, {}, {}};
  if (field.type == Type::kText) {
    if (profile != nullptr)
      for (const auto& [level, rows] : profile->levels) pool.usual.push_back(Value::Text(level));
    for (std::size_t i = 0; i < levels.size() && i < kProfileLevels; ++i) pool.usual.push_back(Value::Text(levels[i]));
    if (pool.usual.empty()) pool.usual.push_back(Value::Text("a"));
    for (const char* text : {"", "never seen before", "\xC3\xA9t\xC3\xA9 \xE2\x98\x83", " a "})
      pool.odd.push_back(Value::Text(text));
  } else if (field.type == Type::kBool) {
    pool.usual = {Value::Bool(false), Value::Bool(true)};
    pool.odd = pool.usual;
  } else {
    if (profile != nullptr)
      for (const auto& [probability, value] : profile->quantiles) pool.usual.push_back(Number(field.type, value));
    // For an encoded number its levels, so that they are seen and not only unseen ones.
    for (std::size_t i = 0; i < levels.size() && i < kProfileLevels; ++i) {
      Result<Value> level = Value::Parse(levels[i], field.type);
      if (level.ok() && !level->is_null()) pool.usual.push_back(std::move(level).value());
    }
    if (pool.usual.empty())
      for (const double value : {0.0, 1.0, 2.0, 10.0, 100.0}) pool.usual.push_back(Number(field.type, value));
    for (const double value : {0.0, -0.0, -1.0, 1.0, 0.1, 1e6, -1e6, 1e15, -1e15, 1e300, -1e300, 5e-324})
      pool.odd.push_back(Number(field.type, value));
  }
  return pool;
}

class RowMaker {
 public:
  RowMaker(const Scorer& scorer, const Profile& profile) : transform_(scorer.parts().transform), scorer_(scorer) {
    for (const Field& field : transform_.input_schema().fields())
      pools_.push_back(MakePool(field, profile.Find(field.name), transform_.LevelsOf(field.name)));
  }

  Result<Table> Make() {
    std::vector<Table> rows;
    for (std::size_t r = 0; r < kProofRows; ++r) {
      // A row that the transforms refuse is drawn again, at last from usual values only.
      for (int attempt = 0; attempt < 8; ++attempt) {
        Table row = Row(r, attempt);
        const Result<std::vector<double>> margins = scorer_.RawScores(row);
        if (!margins.ok() || !std::all_of(margins->begin(), margins->end(), [](double m) { return std::isfinite(m); }))
          continue;
        rows.push_back(std::move(row));
        break;
      }
    }
    if (rows.empty())
      return Error(ErrorCode::kFailed,
                   "no made-up row passes the transforms, so the model cannot carry a parity proof");
    return Concat(std::move(rows));
  }

 private:
  /// The plan of the rows: usual values in step (the lowest of all columns first), all nulls, oddities in step,
  /// mixtures.
  enum : std::size_t { kNullRow = 10, kOddRows = 11, kMixedRows = 23, kMildRows = 48 };

  Value Draw(const Pool& pool, std::size_t column, std::size_t row, int attempt) {
    const auto usual = [&] { return pool.usual[random_.Below(pool.usual.size())]; };
    if (attempt >= 4) return usual();
    if (attempt == 0 && row < kNullRow) return pool.usual[row * pool.usual.size() / kNullRow];
    if (attempt == 0 && row == kNullRow) return Value::Null(pool.type);
    if (attempt == 0 && row < kMixedRows) return pool.odd[(row - kOddRows + column) % pool.odd.size()];
    const std::size_t dice = random_.Below(20), odd = row < kMildRows ? 4 : 1;
    if (dice < odd) return pool.odd[random_.Below(pool.odd.size())];
    return dice < 2 * odd ? Value::Null(pool.type) : usual();
  }

  Table Row(std::size_t row, int attempt) {
    std::vector<ColumnPtr> columns;
    for (std::size_t c = 0; c < pools_.size(); ++c) {
      ColumnBuilder builder(pools_[c].type);
      builder.Append(Draw(pools_[c], c, row, attempt));
      columns.push_back(builder.Finish());
    }
    return Table(transform_.input_schema(), std::move(columns), 1);
  }

  const FittedTransform& transform_;
  const Scorer& scorer_;
  std::vector<Pool> pools_;
  SplitMix random_;
};

/// Everything a model makes of `rows`, as one table with prefixed columns.
Result<Table> Answer(const Scorer& scorer, const Table& rows) {
  const Scorer::Parts& p = scorer.parts();
  ASSIGN_OR_RETURN(const std::vector<double> vectors, scorer.Transform(rows));
  ASSIGN_OR_RETURN(const std::vector<double> margins, scorer.RawScores(rows));
  ASSIGN_OR_RETURN(const Table output, scorer.Score(rows, nullptr));
  const std::size_t n = rows.num_rows(), features = p.learner->num_features(), outputs = p.num_outputs();
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  for (std::size_t i = 0; i < rows.num_columns(); ++i) {
    fields.push_back({StrCat("input.", rows.schema()[i].name), rows.schema()[i].type});
    columns.push_back(rows.column_ptr(i));
  }
  const auto matrix = [&](const std::vector<double>& values, std::size_t width, auto name) {
    for (std::size_t j = 0; j < width; ++j) {
      std::vector<double> column(n);
      for (std::size_t r = 0; r < n; ++r) column[r] = values[r * width + j];
      fields.push_back({name(j), Type::kDouble});
      columns.push_back(std::make_shared<const Column>(std::move(column), std::vector<std::uint8_t>()));
    }
  };
  matrix(vectors, features, [&](std::size_t j) { return StrCat("vector.", p.transform.output_names()[j]); });
  matrix(margins, outputs, [](std::size_t k) { return StrCat("margin.", k); });
  for (std::size_t i = 0; i < output.num_columns(); ++i) {
    fields.push_back({StrCat("output.", output.schema()[i].name), output.schema()[i].type});
    columns.push_back(output.column_ptr(i));
  }
  return Table(Schema(std::move(fields)), std::move(columns), n);
}

/// NaN equals NaN whatever its sign, which processors choose differently; all else bit by bit.
bool SameValue(const Column& a, const Column& b, std::size_t row) {
  if (a.IsNull(row) || b.IsNull(row)) return a.IsNull(row) == b.IsNull(row);
  if (a.type() == Type::kText) return a.text(row) == b.text(row);
  if (a.type() != Type::kDouble) return a.ints()[row] == b.ints()[row];
  const double x = a.doubles()[row], y = b.doubles()[row];
  return (std::isnan(x) && std::isnan(y)) || std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
}

}  // namespace

Result<std::string> MakeProof(const Scorer& scorer, const Profile& profile) {
  ASSIGN_OR_RETURN(const Table rows, RowMaker(scorer, profile).Make());
  ASSIGN_OR_RETURN(const Table answer, Answer(scorer, rows));
  return WriteArrowStream(answer);
}

Status ReplayProof(const Scorer& scorer, std::string_view proof) {
  constexpr std::size_t kMostRows = 4096;
  ASSIGN_OR_RETURN(const Table recorded, ReadArrowStream(proof, kMostRows));
  const Schema& inputs = scorer.parts().transform.input_schema();
  std::vector<ColumnPtr> columns;
  for (const Field& field : inputs.fields()) {
    const auto at = recorded.schema().IndexOf(StrCat("input.", field.name));
    if (!at || recorded.schema()[*at].type != field.type)
      return Error(ErrorCode::kInvalid, "the parity proof lacks the input column `", field.name, "`");
    columns.push_back(recorded.column_ptr(*at));
  }
  Result<Table> now = Answer(scorer, Table(inputs, std::move(columns), recorded.num_rows()));
  if (!now.ok())
    return std::move(now).status().WithCode(ErrorCode::kFailed).WithContext("the parity proof cannot be replayed");
  if (now->schema() != recorded.schema())
    return Error(ErrorCode::kInvalid, "the parity proof has other columns than its model");
  for (std::size_t c = 0; c < recorded.num_columns(); ++c)
    for (std::size_t r = 0; r < recorded.num_rows(); ++r)
      if (!SameValue(now->column(c), recorded.column(c), r))
        return Error(ErrorCode::kFailed, "the parity proof differs in column `", recorded.schema()[c].name, "`, row ",
                     r + 1, ": training recorded ", recorded.column(c).At(r).ToString(), ", this program computes ",
                     now->column(c).At(r).ToString())
            .WithHelp(
                "scores would not be those of the training; do not score with this build on this machine, and report "
                "it");
  return Ok();
}

}  // namespace headrace

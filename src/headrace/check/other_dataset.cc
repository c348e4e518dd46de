// Checks against another dataset: `foreign_key` keeps a hash of each of its keys, `same_as` sums the hashes of its cells, a sum that no order changes.

#include <cmath>

#include "headrace/base/text.h"
#include "headrace/check/hash_set.h"
#include "headrace/check/measure.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {
namespace {

/// As what type values of `a` and `b` are compared: int with double as double, date with timestamp as timestamp; nullopt when they cannot be.
std::optional<Type> CommonType(Type a, Type b) {
  if (a == b) return a;
  if (IsNumeric(a) && IsNumeric(b)) return Type::kDouble;
  const auto time = [](Type type) { return type == Type::kDate || type == Type::kTimestamp; };
  return time(a) && time(b) ? std::optional(Type::kTimestamp) : std::nullopt;
}

Result<std::unique_ptr<TableStream>> OpenOther(const CheckSpec& spec, const CheckContext& context) {
  if (!context.open) return Error(ErrorCode::kInvalid, "`", CheckKindName(spec.kind), "` reads another dataset, and there is none here");
  return context.open(spec.dataset);
}

Status ForEach(TableStream& rows, const std::function<void(const Table&)>& act) {
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows.Next());
    if (!block) return Ok();
    act(*block);
  }
}

class ForeignKey : public RowCheck {
 public:
  ForeignKey(const CheckSpec& spec, std::size_t at, Type as, std::shared_ptr<const HashSet> keys)
      : RowCheck(spec.columns), at_(at), to_(StrCat(spec.dataset, ".", spec.other_column)), hasher_({at}, {as}), keys_(std::move(keys)) {}

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<ForeignKey>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    hasher_.Run(block, hashes_);
    const Column& column = block.column(at_);
    for (std::size_t i = 0; i < failed.size(); ++i) failed[i] = column.IsNull(i) || keys_->Contains(hashes_[i]) ? 0 : 1;
    return Ok();
  }
  std::string Complaint(std::int64_t failed, std::int64_t rows) const override {
    return StrCat("column `", columns()[0], "`: ", RowsThat(failed, rows, "is", "are"), " not in `", to_, "`");
  }

 private:
  std::size_t at_;
  std::string to_;
  RowHasher hasher_;
  std::shared_ptr<const HashSet> keys_;
  std::vector<Hash> hashes_;
};

/// Rows, a sum of hashes for each column, and one of whole rows.
class Checksums {
 public:
  Checksums(const std::vector<std::size_t>& at, const std::vector<Type>& as) {
    for (std::size_t k = 0; k < at.size(); ++k) hashers_.push_back(RowHasher({at[k]}, {as[k]}));
    hashers_.push_back(RowHasher(at, as));
    sums_.resize(hashers_.size());
  }
  void Add(const Table& block) {
    rows_ += static_cast<std::int64_t>(block.num_rows());
    for (std::size_t k = 0; k < hashers_.size(); ++k) {
      hashers_[k].Run(block, hashes_);
      for (const Hash hash : hashes_) {
        sums_[k].low += hash.low;
        sums_[k].high += hash.high;
      }
    }
  }
  std::int64_t rows() const { return rows_; }
  bool SameColumn(std::size_t k, const Checksums& other) const { return sums_[k] == other.sums_[k]; }
  bool operator==(const Checksums& other) const { return rows_ == other.rows_ && sums_ == other.sums_; }

 private:
  std::vector<RowHasher> hashers_;   ///< of each column, last of all together
  std::vector<Hash> sums_;
  std::vector<Hash> hashes_;
  std::int64_t rows_ = 0;
};

class SameAs : public Measure {
 public:
  SameAs(const CheckSpec& spec, std::vector<std::string> columns, std::string unlike, Checksums here, Checksums there)
      : Measure(std::move(columns)), there_name_(spec.dataset), unlike_(std::move(unlike)), here_(std::move(here)), there_(std::move(there)) {}

  std::unique_ptr<Measure> Clone() const override { return std::make_unique<SameAs>(*this); }
  Status Add(const Table& block) override {
    here_.Add(block);
    return Ok();
  }
  /// The number of rows more than the other dataset has; NaN when as many rows are not the same.
  std::optional<double> Finish() override {
    if (here_.rows() != there_.rows()) return static_cast<double>(here_.rows() - there_.rows());
    return unlike_.empty() && here_ == there_ ? 0.0 : std::nan("");
  }
  std::string Complaint(std::optional<double>, const Bounds&, bool) const override {
    const std::string rows = Counted(here_.rows(), "row");
    if (!unlike_.empty()) return StrCat("not the same as `", there_name_, "`: ", unlike_);
    if (here_.rows() != there_.rows()) return StrCat("not the same as `", there_name_, "`: ", rows, " here, ", FormatCount(there_.rows()), " there");
    std::vector<std::string> differ;
    for (std::size_t k = 0; k < columns().size(); ++k)
      if (!here_.SameColumn(k, there_)) differ.push_back(columns()[k]);
    if (differ.empty()) return StrCat("not the same as `", there_name_, "`: ", rows, " on both sides and the same values in each column, but other rows of them");
    return StrCat("not the same as `", there_name_, "`: ", rows, " on both sides, but other values in `", Join(differ, "`, `"), "`");
  }
  std::string Help() const override { return StrCat("compare the two with a `sql` step, for example `select * from ", there_name_, " except select ...`"); }
  bool only_counts() const override { return true; }
  Bounds own_bounds() const override { return {0.0, 0.0}; }

 private:
  std::string there_name_, unlike_;
  Checksums here_, there_;
};

}  // namespace

Result<std::unique_ptr<RowCheck>> MakeForeignKey(const CheckSpec& spec, const Schema& schema, const CheckContext& context) {
  ASSIGN_OR_RETURN(const std::size_t at, OnlyColumn(spec, schema));
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> other, OpenOther(spec, context));
  const auto there = other->schema().IndexOf(spec.other_column);
  if (!there) {
    const std::string near = NearestName(spec.other_column, other->schema().Names());
    Status status = Error(ErrorCode::kInvalid, "`", spec.dataset, "` has no column `", spec.other_column, "`");
    return near.empty() ? std::move(status) : std::move(status).WithHelp(StrCat("did you mean `", near, "`?"));
  }
  const auto as = CommonType(schema[at].type, other->schema()[*there].type);
  if (!as)
    return Error(ErrorCode::kInvalid, "column `", schema[at].name, "` is ", TypeName(schema[at].type), ", but `", spec.dataset, ".", spec.other_column, "` is ", TypeName(other->schema()[*there].type)).WithHelp("cast one of them");
  auto keys = std::make_shared<HashSet>();
  RowHasher hasher({*there}, {*as});
  std::vector<Hash> hashes;
  RETURN_IF_ERROR(ForEach(*other, [&](const Table& block) {
    hasher.Run(block, hashes);
    for (const Hash hash : hashes) keys->Insert(hash);
  }));
  return std::unique_ptr<RowCheck>(std::make_unique<ForeignKey>(spec, at, *as, std::move(keys)));
}

Result<std::unique_ptr<Measure>> MakeSameAs(const CheckSpec& spec, const Schema& schema, const CheckContext& context) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> other, OpenOther(spec, context));
  const std::vector<std::string> names = spec.columns.empty() ? schema.Names() : spec.columns;
  std::vector<std::size_t> here, there;
  std::vector<Type> as;
  std::string unlike;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const std::size_t at, ColumnAt(schema, name));
    const auto found = other->schema().IndexOf(name);
    const auto type = found ? CommonType(schema[at].type, other->schema()[*found].type) : std::nullopt;
    if (!type) {
      if (unlike.empty()) unlike = found ? StrCat("column `", name, "` is ", TypeName(schema[at].type), " here, ", TypeName(other->schema()[*found].type), " there") : StrCat("it has no column `", name, "`");
      continue;
    }
    here.push_back(at);
    there.push_back(*found);
    as.push_back(*type);
  }
  if (spec.columns.empty() && unlike.empty())
    for (const std::string& name : other->schema().Names())
      if (unlike.empty() && !schema.IndexOf(name)) unlike = StrCat("it has a column `", name, "` more");
  Checksums sums(there, as);
  if (unlike.empty()) RETURN_IF_ERROR(ForEach(*other, [&sums](const Table& block) { sums.Add(block); }));
  return std::unique_ptr<Measure>(std::make_unique<SameAs>(spec, names, std::move(unlike), Checksums(here, as), std::move(sums)));
}

}  // namespace headrace::internal

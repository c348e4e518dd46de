// `ordered` and `monotone`: a row fails when it comes before the last one (of its key) that had values. With a key the last row of each key is kept.

#include <cmath>
#include <unordered_map>

#include "headrace/base/text.h"
#include "headrace/check/hash_set.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {
namespace {

/// -1, 0 or 1. NaN comes after all numbers, as in the engine. REQUIRES: not null, of one type.
int Compare(const Value& last, const Column& column, std::size_t i) {
  const auto order = [](const auto& a, const auto& b) { return a < b ? -1 : b < a ? 1 : 0; };
  if (column.type() == Type::kText) return order(std::string_view(last.as_text()), column.text(i));
  if (column.type() != Type::kDouble) return order(last.as_int(), column.ints()[i]);
  const double a = last.as_double(), b = column.doubles()[i];
  if (std::isnan(a) || std::isnan(b)) return order(std::isnan(a) ? 1 : 0, std::isnan(b) ? 1 : 0);
  return order(a, b);
}

class Ordered : public RowCheck {
 public:
  Ordered(const CheckSpec& spec, std::vector<std::string> all, std::vector<std::size_t> at, std::vector<std::size_t> key, std::vector<Type> key_types)
      : RowCheck(std::move(all)), strict_(spec.kind == CheckSpec::Kind::kMonotone), by_(Join(spec.columns, ", ")), of_(Join(spec.key, ", ")), at_(std::move(at)) {
    if (!key.empty()) hasher_.emplace(std::move(key), std::move(key_types));
  }

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<Ordered>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    if (hasher_) hasher_->Run(block, hashes_);
    for (std::size_t i = 0; i < failed.size(); ++i) {
      bool whole = true;
      for (const std::size_t at : at_) whole = whole && !block.column(at).IsNull(i);
      if (whole) failed[i] = Follows(hasher_ ? last_[hashes_[i]] : only_, block, i) ? 0 : 1;
    }
    return Ok();
  }

  std::string Complaint(std::int64_t failed, std::int64_t rows) const override {
    return StrCat(RowsThat(failed, rows, "does", "do"), " not come ", strict_ ? "strictly " : "", "after the one before by (", by_, ")", of_.empty() ? "" : StrCat(" within each (", of_, ")"));
  }

 private:
  using Last = std::vector<Value>;
  struct Low { std::size_t operator()(const Hash& hash) const { return hash.low; } };

  /// Whether row i comes after `last`, which it becomes either way.
  bool Follows(Last& last, const Table& block, std::size_t i) const {
    int order = last.empty() ? -1 : 0;
    for (std::size_t k = 0; k < at_.size() && order == 0; ++k) order = Compare(last[k], block.column(at_[k]), i);
    last.resize(at_.size());
    for (std::size_t k = 0; k < at_.size(); ++k) last[k] = block.column(at_[k]).At(i);
    return strict_ ? order < 0 : order <= 0;
  }

  bool strict_;
  std::string by_, of_;
  std::vector<std::size_t> at_;
  std::optional<RowHasher> hasher_;
  std::vector<Hash> hashes_;
  std::unordered_map<Hash, Last, Low> last_;
  Last only_;
};

}  // namespace

Result<std::unique_ptr<RowCheck>> MakeOrdered(const CheckSpec& spec, const Schema& schema) {
  std::vector<std::string> all = spec.columns;
  all.insert(all.end(), spec.key.begin(), spec.key.end());
  std::vector<std::size_t> at, key;
  std::vector<Type> key_types;
  for (const std::string& name : spec.columns) {
    ASSIGN_OR_RETURN(at.emplace_back(), ColumnAt(schema, name));
  }
  for (const std::string& name : spec.key) {
    ASSIGN_OR_RETURN(key.emplace_back(), ColumnAt(schema, name));
    key_types.push_back(schema[key.back()].type);
  }
  if (at.empty()) return Error(ErrorCode::kInvalid, "`", CheckKindName(spec.kind), "` names no column");
  return std::unique_ptr<RowCheck>(std::make_unique<Ordered>(spec, std::move(all), std::move(at), std::move(key), std::move(key_types)));
}

}  // namespace headrace::internal

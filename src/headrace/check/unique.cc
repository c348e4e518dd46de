// `unique` keeps a hash of every key, 16 bytes a row before the spare room of a hash table. Rows are hashed a block at a time, and the place of a hash
// is fetched from memory some rows before it is looked at: the table is larger than any cache.
#include "headrace/base/text.h"
#include "headrace/check/hash_set.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {
namespace {

class Unique : public RowCheck {
 public:
  Unique(std::vector<std::string> names, std::vector<std::size_t> at, std::vector<Type> types)
      : RowCheck(std::move(names)), hasher_(std::move(at), std::move(types)) {}

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<Unique>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    hasher_.Run(block, hashes_);
    seen_.InsertAll(hashes_, failed);
    return Ok();
  }

  void TakeCodes(std::span<const std::shared_ptr<TextCodes>> codes) override {
    for (const auto& column : codes) hasher_.UseCodes(column);
  }

  std::string Complaint(std::int64_t failed, std::int64_t) const override {
    return StrCat(Counted(failed, "row repeats", "rows repeat"), " a key of (", Join(columns(), ", "), ")");
  }

 private:
  RowHasher hasher_;
  HashSet seen_;
  std::vector<Hash> hashes_;
};

}  // namespace

Result<std::unique_ptr<RowCheck>> MakeUnique(const CheckSpec& spec, const Schema& schema) {
  std::vector<std::size_t> at;
  std::vector<Type> types;
  for (const std::string& name : spec.columns) {
    ASSIGN_OR_RETURN(const std::size_t index, ColumnAt(schema, name));
    at.push_back(index);
    types.push_back(schema[index].type);
  }
  if (at.empty()) return Error(ErrorCode::kInvalid, "`unique` names no column");
  return std::unique_ptr<RowCheck>(std::make_unique<Unique>(spec.columns, std::move(at), std::move(types)));
}

}  // namespace headrace::internal

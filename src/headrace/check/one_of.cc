#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_set>

#include "headrace/base/text.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {
namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

class OneOf : public RowCheck {
 public:
  OneOf(const CheckSpec& spec, std::size_t at, Type type, const std::vector<Value>& values) : RowCheck(spec.columns), at_(at), written_(spec.values) {
    for (const Value& value : values) {
      if (value.is_null()) continue;
      if (type == Type::kText) texts_.insert(value.as_text());
      else if (type == Type::kDouble) (std::isnan(value.as_double()) ? nan_ = true : (doubles_.push_back(value.as_double()), true));
      else ints_.push_back(value.as_int());
    }
    std::sort(doubles_.begin(), doubles_.end());
    std::sort(ints_.begin(), ints_.end());
  }

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<OneOf>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    const Column& column = block.column(at_);
    for (std::size_t i = 0; i < failed.size(); ++i) failed[i] = column.IsNull(i) || Allowed(column, i) ? 0 : 1;
    return Ok();
  }

  std::string Complaint(std::int64_t failed, std::int64_t rows) const override {
    constexpr std::size_t kShown = 10;
    const std::size_t shown = std::min(written_.size(), kShown);
    const std::string list = Join(std::span(written_).first(shown), ", ");
    return StrCat("column `", columns()[0], "`: ", RowsThat(failed, rows, "is", "are"), " none of ", list,
                  written_.size() > shown ? StrCat(" and ", written_.size() - shown, " more") : std::string());
  }
  bool by_value() const override { return true; }

 private:
  bool Allowed(const Column& column, std::size_t i) const {
    if (column.type() == Type::kText) return texts_.find(column.text(i)) != texts_.end();
    if (column.type() != Type::kDouble) return std::binary_search(ints_.begin(), ints_.end(), column.ints()[i]);
    const double value = column.doubles()[i];
    return std::isnan(value) ? nan_ : std::binary_search(doubles_.begin(), doubles_.end(), value);
  }

  std::size_t at_;
  std::vector<std::string> written_;
  std::unordered_set<std::string, TextHash, std::equal_to<>> texts_;
  std::vector<double> doubles_;
  std::vector<std::int64_t> ints_;
  bool nan_ = false;
};

}  // namespace

Result<std::unique_ptr<RowCheck>> MakeOneOf(const CheckSpec& spec, const Schema& schema) {
  ASSIGN_OR_RETURN(const std::size_t at, OnlyColumn(spec, schema));
  if (spec.values.empty()) return Error(ErrorCode::kInvalid, "`one_of` lists no value");
  std::vector<Value> values;
  for (const std::string& text : spec.values) {
    Result<Value> value = Value::Parse(text, schema[at].type);
    if (!value.ok())
      return std::move(value).status().WithContext(StrCat("values of column `", schema[at].name, "`")).WithCode(ErrorCode::kInvalid);
    values.push_back(*std::move(value));
  }
  return std::unique_ptr<RowCheck>(std::make_unique<OneOf>(spec, at, schema[at].type, values));
}

}  // namespace headrace::internal

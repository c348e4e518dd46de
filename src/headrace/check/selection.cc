#include "headrace/check/selection.h"

#include "headrace/base/text.h"
#include "headrace/check/hash_set.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {

Result<Selection> Selection::Make(const std::string& where, const std::vector<std::string>& by, const Schema& schema) {
  Selection selection;
  if (!where.empty()) {
    ASSIGN_OR_RETURN(const Expression parsed, Expression::Parse(where));
    ASSIGN_OR_RETURN(selection.where_, parsed.Bind(schema, {}));
    if (selection.where_->type() != Type::kBool)
      return Error(ErrorCode::kInvalid, "`where` takes a condition, but `", where, "` is ", TypeName(selection.where_->type())).WithSpan({0, where.size()});
  }
  for (const std::string& name : by) {
    ASSIGN_OR_RETURN(selection.by_.emplace_back(), ColumnAt(schema, name));
  }
  if (by.empty()) selection.names_.emplace_back();
  return selection;
}

std::size_t Selection::SegmentOf(const Table& block, std::size_t row) {
  key_.clear();
  for (const std::size_t at : by_) AppendKey(block.column(at), row, key_);
  const auto known = segments_.find(key_);
  if (known != segments_.end()) return known->second;
  std::string name;
  for (const std::size_t at : by_) name += StrCat(name.empty() ? "" : ", ", block.schema()[at].name, "=", block.column(at).At(row).ToString());
  names_.push_back(std::move(name));
  return segments_.emplace(key_, names_.size() - 1).first->second;
}

Result<std::vector<Selection::Part>> Selection::Split(const Table& block) {
  ColumnPtr holds;
  if (where_) {
    ASSIGN_OR_RETURN(const BoundExpression::Output output, where_->Evaluate(block, OnError::kRaise));
    holds = output.column;
  }
  std::vector<Part> parts;
  std::vector<std::size_t> place(names_.size() + 1, 0);   // of a segment in `parts`, from 1
  for (std::size_t i = 0; i < block.num_rows(); ++i) {
    if (holds && (holds->IsNull(i) || holds->ints()[i] == 0)) continue;
    const std::size_t segment = by_.empty() ? 0 : SegmentOf(block, i);
    if (names_.size() > kMostSegments)
      return Error(ErrorCode::kData, "`by` finds more than ", FormatCount(static_cast<std::int64_t>(kMostSegments)), " segments").WithHelp("choose columns with fewer values, or narrow the rows by `where`");
    if (segment >= place.size()) place.resize(segment + 1, 0);
    if (place[segment] == 0) {
      parts.push_back({segment, {}});
      place[segment] = parts.size();
    }
    parts[place[segment] - 1].rows.push_back(i);
  }
  return parts;
}

}  // namespace headrace::internal

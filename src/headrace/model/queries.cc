#include "headrace/model/queries.h"

#include <cmath>
#include <optional>

#include "headrace/base/text.h"
#include "headrace/model/learner.h"

namespace headrace {

Status CheckRanking(const TrainSpec& spec) {
  const bool ranks = Ranks(spec.learner);
  if (ranks && spec.group.empty())
    return Error(ErrorCode::kInvalid, "the learner ranks the rows of a query, and no column names queries")
        .WithHelp("add `group: COLUMN`");
  if (!ranks && !spec.group.empty())
    return Error(ErrorCode::kInvalid, "`group` is for objectives that rank the rows of a query")
        .WithHelp("write `learner: {lightgbm: {objective: lambdarank}}` or `learner: {xgboost: {objective: \"rank:ndcg\"}}`");
  if (ranks && !spec.weight.empty())
    return Error(ErrorCode::kInvalid, "`weight` is of rows, and a ranking learns from whole queries");
  if (ranks && spec.split.kind == SplitSpec::Kind::kHash && !spec.split.columns.empty() &&
      spec.split.columns != std::vector<std::string>{spec.group})
    return Error(ErrorCode::kInvalid, "the split is by ", Join(spec.split.columns, ", "), ", which may cut through a query")
        .WithHelp(StrCat("write `split: {by: hash(", spec.group, ")}`"));
  return Ok();
}

Result<std::vector<std::int64_t>> ReadQueries(const Table& table, const std::string& name) {
  const Column* column = table.Find(name);
  if (column == nullptr) return Error(ErrorCode::kInvalid, "group column `", name, "` is not in the training data");
  if (column->type() == Type::kDouble)
    return Error(ErrorCode::kInvalid, "group column `", name, "` is double, expected whole numbers or text");
  if (column->null_count() > 0)
    return Error(ErrorCode::kData, "group column `", name, "` has ", FormatCount(static_cast<std::int64_t>(column->null_count())), " nulls")
        .WithHelp("every row belongs to a query: leave out those that have none");
  const bool text = column->type() == Type::kText;
  std::vector<std::int64_t> groups(table.num_rows(), 0);
  for (std::size_t r = 1; r < groups.size(); ++r) {
    const bool same = text ? column->text(r) == column->text(r - 1) : column->ints()[r] == column->ints()[r - 1];
    groups[r] = groups[r - 1] + (same ? 0 : 1);
  }
  return groups;
}

std::vector<std::int32_t> QuerySizes(std::span<const std::int64_t> groups) {
  std::vector<std::int32_t> sizes;
  for (std::size_t r = 0; r < groups.size(); ++r) {
    if (r == 0 || groups[r] != groups[r - 1]) sizes.push_back(0);
    ++sizes.back();
  }
  return sizes;
}

Status CheckQueries(const Table& table, const std::string& column, std::span<const std::int64_t> groups,
                    const DataSplit& split, const Target& target) {
  constexpr double kHighest = 30;  // LightGBM's gains are 2^grade - 1 up to here
  for (std::size_t r = 0; r < target.values.size(); ++r)
    if (!(target.values[r] >= 0 && target.values[r] <= kHighest && target.values[r] == std::floor(target.values[r])))
      return Error(ErrorCode::kData, "the target is ", target.values[r], "; a ranking learns from grades, whole numbers from 0 to ", kHighest);
  std::vector<std::uint8_t> tested(groups.empty() ? 0 : static_cast<std::size_t>(groups.back()) + 1, 0);
  for (const std::size_t row : split.test) tested[static_cast<std::size_t>(groups[row])] = 1;
  for (const std::size_t row : split.train)
    if (tested[static_cast<std::size_t>(groups[row])] != 0)
      return Error(ErrorCode::kData, "the split cuts through the query ", column, " = ", table.Find(column)->At(row).ToString())
          .WithHelp(StrCat("divide by whole queries: split: {by: hash(", column, ")}"));
  return Ok();
}

}  // namespace headrace

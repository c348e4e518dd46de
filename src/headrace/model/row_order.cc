#include "headrace/model/row_order.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "headrace/base/text.h"

namespace headrace {
namespace {

int Compare(const Column& column, std::size_t a, std::size_t b) {
  if (column.IsNull(a) || column.IsNull(b))
    return static_cast<int>(column.IsNull(b)) - static_cast<int>(column.IsNull(a));
  if (column.type() == Type::kText) {
    const int order = column.text(a).compare(column.text(b));
    return order < 0 ? -1 : order > 0;
  }
  if (column.type() != Type::kDouble)
    return column.ints()[a] < column.ints()[b] ? -1 : column.ints()[a] > column.ints()[b];
  const double x = column.doubles()[a], y = column.doubles()[b];
  if (std::isnan(x) || std::isnan(y)) return static_cast<int>(std::isnan(x)) - static_cast<int>(std::isnan(y));
  if (x != y) return x < y ? -1 : 1;
  return static_cast<int>(std::signbit(y)) - static_cast<int>(std::signbit(x));  // -0 before +0
}

}  // namespace

Result<RowOrder> OrderRows(const Table& table, std::span<const std::string> key) {
  RowOrder order;
  order.rows.resize(table.num_rows());
  std::iota(order.rows.begin(), order.rows.end(), std::size_t{0});
  if (key.empty()) return order;
  std::vector<const Column*> columns;
  for (const std::string& name : key) {
    const Column* column = table.Find(name);
    if (column == nullptr) {
      const std::string near = NearestName(name, table.schema().Names());
      Status status = Error(ErrorCode::kInvalid, "key column `", name, "` is not in the training data");
      return near.empty() ? status : std::move(status).WithHelp(StrCat("did you mean `", near, "`?"));
    }
    columns.push_back(column);
  }
  const std::size_t key_columns = columns.size();
  for (std::size_t c = 0; c < table.num_columns(); ++c)
    if (std::find(columns.begin(), columns.end(), &table.column(c)) == columns.end())
      columns.push_back(&table.column(c));
  const auto compare = [&](std::size_t a, std::size_t b, std::size_t count) {
    for (std::size_t c = 0; c < count; ++c)
      if (const int result = Compare(*columns[c], a, b); result != 0) return result;
    return 0;
  };
  const auto before = [&](std::size_t a, std::size_t b) {
    const int result = compare(a, b, columns.size());
    return result != 0 ? result < 0 : a < b;
  };
  order.as_given = std::is_sorted(order.rows.begin(), order.rows.end(), before);
  if (!order.as_given) std::sort(order.rows.begin(), order.rows.end(), before);
  for (std::size_t i = 1; i < order.rows.size(); ++i)
    if (compare(order.rows[i - 1], order.rows[i], key_columns) == 0) ++order.duplicate_keys;
  return order;
}

}  // namespace headrace

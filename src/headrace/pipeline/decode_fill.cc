// A `fill` step is an `sql` step whose query is written here: what holds of those (one thread, one text above training and scoring, columns known before a run) holds of it.
#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/pipeline/decode.h"
#include "headrace/sql/sql_text.h"

namespace headrace {
namespace {

std::string QuotedList(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back(QuoteIdentifier(name));
  return Join(quoted, ", ");
}

}  // namespace

SqlSpec DecodeFill(const Node& node, const DecodeContext& context, DraftStep& draft) {
  const Node& data = *node.Find("data");
  const std::vector<std::string> columns = ColumnsOf(node.Find("columns"), context.diagnostics), by = ColumnsOf(node.Find("by"), context.diagnostics);
  const std::string order = TextOf(node.Find("order"));
  std::vector<std::string> filled;
  for (const std::string& column : columns) {
    if (column == order || std::find(by.begin(), by.end(), column) != by.end())
      context.diagnostics.AddError(DiagnosticCode::kConflict, node.FindEntry("columns")->key_place, StrCat("`", column, "` says which rows belong together, and cannot be filled")).Help("remove it from `columns`");
    // Of rows of one instant those without a value come first: what stands beside a row is not its past. Of several values the largest counts, whatever their order.
    filled.push_back(StrCat("last_value(", QuoteIdentifier(column), " ignore nulls) over (partition by ", QuotedList(by), " order by ", QuoteIdentifier(order), " nulls first, ", QuoteIdentifier(column),
                            " nulls first rows between unbounded preceding and current row) as ", QuoteIdentifier(column)));
  }
  std::vector<std::string> table;
  for (const std::string& part : Split(data.text, '.')) table.push_back(QuoteIdentifier(part));
  SqlSpec spec;
  spec.query = {StrCat("select * replace (", Join(filled, ", "), ") from ", Join(table, ".")), {StartOf(node), {}}};
  draft.spec.unfitted_text = spec.query.text;
  if (!data.pending) draft.references.push_back({StepReference::Role::kTable, data.text, data.text, data.place});
  return spec;
}

}  // namespace headrace

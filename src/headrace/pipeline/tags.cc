#include "headrace/pipeline/tags.h"

#include <algorithm>
#include <set>

#include "headrace/base/text.h"

namespace headrace {
namespace {

template <typename Act>
void ForEachTag(const ResolvedPipeline& pipeline, Act act) {
  for (const StepSpec& step : pipeline.steps)
    if (const Contract* contract = ExtractSpec::ContractOf(step.checks))
      for (const ContractColumn& column : contract->columns)
        for (const std::string& tag : column.tags) act(tag, column.name);
}

}  // namespace

std::vector<std::string> TaggedColumns(const ResolvedPipeline& pipeline, const std::string& tag) {
  std::set<std::string> columns;
  ForEachTag(pipeline, [&](const std::string& one, const std::string& column) {
    if (one == tag) columns.insert(column);
  });
  return {columns.begin(), columns.end()};
}

Status ResolveTags(const ResolvedPipeline& pipeline, std::vector<TransformSpec>& transform) {
  for (TransformSpec& entry : transform) {
    if (entry.tag.empty()) continue;
    entry.columns = TaggedColumns(pipeline, entry.tag);
    if (!entry.columns.empty()) continue;
    std::set<std::string> tags;
    ForEachTag(pipeline, [&](const std::string& tag, const std::string&) { tags.insert(tag); });
    const std::vector<std::string> known(tags.begin(), tags.end());
    const std::string near = NearestName(entry.tag, known);
    return Error(ErrorCode::kInvalid, "no contract of this pipeline tags a column `", entry.tag, "`")
        .WithHelp(!near.empty() ? StrCat("did you mean `", near, "`?") : known.empty() ? "give columns of a contract `tags: [...]`" : StrCat("the tags are ", Join(known, ", ")));
  }
  return Ok();
}

}  // namespace headrace

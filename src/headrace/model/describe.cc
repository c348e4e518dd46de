#include "headrace/model/describe.h"

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/feature/kll.h"
#include "headrace/model/scorer_parts.h"

namespace headrace {

std::string DescribeAsJson(const Model& model) {
  const ModelInfo& info = model.info();
  nlohmann::ordered_json json = {{"digest", info.digest}, {"headrace_version", info.headrace_version}, {"commit", info.code_commit}, {"dirty", info.code_dirty},
                                 {"task", TaskName(info.task)}, {"learner", info.learner}, {"target", info.target}, {"classes", info.classes},
                                 {"calibration", info.calibration}, {"folds", info.folds}, {"train_rows", info.train_rows}, {"test_rows", info.test_rows}, {"fitted_rows", info.fitted_rows},
                                 {"metrics", info.metrics}, {"features", info.features}};
  if (info.task == Task::kBinary) json["threshold"] = info.threshold;
  if (info.clusters > 0) json["clusters"] = info.clusters;
  json["inputs"] = nlohmann::ordered_json::array();
  for (const InputColumn& input : info.inputs)
    json["inputs"].push_back({{"name", input.name}, {"type", TypeName(input.type)}, {"nullable", input.nullable}, {"personal", input.personal}});
  json["unfitted"] = nlohmann::ordered_json::array();
  for (const UnfittedStep& step : info.unfitted) json["unfitted"].push_back({{"name", step.name}, {"kind", step.kind}, {"digest", step.digest}, {"text", step.text}});
  if (const TreatmentFacts& t = info.treatment; !t.column.empty())
    json["treatment"] = {{"column", t.column}, {"treated", t.treated}, {"control", t.control}, {"outcome", t.outcome}};
  json["facts"] = {{"purpose", info.facts.purpose}, {"limits", info.facts.limits}, {"pipeline", info.facts.pipeline}, {"time_column", info.facts.time_column},
                   {"trained_from", info.facts.trained_from}, {"trained_to", info.facts.trained_to}, {"tested_from", info.facts.tested_from}, {"tested_to", info.facts.tested_to}};
  if (const std::vector<std::string> sketched = model.scorer().parts().transform.SketchedColumns(); !sketched.empty())
    json["sketched_percentiles"] = {{"columns", sketched}, {"rank_error", KllSketch::kRankError}};
  return DumpJson(json, 2) + "\n";
}

std::string DescribeSketches(const Model& model) {
  const std::vector<std::string> sketched = model.scorer().parts().transform.SketchedColumns();
  return sketched.empty() ? "" : StrCat(Join(sketched, ", "), ": from a KLL sketch, ranks within ", KllSketch::kRankError * 100, " %");
}

std::string_view KindOf(const ModelInfo& info) { return info.treatment.column.empty() ? TaskName(info.task) : "uplift"; }

std::string DescribeTreatment(const TreatmentFacts& facts) {
  if (facts.column.empty()) return "";
  return StrCat(facts.column, ": ", facts.treated, " instead of ", facts.control, facts.outcome.empty() ? "" : StrCat("; of the probability of ", facts.outcome));
}

}  // namespace headrace

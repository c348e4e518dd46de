#include "headrace/model/treatment.h"

#include <cmath>
#include <set>

#include "headrace/base/text.h"

namespace headrace {
namespace {

Status NotForUplift(std::string_view key, std::string_view why) {
  return Error(ErrorCode::kInvalid, "`", key, "` has no meaning for uplift: ", why).WithHelp(StrCat("leave `", key, "` out"));
}

/// The two values of a column without nulls, as text in byte order.
Result<std::set<std::string>> ValuesOf(const Column& column, const std::string& name) {
  if (column.null_count() > 0)
    return Error(ErrorCode::kData, "treatment column `", name, "` has ", FormatCount(static_cast<std::int64_t>(column.null_count())), " nulls")
        .WithHelp("leave out the rows of which nobody knows whether they were treated");
  std::set<std::string> values;
  for (std::size_t r = 0; r < column.size() && values.size() < 3; ++r) values.insert(column.At(r).ToString());
  if (values.size() == 2) return values;
  return Error(ErrorCode::kData, "treatment column `", name, "` has ", values.size() > 2 ? "more than two values: " : "one value only: ",
               Join(std::vector<std::string>(values.begin(), values.end()), ", "))
      .WithHelp("two are needed, the treated and the others; of several treatments compare one with none");
}

}  // namespace

Status CheckTreatment(const TrainSpec& spec) {
  if (spec.treatment.empty()) {
    if (spec.learner.uplift)
      return Error(ErrorCode::kInvalid, "the learner estimates uplift, and no column says who was treated").WithHelp("add `treatment: COLUMN`");
    return spec.treated.empty() ? Ok() : Error(ErrorCode::kInvalid, "`treated` is a value of a treatment column, and none is named").WithHelp("add `treatment: COLUMN`");
  }
  if (!spec.learner.uplift)
    return Error(ErrorCode::kInvalid, "`treatment` is for learners of uplift")
        .WithHelp("write `learner: {two_model: lightgbm}` or `learner: {x_learner: lightgbm}`; `ignore: [COLUMN]` only leaves it out");
  if (spec.learner.task == Task::kMulticlass) return NotForUplift("objective: multiclass", "the score is of one class of two, or of a number");
  if (!spec.group.empty()) return NotForUplift("group", "it does not rank the rows of a query");
  if (spec.calibrate.kind != CalibrationSpec::Kind::kNone) return NotForUplift("calibrate", "no row tells both what happened and what would have");
  if (spec.threshold.chosen() || spec.threshold.fixed != ThresholdSpec().fixed) return NotForUplift("threshold", "its scores have no label; choose rows by `select: {top: N}` where they are scored");
  if (spec.class_weight_balanced || !spec.class_weight.empty()) return NotForUplift("class_weight", "it moves the probabilities whose difference is the score");
  if (!spec.learner.monotone.empty()) return NotForUplift("monotone", "two predictions that only rise may differ by one that falls");
  return Ok();
}

Result<Treatment> ReadTreatment(const Table& table, const TrainSpec& spec) {
  const Column* column = table.Find(spec.treatment);
  if (column == nullptr) return Error(ErrorCode::kInvalid, "treatment column `", spec.treatment, "` is not in the training data");
  ASSIGN_OR_RETURN(const std::set<std::string> values, ValuesOf(*column, spec.treatment));
  Treatment treatment;
  treatment.value = spec.treated;
  for (const char* usual : {"true", "1"})
    if (treatment.value.empty() && values.contains(usual)) treatment.value = usual;
  if (treatment.value.empty()) treatment.value = *values.rbegin();
  if (!values.contains(treatment.value))
    return Error(ErrorCode::kInvalid, "treated value \"", treatment.value, "\" is not a value of treatment column `", spec.treatment, "`")
        .WithHelp(StrCat("choose from: ", *values.begin(), ", ", *values.rbegin()));
  treatment.control = *values.begin() == treatment.value ? *values.rbegin() : *values.begin();
  treatment.treated.resize(column->size());
  for (std::size_t r = 0; r < column->size(); ++r) treatment.treated[r] = column->At(r).ToString() == treatment.value ? 1 : 0;
  return treatment;
}

Status CheckArms(const Target& target, Task outcome, const Treatment& treatment, std::span<const std::size_t> rows, bool whole, std::string_view part) {
  std::set<double> seen[2];
  for (const std::size_t row : rows)
    if (std::set<double>& values = seen[treatment.treated[row]]; values.size() < 2) values.insert(target.values[row]);
  for (const bool treated : {false, true}) {
    const std::string_view who = treated ? "treated rows" : "rows that were not treated";
    if (seen[treated].empty())
      return Error(ErrorCode::kData, "the ", part, " part has no ", who).WithHelp("give more rows, or split them another way");
    if (whole && outcome == Task::kBinary && seen[treated].size() < 2)
      return Error(ErrorCode::kData, "the ", who, " of the ", part, " part all have the same target").WithHelp("give more rows, or split them another way");
  }
  return Ok();
}

}  // namespace headrace

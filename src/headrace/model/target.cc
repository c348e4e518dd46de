#include "headrace/model/target.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "headrace/base/text.h"
#include "headrace/model/learner.h"

namespace headrace {
namespace {

constexpr std::size_t kMaxTextClasses = 100;
constexpr std::size_t kMaxIntClasses = 20;
constexpr std::size_t kRowsPerIntClass = 10;
constexpr std::size_t kRowsShown = 5;

/// Refuse nulls, NaN and infinity, saying how many and where the first are.
Status CheckValues(const Column& column, const std::string& name) {
  std::size_t nulls = 0, odd = 0;
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < column.size(); ++i) {
    const bool null = column.IsNull(i);
    if (!null && (column.type() != Type::kDouble || std::isfinite(column.doubles()[i]))) continue;
    (null ? nulls : odd) += 1;
    if (rows.size() < kRowsShown) rows.push_back(StrCat(i + 1));
  }
  const std::size_t bad = nulls + odd;
  if (bad == 0) return Ok();
  const std::string what = odd == 0 ? "null" : nulls == 0 ? "NaN or infinite" : "null, NaN or infinite";
  return Error(ErrorCode::kData, "target `", name, "` is ", what, " in ", FormatCount(static_cast<std::int64_t>(bad)),
               " of ", FormatCount(static_cast<std::int64_t>(column.size())), " rows (row ", Join(rows, ", "),
               bad > rows.size() ? ", ..." : "", ")")
      .WithHelp(
          StrCat("leave those rows out before training, for example with a sql step: where ", name, " is not null"));
}

/// The distinct values as text, with the rows that have them; looks at no more than the first `most` + 1 distinct ones.
std::map<std::string, std::vector<std::size_t>> DistinctValues(const Column& column, std::size_t most) {
  std::map<std::string, std::vector<std::size_t>> rows_of;
  std::map<std::int64_t, std::string> int_text;
  std::map<double, std::string> double_text;
  for (std::size_t i = 0; i < column.size(); ++i) {
    std::string text;
    if (column.type() == Type::kText) {
      text = column.text(i);
    } else if (column.type() == Type::kDouble) {
      std::string& known = double_text[column.doubles()[i]];  // -0 and 0 are one value here
      if (known.empty()) known = Value::Double(column.doubles()[i] + 0.0).ToString();
      text = known;
    } else {
      std::string& known = int_text[column.ints()[i]];
      if (known.empty()) known = column.At(i).ToString();
      text = known;
    }
    rows_of[text].push_back(i);
    if (rows_of.size() > most) break;
  }
  return rows_of;
}

Task TaskOf(const Column& column, const TrainSpec& spec, std::size_t distinct) {
  if (spec.learner.task) return *spec.learner.task;
  const bool two = distinct == 2;
  if (spec.learner.given && spec.learner.kind == LearnerSpec::Kind::kLinear) return Task::kRegression;
  if (spec.learner.given && spec.learner.kind == LearnerSpec::Kind::kLogistic)
    return two ? Task::kBinary : Task::kMulticlass;
  if (column.type() == Type::kBool || two) return Task::kBinary;
  if (column.type() == Type::kText) return Task::kMulticlass;
  if (column.type() == Type::kInt && distinct <= kMaxIntClasses && distinct * kRowsPerIntClass <= column.size())
    return Task::kMulticlass;
  return Task::kRegression;
}

Status OneValueOnly(const std::string& name, const std::string& value, std::size_t rows) {
  return Error(ErrorCode::kData, "target `", name, "` has one value only: ", value, " in all ",
               FormatCount(static_cast<std::int64_t>(rows)), " rows; training needs at least two")
      .WithHelp("check how the target is made, and that the rows were not filtered by it");
}

/// Which of the two classes is the positive one.
Result<std::string> PositiveClass(const TrainSpec& spec, const std::string& first, const std::string& last) {
  if (spec.positive.empty()) {
    for (const std::string_view usual : {"true", "1"})
      if (first == usual || last == usual) return std::string(usual);
    return last;
  }
  if (spec.positive == first || spec.positive == last) return spec.positive;
  return Error(ErrorCode::kInvalid, "positive class \"", spec.positive, "\" is not a value of target `", spec.target,
               "`")
      .WithHelp(StrCat("choose from: ", first, ", ", last));
}

/// The target as numbers; `task` must be able to use its type.
Result<std::vector<double>> Numbers(const Column& column, const std::string& name) {
  std::vector<double> values(column.size());
  if (column.type() == Type::kDouble) {
    std::copy(column.doubles().begin(), column.doubles().end(), values.begin());
  } else if (column.type() == Type::kInt || column.type() == Type::kBool) {
    std::transform(column.ints().begin(), column.ints().end(), values.begin(),
                   [](std::int64_t v) { return static_cast<double>(v); });
  } else {
    return Error(ErrorCode::kData, "target `", name, "` is ", TypeName(column.type()), "; regression needs a number")
        .WithHelp("choose an objective for classes, or turn the target into a number");
  }
  return values;
}

Status CheckClassCount(const Column& column, const TrainSpec& spec, Task task, std::size_t distinct) {
  const std::string counted = distinct > kMaxTextClasses ? StrCat("more than ", kMaxTextClasses) : StrCat(distinct);
  if (task == Task::kBinary && distinct > 2)
    return Error(ErrorCode::kData, "target `", spec.target, "` has ", counted,
                 " distinct values; a binary model needs two")
        .WithHelp("choose a multiclass or regression objective, or make the target true or false");
  if (distinct > kMaxTextClasses)
    return Error(ErrorCode::kData, "target `", spec.target, "` has ", counted, " distinct ", TypeName(column.type()),
                 " values; that many classes are not supported")
        .WithHelp("is it an identifier? group rare values into one, or choose a regression objective for a number");
  return Ok();
}

}  // namespace

Result<Target> ExtractTarget(const Table& table, const TrainSpec& spec) {
  if (TaskOfLearner(spec.learner) == Task::kClustering) return Target{Task::kClustering, {}, {}};
  const Column* column = table.Find(spec.target);
  if (column == nullptr) {
    const std::vector<std::string> names = table.schema().Names();
    const std::string near = NearestName(spec.target, names);
    return Error(ErrorCode::kInvalid, "target \"", spec.target, "\" is not a column of the data")
        .WithHelp(near.empty() ? StrCat("columns: ", Join(names, ", ")) : StrCat("did you mean \"", near, "\"?"));
  }
  if (column->size() == 0) return Error(ErrorCode::kData, "no rows to train on");
  RETURN_IF_ERROR(CheckValues(*column, spec.target));
  if (column->type() == Type::kDate || column->type() == Type::kTimestamp || column->type() == Type::kDuration)
    return Error(ErrorCode::kData, "target `", spec.target, "` is ", TypeName(column->type()),
                 "; expected bool, int, double or text")
        .WithHelp("predict a number instead, such as the days until it");

  const auto rows_of = DistinctValues(*column, kMaxTextClasses);
  if (rows_of.size() == 1) return OneValueOnly(spec.target, rows_of.begin()->first, column->size());

  Target target;
  target.task = TaskOf(*column, spec, rows_of.size());
  if (target.task != Task::kBinary && !spec.positive.empty())
    return Error(ErrorCode::kInvalid, "`positive` is given, but target `", spec.target, "` makes this a ",
                 TaskName(target.task), " model")
        .WithHelp("leave `positive` out, or choose a binary objective");
  if (target.task == Task::kRegression) {
    ASSIGN_OR_RETURN(target.values, Numbers(*column, spec.target));
    return target;
  }

  RETURN_IF_ERROR(CheckClassCount(*column, spec, target.task, rows_of.size()));
  for (const auto& [text, rows] : rows_of) target.classes.push_back(text);
  if (target.task == Task::kBinary) {
    ASSIGN_OR_RETURN(const std::string positive, PositiveClass(spec, target.classes[0], target.classes[1]));
    if (positive == target.classes[0]) std::swap(target.classes[0], target.classes[1]);
  }
  target.values.resize(column->size());
  for (std::size_t c = 0; c < target.classes.size(); ++c)
    for (const std::size_t row : rows_of.at(target.classes[c])) target.values[row] = static_cast<double>(c);
  return target;
}

Status CheckClasses(const Target& target, std::span<const std::size_t> rows, std::string_view part) {
  if (target.classes.empty()) return Ok();
  std::set<double> seen;
  for (const std::size_t row : rows) seen.insert(target.values[row]);
  if (seen.size() >= 2) return Ok();
  const std::string found = seen.empty()
                                ? "no row"
                                : StrCat("one class only: ", target.classes[static_cast<std::size_t>(*seen.begin())],
                                         " in all ", FormatCount(static_cast<std::int64_t>(rows.size())), " rows");
  return Error(ErrorCode::kData, "the ", part, " part has ", found)
      .WithHelp("give more rows, or split them another way");
}

}  // namespace headrace

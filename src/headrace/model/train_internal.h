#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/split.h"
#include "headrace/model/train.h"

/// Private to this room: what a training checks before it begins, and the names it goes by.
namespace headrace::internal {

/// kInvalid, with the nearest name.
Status UnknownColumn(std::string_view role, const std::string& name, const Schema& schema);
bool Contains(const std::vector<std::string>& names, const std::string& name);
/// For people: "hash(customer_id) 20%".
std::string DescribeSplit(const SplitSpec& split);
/// What the spec asks for that the task cannot do.
Status CheckForTask(const TrainSpec& spec, Task task);
/// Columns named by the spec, apart from transforms.
Status CheckColumns(const TrainSpec& spec, const Schema& schema);
/// Of the columns by which rows are split or put into folds, those that are no features because `transform` does not name them. Few are: a test date was never
/// seen, an id means nothing.
std::vector<std::string> DividesOnly(const TrainSpec& spec, const std::vector<TransformSpec>& transform);
/// For the model card. The rows' time is that of a `time` split, or the one date of the key: its first and last tell of no single row's person.
TrainingFacts FactsOf(const TrainSpec& spec, const std::string& pipeline, const Table& rows, const DataSplit& split);
/// Columns of the training table that are never features.
std::vector<std::string> NeverFeatures(const TrainSpec& spec);

}  // namespace headrace::internal

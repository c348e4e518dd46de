#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "headrace/model/model.h"
#include "headrace/table/table.h"

namespace headrace {

struct ScoringOptions {
  std::optional<std::vector<std::string>> keep;   ///< columns carried over; not given: all but the model's target
  std::string model_version;                      ///< text of the column `model_version`: "propensity@4"
  std::function<bool()> cancelled;                ///< asked before each block; may be empty
  ScoreCounts* counts = nullptr;                  ///< adds up; may be null
  std::vector<double>* scores = nullptr;          ///< collects the column `score`, or `cluster`, of all rows; may be null
  int reasons = 0;                                ///< columns reason_1 .. reason_n (docs/explanations.md); 0 = none
  std::set<std::string> personal;                 ///< columns whose values no reason tells, beside those that the model knows to be personal
  std::int64_t top = 0;                           ///< only the rows with the largest `score`, this many; 0 = all rows. Refused of clusters, as reasons are
  int threads = 1;                                ///< never changes a bit; 0 = all cores
};

/// The rows of `rows` with their scores, block by block: kept columns, then what Scorer::Score gives, reasons, then `model_version`.
/// Row order is the input's. With `top`, all rows are scored (and counted) before the first block comes; of equal scores the rows that came first stay. Reasons are
/// made for the rows that stay only. kData before the first row when the data do not fit the model; kInvalid when `keep` names a column that is not there
/// or one that scoring makes, and when it asks of clusters what only scores have. What `options` points to must outlive the stream.
Result<std::unique_ptr<TableStream>> MakeScoringStream(std::shared_ptr<const Model> model, std::unique_ptr<TableStream> rows,
                                                       const ScoringOptions& options);

}  // namespace headrace

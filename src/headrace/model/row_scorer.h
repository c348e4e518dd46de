#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/model.h"
#include "headrace/table/table.h"

namespace headrace {

/// A model bound to the columns in which rows come, for rows that come one at a time: names are looked up and buffers
/// made once. The numbers are Scorer's, bit for bit.
///
/// Threads: none; one RowScorer a thread.
class RowScorer {
 public:
  /// Rows will have `columns`, in this order; those the model does not read are skipped. kData names a column that is
  /// missing (with the nearest name).
  static Result<RowScorer> Bind(std::shared_ptr<const Model> model, const Schema& columns);

  /// What Scorer::Predict gives for this row: one number, one a class, or cluster and distance; valid until the next call. REQUIRES: as many
  /// values as columns. kData: a value of another type than its column, and what Scorer::Score refuses.
  Result<std::span<const double>> Score(std::span<const Value> row);
  /// The class after the threshold; empty for regression and clustering. REQUIRES: Score gave numbers.
  std::string_view label() const;

 private:
  RowScorer() = default;

  std::shared_ptr<const Model> model_;
  std::vector<Field> fields_;                     ///< the model's inputs with the types of the rows
  std::vector<std::size_t> places_;               ///< of each in a row
  std::vector<std::shared_ptr<Column>> columns_;  ///< of one row, put in place anew for each; held by table_ too
  Table table_;
  std::vector<double> vector_, predictions_;
};

}  // namespace headrace

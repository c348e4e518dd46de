#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/expr/expr.h"
#include "headrace/table/table.h"

namespace headrace::internal {

/// The rows that checks look at: those for which a condition holds, and of these those of each segment apart.
class Selection {
 public:
  static constexpr std::size_t kMostSegments = 1000;

  /// kInvalid: a condition that does not bind or is no bool, a column that `schema` lacks.
  static Result<Selection> Make(const std::string& where, const std::vector<std::string>& by, const Schema& schema);

  struct Part {
    std::size_t segment = 0;
    std::vector<std::size_t> rows;   ///< of the block, ascending
  };
  /// The segments of which `block` has rows. kData when the condition raises or there are more than kMostSegments segments.
  Result<std::vector<Part>> Split(const Table& block);

  /// "country=de, channel=web"; "" without `by`.
  const std::string& Name(std::size_t segment) const { return names_[segment]; }
  std::size_t size() const { return names_.size(); }

 private:
  std::size_t SegmentOf(const Table& block, std::size_t row);

  std::optional<BoundExpression> where_;
  std::vector<std::size_t> by_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> segments_;   ///< by key bytes
  std::string key_;
};

}  // namespace headrace::internal

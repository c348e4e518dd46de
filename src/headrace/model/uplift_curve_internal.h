#pragma once

#include <cstdint>
#include <span>
#include <vector>

/// Private to this room: the curves that metrics and charts of uplift are read off.
namespace headrace::internal {

/// The rows from the first to here, in some order; rows of equal rank come at once.
struct UpliftSums {
  double treated = 0, control = 0;                ///< weights of the rows
  double treated_target = 0, control_target = 0;  ///< their weighted targets
  double rows() const { return treated + control; }
  /// How much more target the treated rows have than as many controls would (Radcliffe 2007).
  double qini() const { return treated_target - (control > 0 ? control_target * (treated / control) : 0); }
  /// The difference of the two means, for all of the rows.
  double uplift() const {
    return ((treated > 0 ? treated_target / treated : 0) - (control > 0 ? control_target / control : 0)) * rows();
  }
};

/// Places of `keys` in the order of the largest key first.
std::vector<std::uint32_t> OrderByLargest(std::span<const double> keys);

/// Sums up to the last row of each distinct key, rows that weigh 0 left out. `order` is OrderByLargest(keys); `weights` may
/// be empty. REQUIRES: equal lengths.
std::vector<UpliftSums> SumsByKey(std::span<const std::uint32_t> order, std::span<const double> keys, std::span<const double> target,
                                  std::span<const std::uint8_t> treated, std::span<const double> weights);

/// What a model would say that knows every row's outcome: treated rows with much target first, controls with much last.
std::vector<double> PerfectUplift(std::span<const double> target, std::span<const std::uint8_t> treated);

}  // namespace headrace::internal

#pragma once

#include <cstddef>
#include <cstdint>

namespace headrace {

/// From raw margins to predictions: what the learner's objective implies.
///   identity  regression: the prediction is the margin
///   sigmoid   binary: 1 / (1 + exp(-scale * margin)), the probability of the positive class
///   softmax   multiclass: exp(margin_k - max) / sum over the classes
///   exp       regression with a log link (poisson, gamma, tweedie): exp(margin), finite for every margin
struct Link {
  enum class Kind : std::uint8_t { kIdentity, kSigmoid, kSoftmax, kExp };
  Kind kind = Kind::kIdentity;
  double scale = 1;  ///< kSigmoid: LightGBM's `sigmoid` parameter
  bool operator==(const Link&) const = default;
};

/// Replace the margins of `rows` x `outputs` (row-major) by predictions, in place. A row's result depends on that
/// row only; exp is base/math's, so the bits are the same on every processor.
void ApplyLink(const Link& link, std::size_t rows, std::size_t outputs, double* values);

}  // namespace headrace

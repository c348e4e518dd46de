#include "headrace/model/link.h"

#include <algorithm>

#include "headrace/base/math.h"

namespace headrace {

namespace {
constexpr double kMostExponent = 709;  // exp of it is still a double
}

void ApplyLink(const Link& link, std::size_t rows, std::size_t outputs, double* values) {
  switch (link.kind) {
    case Link::Kind::kIdentity:
      return;
    case Link::Kind::kSigmoid:
      for (std::size_t i = 0; i < rows * outputs; ++i) values[i] = 1.0 / (1.0 + math::Exp(-link.scale * values[i]));
      return;
    case Link::Kind::kExp:
      for (std::size_t i = 0; i < rows * outputs; ++i) values[i] = math::Exp(std::min(values[i], kMostExponent));
      return;
    case Link::Kind::kSoftmax:
      for (std::size_t r = 0; r < rows; ++r) {
        double* row = values + r * outputs;
        const double top = *std::max_element(row, row + outputs);
        double sum = 0;
        for (std::size_t k = 0; k < outputs; ++k) sum += row[k] = math::Exp(row[k] - top);
        for (std::size_t k = 0; k < outputs; ++k) row[k] /= sum;
      }
      return;
  }
}

}  // namespace headrace

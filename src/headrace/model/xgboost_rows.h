#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/learner.h"
#include "headrace/model/xgboost_api.h"

/// Private to this room: vectors on their way into XGBoost, to whom a compressed row's zeros would be missing values, so that it is given them as well.
namespace headrace::internal {

/// numpy's array interface of rows of doubles, or of floats.
std::string ArrayText(const double* values, std::size_t rows, std::size_t columns);
std::string ArrayText(const float* values, std::size_t rows, std::size_t columns);

/// XGBoost's matrix of `vectors`, with target, weights and queries, into `out`, which the caller frees. Compressed vectors are handed over block by block, and XGBoost
/// keeps of each number only its bin of `bins`: the bins, and so the trees, that it makes of a whole matrix of floats. `bins` 0: for those trees that ask for the numbers
/// themselves, and for rankings, the rows are expanded. kFailed with XGBoost's words.
Status MakeXgboostMatrix(const XgboostApi& api, const Vectors& vectors, int bins, void** out);

/// The margins of compressed rows, added up as trees are grown; the same floats as XGBoost's own of a matrix that it keeps.
class XgboostMargins {
 public:
  XgboostMargins() = default;
  ~XgboostMargins();
  XgboostMargins(const XgboostMargins&) = delete;
  XgboostMargins& operator=(const XgboostMargins&) = delete;
  /// Add the trees of iterations [known, `iterations`) of `booster`; then `iterations` are known. kFailed with XGBoost's words.
  Status Advance(const XgboostApi& api, void* booster, const Matrix& rows, std::size_t outputs, int iterations);
  /// Row-major.
  std::vector<double> values() const { return {margins_.begin(), margins_.end()}; }

 private:
  const XgboostApi* api_ = nullptr;
  void* proxy_ = nullptr;
  int known_ = 0;
  std::vector<float> margins_;
};

/// Why XGBoost could not do `what`; Ok for a result of 0.
Status CheckXgboost(const XgboostApi& api, int result, const char* what);

}  // namespace headrace::internal

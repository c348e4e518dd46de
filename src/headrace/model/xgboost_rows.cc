#include "headrace/model/xgboost_rows.h"

#include <algorithm>
#include <cstdint>

#include "headrace/base/memory.h"
#include "headrace/base/text.h"
#include "headrace/model/queries.h"

namespace headrace::internal {
namespace {

std::string ArrayOf(const void* values, std::string_view type, std::size_t rows, std::size_t columns) {
  return StrCat(R"({"data": [)", reinterpret_cast<std::uintptr_t>(values), R"(, true], "shape": [)", rows, ", ", columns, R"(], "typestr": ")", type, R"(", "version": 3})");
}

std::size_t BlockRows(const Matrix& matrix) {
  constexpr std::size_t kBlockNumbers = 1 << 20;  // that are expanded at once
  return std::clamp<std::size_t>(kBlockNumbers / std::max<std::size_t>(matrix.columns(), 1), 1, 65'536);
}

/// Blocks of expanded rows, as XGBoost asks for them: several times over.
class BlockReader {
 public:
  BlockReader(const XgboostApi& api, const Vectors& vectors, void* proxy) : api_(api), vectors_(vectors), proxy_(proxy), block_(BlockRows(vectors.matrix) * vectors.features()) {}
  const Status& status() const { return said_; }

  static void Reset(void* reader) { static_cast<BlockReader*>(reader)->next_ = 0; }
  static int Next(void* reader) {
    auto& self = *static_cast<BlockReader*>(reader);
    if (self.next_ == self.vectors_.rows() || !self.said_.ok()) return 0;
    self.said_ = self.Give();
    return self.said_.ok() ? 1 : 0;
  }

 private:
  Status Give() {
    const std::size_t first = next_, rows = std::min(BlockRows(vectors_.matrix), vectors_.rows() - first);
    next_ += rows;
    vectors_.matrix.Expand(first, rows, block_.data());
    RETURN_IF_ERROR(CheckXgboost(api_, api_.proxy_set_dense(proxy_, ArrayText(block_.data(), rows, vectors_.features()).c_str()), "read the training rows"));
    RETURN_IF_ERROR(Set("label", vectors_.target.subspan(first, rows)));
    return vectors_.weights.empty() ? Ok() : Set("weight", vectors_.weights.subspan(first, rows));
  }
  Status Set(const char* field, std::span<const double> values) {
    const std::vector<float> narrow(values.begin(), values.end());
    return CheckXgboost(api_, api_.matrix_set_float_info(proxy_, field, narrow.data(), narrow.size()), "read the training rows");
  }

  const XgboostApi& api_;
  const Vectors& vectors_;
  void* proxy_;
  std::vector<double> block_;
  std::size_t next_ = 0;
  Status said_;
};

Status MakeBinnedMatrix(const XgboostApi& api, const Vectors& vectors, int bins, void** out) {
  void* proxy = nullptr;
  RETURN_IF_ERROR(CheckXgboost(api, api.proxy_create(&proxy), "begin to read rows"));
  BlockReader reader(api, vectors, proxy);
  const std::string config = StrCat(R"({"missing": NaN, "nthread": 1, "max_bin": )", bins, "}");
  const int made = api.quantile_matrix_create(&reader, proxy, nullptr, BlockReader::Reset, BlockReader::Next, config.c_str(), out);
  Status status = reader.status();
  if (status.ok()) status = CheckXgboost(api, made, "read the training rows");
  api.matrix_free(proxy);
  return status;
}

Status MakeWholeMatrix(const XgboostApi& api, const Vectors& vectors, void** out) {
  std::vector<double> expanded;
  if (vectors.matrix.compressed()) {
    expanded.resize(vectors.rows() * vectors.features());
    vectors.matrix.Expand(0, vectors.rows(), expanded.data());
  }
  const double* values = vectors.matrix.compressed() ? expanded.data() : vectors.matrix.values().data();
  RETURN_IF_ERROR(CheckXgboost(api, api.matrix_create_from_dense(ArrayText(values, vectors.rows(), vectors.features()).c_str(), R"({"missing": NaN, "nthread": 1})", out),
                               "read the training rows"));
  const auto set = [&](const char* field, std::span<const double> numbers, const char* what) {
    const std::vector<float> narrow(numbers.begin(), numbers.end());
    return CheckXgboost(api, api.matrix_set_float_info(*out, field, narrow.data(), narrow.size()), what);
  };
  RETURN_IF_ERROR(set("label", vectors.target, "read the target"));
  if (!vectors.groups.empty()) {
    const std::vector<std::int32_t> sizes = QuerySizes(vectors.groups);
    const std::vector<unsigned> counts(sizes.begin(), sizes.end());
    RETURN_IF_ERROR(CheckXgboost(api, api.matrix_set_uint_info(*out, "group", counts.data(), counts.size()), "read the queries"));
  }
  return vectors.weights.empty() ? Ok() : set("weight", vectors.weights, "read the weights");
}

}  // namespace

std::string ArrayText(const double* values, std::size_t rows, std::size_t columns) { return ArrayOf(values, "<f8", rows, columns); }
std::string ArrayText(const float* values, std::size_t rows, std::size_t columns) { return ArrayOf(values, "<f4", rows, columns); }

Status CheckXgboost(const XgboostApi& api, int result, const char* what) {
  if (result == 0) return Ok();
  if (std::string_view(api.LastError()).find("bad_alloc") != std::string_view::npos) return OutOfMemory();
  return Error(ErrorCode::kFailed, "XGBoost could not ", what, ": ", api.LastError());
}

Status MakeXgboostMatrix(const XgboostApi& api, const Vectors& vectors, int bins, void** out) {
  return vectors.matrix.compressed() && vectors.groups.empty() && bins > 0 ? MakeBinnedMatrix(api, vectors, bins, out) : MakeWholeMatrix(api, vectors, out);
}

XgboostMargins::~XgboostMargins() {
  if (proxy_ != nullptr) api_->matrix_free(proxy_);
}

/// What a row has so far goes in as its base margin, to which XGBoost adds the leaves of the trees asked for, one after the other.
Status XgboostMargins::Advance(const XgboostApi& api, void* booster, const Matrix& rows, std::size_t outputs, int iterations) {
  if (iterations == known_) return Ok();
  api_ = &api;
  const std::string config = StrCat(R"({"type": 1, "training": false, "iteration_begin": )", known_, R"(, "iteration_end": )", iterations,
                                    R"(, "strict_shape": true, "missing": NaN, "cache_id": 0})");
  const bool begun = known_ > 0;
  if (begun && proxy_ == nullptr) RETURN_IF_ERROR(CheckXgboost(api, api.proxy_create(&proxy_), "begin to read rows"));
  margins_.resize(rows.rows() * outputs);
  std::vector<double> block(BlockRows(rows) * rows.columns());
  for (std::size_t first = 0; first < rows.rows(); first += BlockRows(rows)) {
    const std::size_t count = std::min(BlockRows(rows), rows.rows() - first);
    rows.Expand(first, count, block.data());
    float* margins = margins_.data() + first * outputs;
    const std::string array = ArrayText(block.data(), count, rows.columns());
    if (begun) {  // the rows first: margins are counted against them
      RETURN_IF_ERROR(CheckXgboost(api, api.proxy_set_dense(proxy_, array.c_str()), "read rows"));
      RETURN_IF_ERROR(CheckXgboost(api, api.matrix_set_info(proxy_, "base_margin", ArrayText(margins, count, outputs).c_str()), "read margins"));
    }
    const XgboostApi::Size* shape = nullptr;
    XgboostApi::Size dimensions = 0, made = 1;
    const float* values = nullptr;
    RETURN_IF_ERROR(CheckXgboost(api, api.booster_predict_from_dense(booster, array.c_str(), config.c_str(), begun ? proxy_ : nullptr, &shape, &dimensions, &values), "predict"));
    for (XgboostApi::Size d = 0; d < dimensions; ++d) made *= shape[d];
    if (made != count * outputs) return Error(ErrorCode::kInternal, "XGBoost has ", made, " predictions, expected ", count * outputs);
    std::copy_n(values, made, margins);
  }
  known_ = iterations;
  return Ok();
}

}  // namespace headrace::internal

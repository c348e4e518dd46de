#include "headrace/model/lightgbm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/memory.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/model/lightgbm_api.h"
#include "headrace/model/loss.h"
#include "headrace/model/queries.h"

namespace headrace {
namespace {

std::string ParameterText(const LearnerSettings& settings, int threads) {
  std::string text;
  for (const auto& [name, value] : settings.parameters) text += StrCat(name, "=", value, " ");
  return text + StrCat("num_threads=", threads);
}

/// The rows by which LightGBM chooses its cuts, column by column: the numbers that are not 0 and the places they have in the sample. Columns without a 0
/// share their places.
class SampledColumns {
 public:
  SampledColumns(const Matrix& rows, const std::vector<std::int32_t>& sampled, int threads)
      : rows_(sampled.size()), counts_(rows.columns()), numbers_of_(rows.columns()), places_of_(rows.columns()), every_place_(sampled.size()) {
    std::iota(every_place_.begin(), every_place_.end(), 0);
    const std::size_t columns = rows.columns(), blocks = (rows_ + kBlock - 1) / kBlock;
    std::vector<int> begins(blocks * columns);      // of each block in each column; at first how many numbers it has there
    ForEach(threads, blocks, [&](std::size_t block) { EachNumber(rows, sampled, block, [count = &begins[block * columns]](std::size_t c, int, double) { ++count[c]; }); });
    for (std::size_t i = 0; i < begins.size(); ++i) counts_[i % columns] += std::exchange(begins[i], counts_[i % columns]);
    std::size_t numbers = 0, places = 0;
    for (const int count : counts_) numbers += static_cast<std::size_t>(count), places += full(count) ? 0 : static_cast<std::size_t>(count);
    numbers_ = std::make_unique_for_overwrite<double[]>(numbers);
    places_ = std::make_unique_for_overwrite<int[]>(places);
    numbers = places = 0;
    for (std::size_t c = 0; c < columns; ++c) {
      const auto count = static_cast<std::size_t>(counts_[c]);
      numbers_of_[c] = numbers_.get() + std::exchange(numbers, numbers + count);
      places_of_[c] = full(counts_[c]) ? every_place_.data() : places_.get() + std::exchange(places, places + count);
    }
    ForEach(threads, blocks, [&](std::size_t block) {
      EachNumber(rows, sampled, block, [this, next = &begins[block * columns]](std::size_t c, int place, double x) {
        if (!full(counts_[c])) places_of_[c][next[c]] = place;
        numbers_of_[c][next[c]++] = x;
      });
    });
  }

  double** numbers() { return numbers_of_.data(); }
  int** places() { return places_of_.data(); }
  const int* counts() const { return counts_.data(); }
  std::int32_t rows() const { return static_cast<std::int32_t>(rows_); }

 private:
  static constexpr std::size_t kBlock = 4096;      // sampled rows that one thread looks at together
  bool full(int count) const { return static_cast<std::size_t>(count) == rows_; }

  template <typename Use>
  static void EachNumber(const Matrix& rows, const std::vector<std::int32_t>& sampled, std::size_t block, const Use& use) {
    for (std::size_t place = block * kBlock; place < std::min(sampled.size(), (block + 1) * kBlock); ++place) {
      const double* row = rows.values().data() + static_cast<std::size_t>(sampled[place]) * rows.columns();
      for (std::size_t c = 0; c < rows.columns(); ++c)
        if (std::fabs(row[c]) > 1e-35F || std::isnan(row[c])) use(c, static_cast<int>(place), row[c]);   // its kZeroThreshold
    }
  }

  std::size_t rows_;
  std::vector<int> counts_;
  std::unique_ptr<double[]> numbers_;
  std::unique_ptr<int[]> places_;
  std::vector<double*> numbers_of_;
  std::vector<int*> places_of_;
  std::vector<int> every_place_;
};

class LightGbmBooster final : public Booster {
 public:
  explicit LightGbmBooster(const LearnerSettings& settings)
      : loss_(Loss::Of(settings)), outputs_(settings.num_outputs()) {}
  ~LightGbmBooster() override {
    if (booster_ != nullptr) api_->booster_free(booster_);
    if (held_data_ != nullptr) api_->dataset_free(held_data_);
    if (train_data_ != nullptr) api_->dataset_free(train_data_);
  }
  LightGbmBooster(const LightGbmBooster&) = delete;
  LightGbmBooster& operator=(const LightGbmBooster&) = delete;

  Status Begin(const LearnerSettings& settings, const Vectors& train, const Vectors* held, int threads) {
    constexpr std::size_t kMost = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
    if (train.rows() > kMost || train.features() > kMost)
      return Error(ErrorCode::kInvalid, "LightGBM takes at most ", kMost, " rows and features, got ", train.rows(),
                   " and ", train.features());
    ASSIGN_OR_RETURN(api_, LightGbmApi::Get());
    features_ = train.features();
    std::string parameters = ParameterText(settings, threads);
    for (std::size_t j = 0; j < train.monotone.size(); ++j)
      parameters += StrCat(j == 0 ? " monotone_constraints=" : ",", train.monotone[j]);
    for (std::size_t j = 0; j < train.categorical.size(); ++j)
      parameters += StrCat(j == 0 ? " categorical_feature=" : ",", train.categorical[j]);
    RETURN_IF_ERROR(MakeDataset(train, parameters, nullptr, threads, &train_data_));
    RETURN_IF_ERROR(Check(api_->booster_create(train_data_, parameters.c_str(), &booster_), "begin training"));
    if (held == nullptr) return Ok();
    RETURN_IF_ERROR(MakeDataset(*held, parameters, train_data_, threads, &held_data_));
    RETURN_IF_ERROR(Check(api_->booster_add_valid_data(booster_, held_data_), "read the held-out rows"));
    held_target_.assign(held->target.begin(), held->target.end());
    held_weights_.assign(held->weights.begin(), held->weights.end());
    held_groups_.assign(held->groups.begin(), held->groups.end());
    predictions_.resize(held->rows() * outputs_);
    return Ok();
  }

  Result<bool> Grow() override {
    RETURN_IF_ERROR(LightGbmApi::Get().status());  // silences the log on this thread
    int empty = 0;
    RETURN_IF_ERROR(Check(api_->booster_update_one_iter(booster_, &empty), "grow a tree"));
    return empty == 0;
  }

  Result<double> HeldLoss() override {
    std::int64_t length = 0;
    RETURN_IF_ERROR(Check(api_->booster_get_num_predict(booster_, 1, &length), "count the held-out rows"));
    if (length != static_cast<std::int64_t>(predictions_.size()))
      return Error(ErrorCode::kInternal, "LightGBM has ", length, " held-out predictions, expected ",
                   predictions_.size());
    RETURN_IF_ERROR(
        Check(api_->booster_get_predict(booster_, 1, &length, predictions_.data()), "predict the held-out rows"));
    if (loss_.by_query()) return loss_.OfQueries(held_target_, predictions_, held_groups_);
    const std::size_t rows = held_target_.size();
    double loss = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      // Predictions lie class after class.
      const double of_row = outputs_ > 1
                                ? loss_.OfTruth(predictions_[static_cast<std::size_t>(held_target_[r]) * rows + r])
                                : loss_.Of(held_target_[r], predictions_[r]);
      loss += held_weights_.empty() ? of_row : held_weights_[r] * of_row;
    }
    return loss;
  }

  /// Without its parameters block.
  Result<std::string> Text(int iterations) override {
    std::string text(1 << 20, '\0');
    for (;;) {
      std::int64_t length = 0;
      RETURN_IF_ERROR(
          Check(api_->booster_save_model_to_string(booster_, 0, iterations, C_API_FEATURE_IMPORTANCE_SPLIT,
                                                   static_cast<std::int64_t>(text.size()), &length, text.data()),
                "write its model"));
      const bool whole = length <= static_cast<std::int64_t>(text.size());
      text.resize(static_cast<std::size_t>(length));
      if (!whole) continue;
      if (!text.empty() && text.back() == '\0') text.pop_back();
      return WithoutTrainingSettings(std::move(text));
    }
  }

  Result<std::vector<double>> Gains(int iterations) override {
    std::vector<double> gains(features_, 0);
    RETURN_IF_ERROR(
        Check(api_->booster_feature_importance(booster_, iterations, C_API_FEATURE_IMPORTANCE_GAIN, gains.data()),
              "tell its importances"));
    return gains;
  }

 private:
  Status Check(int result, const char* what) const {
    if (result == 0) return Ok();
    if (std::string_view(api_->get_last_error()).find("bad_alloc") != std::string_view::npos) return OutOfMemory();
    return Error(ErrorCode::kFailed, "LightGBM could not ", what, ": ", Trim(api_->get_last_error()));
  }

  /// Rows to learn from, as LGBM_DatasetCreateFromMat reads them, which would sample them on one thread and keep the place of each number that it samples.
  Status ReadDense(const Matrix& rows, const std::string& parameters, int threads, void** out) const {
    const auto count = static_cast<std::int32_t>(rows.rows()), columns = static_cast<std::int32_t>(rows.columns());
    std::int32_t sampled_rows = 0;
    RETURN_IF_ERROR(Check(api_->get_sample_count(count, parameters.c_str(), &sampled_rows), "count the rows to sample"));
    std::vector<std::int32_t> sampled(static_cast<std::size_t>(sampled_rows));
    RETURN_IF_ERROR(Check(api_->sample_indices(count, parameters.c_str(), sampled.data(), &sampled_rows), "sample the training rows"));
    sampled.resize(static_cast<std::size_t>(sampled_rows));
    {
      SampledColumns sample(rows, sampled, threads);
      RETURN_IF_ERROR(Check(api_->dataset_create_from_sampled_column(sample.numbers(), sample.places(), columns, sample.counts(), sample.rows(), count, count, parameters.c_str(), out),
                            "choose the cuts of the features"));
    }
    return Check(api_->dataset_push_rows(*out, rows.values().data(), C_API_DTYPE_FLOAT64, count, columns, 0), "read the training rows");
  }

  /// What a compressed row does not name is 0 to LightGBM as well.
  Status ReadRows(const Matrix& rows, const std::string& parameters, void* reference, int threads, void** out) const {
    if (!rows.compressed() && reference == nullptr) return ReadDense(rows, parameters, threads, out);
    if (!rows.compressed())
      return Check(api_->dataset_create_from_mat(rows.values().data(), C_API_DTYPE_FLOAT64, static_cast<std::int32_t>(rows.rows()),
                                                 static_cast<std::int32_t>(rows.columns()), 1, parameters.c_str(), reference, out), "read the held-out rows");
    return Check(api_->dataset_create_from_csr(rows.offsets().data(), C_API_DTYPE_INT64, rows.places().data(), rows.numbers().data(), C_API_DTYPE_FLOAT64,
                                               static_cast<std::int64_t>(rows.offsets().size()), static_cast<std::int64_t>(rows.numbers().size()),
                                               static_cast<std::int64_t>(rows.columns()), parameters.c_str(), reference, out), "read the training rows");
  }

  Status MakeDataset(const Vectors& vectors, const std::string& parameters, void* reference, int threads, void** out) const {
    RETURN_IF_ERROR(ReadRows(vectors.matrix, parameters, reference, threads, out));
    const auto set = [&](const char* field, std::span<const double> values, const char* what) {
      const std::vector<float> narrow(values.begin(), values.end());
      return Check(api_->dataset_set_field(*out, field, narrow.data(), static_cast<int>(narrow.size()),
                                           C_API_DTYPE_FLOAT32),
                   what);
    };
    RETURN_IF_ERROR(set("label", vectors.target, "read the target"));
    if (!vectors.groups.empty()) {
      const std::vector<std::int32_t> sizes = QuerySizes(vectors.groups);
      RETURN_IF_ERROR(Check(api_->dataset_set_field(*out, "group", sizes.data(), static_cast<int>(sizes.size()), C_API_DTYPE_INT32), "read the queries"));
    }
    return vectors.weights.empty() ? Ok() : set("weight", vectors.weights, "read the weights");
  }

  const LightGbmApi* api_ = nullptr;
  void* train_data_ = nullptr;
  void* held_data_ = nullptr;
  void* booster_ = nullptr;
  Loss loss_;
  std::size_t outputs_ = 1, features_ = 0;
  std::vector<double> held_target_, held_weights_, predictions_;
  std::vector<std::int64_t> held_groups_;
};

}  // namespace

std::string WithoutTrainingSettings(std::string text) {
  const std::size_t parameters = text.find("\nparameters:\n");  // to the end: threads and all
  if (parameters != std::string::npos) text.resize(parameters);
  while (text.ends_with("\n\n")) text.pop_back();
  const std::size_t monotone = text.find("\nmonotone_constraints=");
  if (monotone != std::string::npos) text.erase(monotone, text.find('\n', monotone + 1) - monotone);
  return text;
}

Result<std::unique_ptr<Booster>> MakeLightGbmBooster(const LearnerSettings& settings, const Vectors& train,
                                                     const Vectors* held, int threads) {
  auto booster = std::make_unique<LightGbmBooster>(settings);
  RETURN_IF_ERROR(booster->Begin(settings, train, held, threads));
  return std::unique_ptr<Booster>(std::move(booster));
}

}  // namespace headrace

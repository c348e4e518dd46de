#include "headrace/model/lightgbm.h"

#include <algorithm>
#include <limits>

#include "headrace/base/math.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/model/forest.h"
#include "headrace/model/lightgbm_api.h"

namespace headrace {
namespace {

/// Below this many rows threads cost more than they bring; folds then grow side by side instead.
constexpr std::size_t kOneThreadBelow = 20'000;
/// Iterations a fold grows before the folds are compared: bounds what is grown beyond the stopping point.
constexpr int kStride = 10;

std::string ParameterText(const LearnerSettings& settings, int threads) {
  std::string text;
  for (const auto& [name, value] : settings.parameters) text += StrCat(name, "=", value, " ");
  return text + StrCat("num_threads=", threads);
}

/// Everything from "parameters:" on tells how it was trained (threads included), not what was learnt.
std::string WithoutParameters(std::string text) {
  const std::size_t at = text.find("\nparameters:\n");
  if (at != std::string::npos) text.resize(at);
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

Status Cancelled() { return Error(ErrorCode::kInterrupted, "training was interrupted"); }

class ForestLearner final : public FittedLearner {
 public:
  ForestLearner(std::string text, Forest forest, std::vector<double> importance)
      : text_(std::move(text)), forest_(std::move(forest)), importance_(std::move(importance)) {}
  std::size_t num_features() const override { return forest_.num_features(); }
  std::size_t num_outputs() const override { return forest_.num_outputs(); }
  const Link& link() const override { return forest_.link(); }
  void RawScores(const double* vectors, std::size_t rows, double* out) const override { forest_.RawScores(vectors, rows, out); }
  const std::string& text() const override { return text_; }
  std::string_view member() const override { return "model.txt"; }
  std::span<const double> importance() const override { return importance_; }

 private:
  std::string text_;
  Forest forest_;
  std::vector<double> importance_;
};

}  // namespace

Status Booster::Check(int result, const char* what) const {
  if (result == 0) return Ok();
  return Error(ErrorCode::kFailed, "LightGBM could not ", what, ": ", Trim(api_->get_last_error()));
}

Result<std::unique_ptr<Booster>> Booster::Make(const LearnerSettings& settings, const Vectors& train, const Vectors* held, int threads) {
  constexpr std::size_t kMost = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
  if (train.rows > kMost || train.features > kMost)
    return Error(ErrorCode::kInvalid, "LightGBM takes at most ", kMost, " rows and features, got ", train.rows, " and ", train.features);
  std::unique_ptr<Booster> made(new Booster);
  Booster& b = *made;
  ASSIGN_OR_RETURN(b.api_, LightGbmApi::Get());
  b.task_ = settings.task;
  b.outputs_ = settings.num_outputs();
  b.features_ = train.features;
  const std::string parameters = ParameterText(settings, threads);
  const auto dataset = [&](const Vectors& vectors, void* reference, void** out) -> Status {
    RETURN_IF_ERROR(b.Check(b.api_->dataset_create_from_mat(vectors.values.data(), C_API_DTYPE_FLOAT64, static_cast<std::int32_t>(vectors.rows),
                                                            static_cast<std::int32_t>(vectors.features), 1, parameters.c_str(), reference, out),
                            "read the training rows"));
    const std::vector<float> label(vectors.target.begin(), vectors.target.end());
    return b.Check(b.api_->dataset_set_field(*out, "label", label.data(), static_cast<int>(label.size()), C_API_DTYPE_FLOAT32), "read the target");
  };
  RETURN_IF_ERROR(dataset(train, nullptr, &b.train_data_));
  RETURN_IF_ERROR(b.Check(b.api_->booster_create(b.train_data_, parameters.c_str(), &b.booster_), "begin training"));
  if (held != nullptr) {
    RETURN_IF_ERROR(dataset(*held, b.train_data_, &b.held_data_));
    RETURN_IF_ERROR(b.Check(b.api_->booster_add_valid_data(b.booster_, b.held_data_), "read the held-out rows"));
    b.held_target_.assign(held->target.begin(), held->target.end());
    b.predictions_.resize(held->rows * b.outputs_);
  }
  return made;
}

Booster::~Booster() {
  if (booster_ != nullptr) api_->booster_free(booster_);
  if (held_data_ != nullptr) api_->dataset_free(held_data_);
  if (train_data_ != nullptr) api_->dataset_free(train_data_);
}

Result<bool> Booster::Grow() {
  int empty = 0;
  RETURN_IF_ERROR(Check(api_->booster_update_one_iter(booster_, &empty), "grow a tree"));
  return empty == 0;
}

Result<double> Booster::HeldLoss() {
  std::int64_t length = 0;
  RETURN_IF_ERROR(Check(api_->booster_get_num_predict(booster_, 1, &length), "count the held-out rows"));
  if (length != static_cast<std::int64_t>(predictions_.size()))
    return Error(ErrorCode::kInternal, "LightGBM has ", length, " held-out predictions, expected ", predictions_.size());
  RETURN_IF_ERROR(Check(api_->booster_get_predict(booster_, 1, &length, predictions_.data()), "predict the held-out rows"));
  constexpr double kLeast = 1e-15;      // as LightGBM's own metrics clip
  const std::size_t rows = held_target_.size();
  double loss = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const double target = held_target_[r];
    if (task_ == Task::kRegression) {
      const double error = predictions_[r] - target;
      loss += error * error;
      continue;
    }
    // Predictions lie class after class.
    const double of_truth = task_ == Task::kMulticlass ? predictions_[static_cast<std::size_t>(target) * rows + r]
                            : target > 0               ? predictions_[r]
                                                       : 1 - predictions_[r];
    loss -= math::Log(std::max(of_truth, kLeast));
  }
  return loss;
}

Result<std::string> Booster::Text(int iterations) {
  std::string text(1 << 20, '\0');
  for (;;) {
    std::int64_t length = 0;
    RETURN_IF_ERROR(Check(api_->booster_save_model_to_string(booster_, 0, iterations, C_API_FEATURE_IMPORTANCE_SPLIT,
                                                             static_cast<std::int64_t>(text.size()), &length, text.data()),
                          "write its model"));
    const bool whole = length <= static_cast<std::int64_t>(text.size());
    text.resize(static_cast<std::size_t>(length));
    if (!whole) continue;
    if (!text.empty() && text.back() == '\0') text.pop_back();
    return WithoutParameters(std::move(text));
  }
}

Result<std::vector<double>> Booster::Gains(int iterations) {
  std::vector<double> gains(features_, 0);
  RETURN_IF_ERROR(Check(api_->booster_feature_importance(booster_, iterations, C_API_FEATURE_IMPORTANCE_GAIN, gains.data()), "tell its importances"));
  return gains;
}

Result<std::unique_ptr<const FittedLearner>> MakeForestLearner(std::string text, std::size_t num_features, std::vector<double> importance) {
  ASSIGN_OR_RETURN(Forest forest, Forest::Parse(text, num_features));
  return std::unique_ptr<const FittedLearner>(new ForestLearner(std::move(text), std::move(forest), std::move(importance)));
}

Result<FoldFit> FitLightGbmFolds(const LearnerSettings& settings, std::span<const LearnerFold> folds, const LearnerControl& control) {
  const std::size_t count = folds.size();
  const bool small = std::all_of(folds.begin(), folds.end(), [](const LearnerFold& f) { return f.train.rows < kOneThreadBelow; });
  const int side_by_side = small ? control.threads : 1;
  const int per_booster = small ? 1 : ResolveThreads(control.threads);
  const bool stops = settings.early_stopping_round > 0;

  std::vector<std::unique_ptr<Booster>> boosters(count);
  std::vector<std::uint8_t> grown_out(count, 0);
  std::vector<std::vector<double>> losses(count);
  double held_rows = 0;
  for (const LearnerFold& fold : folds) held_rows += static_cast<double>(fold.held.rows);

  const auto grow = [&](std::size_t f, int to) -> Status {
    RETURN_IF_ERROR(LightGbmApi::Get().status());    // silences the log on this thread
    if (!boosters[f]) {
      ASSIGN_OR_RETURN(boosters[f], Booster::Make(settings, folds[f].train, stops ? &folds[f].held : nullptr, per_booster));
    }
    while (static_cast<int>(losses[f].size()) < to) {
      if (control.cancelled && control.cancelled()) return Cancelled();
      if (!grown_out[f]) {
        ASSIGN_OR_RETURN(const bool grew, boosters[f]->Grow());
        grown_out[f] = !grew;
      }
      double loss = losses[f].empty() ? 0 : losses[f].back();
      if (stops && (!grown_out[f] || losses[f].empty())) {
        ASSIGN_OR_RETURN(loss, boosters[f]->HeldLoss());
      }
      losses[f].push_back(loss);
    }
    return Ok();
  };

  int best = 0, done = 0;
  double best_loss = std::numeric_limits<double>::infinity();
  while (done < settings.iterations) {
    const int to = std::min(settings.iterations, done + kStride);
    RETURN_IF_ERROR(ParallelFor(side_by_side, count, [&](std::size_t f) { return grow(f, to); }));
    for (int i = done; stops && i < to && i < best + settings.early_stopping_round; ++i) {
      double loss = 0;
      for (std::size_t f = 0; f < count; ++f) loss += losses[f][static_cast<std::size_t>(i)];
      loss /= held_rows;
      if (loss < best_loss) {
        best_loss = loss;
        best = i + 1;
      }
    }
    done = to;
    if (control.progress) control.progress(static_cast<double>(done) / settings.iterations);
    if (stops && done >= best + settings.early_stopping_round) break;
  }
  FoldFit fit;
  fit.iterations = stops ? std::max(best, 1) : settings.iterations;
  fit.held_margins.resize(count);
  RETURN_IF_ERROR(ParallelFor(control.threads, count, [&](std::size_t f) -> Status {
    ASSIGN_OR_RETURN(const std::string text, boosters[f]->Text(fit.iterations));
    ASSIGN_OR_RETURN(const Forest forest, Forest::Parse(text, folds[f].train.features));
    fit.held_margins[f].resize(folds[f].held.rows * forest.num_outputs());
    forest.RawScores(folds[f].held.values.data(), folds[f].held.rows, fit.held_margins[f].data());
    boosters[f].reset();
    return Ok();
  }));
  return fit;
}

Result<std::unique_ptr<const FittedLearner>> FitLightGbm(const LearnerSettings& settings, const Vectors& train, int iterations,
                                                         const LearnerControl& control) {
  const int threads = train.rows < kOneThreadBelow ? 1 : ResolveThreads(control.threads);
  ASSIGN_OR_RETURN(const std::unique_ptr<Booster> booster, Booster::Make(settings, train, nullptr, threads));
  for (int i = 0; i < iterations; ++i) {
    if (control.cancelled && control.cancelled()) return Cancelled();
    ASSIGN_OR_RETURN(const bool grew, booster->Grow());
    if (control.progress) control.progress(static_cast<double>(i + 1) / iterations);
    if (!grew) break;
  }
  ASSIGN_OR_RETURN(std::string text, booster->Text(iterations));
  ASSIGN_OR_RETURN(std::vector<double> gains, booster->Gains(iterations));
  return MakeForestLearner(std::move(text), train.features, std::move(gains));
}

}  // namespace headrace

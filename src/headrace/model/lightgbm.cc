#include "headrace/model/lightgbm.h"

#include <algorithm>
#include <functional>
#include <limits>

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

Status Cancelled() { return Error(ErrorCode::kInterrupted, "training was interrupted"); }

class ForestLearner final : public FittedLearner {
 public:
  ForestLearner(std::string text, Forest forest, std::vector<double> importance)
      : text_(std::move(text)), forest_(std::move(forest)), importance_(std::move(importance)) {}
  std::size_t num_features() const override { return forest_.num_features(); }
  std::size_t num_outputs() const override { return forest_.num_outputs(); }
  const Link& link() const override { return forest_.link(); }
  void RawScores(const double* vectors, std::size_t rows, double* out) const override {
    forest_.RawScores(vectors, rows, out);
  }
  Status Contributions(const double* vectors, std::size_t rows, double* out) const override {
    return forest_.Contributions(vectors, rows, out);
  }
  const std::string& text() const override { return text_; }
  std::string_view member() const override { return "model.txt"; }
  std::span<const double> importance() const override { return importance_; }

 private:
  std::string text_;
  Forest forest_;
  std::vector<double> importance_;
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

Status Booster::Check(int result, const char* what) const {
  if (result == 0) return Ok();
  return Error(ErrorCode::kFailed, "LightGBM could not ", what, ": ", Trim(api_->get_last_error()));
}

Result<std::unique_ptr<Booster>> Booster::Make(const LearnerSettings& settings, const Vectors& train,
                                               const Vectors* held, int threads) {
  constexpr std::size_t kMost = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
  if (train.rows > kMost || train.features > kMost)
    return Error(ErrorCode::kInvalid, "LightGBM takes at most ", kMost, " rows and features, got ", train.rows, " and ",
                 train.features);
  std::unique_ptr<Booster> made(new Booster);
  Booster& b = *made;
  ASSIGN_OR_RETURN(b.api_, LightGbmApi::Get());
  b.loss_ = Loss::Of(settings);
  b.outputs_ = settings.num_outputs();
  b.features_ = train.features;
  std::string parameters = ParameterText(settings, threads);
  for (std::size_t j = 0; j < train.monotone.size(); ++j)
    parameters += StrCat(j == 0 ? " monotone_constraints=" : ",", train.monotone[j]);
  const auto dataset = [&](const Vectors& vectors, void* reference, void** out) -> Status {
    RETURN_IF_ERROR(b.Check(b.api_->dataset_create_from_mat(
                                vectors.values.data(), C_API_DTYPE_FLOAT64, static_cast<std::int32_t>(vectors.rows),
                                static_cast<std::int32_t>(vectors.features), 1, parameters.c_str(), reference, out),
                            "read the training rows"));
    const auto set = [&](const char* field, std::span<const double> values, const char* what) {
      const std::vector<float> narrow(values.begin(), values.end());
      return b.Check(b.api_->dataset_set_field(*out, field, narrow.data(), static_cast<int>(narrow.size()), C_API_DTYPE_FLOAT32), what);
    };
    RETURN_IF_ERROR(set("label", vectors.target, "read the target"));
    return vectors.weights.empty() ? Ok() : set("weight", vectors.weights, "read the weights");
  };
  RETURN_IF_ERROR(dataset(train, nullptr, &b.train_data_));
  RETURN_IF_ERROR(b.Check(b.api_->booster_create(b.train_data_, parameters.c_str(), &b.booster_), "begin training"));
  if (held != nullptr) {
    RETURN_IF_ERROR(dataset(*held, b.train_data_, &b.held_data_));
    RETURN_IF_ERROR(b.Check(b.api_->booster_add_valid_data(b.booster_, b.held_data_), "read the held-out rows"));
    b.held_target_.assign(held->target.begin(), held->target.end());
    b.held_weights_.assign(held->weights.begin(), held->weights.end());
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
    return Error(ErrorCode::kInternal, "LightGBM has ", length, " held-out predictions, expected ",
                 predictions_.size());
  RETURN_IF_ERROR(
      Check(api_->booster_get_predict(booster_, 1, &length, predictions_.data()), "predict the held-out rows"));
  const std::size_t rows = held_target_.size();
  double loss = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    // Predictions lie class after class.
    const double of_row = outputs_ > 1 ? loss_.OfTruth(predictions_[static_cast<std::size_t>(held_target_[r]) * rows + r])
                                       : loss_.Of(held_target_[r], predictions_[r]);
    loss += held_weights_.empty() ? of_row : held_weights_[r] * of_row;
  }
  return loss;
}

Result<std::string> Booster::Text(int iterations) {
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

Result<std::vector<double>> Booster::Gains(int iterations) {
  std::vector<double> gains(features_, 0);
  RETURN_IF_ERROR(
      Check(api_->booster_feature_importance(booster_, iterations, C_API_FEATURE_IMPORTANCE_GAIN, gains.data()),
            "tell its importances"));
  return gains;
}

Result<std::unique_ptr<const FittedLearner>> MakeForestLearner(std::string text, std::size_t num_features,
                                                               std::vector<double> importance) {
  ASSIGN_OR_RETURN(Forest forest, Forest::Parse(text, num_features));
  return std::unique_ptr<const FittedLearner>(
      new ForestLearner(std::move(text), std::move(forest), std::move(importance)));
}

namespace {

/// The boosters of all folds, grown in step.
class FoldGrower {
 public:
  FoldGrower(const LearnerSettings& settings, const FoldSource& source, const LearnerControl& control)
      : settings_(settings),
        source_(source),
        control_(control),
        folds_(source.folds),
        stops_(settings.early_stopping_round > 0),
        small_(source.rows < kOneThreadBelow) {}

  /// Grow to the stopping point and a little beyond; the number of iterations to keep.
  Result<int> Grow() {
    int best = 0, done = 0;
    double best_loss = std::numeric_limits<double>::infinity();
    while (done < settings_.iterations) {
      const int to = std::min(settings_.iterations, done + kStride);
      RETURN_IF_ERROR(ForFolds([&](std::size_t f) { return GrowFold(f, to); }));
      for (int i = done; stops_ && i < to && i < best + settings_.early_stopping_round; ++i) {
        double loss = 0;  // a sum over all held-out rows: their number is the same at each iteration
        for (const Fold& fold : folds_) loss += fold.losses[static_cast<std::size_t>(i)];
        if (loss < best_loss) {
          best_loss = loss;
          best = i + 1;
        }
      }
      done = to;
      if (control_.progress) control_.progress(static_cast<double>(done) / settings_.iterations);
      if (stops_ && done >= best + settings_.early_stopping_round) break;
    }
    return stops_ ? std::max(best, 1) : settings_.iterations;
  }

  Result<std::vector<std::vector<double>>> HeldMargins(int iterations) {
    std::vector<std::vector<double>> margins(folds_.size());
    const auto score = [&](std::size_t f) -> Status {
      Fold& fold = folds_[f];
      ASSIGN_OR_RETURN(const std::string text, fold.booster->Text(iterations));
      ASSIGN_OR_RETURN(const Forest forest, Forest::Parse(text, fold.features));
      margins[f].resize(fold.held_rows * forest.num_outputs());
      forest.RawScores(fold.held.data(), fold.held_rows, margins[f].data());
      fold = Fold();
      return Ok();
    };
    RETURN_IF_ERROR(ForFolds(score));
    return margins;
  }

 private:
  struct Fold {
    std::unique_ptr<Booster> booster;
    std::vector<double> held, losses;
    std::size_t held_rows = 0, features = 0;
    bool grown_out = false;
  };

  /// Small boosters grow side by side, one thread each; large ones one after the other on all threads.
  Status ForFolds(const std::function<Status(std::size_t)>& work) const {
    return ParallelFor(small_ ? control_.threads : 1, folds_.size(), work);
  }

  Status Begin(std::size_t f) {
    const int threads = small_ ? 1 : ResolveThreads(control_.threads);
    ASSIGN_OR_RETURN(FoldVectors made, source_.make(f, threads));
    Fold& fold = folds_[f];
    fold.features = made.features;
    fold.held_rows = made.held_target.size();
    fold.held = std::move(made.held);
    const Vectors train{made.train, made.train_target.size(), made.features, made.train_target, made.train_weights, made.monotone};
    const Vectors held{fold.held, fold.held_rows, made.features, made.held_target, made.held_weights, {}};
    ASSIGN_OR_RETURN(fold.booster, Booster::Make(settings_, train, stops_ ? &held : nullptr, threads));
    return Ok();
  }

  Status GrowFold(std::size_t f, int to) {
    Fold& fold = folds_[f];
    if (!fold.booster) RETURN_IF_ERROR(Begin(f));
    RETURN_IF_ERROR(LightGbmApi::Get().status());  // silences the log on this thread
    while (static_cast<int>(fold.losses.size()) < to) {
      if (control_.cancelled && control_.cancelled()) return Cancelled();
      const bool grew_out_before = fold.grown_out;
      if (!fold.grown_out) {
        ASSIGN_OR_RETURN(const bool grew, fold.booster->Grow());
        fold.grown_out = !grew;
      }
      double loss = fold.losses.empty() ? 0 : fold.losses.back();
      if (stops_ && !grew_out_before) { ASSIGN_OR_RETURN(loss, fold.booster->HeldLoss()); }
      fold.losses.push_back(loss);
    }
    return Ok();
  }

  const LearnerSettings& settings_;
  const FoldSource& source_;
  const LearnerControl& control_;
  std::vector<Fold> folds_;
  bool stops_, small_;
};

}  // namespace

Result<FoldFit> FitLightGbmFolds(const LearnerSettings& settings, const FoldSource& source,
                                 const LearnerControl& control) {
  FoldGrower grower(settings, source, control);
  FoldFit fit;
  ASSIGN_OR_RETURN(fit.iterations, grower.Grow());
  ASSIGN_OR_RETURN(fit.held_margins, grower.HeldMargins(fit.iterations));
  return fit;
}

Result<std::unique_ptr<const FittedLearner>> FitLightGbm(const LearnerSettings& settings, const Vectors& train,
                                                         int iterations, const LearnerControl& control) {
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

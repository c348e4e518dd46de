#include "headrace/model/xgboost.h"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/model/loss.h"
#include "headrace/model/xgboost_api.h"
#include "headrace/model/xgboost_rows.h"

namespace headrace {
namespace {

/// "[4.65E-1]" of "base_score":"[4.65E-1]" in a model's JSON.
Result<std::string> BaseScore(std::string_view model) {
  constexpr std::string_view kKey = "\"base_score\":\"";
  const std::size_t from = model.find(kKey), to = model.find('"', from + kKey.size());
  if (from == std::string_view::npos || to == std::string_view::npos)
    return Error(ErrorCode::kInternal, "XGBoost's model has no base_score");
  return std::string(model.substr(from + kKey.size(), to - from - kKey.size()));
}

class XgboostBooster final : public Booster {
 public:
  explicit XgboostBooster(const LearnerSettings& settings)
      : settings_(settings), loss_(Loss::Of(settings)), link_(LinkOf(settings)), outputs_(settings.num_outputs()) {}
  ~XgboostBooster() override {
    if (booster_ != nullptr) api_->booster_free(booster_);
    if (held_data_ != nullptr) api_->matrix_free(held_data_);
    if (train_data_ != nullptr) api_->matrix_free(train_data_);
  }
  XgboostBooster(const XgboostBooster&) = delete;
  XgboostBooster& operator=(const XgboostBooster&) = delete;

  Status Begin(const Vectors& train, const Vectors* held) {
    ASSIGN_OR_RETURN(api_, XgboostApi::Get());
    features_ = train.features();
    for (std::size_t j = 0; j < train.monotone.size(); ++j) monotone_ += StrCat(j == 0 ? "(" : ",", train.monotone[j]);
    if (!monotone_.empty()) monotone_ += ")";
    RETURN_IF_ERROR(internal::MakeXgboostMatrix(*api_, train, Bins(), &train_data_));
    if (held != nullptr) {
      if (held->matrix.compressed())
        held_rows_ = &held->matrix;
      else
        RETURN_IF_ERROR(internal::MakeXgboostMatrix(*api_, *held, 0, &held_data_));
      held_target_.assign(held->target.begin(), held->target.end());
      held_weights_.assign(held->weights.begin(), held->weights.end());
      held_groups_.assign(held->groups.begin(), held->groups.end());
    }
    void* const matrices[] = {train_data_, held_data_};
    RETURN_IF_ERROR(Check(api_->booster_create(matrices, held_data_ != nullptr ? 2 : 1, &booster_), "begin training"));
    return SetParameters(booster_);
  }

  Result<bool> Grow() override {
    RETURN_IF_ERROR(XgboostApi::Get().status());  // silences the log on this thread
    RETURN_IF_ERROR(Check(api_->booster_update_one_iter(booster_, iteration_, train_data_), "grow a tree"));
    ++iteration_;
    return true;
  }

  Result<double> HeldLoss() override {
    const std::size_t rows = held_target_.size();
    ASSIGN_OR_RETURN(std::vector<double> predictions, HeldMargins());
    if (loss_.by_query()) return loss_.OfQueries(held_target_, predictions, held_groups_);
    ApplyLink(link_, rows, outputs_, predictions.data());
    double loss = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      const double of_row = outputs_ > 1
                                ? loss_.OfTruth(predictions[r * outputs_ + static_cast<std::size_t>(held_target_[r])])
                                : loss_.Of(held_target_[r], predictions[r]);
      loss += held_weights_.empty() ? of_row : held_weights_[r] * of_row;
    }
    return loss;
  }

  Result<std::string> Text(int iterations) override {
    return OnSlice(iterations, [&](void* slice) -> Result<std::string> {
      ASSIGN_OR_RETURN(const std::string bare, Json(slice));
      ASSIGN_OR_RETURN(const std::string margins, BaseMargin(bare));
      RETURN_IF_ERROR(Check(api_->booster_set_attr(slice, "base_margin", margins.c_str()), "note its base margin"));
      return Json(slice);
    });
  }

  Result<std::vector<double>> Gains(int iterations) override {
    return OnSlice(iterations, [&](void* slice) -> Result<std::vector<double>> {
      XgboostApi::Size count = 0, dimensions = 0;
      const char* const* names = nullptr;
      const XgboostApi::Size* shape = nullptr;
      const float* scores = nullptr;
      RETURN_IF_ERROR(Check(api_->booster_feature_score(slice, R"({"importance_type": "total_gain"})", &count, &names,
                                                        &dimensions, &shape, &scores),
                            "tell its importances"));
      std::vector<double> gains(features_, 0);
      for (XgboostApi::Size i = 0; i < count; ++i) {
        std::int64_t feature = 0;  // "f12"
        if (!ParseInt(std::string_view(names[i]).substr(1), &feature) || feature < 0 ||
            static_cast<std::size_t>(feature) >= features_)
          return Error(ErrorCode::kInternal, "XGBoost names a feature ", names[i], " of ", features_);
        gains[static_cast<std::size_t>(feature)] = static_cast<double>(scores[i]);
      }
      return gains;
    });
  }

 private:
  Status Check(int result, const char* what) const { return internal::CheckXgboost(*api_, result, what); }

  /// Bins of a feature: 0 where trees are not grown by histograms.
  int Bins() const {
    const auto method = settings_.parameters.find("tree_method");
    const bool histograms = method == settings_.parameters.end() || method->second == "auto" || method->second == "hist";
    return histograms ? static_cast<int>(settings_.number("max_bin", 256)) : 0;
  }

  Status SetParameters(void* booster) const {
    const auto set = [&](const char* name, const std::string& value) {
      return Check(api_->booster_set_param(booster, name, value.c_str()), "take its parameters");
    };
    for (const auto& [name, value] : settings_.parameters) RETURN_IF_ERROR(set(name.c_str(), value));
    if (!monotone_.empty()) RETURN_IF_ERROR(set("monotone_constraints", monotone_));
    RETURN_IF_ERROR(set("nthread", "1"));
    return set("verbosity", "0");
  }

  Result<std::vector<double>> HeldMargins() {
    if (held_rows_ == nullptr) return Margins(booster_, held_data_, held_target_.size());
    RETURN_IF_ERROR(held_margins_.Advance(*api_, booster_, *held_rows_, outputs_, iteration_));
    return held_margins_.values();
  }

  /// Row-major.
  Result<std::vector<double>> Margins(void* booster, void* matrix, std::size_t rows) const {
    constexpr const char* kMargin =
        R"({"type": 1, "training": false, "iteration_begin": 0, "iteration_end": 0, "strict_shape": true})";
    const XgboostApi::Size* shape = nullptr;
    XgboostApi::Size dimensions = 0;
    const float* values = nullptr;
    RETURN_IF_ERROR(
        Check(api_->booster_predict_from_matrix(booster, matrix, kMargin, &shape, &dimensions, &values), "predict"));
    XgboostApi::Size count = 1;
    for (XgboostApi::Size d = 0; d < dimensions; ++d) count *= shape[d];
    if (count != rows * outputs_)
      return Error(ErrorCode::kInternal, "XGBoost has ", count, " predictions, expected ", rows * outputs_);
    return std::vector<double>(values, values + count);
  }

  Result<std::string> Json(void* booster) const {
    XgboostApi::Size length = 0;
    const char* text = nullptr;
    RETURN_IF_ERROR(Check(api_->booster_save_model_to_buffer(booster, R"({"format": "json"})", &length, &text),
                          "write its model"));
    return std::string(text, length);
  }

  /// What a booster of this base_score and no tree says: "-0.14" or one number a class.
  Result<std::string> BaseMargin(std::string_view model) const {
    ASSIGN_OR_RETURN(const std::string base_score, BaseScore(model));
    const std::vector<double> row(features_, std::numeric_limits<double>::quiet_NaN());
    void* matrix = nullptr;
    void* empty = nullptr;
    const auto ask = [&]() -> Result<std::vector<double>> {
      RETURN_IF_ERROR(Check(api_->matrix_create_from_dense(internal::ArrayText(row.data(), 1, features_).c_str(),
                                                           R"({"missing": NaN, "nthread": 1})", &matrix),
                            "read a row"));
      const float label = 1;  // not looked at, but the quantile loss wants one
      RETURN_IF_ERROR(Check(api_->matrix_set_float_info(matrix, "label", &label, 1), "read a row"));
      RETURN_IF_ERROR(Check(api_->booster_create(&matrix, 1, &empty), "begin"));
      RETURN_IF_ERROR(SetParameters(empty));
      RETURN_IF_ERROR(
          Check(api_->booster_set_param(empty, "base_score", base_score.c_str()), "take its base score"));
      return Margins(empty, matrix, 1);
    };
    const Result<std::vector<double>> margins = ask();
    if (empty != nullptr) api_->booster_free(empty);
    if (matrix != nullptr) api_->matrix_free(matrix);
    RETURN_IF_ERROR(margins.status());
    std::string text;
    for (const double margin : *margins) text += StrCat(text.empty() ? "" : ",", margin);
    return text;
  }

  template <typename Use>
  auto OnSlice(int iterations, Use use) -> decltype(use(nullptr)) {
    void* slice = nullptr;
    RETURN_IF_ERROR(Check(api_->booster_slice(booster_, 0, iterations, 1, &slice), "cut its trees"));
    auto result = use(slice);
    api_->booster_free(slice);
    return result;
  }

  const LearnerSettings settings_;
  const XgboostApi* api_ = nullptr;
  void* train_data_ = nullptr;
  void* held_data_ = nullptr;
  const Matrix* held_rows_ = nullptr;  // compressed: instead of held_data_
  internal::XgboostMargins held_margins_;
  void* booster_ = nullptr;
  Loss loss_;
  Link link_;
  std::size_t outputs_ = 1, features_ = 0;
  int iteration_ = 0;
  std::string monotone_;
  std::vector<double> held_target_, held_weights_;
  std::vector<std::int64_t> held_groups_;
};

}  // namespace

Result<std::unique_ptr<Booster>> MakeXgboostBooster(const LearnerSettings& settings, const Vectors& train,
                                                    const Vectors* held) {
  auto booster = std::make_unique<XgboostBooster>(settings);
  RETURN_IF_ERROR(booster->Begin(train, held));
  return std::unique_ptr<Booster>(std::move(booster));
}

}  // namespace headrace

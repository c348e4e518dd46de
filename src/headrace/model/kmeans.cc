#include "headrace/model/kmeans.h"

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"

namespace headrace {

namespace internal {

namespace {
constexpr std::size_t kLanes = 8;
}  // namespace

Centers::Centers(std::span<const double> rows, std::size_t features) : size_(rows.size() / features), features_(features) {
  values_.resize((size_ + kLanes - 1) / kLanes * kLanes * features);
  for (std::size_t c = 0; c < size_; ++c)
    for (std::size_t j = 0; j < features; ++j) values_[(c / kLanes * features + j) * kLanes + c % kLanes] = rows[c * features + j];
}

template <typename Take>
void Centers::Walk(const double* x, Take take) const {
  const double* of = values_.data();
  for (std::size_t first = 0; first < size_; first += kLanes) {
    std::array<double, kLanes> squares{};
    for (std::size_t j = 0; j < features_; ++j, of += kLanes)
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double apart = x[j] - of[lane];
        squares[lane] += apart * apart;
      }
    const std::size_t count = std::min(kLanes, size_ - first);
    for (std::size_t lane = 0; lane < count; ++lane) take(first + lane, squares[lane]);
  }
}

Centers::Nearest Centers::Find(const double* x) const {
  Nearest nearest{0, std::numeric_limits<double>::infinity()};
  Walk(x, [&](std::size_t center, double squared) {
    if (squared < nearest.squared) nearest = {center, squared};
  });
  return nearest;
}

void Centers::Squares(const double* x, double* out) const {
  Walk(x, [out](std::size_t center, double squared) { out[center] = squared; });
}

}  // namespace internal

namespace {

class KMeansLearner final : public FittedLearner {
 public:
  /// `centers`: row-major.
  KMeansLearner(const std::vector<double>& centers, std::size_t features) : centers_(centers, features) {
    nlohmann::json rows = nlohmann::json::array();
    for (std::size_t c = 0; c < centers_.size(); ++c) {
      const auto from = centers.begin() + static_cast<std::ptrdiff_t>(c * features);
      rows.push_back(std::vector<double>(from, from + static_cast<std::ptrdiff_t>(features)));
    }
    text_ = DumpJson(nlohmann::json{{"centers", std::move(rows)}, {"learner", "kmeans"}}) + "\n";
  }
  std::size_t num_features() const override { return centers_.features(); }
  std::size_t num_outputs() const override { return 2; }
  std::size_t num_clusters() const override { return centers_.size(); }
  const Link& link() const override { return link_; }
  void RawScores(const double* vectors, std::size_t rows, double* out) const override {
    for (std::size_t r = 0; r < rows; ++r) {
      const internal::Centers::Nearest nearest = centers_.Find(vectors + r * num_features());
      *out++ = static_cast<double>(nearest.center);
      *out++ = std::sqrt(nearest.squared);
    }
  }
  Status Contributions(const double*, std::size_t, double*) const override {
    return Error(ErrorCode::kInvalid, "a cluster is no score, and no column adds to it").WithHelp("leave out `reasons`; the model card tells how clusters differ");
  }
  const std::string& text() const override { return text_; }
  std::string_view member() const override { return "kmeans.json"; }
  std::span<const double> importance() const override { return {}; }

 private:
  internal::Centers centers_;
  Link link_;
  std::string text_;
};

/// The centres row-major; empty where the document is none of ours.
std::vector<double> ReadCenters(const nlohmann::json& document, std::size_t features) {
  std::vector<double> centers;
  if (!document.is_object() || !document.contains("centers") || !document["centers"].is_array() || document["centers"].size() < 2) return {};
  for (const nlohmann::json& row : document["centers"]) {
    if (!row.is_array() || row.size() != features) return {};
    for (const nlohmann::json& number : row) {
      if (!number.is_number() || !std::isfinite(number.get<double>())) return {};
      centers.push_back(number.get<double>());
    }
  }
  return centers;
}

}  // namespace

Result<std::unique_ptr<const FittedLearner>> FitKMeans(const LearnerSettings& settings, const Vectors& train, const LearnerControl& control) {
  ASSIGN_OR_RETURN(const std::vector<double> centers, internal::FindCenters(settings, train, control));
  return std::unique_ptr<const FittedLearner>(new KMeansLearner(centers, train.features()));
}

Result<std::unique_ptr<const FittedLearner>> ReadKMeans(std::string_view text, std::size_t num_features) {
  const std::vector<double> centers = num_features == 0 ? std::vector<double>() : ReadCenters(ParseJson(text), num_features);
  std::unique_ptr<const FittedLearner> learner;
  if (!centers.empty()) learner.reset(new KMeansLearner(centers, num_features));
  if (learner == nullptr || learner->text() != text)
    return Error(ErrorCode::kInvalid, "kmeans.json is not in the one form that Headrace writes");
  return learner;
}

}  // namespace headrace

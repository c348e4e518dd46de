#include "headrace/model/kmeans.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"

namespace headrace {

namespace {

constexpr std::size_t kRowsAtOnce = 64;

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
    std::array<const double*, kRowsAtOnce> x;
    std::array<internal::Centers::Nearest, kRowsAtOnce> nearest;
    for (std::size_t begin = 0; begin < rows; begin += kRowsAtOnce) {
      const std::size_t some = std::min(kRowsAtOnce, rows - begin);
      for (std::size_t r = 0; r < some; ++r) x[r] = vectors + (begin + r) * num_features();
      centers_.Find({x.data(), some}, nearest.data());
      for (std::size_t r = 0; r < some; ++r) {
        *out++ = static_cast<double>(nearest[r].center);
        *out++ = std::sqrt(nearest[r].squared);
      }
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

#include "headrace/model/uplift.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"

namespace headrace {
namespace {

using nlohmann::json;
using Kind = LearnerSpec::Kind;

constexpr std::size_t kBlockRows = 256;

/// Predictions of a learner of one output, in place of its margins.
void Predict(const FittedLearner& learner, const double* vectors, std::size_t rows, double* out) {
  learner.RawScores(vectors, rows, out);
  ApplyLink(learner.link(), rows, 1, out);
}

std::vector<double> Predict(const FittedLearner& learner, const Matrix& vectors) {
  std::vector<double> out = RawScoresOf(learner, vectors);
  ApplyLink(learner.link(), vectors.rows(), 1, out.data());
  return out;
}

struct Parts {
  Kind kind = Kind::kTwoModel, base = Kind::kLinear;
  Task outcome = Task::kRegression;
  double share = 0.5;  ///< kXLearner: of rows that were treated
  std::unique_ptr<const FittedLearner> control, treated;
};

class UpliftLearner final : public FittedLearner {
 public:
  explicit UpliftLearner(Parts parts) : parts_(std::move(parts)) {
    json document{{"base", LearnerName(parts_.base)}, {"control", parts_.control->text()}, {"learner", LearnerName(parts_.kind)},
                  {"outcome", TaskName(parts_.outcome)}, {"treated", parts_.treated->text()}};
    if (parts_.kind == Kind::kXLearner) document["share"] = parts_.share;
    text_ = DumpJson(document) + "\n";
    const std::span<const double> control = parts_.control->importance(), treated = parts_.treated->importance();
    for (std::size_t j = 0; j < std::min(control.size(), treated.size()); ++j) importance_.push_back(control[j] + treated[j]);
  }
  std::size_t num_features() const override { return parts_.control->num_features(); }
  std::size_t num_outputs() const override { return 1; }
  const Link& link() const override { return link_; }

  void RawScores(const double* vectors, std::size_t rows, double* out) const override {
    std::array<double, kBlockRows> control;
    for (std::size_t first = 0; first < rows; first += kBlockRows) {
      const std::size_t count = std::min(kBlockRows, rows - first);
      const double* block = vectors + first * num_features();
      Predict(*parts_.control, block, count, control.data());
      Predict(*parts_.treated, block, count, out + first);
      for (std::size_t i = 0; i < count; ++i) out[first + i] = of_control() * control[i] + of_treated() * out[first + i];
    }
  }

  /// A weighted sum of sums; a difference of probabilities is none.
  Status Contributions(const double* vectors, std::size_t rows, double* out) const override {
    if (parts_.control->link().kind != Link::Kind::kIdentity || parts_.treated->link().kind != Link::Kind::kIdentity)
      return Error(ErrorCode::kInvalid, "a two_model of probabilities cannot say what each column adds to their difference")
          .WithHelp("leave out `reasons`, or learn by `x_learner`, whose score is a sum");
    std::vector<double> control(rows * (num_features() + 1));
    RETURN_IF_ERROR(parts_.control->Contributions(vectors, rows, control.data()));
    RETURN_IF_ERROR(parts_.treated->Contributions(vectors, rows, out));
    for (std::size_t i = 0; i < control.size(); ++i) out[i] = of_control() * control[i] + of_treated() * out[i];
    return Ok();
  }
  const std::string& text() const override { return text_; }
  std::string_view member() const override { return LearnerMember(parts_.kind); }
  std::span<const double> importance() const override { return importance_; }

 private:
  double of_control() const { return parts_.kind == Kind::kXLearner ? parts_.share : -1; }
  double of_treated() const { return parts_.kind == Kind::kXLearner ? 1 - parts_.share : 1; }

  Parts parts_;
  Link link_;
  std::string text_;
  std::vector<double> importance_;
};

/// The rows that were treated, or the others.
struct Arm {
  Matrix matrix;
  std::vector<double> target, weights;

  Arm(const Vectors& all, bool treated) {
    std::vector<std::size_t> rows;
    for (std::size_t r = 0; r < all.rows(); ++r) {
      if ((all.treated[r] != 0) != treated) continue;
      rows.push_back(r);
      target.push_back(all.target[r]);
      if (!all.weights.empty()) weights.push_back(all.weights[r]);
    }
    matrix = all.matrix.Take(rows);
  }
  double weight() const {
    double sum = 0;
    for (const double w : weights) sum += w;
    return weights.empty() ? static_cast<double>(target.size()) : sum;
  }
  Result<std::unique_ptr<const FittedLearner>> Fit(const LearnerSettings& settings, const Vectors& all, const LearnerControl& control) const {
    return FitLearner(settings, {matrix, target, weights, {}, all.categorical}, settings.iterations, control);
  }
};

/// Learns the effect, a number of either sign.
LearnerSettings EffectSettings(LearnerSettings settings) {
  settings.task = Task::kRegression;
  settings.parameters.erase("sigmoid");
  if (settings.kind == Kind::kLogistic) settings.kind = Kind::kLinear;
  if (settings.kind == Kind::kLightGbm) settings.parameters["objective"] = "regression";
  if (settings.kind == Kind::kXgboost) {
    settings.parameters["objective"] = "reg:squarederror";
    settings.parameters.erase("base_score");  // was meant for the target
  }
  return settings;
}

Status CheckSides(const Arm& control, const Arm& treated) {
  for (const auto& [arm, who] : {std::pair{&control, "rows that were not treated"}, {&treated, "treated rows"}})
    if (!(arm->weight() > 0)) return Error(ErrorCode::kData, "there are no ", who, " with a weight to learn from");
  return Ok();
}

Result<json> ReadDocument(std::string_view text) {
  json document = ParseJson(text);
  if (!document.is_object()) return Error(ErrorCode::kInvalid, "uplift.json is not a JSON object");
  for (const char* key : {"base", "control", "learner", "outcome", "treated"})
    if (!document.contains(key) || !document[key].is_string()) return Error(ErrorCode::kInvalid, "uplift.json has no text `", key, "`");
  return document;
}

}  // namespace

bool CanBePartOfUplift(Kind base) { return GrowsTrees(base) || base == Kind::kLogistic || base == Kind::kLinear; }

Result<std::unique_ptr<const FittedLearner>> FitUplift(const LearnerSettings& settings, const Vectors& train, const LearnerControl& control) {
  LearnerSettings outcome = settings;
  outcome.uplift.reset();
  Parts parts;
  parts.kind = settings.uplift.value_or(Kind::kTwoModel);
  parts.base = settings.kind;
  parts.outcome = settings.task;
  Arm others(train, false), treated(train, true);
  RETURN_IF_ERROR(CheckSides(others, treated));
  const bool two_stages = parts.kind == Kind::kXLearner;
  const auto stage = [&](int number) {
    LearnerControl inner = control;
    if (control.progress) inner.progress = [&control, number, stages = two_stages ? 4 : 2](double fraction) { control.progress((number + fraction) / stages); };
    return inner;
  };
  ASSIGN_OR_RETURN(parts.control, others.Fit(outcome, train, stage(0)));
  ASSIGN_OR_RETURN(parts.treated, treated.Fit(outcome, train, stage(1)));
  if (two_stages) {
    std::vector<double> foretold = Predict(*parts.treated, others.matrix);
    for (std::size_t i = 0; i < others.target.size(); ++i) others.target[i] = foretold[i] - others.target[i];
    foretold = Predict(*parts.control, treated.matrix);
    for (std::size_t i = 0; i < treated.target.size(); ++i) treated.target[i] -= foretold[i];
    const LearnerSettings effect = EffectSettings(outcome);
    ASSIGN_OR_RETURN(parts.control, others.Fit(effect, train, stage(2)));
    ASSIGN_OR_RETURN(parts.treated, treated.Fit(effect, train, stage(3)));
    parts.share = treated.weight() / (treated.weight() + others.weight());
  }
  return std::unique_ptr<const FittedLearner>(new UpliftLearner(std::move(parts)));
}

Result<std::unique_ptr<const FittedLearner>> ReadUplift(Kind kind, std::string_view text, std::size_t num_features) {
  ASSIGN_OR_RETURN(const json document, ReadDocument(text));
  Parts parts;
  parts.kind = kind;
  ASSIGN_OR_RETURN(parts.base, LearnerFromName(document["base"].get<std::string>()));
  if (!CanBePartOfUplift(parts.base)) return Error(ErrorCode::kInvalid, "uplift.json is made of ", LearnerName(parts.base), ", of which it cannot be");
  parts.outcome = document["outcome"] == TaskName(Task::kBinary) ? Task::kBinary : Task::kRegression;
  const bool effects = kind == Kind::kXLearner;
  if (effects) {
    if (!document.contains("share") || !document["share"].is_number_float()) return Error(ErrorCode::kInvalid, "uplift.json has no share of treated rows");
    parts.share = document["share"].get<double>();
    if (!(parts.share > 0 && parts.share < 1)) return Error(ErrorCode::kInvalid, "uplift.json has a share of treated rows outside (0, 1)");
  }
  const Kind part = effects && parts.base == Kind::kLogistic ? Kind::kLinear : parts.base;
  const Task task = effects ? Task::kRegression : parts.outcome;
  for (const auto& [key, learner] : {std::pair{"control", &parts.control}, {"treated", &parts.treated}}) {
    ASSIGN_OR_RETURN(*learner, ReadLearner(part, task, document[key].get_ref<const std::string&>(), num_features, 1));
  }
  std::unique_ptr<const FittedLearner> read(new UpliftLearner(std::move(parts)));
  if (read->text() != text) return Error(ErrorCode::kInvalid, "uplift.json is not in the one form that Headrace writes");
  return read;
}

}  // namespace headrace

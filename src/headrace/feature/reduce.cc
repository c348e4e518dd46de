// reduce: principal components (PCA), or the same without centring (truncated SVD), from the eigenvectors of the columns' products. The sign of a component is the one that
// makes its largest entry positive, as scikit-learn has it.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <Eigen/Eigenvalues>

#include "headrace/feature/blocks.h"
#include "headrace/feature/elementwise.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kRowsAtOnce = 256;

class Reduce final : public FittedStep {
 public:
  /// `axes`: components x columns.
  Reduce(std::string name, std::vector<double> center, std::vector<double> axes) : name_(std::move(name)), center_(std::move(center)), axes_(std::move(axes)) {}

  Status Run(Lane& lane) const override {
    const std::size_t columns = center_.size();
    for (std::size_t c = 0; c < lane.out.size(); ++c) {
      std::fill_n(lane.out[c], lane.rows, 0.0);
      for (std::size_t k = 0; k < columns; ++k) {
        const double by = axes_[c * columns + k], center = center_[k];
        const double* x = lane.in[k];
        double* out = lane.out[c];
        for (std::size_t i = 0; i < lane.rows; ++i) out[i] += (x[i] - center) * by;
      }
    }
    return Ok();
  }
  std::size_t Width(std::size_t) const override { return axes_.size() / center_.size(); }
  bool in_place() const override { return false; }

  void Describe(Outputs& outputs) const override {
    std::vector<std::string> made_of;
    for (const std::string& column : outputs.columns)
      if (std::find(made_of.begin(), made_of.end(), column) == made_of.end()) made_of.push_back(column);
    outputs.names.clear();
    for (std::size_t c = 0; c < Width(0); ++c) outputs.names.push_back(StrCat(name_, c, "(", Join(made_of, ", "), ")"));
    outputs.columns.assign(outputs.names.size(), Join(made_of, " x "));
  }
  json ToJson() const override { return {{"step", "reduce"}, {"name", name_}, {"center", NumbersToJson(center_)}, {"axes", NumbersToJson(axes_)}}; }

 private:
  std::string name_;
  std::vector<double> center_, axes_;
};

/// Sums of (x_j - center_j)(x_k - center_k) over all rows: blocks side by side, added up in their order.
Eigen::MatrixXd Products(const std::vector<Numbers>& numbers, const std::vector<double>& center, std::size_t rows, int threads) {
  const std::size_t n = numbers.size(), blocks = FitBlocks(rows), wave = static_cast<std::size_t>(ResolveThreads(threads));
  const auto index = [](std::size_t i) { return static_cast<Eigen::Index>(i); };
  Eigen::MatrixXd all = Eigen::MatrixXd::Zero(index(n), index(n));
  for (std::size_t first = 0; first < blocks; first += wave) {
    std::vector<Eigen::MatrixXd> sums(std::min(wave, blocks - first), Eigen::MatrixXd::Zero(index(n), index(n)));
    ForEach(threads, sums.size(), [&](std::size_t b) {
      std::vector<double> centered(n * kRowsAtOnce);
      const std::size_t end = std::min(rows, (first + b + 1) * kFitBlockRows);
      for (std::size_t begin = (first + b) * kFitBlockRows; begin < end; begin += kRowsAtOnce) {
        const std::size_t some = std::min(kRowsAtOnce, end - begin);
        for (std::size_t k = 0; k < n; ++k)
          for (std::size_t i = 0; i < kRowsAtOnce; ++i) centered[k * kRowsAtOnce + i] = i < some ? numbers[k].values()[begin + i] - center[k] : 0.0;
        for (std::size_t j = 0; j < n; ++j)
          for (std::size_t k = 0; k <= j; ++k) {
            double lanes[4] = {};
            for (std::size_t i = 0; i < kRowsAtOnce; i += 4)
              for (std::size_t lane = 0; lane < 4; ++lane) lanes[lane] += centered[j * kRowsAtOnce + i + lane] * centered[k * kRowsAtOnce + i + lane];
            sums[b](index(j), index(k)) += (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
          }
      }
    });
    for (const Eigen::MatrixXd& one : sums) all += one;
  }
  return all.selfadjointView<Eigen::Lower>();
}

}  // namespace

Result<StepPtr> ReadReduce(const json& from, const ReadContext& context) {
  RETURN_IF_ERROR(NeedInputs(context));
  ASSIGN_OR_RETURN(std::string name, ReadText(from, "name"));
  if (name != "pca" && name != "svd") return Damaged(StrCat("components by `", name, "`"));
  ASSIGN_OR_RETURN(std::vector<double> center, ReadNumbers(from, "center", context.inputs));
  ASSIGN_OR_RETURN(std::vector<double> axes, ReadNumbers(from, "axes", kAnyCount));
  if (axes.empty() || axes.size() % context.inputs != 0 || axes.size() / context.inputs > context.inputs) return Damaged("`axes` has not one number a column and component");
  return StepPtr(std::make_unique<Reduce>(std::move(name), std::move(center), std::move(axes)));
}

Status Check(const ReduceStep& step, StepTypes& types) {
  if (step.components < 1) return types.Refuse("reduce needs 1 component at least");
  return types.NeedNumbers("reduce");
}

Result<FitResult> Fit(const ReduceStep& step, FitInput& input) {
  const std::size_t n = input.numbers.size(), components = static_cast<std::size_t>(step.components);
  if (components > std::min(n, input.rows)) return input.Refuse(ErrorCode::kInvalid, StrCat("are ", n, " in ", input.rows, " rows, which have no ", components, " components")).WithHelp("ask for fewer");
  std::vector<double> center(n, 0.0);
  for (std::size_t k = 0; k < n; ++k) {
    const RangeState& range = input.numbers[k].Range(input.threads);
    if (range.count < static_cast<std::int64_t>(input.rows)) return input.Refuse("have missing values, which no component can take").WithHelp("put {impute: median} in front");
    if (step.center) center[k] = range.Mean();
  }
  const Eigen::MatrixXd products = Products(input.numbers, center, input.rows, input.threads);
  if (!products.allFinite()) return input.Refuse("have values too large for their steps").WithHelp("put {scale: standard} in front");
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(products);
  if (solver.info() != Eigen::Success) return input.Refuse("have no components: the eigenvalues were not found");
  std::vector<double> axes;
  for (std::size_t c = 0; c < components; ++c) {
    Eigen::VectorXd axis = solver.eigenvectors().col(static_cast<Eigen::Index>(n - 1 - c));   // eigenvalues rise
    Eigen::Index largest = 0;
    axis.cwiseAbs().maxCoeff(&largest);
    if (axis[largest] < 0) axis = -axis;
    axes.insert(axes.end(), axis.begin(), axis.end());
  }
  return FitResult{std::make_unique<Reduce>(step.center ? "pca" : "svd", std::move(center), std::move(axes))};
}

}  // namespace headrace::internal

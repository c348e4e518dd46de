// reduce: principal components (PCA), or the same without centring (truncated SVD), from the eigenvectors of the columns' products. The sign of a component is the one that
// makes its largest entry positive, as scikit-learn has it.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <Eigen/Eigenvalues>

#include "headrace/feature/blocks.h"
#include "headrace/feature/elementwise.h"
#include "headrace/feature/kernels.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kRowsAtOnce = 256, kTogether = 4;   // of a block; columns or components whose sums are kept in registers

}  // namespace

/// Columns less their centres, times axes (components x columns).
struct Projection {
  const double* const* in;
  double* const* out;
  const double *centers, *axes;
  std::size_t columns, components, rows;
};

/// Eight rows and `kComponents` components at a time, column after column.
template <std::size_t kComponents>
__attribute__((always_inline)) inline void ProjectOn(const Projection& p, std::size_t c) {
  const double* axes = p.axes + c * p.columns;
  std::size_t i = 0;
  for (; i + 8 <= p.rows; i += 8) {
    Four sums[kComponents][2] = {};
    for (std::size_t k = 0; k < p.columns; ++k) {
      Four first, second;
      Load(p.in[k] + i, &first);
      Load(p.in[k] + i + 4, &second);
      first -= p.centers[k];
      second -= p.centers[k];
      for (std::size_t m = 0; m < kComponents; ++m) {
        const double by = axes[m * p.columns + k];
        sums[m][0] += first * by;
        sums[m][1] += second * by;
      }
    }
    for (std::size_t m = 0; m < kComponents; ++m) std::memcpy(p.out[c + m] + i, sums[m], sizeof(sums[m]));
  }
  for (; i < p.rows; ++i)
    for (std::size_t m = 0; m < kComponents; ++m) {
      double sum = 0;
      for (std::size_t k = 0; k < p.columns; ++k) sum += (p.in[k][i] - p.centers[k]) * axes[m * p.columns + k];
      p.out[c + m][i] = sum;
    }
}

HEADRACE_BODY ProjectBody(const Projection& p) {
  std::size_t c = 0;
  for (; c + kTogether <= p.components; c += kTogether) ProjectOn<kTogether>(p, c);
  for (; c + 2 <= p.components; c += 2) ProjectOn<2>(p, c);
  if (c < p.components) ProjectOn<1>(p, c);
}
HEADRACE_WITH_AVX2(Project, (const Projection& p), (p))

/// Adds to `sums` (n x n, row-major) what kRowsAtOnce rows of each pair of columns multiply to, the lower triangle at least; four sums for every fourth row, then those together.
/// REQUIRES: n is a multiple of kTogether.
HEADRACE_BODY AddProductsBody(const double* columns, std::size_t n, double* sums) {
  for (std::size_t j = 0; j < n; j += 2)
    for (std::size_t k = 0; k <= j + 1; k += kTogether) {
      Four lanes[2][kTogether] = {};
      for (std::size_t i = 0; i < kRowsAtOnce; i += 4) {
        Four first, second;
        Load(columns + j * kRowsAtOnce + i, &first);
        Load(columns + (j + 1) * kRowsAtOnce + i, &second);
        for (std::size_t m = 0; m < kTogether; ++m) {
          Four other;
          Load(columns + (k + m) * kRowsAtOnce + i, &other);
          lanes[0][m] += first * other;
          lanes[1][m] += second * other;
        }
      }
      for (std::size_t row = 0; row < 2; ++row)
        for (std::size_t m = 0; m < kTogether; ++m) sums[(j + row) * n + k + m] += (lanes[row][m][0] + lanes[row][m][1]) + (lanes[row][m][2] + lanes[row][m][3]);
    }
}
HEADRACE_WITH_AVX2(AddProducts, (const double* columns, std::size_t n, double* sums), (columns, n, sums))

namespace {

class Reduce final : public FittedStep {
 public:
  /// `axes`: components x columns.
  Reduce(std::string name, std::vector<double> center, std::vector<double> axes) : name_(std::move(name)), center_(std::move(center)), axes_(std::move(axes)) {}

  Status Run(Lane& lane) const override {
    Project({lane.in.data(), lane.out.data(), center_.data(), axes_.data(), center_.size(), lane.out.size(), lane.rows});
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

/// Sums of (x_j - center_j)(x_k - center_k) over all rows, of which the lower triangle counts: blocks side by side, added up in their order.
Eigen::MatrixXd Products(const std::vector<Numbers>& numbers, const std::vector<double>& center, std::size_t rows, int threads) {
  const std::size_t n = (numbers.size() + kTogether - 1) / kTogether * kTogether, blocks = FitBlocks(rows), wave = static_cast<std::size_t>(ResolveThreads(threads));
  std::vector<double> all(n * n);
  for (std::size_t first = 0; first < blocks; first += wave) {
    std::vector<std::vector<double>> sums(std::min(wave, blocks - first), std::vector<double>(n * n));
    ForEach(threads, sums.size(), [&](std::size_t b) {
      std::vector<double> centered(n * kRowsAtOnce);
      const std::size_t end = std::min(rows, (first + b + 1) * kFitBlockRows);
      for (std::size_t begin = (first + b) * kFitBlockRows; begin < end; begin += kRowsAtOnce) {
        const std::size_t some = std::min(kRowsAtOnce, end - begin);
        for (std::size_t k = 0; k < numbers.size(); ++k) {
          const double* x = numbers[k].values().data() + begin;
          double* out = centered.data() + k * kRowsAtOnce;
          Expect(x + some, std::min(kRowsAtOnce, end - begin - some));
          for (std::size_t i = 0; i < some; ++i) out[i] = x[i] - center[k];
          std::fill(out + some, out + kRowsAtOnce, 0.0);
        }
        AddProducts(centered.data(), n, sums[b].data());
      }
    });
    for (const std::vector<double>& one : sums)
      for (std::size_t i = 0; i < all.size(); ++i) all[i] += one[i];
  }
  const auto index = [](std::size_t i) { return static_cast<Eigen::Index>(i); };
  Eigen::MatrixXd products(index(numbers.size()), index(numbers.size()));
  for (std::size_t j = 0; j < numbers.size(); ++j)
    for (std::size_t k = 0; k <= j; ++k) products(index(j), index(k)) = products(index(k), index(j)) = all[j * n + k];
  return products;
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

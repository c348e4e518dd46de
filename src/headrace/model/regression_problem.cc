// Loss, gradient and Hessian of the regressions, over standardised columns: z_j = (x_j - shift_j) / deviation_j. The
// penalty on a coefficient of x becomes l2 / deviation_j^2 on that of z, so the minimum is the same and the equations
// are well scaled. All sums leave out zeros or take them in where they change nothing, so compressed rows give the bits of
// row-major ones.
#include <algorithm>
#include <cmath>

#include "headrace/base/math.h"
#include "headrace/base/parallel.h"
#include "headrace/model/linear.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kChunkRows = 256;

/// Where the rows are divided: by their number and the size of a partial sum alone, never by the number of threads.
std::size_t NumBlocks(std::size_t rows, std::size_t doubles_a_block) {
  constexpr std::size_t kMostDoubles = std::size_t{1} << 25;  // 256 MB of partial sums
  const std::size_t most = std::clamp<std::size_t>(kMostDoubles / std::max<std::size_t>(doubles_a_block, 1), 1, 64);
  return std::clamp<std::size_t>((rows + 1023) / 1024, 1, most);
}

std::size_t BlockBegin(std::size_t block, std::size_t blocks, std::size_t rows) {
  return rows / blocks * block + std::min(block, rows % blocks);
}

/// Sum over rows of of(j, x) for each column's numbers x that are not 0, in blocks merged in order.
template <typename Of>
Status SumColumns(const Matrix& rows, int threads, const Of& of, std::vector<double>* out) {
  const std::size_t m = rows.columns(), blocks = NumBlocks(rows.rows(), m);
  std::vector<std::vector<double>> sums(blocks, std::vector<double>(m, 0));
  RETURN_IF_ERROR(ParallelFor(threads, blocks, [&](std::size_t b) {
    double* sum = sums[b].data();
    for (std::size_t r = BlockBegin(b, blocks, rows.rows()); r < BlockBegin(b + 1, blocks, rows.rows()); ++r)
      rows.ForEach(r, [&](std::size_t j, double x) { sum[j] += of(j, x); });
    return Ok();
  }));
  out->assign(m, 0);
  for (const std::vector<double>& block : sums)
    for (std::size_t j = 0; j < m; ++j) (*out)[j] += block[j];
  return Ok();
}

}  // namespace

Result<RegressionProblem> RegressionProblem::Make(const LearnerSettings& settings, const Vectors& train, int threads) {
  RegressionProblem p;
  p.train_ = &train;
  p.task_ = settings.task;
  p.threads_ = threads;
  p.l1_ = settings.l1;
  p.l2_ = settings.l2;
  p.outputs_ = settings.num_outputs();
  p.width_ = train.features() + 1;
  const auto n = static_cast<double>(train.rows());
  std::vector<double> mean, held;
  RETURN_IF_ERROR(SumColumns(train.matrix, threads, [](std::size_t, double x) { return x; }, &mean));
  for (std::size_t j = 0; j < mean.size(); ++j) {
    if (!std::isfinite(mean[j]))
      return Error(ErrorCode::kData, "feature ", j, " holds a missing value or an infinity, which the ",
                   LearnerName(settings.kind), " learner cannot take");
    mean[j] /= n;
  }
  RETURN_IF_ERROR(SumColumns(train.matrix, threads, [](std::size_t, double) { return 1.0; }, &held));
  std::vector<double>& deviation = p.standards_.deviation;
  RETURN_IF_ERROR(SumColumns(train.matrix, threads, [&](std::size_t j, double x) { return (x - mean[j]) * (x - mean[j]); }, &deviation));
  for (std::size_t j = 0; j < mean.size(); ++j) {
    double& d = deviation[j];
    d = std::sqrt((d + (n - held[j]) * (mean[j] * mean[j])) / n);
    // Rounding of the mean alone makes a deviation of about 1e-16 times the mean: such a column is constant.
    if (d <= 1e-14 * std::abs(mean[j])) d = 0;
    const bool shifts = held[j] > n / 2;
    p.standards_.shift.push_back(shifts ? mean[j] : 0);
    if (shifts && d > 0) p.standards_.shifted.push_back(j);
  }
  if (p.task_ == Task::kRegression) {
    for (const double y : train.target) p.target_mean_ += y;
    p.target_mean_ /= n;
  }
  return p;
}

void RegressionProblem::LossOfRow(double target, double* margins, double* value) const {
  if (task_ == Task::kRegression) {
    const double error = margins[0] - (target - target_mean_);
    *value += 0.5 * error * error;
    margins[0] = error;
  } else if (task_ == Task::kBinary) {
    const double m = margins[0];
    *value += math::Log1p(math::Exp(-std::abs(m))) + (m > 0 ? m : 0) - target * m;
    margins[0] = math::Sigmoid(m) - target;
  } else {
    const auto truth = static_cast<std::size_t>(target);
    const double top = *std::max_element(margins, margins + outputs_), own = margins[truth];
    double sum = 0;
    for (std::size_t k = 0; k < outputs_; ++k) sum += margins[k] = math::Exp(margins[k] - top);
    *value += math::Log(sum) + top - own;
    for (std::size_t k = 0; k < outputs_; ++k) margins[k] /= sum;
    margins[truth] -= 1;
  }
}

template <typename Rows>
void RegressionProblem::AddRows(Rows z, std::size_t begin, std::size_t end, const std::vector<double>& parameters,
                                bool with_hessian, Sums* sums) const {
  const std::size_t m = width_, k_count = outputs_;
  std::vector<double> errors(kChunkRows * k_count), weights(kChunkRows);
  for (std::size_t first = begin; first < end; first += kChunkRows) {
    const std::size_t rows = std::min(kChunkRows, end - first);
    z.Take(first, rows);
    for (std::size_t r = 0; r < rows; ++r) {
      double* error = errors.data() + r * k_count;
      for (std::size_t k = 0; k < k_count; ++k) {
        const double* w = parameters.data() + k * m;
        double margin = 0;
        z.ForEach(r, [&](std::size_t j, double value) { margin += w[j] * value; });
        error[k] = margin;
      }
      const double weight = train_->weights.empty() ? 1.0 : train_->weights[first + r];
      double loss = 0;
      LossOfRow(train_->target[first + r], error, &loss);
      sums->value += weight * loss;
      for (std::size_t k = 0; k < k_count; ++k) {
        double* g = sums->gradient.data() + k * m;
        const double slope = weight * error[k];
        z.ForEach(r, [&](std::size_t j, double value) { g[j] += slope * value; });
      }
    }
    if (!with_hessian) continue;
    std::size_t pair = 0;
    for (std::size_t k = 0; k < k_count; ++k) {
      for (std::size_t l = k; l < k_count; ++l, ++pair) {
        for (std::size_t r = 0; r < rows; ++r) {
          const double target = train_->target[first + r];
          const double* error = errors.data() + r * k_count;
          const auto probability = [&](std::size_t c) {
            return error[c] +
                   (task_ == Task::kBinary ? target : static_cast<double>(static_cast<std::size_t>(target) == c));
          };
          if (task_ == Task::kRegression)
            weights[r] = 1;
          else
            weights[r] = k == l ? probability(k) * (1 - probability(k)) : -probability(k) * probability(l);
          if (!train_->weights.empty()) weights[r] *= train_->weights[first + r];
        }
        z.AddGrams(weights.data(), rows, sums->grams[pair].data());
      }
    }
  }
}

Status RegressionProblem::Evaluate(const std::vector<double>& parameters, bool with_hessian, Derivatives* out) const {
  const std::size_t m = width_, d = num_parameters(), pairs = outputs_ * (outputs_ + 1) / 2;
  const std::size_t rows = train_->rows(), blocks = NumBlocks(rows, d + (with_hessian ? pairs * m * m : 0));
  std::vector<Sums> sums(blocks);
  RETURN_IF_ERROR(ParallelFor(threads_, blocks, [&](std::size_t b) {
    sums[b].gradient.assign(d, 0);
    if (with_hessian) sums[b].grams.assign(pairs, std::vector<double>(m * m, 0));
    const std::size_t begin = BlockBegin(b, blocks, rows), end = BlockBegin(b + 1, blocks, rows);
    if (train_->matrix.compressed())
      AddRows(CompressedRows(train_->matrix, standards_), begin, end, parameters, with_hessian, &sums[b]);
    else
      AddRows(DenseRows(train_->matrix, standards_), begin, end, parameters, with_hessian, &sums[b]);
    return Ok();
  }));
  for (std::size_t b = 1; b < blocks; ++b) {
    sums[0].value += sums[b].value;
    for (std::size_t i = 0; i < d; ++i) sums[0].gradient[i] += sums[b].gradient[i];
    for (std::size_t p = 0; with_hessian && p < pairs; ++p)
      for (std::size_t i = 0; i < m * m; ++i) sums[0].grams[p][i] += sums[b].grams[p][i];
  }
  out->value = sums[0].value;
  out->gradient = std::move(sums[0].gradient);
  out->hessian.clear();
  if (with_hessian) {
    out->hessian.assign(d * d, 0);
    std::size_t pair = 0;
    for (std::size_t k = 0; k < outputs_; ++k)
      for (std::size_t l = k; l < outputs_; ++l, ++pair)
        for (std::size_t i = 0; i < m; ++i)
          for (std::size_t j = 0; j < m; ++j)
            out->hessian[(k * m + i) * d + l * m + j] = sums[0].grams[pair][std::min(i, j) * m + std::max(i, j)];
  }
  // The penalty; and for several classes 1/2 (sum over classes)^2 for each column, which picks the one solution that
  // sums to zero among the equal ones (adding a constant to all classes changes no probability) and costs nothing
  // there. With an L1 penalty the coefficients are no longer free to move together, only the intercepts are.
  for (std::size_t j = 0; j < m; ++j) {
    const bool coupled = outputs_ > 1 && (l1_ == 0 || j == 0);
    const double penalty = PenaltyOf(j);
    double total = 0;
    for (std::size_t k = 0; k < outputs_; ++k) total += parameters[k * m + j];
    if (coupled) out->value += 0.5 * total * total;
    for (std::size_t k = 0; k < outputs_; ++k) {
      const double w = parameters[k * m + j];
      out->value += 0.5 * penalty * w * w;
      out->gradient[k * m + j] += penalty * w + (coupled ? total : 0);
      if (!with_hessian) continue;
      out->hessian[(k * m + j) * d + k * m + j] += penalty;
      for (std::size_t l = k; coupled && l < outputs_; ++l) out->hessian[(k * m + j) * d + l * m + j] += 1;
    }
  }
  return Ok();
}

double RegressionProblem::l1_of(std::size_t parameter) const {
  const std::size_t j = parameter % width_;
  return j == 0 || deviation()[j - 1] == 0 ? 0 : l1_ / deviation()[j - 1];
}

/// A constant column's parameter has nothing but this to hold it at 0.
double RegressionProblem::PenaltyOf(std::size_t j) const {
  if (j == 0) return 0;
  const double d = deviation()[j - 1];
  return d == 0 ? 1 : l2_ / (d * d);
}

double RegressionProblem::CurvatureOf(std::size_t parameter) const {
  double weight = 0;
  for (const double w : train_->weights) weight += w;
  return (train_->weights.empty() ? static_cast<double>(train_->rows()) : weight) + PenaltyOf(parameter % width_);
}

void RegressionProblem::Restore(const std::vector<double>& parameters, std::vector<double>* coefficients,
                                std::vector<double>* intercepts) const {
  const std::size_t features = width_ - 1;
  coefficients->assign(outputs_ * features, 0);
  intercepts->assign(outputs_, 0);
  for (std::size_t k = 0; k < outputs_; ++k) {
    double intercept = parameters[k * width_] + (task_ == Task::kRegression ? target_mean_ : 0);
    for (std::size_t j = 0; j < features; ++j) {
      if (deviation()[j] == 0) continue;
      const double w = parameters[k * width_ + j + 1] / deviation()[j];
      (*coefficients)[k * features + j] = w;
      intercept -= w * standards_.shift[j];
    }
    (*intercepts)[k] = intercept;
  }
}

}  // namespace headrace::internal

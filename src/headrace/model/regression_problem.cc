// Loss, gradient and Hessian of the regressions, over standardised columns: z_j = (x_j - mean_j) / deviation_j. The
// penalty on a coefficient of x becomes l2 / deviation_j^2 on that of z, so the minimum is the same and the equations
// are well scaled.
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

/// gram (m x m, upper) += sum over rows of weight_r * u_r u_r^T, row after row.
void AddGram(const double* u, const double* weights, std::size_t rows, std::size_t m, double* gram) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const double *u0 = u + r * m, *u1 = u0 + m, *u2 = u1 + m, *u3 = u2 + m;
    for (std::size_t i = 0; i < m; ++i) {
      const double a0 = weights[r] * u0[i], a1 = weights[r + 1] * u1[i], a2 = weights[r + 2] * u2[i],
                   a3 = weights[r + 3] * u3[i];
      double* g = gram + i * m;
      for (std::size_t j = i; j < m; ++j) g[j] = (((g[j] + a0 * u0[j]) + a1 * u1[j]) + a2 * u2[j]) + a3 * u3[j];
    }
  }
  for (; r < rows; ++r) {
    const double* u0 = u + r * m;
    for (std::size_t i = 0; i < m; ++i) {
      const double a0 = weights[r] * u0[i];
      double* g = gram + i * m;
      for (std::size_t j = i; j < m; ++j) g[j] += a0 * u0[j];
    }
  }
}

/// Sum over rows of (x_j - shift_j)^power for each column, in blocks merged in order.
Status ColumnSums(const Vectors& train, const std::vector<double>& shift, bool squared, int threads,
                  std::vector<double>* out) {
  const std::size_t m = train.features, blocks = NumBlocks(train.rows, m);
  std::vector<std::vector<double>> sums(blocks, std::vector<double>(m, 0));
  RETURN_IF_ERROR(ParallelFor(threads, blocks, [&](std::size_t b) {
    for (std::size_t r = BlockBegin(b, blocks, train.rows); r < BlockBegin(b + 1, blocks, train.rows); ++r) {
      const double* x = train.values.data() + r * m;
      for (std::size_t j = 0; j < m; ++j) {
        const double d = x[j] - shift[j];
        sums[b][j] += squared ? d * d : d;
      }
    }
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
  p.width_ = train.features + 1;
  const auto n = static_cast<double>(train.rows);
  std::vector<double> sums;
  RETURN_IF_ERROR(ColumnSums(train, std::vector<double>(train.features, 0), false, threads, &sums));
  p.mean_ = sums;
  for (std::size_t j = 0; j < train.features; ++j) {
    if (!std::isfinite(sums[j]))
      return Error(ErrorCode::kData, "feature ", j, " holds a missing value or an infinity, which the ",
                   LearnerName(settings.kind), " learner cannot take");
    p.mean_[j] = sums[j] / n;
  }
  RETURN_IF_ERROR(ColumnSums(train, p.mean_, true, threads, &p.deviation_));
  for (std::size_t j = 0; j < train.features; ++j) {
    double& d = p.deviation_[j];
    d = std::sqrt(d / n);
    // Rounding of the mean alone makes a deviation of about 1e-16 times the mean: such a column is constant.
    if (d <= 1e-14 * std::abs(p.mean_[j])) d = 0;
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

void RegressionProblem::AddRows(std::size_t begin, std::size_t end, const std::vector<double>& parameters,
                                bool with_hessian, Sums* sums) const {
  const std::size_t m = width_, features = m - 1, k_count = outputs_;
  std::vector<double> u(kChunkRows * m), errors(kChunkRows * k_count), weights(kChunkRows);
  for (std::size_t first = begin; first < end; first += kChunkRows) {
    const std::size_t rows = std::min(kChunkRows, end - first);
    for (std::size_t r = 0; r < rows; ++r) {
      const double* x = train_->values.data() + (first + r) * features;
      double* z = u.data() + r * m;
      for (std::size_t j = 0; j < features; ++j) z[j] = deviation_[j] > 0 ? (x[j] - mean_[j]) / deviation_[j] : 0;
      z[features] = 1;
      double* error = errors.data() + r * k_count;
      for (std::size_t k = 0; k < k_count; ++k) {
        const double* w = parameters.data() + k * m;
        double margin = 0;
        for (std::size_t j = 0; j < m; ++j) margin += w[j] * z[j];
        error[k] = margin;
      }
      const double weight = train_->weights.empty() ? 1.0 : train_->weights[first + r];
      double loss = 0;
      LossOfRow(train_->target[first + r], error, &loss);
      sums->value += weight * loss;
      for (std::size_t k = 0; k < k_count; ++k) {
        double* g = sums->gradient.data() + k * m;
        const double slope = weight * error[k];
        for (std::size_t j = 0; j < m; ++j) g[j] += slope * z[j];
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
        AddGram(u.data(), weights.data(), rows, m, sums->grams[pair].data());
      }
    }
  }
}

Status RegressionProblem::Evaluate(const std::vector<double>& parameters, bool with_hessian, Derivatives* out) const {
  const std::size_t m = width_, d = num_parameters(), pairs = outputs_ * (outputs_ + 1) / 2;
  const std::size_t blocks = NumBlocks(train_->rows, d + (with_hessian ? pairs * m * m : 0));
  std::vector<Sums> sums(blocks);
  RETURN_IF_ERROR(ParallelFor(threads_, blocks, [&](std::size_t b) {
    sums[b].gradient.assign(d, 0);
    if (with_hessian) sums[b].grams.assign(pairs, std::vector<double>(m * m, 0));
    AddRows(BlockBegin(b, blocks, train_->rows), BlockBegin(b + 1, blocks, train_->rows), parameters, with_hessian,
            &sums[b]);
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
    const bool coupled = outputs_ > 1 && (l1_ == 0 || j + 1 == m);
    const bool constant = j + 1 < m && deviation_[j] == 0;
    const double penalty = j + 1 == m ? 0 : constant ? 1 : l2_ / (deviation_[j] * deviation_[j]);
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
  return j + 1 == width_ || deviation_[j] == 0 ? 0 : l1_ / deviation_[j];
}

void RegressionProblem::Restore(const std::vector<double>& parameters, std::vector<double>* coefficients,
                                std::vector<double>* intercepts) const {
  const std::size_t features = width_ - 1;
  coefficients->assign(outputs_ * features, 0);
  intercepts->assign(outputs_, 0);
  for (std::size_t k = 0; k < outputs_; ++k) {
    double intercept = parameters[k * width_ + features] + (task_ == Task::kRegression ? target_mean_ : 0);
    for (std::size_t j = 0; j < features; ++j) {
      if (deviation_[j] == 0) continue;
      const double w = parameters[k * width_ + j] / deviation_[j];
      (*coefficients)[k * features + j] = w;
      intercept -= w * mean_[j];
    }
    (*intercepts)[k] = intercept;
  }
}

}  // namespace headrace::internal

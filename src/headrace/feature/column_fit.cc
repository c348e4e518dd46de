// Fitting walks through a column's steps as applying does, but over all training rows at once: fit a step on the numbers so far, run it
// over them, go on. Number steps before an encoding see one number column, those after it one for each output. A target encoding hands
// its cross-fitted values on, so that what comes after is fitted on what the learner will see.
#include "headrace/feature/column_fit.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "headrace/feature/blocks.h"
#include "headrace/feature/statistics.h"
#include "headrace/feature/target_encoding.h"

namespace headrace::internal {
namespace {

using Kind = TransformStep::Kind;
using Encode = TransformStep::Encode;

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kExactInts = 9007199254740992.0;   // 2^53
constexpr std::size_t kMaxOutputs = 10'000;         // of one onehot encoding
constexpr std::size_t kMaxScaledOutputs = 1'000;    // of one that number steps follow: each is held for all rows

class ColumnFitter {
 public:
  ColumnFitter(const ColumnPlan& plan, const Column& source, const TargetColumns& target, bool linear, int threads)
      : plan_(plan), source_(source), target_(target), linear_(linear), threads_(threads) {
    fit_.fitted.column = plan.column;
    fit_.fitted.type = source.type();
  }

  Result<ColumnFit> Fit();

 private:
  Status Load();
  Status FitNumbers(const TransformStep& step);
  Status FitNumbersOf(const TransformStep& step, std::size_t k, NumberStep& out);
  void FitTextFill(const TransformStep& step);
  Status FitEncoder(const TransformStep& step, bool steps_follow);
  Status SortLevels();
  Status FitSlots(const TransformStep& step, bool steps_follow);
  void AssignCodes();
  Status FitTarget(const TransformStep& step);
  Status Finish();

  Status Refuse(ErrorCode code, std::string_view why) const { return Error(code, "column `", plan_.column, "` ", why); }

  const ColumnPlan& plan_;
  const Column& source_;
  const TargetColumns& target_;
  const bool linear_;
  const int threads_;
  ColumnFit fit_;
  std::vector<std::vector<double>> numbers_;      // as the steps so far made them; empty for text before its encoding
  std::vector<std::int32_t> codes_;
  std::vector<std::int64_t> level_counts_;        // sorted as the levels; then missing values, if any
};

Status ColumnFitter::Load() {
  if (source_.type() == Type::kText) return Ok();
  std::vector<double> numbers(source_.size());
  LoadNumbers(source_, 0, numbers.size(), numbers.data());
  std::int64_t infinities = 0;
  for (const double x : numbers) infinities += std::isinf(x) ? 1 : 0;
  if (infinities > 0)
    return Refuse(ErrorCode::kData, StrCat("has ", FormatCount(infinities), infinities == 1 ? " infinity" : " infinities"))
        .WithHelp("make them null where the rows are read, or leave the column out");
  numbers_.push_back(std::move(numbers));
  return Ok();
}

Status ColumnFitter::FitNumbersOf(const TransformStep& step, std::size_t k, NumberStep& out) {
  const std::span<const double> values = numbers_[k];
  const bool selects = (step.kind == Kind::kImpute && (step.impute == TransformStep::Impute::kMedian || step.impute == TransformStep::Impute::kMostFrequent)) ||
                       (step.kind == Kind::kScale && step.scale == TransformStep::Scale::kRobust) || (step.kind == Kind::kClip && step.percentiles);
  const bool averages = (step.kind == Kind::kImpute && step.impute == TransformStep::Impute::kMean) ||
                        (step.kind == Kind::kScale && step.scale != TransformStep::Scale::kRobust);
  std::vector<double> present = selects ? Present(values) : std::vector<double>();
  const RangeState range = averages ? RangeOf(values, threads_) : RangeState{};
  if ((selects && present.empty()) || (averages && range.count == 0)) return Refuse(ErrorCode::kData, "has no value to fit a step on");

  double a = 0, b = 0;
  switch (step.kind) {
    case Kind::kImpute:
      out.kind = NumberStep::Kind::kFill;
      switch (step.impute) {
        case TransformStep::Impute::kMean: a = range.Mean(); break;
        case TransformStep::Impute::kMedian: a = Median(present); break;
        case TransformStep::Impute::kMostFrequent: a = MostFrequent(present); break;
        case TransformStep::Impute::kConstant: {
          ASSIGN_OR_RETURN(a, NumberConstant(step.constant, fit_.fitted.encoder ? Type::kDouble : fit_.fitted.type));
          break;
        }
        case TransformStep::Impute::kMissing: break;
      }
      break;
    case Kind::kClip:
      out.kind = NumberStep::Kind::kClip;
      a = step.lower ? (step.percentiles ? Percentile(present, *step.lower) : *step.lower) : -kInfinity;
      b = step.upper ? (step.percentiles ? Percentile(present, *step.upper) : *step.upper) : kInfinity;
      break;
    case Kind::kScale:
      switch (step.scale) {
        case TransformStep::Scale::kStandard: {
          out.kind = NumberStep::Kind::kScale;
          a = range.Mean();
          const double n = static_cast<double>(range.count), variance = VarianceOf(values, a, threads_);
          const double noise = n * a * kEpsilon;   // below it the variance is rounding only: scikit-learn's _is_constant_feature
          b = variance <= n * kEpsilon * variance + noise * noise ? 1.0 : std::sqrt(variance);
          break;
        }
        case TransformStep::Scale::kMinMax: {
          out.kind = NumberStep::Kind::kMinMax;
          const double width = range.max - range.min;
          if (!std::isfinite(width)) a = kInfinity;   // refused below
          else a = 1.0 / (width < 10 * kEpsilon ? 1.0 : width);
          b = 0.0 - range.min * a;
          break;
        }
        case TransformStep::Scale::kRobust: {
          out.kind = NumberStep::Kind::kScale;
          a = Median(present);
          b = Percentile(present, 75) - Percentile(present, 25);
          if (b < 10 * kEpsilon) b = 1.0;
          break;
        }
      }
      break;
    case Kind::kLog1p: out.kind = NumberStep::Kind::kLog1p; return Ok();
    case Kind::kEncode: return Ok();
  }
  const bool open = out.kind == NumberStep::Kind::kClip;
  if (!(std::isfinite(a) || open) || !(std::isfinite(b) || open))
    return Refuse(ErrorCode::kData, "has values too large for its steps").WithHelp("put {clip: [1%, 99%]} in front");
  out.a.push_back(a);
  if (out.kind != NumberStep::Kind::kFill) out.b.push_back(b);
  return Ok();
}

Status ColumnFitter::FitNumbers(const TransformStep& step) {
  if (step.kind == Kind::kImpute && step.impute == TransformStep::Impute::kMissing) {
    fit_.fitted.indicator = true;
    return Ok();
  }
  NumberStep fitted;
  for (std::size_t k = 0; k < numbers_.size(); ++k) RETURN_IF_ERROR(FitNumbersOf(step, k, fitted));
  for (std::size_t k = 0; k < numbers_.size(); ++k)
    if (const std::size_t none = RunStep(fitted, k, numbers_[k]); none > 0)
      return Refuse(ErrorCode::kData, StrCat("has ", FormatCount(static_cast<std::int64_t>(none)), " values of -1 or below, of which log1p has no result"))
          .WithHelp("put {clip: [0, null]} in front of log1p");
  (fit_.fitted.encoder ? fit_.fitted.after : fit_.fitted.before).push_back(std::move(fitted));
  return Ok();
}

void ColumnFitter::FitTextFill(const TransformStep& step) {
  if (fit_.fitted.text_fill) return;   // nothing is missing any more
  if (step.impute == TransformStep::Impute::kConstant) fit_.fitted.text_fill = step.constant;
  if (step.impute == TransformStep::Impute::kMissing) fit_.fitted.text_fill = "missing";
  if (step.impute != TransformStep::Impute::kMostFrequent) return;
  const LevelCounts<std::string_view> counts = CountLevels(source_, threads_);
  std::size_t best = 0;
  for (std::size_t i = 1; i < counts.size(); ++i)
    if (counts.counts()[i] > counts.counts()[best] || (counts.counts()[i] == counts.counts()[best] && counts.keys()[i] < counts.keys()[best])) best = i;
  fit_.fitted.text_fill = std::string(counts.keys()[best]);
}

Status ColumnFitter::SortLevels() {
  Encoder& encoder = *fit_.fitted.encoder;
  std::int64_t missing = 0;
  if (fit_.fitted.type == Type::kText) {
    LevelCounts<std::string_view> counts = CountLevels(source_, threads_);
    missing = static_cast<std::int64_t>(source_.null_count());
    if (fit_.fitted.text_fill && missing > 0) counts.Add(*fit_.fitted.text_fill, std::exchange(missing, 0));
    std::vector<std::pair<std::string_view, std::int64_t>> sorted;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (!IsUtf8(counts.keys()[i])) return Refuse(ErrorCode::kData, "has text that is not UTF-8").WithHelp("convert it where the rows are read");
      sorted.emplace_back(counts.keys()[i], counts.counts()[i]);
    }
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::string> levels;
    for (const auto& [level, count] : sorted) {
      levels.emplace_back(level);
      level_counts_.push_back(count);
    }
    encoder.levels = Levels::OfText(std::move(levels));
  } else {
    if (fit_.fitted.type == Type::kInt)
      for (const double x : numbers_[0])
        if (std::fabs(x) >= kExactInts)
          return Refuse(ErrorCode::kData, "has whole numbers beyond 2^53, which cannot be told apart as levels").WithHelp("cast it to text with `derive`");
    const LevelCounts<std::uint64_t> counts = CountLevels(numbers_[0], threads_);
    std::vector<std::pair<double, std::int64_t>> sorted;
    missing = static_cast<std::int64_t>(numbers_[0].size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      sorted.emplace_back(std::bit_cast<double>(counts.keys()[i]), counts.counts()[i]);
      missing -= counts.counts()[i];
    }
    std::sort(sorted.begin(), sorted.end());
    std::vector<double> levels;
    for (const auto& [level, count] : sorted) {
      levels.push_back(level);
      level_counts_.push_back(count);
    }
    encoder.levels = Levels::OfNumbers(std::move(levels));
  }
  encoder.missing_seen = missing > 0;
  if (missing > 0) level_counts_.push_back(missing);
  return Ok();
}

Status ColumnFitter::FitSlots(const TransformStep& step, bool steps_follow) {
  Encoder& encoder = *fit_.fitted.encoder;
  std::int32_t next = 0;
  for (const std::int64_t count : level_counts_) encoder.slots.push_back(count < step.min_frequency ? -1 : next++);
  for (std::int32_t& slot : encoder.slots) {
    if (slot >= 0) continue;
    encoder.rare_slot = next;
    slot = next;
  }
  encoder.slot_count = static_cast<std::size_t>(next + (encoder.rare_slot >= 0 ? 1 : 0));
  const std::size_t most = steps_follow ? kMaxScaledOutputs : kMaxOutputs;
  if (encoder.slot_count > most)
    return Refuse(ErrorCode::kData, StrCat("would become ", FormatCount(static_cast<std::int64_t>(encoder.slot_count)), " onehot columns; at most ",
                                           FormatCount(static_cast<std::int64_t>(most)), " are possible"))
        .WithHelp("raise min_frequency, or use {encode: target}");
  return Ok();
}

void ColumnFitter::AssignCodes() {
  codes_.resize(source_.size());
  ForEachBlock(threads_, FitBlocks(codes_.size()), [&](std::size_t b) {
    const std::size_t begin = b * kFitBlockRows, count = std::min(kFitBlockRows, codes_.size() - begin);
    if (fit_.fitted.type == Type::kText)
      CodesOfText(fit_.fitted, source_, begin, count, codes_.data() + begin);
    else
      CodesOfNumbers(fit_.fitted, std::span<const double>(numbers_[0]).subspan(begin, count), codes_.data() + begin);
  });
}

Status ColumnFitter::FitTarget(const TransformStep& step) {
  const std::size_t n = source_.size();
  std::vector<int> by_position;
  int fold_count = target_.fold_count;
  if (target_.folds.empty()) {
    // Each run of `folds` rows has one row of every fold, turned by a hash of the run, so that no rhythm of the rows meets a fold.
    const auto folds = static_cast<std::uint64_t>(step.folds);
    for (std::uint64_t i = 0; i < n; ++i) by_position.push_back(static_cast<int>((i + ((i / folds) * 0x9E3779B97F4A7C15 >> 33)) % folds));
    fold_count = static_cast<int>(step.folds);
  }
  if (fold_count < 2 || n < static_cast<std::size_t>(fold_count))
    return Refuse(ErrorCode::kData, StrCat("needs rows of at least two folds for its target encoding; there are ", n, " rows in ", fold_count, " folds"));
  TargetRows rows;
  rows.codes = codes_;
  rows.levels = level_counts_.size();
  rows.targets = target_.columns;
  rows.folds = target_.folds.empty() ? std::span<const int>(by_position) : std::span<const int>(target_.folds);
  rows.fold_count = fold_count;
  TargetEncoding encoding = EncodeTarget(rows, step.smooth, threads_);
  Encoder& encoder = *fit_.fitted.encoder;
  encoder.values = std::move(encoding.all.values);
  encoder.prior = std::move(encoding.all.prior);
  encoder.classes = target_.classes;
  for (const std::vector<double>* fitted : {&encoder.values, &encoder.prior})
    for (const double x : *fitted)
      if (!std::isfinite(x)) return Refuse(ErrorCode::kData, "cannot be target encoded: the target's values are too large to average");
  numbers_ = std::move(encoding.cross_fitted);
  return Ok();
}

Status ColumnFitter::FitEncoder(const TransformStep& step, bool steps_follow) {
  Encoder& encoder = fit_.fitted.encoder.emplace();
  encoder.kind = step.encode;
  encoder.unknown = step.unknown;
  RETURN_IF_ERROR(SortLevels());
  if (step.encode == Encode::kOneHot) RETURN_IF_ERROR(FitSlots(step, steps_follow));
  if (step.encode != Encode::kTarget && !steps_follow) return Ok();
  AssignCodes();
  if (step.encode == Encode::kTarget) return FitTarget(step);
  numbers_.assign(encoder.width(), std::vector<double>(codes_.size()));
  for (std::size_t k = 0; k < numbers_.size(); ++k)
    for (std::size_t i = 0; i < codes_.size(); ++i) numbers_[k][i] = encoder.ValueOf(codes_[i], k);
  return Ok();
}

/// Look at what came out: constant, missing, cross-fitted.
Status ColumnFitter::Finish() {
  FittedColumn& fitted = fit_.fitted;
  const auto rows = static_cast<std::int64_t>(source_.size());
  bool missing = false;
  if (fitted.encoder) {
    const Encoder& encoder = *fitted.encoder;
    fit_.constant = level_counts_.size() == 1 || (encoder.kind == Encode::kOneHot && encoder.slot_count == 1);
    missing = encoder.kind == Encode::kOrdinal && encoder.missing_seen && fitted.after.empty();
    if (encoder.kind == Encode::kTarget) fit_.cross_fitted = std::move(numbers_);
  } else {
    const RangeState range = RangeOf(numbers_[0], threads_);
    missing = range.count < rows;
    fit_.constant = range.count == 0 || (range.count == rows && range.min == range.max);
  }
  if (fitted.indicator) {
    const auto is_missing = [&](std::size_t i) { return source_.IsNull(i) || (fitted.type == Type::kDouble && std::isnan(source_.doubles()[i])); };
    for (std::size_t i = 1; i < source_.size() && fit_.constant; ++i) fit_.constant = is_missing(i) == is_missing(0);
  }
  for (std::size_t k = 0; fitted.encoder && !fitted.after.empty() && k < numbers_.size(); ++k)
    missing |= RangeOf(numbers_[k], threads_).count < rows;
  if (missing && linear_)
    return Refuse(ErrorCode::kInvalid, "has missing values, which no step fills and a linear learner cannot take").WithHelp("put {impute: median} in front of its steps");
  return Ok();
}

Result<ColumnFit> ColumnFitter::Fit() {
  RETURN_IF_ERROR(Load());
  for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
    const TransformStep& step = plan_.steps[s];
    if (step.kind == Kind::kEncode)
      RETURN_IF_ERROR(FitEncoder(step, s + 1 < plan_.steps.size()));
    else if (fit_.fitted.type == Type::kText && !fit_.fitted.encoder)
      FitTextFill(step);
    else
      RETURN_IF_ERROR(FitNumbers(step));
  }
  RETURN_IF_ERROR(Finish());
  return std::move(fit_);
}

}  // namespace

Result<ColumnFit> FitColumn(const ColumnPlan& plan, const Column& source, const TargetColumns& target, bool linear_learner, int threads) {
  return ColumnFitter(plan, source, target, linear_learner, threads).Fit();
}

}  // namespace headrace::internal

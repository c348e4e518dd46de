// Isotonic regression by pooling adjacent violators: walk up the distinct scores and merge the last two blocks while
// the upper one has not the higher mean. What is kept are the corner points of the step function, between which Apply
// interpolates.
//
// Sigmoid: two parameters, so Newton's method with the exact 2 x 2 Hessian. Margins are centred and scaled first, which
// changes nothing but the conditioning, and undone at the end. Beta is in calibration_beta.cc, the text in calibration_json.cc.

#include "headrace/model/calibration.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>

#include "headrace/base/math.h"
#include "headrace/base/text.h"
#include "headrace/model/calibration_internal.h"

namespace headrace {
namespace {

using Kind = CalibrationSpec::Kind;

constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr double kTied = 1e-15;  // numpy.finfo(float).resolution, which IsotonicRegression takes for equal

struct Point {
  double score, target, weight;
};

/// Also the weights, where there are any.
Status CheckScores(std::span<const double> scores, std::span<const double> weights) {
  if (scores.empty()) return Error(ErrorCode::kData, "no rows to fit a calibration on");
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (!std::isfinite(scores[i]))
      return Error(ErrorCode::kData, "score is ", scores[i], " in row ", i + 1,
                   " of those that calibration is fitted on; expected a finite number");
  double most = weights.empty() ? 1 : 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || std::isinf(weights[i]))
      return Error(ErrorCode::kData, "weight is ", weights[i], " in row ", i + 1, "; expected a finite number, 0 or above");
    most = std::max(most, weights[i]);
  }
  if (most == 0) return Error(ErrorCode::kData, "no row has a weight above 0 to fit a calibration on");
  return Ok();
}

/// Points in order of score with those of one score averaged. REQUIRES: at least one.
std::vector<Point> AverageTies(std::vector<Point> points) {
  std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) {
    return a.score != b.score ? a.score < b.score : a.target != b.target ? a.target < b.target : a.weight < b.weight;
  });
  std::vector<Point> distinct;
  for (const Point& p : points) {
    if (distinct.empty() || p.score - distinct.back().score >= kTied) distinct.push_back({p.score, 0, 0});
    distinct.back().target += p.target * p.weight;
    distinct.back().weight += p.weight;
  }
  for (Point& p : distinct) p.target /= p.weight;
  return distinct;
}

/// The non-decreasing values nearest to the points' targets in weighted least squares, one a point.
std::vector<double> PoolAdjacentViolators(const std::vector<Point>& points) {
  struct Block {
    double sum, weight;
    std::size_t points;
    double mean() const { return sum / weight; }
  };
  std::vector<Block> blocks;
  for (const Point& p : points) {
    blocks.push_back({p.target * p.weight, p.weight, 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() >= blocks.back().mean()) {
      const Block upper = blocks.back();
      blocks.pop_back();
      blocks.back().sum += upper.sum;
      blocks.back().weight += upper.weight;
      blocks.back().points += upper.points;
    }
  }
  std::vector<double> values;
  values.reserve(points.size());
  for (const Block& block : blocks) values.insert(values.end(), block.points, block.mean());
  return values;
}

/// Platt's fit: f is the loss to minimise, g its gradient, h its Hessian, at (a, b).
struct Platt {
  double f = 0, ga = 0, gb = 0, haa = 0, hab = 0, hbb = 0;

  /// `weights` may be empty.
  Platt(double a, double b, std::span<const double> x, std::span<const double> t, std::span<const double> weights) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double weight = weights.empty() ? 1.0 : weights[i];
      const double z = a * x[i] + b;
      const double e = math::Exp(-std::fabs(z));
      const double p = z >= 0 ? e / (1 + e) : 1 / (1 + e);  // 1 / (1 + exp(z))
      f += weight * ((z >= 0 ? t[i] : t[i] - 1) * z + math::Log1p(e));
      const double d = weight * (t[i] - p), w = weight * (p * (1 - p));
      ga += x[i] * d;
      gb += d;
      haa += x[i] * x[i] * w;
      hab += x[i] * w;
      hbb += w;
    }
  }
};

std::pair<double, double> FitPlatt(std::span<const double> x, std::span<const double> t, std::span<const double> weights,
                                   double a, double b) {
  constexpr double kRidge = 1e-12, kLeastStep = 1e-10;
  Platt at(a, b, x, t, weights);
  for (int iteration = 0; iteration < 100; ++iteration) {
    const double haa = at.haa + kRidge, hbb = at.hbb + kRidge;
    const double det = haa * hbb - at.hab * at.hab;
    const double da = -(hbb * at.ga - at.hab * at.gb) / det;
    const double db = -(haa * at.gb - at.hab * at.ga) / det;
    const double slope = at.ga * da + at.gb * db;
    if (!(slope < 0)) break;
    // So near the minimum the loss cannot tell steps apart any more; the last Newton step squares the remaining error.
    if (-slope < 1e-12 * std::max(1.0, at.f)) return {a + da, b + db};
    double step = 1;
    for (; step >= kLeastStep; step /= 2) {
      const Platt next(a + step * da, b + step * db, x, t, weights);
      if (next.f < at.f + 1e-4 * step * slope) {
        a += step * da;
        b += step * db;
        at = next;
        break;
      }
    }
    if (step < kLeastStep) break;
  }
  return {a, b};
}

}  // namespace

Result<Calibration> Calibration::FitIsotonic(std::span<const double> scores, std::span<const double> targets,
                                             std::span<const double> weights) {
  assert(scores.size() == targets.size() && (weights.empty() || weights.size() == scores.size()));
  RETURN_IF_ERROR(CheckScores(scores, weights));
  std::vector<Point> points;
  points.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double weight = weights.empty() ? 1.0 : weights[i];
    if (weight > 0) points.push_back({scores[i], targets[i], weight});
  }
  const double least = 1 / (2 * static_cast<double>(points.size())), most = 1 - least;

  points = AverageTies(std::move(points));
  std::vector<double> values = PoolAdjacentViolators(points);
  for (double& v : values) v = std::clamp(v, least, most);
  Calibration fitted;
  fitted.kind_ = Kind::kIsotonic;
  Curve& curve = fitted.curves_.emplace_back();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool inside = i > 0 && i + 1 < points.size();
    if (inside && values[i] == values[i - 1] && values[i] == values[i + 1]) continue;
    curve.x.push_back(points[i].score + 0.0);  // never -0, which JSON readers take for an int
    curve.y.push_back(values[i]);
  }
  return fitted;
}

Result<Calibration> Calibration::FitSigmoid(std::span<const double> margins, std::span<const double> targets,
                                            std::span<const double> weights) {
  assert(margins.size() == targets.size());
  RETURN_IF_ERROR(CheckScores(margins, weights));
  double positives = 0, rows = 0, center = 0, scale = 0;
  const double n = static_cast<double>(margins.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double weight = weights.empty() ? 1.0 : weights[i];
    positives += weight * targets[i];
    rows += weight;
  }
  for (const double m : margins) center += m / n;
  for (const double m : margins) scale = std::max(scale, std::fabs(m - center));
  if (!(scale > 0) || std::isinf(scale)) scale = 1;

  std::vector<double> x, smoothed;
  for (const double m : margins) x.push_back((m - center) / scale);
  for (const double t : targets)
    smoothed.push_back(t > 0 ? (positives + 1) / (positives + 2) : 1 / (rows - positives + 2));
  const auto [a, b] = FitPlatt(x, smoothed, weights, 0, math::Log((rows - positives + 1) / (positives + 1)));

  Calibration fitted;
  fitted.kind_ = Kind::kSigmoid;
  Curve& curve = fitted.curves_.emplace_back();
  curve.a = a / scale + 0.0;  // never -0
  curve.b = b - a * (center / scale) + 0.0;
  if (!std::isfinite(curve.a) || !std::isfinite(curve.b))
    return Error(ErrorCode::kData, "margins from ", *std::min_element(margins.begin(), margins.end()), " to ",
                 *std::max_element(margins.begin(), margins.end()),
                 " are too far apart to fit a sigmoid calibration on");
  return fitted;
}

Result<Calibration> Calibration::FitBeta(std::span<const double> scores, std::span<const double> targets,
                                         std::span<const double> weights) {
  assert(scores.size() == targets.size());
  RETURN_IF_ERROR(CheckScores(scores, weights));
  Calibration fitted;
  fitted.kind_ = Kind::kBeta;
  Curve& curve = fitted.curves_.emplace_back();
  const internal::BetaCurve beta = internal::FitBetaCurve(scores, targets, weights);
  curve.a = beta.a;
  curve.b = beta.b;
  curve.c = beta.c;
  return fitted;
}

Result<Calibration> Calibration::Fit(Kind kind, std::span<const double> scores, std::span<const double> targets,
                                     int classes, std::span<const double> weights) {
  if (kind == Kind::kNone) return Calibration();
  const auto fit = [&](std::span<const double> s, std::span<const double> t) {
    return kind == Kind::kIsotonic  ? FitIsotonic(s, t, weights)
           : kind == Kind::kSigmoid ? FitSigmoid(s, t, weights)
                                    : FitBeta(s, t, weights);
  };
  if (classes <= 2) return fit(scores, targets);

  const std::size_t width = static_cast<std::size_t>(classes);
  assert(scores.size() == targets.size() * width);
  Calibration fitted;
  fitted.kind_ = kind;
  std::vector<double> score(targets.size()), is(targets.size());
  for (std::size_t c = 0; c < width; ++c) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      score[i] = scores[i * width + c];
      is[i] = targets[i] == static_cast<double>(c) ? 1 : 0;
    }
    ASSIGN_OR_RETURN(Calibration one, fit(score, is));
    fitted.curves_.push_back(std::move(one.curves_.front()));
  }
  return fitted;
}

std::string_view Calibration::KindName() const {
  switch (kind_) {
    case Kind::kNone:
      return "none";
    case Kind::kIsotonic:
      return "isotonic";
    case Kind::kSigmoid:
      return "sigmoid";
    case Kind::kBeta:
      return "beta";
  }
  return "none";
}

std::string Calibration::name() const { return by_.empty() ? std::string(KindName()) : StrCat(KindName(), " by ", by_); }

double Calibration::Curve::Apply(Kind kind, double score) const {
  if (kind == Kind::kSigmoid) return std::clamp(math::Sigmoid(-(a * score + b)), kEps, 1 - kEps);
  if (kind == Kind::kBeta) return std::clamp(internal::ApplyBeta({a, b, c}, score), kEps, 1 - kEps);
  if (!(score > x.front())) return y.front();
  if (score >= x.back()) return y.back();
  const std::size_t above = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), score) - x.begin());
  const double from = y[above - 1], to = y[above];
  const double value = from + (to - from) / (x[above] - x[above - 1]) * (score - x[above - 1]);
  // Rounding, or a slope too steep for a double, must not leave the two points' range.
  return !(value >= from) ? from : std::min(value, to);
}

Result<Calibration> Calibration::FitBy(const std::string& by, std::span<const std::optional<std::string>> values, Kind kind,
                                       std::span<const double> scores, std::span<const double> targets, int classes,
                                       std::span<const double> weights) {
  assert(values.size() == targets.size());
  ASSIGN_OR_RETURN(Calibration fitted, Fit(kind, scores, targets, classes, weights));
  const std::size_t width = classes <= 2 ? 1 : static_cast<std::size_t>(classes);
  std::map<std::string, std::vector<std::size_t>> rows_of;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] && (weights.empty() || weights[i] > 0)) rows_of[*values[i]].push_back(i);
  for (const auto& [value, rows] : rows_of) {
    std::vector<std::size_t> of_class(std::max<std::size_t>(2, width));
    std::vector<double> s, t, w;
    for (const std::size_t row : rows) {
      ++of_class[static_cast<std::size_t>(targets[row])];
      s.insert(s.end(), scores.begin() + static_cast<std::ptrdiff_t>(row * width), scores.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
      t.push_back(targets[row]);
      if (!weights.empty()) w.push_back(weights[row]);
    }
    if (rows.size() < kSegmentRows || *std::min_element(of_class.begin(), of_class.end()) < kSegmentClassRows) continue;
    ASSIGN_OR_RETURN(Calibration own, Fit(kind, s, t, classes, w));
    fitted.segments_.push_back({value, std::move(own.curves_)});
  }
  if (!fitted.segments_.empty()) fitted.by_ = by;
  return fitted;
}

std::size_t Calibration::SegmentOf(std::string_view value) const {
  const auto at = std::lower_bound(segments_.begin(), segments_.end(), value, [](const Segment& s, std::string_view v) { return s.value < v; });
  return at != segments_.end() && at->value == value ? static_cast<std::size_t>(at - segments_.begin()) : kPooled;
}

double Calibration::Apply(double score, std::size_t segment) const {
  assert(curves_.size() <= 1);
  return curves_.empty() ? score : CurvesOf(segment).front().Apply(kind_, score);
}

void Calibration::ApplyRow(std::span<double> scores, std::size_t segment) const {
  if (curves_.empty()) return;
  assert(scores.size() == curves_.size());
  const std::vector<Curve>& curves = CurvesOf(segment);
  double sum = 0;
  for (std::size_t c = 0; c < scores.size(); ++c) {
    scores[c] = curves[c].Apply(kind_, scores[c]);
    sum += scores[c];
  }
  for (double& score : scores) score = sum > 0 ? score / sum : 1 / static_cast<double>(scores.size());  // only curves that others fitted reach 0
}

}  // namespace headrace

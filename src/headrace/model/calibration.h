#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"

namespace headrace {

/// A fitted map from a learner's scores to probabilities that mean what they say, one curve for two classes, or one a class.
///
/// What it is fitted on and applied to (`input()`):
///   none      the probability, which it returns unchanged
///   isotonic  the probability (after the learner's link function)
///   sigmoid   the raw margin (before the link function), as scikit-learn's CalibratedClassifierCV does for learners with
///             a decision_function
///   beta      the probability, as isotonic
///
/// No answer of a curve that we fitted is exactly 0 or 1: isotonic stays in [1/(2n), 1 - 1/(2n)], n the number of rows it was fitted
/// on; sigmoid and beta in [2^-52, 1 - 2^-52].
///
/// It may also have curves for some values of a column (`by`): rows of those values go by them, all others by the curves of all
/// rows together.
///
/// Threads: an immutable value; any number may apply it at once.
class Calibration {
 public:
  enum class Input : unsigned char { kProbability, kMargin };
  static constexpr std::size_t kPooled = static_cast<std::size_t>(-1);  ///< the curves of all rows
  /// What a value needs for curves of its own: so many rows with a weight, and so many of each class.
  static constexpr std::size_t kSegmentRows = 200, kSegmentClassRows = 20;

  /// The identity.
  Calibration() = default;

  /// Isotonic regression: scikit-learn's IsotonicRegression(y_min=1/(2n), y_max=1-1/(2n), out_of_bounds="clip"). Pool
  /// adjacent violators (Barlow et al. 1972) over the distinct scores, targets of tied scores (closer than 1e-15) averaged
  /// first, linear between the remaining points, constant beyond them. Increasing.
  /// `weights` may be empty; rows of weight 0 do not count, nor into n. kData: no row with a weight, a score that is not
  /// finite, a negative weight. REQUIRES: targets 0 or 1; equal lengths.
  static Result<Calibration> FitIsotonic(std::span<const double> scores, std::span<const double> targets,
                                         std::span<const double> weights = {});

  /// Platt scaling: p = 1 / (1 + exp(a * margin + b)), maximum likelihood against Platt's smoothed targets
  /// (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), by Newton's method with backtracking (Lin, Lin, Weng 2007, algorithm 1). Agrees
  /// with scikit-learn's _sigmoid_calibration, whose optimiser stops earlier, within 1e-6. Errors as FitIsotonic.
  static Result<Calibration> FitSigmoid(std::span<const double> margins, std::span<const double> targets,
                                        std::span<const double> weights = {});

  /// Beta calibration (Kull, Silva Filho, Flach 2017): p = 1 / (1 + exp(-(a ln s - b ln(1 - s) + c))), s the probability
  /// clipped to [2^-52, 1 - 2^-52]; maximum likelihood with a, b >= 0: a parameter that would be negative is 0 and the others
  /// are fitted again, as the betacal package does ("abm"). Errors as FitIsotonic.
  static Result<Calibration> FitBeta(std::span<const double> scores, std::span<const double> targets,
                                     std::span<const double> weights = {});

  /// Fit what `kind` says. For two classes (`classes` <= 2) `scores` has one value a row and `targets` are 0 or 1. For more,
  /// `scores` is row-major rows x classes, `targets` the class of each row, and each class is fitted against the rest.
  static Result<Calibration> Fit(CalibrationSpec::Kind kind, std::span<const double> scores,
                                 std::span<const double> targets, int classes, std::span<const double> weights = {});

  /// Fit, and for each value of the column `by` (one a row, as text; nothing for null) that has rows enough once more on its
  /// rows alone. When none has, the answer is that of Fit.
  static Result<Calibration> FitBy(const std::string& by, std::span<const std::optional<std::string>> values, CalibrationSpec::Kind kind,
                                   std::span<const double> scores, std::span<const double> targets, int classes,
                                   std::span<const double> weights = {});

  CalibrationSpec::Kind kind() const { return kind_; }
  std::string_view KindName() const;   ///< "none", "isotonic", "sigmoid", "beta"
  std::string name() const;    ///< "none", "isotonic", "sigmoid by country", "beta"
  Input input() const { return kind_ == CalibrationSpec::Kind::kSigmoid ? Input::kMargin : Input::kProbability; }
  /// 0 for none, 1 for two classes, else the number of classes.
  std::size_t num_curves() const { return curves_.size(); }

  /// The column whose values may have curves of their own; "" = there are none.
  const std::string& by() const { return by_; }
  std::size_t num_segments() const { return segments_.size(); }
  /// The curves for a value of that column: its own, or kPooled.
  std::size_t SegmentOf(std::string_view value) const;

  /// Two classes: the probability of the positive class. REQUIRES: num_curves() <= 1, a finite score, a segment of SegmentOf.
  double Apply(double score, std::size_t segment = kPooled) const;

  /// Several classes: replace the scores of one row by probabilities that sum to 1 (each class by its own curve, then
  /// divided by their sum). REQUIRES: none, or as many scores as curves, all finite.
  void ApplyRow(std::span<double> scores, std::size_t segment = kPooled) const;

  /// One canonical line of JSON: equal calibrations give equal text, and numbers read back to the same bits.
  ///   {"curves":[{"x":[...],"y":[...]}],"kind":"isotonic"}    {"curves":[{"a":-1.2,"b":0.1}],"kind":"sigmoid"}
  ///   {"curves":[{"a":1.1,"b":0.9,"c":-0.2}],"kind":"beta"}
  ///   {"by":"country","curves":[...],"kind":"beta","segments":[{"curves":[...],"value":"DE"}]}
  std::string ToJson() const;
  /// The inverse of ToJson; the text is not trusted. kInvalid unless it is exactly what ToJson would write for a calibration
  /// whose numbers are finite, x strictly increasing, y within [0, 1] and never falling, values of segments rising in byte order.
  static Result<Calibration> FromJson(std::string_view text);
  /// The same of a calibration that another program wrote in its own spelling of JSON.
  static Result<Calibration> FromAnyJson(std::string_view text);

  bool operator==(const Calibration&) const = default;

 private:
  struct Curve {
    std::vector<double> x, y;    ///< isotonic: the points, equally many
    double a = 0, b = 0;         ///< sigmoid, beta
    double c = 0;                ///< beta
    double Apply(CalibrationSpec::Kind kind, double score) const;
    bool operator==(const Curve&) const = default;
  };
  struct Segment {
    std::string value;
    std::vector<Curve> curves;
    bool operator==(const Segment&) const = default;
  };
  std::string CurvesText(const std::vector<Curve>& curves) const;
  static Status ReadCurves(const nlohmann::json& items, CalibrationSpec::Kind kind, std::vector<Curve>* out);
  Status ReadSegments(const nlohmann::json& json);
  const std::vector<Curve>& CurvesOf(std::size_t segment) const { return segment == kPooled ? curves_ : segments_[segment].curves; }

  CalibrationSpec::Kind kind_ = CalibrationSpec::Kind::kNone;
  std::vector<Curve> curves_;
  std::string by_;
  std::vector<Segment> segments_;  ///< values in byte order
};

}  // namespace headrace

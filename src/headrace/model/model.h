#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/model/spec.h"
#include "headrace/table/table.h"

namespace headrace {

class Scorer;

/// A digest of one unfitted step (SQL, derive) above `train`, to compare with the one above `score`.
struct UnfittedStep {
  std::string name;      ///< bare step name
  std::string kind;      ///< "sql", "extract"
  std::string text;      ///< the query as written: shown in the diff
  std::string digest;    ///< SHA-256 of the normalised text
};

/// One input column a model needs.
struct InputColumn {
  std::string name;
  Type type = Type::kDouble;
  bool nullable = false;       ///< whether training data had nulls (a null elsewhere is counted)
  bool personal = false;       ///< tagged so by a contract when the model was trained
};

/// What the model card tells of a training beside its figures. Parts that are not known are empty.
struct TrainingFacts {
  std::string purpose, limits;   ///< as the `train` step says
  std::string pipeline;          ///< that trained it
  std::string time_column;       ///< the date or timestamp that the following are the first and last of
  std::string trained_from, trained_to, tested_from, tested_to;
  bool operator==(const TrainingFacts&) const = default;
};

/// Who was treated, of an uplift model: its score is what being treated adds to the target.
struct TreatmentFacts {
  std::string column;            ///< "" = no uplift model
  std::string treated, control;  ///< the column's values, as text
  std::string outcome;           ///< the class of the target whose probability is meant; "" = the target is a number
  bool operator==(const TreatmentFacts&) const = default;
};

/// What a model file says about itself (`headrace inspect`, the registry, the report).
struct ModelInfo {
  std::string digest;                         ///< SHA-256 of the file
  std::string headrace_version, code_commit;
  bool code_dirty = false;
  Task task = Task::kBinary;
  std::string learner;                        ///< "lightgbm", "logistic", "linear"
  std::string target;                         ///< "" = none: a clustering
  std::size_t clusters = 0;                   ///< how many; 0 = none
  std::vector<std::string> classes;           ///< as text; binary: {negative, positive}
  std::vector<InputColumn> inputs;            ///< the input contract, in training order
  std::vector<std::string> features;          ///< names of the transformed vector
  double threshold = 0.5;
  std::string calibration;                    ///< "none", "isotonic", "sigmoid by country"
  std::string folds;                          ///< "out-of-fold 5", "held aside 10%", "none needed"
  std::string evaluated_on;                   ///< "test rows", or "out-of-fold rows" when the split leaves none
  std::int64_t train_rows = 0, test_rows = 0; ///< rows fitted on for the evaluation; rows evaluated on
  std::int64_t fitted_rows = 0;               ///< rows the kept model was fitted on: train_rows, or all after a refit
  std::map<std::string, double> metrics;      ///< on those rows
  std::vector<UnfittedStep> unfitted;
  TrainingFacts facts;
  TreatmentFacts treatment;
};

/// One immutable fitted model: transforms, learner, calibration, threshold, metrics, profile and the parity proof.
/// Open checks everything before anything is used: zip layout, digests of all members, versions, the learner's text, and that
/// re-serialising what was parsed gives the same bytes.
///
/// Threads: immutable; any number may score at once.
class Model {
 public:
  /// Read a model file. kInvalid says why a file is refused: not a model, damaged (which member), made by a newer Headrace.
  static Result<std::shared_ptr<const Model>> Open(const std::string& path);
  static Result<std::shared_ptr<const Model>> FromBytes(std::string bytes, std::string_view name);

  const ModelInfo& info() const { return info_; }
  const std::string& bytes() const { return bytes_; }           ///< the file, whole
  /// A member of the file ("metrics.json", "card.md", "transform.json", ...), or kInvalid.
  Result<std::string> Member(std::string_view name) const;
  const Scorer& scorer() const { return *scorer_; }
  /// Score the made-up rows inside the file and compare every bit with what training recorded.
  Status ReplayProof() const;

  ~Model();

 private:
  Model();
  friend class ModelFile;
  ModelInfo info_;
  std::string bytes_;
  std::vector<std::pair<std::string, std::pair<std::size_t, std::size_t>>> members_;   // name, offset and size in bytes_
  std::unique_ptr<const Scorer> scorer_;
};

/// Counts of what the scored rows showed and the model had a rule for.
struct ScoreCounts {
  std::int64_t rows = 0;
  std::map<std::string, std::int64_t> unseen;      ///< per column: levels never seen at training
  std::map<std::string, std::int64_t> nulls;       ///< per column: nulls where training had none
  std::map<std::string, std::int64_t> derive_errors;
};

/// From raw columns to scores, in one pass, with only what was fitted. Rows are worked in fixed blocks, each on its own, so one
/// row, a block, a table and any number of threads give the same bits.
///
/// Columns are found by name: extra columns and their order do not matter. kData names a column that is missing (with the
/// nearest name) or of another type (an int column where training had double is fine), or a row whose score is not finite.
///
/// Threads: immutable; any number may score at once. `threads`: 0 = all cores.
class Scorer {
 public:
  /// Output columns: of a clustering `cluster` (int, from 0) and `distance` (to its centre, in the space of the transformed vectors); else `score` (binary: the calibrated probability of the positive class; regression: the prediction; multiclass:
  /// the probability of the label), for multiclass one `score_<class>` each, and `label` (absent for regression).
  /// `counts` (may be null) adds up.
  Result<Table> Score(const Table& rows, ScoreCounts* counts, int threads = 1) const;
  /// The same numbers without a table, row-major rows x NumOutputs (1, the number of classes, or cluster and distance): what Score writes into its score columns.
  Result<std::vector<double>> Predict(const Table& rows, ScoreCounts* counts = nullptr, int threads = 1) const;
  /// Class index a row from Predict's numbers: binary 1 when score >= threshold; multiclass the first of the largest; clustering: the
  /// cluster.
  std::vector<std::size_t> Labels(std::span<const double> predictions) const;
  /// The transformed vectors, row-major rows x features, as the learner sees them.
  Result<std::vector<double>> Transform(const Table& rows) const;
  /// Raw margins of the learner, row-major rows x NumOutputs.
  Result<std::vector<double>> RawScores(const Table& rows) const;
  ~Scorer();

  struct Parts;                                        ///< internal: scorer_parts.h
  explicit Scorer(std::unique_ptr<const Parts> parts);  ///< internal: made by Train and by reading a file
  const Parts& parts() const { return *parts_; }        ///< internal

 private:
  std::unique_ptr<const Parts> parts_;
};

}  // namespace headrace

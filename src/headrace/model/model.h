#pragma once

#include <map>
#include <memory>
#include <string>
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
};

/// What a model file says about itself (`headrace inspect`, the registry, the report).
struct ModelInfo {
  std::string digest;                         ///< SHA-256 of the file
  std::string headrace_version, code_commit;
  bool code_dirty = false;
  Task task = Task::kBinary;
  std::string learner;                        ///< "lightgbm", "logistic", "linear"
  std::string target;
  std::vector<std::string> classes;           ///< as text; binary: {negative, positive}
  std::vector<InputColumn> inputs;            ///< the input contract, in training order
  std::vector<std::string> features;          ///< names of the transformed vector
  double threshold = 0.5;
  std::string calibration;                    ///< "none", "isotonic", "sigmoid"
  std::string folds;                          ///< "out-of-fold 5", "held aside 10%"
  std::int64_t train_rows = 0, test_rows = 0;
  std::map<std::string, double> metrics;      ///< on the test rows
  std::vector<UnfittedStep> unfitted;
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
  std::unique_ptr<const Scorer> scorer_;
};

/// Counts of what the scored rows showed and the model had a rule for.
struct ScoreCounts {
  std::int64_t rows = 0;
  std::map<std::string, std::int64_t> unseen;      ///< per column: levels never seen at training
  std::map<std::string, std::int64_t> nulls;       ///< per column: nulls where training had none
  std::map<std::string, std::int64_t> derive_errors;
};

/// From raw columns to scores, in one pass, with only what was fitted. Same bits for one row, a block or a table.
class Scorer {
 public:
  /// Score a block. Output columns: `score` (and one `score_<class>` each for multiclass), `label`
  /// (absent for regression). kData names a missing column or one of a wrong type; extra columns and order do not matter. `counts` (may be null) adds up.
  Result<Table> Score(const Table& rows, ScoreCounts* counts) const;
  /// The transformed vectors, row-major rows x features, as the learner sees them.
  Result<std::vector<double>> Transform(const Table& rows) const;
  /// Raw margins of the learner, row-major rows x (1 or number of classes).
  Result<std::vector<double>> RawScores(const Table& rows) const;
  /// Scores of one transformed vector matrix after the link function, before calibration.
  ~Scorer();

 private:
  Scorer();
  friend class ModelFile;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace headrace

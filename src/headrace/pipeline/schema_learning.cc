#include "headrace/pipeline/schema_learning.h"

namespace headrace::internal {

using enum ScalarType;

Shape FoldsShape() {
  return Either({Scalar(kText), MapOf("how to cut them", {
      Required({"by", Scalar(kText), "a date or time column: each fold learns from the past and is judged on the block of rows that follows; or `hash(column, ...)`: rows that agree there are never on both sides", "as_of"}),
      {"count", IntFrom(2), "how many; when not given as `auto`", "4"},
      {"gap", Scalar(kDuration), "by time: the rows that a fold learns from end this long before the first that judges it", "7d"},
  })});
}

Key ProgramRun() { return Required({"run", ListOf(Scalar(kText)), "the program and its arguments, each one text: no shell reads them", "[python3, scripts/fit.py, --fast]"}); }

std::vector<Key> ProgramKeys() {
  return {
      {"code", ListOrSingle(Scalar(kPath)), "files of the project that decide what it does: when one changes, the step runs again; `*` and `**` match several", "[\"scripts/**/*.py\"]"},
      {"params", Named("name: value", Either({Scalar(kAny), ListOf(Scalar(kColumn))})), "what it gets as a JSON object in `HEADRACE_PARAMS`", "{since: \"${params.since}\"}"},
      {"env", Named("NAME: value", TextOrSecretShape("API_TOKEN")), "variables of its environment besides PATH, HOME, LANG, TZ and TMPDIR", "{API_TOKEN: {secret: API_TOKEN}}"},
      {"memory", Scalar(kSize), "address space of each of its processes", "2GiB"},
      {"cpu_time", Scalar(kDuration), "processor time of each of its processes", "10m"},
      {"files", IntFrom(8), "files that each of its processes may hold open", "1024"},
      {"file_size", Scalar(kSize), "largest file it may write", "4GiB"},
      {"log_size", Scalar(kSize), "how much is kept of each of its two outputs: beginning and end; 1MiB when not given", "4MiB"},
  };
}

Shape LearnerShape() {
  const Shape penalties = MapOf("parameters", {
      {"l2", Scalar(kDouble), "strength of the L2 penalty: 1/C of scikit-learn's LogisticRegression, alpha of Ridge; 1 when not given", "1.0"},
      {"l1", Scalar(kDouble), "strength of the L1 penalty, which makes coefficients exactly 0; 0 when not given (docs/learners.md)", "0.5"},
  });
  std::vector<Key> with_parameters = {
      {"lightgbm", Named("LightGBM's parameter: value", Scalar(kText)), "gradient boosted trees, with LightGBM's own parameter names", "{num_iterations: 200, num_leaves: 63}"},
      {"xgboost", Named("XGBoost's parameter: value", Scalar(kText)), "gradient boosted trees, with XGBoost's own parameter names", "{num_boost_round: 200, max_depth: 4, eta: 0.1}"},
      {"logistic", penalties, "logistic regression", "{l2: 1.0}"},
      {"linear", penalties, "linear regression", "{l2: 1.0}"},
  };
  const Shape kmeans = MapOf("parameters", {
      {"n_clusters", IntFrom(2), "how many clusters; 8 when not given", "5"},
      {"n_init", IntFrom(1), "how often to begin anew, to keep the best; 10 when not given", "20"},
      {"max_iter", IntFrom(1), "most iterations of one beginning; 300 when not given", "500"},
      {"tol", Scalar(kDouble), "when to stop: how far the centres move, as a share of the mean variance of the features; 0.0001 when not given", "0"},
      {"seed", IntFrom(0), "another seed begins elsewhere; 0 when not given", "1"},
  });
  const Shape part = Either({Choice({"lightgbm", "xgboost", "logistic", "linear"}), MapOf("one learner", with_parameters, {"lightgbm", "xgboost", "logistic", "linear"})});
  with_parameters.push_back({"two_model", part, "uplift: the difference of two models, of the treated rows and of the others; with `treatment` (docs/learners.md)", "{lightgbm: {num_leaves: 15}}"});
  with_parameters.push_back({"x_learner", part, "uplift: models of what treatment did to each row; with `treatment` (docs/learners.md)", "lightgbm"});
  std::vector<Key> program = {ProgramRun(), Required({"writes", Choice({"lightgbm", "xgboost", "logistic", "linear"}), "what model it leaves at the path in `HEADRACE_MODEL`", "lightgbm"})};
  for (Key& key : ProgramKeys()) program.push_back(std::move(key));
  with_parameters.push_back({"command", MapOf("a program that fits", std::move(program)), "a program of your own fits, and writes a model that Headrace reads and scores (docs/learners.md)", "{run: [python3, scripts/fit.py], writes: lightgbm, code: [scripts/fit.py]}"});
  with_parameters.push_back({"kmeans", kmeans, "clusters of rows that are alike, without a `target` (docs/learners.md)", "{n_clusters: 5}"});
  return Either({Choice({"auto", "lightgbm", "xgboost", "logistic", "linear", "naive_bayes", "constant", "kmeans"}),
                 MapOf("one learner", std::move(with_parameters), {"lightgbm", "xgboost", "logistic", "linear", "two_model", "x_learner", "kmeans", "command"})});
}

Shape ThresholdShape() {
  const auto cost = [] { Shape shape = Scalar(kDouble); shape.minimum = 0; return shape; };
  return Either({Scalar(kDouble), MapOf("a way to choose it", {
      {"maximize", Choice({"f1", "accuracy", "balanced_accuracy", "mcc", "precision", "recall"}), "the metric that the threshold maximises", "f1"},
      {"cost", MapOf("costs", {
           Required({"false_positive", cost(), "what a row labelled positive costs that is not", "1"}),
           Required({"false_negative", cost(), "what a positive row costs that is not labelled so", "5"}),
       }), "the costs that the threshold keeps smallest", "{false_positive: 1, false_negative: 5}"},
      {"precision", Scalar(kShare), "the largest recall with at least this precision", "80%"},
      {"top", Scalar(kShare), "label this share of the rows, best scores first", "10%"},
  }, {"maximize", "cost", "precision", "top"})});
}

Shape CalibrateShape() {
  return Either({Choice({"none", "isotonic", "sigmoid", "beta"}), MapOf("method, by", {
      Required({"method", Choice({"isotonic", "sigmoid", "beta"}), "how scores become probabilities", "isotonic"}),
      {"by", Scalar(kColumn), "a column that the model reads: each of its values with rows enough gets a curve of its own", "country"},
  })});
}

Shape ClassWeightShape() {
  Shape weight = Scalar(kDouble);
  weight.minimum = 0;
  return Either({Choice({"balanced"}), Named("class: weight", weight, kColumn)});
}

Shape MonotoneShape() { return Named("column: direction", Choice({"rising", "falling"}), kColumn); }

Shape TuneShape() {
  return MapOf("what to try", {
      {"trials", IntFrom(1), "settings to try; 50 when not given", "200"},
      {"budget", Scalar(kDuration), "begin no further trial after this time; then equal runs may try different numbers of settings", "10m"},
      {"search", Choice({"random", "grid", "tpe", "halving"}), "how settings are chosen: at random, all combinations, near good ones, or many on few rows and the best on all; random when not given", "tpe"},
      {"metric", Scalar(kText), "what decides; the loss of the learner's objective when not given", "auc"},
      {"choose", Choice({"best", "one_standard_error"}), "the best mean over the folds, or the best mean less one standard error; best when not given", "best"},
      {"seed", IntFrom(0), "another seed draws other settings; 0 when not given", "1"},
      {"space", Named("parameter: values or range", Either({ListOf(Scalar(kText)), RangeShape(Scalar(kDouble))})), "the learner's parameters and what they may be; the usual ones when not given", "{num_leaves: [15, 31, 63], learning_rate: {low: 0.01, high: 0.3, scale: log}}"},
  });
}

}  // namespace headrace::internal

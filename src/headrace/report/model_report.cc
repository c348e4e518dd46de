#include "headrace/model/describe.h"
#include "headrace/report/report.h"

namespace headrace {

void UseEvaluation(const Evaluation& evaluation, ModelReport* model) {
  model->metrics = evaluation.metrics;
  model->intervals = evaluation.intervals;
  model->baseline = evaluation.baseline;
  model->segments = evaluation.segments;
  model->gaps = evaluation.gaps;
  model->trials = evaluation.trials;
  model->curves = evaluation.curves;
  model->permutation = evaluation.permutation;
  model->dependence = evaluation.dependence;
  model->clusters = evaluation.clusters;
  model->split = evaluation.split;
  model->folds = evaluation.folds;
  model->train_rows = evaluation.train_rows;
  model->test_rows = evaluation.test_rows;
  model->evaluated_on = evaluation.evaluated_on;
  model->notes.insert(model->notes.end(), evaluation.notes.begin(), evaluation.notes.end());
  if (evaluation.dropped_rows > 0)
    model->notes.push_back(std::to_string(evaluation.dropped_rows) + " rows inside the gap of the split were used neither for training nor for testing");
  double whole = 0;
  for (const auto& [feature, weight] : evaluation.importance) whole += weight;
  model->importance.clear();
  for (const auto& [feature, weight] : evaluation.importance) model->importance.emplace_back(feature, whole > 0 ? weight / whole : 0);
}

void UseModelInfo(const ModelInfo& info, ModelReport* model) {
  model->digest = info.digest;
  model->task = info.task;
  model->treatment = DescribeTreatment(info.treatment);
  model->learner = info.learner;
  model->target = info.target;
  model->classes = info.classes;
  model->positive_class = info.task == Task::kBinary && info.classes.size() == 2 ? info.classes[1] : "";
  if (info.task == Task::kBinary) model->threshold = info.threshold;
  model->calibration = info.calibration;
  model->folds = info.folds;
  model->train_rows = info.train_rows;
  model->test_rows = info.test_rows;
}

}  // namespace headrace

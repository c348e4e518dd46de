#pragma once

#include <memory>
#include <string_view>

#include "headrace/base/status.h"
#include "headrace/model/model.h"
#include "headrace/table/table.h"

namespace headrace {

/// A model file of what another program fitted and said in our words. `document` is JSON:
///
///   source      who fitted it, "scikit-learn 1.9.1": told in card and notes
///   task        "binary", "multiclass", "regression"
///   target      its name
///   classes     as text, binary {negative, positive}; empty for regression
///   threshold   binary: from which score on the label is the positive class
///   transform   what transform.json holds
///   learner     "lightgbm", "logistic", "linear"
///   fitted      LightGBM's text, or what coefficients.json holds
///   calibration what calibration.json holds; may be missing
///   notes       texts for people; may be missing
///
/// Numbers may be spelt in any way; what is said is held to all that a reader of model files demands. `sample` are rows from which the profile and the made-up rows of
/// the proof come; no row of it is kept. What leaves here has been read back and has proved itself once. kInvalid: anything in `document` that a model file could not
/// hold; kData: no rows, or rows that do not fit the transforms.
Result<std::shared_ptr<const Model>> ConvertModel(std::string_view document, const Table& sample, int threads);

}  // namespace headrace

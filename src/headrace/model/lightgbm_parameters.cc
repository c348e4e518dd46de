// Of LightGBM's some 150 parameters those that a pipeline may set.
#include <algorithm>

#include "headrace/base/text.h"
#include "headrace/model/parameters_internal.h"

namespace headrace::internal {
namespace {

using Kind = ParameterKind;

constexpr Parameter kParameters[] = {
    {"objective", Kind::kWord, 0, 0, false,
     "binary multiclass softmax regression regression_l2 l2 mean_squared_error mse regression_l1 l1 mae mean_absolute_error "
     "huber quantile poisson gamma tweedie lambdarank rank_xendcg"},
    {"alpha", Kind::kDouble, 0, kInf, true},
    {"tweedie_variance_power", Kind::kDouble, 1, 1.999999},
    {"poisson_max_delta_step", Kind::kDouble, 0, kInf, true},
    {"lambdarank_truncation_level", Kind::kInt, 1, kIntMax},
    {"lambdarank_norm", Kind::kBool, 0, 0},
    {"objective_seed", Kind::kInt, 0, kIntMax},
    {"boosting", Kind::kWord, 0, 0, false, "gbdt rf"},
    {"data_sample_strategy", Kind::kWord, 0, 0, false, "bagging goss"},
    {"num_class", Kind::kInt, 1, 100000},
    {"num_iterations", Kind::kInt, 1, 100000},
    {"learning_rate", Kind::kDouble, 0, 100, true},
    {"num_leaves", Kind::kInt, 2, 131072},
    {"max_depth", Kind::kInt, -1, kIntMax},
    {"min_data_in_leaf", Kind::kInt, 0, kIntMax},
    {"min_sum_hessian_in_leaf", Kind::kDouble, 0, kInf},
    {"bagging_fraction", Kind::kDouble, 0, 1, true},
    {"pos_bagging_fraction", Kind::kDouble, 0, 1, true},
    {"neg_bagging_fraction", Kind::kDouble, 0, 1, true},
    {"bagging_freq", Kind::kInt, 0, kIntMax},
    {"bagging_seed", Kind::kInt, 0, kIntMax},
    {"feature_fraction", Kind::kDouble, 0, 1, true},
    {"feature_fraction_bynode", Kind::kDouble, 0, 1, true},
    {"feature_fraction_seed", Kind::kInt, 0, kIntMax},
    {"extra_trees", Kind::kBool, 0, 0},
    {"extra_seed", Kind::kInt, 0, kIntMax},
    {"early_stopping_round", Kind::kInt, 0, 100000},
    {"max_delta_step", Kind::kDouble, 0, kInf},
    {"lambda_l1", Kind::kDouble, 0, kInf},
    {"lambda_l2", Kind::kDouble, 0, kInf},
    {"min_gain_to_split", Kind::kDouble, 0, kInf},
    {"top_rate", Kind::kDouble, 0, 1},
    {"other_rate", Kind::kDouble, 0, 1},
    {"path_smooth", Kind::kDouble, 0, kInf},
    {"cat_smooth", Kind::kDouble, 0, kInf},
    {"cat_l2", Kind::kDouble, 0, kInf},
    {"max_cat_threshold", Kind::kInt, 1, kIntMax},
    {"max_cat_to_onehot", Kind::kInt, 1, kIntMax},
    {"min_data_per_group", Kind::kInt, 1, kIntMax},
    {"max_bin", Kind::kInt, 2, 65535},
    {"min_data_in_bin", Kind::kInt, 1, kIntMax},
    {"bin_construct_sample_cnt", Kind::kInt, 1, kIntMax},
    {"data_random_seed", Kind::kInt, 0, kIntMax},
    {"enable_bundle", Kind::kBool, 0, 0},
    {"is_unbalance", Kind::kBool, 0, 0},
    {"scale_pos_weight", Kind::kDouble, 0, kInf, true},
    {"sigmoid", Kind::kDouble, 0, kInf, true},
    {"boost_from_average", Kind::kBool, 0, 0},
    {"use_missing", Kind::kBool, 0, 0},
    {"zero_as_missing", Kind::kBool, 0, 0},
    {"seed", Kind::kInt, 0, kIntMax},
};

/// Other names that LightGBM, or its scikit-learn face, has for the same.
constexpr Words kAliases[] = {
    {"objective_type", "objective"},
    {"application", "objective"},
    {"loss", "objective"},
    {"boosting_type", "boosting"},
    {"boost", "boosting"},
    {"num_classes", "num_class"},
    {"n_estimators", "num_iterations"},
    {"num_boost_round", "num_iterations"},
    {"num_round", "num_iterations"},
    {"num_rounds", "num_iterations"},
    {"num_trees", "num_iterations"},
    {"num_tree", "num_iterations"},
    {"num_iteration", "num_iterations"},
    {"nrounds", "num_iterations"},
    {"n_iter", "num_iterations"},
    {"max_iter", "num_iterations"},
    {"eta", "learning_rate"},
    {"shrinkage_rate", "learning_rate"},
    {"num_leaf", "num_leaves"},
    {"max_leaves", "num_leaves"},
    {"max_leaf", "num_leaves"},
    {"max_leaf_nodes", "num_leaves"},
    {"min_child_samples", "min_data_in_leaf"},
    {"min_data", "min_data_in_leaf"},
    {"min_data_per_leaf", "min_data_in_leaf"},
    {"min_samples_leaf", "min_data_in_leaf"},
    {"min_child_weight", "min_sum_hessian_in_leaf"},
    {"min_hessian", "min_sum_hessian_in_leaf"},
    {"min_sum_hessian", "min_sum_hessian_in_leaf"},
    {"min_sum_hessian_per_leaf", "min_sum_hessian_in_leaf"},
    {"subsample", "bagging_fraction"},
    {"sub_row", "bagging_fraction"},
    {"bagging", "bagging_fraction"},
    {"pos_subsample", "pos_bagging_fraction"},
    {"neg_subsample", "neg_bagging_fraction"},
    {"subsample_freq", "bagging_freq"},
    {"bagging_fraction_seed", "bagging_seed"},
    {"colsample_bytree", "feature_fraction"},
    {"sub_feature", "feature_fraction"},
    {"colsample_bynode", "feature_fraction_bynode"},
    {"sub_feature_bynode", "feature_fraction_bynode"},
    {"extra_tree", "extra_trees"},
    {"early_stopping_rounds", "early_stopping_round"},
    {"early_stopping", "early_stopping_round"},
    {"n_iter_no_change", "early_stopping_round"},
    {"max_tree_output", "max_delta_step"},
    {"max_leaf_output", "max_delta_step"},
    {"reg_alpha", "lambda_l1"},
    {"l1_regularization", "lambda_l1"},
    {"reg_lambda", "lambda_l2"},
    {"lambda", "lambda_l2"},
    {"l2_regularization", "lambda_l2"},
    {"min_split_gain", "min_gain_to_split"},
    {"max_bins", "max_bin"},
    {"subsample_for_bin", "bin_construct_sample_cnt"},
    {"data_seed", "data_random_seed"},
    {"is_enable_bundle", "enable_bundle"},
    {"bundle", "enable_bundle"},
    {"unbalance", "is_unbalance"},
    {"unbalanced_sets", "is_unbalance"},
    {"random_state", "seed"},
    {"random_seed", "seed"},
};

/// What LightGBM has but a pipeline may not set, with the reason a user gets.
constexpr Words kRefused[] = {
    {"num_threads", "threads are the run's to decide and never change the result"},
    {"n_jobs", "threads are the run's to decide and never change the result"},
    {"nthread", "threads are the run's to decide and never change the result"},
    {"deterministic", "it is always true"},
    {"force_row_wise", "it is always true"},
    {"force_col_wise", "force_row_wise is always true"},
    {"verbosity", "LightGBM's own log is not shown"},
    {"verbose", "LightGBM's own log is not shown"},
    {"metric", "name metrics in `evaluate:`; early stopping uses the objective's own loss"},
    {"linear_tree", "linear trees are not supported"},
    {"linear_trees", "linear trees are not supported"},
    {"categorical_feature", "name columns in `categorical:` of the train step"},
    {"cat_feature", "name columns in `categorical:` of the train step"},
    {"device_type", "training runs on the cpu"},
    {"device", "training runs on the cpu"},
    {"feature_pre_filter", "it is always false"},
    {"data", "a pipeline's data come from `data:` of the step"},
    {"valid", "rows to stop by are chosen by `folds:`"},
    {"input_model", "a model is always trained from its data alone"},
    {"output_model", "where a model is kept is the registry's to decide"},
    {"config", "a learner has no files of its own"},
    {"forcedsplits_filename", "a learner has no files of its own"},
    {"forcedbins_filename", "a learner has no files of its own"},
    {"machines", "training runs on one machine"},
    {"num_machines", "training runs on one machine"},
    {"tree_learner", "training runs on one machine"},
    {"monotone_constraints", "name columns in `monotone:` of the train step"},
    {"mc", "name columns in `monotone:` of the train step"},
    {"monotone_constraint", "name columns in `monotone:` of the train step"},
    {"interaction_constraints", "it is not supported"},
    {"reg_sqrt", "it is not supported; derive the target instead"},
};

/// LightGBM's main name of an objective for numbers.
std::string RegressionObjective(const std::string& word) {
  if (word == "l1" || word == "mae" || word == "mean_absolute_error") return "regression_l1";
  if (word == "regression_l2" || word == "l2" || word == "mean_squared_error" || word == "mse") return "regression";
  return word;
}

std::string ObjectiveOf(Task task) {
  switch (task) {
    case Task::kBinary:
      return "binary";
    case Task::kMulticlass:
      return "multiclass";
    case Task::kRegression:
      return "regression";
    case Task::kClustering:
      break;
  }
  return "";
}

}  // namespace

const ParameterTable& LightGbmParameters() {
  static constexpr ParameterTable kTable{"LightGBM", kParameters, kAliases, kRefused};
  return kTable;
}

std::optional<Task> TaskOfLightGbm(const std::map<std::string, std::string>& main) {
  const auto at = main.find("objective");
  if (at == main.end()) return std::nullopt;
  if (at->second == "binary") return Task::kBinary;
  return at->second == "multiclass" || at->second == "softmax" ? Task::kMulticlass : Task::kRegression;
}

Result<LearnerSettings> ResolveLightGbm(const LearnerSpec& spec, LearnerSettings settings, std::size_t rows) {
  ASSIGN_OR_RETURN(settings.parameters, MainParameters(LightGbmParameters(), spec.parameters));
  auto& p = settings.parameters;
  const std::optional<Task> objective = TaskOfLightGbm(p);
  if (objective && *objective != settings.task)
    return Error(ErrorCode::kInvalid, "the learner's objective is ", p["objective"], ", the target is for ",
                 TaskName(settings.task));
  p["objective"] = objective && settings.task == Task::kRegression ? RegressionObjective(p["objective"]) : ObjectiveOf(settings.task);
  const std::string& words = p["objective"];
  const std::pair<const char*, bool> only_for[] = {{"alpha", words == "huber" || words == "quantile"},
                                                   {"tweedie_variance_power", words == "tweedie"},
                                                   {"poisson_max_delta_step", words == "poisson"},
                                                   {"lambdarank_truncation_level", words == "lambdarank"},
                                                   {"lambdarank_norm", words == "lambdarank"},
                                                   {"objective_seed", words == "rank_xendcg"}};
  for (const auto& [name, fits] : only_for)
    if (p.contains(name) && !fits)
      return Error(ErrorCode::kInvalid, "LightGBM's `", name, "` has no meaning for the objective ", words);
  if (words == "quantile" && settings.number("alpha", 0.9) >= 1)
    return Error(ErrorCode::kInvalid, "LightGBM's `alpha` is ", p["alpha"], ", expected a quantile between 0 and 1");
  if (!spec.monotone.empty() && (words == "regression_l1" || words == "quantile" || words == "huber"))
    return Error(ErrorCode::kInvalid, "LightGBM cannot keep `monotone` with the objective ", words);
  if (p.contains("num_class") && p["num_class"] != StrCat(settings.num_outputs()))
    return Error(ErrorCode::kInvalid, "LightGBM's `num_class` is ", p["num_class"], ", the target has ",
                 settings.num_outputs());
  if (settings.task == Task::kMulticlass) p["num_class"] = StrCat(settings.classes);
  if (settings.task != Task::kBinary)
    for (const char* name :
         {"is_unbalance", "scale_pos_weight", "sigmoid", "pos_bagging_fraction", "neg_bagging_fraction"})
      if (p.contains(name))
        return Error(ErrorCode::kInvalid, "LightGBM's `", name, "` is for the objective binary, the target is for ",
                     TaskName(settings.task));
  if (p.contains("is_unbalance") && p["is_unbalance"] == "true" && p.contains("scale_pos_weight"))
    return Error(ErrorCode::kInvalid, "LightGBM's `is_unbalance` and `scale_pos_weight` cannot both be set");
  if (p["boosting"] == "rf" &&
      !(p.contains("bagging_freq") && p["bagging_freq"] != "0" && p.contains("bagging_fraction")) &&
      !p.contains("feature_fraction"))
    return Error(ErrorCode::kInvalid,
                 "LightGBM's `boosting: rf` needs bagging_freq and bagging_fraction, or feature_fraction");
  if (p["boosting"].empty()) p.erase("boosting");

  const auto defaults = [&](const char* name, std::string value) { p.emplace(name, std::move(value)); };
  if (!spec.given) {
    defaults("num_iterations", "500");
    defaults("learning_rate", "0.05");
    defaults("early_stopping_round", "25");
    defaults("num_leaves", StrCat(std::clamp<std::size_t>(rows / 200, 4, 31)));
  }
  defaults("num_iterations", "100");
  defaults("early_stopping_round", "0");
  defaults("seed", "0");
  p["deterministic"] = p["force_row_wise"] = "true";
  p["feature_pre_filter"] = "false";
  p["verbosity"] = "-1";
  settings.iterations = TakeInt(&settings, "num_iterations");
  settings.early_stopping_round = TakeInt(&settings, "early_stopping_round");
  return settings;
}

}  // namespace headrace::internal

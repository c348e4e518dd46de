// Of XGBoost's parameters those that a pipeline may set.
#include "headrace/base/text.h"
#include "headrace/model/parameters_internal.h"

namespace headrace::internal {
namespace {

using Kind = ParameterKind;

constexpr Parameter kParameters[] = {
    {"objective", Kind::kWord, 0, 0, false,
     "binary:logistic multi:softprob multi:softmax reg:squarederror reg:absoluteerror reg:quantileerror count:poisson "
     "reg:gamma reg:tweedie rank:ndcg"},
    {"quantile_alpha", Kind::kDouble, 0, 0.999999, true},
    {"tweedie_variance_power", Kind::kDouble, 1, 1.999999},
    {"lambdarank_pair_method", Kind::kWord, 0, 0, false, "topk mean"},
    {"lambdarank_num_pair_per_sample", Kind::kInt, 1, kIntMax},
    {"lambdarank_normalization", Kind::kBool, 0, 0},
    {"ndcg_exp_gain", Kind::kBool, 0, 0},
    {"booster", Kind::kWord, 0, 0, false, "gbtree"},
    {"num_class", Kind::kInt, 1, 100000},
    {"num_boost_round", Kind::kInt, 1, 100000},
    {"early_stopping_rounds", Kind::kInt, 0, 100000},
    {"eta", Kind::kDouble, 0, 1, true},
    {"gamma", Kind::kDouble, 0, kInf},
    {"max_depth", Kind::kInt, 0, 1000},
    {"max_leaves", Kind::kInt, 0, 131072},
    {"grow_policy", Kind::kWord, 0, 0, false, "depthwise lossguide"},
    {"min_child_weight", Kind::kDouble, 0, kInf},
    {"max_delta_step", Kind::kDouble, 0, kInf},
    {"subsample", Kind::kDouble, 0, 1, true},
    {"sampling_method", Kind::kWord, 0, 0, false, "uniform gradient_based"},
    {"colsample_bytree", Kind::kDouble, 0, 1, true},
    {"colsample_bylevel", Kind::kDouble, 0, 1, true},
    {"colsample_bynode", Kind::kDouble, 0, 1, true},
    {"lambda", Kind::kDouble, 0, kInf},
    {"alpha", Kind::kDouble, 0, kInf},
    {"tree_method", Kind::kWord, 0, 0, false, "auto exact approx hist"},
    {"max_bin", Kind::kInt, 2, 65535},
    {"num_parallel_tree", Kind::kInt, 1, 10000},
    {"scale_pos_weight", Kind::kDouble, 0, kInf, true},
    {"base_score", Kind::kDouble, -kInf, kInf},
    {"seed", Kind::kInt, 0, kIntMax},
    {"seed_per_iteration", Kind::kBool, 0, 0},
};

constexpr Words kAliases[] = {
    {"learning_rate", "eta"},
    {"min_split_loss", "gamma"},
    {"reg_lambda", "lambda"},
    {"reg_alpha", "alpha"},
    {"n_estimators", "num_boost_round"},
    {"num_round", "num_boost_round"},
    {"early_stopping_round", "early_stopping_rounds"},
    {"random_state", "seed"},
};

constexpr Words kRefused[] = {
    {"nthread", "threads are the run's to decide and never change the result"},
    {"n_jobs", "threads are the run's to decide and never change the result"},
    {"verbosity", "XGBoost's own log is not shown"},
    {"eval_metric", "name metrics in `evaluate:`; early stopping uses the objective's own loss"},
    {"disable_default_eval_metric", "name metrics in `evaluate:`; early stopping uses the objective's own loss"},
    {"device", "training runs on the cpu"},
    {"updater", "`tree_method` says how trees grow"},
    {"process_type", "a model is always trained from its data alone"},
    {"refresh_leaf", "a model is always trained from its data alone"},
    {"xgb_model", "a model is always trained from its data alone"},
    {"monotone_constraints", "name columns in `monotone:` of the train step"},
    {"interaction_constraints", "it is not supported"},
    {"multi_strategy", "it is not supported"},
    {"enable_categorical", "encode text columns in `transform:`"},
    {"max_cat_to_onehot", "encode text columns in `transform:`"},
    {"max_cat_threshold", "encode text columns in `transform:`"},
    {"feature_types", "encode text columns in `transform:`"},
    {"missing", "nulls are missing"},
    {"validate_parameters", "parameters are always checked"},
    {"rate_drop", "only the booster gbtree is supported"},
};

std::string ObjectiveOf(Task task) {
  return task == Task::kBinary ? "binary:logistic" : task == Task::kMulticlass ? "multi:softprob" : "reg:squarederror";
}

/// Parameters that mean something for some objectives only.
Status CheckForObjective(const LearnerSpec& spec, const LearnerSettings& settings) {
  const std::map<std::string, std::string>& p = settings.parameters;
  const std::string& objective = p.at("objective");
  const std::pair<const char*, bool> only_for[] = {{"quantile_alpha", objective == "reg:quantileerror"},
                                                   {"tweedie_variance_power", objective == "reg:tweedie"},
                                                   {"scale_pos_weight", objective == "binary:logistic"},
                                                   {"lambdarank_pair_method", objective == "rank:ndcg"},
                                                   {"lambdarank_num_pair_per_sample", objective == "rank:ndcg"},
                                                   {"lambdarank_normalization", objective == "rank:ndcg"},
                                                   {"ndcg_exp_gain", objective == "rank:ndcg"}};
  for (const auto& [name, fits] : only_for)
    if (p.contains(name) && !fits)
      return Error(ErrorCode::kInvalid, "XGBoost's `", name, "` has no meaning for the objective ", objective);
  if (objective == "reg:quantileerror" && !p.contains("quantile_alpha"))
    return Error(ErrorCode::kInvalid, "XGBoost's objective reg:quantileerror needs `quantile_alpha`")
        .WithHelp("write quantile_alpha: 0.9 for the ninth decile");
  if (!spec.monotone.empty() && (objective == "reg:absoluteerror" || objective == "reg:quantileerror"))
    return Error(ErrorCode::kInvalid, "XGBoost cannot keep `monotone` with the objective ", objective);
  if (p.contains("base_score")) {
    const double score = settings.number("base_score", 0.5);
    const bool positive = LinkOf(settings).kind == Link::Kind::kExp, share = settings.task == Task::kBinary;
    if ((positive || share) && (!(score > 0) || (share && score >= 1)))
      return Error(ErrorCode::kInvalid, "XGBoost's `base_score` is ", score, ", expected ",
                   share ? "a share between 0 and 1" : "a number above 0", " for the objective ", objective);
  }
  return Ok();
}

}  // namespace

const ParameterTable& XgboostParameters() {
  static constexpr ParameterTable kTable{"XGBoost", kParameters, kAliases, kRefused};
  return kTable;
}

std::optional<Task> TaskOfXgboost(const std::map<std::string, std::string>& main) {
  const auto at = main.find("objective");
  if (at == main.end()) return std::nullopt;
  if (at->second.starts_with("binary:")) return Task::kBinary;
  return at->second.starts_with("multi:") ? Task::kMulticlass : Task::kRegression;
}

Result<LearnerSettings> ResolveXgboost(const LearnerSpec& spec, LearnerSettings settings) {
  ASSIGN_OR_RETURN(settings.parameters, MainParameters(XgboostParameters(), spec.parameters));
  auto& p = settings.parameters;
  const std::optional<Task> objective = TaskOfXgboost(p);
  if (objective && *objective != settings.task)
    return Error(ErrorCode::kInvalid, "the learner's objective is ", p["objective"], ", the target is for ",
                 TaskName(settings.task));
  if (!objective || settings.task == Task::kMulticlass) p["objective"] = ObjectiveOf(settings.task);
  RETURN_IF_ERROR(CheckForObjective(spec, settings));
  if (p.contains("num_class") && p["num_class"] != StrCat(settings.num_outputs()))
    return Error(ErrorCode::kInvalid, "XGBoost's `num_class` is ", p["num_class"], ", the target has ",
                 settings.num_outputs());
  p.erase("num_class");
  if (settings.task == Task::kMulticlass) p["num_class"] = StrCat(settings.classes);
  p.emplace("num_boost_round", "100");
  p.emplace("early_stopping_rounds", "0");
  p.emplace("seed", "0");
  settings.iterations = TakeInt(&settings, "num_boost_round");
  settings.early_stopping_round = TakeInt(&settings, "early_stopping_rounds");
  return settings;
}

}  // namespace headrace::internal

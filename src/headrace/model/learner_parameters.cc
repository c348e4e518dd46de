// LightGBM has some 150 parameters. Those that decide how trees grow pass through; those that read or write files, talk
// to networks or devices, or belong to objectives we do not score, are refused here, so that a typing error or a
// hostile pipeline file never reaches the library.
#include <algorithm>
#include <limits>

#include "headrace/base/text.h"
#include "headrace/model/learner.h"

namespace headrace {
namespace {

enum class Kind { kInt, kDouble, kBool, kWord };
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kIntMax = 2147483647;

struct Parameter {
  std::string_view name;
  Kind kind;
  double low, high;  // numbers: the closed range; `open` excludes low
  bool open = false;
  std::string_view words{};  // kWord: the values, between blanks
};

constexpr Parameter kParameters[] = {
    {"objective", Kind::kWord, 0, 0, false,
     "binary multiclass softmax regression regression_l2 l2 mean_squared_error mse regression_l1 l1 mae mean_absolute_error "
     "huber quantile poisson gamma tweedie"},
    {"alpha", Kind::kDouble, 0, kInf, true},
    {"tweedie_variance_power", Kind::kDouble, 1, 1.999999},
    {"poisson_max_delta_step", Kind::kDouble, 0, kInf, true},
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
constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
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
constexpr std::pair<std::string_view, std::string_view> kRefused[] = {
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
    {"categorical_feature", "encode text columns in `transform:`"},
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

const Parameter* FindParameter(std::string_view name) {
  const auto* at =
      std::find_if(std::begin(kParameters), std::end(kParameters), [&](const Parameter& p) { return p.name == name; });
  return at == std::end(kParameters) ? nullptr : at;
}

std::string_view MainName(std::string_view name) {
  for (const auto& [alias, main] : kAliases)
    if (alias == name) return main;
  return name;
}

Status UnknownParameter(const std::string& name) {
  for (const auto& [refused, reason] : kRefused)
    if (refused == name)
      return Error(ErrorCode::kInvalid, "LightGBM's parameter `", name, "` cannot be set here: ", reason);
  std::vector<std::string> names;
  for (const Parameter& p : kParameters) names.emplace_back(p.name);
  for (const auto& [alias, main] : kAliases) names.emplace_back(alias);
  Status status = Error(ErrorCode::kInvalid, "`", name, "` is not one of LightGBM's parameters for training");
  const std::string near = NearestName(name, names);
  return near.empty() ? status : std::move(status).WithHelp(StrCat("did you mean `", near, "`?"));
}

std::string Expected(const Parameter& p) {
  switch (p.kind) {
    case Kind::kBool:
      return "true or false";
    case Kind::kWord:
      return Join(Split(p.words, ' '), ", ");
    default:
      break;
  }
  const std::string what = p.kind == Kind::kInt ? "a whole number" : "a number";
  if (p.high == kInf || p.high == kIntMax) return StrCat(what, p.open ? " above " : " of at least ", p.low);
  return StrCat(what, p.open ? " above " : " from ", p.low, p.open ? " and at most " : " to ", p.high);
}

bool Fits(const Parameter& p, const std::string& text) {
  double number = 0;
  switch (p.kind) {
    case Kind::kBool:
      return text == "true" || text == "false";
    case Kind::kWord: {
      const std::vector<std::string> words = Split(p.words, ' ');
      return std::find(words.begin(), words.end(), text) != words.end();
    }
    case Kind::kInt: {
      std::int64_t whole = 0;
      if (!ParseInt(text, &whole)) return false;
      number = static_cast<double>(whole);
      break;
    }
    case Kind::kDouble:
      if (!ParseDouble(text, &number) || number != number || number == kInf) return false;
      break;
  }
  return (p.open ? number > p.low : number >= p.low) && number <= p.high;
}

/// The user's parameters under their main names.
Result<std::map<std::string, std::string>> MainParameters(const LearnerSpec& spec) {
  std::map<std::string, std::string> main;
  for (const auto& [name, value] : spec.parameters) {
    const Parameter* parameter = FindParameter(MainName(name));
    if (parameter == nullptr) return UnknownParameter(name);
    if (!Fits(*parameter, value))
      return Error(ErrorCode::kInvalid, "LightGBM's `", name, "` is \"", value, "\", expected ", Expected(*parameter));
    if (!main.emplace(parameter->name, value).second)
      return Error(ErrorCode::kInvalid, "LightGBM's `", parameter->name, "` is set twice, once as `", name, "`");
  }
  return main;
}

std::optional<Task> TaskOfObjective(const std::map<std::string, std::string>& parameters) {
  const auto at = parameters.find("objective");
  if (at == parameters.end()) return std::nullopt;
  if (at->second == "binary") return Task::kBinary;
  return at->second == "multiclass" || at->second == "softmax" ? Task::kMulticlass : Task::kRegression;
}

Status CheckNonLightGbm(const LearnerSpec& spec) {
  const bool penalised = spec.kind == LearnerSpec::Kind::kLogistic || spec.kind == LearnerSpec::Kind::kLinear;
  if (!spec.parameters.empty())
    return Error(ErrorCode::kInvalid, "the ", LearnerName(spec.kind), " learner has no parameter `",
                 spec.parameters.begin()->first, "`")
        .WithHelp(penalised ? "it has `l1` and `l2`" : "it has none");
  for (const auto& [name, value] : {std::pair{"l1", spec.l1}, std::pair{"l2", spec.l2}})
    if (!(value >= 0) || value == kInf)
      return Error(ErrorCode::kInvalid, "`", name, "` is ", value, ", expected a number of at least 0");
  if (!spec.monotone.empty())
    return Error(ErrorCode::kInvalid, "`monotone` is for lightgbm; the learner is ", LearnerName(spec.kind));
  return Ok();
}

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
  }
  return "";
}

Result<LearnerSettings> ResolveLightGbm(const LearnerSpec& spec, LearnerSettings settings, std::size_t rows) {
  ASSIGN_OR_RETURN(settings.parameters, MainParameters(spec));
  auto& p = settings.parameters;
  const std::optional<Task> objective = TaskOfObjective(p);
  if (objective && *objective != settings.task)
    return Error(ErrorCode::kInvalid, "the learner's objective is ", p["objective"], ", the target is for ",
                 TaskName(settings.task));
  p["objective"] = objective && settings.task == Task::kRegression ? RegressionObjective(p["objective"]) : ObjectiveOf(settings.task);
  const std::string& words = p["objective"];
  const std::pair<const char*, bool> only_for[] = {{"alpha", words == "huber" || words == "quantile"},
                                                   {"tweedie_variance_power", words == "tweedie"},
                                                   {"poisson_max_delta_step", words == "poisson"}};
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
  const auto take = [&](const char* name) {
    std::int64_t value = 0;
    ParseInt(p[name], &value);
    p.erase(name);
    return static_cast<int>(value);
  };
  settings.iterations = take("num_iterations");
  settings.early_stopping_round = take("early_stopping_round");
  return settings;
}

}  // namespace

std::string_view LearnerName(LearnerSpec::Kind kind) {
  switch (kind) {
    case LearnerSpec::Kind::kLightGbm:
      return "lightgbm";
    case LearnerSpec::Kind::kLogistic:
      return "logistic";
    case LearnerSpec::Kind::kLinear:
      return "linear";
    case LearnerSpec::Kind::kNaiveBayes:
      return "naive_bayes";
    case LearnerSpec::Kind::kConstant:
      return "constant";
  }
  return "";
}

std::string LearnerSettings::objective() const {
  const auto at = parameters.find("objective");
  return at == parameters.end() ? std::string() : at->second;
}

double LearnerSettings::number(const std::string& parameter, double otherwise) const {
  const auto at = parameters.find(parameter);
  double value = otherwise;
  if (at != parameters.end()) ParseDouble(at->second, &value);
  return value;
}

Result<LearnerSpec::Kind> LearnerFromName(std::string_view name) {
  for (const LearnerSpec::Kind kind :
       {LearnerSpec::Kind::kLightGbm, LearnerSpec::Kind::kLogistic, LearnerSpec::Kind::kLinear,
        LearnerSpec::Kind::kNaiveBayes, LearnerSpec::Kind::kConstant})
    if (LearnerName(kind) == name) return kind;
  return Error(ErrorCode::kInvalid, "\"", name, "\" is not a learner; there are lightgbm, logistic, linear, naive_bayes and constant");
}

std::optional<Task> TaskOfLearner(const LearnerSpec& spec) {
  if (spec.task) return spec.task;
  if (spec.given && spec.kind == LearnerSpec::Kind::kLinear) return Task::kRegression;
  const Result<std::map<std::string, std::string>> parameters = MainParameters(spec);
  return parameters.ok() ? TaskOfObjective(*parameters) : std::nullopt;
}

Status CheckLearnerParameters(const LearnerSpec& spec) {
  if (spec.kind != LearnerSpec::Kind::kLightGbm) return CheckNonLightGbm(spec);
  return MainParameters(spec).status();
}

Result<LearnerSettings> ResolveLearner(const LearnerSpec& spec, Task task, std::size_t classes, std::size_t rows) {
  constexpr std::size_t kSmall = 500;
  RETURN_IF_ERROR(CheckLearnerParameters(spec));
  LearnerSettings settings;
  settings.task = task;
  settings.classes = classes;
  settings.l2 = spec.l2;
  settings.l1 = spec.l1;
  settings.kind = spec.kind;
  if (!spec.given && rows <= kSmall)
    settings.kind = task == Task::kRegression ? LearnerSpec::Kind::kLinear : LearnerSpec::Kind::kLogistic;
  if (settings.kind == LearnerSpec::Kind::kLightGbm) return ResolveLightGbm(spec, std::move(settings), rows);
  if (settings.kind == LearnerSpec::Kind::kConstant) return settings;
  if ((settings.kind == LearnerSpec::Kind::kLinear) != (task == Task::kRegression))
    return Error(ErrorCode::kInvalid, "the ", LearnerName(settings.kind), " learner cannot do ", TaskName(task))
        .WithHelp(task == Task::kRegression ? "use `linear` or `lightgbm`" : "use `logistic` or `lightgbm`");
  return settings;
}

}  // namespace headrace

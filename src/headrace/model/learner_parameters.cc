// What may be said to a learner: its name, its parameters, the task they imply.
#include "headrace/base/text.h"
#include "headrace/model/learner.h"
#include "headrace/model/parameters_internal.h"
#include "headrace/model/uplift.h"

namespace headrace {
namespace {

using enum LearnerSpec::Kind;
using internal::kInf;
using internal::kIntMax;
using internal::LightGbmParameters;
using internal::MainParameters;
using internal::Parameter;
using internal::ParameterKind;
using internal::ParameterTable;
using internal::XgboostParameters;

struct KindName {
  LearnerSpec::Kind kind;
  std::string_view name, member;
};
constexpr KindName kNames[] = {
    {kLightGbm, "lightgbm", "model.txt"},        {kXgboost, "xgboost", "model.json"},
    {kLogistic, "logistic", "coefficients.json"}, {kLinear, "linear", "coefficients.json"},
    {kNaiveBayes, "naive_bayes", "naive_bayes.json"}, {kConstant, "constant", "constant.json"},
    {kTwoModel, "two_model", "uplift.json"},     {kXLearner, "x_learner", "uplift.json"},
    {kKMeans, "kmeans", "kmeans.json"},
};

constexpr Parameter kKMeansParameters[] = {
    {"n_clusters", ParameterKind::kInt, 2, 1000},  {"n_init", ParameterKind::kInt, 1, 1000}, {"max_iter", ParameterKind::kInt, 1, 1'000'000},
    {"tol", ParameterKind::kDouble, 0, kInf},      {"seed", ParameterKind::kInt, 0, kIntMax},
};
constexpr ParameterTable kKMeansTable{"kmeans", kKMeansParameters, {}, {}};

const KindName& NameOf(LearnerSpec::Kind kind) {
  for (const KindName& name : kNames)
    if (name.kind == kind) return name;
  return kNames[0];
}

Result<std::map<std::string, std::string>> MainParametersOf(const LearnerSpec& spec) {
  return MainParameters(spec.kind == kXgboost ? XgboostParameters() : spec.kind == kKMeans ? kKMeansTable : LightGbmParameters(), spec.parameters);
}

Status CheckOther(const LearnerSpec& spec) {
  const bool penalised = spec.kind == kLogistic || spec.kind == kLinear;
  if (spec.kind == kKMeans) RETURN_IF_ERROR(MainParametersOf(spec).status());
  if (!spec.parameters.empty() && spec.kind != kKMeans)
    return Error(ErrorCode::kInvalid, "the ", LearnerName(spec.kind), " learner has no parameter `",
                 spec.parameters.begin()->first, "`")
        .WithHelp(penalised ? "it has `l1` and `l2`" : "it has none");
  for (const auto& [name, value] : {std::pair{"l1", spec.l1}, std::pair{"l2", spec.l2}})
    if (!(value >= 0) || value == internal::kInf)
      return Error(ErrorCode::kInvalid, "`", name, "` is ", value, ", expected a number of at least 0");
  if (!spec.monotone.empty())
    return Error(ErrorCode::kInvalid, "`monotone` is for lightgbm and xgboost; the learner is ", LearnerName(spec.kind));
  return Ok();
}

/// A part of a learner of uplift tells a probability or a mean, and grows as many trees as it says: the parts have no
/// common stopping point.
Status CheckPart(const LearnerSpec& spec) {
  const std::string name(LearnerName(*spec.uplift));
  if (!CanBePartOfUplift(spec.kind))
    return Error(ErrorCode::kInvalid, "`", name, "` cannot be made of ", LearnerName(spec.kind)).WithHelp("use lightgbm, xgboost, logistic or linear");
  if (!GrowsTrees(spec.kind)) return Ok();
  ASSIGN_OR_RETURN(const auto parameters, MainParametersOf(spec));
  for (const auto& [key, value] : parameters) {
    if (key == "objective" && value != "binary" && value != "regression" && value != "binary:logistic" && value != "reg:squarederror")
      return Error(ErrorCode::kInvalid, "`", name, "` learns probabilities or means, not ", value).WithHelp("leave `objective` out");
    if (key.starts_with("early_stopping_round") && value != "0")
      return Error(ErrorCode::kInvalid, "`", name, "` has no early stopping: its parts would stop at different points").WithHelp("say how many trees to grow, perhaps by `tune`");
    for (const std::string_view moves : {"is_unbalance", "scale_pos_weight", "pos_bagging_fraction", "neg_bagging_fraction"})
      if (key == moves) return Error(ErrorCode::kInvalid, "`", key, "` moves the probabilities whose difference `", name, "` gives").WithHelp(StrCat("leave `", key, "` out"));
  }
  return Ok();
}

}  // namespace

std::string_view LearnerName(LearnerSpec::Kind kind) { return NameOf(kind).name; }

std::string_view LearnerMember(LearnerSpec::Kind kind) { return NameOf(kind).member; }

Result<LearnerSpec::Kind> LearnerFromName(std::string_view name) {
  std::vector<std::string> names;
  for (const KindName& known : kNames) {
    if (known.name == name) return known.kind;
    names.emplace_back(known.name);
  }
  return Error(ErrorCode::kInvalid, "\"", name, "\" is not a learner; there are ", Join(names, ", "));
}

bool GrowsTrees(LearnerSpec::Kind kind) { return kind == kLightGbm || kind == kXgboost; }

std::string LearnerSettings::objective() const {
  const auto at = parameters.find("objective");
  if (at == parameters.end()) return "";
  constexpr std::pair<std::string_view, std::string_view> kXgboosts[] = {
      {"binary:logistic", "binary"},         {"multi:softprob", "multiclass"},
      {"reg:squarederror", "regression"},    {"reg:absoluteerror", "regression_l1"},
      {"reg:quantileerror", "quantile"},     {"count:poisson", "poisson"},
      {"reg:gamma", "gamma"},                {"reg:tweedie", "tweedie"},
      {"rank:ndcg", "lambdarank"}};
  for (const auto& [theirs, main] : kXgboosts)
    if (at->second == theirs) return std::string(main);
  return at->second;
}

double LearnerSettings::number(const std::string& parameter, double otherwise) const {
  const auto at = parameters.find(parameter);
  double value = otherwise;
  if (at != parameters.end()) ParseDouble(at->second, &value);
  return value;
}

std::optional<Task> TaskOfLearner(const LearnerSpec& spec) {
  if (spec.kind == kKMeans) return Task::kClustering;
  if (spec.task) return spec.task;
  if (spec.given && spec.kind == kLinear) return Task::kRegression;
  const Result<std::map<std::string, std::string>> parameters = MainParametersOf(spec);
  if (!parameters.ok()) return std::nullopt;
  return spec.kind == kXgboost ? internal::TaskOfXgboost(*parameters) : internal::TaskOfLightGbm(*parameters);
}

bool Ranks(const LearnerSpec& spec) {
  if (!GrowsTrees(spec.kind)) return false;
  const Result<std::map<std::string, std::string>> parameters = MainParametersOf(spec);
  const auto objective = parameters.ok() ? parameters->find("objective") : std::map<std::string, std::string>::const_iterator();
  return parameters.ok() && objective != parameters->end() &&
         (objective->second == "lambdarank" || objective->second == "rank_xendcg" || objective->second == "rank:ndcg");
}

Status CheckLearnerParameters(const LearnerSpec& spec) {
  for (const std::string& name : spec.categorical) {
    if (spec.kind != kLightGbm)
      return Error(ErrorCode::kInvalid, "`categorical` is for lightgbm; the learner is ", LearnerName(spec.kind));
    if (spec.monotone.contains(name))
      return Error(ErrorCode::kInvalid, "`", name, "` is both monotone and categorical; categories have no order");
  }
  RETURN_IF_ERROR(GrowsTrees(spec.kind) ? MainParametersOf(spec).status() : CheckOther(spec));
  return spec.uplift ? CheckPart(spec) : Ok();
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
  settings.uplift = spec.uplift;
  if (!spec.given && spec.categorical.empty() && rows <= kSmall) settings.kind = task == Task::kRegression ? kLinear : kLogistic;
  settings.by_program = spec.by_program;
  if (spec.by_program && (settings.kind == kLogistic || settings.kind == kLinear) && (settings.kind == kLinear) != (task == Task::kRegression))
    return Error(ErrorCode::kInvalid, "the program writes a ", LearnerName(settings.kind), " model, which cannot do ", TaskName(task)).WithHelp(task == Task::kRegression ? "let it write `linear` or `lightgbm`" : "let it write `logistic` or `lightgbm`");
  if (spec.by_program) return settings;
  if ((settings.kind == kKMeans) != (task == Task::kClustering))
    return Error(ErrorCode::kInvalid, "the ", LearnerName(settings.kind), " learner cannot do ", TaskName(task)).WithHelp("clusters come from `kmeans`, which has no target");
  if (settings.kind == kLightGbm) return internal::ResolveLightGbm(spec, std::move(settings), rows);
  if (settings.kind == kXgboost) return internal::ResolveXgboost(spec, std::move(settings));
  if (settings.kind == kKMeans) {
    ASSIGN_OR_RETURN(settings.parameters, MainParametersOf(spec));
    for (const auto& [name, value] : {std::pair{"n_clusters", "8"}, {"n_init", "10"}, {"max_iter", "300"}, {"tol", "0.0001"}, {"seed", "0"}}) settings.parameters.emplace(name, value);
    return settings;
  }
  if (settings.kind == kConstant) return settings;
  if ((settings.kind == kLinear) != (task == Task::kRegression))
    return Error(ErrorCode::kInvalid, "the ", LearnerName(settings.kind), " learner cannot do ", TaskName(task))
        .WithHelp(task == Task::kRegression ? "use `linear` or `lightgbm`" : "use `logistic` or `lightgbm`");
  return settings;
}

}  // namespace headrace

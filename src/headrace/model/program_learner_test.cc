// A program fits and Headrace reads what it wrote; here the program is a function, which fits by our own learners and writes what others' programs would.
#include "headrace/model/program_learner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/text.h"
#include "headrace/model/row_scorer.h"
#include "headrace/model/test_world.h"
#include "headrace/model/train.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing_world::Customers;
using testing_world::SpecFor;
using Kind = LearnerSpec::Kind;

TrainSpec Spec(Kind kind, const std::string& target = "churned") {
  TrainSpec spec = SpecFor(target);
  spec.ignore = {"since", "is_test", "constant"};
  for (const std::string other : {"churned", "plan", "visits"})
    if (other != target) spec.ignore.push_back(other);
  spec.learner.given = true;
  spec.learner.kind = kind;
  return spec;
}

/// What our own learner of this kind makes of the fit.
Result<std::string> Ours(const ProgramFit& fit, std::map<std::string, std::string> parameters = {}) {
  LearnerSpec spec;
  spec.given = true;
  spec.kind = fit.settings.kind;
  spec.parameters = std::move(parameters);
  ASSIGN_OR_RETURN(const LearnerSettings settings, ResolveLearner(spec, fit.settings.task, fit.settings.classes, fit.train.rows()));
  ASSIGN_OR_RETURN(const auto learner, FitLearner(settings, fit.train, settings.iterations, {}));
  return learner->text();
}

TrainOutput Trained(const TrainSpec& spec, const TrainContext& context) {
  Result<TrainOutput> trained = Train(Customers(700), spec, context);
  EXPECT_TRUE(trained.ok()) << trained.status();
  return trained.ok() ? *std::move(trained) : TrainOutput();
}

std::string Refusal(const TrainSpec& spec, std::function<Result<std::string>(const ProgramFit&)> program) {
  TrainContext context;
  context.program = std::move(program);
  const Result<TrainOutput> trained = Train(Customers(700), spec, context);
  EXPECT_FALSE(trained.ok());
  return trained.ok() ? std::string() : StrCat(trained.status().message(), " | ", trained.status().help());
}

TEST(ProgramLearner, AModelThatItWroteIsCalibratedJudgedAndProvenAsOneOfOurs) {
  for (const auto& [kind, target] : {std::pair{Kind::kLogistic, "churned"}, {Kind::kLogistic, "plan"}, {Kind::kLinear, "visits"}, {Kind::kLightGbm, "churned"}, {Kind::kXgboost, "churned"}}) {
    TrainSpec spec = Spec(kind, target);
    const std::map<std::string, std::string> parameters = kind == Kind::kLightGbm ? std::map<std::string, std::string>{{"num_iterations", "20"}} : kind == Kind::kXgboost ? std::map<std::string, std::string>{{"num_boost_round", "20"}} : std::map<std::string, std::string>{};
    if (kind == Kind::kLogistic) spec.calibrate.kind = CalibrationSpec::Kind::kSigmoid;
    spec.learner.parameters = parameters;
    const TrainOutput own = Trained(spec, {});
    spec.learner.by_program = true;
    spec.learner.parameters.clear();
    TrainContext context;
    context.program = [&](const ProgramFit& fit) -> Result<std::string> {
      ASSIGN_OR_RETURN(std::string text, Ours(fit, parameters));
      // As others' programs write: settings that Headrace does not keep, keys in another order, whole numbers, blanks.
      if (kind == Kind::kLightGbm) return text + "\nparameters:\n[boosting: gbdt]\nend of parameters\n\npandas_categorical:null\n";
      return kind == Kind::kXgboost ? text : ReplaceAll(text, "\"learner\"", " \"by\": 3, \"learner\"");
    };
    const TrainOutput theirs = Trained(spec, context);
    ASSERT_NE(theirs.model, nullptr);
    EXPECT_EQ(theirs.evaluation.metrics, own.evaluation.metrics) << target;
    EXPECT_EQ(theirs.model->info().calibration, own.model->info().calibration);
    const Table rows = Customers(20, 5);
    EXPECT_EQ(*theirs.model->scorer().Predict(rows), *own.model->scorer().Predict(rows));
    EXPECT_THAT(*theirs.model->Member("card.md"), HasSubstr("fitted by a program of the pipeline, which wrote a"));
  }
}

TEST(ProgramLearner, IsAskedOncePerFoldAndOnceForTheRowsThatAreKept) {
  TrainSpec spec = Spec(Kind::kLogistic);
  spec.learner.by_program = true;
  std::vector<std::string> asked;
  TrainContext context;
  context.program = [&](const ProgramFit& fit) {
    asked.emplace_back(fit.part);
    EXPECT_EQ(fit.train.names.size(), fit.train.features());
    EXPECT_EQ(fit.train.target.size(), fit.train.rows());
    EXPECT_THAT(fit.classes, ElementsAre("false", "true"));
    return Ours(fit);
  };
  Trained(spec, context);
  EXPECT_THAT(asked, ElementsAre("training rows"));
  asked.clear();
  spec.folds.count = 3;
  spec.threshold.maximize = "f1";
  spec.refit_all_rows = true;
  Trained(spec, context);
  EXPECT_THAT(asked, ElementsAre("fold 1 of 3", "fold 2 of 3", "fold 3 of 3", "training rows", "all rows"));
}

TEST(ProgramLearner, WhatItWroteIsTrustedInNothing) {
  TrainSpec spec = Spec(Kind::kLogistic);
  spec.learner.by_program = true;
  for (const std::string bad : {"", "{}", "[1, 2]", "pickle", R"({"coefficients": [[1]], "intercepts": [0]})", R"({"coefficients": [], "intercepts": []})", R"({"coefficients": [["1"]], "intercepts": [null]})",
                                R"({"coefficients": 3, "intercepts": {"a": [1e999]}})"}) {
    const std::string refusal = Refusal(spec, [&](const ProgramFit&) { return bad; });
    EXPECT_THAT(refusal, HasSubstr("training rows: the program ended well, but what it wrote is no logistic model")) << bad;
  }
  spec.learner.kind = Kind::kLightGbm;
  EXPECT_THAT(Refusal(spec, [](const ProgramFit&) { return std::string("tree\nversion=v4\n"); }), HasSubstr("no lightgbm model"));
  EXPECT_THAT(Refusal(spec, [](const ProgramFit& fit) -> Result<std::string> {
                ASSIGN_OR_RETURN(const std::string text, Ours(fit, {{"num_iterations", "3"}}));
                return ReplaceAll(text, "split_feature=", "split_feature=99 ");
              }),
              HasSubstr("no lightgbm model"));
  // Trees of a custom objective say nothing of what their margins are.
  EXPECT_THAT(Refusal(spec, [](const ProgramFit& fit) -> Result<std::string> {
                ASSIGN_OR_RETURN(const std::string text, Ours(fit, {{"num_iterations", "3"}}));
                return ReplaceAll(text, "objective=binary sigmoid:1", "objective=custom");
              }),
              HasSubstr("no log-odds"));
  // One objective for all fits of a training.
  spec.folds.count = 2;
  spec.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
  int fits = 0;
  EXPECT_THAT(Refusal(spec, [&](const ProgramFit& fit) -> Result<std::string> {
                ASSIGN_OR_RETURN(const std::string text, Ours(fit, {{"num_iterations", "3"}}));
                return ReplaceAll(text, "sigmoid:1", ++fits == 2 ? "sigmoid:2" : "sigmoid:1");
              }),
              HasSubstr("another objective than for the folds before"));
}

TEST(ProgramLearner, ItsErrorsAreTheTrainings) {
  TrainSpec spec = Spec(Kind::kLogistic);
  spec.learner.by_program = true;
  EXPECT_THAT(Refusal(spec, [](const ProgramFit&) -> Result<std::string> { return Error(ErrorCode::kBusy, "come back later"); }), HasSubstr("come back later"));
  EXPECT_THAT(Refusal(spec, nullptr), HasSubstr("programs run in the pipelines of a project only"));
  const auto refused = [&](auto change) {
    TrainSpec changed = spec;
    change(changed);
    return Refusal(changed, [](const ProgramFit& fit) { return Ours(fit); });
  };
  EXPECT_THAT(refused([](TrainSpec& s) { s.tune.trials = 3; }), HasSubstr("`tune` has no meaning where a program fits"));
  EXPECT_THAT(refused([](TrainSpec& s) { s.group = "country"; }), HasSubstr("`group`"));
  EXPECT_THAT(refused([](TrainSpec& s) { s.learner.kind = Kind::kLinear, s.learner.task = Task::kBinary; }), HasSubstr("cannot do binary"));
}

}  // namespace
}  // namespace headrace

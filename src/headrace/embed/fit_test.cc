// The C ABI's fitting half; what it must agree with are the rooms `model` and `feature`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nanoarrow/nanoarrow.h>

#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "headrace/embed/headrace.h"
#include "headrace/embed/streams_for_tests.h"
#include "headrace/model/evaluation.h"
#include "headrace/model/test_world.h"

namespace headrace {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

std::shared_ptr<const Model> Opened(const headrace_model* model) {
  std::size_t size = 0;
  const void* bytes = headrace_bytes(model, &size);
  Result<std::shared_ptr<const Model>> opened = Model::FromBytes(std::string(static_cast<const char*>(bytes), size), "the bytes");
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? *opened : nullptr;
}

class FitTest : public ::testing::Test {
 protected:
  int32_t Train(const char* words, const headrace_fit_options* options = nullptr) {
    headrace_free(model_);
    model_ = nullptr;
    ArrowArrayStream rows = Exported(data_);
    const int32_t code = headrace_train(&rows, words, options, &model_, &error_);
    EXPECT_EQ(rows.release, nullptr) << "taken over";
    return code;
  }
  ~FitTest() override { headrace_free(model_), headrace_free_transform(transform_); }

  Table data_ = testing_world::Customers(700);
  headrace_model* model_ = nullptr;
  headrace_transform* transform_ = nullptr;
  headrace_error error_{};
};

TEST_F(FitTest, TheWordsOfATrainStepMakeTheModelThatTrainMakes) {
  ASSERT_EQ(Train("{target: churned, key: [customer_id], ignore: [visits, plan, is_test], learner: {logistic: {l2: 2}}, calibrate: isotonic}"), 0) << error_.message << error_.help;
  TrainSpec spec;
  spec.target = "churned";
  spec.key = {"customer_id"};
  spec.ignore = {"visits", "plan", "is_test"};
  spec.learner.given = true;
  spec.learner.kind = LearnerSpec::Kind::kLogistic;
  spec.learner.l2 = 2;
  spec.calibrate.kind = CalibrationSpec::Kind::kIsotonic;
  const Result<TrainOutput> expected = headrace::Train(data_, spec, {});
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_EQ(Opened(model_)->bytes(), expected->model->bytes());
}

TEST_F(FitTest, WithoutAnEvaluationNoFoldIsFittedAndTheFileSaysSo) {
  headrace_fit_options options{};
  ASSERT_EQ(Train(R"({"target": "visits", "ignore": ["churned", "plan", "is_test"], "learner": "linear"})", &options), 0) << error_.message;
  const std::shared_ptr<const Model> model = Opened(model_);
  EXPECT_EQ(model->info().folds, "none needed");
  EXPECT_EQ(model->info().evaluated_on, "training rows");
  const Result<Evaluation> evaluation = EvaluationOf(*model);
  ASSERT_TRUE(evaluation.ok());
  EXPECT_THAT(evaluation->notes, testing::Contains(HasSubstr("nobody asked for an evaluation")));
}

TEST_F(FitTest, TheTaskMayBeSaid) {
  headrace_fit_options options{};
  options.task = HEADRACE_REGRESSION;
  EXPECT_EQ(Train("{target: country, key: [customer_id]}", &options), HEADRACE_DATA) << "text is no number";
  std::vector<double> binary;
  for (std::size_t i = 0; i < 700; ++i) binary.push_back(i % 3 == 0 ? 1 : 0);
  data_ = data_.WithColumn("spent", std::make_shared<const Column>(std::move(binary), std::vector<std::uint8_t>()));
  ASSERT_EQ(Train("{target: spent, key: [customer_id]}", &options), 0) << error_.message;
  EXPECT_EQ(Opened(model_)->info().task, Task::kRegression);
  EXPECT_EQ(Train("{target: churned, learner: linear}", &(options = {0, HEADRACE_BINARY, 0, nullptr, nullptr})), HEADRACE_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("regression"));
  EXPECT_EQ(Train("{target: churned}", &(options = {0, 9, 0, nullptr, nullptr})), HEADRACE_INVALID);
  const char* uplift = "{target: churned, key: [customer_id], treatment: active, learner: {two_model: logistic}}";
  EXPECT_EQ(Train(uplift, &(options = {0, HEADRACE_BINARY, 0, nullptr, nullptr})), HEADRACE_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("gives a number"));
  ASSERT_EQ(Train(uplift), 0) << error_.message;
  EXPECT_EQ(Opened(model_)->info().treatment.column, "active");
}

TEST_F(FitTest, WrongWordsAreToldAsInAPipelineFile) {
  struct { const char *words, *message, *help; } cases[] = {
      {"{learner: logistic}", "target", ""},
      {"{target: churned, lerner: logistic}", "lerner", "learner"},
      {"{target: churned, learner: {lightgbm: {num_leafs: 3}}}", "num_leafs", "num_leaf"},
      {"{target: churned, data: customers}", "data", ""},
      {"{target: churned, weight: \"${params.x}\"}", "${", ""},
      {"{target: [churned", "", ""},
      {"", "train", ""},
      {"{target: churnd}", "churnd", "churned"},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(Train(one.words), HEADRACE_INVALID) << one.words;
    EXPECT_THAT(error_.message, HasSubstr(one.message)) << one.words;
    EXPECT_THAT(error_.help, HasSubstr(one.help)) << one.words;
    EXPECT_EQ(model_, nullptr);
  }
  EXPECT_EQ(headrace_train(nullptr, "{target: churned}", nullptr, &model_, &error_), HEADRACE_INVALID);
}

TEST_F(FitTest, WhoeverWantsItEndsTheFit) {
  headrace_fit_options options{};
  options.cancelled = [](void*) -> int32_t { return 1; };
  EXPECT_EQ(Train("{target: churned, learner: lightgbm}", &options), 130);
}

TEST_F(FitTest, ColumnsBecomeRows) {
  const double spend[] = {1.5, NAN, -2, 7, 3, 9};
  const std::int64_t codes[] = {1, -1, 0};
  const char* levels[] = {"AT", "DE"};
  const headrace_column columns[] = {{"spend", HEADRACE_DOUBLE, spend, 2 * sizeof(double), nullptr, 0}, {"place", HEADRACE_TEXT, codes, 0, levels, 2}, {"n", HEADRACE_INT, codes, 0, nullptr, 0}};
  ArrowArrayStream out{};
  ASSERT_EQ(headrace_with_columns(nullptr, columns, 3, 3, &out, &error_), 0) << error_.message;
  const Table table = Read(out);
  EXPECT_EQ(table.Find("spend")->doubles()[1], -2);
  EXPECT_EQ(table.Find("place")->text(0), "DE");
  EXPECT_TRUE(table.Find("place")->IsNull(1));
  EXPECT_EQ(table.Find("n")->ints()[1], -1);

  ArrowArrayStream rows = Exported(data_);
  EXPECT_EQ(headrace_with_columns(&rows, columns, 3, 3, &out, &error_), HEADRACE_INVALID) << "700 rows";
  EXPECT_EQ(rows.release, nullptr);
  rows = Exported(table);
  EXPECT_EQ(headrace_with_columns(&rows, columns, 1, 3, &out, &error_), HEADRACE_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("two columns are called `spend`"));
  const std::int64_t wrong[] = {2, 0, 0};
  const headrace_column beyond{"place", HEADRACE_TEXT, wrong, 0, levels, 2};
  EXPECT_EQ(headrace_with_columns(nullptr, &beyond, 1, 3, &out, &error_), HEADRACE_INVALID);
}

TEST_F(FitTest, ATransformIsFittedReadBackAndApplied) {
  const char* words = "{target: churned, key: [customer_id], ignore: [visits, plan, is_test], learner: lightgbm, transform: [{columns: [country], steps: [{encode: target}]}]}";
  ArrowArrayStream rows = Exported(data_);
  headrace_matrix training{};
  ASSERT_EQ(headrace_fit_transform(&rows, words, nullptr, &transform_, &training, &error_), 0) << error_.message << error_.help;
  const json described = json::parse(headrace_transform_describe(transform_));
  const std::size_t width = described["outputs"].size();
  EXPECT_EQ(described["outputs"][0], "country");
  EXPECT_EQ(training.rows, 700u);
  EXPECT_EQ(training.columns, width);

  headrace_transform* again = nullptr;
  const std::string text = headrace_transform_json(transform_);
  ASSERT_EQ(headrace_read_transform(text.data(), text.size(), &again, &error_), 0) << error_.message;
  std::vector<double> values(700 * width);
  rows = Exported(data_);
  ASSERT_EQ(headrace_transform_into(again, &rows, 2, values.data(), values.size(), &error_), 0) << error_.message;
  ArrowArrayStream made{};
  rows = Exported(data_);
  ASSERT_EQ(headrace_transform_stream(again, &rows, 1, &made, &error_), 0);
  headrace_free_transform(again);
  const Table table = Read(made);
  bool cross_fitted = false;
  for (std::size_t i = 0; i < 700; ++i) {
    cross_fitted |= training.values[i * width] != values[i * width];
    for (std::size_t k = 0; k < width; ++k) {
      const double x = values[i * width + k], y = table.column(k).doubles()[i];
      ASSERT_TRUE(x == y || (std::isnan(x) && std::isnan(y)));
      ASSERT_TRUE(k == 0 || x == training.values[i * width + k] || std::isnan(x));
    }
  }
  EXPECT_TRUE(cross_fitted);
  headrace_free_matrix(&training);
  EXPECT_EQ(training.values, nullptr);
  rows = Exported(data_);
  EXPECT_EQ(headrace_transform_into(transform_, &rows, 1, values.data(), 3, &error_), HEADRACE_INVALID);
  EXPECT_EQ(headrace_read_transform("{}", 2, &again, &error_), HEADRACE_INVALID);
}

TEST_F(FitTest, ATransformIsMadeForItsLearner) {
  const auto made_for = [&](const std::string& learner) {
    ArrowArrayStream rows = Exported(data_);
    const std::string words = "{target: churned, key: [customer_id], ignore: [visits, plan, is_test], learner: " + learner + "}";
    EXPECT_EQ(headrace_fit_transform(&rows, words.c_str(), nullptr, &transform_, nullptr, &error_), 0) << error_.message;
    const std::string fitted = headrace_transform_json(transform_);
    headrace_free_transform(transform_);
    transform_ = nullptr;
    return fitted;
  };
  EXPECT_EQ(made_for("xgboost"), made_for("lightgbm")) << "both grow trees";
  EXPECT_EQ(made_for("logistic"), made_for("linear"));
  EXPECT_NE(made_for("linear"), made_for("lightgbm"));
}

TEST_F(FitTest, WithoutATargetWhatLearnsFromOneIsRefused) {
  for (const char* words : {"{ignore: [since], transform: [{columns: [country], steps: [{encode: target}]}]}",
                            "{ignore: [since], transform: [{columns: [spend, visits], steps: [{impute: mean}, {select: {f: 1}}]}]}"}) {
    ArrowArrayStream rows = Exported(data_);
    const int32_t code = headrace_fit_transform(&rows, words, nullptr, &transform_, nullptr, &error_);
    if (std::string_view(words).find("select") == std::string_view::npos) {
      EXPECT_EQ(code, HEADRACE_INVALID);
      EXPECT_THAT(error_.message, HasSubstr("learns from the target"));
    } else {
      EXPECT_NE(code, 0);
    }
  }
  ArrowArrayStream rows = Exported(data_);
  ASSERT_EQ(headrace_fit_transform(&rows, "{ignore: [since]}", nullptr, &transform_, nullptr, &error_), 0) << error_.message;
  rows = Exported(data_);
  EXPECT_EQ(headrace_fit_transform(&rows, "{ignore: [since], calibrate: isotonic}", nullptr, &transform_, nullptr, &error_), HEADRACE_INVALID);
  EXPECT_THAT(error_.message, HasSubstr("calibrate"));
}

/// Two numbers, each scaled, and a learner on them.
json Described(const std::string& learner, const json& fitted) {
  const auto column = [](const char* name, double center) {
    return json{{"columns", json::array({{{"column", name}, {"type", "double"}, {"indicator", false}, {"fill", nullptr}, {"steps", json::array({{{"step", "fill"}, {"value", {50.0}}}, {{"step", "scale"}, {"center", {center}}, {"scale", {2.0}}}})}}})},
                {"steps", json::array()}};
  };
  return {{"source", "another program 1.0"}, {"task", "binary"}, {"target", "churned"}, {"classes", {"no", "yes"}}, {"threshold", 0.25},
          {"transform", {{"derived", json::array()}, {"format", 2}, {"groups", {column("spend", 1.0), column("visits", 0.5)}}, {"refuse_missing", false},
                         {"inputs", {{{"name", "spend"}, {"type", "double"}, {"nullable", true}}, {{"name", "visits"}, {"type", "double"}, {"nullable", false}}}}}},
          {"learner", learner}, {"fitted", fitted}};
}

constexpr const char* kForest =
    "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\nobjective=custom\naverage_output\nfeature_names=a b\n"
    "feature_infos=none none\ntree_sizes=251\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=0\nthreshold=24.5\ndecision_type=10\nleft_child=-1\n"
    "right_child=-2\nleaf_value=0.125 0.75\nleaf_weight=0 0\nleaf_count=3 4\ninternal_value=0\ninternal_weight=0\ninternal_count=7\nis_linear=0\nshrinkage=1\n\n\n"
    "end of trees\n\nfeature_importances:\n\nparameters:\n[boosting: rf]\nend of parameters\n";

class ConvertTest : public FitTest {
 protected:
  int32_t Convert(const json& document) {
    ArrowArrayStream rows = Exported(data_);
    const std::string text = document.dump();
    return headrace_convert(text.data(), text.size(), &rows, 1, &model_, &error_);
  }
};

TEST_F(ConvertTest, WhatAnotherProgramFittedBecomesAModelFile) {
  ASSERT_EQ(Convert(Described("logistic", {{"coefficients", {{0.5, -1e-7}}}, {"intercepts", {0.1}}, {"learner", "logistic"}})), 0) << error_.message;
  const std::shared_ptr<const Model> model = Opened(model_);
  EXPECT_EQ(model->info().threshold, 0.25);
  EXPECT_EQ(model->info().classes, (std::vector<std::string>{"no", "yes"}));
  EXPECT_TRUE(model->ReplayProof().ok());
  EXPECT_THAT(*model->Member("card.md"), HasSubstr("another program 1.0"));
}

TEST_F(ConvertTest, AForestOfProbabilitiesNeedsNoLink) {
  ASSERT_EQ(Convert(Described("lightgbm", kForest)), 0) << error_.message;
  ArrowArrayStream rows = Exported(data_);
  std::vector<double> scores(700);
  ASSERT_EQ(headrace_score_into(model_, &rows, 0, scores.data(), 700, &error_), 0) << error_.message;
  for (std::size_t i = 0; i < 700; ++i) {
    const Column& spend = *data_.Find("spend");
    ASSERT_EQ(scores[i], spend.IsNull(i) || spend.doubles()[i] <= 50 ? 0.125 : 0.75) << i;
  }
  EXPECT_EQ(Opened(model_)->Member("model.txt")->find("parameters"), std::string::npos);
}

TEST_F(ConvertTest, PartsThatDoNotFitAreRefused) {
  const json good = Described("logistic", {{"coefficients", {{0.5, 1.0}}}, {"intercepts", {0.1}}, {"learner", "logistic"}});
  std::vector<std::pair<json, std::string>> cases;
  const auto with = [&](const char* pointer, const json& value, std::string message) {
    json changed = good;
    changed[json::json_pointer(pointer)] = value;
    cases.emplace_back(std::move(changed), std::move(message));
  };
  with("/task", "guess", "guess");
  with("/classes", {"no"}, "1 classes");
  with("/classes", {"no", "no"}, "no");
  with("/classes", 3, "description");
  with("/learner", "oracle", "oracle");
  with("/fitted/coefficients", {{0.5}}, "coefficients");
  with("/fitted/more", 1, "coefficients");
  with("/transform/format", 3, "this version reads 2");
  with("/transform/surplus", 3, "transform");
  with("/transform/groups/0/columns/0/steps/1/scale", {0.0}, "scale");
  with("/transform/inputs/0/name", "spent", "spend");
  with("/calibration", {{"kind", "sigmoid"}, {"curves", json::array()}}, "curves");
  with("/calibration", {{"kind", "isotonic"}, {"curves", {{{"x", {0.1, 0.2}}, {"y", {0.5, 1.5}}}}}}, "between 0 and 1");
  with("/calibration", {{"kind", "sigmoid"}, {"curves", {{{"a", 1}, {"b", 2}}}}, {"by", "country"}, {"segments", {{{"value", "A"}, {"curves", {{{"a", 1}, {"b", 2}}}}}}}}, "one for all rows");
  with("/source", nullptr, "description");
  for (const auto& [document, message] : cases) {
    EXPECT_EQ(Convert(document), HEADRACE_INVALID) << document.dump();
    EXPECT_THAT(error_.message, HasSubstr(message));
    EXPECT_EQ(model_, nullptr);
  }
  ArrowArrayStream rows = Exported(data_);
  EXPECT_EQ(headrace_convert("[]", 2, &rows, 1, &model_, &error_), HEADRACE_INVALID);
  rows = Exported(data_.Slice(0, 0));
  const std::string text = good.dump();
  EXPECT_EQ(headrace_convert(text.data(), text.size(), &rows, 1, &model_, &error_), HEADRACE_DATA);
}

TEST_F(ConvertTest, CurvesThatReachZeroAndOneAreTaken) {
  json document = Described("lightgbm", kForest);
  document["calibration"] = {{"kind", "isotonic"}, {"curves", {{{"x", {0.125, 0.75}}, {"y", {0.0, 1.0}}}}}};
  ASSERT_EQ(Convert(document), 0) << error_.message;
  EXPECT_EQ(Opened(model_)->info().calibration, "isotonic");
}

}  // namespace
}  // namespace headrace

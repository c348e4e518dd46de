// The C ABI as another program uses it; what it must agree with is the room `model`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nanoarrow/nanoarrow.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "headrace/embed/headrace.h"
#include "headrace/embed/streams_for_tests.h"
#include "headrace/model/test_world.h"
#include "headrace/step/scoring.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const Model> Trained(const std::string& target, const Table& data, const std::string& calibrated_by = "", const std::string& treatment = "") {
  TrainSpec spec;
  spec.target = target;
  if (!calibrated_by.empty()) spec.calibrate = {CalibrationSpec::Kind::kBeta, calibrated_by};
  if (!treatment.empty()) {
    spec.treatment = treatment;
    spec.learner.given = true;
    spec.learner.uplift = LearnerSpec::Kind::kXLearner;
  }
  for (const char* other : {"churned", "visits", "plan", "is_test", "customer_id"})
    if (other != target) spec.ignore.push_back(other);
  Result<TrainOutput> output = Train(data, spec, {});
  EXPECT_TRUE(output.ok()) << output.status();
  return output.ok() ? output->model : nullptr;
}

struct Loaded {
  explicit Loaded(const Model& model) { EXPECT_EQ(headrace_load_bytes(model.bytes().data(), model.bytes().size(), &handle, &error), 0) << error.message; }
  ~Loaded() { headrace_free(handle); }
  headrace_model* handle = nullptr;
  headrace_error error{};
};

headrace_value ValueOf(const Column& column, std::size_t row) {
  headrace_value value{};
  if (column.IsNull(row)) return value;
  if (column.type() == Type::kDouble) value.kind = HEADRACE_DOUBLE, value.as_double = column.doubles()[row];
  else if (column.type() == Type::kText) value.kind = HEADRACE_TEXT, value.as_text = column.text(row).data(), value.size = column.text(row).size();
  else value.kind = HEADRACE_INT, value.as_int = column.ints()[row];
  return value;
}

struct Case {
  const char *name, *target, *calibrated_by, *treatment;
};

class EmbedTest : public ::testing::TestWithParam<Case> {
 protected:
  Table data_ = testing_world::Customers(1200);
  std::shared_ptr<const Model> model_ = Trained(GetParam().target, data_, GetParam().calibrated_by, GetParam().treatment);
};

TEST_P(EmbedTest, AStreamAndEachOfItsRowsGetTheScorersBits) {
  const Loaded loaded(*model_);
  const Result<std::vector<double>> expected = model_->scorer().Predict(data_);
  ASSERT_TRUE(expected.ok()) << expected.status();
  const std::size_t outputs = headrace_num_scores(loaded.handle);
  ASSERT_EQ(expected->size(), data_.num_rows() * outputs);

  ArrowArrayStream rows = Exported(data_), scored{};
  headrace_error error{};
  ASSERT_EQ(headrace_score_stream(loaded.handle, &rows, nullptr, &scored, &error), 0) << error.message;
  EXPECT_EQ(rows.release, nullptr) << "taken over";
  const Table table = Read(scored);
  ASSERT_EQ(table.num_rows(), data_.num_rows());
  EXPECT_EQ(table.Find(GetParam().target), nullptr) << "the target is not carried over";
  EXPECT_NE(table.Find("customer_id"), nullptr);
  EXPECT_EQ(table.Find("model_version")->text(0), model_->info().digest.substr(0, 12));
  for (std::size_t i = 0; outputs == 1 && i < table.num_rows(); ++i) {
    ASSERT_EQ(table.Find("score")->doubles()[i], (*expected)[i]) << i;
  }

  const std::vector<InputColumn>& inputs = model_->info().inputs;
  ASSERT_EQ(headrace_num_inputs(loaded.handle), inputs.size());
  std::vector<headrace_value> values(inputs.size());
  std::vector<double> scores(outputs);
  for (std::size_t row = 0; row < 50; ++row) {
    for (std::size_t i = 0; i < inputs.size(); ++i) values[i] = ValueOf(*data_.Find(inputs[i].name), row);
    ASSERT_EQ(headrace_score_row(loaded.handle, values.data(), values.size(), scores.data(), scores.size(), &error), 0) << error.message;
    for (std::size_t k = 0; k < outputs; ++k) ASSERT_EQ(scores[k], (*expected)[row * outputs + k]) << row;
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, EmbedTest, ::testing::Values(Case{"churned", "churned", "", ""}, Case{"visits", "visits", "", ""}, Case{"plan", "plan", "", ""}, Case{"by_country", "churned", "country", ""},
                                                              Case{"by_active", "plan", "active", ""}, Case{"uplift", "churned", "", "active"}),
                         [](const auto& one) { return std::string(one.param.name); });

class EmbedErrors : public ::testing::Test {
 protected:
  Table data_ = testing_world::Customers(700);
  std::shared_ptr<const Model> model_ = Trained("churned", data_);
  Loaded loaded_{*model_};
  headrace_error error_{};
};

TEST_F(EmbedErrors, AFileThatIsNoModelIsRefusedWithTheReason) {
  headrace_model* model = reinterpret_cast<headrace_model*>(&error_);
  headrace_model* const before = model;
  EXPECT_EQ(headrace_load_bytes("PK", 2, &model, &error_), HEADRACE_INVALID);
  EXPECT_EQ(model, before) << "untouched";
  EXPECT_EQ(error_.code, HEADRACE_INVALID);
  EXPECT_NE(std::strlen(error_.message), 0u);
  EXPECT_NE(headrace_load("there/is/none.model", &model, &error_), 0);
  EXPECT_THAT(error_.message, HasSubstr("none.model"));
  EXPECT_EQ(headrace_load(nullptr, &model, nullptr), HEADRACE_INVALID) << "an error may be null";
  std::string damaged = model_->bytes();
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  EXPECT_EQ(headrace_load_bytes(damaged.data(), damaged.size(), &model, &error_), HEADRACE_INVALID);
}

TEST_F(EmbedErrors, AMissingColumnIsNamedAndTheRowsAreReleased) {
  std::vector<std::string> names = data_.schema().Names();
  std::erase(names, "spend");
  ArrowArrayStream rows = Exported(*data_.Select(names)), scored{};
  EXPECT_EQ(headrace_score_stream(loaded_.handle, &rows, nullptr, &scored, &error_), HEADRACE_DATA);
  EXPECT_THAT(error_.message, HasSubstr("spend"));
  EXPECT_EQ(rows.release, nullptr);
  EXPECT_EQ(scored.release, nullptr);
  rows = Exported(data_);
  EXPECT_EQ(headrace_score_stream(nullptr, &rows, nullptr, &scored, &error_), HEADRACE_INVALID);
  EXPECT_EQ(rows.release, nullptr) << "taken over all the same";
}

TEST_F(EmbedErrors, OnlyTheColumnsAskedForAreCarriedOver) {
  const char* keep[] = {"country", "customer_id"};
  headrace_score_options options{};
  options.keep = keep;
  options.num_keep = 2;
  ArrowArrayStream rows = Exported(data_), scored{};
  ASSERT_EQ(headrace_score_stream(loaded_.handle, &rows, &options, &scored, &error_), 0) << error_.message;
  EXPECT_EQ(Read(scored).schema().Names(), (std::vector<std::string>{"country", "customer_id", "score", "label", "model_version"}));
  keep[1] = "nobody";
  rows = Exported(data_);
  EXPECT_NE(headrace_score_stream(loaded_.handle, &rows, &options, &scored, &error_), 0);
  EXPECT_THAT(error_.message, HasSubstr("nobody"));
  options.threads = -1;
  rows = Exported(data_);
  EXPECT_EQ(headrace_score_stream(loaded_.handle, &rows, &options, &scored, &error_), HEADRACE_INVALID);
}

TEST_F(EmbedErrors, ARowOfOtherValuesIsRefused) {
  const std::size_t inputs = headrace_num_inputs(loaded_.handle);
  std::vector<headrace_value> values(inputs);
  double score = -1;
  EXPECT_EQ(headrace_score_row(loaded_.handle, values.data(), inputs - 1, &score, 1, &error_), HEADRACE_INVALID);
  EXPECT_EQ(headrace_score_row(loaded_.handle, values.data(), inputs, &score, 2, &error_), HEADRACE_INVALID);
  values[0].kind = 17;
  EXPECT_EQ(headrace_score_row(loaded_.handle, values.data(), inputs, &score, 1, &error_), HEADRACE_DATA);
  EXPECT_THAT(error_.message, HasSubstr(model_->info().inputs[0].name));
  EXPECT_EQ(score, -1);
  values[0].kind = HEADRACE_NULL;
  EXPECT_EQ(headrace_score_row(loaded_.handle, values.data(), inputs, &score, 1, &error_), 0) << error_.message;
  EXPECT_TRUE(score > 0 && score < 1);
}

TEST_F(EmbedErrors, AnErrorOnTheWayIsTheStreams) {
  Table bad = data_;
  std::vector<double> spend(bad.Find("spend")->doubles().begin(), bad.Find("spend")->doubles().end());
  spend[650] = std::numeric_limits<double>::infinity();
  bad = bad.WithColumn("spend", std::make_shared<const Column>(std::move(spend), std::vector<std::uint8_t>()));
  ArrowArrayStream rows = Exported(bad), scored{};
  ASSERT_EQ(headrace_score_stream(loaded_.handle, &rows, nullptr, &scored, &error_), 0) << error_.message;
  int code = 0;
  while (code == 0) {
    ArrowArray array{};
    code = scored.get_next(&scored, &array);
    if (code == 0 && array.release == nullptr) break;
    if (array.release != nullptr) array.release(&array);
  }
  EXPECT_NE(code, 0);
  EXPECT_THAT(scored.get_last_error(&scored), HasSubstr("spend"));
  scored.release(&scored);
}

TEST_F(EmbedErrors, AStreamOutlivesItsModelAndThreadsShareOne) {
  ArrowArrayStream rows = Exported(data_), scored{};
  headrace_model* model = nullptr;
  ASSERT_EQ(headrace_load_bytes(model_->bytes().data(), model_->bytes().size(), &model, nullptr), 0);
  ASSERT_EQ(headrace_score_stream(model, &rows, nullptr, &scored, nullptr), 0);
  headrace_free(model);
  EXPECT_EQ(Read(scored).num_rows(), data_.num_rows());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      ArrowArrayStream in = Exported(data_), out{};
      EXPECT_EQ(headrace_score_stream(loaded_.handle, &in, nullptr, &out, nullptr), 0);
      EXPECT_EQ(Read(out).num_rows(), data_.num_rows());
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(EmbedErrors, ItDescribesItselfAndALongErrorIsCutAtACharacter) {
  EXPECT_THAT(headrace_describe(loaded_.handle), HasSubstr(model_->info().digest));
  EXPECT_EQ(headrace_abi_version(), HEADRACE_ABI_VERSION);
  std::string path = "x";
  for (int i = 0; i < 2000; ++i) path += "ü";
  headrace_model* model = nullptr;
  EXPECT_NE(headrace_load(path.c_str(), &model, &error_), 0);
  const std::string_view message = error_.message;
  ASSERT_LT(message.size(), sizeof error_.message);
  EXPECT_GT(message.size(), sizeof error_.message - 10);
  EXPECT_EQ(message.substr(message.size() - 2), "ü");
}

}  // namespace
}  // namespace headrace

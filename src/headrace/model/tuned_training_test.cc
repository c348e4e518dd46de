// Training with folds by time and by group, and with transforms that are searched together with the learner.
#include <atomic>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/folder_for_tests.h"
#include "headrace/base/text.h"
#include "headrace/model/model_file.h"
#include "headrace/model/test_world.h"
#include "headrace/model/train.h"
#include "headrace/model/trial_journal.h"

namespace headrace {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using testing_world::Customers;
using testing_world::SpecFor;

TransformSpec Group(std::vector<std::string> columns, std::vector<TransformStep> steps, std::string choice = "", std::string alternative = "") {
  TransformSpec spec;
  spec.columns = std::move(columns);
  spec.steps = std::move(steps);
  spec.choice = std::move(choice);
  spec.alternative = std::move(alternative);
  return spec;
}

/// A logistic regression that chooses how `country` is encoded, and whether `spend` is there at all.
TrainSpec Choosing() {
  TrainSpec spec = SpecFor("churned");
  spec.ignore = {"visits", "plan", "is_test"};
  spec.learner.given = true;
  spec.learner.kind = LearnerSpec::Kind::kLogistic;
  EncodeStep target;
  target.how = EncodeStep::How::kTarget;
  TransformSpec drop;
  drop.drop = {"spend"};
  drop.choice = "spend";
  drop.alternative = "left_out";
  spec.transform = {Group({"country"}, {target}, "country", "by_target"), Group({"country"}, {EncodeStep{}}, "country", "by_level"), drop};
  spec.tune.trials = 4;
  spec.tune.search = TuneSpec::Search::kGrid;
  spec.tune.space = {{"l2", {"1"}, 0, 0, false, false}};
  spec.tune.choices = {{"country", {"by_target", "by_level"}, 0, 0, false, false}, {"spend", {"left_out", "taken"}, 0, 0, false, false}};
  return spec;
}

Result<TrainOutput> TrainOn(const TrainSpec& spec, int threads = 2, TrialJournal* trials = nullptr) {
  TrainContext context;
  context.threads = threads;
  context.trials = trials;
  return Train(Customers(900), spec, context);
}

void ExpectSameBytesWithAnyNumberOfThreads(const TrainSpec& spec) {
  const auto one = TrainOn(spec, 1), three = TrainOn(spec, 3);
  ASSERT_TRUE(one.ok() && three.ok()) << one.status() << "\n" << three.status();
  EXPECT_TRUE(one->model->bytes() == three->model->bytes());
}

TEST(FoldsOfTraining, ByTimeRowsOfTheFirstBlockAreNeverJudged) {
  TrainSpec spec = SpecFor("churned");
  spec.split = {};
  spec.folds = {FoldSpec::Kind::kTime, {"since"}, 4, 30 * kMicrosPerDay};
  const auto trained = TrainOn(spec);
  ASSERT_TRUE(trained.ok()) << trained.status();
  const ModelInfo& info = trained->model->info();
  EXPECT_EQ(info.folds, "forward in time by since, 4 blocks, gap 30d");
  EXPECT_EQ(info.evaluated_on, "out-of-fold rows");
  EXPECT_NEAR(static_cast<double>(info.test_rows), 900 * 4 / 5.0, 20);   // days are cut whole
  EXPECT_EQ(info.train_rows, 900);
  EXPECT_THAT(trained->evaluation.notes, Contains(HasSubstr("folds by since: rows are held out from ")));
  EXPECT_EQ(TrainOn(spec, 1)->model->bytes(), trained->model->bytes());
}

TEST(FoldsOfTraining, AColumnThatMakesThemIsNoFeatureUnlessATransformNamesIt) {
  TrainSpec spec = SpecFor("churned");
  spec.split = {};
  spec.folds = {FoldSpec::Kind::kHash, {"country"}, 2, 0};
  const auto without = TrainOn(spec);
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(without->model->info().folds, "out-of-fold 2 by country");
  EXPECT_THAT(without->evaluation.notes, Contains("column `country` makes the folds and is not a feature"));
  EXPECT_THAT(without->model->info().features, Not(Contains(HasSubstr("country"))));
  spec.transform = {Group({"country"}, {EncodeStep{}})};
  const auto with = TrainOn(spec);
  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_THAT(with->model->info().features, Contains(HasSubstr("country")));
}

TEST(FoldsOfTraining, WrongColumnsAreToldWithoutData) {
  TrainSpec spec = SpecFor("churned");
  spec.folds = {FoldSpec::Kind::kTime, {"sinse"}, 4, 0};
  EXPECT_EQ(CheckTrainColumns(spec, Customers(1).schema()).ToString(), "fold column `sinse` is not in the training data\nhelp: did you mean `since`?");
  spec.folds.columns = {"churned"};
  EXPECT_EQ(CheckTrainColumns(spec, Customers(1).schema()).message(), "`churned` cannot be both target and fold column");
}

TEST(FoldsOfTraining, NoQueryIsCut) {
  std::vector<std::int64_t> query, moment, grade, x;
  for (std::int64_t i = 0; i < 120; ++i) {
    query.push_back(i / 10);
    moment.push_back(i);
    grade.push_back(i % 3);
    x.push_back(i * 7 % 11);
  }
  const auto column = [](const std::vector<std::int64_t>& values) { return std::make_shared<Column>(Type::kInt, values, std::vector<std::uint8_t>{}); };
  const Table rows(Schema({{"query", Type::kInt}, {"moment", Type::kInt}, {"grade", Type::kInt}, {"x", Type::kInt}}), {column(query), column(moment), column(grade), column(x)}, 120);
  TrainSpec spec;
  spec.target = "grade";
  spec.group = "query";
  spec.learner.given = true;
  spec.learner.parameters = {{"objective", "lambdarank"}, {"num_iterations", "3"}, {"min_data_in_leaf", "2"}};
  spec.folds = {FoldSpec::Kind::kTime, {"moment"}, 4, 0};   // cuts at 24, 48, ...
  const Status cut = Train(rows, spec, {}).status();
  EXPECT_EQ(cut.ToString(), "the folds cut through the query query = 2\nhelp: leave `by` out of `folds`: they are then cut by `query`");
  spec.folds.columns = {"query"};
  const auto whole = Train(rows, spec, {});
  EXPECT_TRUE(whole.ok()) << whole.status();
}

TEST(ChosenTransforms, AreAsIfNothingElseHadBeenWritten) {
  const auto chosen = TrainOn(Choosing());
  ASSERT_TRUE(chosen.ok()) << chosen.status();
  ASSERT_EQ(chosen->evaluation.trials.size(), 4u);
  std::set<std::string> names;
  const Trial* best = nullptr;
  for (const Trial& trial : chosen->evaluation.trials) {
    EXPECT_EQ(trial.failed, "");
    names.insert(trial.name);
    if (trial.chosen) best = &trial;
  }
  EXPECT_EQ(names, (std::set<std::string>{"logistic l2=1 country=by_target spend=left_out", "logistic l2=1 country=by_target spend=taken",
                                          "logistic l2=1 country=by_level spend=left_out", "logistic l2=1 country=by_level spend=taken"}));
  ASSERT_NE(best, nullptr);
  ASSERT_THAT(best->name, HasSubstr("spend=taken")) << "spend tells most of the target";
  TrainSpec plain = Choosing();
  plain.tune = {};
  plain.transform = Chosen(plain.transform, {{"country", best->name.find("by_level") != std::string::npos ? "by_level" : "by_target"}, {"spend", "taken"}});
  ASSERT_EQ(plain.transform.size(), 1u);
  const auto alone = TrainOn(plain);
  ASSERT_TRUE(alone.ok()) << alone.status();
  for (const char* member : {"transform.json", "coefficients.json"}) EXPECT_EQ(*alone->model->Member(member), *chosen->model->Member(member)) << member;
  EXPECT_EQ(alone->model->info().metrics, chosen->model->info().metrics);
}

TEST(ChosenTransforms, GiveTheSameBytesWithAnyNumberOfThreadsAndMoreChoicesThanAreKept) {
  TrainSpec spec = Choosing();
  spec.tune.search = TuneSpec::Search::kRandom;
  spec.tune.trials = 12;
  spec.tune.choices.push_back({"active", {"taken", "left_out"}, 0, 0, false, false});
  TransformSpec drop;
  drop.drop = {"active"};
  drop.choice = "active";
  drop.alternative = "left_out";
  spec.transform.push_back(drop);
  ExpectSameBytesWithAnyNumberOfThreads(spec);
}

TEST(ChosenTransforms, AnAlternativeThatCannotBeFittedIsToldAndNotChosen) {
  TrainSpec spec = Choosing();
  spec.transform.push_back(Group({"spend"}, {ImputeStep{}, ClipStep{-2.0, -1.0, false}, Log1pStep{}}, "spend", "logged"));   // log1p(-1) and below
  spec.tune.choices[1].values.emplace_back("logged");
  spec.tune.trials = 6;
  const auto trained = TrainOn(spec);
  ASSERT_TRUE(trained.ok()) << trained.status();
  int failed = 0;
  for (const Trial& trial : trained->evaluation.trials) {
    failed += !trial.failed.empty();
    EXPECT_EQ(trial.failed.empty(), trial.name.find("logged") == std::string::npos) << trial.name << ": " << trial.failed;
  }
  EXPECT_EQ(failed, 2);
}

/// The same with the smoothing of the target encoding and a bound of `spend` left open.
TrainSpec Smoothing() {
  TrainSpec spec = Choosing();
  spec.transform.pop_back();
  spec.transform[0].open = {{0, "smooth", "country.encode.smooth"}};
  spec.transform.push_back(Group({"spend"}, {ImputeStep{}, ClipStep{1.0, 95.0, true}}));
  spec.transform.back().open = {{1, "upper", "spend.clip.upper"}};
  spec.tune.choices.pop_back();
  spec.tune.numbers = {{"country.encode.smooth", {"1", "500"}, 0, 0, false, false, false, "country", "by_target"}, {"spend.clip.upper", {"95%", "99%"}, 0, 0, false, false}};
  spec.tune.trials = 20;
  return spec;
}

TEST(ChosenNumbers, AreAsIfTheyHadBeenWrittenInEveryTrialAndInTheModel) {
  const auto tuned = TrainOn(Smoothing());
  ASSERT_TRUE(tuned.ok()) << tuned.status();
  ASSERT_EQ(tuned->evaluation.trials.size(), 6u);
  std::set<double> means;
  for (const Trial& trial : tuned->evaluation.trials) {
    ASSERT_EQ(trial.failed, "");
    std::map<std::string, std::string> chosen;
    for (const std::string& word : Split(trial.name, ' '))
      if (const std::size_t at = word.find('='); at != word.npos) chosen[word.substr(0, at)] = word.substr(at + 1);
    TrainSpec written = Smoothing();
    written.transform = Chosen(written.transform, chosen);
    written.tune.choices.clear();
    written.tune.numbers.clear();
    const auto alone = TrainOn(written);
    ASSERT_TRUE(alone.ok()) << alone.status();
    EXPECT_EQ(alone->evaluation.trials.front().mean, trial.mean) << trial.name;
    means.insert(trial.mean);
    if (!trial.chosen) continue;
    for (const char* member : {"transform.json", "coefficients.json"}) EXPECT_EQ(*alone->model->Member(member), *tuned->model->Member(member)) << member;
  }
  EXPECT_EQ(means.size(), 6u) << "each setting fits other transforms";
}

TEST(ChosenNumbers, GiveTheSameBytesWithAnyNumberOfThreads) {
  TrainSpec spec = Smoothing();
  spec.tune.search = TuneSpec::Search::kRandom;
  spec.tune.numbers[0] = {"country.encode.smooth", {}, 1, 500, true, false, false, "country", "by_target"};
  ExpectSameBytesWithAnyNumberOfThreads(spec);
}

TEST(ChosenNumbers, ThatOnlyTheRowsRefuseFailTheirTrialWithTheReason) {
  TrainSpec spec = Smoothing();
  spec.transform[2] = Group({"spend", "visits"}, {ImputeStep{}, ReduceStep{}});
  spec.transform[2].open = {{1, "components", "spend.reduce.components"}};
  spec.ignore = {"plan", "is_test"};
  spec.tune.numbers[1] = {"spend.reduce.components", {"1", "2", "3"}, 0, 0, false, false};
  const auto trained = TrainOn(spec);
  ASSERT_TRUE(trained.ok()) << trained.status();
  for (const Trial& trial : trained->evaluation.trials) {
    const bool too_many = trial.name.find("components=3") != trial.name.npos;
    EXPECT_THAT(trial.failed, too_many ? HasSubstr("which have no 3 components") : HasSubstr("")) << trial.name;
    EXPECT_EQ(trial.failed.empty(), !too_many) << trial.failed;
    EXPECT_FALSE(trial.chosen && too_many);
  }
}

TEST(ChosenNumbers, AreCheckedEachWithoutData) {
  TrainSpec spec = Smoothing();
  EXPECT_TRUE(CheckTrainColumns(spec, Customers(1).schema()).ok());
  spec.tune.numbers[1].values.emplace_back("101%");
  EXPECT_EQ(CheckTrainColumns(spec, Customers(1).schema()).message(), "`spend.clip.upper` of 101%: column `spend`: clip percentiles must be between 0% and 100%");
  spec = Smoothing();
  spec.transform[2] = Group({"spend"}, {BinsStep{}});
  spec.transform[2].open = {{0, "count", "spend.bins.count"}};
  spec.tune.numbers[1] = {"spend.bins.count", {}, 2, 1e6, true, true};
  EXPECT_THAT(CheckTrainColumns(spec, Customers(1).schema()).message(), HasSubstr("`spend.bins.count` of 1000000: column `spend`: bins must be between 2 and"));
}

TEST(ChosenTransforms, AreCheckedEachWithoutData) {
  TrainSpec spec = Choosing();
  EXPECT_TRUE(CheckTrainColumns(spec, Customers(1).schema()).ok());
  spec.transform[1].columns = {"contry"};
  const Status status = CheckTrainColumns(spec, Customers(1).schema());
  EXPECT_THAT(status.ToString(), HasSubstr("alternative `by_level`")) << status;
  EXPECT_THAT(status.ToString(), HasSubstr("did you mean `country`?"));
  spec = Choosing();
  spec.tune.trials = 0;
  EXPECT_FALSE(CheckTrainSpec(spec).ok());
}

TEST(TrialJournalOfTraining, AnInterruptedTrainingEndsWithTheBytesOfAnUndisturbedOne) {
  TrainSpec spec = Choosing();
  spec.tune.search = TuneSpec::Search::kTpe;
  spec.tune.trials = 15;
  spec.tune.space = {{"l2", {}, 0.01, 100, true, false}};
  const auto undisturbed = TrainOn(spec);
  ASSERT_TRUE(undisturbed.ok()) << undisturbed.status();
  const FolderForTests folder;
  const std::string path = folder.Path("trials");
  TrialJournal first(path);
  TrainContext context;
  context.trials = &first;
  context.threads = 1;
  std::atomic<bool> stop{false};
  context.progress = [&](std::string_view stage, double fraction) { stop = stop || (stage == "tune" && fraction > 0.8 && fraction < 1); };
  context.cancelled = [&] { return stop.load(); };
  EXPECT_EQ(Train(Customers(900), spec, context).status().code(), ErrorCode::kInterrupted);
  TrialJournal second(path);
  const auto resumed = TrainOn(spec, 2, &second);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_GE(second.found(), 8);
  EXPECT_TRUE(resumed->model->bytes() == undisturbed->model->bytes());
}

}  // namespace
}  // namespace headrace

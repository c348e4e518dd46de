// Metrics of clusters, and whole trainings without a target.
#include "headrace/model/clusters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "headrace/base/digest.h"
#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/check/drift.h"
#include "headrace/model/model_file.h"
#include "headrace/model/profile.h"
#include "headrace/model/row_scorer.h"
#include "headrace/model/test_world.h"
#include "headrace/model/train.h"
#include "headrace/model/zip.h"

namespace headrace {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_world::Customers;
using testing_world::MembersOf;

TEST(ClusterMetrics, AreThoseOfATinyTableByHand) {
  // Two rows at 0 and 2, two at 10 and 14, on a line; the model's centres lie at 1 and 12.
  const std::vector<double> vectors{0, 2, 10, 14}, predictions{0, 1, 0, 1, 1, 2, 1, 2};
  const std::vector<std::string> names{"inertia", "silhouette", "davies_bouldin", "calinski_harabasz"};
  const Result<Metrics> metrics = EvaluateClusters({vectors, 1, predictions}, names, 1);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_DOUBLE_EQ(metrics->at("inertia"), (1 + 1 + 4 + 4) / 4.0);
  EXPECT_DOUBLE_EQ(metrics->at("davies_bouldin"), (1 + 2) / 11.0);
  EXPECT_DOUBLE_EQ(metrics->at("calinski_harabasz"), 121.0 * 2 / 10);   // middles 5.5 from 6.5, of two rows each
  const double silhouette = ((12 - 2) / 12.0 + (10 - 2) / 10.0 + (9 - 4) / 9.0 + (13 - 4) / 13.0) / 4;
  EXPECT_NEAR(metrics->at("silhouette"), silhouette, 1e-15);
  // A row of weight 2 is two rows to inertia and Davies-Bouldin; a row of weight 0 is none.
  const std::vector<double> weights{2, 1, 1, 0};
  const Result<Metrics> weighted = EvaluateClusters({vectors, 1, predictions, weights}, names, 1);
  ASSERT_TRUE(weighted.ok());
  EXPECT_DOUBLE_EQ(weighted->at("inertia"), (2 + 1 + 4) / 4.0);
  const double middle = 2 / 3.0, width = (2 * middle + (2 - middle)) / 3;
  EXPECT_DOUBLE_EQ(weighted->at("davies_bouldin"), width / (10 - middle));
}

TEST(ClusterMetrics, ThatRowsDoNotDefineAreLeftOut) {
  const std::vector<double> vectors{0, 2, 10}, one{0, 1, 0, 1, 0, 9}, each{0, 0, 1, 0, 2, 0};
  const std::vector<std::string> names{"inertia", "silhouette", "davies_bouldin", "calinski_harabasz"};
  EXPECT_EQ(EvaluateClusters({vectors, 1, one}, names, 1)->size(), 1u);
  EXPECT_EQ(EvaluateClusters({vectors, 1, each}, names, 1)->size(), 1u);
  const std::vector<double> nothing{0, 0, 0};
  EXPECT_FALSE(EvaluateClusters({vectors, 1, one, nothing}, names, 1).ok());
  const std::vector<std::string> foreign{"auc"};
  EXPECT_THAT(EvaluateClusters({vectors, 1, one}, foreign, 1).status().message(), HasSubstr("does not apply to clustering models"));
  EXPECT_FALSE(HigherIsBetter("inertia") || HigherIsBetter("davies_bouldin"));
  EXPECT_TRUE(HigherIsBetter("silhouette") && HigherIsBetter("calinski_harabasz"));
}

TEST(ClusterMetrics, ClustersWorseThanOneAreTold) {
  const std::vector<double> vectors{0, 1, 2, 3}, near{0, 0.5, 0, 0.5, 1, 0.5, 1, 0.5}, far{0, 9, 0, 9, 1, 9, 1, 9};
  const std::vector<std::string> names{"inertia"};
  Evaluation good, bad;
  ASSERT_TRUE(JudgeClusters({vectors, 1, near}, names, 3, 1, &good).ok() && JudgeClusters({vectors, 1, far}, names, 3, 1, &bad).ok());
  EXPECT_TRUE(good.notes.empty());
  EXPECT_THAT(bad.notes, Contains(HasSubstr("WORSE THAN ONE CLUSTER")));
  EXPECT_DOUBLE_EQ(good.baseline.at("inertia"), 1.25);
  ASSERT_EQ(good.curves.histogram.size(), 3u);
  EXPECT_EQ(good.curves.histogram[1].negatives, 2);
  EXPECT_EQ(good.curves.histogram[2].negatives, 0);
}

TrainSpec Spec(std::string clusters = "3") {
  TrainSpec spec;
  spec.key = {"customer_id"};
  spec.ignore = {"churned", "is_test", "constant"};
  spec.split = {SplitSpec::Kind::kHash, {}, 0.25, 0};
  spec.learner.given = true;
  spec.learner.kind = LearnerSpec::Kind::kKMeans;
  spec.learner.parameters = {{"n_clusters", std::move(clusters)}, {"n_init", "3"}};
  return spec;
}

TrainOutput Trained(const TrainSpec& spec, const TrainContext& context = {}, const Table& rows = Customers(800)) {
  Result<TrainOutput> trained = Train(rows, spec, context);
  EXPECT_TRUE(trained.ok()) << trained.status();
  return trained.ok() ? *std::move(trained) : TrainOutput();
}

TEST(Clusters, AreTrainedWithoutATargetAndScored) {
  const TrainOutput trained = Trained(Spec());
  ASSERT_NE(trained.model, nullptr);
  const ModelInfo& info = trained.model->info();
  EXPECT_EQ(info.task, Task::kClustering);
  EXPECT_EQ(info.clusters, 3u);
  EXPECT_EQ(info.target, "");
  EXPECT_EQ(info.folds, "none needed");
  EXPECT_EQ(info.evaluated_on, "test rows");
  for (const char* metric : {"inertia", "silhouette", "davies_bouldin", "calinski_harabasz"}) EXPECT_TRUE(info.metrics.contains(metric)) << metric;
  EXPECT_LT(info.metrics.at("inertia"), trained.evaluation.baseline.at("inertia"));
  const Table rows = Customers(50, 9);
  const Result<Table> scores = trained.model->scorer().Score(rows, nullptr);
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_EQ(scores->schema().Names(), (std::vector<std::string>{"cluster", "distance"}));
  EXPECT_EQ(scores->schema()[0].type, Type::kInt);
  EXPECT_EQ(trained.test_predictions.schema().Names(), (std::vector<std::string>{"customer_id", "cluster", "distance"}));
  // Batch = one row.
  Result<RowScorer> one = RowScorer::Bind(trained.model, rows.schema());
  ASSERT_TRUE(one.ok());
  for (std::size_t r = 0; r < rows.num_rows(); ++r) {
    std::vector<Value> row;
    for (std::size_t c = 0; c < rows.num_columns(); ++c) row.push_back(rows.column(c).At(r));
    const Result<std::span<const double>> numbers = one->Score(row);
    ASSERT_TRUE(numbers.ok() && numbers->size() == 2);
    EXPECT_EQ((*numbers)[0], static_cast<double>(scores->column(0).ints()[r]));
    EXPECT_EQ((*numbers)[1], scores->column(1).doubles()[r]);
    EXPECT_EQ(one->label(), "");
  }
}

TEST(Clusters, FilesAreTheSameForAnyNumberOfThreadsAndAnyOrderOfRows) {
  std::vector<std::size_t> turned(800);
  for (std::size_t i = 0; i < 800; ++i) turned[i] = 799 - i;
  std::string first;
  for (const int threads : {1, 2, 4}) {
    TrainContext context;
    context.threads = threads;
    const TrainOutput trained = Trained(Spec(), context, threads == 4 ? Customers(800).Take(turned) : Customers(800));
    if (first.empty()) first = trained.model->bytes();
    EXPECT_TRUE(trained.model->bytes() == first) << threads;
  }
}

TEST(Clusters, AreToldInTheWordsOfTheColumns) {
  TrainSpec spec = Spec();
  spec.personal = {"country"};
  const TrainOutput trained = Trained(spec);
  const Clusters& clusters = trained.evaluation.clusters;
  ASSERT_EQ(clusters.clusters.size(), 3u);
  EXPECT_THAT(clusters.columns, Not(Contains("country")));
  EXPECT_THAT(clusters.columns, Contains("spend"));
  std::int64_t rows = 0;
  for (const Cluster& one : clusters.clusters) rows += one.rows;
  EXPECT_EQ(rows, trained.model->info().fitted_rows);
  EXPECT_GE(clusters.clusters[0].rows, clusters.clusters[1].rows);
  EXPECT_GE(clusters.clusters[1].rows, clusters.clusters[2].rows);
  EXPECT_EQ(clusters.all.rows, rows);
  const std::string card = *trained.model->Member("card.md");
  EXPECT_THAT(card, HasSubstr("# Model of 3 clusters"));
  EXPECT_THAT(card, HasSubstr("## Clusters"));
  EXPECT_THAT(card, HasSubstr("| one centre for all |") );
  EXPECT_THAT(card, HasSubstr("- n_clusters: 3"));
  const Result<Evaluation> read = EvaluationOf(*trained.model);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToJson(), *trained.model->Member("metrics.json"));
  EXPECT_EQ(read->permutation.metric, "inertia");
  EXPECT_FALSE(read->permutation.columns.empty());
  EXPECT_TRUE(read->dependence.columns.empty());
}

TEST(Clusters, OfFewRowsTellNothingOfThem) {
  const std::vector<double> predictions = [] {
    std::vector<double> out;
    for (std::size_t r = 0; r < 60; ++r) out.insert(out.end(), {r < 50 ? 0.0 : 1.0, 1.0});
    return out;
  }();
  const Table rows = Customers(60);
  const Clusters clusters = DescribeClusters(rows, rows.schema(), {"customer_id"}, predictions, 2, "training rows");
  for (const ClusterValue& value : clusters.clusters[1].values) EXPECT_FALSE(value.mean || value.share > 0);
  EXPECT_TRUE(clusters.clusters[0].values[0].mean.has_value());
  EXPECT_EQ(clusters.clusters[1].rows, 10);
}

TEST(Clusters, DriftIsMeasuredOfClusterAndDistance) {
  const TrainOutput trained = Trained(Spec());
  const Result<Profile> profile = Profile::FromJson(*trained.model->Member("profile.json"));
  ASSERT_TRUE(profile.ok()) << profile.status();
  ASSERT_EQ(profile->outputs.size(), 2u);
  const std::vector<DriftReference> references = DriftReferences(*profile);
  EXPECT_EQ(references[references.size() - 2].column, "cluster");
  EXPECT_EQ(references.back().column, "distance");
  EXPECT_EQ(profile->ToJson(), *trained.model->Member("profile.json"));
}

TEST(Clusters, GatesCompareThemWithTheChampionOnTheSameRows) {
  TrainContext context;
  TrainSpec spec = Spec();
  context.champion = Trained(spec).model;
  spec.gate = {{"inertia", "", "inertia", 0}, {"silhouette > 0", "silhouette > 0", "", 0}};
  const TrainOutput equal = Trained(spec, context);
  EXPECT_TRUE(equal.gates_passed()) << equal.gates[0].message << equal.gates[1].message;
  EXPECT_EQ(equal.champion_metrics.at("inertia"), equal.evaluation.metrics.at("inertia"));
  TrainSpec fewer = spec;
  fewer.learner.parameters["n_clusters"] = "2";
  EXPECT_FALSE(Trained(fewer, context).gates_passed());
  // Distances among other features cannot be compared.
  TrainSpec other = spec;
  other.ignore.emplace_back("spend");
  const TrainOutput apart = Trained(other, context);
  EXPECT_FALSE(apart.gates[0].passed);
  EXPECT_THAT(apart.gates[0].message, HasSubstr("lie among other features"));
}

TEST(Clusters, WithoutTestRowsAreJudgedByTheRowsTheyAreMadeOf) {
  TrainSpec spec = Spec();
  spec.split = {};
  const TrainOutput trained = Trained(spec);
  EXPECT_EQ(trained.evaluation.evaluated_on, "training rows");
  EXPECT_THAT(trained.notes, Contains(HasSubstr("the rows that the clusters were made of")));
}

TEST(Clusters, TheirNumberIsTunedBySilhouette) {
  TrainSpec spec = Spec();
  spec.tune.trials = 10;
  spec.tune.search = TuneSpec::Search::kGrid;
  spec.tune.space = {{"n_clusters", {"2", "3", "5"}}};
  const TrainOutput trained = Trained(spec);
  ASSERT_EQ(trained.evaluation.trials.size(), 3u);
  double best = -2;
  std::string chosen;
  for (const Trial& trial : trained.evaluation.trials) {
    EXPECT_EQ(trial.metric, "silhouette");
    EXPECT_EQ(trial.failed, "");
    if (trial.mean > best) best = trial.mean, chosen = trial.name;
  }
  EXPECT_THAT(chosen, HasSubstr(StrCat("n_clusters=", trained.model->info().clusters)));
}

TEST(Clusters, WeightsCount) {
  ColumnBuilder weight(Type::kDouble);
  const Table rows = Customers(800);
  for (std::size_t r = 0; r < 800; ++r) weight.AppendDouble(rows.Find("active")->ints()[r] != 0 ? 5 : 0.2);
  TrainSpec spec = Spec();
  spec.weight = "weight";
  const TrainOutput weighted = Trained(spec, {}, rows.WithColumn("weight", weight.Finish()));
  EXPECT_NE(*weighted.model->Member("kmeans.json"), *Trained(Spec()).model->Member("kmeans.json"));
}

TEST(Clusters, RefuseWhatNeedsATarget) {
  const auto refusal = [](auto change) {
    TrainSpec spec = Spec();
    change(spec);
    const Result<TrainOutput> trained = Train(Customers(300), spec, {});
    EXPECT_FALSE(trained.ok());
    return trained.ok() ? std::string() : trained.status().message();
  };
  EXPECT_THAT(refusal([](TrainSpec& s) { s.target = "churned"; }), HasSubstr("`target` has no meaning for kmeans"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.positive = "true"; }), HasSubstr("`positive`"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.calibrate.kind = CalibrationSpec::Kind::kIsotonic; }), HasSubstr("`calibrate` has no meaning for kmeans"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.threshold.maximize = "f1"; }), HasSubstr("`threshold`"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.threshold.fixed = 0.4; }), HasSubstr("`threshold`"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.class_weight_balanced = true; }), HasSubstr("`class_weight`"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.segments = {"country"}; }), HasSubstr("`segments`"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.intervals = 100; }), HasSubstr("`intervals`"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.gate = {{"inertia.low < 3", "inertia.low < 3", "", 0}}; }), HasSubstr(".low or .high"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.gate = {{"auc > 0.7", "auc > 0.7", "", 0}}; }), HasSubstr("does not apply to clustering"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.refit_all_rows = true; }), HasSubstr("`refit`"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.folds.count = 3; }), HasSubstr("`folds`"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.evaluate = {"rmse"}; }), HasSubstr("does not apply to clustering"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.learner.monotone = {{"spend", 1}}; }), HasSubstr("`monotone`"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.transform.resize(1), s.transform[0].columns = {"country"}, s.transform[0].steps = {EncodeStep{EncodeStep::How::kTarget}}; }), HasSubstr("target"));
  EXPECT_THAT(refusal([](TrainSpec& s) { s.learner.parameters["n_clusters"] = "600"; }), HasSubstr("vectors only"));
}

/// The file with a member changed and its digest put right: all that a stranger needs.
std::string Forged(const Model& model, const std::string& name, const std::string& from, const std::string& to) {
  auto members = MembersOf(model.bytes());
  for (ZipMember& member : members)
    if (member.name == name) {
      EXPECT_NE(member.bytes.find(from), std::string::npos) << from;
      member.bytes = ReplaceAll(member.bytes, from, to);
    }
  nlohmann::json manifest = ParseJson(members[0].bytes);
  for (std::size_t i = 1; i < members.size(); ++i) manifest["members"][members[i].name] = {{"bytes", members[i].bytes.size()}, {"sha256", Sha256Hex(members[i].bytes)}};
  members[0].bytes = DumpJson(manifest, 1) + "\n";
  return WriteZip(members);
}

TEST(Clusters, FilesOfStrangersAreRefused) {
  const TrainOutput trained = Trained(Spec());
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"\"task\": \"clustering\"", "\"task\": \"regression\""}, {"\"target\": \"\"", "\"target\": \"churned\""},
                                 {"\"learner\": \"kmeans\"", "\"learner\": \"linear\""}, {"\"classes\": []", "\"classes\": [\"a\", \"b\"]"}}) {
    const auto model = Model::FromBytes(Forged(*trained.model, "manifest.json", from, to), "m.model");
    EXPECT_FALSE(model.ok()) << to;
  }
  const std::string kmeans = *trained.model->Member("kmeans.json"), first = kmeans.substr(0, kmeans.find(',') + 1);
  for (const char* bad : {"{\"centers\":[[1e999,", "{\"centers\":[[null,", "{\"centers\":[[", "{\"centers\":[[1.0,1.0,", "{\"centers\":[[],["}) {
    const auto model = Model::FromBytes(Forged(*trained.model, "kmeans.json", first, bad), "m.model");
    ASSERT_FALSE(model.ok()) << bad;
    EXPECT_THAT(model.status().message(), HasSubstr("kmeans.json is not in the one form")) << bad;
  }
  // Another, well-formed centre is no crash either: the proof tells.
  const auto moved = Model::FromBytes(Forged(*trained.model, "kmeans.json", first, "{\"centers\":[[123.5,"), "m.model");
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_FALSE((*moved)->ReplayProof().ok());
}

}  // namespace
}  // namespace headrace

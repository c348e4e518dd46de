#include "headrace/model/tune.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <cmath>
#include <map>
#include <regex>
#include <set>

#include "headrace/base/folder_for_tests.h"
#include "headrace/base/text.h"
#include "headrace/model/learner.h"
#include "headrace/model/trial_journal.h"

namespace headrace {
namespace {

double Parameter(const LearnerSpec& learner, const char* name) {
  double value = 0;
  ParseDouble(learner.parameters.at(name), &value);
  return value;
}

/// A valley with its floor, 1, at 20 leaves and a learning rate of 0.1, in place of fits.
struct World {
  TuneSpec spec;
  LearnerSpec base;
  TuneContext context;
  std::atomic<int> fits{0};

  explicit World(TuneSpec::Search search, std::int64_t trials = 30) {
    spec.search = search;
    spec.trials = trials;
    spec.space = {{"num_leaves", {}, 4, 63, true, true}, {"learning_rate", {}, 0.01, 0.5, true, false}};
    base.given = true;
    context.metric = "logloss";
    context.threads = 1;
    context.score = [this](const TuneSetting& s, double share, int) -> Result<FoldScores> {
      const LearnerSpec& l = s.learner;
      ++fits;
      const double a = std::log(Parameter(l, "num_leaves") / 20), b = std::log(Parameter(l, "learning_rate") / 0.1);
      const double loss = 1 + a * a + b * b + 0.1 * (1 - share);
      return FoldScores{{loss - 0.01, loss + 0.01}, 10};
    };
  }
  TuneResult Run() {
    const auto result = Tune(spec, base, context);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : TuneResult();
  }
};

double Best(const TuneResult& result) {
  for (const Trial& t : result.trials)
    if (t.chosen) return t.mean;
  return INFINITY;
}

TEST(Tune, EverySearchFindsAGoodPointAndTellsAllTrials) {
  for (const auto search : {TuneSpec::Search::kRandom, TuneSpec::Search::kGrid, TuneSpec::Search::kTpe, TuneSpec::Search::kHalving}) {
    World w(search);
    const TuneResult result = w.Run();
    EXPECT_LT(Best(result), 1.6) << static_cast<int>(search);
    EXPECT_EQ(result.trials.size(), search == TuneSpec::Search::kGrid ? 25u : 30u);
    EXPECT_NE(result.note.find("is the best"), std::string::npos);
    EXPECT_TRUE(result.best.learner.parameters.contains("num_leaves"));
  }
}

TEST(Tune, TpeBeatsRandomOnAverage) {
  double random = 0, tpe = 0;
  for (int seed = 0; seed < 20; ++seed) {
    World a(TuneSpec::Search::kRandom, 40), b(TuneSpec::Search::kTpe, 40);
    a.spec.seed = b.spec.seed = seed;
    random += Best(a.Run());
    tpe += Best(b.Run());
  }
  EXPECT_LT(tpe, random);
}

TEST(Tune, EqualSeedsDrawEqualTrialsForAnyNumberOfThreads) {
  for (const auto search : {TuneSpec::Search::kRandom, TuneSpec::Search::kTpe, TuneSpec::Search::kHalving}) {
    std::string first;
    for (const int threads : {1, 2, 5}) {
      World w(search);
      w.context.threads = threads;
      std::string text;
      for (const Trial& t : w.Run().trials) text += StrCat(t.name, " ", t.mean, t.chosen ? " chosen\n" : "\n");
      if (first.empty()) first = text;
      EXPECT_EQ(text, first);
    }
    World other(search);
    other.spec.seed = 1;
    EXPECT_EQ(first.find(other.Run().trials.front().name), std::string::npos);
  }
}

TEST(Tune, HalvingFitsFewOnAllRows) {
  World w(TuneSpec::Search::kHalving, 27);
  std::atomic<int> whole{0};
  auto score = w.context.score;
  w.context.score = [&](const TuneSetting& s, double share, int threads) {
    whole += share == 1;
    return score(s, share, threads);
  };
  w.Run();
  EXPECT_EQ(whole, 3);
  EXPECT_EQ(w.fits, 27 + 9 + 3);
}

TEST(Tune, OneStandardErrorPrefersWhatIsSurer) {
  World w(TuneSpec::Search::kGrid);
  w.spec.space = {{"num_leaves", {"10", "20"}, 0, 0, false, false}};
  w.context.score = [](const TuneSetting& s, double, int) -> Result<FoldScores> {
    return Parameter(s.learner, "num_leaves") == 10 ? FoldScores{{0.40, 0.42}, 1} : FoldScores{{0.2, 0.6}, 1};
  };
  EXPECT_DOUBLE_EQ(Best(w.Run()), 0.4);
  w.spec.choose = TuneSpec::Choose::kOneStandardError;
  EXPECT_DOUBLE_EQ(Best(w.Run()), 0.41);
}

TEST(Tune, ForAMetricTheLargestIsTheBest) {
  World w(TuneSpec::Search::kGrid);
  w.spec.space = {{"num_leaves", {"10", "20"}, 0, 0, false, false}};
  w.context.metric = "auc";
  w.context.score = [](const TuneSetting& s, double, int) -> Result<FoldScores> { return FoldScores{{Parameter(s.learner, "num_leaves") / 100}, 1}; };
  EXPECT_DOUBLE_EQ(Best(w.Run()), 0.2);
}

TEST(Tune, ASettingThatCannotBeFittedIsRecordedAndNeverChosen) {
  World w(TuneSpec::Search::kGrid);
  w.spec.space = {{"num_leaves", {"10", "20"}, 0, 0, false, false}};
  w.context.score = [](const TuneSetting& s, double, int) -> Result<FoldScores> {
    if (Parameter(s.learner, "num_leaves") == 10) return Error(ErrorCode::kFailed, "too few rows");
    return FoldScores{{5.0}, 1};
  };
  const TuneResult result = w.Run();
  EXPECT_EQ(result.trials[0].failed, "too few rows");
  EXPECT_TRUE(result.trials[1].chosen);
  w.context.score = [](const TuneSetting&, double, int) -> Result<FoldScores> { return Error(ErrorCode::kFailed, "too few rows"); };
  const auto none = Tune(w.spec, w.base, w.context);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.status().message(), "none of the 2 settings tried could be fitted: too few rows");
}

TEST(Tune, TheBudgetEndsTheSearchAfterAtLeastOneTrial) {
  for (const auto search : {TuneSpec::Search::kRandom, TuneSpec::Search::kTpe}) {
    World w(search);
    w.spec.budget_us = 5'000'000;
    double now = 0;
    w.context.seconds = [&] { return now += 2; };
    const TuneResult result = w.Run();
    EXPECT_LT(w.fits, 5);
    EXPECT_GE(w.fits, 1);
    EXPECT_LT(Best(result), INFINITY);
  }
}

TEST(Tune, IsInterruptedWhenAsked) {
  World w(TuneSpec::Search::kRandom);
  w.context.cancelled = [] { return true; };
  EXPECT_EQ(Tune(w.spec, w.base, w.context).status().code(), ErrorCode::kInterrupted);
}

TEST(Tune, ValuesStayInTheirRangeAndWholeOnesAreDrawnAlike) {
  const TuneSpec::Dimension whole{"num_leaves", {}, 2, 5, false, true}, log{"l2", {}, 0.001, 10, true, false};
  std::map<std::string, int> counts;
  for (int i = 0; i < 400; ++i) ++counts[internal::ValueAt(whole, i / 400.0)];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"2", 100}, {"3", 100}, {"4", 100}, {"5", 100}}));
  EXPECT_EQ(internal::ValueAt(log, 0), "0.001");
  EXPECT_EQ(internal::ValueAt(log, 0.5), "0.1");
  EXPECT_EQ(internal::ValueAt(log, 0x1.fffffffffffffp-1), "10");
}

TEST(Tune, ChoicesOfTheTransformsAreSearchedTogetherWithParameters) {
  for (const auto search : {TuneSpec::Search::kRandom, TuneSpec::Search::kGrid, TuneSpec::Search::kTpe, TuneSpec::Search::kHalving}) {
    World w(search);
    w.spec.choices = {{"city", {"by_target", "by_level", "none"}, 0, 0, false, false}};
    auto score = w.context.score;
    w.context.score = [&](const TuneSetting& s, double share, int threads) {
      auto scores = score(s, share, threads);
      if (s.choices.at("city") != "by_level")
        for (double& value : scores->values) value += 2;
      return scores;
    };
    const TuneResult result = w.Run();
    EXPECT_EQ(result.best.choices.at("city"), "by_level") << static_cast<int>(search);
    EXPECT_NE(result.note.find("city=by_level is the best"), std::string::npos) << result.note;
    EXPECT_FALSE(result.best.learner.parameters.contains("city"));
  }
}

/// The smoothing of an alternative, whose floor is at 20, beside an alternative without any number.
struct Smoothing : World {
  explicit Smoothing(TuneSpec::Search search, std::int64_t trials = 30) : World(search, trials) {
    spec.space = {{"num_leaves", {"20"}, 0, 0, false, false}};
    spec.choices = {{"city", {"by_target", "by_level"}, 0, 0, false, false}};
    spec.numbers = {{"city.encode.smooth", {}, 1, 400, true, false, false, "city", "by_target"}, {"spend.clip.upper", {}, 95, 99, false, true, true}};
  }
};

Result<FoldScores> ScoreOfSmoothing(const TuneSetting& s, double, int) {
  if (s.choices.at("city") == "by_level") return FoldScores{{1.5}, 1};
  double smooth = 0;
  ParseDouble(s.choices.at("city.encode.smooth"), &smooth);
  const double log = std::log(smooth / 20);
  return FoldScores{{1 + log * log}, 1};
}

TEST(Tune, NumbersOfTransformsAreSearchedTogetherWithParametersAndOnlyWhereTheyCount) {
  for (const auto search : {TuneSpec::Search::kRandom, TuneSpec::Search::kGrid, TuneSpec::Search::kTpe, TuneSpec::Search::kHalving}) {
    Smoothing w(search);
    w.context.score = ScoreOfSmoothing;
    const TuneResult result = w.Run();
    EXPECT_LT(Best(result), 1.3) << static_cast<int>(search);
    EXPECT_EQ(result.best.choices.at("city"), "by_target");
    EXPECT_TRUE(result.best.choices.contains("spend.clip.upper"));
    EXPECT_FALSE(result.best.learner.parameters.contains("city.encode.smooth"));
    for (const Trial& trial : result.trials) {
      EXPECT_EQ(trial.name.find("city=by_target") != trial.name.npos, trial.name.find("city.encode.smooth=") != trial.name.npos) << trial.name;
      EXPECT_TRUE(std::regex_search(trial.name, std::regex(" spend.clip.upper=9[5-9]%"))) << trial.name;
    }
  }
}

TEST(Tune, AGridHasNoPointTwice) {
  Smoothing w(TuneSpec::Search::kGrid, 1000);
  w.spec.numbers.push_back({"x.reduce.components", {}, 1, 4, true, true});
  w.context.score = ScoreOfSmoothing;
  std::set<std::string> names;
  const TuneResult result = w.Run();
  for (const Trial& trial : result.trials) names.insert(trial.name);
  EXPECT_EQ(result.trials.size(), (5u + 1u) * 5u * 4u) << "five smoothings and an alternative without, five percentiles, all four numbers";
  EXPECT_EQ(names.size(), result.trials.size());
  w.spec.numbers.assign(10, w.spec.numbers.back());
  EXPECT_EQ(CheckTuneSpace(w.spec, w.base).message(), "the grid has more than 1,000,000 points");
}

TEST(Tune, EveryWholeNumberOfAShortRangeIsOnTheGrid) {
  for (const bool log : {false, true})
    for (int low = 1; low < 12; ++low)
      for (int high = low + 1; high < low + 5; ++high) {
        const TuneSpec::Dimension d{"n", {}, static_cast<double>(low), static_cast<double>(high), log, true};
        std::string values, expected;
        for (const double at : internal::GridOf(d)) values += internal::ValueAt(d, at) + " ";
        for (int value = low; value <= high; ++value) expected += StrCat(value, " ");
        EXPECT_EQ(values, expected) << log;
      }
}

TEST(Tune, TpeLearnsANumberFromTheTrialsInWhichItCounted) {
  const std::vector<TuneSpec::Dimension> space{{"city", {"by_target", "by_level"}, 0, 0, false, false}, {"smooth", {}, 0, 1, false, false, false, "city", "by_target"}};
  std::vector<std::vector<double>> tried;
  std::vector<double> losses;
  for (int i = 0; i < 40; ++i) {   // the good ones lie at 0.8; whatever stood in those of the other alternative is not known
    const bool good = i % 4 == 0;
    tried.push_back({i % 2 == 0 ? 0.25 : 0.75, i % 2 != 0 ? std::nan("") : good ? 0.8 : 0.2});
    losses.push_back(i % 2 == 0 ? (good ? 1 : 3) : 2);
  }
  int near = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<double> next = internal::NextByTpe(space, tried, losses, seed);
    ASSERT_FALSE(std::isnan(next[1]));
    near += next[0] < 0.5 && std::fabs(next[1] - 0.8) < 0.25;
  }
  EXPECT_GE(near, 15);
}

TEST(Tune, EqualTransformsAreScoredOneAfterAnother) {
  Smoothing w(TuneSpec::Search::kGrid, 1000);
  w.spec.space = {{"num_leaves", {"10", "20", "30"}, 0, 0, false, false}};
  std::vector<std::map<std::string, std::string>> seen;
  w.context.score = [&](const TuneSetting& s, double share, int threads) {
    seen.push_back(s.choices);
    return ScoreOfSmoothing(s, share, threads);
  };
  w.Run();
  ASSERT_EQ(seen.size(), 90u);
  for (std::size_t i = 0; i < seen.size(); i += 3) EXPECT_TRUE(seen[i] == seen[i + 1] && seen[i] == seen[i + 2]);
}

TEST(Tune, ChoicesAloneAreASpaceToo) {
  World w(TuneSpec::Search::kGrid, 10);
  w.base.kind = LearnerSpec::Kind::kNaiveBayes;
  w.spec.space = {};
  w.spec.choices = {{"city", {"a", "b"}, 0, 0, false, false}};
  w.context.score = [](const TuneSetting& s, double, int) -> Result<FoldScores> { return FoldScores{{s.choices.at("city") == "b" ? 0.5 : 0.7}, 1}; };
  const TuneResult result = w.Run();
  EXPECT_EQ(result.trials.size(), 2u);
  EXPECT_EQ(result.best.choices.at("city"), "b");
  EXPECT_TRUE(CheckTuneSpace(w.spec, w.base).ok());
  w.spec.choices[0].values = {"a"};
  EXPECT_EQ(CheckTuneSpace(w.spec, w.base).message(), "the choice `city` has fewer than two alternatives");
  w.spec.choices.clear();
  EXPECT_FALSE(CheckTuneSpace(w.spec, w.base).ok());
  w.spec = TuneSpec();
  w.spec.choices = {{"city", {"a", "b"}, 0, 0, false, false}};
  EXPECT_EQ(CheckTuneSpace(w.spec, w.base).message(), "`transform` leaves a choice, `city`, and nothing decides it");
}

/// Where a search is killed: the journal holds what it wrote until then.
struct Journal {
  const FolderForTests folder;
  const std::string path = folder.Path("trials");
  std::string Text() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void Write(const std::string& text) const { folder.Write("trials", text); }
};

TEST(TrialJournal, AnInterruptedSearchGoesOnWhereItStoodAndEndsTheSame) {
  for (const auto search : {TuneSpec::Search::kRandom, TuneSpec::Search::kGrid, TuneSpec::Search::kTpe, TuneSpec::Search::kHalving}) {
    World undisturbed(search);
    std::string whole;
    for (const Trial& t : undisturbed.Run().trials) whole += StrCat(t.name, " ", t.mean, " ", t.error, t.chosen ? " chosen\n" : "\n");
    const Journal file;
    World killed(search);
    TrialJournal first(file.path);
    killed.context.journal = &first;
    killed.context.cancelled = [&] { return killed.fits == 12; };
    EXPECT_EQ(Tune(killed.spec, killed.base, killed.context).status().code(), ErrorCode::kInterrupted);
    World resumed(search);
    resumed.context.threads = 3;
    TrialJournal second(file.path);
    resumed.context.journal = &second;
    std::string text;
    for (const Trial& t : resumed.Run().trials) text += StrCat(t.name, " ", t.mean, " ", t.error, t.chosen ? " chosen\n" : "\n");
    EXPECT_EQ(text, whole) << static_cast<int>(search);
    EXPECT_EQ(second.found(), 12);
    EXPECT_EQ(resumed.fits, undisturbed.fits - 12);
  }
}

TEST(TrialJournal, BelievesNoLineThatIsNotWhole) {
  const Journal file;
  {
    TrialJournal journal(file.path);
    journal.Keep("a", 1, {{0.1, 0.2}, 7});
    journal.Keep("b", 1.0 / 3, {{0.3}, 0});
    journal.Keep("c", 1, {{INFINITY}, 0});
  }
  const std::string text = file.Text();
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    file.Write(text.substr(0, cut));
    TrialJournal journal(file.path);
    journal.Keep("d", 1, {{4}, 0});   // goes to a line of its own, whatever stands before it
    TrialJournal again(file.path);
    const auto a = again.Find("a", 1);
    if (a) { EXPECT_EQ(a->values, (std::vector<double>{0.1, 0.2})); }
    EXPECT_TRUE(again.Find("d", 1).has_value()) << cut;
    EXPECT_FALSE(again.Find("c", 1).has_value());
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    file.Write(damaged);
    TrialJournal journal(file.path);
    const auto a = journal.Find("a", 1);
    if (a) { EXPECT_EQ(a->values, (std::vector<double>{0.1, 0.2})); }
    const auto b = journal.Find("b", 1.0 / 3);
    if (b) { EXPECT_EQ(b->values, std::vector<double>{0.3}); }
    EXPECT_TRUE(a || b);
    EXPECT_FALSE(journal.Find("a", 1.0 / 3).has_value());
  }
}

TEST(TrialJournal, AFileThatCannotBeWrittenCostsNothingButTheResume) {
  TrialJournal journal("/nowhere/at/all");
  journal.Keep("a", 1, {{1}, 1});
  EXPECT_FALSE(journal.Find("a", 1).has_value());
  World w(TuneSpec::Search::kRandom);
  w.context.journal = &journal;
  EXPECT_LT(Best(w.Run()), 2);
}

Status Check(std::vector<TuneSpec::Dimension> space, LearnerSpec::Kind kind = LearnerSpec::Kind::kLightGbm) {
  TuneSpec spec;
  spec.trials = 5;
  spec.space = std::move(space);
  LearnerSpec base;
  base.kind = kind;
  base.given = true;
  return CheckTuneSpace(spec, base);
}

TEST(TuneSpace, HoldsWhatTransformsLeaveOpen) {
  TuneSpec spec;
  spec.numbers = {{"city.encode.smooth", {}, 1, 100, true, false}};
  LearnerSpec base;
  base.kind = LearnerSpec::Kind::kNaiveBayes;
  EXPECT_EQ(CheckTuneSpace(spec, base).ToString(), "`transform` leaves a number open, `city.encode.smooth`, and nothing decides it\nhelp: add `tune: {trials: 20}`, or write one number");
  spec.trials = 5;
  EXPECT_TRUE(CheckTuneSpace(spec, base).ok()) << "a learner without parameters too";
  spec.numbers[0].low = 200;
  EXPECT_EQ(CheckTuneSpace(spec, base).message(), "`city.encode.smooth` is searched from 200 to 100, which is no range");
}

TEST(TuneSpace, IsHeldAgainstTheLearner) {
  EXPECT_TRUE(Check({}).ok());
  EXPECT_TRUE(Check({{"l1", {}, 0.1, 1, false, false}}, LearnerSpec::Kind::kLinear).ok());
  EXPECT_EQ(Check({{"num_leafs", {"3"}, 0, 0, false, false}}).help(), "did you mean `num_leaf`?");
  EXPECT_EQ(Check({{"num_leaves", {"many"}, 0, 0, false, false}}).message(), "LightGBM's `num_leaves` is \"many\", expected a whole number from 2 to 131072");
  EXPECT_FALSE(Check({{"num_leaves", {}, 0, 10, false, true}}).ok());
  EXPECT_FALSE(Check({{"learning_rate", {}, 0.5, 0.1, false, false}}).ok());
  EXPECT_FALSE(Check({{"learning_rate", {}, 0, 0.1, true, false}}).ok());
  EXPECT_EQ(Check({{"alpha", {"1"}, 0, 0, false, false}}, LearnerSpec::Kind::kLogistic).help(), "it has `l1` and `l2`");
  EXPECT_FALSE(Check({}, LearnerSpec::Kind::kNaiveBayes).ok());
}

TEST(Automatic, TriesFromSimpleToLargeAndKeepsTheSimplestAmongEquals) {
  TuneContext context;
  context.rows = 10'000;
  context.metric = "logloss";
  std::set<std::string> kinds;
  context.score = [&](const TuneSetting& s, double, int) -> Result<FoldScores> {
    kinds.insert(std::string(LearnerName(s.learner.kind)));
    return FoldScores{{s.learner.kind == LearnerSpec::Kind::kConstant ? 0.7 : 0.5}, 1};
  };
  context.threads = 1;
  const auto result = ChooseAutomatically(context);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(kinds, (std::set<std::string>{"constant", "lightgbm", "logistic"}));
  EXPECT_EQ(LearnerName(result->best.learner.kind), "logistic");
  EXPECT_EQ(result->trials.size(), 7u);
}

}  // namespace
}  // namespace headrace

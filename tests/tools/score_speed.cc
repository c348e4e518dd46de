// Says how fast models score, for bench/score.py. Ends with one JSON line.
//
// usage: score_speed forest MODEL.txt VECTORS.f64 FEATURES MARGINS.f64     LightGBM's text over raw vectors; writes the
// margins
//        score_speed model FILE.model ROWS.parquet [REPEATS]                a model file over raw columns
//
// Seconds are the best of the repeats; of one row, percentiles over all calls.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "headrace/base/files.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/model/explanation.h"
#include "headrace/model/forest.h"
#include "headrace/model/model.h"
#include "headrace/model/row_scorer.h"
#include "headrace/sql/engine.h"

namespace {

using namespace headrace;

constexpr int kRepeats = 3;
constexpr std::size_t kSingleRows = 20'000;

double Seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double Best(int repeats, const std::function<void()>& work) {
  double best = Seconds(work);
  for (int i = 1; i < repeats; ++i) best = std::min(best, Seconds(work));
  return best;
}

template <typename T>
T Must(Result<T> result) {
  if (result.ok()) return std::move(*result);
  std::cerr << "score_speed: " << result.status() << "\n";
  std::exit(1);
}

/// "p50" and "p99" of one call a row, in microseconds.
std::string Percentiles(std::size_t rows, const std::function<void(std::size_t)>& one) {
  std::vector<double> times;
  for (std::size_t i = 0; i < 1000; ++i) one(i % rows);
  for (std::size_t i = 0; i < kSingleRows; ++i) times.push_back(1e6 * Seconds([&] { one(i % rows); }));
  std::sort(times.begin(), times.end());
  return StrCat("\"row_p50_us\": ", times[kSingleRows / 2], ", \"row_p99_us\": ", times[kSingleRows * 99 / 100]);
}

/// What merely reading the input costs.
double ReadSeconds(const std::vector<double>& values) {
  double sum = 0;
  const double seconds = Best(kRepeats, [&] {
    double lanes[8] = {};
    for (std::size_t i = 0; i + 8 <= values.size(); i += 8)
      for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += values[i + lane];
    for (const double lane : lanes) sum += lane;
  });
  if (sum == 0.5) std::puts("");  // the sums must not be optimised away
  return seconds;
}

int TimeForest(char** argv) {
  const std::string text = Must(ReadFile(argv[2])), bytes = Must(ReadFile(argv[3]));
  const auto features = static_cast<std::size_t>(std::atoll(argv[4]));
  std::vector<double> x(bytes.size() / sizeof(double));
  std::memcpy(x.data(), bytes.data(), x.size() * sizeof(double));
  const std::size_t rows = x.size() / features;
  const double parse = Best(20, [&] { Must(Forest::Parse(text, features)); });
  const Forest forest = Must(Forest::Parse(text, features));
  std::vector<double> margins(rows * forest.num_outputs());
  const auto score = [&](int threads) {
    constexpr std::size_t kBlock = 16384;
    const Status done = ParallelFor(threads, (rows + kBlock - 1) / kBlock, [&](std::size_t b) {
      const std::size_t first = b * kBlock;
      forest.RawScores(x.data() + first * features, std::min(kBlock, rows - first),
                       margins.data() + first * forest.num_outputs());
      return Ok();
    });
    static_cast<void>(done);
  };
  const double one = Best(kRepeats, [&] { score(1); }), two = Best(kRepeats, [&] { score(2); });
  std::vector<double> single(forest.num_outputs());
  const std::string row = Percentiles(std::min<std::size_t>(rows, 5000), [&](std::size_t r) {
    forest.RawScores(x.data() + r * features, 1, single.data());
  });
  const std::size_t explained = std::min<std::size_t>(rows, 2000);
  std::vector<double> parts(explained * forest.num_outputs() * (features + 1));
  const double shap = Best(2, [&] { static_cast<void>(forest.Contributions(x.data(), explained, parts.data()).ok()); });
  if (const Status written = WriteFileAtomically(
          argv[5], std::string_view(reinterpret_cast<const char*>(margins.data()), margins.size() * sizeof(double)));
      !written.ok()) {
    std::cerr << "score_speed: " << written << "\n";
    return 1;
  }
  std::cout << StrCat("{\"parse_ms\": ", parse * 1e3, ", \"one_thread_s\": ", one, ", \"two_threads_s\": ", two,
                      ", \"read_s\": ", ReadSeconds(x),
                      ", \"contributions_us\": ", shap / static_cast<double>(explained) * 1e6, ", ", row, "}\n");
  return 0;
}

int TimeModel(int argc, char** argv) {
  const int repeats = argc > 4 ? std::atoi(argv[4]) : kRepeats;
  const double load = Best(20, [&] { Must(Model::Open(argv[2])); });
  const std::shared_ptr<const Model> model = Must(Model::Open(argv[2]));
  const Table rows = Must(ReadParquet(argv[3]));
  const Scorer& scorer = model->scorer();
  const double one = Best(repeats, [&] { Must(scorer.Predict(rows, nullptr, 1)); });
  const double two = Best(repeats, [&] { Must(scorer.Predict(rows, nullptr, 2)); });
  std::vector<std::string> inputs;
  for (const InputColumn& input : model->info().inputs) inputs.push_back(input.name);
  const Table raw = Must(rows.Select(inputs));
  RowScorer single = Must(RowScorer::Bind(model, raw.schema()));
  std::vector<std::vector<Value>> singles(std::min<std::size_t>(raw.num_rows(), 5000));
  for (std::size_t i = 0; i < singles.size(); ++i)
    for (std::size_t c = 0; c < raw.num_columns(); ++c) singles[i].push_back(raw.column(c).At(i));
  const std::string row = Percentiles(singles.size(), [&](std::size_t r) { Must(single.Score(singles[r])); });
  std::vector<double> copy;
  for (std::size_t c = 0; c < raw.num_columns(); ++c)
    if (raw.column(c).type() == Type::kDouble)
      copy.insert(copy.end(), raw.column(c).doubles().begin(), raw.column(c).doubles().end());
  std::cout << StrCat("{\"load_ms\": ", load * 1e3, ", \"one_thread_s\": ", one, ", \"two_threads_s\": ", two,
                      ", \"read_s\": ", ReadSeconds(copy), ", ", row, "}\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "forest" && argc == 6) return TimeForest(argv);
  if (what == "model" && argc >= 4) return TimeModel(argc, argv);
  std::cerr << "usage: score_speed forest MODEL.txt VECTORS.f64 FEATURES MARGINS.f64 | model FILE.model ROWS.parquet "
               "[REPEATS]\n";
  return 2;
}

// Fits and applies transforms to columns in memory and says how long each took, for bench/transform.py.
//
// usage: transform_suite DIR ROWS THREADS REPEATS [CASE...]
//
// DIR holds what bench/transform.py made: numbers.bin (30 columns of ROWS doubles, one after another), missing.bin (the same with NaN), texts.txt (ROWS lines of three texts between
// tabs), words.txt (ROWS / 10 lines) and target.bin. Prints one JSON line a case, times in seconds, the best of REPEATS; first one for copying 240 MB, the floor.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/feature/transform.h"

namespace {

using namespace headrace;

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::cerr << "cannot read " << path << "\n";
    std::exit(1);
  }
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::vector<double> Numbers(const std::string& path) {
  const std::string bytes = ReadAll(path);
  std::vector<double> out(bytes.size() / sizeof(double));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(double));
  return out;
}

Table NumberTable(const std::string& path, std::size_t rows) {
  const std::vector<double> all = Numbers(path);
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  for (std::size_t k = 0; (k + 1) * rows <= all.size(); ++k) {
    fields.push_back({StrCat("x", k), Type::kDouble});
    const auto from = all.begin() + static_cast<std::ptrdiff_t>(k * rows);
    columns.push_back(std::make_shared<const Column>(std::vector<double>(from, from + static_cast<std::ptrdiff_t>(rows)), std::vector<std::uint8_t>{}));
  }
  return Table(Schema(std::move(fields)), std::move(columns), rows);
}

Table TextTable(const std::string& path, std::size_t count) {
  std::vector<ColumnBuilder> builders;
  for (std::size_t k = 0; k < count; ++k) builders.emplace_back(Type::kText);
  std::ifstream in(path);
  std::size_t rows = 0;
  for (std::string line; std::getline(in, line); ++rows) {
    const std::vector<std::string> parts = Split(line, '\t');
    for (std::size_t k = 0; k < count; ++k) builders[k].AppendText(parts[k]);
  }
  std::vector<Field> fields;
  std::vector<ColumnPtr> columns;
  for (std::size_t k = 0; k < count; ++k) {
    fields.push_back({StrCat("c", k), Type::kText});
    columns.push_back(builders[k].Finish());
  }
  return Table(Schema(std::move(fields)), std::move(columns), rows);
}

template <typename Work>
double Best(int repeats, const Work& work) {
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

struct Case { std::string name; const Table* data; std::vector<TransformStep> steps; bool together = false; };

EncodeStep Encoded(EncodeStep::How how) {
  EncodeStep step;
  step.how = how;
  return step;
}

int Run(const std::string& dir, std::size_t rows, int threads, int repeats, const std::vector<std::string>& only) {
  const Table numbers = NumberTable(dir + "/numbers.bin", rows), missing = NumberTable(dir + "/missing.bin", rows);
  const Table texts = TextTable(dir + "/texts.txt", 3), words = TextTable(dir + "/words.txt", 1);
  const std::vector<double> target = Numbers(dir + "/target.bin");

  std::vector<double> from(rows * 30, 1.0), to(rows * 30, 2.0);
  const std::size_t parts = static_cast<std::size_t>(ResolveThreads(threads)) * 4;
  const double copy = Best(repeats, [&] {
    static_cast<void>(ParallelFor(threads, parts, [&](std::size_t p) {
      const std::size_t begin = from.size() * p / parts, end = from.size() * (p + 1) / parts;
      std::memcpy(to.data() + begin, from.data() + begin, (end - begin) * sizeof(double));
      return Ok();
    }));
  });
  std::printf("{\"case\": \"copy\", \"seconds\": %.6f}\n", copy);
  std::vector<double>().swap(from);
  std::vector<double>().swap(to);

  BinsStep bins;
  bins.count = 10;
  TextStep hash;
  hash.how = TextStep::How::kHash;
  hash.max_features = 1024;
  TextStep tfidf;
  tfidf.max_features = 1000;
  const std::vector<Case> cases = {
      {"impute median", &missing, {ImputeStep{}}}, {"impute mean", &missing, {ImputeStep{ImputeStep::With::kMean, "", false, ""}}},
      {"clip 1%-99%", &numbers, {ClipStep{1, 99, true}}}, {"scale standard", &numbers, {ScaleStep{}}}, {"scale minmax", &numbers, {ScaleStep{ScaleStep::How::kMinMax}}},
      {"scale maxabs", &numbers, {ScaleStep{ScaleStep::How::kMaxAbs}}}, {"scale robust", &numbers, {ScaleStep{ScaleStep::How::kRobust}}}, {"log1p", &numbers, {Log1pStep{}}},
      {"quantile uniform", &numbers, {QuantileStep{}}}, {"quantile normal", &numbers, {QuantileStep{true, 1000}}}, {"power yeo_johnson", &numbers, {PowerStep{}}},
      {"bins quantile 10", &numbers, {bins}}, {"spline 5 knots", &numbers, {SplineStep{}}}, {"polynomial 2 of 8", &numbers, {PolynomialStep{}}, true},
      {"normalize l2", &numbers, {NormalizeStep{}}, true}, {"pca 10", &numbers, {ReduceStep{true, 10}}, true},
      {"encode onehot", &texts, {Encoded(EncodeStep::How::kOneHot)}}, {"encode ordinal", &texts, {Encoded(EncodeStep::How::kOrdinal)}},
      {"encode target", &texts, {Encoded(EncodeStep::How::kTarget)}}, {"encode count", &texts, {Encoded(EncodeStep::How::kCount)}}, {"encode hash", &texts, {Encoded(EncodeStep::How::kHash)}},
      {"text hash 1024", &words, {hash}}, {"text tfidf 1000", &words, {tfidf}},
  };
  for (const Case& one : cases) {
    if (!only.empty() && std::find(only.begin(), only.end(), one.name) == only.end()) continue;
    Table data = *one.data;
    if (one.name == "polynomial 2 of 8") data = *data.Select(std::vector<std::string>{"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"});
    TransformSpec spec;
    spec.columns = data.schema().Names();
    spec.steps = one.steps;
    FitContext context;
    context.target.assign(target.begin(), target.begin() + static_cast<std::ptrdiff_t>(data.num_rows()));
    context.threads = threads;
    context.matrix = false;
    std::optional<FittedTransform> fitted;
    const double fit = Best(repeats, [&] {
      Result<FitOutput> output = FitTransform(data, {spec}, context);
      if (!output.ok()) {
        std::cerr << one.name << ": " << output.status() << "\n";
        std::exit(1);
      }
      fitted = output->transform;
    });
    std::vector<double> out(data.num_rows() * fitted->output_names().size());
    const double apply = Best(repeats, [&] {
      ApplyCounts counts;
      static_cast<void>(fitted->Apply(data, out, &counts, threads));
    });
    std::printf("{\"case\": \"%s\", \"fit\": %.6f, \"apply\": %.6f, \"outputs\": %zu}\n", one.name.c_str(), fit, apply, fitted->output_names().size());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::cerr << "usage: transform_suite DIR ROWS THREADS REPEATS [CASE...]\n";
    return 2;
  }
  return Run(argv[1], static_cast<std::size_t>(std::atoll(argv[2])), std::atoi(argv[3]), std::atoi(argv[4]), std::vector<std::string>(argv + 5, argv + argc));
}

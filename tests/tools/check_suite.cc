// Judges a Parquet file by a fixed suite of checks and says how long that took, for bench/checks.py.
//
// usage: check_suite FILE events|wide [THREADS] [REPEATS] [memory]
//
// events: the 21 checks of bench/peers/check_events.py. wide: five checks on every column. `memory`: the rows are read first and judged from memory, as data
// frames are; otherwise reading is part of the time.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "headrace/base/text.h"
#include "headrace/check/check.h"
#include "headrace/sql/engine.h"

namespace {

using namespace headrace;
using Kind = CheckSpec::Kind;

CheckSpec On(Kind kind, std::vector<std::string> columns) {
  CheckSpec spec;
  spec.kind = kind;
  spec.columns = std::move(columns);
  return spec;
}

CheckSpec Range(const std::string& column, Value min, Value max) {
  CheckSpec spec = On(Kind::kRange, {column});
  spec.min = std::move(min);
  spec.max = std::move(max);
  return spec;
}

CheckSpec OneOf(const std::string& column, std::vector<std::string> values) {
  CheckSpec spec = On(Kind::kOneOf, {column});
  spec.values = std::move(values);
  return spec;
}

CheckSpec Matches(const std::string& column, std::string pattern) {
  CheckSpec spec = On(Kind::kMatches, {column});
  spec.pattern = std::move(pattern);
  return spec;
}

CheckSpec Expect(std::string expression) {
  CheckSpec spec;
  spec.expression = std::move(expression);
  return spec;
}

CheckSpec Rows() {
  CheckSpec spec = On(Kind::kRows, {});
  spec.min_rows = 1;
  return spec;
}

CheckSpec Mean(const std::string& column, double min, double max) {
  CheckSpec spec = On(Kind::kMean, {column});
  spec.min = Value::Double(min);
  spec.max = Value::Double(max);
  return spec;
}

std::vector<CheckSpec> Events() {
  std::vector<CheckSpec> checks;
  for (const char* column : {"customer_id", "ts", "event_type", "category", "channel"}) checks.push_back(On(Kind::kNotNull, {column}));
  checks.push_back(Range("customer_id", Value::Int(0), Value::Int(100'000'000)));
  checks.push_back(Range("ts", Value::Text("2026-03-01"), Value::Text("2026-06-02")));
  checks.push_back(Range("amount", Value::Int(0), Value::Int(100'000)));
  checks.push_back(OneOf("event_type", {"view", "click", "add_to_cart", "purchase", "refund", "email_open"}));
  std::vector<std::string> categories;
  for (char c = 'a'; c <= 'l'; ++c) categories.push_back(StrCat("cat_", std::string(1, c)));
  checks.push_back(OneOf("category", categories));
  checks.push_back(OneOf("channel", {"web", "app", "email", "store", "ads"}));
  checks.push_back(Matches("category", "cat_[a-l]"));
  checks.push_back(Matches("event_type", "[a-z_]+"));
  checks.push_back(Matches("channel", "[a-z]+"));
  checks.push_back(Expect("length(event_type) between 3 and 20"));
  checks.push_back(Expect("length(category) = 5"));
  checks.push_back(Expect("length(channel) between 3 and 10"));
  checks.push_back(Expect("(amount is not null) = (event_type in ('purchase', 'refund'))"));
  checks.push_back(Rows());
  checks.push_back(Mean("amount", 0, 10'000));
  checks.push_back(On(Kind::kUnique, {"customer_id", "ts", "event_type", "category"}));
  return checks;
}

std::vector<CheckSpec> Wide(const Schema& schema) {
  std::vector<CheckSpec> checks;
  for (const Field& field : schema.fields()) {
    checks.push_back(On(Kind::kNotNull, {field.name}));
    checks.push_back(Range(field.name, Value::Int(-1000), Value::Int(1000)));
    checks.push_back(Mean(field.name, -1000, 1000));
    checks.push_back(Mean(field.name, -1e9, 1e9));
    checks.back().kind = Kind::kSum;
    checks.push_back(Expect(StrCat(field.name, " < 1000")));
  }
  return checks;
}

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Status Run(const std::string& file, bool wide, int threads, int repeats, bool memory) {
  Table table;
  double load = 0;
  if (memory) {
    const double begun = Now();
    ASSIGN_OR_RETURN(table, ReadParquet(file));
    load = Now() - begun;
  }
  CheckContext context;
  context.threads = threads;
  std::vector<double> seconds;
  std::string failed;
  std::size_t count = 0;
  for (int r = 0; r < repeats; ++r) {
    const double begun = Now();
    std::unique_ptr<TableStream> rows;
    if (memory) {
      rows = StreamOf(table);
    } else {
      ASSIGN_OR_RETURN(rows, StreamParquet(file));
    }
    const std::vector<CheckSpec> checks = wide ? Wide(rows->schema()) : Events();
    ASSIGN_OR_RETURN(const std::vector<CheckVerdict> verdicts, RunChecks(checks, *rows, context));
    seconds.push_back(Now() - begun);
    count = checks.size();
    failed.clear();
    for (const CheckVerdict& verdict : verdicts)
      if (!verdict.passed) failed += StrCat(failed.empty() ? "" : "; ", verdict.message);
  }
  std::sort(seconds.begin(), seconds.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"checks\": %zu, \"load_s\": %.3f, \"check_s_min\": %.4f, \"check_s_median\": %.4f, \"peak_rss_mb\": %ld, \"failed\": \"%s\"}\n", count, load, seconds.front(), seconds[seconds.size() / 2],
              usage.ru_maxrss / 1024, failed.c_str());
  return Ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: check_suite FILE events|wide [THREADS] [REPEATS] [memory]\n");
    return 2;
  }
  const auto number = [&](int i, int otherwise) { return argc > i ? std::atoi(argv[i]) : otherwise; };
  const Status status = Run(argv[1], std::string(argv[2]) == "wide", number(3, 2), number(4, 3), argc > 5 && std::string(argv[5]) == "memory");
  if (status.ok()) return 0;
  std::cerr << status << "\n";
  return 1;
}

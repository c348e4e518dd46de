// Three ways to pair rows (by place, by key, by equality), one way to tell what differs in a pair. Pairing by equality is quadratic: cells that
// are equal within a tolerance cannot be hashed, and expected rows are few because a person writes them.

#include "headrace/check/difference.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "headrace/base/text.h"

namespace headrace {
namespace {

double Number(const Value& v) { return v.type() == Type::kDouble ? v.as_double() : static_cast<double>(v.as_int()); }

bool SameCell(const Value& a, const Value& b, double tolerance) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  if (!IsNumeric(a.type()) || !IsNumeric(b.type())) return a == b;
  if (a.type() == Type::kInt && b.type() == Type::kInt && tolerance < 1e-6) return a == b;   // beyond 2^53 doubles would blur them
  const double x = Number(a), y = Number(b);
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  if (std::isinf(x) || std::isinf(y)) return x == y;
  return std::abs(x - y) <= tolerance * std::max({1.0, std::abs(x), std::abs(y)});
}

class Comparison {
 public:
  Comparison(const ExpectedRows& expected, const Table& found, const DifferenceOptions& options) : expected_(expected), options_(options) {
    std::vector<const Column*> columns;
    for (const std::string& name : expected.columns) columns.push_back(found.Find(name));
    for (std::size_t r = 0; r < found.num_rows(); ++r) {
      found_.emplace_back();
      for (const Column* column : columns) found_.back().push_back(column->At(r));
    }
    for (const std::string& name : options.key)
      key_.push_back(static_cast<std::size_t>(std::find(expected.columns.begin(), expected.columns.end(), name) - expected.columns.begin()));
  }

  Difference Run() {
    if (options_.ordered) ByPlace();
    else if (!key_.empty()) ByKey();
    else ByEquality();
    return std::move(out_);
  }

 private:
  using Row = std::vector<Value>;

  std::string Label(const Row& row, bool all) const {
    std::string out;
    for (std::size_t c = 0; c < row.size(); ++c)
      if (all || std::find(key_.begin(), key_.end(), c) != key_.end()) out += StrCat(out.empty() ? "" : ", ", expected_.columns[c], "=", row[c].ToString());
    return out;
  }

  void Unpaired(Difference::Row::Kind kind, const Row& row) {
    ++(kind == Difference::Row::Kind::kMissing ? out_.missing : out_.extra);
    if (out_.rows.size() < Difference::kShown) out_.rows.push_back({kind, Label(row, true), {}});
  }

  void Pair(const Row& expected, const Row& found, const std::string& label) {
    Difference::Row row{Difference::Row::Kind::kChanged, label, {}};
    for (std::size_t c = 0; c < expected.size(); ++c)
      if (!SameCell(expected[c], found[c], options_.tolerance)) row.cells.push_back({expected_.columns[c], expected[c].ToString(), found[c].ToString()});
    if (row.cells.empty()) return;
    ++out_.changed;
    if (out_.rows.size() < Difference::kShown) out_.rows.push_back(std::move(row));
  }

  void ByPlace() {
    for (std::size_t r = 0; r < expected_.rows.size(); ++r) {
      if (r >= found_.size()) Unpaired(Difference::Row::Kind::kMissing, expected_.rows[r]);
      else Pair(expected_.rows[r], found_[r], StrCat("row ", r + 1, key_.empty() ? "" : ": ", Label(expected_.rows[r], false)));
    }
    for (std::size_t r = expected_.rows.size(); r < found_.size(); ++r) Unpaired(Difference::Row::Kind::kExtra, found_[r]);
  }

  void ByKey() {
    std::multimap<std::string, std::size_t> left;
    for (std::size_t r = 0; r < found_.size(); ++r) left.emplace(Label(found_[r], false), r);
    for (const Row& row : expected_.rows) {
      const std::string label = Label(row, false);
      const auto pair = left.lower_bound(label);   // the first of that key: equal keys stand in the order inserted
      if (pair == left.end() || pair->first != label) {
        Unpaired(Difference::Row::Kind::kMissing, row);
        continue;
      }
      Pair(row, found_[pair->second], label);
      left.erase(pair);
    }
    std::vector<std::size_t> extra;
    for (const auto& [label, r] : left) extra.push_back(r);
    std::sort(extra.begin(), extra.end());
    for (const std::size_t r : extra) Unpaired(Difference::Row::Kind::kExtra, found_[r]);
  }

  void ByEquality() {
    std::vector<bool> taken(found_.size());
    for (const Row& row : expected_.rows) {
      std::size_t r = 0;
      while (r < found_.size() && (taken[r] || !Same(row, found_[r]))) ++r;
      if (r < found_.size()) taken[r] = true;
      else Unpaired(Difference::Row::Kind::kMissing, row);
    }
    for (std::size_t r = 0; r < found_.size(); ++r)
      if (!taken[r]) Unpaired(Difference::Row::Kind::kExtra, found_[r]);
  }

  bool Same(const Row& a, const Row& b) const {
    for (std::size_t c = 0; c < a.size(); ++c)
      if (!SameCell(a[c], b[c], options_.tolerance)) return false;
    return true;
  }

  const ExpectedRows& expected_;
  const DifferenceOptions& options_;
  std::vector<Row> found_;
  std::vector<std::size_t> key_;
  Difference out_;
};

}  // namespace

Difference CompareRows(const ExpectedRows& expected, const Table& found, const DifferenceOptions& options) {
  return Comparison(expected, found, options).Run();
}

}  // namespace headrace

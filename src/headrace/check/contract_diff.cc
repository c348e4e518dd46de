#include "headrace/check/contract_diff.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "headrace/base/text.h"
#include "headrace/check/check.h"
#include "headrace/check/contract_check.h"

namespace headrace {

namespace {
double Ratio(double a, double b) { return a == b ? 1 : std::min(a, b) / std::max(a, b); }

double Share(std::int64_t part, std::int64_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole); }

/// Shared rows of the most frequent values: the sum of the smaller shares, over what either side tells of its rows.
double SharedValues(const ColumnMeasures& a, const ColumnMeasures& b) {
  std::map<std::string, double> shares;
  double told_a = 0, told_b = 0, shared = 0;
  for (const auto& [value, rows] : a.top) told_a += shares[value] = Share(rows, a.rows - a.nulls);
  for (const auto& [value, rows] : b.top) {
    const double share = Share(rows, b.rows - b.nulls);
    told_b += share;
    if (const auto found = shares.find(value); found != shares.end()) shared += std::min(found->second, share);
  }
  const double told = std::max(told_a, told_b);
  return told == 0 ? 0 : shared / told;
}

/// 1 less the mean distance of equal quantiles, in units of the wider spread between the 5 % and the 95 % quantile.
double SharedSpread(const std::vector<std::pair<double, double>>& a, const std::vector<std::pair<double, double>>& b) {
  if (a.size() != b.size() || a.size() < 3) return 0;
  const double width = std::max(a[a.size() - 2].second - a[1].second, b[b.size() - 2].second - b[1].second);
  double apart = 0;
  for (std::size_t i = 1; i + 1 < a.size(); ++i) apart += std::abs(a[i].second - b[i].second);
  if (width == 0) return apart == 0 ? 1 : 0;
  return std::max(0.0, 1 - apart / static_cast<double>(a.size() - 2) / width);
}

std::vector<std::pair<double, double>> LengthQuantiles(const ColumnMeasures& c) {
  std::vector<std::pair<double, double>> out;
  if (c.lengths)
    for (const auto& [p, length] : c.lengths->quantiles) out.emplace_back(p, static_cast<double>(length));
  return out;
}

bool HardlyRepeats(const ColumnMeasures& c) { return c.distinct * 2 > c.rows - c.nulls; }
}  // namespace

double Likeness(const ColumnMeasures& a, const ColumnMeasures& b) {
  const std::int64_t values_a = a.rows - a.nulls, values_b = b.rows - b.nulls;
  if (a.field.type != b.field.type || a.personal != b.personal || values_a == 0 || values_b == 0) return 0;
  const bool unique_a = HardlyRepeats(a), unique_b = HardlyRepeats(b);
  const double distinct = unique_a || unique_b ? Ratio(Share(a.distinct, values_a), Share(b.distinct, values_b)) : Ratio(static_cast<double>(a.distinct), static_cast<double>(b.distinct));
  const double outside = std::min(1 - std::abs(Share(a.nulls, a.rows) - Share(b.nulls, b.rows)), std::sqrt(distinct));
  double inside = 0;
  if (a.personal) return 0;                                     // nothing is known of its values
  if (!a.quantiles.empty()) inside = SharedSpread(a.quantiles, b.quantiles);
  else if (unique_a && unique_b) inside = SharedSpread(LengthQuantiles(a), LengthQuantiles(b));
  else inside = SharedValues(a, b);
  return std::min(outside, inside);
}

namespace {
/// Which new column each column that is gone most likely is, by contents: alike enough, and each the best of the other with none as good beside.
std::map<std::string, std::pair<std::string, double>> RenamedByContents(const std::set<std::string>& gone, const std::set<std::string>& fresh, const DataProfile* before, const DataProfile* after) {
  std::map<std::string, std::pair<std::string, double>> out;
  if (before == nullptr || after == nullptr) return out;
  constexpr double kClear = 0.02;                               // by so much the best must lead
  std::map<std::string, std::pair<std::string, double>> best_of_fresh;
  const auto find_best = [](const std::string& name, const DataProfile& of, const std::set<std::string>& others, const DataProfile& among) {
    std::pair<std::string, double> best;
    double second = 0;
    const ColumnMeasures* mine = of.Find(name);
    for (const std::string& other : others) {
      const ColumnMeasures* theirs = among.Find(other);
      const double alike = mine == nullptr || theirs == nullptr ? 0 : Likeness(*mine, *theirs);
      if (alike > best.second) second = best.second, best = {other, alike};
      else second = std::max(second, alike);
    }
    return best.second >= kAlike && best.second >= second + kClear ? best : std::pair<std::string, double>();
  };
  for (const std::string& name : fresh) best_of_fresh[name] = find_best(name, *after, gone, *before);
  for (const std::string& name : gone) {
    const auto best = find_best(name, *before, fresh, *after);
    if (!best.first.empty() && best_of_fresh[best.first].first == name) out[name] = best;
  }
  return out;
}

class Differ {
 public:
  Differ(const Contract& before, const Contract& after) : before_(before), after_(after) {}

  std::vector<ContractChange> Run(const DataProfile* before_data, const DataProfile* after_data) {
    std::set<std::string> gone, fresh;
    const Schema old_schema = before_.schema(), new_schema = after_.schema();
    for (const Field& field : old_schema.fields())
      if (!new_schema.IndexOf(field.name)) gone.insert(field.name);
    for (const Field& field : new_schema.fields())
      if (!old_schema.IndexOf(field.name)) fresh.insert(field.name);
    const auto renamed = RenamedByContents(gone, fresh, before_data, after_data);
    for (const ContractColumn& column : before_.columns) {
      if (const auto at = new_schema.IndexOf(column.name)) Compare(column, after_.columns[*at]);
      else Gone(column, renamed, old_schema, new_schema);
    }
    for (const ContractColumn& column : after_.columns) {
      if (old_schema.IndexOf(column.name)) continue;
      const bool refused = before_.extra == ExtraColumns::kRefuse;
      Say(column.name, refused, StrCat("new (", TypeName(column.type), ")", refused ? "; columns that are not listed were refused" : ""));
    }
    if (before_.extra == ExtraColumns::kRefuse && after_.extra == ExtraColumns::kIgnore) Say("", true, "extra: refuse -> ignore: columns that nobody listed may come");
    if (before_.null_values != after_.null_values) Say("", true, "null_values changed: other texts are read as null");
    return std::move(changes_);
  }

 private:
  void Say(const std::string& column, bool breaking, std::string what) { changes_.push_back({column, breaking, std::move(what)}); }

  void Gone(const ContractColumn& column, const std::map<std::string, std::pair<std::string, double>>& renamed, const Schema& old_schema, const Schema& new_schema) {
    if (const auto found = renamed.find(column.name); found != renamed.end())
      return Say(column.name, true, StrCat("gone; likely now `", found->second.first, "` (contents alike: ", static_cast<int>(found->second.second * 100), " %)"));
    const std::string named = LikelyNewName({column.name, column.type}, old_schema, new_schema);
    Say(column.name, true, named.empty() ? std::string("gone") : StrCat("gone; likely now `", named, "` (by its name and type)"));
  }

  void Compare(const ContractColumn& a, const ContractColumn& b) {
    if (a.type != b.type) Say(a.name, !internal::MayStandFor(b.type, a.type), StrCat("type ", TypeName(a.type), " -> ", TypeName(b.type)));
    if (a.nullable != b.nullable) Say(a.name, b.nullable, b.nullable ? "may be null now" : "never null now");
    if (a.personal != b.personal) Say(a.name, false, b.personal ? "personal now" : "not personal any more: its values will be shown");
    CompareBound(a, b, "min", a.min, b.min, [](double was, double is) { return is < was; });
    CompareBound(a, b, "max", a.max, b.max, [](double was, double is) { return is > was; });
    CompareLists(a, b);
    if (a.matches != b.matches) Say(a.name, !a.matches.empty(), StrCat("matches ", Shown(a.matches), " -> ", Shown(b.matches)));
    if (a.unique != b.unique) Say(a.name, a.unique, b.unique ? "unique now" : "not unique any more");
  }

  static std::string Shown(const std::string& text) { return text.empty() ? std::string("anything") : StrCat("`", text, "`"); }

  template <typename Wider>
  void CompareBound(const ContractColumn& a, const ContractColumn& b, std::string_view name, const std::optional<Value>& was, const std::optional<Value>& is, Wider wider) {
    if (was == is) return;
    const auto number = [](const Value& v) { return v.type() == Type::kDouble ? v.as_double() : static_cast<double>(v.as_int()); };
    const auto shown = [](const std::optional<Value>& v) { return v ? v->ToString() : std::string("none"); };
    if (was && is && a.type == b.type && number(*was) == number(*is)) return;
    Say(a.name, was && (!is || wider(number(*was), number(*is))), StrCat(name, " ", shown(was), " -> ", shown(is)));
  }

  void CompareLists(const ContractColumn& a, const ContractColumn& b) {
    const std::set<std::string> was(a.one_of.begin(), a.one_of.end()), is(b.one_of.begin(), b.one_of.end());
    if (was == is) return;
    if (was.empty() || is.empty()) return Say(a.name, !was.empty(), is.empty() ? "any value may come now" : "only listed values may come now");
    const auto without = [](const std::set<std::string>& from, const std::set<std::string>& taken) {
      std::vector<std::string> left;
      std::set_difference(from.begin(), from.end(), taken.begin(), taken.end(), std::back_inserter(left));
      return Join(left, ", ");
    };
    const std::string more = without(is, was), fewer = without(was, is);
    if (!more.empty()) Say(a.name, true, StrCat("may also be ", more));
    if (!fewer.empty()) Say(a.name, false, StrCat("is never ", fewer, " any more"));
  }

  const Contract& before_;
  const Contract& after_;
  std::vector<ContractChange> changes_;
};
}  // namespace

std::vector<ContractChange> DiffContracts(const Contract& before, const Contract& after, const DataProfile* before_data, const DataProfile* after_data) {
  return Differ(before, after).Run(before_data, after_data);
}

}  // namespace headrace

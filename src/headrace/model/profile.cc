#include "headrace/model/profile.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/parallel.h"
#include "headrace/base/text.h"
#include "headrace/feature/statistics.h"
#include "headrace/model/whole_internal.h"

namespace headrace {
namespace {

using internal::Whole;
using internal::Wholes;
using nlohmann::json;

constexpr double kProbabilities[] = {0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99};

/// Where numpy.quantile's default rule looks for a probability among sorted values, and how far it goes to the next one.
struct Place {
  std::size_t below;
  double share;
  Place(double probability, std::size_t count) {
    const double position = probability * static_cast<double>(count - 1);
    below = static_cast<std::size_t>(position);
    share = position - static_cast<double>(below);
  }
};

void ProfileNumbers(const std::vector<double>& values, bool whole, ColumnProfile* profile) {
  if (static_cast<std::int64_t>(values.size()) < kProfileRows) return;
  std::vector<double> probabilities(std::begin(kProbabilities), std::end(kProbabilities));
  for (int decile = 1; decile < 10; ++decile) probabilities.push_back(decile / 10.0);
  std::set<std::size_t> ranks;
  for (const double probability : probabilities)
    for (const std::size_t rank : {0, 1}) ranks.insert(std::min(Place(probability, values.size()).below + rank, values.size() - 1));
  const std::vector<std::size_t> asked(ranks.begin(), ranks.end());
  const std::vector<double> found = Ranking(values, 1, values.size()).At(asked);
  const auto at = [&](std::size_t rank) { return found[static_cast<std::size_t>(std::lower_bound(asked.begin(), asked.end(), rank) - asked.begin())]; };
  const auto quantile = [&](double probability) {
    const Place place(probability, values.size());
    if (place.below + 1 >= values.size()) return at(values.size() - 1);
    return at(place.below) + place.share * (at(place.below + 1) - at(place.below));
  };
  for (const double probability : kProbabilities) {
    const double value = quantile(probability);
    profile->quantiles.emplace_back(probability, whole ? std::floor(value) : value);
  }
  for (int decile = 1; decile < 10; ++decile) {
    const double edge = quantile(decile / 10.0);
    if (profile->edges.empty() || edge > profile->edges.back()) profile->edges.push_back(edge);
  }
  profile->counts.assign(profile->edges.size() + 1, 0);
  for (const double value : values) {
    std::size_t bin = 0;
    for (const double edge : profile->edges) bin += edge < value ? 1 : 0;
    ++profile->counts[bin];
  }
}

using LevelRows = std::map<std::string, std::int64_t, std::less<>>;

void AddRow(LevelRows& counts, std::string_view level) {
  if (const auto found = counts.find(level); found != counts.end()) ++found->second;
  else counts.emplace(level, 1);
}

void ProfileLevels(const LevelRows& counts, ColumnProfile* profile) {
  std::vector<std::pair<std::string, std::int64_t>> levels(counts.begin(), counts.end());
  std::sort(levels.begin(), levels.end(),
            [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
  for (auto& [level, rows] : levels) {
    if (rows >= kProfileRows && profile->levels.size() < kProfileLevels) {
      profile->levels.emplace_back(std::move(level), rows);
    } else {
      profile->other_rows += rows;
      ++profile->other_levels;
    }
  }
  std::sort(profile->levels.begin(), profile->levels.end());
}

void ProfileLengths(const LevelRows& counts, ColumnProfile* profile) {
  std::vector<double> lengths;
  for (const auto& [level, rows] : counts) {
    const auto characters = std::count_if(level.begin(), level.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
    lengths.insert(lengths.end(), static_cast<std::size_t>(rows), static_cast<double>(characters));
  }
  ColumnProfile of_lengths;
  ProfileNumbers(lengths, true, &of_lengths);
  profile->length_edges = std::move(of_lengths.edges);
  profile->length_counts = std::move(of_lengths.counts);
}

json ToJsonObject(const ColumnProfile& p) {
  json levels = json::array(), quantiles = json::array();
  for (const auto& [level, rows] : p.levels) levels.push_back({{"value", level}, {"rows", rows}});
  for (const auto& [probability, value] : p.quantiles) quantiles.push_back({{"p", probability}, {"value", value}});
  return {{"name", p.name},
          {"type", TypeName(p.type)},
          {"rows", p.rows},
          {"nulls", p.nulls},
          {"quantiles", quantiles},
          {"edges", p.edges},
          {"counts", p.counts},
          {"levels", levels},
          {"other_rows", p.other_rows},
          {"other_levels", p.other_levels},
          {"length_edges", p.length_edges},
          {"length_counts", p.length_counts}};
}

ColumnProfile FromJsonObject(const json& j) {
  ColumnProfile p;
  j.at("name").get_to(p.name);
  const Result<Type> type = TypeFromName(j.at("type").get<std::string>());
  if (!type.ok()) throw json::other_error::create(501, type.status().message(), &j);
  p.type = *type;
  p.rows = Whole(j.at("rows"));
  p.nulls = Whole(j.at("nulls"));
  for (const json& q : j.at("quantiles")) p.quantiles.emplace_back(q.at("p"), q.at("value"));
  j.at("edges").get_to(p.edges);
  p.counts = Wholes(j.at("counts"));
  for (const json& l : j.at("levels")) p.levels.emplace_back(l.at("value"), Whole(l.at("rows")));
  p.other_rows = Whole(j.at("other_rows"));
  p.other_levels = Whole(j.at("other_levels"));
  p.length_edges = j.value("length_edges", std::vector<double>());
  p.length_counts = Wholes(j.value("length_counts", json::array()));
  return p;
}

}  // namespace

ColumnProfile ProfileColumn(std::string name, const Column& column) {
  ColumnProfile profile;
  profile.name = std::move(name);
  profile.type = column.type();
  profile.rows = static_cast<std::int64_t>(column.size());
  if (column.type() == Type::kText || column.type() == Type::kBool) {
    LevelRows counts;
    for (std::size_t i = 0; i < column.size(); ++i) {
      if (column.IsNull(i))
        ++profile.nulls;
      else
        AddRow(counts, column.type() == Type::kText ? column.text(i) : column.ints()[i] != 0 ? "true" : "false");
    }
    ProfileLevels(counts, &profile);
    if (column.type() == Type::kText) ProfileLengths(counts, &profile);
    return profile;
  }
  const bool whole = HeldAsInt(column.type());
  std::vector<double> values;
  values.reserve(column.size());
  for (std::size_t i = 0; i < column.size(); ++i) {
    const double value = column.IsNull(i) ? std::nan("")
                         : whole          ? static_cast<double>(column.ints()[i])
                                          : column.doubles()[i];
    if (std::isnan(value))
      ++profile.nulls;
    else
      values.push_back(value);
  }
  ProfileNumbers(values, whole, &profile);
  return profile;
}

Profile MakeProfile(const Table& rows, const Schema& inputs, const std::set<std::string>& hidden,
                    const Table& outputs, int threads) {
  std::vector<std::string> shown;
  for (const Field& field : inputs.fields())
    if (!hidden.contains(field.name)) shown.push_back(field.name);
  Profile profile;
  profile.columns.resize(shown.size());
  ForEach(threads, shown.size(), [&](std::size_t i) { profile.columns[i] = ProfileColumn(shown[i], *rows.Find(shown[i])); });
  for (std::size_t i = 0; i < outputs.num_columns(); ++i) profile.outputs.push_back(ProfileColumn(outputs.schema()[i].name, outputs.column(i)));
  return profile;
}

namespace {
DriftReference LevelsOf(const ColumnProfile& column) {
  DriftReference out;
  out.measured = DriftReference::Measured::kLevels;
  auto levels = column.levels;
  std::sort(levels.begin(), levels.end(), [](const auto& a, const auto& b) { return a.second != b.second ? a.second > b.second : a.first < b.first; });
  if (levels.size() > kDriftLevels) levels.resize(kDriftLevels);
  std::sort(levels.begin(), levels.end());
  std::int64_t others = column.rows - column.nulls;
  for (const auto& [level, rows] : levels) {
    out.levels.push_back(level);
    out.counts.push_back(rows);
    others -= rows;
  }
  out.counts.push_back(others);
  return out;
}

DriftReference ReferenceOf(const ColumnProfile& column) {
  DriftReference out;
  if (column.type == Type::kText || column.type == Type::kBool) out = LevelsOf(column);
  else out.edges = column.edges, out.counts = column.counts;
  out.type = column.type;
  if (LevelsSayLittle(out) && !column.length_counts.empty()) {
    out.measured = DriftReference::Measured::kLengths;
    out.levels.clear();
    out.edges = column.length_edges;
    out.counts = column.length_counts;
  }
  out.column = column.name;
  out.rows = column.rows;
  out.nulls = column.nulls;
  if (out.counts.size() != out.bins()) out.counts.assign(out.bins(), 0);
  return out;
}
}  // namespace

std::vector<DriftReference> DriftReferences(const Profile& profile) {
  std::vector<DriftReference> out;
  for (const ColumnProfile& column : profile.columns) out.push_back(ReferenceOf(column));
  for (const ColumnProfile& output : profile.outputs)
    if (output.rows > 0) out.push_back(ReferenceOf(output));
  return out;
}

const ColumnProfile* Profile::Find(std::string_view column) const {
  for (const ColumnProfile& p : columns)
    if (p.name == column) return &p;
  return nullptr;
}

std::string Profile::ToJson() const {
  json list = json::array();
  for (const ColumnProfile& p : columns) list.push_back(ToJsonObject(p));
  json document{{"columns", list}};
  for (const ColumnProfile& p : outputs) document[p.name] = ToJsonObject(p);
  return DumpJson(document, 1) + "\n";
}

Result<Profile> Profile::FromJson(std::string_view text) {
  try {
    const json document = ParseJson(text);
    Profile profile;
    for (const json& column : document.at("columns")) profile.columns.push_back(FromJsonObject(column));
    for (const char* output : {"score", "cluster", "distance"})
      if (document.contains(output)) profile.outputs.push_back(FromJsonObject(document.at(output)));
    return profile;
  } catch (const json::exception& error) { return Error(ErrorCode::kInvalid, "profile.json: ", error.what()); }
}

}  // namespace headrace

// Answers questions about baselines, for tests/oracle/test_baselines.py and bench/baselines.py: a line of JSON on standard input, a line of JSON on standard
// output. {"baseline": {...}, "at": us, "zone": "", "history": [[us, value, good], ...]} asks for a band; {"values": [...], "weights": [...]} for a weighted median;
// {"at": [...], "values": [...]} for a slope.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "headrace/check/baseline.h"

namespace headrace {
namespace {

using Json = nlohmann::json;

BaselineSpec SpecFrom(const Json& j) {
  BaselineSpec spec;
  for (const Json& season : j.value("same", Json::array()))
    spec.same.push_back(season == "hour" ? BaselineSpec::Season::kHour : season == "weekday" ? BaselineSpec::Season::kWeekday : BaselineSpec::Season::kMonth);
  spec.learn = j.value("learn", spec.learn);
  spec.window = j.value("window", spec.window);
  spec.window_us = j.value("window_us", spec.window_us);
  spec.within = j.value("within", spec.within);
  spec.min_change = j.value("min_change", spec.min_change);
  spec.min_difference = j.value("min_difference", spec.min_difference);
  spec.half_life = j.value("half_life", spec.half_life);
  spec.trend = j.value("trend", spec.trend);
  if (j.contains("since_us")) spec.since_us = j["since_us"].get<std::int64_t>();
  return spec;
}

Json Band(const Json& request) {
  std::vector<HistoryPoint> history;
  for (const Json& point : request.at("history")) history.push_back({point.at(0), point.at(1), point.size() < 3 || point.at(2).get<bool>()});
  const std::string name = request.value("zone", "");
  std::optional<TimeZone> zone;
  if (!name.empty()) zone = *TimeZone::Find(name);
  const ExpectedBand band = ExpectFrom(SpecFrom(request.at("baseline")), history, request.at("at"), zone ? &*zone : nullptr);
  return {{"learning", band.learning}, {"points", band.points}, {"lower", band.lower}, {"center", band.center}, {"upper", band.upper}, {"basis", band.basis}};
}

Json Answer(const Json& request) {
  if (request.contains("history")) return Band(request);
  const auto values = request.at("values").get<std::vector<double>>();
  if (request.contains("weights")) return WeightedMedian(values, request.at("weights").get<std::vector<double>>());
  return TheilSenSlope(request.at("at").get<std::vector<double>>(), values);
}

int Main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::puts(Answer(Json::parse(line)).dump().c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace headrace

int main() { return headrace::Main(); }

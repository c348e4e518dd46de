// The profile as one JSON document; docs/profile.md is its description.

#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/check/profile.h"
#include "headrace/check/summaries.h"

namespace headrace {

namespace {
using Json = nlohmann::ordered_json;

/// Numbers as numbers, dates and moments as text.
Json Measure(Type type, double value) { return IsNumeric(type) ? Json(value) : Json(ShowMeasure(type, value)); }

Json ValueOf(const Value& value) {
  if (value.is_null()) return nullptr;
  if (value.type() == Type::kInt) return value.as_int();
  return value.type() == Type::kDouble ? Json(value.as_double()) : Json(value.ToString());
}

Json BinsOf(Type type, const BinnedRows& bins) {
  Json out = Json::array();
  for (std::size_t i = 0; i < bins.counts.size(); ++i) out.push_back({{"from", Measure(type, bins.edges[i])}, {"to", Measure(type, bins.edges[i + 1])}, {"rows", bins.counts[i]}});
  return {{"bins", out}, {"below", bins.below}, {"above", bins.above}};
}

Json LengthsOf(const TextLengths& lengths) {
  Json quantiles = Json::array();
  for (const auto& [p, length] : lengths.quantiles) quantiles.push_back({{"p", p}, {"value", length}});
  return {{"min", lengths.min}, {"max", lengths.max}, {"mean", lengths.mean}, {"empty", lengths.empty}, {"quantiles", quantiles}, {"histogram", BinsOf(Type::kInt, lengths.histogram)}};
}

Json ColumnOf(const ColumnMeasures& c) {
  Json out = {{"name", c.field.name}, {"type", TypeName(c.field.type)}, {"personal", c.personal}, {"rows", c.rows}, {"nulls", c.nulls},
              {"distinct", {{"count", c.distinct}, {"method", c.distinct_exact ? "exact" : "hyperloglog"}, {"standard_error", c.distinct_exact ? 0.0 : 0.008125}}}};
  if (c.field.type == Type::kDouble) {
    out["nan"] = c.nans;
    out["infinite"] = c.infinities;
  }
  if (c.personal) return out;
  if (!c.min.is_null()) {
    out["min"] = ValueOf(c.min);
    out["max"] = ValueOf(c.max);
    if (c.mean) out["mean"] = *c.mean;
    if (c.sd) out["sd"] = *c.sd;
    out["quantiles"] = {{"method", c.quantiles_exact ? "exact" : "sketch"}, {"rank_error", c.quantiles_exact ? 0.0 : QuantileSketch::kRankError}, {"values", Json::array()}};
    for (const auto& [p, value] : c.quantiles) out["quantiles"]["values"].push_back({{"p", p}, {"value", Measure(c.field.type, value)}});
    out["histogram"] = BinsOf(c.field.type, c.histogram);
  }
  out["top"] = {{"known", c.top_known}, {"too_low_by_at_most", c.top_slack}, {"values", Json::array()}};
  for (const auto& [value, rows] : c.top) out["top"]["values"].push_back({{"value", value}, {"rows", rows}});
  if (c.lengths) out["lengths"] = LengthsOf(*c.lengths);
  return out;
}
}  // namespace

std::string DataProfile::ToJson() const {
  Json list = Json::array();
  for (const ColumnMeasures& column : columns) list.push_back(ColumnOf(column));
  return DumpJson(Json({{"rows", rows}, {"columns", list}}), 2) + "\n";
}

}  // namespace headrace

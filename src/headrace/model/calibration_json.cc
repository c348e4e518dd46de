// Calibrations as text. Nothing of what is read is trusted.

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "headrace/base/json.h"
#include "headrace/base/text.h"
#include "headrace/model/calibration.h"

namespace headrace {
namespace {

using Kind = CalibrationSpec::Kind;

void AppendNumbers(std::string& out, std::string_view name, const std::vector<double>& numbers) {
  out += StrCat("\"", name, "\":[");
  for (std::size_t i = 0; i < numbers.size(); ++i) out += StrCat(i == 0 ? "" : ",", numbers[i]);
  out += ']';
}

Status Damaged(std::string_view what) { return Error(ErrorCode::kInvalid, "calibration: ", what); }

/// The numbers of the array `name`, or nothing when it is not one.
std::vector<double> ReadNumbers(const nlohmann::json& object, const char* name) {
  std::vector<double> numbers;
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return numbers;
  for (const nlohmann::json& item : *found) {
    if (!item.is_number()) return {};
    numbers.push_back(item.get<double>());
  }
  return numbers;
}

bool IsCurve(const std::vector<double>& x, const std::vector<double>& y) {
  if (x.empty() || x.size() != y.size()) return false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !(y[i] >= 0 && y[i] <= 1)) return false;
    if (i > 0 && !(x[i] > x[i - 1] && y[i] >= y[i - 1])) return false;
  }
  return true;
}

}  // namespace

std::string Calibration::CurvesText(const std::vector<Curve>& curves) const {
  std::string out = "[";
  for (std::size_t c = 0; c < curves.size(); ++c) {
    out += c == 0 ? "{" : ",{";
    if (kind_ != Kind::kIsotonic) {
      out += StrCat("\"a\":", curves[c].a, ",\"b\":", curves[c].b);
      if (kind_ == Kind::kBeta) out += StrCat(",\"c\":", curves[c].c);
    } else {
      AppendNumbers(out, "x", curves[c].x);
      out += ',';
      AppendNumbers(out, "y", curves[c].y);
    }
    out += '}';
  }
  return out + "]";
}

std::string Calibration::ToJson() const {
  const std::string pooled = StrCat("\"curves\":", CurvesText(curves_), ",\"kind\":\"", KindName(), "\"");
  if (by_.empty()) return StrCat("{", pooled, "}");
  std::string segments;
  for (const Segment& segment : segments_)
    segments += StrCat(segments.empty() ? "" : ",", "{\"curves\":", CurvesText(segment.curves), ",\"value\":", DumpJson(nlohmann::json(segment.value)), "}");
  return StrCat("{\"by\":", DumpJson(nlohmann::json(by_)), ",", pooled, ",\"segments\":[", segments, "]}");
}

Result<Calibration> Calibration::FromJson(std::string_view text) {
  ASSIGN_OR_RETURN(Calibration read, FromAnyJson(text));
  if (read.ToJson() != text) return Damaged("not written in the canonical form");
  return read;
}

Status Calibration::ReadCurves(const nlohmann::json& items, Kind kind, std::vector<Curve>* out) {
  for (const nlohmann::json& item : items) {
    Curve curve;
    if (kind == Kind::kIsotonic) {
      curve.x = ReadNumbers(item, "x");
      curve.y = ReadNumbers(item, "y");
      if (!IsCurve(curve.x, curve.y)) return Damaged("a curve is not x rising and y between 0 and 1 never falling");
    } else {
      const auto number = [&item](const char* name) {
        return item.is_object() && item.contains(name) && item[name].is_number() ? item[name].get<double>()
                                                                                 : std::numeric_limits<double>::quiet_NaN();
      };
      curve.a = number("a");
      curve.b = number("b");
      if (!std::isfinite(curve.a) || !std::isfinite(curve.b)) return Damaged("a curve is not the finite numbers a and b");
      if (kind == Kind::kBeta) {
        curve.c = number("c");
        if (!std::isfinite(curve.c) || curve.a < 0 || curve.b < 0)
          return Damaged("a curve is not the finite numbers a, b and c with a and b from 0");
      }
    }
    out->push_back(std::move(curve));
  }
  return Ok();
}

Status Calibration::ReadSegments(const nlohmann::json& json) {
  if (!json.contains("by") && !json.contains("segments")) return Ok();
  const bool shaped = json.contains("by") && json["by"].is_string() && json["by"] != "" && json.contains("segments") && json["segments"].is_array() && !json["segments"].empty();
  if (!shaped || kind_ == Kind::kNone) return Damaged("curves by the values of a column do not say which");
  by_ = json["by"].get<std::string>();
  for (const nlohmann::json& item : json["segments"]) {
    if (!item.is_object() || !item.contains("value") || !item["value"].is_string() || !item.contains("curves") || !item["curves"].is_array())
      return Damaged("a segment is not an object with value and curves");
    Segment segment{item["value"].get<std::string>(), {}};
    RETURN_IF_ERROR(ReadCurves(item["curves"], kind_, &segment.curves));
    if (segment.curves.size() != curves_.size()) return Damaged("a segment has another number of curves than all rows together");
    if (!segments_.empty() && !(segments_.back().value < segment.value)) return Damaged("values of segments do not rise");
    segments_.push_back(std::move(segment));
  }
  return Ok();
}

Result<Calibration> Calibration::FromAnyJson(std::string_view text) {
  const nlohmann::json json = ParseJson(text);
  if (!json.is_object() || !json.contains("kind") || !json.contains("curves") || !json["kind"].is_string() ||
      !json["curves"].is_array())
    return Damaged("not an object with kind and curves");
  Calibration read;
  const std::string& kind = json["kind"].get_ref<const std::string&>();
  if (kind == "isotonic")
    read.kind_ = Kind::kIsotonic;
  else if (kind == "sigmoid")
    read.kind_ = Kind::kSigmoid;
  else if (kind == "beta")
    read.kind_ = Kind::kBeta;
  else if (kind != "none")
    return Damaged("the kind is none of none, isotonic, sigmoid, beta");

  RETURN_IF_ERROR(ReadCurves(json["curves"], read.kind_, &read.curves_));
  const std::size_t curves = read.curves_.size();
  if (read.kind_ == Kind::kNone ? curves != 0 : (curves == 0 || curves == 2))
    return Damaged("the number of curves does not fit the kind");
  RETURN_IF_ERROR(read.ReadSegments(json));
  return read;
}

}  // namespace headrace

// A column is applied in blocks of a few hundred rows: load as numbers into a buffer, run the steps over the buffer in place,
// write it to the column's places in the row-major output. Each loop does one thing to many rows, and nothing is allocated. Nothing depends
// on which rows share a block, so a row scored alone gets the bits it gets in a table.
#include "headrace/feature/fitted_column.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "headrace/base/math.h"

namespace headrace::internal {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool HasInfinity(std::span<const double> values) {
  std::int64_t infinities = 0;
  for (const double x : values) infinities += std::fabs(x) > std::numeric_limits<double>::max() ? 1 : 0;
  return infinities > 0;
}

bool HasNaN(std::span<const double> values) {
  std::int64_t missing = 0;
  for (const double x : values) missing += x != x ? 1 : 0;
  return missing > 0;
}

Status CheckResult(const FittedColumn& fitted, bool refuse_missing, std::span<const double> values) {
  if (HasInfinity(values))
    return Error(ErrorCode::kData, "column `", fitted.column, "` has a value too large to be transformed");
  if (refuse_missing && HasNaN(values))
    return Error(ErrorCode::kData, "column `", fitted.column, "` has a missing value, which no step fills and the learner cannot take")
        .WithHelp("put {impute: median} in front of the column's steps when training");
  return Ok();
}

Status NoLogarithm(const FittedColumn& fitted) {
  return Error(ErrorCode::kData, "column `", fitted.column, "` has a value of -1 or below, of which log1p has no result")
      .WithHelp("put {clip: [0, null]} in front of log1p when training");
}

/// Run `steps` on number column `k`, check what comes out and write it.
Status RunAndWrite(const FittedColumn& fitted, const std::vector<NumberStep>& steps, std::size_t k, bool refuse_missing,
                   std::span<double> values, double* out, std::size_t stride) {
  for (const NumberStep& step : steps)
    if (RunStep(step, k, values) > 0) return NoLogarithm(fitted);
  RETURN_IF_ERROR(CheckResult(fitted, refuse_missing, values));
  for (std::size_t i = 0; i < values.size(); ++i) out[i * stride] = values[i];
  return Ok();
}

Status RefuseUnseen(const FittedColumn& fitted, const Column& source, std::size_t begin, std::span<const std::int32_t> codes) {
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] >= 0) continue;
    const std::string value = source.IsNull(begin + i) ? "null" : StrCat("`", source.At(begin + i).ToString(), "`");
    return Error(ErrorCode::kData, "column `", fitted.column, "` has ", value, ", which training never saw, and says handle_unknown: error")
        .WithHelp("train on data that has it, or say handle_unknown: other");
  }
  return Ok();
}

}  // namespace

std::size_t RunStep(const NumberStep& step, std::size_t k, std::span<double> values) {
  switch (step.kind) {
    case NumberStep::Kind::kFill: {
      const double fill = step.a[k];
      for (double& x : values) x = x == x ? x : fill;
      return 0;
    }
    case NumberStep::Kind::kClip: {
      const double low = step.a[k], high = step.b[k];
      for (double& x : values) {
        const double raised = x < low ? low : x;
        x = raised > high ? high : raised;
      }
      return 0;
    }
    case NumberStep::Kind::kScale: {
      const double center = step.a[k], scale = step.b[k];
      for (double& x : values) x = (x - center) / scale;
      return 0;
    }
    case NumberStep::Kind::kMinMax: {
      const double scale = step.a[k], shift = step.b[k];
      for (double& x : values) x = x * scale + shift;
      return 0;
    }
    case NumberStep::Kind::kLog1p: {
      std::size_t none = 0;
      for (double& x : values) {
        none += x <= -1 ? 1 : 0;
        x = math::Log1p(x);
      }
      return none;
    }
  }
  return 0;
}

std::int32_t Encoder::SlotOf(std::int32_t code) const {
  if (code >= 0) return slots[static_cast<std::size_t>(code)];
  return unknown == TransformStep::Unknown::kOther ? rare_slot : -1;
}

double Encoder::ValueOf(std::int32_t code, std::size_t k) const {
  switch (kind) {
    case TransformStep::Encode::kOneHot: return SlotOf(code) == static_cast<std::int32_t>(k) ? 1.0 : 0.0;
    case TransformStep::Encode::kOrdinal:
      if (code < 0) return -1;
      return static_cast<std::size_t>(code) == levels.size() ? kNaN : static_cast<double>(code);
    case TransformStep::Encode::kTarget: return code < 0 ? prior[k] : values[static_cast<std::size_t>(code) * prior.size() + k];
  }
  return kNaN;
}

std::string LevelName(const Levels& levels, std::size_t i, Type type) {
  if (levels.is_text()) return levels.texts()[i];
  if (type == Type::kBool) return levels.numbers()[i] == 0 ? "false" : "true";
  return FormatDouble(levels.numbers()[i]);
}

std::vector<std::string> FittedColumn::OutputNames() const {
  std::vector<std::string> names;
  if (encoder && encoder->kind == TransformStep::Encode::kOneHot) {
    names.resize(encoder->width());
    for (std::size_t code = 0; code < encoder->code_count(); ++code) {
      const std::int32_t slot = encoder->slots[code];
      const std::string level = slot == encoder->rare_slot         ? "(other)"
                                : code == encoder->levels.size() ? "(missing)"
                                                                 : LevelName(encoder->levels, code, type);
      names[static_cast<std::size_t>(slot)] = StrCat(column, "=", level);
    }
  } else if (encoder && !encoder->classes.empty()) {
    for (const std::string& name : encoder->classes) names.push_back(StrCat(column, "[", name, "]"));
  } else {
    names.push_back(column);
  }
  if (indicator) names.push_back(StrCat(column, "=(missing)"));
  return names;
}

void TransformParts::Finish() {
  names.clear();
  name_columns.clear();
  sources.clear();
  offsets.assign(1, 0);
  std::unordered_set<std::string> taken;
  for (const FittedColumn& fitted : columns) {
    for (const std::string& name : fitted.OutputNames()) {
      std::string unique = name;
      for (int again = 2; !taken.insert(unique).second; ++again) unique = StrCat(name, " (", again, ")");
      names.push_back(std::move(unique));
      name_columns.push_back(fitted.column);
    }
    offsets.push_back(names.size());
    const auto is_it = [&](const DerivedColumn& one) { return one.name == fitted.column; };
    const auto at = std::find_if(derived.begin(), derived.end(), is_it);
    sources.push_back(at == derived.end() ? *inputs.IndexOf(fitted.column) : inputs.size() + static_cast<std::size_t>(at - derived.begin()));
  }
}

void LoadNumbers(const Column& source, std::size_t begin, std::size_t count, double* out) {
  if (source.type() == Type::kDouble) {
    const double* from = source.doubles().data() + begin;
    for (std::size_t i = 0; i < count; ++i) out[i] = from[i];
  } else {
    const std::int64_t* from = source.ints().data() + begin;
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(from[i]);
  }
  if (source.valid().empty()) return;
  const std::uint8_t* valid = source.valid().data() + begin;
  for (std::size_t i = 0; i < count; ++i) out[i] = valid[i] != 0 ? out[i] : kNaN;
}

std::size_t CodesOfText(const FittedColumn& fitted, const Column& source, std::size_t begin, std::size_t count, std::int32_t* codes) {
  const Encoder& encoder = *fitted.encoder;
  std::int32_t of_null = encoder.MissingCode();
  if (fitted.text_fill) {
    of_null = encoder.levels.Find(*fitted.text_fill);
    if (of_null < 0) of_null = Encoder::kMissingUnseen;
  }
  std::size_t unseen = 0;
  for (std::size_t i = 0; i < count; ++i) {
    codes[i] = source.IsNull(begin + i) ? of_null : encoder.levels.Find(source.text(begin + i));
    unseen += codes[i] == Encoder::kUnseen ? 1 : 0;
  }
  return unseen;
}

std::size_t CodesOfNumbers(const FittedColumn& fitted, std::span<const double> numbers, std::int32_t* codes) {
  const Encoder& encoder = *fitted.encoder;
  const std::int32_t of_nan = encoder.MissingCode();
  std::size_t unseen = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    codes[i] = numbers[i] == numbers[i] ? encoder.levels.Find(numbers[i]) : of_nan;
    unseen += codes[i] == Encoder::kUnseen ? 1 : 0;
  }
  return unseen;
}

Status ApplyColumn(const FittedColumn& fitted, bool refuse_missing, const Column& source, std::size_t begin, std::size_t count,
                   double* out, std::size_t stride, Scratch& scratch, std::int64_t* unseen) {
  const std::span<double> numbers(scratch.numbers.data(), count);
  if (fitted.type != Type::kText) {
    LoadNumbers(source, begin, count, numbers.data());
    if (HasInfinity(numbers)) return Error(ErrorCode::kData, "column `", fitted.column, "` has an infinity");
    if (fitted.indicator) {
      double* at = out + fitted.width() - 1;
      for (std::size_t i = 0; i < count; ++i) at[i * stride] = numbers[i] == numbers[i] ? 0.0 : 1.0;
    }
    if (!fitted.encoder) return RunAndWrite(fitted, fitted.before, 0, refuse_missing, numbers, out, stride);
    for (const NumberStep& step : fitted.before)
      if (RunStep(step, 0, numbers) > 0) return NoLogarithm(fitted);
  }

  const Encoder& encoder = *fitted.encoder;
  const std::span<std::int32_t> codes(scratch.codes.data(), count);
  *unseen += static_cast<std::int64_t>(fitted.type == Type::kText ? CodesOfText(fitted, source, begin, count, codes.data())
                                                                  : CodesOfNumbers(fitted, numbers, codes.data()));
  if (encoder.unknown == TransformStep::Unknown::kError) RETURN_IF_ERROR(RefuseUnseen(fitted, source, begin, codes));

  const std::size_t width = encoder.width();
  if (encoder.kind == TransformStep::Encode::kOneHot && fitted.after.empty()) {
    for (std::size_t i = 0; i < count; ++i) {
      double* row = out + i * stride;
      for (std::size_t k = 0; k < width; ++k) row[k] = 0;
      const std::int32_t slot = encoder.SlotOf(codes[i]);
      if (slot >= 0) row[slot] = 1;
    }
    return Ok();
  }
  const std::span<double> work(scratch.work.data(), count);
  for (std::size_t k = 0; k < width; ++k) {
    for (std::size_t i = 0; i < count; ++i) work[i] = encoder.ValueOf(codes[i], k);
    RETURN_IF_ERROR(RunAndWrite(fitted, fitted.after, k, refuse_missing, work, out + k, stride));
  }
  return Ok();
}

}  // namespace headrace::internal

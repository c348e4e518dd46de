#include "headrace/feature/steps.h"

#include <algorithm>
#include <cmath>

#include "headrace/feature/blocks.h"
#include "headrace/feature/elementwise.h"
#include "headrace/feature/kernels.h"
#include "headrace/feature/read_json.h"

namespace headrace::internal {
namespace {

template <typename... Kinds>
struct OneOf {
  static bool Holds(const TransformStep& step) { return (std::holds_alternative<Kinds>(step) || ...); }
};

/// Every kind that a model file may hold.
struct Reader { std::string_view step; Result<StepPtr> (*read)(const json&, const ReadContext&); };
constexpr Reader kReaders[] = {
    {"fill", ReadFill}, {"fill_by", ReadFillBy}, {"clip", ReadClip}, {"scale", ReadScale}, {"minmax", ReadMinMax}, {"divide", ReadDivide}, {"log1p", ReadLog1p},
    {"quantile", ReadQuantile}, {"power", ReadPower}, {"bins", ReadBins}, {"spline", ReadSpline}, {"polynomial", ReadPolynomial}, {"normalize", ReadNormalize},
    {"onehot", ReadOneHot}, {"level_values", ReadLevelValues}, {"hash", ReadHash}, {"date", ReadDate}, {"text", ReadTextStep}, {"select", ReadSelect}, {"reduce", ReadReduce},
};

}  // namespace

bool IsGroupStep(const TransformStep& step) { return OneOf<PolynomialStep, NormalizeStep, SelectStep, ReduceStep>::Holds(step); }

Status CheckStep(const TransformStep& step, StepTypes& types) {
  return std::visit([&](const auto& one) { return Check(one, types); }, step);
}

Result<FitResult> FitStep(const TransformStep& step, FitInput& input) {
  return std::visit([&](const auto& one) { return Fit(one, input); }, step);
}

Result<StepPtr> ReadStep(const json& from, const ReadContext& context) {
  ASSIGN_OR_RETURN(const std::string name, ReadText(from, "step"));
  for (const Reader& reader : kReaders)
    if (reader.step == name) return reader.read(from, context);
  return Damaged(StrCat("a step `", name, "`"));
}

Status StepTypes::NeedNumbers(std::string_view step) const {
  if (numbers) return Ok();
  if (type == Type::kText) return Refuse(StrCat("is text, and `", step, "` needs numbers")).WithHelp("put {encode: onehot} in front");
  return Refuse(StrCat("is a ", TypeName(type), ", and `", step, "` needs numbers")).WithHelp("put {date: [month, weekday]} in front");
}

Numbers Numbers::Of(const Column& source, int threads) {
  Numbers out;
  if (source.type() == Type::kDouble && source.valid().empty()) {
    out.values_ = source.doubles();
    return out;
  }
  out.own_.resize(source.size());
  ForEach(threads, FitBlocks(source.size()), [&](std::size_t b) {
    const std::size_t begin = b * kFitBlockRows;
    LoadNumbers(source, begin, std::min(kFitBlockRows, source.size() - begin), out.own_.data() + begin);
  });
  out.values_ = out.own_;
  return out;
}

std::span<double> Numbers::Own() {
  range_.reset();
  if (own_.empty() && !values_.empty()) {
    own_.assign(values_.begin(), values_.end());
    values_ = own_;
  }
  return own_;
}

const RangeState& Numbers::Range(int threads) {
  if (!range_) range_ = RangeOf(values_, threads);
  return *range_;
}

std::vector<double> Numbers::Take() {
  Own();
  return std::move(own_);
}

Status FitInput::NeedTarget(std::string_view step) const {
  return target.given ? Ok() : Refuse(ErrorCode::kInvalid, StrCat("goes through {", step, "}, which learns from the target, and there is none")).WithHelp("give the target, or use a step that needs none");
}

Ranking FitInput::Rank(std::span<const double> values, int use_threads) {
  Ranking ranking(values, use_threads, exact_percentiles);
  sketched |= ranking.sketched();
  return ranking;
}

Status FitInput::NeedValue(std::size_t k) {
  return numbers[k].Range(threads).count > 0 ? Ok() : Refuse("has no value to fit a step on");
}

Status FitInput::NeedFinite(std::span<const double> fitted) const {
  for (const double x : fitted)
    if (!std::isfinite(x)) return Refuse("has values too large for its steps").WithHelp("put {clip: [1%, 99%]} in front");
  return Ok();
}

Status FitInput::LimitOutputs(std::size_t outputs, std::string_view what, std::string_view help) const {
  const std::size_t most = steps_follow || group ? kMaxHeldOutputs : kMaxOutputs;
  if (outputs <= most) return Ok();
  return Refuse(StrCat("would become ", FormatCount(static_cast<std::int64_t>(outputs)), " ", what, "; at most ", FormatCount(static_cast<std::int64_t>(most)), " are possible"))
      .WithHelp(std::string(help));
}

Oddities LoadNumbers(const Column& source, std::size_t begin, std::size_t count, double* out) {
  Oddities odd;
  if (source.type() == Type::kDouble) {
    odd = Copy(source.doubles().data() + begin, count, out);
  } else {
    const std::int64_t* from = source.ints().data() + begin;
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(from[i]);
  }
  if (source.valid().empty()) return odd;
  MarkMissing(out, source.valid().data() + begin, count);
  return OdditiesOf(out, count);
}

Result<double> NumberConstant(const std::string& text, Type type) {
  double number = 0;
  if (ParseDouble(text, &number) && std::isfinite(number)) {
    if (type == Type::kDouble || (type == Type::kInt && number == std::trunc(number)) || (type == Type::kBool && (number == 0 || number == 1)))
      return number;
  } else if (type == Type::kBool && (text == "true" || text == "false")) {
    return text == "true" ? 1.0 : 0.0;
  }
  return Error(ErrorCode::kInvalid, "the constant `", text, "` is not a ", TypeName(type));
}

}  // namespace headrace::internal

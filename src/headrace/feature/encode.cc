// encode: levels of one column, text or numbers, as numbers. Three steps do it: onehot; a table of values for each level (ordinal, count, frequency, target, woe); and
// hashing, which learns nothing.
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "headrace/feature/blocks.h"
#include "headrace/feature/elementwise.h"
#include "headrace/feature/level_coder.h"
#include "headrace/feature/target_encoding.h"

namespace headrace::internal {
namespace {

using How = EncodeStep::How;
using Unknown = EncodeStep::Unknown;
constexpr std::string_view kUnknownNames[] = {"other", "ignore", "error"};   // in the order of the enum

/// The codes of a lane's rows, from its number column or, if there is none, its source.
Status CodesOf(const LevelCoder& coder, bool refuse_unseen, Lane& lane) {
  lane.unseen += lane.in.empty() ? coder.CodesOf(*lane.source, lane.begin, lane.rows, lane.codes.data()) : coder.CodesOf(lane.in[0], lane.rows, lane.codes.data());
  if (!refuse_unseen) return Ok();
  for (std::size_t i = 0; i < lane.rows; ++i) {
    if (lane.codes[i] >= 0) continue;
    const std::string value = lane.source->IsNull(lane.begin + i) ? "null" : StrCat("`", lane.source->At(lane.begin + i).ToString(), "`");
    return Error(ErrorCode::kData, "column `", lane.column, "` has ", value, ", which training never saw, and says handle_unknown: error")
        .WithHelp("train on data that has it, or say handle_unknown: other");
  }
  return Ok();
}

/// Whether codes fit what comes in: text is read from the source, numbers come from steps or the source.
Status CheckCoder(const LevelCoder& coder, const ReadContext& context) {
  const bool text = context.inputs == 0;
  if (context.group || context.inputs > 1 || text != (coder.type() == Type::kText) || (text && context.type != Type::kText))
    return Damaged("levels of another type than their column");
  return Ok();
}

class OneHot final : public FittedStep {
 public:
  /// `rare`: the codes that share the last output.
  OneHot(LevelCoder coder, std::vector<bool> rare, Unknown unknown) : coder_(std::move(coder)), rare_(std::move(rare)), unknown_(unknown) {
    std::int32_t next = 0;
    for (const bool r : rare_) slots_.push_back(r ? -1 : next++);
    if (std::find(rare_.begin(), rare_.end(), true) != rare_.end()) rare_slot_ = next++;
    for (std::int32_t& slot : slots_) slot = slot < 0 ? rare_slot_ : slot;
    width_ = static_cast<std::size_t>(next);
  }

  Status Run(Lane& lane) const override {
    RETURN_IF_ERROR(CodesOf(coder_, unknown_ == Unknown::kError, lane));
    for (double* column : lane.out) std::fill_n(column, lane.rows, 0.0);
    const std::int32_t of_unseen = unknown_ == Unknown::kOther ? rare_slot_ : -1;
    for (std::size_t i = 0; i < lane.rows; ++i) {
      const std::int32_t slot = lane.codes[i] < 0 ? of_unseen : slots_[static_cast<std::size_t>(lane.codes[i])];
      if (slot >= 0) lane.out[static_cast<std::size_t>(slot)][i] = 1;
    }
    return Ok();
  }
  std::size_t Width(std::size_t) const override { return width_; }
  bool in_place() const override { return false; }
  bool leaves_missing() const override { return false; }
  std::vector<std::string> LevelNames() const override { return coder_.Names(); }

  void Describe(Outputs& outputs) const override {
    const std::string name = outputs.names[0], column = outputs.columns[0];
    outputs.names.assign(width_, "");
    outputs.columns.assign(width_, column);
    for (std::size_t code = 0; code < slots_.size(); ++code)
      outputs.names[static_cast<std::size_t>(slots_[code])] = StrCat(name, "=", rare_[code] ? "(other)" : coder_.Name(code));
  }

  json ToJson() const override {
    json rare = json::array();
    for (std::size_t code = 0; code < rare_.size(); ++code)
      if (rare_[code]) rare.push_back(code);
    json out = {{"step", "onehot"}, {"handle_unknown", kUnknownNames[static_cast<std::size_t>(unknown_)]}, {"rare", std::move(rare)}};
    coder_.ToJson(out);
    return out;
  }

 private:
  LevelCoder coder_;
  std::vector<bool> rare_;
  Unknown unknown_;
  std::vector<std::int32_t> slots_;   // of each code
  std::int32_t rare_slot_ = -1;
  std::size_t width_ = 0;
};

/// Each level has a row of values, and whatever training never saw has another.
class LevelValues final : public FittedStep {
 public:
  LevelValues(LevelCoder coder, std::vector<double> values, std::vector<double> otherwise, std::vector<std::string> classes, bool refuse_unseen)
      : coder_(std::move(coder)), values_(std::move(values)), otherwise_(std::move(otherwise)), classes_(std::move(classes)), refuse_unseen_(refuse_unseen) {
    for (const std::vector<double>* all : {&values_, &otherwise_})
      for (const double x : *all) leaves_missing_ |= std::isnan(x);
  }

  Status Run(Lane& lane) const override {
    RETURN_IF_ERROR(CodesOf(coder_, refuse_unseen_, lane));
    const std::size_t width = otherwise_.size();
    for (std::size_t k = 0; k < width; ++k)
      for (std::size_t i = 0; i < lane.rows; ++i) lane.out[k][i] = lane.codes[i] < 0 ? otherwise_[k] : values_[static_cast<std::size_t>(lane.codes[i]) * width + k];
    return Ok();
  }
  std::size_t Width(std::size_t) const override { return otherwise_.size(); }
  bool in_place() const override { return false; }
  bool leaves_missing() const override { return leaves_missing_; }
  std::vector<std::string> LevelNames() const override { return coder_.Names(); }

  void Describe(Outputs& outputs) const override {
    if (classes_.empty()) return;
    const std::string name = outputs.names[0], column = outputs.columns[0];
    outputs.names.clear();
    for (const std::string& one : classes_) outputs.names.push_back(StrCat(name, "[", one, "]"));
    outputs.columns.assign(classes_.size(), column);
  }

  json ToJson() const override {
    json out = {{"step", "level_values"}, {"classes", classes_}, {"otherwise", NumbersToJson(otherwise_)}, {"refuse_unseen", refuse_unseen_}, {"values", NumbersToJson(values_)}};
    coder_.ToJson(out);
    return out;
  }

 private:
  LevelCoder coder_;
  std::vector<double> values_, otherwise_;   // values_: codes x outputs, otherwise_: outputs; NaN is missing
  std::vector<std::string> classes_;
  bool refuse_unseen_, leaves_missing_ = false;
};

/// XXH64 (seed 0) of a level's text: the remainder by the number of outputs says which one, the top bit the sign. Missing is all 0.
class HashLevels final : public FittedStep {
 public:
  HashLevels(std::size_t features, Type type) : features_(features), type_(type) {}

  Status Run(Lane& lane) const override {
    for (double* column : lane.out) std::fill_n(column, lane.rows, 0.0);
    for (std::size_t i = 0; i < lane.rows; ++i) {
      if (!lane.in.empty()) {
        const double x = lane.in[0][i];
        if (x == x) Put(lane, i, type_ == Type::kBool ? (x == 0 ? "false" : "true") : FormatDouble(x + 0.0));
      } else if (!lane.source->IsNull(lane.begin + i)) {
        Put(lane, i, lane.source->text(lane.begin + i));
      } else if (lane.fill != nullptr) {
        Put(lane, i, *lane.fill);
      }
    }
    return Ok();
  }
  std::size_t Width(std::size_t) const override { return features_; }
  bool in_place() const override { return false; }
  bool leaves_missing() const override { return false; }
  void Describe(Outputs& outputs) const override {
    const std::string name = outputs.names[0], column = outputs.columns[0];
    outputs.names.clear();
    for (std::size_t k = 0; k < features_; ++k) outputs.names.push_back(StrCat(name, "#", k));
    outputs.columns.assign(features_, column);
  }
  json ToJson() const override { return {{"step", "hash"}, {"features", features_}}; }

 private:
  void Put(const Lane& lane, std::size_t i, std::string_view text) const {
    const std::uint64_t hash = XXH64(text.data(), text.size(), 0);
    lane.out[hash % features_][i] = hash >> 63 != 0 ? -1 : 1;
  }
  std::size_t features_;
  Type type_;
};

Result<FitResult> FitOneHot(const EncodeStep& step, FitInput& input, CodedLevels coded) {
  std::vector<bool> rare;
  for (const std::int64_t count : coded.counts) rare.push_back(count < step.min_frequency);
  // As scikit-learn: the room is for the most frequent levels and "(other)", of equally frequent ones the later stay.
  const auto frequent = std::count(rare.begin(), rare.end(), false);
  if (step.max_categories > 0 && frequent + 1 > step.max_categories) {
    std::vector<std::size_t> order(rare.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return coded.counts[a] != coded.counts[b] ? coded.counts[a] < coded.counts[b] : a < b; });
    const std::size_t keep = static_cast<std::size_t>(step.max_categories) - 1;
    for (std::size_t i = 0; i + keep < order.size(); ++i) rare[order[i]] = true;
  }
  const auto outputs = static_cast<std::size_t>(std::count(rare.begin(), rare.end(), false)) + (std::find(rare.begin(), rare.end(), true) != rare.end() ? 1 : 0);
  RETURN_IF_ERROR(input.LimitOutputs(outputs, "onehot columns", "raise min_frequency, set max_categories, or use {encode: target}"));
  return FitResult{std::make_unique<OneHot>(std::move(coded.coder), std::move(rare), step.unknown)};
}

/// Rows that stand alone: each run of `folds` rows has one row of every fold, turned by a hash of the run, so that no rhythm of the rows meets a fold.
std::vector<int> FoldsOf(std::span<const std::uint64_t> together, std::size_t rows, std::uint64_t folds) {
  std::vector<int> out;
  for (std::uint64_t i = 0; i < rows; ++i) out.push_back(static_cast<int>((together.empty() ? i + ((i / folds) * 0x9E3779B97F4A7C15 >> 33) : together[i]) % folds));
  return out;
}

Result<FitResult> FitTarget(const EncodeStep& step, FitInput& input, CodedLevels coded) {
  const TargetColumns& target = input.target;
  RETURN_IF_ERROR(input.NeedTarget(step.how == How::kWoe ? "encode: woe" : "encode: target"));
  if (step.how == How::kWoe && target.task == Task::kRegression)
    return input.Refuse(ErrorCode::kInvalid, "cannot be encoded by weight of evidence: the target is a number, not a class").WithHelp("use {encode: target}");
  const std::vector<int> folds = FoldsOf(target.together, input.rows, static_cast<std::uint64_t>(step.folds));
  const bool divides = std::any_of(folds.begin(), folds.end(), [&](int fold) { return fold != folds.front(); });
  if (!divides || (target.together.empty() && input.rows < static_cast<std::size_t>(step.folds)))
    return input.Refuse(StrCat("needs rows of at least two folds for its target encoding; there are ", input.rows, " rows in ", step.folds, " folds"));
  TargetRows rows;
  rows.fold_count = static_cast<int>(step.folds);
  rows.codes = coded.codes;
  rows.levels = coded.counts.size();
  rows.targets = target.columns;
  rows.folds = folds;
  TargetEncoding encoding = step.how == How::kWoe ? EncodeTarget(rows, WeightOfEvidence, step.regularization, input.threads)
                                                  : EncodeTarget(rows, TargetMean, step.smooth, input.threads);
  for (const std::vector<double>* fitted : {&encoding.all.values, &encoding.all.prior})
    for (const double x : *fitted)
      if (!std::isfinite(x)) return input.Refuse("cannot be target encoded: the target's values are too large to average");
  return FitResult{std::make_unique<LevelValues>(std::move(coded.coder), std::move(encoding.all.values), std::move(encoding.all.prior), target.classes, step.unknown == Unknown::kError),
                   std::move(encoding.cross_fitted)};
}

}  // namespace

Result<StepPtr> ReadOneHot(const json& from, const ReadContext& context) {
  ASSIGN_OR_RETURN(LevelCoder coder, LevelCoder::Read(from));
  RETURN_IF_ERROR(CheckCoder(coder, context));
  ASSIGN_OR_RETURN(const std::size_t unknown, ReadName(from, "handle_unknown", kUnknownNames));
  std::vector<bool> rare(coder.size());
  const json& list = Member(from, "rare");
  if (!list.is_array()) return Damaged("`rare` must be a list");
  for (const json& one : list) {
    if (!one.is_number_unsigned() || one.get<std::uint64_t>() >= rare.size()) return Damaged("`rare` names no level");
    rare[one.get<std::size_t>()] = true;
  }
  return StepPtr(std::make_unique<OneHot>(std::move(coder), std::move(rare), static_cast<Unknown>(unknown)));
}

Result<StepPtr> ReadLevelValues(const json& from, const ReadContext& context) {
  ASSIGN_OR_RETURN(LevelCoder coder, LevelCoder::Read(from));
  RETURN_IF_ERROR(CheckCoder(coder, context));
  ASSIGN_OR_RETURN(std::vector<std::string> classes, ReadTexts(from, "classes"));
  const std::size_t width = std::max<std::size_t>(1, classes.size());
  ASSIGN_OR_RETURN(std::vector<double> otherwise, ReadNumbers(from, "otherwise", width, std::numeric_limits<double>::quiet_NaN()));
  ASSIGN_OR_RETURN(std::vector<double> values, ReadNumbers(from, "values", coder.size() * width, std::numeric_limits<double>::quiet_NaN()));
  ASSIGN_OR_RETURN(const bool refuse, ReadBool(from, "refuse_unseen"));
  return StepPtr(std::make_unique<LevelValues>(std::move(coder), std::move(values), std::move(otherwise), std::move(classes), refuse));
}

Result<StepPtr> ReadHash(const json& from, const ReadContext& context) {
  if (context.group || context.inputs > 1 || (context.inputs == 0 && context.type != Type::kText)) return Damaged("a hash of something that is no level");
  ASSIGN_OR_RETURN(const std::int64_t features, ReadInt(from, "features", 1, static_cast<std::int64_t>(kMaxOutputs)));
  return StepPtr(std::make_unique<HashLevels>(static_cast<std::size_t>(features), context.type));
}

Status Check(const EncodeStep& step, StepTypes& types) {
  if (types.group) return types.Refuse("are one group by now, and `encode` works on one column").WithHelp("put `encode` in front of the steps on the group");
  if (types.numbers && (types.type == Type::kText || IsMoment(types.type))) return types.Refuse("is encoded twice");
  if (!types.numbers && types.type != Type::kText) return types.NeedNumbers("encode");
  if (step.how != How::kOneHot && (step.min_frequency > 0 || step.max_categories > 0))
    return types.Refuse("min_frequency and max_categories belong to {encode: onehot}");
  if ((step.how == How::kTarget || step.how == How::kWoe) && step.folds < 2)
    return types.Refuse(StrCat("target encoding needs at least 2 folds, not ", step.folds));
  if (step.how == How::kHash && (step.features < 1 || step.features > static_cast<std::int64_t>(kMaxOutputs)))
    return types.Refuse(StrCat("hashing needs between 1 and ", kMaxOutputs, " features, not ", step.features));
  if (step.how == How::kWoe && !(step.regularization > 0)) return types.Refuse("weight of evidence needs a regularization above 0");
  types.numbers = true;
  types.type = Type::kText;   // a second encoding is refused
  return Ok();
}

Result<FitResult> Fit(const EncodeStep& step, FitInput& input) {
  if (step.how == How::kHash) {
    const auto features = static_cast<std::size_t>(step.features);
    RETURN_IF_ERROR(input.LimitOutputs(features, "hashed columns", "use fewer features"));
    return FitResult{std::make_unique<HashLevels>(features, input.type)};
  }
  Result<CodedLevels> found = input.numbers.empty() ? CodeLevels(input.column, *input.source, input.fill, input.threads)
                                                    : CodeLevels(input.column, input.type, input.numbers[0].values(), input.threads);
  ASSIGN_OR_RETURN(CodedLevels coded, std::move(found));
  if (step.how == How::kOneHot) return FitOneHot(step, input, std::move(coded));
  if (step.how == How::kTarget || step.how == How::kWoe) return FitTarget(step, input, std::move(coded));
  std::vector<double> values;
  const double rows = static_cast<double>(input.rows);
  for (std::size_t code = 0; code < coded.counts.size(); ++code) {
    const auto count = static_cast<double>(coded.counts[code]);
    const bool missing = code == coded.coder.levels().size();
    values.push_back(step.how == How::kCount ? count : step.how == How::kFrequency ? count / rows : missing ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(code));
  }
  const double otherwise = step.how == How::kOrdinal ? -1 : 0;
  return FitResult{std::make_unique<LevelValues>(std::move(coded.coder), std::move(values), std::vector<double>{otherwise}, std::vector<std::string>{}, step.unknown == Unknown::kError)};
}

}  // namespace headrace::internal

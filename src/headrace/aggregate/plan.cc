// From names to words and operations. Equal expressions share a word, equal conditions a bit; operations run from the newest event of an entity to
// the oldest, stage by stage, so that each event is added once however many windows hold it.
#include "headrace/aggregate/plan.h"

#include <algorithm>

#include "headrace/aggregate/parts_internal.h"
#include "headrace/base/text.h"

namespace headrace {

using internal::AggregateParts;
using internal::BitField;
using internal::Operation;
using enum FeatureFunction;

namespace {

std::size_t StateWords(FeatureFunction function) {
  switch (function) {
    case kCount: case kAny: case kCountValues: case kCountDistinct: case kSum: return 1;
    case kMean: case kMin: case kMax: case kRecency: case kTenure: return 2;
    case kStd: case kMeanGap: return 3;
    case kStdGap: return 4;
    case kTrend: return 5;
  }
  return 1;
}

bool InLabels(FeatureFunction function) {
  return function != kRecency && function != kTenure && function != kMeanGap && function != kStdGap;
}

Status Missing(std::string_view what, const std::string& column, const Schema& schema, std::string_view dataset) {
  const std::string near = NearestName(column, schema.Names());
  return Error(ErrorCode::kInvalid, what, " `", column, "` is no column of ", dataset)
      .WithHelp(near.empty() ? StrCat("its columns: ", Join(schema.Names(), ", ")) : StrCat("did you mean `", near, "`?"));
}

class Planner {
 public:
  Planner(const AggregateSpec& spec, const Schema& events, const Schema* dates) : events_(events), dates_(dates) {
    parts_.spec = spec;
    parts_.events = events;
    if (dates != nullptr) parts_.dates = *dates;
  }

  Result<AggregateParts> Run() {
    RETURN_IF_ERROR(Columns());
    RETURN_IF_ERROR(Dates());
    for (const FeatureSpec& feature : parts_.spec.features) Collect(feature.windows.value_or(parts_.spec.windows));
    std::sort(lengths_.begin(), lengths_.end(), [](std::int64_t a, std::int64_t b) { return Rank(a) < Rank(b); });
    lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
    for (const std::int64_t length : lengths_) parts_.stages.push_back({length, {}, {}});
    for (const FeatureSpec& feature : parts_.spec.features) RETURN_IF_ERROR(Entry(feature, false).WithContext(StrCat("`", feature.name, "`")));
    for (const FeatureSpec& label : parts_.spec.labels) RETURN_IF_ERROR(Entry(label, true).WithContext(StrCat("label `", label.name, "`")));
    Layout();
    return Output();
  }

 private:
  static std::uint64_t Rank(std::int64_t length) { return length == 0 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(length); }

  void Collect(const std::vector<WindowSpec>& windows) {
    for (const WindowSpec& window : windows) lengths_.push_back(window.length_us);
    lengths_.push_back(0);   // recency and tenure
  }

  std::string EventsName() const { return parts_.spec.events_name.empty() ? "the dataset of events" : StrCat("`", parts_.spec.events_name, "`"); }

  // --- columns

  Status Columns() {
    const AggregateSpec& spec = parts_.spec;
    const auto entity = events_.IndexOf(spec.entity);
    if (!entity) return Missing("`entity`", spec.entity, events_, EventsName());
    parts_.entity_type = events_[*entity].type;
    if (parts_.entity_type == Type::kDouble) return Error(ErrorCode::kInvalid, "`entity` `", spec.entity, "` is of type double, which makes no key").WithHelp("cast it to int or text in the step before");
    RETURN_IF_ERROR(Time());
    Read(spec.entity);
    Read(parts_.time);
    if (spec.known.empty()) return Ok();
    const auto known = events_.IndexOf(spec.known);
    if (!known) return Missing("`known`", spec.known, events_, EventsName());
    if (!IsTime(events_[*known].type)) return NoTime("known", spec.known, events_[*known].type);
    parts_.known_word = parts_.words++;
    Read(spec.known);
    return Ok();
  }

  static bool IsTime(Type type) { return type == Type::kDate || type == Type::kTimestamp; }

  Status NoTime(std::string_view key, std::string_view column, Type type) const {
    return Error(ErrorCode::kInvalid, "`", key, "` takes a column of dates or timestamps, but `", column, "` is of type ", TypeName(type)).WithHelp("cast it in the step before");
  }

  Status Time() {
    if (!parts_.spec.time.empty()) {
      const auto time = events_.IndexOf(parts_.spec.time);
      if (!time) return Missing("`time`", parts_.spec.time, events_, EventsName());
      if (!IsTime(events_[*time].type)) return NoTime("time", parts_.spec.time, events_[*time].type);
      parts_.time = parts_.spec.time;
      parts_.time_type = events_[*time].type;
      return Ok();
    }
    std::vector<std::string> found;
    for (const Field& field : events_.fields())
      if (IsTime(field.type) && field.name != parts_.spec.known) found.push_back(field.name), parts_.time_type = field.type;
    if (found.empty()) return Error(ErrorCode::kInvalid, EventsName(), " has no column of dates or timestamps that says when an event happened").WithHelp("cast the column in the step before");
    if (found.size() > 1) return Error(ErrorCode::kInvalid, EventsName(), " has several columns of dates or timestamps: ", Join(found, ", ")).WithHelp(StrCat("say which is the event's: `time: ", found[0], "`"));
    parts_.time = found[0];
    return Ok();
  }

  Status Dates() {
    if (dates_ == nullptr) {
      parts_.as_of_type = parts_.spec.as_of ? parts_.spec.as_of->type() : Type::kDate;
      return Ok();
    }
    const auto as_of = dates_->IndexOf(kAsOf);
    if (!as_of)
      return Error(ErrorCode::kInvalid, "the dataset under `as_of` has no column `as_of`; its columns: ", Join(dates_->Names(), ", ")).WithHelp("select the date `as as_of` there");
    parts_.as_of_type = (*dates_)[*as_of].type;
    if (!IsTime(parts_.as_of_type)) return Error(ErrorCode::kInvalid, "`as_of` of the dataset of dates is of type ", TypeName(parts_.as_of_type), ", not date or timestamp").WithHelp("cast it there");
    const auto entity = dates_->IndexOf(parts_.spec.entity);
    parts_.entities_given = entity.has_value();
    if (entity && (*dates_)[*entity].type != parts_.entity_type)
      return Error(ErrorCode::kInvalid, "`", parts_.spec.entity, "` is ", TypeName(parts_.entity_type), " in the events and ", TypeName((*dates_)[*entity].type), " in the dataset of dates")
          .WithHelp("cast one of them in the step before");
    return Ok();
  }

  void Read(const std::string& column) {
    auto& columns = parts_.event_columns;
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
  }

  // --- entries

  Status Entry(const FeatureSpec& entry, bool label) {
    Result<FeatureText> parsed = ParseFeature(entry.of);
    if (!parsed.ok()) return std::move(parsed).status();
    if (!parsed->function) return Derived(entry, *parsed, label);
    if (label && !InLabels(*parsed->function)) return Error(ErrorCode::kInvalid, "this function looks back from the date, and a label looks ahead");
    Operation operation;
    operation.function = *parsed->function;
    operation.name = entry.name;
    Type type = Type::kInt;
    if (!parsed->argument.empty()) {
      ASSIGN_OR_RETURN(type, Value(*parsed, operation));
    }
    if (!parsed->where.empty()) RETURN_IF_ERROR(Where(*parsed, operation));
    if (!entry.by.empty()) RETURN_IF_ERROR(By(entry, operation));
    operation.state_words = StateWords(operation.function);
    const Type result = ResultType(operation, type);
    const std::size_t at = parts_.operations.size();
    if (label) {
      RETURN_IF_ERROR(Emit(entry, "", result, at, parts_.label_emissions));
    } else {
      const bool whole = operation.function == kRecency || operation.function == kTenure;
      for (const WindowSpec& window : entry.windows.value_or(whole ? std::vector<WindowSpec>{{}} : parts_.spec.windows)) {
        const auto length = std::find(lengths_.begin(), lengths_.end(), window.length_us);
        const auto stage = static_cast<std::size_t>(length - lengths_.begin());
        operation.last_stage = std::max(operation.last_stage, stage);
        RETURN_IF_ERROR(Emit(entry, window.name, result, at, parts_.stages[stage].emissions));
      }
      for (std::size_t stage = 0; stage <= operation.last_stage; ++stage) parts_.stages[stage].operations.push_back(at);
    }
    operation.state = parts_.state_words;
    parts_.state_words += operation.state_words * operation.levels;
    if (operation.function == kCountDistinct) ++parts_.distinct_sets;
    parts_.operations.push_back(std::move(operation));
    return Ok();
  }

  Status Emit(const FeatureSpec& entry, const std::string& window, Type type, std::size_t operation, std::vector<internal::Emission>& emissions) {
    emissions.push_back({operation, columns_.size()});
    const std::string end = window.empty() ? "" : StrCat("_", window);
    if (entry.by.empty()) return Add(StrCat(entry.name, end), type);
    for (const std::string& level : entry.levels) RETURN_IF_ERROR(Add(StrCat(entry.name, "_", level, end), type));
    return Ok();
  }

  Status Add(std::string name, Type type) {
    if (columns_.size() >= internal::kMaxOutputs) return Error(ErrorCode::kInvalid, "the step would have more than ", internal::kMaxOutputs, " columns").WithHelp("take fewer windows or levels");
    for (const Field& field : columns_)
      if (field.name == name) return Error(ErrorCode::kInvalid, "two features would be called `", name, "`").WithHelp("rename one of them");
    const bool carried = name == parts_.spec.entity || name == kAsOf || parts_.dates.IndexOf(name);
    if (carried) return Error(ErrorCode::kInvalid, "the column `", name, "` is there already").WithHelp("rename the feature");
    columns_.push_back({std::move(name), type});
    return Ok();
  }

  static Type ResultType(const Operation& operation, Type value) {
    switch (operation.function) {
      case kCount: case kCountValues: case kCountDistinct: return Type::kInt;
      case kAny: return Type::kBool;
      case kSum: return value == Type::kDouble ? Type::kDouble : Type::kInt;
      case kMin: case kMax: return value;
      default: return Type::kDouble;
    }
  }

  Status Derived(const FeatureSpec& entry, const FeatureText& parsed, bool label) {
    if (!entry.by.empty()) return Error(ErrorCode::kInvalid, "`by` needs a function over events, and this is an expression over features").WithHelp("remove it");
    if (entry.windows) return Error(ErrorCode::kInvalid, "`windows` needs a function over events, and this is an expression over features").WithHelp("name the features of a window: `spend_7d`");
    if (label) return Error(ErrorCode::kInvalid, "a label is a function over events, such as `any where kind = 'purchase'`").WithHelp("compute with labels in the step after");
    ASSIGN_OR_RETURN(const Expression expression, Expression::Parse(parsed.argument));
    if (expression.names().empty()) return Error(ErrorCode::kInvalid, "`", parsed.argument, "` names no feature").WithHelp("write a function over events, such as `sum(amount)`, or an expression over features before it");
    Result<BoundExpression> bound = expression.Bind(Schema(columns_), {});
    if (!bound.ok()) return Status(std::move(bound).status()).WithHelp(StrCat("an entry without a function over events reads the features before it", columns_.empty() ? "" : StrCat(": ", Names())));
    if (bound->type() == Type::kDuration) return Error(ErrorCode::kInvalid, "a feature cannot be of type duration");
    parts_.derived.push_back({entry.name, *bound, columns_.size()});
    return Add(entry.name, bound->type());
  }

  std::string Names() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < columns_.size() && i < 12; ++i) names.push_back(columns_[i].name);
    return StrCat(Join(names, ", "), columns_.size() > 12 ? ", ..." : "");
  }

  // --- words

  Result<BoundExpression> Bound(const std::string& text, std::size_t offset) {
    Result<Expression> expression = Expression::Parse(text);
    if (!expression.ok()) return Shifted(std::move(expression).status(), offset);
    Result<BoundExpression> bound = expression->Bind(events_, {});
    if (!bound.ok()) return Shifted(std::move(bound).status(), offset);
    for (const std::string& column : bound->columns()) Read(column);
    return bound;
  }

  static bool Fits(FeatureFunction function, Type type) {
    switch (function) {
      case kSum: case kMean: case kStd: case kTrend: return IsNumeric(type) || type == Type::kBool;
      case kMin: case kMax: return type != Type::kText && type != Type::kDuration;
      default: return true;
    }
  }

  Result<Type> Value(const FeatureText& parsed, Operation& operation) {
    ASSIGN_OR_RETURN(BoundExpression bound, Bound(parsed.argument, parsed.argument_at));
    const Type type = bound.type();
    if (!Fits(operation.function, type))
      return Error(ErrorCode::kInvalid, "this function takes ", operation.function == kMin || operation.function == kMax ? "a number, bool, date or timestamp" : "a number or bool", ", but `",
                   parsed.argument, "` is of type ", TypeName(type)).WithSpan({parsed.argument_at, parsed.argument.size()});
    const bool hashed = operation.function == kCountDistinct && !HeldAsInt(type);
    operation.is_double = type == Type::kDouble && !hashed;
    std::size_t at = 0;
    while (at < parts_.values.size() && (parts_.values[at].text != parsed.argument || parts_.values[at].hashed != hashed)) ++at;
    if (at == parts_.values.size()) parts_.values.push_back({std::move(bound), parsed.argument, hashed, 0, {}});
    value_of_.resize(parts_.operations.size() + 1);
    value_of_.back() = at + 1;
    return type;
  }

  Status Where(const FeatureText& parsed, Operation&) {
    ASSIGN_OR_RETURN(BoundExpression bound, Bound(parsed.where, parsed.where_at));
    if (bound.type() != Type::kBool) return Error(ErrorCode::kInvalid, "`where` takes a condition, but the expression gives a ", TypeName(bound.type())).WithSpan({parsed.where_at, parsed.where.size()});
    std::size_t at = 0;
    while (at < parts_.conditions.size() && parts_.conditions[at].text != parsed.where) ++at;
    if (at == parts_.conditions.size()) parts_.conditions.push_back({std::move(bound), parsed.where, {}});
    condition_of_.resize(parts_.operations.size() + 1);
    condition_of_.back() = at + 1;
    return Ok();
  }

  Status By(const FeatureSpec& entry, Operation& operation) {
    const auto column = events_.IndexOf(entry.by);
    if (!column) return Missing("`by`", entry.by, events_, EventsName());
    const Type type = events_[*column].type;
    if (type == Type::kDouble) return Error(ErrorCode::kInvalid, "`by` `", entry.by, "` is of type double, which has no levels");
    if (entry.levels.empty()) return Error(ErrorCode::kInvalid, "`by` needs `levels`").WithHelp("name them: levels found in the data would not be the same at training and scoring");
    if (entry.levels.size() > internal::kMaxLevels) return Error(ErrorCode::kInvalid, "`levels` has ", entry.levels.size(), " entries; at most ", internal::kMaxLevels, " may stand");
    for (const std::string& level : entry.levels)
      if (type != Type::kText && !headrace::Value::Parse(level, type).ok()) return Error(ErrorCode::kInvalid, "the level `", level, "` does not read as ", TypeName(type), ", the type of `", entry.by, "`");
    Read(entry.by);
    operation.by_level = true;
    operation.levels = entry.levels.size();
    std::size_t at = 0;
    while (at < parts_.levels.size() && (parts_.levels[at].column != entry.by || parts_.levels[at].levels != entry.levels)) ++at;
    if (at == parts_.levels.size()) parts_.levels.push_back({entry.by, entry.levels, {}});
    levels_of_.resize(parts_.operations.size() + 1);
    levels_of_.back() = at + 1;
    return Ok();
  }

  /// Give each value its word and each condition and level its bits, then say so to the operations.
  void Layout() {
    for (internal::RecordValue& value : parts_.values) value.word = parts_.words++;
    unsigned used = 64;
    const auto take = [&](unsigned bits) {
      if (used + bits > 64) ++parts_.words, used = 0;
      const BitField field{parts_.words - 1, used};
      used += bits;
      return field;
    };
    for (internal::RecordLevels& levels : parts_.levels) levels.code = take(8);
    for (internal::RecordValue& value : parts_.values) value.valid = take(1);
    for (internal::RecordCondition& condition : parts_.conditions) condition.bit = take(1);
    for (auto* of : {&value_of_, &condition_of_, &levels_of_}) of->resize(parts_.operations.size());
    for (std::size_t k = 0; k < parts_.operations.size(); ++k) {
      Operation& operation = parts_.operations[k];
      const auto test = [&](std::size_t i, const BitField& bit) {
        operation.test_word[i] = bit.word;
        operation.test_mask[i] = std::uint64_t{1} << bit.shift;
      };
      if (value_of_[k] > 0) operation.value = parts_.values[value_of_[k] - 1].word, test(0, parts_.values[value_of_[k] - 1].valid);
      if (condition_of_[k] > 0) test(1, parts_.conditions[condition_of_[k] - 1].bit);
      if (levels_of_[k] > 0) operation.code = parts_.levels[levels_of_[k] - 1].code;
    }
  }

  Result<AggregateParts> Output() {
    parts_.computed = Schema(columns_);
    std::vector<Field> fields;
    if (!parts_.entities_given) fields.push_back({parts_.spec.entity, parts_.entity_type});
    if (dates_ == nullptr) fields.push_back({kAsOf, parts_.as_of_type});
    else fields.insert(fields.end(), dates_->fields().begin(), dates_->fields().end());
    parts_.carried = fields.size();
    fields.insert(fields.end(), columns_.begin(), columns_.end());
    parts_.output = Schema(std::move(fields));
    return std::move(parts_);
  }

  const Schema& events_;
  const Schema* dates_;
  AggregateParts parts_;
  std::vector<std::int64_t> lengths_;
  std::vector<Field> columns_;                                          ///< features and labels so far
  std::vector<std::size_t> value_of_, condition_of_, levels_of_;        ///< by operation, from 1; 0 = none
};

}  // namespace

Result<AggregatePlan> AggregatePlan::Make(const AggregateSpec& spec, const Schema& events, const Schema* dates) {
  ASSIGN_OR_RETURN(AggregateParts parts, Planner(spec, events, dates).Run());
  AggregatePlan plan;
  plan.parts_ = std::make_shared<const AggregateParts>(std::move(parts));
  return plan;
}

const Schema& AggregatePlan::output() const { return parts_->output; }
const std::vector<std::string>& AggregatePlan::event_columns() const { return parts_->event_columns; }

std::vector<AggregateError> CheckAggregateSpec(const AggregateSpec& spec) {
  std::vector<AggregateError> errors;
  const auto check = [&errors](const std::vector<FeatureSpec>& entries, bool label) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Result<FeatureText> parsed = ParseFeature(entries[i].of);
      if (!parsed.ok()) errors.push_back({label, i, parsed.status()});
      else if (label && parsed->function && !InLabels(*parsed->function))
        errors.push_back({label, i, Error(ErrorCode::kInvalid, "this function looks back from the date, and a label looks ahead").WithSpan({0, entries[i].of.size()})});
    }
  };
  check(spec.features, false);
  check(spec.labels, true);
  return errors;
}

std::string AggregateSpec::Text() const {
  const auto windows_text = [](const std::vector<WindowSpec>& all) {
    std::vector<std::string> names;
    for (const WindowSpec& window : all) names.push_back(window.length_us == 0 ? "all" : StrCat(window.name, " (", FormatDuration(window.length_us), ")"));
    return Join(names, ", ");
  };
  std::string text = StrCat("events: ", events_name, "\nentity: ", entity, "\ntime: ", time);
  if (!known.empty()) text += StrCat("\nknown: ", known);
  for (const FeatureSpec& feature : features) {
    text += StrCat("\n", feature.name, ": ", feature.of);
    if (!feature.by.empty()) text += StrCat(" by ", feature.by, " of ", Join(feature.levels, ", "));
    text += StrCat(" in ", windows_text(feature.windows.value_or(windows)));
  }
  return text;
}

}  // namespace headrace

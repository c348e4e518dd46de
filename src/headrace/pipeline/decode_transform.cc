#include <algorithm>
#include <cmath>

#include "headrace/base/text.h"
#include "headrace/pipeline/decode.h"
#include "headrace/pipeline/decode_open.h"

namespace headrace {
namespace {

/// The keys that belong to a kind of step, and the values of the kind's own key that they make sense for ("" = all, else names between blanks).
struct Beside { const char* key; const char* kind; const char* values; };
constexpr Beside kBeside[] = {
    {"indicator", "impute", "mean median most_frequent"}, {"by", "impute", "mean median"},
    {"quantiles", "quantile", ""}, {"standardize", "power", ""}, {"count", "bins", "uniform quantile kmeans"}, {"output", "bins", ""},
    {"knots", "spline", ""}, {"degree", "spline", ""}, {"outside", "spline", ""}, {"bias", "spline", ""}, {"interactions_only", "polynomial", ""},
    {"min_frequency", "encode", "onehot"}, {"max_categories", "encode", "onehot"}, {"handle_unknown", "encode", "onehot ordinal target count frequency woe"},
    {"smooth", "encode", "target"}, {"regularization", "encode", "woe"}, {"folds", "encode", "target woe"}, {"features", "encode text", "hash"},
    {"ngrams", "text", "tfidf count hash"}, {"characters", "text", "tfidf count hash"}, {"max_features", "text", "tfidf count"}, {"min_df", "text", "tfidf count"},
    {"length", "text", "tfidf count hash"}, {"threshold", "select", "variance correlation"}, {"k", "select", "f chi2 mutual_information"}, {"components", "reduce", ""},
};

bool IsOneOf(std::string_view names, std::string_view name) {
  for (const std::string& one : Split(names, ' '))
    if (one == name) return true;
  return false;
}

/// The place of `text` among `names`, 0 when it is none of them.
template <typename Enum>
Enum EnumOf(std::string_view text, std::initializer_list<std::string_view> names) {
  std::size_t at = 0;
  for (const std::string_view name : names) {
    if (name == text) return static_cast<Enum>(at);
    ++at;
  }
  return static_cast<Enum>(0);
}

class TransformDecoder {
 public:
  /// `choice` and `alternative`: those that the entry belongs to; may be empty.
  TransformDecoder(std::string choice, std::string alternative, LeftOpen& open, Diagnostics& diagnostics) : open_(open, diagnostics), diagnostics_(diagnostics) {
    out_.choice = std::move(choice);
    out_.alternative = std::move(alternative);
  }

  std::optional<TransformSpec> Decode(const Node& node) {
    TransformSpec& out = out_;
    if (const Node* derive = node.Find("derive")) {
      NoSteps(node, "derive");
      for (const Node::Entry& entry : derive->entries) {
        CheckExpressionSyntax(entry.value, diagnostics_);
        out.derive.emplace_back(entry.key, TextOf(&entry.value));
      }
      return std::move(out);
    }
    if (const Node* drop = node.Find("drop")) {
      NoSteps(node, "drop");
      out.drop = ColumnsOf(drop, diagnostics_);
      return std::move(out);
    }
    if (const Node* cast = node.Find("cast")) {
      NoSteps(node, "cast");
      for (const Node::Entry& entry : cast->entries)
        if (const Result<Type> type = TypeFromName(TextOf(&entry.value)); type.ok()) out.cast.emplace_back(entry.key, *type);
      return std::move(out);
    }
    if (const Node* rename = node.Find("rename")) {
      NoSteps(node, "rename");
      for (const Node::Entry& entry : rename->entries) out.rename.emplace_back(entry.key, TextOf(&entry.value));
      return std::move(out);
    }
    const Node* columns = node.Find("columns");
    if (columns != nullptr && columns->is_map()) {
      out.tag = TextOf(columns->Find("tag"));
      if (const Result<Type> type = TypeFromName(TextOf(columns->Find("type"))); type.ok()) out.type = *type;
    } else {
      out.columns = ColumnsOf(columns, diagnostics_);
    }
    const Node* steps = node.Find("steps");
    if (steps == nullptr) {
      Error(DiagnosticCode::kMissingKey, StartOf(node), "a group of `columns` needs `steps`", "add `steps: [{impute: median}]`");
      return std::nullopt;
    }
    if (steps->is_list()) {
      for (const Node& step : steps->items) out.steps.push_back(Step(step));
    } else {
      out.steps.push_back(Step(*steps));
    }
    return std::move(out);
  }

 private:
  void Error(DiagnosticCode code, const Place& place, std::string message, std::string help = "") {
    diagnostics_.AddError(code, place, std::move(message)).Help(std::move(help));
  }

  void NoSteps(const Node& node, std::string_view beside) {
    if (const Node::Entry* steps = node.FindEntry("steps"))
      Error(DiagnosticCode::kConflict, steps->key_place, StrCat("`steps` has no meaning beside `", beside, "`"), "put it into a group with `columns`");
  }

  TransformStep Step(const Node& written) {
    if (written.is_scalar()) return Log1pStep{};
    CheckKeys(written);
    const Node node = open_.Take(written, KindOf(written), out_);
    if (node.Find("impute") != nullptr) return Impute(node);
    if (const Node* clip = node.Find("clip")) return Clip(*clip);
    if (const Node* scale = node.Find("scale")) return ScaleStep{EnumOf<ScaleStep::How>(TextOf(scale), {"standard", "minmax", "maxabs", "robust"})};
    if (const Node* quantile = node.Find("quantile")) return QuantileStep{TextOf(quantile) == "normal", IntOf(node.Find("quantiles"), 1000)};
    if (const Node* power = node.Find("power")) return PowerStep{TextOf(power) == "box_cox", BoolOf(node.Find("standardize"), true)};
    if (node.Find("bins") != nullptr) return Bins(node);
    if (node.Find("spline") != nullptr) return Spline(node);
    if (const Node* polynomial = node.Find("polynomial")) return PolynomialStep{IntOf(polynomial, 2), BoolOf(node.Find("interactions_only"), false)};
    if (const Node* normalize = node.Find("normalize"))
      return NormalizeStep{EnumOf<NormalizeStep::Norm>(TextOf(normalize), {"l1", "l2", "max"})};
    if (node.Find("encode") != nullptr) return Encode(node);
    if (const Node* date = node.Find("date")) return Date(*date);
    if (node.Find("text") != nullptr) return Text(node);
    if (node.Find("select") != nullptr) return Select(node);
    if (const Node* reduce = node.Find("reduce")) return ReduceStep{TextOf(reduce) != "svd", IntOf(node.Find("components"), 2)};
    return Log1pStep{};
  }

  /// The key that says what the step does.
  static std::string KindOf(const Node& node) {
    for (const Node::Entry& entry : node.entries)
      if (std::none_of(std::begin(kBeside), std::end(kBeside), [&](const Beside& beside) { return entry.key == beside.key; })) return entry.key;
    return "";
  }

  /// Keys that stand beside a kind that they do not belong to.
  void CheckKeys(const Node& node) {
    for (const Node::Entry& entry : node.entries)
      for (const Beside& beside : kBeside) {
        if (entry.key != beside.key) continue;
        const Node* kind = nullptr;
        std::string name;
        for (const std::string& one : Split(beside.kind, ' '))
          if (node.Find(one) != nullptr) kind = node.Find(name = one);
        if (kind == nullptr) {
          Error(DiagnosticCode::kConflict, entry.key_place, StrCat("`", entry.key, "` needs `", ReplaceAll(beside.kind, " ", "` or `"), "` beside it"));
        } else if (const std::string text = kind->is_scalar() ? TextOf(kind) : ""; beside.values[0] != '\0' && !kind->pending && !IsOneOf(beside.values, text)) {
          const std::string first = Split(beside.values, ' ')[0];
          Error(DiagnosticCode::kConflict, entry.key_place, StrCat("`", entry.key, "` has no meaning for `", name, text.empty() ? "" : StrCat(": ", text), "`"), StrCat("remove it, or write `", name, ": ", first, "`"));
        }
      }
  }

  ImputeStep Impute(const Node& node) {
    ImputeStep step;
    const Node& impute = *node.Find("impute");
    if (impute.is_map()) {
      step.with = ImputeStep::With::kConstant;
      step.constant = TextOf(impute.Find("constant"));
    } else {
      const std::string text = TextOf(&impute);
      if (text == "mean") step.with = ImputeStep::With::kMean;
      if (text == "most_frequent") step.with = ImputeStep::With::kMostFrequent;
      if (text == "missing") step.with = ImputeStep::With::kMissing;
    }
    step.indicator = BoolOf(node.Find("indicator"), false);
    step.by = TextOf(node.Find("by"));
    return step;
  }

  ClipStep Clip(const Node& node) {
    ClipStep step;
    const Node* lower = node.is_map() ? node.Find("lower") : node.items.size() == 2 ? node.items.data() : nullptr;
    const Node* upper = node.is_map() ? node.Find("upper") : node.items.size() == 2 ? node.items.data() + 1 : nullptr;
    if (lower == nullptr && upper == nullptr) {
      Error(DiagnosticCode::kBadValue, StartOf(node), "`clip` takes two bounds", "write `clip: [1%, 99%]` or `clip: {lower: 0}`");
      return step;
    }
    bool known = true;
    int percents = 0, plain = 0;
    double highest_lower = -INFINITY, lowest_upper = INFINITY;   // of all that they may be
    for (const auto& [bound, slot] : {std::pair{lower, &step.lower}, std::pair{upper, &step.upper}}) {
      if (bound == nullptr || bound->is_null()) continue;
      for (const Node* one : OpenNumbers::ValuesOf(*bound)) {
        std::string_view text = one->text;
        const bool percent = text.ends_with('%');
        if (percent) text.remove_suffix(1);
        double value = 0;
        known = known && !one->pending;
        if (one->pending) continue;
        if (!ParseDouble(Trim(text), &value) || std::isnan(value) || (percent && !(value >= 0 && value <= 100))) {
          Error(DiagnosticCode::kBadValue, one->place, StrCat("a bound of `clip` is a number or a percentile like 1%, got ", Describe(*one)));
          return step;
        }
        ++(percent ? percents : plain);
        if (!*slot) *slot = value;
        if (bound == lower) highest_lower = std::max(highest_lower, value);
        else lowest_upper = std::min(lowest_upper, value);
      }
    }
    step.percentiles = percents > 0;
    if (percents > 0 && plain > 0) Error(DiagnosticCode::kBadValue, StartOf(node), "the bounds of `clip` are a number and a percentile; both must be of one kind");
    else if (known && highest_lower > lowest_upper) Error(DiagnosticCode::kBadValue, StartOf(node), "the lower bound of `clip` is above the upper one");
    return step;
  }

  BinsStep Bins(const Node& node) {
    BinsStep step;
    const Node& bins = *node.Find("bins");
    step.count = IntOf(node.Find("count"), 5);
    step.onehot = TextOf(node.Find("output")) == "onehot";
    if (!bins.is_list()) {
      step.by = TextOf(&bins) == "uniform" ? BinsStep::By::kUniform : TextOf(&bins) == "kmeans" ? BinsStep::By::kKMeans : BinsStep::By::kQuantile;
      return step;
    }
    step.by = BinsStep::By::kEdges;
    for (const Node& edge : bins.items) step.edges.push_back(DoubleOf(&edge, 0));
    return step;
  }

  static SplineStep Spline(const Node& node) {
    SplineStep step;
    step.quantile = TextOf(node.Find("spline")) == "quantile";
    step.knots = IntOf(node.Find("knots"), 5);
    step.degree = IntOf(node.Find("degree"), 3);
    step.outside = EnumOf<SplineStep::Outside>(TextOf(node.Find("outside")), {"constant", "linear", "continue", "periodic"});
    step.bias = BoolOf(node.Find("bias"), true);
    return step;
  }

  EncodeStep Encode(const Node& node) {
    EncodeStep step;
    step.how = EnumOf<EncodeStep::How>(TextOf(node.Find("encode")), {"onehot", "ordinal", "target", "count", "frequency", "woe", "hash"});
    step.min_frequency = IntOf(node.Find("min_frequency"), 0);
    step.max_categories = IntOf(node.Find("max_categories"), 0);
    step.unknown = EnumOf<EncodeStep::Unknown>(TextOf(node.Find("handle_unknown")), {"other", "ignore", "error"});
    step.smooth = DoubleOf(node.Find("smooth"), -1);
    step.regularization = DoubleOf(node.Find("regularization"), 1);
    step.folds = IntOf(node.Find("folds"), 5);
    step.features = IntOf(node.Find("features"), 8);
    return step;
  }

  std::int64_t Day(const Node& node) {
    const Result<std::int64_t> day = ParseDate(node.text);
    if (!day.ok() && !node.pending) Error(DiagnosticCode::kBadValue, node.place, StrCat("a date like 2026-11-22 is expected, got ", Describe(node)));
    return day.ok() ? *day : 0;
  }

  static std::vector<DatePart> Parts(const Node* node) {
    std::vector<DatePart> parts;
    for (const std::string& text : TextsOf(node))
      parts.push_back(EnumOf<DatePart>(text, {"year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour", "minute", "second"}));
    return parts;
  }

  DateStep Date(const Node& node) {
    DateStep step;
    if (!node.is_map()) {
      step.parts = Parts(&node);
      return step;
    }
    step.parts = Parts(node.Find("parts"));
    step.cyclical = Parts(node.Find("cyclical"));
    if (const Node* since = node.Find("since")) step.since = Day(*since);
    if (const Node* holidays = node.Find("holidays")) {
      if (!holidays->is_list()) step.holidays = {Day(*holidays)};
      for (const Node& day : holidays->items) step.holidays.push_back(Day(day));
    }
    return step;
  }

  TextStep Text(const Node& node) {
    TextStep step;
    const std::string how = TextOf(node.Find("text"));
    step.how = how == "length" ? TextStep::How::kNone : how == "count" ? TextStep::How::kCount : how == "hash" ? TextStep::How::kHash : TextStep::How::kTfidf;
    step.length = how == "length" || BoolOf(node.Find("length"), false);
    step.characters = BoolOf(node.Find("characters"), false);
    if (const Node* ngrams = node.Find("ngrams")) {
      const bool list = ngrams->is_list();
      if (list && ngrams->items.size() != 2) {
        Error(DiagnosticCode::kBadValue, StartOf(*ngrams), "`ngrams` is a number, or two: from and to", "write `ngrams: [1, 2]`");
        return step;
      }
      step.ngram_from = IntOf(list ? ngrams->items.data() : ngrams, 1);
      step.ngram_to = IntOf(list ? &ngrams->items.back() : ngrams, 1);
    }
    step.max_features = how == "hash" ? IntOf(node.Find("features"), 100) : IntOf(node.Find("max_features"), 100);
    step.min_df = IntOf(node.Find("min_df"), 1);
    return step;
  }

  static SelectStep Select(const Node& node) {
    SelectStep step;
    step.by = EnumOf<SelectStep::By>(TextOf(node.Find("select")), {"variance", "correlation", "f", "chi2", "mutual_information"});
    step.threshold = DoubleOf(node.Find("threshold"), step.by == SelectStep::By::kCorrelation ? 0.95 : 0);
    step.k = IntOf(node.Find("k"), 10);
    return step;
  }

  TransformSpec out_;
  OpenNumbers open_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<TransformSpec> DecodeTransforms(const Node& node, Diagnostics& diagnostics, LeftOpen& open) {
  std::vector<TransformSpec> out;
  const auto add = [&](const Node& entry, const std::string& choice, const std::string& alternative) {
    if (std::optional<TransformSpec> spec = TransformDecoder(choice, alternative, open, diagnostics).Decode(entry)) out.push_back(*std::move(spec));
  };
  for (const Node& entry : node.items) {
    const Node* choose = entry.Find("choose");
    if (choose == nullptr) {
      add(entry, "", "");
      continue;
    }
    if (const Node::Entry* steps = entry.FindEntry("steps"))
      diagnostics.AddError(DiagnosticCode::kConflict, steps->key_place, "`steps` has no meaning beside `choose`").Help("put it into an alternative");
    if (open.choices.empty()) open.place = entry.FindEntry("choose")->key_place;
    for (const Node::Entry& choice : choose->entries) {
      TuneSpec::Dimension dimension;
      dimension.name = choice.key;
      for (const Node::Entry& alternative : choice.value.entries) {
        dimension.values.push_back(alternative.key);
        if (alternative.value.is_map()) add(alternative.value, choice.key, alternative.key);
        for (const Node& one : alternative.value.items) add(one, choice.key, alternative.key);
      }
      open.choices.push_back(std::move(dimension));
    }
  }
  return out;
}

}  // namespace headrace

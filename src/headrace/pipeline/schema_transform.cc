// Every key under `transform` of `train`. A kind of step is one key; what else it takes stands beside it.
#include "headrace/pipeline/schema.h"

namespace headrace {
namespace {

using enum ScalarType;

/// A number, or what `tune` may choose it from.
Shape Open(Shape number) { return Either({number, ListOf(number), RangeShape(number)}); }

Shape AtLeast(double minimum) { Shape shape = Scalar(kDouble); shape.minimum = minimum; return shape; }

Shape InputColumns() { return ListOrSingle(Scalar(kColumn)); }

Shape DateShape() {
  const auto parts = [] { return ListOrSingle(Choice({"year", "quarter", "month", "week", "day", "day_of_year", "weekday", "hour", "minute", "second"})); };
  return Either({parts(), MapOf("parts of a date", {
      {"parts", parts(), "one output each", "[year, month]"},
      {"cyclical", parts(), "two outputs each, sine and cosine, so that December lies beside January", "[month, weekday]"},
      {"since", Scalar(kText), "an output with the days since this date", "2020-01-01"},
      {"holidays", ListOrSingle(Scalar(kText)), "an output that is 1 on these dates", "[2025-12-25, 2026-01-01]"},
  })});
}

Shape StepShapeOf() {
  const std::vector<std::string> kinds = {"impute", "clip", "scale", "log1p", "quantile", "power", "bins", "spline", "polynomial", "normalize", "encode", "date", "text", "select", "reduce"};
  const Shape impute = Either({Choice({"mean", "median", "most_frequent", "missing"}),
                               MapOf("a constant", {Required({"constant", Scalar(kText), "the value that replaces nulls", "missing"})})});
  Shape bound = Open(Scalar(kText));
  bound.or_null = true;
  Shape map = MapOf("one step of preparation", {
      {"impute", impute, "replace nulls; `missing` keeps them as a level of their own (numbers: NaN and a 0/1 indicator)", "median"},
      {"indicator", Scalar(kBool), "impute: one more column, 1 where a value was missing", "true"},
      {"by", Scalar(kColumn), "impute: the mean or median of the rows that agree in this column", "country"},
      {"clip", Either({ListOf(bound),
                       MapOf("bounds", {{"lower", Open(Scalar(kText)), "smallest value, or a percentile", "0"}, {"upper", Open(Scalar(kText)), "largest value, or a percentile", "99%"}})}),
       "limit values to two bounds: numbers, or percentiles of the training rows", "[1%, 99%]"},
      {"scale", Choice({"standard", "minmax", "maxabs", "robust"}), "scale as scikit-learn's StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler", "standard"},
      {"log1p", Scalar(kBool), "take ln(1 + x)", "true"},
      {"quantile", Choice({"uniform", "normal"}), "spread values to this distribution, as QuantileTransformer", "normal"},
      {"quantiles", Open(IntFrom(2)), "quantile: how many are kept; 1000 when not given", "200"},
      {"power", Choice({"yeo_johnson", "box_cox"}), "the power that makes values most normal, as PowerTransformer", "yeo_johnson"},
      {"standardize", Scalar(kBool), "power: then mean 0 and variance 1; true when not given", "false"},
      {"bins", Either({Choice({"uniform", "quantile", "kmeans"}), ListOf(Scalar(kDouble))}), "which of several bins a value lies in: of equal width, of equal size, by k-means, or between the edges given", "quantile"},
      {"count", Open(IntFrom(2)), "bins: how many; 5 when not given", "10"},
      {"output", Choice({"ordinal", "onehot"}), "bins: the bin's number, or a 0/1 column a bin; `ordinal` when not given", "onehot"},
      {"spline", Choice({"uniform", "quantile"}), "a basis of B-splines with evenly spaced knots or knots at quantiles, as SplineTransformer", "quantile"},
      {"knots", Open(IntFrom(2)), "spline: knots; 5 when not given", "4"},
      {"degree", Open(IntFrom(0)), "spline: degree; 3 when not given", "2"},
      {"outside", Choice({"constant", "linear", "continue", "periodic"}), "spline: beyond the outer knots; `constant` when not given", "linear"},
      {"bias", Scalar(kBool), "spline: keep the last one, so that they add up to 1; true when not given", "false"},
      {"polynomial", Open(IntFrom(2)), "products of the group's columns up to this degree, as PolynomialFeatures", "2"},
      {"interactions_only", Scalar(kBool), "polynomial: no column twice in a product", "true"},
      {"normalize", Choice({"l1", "l2", "max"}), "divide each row of the group by its norm", "l2"},
      {"encode", Choice({"onehot", "ordinal", "target", "count", "frequency", "woe", "hash"}), "turn levels into numbers", "onehot"},
      {"min_frequency", Open(IntFrom(0)), "onehot: levels with fewer training rows join the column `other`", "20"},
      {"max_categories", Open(IntFrom(1)), "onehot: at most so many columns, the rarest levels join `other`", "50"},
      {"handle_unknown", Choice({"other", "ignore", "error"}), "what a level never seen at training becomes", "other"},
      {"smooth", Open(AtLeast(0)), "target: weight of the overall mean; chosen by empirical Bayes when not given", "20"},
      {"regularization", Open(Scalar(kDouble)), "woe: added to every count; 1 when not given", "0.5"},
      {"folds", Open(IntFrom(2)), "target, woe: folds of the cross-fitting", "5"},
      {"features", Open(IntFrom(1)), "encode hash, text hash: columns that levels or terms are spread over", "16"},
      {"date", DateShape(), "parts of a date or time as numbers", "[year, month, weekday]"},
      {"text", Choice({"tfidf", "count", "hash", "length"}), "what words a text holds; or only how long it is", "tfidf"},
      {"ngrams", ListOrSingle(IntFrom(1)), "text: terms of so many words, from and to; 1 when not given", "[1, 2]"},
      {"characters", Scalar(kBool), "text: terms of characters, not words", "true"},
      {"max_features", Open(IntFrom(1)), "text: at most so many terms, the most frequent; 100 when not given", "500"},
      {"min_df", Open(IntFrom(1)), "text: terms that fewer training rows hold are left out", "5"},
      {"length", Scalar(kBool), "text: also how many characters and words", "true"},
      {"select", Choice({"variance", "correlation", "f", "chi2", "mutual_information"}), "keep some of the group's columns: those that vary, those not like another, or the best", "f"},
      {"threshold", Open(AtLeast(0)), "select: keep variances above it (0 when not given); drop correlations above it (0.95)", "0.9"},
      {"k", Open(IntFrom(1)), "select: how many of the best; 10 when not given", "20"},
      {"reduce", Choice({"pca", "svd"}), "fewer columns that hold most of the group, as PCA and TruncatedSVD", "pca"},
      {"components", Open(IntFrom(1)), "reduce: how many; 2 when not given", "5"},
  }, kinds);
  return Either({Choice({"log1p"}), map});
}

std::vector<Key> EntryKeys() {
  const auto types = [] { return Choice({"bool", "int", "double", "text", "date", "timestamp"}); };
  return {
      {"columns", Either({ListOrSingle(Scalar(kColumn)), MapOf("a type or a tag", {
           {"type", types(), "all columns of this type that no entry before took", "double"},
           {"tag", Scalar(kText), "all columns that a contract of the pipeline tags so and that no entry before took", "money"},
       }, {"type", "tag"})}),
       "the columns it applies to, in order; a name with `*` takes all that fit and that no entry before took", "[recency_days, \"spend_*\"]"},
      {"steps", ListOrSingle(StepShapeOf()), "what happens to each of the columns, in order; an empty list passes them on", "[{impute: median}, {scale: standard}]"},
      {"derive", Named("name: expression", Scalar(kExpression), kName), "new columns from expressions over one row", "{spend_per_visit: \"spend / nullif(visits, 0)\"}"},
      {"cast", Named("column: type", types(), kColumn), "columns that are of another type from here on; a value that has no such form is missing", "{zip: text, amount: double}"},
      {"rename", Named("column: new name", Scalar(kColumn), kColumn), "columns that have another name from here on", "{spend_30d: spend}"},
      {"drop", InputColumns(), "columns that are left out; a name with `*` takes all that fit", "[\"tmp_*\"]"},
  };
}

std::vector<std::string> EntryKinds() { return {"columns", "derive", "cast", "rename", "drop"}; }

}  // namespace

const Shape& TransformEntryShape() {
  static const Shape shape = MapOf("a transform", EntryKeys(), EntryKinds());
  return shape;
}

const Shape& TransformShape() {
  static const Shape shape = [] {
    std::vector<Key> keys = EntryKeys();
    std::vector<std::string> kinds = EntryKinds();
    const Shape entries = Either({ListOf(TransformEntryShape()), TransformEntryShape()});
    keys.push_back({"choose", Named("choice: alternatives", Named("alternative: transforms", entries)),
                    "transforms between which `tune` chooses: for each choice named alternatives, each a transform or a list of them, `[]` for none (docs/tuning.md)",
                    "{city: {by_target: {columns: city, steps: [{encode: target}]}, by_level: {columns: city, steps: [{encode: onehot}]}}}"});
    kinds.emplace_back("choose");
    return MapOf("a transform or a choice", std::move(keys), std::move(kinds));
  }();
  return shape;
}

}  // namespace headrace

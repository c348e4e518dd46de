// Steps on the rows of a whole group: products of its columns, and division by the row's norm.
#include <algorithm>
#include <cmath>
#include <set>

#include "headrace/feature/elementwise.h"

namespace headrace::internal {
namespace {

using Norm = NormalizeStep::Norm;
constexpr std::string_view kNormNames[] = {"l1", "l2", "max"};
constexpr std::int64_t kMostDegree = 6;

/// A product of columns: one that came before, times one column more.
struct Product { std::size_t prefix, column; };   // prefix = kNone: the column alone
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// In scikit-learn's order: by degree, then by columns. Empty when there would be more than kMaxOutputs.
std::vector<Product> Products(std::size_t columns, std::size_t degree, bool interactions_only) {
  std::vector<Product> out;
  for (std::size_t c = 0; c < columns; ++c) out.push_back({kNone, c});
  std::size_t begin = 0;
  for (std::size_t d = 2; d <= degree; ++d) {
    const std::size_t end = out.size();
    for (std::size_t prefix = begin; prefix < end; ++prefix)
      for (std::size_t c = out[prefix].column + (interactions_only ? 1 : 0); c < columns; ++c) {
        if (out.size() >= kMaxOutputs) return {};
        out.push_back({prefix, c});
      }
    begin = end;
  }
  return out;
}

class Polynomial final : public FittedStep {
 public:
  Polynomial(std::size_t columns, std::size_t degree, bool interactions_only)
      : degree_(degree), interactions_only_(interactions_only), products_(Products(columns, degree, interactions_only)) {}

  Status Run(Lane& lane) const override {
    for (std::size_t p = 0; p < products_.size(); ++p) {
      const double* column = lane.in[products_[p].column];
      if (products_[p].prefix == kNone) {
        std::copy(column, column + lane.rows, lane.out[p]);
        continue;
      }
      const double* prefix = lane.out[products_[p].prefix];
      for (std::size_t i = 0; i < lane.rows; ++i) lane.out[p][i] = prefix[i] * column[i];
    }
    return Ok();
  }
  std::size_t Width(std::size_t) const override { return products_.size(); }
  bool in_place() const override { return false; }

  void Describe(Outputs& outputs) const override {
    Outputs out;
    for (Product product : products_) {
      std::vector<std::size_t> columns;
      for (; product.prefix != kNone; product = products_[product.prefix]) columns.push_back(product.column);
      columns.push_back(product.column);
      std::reverse(columns.begin(), columns.end());
      std::vector<std::string> names, made_of;
      for (std::size_t i = 0; i < columns.size();) {
        std::size_t times = 1;
        while (i + times < columns.size() && columns[i + times] == columns[i]) ++times;
        names.push_back(times == 1 ? outputs.names[columns[i]] : StrCat(outputs.names[columns[i]], "^", times));
        const std::string& column = outputs.columns[columns[i]];
        if (std::find(made_of.begin(), made_of.end(), column) == made_of.end()) made_of.push_back(column);
        i += times;
      }
      out.names.push_back(Join(names, " x "));
      out.columns.push_back(Join(made_of, " x "));
    }
    outputs = std::move(out);
  }
  json ToJson() const override { return {{"step", "polynomial"}, {"degree", degree_}, {"interactions_only", interactions_only_}}; }

 private:
  std::size_t degree_;
  bool interactions_only_;
  std::vector<Product> products_;
};

class Normalize final : public FittedStep {
 public:
  explicit Normalize(Norm norm) : norm_(norm) {}

  Status Run(Lane& lane) const override {
    constexpr std::size_t kRows = 64;
    double norms[kRows];
    for (std::size_t begin = 0; begin < lane.rows; begin += kRows) {
      const std::size_t rows = std::min(kRows, lane.rows - begin);
      std::fill_n(norms, rows, 0.0);
      for (const double* column : lane.out)
        for (std::size_t i = 0; i < rows; ++i) {
          const double x = column[begin + i], size = x == x ? std::fabs(x) : 0.0;
          norms[i] = norm_ == Norm::kMax ? std::max(norms[i], size) : norms[i] + (norm_ == Norm::kL1 ? size : size * size);
        }
      for (std::size_t i = 0; i < rows; ++i) {
        if (norm_ == Norm::kL2) norms[i] = std::sqrt(norms[i]);
        if (norms[i] == 0) norms[i] = 1;
      }
      for (double* column : lane.out)
        for (std::size_t i = 0; i < rows; ++i) column[begin + i] /= norms[i];
    }
    return Ok();
  }
  json ToJson() const override { return {{"step", "normalize"}, {"norm", kNormNames[static_cast<std::size_t>(norm_)]}}; }

 private:
  Norm norm_;
};

}  // namespace

Result<StepPtr> ReadPolynomial(const json& from, const ReadContext& context) {
  RETURN_IF_ERROR(NeedInputs(context));
  ASSIGN_OR_RETURN(const std::int64_t degree, ReadInt(from, "degree", 1, kMostDegree));
  ASSIGN_OR_RETURN(const bool interactions_only, ReadBool(from, "interactions_only"));
  if (Products(context.inputs, static_cast<std::size_t>(degree), interactions_only).empty()) return Damaged("far too many products");
  return StepPtr(std::make_unique<Polynomial>(context.inputs, static_cast<std::size_t>(degree), interactions_only));
}

Result<StepPtr> ReadNormalize(const json& from, const ReadContext& context) {
  RETURN_IF_ERROR(NeedInputs(context));
  ASSIGN_OR_RETURN(const std::size_t norm, ReadName(from, "norm", kNormNames));
  return StepPtr(std::make_unique<Normalize>(static_cast<Norm>(norm)));
}

Status Check(const PolynomialStep& step, StepTypes& types) {
  if (step.degree < 2 || step.degree > kMostDegree) return types.Refuse(StrCat("polynomial has a degree between 2 and ", kMostDegree, ", not ", step.degree));
  return types.NeedNumbers("polynomial");
}

Result<FitResult> Fit(const PolynomialStep& step, FitInput& input) {
  const std::vector<Product> products = Products(input.numbers.size(), static_cast<std::size_t>(step.degree), step.interactions_only);
  RETURN_IF_ERROR(input.LimitOutputs(products.empty() ? kMaxOutputs + 1 : products.size(), "products", "use fewer columns or a lower degree"));
  return FitResult{std::make_unique<Polynomial>(input.numbers.size(), static_cast<std::size_t>(step.degree), step.interactions_only)};
}

Status Check(const NormalizeStep&, StepTypes& types) { return types.NeedNumbers("normalize"); }
Result<FitResult> Fit(const NormalizeStep& step, FitInput&) { return FitResult{std::make_unique<Normalize>(step.norm)}; }

}  // namespace headrace::internal

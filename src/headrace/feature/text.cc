// text: what words a text holds, as numbers. A term is a run of n words, or of n characters. Words are runs of at least two letters, digits and underscores (every character
// beyond ASCII counts as a letter), in lower case as far as ASCII goes.
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <unordered_map>

#include "headrace/base/math.h"
#include "headrace/feature/blocks.h"
#include "headrace/feature/elementwise.h"

namespace headrace::internal {
namespace {

using How = TextStep::How;
constexpr std::string_view kHowNames[] = {"none", "count", "tfidf", "hash"};   // in the order of the enum
constexpr std::int64_t kLongestTerm = 10;
constexpr std::size_t kMostTerms = 10'000'000;   // different ones that fitting may hold

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
bool InWord(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool Blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Splits texts into terms. Threads: none; buffers are used again.
class Tokenizer {
 public:
  Tokenizer(bool characters, std::int64_t from, std::int64_t to) : characters_(characters), from_(static_cast<std::size_t>(from)), to_(static_cast<std::size_t>(to)) {}

  /// Take a text; then words() and Terms are of it.
  void Take(std::string_view text) {
    text_.assign(text);
    for (char& c : text_) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    units_.clear();
    words_ = 0;
    for (std::size_t i = 0; i < text_.size();) {
      if (!InWord(text_[i])) {
        ++i;
        continue;
      }
      std::size_t end = i, length = 0;
      for (; end < text_.size() && InWord(text_[end]); ++end) length += Continues(text_[end]) ? 0 : 1;
      if (length >= 2) {
        ++words_;
        if (!characters_) units_.push_back({i, end});
      }
      i = end;
    }
    if (characters_) TakeCharacters();
  }
  std::size_t words() const { return words_; }

  template <typename Use>
  void Terms(const Use& use) {
    for (std::size_t n = from_; n <= to_; ++n)
      for (std::size_t u = 0; u + n <= units_.size(); ++u) {
        if (n == 1 || characters_) {
          use(std::string_view(text_).substr(units_[u].begin, units_[u + n - 1].end - units_[u].begin));
          continue;
        }
        term_.clear();
        for (std::size_t i = u; i < u + n; ++i) {
          if (i > u) term_.push_back(' ');
          term_.append(text_, units_[i].begin, units_[i].end - units_[i].begin);
        }
        use(std::string_view(term_));
      }
  }

 private:
  struct Unit { std::size_t begin, end; };

  /// Several blanks in a row are one, as in scikit-learn.
  void TakeCharacters() {
    term_.clear();
    for (std::size_t i = 0; i < text_.size();) {
      std::size_t end = i;
      while (end < text_.size() && Blank(text_[end])) ++end;
      if (end > i + 1) term_.push_back(' ');
      if (end > i + 1) i = end;
      else term_.push_back(text_[i++]);
    }
    text_.swap(term_);
    for (std::size_t i = 0; i < text_.size();) {
      std::size_t end = i + 1;
      while (end < text_.size() && Continues(text_[end])) ++end;
      units_.push_back({i, end});
      i = end;
    }
  }

  bool characters_;
  std::size_t from_, to_, words_ = 0;
  std::string text_, term_;
  std::vector<Unit> units_;
};

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return !Continues(c); }));
}

class Terms final : public FittedStep {
 public:
  /// `terms` and `weights` are empty unless there is a vocabulary.
  Terms(TextStep step, std::vector<std::string> terms, std::vector<double> weights) : step_(std::move(step)), vocabulary_(Levels::OfText(std::move(terms))), weights_(std::move(weights)) {}

  Status Run(Lane& lane) const override {
    for (double* column : lane.out) std::fill_n(column, lane.rows, 0.0);
    Tokenizer tokenizer(step_.characters, step_.ngram_from, step_.ngram_to);
    const std::size_t terms = TermColumns();
    std::vector<std::size_t> touched;
    for (std::size_t i = 0; i < lane.rows; ++i) {
      const bool null = lane.source->IsNull(lane.begin + i);
      if (null && lane.fill == nullptr) continue;
      const std::string_view text = null ? std::string_view(*lane.fill) : lane.source->text(lane.begin + i);
      tokenizer.Take(text);
      if (step_.length) {
        lane.out[terms][i] = static_cast<double>(Characters(text));
        lane.out[terms + 1][i] = static_cast<double>(tokenizer.words());
      }
      if (step_.how == How::kNone) continue;
      touched.clear();
      tokenizer.Terms([&](std::string_view term) {
        std::size_t at;
        double by = 1;
        if (step_.how == How::kHash) {
          const std::uint64_t hash = XXH64(term.data(), term.size(), 0);
          at = hash % terms;
          by = hash >> 63 != 0 ? -1 : 1;
        } else {
          const std::int32_t found = vocabulary_.Find(term);
          if (found < 0) return;
          at = static_cast<std::size_t>(found);
        }
        touched.push_back(at);
        lane.out[at][i] += by;
      });
      if (step_.how != How::kCount) Weigh(lane, i, touched);
    }
    return Ok();
  }
  std::size_t Width(std::size_t) const override { return TermColumns() + (step_.length ? 2 : 0); }
  bool in_place() const override { return false; }
  bool leaves_missing() const override { return false; }

  void Describe(Outputs& outputs) const override {
    const std::string name = outputs.names[0], column = outputs.columns[0];
    outputs.names.clear();
    if (step_.how == How::kHash)
      for (std::size_t k = 0; k < TermColumns(); ++k) outputs.names.push_back(StrCat(name, "#", k));
    else
      for (const std::string& term : vocabulary_.texts()) outputs.names.push_back(StrCat(name, "~", term));
    if (step_.length)
      for (const char* what : {".characters", ".words"}) outputs.names.push_back(StrCat(name, what));
    outputs.columns.assign(outputs.names.size(), column);
  }

  json ToJson() const override {
    return {{"step", "text"}, {"how", kHowNames[static_cast<std::size_t>(step_.how)]}, {"length", step_.length}, {"characters", step_.characters},
            {"from", step_.ngram_from}, {"to", step_.ngram_to}, {"features", step_.how == How::kHash ? step_.max_features : 0}, {"terms", vocabulary_.texts()},
            {"weights", NumbersToJson(weights_)}};
  }

 private:
  std::size_t TermColumns() const { return step_.how == How::kNone ? 0 : step_.how == How::kHash ? static_cast<std::size_t>(step_.max_features) : vocabulary_.size(); }

  /// Weights, then the row divided by its length. Each column once, in order: the sum's bits do not depend on the order of the words.
  void Weigh(Lane& lane, std::size_t i, std::vector<std::size_t>& touched) const {
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    double squares = 0;
    for (const std::size_t at : touched) {
      double& x = lane.out[at][i];
      if (!weights_.empty()) x *= weights_[at];
      squares += x * x;
    }
    if (squares == 0) return;
    const double norm = std::sqrt(squares);
    for (const std::size_t at : touched) lane.out[at][i] /= norm;
  }

  TextStep step_;
  Levels vocabulary_;
  std::vector<double> weights_;
};

struct TermCount { std::int64_t times = 0, texts = 0, last = -1; };

}  // namespace

Result<StepPtr> ReadTextStep(const json& from, const ReadContext& context) {
  if (context.group || context.inputs > 0 || context.type != Type::kText) return Damaged("terms of something that is no text");
  TextStep step;
  ASSIGN_OR_RETURN(const std::size_t how, ReadName(from, "how", kHowNames));
  step.how = static_cast<How>(how);
  ASSIGN_OR_RETURN(step.length, ReadBool(from, "length"));
  ASSIGN_OR_RETURN(step.characters, ReadBool(from, "characters"));
  ASSIGN_OR_RETURN(step.ngram_from, ReadInt(from, "from", 1, kLongestTerm));
  ASSIGN_OR_RETURN(step.ngram_to, ReadInt(from, "to", step.ngram_from, kLongestTerm));
  const bool hash = step.how == How::kHash;
  ASSIGN_OR_RETURN(step.max_features, ReadInt(from, "features", hash ? 1 : 0, hash ? static_cast<std::int64_t>(kMaxOutputs) : 0));
  ASSIGN_OR_RETURN(std::vector<std::string> terms, ReadTexts(from, "terms"));
  if (std::adjacent_find(terms.begin(), terms.end(), std::greater_equal<>()) != terms.end()) return Damaged("terms out of order");
  if ((step.how == How::kCount || step.how == How::kTfidf) == terms.empty()) return Damaged("terms where there are none");
  ASSIGN_OR_RETURN(std::vector<double> weights, ReadNumbers(from, "weights", step.how == How::kTfidf ? terms.size() : 0));
  if (step.how == How::kNone && !step.length) return Damaged("a text of which nothing is kept");
  return StepPtr(std::make_unique<Terms>(std::move(step), std::move(terms), std::move(weights)));
}

Status Check(const TextStep& step, StepTypes& types) {
  if (types.group || types.numbers || types.type != Type::kText) return types.Refuse("`text` needs text as the table has it");
  if (step.how == How::kNone && !step.length) return types.Refuse("`text` must keep terms or lengths");
  if (step.ngram_from < 1 || step.ngram_to < step.ngram_from || step.ngram_to > kLongestTerm) return types.Refuse(StrCat("n-grams go from 1 at least to ", kLongestTerm, " at most"));
  if (step.max_features < 1 || step.max_features > static_cast<std::int64_t>(kMaxOutputs)) return types.Refuse(StrCat("text becomes between 1 and ", kMaxOutputs, " columns, not ", step.max_features));
  types.numbers = true;
  return Ok();
}

Result<FitResult> Fit(const TextStep& step, FitInput& input) {
  if (step.how == How::kNone || step.how == How::kHash) {
    if (step.how == How::kHash) RETURN_IF_ERROR(input.LimitOutputs(static_cast<std::size_t>(step.max_features), "columns of terms", "use fewer features"));
    return FitResult{std::make_unique<Terms>(step, std::vector<std::string>{}, std::vector<double>{})};
  }
  std::unordered_map<std::string, TermCount> counts;   // never walked in its own order but to be sorted
  Tokenizer tokenizer(step.characters, step.ngram_from, step.ngram_to);
  std::string key;
  for (std::size_t i = 0; i < input.rows; ++i) {
    const bool null = input.source->IsNull(i);
    if (null && !input.fill) continue;
    tokenizer.Take(null ? std::string_view(*input.fill) : input.source->text(i));
    tokenizer.Terms([&](std::string_view term) {
      key.assign(term);
      TermCount& count = counts[key];
      ++count.times;
      count.texts += count.last == static_cast<std::int64_t>(i) ? 0 : 1;
      count.last = static_cast<std::int64_t>(i);
    });
    if (counts.size() > kMostTerms) return input.Refuse(StrCat("has more than ", FormatCount(kMostTerms), " different terms")).WithHelp("use {text: hash}, which holds none of them");
  }
  std::vector<std::pair<std::string, TermCount>> kept;
  for (auto& [term, count] : counts)
    if (count.texts >= step.min_df && IsUtf8(term)) kept.emplace_back(term, count);
  std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.second.times != b.second.times ? a.second.times > b.second.times : a.first < b.first; });
  if (kept.size() > static_cast<std::size_t>(step.max_features)) kept.resize(static_cast<std::size_t>(step.max_features));
  if (kept.empty()) return input.Refuse(StrCat("has no term that ", step.min_df, " texts hold")).WithHelp("lower min_df");
  RETURN_IF_ERROR(input.LimitOutputs(kept.size(), "columns of terms", "lower max_features"));
  std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> terms;
  std::vector<double> weights;
  for (const auto& [term, count] : kept) {
    terms.push_back(term);
    if (step.how == How::kTfidf) weights.push_back(math::Log((1.0 + static_cast<double>(input.rows)) / (1.0 + static_cast<double>(count.texts))) + 1);
  }
  return FitResult{std::make_unique<Terms>(step, std::move(terms), std::move(weights))};
}

}  // namespace headrace::internal

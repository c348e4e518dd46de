// POSIX regular expressions of the C library rather than std::regex, which recurses once a character and so overflows
// the stack on long texts. Columns repeat their texts, so the last few thousand answers are kept. Patterns are read as UTF-8
// whatever the user's locale: `.` is one character, and results do not depend on the machine's settings.

#include <clocale>
#include <locale.h>
#include <regex.h>

#include <functional>
#include <unordered_map>

#include "headrace/base/text.h"
#include "headrace/check/pattern.h"
#include "headrace/check/row_check.h"

namespace headrace::internal {
namespace {

constexpr std::size_t kCachedTexts = 4096, kCachedBytes = 256;

locale_t Utf8Locale() {
  static const locale_t locale = [] {
    for (const char* name : {"C.UTF-8", "C.utf8", "en_US.UTF-8"})
      if (const locale_t made = newlocale(LC_CTYPE_MASK, name, nullptr)) return made;
    return locale_t{};
  }();
  return locale;
}

/// This thread reads characters as UTF-8 while this lives.
class Utf8Scope {
 public:
  Utf8Scope() : before_(uselocale(Utf8Locale())) {}
  ~Utf8Scope() { uselocale(before_); }
  Utf8Scope(const Utf8Scope&) = delete;
  Utf8Scope& operator=(const Utf8Scope&) = delete;

 private:
  locale_t before_;
};

/// A compiled pattern that holds for the whole text.
class Pattern {
 public:
  Pattern() = default;
  ~Pattern() { if (compiled_) regfree(&regex_); }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  Status Compile(const std::string& pattern) {
    if (Utf8Locale() == locale_t{}) return Error(ErrorCode::kFailed, "this machine has no UTF-8 locale to match patterns with").WithHelp("install the locale C.UTF-8");
    if (pattern.find('\0') != std::string::npos) return Bad("it has a zero byte", pattern);
    if (const auto at = BackReference(pattern); at != std::string::npos)
      return Error(ErrorCode::kInvalid, "`", pattern, "` is not a POSIX extended regular expression: it refers back to a group")
          .WithSpan({at, 2}).WithHelp("write the group out, or use `expect`");
    const Utf8Scope utf8;
    RETURN_IF_ERROR(CompileText(pattern, pattern));  // alone first: `a)(b` must not pass because of our own parentheses
    regfree(&regex_);
    compiled_ = false;
    return CompileText(StrCat("^(", pattern, ")$"), pattern);
  }

  Result<bool> Matches(std::string_view text) const {
    regmatch_t part{};
    part.rm_eo = static_cast<regoff_t>(text.size());
    const int result = regexec(&regex_, text.data() == nullptr ? "" : text.data(), 0, &part, REG_STARTEND);
    if (result == 0) return true;
    if (result == REG_NOMATCH) return false;
    return Error(ErrorCode::kFailed, "matching a text of ", text.size(), " bytes ran out of memory");
  }

 private:
  static Status Bad(std::string_view why, const std::string& pattern) {
    return Error(ErrorCode::kInvalid, "`", pattern, "` is not a POSIX extended regular expression: ", why).WithSpan({0, pattern.size()});
  }

  /// Where `\1` to `\9` stand outside brackets. POSIX leaves them undefined, and they take exponential time.
  static std::size_t BackReference(const std::string& pattern) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] == '[') {
        std::size_t close = i + 1;
        if (close < pattern.size() && pattern[close] == '^') ++close;
        close = pattern.find(']', close + 1);  // a first `]` is a member
        if (close == std::string::npos) break;
        i = close;
      } else if (pattern[i] == '\\' && i + 1 < pattern.size()) {
        if (pattern[i + 1] >= '1' && pattern[i + 1] <= '9') return i;
        ++i;
      }
    }
    return std::string::npos;
  }

  Status CompileText(const std::string& text, const std::string& shown) {
    const int error = regcomp(&regex_, text.c_str(), REG_EXTENDED | REG_NOSUB);
    compiled_ = error == 0;
    if (compiled_) return Ok();
    char why[128];
    regerror(error, &regex_, why, sizeof why);
    return Bad(ToLower(why), shown);
  }

  regex_t regex_{};
  bool compiled_ = false;
};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

class MatchesCheck : public RowCheck {
 public:
  MatchesCheck(const CheckSpec& spec, std::size_t at, std::shared_ptr<const Pattern> pattern)
      : RowCheck(spec.columns), at_(at), written_(spec.pattern), pattern_(std::move(pattern)) {}

  std::unique_ptr<RowCheck> Clone() const override { return std::make_unique<MatchesCheck>(*this); }
  Status Test(const Table& block, std::span<std::uint8_t> failed) override {
    const Utf8Scope utf8;
    const Column& column = block.column(at_);
    for (std::size_t i = 0; i < failed.size(); ++i) {
      if (column.IsNull(i)) continue;
      ASSIGN_OR_RETURN(const bool matches, Matches(column.text(i)));
      failed[i] = matches ? 0 : 1;
    }
    return Ok();
  }

  std::string Complaint(std::int64_t failed, std::int64_t rows) const override {
    return StrCat("column `", columns()[0], "`: ", RowsThat(failed, rows, "does", "do"), " not match `", written_, "`");
  }
  bool by_value() const override { return true; }

 private:
  Result<bool> Matches(std::string_view text) {
    if (text.size() > kCachedBytes) return pattern_->Matches(text);
    if (const auto known = known_.find(text); known != known_.end()) return known->second;
    ASSIGN_OR_RETURN(const bool matches, pattern_->Matches(text));
    if (known_.size() >= kCachedTexts) known_.clear();
    known_.emplace(text, matches);
    return matches;
  }

  std::size_t at_;
  std::string written_;
  std::shared_ptr<const Pattern> pattern_;
  std::unordered_map<std::string, bool, TextHash, std::equal_to<>> known_;
};

}  // namespace

Result<std::unique_ptr<RowCheck>> MakeMatches(const CheckSpec& spec, const Schema& schema) {
  ASSIGN_OR_RETURN(const std::size_t at, OnlyColumn(spec, schema));
  if (schema[at].type != Type::kText)
    return Error(ErrorCode::kInvalid, "`matches` needs a column of text; `", schema[at].name, "` is ", TypeName(schema[at].type)).WithHelp("use `range`, `one_of` or `expect`");
  auto pattern = std::make_shared<Pattern>();
  RETURN_IF_ERROR(pattern->Compile(spec.pattern));
  return std::unique_ptr<RowCheck>(std::make_unique<MatchesCheck>(spec, at, std::move(pattern)));
}

}  // namespace headrace::internal

namespace headrace {

Status CheckPattern(const std::string& pattern) { return internal::Pattern().Compile(pattern); }

}  // namespace headrace

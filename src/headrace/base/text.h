#pragma once

#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headrace {

namespace internal {
void AppendPart(std::string& out, std::string_view part);
void AppendPart(std::string& out, const char* part);
void AppendPart(std::string& out, char part);
void AppendPart(std::string& out, bool part);
void AppendPart(std::string& out, double part);
void AppendInt(std::string& out, long long part);
void AppendUint(std::string& out, unsigned long long part);
template <std::signed_integral T> void AppendPart(std::string& out, T part) { AppendInt(out, part); }
template <std::unsigned_integral T> void AppendPart(std::string& out, T part) { AppendUint(out, part); }
}  // namespace internal

/// Join parts into a string: text as it is, numbers in decimal (doubles in the shortest form that
/// reads back to the same bits), bool as true/false.
template <typename... Parts>
std::string StrCat(const Parts&... parts) {
  std::string out;
  (internal::AppendPart(out, parts), ...);
  return out;
}

/// Shortest decimal that reads back to the same double; "nan", "inf", "-inf" for the others.
std::string FormatDouble(double value);
/// A whole number with thousands separators: 1234567 -> "1,234,567".
std::string FormatCount(std::int64_t value);
/// How many, and of what: "1 row", "1,234 rows". `several` where an s does not make it: Counted(n, "row has", "rows have").
std::string Counted(std::int64_t n, std::string_view one, std::string_view several = {});

std::vector<std::string> Split(std::string_view text, char separator);
std::string Join(std::span<const std::string> parts, std::string_view separator);
/// Without ASCII blanks at both ends.
std::string_view Trim(std::string_view text);
std::string ToLower(std::string_view text);  ///< ASCII only
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);
/// Whether `text` is well-formed UTF-8 (no overlong forms, no surrogates).
bool IsUtf8(std::string_view text);
/// `name` matches [A-Za-z_][A-Za-z0-9_]*: what may name a step, a parameter, a column in an expression.
bool IsIdentifier(std::string_view name);

/// The whole text as one number, or false: no blanks, no trailing text, range checked.
bool ParseInt(std::string_view text, std::int64_t* out);
bool ParseDouble(std::string_view text, double* out);  ///< also nan, inf, -inf (any case)

/// The one name of `names` a reader most likely meant by `word`: Damerau-Levenshtein distance at
/// most 2 and at most a third of the length (at least 1), case ignored; "" when none or when two
/// are equally near.
std::string NearestName(std::string_view word, std::span<const std::string> names);

}  // namespace headrace

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headrace {

/// "0.3 ms", "42 ms", "1.24 s", "12.3 s", "2 min 05 s", "1 h 12 min": three digits where they say something.
std::string ShowSeconds(double seconds);
/// A share in [0, 1] as "12.3 %"; "0 %", "100 %" only when exact.
std::string ShowPercent(double share);
/// A metric or a score with four significant digits: "0.8124", "1,204", "0.00012"; "nan" and "inf" as such.
std::string ShowNumber(double value);
/// A bound or a bin width without trailing zeros: "0.05", "0.27", "1,204", "2.5e-06".
std::string ShowPlain(double value);
/// The difference of two metrics, four decimals where that says something, with a sign: "+0.0123", "−0.0040", "±0".
std::string ShowDifference(double value);
/// "1 row", "4,712 rows".
std::string ShowCount(std::int64_t count, std::string_view singular, std::string_view plural);
/// The first twelve characters of a digest.
std::string ShortDigest(std::string_view digest);
/// At most `width` columns of text: "a_very_lo…_of_step". Counts wide (East Asian) characters as two. Invalid bytes count one.
std::string Shorten(std::string_view text, std::size_t width);
/// Columns of text that `text` takes, roughly.
std::size_t TextWidth(std::string_view text);
/// The first letter in upper case when the first word is a plain one; a name such as `crm.orders` stays as it is.
std::string Capitalised(std::string_view text);

}  // namespace headrace

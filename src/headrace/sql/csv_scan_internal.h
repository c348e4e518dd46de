#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

/// What must be known of a CSV file before the engine reads it.
struct CsvShape {
  char delimiter = ',';
  std::vector<std::string> header;  ///< names, blanks around them removed; unique without regard to case, none empty
  std::int64_t rows = 0;            ///< without the header; -1: not counted
  bool mixed_newlines = false;      ///< some lines end in CR LF and some in LF
  std::size_t longest_record = 0;   ///< bytes
};

/// Read the whole of a plain or gzip file (told by its bytes) once and check all that makes a CSV file readable: UTF-8
/// without NULs, a header of unique names, quotes that end (RFC 4180), as many fields in every row as in the header.
/// Without `delimiter` the one of , ; tab | is taken that cuts the first lines most evenly. Errors are kData with the
/// line.
Result<CsvShape> ScanCsv(const std::string& path, std::optional<char> delimiter);

/// The same from the first lines only (for files that only the engine can unpack); `rows` is -1.
Result<CsvShape> ScanCsvHead(const std::string& path, std::string_view head, std::optional<char> delimiter);

/// "comma", "semicolon", "tab", "bar", or the character itself.
std::string DelimiterName(char delimiter);

}  // namespace headrace

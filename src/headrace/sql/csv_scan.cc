#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>

#include "headrace/base/text.h"
#include "headrace/sql/csv_scan_internal.h"

// One pass over the bytes before the engine reads them. The engine's own messages speak of its options; ours must say
// which line is wrong and what to do. A pass costs about a tenth of what reading the rows costs.

namespace headrace {
namespace {

constexpr char kDelimiters[] = {',', ';', '\t', '|'};
constexpr std::size_t kChunk = 1 << 20;

struct Closer {
  void operator()(gzFile_s* file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, Closer>;  // reads plain files as they are

Status Bad(const std::string& path, std::int64_t line, const std::string& what) {
  return Error(ErrorCode::kData, path, ":", line, ": ", what);
}

/// Cuts bytes into records and fields, in pieces of any size, and remembers what is wrong.
class Cutter {
 public:
  Cutter(std::string path, char delimiter) : path_(std::move(path)), delimiter_(delimiter) {}

  // Keep the texts of the first records.
  std::size_t keep = 1;
  std::vector<std::vector<std::string>> kept;
  std::vector<std::size_t> counts;  // fields of the first records, as many as are kept

  Status Feed(std::string_view bytes) {
    for (const char c : bytes) {
      if (const auto u = static_cast<unsigned char>(c); u >= 0x80 || pending_ != 0)
        RETURN_IF_ERROR(Utf8(u));
      else if (c == '\0')
        return Bad(path_, line_, "a NUL byte, which no text file has")
            .WithHelp(
                StrCat("if the file is UTF-16, convert it: iconv -f UTF-16 -t UTF-8 ", path_, " > converted.csv"));
      ++record_bytes_;
      RETURN_IF_ERROR(One(c));
    }
    return Ok();
  }

  Status End() {
    if (pending_ != 0) return NotUtf8(0);
    if (state_ == State::kQuoted)
      return Bad(path_, quote_line_, "a quoted field starts here and does not end")
          .WithHelp("close the quote, or double a quote that is part of the text");
    if (state_ != State::kFieldStart || fields_ > 0) return EndRecord();
    return Ok();
  }

  std::int64_t records() const { return records_; }
  bool mixed_newlines() const { return crlf_ && lf_; }
  std::size_t longest() const { return longest_; }
  /// The first row whose number of fields is not the header's.
  Status Ragged() const {
    if (ragged_ == 0) return Ok();
    const std::string more =
        ragged_ > 1 ? StrCat(" (and in ", FormatCount(ragged_ - 1), ragged_ == 2 ? " more row" : " more rows", ")")
                    : "";
    Status status = Bad(path_, ragged_line_,
                        StrCat("expected ", expected_, " fields as in the header, found ", ragged_found_, more));
    return std::move(status).WithHelp(
        ragged_found_ > expected_ ? StrCat("put quotes around a field that contains a ", DelimiterName(delimiter_),
                                           ", or take out what is too much")
                                  : "fill in the missing fields (an empty one is enough), or take the line out");
  }

 private:
  enum class State { kFieldStart, kBare, kQuoted, kQuoteInQuoted };

  Status One(char c) {
    switch (state_) {
      case State::kQuoted:
        if (c == '"')
          state_ = State::kQuoteInQuoted;
        else {
          if (c == '\n') ++line_;
          Keep(c);
        }
        return Ok();
      case State::kQuoteInQuoted:
        if (c == '"') {
          Keep(c);
          state_ = State::kQuoted;
          return Ok();
        }
        if (c != delimiter_ && c != '\n' && c != '\r' && c != ' ')
          return Bad(path_, line_,
                     StrCat("text follows a closing quote",
                            quote_line_ == line_ ? "" : StrCat("; the field opened in line ", quote_line_)))
              .WithHelp("double a quote that is part of the text, and put quotes around the whole field");
        break;
      case State::kFieldStart:
        if (c == '"') {
          state_ = State::kQuoted;
          quote_line_ = line_;
          return Ok();
        }
        break;
      case State::kBare:
        break;
    }
    if (c == delimiter_) {
      EndField();
    } else if (c == '\n') {
      (cr_ ? crlf_ : lf_) = true;
      cr_ = false;
      return EndRecord();
    } else if (c == '\r') {
      cr_ = true;  // belongs to the line's end when LF follows
    } else if (state_ != State::kQuoteInQuoted && !(state_ == State::kFieldStart && c == ' ')) {
      state_ = State::kBare;
      Keep(c);
    }
    return Ok();
  }

  void Keep(char c) {
    if (records_ < static_cast<std::int64_t>(keep)) text_ += c;
  }

  void EndField() {
    ++fields_;
    state_ = State::kFieldStart;
    if (records_ < static_cast<std::int64_t>(keep)) {
      row_.push_back(std::move(text_));
      text_.clear();
    }
  }

  Status EndRecord() {
    const bool blank = fields_ == 0 && state_ == State::kFieldStart;
    const std::int64_t start = record_line_;
    longest_ = std::max(longest_, record_bytes_);
    record_bytes_ = 0;
    ++line_;
    record_line_ = line_;
    if (blank && expected_ != 1) {  // a blank line; in a file of one column it is a row without a value
      state_ = State::kFieldStart;
      return Ok();
    }
    EndField();
    if (counts.size() < keep) counts.push_back(fields_);
    if (records_ == 0) expected_ = fields_;
    if (fields_ != expected_ && ragged_++ == 0) {
      ragged_line_ = start;
      ragged_found_ = fields_;
    }
    if (records_ < static_cast<std::int64_t>(keep)) kept.push_back(std::move(row_));
    row_.clear();
    fields_ = 0;
    ++records_;
    return Ok();
  }

  // One byte of a sequence of two to four: how many must follow, and the range of the next.
  Status Utf8(unsigned char u) {
    if (pending_ == 0) {
      low_ = 0x80;
      high_ = 0xBF;
      if (u >= 0xC2 && u <= 0xDF)
        pending_ = 1;
      else if (u >= 0xE0 && u <= 0xEF)
        pending_ = 2;
      else if (u >= 0xF0 && u <= 0xF4)
        pending_ = 3;
      else
        return NotUtf8(u);
      if (u == 0xE0) low_ = 0xA0;
      if (u == 0xED) high_ = 0x9F;
      if (u == 0xF0) low_ = 0x90;
      if (u == 0xF4) high_ = 0x8F;
      first_ = u;
      return Ok();
    }
    if (u < low_ || u > high_) return NotUtf8(first_);
    low_ = 0x80;
    high_ = 0xBF;
    --pending_;
    return Ok();
  }

  Status NotUtf8(unsigned char byte) const {
    const char digits[] = "0123456789ABCDEF";
    const std::string hex = {digits[byte >> 4], digits[byte & 15]};
    const bool windows = byte >= 0x80 && byte <= 0x9F;
    return Bad(path_, line_,
               StrCat("not UTF-8 (byte 0x", hex, "); the encoding is likely ", windows ? "Windows-1252" : "Latin-1"))
        .WithHelp(StrCat("convert it: iconv -f ", windows ? "WINDOWS-1252" : "ISO-8859-1", " -t UTF-8 ", path_,
                         " > converted.csv"));
  }

  std::string path_;
  char delimiter_;
  State state_ = State::kFieldStart;
  std::int64_t line_ = 1, record_line_ = 1, quote_line_ = 0, records_ = 0;
  std::size_t fields_ = 0, expected_ = 0, record_bytes_ = 0, longest_ = 0;
  std::int64_t ragged_ = 0, ragged_line_ = 0;
  std::size_t ragged_found_ = 0;
  bool cr_ = false, crlf_ = false, lf_ = false;
  int pending_ = 0;
  unsigned char low_ = 0x80, high_ = 0xBF, first_ = 0;
  std::string text_;
  std::vector<std::string> row_;
};

// Fields of the first lines of `head` if cut at `delimiter`.
std::vector<std::size_t> CountsOf(std::string_view head, char delimiter, bool whole) {
  Cutter cutter("", delimiter);
  cutter.keep = 20;
  const Status fed = cutter.Feed(head);
  if (fed.ok() && whole) cutter.End().ok();  // NOLINT: errors are found again by the real pass
  return cutter.counts;
}

struct Sniffed {
  char delimiter = ',';
  std::size_t fields = 1;
};

Sniffed Sniff(std::string_view head, bool whole) {
  Sniffed even, widest;
  for (const char delimiter : kDelimiters) {
    const std::vector<std::size_t> counts = CountsOf(head, delimiter, whole);
    if (counts.empty()) continue;
    const bool equal = std::ranges::all_of(counts, [&](std::size_t n) { return n == counts[0]; });
    if (equal && counts[0] > even.fields) even = {delimiter, counts[0]};
    if (counts[0] > widest.fields) widest = {delimiter, counts[0]};
  }
  return even.fields > 1 ? even : widest;
}

Status CheckHeader(const std::string& path, std::vector<std::string>& names) {
  std::map<std::string, std::string> seen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = std::string(Trim(names[i]));
    if (names[i].empty())
      return Bad(path, 1, StrCat("column ", i + 1, " of ", names.size(), " has no name"))
          .WithHelp(i == 0
                        ? "name it in the first line (pandas writes its row numbers so: use to_csv(..., index=False))"
                        : "name it in the first line");
    const auto [other, fresh] = seen.emplace(ToLower(names[i]), names[i]);
    if (!fresh)
      return Bad(path, 1,
                 other->second == names[i]
                     ? StrCat("two columns are called `", names[i], "`")
                     : StrCat("the columns `", other->second, "` and `", names[i], "` differ only in case"))
          .WithHelp("give each column a name of its own in the first line");
  }
  return Ok();
}

Status CheckDelimiter(const std::string& path, char given, std::size_t fields, std::string_view head, bool whole) {
  if (fields > 1) return Ok();
  const Sniffed other = Sniff(head, whole);
  if (other.fields <= 1 || other.delimiter == given) return Ok();
  return Bad(path, 1,
             StrCat("one column only when cut at the ", DelimiterName(given), ", ", other.fields, " when cut at the ",
                    DelimiterName(other.delimiter)))
      .WithHelp(
          StrCat("say so: delimiter: \"", other.delimiter == '\t' ? "\\t" : std::string(1, other.delimiter), "\""));
}

Status CheckStart(const std::string& path, std::string_view head) {
  const auto starts = [head](std::string_view bytes) { return head.substr(0, bytes.size()) == bytes; };
  if (Trim(head).empty())
    return Error(ErrorCode::kData, path, ": the file is empty")
        .WithHelp("a header line with column names and at least one row are needed");
  const bool zeros = head.size() >= 4 && ((head[0] == '\0' && head[2] == '\0') || (head[1] == '\0' && head[3] == '\0'));
  if (starts("\xFF\xFE") || starts("\xFE\xFF") || zeros)
    return Bad(path, 1, "not UTF-8; the encoding is UTF-16")
        .WithHelp(StrCat("convert it: iconv -f UTF-16 -t UTF-8 ", path, " > converted.csv"));
  if (starts("PAR1"))
    return Error(ErrorCode::kData, path, ": this is a Parquet file")
        .WithHelp("name it .parquet, or say format: parquet");
  if (starts("PK\x03\x04"))
    return Error(ErrorCode::kData, path, ": this is a zip archive or an Excel workbook")
        .WithHelp("unpack it, or save the sheet as CSV");
  if (starts("\x28\xB5\x2F\xFD"))
    return Error(ErrorCode::kData, path, ": this is packed by zstd").WithHelp("give it a name that ends in .zst");
  return Ok();
}

Result<CsvShape> Finish(const std::string& path, Cutter& cutter, char delimiter, std::string_view head, bool whole) {
  if (cutter.kept.empty()) return Error(ErrorCode::kData, path, ": the file is empty");
  CsvShape shape;
  shape.delimiter = delimiter;
  shape.header = std::move(cutter.kept[0]);
  RETURN_IF_ERROR(CheckDelimiter(path, delimiter, shape.header.size(), head, whole));
  RETURN_IF_ERROR(CheckHeader(path, shape.header));
  shape.mixed_newlines = cutter.mixed_newlines();
  shape.longest_record = cutter.longest();
  return shape;
}

}  // namespace

std::string DelimiterName(char delimiter) {
  switch (delimiter) {
    case ',':
      return "comma";
    case ';':
      return "semicolon";
    case '\t':
      return "tab";
    case '|':
      return "bar";
    default:
      return std::string(1, delimiter);
  }
}

Result<CsvShape> ScanCsv(const std::string& path, std::optional<char> delimiter) {
  const GzFile file(gzopen(path.c_str(), "rb"));
  if (file == nullptr) return Error(ErrorCode::kInvalid, "cannot open ", path, ": ", std::strerror(errno));
  gzbuffer(file.get(), 1 << 17);
  std::string chunk(kChunk, '\0');
  const auto read = [&]() -> Result<std::string_view> {
    const int n = gzread(file.get(), chunk.data(), static_cast<unsigned>(chunk.size()));
    int code = Z_OK;
    const char* reason = gzerror(file.get(), &code);
    if (n < 0 || code == Z_BUF_ERROR)
      return Error(ErrorCode::kData, path, ": damaged or cut short: ", code == Z_ERRNO ? std::strerror(errno) : reason)
          .WithHelp("fetch the file again");
    return std::string_view(chunk).substr(0, static_cast<std::size_t>(n));
  };
  ASSIGN_OR_RETURN(std::string_view bytes, read());
  const bool packed_name = ToLower(path).ends_with(".gz");
  if (const bool packed = gzdirect(file.get()) == 0; packed != packed_name && !bytes.empty())
    return Error(ErrorCode::kData, path, packed ? ": this is packed by gzip" : ": not packed by gzip, as its name says")
        .WithHelp(packed ? "give it a name that ends in .gz" : "take .gz off its name");
  RETURN_IF_ERROR(CheckStart(path, bytes));
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  const std::string head(bytes);
  const bool whole = bytes.size() + 3 < kChunk;
  const char cut = delimiter ? *delimiter : Sniff(head, whole).delimiter;
  Cutter cutter(path, cut);
  while (!bytes.empty()) {
    RETURN_IF_ERROR(cutter.Feed(bytes));
    ASSIGN_OR_RETURN(bytes, read());
  }
  RETURN_IF_ERROR(cutter.End());
  ASSIGN_OR_RETURN(CsvShape shape, Finish(path, cutter, cut, head, whole));
  RETURN_IF_ERROR(cutter.Ragged());
  shape.rows = cutter.records() - 1;
  return shape;
}

Result<CsvShape> ScanCsvHead(const std::string& path, std::string_view head, std::optional<char> delimiter) {
  RETURN_IF_ERROR(CheckStart(path, head));
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const char cut = delimiter ? *delimiter : Sniff(head, false).delimiter;
  Cutter cutter(path, cut);
  RETURN_IF_ERROR(cutter.Feed(head));
  ASSIGN_OR_RETURN(CsvShape shape, Finish(path, cutter, cut, head, false));
  shape.rows = -1;
  return shape;
}

}  // namespace headrace

#include "headrace/sql/files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include "headrace/base/text.h"
#include "headrace/sql/cell_types_internal.h"
#include "headrace/sql/csv_scan_internal.h"
#include "headrace/sql/missing_file_internal.h"
#include "headrace/sql/parameters_internal.h"

// Files become a typed table in three moves: look at each file (csv_scan.cc), have the engine read all cells as text
// into a raw table, type the columns (cell_types.cc) and copy them over. Parquet brings its types, so only columns that
// were declared otherwise go through text.

namespace headrace {
namespace {

namespace fs = std::filesystem;
using Kind = FileFormat::Kind;

constexpr std::string_view kRaw = "\"headrace raw\"";

struct RawColumn {
  std::string name;
  std::optional<Type> typed;  // set: the raw column has this type already
  bool strings = false;
};

/// The raw table and how it came about.
struct Raw {
  std::vector<RawColumn> columns;  // column i of the raw table is called c<i>
  std::vector<std::string> files;
  std::vector<std::int64_t> first_row;  // of each file, in the raw table
  std::string view;                     // set: nothing was copied, this SELECT gives the raw rows
};

std::string RawName(std::size_t i) { return StrCat("c", i); }

std::string List(const std::vector<std::string>& names, std::size_t most = 12) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < most; ++i) out += StrCat(i > 0 ? ", " : "", names[i]);
  if (names.size() > most) out += StrCat(", ... (", names.size(), " in all)");
  return out;
}

Result<std::int64_t> CountRows(Engine& engine, std::string_view table) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, engine.Query(StrCat("SELECT count(*) FROM ", table)));
  ASSIGN_OR_RETURN(const Table answer, ReadAll(*rows));
  return answer.column(0).ints()[0];
}

Result<std::vector<std::string>> TextColumn(Engine& engine, const std::string& sql,
                                            const SqlParameters& parameters = {}) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, engine.Query(sql, parameters));
  ASSIGN_OR_RETURN(const Table table, ReadAll(*rows));
  std::vector<std::string> out;
  for (std::size_t r = 0; r < table.num_rows(); ++r) out.emplace_back(table.column(0).text(r));
  return out;
}

/// The `key`s of the folders called `key=value` in which `path` lies.
std::vector<std::string> FolderKeys(std::string_view path) {
  std::vector<std::string> keys;
  for (std::size_t end = 0; (end = path.find('/')) != std::string_view::npos; path.remove_prefix(end + 1))
    if (const std::size_t equals = path.substr(0, end).find('='); equals != std::string_view::npos && equals > 0) keys.emplace_back(path.substr(0, equals));
  return keys;
}

/// All files give the same columns, in any order: where column j of this file stands among `columns`.
Result<std::vector<std::size_t>> Match(const std::vector<RawColumn>& columns, const std::vector<std::string>& names,
                                       const std::string& file, const std::string& first) {
  std::vector<std::size_t> at;
  std::vector<std::string> expected;
  for (const RawColumn& column : columns) expected.push_back(column.name);
  for (const std::string& name : names) {
    const auto found = std::ranges::find(expected, name);
    if (found == expected.end())
      return Error(ErrorCode::kData, file, ": the column `", name, "` is not in ", first)
          .WithHelp("files read by one pattern must have the same columns");
    at.push_back(static_cast<std::size_t>(found - expected.begin()));
  }
  for (const std::string& name : expected)
    if (std::ranges::find(names, name) == names.end())
      return Error(ErrorCode::kData, file, ": the column `", name, "` of ", first, " is missing")
          .WithHelp("files read by one pattern must have the same columns");
  return at;
}

/// Reads the files of one source into the raw table of one engine.
class Loader {
 public:
  Loader(Engine& engine, const FileSource& source, FileFormat format)
      : engine_(engine), source_(source), format_(format) {}

  Result<Raw> Run(std::vector<std::string> files) {
    raw_.files = std::move(files);
    for (const std::string& file : raw_.files) {
      const Status status = format_.kind == Kind::kJsonLines ? Ok()
                            : format_.kind == Kind::kParquet ? Parquet(file)
                                                             : Csv(file);
      if (!status.ok()) return status;
    }
    if (format_.kind == Kind::kJsonLines) RETURN_IF_ERROR(JsonLines());
    if (format_.kind == Kind::kParquet &&
        !std::ranges::all_of(raw_.columns, [](const RawColumn& c) { return c.typed.has_value(); })) {
      RETURN_IF_ERROR(engine_.Execute(StrCat("CREATE TABLE ", kRaw, " AS ", raw_.view)));
      raw_.view.clear();
    }
    return std::move(raw_);
  }

 private:
  bool packed_by_zstd(const std::string& file) const { return ToLower(file).ends_with(".zst"); }

  Result<std::optional<char>> Delimiter() const {
    if (source_.delimiter.empty()) return format_.kind == Kind::kTsv ? std::optional<char>('\t') : std::nullopt;
    if (source_.delimiter == "\\t") return std::optional<char>('\t');
    if (source_.delimiter.size() != 1 || source_.delimiter == "\"" || source_.delimiter == "\n")
      return Error(ErrorCode::kInvalid, "delimiter `", source_.delimiter, "`: expected one character");
    return std::optional<char>(source_.delimiter[0]);
  }

  // Append a file's rows: columns[j] is where its column j belongs.
  Status Insert(const std::string& from, const std::vector<std::size_t>& columns) {
    std::vector<std::size_t> order(raw_.columns.size());
    for (std::size_t j = 0; j < columns.size(); ++j) order[columns[j]] = j;
    std::string select = "SELECT ";
    for (std::size_t i = 0; i < order.size(); ++i)
      select += StrCat(i > 0 ? ", " : "", "f", order[i], " AS ", RawName(i));
    const bool first = raw_.first_row.empty();
    std::int64_t before = 0;
    if (!first) { ASSIGN_OR_RETURN(before, CountRows(engine_, kRaw)); }
    raw_.first_row.push_back(before);
    return engine_.Execute(
        StrCat(first ? "CREATE TABLE " : "INSERT INTO ", kRaw, first ? " AS " : " ", select, " FROM ", from));
  }

  Status Csv(const std::string& file) {
    ASSIGN_OR_RETURN(const std::optional<char> delimiter, Delimiter());
    CsvShape shape;
    if (packed_by_zstd(file)) {
      ASSIGN_OR_RETURN(const std::vector<std::string> lines, HeadLines(file));
      ASSIGN_OR_RETURN(shape, ScanCsvHead(file, Join(lines, "\n") + "\n", delimiter));
    } else {
      ASSIGN_OR_RETURN(shape, ScanCsv(file, delimiter));
    }
    if (shape.rows == 0 && !source_.empty_allowed)
      return Error(ErrorCode::kData, file, ": a header, but no rows")
          .WithHelp("look at what wrote the file: an empty answer is not an empty table (where it is, `extract` takes `empty: allow`)");
    if (raw_.columns.empty())
      for (const std::string& name : shape.header) raw_.columns.push_back({name, std::nullopt, false});
    ASSIGN_OR_RETURN(const std::vector<std::size_t> at, Match(raw_.columns, shape.header, file, raw_.files[0]));
    const Status status = Insert(ReadCsv(file, shape), at);
    if (status.ok()) return status;
    return EngineCsvError(file, status);
  }

  std::string ReadCsv(const std::string& file, const CsvShape& shape) const {
    std::string columns, nulls = "''";
    for (std::size_t j = 0; j < shape.header.size(); ++j) columns += StrCat(j > 0 ? ", " : "", "'f", j, "': 'VARCHAR'");
    for (const std::string& value : source_.null_values) nulls += StrCat(", ", QuoteString(value));
    const std::size_t longest = std::max<std::size_t>(2 * shape.longest_record, std::size_t{2} << 20);
    return StrCat("read_csv(", QuoteString(file),
                  ", auto_detect = false, header = true, delim = ", QuoteString(std::string(1, shape.delimiter)),
                  ", quote = '\"', escape = '\"', nullstr = [", nulls, "], strict_mode = ", !shape.mixed_newlines,
                  ", max_line_size = ", longest, ", columns = {", columns, "})");
  }

  // The first lines of a file that only the engine can unpack. A control character that no text has is the delimiter.
  Result<std::vector<std::string>> HeadLines(const std::string& file) {
    Result<std::vector<std::string>> lines =
        TextColumn(engine_, StrCat("SELECT coalesce(line, '') AS line FROM read_csv(", QuoteString(file),
                                   ", auto_detect = false, header = false, delim = '\x1f', quote = '', escape = '', "
                                   "strict_mode = false, columns = {'line': 'VARCHAR'}) LIMIT 30"));
    if (!lines.ok()) return EngineCsvError(file, std::move(lines).status());
    return lines;
  }

  // "CSV Error on Line: 3 Original Line: ... Expected Number of Columns: 2 Found: 1 Possible fixes: ...": the engine's
  // words for a file that could not be looked at before.
  static Status EngineCsvError(const std::string& file, const Status& status) {
    const std::string& message = status.message();
    const auto number = [&message](std::string_view label) -> std::int64_t {
      const std::size_t at = message.find(label);
      if (at == std::string::npos) return -1;
      const std::size_t start = at + label.size(), end = message.find_first_not_of("0123456789", start);
      std::int64_t n = -1;
      ParseInt(std::string_view(message).substr(start, end - start), &n);
      return n;
    };
    if (status.code() != ErrorCode::kData) return Status(status).WithContext(file);
    const std::int64_t line = number("Error on Line: ");
    const std::string place = line > 0 ? StrCat(file, ":", line) : file;
    if (number("Expected Number of Columns: ") > 0)
      return Error(ErrorCode::kData, place, ": expected ", number("Expected Number of Columns: "),
                   " fields as in the header, found ", number("Found: "))
          .WithHelp("fill in the missing fields, or put quotes around a field that contains the delimiter");
    if (message.find("nicode") != std::string::npos)
      return Error(ErrorCode::kData, place, ": not UTF-8")
          .WithHelp("unpack the file and convert it: iconv -f ISO-8859-1 -t UTF-8");
    if (message.find("unterminated quote") != std::string::npos)
      return Error(ErrorCode::kData, place, ": a quoted field does not end, or text follows its closing quote")
          .WithHelp("close the quote, or double a quote that is part of the text");
    return Error(ErrorCode::kData, place, ": ", message.substr(0, message.find("Possible fixes")));
  }

  // All files together: the columns are the keys of all objects, in order of first appearance.
  Status JsonLines() {
    std::vector<std::string> quoted;
    for (const std::string& file : raw_.files) {
      std::error_code error;
      if (fs::file_size(file, error) == 0 && !error) return Error(ErrorCode::kData, file, ": the file is empty");
      quoted.push_back(QuoteString(file));
    }
    const std::string lines = "\"headrace lines\"";
    RETURN_IF_ERROR(InFiles(engine_.Execute(
        StrCat("CREATE TABLE ", lines, " AS SELECT json FROM read_ndjson_objects([", Join(quoted, ", "), "])"))));
    ASSIGN_OR_RETURN(
        const std::vector<std::string> others,
        TextColumn(engine_, StrCat("SELECT 'line ' || (rowid + 1) || ' holds ' || lower(json_type(json)) FROM ", lines,
                                   " WHERE json_type(json) <> 'OBJECT' ORDER BY rowid LIMIT 1")));
    if (!others.empty())
      return Error(ErrorCode::kData, source_.pattern, ": expected one JSON object a line, but ", others[0]);
    ASSIGN_OR_RETURN(const std::vector<std::string> keys,
                     TextColumn(engine_, StrCat("SELECT k FROM (SELECT unnest(json_keys(json)) AS k, rowid AS r, "
                                                "unnest(range(len(json_keys(json)))) AS p FROM ",
                                                lines, ") GROUP BY k ORDER BY min(r), arg_min(p, r)")));
    if (keys.empty()) return Error(ErrorCode::kData, source_.pattern, ": no rows with columns");
    RETURN_IF_ERROR(UniqueKeys(keys));
    std::string select, strings;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string path =
          QuoteString(StrCat("$.\"", ReplaceAll(ReplaceAll(keys[i], "\\", "\\\\"), "\"", "\\\""), "\""));
      select += StrCat(i > 0 ? ", " : "", "json_extract_string(json, ", path, ") AS ", RawName(i));
      strings += StrCat(i > 0 ? ", " : "", "coalesce(bool_or(json_type(json, ", path, ") = 'VARCHAR'), false) AS ",
                        RawName(i));
    }
    ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows,
                     engine_.Query(StrCat("SELECT ", strings, " FROM ", lines)));
    ASSIGN_OR_RETURN(const Table are_strings, ReadAll(*rows));
    for (std::size_t i = 0; i < keys.size(); ++i)
      raw_.columns.push_back({keys[i], std::nullopt, are_strings.column(i).ints()[0] != 0});
    RETURN_IF_ERROR(engine_.Execute(StrCat("CREATE TABLE ", kRaw, " AS SELECT ", select, " FROM ", lines)));
    return engine_.Execute(StrCat("DROP TABLE ", lines));
  }

  Status UniqueKeys(const std::vector<std::string>& keys) const {
    std::map<std::string, std::string> seen;
    for (const std::string& key : keys) {
      if (key.empty()) return Error(ErrorCode::kData, source_.pattern, ": an object has a key without a name");
      const auto [other, fresh] = seen.emplace(ToLower(key), key);
      if (!fresh)
        return Error(ErrorCode::kData, source_.pattern, ": the keys `", other->second, "` and `", key,
                     "` differ only in case");
    }
    return Ok();
  }

  Status InFiles(const Status& status) const {
    if (status.ok()) return status;
    return Status(status).WithContext(source_.pattern);
  }

  Status Parquet(const std::string& file) {
    const std::vector<std::string> keys = FolderKeys(std::string_view(file).substr(file.starts_with(source_.folder) ? source_.folder.size() : 0));
    std::string others;   // what folders above the user's are called is no column
    for (const std::string& key : FolderKeys(file))
      if (!keys.empty() && std::ranges::find(keys, key) == keys.end()) others += StrCat(others.empty() ? " EXCLUDE (" : ", ", QuoteIdentifier(key));
    const std::string from = ReadParquetSql(file, !keys.empty());
    const Result<Schema> schema = engine_.Describe(StrCat("SELECT *", others, others.empty() ? "" : ")", " FROM ", from));
    if (!schema.ok()) return Error(ErrorCode::kData, file, ": cannot be read as Parquet: ", schema.status().message());
    if (raw_.columns.empty())
      for (const Field& field : schema->fields()) raw_.columns.push_back({field.name, TypeWanted(field), false});
    ASSIGN_OR_RETURN(const std::vector<std::size_t> at, Match(raw_.columns, schema->Names(), file, raw_.files[0]));
    std::vector<std::string> select(at.size());
    for (std::size_t j = 0; j < schema->size(); ++j) {
      const RawColumn& column = raw_.columns[at[j]];
      const Field& field = (*schema)[j];
      if (column.typed && *column.typed != field.type)
        return Error(ErrorCode::kData, file, ": the column `", field.name, "` is ", TypeName(field.type), ", but ",
                     TypeName(*column.typed), " in ", raw_.files[0])
            .WithHelp("files read by one pattern must have the same columns");
      const std::string name = QuoteIdentifier(field.name);
      select[at[j]] = StrCat(column.typed ? name : StrCat("CAST(", name, " AS VARCHAR)"), " AS ", RawName(at[j]));
    }
    raw_.view += StrCat(raw_.view.empty() ? "" : " UNION ALL ", "SELECT ", Join(select, ", "), " FROM ", from);
    return Ok();
  }

  // The type a Parquet column keeps; nullopt when it was declared otherwise and must be read as text.
  std::optional<Type> TypeWanted(const Field& field) const {
    if (!source_.declared) return field.type;
    const std::optional<std::size_t> at = source_.declared->IndexOf(field.name);
    if (!at || (*source_.declared)[*at].type == field.type) return field.type;
    return std::nullopt;
  }

  Engine& engine_;
  const FileSource& source_;
  FileFormat format_;
  Raw raw_;
};

Status CheckDeclaredNames(const FileSource& source, const Raw& raw) {
  if (!source.declared) return Ok();
  std::vector<std::string> names;
  for (const RawColumn& column : raw.columns) names.push_back(column.name);
  for (const Field& field : source.declared->fields()) {
    if (std::ranges::find(names, field.name) != names.end()) continue;
    Status status = Error(ErrorCode::kData, source.pattern, ": the column `", field.name, "` is missing");
    std::string nearest = NearestName(field.name, names);
    std::vector<std::string> unknown;
    for (const std::string& name : names)
      if (!source.declared->IndexOf(name)) unknown.push_back(name);
    if (nearest.empty() && unknown.size() == 1) nearest = unknown[0];
    return std::move(status).WithHelp(nearest.empty() ? StrCat("the columns are ", List(names))
                                                      : StrCat("is `", nearest, "` its new name?"));
  }
  if (!source.refuse_extra) return Ok();
  for (const std::string& name : names)
    if (!source.declared->IndexOf(name))
      return Error(ErrorCode::kData, source.pattern, ": the column `", name, "` is not declared")
          .WithHelp("declare it, or let columns that are not declared be ignored");
  return Ok();
}

Status Finish(Engine& engine, const FileSource& source, const Raw& raw, std::string_view name) {
  RETURN_IF_ERROR(CheckDeclaredNames(source, raw));
  std::vector<CellColumn> cells;
  for (std::size_t i = 0; i < raw.columns.size(); ++i) {
    const RawColumn& column = raw.columns[i];
    if (column.typed) continue;
    std::optional<Type> declared;
    if (source.declared)
      if (const auto at = source.declared->IndexOf(column.name)) declared = (*source.declared)[*at].type;
    const bool personal = std::ranges::find(source.personal, column.name) != source.personal.end();
    cells.push_back({column.name, RawName(i), declared, column.strings, personal});
  }
  const auto place = [&raw](std::int64_t row) {
    std::size_t file = 0;
    while (file + 1 < raw.first_row.size() && raw.first_row[file + 1] <= row) ++file;
    const std::int64_t first = raw.first_row.empty() ? 0 : raw.first_row[file];
    return StrCat(raw.first_row.size() > 1 ? StrCat(raw.files[file], " ") : "", "row ", row - first + 1);
  };
  // A value of Parquet is a value: "NA" in a text column of it means NA.
  const bool parquet = std::ranges::any_of(raw.columns, [](const RawColumn& c) { return c.typed.has_value(); });
  Result<std::vector<std::string>> typed =
      TypeCells(engine, std::string(kRaw), cells, parquet ? std::vector<std::string>{} : source.null_values, place);
  if (!typed.ok()) return std::move(typed).status().WithContext(source.pattern);
  std::string select = "SELECT ";
  for (std::size_t i = 0, k = 0; i < raw.columns.size(); ++i)
    select += StrCat(i > 0 ? ", " : "", raw.columns[i].typed ? RawName(i) : (*typed)[k++], " AS ",
                     QuoteIdentifier(raw.columns[i].name));
  if (!raw.view.empty()) return engine.AddSelect(name, StrCat(select, " FROM (", raw.view, ") AS files"), false);
  RETURN_IF_ERROR(engine.AddSelect(name, StrCat(select, " FROM ", kRaw), true));
  return engine.Execute(StrCat("DROP TABLE ", kRaw));
}

}  // namespace

Result<std::vector<std::string>> MatchFiles(const std::string& pattern) {
  std::error_code error;
  if (fs::is_directory(pattern, error))
    return Error(ErrorCode::kInvalid, pattern, " is a folder")
        .WithHelp(StrCat("to read its files, write ", (fs::path(pattern) / "*.csv").string()));
  if (fs::exists(pattern, error)) return std::vector<std::string>{pattern};
  if (pattern.find_first_of("*?[") == std::string::npos) return MissingFile(pattern);
  Engine::Options options;
  options.any_file = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  ASSIGN_OR_RETURN(std::vector<std::string> files, TextColumn(*engine, "SELECT file FROM glob($pattern::VARCHAR)",
                                                              {{"pattern", Value::Text(pattern)}}));
  if (files.empty()) return MissingFile(pattern);
  std::ranges::sort(files);
  return files;
}

Status LoadFiles(Engine& engine, const FileSource& source, std::string_view name) {
  ASSIGN_OR_RETURN(std::vector<std::string> files, MatchFiles(source.pattern));
  FileFormat format;
  if (source.format.empty()) {
    ASSIGN_OR_RETURN(format, FileFormat::OfPath(files[0]));
  } else {
    ASSIGN_OR_RETURN(format, FileFormat::OfName(source.format));
  }
  ASSIGN_OR_RETURN(const Raw raw, Loader(engine, source, format).Run(std::move(files)));
  ASSIGN_OR_RETURN(const std::int64_t rows,
                   CountRows(engine, raw.view.empty() ? std::string(kRaw) : StrCat("(", raw.view, ")")));
  if (rows == 0 && !source.empty_allowed)
    return Error(ErrorCode::kData, source.pattern, ": no rows")
        .WithHelp("look at what wrote the file: an empty answer is not an empty table (where it is, `extract` takes `empty: allow`)");
  return Finish(engine, source, raw, name);
}

Result<bool> IsDataset(Engine& engine, const std::string& path, std::string_view name) {
  constexpr std::size_t kMostRows = 1 << 20, kMostBytes = std::size_t{128} << 20, kFewRows = 10'000;    // of a row group; rows as pyarrow writes by default
  const auto columns_of = [](const std::string& from) {
    return StrCat("SELECT list(column_name || ' ' || column_type) AS columns, bool_and(column_type IN ('BOOLEAN', 'BIGINT', 'DOUBLE', 'VARCHAR', 'DATE', 'TIMESTAMP')) AS ours FROM (DESCRIBE FROM ", from, ")");
  };
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> answer, engine.Query(StrCat(
      "WITH file AS (", columns_of(ReadParquetSql(path)), "), wanted AS (", columns_of(QuoteIdentifier(name)), "), groups AS (SELECT max(row_group_num_rows) AS rows, "
      "sum(total_uncompressed_size) AS bytes, bool_and(compression <> 'UNCOMPRESSED') AS packed FROM parquet_metadata(", QuoteString(path), ") GROUP BY row_group_id) "
      "SELECT coalesce(file.ours AND file.columns = wanted.columns AND (SELECT max(rows) <= ", kMostRows, " AND max(bytes) <= ", kMostBytes, " AND bool_and(packed) AND (count(*) = 1 OR avg(rows) >= ", kFewRows,
      ") FROM groups), false) FROM file, wanted")));
  ASSIGN_OR_RETURN(const Table fits, ReadAll(*answer));
  return fits.column(0).ints()[0] != 0;
}

Result<std::optional<std::string>> FileToKeep(Engine& engine, const FileSource& source, std::string_view name) {
  ASSIGN_OR_RETURN(const std::vector<std::string> files, MatchFiles(source.pattern));
  ASSIGN_OR_RETURN(const FileFormat format, source.format.empty() ? FileFormat::OfPath(files[0]) : FileFormat::OfName(source.format));
  if (files.size() != 1 || format.kind != Kind::kParquet) return std::optional<std::string>();
  ASSIGN_OR_RETURN(const bool keep, IsDataset(engine, files[0], name));
  return keep ? std::optional(files[0]) : std::nullopt;
}

Result<std::int64_t> ReadThrough(Engine& engine, const std::string& path) {
  const std::string from = ReadParquetSql(path);
  ASSIGN_OR_RETURN(const Schema schema, engine.Describe(StrCat("FROM ", from)));
  std::string values;
  for (const Field& field : schema.fields()) values += StrCat(values.empty() ? "" : ", ", QuoteIdentifier(field.name));
  // What is asked of the hashes is what no statistics can answer.
  ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> rows, engine.Query(StrCat("SELECT count(*), bit_xor(hash(", values, ")) % 2 FROM ", from)));
  ASSIGN_OR_RETURN(const Table answer, ReadAll(*rows));
  return answer.column(0).ints()[0];
}

Result<Schema> FileSchema(const FileSource& source) {
  Engine::Options options;
  options.any_file = true;
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
  RETURN_IF_ERROR(LoadFiles(*engine, source, "rows"));
  return engine->Describe("SELECT * FROM rows");
}

}  // namespace headrace

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"
#include "headrace/sql/engine.h"
#include "headrace/table/table.h"

namespace headrace {

/// Rows that lie in one or several files, and how to read them.
struct FileSource {
  std::string pattern;    ///< a path, or a glob (*, ?, [..], **); relative to the working folder
  /// Where the user's own part of `pattern` begins: folders called `key=value` beyond it are columns of Parquet files (Hive's partitions), those of it are not.
  std::string folder = "";
  std::string format;     ///< csv, tsv, parquet, jsonl; "": by the file's extension
  std::string delimiter;  ///< one character; "": tab for tsv, for csv the one of , ; tab | that fits the first lines
  /// Types that are known: these columns must be there and every cell must read as declared. Others are typed by
  /// their cells.
  std::optional<Schema> declared;
  bool refuse_extra = false;  ///< refuse columns that `declared` does not name
  std::vector<std::string> personal = {};  ///< columns whose values appear in no message
  /// Cells that mean "no value", besides those that are empty or blank.
  bool empty_allowed = false;              ///< files without rows are fine; a CSV needs its header all the same
  std::vector<std::string> null_values = {"NA", "N/A", "NULL", "null", "NaN", "nan"};
};

/// Read the rows of `source` into a table of `engine` called `name`, in the files' order (several files: by name).
///
/// Cells of CSV, TSV and JSON lines are read as text and typed by the whole column, never by a sample: int, double,
/// bool (true/false), date, timestamp if every cell that is not null reads as such, else text. A number with a leading
/// zero ("007") is text, and so is a column of whole numbers beyond 64 bits. Blanks around numbers, dates and the like
/// do not count. Times with an offset become UTC. Parquet columns keep their types (docs/types.md).
///
/// gzip (.gz) and zstd (.zst) of csv, tsv and jsonl are read by extension.
///
/// kInvalid: no file there (nearest name given), an unknown format. kData, with file, line and what to do: empty,
/// header only, no or double column names, ragged rows, a quote that does not end, not UTF-8, NUL bytes, a delimiter
/// that seems another, files of a glob that differ in columns, a declared column that is missing, cells that do not
/// read as declared (column, how many, the first few with row and text).
///
/// `engine` must be able to read the files (Engine::Options).
Status LoadFiles(Engine& engine, const FileSource& source, std::string_view name);

/// The one file of `source`, if it is a dataset as it stands, so that its bytes can be kept: IsDataset of it, with the columns and types that LoadFiles put under
/// `name`. nullopt otherwise. REQUIRES: LoadFiles with the same arguments before.
Result<std::optional<std::string>> FileToKeep(Engine& engine, const FileSource& source, std::string_view name);
/// Whether the Parquet file at `path` has the columns and types of the table `name`, all of them of our types, and is no worse to read than if we had written
/// it: compressed, with row groups that take little memory and are worth a thread each.
Result<bool> IsDataset(Engine& engine, const std::string& path, std::string_view name);
/// Read every value of the Parquet file at `path`, which is damaged where that fails: its rows.
Result<std::int64_t> ReadThrough(Engine& engine, const std::string& path);

/// Names and types of the columns of `source`, found as LoadFiles finds them, so that a project can be written from a
/// table. Opens an engine of its own.
Result<Schema> FileSchema(const FileSource& source);

/// The files of `source`, sorted by name; kInvalid when there is none.
Result<std::vector<std::string>> MatchFiles(const std::string& pattern);

}  // namespace headrace

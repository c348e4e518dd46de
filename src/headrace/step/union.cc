// The rows of all items of a `for_each` laid end to end, in the items' order, with the item in front of each row.
#include <algorithm>

#include "headrace/base/files.h"
#include "headrace/sql/engine.h"
#include "headrace/sql/files.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
constexpr const char* kItem = "item";
constexpr std::size_t kFilesAtOnce = 500;      // in one query of the engine

std::string Quote(std::string_view text) { return StrCat("'", ReplaceAll(text, "'", "''"), "'"); }

/// Reads some hundred files a query: an engine for each of 100,000 files would cost half an hour.
class UnionStream final : public TableStream {
 public:
  static Result<std::unique_ptr<TableStream>> Make(Engine& engine, const std::vector<UnionSpec::Part>& parts, const StepContext& context) {
    auto stream = std::unique_ptr<UnionStream>(new UnionStream(engine, parts, context));
    RETURN_IF_ERROR(stream->Open());
    std::vector<Field> fields = {{kItem, parts[0].item.type()}};
    for (const Field& field : stream->rows_->schema().fields()) {
      if (field.name == kItem) return Error(ErrorCode::kInvalid, "the rows of an item have a column `item` already, which the rows of all items need to say whose they are").WithHelp("rename that column");
      fields.push_back(field);
    }
    stream->schema_ = Schema(std::move(fields));
    return std::unique_ptr<TableStream>(std::move(stream));
  }

  const Schema& schema() const override { return schema_; }

  Result<std::optional<Table>> Next() override {
    while (true) {
      if (context_.cancelled && context_.cancelled()) return Error(ErrorCode::kInterrupted, "interrupted");
      ASSIGN_OR_RETURN(std::optional<Table> block, rows_->Next());
      if (block) {
        ASSIGN_OR_RETURN(Table named, WithItem(*block));
        return std::optional<Table>(std::move(named));
      }
      if (end_ == parts_.size()) return std::optional<Table>();
      RETURN_IF_ERROR(Open());
    }
  }

 private:
  UnionStream(Engine& engine, const std::vector<UnionSpec::Part>& parts, const StepContext& context) : engine_(engine), parts_(parts), context_(context) {}

  /// The next files; equal columns are asked for before any row is read.
  Status Open() {
    const std::size_t at = end_;
    end_ = std::min(parts_.size(), end_ + kFilesAtOnce);
    std::string list;
    for (std::size_t i = at; i < end_; ++i) list += StrCat(i == at ? "[" : ",", Quote(parts_[i].path));
    list += "]";
    RETURN_IF_ERROR(SameColumns(list));
    rows_.reset();
    ASSIGN_OR_RETURN(rows_, engine_.Query(StrCat("SELECT * FROM read_parquet(", list, ", hive_partitioning = false)")));
    if (context_.progress) context_.progress("joining the items", static_cast<double>(at) / static_cast<double>(parts_.size()));
    return Ok();
  }

  Status SameColumns(const std::string& list) {
    ASSIGN_OR_RETURN(const std::unique_ptr<TableStream> found, engine_.Query(StrCat(
        "SELECT first(file_name ORDER BY file_name), columns FROM (SELECT file_name, string_agg(name || ':' || type || ':' || coalesce(logical_type, ''), ',' ORDER BY column_id) AS columns "
        "FROM (SELECT DISTINCT file_name, column_id, name, type, logical_type FROM parquet_schema(", list, ") WHERE column_id > 0) GROUP BY file_name) GROUP BY columns")));   // equal items share a file
    ASSIGN_OR_RETURN(const Table kinds, ReadAll(*found));
    for (std::size_t i = 0; i < kinds.num_rows(); ++i)
      if (columns_.empty()) {
        columns_ = kinds.column(1).text(i);
        first_ = kinds.column(0).text(i);
      } else if (columns_ != kinds.column(1).text(i)) {
        return Differ(std::string(kinds.column(0).text(i)));
      }
    return Ok();
  }

  std::string Label(const std::string& path) const {
    for (const UnionSpec::Part& part : parts_)
      if (part.path == path) return part.label;
    return path;
  }

  Status Differ(const std::string& other) {
    const auto text = [](const std::string& path) -> Result<std::string> {
      FileSource source;
      source.pattern = path;
      source.format = "parquet";
      ASSIGN_OR_RETURN(const Schema schema, FileSchema(source));
      std::vector<std::string> columns;
      for (const Field& field : schema.fields()) columns.push_back(StrCat(field.name, " ", TypeName(field.type)));
      return Join(columns, ", ");
    };
    ASSIGN_OR_RETURN(const std::string a, text(first_));
    ASSIGN_OR_RETURN(const std::string b, text(other));
    return Error(ErrorCode::kData, "the items give different columns: ", Label(first_), " gives (", a, "), ", Label(other), " gives (", b, ")")
        .WithHelp("name the columns and cast them, so that every item gives the same");
  }

  /// Rows come in the order of the files, and how many each has is known: equal items share a file, so its name would not tell them apart.
  Result<Table> WithItem(const Table& block) {
    ColumnBuilder items(schema_[0].type);
    items.Reserve(block.num_rows());
    for (std::size_t row = 0; row < block.num_rows(); ++row) {
      while (at_ < end_ && taken_ == parts_[at_].rows) ++at_, taken_ = 0;
      if (at_ == end_) return Error(ErrorCode::kInternal, "the outputs of the items hold more rows than were recorded");
      items.Append(parts_[at_].item);
      ++taken_;
    }
    std::vector<ColumnPtr> columns = {items.Finish()};
    for (std::size_t i = 0; i < block.num_columns(); ++i) columns.push_back(block.column_ptr(i));
    return Table(schema_, std::move(columns), block.num_rows());
  }

  Engine& engine_;
  const std::vector<UnionSpec::Part>& parts_;
  const StepContext& context_;
  Schema schema_;
  std::string columns_, first_;
  std::size_t at_ = 0, end_ = 0;      ///< the part whose rows come next; the end of the files that are open
  std::int64_t taken_ = 0;            ///< rows of part `at_` so far
  std::unique_ptr<TableStream> rows_;
};
}  // namespace

Result<StepFiles> RunUnion(const StepContext& context) {
  StepFiles out;
  for (const auto& [name, parts] : context.step->as<UnionSpec>().outputs) {
    Engine::Options options;
    options.any_file = true;                  // our own files, in our own query
    ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::Open(options));
    const auto token = CancelsWith(context, [&engine] { engine->Cancel(); });
    ASSIGN_OR_RETURN(std::unique_ptr<TableStream> rows, UnionStream::Make(*engine, parts, context));
    const std::string path = context.store().ScratchPath(".parquet");
    ASSIGN_OR_RETURN(const std::int64_t count, WriteParquetFile(std::move(rows), path, context.run->threads));
    out.files[name] = {path, "dataset", count};
  }
  return out;
}

}  // namespace headrace

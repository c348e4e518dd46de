#include "headrace/sql/read_as.h"

#include <algorithm>

#include <cmath>
#include <utility>

#include "headrace/base/text.h"

namespace headrace {
namespace {

bool Listed(Type from, Type to) {
  if (to == Type::kDuration || from == Type::kDuration) return false;
  if (from == Type::kText || to == Type::kText || from == to) return true;
  switch (from) {
    case Type::kInt:
      return to == Type::kDouble || to == Type::kBool;
    case Type::kBool:
      return to == Type::kInt;
    case Type::kDouble:
      return to == Type::kInt;
    case Type::kDate:
      return to == Type::kTimestamp;
    case Type::kTimestamp:
      return to == Type::kDate;
    default:
      return false;
  }
}

// REQUIRES: not null, Listed.
Result<Value> Convert(const Value& value, Type to) {
  const Status no = Error(ErrorCode::kData, "not ", TypeName(to));
  switch (value.type()) {
    case Type::kText:
      return Value::Parse(Trim(value.as_text()), to);
    case Type::kInt:
      if (to == Type::kDouble) return Value::Double(static_cast<double>(value.as_int()));
      if (to == Type::kBool && value.as_int() != 0 && value.as_int() != 1) return no;
      break;
    case Type::kDouble: {
      if (to == Type::kText) break;
      const double d = value.as_double();
      if (!(std::fabs(d) <= 9007199254740992.0) || d != std::floor(d)) return no;
      return Value::Int(static_cast<std::int64_t>(d));
    }
    case Type::kDate:
      if (to == Type::kTimestamp) return Value::Timestamp(value.as_int() * kMicrosPerDay);
      break;
    case Type::kTimestamp:
      if (to == Type::kText) break;
      if (value.as_int() % kMicrosPerDay != 0) return no;
      return Value::Date(value.as_int() / kMicrosPerDay);
    default:
      break;
  }
  if (to == Type::kText) return Value::Text(value.ToString());
  return Value::Int64(to, value.as_int());
}

class ConvertingStream : public TableStream {
 public:
  ConvertingStream(std::unique_ptr<TableStream> rows, Schema schema, std::vector<std::string> personal)
      : rows_(std::move(rows)), schema_(std::move(schema)), personal_(std::move(personal)) {}
  const Schema& schema() const override { return schema_; }
  Result<std::optional<Table>> Next() override {
    ASSIGN_OR_RETURN(const std::optional<Table> block, rows_->Next());
    if (!block) return std::optional<Table>();
    std::vector<ColumnPtr> columns;
    for (std::size_t c = 0; c < schema_.size(); ++c) {
      if (block->schema()[c].type == schema_[c].type) {
        columns.push_back(block->column_ptr(c));
        continue;
      }
      ColumnBuilder builder(schema_[c].type);
      builder.Reserve(block->num_rows());
      for (std::size_t r = 0; r < block->num_rows(); ++r) {
        if (block->column(c).IsNull(r)) {
          builder.AppendNull();
          continue;
        }
        const Value value = block->column(c).At(r);
        const Result<Value> converted = Convert(value, schema_[c].type);
        if (!converted.ok())
          return Error(ErrorCode::kData, "column `", schema_[c].name, "` is declared ", TypeName(schema_[c].type),
                       ", but row ", read_ + r + 1, IsPersonal(c) ? std::string(" does not read so") : StrCat(" has \"", value.ToString(), "\""))
              .WithHelp("correct the value at its source, or declare another type");
        builder.Append(*converted);
      }
      columns.push_back(builder.Finish());
    }
    read_ += block->num_rows();
    return std::optional<Table>(Table(schema_, std::move(columns), block->num_rows()));
  }

 private:
  bool IsPersonal(std::size_t c) const { return std::ranges::find(personal_, schema_[c].name) != personal_.end(); }

  std::unique_ptr<TableStream> rows_;
  Schema schema_;
  std::vector<std::string> personal_;
  std::size_t read_ = 0;
};

}  // namespace

Result<std::unique_ptr<TableStream>> ReadAs(std::unique_ptr<TableStream> rows, const Schema& declared,
                                            const std::vector<std::string>& personal) {
  std::vector<Field> fields = rows->schema().fields();
  bool same = true;
  for (Field& field : fields) {
    const std::optional<std::size_t> at = declared.IndexOf(field.name);
    if (!at || declared[*at].type == field.type) continue;
    if (!Listed(field.type, declared[*at].type))
      return Error(ErrorCode::kData, "column `", field.name, "` is declared ", TypeName(declared[*at].type),
                   ", but it is ", TypeName(field.type))
          .WithHelp("convert it in the query, or declare it as it is");
    field.type = declared[*at].type;
    same = false;
  }
  if (same) return rows;
  return std::unique_ptr<TableStream>(std::make_unique<ConvertingStream>(std::move(rows), Schema(std::move(fields)), personal));
}

}  // namespace headrace

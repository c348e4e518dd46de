#include "headrace/expr/expr.h"

#include <algorithm>
#include <optional>

#include "headrace/base/text.h"
#include "headrace/expr/binder.h"
#include "headrace/expr/node.h"
#include "headrace/expr/syntax.h"

namespace headrace {
namespace {

using internal::Frame;
using internal::kBlockRows;
using internal::Vector;

void CollectNames(const internal::Syntax& node, std::set<std::string>* out) {
  if (node.kind == internal::Syntax::Kind::kName) out->insert(node.text);
  for (const internal::SyntaxPtr& arg : node.args) CollectNames(*arg, out);
}

/// The blocks' results laid end to end.
class Gather {
 public:
  Gather(Type type, std::size_t rows) : type_(type) {
    if (type == Type::kDouble)
      doubles_.reserve(rows);
    else if (type == Type::kText)
      offsets_.assign(1, 0);
    else
      ints_.reserve(rows);
  }

  void Add(const Frame& frame, const Vector& values, std::int64_t* errors) {
    const std::size_t rows = frame.rows();
    const bool plain = values.valid == nullptr && !frame.any_failed();
    if (!plain && valid_.empty()) valid_.assign(size_, 1);
    if (!plain || !valid_.empty()) valid_.resize(size_ + rows, 1);
    size_ += rows;
    if (plain && type_ == Type::kDouble) {
      doubles_.insert(doubles_.end(), values.doubles, values.doubles + rows);
    } else if (plain && HeldAsInt(type_)) {
      ints_.insert(ints_.end(), values.ints, values.ints + rows);
    } else {
      for (std::size_t i = 0; i < rows; ++i) {
        const bool failed = frame.failed(i), present = values.IsValid(i) && !failed;
        *errors += failed ? 1 : 0;
        if (!present) valid_[size_ - rows + i] = 0;
        if (type_ == Type::kDouble) {
          doubles_.push_back(present ? values.doubles[i] : 0.0);
        } else if (type_ == Type::kText) {
          if (present) bytes_ += values.texts[i];
          offsets_.push_back(static_cast<std::int64_t>(bytes_.size()));
        } else {
          ints_.push_back(present ? values.ints[i] : 0);
        }
      }
    }
  }

  ColumnPtr Finish() {
    if (std::find(valid_.begin(), valid_.end(), 0) == valid_.end()) valid_.clear();
    if (type_ == Type::kDouble) return std::make_shared<Column>(std::move(doubles_), std::move(valid_));
    if (type_ == Type::kText)
      return std::make_shared<Column>(std::move(offsets_), std::move(bytes_), std::move(valid_));
    return std::make_shared<Column>(type_, std::move(ints_), std::move(valid_));
  }

 private:
  Type type_;
  std::size_t size_ = 0;
  std::vector<std::int64_t> ints_;
  std::vector<double> doubles_;
  std::vector<std::int64_t> offsets_;
  std::string bytes_;
  std::vector<std::uint8_t> valid_;
};

void CollectTypes(const internal::Node& node, std::vector<std::optional<Type>>* types) {
  if (node.kind == internal::Node::Kind::kColumn) (*types)[node.column] = node.type;
  for (const internal::NodePtr& arg : node.args) CollectTypes(*arg, types);
}

}  // namespace

Result<Expression> Expression::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(internal::SyntaxPtr root, internal::ParseSyntax(text));
  Expression expression;
  expression.text_ = std::string(text);
  CollectNames(*root, &expression.names_);
  expression.root_ = std::move(root);
  return expression;
}

Result<BoundExpression> Expression::Bind(const Schema& columns, const Names& names) const {
  ASSIGN_OR_RETURN(internal::Bound bound, internal::BindSyntax(*root_, columns, names));
  BoundExpression expression;
  expression.root_ = std::move(bound.root);
  expression.columns_ = std::move(bound.columns);
  expression.slots_ = bound.slots;
  return expression;
}

Type BoundExpression::type() const { return root_->type; }

Result<BoundExpression::Output> BoundExpression::Evaluate(const Table& table, OnError on_error) const {
  std::vector<std::optional<Type>> types(columns_.size());
  CollectTypes(*root_, &types);
  std::vector<const Column*> columns;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column* column = table.Find(columns_[i]);
    if (column == nullptr) return Error(ErrorCode::kData, "the data have no column `", columns_[i], "`");
    if (types[i].has_value() && column->type() != *types[i])
      return Error(ErrorCode::kData, "column `", columns_[i], "` is ", TypeName(column->type()), ", expected ",
                   TypeName(*types[i]));
    columns.push_back(column);
  }
  if (root_->kind == internal::Node::Kind::kColumn)
    return Output{table.column_ptr(*table.schema().IndexOf(columns_[0])), 0};

  Output output;
  Frame frame(std::move(columns), slots_);
  Gather gather(type(), table.num_rows());
  for (std::size_t offset = 0; offset < table.num_rows(); offset += kBlockRows) {
    frame.Start(offset, std::min(kBlockRows, table.num_rows() - offset));
    const Vector& values = frame.Evaluate(*root_);
    if (frame.any_failed() && on_error == OnError::kRaise) return frame.FirstFailure();
    gather.Add(frame, values, &output.errors);
  }
  output.column = gather.Finish();
  return output;
}

Result<Value> BoundExpression::EvaluateScalar() const {
  if (!columns_.empty())
    return Error(ErrorCode::kInvalid, "column `", columns_[0], "` has no value here")
        .WithHelp("only names and literals can be used");
  Frame frame({}, slots_);
  frame.Start(0, 1);
  const Vector& values = frame.Evaluate(*root_);
  if (frame.any_failed()) return frame.FirstFailure().WithCode(ErrorCode::kInvalid);
  if (!values.IsValid(0)) return Value::Null(type());
  if (type() == Type::kText) return Value::Text(std::string(values.texts[0]));
  if (type() == Type::kDouble) return Value::Double(values.doubles[0]);
  return Value::Int64(type(), values.ints[0]);
}

}  // namespace headrace

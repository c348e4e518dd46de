#include <algorithm>
#include <cassert>
#include <cstring>

#include "headrace/base/text.h"
#include "headrace/expr/node.h"

namespace headrace::internal {

std::uint8_t* Vector::MakeValid(std::size_t rows) {
  if (valid == nullptr) {
    own_valid.assign(rows, 1);
  } else if (valid != own_valid.data()) {
    own_valid.assign(valid, valid + rows);
  }
  valid = own_valid.data();
  return own_valid.data();
}

char* TextArena::Allocate(std::size_t size) {
  if (chunks_.empty() || used_ + size > capacity_) {
    capacity_ = std::max<std::size_t>(size, 16 * 1024);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(capacity_));
    used_ = 0;
  }
  char* at = chunks_.back().get() + used_;
  used_ += size;
  return at;
}

std::string_view TextArena::Copy(std::string_view text) {
  if (text.empty()) return {};
  char* at = Allocate(text.size());
  std::memcpy(at, text.data(), text.size());
  return {at, text.size()};
}

void TextArena::Clear() {
  if (chunks_.size() > 1) chunks_.erase(chunks_.begin(), chunks_.end() - 1);
  used_ = 0;
}

Frame::Frame(std::vector<const Column*> columns, std::size_t slots)
    : columns_(std::move(columns)), slots_(slots), filled_(slots, 0) {}

void Frame::Start(std::size_t offset, std::size_t rows) {
  assert(rows <= kBlockRows);
  if (rows != rows_) std::fill(filled_.begin(), filled_.end(), std::uint8_t{0});
  offset_ = offset;
  rows_ = rows;
  active_ = nullptr;
  arena_.Clear();
  if (any_failed_) std::fill(failed_.begin(), failed_.end(), std::uint8_t{0});
  any_failed_ = false;
}

void Frame::Fail(std::size_t row, const Node& node, Vector& out, std::string_view why, std::string_view help) {
  out.MakeValid(rows_)[row] = 0;
  if (node.tries || (active_ != nullptr && active_[row] == 0) || failed(row)) return;
  if (!any_failed_) failed_.assign(kBlockRows, 0);
  any_failed_ = true;
  failed_[row] = 1;
  const std::size_t table_row = offset_ + row;
  if (!first_failure_.ok() && first_failed_row_ <= table_row) return;
  first_failed_row_ = table_row;
  first_failure_ = Error(ErrorCode::kData, columns_.empty() ? "" : StrCat("row ", table_row + 1, ": "), why)
                       .WithSpan(node.span)
                       .WithHelp(std::string(help));
}

const Vector& Frame::Evaluate(const Node& node) {
  Vector& out = slots_[node.slot];
  switch (node.kind) {
    case Node::Kind::kLiteral:
      return EvaluateLiteral(node, out);
    case Node::Kind::kColumn:
      return EvaluateColumn(node, out);
    case Node::Kind::kCase:
      return EvaluateCase(node, out);
    case Node::Kind::kCoalesce:
      return EvaluateCoalesce(node, out);
    case Node::Kind::kAnd:
    case Node::Kind::kOr:
      return EvaluateLogic(node, out);
    case Node::Kind::kCall:
      break;
  }
  constexpr std::size_t kFew = 8;
  const Vector* few[kFew];
  std::vector<const Vector*> many;
  const Vector** args = few;
  if (node.args.size() > kFew) {
    many.resize(node.args.size());
    args = many.data();
  }
  out.valid = nullptr;
  for (std::size_t k = 0; k < node.args.size(); ++k) {
    args[k] = &Evaluate(*node.args[k]);
    if (node.keeps_nulls || args[k]->valid == nullptr) continue;
    if (out.valid == nullptr) {
      out.valid = args[k]->valid;  // borrowed until somebody writes
    } else {
      std::uint8_t* valid = out.MakeValid(rows_);
      for (std::size_t i = 0; i < rows_; ++i) valid[i] &= args[k]->valid[i];
    }
  }
  node.kernel(*this, node, {args, node.args.size()}, out);
  return out;
}

const Vector& Frame::EvaluateColumn(const Node& node, Vector& out) {
  const Column& column = *columns_[node.column];
  if (column.type() == Type::kText) {
    std::string_view* texts = out.MakeTexts(rows_);
    for (std::size_t i = 0; i < rows_; ++i) texts[i] = column.text(offset_ + i);
  } else if (column.type() == Type::kDouble) {
    out.doubles = column.doubles().data() + offset_;
  } else {
    out.ints = column.ints().data() + offset_;
  }
  out.valid = column.valid().empty() ? nullptr : column.valid().data() + offset_;
  return out;
}

const Vector& Frame::EvaluateLiteral(const Node& node, Vector& out) {
  if (filled_[node.slot] != 0) return out;
  filled_[node.slot] = 1;
  const bool null = node.value.is_null();
  if (node.type == Type::kText) {
    std::fill_n(out.MakeTexts(rows_), rows_, null ? std::string_view() : std::string_view(node.value.as_text()));
  } else if (node.type == Type::kDouble) {
    std::fill_n(out.MakeDoubles(rows_), rows_, null ? 0.0 : node.value.as_double());
  } else {
    std::fill_n(out.MakeInts(rows_), rows_, null ? 0 : node.value.as_int());
  }
  out.valid = nullptr;
  if (null) std::fill_n(out.MakeValid(rows_), rows_, std::uint8_t{0});
  return out;
}

namespace {

/// Space for results of `type`, all null.
void MakeNulls(Type type, std::size_t rows, Vector& out) {
  if (type == Type::kText)
    std::fill_n(out.MakeTexts(rows), rows, std::string_view());
  else if (type == Type::kDouble)
    std::fill_n(out.MakeDoubles(rows), rows, 0.0);
  else
    std::fill_n(out.MakeInts(rows), rows, std::int64_t{0});
  out.valid = nullptr;
  std::fill_n(out.MakeValid(rows), rows, std::uint8_t{0});
}

/// out[i] = from[i] where take[i].
void Merge(Type type, std::size_t rows, const std::vector<std::uint8_t>& take, const Vector& from, Vector& out) {
  for (std::size_t i = 0; i < rows; ++i) {
    if (take[i] == 0 || !from.IsValid(i)) continue;
    out.own_valid[i] = 1;
    if (type == Type::kText)
      out.own_texts[i] = from.texts[i];
    else if (type == Type::kDouble)
      out.own_doubles[i] = from.doubles[i];
    else
      out.own_ints[i] = from.ints[i];
  }
}

}  // namespace

const Vector& Frame::EvaluateCase(const Node& node, Vector& out) {
  const std::uint8_t* outer = active_;
  std::vector<std::uint8_t> open(rows_, 1), taken(rows_);
  if (outer != nullptr) std::copy_n(outer, rows_, open.begin());
  MakeNulls(node.type, rows_, out);
  const auto any = [](const std::vector<std::uint8_t>& mask) {
    return std::find(mask.begin(), mask.end(), 1) != mask.end();
  };
  for (std::size_t k = 0; k < node.args.size() && any(open); k += 2) {
    if (k + 1 == node.args.size()) {
      taken = open;
    } else {
      active_ = open.data();
      const Vector& condition = Evaluate(*node.args[k]);
      for (std::size_t i = 0; i < rows_; ++i)
        taken[i] = static_cast<std::uint8_t>(open[i] != 0 && condition.IsValid(i) && condition.ints[i] != 0);
      for (std::size_t i = 0; i < rows_; ++i) open[i] = static_cast<std::uint8_t>(open[i] & ~taken[i] & 1);
    }
    if (!any(taken)) continue;
    active_ = taken.data();
    Merge(node.type, rows_, taken, Evaluate(*node.args[std::min(k + 1, node.args.size() - 1)]), out);
  }
  active_ = outer;
  return out;
}

const Vector& Frame::EvaluateCoalesce(const Node& node, Vector& out) {
  const std::uint8_t* outer = active_;
  std::vector<std::uint8_t> open(rows_, 1);
  if (outer != nullptr) std::copy_n(outer, rows_, open.begin());
  MakeNulls(node.type, rows_, out);
  for (const NodePtr& arg : node.args) {
    active_ = open.data();
    const Vector& value = Evaluate(*arg);
    Merge(node.type, rows_, open, value, out);
    bool any = false;
    for (std::size_t i = 0; i < rows_; ++i) {
      if (value.IsValid(i)) open[i] = 0;
      any = any || open[i] != 0;
    }
    if (!any) break;
  }
  active_ = outer;
  return out;
}

const Vector& Frame::EvaluateLogic(const Node& node, Vector& out) {
  const std::uint8_t* outer = active_;
  const std::int64_t decides = node.kind == Node::Kind::kOr ? 1 : 0;
  std::vector<std::uint8_t> open(rows_, 1);
  if (outer != nullptr) std::copy_n(outer, rows_, open.begin());
  std::int64_t* result = out.MakeInts(rows_);
  std::fill_n(result, rows_, 1 - decides);
  out.valid = nullptr;
  std::uint8_t* known = nullptr;
  for (const NodePtr& arg : node.args) {
    active_ = open.data();
    const Vector& value = Evaluate(*arg);
    for (std::size_t i = 0; i < rows_; ++i) {
      if (!value.IsValid(i)) {
        if (result[i] == decides) continue;  // decided before: null changes nothing
        if (known == nullptr) known = out.MakeValid(rows_);
        known[i] = 0;
      } else if (value.ints[i] == decides) {
        result[i] = decides;
        if (known != nullptr) known[i] = 1;
        open[i] = 0;
      }
    }
  }
  active_ = outer;
  return out;
}

}  // namespace headrace::internal

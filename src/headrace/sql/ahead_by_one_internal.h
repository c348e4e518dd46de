#pragma once

#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "headrace/table/table.h"

namespace headrace {

/// Rows in blocks, of which the next is made while the one before is worked on.
class AheadByOne final : public TableStream {
 public:
  explicit AheadByOne(std::unique_ptr<TableStream> rows) : rows_(std::move(rows)) {}
  const Schema& schema() const override { return rows_->schema(); }

  Result<std::optional<Table>> Next() override {
    Result<std::optional<Table>> block = next_.valid() ? next_.get() : rows_->Next();
    if (block.ok() && block->has_value()) next_ = std::async(std::launch::async, [this] { return rows_->Next(); });
    return block;
  }

 private:
  std::unique_ptr<TableStream> rows_;
  std::future<Result<std::optional<Table>>> next_;     // waited for before rows_ goes
};

}  // namespace headrace

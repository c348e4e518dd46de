#pragma once

#include <gtest/gtest.h>
#include <nanoarrow/nanoarrow.h>

#include <memory>

#include "headrace/table/table.h"

namespace headrace {

/// A table as another program hands it over, in blocks of 100 rows; the receiver's to release.
inline ArrowArrayStream Exported(const Table& table) {
  ArrowArrayStream stream{};
  ExportStream(StreamOf(table, 100), &stream);
  return stream;
}

/// All that a stream holds; it is released.
inline Table Read(ArrowArrayStream& stream) {
  Result<std::unique_ptr<TableStream>> imported = ImportStream(&stream);
  EXPECT_TRUE(imported.ok()) << imported.status();
  Result<Table> table = ReadAll(**imported);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *table : Table();
}

}  // namespace headrace

#pragma once

#include <memory>
#include <string>

#include "headrace/base/status.h"
#include "headrace/cli/command.h"
#include "headrace/sql/engine.h"

namespace headrace {

/// Rows that a command line names: a file (CSV, TSV, JSON lines, Parquet, also .gz and .zst; globs) or what a step left, as RUN/STEP or RUN/STEP.OUTPUT
/// (`last/purchases`). What is there as a file is taken for one. Or a table of a connection, which is read once and kept until the end.
///
///   Open -> (Rows | schema)*
///
/// Threads: none.
class DataSource {
 public:
  struct Options {
    std::string text;                  ///< as given
    std::string delimiter = {};        ///< of CSV; "" = found in the first lines
    Schema types = {};                 ///< types of columns of text files, where they are known; a column that is not there does not matter
    std::string connection = {}, table = {}, tenant = {};   ///< or, in place of `text`, a table of a connection as a tenant ("" = none) sees it
  };
  /// kInvalid when it is neither, with what to write.
  static Result<DataSource> Open(const Options& options, const GlobalFlags& flags);

  /// All rows, from the first, in the order of the data. The stream must not outlive this object.
  Result<std::unique_ptr<TableStream>> Rows() const;
  const Schema& schema() const { return schema_; }
  const std::string& name() const { return name_; }   ///< for people: the path, "step `purchases` of run 2026...", or "warehouse.purchases"

 private:
  std::unique_ptr<Engine> engine_;
  Schema schema_;
  std::string name_;
};

}  // namespace headrace

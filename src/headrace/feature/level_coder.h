#pragma once

// Private to this room: levels of a column as codes, for every step that knows levels.

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "headrace/feature/levels.h"
#include "headrace/table/table.h"

namespace headrace::internal {

/// The levels of a column that training saw. The code of a row is its level's place, after them one for a missing value if training had any; kUnseen or
/// kMissingUnseen for what training never saw.
class LevelCoder {
 public:
  static constexpr std::int32_t kUnseen = -1, kMissingUnseen = -2;

  LevelCoder(Type type, Levels levels, bool missing_seen, std::optional<std::string> fill);
  Type type() const { return type_; }
  const Levels& levels() const { return levels_; }
  bool missing_seen() const { return missing_seen_; }
  /// Levels, and one more where training had missing values.
  std::size_t size() const { return levels_.size() + (missing_seen_ ? 1 : 0); }
  /// "DE", "3", "true", "(missing)".
  std::string Name(std::size_t code) const;
  std::vector<std::string> Names() const;  ///< of the levels

  /// Codes of rows [begin, begin + rows) of a column of the type; the number of kUnseen.
  std::int64_t CodesOf(const Column& source, std::size_t begin, std::size_t rows, std::int32_t* codes) const;
  /// The same of numbers that steps made of them. REQUIRES: not text.
  std::int64_t CodesOf(const double* numbers, std::size_t rows, std::int32_t* codes) const;

  void ToJson(nlohmann::json& into) const;
  static Result<LevelCoder> Read(const nlohmann::json& from);

 private:
  Type type_;
  Levels levels_;
  bool missing_seen_;
  std::optional<std::string> fill_;   ///< what a null text reads as
  std::int32_t of_missing_;
};

/// The levels of training rows.
struct CodedLevels {
  LevelCoder coder;
  std::vector<std::int64_t> counts;   ///< one a code
  std::vector<std::int32_t> codes;    ///< one a row
};
/// The levels of a column, with `fill` for null texts.
Result<CodedLevels> CodeLevels(const std::string& column, const Column& source, const std::optional<std::string>& fill, int threads);
/// The levels of numbers made of a column of `type`.
Result<CodedLevels> CodeLevels(const std::string& column, Type type, std::span<const double> numbers, int threads);

}  // namespace headrace::internal

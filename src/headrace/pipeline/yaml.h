#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/pipeline/diagnostics.h"
#include "headrace/pipeline/source.h"
#include "headrace/table/value.h"

namespace headrace {

/// One node of a YAML file. Scalars are text: `no`, `on`, `12:30` and `1e3` mean what the key they stand under says.
/// A `${...}` that was evaluated leaves its typed value in the node; one whose value only a run knows leaves its type.
struct Node {
  enum class Kind { kScalar, kList, kMap };
  enum class Style { kPlain, kSingle, kDouble, kLiteral, kFolded };
  struct Entry;

  Kind kind = Kind::kScalar;
  Style style = Style::kPlain;
  std::string text;                    ///< kScalar
  std::vector<Node> items;             ///< kList
  std::vector<Entry> entries;          ///< kMap, in the order of the file; keys are unique
  Place place;                         ///< of the whole node; a block map's is its first key

  std::optional<Value> value;          ///< set by evaluation: `text` is its ToString()
  std::optional<Type> pending;         ///< set by evaluation with values unknown; `text` is then meaningless
  bool of_interval = false;            ///< set by evaluation: what it says follows from the run's interval

  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  /// Nothing, `~` or `null`, unquoted.
  bool is_null() const;
  /// The value under `key`, or nullptr. REQUIRES: is_map().
  const Node* Find(std::string_view key) const;
  const Entry* FindEntry(std::string_view key) const;
  /// The scalar with the way back to the file. REQUIRES: is_scalar().
  SourcedText Sourced() const;
};

struct Node::Entry {
  std::string key;
  Place key_place;
  Node value;
};

/// What came, for "expected ..., got ...": "a list", "a map", "nothing", "`text`".
std::string Describe(const Node& node);

/// Limits on what a project file may hold; a file beyond them is refused while it is read.
struct YamlLimits {
  std::size_t max_bytes = 1 << 20;
  std::size_t max_depth = 64;
  std::size_t max_nodes = 50'000;
};

/// Parse one document. No aliases, anchors or tags; keys are scalars and unique. nullopt when a syntax error or a
/// limit ended the reading (a diagnostic says where); duplicate keys are reported and the first one stays. An empty
/// file is a null scalar.
std::optional<Node> ParseYaml(const std::shared_ptr<const SourceFile>& source, Diagnostics& diagnostics,
                              const YamlLimits& limits = {});

/// ReadBytes + MakeSource. nullptr after reporting: at the line that breaks a rule, at the first one when the file cannot be read at all.
std::shared_ptr<const SourceFile> ReadOrReport(const std::string& file, const std::string& shown_path, std::size_t max_bytes, Diagnostics& diagnostics);
/// ReadOrReport + ParseYaml.
std::optional<Node> ReadYaml(const std::string& file, const std::string& shown_path, Diagnostics& diagnostics);

}  // namespace headrace

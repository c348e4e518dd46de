#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "headrace/pipeline/decode.h"

namespace headrace {

/// What stands under `for_each`, with the names it brings.
struct ForEachDecl {
  ForEachSpec spec;
  std::optional<StepReference> rows;                          ///< the dataset that gives the items
  std::vector<std::pair<std::string, Type>> names;            ///< "item", or "item.NAME" for each of the columns
};

/// Decode a `for_each`; nullopt after reporting. `scope` is that of the step, which does not know the item yet.
std::optional<ForEachDecl> DecodeForEach(const Node& node, const Scope& scope, Diagnostics& diagnostics);

/// A step as its file says it, from which the step of each item is made.
///
/// Threads: immutable; any number may call.
class ItemTemplate {
 public:
  /// `entry` with its `${...}` unevaluated, `references` as it makes them whatever the item; `around` and `sql` are shared with all templates of the pipeline.
  ItemTemplate(std::string name, Node::Entry entry, std::vector<StepReference> references, Scope scope, std::shared_ptr<const StepSurroundings> around,
               std::shared_ptr<const SqlInspector> sql, bool last);

  /// The step `step` (as linked) for the item with these values, called `name`. nullopt after reporting what is wrong with it for this item.
  std::optional<StepSpec> Make(const StepSpec& step, const std::vector<Value>& values, std::string name, Diagnostics& diagnostics) const;

 private:
  std::string name_;
  Node::Entry entry_;
  std::vector<StepReference> references_;
  Scope scope_;
  std::shared_ptr<const StepSurroundings> around_;
  std::shared_ptr<const SqlInspector> sql_;
  bool last_;
};

/// An inspector that asks `inner` once for each query, so that ten thousand items of one query cost one parse. Threads: any number may call.
std::shared_ptr<const SqlInspector> CachingSqlInspector(std::shared_ptr<const SqlInspector> inner);

/// The shape of a step whose `for_each` has been looked at already.
const Shape& StepShapeWithoutForEach();

}  // namespace headrace

#pragma once

#include <map>
#include <set>
#include <string>

#include "headrace/expr/expr.h"
#include "headrace/pipeline/project.h"
#include "headrace/pipeline/schema.h"

namespace headrace {

/// The names that `${...}` may use at one place of the files, with their values, or with their types where only a run
/// knows the values.
///
/// Threads: none while it is filled; then immutable.
class Scope : public Substituter {
 public:
  void Set(const std::string& name, Value value);
  /// A name whose value only a run knows.
  void SetUnknown(const std::string& name, Type type);
  /// `params.NAME` that is no single value: columns, a dataset, a secret. `known`: whether the columns, or the name of the secret, are.
  void SetSpecial(const std::string& name, ParamValue value, bool known);

  /// Say that the value of `name` follows from the run's interval, as those of `run.interval...` do.
  void SetOfInterval(const std::string& name) { of_interval_.insert(name); }
  bool IsOfInterval(const std::string& name) const { return name.starts_with("run.interval.") || of_interval_.contains(name); }

  const Expression::Names& names() const { return names_; }
  bool IsUnknown(const std::string& name) const { return unknown_.contains(name); }

  /// A whole `${...}` keeps its type (or leaves `pending`); inside text it is formatted as users write it; in an
  /// expression it becomes a literal, so no value can change what the expression means. A columns parameter turns the
  /// node into a list, a secret one into the map `{secret: NAME}`. "$${" stands for the text "${".
  bool Substitute(Node& node, ScalarType target, Diagnostics& diagnostics) const override;

 private:
  class Work;
  Expression::Names names_;
  std::set<std::string> unknown_, of_interval_;
  struct Special { ParamValue value; bool known = true; };
  std::map<std::string, Special> special_;
};

/// A value as a literal of the expression language: 'it''s', cast('2026-01-01' as date), (-1), 7d.
std::string ExpressionLiteral(const Value& value);

}  // namespace headrace

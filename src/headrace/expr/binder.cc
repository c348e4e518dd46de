#include "headrace/expr/binder.h"

#include <algorithm>
#include <map>
#include <utility>

#include "headrace/base/text.h"
#include "headrace/expr/functions.h"

// Types flow from the leaves up: an argument is bound first, then its parent picks an overload or a common
// type and wraps arguments in implicit casts. There are few of these on purpose: int to double, date to
// timestamp, the word null to anything, and a text literal beside a date, timestamp or duration.

namespace headrace::internal {
namespace {

using Kind = Syntax::Kind;

Status Bad(TextSpan span, std::string message, std::string help = "") {
  return Status(ErrorCode::kInvalid, std::move(message)).WithSpan(span).WithHelp(std::move(help));
}

bool IsConstant(const Node& node) { return node.kind == Node::Kind::kLiteral; }
bool IsTextLiteral(const Node& node) { return node.written && node.type == Type::kText; }
bool HasTime(Type type) { return type == Type::kDate || type == Type::kTimestamp || type == Type::kDuration; }

std::string TypeText(const Node& node) { return node.untyped ? "null" : std::string(TypeName(node.type)); }

class Binder {
 public:
  Binder(const Schema& columns, const Expression::Names& names) : schema_(columns), names_(names) {}

  Result<Bound> Run(const Syntax& root) {
    ASSIGN_OR_RETURN(NodePtr node, Bind(root));
    return Bound{std::move(node), std::move(columns_), slots_};
  }

 private:
  using Nodes = std::vector<NodePtr>;

  Result<NodePtr> Bind(const Syntax& s) {
    switch (s.kind) {
      case Kind::kLiteral: {
        auto node = std::make_shared<Node>();
        node->type = s.value.type();
        node->value = s.value;
        node->written = true;
        return Place(std::move(node), s.span);
      }
      case Kind::kNull: {
        auto node = std::make_shared<Node>();
        node->value = Value::Null(Type::kText);
        node->untyped = true;
        return Place(std::move(node), s.span);
      }
      case Kind::kName:
        return BindName(s);
      case Kind::kNegate:
        return BindOverload("negate", "-", s);
      case Kind::kBinary:
        return BindBinary(s);
      case Kind::kAnd:
      case Kind::kOr:
      case Kind::kNot:
        return BindLogic(s);
      case Kind::kIsNull: {
        ASSIGN_OR_RETURN(Nodes args, BindAll(s.args));
        return Call(kernels::IsNull, Type::kBool, std::move(args), s.span,
                    {.option = s.negated ? 1 : 0, .keeps_nulls = true});
      }
      case Kind::kBetween:
        return BindMembership(s, kernels::Between, "compare");
      case Kind::kIn:
        return BindMembership(s, kernels::In, "compare");
      case Kind::kLike:
        return BindLike(s);
      case Kind::kCase:
        return BindCase(s);
      case Kind::kCast: {
        ASSIGN_OR_RETURN(NodePtr arg, Bind(*s.args[0]));
        return Cast(std::move(arg), s.type, s.tries, s.span);
      }
      case Kind::kCall:
        return BindCall(s);
    }
    return Bad(s.span, "unknown syntax");
  }

  Result<Nodes> BindAll(const std::vector<SyntaxPtr>& all) {
    Nodes nodes;
    for (const SyntaxPtr& s : all) {
      ASSIGN_OR_RETURN(NodePtr node, Bind(*s));
      nodes.push_back(std::move(node));
    }
    return nodes;
  }

  NodePtr Place(std::shared_ptr<Node> node, TextSpan span) {
    node->span = span;
    node->slot = slots_++;
    return node;
  }

  NodePtr Literal(Value value, TextSpan span) {
    auto node = std::make_shared<Node>();
    node->type = value.type();
    node->value = std::move(value);
    return Place(std::move(node), span);
  }

  struct CallOptions {
    int option = 0;
    bool keeps_nulls = false;
    bool tries = false;
  };
  NodePtr Call(Kernel kernel, Type type, Nodes args, TextSpan span, CallOptions options) {
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kCall;
    node->kernel = kernel;
    node->type = type;
    node->args = std::move(args);
    node->option = options.option;
    node->keeps_nulls = options.keeps_nulls;
    node->tries = options.tries;
    return Fold(Place(std::move(node), span));
  }
  NodePtr Call(Kernel kernel, Type type, Nodes args, TextSpan span) {
    return Call(kernel, type, std::move(args), span, {});
  }

  /// A literal in place of an operation on literals, unless it raises: then a row decides (it may never be needed).
  NodePtr Fold(NodePtr node) {
    if (!std::all_of(node->args.begin(), node->args.end(), [](const NodePtr& arg) { return IsConstant(*arg); }))
      return node;
    Node alone = *node;  // in slots of its own, so that folding costs nothing but itself
    for (std::size_t i = 0; i < alone.args.size(); ++i) {
      auto arg = std::make_shared<Node>(*alone.args[i]);
      arg->slot = i;
      alone.args[i] = std::move(arg);
    }
    alone.slot = alone.args.size();
    Frame frame({}, alone.args.size() + 1);
    frame.Start(0, 1);
    const Vector& result = frame.Evaluate(alone);
    if (frame.any_failed()) return node;
    Value value = Value::Null(node->type);
    if (result.IsValid(0)) {
      if (node->type == Type::kText)
        value = Value::Text(std::string(result.texts[0]));
      else if (node->type == Type::kDouble)
        value = Value::Double(result.doubles[0]);
      else
        value = Value::Int64(node->type, result.ints[0]);
    }
    return Literal(std::move(value), node->span);
  }

  Result<NodePtr> BindName(const Syntax& s) {
    if (const auto known = names_.find(s.text); known != names_.end()) return Literal(known->second, s.span);
    if (const auto index = schema_.IndexOf(s.text)) {
      const auto [position, fresh] = column_index_.try_emplace(s.text, columns_.size());
      if (fresh) columns_.push_back(s.text);
      auto node = std::make_shared<Node>();
      node->kind = Node::Kind::kColumn;
      node->type = schema_[*index].type;
      node->column = position->second;
      return Place(std::move(node), s.span);
    }
    std::vector<std::string> known = schema_.Names();
    for (const auto& [name, value] : names_) known.push_back(name);
    const std::string near = NearestName(s.text, known);
    std::string help;
    if (!near.empty())
      help = StrCat("did you mean `", near, "`?");
    else if (s.span.length != s.text.size())
      help = StrCat("double quotes hold a name; for text write '", s.text, "'");
    else if (known.empty())
      help = "no names are known here; text stands in single quotes";
    else if (known.size() <= 12)
      help = StrCat("known here: ", Join(known, ", "));
    const bool dotted = s.text.find('.') != std::string::npos || schema_.size() == 0;
    return Bad(s.span, StrCat(dotted ? "there is no name `" : "there is no column `", s.text, "`"), std::move(help));
  }

  // ---- conversions ----

  static bool Converts(const Node& node, Type to) {
    if (node.untyped || node.type == to) return true;
    return (node.type == Type::kInt && to == Type::kDouble) || (node.type == Type::kDate && to == Type::kTimestamp);
  }

  Result<NodePtr> Cast(NodePtr arg, Type to, bool tries, TextSpan span) {
    if (arg->untyped) return Literal(Value::Null(to), span);
    if (arg->type == to) return arg;
    const Kernel kernel = CastKernel(arg->type, to);
    if (kernel == nullptr) {
      std::string help;
      if (IsNumeric(arg->type) && HasTime(to)) help = "add a number of days to a date: date '1970-01-01' + x";
      if (HasTime(arg->type) && IsNumeric(to))
        help = "date_diff('day', from, to) and date_part('year', x) give numbers";
      return Bad(span, StrCat(TypeName(arg->type), " cannot be cast to ", TypeName(to)), std::move(help));
    }
    return Call(kernel, to, {std::move(arg)}, span, {.tries = tries});
  }

  /// REQUIRES: Converts(*arg, to), or a text literal beside a type with time.
  Result<NodePtr> Implicit(NodePtr arg, Type to) {
    if (IsTextLiteral(*arg) && HasTime(to)) {
      Result<Value> value = Value::Parse(arg->value.as_text(), to);
      if (value.ok()) return Literal(std::move(*value), arg->span);
      Status status = std::move(value).status();
      return std::move(status).WithSpan(arg->span);
    }
    const TextSpan span = arg->span;
    return Cast(std::move(arg), to, false, span);
  }

  /// Bring all to one type; `act` says what for, in messages.
  Result<Type> Unify(Nodes& args, std::string_view act) {
    const Node* first = nullptr;  // the one that gave the type so far
    Type type = Type::kText;
    const auto merge = [&](const Node& node) -> Status {
      if (first == nullptr || type == node.type) {
        type = node.type;
      } else if (IsNumeric(type) && IsNumeric(node.type)) {
        type = Type::kDouble;
      } else if ((type == Type::kDate && node.type == Type::kTimestamp) ||
                 (type == Type::kTimestamp && node.type == Type::kDate)) {
        type = Type::kTimestamp;
      } else {
        const Type to = node.type == Type::kText                          ? type
                        : node.type == Type::kBool || type == Type::kText ? Type::kText
                                                                          : type;
        return Bad(node.span, StrCat("cannot ", act, " ", TypeName(type), " and ", TypeName(node.type)),
                   StrCat("cast one of them, as in cast(x as ", TypeName(to == node.type ? type : to), ")"));
      }
      first = &node;
      return Ok();
    };
    for (const NodePtr& arg : args)
      if (!arg->untyped && !IsTextLiteral(*arg)) RETURN_IF_ERROR(merge(*arg));
    for (const NodePtr& arg : args)
      if (IsTextLiteral(*arg) && (first == nullptr || !HasTime(type))) RETURN_IF_ERROR(merge(*arg));
    for (NodePtr& arg : args) { ASSIGN_OR_RETURN(arg, Implicit(std::move(arg), type)); }
    return type;
  }

  // ---- operators ----

  Result<NodePtr> BindBinary(const Syntax& s) {
    const std::string& op = s.text;
    const bool compares = op == "=" || op == "<>" || op == "<" || op == "<=" || op == ">" || op == ">=";
    if (!compares) return BindOverload(op, op, s);
    ASSIGN_OR_RETURN(Nodes args, BindAll(s.args));
    if (s.args[0]->kind == Kind::kNull || s.args[1]->kind == Kind::kNull)
      return Bad(s.span, "a comparison with null is never true",
                 StrCat("write `is ", op == "<>" ? "not " : "", "null`"));
    return Compare(op, std::move(args), s.span);
  }

  Result<NodePtr> Compare(std::string_view op, Nodes args, TextSpan span) {
    ASSIGN_OR_RETURN(const Type type, Unify(args, "compare"));
    (void)type;
    if (op == ">" || op == ">=") std::swap(args[0], args[1]);
    const Kernel kernel = op == "="                ? kernels::Equal
                          : op == "<>"             ? kernels::NotEqual
                          : op == "<" || op == ">" ? kernels::Less
                                                   : kernels::LessOrEqual;
    return Call(kernel, Type::kBool, std::move(args), span);
  }

  Result<NodePtr> BindMembership(const Syntax& s, Kernel kernel, std::string_view act) {
    ASSIGN_OR_RETURN(Nodes args, BindAll(s.args));
    ASSIGN_OR_RETURN(const Type type, Unify(args, act));
    (void)type;
    return Call(kernel, Type::kBool, std::move(args), s.span, {.option = s.negated ? 1 : 0, .keeps_nulls = true});
  }

  Result<NodePtr> Condition(NodePtr node, std::string_view of) {
    if (Converts(*node, Type::kBool)) return Implicit(std::move(node), Type::kBool);
    return Bad(node->span, StrCat(of, " needs a bool, got ", TypeText(*node)),
               IsNumeric(node->type) ? "compare it, as in x <> 0" : "compare it, as in x = 'yes'");
  }

  Result<NodePtr> BindLogic(const Syntax& s) {
    const std::string_view word = s.kind == Kind::kAnd ? "`and`" : s.kind == Kind::kOr ? "`or`" : "`not`";
    ASSIGN_OR_RETURN(Nodes args, BindAll(s.args));
    for (NodePtr& arg : args) { ASSIGN_OR_RETURN(arg, Condition(std::move(arg), word)); }
    if (s.kind == Kind::kNot) return Call(kernels::Not, Type::kBool, std::move(args), s.span);
    auto node = std::make_shared<Node>();
    node->kind = s.kind == Kind::kAnd ? Node::Kind::kAnd : Node::Kind::kOr;
    node->type = Type::kBool;
    node->args = std::move(args);
    return Fold(Place(std::move(node), s.span));
  }

  Result<NodePtr> BindLike(const Syntax& s) {
    ASSIGN_OR_RETURN(Nodes args, BindAll(s.args));
    for (NodePtr& arg : args) {
      if (!Converts(*arg, Type::kText))
        return Bad(arg->span, StrCat("`like` compares text, got ", TypeText(*arg)), "cast it: cast(x as text)");
      ASSIGN_OR_RETURN(arg, Implicit(std::move(arg), Type::kText));
    }
    int option = (s.negated ? kernels::kLikeNegated : 0) | (s.insensitive ? kernels::kLikeInsensitive : 0);
    if (args.size() == 3) {
      const Node& escape = *args[2];
      if (!IsConstant(escape)) return Bad(escape.span, "the escape character must be written out", "write escape '\\'");
      if (escape.value.is_null()) return Literal(Value::Null(Type::kBool), s.span);
      const std::string& text = escape.value.as_text();
      if (text.size() > 1 || (text.size() == 1 && static_cast<unsigned char>(text[0]) >= 0x80))
        return Bad(escape.span, "the escape character must be one ASCII character or empty");
      if (!text.empty()) option |= text[0] << 8;
      args.pop_back();
    }
    return Call(kernels::Like, Type::kBool, std::move(args), s.span, {.option = option});
  }

  Result<NodePtr> BindCase(const Syntax& s) {
    ASSIGN_OR_RETURN(Nodes all, BindAll(s.args));
    const std::size_t first = s.has_operand ? 1 : 0, count = (all.size() - first) / 2;
    if (s.has_operand) {
      Nodes compared = {all[0]};
      for (std::size_t i = 0; i < count; ++i) compared.push_back(all[first + 2 * i]);
      ASSIGN_OR_RETURN(const Type type, Unify(compared, "compare"));
      (void)type;
      for (std::size_t i = 0; i < count; ++i)
        all[first + 2 * i] = Call(kernels::Equal, Type::kBool, {compared[0], compared[i + 1]}, compared[i + 1]->span);
    }
    Nodes results;
    for (std::size_t i = 0; i < count; ++i) {
      ASSIGN_OR_RETURN(all[first + 2 * i], Condition(all[first + 2 * i], "`when`"));
      results.push_back(all[first + 2 * i + 1]);
    }
    if (s.has_else) results.push_back(all.back());
    ASSIGN_OR_RETURN(const Type type, Unify(results, "choose between"));
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kCase;
    node->type = type;
    for (std::size_t i = 0; i < count; ++i) {
      node->args.push_back(all[first + 2 * i]);
      node->args.push_back(results[i]);
    }
    if (s.has_else) node->args.push_back(results.back());
    return Fold(Place(std::move(node), s.span));
  }

  // ---- functions ----

  Result<NodePtr> BindCall(const Syntax& s) {
    const std::string& name = s.text;
    const bool special =
        name == "coalesce" || name == "greatest" || name == "least" || name == "nullif" || name == "concat";
    if (!special) {
      if (OverloadsOf(name).empty()) return UnknownFunction(s);
      return BindOverload(name, name, s);
    }
    if (s.args.empty() || (name == "nullif" && s.args.size() != 2))
      return Bad(s.span, StrCat("`", name, "` got ", Counted(std::ssize(s.args), "argument")),
                 StrCat("it is called as ", Signature(name)));
    ASSIGN_OR_RETURN(Nodes args, BindAll(s.args));
    if (name == "concat") {
      for (NodePtr& arg : args) {
        const TextSpan span = arg->span;
        ASSIGN_OR_RETURN(arg, Cast(std::move(arg), Type::kText, false, span));
      }
      return Call(kernels::Concat, Type::kText, std::move(args), s.span, {.keeps_nulls = true});
    }
    if (name == "nullif") return BindNullIf(std::move(args), s.span);
    ASSIGN_OR_RETURN(const Type type, Unify(args, StrCat("take the ", name == "coalesce" ? "first" : name, " of")));
    if (name != "coalesce")
      return Call(name == "greatest" ? kernels::Greatest : kernels::Least, type, std::move(args), s.span,
                  {.keeps_nulls = true});
    auto node = std::make_shared<Node>();
    node->kind = Node::Kind::kCoalesce;
    node->type = type;
    node->args = std::move(args);
    return Fold(Place(std::move(node), s.span));
  }

  /// The first argument in its own type; the two are compared in their common one.
  Result<NodePtr> BindNullIf(Nodes args, TextSpan span) {
    const NodePtr value = args[0];
    if (value->untyped) return value;
    ASSIGN_OR_RETURN(NodePtr equal, Compare("=", std::move(args), span));
    return Call(kernels::NullIf, value->type, {value, equal}, span, {.keeps_nulls = true});
  }

  /// How many conversions `overload` needs for `args`, or -1 when it does not fit.
  static int Cost(const Overload& overload, const Nodes& args) {
    if (overload.params.size() != args.size()) return -1;
    int cost = 0;
    for (std::size_t i = 0; i < args.size(); ++i) {
      const Type type = TypeOfLetter(overload.params[i]);
      if (!Converts(*args[i], type)) return -1;
      if (!args[i]->untyped && args[i]->type != type) ++cost;
    }
    return cost;
  }

  Result<NodePtr> BindOverload(const std::string& name, const std::string& shown, const Syntax& s) {
    ASSIGN_OR_RETURN(Nodes args, BindAll(s.args));
    const Overload* best = nullptr;
    int best_cost = 0;
    for (const Overload* overload : OverloadsOf(name)) {
      const int cost = Cost(*overload, args);
      if (cost >= 0 && (best == nullptr || cost < best_cost)) best = overload, best_cost = cost;
    }
    if (best == nullptr) return NoOverload(name, shown, args, s);
    int option = 0;
    Type type = best->result;
    Kernel kernel = best->kernel;
    if (best->params.starts_with('u')) {
      ASSIGN_OR_RETURN(const TimeUnit unit, Unit(*args[0], name));
      option = static_cast<int>(unit);
      args.erase(args.begin());
      if (unit == TimeUnit::kEpoch) {
        ASSIGN_OR_RETURN(args[0], Implicit(args[0], Type::kTimestamp));
        return Call(kernels::EpochOfTimestamp, Type::kDouble, std::move(args), s.span);
      }
    }
    const std::string_view params = best->params.substr(best->params.size() - args.size());
    for (std::size_t i = 0; i < args.size(); ++i) {
      ASSIGN_OR_RETURN(args[i], Implicit(args[i], TypeOfLetter(params[i])));
    }
    if (best->swaps) std::swap(args[0], args[1]);
    return Call(kernel, type, std::move(args), s.span, {.option = option});
  }

  static Result<TimeUnit> Unit(const Node& node, std::string_view function) {
    if (!IsTextLiteral(node))
      return Bad(node.span, StrCat("the unit of `", function, "` must be written out"),
                 StrCat("it is called as ", Signature(function)));
    const std::string& name = node.value.as_text();
    if (const auto unit = UnitFromName(name, function)) return *unit;
    return Bad(node.span, StrCat("`", function, "` knows no unit '", name, "'"),
               StrCat("the units are ", UnitNames(function)));
  }

  static Status NoOverload(std::string_view name, std::string_view shown, const Nodes& args, const Syntax& s) {
    std::vector<std::string> types;
    for (const NodePtr& arg : args) types.push_back(TypeText(*arg));
    if (s.kind == Kind::kCall)
      return Bad(s.span, StrCat("`", shown, "` cannot be called with (", Join(types, ", "), ")"),
                 StrCat("it is called as ", Signature(name)));
    const auto any = [&](Type type) {
      return std::any_of(args.begin(), args.end(),
                         [&](const NodePtr& arg) { return !arg->untyped && arg->type == type; });
    };
    std::string help = "cast one side, as in cast(x as double)";
    if (name == "||")
      help = "cast the other side, as in cast(x as text), or use concat(x, y)";
    else if (name == "//" && any(Type::kDouble))
      help = "`//` divides ints; write floor(x / y)";
    else if (name == "+" && any(Type::kText))
      help = "join texts with ||, or cast them to a number";
    else if (any(Type::kTimestamp) && any(Type::kInt))
      help = "write a number of days as a duration, such as 7d";
    else if (any(Type::kBool))
      help = "cast the bool, as in cast(x as int)";
    else if (any(Type::kDate) || any(Type::kTimestamp) || any(Type::kDuration))
      help = "durations are added to dates and timestamps, and multiplied by ints";
    if (args.size() == 1)
      return Bad(s.span, StrCat("`", shown, "` needs a number or a duration, got ", types[0]), std::move(help));
    return Bad(s.span, StrCat("`", shown, "` does not take ", types[0], " and ", types[1]), std::move(help));
  }

  const Schema& schema_;
  const Expression::Names& names_;
  std::vector<std::string> columns_;
  std::map<std::string, std::size_t> column_index_;
  std::size_t slots_ = 0;
};

}  // namespace

Result<Bound> BindSyntax(const Syntax& root, const Schema& columns, const Expression::Names& names) {
  return Binder(columns, names).Run(root);
}

Status UnknownFunction(const Syntax& call) {
  const std::string near = NearestName(call.text, FunctionNames());
  std::string help(InsteadOf(call.text));
  if (help.empty() && !near.empty()) help = StrCat("did you mean `", near, "`?");
  if (help.empty()) help = StrCat("the functions are ", Join(FunctionNames(), ", "));
  return Bad({call.span.offset, call.text.size()}, StrCat("there is no function `", call.text, "`"), std::move(help));
}

}  // namespace headrace::internal

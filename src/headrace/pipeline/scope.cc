#include "headrace/pipeline/scope.h"

#include <cmath>
#include <optional>
#include <vector>

#include "headrace/base/text.h"

namespace headrace {
namespace {

/// "${" expression "}" or plain text between, as offsets into the scalar.
struct Piece {
  bool expression = false;
  std::size_t begin = 0, end = 0;   ///< of the text, or of what stands inside the braces
};

/// The offset of the `}` that closes an expression beginning at `at`; quotes may hold braces. npos when there is none.
std::size_t FindClose(std::string_view text, std::size_t at) {
  char quote = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '}') {
      return at;
    }
  }
  return std::string_view::npos;
}

/// nullopt, with the offset of the "${" in `bad`, when one is not closed.
std::optional<std::vector<Piece>> Cut(std::string_view text, std::size_t* bad) {
  std::vector<Piece> pieces;
  std::size_t begin = 0, at = 0;
  while ((at = text.find("${", at)) != std::string_view::npos) {
    if (at > 0 && text[at - 1] == '$') {  // "$${": the first $ is dropped, the rest is text
      pieces.push_back({false, begin, at - 1});
      begin = at;
      at += 2;
      continue;
    }
    const std::size_t close = FindClose(text, at + 2);
    if (close == std::string_view::npos) {
      *bad = at;
      return std::nullopt;
    }
    if (at > begin) pieces.push_back({false, begin, at});
    pieces.push_back({true, at + 2, close});
    begin = at = close + 1;
  }
  if (begin < text.size()) pieces.push_back({false, begin, text.size()});
  return pieces;
}

/// A value of the type, for expressions that are parsed before values are known.
Value Example(Type type) {
  switch (type) {
    case Type::kDouble: return Value::Double(0.5);
    case Type::kText: return Value::Text("");
    case Type::kInt: return Value::Int(1);
    default: return Value::Int64(type, 0);
  }
}

}  // namespace

std::string ExpressionLiteral(const Value& value) {
  if (value.is_null()) return "null";
  const std::string text = value.ToString();
  switch (value.type()) {
    case Type::kBool: return text;
    case Type::kInt: return value.as_int() < 0 ? StrCat("(", text, ")") : text;
    case Type::kDouble:
      if (!std::isfinite(value.as_double())) return StrCat("cast('", text, "' as double)");
      return StrCat("cast(", text, " as double)");
    case Type::kText: return StrCat("'", ReplaceAll(text, "'", "''"), "'");
    case Type::kDuration: return value.as_int() < 0 ? StrCat("(", text, ")") : text;
    case Type::kDate: case Type::kTimestamp: return StrCat("cast('", text, "' as ", TypeName(value.type()), ")");
  }
  return text;
}

void Scope::Set(const std::string& name, Value value) { names_.insert_or_assign(name, std::move(value)); }

void Scope::SetUnknown(const std::string& name, Type type) {
  names_.insert_or_assign(name, Value::Null(type));
  unknown_.insert(name);
}

void Scope::SetSpecial(const std::string& name, ParamValue value, bool known) {
  special_.insert_or_assign(name, Special{std::move(value), known});
}

/// One scalar being evaluated.
class Scope::Work {
 public:
  Work(const Scope& scope, Node& node, ScalarType target, Diagnostics& diagnostics)
      : scope_(scope), node_(node), source_(node.Sourced()), target_(target), diagnostics_(diagnostics) {}

  bool Run() {
    std::size_t bad = 0;
    const std::optional<std::vector<Piece>> pieces = Cut(source_.text, &bad);
    if (!pieces) {
      diagnostics_.AddError(DiagnosticCode::kSubstitution, At(bad, 2), "`${` is not closed by `}`");
      return false;
    }
    bool any = false;
    for (const Piece& piece : *pieces) any = any || piece.expression;
    if (any && target_ == ScalarType::kSql) {
      for (const Piece& piece : *pieces)
        if (piece.expression) return RefuseInSql(piece);
    }
    if (pieces->size() == 1 && pieces->front().expression && target_ != ScalarType::kExpression) return Whole(pieces->front());
    return Mixed(*pieces);
  }

 private:
  Place At(std::size_t offset, std::size_t length) const { return source_.origin.At({offset, length}); }
  std::string_view Inside(const Piece& piece) const {
    return std::string_view(source_.text).substr(piece.begin, piece.end - piece.begin);
  }

  bool RefuseInSql(const Piece& piece) {
    diagnostics_.AddError(DiagnosticCode::kSubstitution, At(piece.begin - 2, piece.end - piece.begin + 3), "a query must not hold `${...}`: values are bound, never pasted into SQL")
        .Help(StrCat("write `$name` in the query and `bind: {name: \"${", Trim(Inside(piece)), "}\"}` beside it"));
    return false;
  }

  /// The value of one expression; `pending` is set, and the value a null of its type, when only a run knows it.
  std::optional<Value> Evaluate(const Piece& piece, bool* pending) {
    const std::string text(Inside(piece));
    const auto fail = [&](const Status& status) {
      TextSpan span = status.span().value_or(TextSpan{0, std::max<std::size_t>(1, text.size())});
      diagnostics_.AddError(DiagnosticCode::kExpression, At(piece.begin + span.offset, span.length), status.message()).Help(status.help());
      return std::nullopt;
    };
    Result<Expression> expression = Expression::Parse(text);
    if (!expression.ok()) return fail(expression.status());
    for (const std::string& name : expression->names())
      if (const auto special = scope_.special_.find(name); special != scope_.special_.end())
        return fail(Error(ErrorCode::kInvalid, "`", name, "` is ", Kind(special->second.value), " and cannot be part of an expression"));
    Result<BoundExpression> bound = expression->Bind(Schema(), Visible());
    if (!bound.ok()) return fail(bound.status());
    for (const std::string& name : expression->names()) node_.of_interval = node_.of_interval || scope_.IsOfInterval(name);
    for (const std::string& name : expression->names())
      if (scope_.unknown_.contains(name)) {
        *pending = true;
        return Value::Null(bound->type());
      }
    Result<Value> value = bound->EvaluateScalar();
    if (!value.ok()) return fail(value.status());
    return *std::move(value);
  }

  /// Names for suggestions include parameters that are no single value; Bind needs some type for them.
  Expression::Names Visible() const {
    Expression::Names names = scope_.names_;
    for (const auto& [name, special] : scope_.special_) names.emplace(name, Value::Null(Type::kText));
    return names;
  }

  static std::string_view Kind(const ParamValue& value) {
    switch (value.held.index()) {
      case 1: return "a list of columns";
      case 2: return "a dataset";
      case 3: return "a secret";
      default: return "a value";
    }
  }

  bool Whole(const Piece& piece) {
    if (const auto special = scope_.special_.find(std::string(Trim(Inside(piece)))); special != scope_.special_.end())
      return TakeSpecial(special->first, special->second, piece);
    bool pending = false;
    std::optional<Value> value = Evaluate(piece, &pending);
    if (!value) return false;
    node_.style = Node::Style::kPlain;
    if (pending) {
      node_.pending = value->type();
      return true;
    }
    node_.text = value->is_null() ? "" : value->ToString();
    node_.value = *std::move(value);
    return true;
  }

  bool TakeSpecial(const std::string& name, const Special& special, const Piece& piece) {
    if (std::holds_alternative<ParamValue::Dataset>(special.value.held)) {
      node_.text = name.substr(name.rfind('.') + 1);  // a step is read under the parameter's own name
      node_.style = Node::Style::kPlain;
      return true;
    }
    if (const auto* columns = std::get_if<ParamValue::Columns>(&special.value.held)) {
      if (!special.known) {
        node_.pending = Type::kText;
        return true;
      }
      Node list;
      list.kind = Node::Kind::kList;
      list.place = node_.place;
      for (const std::string& column : columns->names) {
        Node item;
        item.text = column;
        item.value = Value::Text(column);
        item.place = node_.place;
        list.items.push_back(std::move(item));
      }
      node_ = std::move(list);
      return true;
    }
    Node secret;
    secret.text = std::get<ParamValue::SecretName>(special.value.held).name;
    if (!special.known) secret.pending = Type::kText;
    secret.place = node_.place;
    Node map;
    map.kind = Node::Kind::kMap;
    map.place = At(piece.begin, piece.end - piece.begin);
    map.entries.push_back({"secret", map.place, std::move(secret)});
    node_ = std::move(map);
    return true;
  }

  bool Mixed(const std::vector<Piece>& pieces) {
    std::string out;
    bool pending = false, fine = true, quoted = false;
    for (const Piece& piece : pieces) {
      if (!piece.expression) {
        for (const char c : Inside(piece))
          if (c == '\'') quoted = !quoted;
        out += Inside(piece);
        continue;
      }
      bool unknown = false;
      std::optional<Value> value = Evaluate(piece, &unknown);
      if (!value) {
        fine = false;
        continue;
      }
      if (target_ == ScalarType::kExpression) {
        if (unknown) value = Example(value->type());
        out += quoted ? ReplaceAll(value->ToString(), "'", "''") : ExpressionLiteral(*value);
      } else {
        pending = pending || unknown;
        out += value->ToString();
      }
    }
    if (!fine) return false;
    if (pending) node_.pending = Type::kText;
    node_.text = std::move(out);
    if (node_.style == Node::Style::kPlain) node_.style = Node::Style::kDouble;
    return true;
  }

  const Scope& scope_;
  Node& node_;
  SourcedText source_;
  ScalarType target_;
  Diagnostics& diagnostics_;
};

bool Scope::Substitute(Node& node, ScalarType target, Diagnostics& diagnostics) const {
  return Work(*this, node, target, diagnostics).Run();
}

}  // namespace headrace

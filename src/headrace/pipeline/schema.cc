#include "headrace/pipeline/schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "headrace/base/text.h"

namespace headrace {
namespace {

std::string_view ScalarName(ScalarType type) {
  switch (type) {
    case ScalarType::kText: return "a text";
    case ScalarType::kName: case ScalarType::kLabel: return "a name";
    case ScalarType::kColumn: return "a column";
    case ScalarType::kStep: return "a step";
    case ScalarType::kPath: return "a path";
    case ScalarType::kSql: return "a .sql file or a query";
    case ScalarType::kExpression: return "an expression";
    case ScalarType::kInt: return "an int";
    case ScalarType::kDouble: return "a number";
    case ScalarType::kBool: return "true or false";
    case ScalarType::kDuration: return "a duration like 90d or 12h";
    case ScalarType::kSize: return "a size like 2GiB or 500MB";
    case ScalarType::kShare: return "a share like 20% or 0.2";
    case ScalarType::kChoice: return "a choice";
    case ScalarType::kAny: return "a value";
  }
  return "a value";
}

std::string_view Plural(ScalarType type) {
  switch (type) {
    case ScalarType::kColumn: return "columns";
    case ScalarType::kStep: return "steps";
    case ScalarType::kExpression: return "expressions";
    case ScalarType::kName: case ScalarType::kLabel: return "names";
    default: return "values";
  }
}

bool Fits(ScalarType type, Type value) {
  switch (type) {
    case ScalarType::kInt: return value == Type::kInt;
    case ScalarType::kDouble: case ScalarType::kShare: return IsNumeric(value);
    case ScalarType::kBool: return value == Type::kBool;
    case ScalarType::kDuration: return value == Type::kDuration;
    case ScalarType::kName: case ScalarType::kStep: case ScalarType::kChoice: case ScalarType::kSize: return value == Type::kText;
    default: return true;
  }
}

/// "a b  c" as the items of a list: "a, b, c".
std::string Words(std::string_view text) {
  std::vector<std::string> words = Split(text, ' ');
  std::erase(words, "");
  return Join(words, ", ");
}

/// One walk over a tree: carries what every level needs.
class Checker {
 public:
  Checker(const Substituter* substituter, Diagnostics& diagnostics) : substituter_(substituter), diagnostics_(diagnostics) {}

  bool Check(Node& node, const Shape& shape, const std::string& where) {
    switch (shape.kind) {
      case Shape::Kind::kScalar: return CheckScalar(node, shape, where);
      case Shape::Kind::kList: return CheckList(node, shape, where);
      case Shape::Kind::kMap: return CheckMap(node, shape, where);
      case Shape::Kind::kNamed: return CheckNamed(node, shape, where);
      case Shape::Kind::kEither: return CheckEither(node, shape, where);
      case Shape::Kind::kAnything: return true;
    }
    return false;
  }

  bool wrong() const { return wrong_; }

 private:
  Diagnostic& Error(DiagnosticCode code, const Place& place, std::string message) {
    wrong_ = true;
    return diagnostics_.AddError(code, place, std::move(message));
  }

  /// After an error: leave a value that only a run would know, so that decoding can look at the rest.
  static bool Spoil(Node& node) {
    Node spoilt;
    spoilt.place = node.place;
    spoilt.pending = Type::kText;
    node = std::move(spoilt);
    return true;
  }

  /// How a text may be meant where one key of a map says what it is: by the key that it begins with, else as the expression that a key takes; "" when neither.
  static std::string AsMap(const std::string& text, const Shape& shape) {
    const std::string word = text.substr(0, text.find(' '));
    std::string meant;
    for (const Key& key : shape.keys) {
      if (std::find(shape.exactly_one.begin(), shape.exactly_one.end(), key.name) == shape.exactly_one.end()) continue;
      if (key.name == word && !key.example.empty()) return StrCat("did you mean `", key.name, ": ", key.example, "`?");
      if (key.shape.kind == Shape::Kind::kScalar && key.shape.scalar == ScalarType::kExpression && word != text) meant = StrCat("did you mean `", key.name, ": \"", text, "\"`?");
    }
    return meant;
  }

  bool WrongType(const Node& node, const Shape& shape, const std::string& where, std::string help = "") {
    if (help.empty() && node.is_map() && node.Find("low") != nullptr && node.Find("high") != nullptr)
      help = "a range may stand for a number of a step under `transform` and for a parameter under `space` of `tune`; `choose` leaves other things open";
    if (help.empty() && &node == exemplified_) help = example_;
    if (help.empty() && node.is_scalar()) help = AsMap(node.text, shape);
    Error(DiagnosticCode::kWrongType, node.place, StrCat(where, " takes ", DescribeShape(shape), ", got ", Describe(node)))
        .Help(std::move(help));
    return false;
  }

  /// Evaluate ${...}; afterwards the node may have become a list, or the map of a secret.
  bool Substitute(Node& node, ScalarType target) {
    if (!node.is_scalar() || node.value || node.pending || node.text.find("${") == std::string::npos) return true;
    if (substituter_ != nullptr) {
      const bool fine = substituter_->Substitute(node, target, diagnostics_);
      wrong_ = wrong_ || !fine;
      return fine;
    }
    std::size_t at = 0;
    while ((at = node.text.find("${", at)) != std::string::npos && at > 0 && node.text[at - 1] == '$') node.text.erase(--at, 1), at += 2;
    if (at == std::string::npos) return true;
    Error(DiagnosticCode::kSubstitution, node.place, "`${...}` cannot stand here").Help("the text `${` itself is written `$${`");
    return false;
  }

  bool CheckScalar(Node& node, const Shape& shape, const std::string& where) {
    return ScalarFits(node, shape, where) || Spoil(node);
  }

  bool ScalarFits(Node& node, const Shape& shape, const std::string& where) {
    const bool written = node.is_scalar();
    if (!Substitute(node, shape.scalar)) return false;
    if (node.is_map() && written) {
      Error(DiagnosticCode::kSubstitution, node.place, StrCat("a secret cannot stand here: ", where, " takes ", DescribeShape(shape))).Help("a secret may stand where `{secret: NAME}` may");
      return false;
    }
    if (node.is_map() && shape.scalar == ScalarType::kExpression)
      return WrongType(node, shape, where, "quote this expression: put the whole value in \"...\"");
    if (!node.is_scalar() || (node.is_null() && shape.scalar != ScalarType::kAny)) return WrongType(node, shape, where);
    if (node.pending || node.value) {
      const Type type = node.pending ? *node.pending : node.value->type();
      if (!Fits(shape.scalar, type)) {
        Error(DiagnosticCode::kSubstitution, node.place,
                              StrCat(where, " takes ", DescribeShape(shape), ", but the `${...}` is of type ", TypeName(type)));
        return false;
      }
      if (node.pending) return true;
    }
    return CheckText(node, shape, where);
  }

  bool CheckText(const Node& node, const Shape& shape, const std::string& where) {
    std::int64_t whole = 0;
    double number = 0;
    switch (shape.scalar) {
      case ScalarType::kColumn:
        if (!node.value && node.style == Node::Style::kPlain && node.text.ends_with(']') && node.text.find('[') == std::string::npos)
          return WrongType(node, shape, where, StrCat("write `[", node.text, "`, or quote a column that is called so"));
        [[fallthrough]];
      case ScalarType::kText: case ScalarType::kPath: case ScalarType::kSql: case ScalarType::kExpression:
        if (!Trim(node.text).empty() || shape.scalar == ScalarType::kText) return true;
        return WrongType(node, shape, where);
      case ScalarType::kName: case ScalarType::kLabel: case ScalarType::kStep:
        if (IsNameOf(shape.scalar, node.text)) return true;
        Error(DiagnosticCode::kBadName, node.place, StrCat(where, " takes ", DescribeShape(shape), "; ", Describe(node), " is not a name"));
        return false;
      case ScalarType::kInt:
        if (!ParseInt(node.text, &whole)) return WrongType(node, shape, where);
        return CheckRange(node, shape, where, static_cast<double>(whole));
      case ScalarType::kDouble:
        if (!ParseDouble(node.text, &number)) return WrongType(node, shape, where);
        return CheckRange(node, shape, where, number);
      case ScalarType::kBool:
        return node.text == "true" || node.text == "false" || WrongType(node, shape, where);
      case ScalarType::kDuration:
        return ParseLongDuration(node.text).ok() || WrongType(node, shape, where);
      case ScalarType::kSize:
        return ParseSize(node.text, &whole) || WrongType(node, shape, where);
      case ScalarType::kShare:
        if (!ParseShare(node.text, &number)) return WrongType(node, shape, where);
        if (number >= 0 && number <= 1) return true;
        Error(DiagnosticCode::kBadValue, node.place, StrCat(where, " takes a share between 0% and 100%, got ", Describe(node)))
            .Help(number > 1 && number <= 100 && !node.text.ends_with('%') ? StrCat("did you mean `", node.text, "%`?") : "");
        return false;
      case ScalarType::kChoice: return CheckChoice(node, shape, where);
      case ScalarType::kAny: return true;
    }
    return false;
  }

  bool CheckRange(const Node& node, const Shape& shape, const std::string& where, double number) {
    const bool small = shape.minimum && !(number >= *shape.minimum);
    const bool large = shape.maximum && !(number <= *shape.maximum);
    if (!small && !large) return true;
    Error(DiagnosticCode::kBadValue, node.place,
                          StrCat(where, small ? " must be at least " : " must be at most ",
                                 small ? *shape.minimum : *shape.maximum, ", got ", Describe(node)));
    return false;
  }

  bool CheckChoice(const Node& node, const Shape& shape, const std::string& where) {
    if (!shape.not_yet.empty() && node.text == shape.not_yet) {
      Error(DiagnosticCode::kNotYet, node.place, StrCat("`", node.text, "` for ", where, " is not available in this version"));
      return false;
    }
    if (std::find(shape.choices.begin(), shape.choices.end(), node.text) != shape.choices.end()) return true;
    const std::string near = NearestName(node.text, shape.choices);
    return WrongType(node, shape, where, near.empty() ? "" : StrCat("did you mean `", near, "`?"));
  }

  bool CheckList(Node& node, const Shape& shape, const std::string& where) {
    if (node.is_scalar() && !node.is_null()) {
      const ScalarType target = shape.item->kind == Shape::Kind::kScalar ? shape.item->scalar : ScalarType::kText;
      if (!Substitute(node, target)) return Spoil(node);
      if (node.pending) return true;
    }
    if (node.is_scalar() && shape.or_single && !node.is_null()) return Check(node, *shape.item, where);
    if (!node.is_list()) {
      WrongType(node, shape, where, node.is_scalar() && !node.is_null() ? StrCat("write `[", Words(node.text), "]`") : "");
      return Spoil(node);
    }
    std::erase_if(node.items, [&](Node& item) { return !Check(item, *shape.item, where); });
    return true;
  }

  /// False when the map cannot be decoded: a key is unknown (likely one of the others, misspelt) or one that must be there is not.
  bool CheckMap(Node& node, const Shape& shape, const std::string& where) {
    if (!node.is_map()) return WrongType(node, shape, where);
    std::vector<std::string> meant;
    bool usable = true;
    std::erase_if(node.entries, [&](Node::Entry& entry) {
      const auto key = std::find_if(shape.keys.begin(), shape.keys.end(), [&](const Key& k) { return k.name == entry.key; });
      if (key != shape.keys.end() && !key->not_yet) {
        if (!CheckEntry(entry, *key, shape)) usable = false;
        return false;
      }
      if (key == shape.keys.end()) meant.push_back(UnknownKey(entry, shape, where));
      else Error(DiagnosticCode::kNotYet, entry.key_place, StrCat("`", entry.key, "` is not available in this version")).Help("remove it");
      usable = usable && key != shape.keys.end();
      later_ = later_ || key != shape.keys.end();
      return true;
    });
    for (const Key& key : shape.keys) {
      if (!key.required || node.Find(key.name) != nullptr) continue;
      usable = false;
      if (std::find(meant.begin(), meant.end(), key.name) != meant.end()) continue;
      Error(DiagnosticCode::kMissingKey, {node.place.source, node.place.offset, 1}, StrCat(where, " needs the key `", key.name, "`"))
          .Help(key.example.empty() ? StrCat("add `", key.name, ":`") : StrCat("add `", key.name, ": ", key.example, "`"));
    }
    const bool quiet = !usable || later_;
    later_ = false;
    return CheckExactlyOne(node, shape, where, quiet) && usable;
  }

  bool CheckEntry(Node::Entry& entry, const Key& key, const Shape& shape) {
    exemplified_ = &entry.value;
    example_ = key.example.empty() || key.shape.kind == Shape::Kind::kScalar || key.shape.kind == Shape::Kind::kList ? "" : StrCat("for example `", key.name, ": ", key.example, "`");
    const Shape* const around = std::exchange(around_, &shape);
    const std::string around_key = std::exchange(around_key_, StrCat("`", entry.key, "`"));
    const bool good = Check(entry.value, key.shape, around_key_);
    around_ = around;
    around_key_ = around_key;
    if (good) return true;
    const bool needed = key.required || std::find(shape.exactly_one.begin(), shape.exactly_one.end(), key.name) != shape.exactly_one.end();
    return !needed && Spoil(entry.value);
  }

  /// The key that was likely meant, or "".
  std::string UnknownKey(const Node::Entry& entry, const Shape& shape, const std::string& where) {
    std::vector<std::string> names;
    for (const Key& key : shape.keys)
      if (!key.not_yet) names.push_back(key.name);
    const std::string near = NearestName(entry.key, names);
    Diagnostic& found = Error(DiagnosticCode::kUnknownKey, entry.key_place, StrCat("unknown key `", entry.key, "` in ", where));
    if (!IsNameOf(ScalarType::kLabel, entry.key)) {
      found.Help("quote this expression: put the whole value in \"...\"");
    } else if (!near.empty()) {
      found.Help(StrCat("did you mean `", near, "`?"));
    } else if (const std::string elsewhere = PlaceOf(entry.key, shape); !elsewhere.empty()) {
      found.Help(elsewhere);
    } else {
      std::sort(names.begin(), names.end());
      found.Help(StrCat("known keys: ", Join(names, ", ")));
    }
    return near;
  }

  /// Where a key that is unknown here is at home: a level up, or under a key of this map; "" = at neither.
  std::string PlaceOf(const std::string& key, const Shape& shape) const {
    const auto knows = [&](const Shape& map) { return std::any_of(map.keys.begin(), map.keys.end(), [&](const Key& k) { return k.name == key && !k.not_yet; }); };
    if (around_ != nullptr && knows(*around_) && around_key_ != StrCat("`", key, "`")) {
      const bool instead = std::find(around_->exactly_one.begin(), around_->exactly_one.end(), key) != around_->exactly_one.end();
      return StrCat("`", key, "` stands further left, ", instead ? "in place of " : "beside ", around_key_);
    }
    std::vector<std::string> homes;
    for (const Key& inner : shape.keys)
      if (knows(inner.shape) || std::any_of(inner.shape.options.begin(), inner.shape.options.end(), knows)) homes.push_back(StrCat("`", inner.name, "`"));
    return homes.empty() ? "" : StrCat("`", key, "` belongs under ", Join(homes, " or "));
  }

  bool CheckExactlyOne(const Node& node, const Shape& shape, const std::string& where, bool quiet) {
    if (shape.exactly_one.empty()) return true;
    const Node::Entry* first = nullptr;
    bool one = true;
    for (const Node::Entry& entry : node.entries) {
      if (std::find(shape.exactly_one.begin(), shape.exactly_one.end(), entry.key) == shape.exactly_one.end()) continue;
      if (first != nullptr) {
        one = false;
        Error(DiagnosticCode::kConflict, entry.key_place, StrCat(where, " has both `", first->key, "` and `", entry.key, "`; exactly one may stand"))
            .Related(first->key_place, "the other");
      } else {
        first = &entry;
      }
    }
    if (first != nullptr) return one;
    if (quiet) return false;  // an unknown key is likely the misspelt one
    Error(DiagnosticCode::kMissingKey, {node.place.source, node.place.offset, 1}, StrCat(where, " needs one of ", Join(shape.exactly_one, ", ")));
    return false;
  }

  bool CheckNamed(Node& node, const Shape& shape, const std::string& where) {
    if (!node.is_map()) {
      WrongType(node, shape, where);
      return Spoil(node);
    }
    std::erase_if(node.entries, [&](Node::Entry& entry) {
      if (IsNameOf(shape.name_type, entry.key)) {
        // The name stays known, so that those who use it are not blamed.
        if (!Check(entry.value, *shape.item, StrCat("`", entry.key, "`"))) Spoil(entry.value);
        return false;
      }
      Error(DiagnosticCode::kBadName, entry.key_place, StrCat("`", entry.key, "` cannot be a name in ", where))
          .Help("begin with a letter, go on with letters, digits and `_`");
      return true;
    });
    return true;
  }

  static bool MeansNoChoice(const Node& node, const Shape& option) {
    if (option.kind != Shape::Kind::kScalar || option.scalar != ScalarType::kChoice || node.text.find("${") != std::string::npos || node.text == option.not_yet) return false;
    return std::find(option.choices.begin(), option.choices.end(), node.text) == option.choices.end() && NearestName(node.text, option.choices).empty();
  }

  bool CheckEither(Node& node, const Shape& shape, const std::string& where) {
    const auto find = [&](auto matches) {
      return std::find_if(shape.options.begin(), shape.options.end(), matches);
    };
    auto option = shape.options.end();
    if (node.is_map()) option = find([](const Shape& s) { return s.kind == Shape::Kind::kMap || s.kind == Shape::Kind::kNamed; });
    else if (node.is_list()) option = find([](const Shape& s) { return s.kind == Shape::Kind::kList; });
    else if (node.is_null() && shape.or_null) return true;
    else if (!node.is_null()) {
      option = find([](const Shape& s) { return s.kind == Shape::Kind::kScalar; });
      if (option == shape.options.end()) option = find([](const Shape& s) { return s.kind == Shape::Kind::kList && s.or_single; });
    }
    if (option == shape.options.end()) {
      WrongType(node, shape, where);
      return Spoil(node);
    }
    if (node.is_scalar() && MeansNoChoice(node, *option)) {   // neither a word that may stand here nor a slip of one: say all that may
      WrongType(node, shape, where);
      return Spoil(node);
    }
    const auto secret = find([](const Shape& s) { return s.kind == Shape::Kind::kMap && s.keys.size() == 1 && s.keys[0].name == "secret"; });
    if (node.is_scalar() && secret != shape.options.end()) {
      if (!Substitute(node, option->scalar)) return Spoil(node);
      if (node.is_map()) option = secret;
    }
    return Check(node, *option, where);
  }

  const Substituter* substituter_;
  Diagnostics& diagnostics_;
  const Node* exemplified_ = nullptr;   ///< the value of the key at hand, and how it may look
  std::string example_;
  const Shape* around_ = nullptr;       ///< the map that the one at hand stands in, and under which key
  std::string around_key_;
  bool wrong_ = false;
  bool later_ = false;  ///< the map at hand held a key of a later version
};

}  // namespace

Shape Scalar(ScalarType type) { Shape s; s.scalar = type; return s; }

Shape Choice(std::vector<std::string> choices, std::string not_yet) {
  Shape s = Scalar(ScalarType::kChoice);
  s.choices = std::move(choices);
  s.not_yet = std::move(not_yet);
  return s;
}

Shape IntFrom(double minimum) { Shape s = Scalar(ScalarType::kInt); s.minimum = minimum; return s; }

Shape ListOf(Shape item) {
  Shape s;
  s.kind = Shape::Kind::kList;
  s.item = std::make_shared<const Shape>(std::move(item));
  return s;
}

Shape ListOrSingle(Shape item) { Shape s = ListOf(std::move(item)); s.or_single = true; return s; }

Shape MapOf(std::string title, std::vector<Key> keys, std::vector<std::string> exactly_one) {
  Shape s;
  s.kind = Shape::Kind::kMap;
  s.title = std::move(title);
  s.keys = std::move(keys);
  s.exactly_one = std::move(exactly_one);
  return s;
}

Shape Named(std::string title, Shape item, ScalarType name_type) {
  Shape s;
  s.kind = Shape::Kind::kNamed;
  s.title = std::move(title);
  s.item = std::make_shared<const Shape>(std::move(item));
  s.name_type = name_type;
  return s;
}

Shape Either(std::vector<Shape> options) {
  Shape s;
  s.kind = Shape::Kind::kEither;
  s.options = std::move(options);
  return s;
}

Shape TextOrSecretShape(std::string example) {
  return Either({Scalar(ScalarType::kText), MapOf("secret: NAME", {Required({"secret", Scalar(ScalarType::kName), "the variable NAME, or the file that NAME_FILE names, holds the value", std::move(example)})})});
}

Shape RangeShape(Shape number) {
  return MapOf("a range", {
      Required({"low", number, "the smallest value", "4"}),
      Required({"high", number, "the largest value", "63"}),
      {"scale", Choice({"linear", "log"}), "how values are spread: evenly, or evenly by their logarithm; linear when not given", "log"},
  });
}

Shape Anything() { Shape s; s.kind = Shape::Kind::kAnything; return s; }

Key Required(Key key) { key.required = true; return key; }

Key NotYet(std::string name, std::string description) {
  Key key{std::move(name), Scalar(ScalarType::kAny), std::move(description)};
  key.not_yet = true;
  return key;
}

std::string DescribeShape(const Shape& shape) {
  switch (shape.kind) {
    case Shape::Kind::kScalar:
      if (shape.scalar == ScalarType::kChoice) return (shape.choices.size() > 1 ? "one of " : "") + Join(shape.choices, ", ");
      return std::string(ScalarName(shape.scalar));
    case Shape::Kind::kList: {
      const std::string_view items = shape.item->kind == Shape::Kind::kScalar ? Plural(shape.item->scalar) : "maps";
      return shape.item->kind == Shape::Kind::kEither ? "a list" : StrCat("a list of ", items);
    }
    case Shape::Kind::kMap: case Shape::Kind::kNamed: return shape.title.empty() ? "a map" : StrCat("a map (", shape.title, ")");
    case Shape::Kind::kEither: {
      std::string out;
      for (const Shape& option : shape.options) {
        if (!out.empty()) out += " or ";
        out += DescribeShape(option);
      }
      return out;
    }
    case Shape::Kind::kAnything: return "a value";
  }
  return "a value";
}

Shape Without(const Shape& file, std::vector<std::string> keys) {
  Shape out = file;
  for (Key& key : out.keys)
    if (std::find(keys.begin(), keys.end(), key.name) != keys.end()) key.shape = Anything();
  return out;
}

bool CheckShape(Node& node, const Shape& shape, std::string_view where, const Substituter* substituter,
                Diagnostics& diagnostics, bool* usable) {
  Checker checker(substituter, diagnostics);
  const bool can_be_decoded = checker.Check(node, shape, std::string(where));
  if (usable != nullptr) *usable = can_be_decoded;
  return !checker.wrong();
}

bool ParseShare(std::string_view text, double* out) {
  const bool percent = text.ends_with('%');
  if (percent) text = Trim(text.substr(0, text.size() - 1));
  if (!ParseDouble(text, out) || !std::isfinite(*out)) return false;
  if (percent) *out /= 100;
  return true;
}

Result<std::int64_t> ParseLongDuration(std::string_view text) {
  std::int64_t years = 0;
  if (text.ends_with('y') && ParseInt(text.substr(0, text.size() - 1), &years) && years >= 0 && years <= 10'000)
    return years * 365 * kMicrosPerDay;
  return ParseDuration(text);
}

bool ParseSize(std::string_view text, std::int64_t* bytes) {
  static constexpr std::array<std::pair<std::string_view, double>, 9> kUnits = {{{"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0},
      {"TiB", 1099511627776.0}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1.0}}};
  for (const auto& [unit, factor] : kUnits) {
    if (!text.ends_with(unit)) continue;
    double number = 0;
    if (!ParseDouble(Trim(text.substr(0, text.size() - unit.size())), &number) || !(number > 0) || number * factor > 1e18) return false;
    *bytes = static_cast<std::int64_t>(std::ceil(number * factor));
    return true;
  }
  return false;
}

bool IsNameOf(ScalarType type, std::string_view text) {
  if (type == ScalarType::kName) return IsIdentifier(text);
  if (type == ScalarType::kColumn) return !Trim(text).empty();
  if (type == ScalarType::kStep) {
    const std::vector<std::string> parts = Split(text, '.');
    return std::all_of(parts.begin(), parts.end(), [](const std::string& part) { return IsIdentifier(part); });
  }
  if (text.empty() || !IsIdentifier(text.substr(0, 1))) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

}  // namespace headrace

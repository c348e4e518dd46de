#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/pipeline/diagnostics.h"
#include "headrace/pipeline/yaml.h"

namespace headrace {

/// What a scalar under some key means. Until a Shape says so, it is text.
enum class ScalarType : std::uint8_t {
  kText,        ///< any text
  kName,        ///< a name: letter, then letters, digits, `_`
  kLabel,       ///< a name that may also hold `-` and `.`
  kColumn,      ///< a column of a table: any text that is not empty
  kStep,        ///< a step or one of its outputs: names joined by dots
  kPath,        ///< a path relative to the project's root
  kSql,         ///< a path ending in .sql, or the query itself; never holds ${...}
  kExpression,  ///< the expression language; a ${...} inside becomes a literal
  kInt, kDouble, kBool,
  kDuration,    ///< 90d, 12h, 1d12h
  kSize,        ///< 2GiB, 500MB: bytes
  kShare,       ///< 20% or 0.2, in [0, 1]
  kChoice,      ///< one of `choices`
  kAny,         ///< a value of any type: what it reads as, text when quoted
};

/// One key of a map: what the parser accepts, the JSON Schema says and the reference prints.
struct Key;

/// What may stand at one place of a project file. One definition serves the parser (`CheckShape`), the JSON Schema and
/// the reference of keys, so the three cannot drift apart.
struct Shape {
  enum class Kind : std::uint8_t {
    kScalar,
    kList,      ///< of `item`; with `or_single`, one scalar stands for a list of one
    kMap,       ///< the keys of `keys`, no others
    kNamed,     ///< names chosen by the user, each with an `item`
    kEither,    ///< one of `options`, told apart by scalar, list or map: at most one option each
    kAnything,  ///< whatever: checked in its own turn, or free
  };
  Kind kind = Kind::kScalar;
  ScalarType scalar = ScalarType::kText;
  std::vector<std::string> choices;
  std::optional<double> minimum, maximum;
  std::string not_yet;                       ///< a choice that is known but refused in this version
  std::shared_ptr<const Shape> item;
  bool or_single = false;
  std::vector<Key> keys;
  std::vector<std::string> exactly_one;      ///< of these keys exactly one must stand
  ScalarType name_type = ScalarType::kName;  ///< kNamed: what the names look like
  std::vector<Shape> options;
  bool or_null = false;                      ///< kEither: or nothing
  std::string title;                         ///< "a check": how messages and the reference speak of it
};

struct Key {
  std::string name;
  Shape shape;
  std::string description = {};
  std::string example = {};                  ///< YAML text of a value
  bool required = false;
  bool not_yet = false;                      ///< known, refused in this version
};

Shape Scalar(ScalarType type);
Shape Choice(std::vector<std::string> choices, std::string not_yet = "");
Shape IntFrom(double minimum);
Shape ListOf(Shape item);
Shape ListOrSingle(Shape item);
Shape MapOf(std::string title, std::vector<Key> keys, std::vector<std::string> exactly_one = {});
Shape Named(std::string title, Shape item, ScalarType name_type = ScalarType::kName);
Shape Either(std::vector<Shape> options);
/// A text, or the map `{secret: NAME}`, in whose place a parameter of type `secret` may stand too. `example` of a NAME.
Shape TextOrSecretShape(std::string example);
/// What `tune` searches between two ends, each of the shape `number`.
Shape RangeShape(Shape number);
Shape Anything();
Key Required(Key key);
Key NotYet(std::string name, std::string description);

/// "an int", "a list of columns", "a map": for "expected ...".
std::string DescribeShape(const Shape& shape);

/// Evaluates the `${...}` of scalars while a tree is checked against its shape.
class Substituter {
 public:
  virtual ~Substituter() = default;
  /// Replace `node` (a scalar that holds "${") by its value; it may become a list. False after reporting an error.
  virtual bool Substitute(Node& node, ScalarType target, Diagnostics& diagnostics) const = 0;
};

/// Hold `node` against `shape`: unknown, missing, wrongly typed and not yet available keys are reported, each at its place, and
/// every `${...}` is evaluated in place. True when nothing was wrong. `where` names the map for messages ("step `events`"). A null
/// `substituter` refuses `${...}`. `usable`, when asked for: whether decoding may go on to find further errors; what was wrong
/// then stands in the tree as values that only a run knows.
bool CheckShape(Node& node, const Shape& shape, std::string_view where, const Substituter* substituter,
                Diagnostics& diagnostics, bool* usable = nullptr);

/// The shapes of whole files.
const Shape& PipelineFileShape();
const Shape& SharedFileShape();
const Shape& ProjectFileShape();
const Shape& TenantFileShape();
const Shape& ContractFileShape();
const Shape& TestFileShape();
/// Of one step, one parameter's declaration, one check.
const Shape& StepShape();
const Shape& ParamShape();
const Shape& CheckEntryShape();
const Shape& TrainShape();     ///< what stands under `train`
const Shape& TransformShape();        ///< one entry of its `transform`
const Shape& TransformEntryShape();   ///< the same without `choose`
const Shape& ForEachShape();   ///< what stands under `for_each`

/// `file` with the contents of the named keys left unchecked: they are checked later, when more is known.
Shape Without(const Shape& file, std::vector<std::string> keys);

/// A number with or without a percent sign as a share: "20%" -> 0.2, "0.2" -> 0.2. False for anything else.
bool ParseShare(std::string_view text, double* out);
/// ParseDuration, and years of 365 days ("1y").
Result<std::int64_t> ParseLongDuration(std::string_view text);
/// A number of bytes with a unit: "2GiB", "1.5 MB", "4096B". kB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB of 1024. False for anything else, zero
/// and less.
bool ParseSize(std::string_view text, std::int64_t* bytes);
/// Whether `text` may be a name of that type (kName, kLabel, kStep).
bool IsNameOf(ScalarType type, std::string_view text);

}  // namespace headrace

// The reference of keys, from the same Shapes as the parser: one table a map, maps below the key that holds them.
#include "headrace/base/text.h"
#include "headrace/pipeline/project.h"
#include "headrace/pipeline/schema.h"

namespace headrace {
namespace {

class MarkdownPrinter {
 public:
  std::string Print() {
    out_ = "# The project's files: every key\n\n"
           "Written by the tests (`HEADRACE_UPDATE_EXPECTED=1 build/bin/pipeline_test`) from the definitions that the parser uses; do not edit. Keys marked *later* are\n"
           "known and refused by this version.\n\n"
           "Scalars are text until the key types them: `no`, `on` and `12:30` mean what the key says. `${...}` holds an expression and may\n"
           "stand in any value but a query and the names of steps; it knows `params.NAME`, `run.interval.start`, `run.interval.end` (timestamps, UTC,\n"
           "half-open), `tenant.name` and `env.name`. A whole `${...}` keeps its type, inside text it is formatted, in an expression it\n"
           "becomes a literal. `$${` stands for the text `${`.\n";
    File("Pipelines: `pipelines/*.yaml`", PipelineFileShape());
    File("Groups of steps: `shared/*.yaml`", SharedFileShape());
    File("Project: `headrace.yaml`", ProjectFileShape());
    File("Tenants: `tenants/*.yaml`", TenantFileShape());
    File("Contracts: `contracts/*.yaml`", ContractFileShape());
    File("Tests: `tests/*.yaml`", TestFileShape());
    Heading("A step");
    Keys(StepShape(), "");
    Heading("A parameter");
    Keys(ParamShape(), "");
    Heading("A check");
    Keys(CheckEntryShape(), "");
    Heading("A range");
    Keys(range_, "");
    return out_;
  }

 private:
  void Heading(std::string_view title) {
    out_ += StrCat("\n## ", title, "\n\n| key | takes | |\n| --- | --- | --- |\n");
  }

  void File(std::string_view title, const Shape& shape) {
    Heading(title);
    Keys(shape, "");
  }

  void Keys(const Shape& shape, const std::string& path) {
    for (const Key& key : shape.keys) {
      const std::string name = path.empty() ? key.name : StrCat(path, ".", key.name);
      std::string text = key.description;
      if (key.not_yet) text = "*later:* " + text;
      if (key.required) text = "**required.** " + text;
      if (!key.example.empty()) text += StrCat(" — `", key.example, "`");
      out_ += StrCat("| `", name, "` | ", key.not_yet ? "" : Cell(DescribeShape(key.shape)), " | ", Cell(text), " |\n");
      Inner(key.shape, name);
    }
  }

  void Inner(const Shape& shape, const std::string& path) {
    const bool own_section = shape.title == StepShape().title || shape.title == ParamShape().title || shape.title == CheckEntryShape().title || shape.title == range_.title;
    const bool told = shape.title == TransformEntryShape().title;   // its keys are those of the entry that holds the choice
    if (shape.kind == Shape::Kind::kMap && (own_section || told)) return;
    if (shape.kind == Shape::Kind::kMap) Keys(shape, path);
    if (shape.kind == Shape::Kind::kList) Inner(*shape.item, path + "[]");
    if (shape.kind == Shape::Kind::kNamed) Inner(*shape.item, path + ".NAME");
    for (const Shape& option : shape.options) Inner(option, path);
  }

  static std::string Cell(std::string_view text) { return ReplaceAll(text, "|", "\\|"); }

  const Shape range_ = RangeShape(Scalar(ScalarType::kDouble));
  std::string out_;
};

}  // namespace

std::string SchemaMarkdown() { return MarkdownPrinter().Print(); }

}  // namespace headrace

#include "headrace/pipeline/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "headrace/base/text.h"
#include "headrace/pipeline/project.h"

namespace headrace {
namespace {

TEST(SchemaTest, TheReferenceOfKeysIsWhatTheParserUses) {
  const std::string path = std::string(HEADRACE_SOURCE_DIR) + "/docs/pipeline-files.md";
  if (std::getenv("HEADRACE_UPDATE_EXPECTED") != nullptr) std::ofstream(path, std::ios::binary) << SchemaMarkdown();
  std::ifstream in(path, std::ios::binary);
  const std::string docs{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_EQ(docs, SchemaMarkdown()) << "run with HEADRACE_UPDATE_EXPECTED=1 to write it anew";
}

TEST(SchemaTest, EveryKindOfFileHasAJsonSchema) {
  for (const char* kind : {"pipeline", "project", "tenant", "shared", "contract"}) {
    const Result<std::string> schema = JsonSchema(kind);
    ASSERT_TRUE(schema.ok());
    const auto json = nlohmann::json::parse(*schema);
    EXPECT_EQ(json["$schema"], "http://json-schema.org/draft-07/schema#");
    EXPECT_EQ(json["additionalProperties"], false);
  }
  EXPECT_EQ(JsonSchema("pipelin").status().help(), "did you mean `pipeline`?");
}

/// Each example must be a value that its own key takes.
void CheckExamples(const Shape& shape, const std::string& path) {
  for (const Key& key : shape.keys) {
    const std::string here = path + "." + key.name;
    EXPECT_TRUE(key.not_yet || key.name == "description" || !key.example.empty()) << here;
    if (!key.example.empty() && !key.not_yet) {
      Diagnostics diagnostics;
      std::optional<Node> node = ParseYaml(*MakeSource(here, key.example, 4096), diagnostics);
      class Accept : public Substituter {
       public:
        bool Substitute(Node& scalar, ScalarType, Diagnostics&) const override { scalar.pending = Type::kText; return true; }
      } accept;
      EXPECT_TRUE(node && CheckShape(*node, key.shape, here, &accept, diagnostics)) << RenderText(diagnostics, false);
    }
    CheckExamples(key.shape, here);
  }
  if (shape.item) CheckExamples(*shape.item, path + "[]");
  for (const Shape& option : shape.options) CheckExamples(option, path);
}

TEST(SchemaTest, EveryExampleIsAccepted) {
  CheckExamples(PipelineFileShape(), "pipeline");
  CheckExamples(ProjectFileShape(), "project");
  CheckExamples(TenantFileShape(), "tenant");
  CheckExamples(SharedFileShape(), "shared");
  CheckExamples(ContractFileShape(), "contract");
}

TEST(SchemaTest, SharesAndLongDurationsAreRead) {
  double share = 0;
  EXPECT_TRUE(ParseShare("99.9%", &share));
  EXPECT_DOUBLE_EQ(share, 0.999);
  EXPECT_TRUE(ParseShare("0.2", &share));
  EXPECT_FALSE(ParseShare("nan", &share));
  EXPECT_FALSE(ParseShare("a lot", &share));
  EXPECT_EQ(*ParseLongDuration("2y"), 730 * kMicrosPerDay);
  EXPECT_FALSE(ParseLongDuration("forever").ok());
}

}  // namespace
}  // namespace headrace

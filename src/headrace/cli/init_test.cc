#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/base/folder_for_tests.h"
#include "headrace/cli/from_table.h"
#include "headrace/cli/templates.h"
#include "headrace/pipeline/project.h"

namespace headrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Paths(const std::vector<NewFile>& files) {
  std::vector<std::string> paths;
  for (const NewFile& file : files) paths.push_back(file.path);
  return paths;
}

std::string TextOf(const std::vector<NewFile>& files, std::string_view path) {
  for (const NewFile& file : files)
    if (file.path == path) return file.text;
  ADD_FAILURE() << "no file " << path;
  return "";
}

/// What `headrace validate` says of the project in `folder`: "" when nothing.
std::string Errors(const FolderForTests& folder) {
  Diagnostics diagnostics;
  Project::Options options;
  options.path = folder.path();
  const Result<Project> project = Project::Load(options, diagnostics);
  if (project.ok()) project->Validate("", diagnostics);
  return diagnostics.has_errors() ? RenderText(diagnostics, false) : "";
}

TableFacts People() {
  TableFacts facts;
  facts.rows = 100;
  facts.columns = {{{"person_id", Type::kInt}, 0, 100, Value::Int(1), Value::Int(100), {}},
                   {{"name", Type::kText}, 0, 100, Value(), Value(), {}},
                   {{"plan", Type::kText}, 3, 2, Value(), Value(), {"no", "plus"}},
                   {{"spend", Type::kDouble}, 0, 80, Value::Double(-0.5), Value::Double(99.5), {}},
                   {{"left", Type::kBool}, 0, 2, Value(), Value(), {}}};
  return facts;
}

TEST(YamlTextTest, LeavesPlainWordsAsTheyAre) {
  for (const char* text : {"customer_id", "Order ID", "data/customers.csv", "a-b", "_x"}) EXPECT_EQ(YamlText(text), text);
}

TEST(YamlTextTest, QuotesWhatYamlWouldTakeForSomethingElse) {
  for (const char* text : {"", " ", " a", "a ", "a  b", "no", "No", "null", "NaN", "y", "on", "true", "~", "1", "2.5", "0x1F", ".5", "-", "- a", "*a", "&a", "!a", "%a", "#a",
                           "a: b", "a:", "a #b", "[a]", "{a}", "a,b", "?", "@a", "`a`", "|", ">", "2026-01-31", "12:30", "größe", "it's"})
    EXPECT_EQ(YamlText(text), StrCat("\"", text, "\""));
}

TEST(YamlTextTest, EscapesQuotesBackslashesAndWhatCannotBeSeen) {
  EXPECT_EQ(YamlText("say \"hi\""), "\"say \\\"hi\\\"\"");
  EXPECT_EQ(YamlText("a\\b"), "\"a\\\\b\"");
  EXPECT_EQ(YamlText("a\nb\tc\rd"), "\"a\\nb\\tc\\u000Dd\"");
  EXPECT_EQ(YamlText("\xC2\x85\xE2\x80\xA8\xEF\xBB\xBF"), "\"\\u0085\\u2028\\uFEFF\"");
  EXPECT_EQ(YamlText("\xF0\x9F\x98\x80"), "\"\xF0\x9F\x98\x80\"");
}

TEST(YamlTextTest, KeepsValuesFromBeingExpressions) { EXPECT_EQ(YamlValue("a${b}"), "\"a$${b}\""); }

TEST(WriteNewFilesTest, WritesIntoANewFolder) {
  const FolderForTests folder;
  const std::string target = folder.Path("deep/new");
  ASSERT_TRUE(WriteNewFiles(target, {{"a.txt", "a"}, {"b/c.txt", "c"}}).ok());
  EXPECT_EQ(*ReadFile(JoinPath(target, "b/c.txt")), "c");
}

TEST(WriteNewFilesTest, NamesTheFileThatIsThereAndWritesNone) {
  const FolderForTests folder;
  folder.Write("b.txt", "mine");
  const Status status = WriteNewFiles(folder.path(), {{"a.txt", "a"}, {"b.txt", "b"}});
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_THAT(status.message(), HasSubstr("b.txt` is there already"));
  EXPECT_THAT(ListDirectory(folder.path()), ElementsAre("b.txt"));
  EXPECT_EQ(*ReadFile(folder.Path("b.txt")), "mine");
}

TEST(WriteNewFilesTest, TakesAwayWhatItWroteWhenAFileFails) {
  const FolderForTests folder;
  folder.Write("blocked", "a file where a folder is due");
  EXPECT_FALSE(WriteNewFiles(folder.path(), {{"a.txt", "a"}, {"x/y/z.txt", "z"}, {"blocked/b.txt", "b"}}).ok());
  EXPECT_THAT(ListDirectory(folder.path()), ElementsAre("blocked"));
}

TEST(TemplatesTest, EveryTemplateIsAValidProject) {
  for (const ProjectTemplate& project : ProjectTemplates()) {
    const FolderForTests folder;
    const Result<std::vector<NewFile>> files = TemplateFiles(project.name);
    ASSERT_TRUE(files.ok()) << files.status();
    ASSERT_TRUE(WriteNewFiles(folder.path(), *files).ok());
    EXPECT_EQ(Errors(folder), "") << project.name;
  }
}

TEST(TemplatesTest, ChurnHasItsFileSet) {
  EXPECT_THAT(Paths(*TemplateFiles("churn")),
              UnorderedElementsAre("headrace.yaml", ".gitignore", "README.md", "shared/features.yaml", "sql/features.sql", "sql/labelled.sql", "pipelines/train.yaml",
                                   "pipelines/score.yaml", "contracts/customers.yaml", "contracts/churned.yaml", "data/customers_2026_q1.csv", "data/churned_2026_q1.csv",
                                   "data/customers_2026_q2.csv", "tests/features.yaml"));
}

TEST(TemplatesTest, TheSameDataComeEveryTime) {
  EXPECT_EQ(ChurnData()[0].text, ChurnData()[0].text);
  EXPECT_THAT(ChurnData()[0].text, HasSubstr("\n1001,"));
  EXPECT_THAT(ForecastData()[0].text, HasSubstr(",island,"));
}

TEST(TemplatesTest, AnUnknownNameSuggestsTheNearest) {
  const Status status = TemplateFiles("lead-scorng").status();
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_THAT(status.message(), HasSubstr("did you mean `lead_scoring`?"));
}

TEST(SchemaLineTest, PointsFromTheFilesFolderToTheSchema) {
  EXPECT_EQ(SchemaLine("project", "headrace.yaml"), "# yaml-language-server: $schema=.headrace/schema/project.json\n");
  EXPECT_EQ(SchemaLine("pipeline", "pipelines/train.yaml"), "# yaml-language-server: $schema=../.headrace/schema/pipeline.json\n");
}

TEST(ProjectFromTableTest, WritesWhatWasMeasured) {
  const TableFacts facts = People();
  const Result<std::vector<NewFile>> files = ProjectFromTable({"data/people.csv", "", "left"}, facts);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_THAT(Paths(*files), UnorderedElementsAre("headrace.yaml", ".gitignore", "README.md", "contracts/people.yaml", "contracts/people_to_score.yaml", "pipelines/train.yaml",
                                                  "pipelines/score.yaml"));
  EXPECT_THAT(TextOf(*files, "contracts/people.yaml"), HasSubstr("{name: plan, type: text, description: \"\"}"));
  EXPECT_THAT(TextOf(*files, "contracts/people.yaml"), HasSubstr("{name: left, type: bool, nullable: false"));
  EXPECT_THAT(TextOf(*files, "contracts/people_to_score.yaml"), Not(HasSubstr("left")));
  const std::string train = TextOf(*files, "pipelines/train.yaml");
  for (const char* line : {"rows: {min: 80}", "not_null: [person_id, left]", "unique: [person_id]", "one_of: {column: plan, values: [\"no\", plus]}",
                           "{range: {column: spend, min: -0.5, max: 99.5}, severity: warn}", "key: [person_id]", "ignore: [name]", "# gate: [auc >= 0.7]"})
    EXPECT_THAT(train, HasSubstr(line));
}

TEST(ProjectFromTableTest, IsValidUnderColumnNamesOfAllKinds) {
  TableFacts facts = People();
  for (const char* name : {"no", "null", "1", "a: b", "*star", "&amp", "say \"hi\"", "größe", "[x]", "#", "- d", "~", "$n", "back\\slash", "x, y"})
    facts.columns.push_back({{name, Type::kInt}, 1, 50, Value::Int(0), Value::Int(9), {}});
  for (const char* target : {"left", "no", "a: b", "x, y"}) {
    const FolderForTests project;
    const Result<std::vector<NewFile>> files = ProjectFromTable({"data/people.csv", "", target}, facts);
    ASSERT_TRUE(files.ok()) << files.status();
    ASSERT_TRUE(WriteNewFiles(project.path(), *files).ok());
    EXPECT_EQ(Errors(project), "") << target;
  }
}

TEST(ProjectFromTableTest, LearnsOnlyFromRowsWhoseTargetIsKnown) {
  TableFacts facts = People();
  facts.columns[4].nulls = 7;
  const std::string train = TextOf(*ProjectFromTable({"people.csv", "", "left"}, facts), "pipelines/train.yaml");
  EXPECT_THAT(train, HasSubstr("is not null"));
  EXPECT_THAT(train, HasSubstr("data: known"));
  EXPECT_THAT(train, HasSubstr("not_null: [person_id]"));
}

TEST(ProjectFromTableTest, SuggestsTheNearestColumnForTheTarget) {
  const Status status = ProjectFromTable({"people.csv", "", "lft"}, People()).status();
  EXPECT_EQ(status.code(), ErrorCode::kInvalid);
  EXPECT_THAT(status.message(), HasSubstr("did you mean `left`?"));
}

TEST(ProjectFromTableTest, RefusesATargetOfOneValue) {
  TableFacts facts = People();
  facts.columns[4].distinct = 1;
  EXPECT_EQ(ProjectFromTable({"people.csv", "", "left"}, facts).status().code(), ErrorCode::kData);
}

TEST(MeasureTableTest, CountsNullsValuesBoundsAndLevels) {
  const FolderForTests folder;
  std::string text = "row_id,size,color,day\n";
  for (int i = 0; i < 50; ++i) text += StrCat(i + 1, ",", i == 3 ? "" : StrCat(i % 7, ".5"), ",", i % 2 == 0 ? "red" : "blue", ",2026-01-0", 1 + i % 9, "\n");
  folder.Write("rows.csv", text);
  FileSource source;
  source.pattern = folder.Path("rows.csv");
  const Result<TableFacts> facts = MeasureTable(source);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->rows, 50);
  EXPECT_EQ(facts->Key("color"), facts->Find("row_id"));
  EXPECT_EQ(facts->Find("size")->nulls, 1);
  EXPECT_EQ(facts->Find("size")->distinct, 7);
  EXPECT_EQ(facts->Find("size")->max, Value::Double(6.5));
  EXPECT_EQ(facts->Find("day")->min.ToString(), "2026-01-01");
  EXPECT_THAT(facts->Find("color")->levels, ElementsAre("blue", "red"));
}

}  // namespace
}  // namespace headrace

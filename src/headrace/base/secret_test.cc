#include "headrace/base/secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "headrace/base/folder_for_tests.h"

namespace headrace {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

VariableLookup Variables(std::map<std::string, std::string> set) {
  return [set = std::move(set)](const std::string& name) -> std::optional<std::string> {
    const auto found = set.find(name);
    if (found == set.end()) return std::nullopt;
    return found->second;
  };
}

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(!Printable<Secret>, "a secret must not be printable");

TEST(SecretTest, AVariableHoldsIt) {
  const Result<Secret> secret = LoadSecret("TOKEN", Variables({{"TOKEN", "s3cret"}}));
  ASSERT_TRUE(secret.ok());
  EXPECT_EQ(secret->Reveal(), "s3cret");
  EXPECT_EQ(secret->name(), "TOKEN");
}

TEST(SecretTest, AFileHoldsItWithoutItsLastLineBreak) {
  const FolderForTests folder;
  const Result<Secret> secret = LoadSecret("TOKEN", Variables({{"TOKEN_FILE", folder.Write("token", "from file\n")}}));
  ASSERT_TRUE(secret.ok());
  EXPECT_EQ(secret->Reveal(), "from file");
}

TEST(SecretTest, AMissingOneSaysWhichVariableToSet) {
  const Result<Secret> secret = LoadSecret("TOKEN", Variables({}));
  ASSERT_FALSE(secret.ok());
  EXPECT_EQ(secret.status().code(), ErrorCode::kInvalid);
  EXPECT_THAT(secret.status().ToString(), HasSubstr("TOKEN_FILE"));
}

TEST(SecretTest, AFileThatIsNotThereIsRefused) {
  const Result<Secret> secret = LoadSecret("TOKEN", Variables({{"TOKEN_FILE", "/nowhere/at/all"}}));
  ASSERT_FALSE(secret.ok());
  EXPECT_THAT(secret.status().message(), HasSubstr("/nowhere/at/all"));
}

TEST(SecretTest, PlainTextLoadsAsItself) {
  const Result<Secret> plain = Load(TextOrSecret{.text = "data/x.duckdb", .secret = ""}, Variables({}));
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->Reveal(), "data/x.duckdb");
}

}  // namespace
}  // namespace headrace

#include "headrace/model/profile.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "headrace/base/text.h"

namespace headrace {
namespace {

/// 300 rows: a number, a text of three levels, and one in which every row differs.
Table Rows() {
  ColumnBuilder numbers(Type::kInt), levels(Type::kText), notes(Type::kText);
  for (std::int64_t i = 0; i < 300; ++i) {
    if (i % 10 == 0) numbers.AppendNull();
    else numbers.AppendInt(i);
    levels.AppendText(i % 3 == 0 ? "de" : i == 1 ? "rare" : "fr");
    notes.AppendText(StrCat(std::string(static_cast<std::size_t>(i % 7), 'x'), i + 1000));
  }
  return Table(Schema({{"n", Type::kInt}, {"level", Type::kText}, {"note", Type::kText}}), {numbers.Finish(), levels.Finish(), notes.Finish()}, 300);
}

Profile Made() {
  const Table rows = Rows();
  const auto scores = std::make_shared<const Column>(std::vector<double>(100, 0.5), std::vector<std::uint8_t>());
  return MakeProfile(rows, rows.schema(), {}, Table(Schema({{"score", Type::kDouble}}), {scores}, 100));
}

TEST(ProfileTest, ReadsWhatItWrote) {
  const Result<Profile> read = Profile::FromJson(Made().ToJson());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToJson(), Made().ToJson());
}

TEST(ProfileTest, DriftIsMeasuredOnTheBinsOfTraining) {
  const std::vector<DriftReference> references = DriftReferences(Made());
  ASSERT_EQ(references.size(), 4u);
  EXPECT_EQ(references[0].edges.size(), 9u);
  EXPECT_EQ(std::pair(references[0].rows, references[0].nulls), std::pair(std::int64_t{300}, std::int64_t{30}));
  EXPECT_EQ(references[1].levels, (std::vector<std::string>{"de", "fr"}));
  EXPECT_EQ(references[1].counts, (std::vector<std::int64_t>{100, 199, 1}));          // the rare one is only counted
  EXPECT_EQ(references[2].measured, DriftReference::Measured::kLengths);
  EXPECT_EQ(references[3].column, "score");
  const Result<std::vector<ColumnDrift>> same = DriftOf(references, *StreamOf(Rows()));
  ASSERT_TRUE(same.ok());
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(*(*same)[i].measures.psi, 0, 1e-12) << i;
}

TEST(ProfileTest, FilesOfOlderVersionsAreRead) {
  nlohmann::json old = nlohmann::json::parse(Made().ToJson());
  for (auto& column : old["columns"]) column.erase("length_edges"), column.erase("length_counts");
  old["score"].erase("length_edges"), old["score"].erase("length_counts");
  const Result<Profile> read = Profile::FromJson(old.dump());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(DriftReferences(*read)[2].measured, DriftReference::Measured::kLevels);
}

TEST(ProfileTest, CountsThatDoNotFitTheirBinsAreNotUsed) {
  Profile profile = Made();
  profile.columns[0].counts.pop_back();
  EXPECT_EQ(DriftReferences(profile)[0].counts, std::vector<std::int64_t>(10, 0));
}

TEST(ProfileTest, AColumnOfFewRowsTellsNothing) {
  const Table rows = Rows().Slice(0, 10);
  const Profile profile = MakeProfile(rows, rows.schema(), {}, {});
  const Result<std::vector<ColumnDrift>> drift = DriftOf(DriftReferences(profile), *StreamOf(Rows()));
  ASSERT_TRUE(drift.ok());
  EXPECT_EQ((*drift)[0].problem, "the reference has no values to compare with");
  EXPECT_EQ((*drift)[1].reference.BinName(0), "all others");
}

}  // namespace
}  // namespace headrace

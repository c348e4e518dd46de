#include <gtest/gtest.h>

#include <map>
#include <set>

#include "headrace/model/test_world.h"
#include "headrace/model/training_rows_internal.h"

namespace headrace::internal {
namespace {

FitContext ContextOfAll(const TrainSpec& spec, const Table& data, TrainingRows& rows) {
  std::vector<std::string> notes;
  const Status read = rows.Read(data, 1, &notes);
  EXPECT_TRUE(read.ok()) << read;
  return rows.ContextOf(spec.transform, rows.split.train, true, 1);
}

TEST(TrainingRowsTest, WhatFoldsKeepTogetherTargetEncodingsKeepTogether) {
  TrainSpec spec = testing_world::SpecFor("churned");
  spec.folds = {FoldSpec::Kind::kHash, {"country"}, 3, 0};
  TrainingRows rows(spec);
  const FitContext context = ContextOfAll(spec, testing_world::Customers(400), rows);
  ASSERT_EQ(context.together.size(), rows.split.train.size());
  std::map<std::string, std::uint64_t> number_of;
  for (std::size_t i = 0; i < context.together.size(); ++i) {
    const std::string country = rows.table.Find("country")->At(rows.split.train[i]).ToString();
    EXPECT_EQ(number_of.emplace(country, context.together[i]).first->second, context.together[i]) << country;
  }
  std::set<std::uint64_t> folds;
  for (const auto& [country, number] : number_of) folds.insert(number % 2);
  EXPECT_EQ(number_of.size(), 5U) << "four countries and none";
  EXPECT_EQ(folds.size(), 2U) << "five numbers that all fall into one fold of two";
}

TEST(TrainingRowsTest, RowsOfOneKeyEachStandAlone) {
  const TrainSpec spec = testing_world::SpecFor("churned");
  TrainingRows rows(spec);
  EXPECT_TRUE(ContextOfAll(spec, testing_world::Customers(50), rows).together.empty());
}

}  // namespace
}  // namespace headrace::internal

// What end-to-end tests cannot time: a run that is taken over for dead between the writing of a file and its renaming.
#include <gtest/gtest.h>

#include "headrace/base/files.h"
#include "headrace/base/text.h"
#include "headrace/sql/engine.h"
#include "headrace/step/step.h"
#include "headrace/store/store_for_tests.h"
#include "headrace/table/table.h"

namespace headrace {
namespace {

class DeliverTest : public StoreForTests {
 protected:
  /// Deliver two rows to out.csv as the run `r1` of `store` does.
  Result<StepFiles> Deliver(Store& store) {
    ColumnBuilder ids(Type::kInt);
    ids.AppendInt(1);
    ids.AppendInt(2);
    StepInputFile data;
    data.path = folder_.Path("rows.parquet");
    EXPECT_TRUE(WriteParquetFile(StreamOf(Table(Schema({{"id", Type::kInt}}), {ids.Finish()}, 2)), data.path).ok());
    pipeline_.root = folder_.path();
    StepSpec step;
    step.name = "out";
    step.kind = StepKind::kDeliver;
    DeliverSpec deliver;
    deliver.file = "out.csv";
    step.spec = deliver;
    RunEnvironment run;
    run.pipeline = &pipeline_;
    run.store = &store;
    run.clock = &clock_;
    run.run = "r1";
    StepContext context;
    context.run = &run;
    context.step = &step;
    context.inputs["data"] = data;
    return RunDeliver(context);
  }

  ResolvedPipeline pipeline_;
};
INSTANTIATE_TEST_SUITE_P(Sqlite, DeliverTest, testing::Values(false));

TEST_P(DeliverTest, AFileIsLeftAloneByARunThatWasTakenOver) {
  RunRecord run;
  run.id = "r1";
  run.process = {1, "never", "far pid:[1] boot"};
  const std::unique_ptr<Store> far = Open();
  ASSERT_TRUE(far->CreateRun(run, {}).ok());
  ASSERT_TRUE(WriteFileAtomically(folder_.Path("out.csv"), "of the later run\n").ok());
  clock_.Sleep(kRunLeaseMicros);
  ASSERT_TRUE(store_->ResumeRun("r1", ThisProcess()).ok());
  const Result<StepFiles> stale = Deliver(*far);
  EXPECT_EQ(stale.status().code(), ErrorCode::kBusy) << stale.status();
  EXPECT_NE(stale.status().message().find("taken over by another owner"), std::string::npos) << stale.status();
  EXPECT_EQ(*ReadFile(folder_.Path("out.csv")), "of the later run\n");
  EXPECT_FALSE(FileExists(folder_.Path("out.csv.r1.tmp")));
  ASSERT_TRUE(Deliver(*store_).ok());
  EXPECT_EQ(*ReadFile(folder_.Path("out.csv")), "id\n1\n2\n");
}

}  // namespace
}  // namespace headrace

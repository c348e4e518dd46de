#include "headrace/store/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/store/store_for_tests.h"

namespace headrace {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;
using State = OutboxMessage::State;
constexpr std::int64_t kSecond = 1'000'000;

class OutboxTest : public StoreForTests {
 protected:
  void SetUp() override {
    StoreForTests::SetUp();
    if (store_ != nullptr) outbox_ = std::make_unique<Outbox>(*store_, clock_);
  }
  static OutboxMessage Message(const std::string& id, const std::string& tenant, const std::string& event = "failed", const std::string& alike = "events is empty") {
    OutboxMessage message;
    message.id = id;
    message.destination = "ops";
    message.event = event;
    message.pipeline = "score";
    message.tenant = tenant;
    message.run = "run-of-" + id;
    message.alike = alike;
    message.body = R"({"about":")" + id + "\"}";
    return message;
  }
  std::vector<std::string> Take(std::int64_t settle_us = 0) {
    const auto taken = outbox_->Take({{"ops", settle_us}});
    EXPECT_TRUE(taken.ok()) << taken.status();
    std::vector<std::string> ids;
    for (const OutboxMessage& message : *taken) ids.push_back(message.id);
    batch_ = taken->empty() ? "" : taken->front().batch;
    return ids;
  }
  State StateOf(const std::string& id) {
    const auto all = outbox_->List(false, 100);
    for (const OutboxMessage& message : *all)
      if (message.id == id) return message.state;
    ADD_FAILURE() << "no message " << id;
    return State::kPending;
  }
  void Enter(const OutboxMessage& message) {
    clock_.Sleep(1);
    ASSERT_TRUE(outbox_->Enter({message}).ok());
  }

  std::unique_ptr<Outbox> outbox_;
  std::string batch_;
};
INSTANTIATE_TEST_SUITE_P(Sqlite, OutboxTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Postgres, OutboxTest, testing::Values(true));

TEST_P(OutboxTest, WhatIsAlikeGoesTogetherAndOnlyOnce) {
  for (const char* tenant : {"a", "b", "c"}) Enter(Message(tenant, tenant));
  Enter(Message("d", "d", "failed", "the model is missing"));
  Enter(Message("a", "a"));                                     // entered again by a run that was resumed
  EXPECT_THAT(Take(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(batch_, "a");
  ASSERT_TRUE(outbox_->Sent(batch_).ok());
  EXPECT_THAT(Take(), ElementsAre("d"));
  ASSERT_TRUE(outbox_->Sent(batch_).ok());
  EXPECT_THAT(Take(), ElementsAre());
  EXPECT_EQ(StateOf("b"), State::kSent);
}

TEST_P(OutboxTest, WhatWasTakenAndNotAnsweredForIsTakenAgainUnderTheSameIdWithTheSameMessages) {
  Enter(Message("a", "a"));
  EXPECT_THAT(Take(), ElementsAre("a"));
  Enter(Message("b", "b"));
  EXPECT_THAT(Take(), ElementsAre("b")) << "the first is taken, and it was told as it was";
  EXPECT_THAT(Take(), ElementsAre());
  clock_.Sleep(Outbox::kTakenMicros);
  EXPECT_THAT(Take(), ElementsAre("a"));
  EXPECT_EQ(batch_, "a");
}

TEST_P(OutboxTest, AFailedOneIsDueWhenItWasSaid) {
  Enter(Message("a", "a"));
  EXPECT_THAT(Take(), ElementsAre("a"));
  ASSERT_TRUE(outbox_->Failed(batch_, "503", clock_.NowMicros() + 5 * kSecond).ok());
  EXPECT_THAT(Take(), ElementsAre());
  clock_.Sleep(5 * kSecond);
  EXPECT_THAT(Take(), ElementsAre("a"));
  ASSERT_TRUE(outbox_->GiveUp(batch_, "tried for a day").ok());
  clock_.Sleep(2 * Outbox::kTakenMicros);
  EXPECT_THAT(Take(), ElementsAre());
  EXPECT_EQ(StateOf("a"), State::kGivenUp);
}

TEST_P(OutboxTest, ANewOneWaitsForOthersLikeIt) {
  Enter(Message("a", "a"));
  EXPECT_THAT(Take(30 * kSecond), ElementsAre());
  clock_.Sleep(20 * kSecond);
  Enter(Message("b", "b"));
  clock_.Sleep(10 * kSecond);
  EXPECT_THAT(Take(30 * kSecond), ElementsAre("a", "b"));
}

TEST_P(OutboxTest, OnlyDestinationsThatAreThereAreTaken) {
  OutboxMessage other = Message("a", "a");
  other.destination = "gone";
  Enter(other);
  EXPECT_THAT(Take(), ElementsAre());
}

TEST_P(OutboxTest, ASnoozeKeepsQuiet) {
  ASSERT_TRUE(outbox_->AddSnooze({"score", "a", clock_.NowMicros() + 60 * kSecond, "ann"}).ok());
  Enter(Message("a", "a"));
  Enter(Message("b", "b"));
  EXPECT_EQ(StateOf("a"), State::kSnoozed);
  EXPECT_EQ(StateOf("b"), State::kPending);
  EXPECT_EQ(outbox_->Snoozes()->size(), 1u);
  clock_.Sleep(60 * kSecond);
  EXPECT_EQ(outbox_->Snoozes()->size(), 0u);
  Enter(Message("a2", "a"));
  EXPECT_EQ(StateOf("a2"), State::kPending);
}

TEST_P(OutboxTest, AnAcknowledgedFailureTellsNobodyUntilItHasRecovered) {
  Enter(Message("a", "a"));
  EXPECT_EQ(outbox_->List(true, 10)->size(), 1u);
  EXPECT_EQ(outbox_->Acknowledge("run-of-a", "ann").value(), 1);
  EXPECT_EQ(StateOf("a"), State::kAcknowledged) << "it had not been sent yet";
  EXPECT_EQ(outbox_->List(true, 10)->size(), 0u);
  Enter(Message("again", "a"));
  EXPECT_EQ(StateOf("again"), State::kAcknowledged);
  Enter(Message("another", "a", "failed", "something else"));
  EXPECT_EQ(StateOf("another"), State::kPending);
  Enter(Message("good", "a", "recovered"));
  Enter(Message("new", "a"));
  EXPECT_EQ(StateOf("new"), State::kPending);
  EXPECT_EQ(outbox_->Acknowledge("nobody", "ann").status().code(), ErrorCode::kInvalid);
}

TEST_P(OutboxTest, ADestinationIsDisabledAsItWasDefined) {
  ASSERT_TRUE(outbox_->Disable("ops", {"abc", 5, "410"}).ok());
  ASSERT_TRUE(outbox_->Disable("ops", {"def", 6, "410 again"}).ok());
  EXPECT_EQ(outbox_->Disabled()->at("ops").definition, "def");
}

TEST_P(OutboxTest, TheEndOfARunAndWhatIsToldOfItAreOneTransaction) {
  RunRecord run;
  run.id = "r1";
  run.pipeline = "score";
  run.process = ThisProcess();
  ASSERT_TRUE(store_->CreateRun(run, {}).ok());
  const auto other = Open();
  EXPECT_FALSE(other->FinishRun("r1", RunState::kFailed, 3, "", {Message("refused", "a")}).ok()) << "it is not its run";
  ASSERT_TRUE(store_->FinishRun("r1", RunState::kFailed, 3, "", {Message("told", "a")}).ok());
  EXPECT_THAT(Take(), ElementsAre("told"));
}

TEST_P(OutboxTest, AnAliasThatDoesNotMoveTellsNothing) {
  ModelVersion model;
  model.name = "m";
  model.digest = "d1";
  model.metrics = "{}";
  model.gates = "[]";
  ASSERT_TRUE(store_->AddModelVersion(model).ok());
  ASSERT_TRUE(store_->MoveAlias("", "m", "champion", 1, "ann", "", {Message("first", "", "champion_moved", "x")}).ok());
  ASSERT_TRUE(store_->MoveAlias("", "m", "champion", 1, "ann", "", {Message("second", "", "champion_moved", "x")}).ok());
  EXPECT_THAT(Take(), ElementsAre("first"));
}

}  // namespace
}  // namespace headrace

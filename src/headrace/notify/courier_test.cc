#include "headrace/notify/courier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "headrace/notify/body.h"
#include "headrace/store/store_for_tests.h"

namespace headrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
constexpr std::int64_t kSecond = 1'000'000, kDay = 86'400 * kSecond;

/// Ends as the test says, and remembers what it was asked.
class Scripted final : public AlertSender {
 public:
  SendResult Send(const AlertDestination& destination, const std::string& id, std::span<const Alert> alerts, const std::function<bool()>&) override {
    std::string said = StrCat(destination.name, " ", id);
    for (const Alert& alert : alerts) said += StrCat(" ", alert.tenant);
    sent.push_back(said);
    return result;
  }
  std::string DefinitionOf(const AlertDestination&) override { return definition; }

  SendResult result;
  std::string definition = "as it was";
  std::vector<std::string> sent;
};

class CourierTest : public StoreForTests {
 protected:
  void SetUp() override {
    StoreForTests::SetUp();
    if (store_ == nullptr) return;
    rules_.destinations.resize(1);
    rules_.destinations[0].name = "ops";
  }
  void Happens(const std::string& id, const std::string& tenant, AlertEvent event = AlertEvent::kFailed) {
    Alert alert;
    alert.event = event;
    alert.id = id;
    alert.pipeline = "score";
    alert.tenant = tenant;
    alert.at_us = clock_.NowMicros();
    alert.step = "events";
    alert.alike = "it is empty";
    clock_.Sleep(1);
    ASSERT_TRUE(Outbox(*store_, clock_).Enter(MessagesFor(rules_, {&alert, 1})).ok());
  }
  Courier::Report Deliver(bool together = false) {
    Courier courier(Outbox(*store_, clock_), rules_.destinations, sender_, clock_, random_);
    const auto report = courier.Deliver(together, [] { return false; });
    EXPECT_TRUE(report.ok()) << report.status();
    return report.ok() ? *report : Courier::Report();
  }
  OutboxMessage::State StateOfFirst() { return Outbox(*store_, clock_).List(false, 100)->back().state; }

  AlertRules rules_{"shop", "prod", "", "", {}};
  Scripted sender_;
  SeededRandom random_{7};
};
INSTANTIATE_TEST_SUITE_P(Sqlite, CourierTest, testing::Values(false));

TEST_P(CourierTest, AMessageIsSentOnce) {
  Happens("r1", "acme");
  EXPECT_EQ(Deliver().sent, 1);
  EXPECT_EQ(Deliver().sent, 0);
  EXPECT_THAT(sender_.sent, ElementsAre("ops r1.ops acme"));
}

TEST_P(CourierTest, WhatBrokeAlikeIsOneMessageAfterAWhile) {
  Happens("r1", "acme");
  EXPECT_EQ(Deliver(true).sent, 0);
  clock_.Sleep(20 * kSecond);
  Happens("r2", "beta");
  clock_.Sleep(10 * kSecond);
  EXPECT_EQ(Deliver(true).sent, 1);
  EXPECT_THAT(sender_.sent, ElementsAre("ops r1.ops acme beta"));
}

TEST_P(CourierTest, AFailureIsTriedAgainForADayWithTheSameIdThenGivenUp) {
  sender_.result = {SendResult::End::kFailed, "503", {}};
  Happens("r1", "acme");
  EXPECT_THAT(Deliver().problems, ElementsAre("alert to `ops`: 503; it is tried again"));
  EXPECT_EQ(Deliver().failed, 0) << "not at once";
  for (int i = 0; i < 2 * 24 * 60; ++i) {
    clock_.Sleep(60 * kSecond);
    Deliver();
  }
  EXPECT_EQ(StateOfFirst(), OutboxMessage::State::kGivenUp);
  EXPECT_GT(sender_.sent.size(), 30u);
  EXPECT_LT(sender_.sent.size(), 150u);
  for (const std::string& said : sender_.sent) EXPECT_EQ(said, "ops r1.ops acme");
}

TEST_P(CourierTest, APauseThatWasAskedForIsKept) {
  sender_.result = {SendResult::End::kFailed, "429", 3600 * kSecond};
  Happens("r1", "acme");
  Deliver();
  clock_.Sleep(3599 * kSecond);
  EXPECT_EQ(Deliver().failed, 0);
  clock_.Sleep(kSecond);
  EXPECT_EQ(Deliver().failed, 1);
}

TEST_P(CourierTest, OneThatIsGoneIsLeftAloneUntilItIsAnother) {
  sender_.result = {SendResult::End::kGone, "410", {}};
  Happens("r1", "acme");
  EXPECT_EQ(Deliver().failed, 1);
  Happens("r2", "acme");
  clock_.Sleep(3600 * kSecond);
  EXPECT_EQ(Deliver().failed, 0);
  sender_.definition = "edited";
  sender_.result = {};
  EXPECT_EQ(Deliver().sent, 2);
  Happens("r3", "acme");
  rules_.destinations.clear();
  clock_.Sleep(kDay + kSecond);
  Deliver();
  EXPECT_EQ(Outbox(*store_, clock_).List(false, 1)->front().state, OutboxMessage::State::kGivenUp) << "nobody is there to send it to";
}

TEST_P(CourierTest, ADestinationHearsWhatItAsksFor) {
  rules_.destinations[0].when = {AlertEvent::kLate};
  Happens("r1", "acme");
  Happens("r2", "acme", AlertEvent::kLate);
  EXPECT_EQ(Deliver().sent, 1);
  EXPECT_THAT(sender_.sent, ElementsAre("ops r2.ops acme"));
}

TEST(AlertTest, ReadsWhatItWrote) {
  Alert alert;
  alert.event = AlertEvent::kGateRefused;
  alert.id = "r1.1.gate_refused";
  alert.tenant = "acme \"und\" Söhne";
  alert.message = "auc 0.6\nis below 0.7";
  alert.held_back = {"out"};
  alert.look = {"headrace show r1"};
  const auto read = Alert::FromJson(alert.ToJson());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ToJson(), alert.ToJson());
  EXPECT_FALSE(Alert::FromJson("{}").ok());
  EXPECT_FALSE(Alert::FromJson("nonsense").ok());
}

TEST(BodyTest, AMailHoldsNoLineOfSomebodyElse) {
  Alert alert;
  alert.pipeline = "größe";
  alert.tenant = "a\r\nBcc: eve@example.com";
  AlertDestination destination;
  destination.from = "a@b.example";
  destination.to = {"c@d.example"};
  const std::string mail = MailText("id", destination, {&alert, 1});
  const std::string headers = mail.substr(0, mail.find("\r\n\r\n"));
  EXPECT_THAT(headers, HasSubstr("Subject: =?UTF-8?B?"));
  EXPECT_THAT(headers, testing::Not(HasSubstr("Bcc")));
}

}  // namespace
}  // namespace headrace

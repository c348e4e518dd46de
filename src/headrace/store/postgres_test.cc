// What only a server can do to the store: break the connection, be out of reach, refuse. What both stores promise stands in store_test.cc.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <thread>

#include "headrace/base/folder_for_tests.h"
#include "headrace/store/postgres_for_tests.h"
#include "headrace/store/store.h"

namespace headrace {
namespace {

/// Stands between the store and its server, and breaks the connection at the next COMMIT when told to: before the server hears it, or
/// after the server did it and before the store hears that.
class Proxy {
 public:
  enum class Cut { kNone, kBefore, kAfter };

  explicit Proxy(std::string server_folder) : server_folder_(std::move(server_folder)) {
    std::string folder = "/tmp/headrace-px-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const sockaddr_un address = AddressIn(folder_);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 8);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Proxy() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
    std::filesystem::remove_all(folder_);
  }

  std::string uri() const { return StrCat("postgresql://headrace@/postgres?host=", folder_); }
  void CutAtCommit(Cut cut, bool then_gone = false) {
    then_gone_ = then_gone;
    cut_ = cut;
  }
  int cuts() const { return cuts_; }

 private:
  static sockaddr_un AddressIn(const std::string& folder) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    StrCat(folder, "/.s.PGSQL.5432").copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  /// One connection after the other: the store has one at a time.
  void Serve() {
    while (!stop_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int client = ::accept(listener_, nullptr, nullptr);
      const int server = ::socket(AF_UNIX, SOCK_STREAM, 0);
      const sockaddr_un address = AddressIn(server_folder_);
      if (!gone_ && ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) Pump(client, server);
      ::close(client);
      ::close(server);
    }
  }
  void Pump(int client, int server) {
    bool cutting = false;
    std::string buffer(65536, '\0');
    while (!stop_) {
      std::array<pollfd, 2> ends = {pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
      if (::poll(ends.data(), 2, 20) <= 0) continue;
      for (const pollfd& end : ends) {
        if (end.revents == 0) continue;
        const ssize_t size = ::read(end.fd, buffer.data(), buffer.size());
        if (size <= 0) return;
        const std::string_view data(buffer.data(), static_cast<std::size_t>(size));
        if (end.fd == server && cutting) return;   // the answer to COMMIT goes no further
        if (end.fd == client && cut_ != Cut::kNone && data.find(std::string_view("COMMIT\0", 7)) != std::string_view::npos) {
          ++cuts_;
          gone_ = then_gone_.load();
          cutting = true;
          if (cut_.exchange(Cut::kNone) == Cut::kBefore) return;
        }
        if (::write(end.fd == client ? server : client, data.data(), data.size()) != size) return;
      }
    }
  }

  std::string server_folder_, folder_;
  int listener_ = -1;
  std::atomic<bool> stop_ = false, gone_ = false, then_gone_ = false;
  std::atomic<Cut> cut_ = Cut::kNone;
  std::atomic<int> cuts_ = 0;
  std::thread thread_;
};

class PostgresStateTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto server = PostgresForTests::Get();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *server;
    where_.project = testing::UnitTest::GetInstance()->current_test_info()->name();
    where_.root = folder_.path();
  }
  Result<std::unique_ptr<Store>> Open(const std::string& uri, Clock& clock) {
    where_.uri = Secret("STATE", uri);
    return Store::Open(where_, clock);
  }
  RunRecord Run(const std::string& id) {
    RunRecord run;
    run.id = id;
    run.params = "{}";
    run.process = ThisProcess();
    return run;
  }

  const FolderForTests folder_;
  PostgresForTests* server_ = nullptr;
  StateLocation where_;
};

TEST_F(PostgresStateTest, ALostAnswerToCommitIsSettledByAskingTheServer) {
  Proxy proxy(server_->folder());
  const auto store = Open(proxy.uri(), SystemClock());
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE((*store)->CreateRun(Run("r1"), {}).ok());
  for (const Proxy::Cut cut : {Proxy::Cut::kBefore, Proxy::Cut::kAfter}) {
    const int cuts = proxy.cuts();
    proxy.CutAtCommit(cut);
    const Status added = (*store)->AddEvent("r1", {1, "", "note", "once"});
    EXPECT_TRUE(added.ok()) << added;
    EXPECT_EQ(proxy.cuts(), cuts + 1);
  }
  EXPECT_EQ((*store)->ListEvents("r1", "")->size(), 2u) << "one each: neither lost nor done twice";
  proxy.CutAtCommit(Proxy::Cut::kAfter);
  EXPECT_TRUE((*store)->FinishRun("r1", RunState::kSucceeded, 0, "").ok()) << "it took place, so it is no second end";
}

TEST_F(PostgresStateTest, WhatNobodyCanConfirmIsNotCalledDone) {
  Proxy proxy(server_->folder());
  ManualClock clock;
  const auto store = Open(proxy.uri(), clock);
  ASSERT_TRUE(store.ok()) << store.status();
  proxy.CutAtCommit(Proxy::Cut::kAfter, true);
  const Status created = (*store)->CreateRun(Run("r1"), {});
  EXPECT_EQ(created.code(), ErrorCode::kBusy);
  EXPECT_NE(created.message().find("cannot say whether it took place"), std::string::npos) << created;
}

TEST_F(PostgresStateTest, AConnectionThatBrokeIsMadeAgain) {
  ManualClock clock;
  const auto store = Open(server_->uri(), clock);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE((*store)->CreateRun(Run("r1"), {}).ok());
  const std::string end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'headrace'";
  ASSERT_TRUE(server_->Sql(end_all).ok());
  EXPECT_TRUE((*store)->AddEvent("r1", {1, "", "note", "after"}).ok());
  ASSERT_TRUE(server_->Sql(end_all).ok());
  EXPECT_EQ((*store)->ListEvents("r1", "")->size(), 1u);
}

TEST_F(PostgresStateTest, LeasesAreCountedByTheDatabasesClock) {
  ManualClock clock;
  const auto one = Open(server_->uri(), clock), two = Open(server_->uri(), clock);
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ((*one)->AcquireLease("scheduler", "one", 3'600'000'000)->epoch, 1);
  clock.Sleep(7'200'000'000);
  EXPECT_FALSE((*two)->AcquireLease("scheduler", "two", 1)->granted) << "this host's clock says nothing";
  ASSERT_TRUE((*one)->RenewLease("scheduler", 1, 0).ok());
  EXPECT_EQ((*two)->AcquireLease("scheduler", "two", 1)->epoch, 2);
}

TEST_F(PostgresStateTest, ProjectsShareADatabaseWithoutSeeingEachOther) {
  ManualClock clock;
  const auto one = Open(server_->uri(), clock);
  where_.project = "a name with \" and ' of more than sixty-three bytes, one";
  const auto two = Open(server_->uri(), clock);
  where_.project.back() = 'f';
  const auto three = Open(server_->uri(), clock);
  ASSERT_TRUE(one.ok() && two.ok() && three.ok()) << two.status() << three.status();
  ASSERT_TRUE((*one)->CreateRun(Run("r1"), {}).ok());
  ASSERT_TRUE((*two)->CreateRun(Run("r2"), {}).ok());
  EXPECT_EQ((*one)->ListRuns({})->size(), 1u);
  EXPECT_EQ((*two)->ListRuns({})->at(0).id, "r2");
  EXPECT_TRUE((*three)->ListRuns({})->empty());
}

TEST_F(PostgresStateTest, NoErrorTellsThePassword) {
  ManualClock clock;
  const std::string host = StrCat("?host=", server_->folder());
  const std::vector<std::pair<std::string, ErrorCode>> uris = {
      {"postgresql://headrace:Kx9secret@/nowhere" + host, ErrorCode::kInvalid},
      {"postgresql://nobody:Kx9secret@/postgres" + host, ErrorCode::kInvalid},
      {"postgresql://headrace:Kx9secret@/postgres?host=/nonexistent", ErrorCode::kBusy},
      {"postgresql://headrace:Kx9@secret@/postgres" + host, ErrorCode::kInvalid},
      {"postgresql://headrace:Kx9/secret@/postgres" + host, ErrorCode::kInvalid},
      {"postgresql://headrace:Kx9%zz@/postgres" + host, ErrorCode::kInvalid},
      {"postgresql://headrace:Kx9secret", ErrorCode::kInvalid},
      {"postgresql://headrace@/postgres?password=Kx9secret&hots=x", ErrorCode::kInvalid},
      {"mysql://headrace:Kx9secret@host/db", ErrorCode::kInvalid},
      {"host=x password=Kx9secret", ErrorCode::kInvalid},
  };
  for (const auto& [uri, code] : uris) {
    const auto store = Open(uri, clock);
    ASSERT_FALSE(store.ok()) << uri;
    EXPECT_EQ(store.status().code(), code) << store.status();
    EXPECT_EQ(store.status().ToString().find("Kx9"), std::string::npos) << store.status();
    EXPECT_FALSE(store.status().help().empty());
  }
}

}  // namespace
}  // namespace headrace

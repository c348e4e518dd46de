#include "headrace/base/command.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "headrace/base/folder_for_tests.h"

namespace headrace {
namespace {

constexpr std::int64_t kGrace = 50'000;

class CommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<CommandRunner>> runner = StartCommandRunner(kGrace);
    ASSERT_TRUE(runner.ok()) << runner.status();
    runner_ = std::move(runner).value();
    command_.directory = folder_.path();
    command_.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
  }

  Result<CommandEnd> Run(std::vector<std::string> argv, const std::function<bool()>& cancelled = nullptr) {
    command_.argv = std::move(argv);
    return runner_->Run(command_, cancelled);
  }
  CommandEnd Shell(const std::string& script, const std::function<bool()>& cancelled = nullptr) {
    Result<CommandEnd> end = Run({"sh", "-c", script}, cancelled);
    EXPECT_TRUE(end.ok()) << end.status();
    return end.ok() ? std::move(end).value() : CommandEnd{};
  }
  /// A stop that comes once the program has said that it is ready.
  std::function<bool()> WhenReady() {
    return [file = folder_.Path("ready")] { return FileExists(file); };
  }
  /// Whether the process whose number the program wrote to `pid` is there and no zombie.
  bool Lives(const std::string& file = "pid") {
    std::ifstream number(folder_.Path(file));
    int pid = 0;
    EXPECT_TRUE(number >> pid);
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string word;
    std::string state;
    return (stat >> word >> word >> state) && state != "Z";
  }

  std::unique_ptr<CommandRunner> runner_;
  const FolderForTests folder_;
  Command command_;
};

TEST_F(CommandTest, GivesWhatItWroteAndHowItEnded) {
  const CommandEnd end = Shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(end.code, 3);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(end.out.Text({}), "out\n");
  EXPECT_EQ(end.err.Text({}), "err\n");
  EXPECT_EQ(Shell("kill -SEGV $$").signal, SIGSEGV);
  EXPECT_EQ(SignalName(SIGSEGV), "SIGSEGV");
}

TEST_F(CommandTest, ArgumentsArriveAsTheyAre) {
  const std::vector<std::string> odd = {"two words", "\"quoted\" 'too'", "$(touch here) `touch here` $HOME", "a\nb\t", "", "*", "--x=ä"};
  std::vector<std::string> argv = {"sh", "-c", R"(for a in "$@"; do printf '<%s>' "$a"; done)", "sh"};
  argv.insert(argv.end(), odd.begin(), odd.end());
  std::string expected;
  for (const std::string& text : odd) expected += "<" + text + ">";
  EXPECT_EQ(Run(argv)->out.Text({}), expected);
  EXPECT_FALSE(FileExists(folder_.Path("here")));
}

TEST_F(CommandTest, SeesTheVariablesItIsGivenAndNoOthers) {
  command_.env.emplace_back("GIVEN", "a b");
  const std::string seen = Run({"env"})->out.Text({});
  EXPECT_NE(seen.find("GIVEN=a b\n"), std::string::npos);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), '\n'), 3) << seen;   // PATH, GIVEN, HEADRACE_COMMAND
}

TEST_F(CommandTest, WorksInItsFolderWithNoInputAndNoTerminal) {
  EXPECT_EQ(Shell("pwd -P; cat; (: < /dev/tty) 2>/dev/null || echo none").out.Text({}), std::filesystem::canonical(folder_.path()).string() + "\nnone\n");
}

TEST_F(CommandTest, SignalsThatWeIgnoreAreNotIgnoredForIt) {
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(Shell("kill -PIPE $$; echo still here").signal, SIGPIPE);
  ::signal(SIGPIPE, SIG_DFL);
}

TEST_F(CommandTest, AProgramThatIsNotThereIsInvalid) {
  EXPECT_EQ(Run({"no-such-program"}).status().message(), "there is no program `no-such-program` in the PATH");
  EXPECT_EQ(Run({"./none"}).status().code(), ErrorCode::kInvalid);
  folder_.Write("script", "echo");
  EXPECT_NE(Run({"./script"}).status().help().find("chmod +x"), std::string::npos);
}

TEST_F(CommandTest, ItsLimitsHold) {
  command_.limits = {.memory_bytes = 512 << 20, .cpu_seconds = 77, .open_files = 33, .file_bytes = 1 << 20};
  EXPECT_EQ(Shell("ulimit -v; ulimit -t; ulimit -n; ulimit -f; ulimit -c").out.Text({}), "524288\n77\n33\n2048\n0\n");
  EXPECT_EQ(Shell("exec head -c 2000000 /dev/zero > big").signal, SIGXFSZ);
  EXPECT_EQ(std::filesystem::file_size(folder_.Path("big")), 1U << 20);
}

TEST_F(CommandTest, AStopReachesTheWholeGroupAndItMayCleanUp) {
  const CommandEnd end = Shell("trap 'wait; echo parent; exit 0' TERM; (trap 'echo child; exit' TERM; touch ready; while :; do sleep 0.01; done) & wait; wait", WhenReady());
  EXPECT_TRUE(end.stopped);
  EXPECT_EQ(end.out.Text({}), "child\nparent\n");
}

TEST_F(CommandTest, WhatIgnoresAStopIsKilledAfterTheGrace) {
  const CommandEnd end = Shell("trap '' TERM; touch ready; while :; do sleep 0.01; done", WhenReady());
  EXPECT_TRUE(end.stopped);
  EXPECT_EQ(end.signal, SIGKILL);
}

TEST_F(CommandTest, WhatItLeavesRunningIsEnded) {
  const CommandEnd end = Shell("sleep 1000 & echo $! > pid");
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.left_behind, 1);
  EXPECT_FALSE(Lives());
}

TEST_F(CommandTest, WhatGoesIntoASessionOfItsOwnIsEndedToo) {
  const CommandEnd end = Shell("setsid sh -c 'echo $$ > pid; touch ready; exec sleep 1000' & while [ ! -e ready ]; do sleep 0.01; done");
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.left_behind, 1);
  EXPECT_FALSE(Lives());
}

TEST_F(CommandTest, ADyingCallerTakesItAlong) {
  // The caller is a process of its own, killed while its command runs. One member has wiped its environment, another has left the group.
  const pid_t caller = ::fork();
  if (caller == 0) {
    Result<std::unique_ptr<CommandRunner>> runner = StartCommandRunner(kGrace);
    command_.argv = {"sh", "-c", "echo $$ > leader; env -i sh -c 'echo $$ > member; exec sleep 1000' & while [ ! -e member ]; do sleep 0.01; done; setsid sh -c 'echo $$ > escaped; touch ready; exec sleep 1000' & wait"};
    static_cast<void>((*runner)->Run(command_, nullptr).ok());
    ::_exit(0);
  }
  const auto ready = WhenReady();
  while (!ready()) ::usleep(1000);
  EXPECT_TRUE(Lives("leader") && Lives("member") && Lives("escaped"));
  ::kill(caller, SIGKILL);
  ::waitpid(caller, nullptr, 0);
  while (Lives("leader") || Lives("member") || Lives("escaped")) ::usleep(1000);   // ctest's time limit is the failure
}

TEST_F(CommandTest, ALongLogKeepsItsBeginningAndItsEnd) {
  command_.log_bytes = 100;
  const std::string log = Shell("echo first; i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; echo last").out.Text({});
  EXPECT_TRUE(log.starts_with("first\n0123")) << log;
  EXPECT_TRUE(log.ends_with("789\nlast\n")) << log;
  EXPECT_NE(log.find(" bytes cut ...]"), std::string::npos) << log;
  EXPECT_LT(log.size(), 200U);
}

TEST(PrintableText, LeavesOutWhatATerminalWouldObey) {
  EXPECT_EQ(PrintableText("a\x1b[31mred\x1b[0m b\x1b]0;title\x07" "c\x1b]8;;http://x\x1b\\d\x1b(Be\x1b" "7f"), "ared bcdef");
  EXPECT_EQ(PrintableText("10%\r20%\r\ndone\a\b\x7f\tx"), "10%\n20%\ndone\tx");
  EXPECT_EQ(PrintableText(std::string_view("a\0b", 3)), "ab");
  EXPECT_EQ(PrintableText("\xc2\x9b" "31mx \xc3\xa4 \xff\xe2\x82"), "31mx \xc3\xa4 \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(PrintableText("\x1b]never closed\nnext line\n\x1b["), "\nnext line\n");
}

TEST(BoundedLog, MasksSecretsEvenWhereItCutsThroughThem) {
  const std::string secret = "open-sesame";
  for (std::size_t shift = 0; shift < 40; ++shift) {
    BoundedLog log(40);
    for (const std::string& part : {std::string(shift, '.'), secret, std::string(100, '-'), secret, std::string(shift, '.')}) log.Append(part);
    const std::string text = log.Text({secret});
    for (std::size_t n = 4; n <= secret.size(); ++n)
      for (std::size_t at = 0; at + n <= secret.size(); ++at) EXPECT_EQ(text.find(secret.substr(at, n)), std::string::npos) << shift << " " << text;
  }
  BoundedLog log(1000);
  log.Append("a open-\x1b[1msesame b open-sesame");
  EXPECT_EQ(log.Text({secret}), "a *** b ***");
}

TEST(BoundedLog, KeepsAllOfAShortLogWhateverThePieces) {
  BoundedLog log(20);
  for (int i = 0; i < 10; ++i) log.Append(std::to_string(i));
  EXPECT_EQ(log.Text({}), "0123456789");
}

}  // namespace
}  // namespace headrace

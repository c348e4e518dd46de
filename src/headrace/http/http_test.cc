#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "headrace/base/text.h"
#include "headrace/http/address.h"
#include "headrace/http/json_rows.h"
#include "headrace/http/retry.h"
#include "headrace/http/webhook_signature.h"

namespace headrace {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

bool IsPublic(const std::string& text) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) storage.ss_family = AF_INET;
  else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) storage.ss_family = AF_INET6;
  else ADD_FAILURE() << text;
  return IsPublicAddress(reinterpret_cast<const sockaddr&>(storage));
}

TEST(AddressTest, OnlyThePublicInternetIsPublic) {
  for (const char* address : {"1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.167.1.1", "198.20.0.1", "223.255.255.255",
                              "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "64:ff9b::808:808", "2002:808:808::1"})
    EXPECT_TRUE(IsPublic(address)) << address;
  for (const char* address : {"0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8",
                              "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
                              "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "3fff:1::1",
                              "64:ff9b::a00:1", "64:ff9b:1::808:808", "2002:7f00:1::1", "2002:a00:1::1", "100::1"})
    EXPECT_FALSE(IsPublic(address)) << address;
}

TEST(WebhookSignatureTest, IsThatOfTheStandardsExample) {   // standard-webhooks/spec: "Signature scheme"
  const auto signature = WebhookSignature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})");
  ASSERT_TRUE(signature.ok()) << signature.status();
  EXPECT_EQ(*signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(*WebhookSignature("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"), *signature) << "the prefix is not needed";
  const Status wrong = WebhookSignature("whsec_not*base64", "m", 1, "").status();
  EXPECT_EQ(wrong.code(), ErrorCode::kInvalid);
  EXPECT_THAT(wrong.ToString(), Not(HasSubstr("not*base64")));
  EXPECT_EQ(Base64("a"), "YQ==");
  EXPECT_EQ(Base64("\xff\xfe\xfd\xfc"), "//79/A==");
}

TEST(ShownUrlTest, ShowsNeitherUserNorQuery) {
  EXPECT_EQ(ShownUrl("https://ann:pw@api.example:8443/v1/rows?token=abc#x"), "https://api.example:8443/v1/rows");
  EXPECT_EQ(ShownUrl("https://api.example"), "https://api.example");
  EXPECT_EQ(ShownUrl("https://api.example/a@b"), "https://api.example/a@b");
  EXPECT_EQ(ShownUrl("https://api.example?key=1"), "https://api.example");
}

TEST(RetryTest, ReadsBothFormsOfRetryAfter) {
  const std::int64_t now = 1'445'412'000'000'000;             // 2015-10-21 07:20:00 UTC
  EXPECT_EQ(RetryAfterMicros("120", now), 120'000'000);
  EXPECT_EQ(RetryAfterMicros(" 0 ", now), 0);
  EXPECT_EQ(RetryAfterMicros("Wed, 21 Oct 2015 07:28:00 GMT", now), 480'000'000);
  EXPECT_EQ(RetryAfterMicros("Wed, 21 Oct 2015 07:00:00 GMT", now), 0) << "it is over";
  for (const char* odd : {"", "-1", "soon", "Wed, 21 Okt 2015 07:28:00 GMT", "Wed, 99 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 CET"})
    EXPECT_EQ(RetryAfterMicros(odd, now), std::nullopt) << odd;
}

/// Gives what the test wrote down, one answer after the other.
class Scripted final : public Transport {
 public:
  explicit Scripted(std::vector<Result<HttpResponse>> answers) : answers_(std::move(answers)) {}
  Result<HttpResponse> Send(const HttpRequest&, const std::function<bool()>&) override { return answers_.at(sent++); }
  Status SendMail(const MailRequest&, const std::function<bool()>&) override { return Ok(); }
  std::size_t sent = 0;

 private:
  std::vector<Result<HttpResponse>> answers_;
};

HttpResponse Answer(int status, std::vector<std::pair<std::string, std::string>> headers = {}, bool complete = true) { return {status, std::move(headers), "body", complete}; }

TEST(RetryTest, WaitsAsLongAsTheAnswerAsks) {
  ManualClock clock;
  SeededRandom random(1);
  const std::int64_t began = clock.NowMicros();
  Scripted server({Answer(429, {{"retry-after", "7"}}), Answer(503, {{"retry-after", "3"}}), Answer(200)});
  const auto answer = SendWithRetry(server, {}, {}, clock, random, nullptr);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(clock.NowMicros() - began, 10'000'000);
}

TEST(RetryTest, GivesTheLastAnswerWhenTheAttemptsAreUsedUp) {
  ManualClock clock;
  SeededRandom random(1);
  const std::int64_t began = clock.NowMicros();
  Scripted server({Answer(429), Answer(200, {}, false), Error(ErrorCode::kBusy, "no connection"), Answer(500)});
  const auto answer = SendWithRetry(server, {}, {}, clock, random, nullptr);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(server.sent, 4u);
  EXPECT_LE(clock.NowMicros() - began, 7'000'000) << "at most 1 + 2 + 4 s";
}

TEST(RetryTest, AnErrorForGoodAndAPauseThatIsTooLongEndIt) {
  ManualClock clock;
  SeededRandom random(1);
  Scripted missing({Answer(404), Answer(200)});
  EXPECT_EQ(SendWithRetry(missing, {}, {}, clock, random, nullptr)->status, 404);
  Scripted tomorrow({Answer(429, {{"retry-after", "86400"}}), Answer(200)});
  EXPECT_EQ(SendWithRetry(tomorrow, {}, {}, clock, random, nullptr)->status, 429);
  Scripted refused({Error(ErrorCode::kInvalid, "a private address"), Answer(200)});
  EXPECT_EQ(SendWithRetry(refused, {}, {}, clock, random, nullptr).status().code(), ErrorCode::kInvalid);
  Scripted stopped({Answer(429, {{"retry-after", "60"}}), Answer(200)});
  EXPECT_EQ(SendWithRetry(stopped, {}, {}, clock, random, [] { return true; }).status().code(), ErrorCode::kInterrupted);
}

std::vector<std::string> Rows(std::string_view json, std::string_view path) {
  const auto parsed = JsonPath::Parse(path);
  if (!parsed.ok()) return {parsed.status().message()};
  auto rows = JsonRows(json, *parsed);
  return rows.ok() ? *std::move(rows) : std::vector<std::string>{rows.status().message()};
}

TEST(JsonRowsTest, FindsRowsAndKeepsTheirDigits) {
  EXPECT_THAT(Rows(R"([{"a":1},{"a":2}])", "$"), ElementsAre(R"({"a":1})", R"({"a":2})"));
  EXPECT_THAT(Rows(R"({"data": {"x": 0, "rows": [ {"id": 12345678901234567890123, "price": 1.10} ]}})", "$.data.rows"),
              ElementsAre(R"({"id": 12345678901234567890123, "price": 1.10})"));
  EXPECT_THAT(Rows("{\"the data\": [{\"a\":\n \"x}]\\\"\"\n}]}", "$['the data'][*]"), ElementsAre("{\"a\":  \"x}]\\\"\" }"));
  EXPECT_THAT(Rows(R"({"da\u0074a": [{"a": {"b": [1, 2]}}, {"a": null}]})", "$.data"), ElementsAre(R"({"a": {"b": [1, 2]}})", R"({"a": null})"));
  EXPECT_THAT(Rows(R"({"data": {"a": 1}})", "$.data"), ElementsAre(R"({"a": 1})"));
  EXPECT_THAT(Rows(R"({"data": []})", "$.data"), ElementsAre());
}

TEST(JsonRowsTest, SaysWhatStandsThereInstead) {
  EXPECT_THAT(Rows("<html>", "$"), ElementsAre("the answer is not JSON, or not all of it came"));
  EXPECT_THAT(Rows(R"({"data":[{"a":1},{"a")", "$.data"), ElementsAre("the answer is not JSON, or not all of it came"));
  EXPECT_THAT(Rows(R"({"error": "quota", "code": 7})", "$.data"), ElementsAre("`$` of the answer has no `data`; it has `error`, `code`"));
  EXPECT_THAT(Rows(R"({"data": "none"})", "$.data"), ElementsAre("`$.data` of the answer is a text, not a list of rows"));
  EXPECT_THAT(Rows(R"({"data": null})", "$.data.rows"), ElementsAre("`$.data` of the answer is null, not an object with `rows`"));
  EXPECT_THAT(Rows(R"([{"a":1}, 2])", "$"), ElementsAre("row 2 of `$` is a number, not an object with columns"));
  for (const char* path : {"", "data", "$.", "$data", "$.a..b", "$[0]", "$['a", "$.a[*].b"}) EXPECT_FALSE(JsonPath::Parse(path).ok()) << path;
}

/// A server that gives one answer on 127.0.0.1 and hangs up.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, text = std::move(answer)] {
      const int client = ::accept(listener_, nullptr, nullptr);
      if (client < 0) return;
      char buffer[4096];
      while (asked.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::read(client, buffer, sizeof buffer);
        if (got <= 0) break;
        asked.append(buffer, static_cast<std::size_t>(got));
      }
      for (std::size_t at = 0; at < text.size();) {
        const ssize_t put = ::send(client, text.data() + at, text.size() - at, MSG_NOSIGNAL);
        if (put <= 0) break;
        at += static_cast<std::size_t>(put);
      }
      ::close(client);
    });
  }
  ~OneAnswer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  HttpRequest Request(bool allow_private = true) const {
    HttpRequest request;
    request.url = StrCat("http://127.0.0.1:", port, "/rows?token=hidden");
    request.shown = ShownUrl(request.url);
    request.allow_private = allow_private;
    return request;
  }
  int port = 0;
  std::string asked;

 private:
  int listener_ = -1;
  std::thread thread_;
};

TEST(CurlTransportTest, ReadsAnAnswer) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n[{}]");
  HttpRequest request = server.Request();
  request.headers = {{"Authorization", "Bearer hidden"}, {"X-Empty", ""}};
  const auto answer = CurlTransport().Send(request, nullptr);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "[{}]");
  EXPECT_TRUE(answer->complete);
  EXPECT_EQ(answer->Header("content-type"), "application/json");
  EXPECT_THAT(server.asked, HasSubstr("GET /rows?token=hidden HTTP/1.1\r\n"));
  EXPECT_THAT(server.asked, HasSubstr("Authorization: Bearer hidden\r\n"));
}

TEST(CurlTransportTest, ABodyThatIsCutIsSeen) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{\"a\":1},");
  const auto answer = CurlTransport().Send(server.Request(), nullptr);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->complete);
  EXPECT_EQ(answer->body, "[{\"a\":1},");
}

TEST(CurlTransportTest, ARedirectIsAnAnswer) {
  OneAnswer server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(CurlTransport().Send(server.Request(), nullptr)->status, 302);
}

TEST(CurlTransportTest, ALargeBodyIsRefused) {
  OneAnswer server(StrCat("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n", std::string(5'000'000, 'x')));
  HttpRequest request = server.Request();
  request.max_bytes = 1 << 20;
  EXPECT_EQ(CurlTransport().Send(request, nullptr).status().code(), ErrorCode::kData);
}

TEST(CurlTransportTest, APrivateAddressIsRefusedWhateverItsName) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  for (const char* host : {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"}) {
    HttpRequest request = server.Request(false);
    request.url = StrCat("http://", host, ":", server.port, "/rows?token=hidden");
    request.shown = ShownUrl(request.url);
    const Status status = CurlTransport().Send(request, nullptr).status();
    EXPECT_EQ(status.code(), ErrorCode::kInvalid) << host << ": " << status;
    EXPECT_THAT(status.ToString(), HasSubstr("allow_private")) << host;
    EXPECT_THAT(status.ToString(), Not(HasSubstr("hidden")));
  }
  EXPECT_EQ(server.asked, "");
}

TEST(CurlTransportTest, NoServerAndNoUrlAreErrors) {
  HttpRequest request;
  request.allow_private = true;
  request.url = "http://127.0.0.1:1/?token=hidden";
  request.shown = ShownUrl(request.url);
  const Status refused = CurlTransport().Send(request, nullptr).status();
  EXPECT_EQ(refused.code(), ErrorCode::kBusy) << refused;
  EXPECT_THAT(refused.ToString(), Not(HasSubstr("hidden")));
  request.url = "file:///etc/passwd";
  EXPECT_EQ(CurlTransport().Send(request, nullptr).status().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace headrace

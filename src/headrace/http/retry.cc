#include "headrace/http/retry.h"

#include <algorithm>
#include <array>

#include "headrace/base/text.h"
#include "headrace/table/value.h"

namespace headrace {

namespace {
/// In small steps, so that an interrupt is not waited out. False: cancelled.
bool Wait(std::int64_t micros, Clock& clock, const std::function<bool()>& cancelled) {
  constexpr std::int64_t kStep = 100'000;
  const std::int64_t end = clock.MonotonicMicros() + micros;
  for (std::int64_t left = micros; left > 0; left = end - clock.MonotonicMicros()) {
    if (cancelled && cancelled()) return false;
    clock.Sleep(std::min(left, kStep));
  }
  return true;
}
}  // namespace

bool MayPass(int status) { return status == 408 || status == 425 || status == 429 || (status >= 500 && status < 600); }

std::int64_t JitteredBackoff(std::int64_t attempt, std::int64_t backoff_us, std::int64_t max_us, Random& random) {
  std::int64_t longest = backoff_us;
  for (std::int64_t i = 1; i < attempt && longest < max_us; ++i) longest *= 2;
  longest = std::min(longest, max_us);
  return longest <= 0 ? 0 : static_cast<std::int64_t>(random.Next() % static_cast<std::uint64_t>(longest + 1));
}

std::optional<std::int64_t> RetryAfterMicros(std::string_view value, std::int64_t now_us) {
  constexpr std::int64_t kSecond = 1'000'000, kMost = 366LL * 86'400;
  value = Trim(value);
  std::int64_t seconds = 0;
  if (ParseInt(value, &seconds)) return seconds < 0 ? std::nullopt : std::optional(std::min(seconds, kMost) * kSecond);
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (value.size() != 29 || !value.ends_with(" GMT")) return std::nullopt;      // "Wed, 21 Oct 2015 07:28:00 GMT"
  const auto month = std::find(kMonths.begin(), kMonths.end(), value.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  const std::string number = StrCat(month - kMonths.begin() + 1);
  const Result<std::int64_t> at = ParseTimestamp(StrCat(value.substr(12, 4), "-", number.size() == 1 ? "0" : "", number, "-", value.substr(5, 2), " ", value.substr(17, 8)));
  if (!at.ok()) return std::nullopt;
  return std::clamp<std::int64_t>(*at - now_us, 0, kMost * kSecond);
}

Result<HttpResponse> SendWithRetry(Transport& transport, const HttpRequest& request, const HttpRetry& retry, Clock& clock, Random& random,
                                   const std::function<bool()>& cancelled) {
  for (std::int64_t attempt = 1;; ++attempt) {
    Result<HttpResponse> response = transport.Send(request, cancelled);
    const bool again = response.ok() ? !response->complete || MayPass(response->status) : response.status().code() == ErrorCode::kBusy;
    if (!again || attempt >= retry.attempts) return response;
    std::int64_t pause = JitteredBackoff(attempt, retry.backoff_us, retry.max_us, random);
    if (response.ok())
      if (const std::optional<std::int64_t> asked = RetryAfterMicros(response->Header("retry-after"), clock.NowMicros())) pause = *asked;
    if (pause > retry.longest_us) return response;
    if (!Wait(pause, clock, cancelled)) return Error(ErrorCode::kInterrupted, "interrupted while waiting to ask ", request.shown, " again");
  }
}

}  // namespace headrace

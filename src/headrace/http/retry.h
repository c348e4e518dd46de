#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "headrace/base/clock.h"
#include "headrace/http/transport.h"

namespace headrace {

/// How often a request is sent, and how long it waits in between: as long as the answer's Retry-After says, else a random time up to backoff, 2 x backoff, ... up to max.
struct HttpRetry {
  std::int64_t attempts = 4;
  std::int64_t backoff_us = 1'000'000, max_us = 60'000'000;
  std::int64_t longest_us = 300'000'000;        ///< an answer that asks for a longer pause is the last one
};

/// Whether a status may be another one later: 408, 425, 429 and 5xx.
bool MayPass(int status);

/// Send until an answer is good, is an error for good, or the attempts are used up; the last answer, or the last error when there was none.
/// kInterrupted when `cancelled` says yes, also between two attempts.
Result<HttpResponse> SendWithRetry(Transport& transport, const HttpRequest& request, const HttpRetry& retry, Clock& clock, Random& random,
                                   const std::function<bool()>& cancelled);

/// The pause that a Retry-After header asks for: "120", or "Wed, 21 Oct 2015 07:28:00 GMT"; nullopt when it reads as neither.
std::optional<std::int64_t> RetryAfterMicros(std::string_view value, std::int64_t now_us);

/// A random time in [0, min(max, backoff x 2^(attempt - 1))], so that those that failed together do not come back together (Brooker 2015, "full jitter").
std::int64_t JitteredBackoff(std::int64_t attempt, std::int64_t backoff_us, std::int64_t max_us, Random& random);

}  // namespace headrace

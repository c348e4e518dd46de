#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "headrace/base/status.h"

namespace headrace {

/// "v1,BASE64": one signature of a webhook's message as Standard Webhooks 1.0 has it, HMAC-SHA256 of "id.seconds.body". `secret` is base64, with or
/// without `whsec_` in front. kInvalid, without a part of it, when it is not.
Result<std::string> WebhookSignature(std::string_view secret, std::string_view id, std::int64_t seconds, std::string_view body);

std::string Base64(std::string_view bytes);

}  // namespace headrace

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

struct HttpRequest {
  std::string method = "GET";
  std::string url;                              ///< may hold a secret: errors speak of `shown`
  std::string shown;                            ///< "https://api.example/v1/rows", "secret OPS_WEBHOOK"
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::int64_t timeout_us = 60'000'000, connect_timeout_us = 10'000'000;
  std::int64_t max_bytes = 256 << 20;           ///< of the answer's body, on the wire and unpacked
  bool allow_private = false;                   ///< also addresses that are not of the public internet (address.h)
};

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;   ///< names in lower case, in order
  std::string body;                             ///< unpacked
  bool complete = true;                         ///< false: the connection ended before the body did

  std::string_view Header(std::string_view lower_case_name) const;   ///< "" = none
};

/// A message for an SMTP server. `text` is the whole message, headers and body, lines ended by CR LF.
struct MailRequest {
  std::string url;                              ///< smtp://host:port, or smtps:// for TLS from the first byte
  std::string shown;
  std::string user, password;                   ///< "" = none
  std::string from;
  std::vector<std::string> to;
  std::string text;
  bool starttls = true;                         ///< smtp://: refuse to go on without TLS
  std::int64_t timeout_us = 30'000'000;
  bool allow_private = false;
};

/// Sends one request and waits for its answer. Whatever status the server gives is an answer, not an error.
///
/// kBusy: no connection, no name found, no answer in time; it may pass. kInvalid: no URL, the library is missing, or an address that is
/// refused. kData: an answer larger than max_bytes. kInterrupted: `cancelled` said yes; it is asked about once a second.
///
/// Threads: any number may call.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Result<HttpResponse> Send(const HttpRequest& request, const std::function<bool()>& cancelled) = 0;
  /// kFailed: the server refused the message for good.
  virtual Status SendMail(const MailRequest& mail, const std::function<bool()>& cancelled) = 0;
};

/// By libcurl, loaded when the first request is sent. No redirect is followed, no proxy used; names are resolved once, and the very address that
/// is connected to is judged. SSL_CERT_FILE names other certificates to trust than the system's.
Transport& CurlTransport();

/// `url` as people may see it: without user, password, query and fragment.
std::string ShownUrl(std::string_view url);

}  // namespace headrace

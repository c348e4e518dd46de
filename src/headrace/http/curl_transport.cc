// One easy handle a request: requests are few, and a handle of its own shares nothing with others. The guard stands in the callback that opens the socket: curl hands it
// the very address it is about to connect to, so there is no second look-up that could answer otherwise. Errors are worded from curl's codes, never
// from its error buffer, which quotes the URL.

#include <sys/socket.h>

#include <cstdlib>

#include "headrace/base/text.h"
#include "headrace/http/address.h"
#include "headrace/http/libcurl_internal.h"
#include "headrace/http/transport.h"

namespace headrace {

namespace {
using internal::LibCurl;

/// What the callbacks of one transfer share.
struct Transfer {
  const std::function<bool()>* cancelled = nullptr;
  std::int64_t max_bytes = 0;
  bool allow_private = false;
  std::string refused;                      // the address that was not connected to
  bool too_large = false, stopped = false;
  HttpResponse response;
  std::string_view upload;                  // what is still to be sent
};

extern "C" {
curl_socket_t HeadraceOpenSocket(void* data, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(data);
  if (!transfer.allow_private && !IsPublicAddress(address->addr)) {
    transfer.refused = AddressText(address->addr);
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t HeadraceWrite(char* bytes, std::size_t, std::size_t count, void* data) {
  auto& transfer = *static_cast<Transfer*>(data);
  transfer.too_large = static_cast<std::int64_t>(transfer.response.body.size() + count) > transfer.max_bytes;
  if (transfer.too_large) return 0;
  transfer.response.body.append(bytes, count);
  return count;
}

std::size_t HeadraceHeader(char* bytes, std::size_t, std::size_t count, void* data) {
  auto& transfer = *static_cast<Transfer*>(data);
  const std::string_view line = Trim(std::string_view(bytes, count));
  if (line.starts_with("HTTP/")) transfer.response.headers.clear();      // of an interim answer (100)
  if (const std::size_t colon = line.find(':'); colon != std::string_view::npos && transfer.response.headers.size() < 1000)
    transfer.response.headers.emplace_back(ToLower(line.substr(0, colon)), Trim(line.substr(colon + 1)));
  return count;
}

std::size_t HeadraceRead(char* bytes, std::size_t size, std::size_t count, void* data) {
  auto& transfer = *static_cast<Transfer*>(data);
  const std::size_t take = std::min(size * count, transfer.upload.size());
  transfer.upload.copy(bytes, take);
  transfer.upload.remove_prefix(take);
  return take;
}

int HeadraceProgress(void* data, curl_off_t, curl_off_t wire_bytes, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(data);
  transfer.too_large = transfer.too_large || wire_bytes > transfer.max_bytes;
  transfer.stopped = *transfer.cancelled && (*transfer.cancelled)();
  return transfer.too_large || transfer.stopped ? 1 : 0;
}
}

/// One easy handle and its lists, freed together.
class Handle {
 public:
  Handle(const LibCurl& curl, Transfer& transfer) : curl_(curl), easy_(curl.init()) {
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_PROXY, "");
    Set(CURLOPT_OPENSOCKETFUNCTION, &HeadraceOpenSocket);
    Set(CURLOPT_OPENSOCKETDATA, &transfer);
    Set(CURLOPT_WRITEFUNCTION, &HeadraceWrite);
    Set(CURLOPT_WRITEDATA, &transfer);
    Set(CURLOPT_READFUNCTION, &HeadraceRead);
    Set(CURLOPT_READDATA, &transfer);
    Set(CURLOPT_NOPROGRESS, 0L);
    Set(CURLOPT_XFERINFOFUNCTION, &HeadraceProgress);
    Set(CURLOPT_XFERINFODATA, &transfer);
    if (const char* certificates = std::getenv("SSL_CERT_FILE"); certificates != nullptr && *certificates != '\0') Set(CURLOPT_CAINFO, certificates);
  }
  ~Handle() {
    curl_.cleanup(easy_);
    for (curl_slist* list : lists_) curl_.free_list(list);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  template <typename Value>
  void Set(CURLoption option, Value value) {
    static_cast<void>(curl_.set(easy_, option, value));
  }
  void SetList(CURLoption option, const std::vector<std::string>& entries) {
    curl_slist* list = nullptr;
    for (const std::string& entry : entries) list = curl_.append(list, entry.c_str());
    lists_.push_back(list);
    Set(option, list);
  }
  CURLcode Perform() { return curl_.perform(easy_); }
  int ResponseCode() {
    long code = 0;
    static_cast<void>(curl_.info(easy_, CURLINFO_RESPONSE_CODE, &code));
    return static_cast<int>(code);
  }

 private:
  const LibCurl& curl_;
  CURL* easy_;
  std::vector<curl_slist*> lists_;
};

/// What went wrong with a transfer that did not end as it should.
Status Worded(const LibCurl& curl, CURLcode code, const Transfer& transfer, const std::string& shown, std::int64_t timeout_us) {
  if (transfer.stopped) return Error(ErrorCode::kInterrupted, "interrupted while talking to ", shown);
  if (transfer.too_large) return Error(ErrorCode::kData, "the answer of ", shown, " is larger than ", transfer.max_bytes >> 20, " MiB").WithHelp("ask it for fewer rows");
  if (!transfer.refused.empty() && code == CURLE_COULDNT_CONNECT)
    return Error(ErrorCode::kInvalid, shown, " leads to ", transfer.refused, ", which is no address of the public internet")
        .WithHelp("if that is meant, say `allow_private: true` beside the address");
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return Error(ErrorCode::kInvalid, shown, " is no address that can be used here: ", curl.error_text(code));
    case CURLE_PEER_FAILED_VERIFICATION: return Error(ErrorCode::kFailed, "the certificate of ", shown, " is not trusted").WithHelp("SSL_CERT_FILE names a file of certificates to trust");
    case CURLE_OPERATION_TIMEDOUT: return Error(ErrorCode::kBusy, shown, " did not answer within ", timeout_us / 1'000'000, " s");
    default: return Error(ErrorCode::kBusy, "cannot talk to ", shown, ": ", curl.error_text(code));
  }
}

class Curl final : public Transport {
 public:
  Result<HttpResponse> Send(const HttpRequest& request, const std::function<bool()>& cancelled) override {
    for (const auto& [name, value] : request.headers)
      if ((name + value).find_first_of("\r\n") != std::string::npos) return Error(ErrorCode::kInvalid, "the header `", name, "` for ", request.shown, " holds a line break");
    if (!request.url.starts_with("https://") && !request.url.starts_with("http://"))
      return Error(ErrorCode::kInvalid, request.shown, " is no address of a web server").WithHelp("it begins with https:// or http://");
    ASSIGN_OR_RETURN(const LibCurl* curl, LibCurl::Get());
    Transfer transfer;
    transfer.cancelled = &cancelled;
    transfer.max_bytes = request.max_bytes;
    transfer.allow_private = request.allow_private;
    Handle handle(*curl, transfer);
    handle.Set(CURLOPT_URL, request.url.c_str());
    handle.Set(CURLOPT_PROTOCOLS_STR, "http,https");
    handle.Set(CURLOPT_HEADERFUNCTION, &HeadraceHeader);
    handle.Set(CURLOPT_HEADERDATA, &transfer);
    handle.Set(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    handle.Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_us / 1000));
    handle.Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout_us / 1000));
    std::vector<std::string> headers = {"Expect:", "User-Agent: headrace"};
    for (const auto& [name, value] : request.headers) headers.push_back(value.empty() ? name + ";" : StrCat(name, ": ", value));
    handle.SetList(CURLOPT_HTTPHEADER, headers);
    if (request.method != "GET") {
      handle.Set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
      handle.Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      handle.Set(CURLOPT_POSTFIELDS, request.body.data());
    }
    const CURLcode code = handle.Perform();
    transfer.response.status = handle.ResponseCode();
    const bool cut = transfer.response.status != 0 && !transfer.too_large && !transfer.stopped &&
                     (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_BAD_CONTENT_ENCODING || code == CURLE_HTTP2_STREAM);
    transfer.response.complete = !cut;
    if (code != CURLE_OK && !cut) return Worded(*curl, code, transfer, request.shown, request.timeout_us);
    return std::move(transfer.response);
  }

  Status SendMail(const MailRequest& mail, const std::function<bool()>& cancelled) override {
    if (!mail.url.starts_with("smtp://") && !mail.url.starts_with("smtps://"))
      return Error(ErrorCode::kInvalid, mail.shown, " is no address of a mail server").WithHelp("it begins with smtps:// or smtp://");
    ASSIGN_OR_RETURN(const LibCurl* curl, LibCurl::Get());
    Transfer transfer;
    transfer.cancelled = &cancelled;
    transfer.max_bytes = 1 << 20;
    transfer.allow_private = mail.allow_private;
    transfer.upload = mail.text;
    Handle handle(*curl, transfer);
    handle.Set(CURLOPT_URL, mail.url.c_str());
    handle.Set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    handle.Set(CURLOPT_USE_SSL, static_cast<long>(mail.starttls ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    handle.Set(CURLOPT_TIMEOUT_MS, static_cast<long>(mail.timeout_us / 1000));
    if (!mail.user.empty()) {
      handle.Set(CURLOPT_USERNAME, mail.user.c_str());
      handle.Set(CURLOPT_PASSWORD, mail.password.c_str());
    }
    handle.Set(CURLOPT_MAIL_FROM, mail.from.c_str());
    handle.SetList(CURLOPT_MAIL_RCPT, mail.to);
    handle.Set(CURLOPT_UPLOAD, 1L);
    const CURLcode code = handle.Perform();
    if (code == CURLE_OK) return Ok();
    if (code == CURLE_USE_SSL_FAILED) return Error(ErrorCode::kFailed, mail.shown, " does not offer TLS").WithHelp("use an smtps:// address; `starttls: off` sends in the open");
    if (code == CURLE_LOGIN_DENIED) return Error(ErrorCode::kInvalid, mail.shown, " does not accept the user or the password");
    const int answer = handle.ResponseCode();
    if (answer >= 500 && answer < 600) return Error(ErrorCode::kFailed, mail.shown, " refused the message with ", answer);
    return Worded(*curl, code, transfer, mail.shown, mail.timeout_us);
  }
};
}  // namespace

std::string_view HttpResponse::Header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return "";
}

Transport& CurlTransport() {
  static Curl transport;
  return transport;
}

std::string ShownUrl(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t host = scheme + 3, path = std::min(url.find('/', host), url.size());
  const std::size_t at = url.substr(0, path).rfind('@');
  return at == std::string_view::npos || at < host ? std::string(url) : StrCat(url.substr(0, host), url.substr(at + 1));
}

}  // namespace headrace

// One GET, judged before anybody reads rows in it: a rate limit, a sign-in page or half an answer must end the step, and say what came. The rows become lines of JSON and
// go through the same door as a file of them, so that a contract types them alike.

#include <algorithm>

#include "headrace/base/files.h"
#include "headrace/http/json_rows.h"
#include "headrace/http/retry.h"
#include "headrace/step/step_internal.h"

namespace headrace {

namespace {
constexpr std::string_view kHidden = "...";
constexpr std::size_t kShown = 80;

bool IsWordChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("_-+/=.@%").find(c) != std::string_view::npos; }

/// Words that may be a key, a token, an address or a number of somebody: with an @, or long with digits in it.
std::string WithoutOddWords(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && IsWordChar(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    const auto digits = std::count_if(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
    const bool odd = word.find('@') != std::string_view::npos || digits >= 7 || (word.size() >= 16 && digits > 0) || word.size() >= 40;
    out += odd ? kHidden : word;
    if (end < text.size()) out += static_cast<unsigned char>(text[end]) < ' ' ? ' ' : text[end];
    at = end + 1;
  }
  return out;
}

/// What looks like JSON with rows in it: its keys, not its values.
std::string KeysOnly(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      std::size_t end = at + 1;
      while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
      std::size_t next = end;
      while (next < text.size() && text[next] == ' ') ++next;
      if (next < text.size() && text[next] == ':') out += text.substr(at, end - at);
      else out += kHidden;
      at = end;
    } else if (std::string_view("{}[]:, ").find(c) != std::string_view::npos) {
      out += c;
      ++at;
    } else {
      while (at < text.size() && std::string_view("{}[]:,\" ").find(text[at]) == std::string_view::npos) ++at;
      out += kHidden;
    }
  }
  return out;
}

/// The first 80 characters of a body, as they may stand in an error.
std::string Beginning(const HttpResponse& answer, const std::vector<std::string>& secrets) {
  std::string text = answer.body.substr(0, 4 * kShown);
  for (const std::string& secret : secrets)
    if (secret.size() > 3) text = ReplaceAll(text, secret, kHidden);
  const bool rows = answer.status < 400 && !text.empty() && (Trim(text).starts_with('{') || Trim(text).starts_with('['));
  text = rows ? KeysOnly(Trim(text)) : WithoutOddWords(Trim(text));
  if (!IsUtf8(text)) std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 126; }, '?');
  if (text.size() > kShown) {
    std::size_t end = kShown;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text.resize(end);
  }
  return text;
}

/// "200, text/html, which begins: <html>".
std::string Came(const HttpResponse& answer, const std::vector<std::string>& secrets) {
  const std::string_view type = answer.Header("content-type");
  const std::string begins = Beginning(answer, secrets);
  return StrCat(answer.status, ", ", type.empty() ? "no content type" : std::string(type.substr(0, 60)), ", ",
                answer.body.empty() ? std::string("without a body") : StrCat(answer.body.size(), " bytes that begin: ", begins));
}

bool MayBeJson(std::string_view content_type) {
  const std::string type = ToLower(Trim(content_type.substr(0, content_type.find(';'))));
  return type.empty() || type == "application/json" || type.ends_with("+json") || type == "text/json" || type == "text/plain" || type == "application/octet-stream";
}

/// What `${...}` put into a URL and no URL may hold, such as the blank in a timestamp.
std::string Encoded(std::string_view url) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 127 && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos) out += c;
    else out += StrCat("%", kHex[byte >> 4], kHex[byte & 15]);
  }
  return out;
}

struct Asked {
  HttpRequest request;
  std::vector<std::string> secrets;
};

Result<Asked> RequestOf(const StepContext& context, const ApiSpec& spec) {
  Asked asked;
  const auto load = [&](const TextOrSecret& value) -> Result<std::string> {
    ASSIGN_OR_RETURN(const Secret secret, Load(value, context.run->variables));
    if (!value.secret.empty()) asked.secrets.push_back(secret.Reveal());
    return secret.Reveal();
  };
  ASSIGN_OR_RETURN(const std::string url, load(spec.url));
  asked.request.url = Encoded(url);
  asked.request.shown = spec.url.secret.empty() ? ShownUrl(spec.url.text) : StrCat("secret ", spec.url.secret);
  asked.request.allow_private = spec.allow_private;
  asked.request.timeout_us = 300'000'000;
  asked.request.headers.emplace_back("Accept", "application/json");
  for (const auto& [name, value] : spec.headers) {
    if (ToLower(name) == "accept") asked.request.headers.clear();
    ASSIGN_OR_RETURN(std::string text, load(value));
    asked.request.headers.emplace_back(name, std::move(text));
  }
  return asked;
}

Status Judge(const HttpResponse& answer, const Asked& asked) {
  const auto error = [&](ErrorCode code, const auto&... what) { return Error(code, asked.request.shown, " ", what..., ": it gave ", Came(answer, asked.secrets)); };
  if (!answer.complete) return error(ErrorCode::kData, "broke off before the end of its answer");
  if (MayPass(answer.status)) return error(ErrorCode::kBusy, answer.status == 429 ? "says that it was asked too often" : "does not answer as it should").WithHelp("nothing was read; run again later");
  if (answer.status == 401 || answer.status == 403) return error(ErrorCode::kData, "does not let us in").WithHelp("look at the secrets that its `headers` name");
  if (answer.status >= 300 && answer.status < 400) return error(ErrorCode::kData, "sends us elsewhere, which is not followed").WithHelp("write the address that it leads to under `url`");
  if (answer.status != 200) return error(ErrorCode::kData, "answered with an error");
  if (!MayBeJson(answer.Header("content-type"))) return error(ErrorCode::kData, "was to give JSON and gave something else").WithHelp("a page of HTML with status 200 is most often a sign-in or an error page");
  return Ok();
}
}  // namespace

Result<ApiAnswer> AskApi(const StepContext& context, const ApiSpec& spec) {
  ASSIGN_OR_RETURN(const JsonPath path, JsonPath::Parse(spec.rows));
  ASSIGN_OR_RETURN(const Asked asked, RequestOf(context, spec));
  if (context.progress) context.progress(StrCat("asking ", asked.request.shown), 0.1);
  ASSIGN_OR_RETURN(const HttpResponse answer, SendWithRetry(CurlTransport(), asked.request, {}, *context.run->clock, *context.run->random, context.cancelled));
  RETURN_IF_ERROR(Judge(answer, asked));
  Result<std::vector<std::string>> rows = JsonRows(answer.body, path);
  const auto came = [&] { return StrCat(asked.request.shown, " gave ", Came(answer, asked.secrets)); };
  if (!rows.ok()) return Error(ErrorCode::kData, rows.status().message(), ": ", came()).WithHelp(StrCat("`rows: ", spec.rows, "` says where the rows lie"));
  if (rows->empty() && !context.step->as<ExtractSpec>().empty_allowed) return Error(ErrorCode::kData, "the list `", spec.rows, "` is empty: ", came()).WithHelp("an API that gives no row most often failed in silence; where none is fine, say `empty: allow` under `extract`");
  ApiAnswer out{context.store().ScratchPath(".body"), context.store().ScratchPath(".jsonl"), rows->size()};
  RETURN_IF_ERROR(WriteFileAtomically(out.body_file, answer.body));
  RETURN_IF_ERROR(WriteFileAtomically(out.rows_file, rows->empty() ? std::string() : Join(*rows, "\n") + "\n"));
  return out;
}

}  // namespace headrace

#include <algorithm>
#include <charconv>
#include <limits>

#include "headrace/base/text.h"
#include "headrace/model/json_cursor_internal.h"

namespace headrace::internal {
namespace {

bool ParseFloat(std::string_view word, float* out) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (word == "NaN") return *out = std::numeric_limits<float>::quiet_NaN(), true;
  if (word == "Infinity") return *out = kInfinity, true;
  if (word == "-Infinity") return *out = -kInfinity, true;
  if (word.empty() || word.find_first_not_of("+-.0123456789eE") != std::string_view::npos) return false;
  const char* const end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, *out);
  return error == std::errc() && rest == end;
}

}  // namespace

Status JsonCursor::Object(const std::vector<Member>& members) {
  std::vector<bool> seen(members.size(), false);
  RETURN_IF_ERROR(Object([&](std::string_view key) -> Status {
    const auto member = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.name == key; });
    if (member == members.end()) return Error(ErrorCode::kInvalid, "is not expected here");
    std::vector<bool>::reference known = seen[static_cast<std::size_t>(member - members.begin())];
    if (known) return Error(ErrorCode::kInvalid, "is there twice");
    known = true;
    return member->read();
  }));
  for (std::size_t i = 0; i < members.size(); ++i)
    if (!seen[i]) return Error(ErrorCode::kInvalid, members[i].name, " is missing");
  return Ok();
}

Status JsonCursor::Object(const std::function<Status(std::string_view key)>& read) {
  if (!Take('{')) return Expected("an object");
  if (Take('}')) return Ok();
  do {
    ASSIGN_OR_RETURN(const std::string_view key, Text());
    if (!Take(':')) return Expected("\":\"");
    Status status = read(key);
    if (!status.ok()) return std::move(status).WithContext(key.substr(0, 40));
  } while (Take(','));
  return Take('}') ? Ok() : Expected("\",\" or \"}\"");
}

Status JsonCursor::Array(const std::function<Status()>& read) {
  if (!Take('[')) return Expected("an array");
  if (Take(']')) return Ok();
  do {
    RETURN_IF_ERROR(read());
  } while (Take(','));
  return Take(']') ? Ok() : Expected("\",\" or \"]\"");
}

Status JsonCursor::Empty() { return Take('[') && Take(']') ? Ok() : Expected("an empty array"); }

Result<std::string_view> JsonCursor::Text() {
  if (!Take('"')) return Expected("a text");
  const std::size_t end = text_.find_first_of("\"\\", at_);
  if (end == std::string_view::npos || text_[end] != '"') return Expected("a text without escapes");
  const std::string_view text = text_.substr(at_, end - at_);
  at_ = end + 1;
  return text;
}

Status JsonCursor::Int(std::int64_t low, std::int64_t high, std::int64_t* out) {
  Blanks();
  const std::string_view word = Word();
  const char* const end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, *out);
  if (error == std::errc() && rest == end && *out >= low && *out <= high) return Ok();
  return Expected(StrCat("a whole number from ", low, " to ", high));
}

Status JsonCursor::Ints(std::int64_t low, std::int64_t high, std::vector<std::int64_t>* out) {
  out->clear();
  return Array([&] { return Int(low, high, &out->emplace_back()); });
}

Status JsonCursor::Floats(std::vector<float>* out) {
  out->clear();
  return Array([&] {
    Blanks();
    return ParseFloat(Word(), &out->emplace_back()) ? Ok() : Expected("a number");
  });
}

Status JsonCursor::End() {
  Blanks();
  return at_ == text_.size() ? Ok() : Expected("the end");
}

void JsonCursor::Blanks() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
}

bool JsonCursor::Take(char expected) {
  Blanks();
  if (at_ >= text_.size() || text_[at_] != expected) return false;
  ++at_;
  return true;
}

std::string_view JsonCursor::Word() {
  const std::size_t from = at_;
  while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != ']' && text_[at_] != '}' && text_[at_] > ' ') ++at_;
  return text_.substr(from, at_ - from);
}

Status JsonCursor::Expected(std::string_view what) const {
  return Error(ErrorCode::kInvalid, "expected ", what, " at byte ", at_, ", found \"", text_.substr(std::min(at_, text_.size()), 20), "\"");
}

}  // namespace headrace::internal

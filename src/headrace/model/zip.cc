// PKWARE APPNOTE 6.3: local headers with their data, then the central directory, then its end record. All of it
// little-endian.
#include "headrace/model/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>

#include "headrace/base/text.h"

namespace headrace {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 30;
constexpr std::size_t kMostMembers = 64;
constexpr std::size_t kLocalHeader = 30;
constexpr std::uint32_t kLocalSignature = 0x04034b50, kCentralSignature = 0x02014b50, kEndSignature = 0x06054b50;
constexpr std::uint16_t kVersion = 20, kDate1980 = (1 << 5) | 1;

void Put16(std::string* out, std::size_t value) {
  *out += static_cast<char>(value & 0xFF);
  *out += static_cast<char>((value >> 8) & 0xFF);
}
void Put32(std::string* out, std::size_t value) {
  Put16(out, value & 0xFFFF);
  Put16(out, (value >> 16) & 0xFFFF);
}
std::uint32_t Get(std::string_view bytes, std::size_t at, int size) {
  std::uint32_t value = 0;
  for (int i = size; i-- > 0;)
    value = (value << 8) | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  return value;
}

std::uint32_t Crc(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// What local and central headers share, from "version needed" to the length of the extra field.
void PutCommon(std::string* out, const ZipEntry& member) {
  Put16(out, kVersion);
  Put16(out, 0);  // flags
  Put16(out, 0);  // stored
  Put16(out, 0);  // 00:00:00
  Put16(out, kDate1980);
  Put32(out, member.checksum);
  Put32(out, member.bytes.size());
  Put32(out, member.bytes.size());
  Put16(out, member.name.size());
  Put16(out, 0);  // no extra field
}

bool PlainName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

/// take(piece) for all that a zip of these entries consists of, in order.
template <typename Take>
void ForPieces(std::span<const ZipEntry> entries, const Take& take) {
  std::string local, central;
  std::size_t start = 0;
  for (const ZipEntry& entry : entries) {
    local.clear();
    Put32(&local, kLocalSignature);
    PutCommon(&local, entry);
    local += entry.name;
    take(std::string_view(local));
    take(entry.bytes);
    Put32(&central, kCentralSignature);
    Put16(&central, kVersion);
    PutCommon(&central, entry);
    Put16(&central, 0);  // no comment
    Put16(&central, 0);  // disk
    Put16(&central, 0);  // internal attributes
    Put32(&central, 0);  // external attributes
    Put32(&central, start);
    central += entry.name;
    start += local.size() + entry.bytes.size();
  }
  const std::size_t size = central.size();
  Put32(&central, kEndSignature);
  Put16(&central, 0);
  Put16(&central, 0);
  Put16(&central, entries.size());
  Put16(&central, entries.size());
  Put32(&central, size);
  Put32(&central, start);
  Put16(&central, 0);
  take(std::string_view(central));
}

}  // namespace

std::string WriteZip(const std::vector<ZipMember>& members) {
  std::vector<ZipEntry> entries;
  std::size_t size = 256;
  for (const ZipMember& member : members) {
    entries.push_back({member.name, member.bytes, Crc(member.bytes)});
    size += member.bytes.size() + 256;
  }
  std::string out;
  out.reserve(size);
  ForPieces(entries, [&](std::string_view piece) { out += piece; });
  return out;
}

bool IsZipOf(std::string_view bytes, std::span<const ZipEntry> entries) {
  std::string_view rest = bytes;
  bool same = true;
  ForPieces(entries, [&](std::string_view piece) {
    same = same && ((rest.data() == piece.data() && rest.size() >= piece.size()) || rest.starts_with(piece));
    rest.remove_prefix(std::min(piece.size(), rest.size()));
  });
  return same && rest.empty();
}

Result<std::vector<ZipEntry>> ReadZip(std::string_view bytes) {
  if (bytes.size() > kMostBytes) return Error(ErrorCode::kInvalid, "is larger than 1 GiB");
  if (bytes.size() < 4 || Get(bytes, 0, 4) != kLocalSignature) return Error(ErrorCode::kInvalid, "is not a zip file");
  std::vector<ZipEntry> members;
  std::size_t at = 0;
  while (at + 4 <= bytes.size() && Get(bytes, at, 4) == kLocalSignature) {
    if (members.size() == kMostMembers) return Error(ErrorCode::kInvalid, "has more than ", kMostMembers, " members");
    if (at + kLocalHeader > bytes.size())
      return Error(ErrorCode::kInvalid, "is cut off in the header of its member ", members.size() + 1);
    const std::uint32_t flags = Get(bytes, at + 6, 2), method = Get(bytes, at + 8, 2), crc = Get(bytes, at + 14, 4);
    const std::size_t packed = Get(bytes, at + 18, 4), size = Get(bytes, at + 22, 4),
                      name_size = Get(bytes, at + 26, 2), extra = Get(bytes, at + 28, 2);
    if (name_size > 64 || name_size + extra > bytes.size() - at - kLocalHeader)
      return Error(ErrorCode::kInvalid, "has a damaged header in its member ", members.size() + 1);
    const std::string name(bytes.substr(at + kLocalHeader, name_size));
    if (!PlainName(name)) return Error(ErrorCode::kInvalid, "has a member with an odd name");
    if (method != 0 || flags != 0 || extra != 0 || packed != size)
      return Error(ErrorCode::kInvalid, "was packed by another program: member `", name,
                   "` is compressed, encrypted or carries extra fields");
    const std::size_t data = at + kLocalHeader + name_size;
    if (size > bytes.size() - data) return Error(ErrorCode::kInvalid, "is cut off in member `", name, "`");
    const std::string_view content = bytes.substr(data, size);
    if (Crc(content) != crc)
      return Error(ErrorCode::kInvalid, "is damaged: member `", name, "` does not match its checksum");
    for (const ZipEntry& other : members)
      if (other.name == name) return Error(ErrorCode::kInvalid, "has member `", name, "` twice");
    members.push_back({name, content, crc});
    at = data + size;
  }
  return members;
}

}  // namespace headrace

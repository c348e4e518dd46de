#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "headrace/base/status.h"

namespace headrace {

/// A file inside a zip.
struct ZipMember {
  std::string name;  ///< ASCII, no folders
  std::string bytes;
};

/// A member where it lies in a zip, of which `bytes` is a part.
struct ZipEntry {
  std::string name;
  std::string_view bytes;
  std::uint32_t checksum = 0;  ///< CRC-32
};

/// The one zip of these members, in this order: stored, dated 1980-01-01 00:00, no extra fields, no comments. Equal
/// members give equal bytes. REQUIRES: less than 1 GiB together, plain unique names.
std::string WriteZip(const std::vector<ZipMember>& members);

/// Find the members of a zip that WriteZip might have written, each against its CRC-32, looking at no more than is
/// announced and there. kInvalid: not a zip, cut off, compressed, encrypted, a damaged member (named), odd names, above
/// 1 GiB. It does not read the directory at the end: a caller asks IsZipOf, which leaves no byte unread.
Result<std::vector<ZipEntry>> ReadZip(std::string_view bytes);

/// Whether `bytes` are what WriteZip makes of their entries.
bool IsZipOf(std::string_view bytes, std::span<const ZipEntry> entries);

}  // namespace headrace

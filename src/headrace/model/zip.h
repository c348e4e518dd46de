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

/// The one zip of these members, in this order: stored, dated 1980-01-01 00:00, no extra fields, no comments. Equal
/// members give equal bytes. `checksums` are the members' CRC-32, where they are known, or empty. REQUIRES: less than
/// 1 GiB together, plain unique names.
std::string WriteZip(const std::vector<ZipMember>& members, std::span<const std::uint32_t> checksums = {});

/// Read the members of a zip that WriteZip might have written, each against its CRC-32, looking at no more than is
/// announced and there. kInvalid: not a zip, cut off, compressed, encrypted, a damaged member (named), odd names, above
/// 1 GiB. It does not read the directory at the end: a caller compares WriteZip of the answer with the bytes, which
/// leaves no byte unread.
/// `checksums` (may be null) gets the members' CRC-32.
Result<std::vector<ZipMember>> ReadZip(std::string_view bytes, std::vector<std::uint32_t>* checksums = nullptr);

}  // namespace headrace

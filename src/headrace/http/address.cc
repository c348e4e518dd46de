#include "headrace/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace headrace {

namespace {
struct Range4 {
  std::uint32_t address;
  int bits;
};

constexpr std::uint32_t V4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) { return a << 24 | b << 16 | c << 8 | d; }

/// IANA's registry of special-purpose IPv4 addresses that are not globally reachable, and multicast.
constexpr std::array<Range4, 16> kNotPublic = {{
    {V4(0, 0, 0, 0), 8},      {V4(10, 0, 0, 0), 8},      {V4(100, 64, 0, 0), 10},   {V4(127, 0, 0, 0), 8},   {V4(169, 254, 0, 0), 16}, {V4(172, 16, 0, 0), 12},
    {V4(192, 0, 0, 0), 24},   {V4(192, 0, 2, 0), 24},    {V4(192, 88, 99, 0), 24},  {V4(192, 168, 0, 0), 16}, {V4(198, 18, 0, 0), 15},  {V4(198, 51, 100, 0), 24},
    {V4(203, 0, 113, 0), 24}, {V4(224, 0, 0, 0), 4},     {V4(240, 0, 0, 0), 4},     {V4(255, 255, 255, 255), 32},
}};

bool IsPublic4(std::uint32_t address) {
  for (const Range4& range : kNotPublic)
    if ((address ^ range.address) >> (32 - range.bits) == 0) return false;
  return true;
}

using Bytes = std::array<std::uint8_t, 16>;

std::uint32_t Embedded(const Bytes& b, std::size_t at) { return V4(b[at], b[at + 1], b[at + 2], b[at + 3]); }

bool IsPublic6(const Bytes& b) {
  constexpr std::array<std::uint8_t, 12> kNat64 = {0, 0x64, 0xff, 0x9b};
  if (std::memcmp(b.data(), kNat64.data(), kNat64.size()) == 0) return IsPublic4(Embedded(b, 12));
  if (b[0] == 0x20 && b[1] == 0x02) return IsPublic4(Embedded(b, 2));                                  // 6to4
  if ((b[0] & 0xe0) != 0x20) return false;                                                             // only 2000::/3 is given out; loopback, mapped, fc00::/7, fe80::/10, ff00::/8 are not in it
  const bool special = b[0] == 0x20 && b[1] == 0x01 && b[2] < 0x02;                                    // 2001::/23: Teredo, ORCHID, benchmarks
  const bool documentation = (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8) || (b[0] == 0x3f && b[1] == 0xff && b[2] < 0x10);
  return !special && !documentation;
}
}  // namespace

bool IsPublicAddress(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    return IsPublic4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 v6;
  std::memcpy(&v6, &address, sizeof v6);
  Bytes bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return IsPublic6(bytes);
}

std::string AddressText(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

}  // namespace headrace

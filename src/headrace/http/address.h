#pragma once

#include <sys/socket.h>

#include <string>

namespace headrace {

/// Whether an address is one of the public internet: not loopback, private (RFC 1918), link-local, unique-local, shared (CGNAT), multicast, broadcast,
/// reserved or for documentation; not an IPv4 address in IPv6's clothes, but for NAT64 and 6to4 of a public one. Other families: no.
///
/// A URL of a project must not reach what only this machine or its network can see, such as a cloud's metadata service.
bool IsPublicAddress(const sockaddr& address);

/// "10.1.2.3", "::1".
std::string AddressText(const sockaddr& address);

}  // namespace headrace

#include "headrace/base/digest.h"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>

namespace headrace {
namespace {

// The library fails here only when memory is gone.
void Must(int ok) {
  if (ok != 1) std::abort();
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  Must(state_->context != nullptr);
  Must(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr));
}
Sha256::~Sha256() = default;

void Sha256::Update(std::string_view bytes) { Must(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size())); }

std::string Sha256::HexDigest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  Must(EVP_DigestFinal_ex(state_->context, digest.data(), &size));
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

std::string Sha256Hex(std::string_view bytes) {
  Sha256 sha;
  sha.Update(bytes);
  return sha.HexDigest();
}

}  // namespace headrace

// Messages made by libgcrypt, for the tests that hold each tier of SM4-GCM against it.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <vector>

#include "mifeng/crypto/sm4_gcm.h"
#include "sm4_gcm_gcrypt.h"

namespace mifeng::crypto {

using Tag = std::array<std::uint8_t, kGcmTagSize>;

struct OneTier {
  Sm4Tier tier;
  std::unique_ptr<Sm4GcmProvider> provider;
};

struct OpenSslDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

class Sm4GcmTiers : public ::testing::Test {
 protected:
  Sm4GcmTiers() {
    for (const Sm4Tier tier : kSm4Tiers)
      if (is_supported(tier)) tiers.push_back({tier, Sm4GcmProvider::create(tier).value()});
  }
  Bytes some(std::size_t size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
  }
  std::size_t below(std::size_t bound) { return random() % bound; }
  void new_message(std::size_t text_size, std::size_t additional_size) {
    key = some(kSm4KeySize);
    nonce = some(kGcmNonceSize);
    additional = some(additional_size);
    text = some(text_size);
    sealed.resize(text_size);
    reference_cipher()->seal(iv(), additional, text, sealed, tag);
    ASSERT_NO_FATAL_FAILURE(check_by_openssl());
  }
  // The second opinion: GCM's ciphertext is counter mode's from block 2 on (SP 800-38D clause 7.1). OpenSSL 3.0 has no
  // GCM of SM4.
  void check_by_openssl() {
    Bytes first = nonce;
    append_be(first, std::uint32_t{2});
    Bytes made(text.size());
    int size = 0;
    ASSERT_EQ(EVP_EncryptInit_ex(openssl.get(), EVP_sm4_ctr(), nullptr, key.data(), first.data()), 1);
    ASSERT_EQ(EVP_EncryptUpdate(openssl.get(), made.data(), &size, text.data(), static_cast<int>(text.size())), 1);
    ASSERT_TRUE(made == sealed);
  }
  std::unique_ptr<Sm4GcmCipher> reference_cipher() { return cipher_of(*reference); }
  std::unique_ptr<Sm4GcmCipher> cipher_of(Sm4GcmProvider& provider) const {
    return provider.cipher(Sm4Key(key.data(), kSm4KeySize)).value();
  }
  GcmNonce iv() const { return GcmNonce(nonce.data(), kGcmNonceSize); }

  // The message sealed and opened, each from `in` to `out`, which may be the same memory.
  void check(Sm4GcmCipher& cipher, MutableBytes in, MutableBytes out) {
    std::copy(text.begin(), text.end(), in.begin());
    Tag made{};
    cipher.seal(iv(), additional, in, out, made);
    ASSERT_TRUE(std::equal(sealed.begin(), sealed.end(), out.begin()));
    ASSERT_EQ(to_hex(made), to_hex(tag));
    std::copy(sealed.begin(), sealed.end(), in.begin());
    ASSERT_TRUE(cipher.open(iv(), additional, in, out, tag));
    ASSERT_TRUE(std::equal(text.begin(), text.end(), out.begin()));
  }

  // The same by every tier: from one buffer to the other, and in place. Both have room for the text.
  void check_each_tier(Bytes& one, Bytes& other) {
    for (const OneTier& tier : tiers) {
      const auto cipher = cipher_of(*tier.provider);
      const MutableBytes in = MutableBytes(one).first(text.size());
      ASSERT_NO_FATAL_FAILURE(check(*cipher, in, MutableBytes(other).first(text.size())))
          << to_string(tier.tier) << " " << text.size();
      ASSERT_NO_FATAL_FAILURE(check(*cipher, in, in)) << to_string(tier.tier) << " in place " << text.size();
    }
  }

  std::mt19937 random{20261};
  std::vector<OneTier> tiers;
  std::unique_ptr<Sm4GcmProvider> reference = create_gcrypt_provider().value();
  std::unique_ptr<EVP_CIPHER_CTX, OpenSslDeleter> openssl{EVP_CIPHER_CTX_new()};
  Bytes key, nonce, additional, text, sealed;
  Tag tag{};
};

}  // namespace mifeng::crypto

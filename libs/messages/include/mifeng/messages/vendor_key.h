// How a vendor's key in force hands over to the next one (spec/package.md, The vendor's next key).
#pragma once

#include <cstdint>
#include <string>

#include "mifeng/crypto/sm2.h"

namespace mifeng::messages {

// What the key in force signs. A signature for one vendor, platform or change is none for another.
struct VendorKeyChange {
  std::string platform;      // fingerprint of its identity key, as its card shows it
  std::string vendor;        // id
  std::uint64_t serial = 0;  // how many keys of this vendor were in force there before the new one
  crypto::Sm2PublicKey next;
};

Result<Bytes> sign_vendor_key_change(const VendorKeyChange& change, const crypto::Sm2PrivateKey& key_in_force);
// kVerificationFailed "bad-signature".
Result<void> verify_vendor_key_change(const VendorKeyChange& change, ByteView signature,
                                      const crypto::Sm2PublicKey& key_in_force);

}  // namespace mifeng::messages

#include "mifeng/messages/vendor_key.h"

#include "mifeng/crypto/statement.h"

namespace mifeng::messages {
namespace {

constexpr std::string_view kPurpose = "vendor-key";

std::string text_of(const VendorKeyChange& change) {
  return change.platform + "\n" + change.vendor + "\n" + std::to_string(change.serial) + "\n" +
         to_base64(change.next.point());
}

}  // namespace

Result<Bytes> sign_vendor_key_change(const VendorKeyChange& change, const crypto::Sm2PrivateKey& key_in_force) {
  const std::string text = text_of(change);
  return crypto::sign_statement(key_in_force, kPurpose, as_bytes(text));
}

Result<void> verify_vendor_key_change(const VendorKeyChange& change, ByteView signature,
                                      const crypto::Sm2PublicKey& key_in_force) {
  const std::string text = text_of(change);
  return crypto::verify_statement(key_in_force, kPurpose, as_bytes(text), signature);
}

}  // namespace mifeng::messages

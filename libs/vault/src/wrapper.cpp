#include "mifeng/vault/wrapper.h"

#include <algorithm>

#include "mifeng/crypto/kdf.h"
#include "mifeng/vault/master_key.h"

namespace mifeng::vault {
namespace {

constexpr std::size_t kSaltSize = 16;
// Of what is the same in both forms: salt || nonce || ciphertext || tag.
constexpr std::size_t kCiphertextOffset = kSaltSize + crypto::kGcmNonceSize;
constexpr std::size_t kOverhead = kCiphertextOffset + crypto::kGcmTagSize;

Error does_not_fit(const WrapLabel& label) {
  return Error(ErrorCode::kVerificationFailed, "wrapped-key-does-not-fit",
               "A stored secret (" + label.purpose +
                   ") does not open: the master key is another one, or what was stored was changed or moved. Start "
                   "with the master key that belongs to it, or restore a backup.");
}

Bytes platform_data(const WrapLabel& label) {
  return to_bytes("mifeng/v1/wrap\n" + label.purpose + "\n1\n" + to_hex(label.public_key));
}

Bytes gateway_data(const WrapLabel& label) {
  Bytes data = to_bytes("mifeng/v1/gateway-key/" + label.purpose);
  data.push_back(0);
  append(data, label.public_key);
  return data;
}

}  // namespace

struct Wrapper::Layout {
  Bytes prefix;
  std::string info;
  Bytes (*additional_data)(const WrapLabel&);
};

const Wrapper::Layout& Wrapper::layout_of(WrapForm form) {
  static const Layout platform{.prefix = {1}, .info = "mifeng/v1/wrap/", .additional_data = platform_data};
  static const Layout gateway{.prefix = {}, .info = "mifeng/v1/gateway-key/", .additional_data = gateway_data};
  return form == WrapForm::kPlatform ? platform : gateway;
}

Result<std::unique_ptr<Wrapper>> Wrapper::create(SecretBytes master_key, WrapForm form,
                                                 crypto::Sm4GcmProvider& provider, Random& random) {
  if (master_key.size() < kMasterKeySize)
    return Error(ErrorCode::kInvalidArgument, "short-master-key", "The master key must have at least 32 bytes.");
  return std::unique_ptr<Wrapper>(new Wrapper(std::move(master_key), layout_of(form), provider, random));
}

Result<std::unique_ptr<crypto::Sm4GcmCipher>> Wrapper::cipher(const WrapLabel& label, ByteView salt) const {
  const Bytes info = to_bytes(layout_.info + label.purpose);
  const SecretBytes key = crypto::hkdf_sm3(salt, master_key_.reveal_for_computing(), info, crypto::kSm4KeySize);
  return provider_.cipher(crypto::Sm4Key(key.reveal_for_computing().data(), crypto::kSm4KeySize));
}

Result<std::string> Wrapper::wrap(const WrapLabel& label, const SecretBytes& secret) const {
  Bytes out(layout_.prefix);
  out.resize(layout_.prefix.size() + kOverhead + secret.size());
  const MutableBytes body = MutableBytes(out).subspan(layout_.prefix.size());
  random_.fill(body.first(kCiphertextOffset));
  MIFENG_TRY(auto sm4, cipher(label, body.first(kSaltSize)));
  sm4->seal(ByteView(body).subspan<kSaltSize, crypto::kGcmNonceSize>(), layout_.additional_data(label),
            secret.reveal_for_computing(), body.subspan(kCiphertextOffset, secret.size()),
            body.last<crypto::kGcmTagSize>());
  return to_base64(out);
}

Result<SecretBytes> Wrapper::unwrap(const WrapLabel& label, const std::string& wrapped) const {
  const auto bytes = from_base64(wrapped);
  const std::size_t prefix = layout_.prefix.size();
  if (!bytes || bytes->size() < prefix + kOverhead ||
      !std::equal(layout_.prefix.begin(), layout_.prefix.end(), bytes->begin()))
    return does_not_fit(label);
  const ByteView body = ByteView(*bytes).subspan(prefix);
  MIFENG_TRY(auto sm4, cipher(label, body.first(kSaltSize)));
  SecretBytes secret(body.size() - kOverhead);
  if (!sm4->open(body.subspan<kSaltSize, crypto::kGcmNonceSize>(), layout_.additional_data(label),
                 body.subspan(kCiphertextOffset, secret.size()), secret.reveal_for_writing(),
                 body.last<crypto::kGcmTagSize>()))
    return does_not_fit(label);
  return secret;
}

}  // namespace mifeng::vault

#include "mifeng/trust/wrapper.h"

#include <memory>

#include "mifeng/crypto/kdf.h"

namespace mifeng::trust {
namespace {

constexpr std::size_t kSaltSize = 16;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kOverhead = 1 + kSaltSize + crypto::kGcmNonceSize + crypto::kGcmTagSize;

Bytes additional_data(const WrapLabel& label) {
  return to_bytes("mifeng/v1/wrap\n" + label.purpose + "\n1\n" + label.public_key);
}

Error does_not_fit(const WrapLabel& label) {
  return Error(ErrorCode::kVerificationFailed, "wrapped-key-does-not-fit",
               "A stored secret (" + label.purpose +
                   ") does not open: the master key is another one, or the row was changed or moved. Start with the "
                   "master key that belongs to this database, or restore a backup.");
}

}  // namespace

Result<std::unique_ptr<Wrapper>> Wrapper::create(SecretBytes master_key, crypto::Sm4GcmProvider& provider,
                                                 Random& random) {
  if (master_key.size() < 32)
    return Error(ErrorCode::kInvalidArgument, "short-master-key", "The master key must have at least 32 bytes.");
  return std::unique_ptr<Wrapper>(new Wrapper(std::move(master_key), provider, random));
}

Result<std::unique_ptr<crypto::Sm4GcmCipher>> Wrapper::cipher(const WrapLabel& label, ByteView salt) const {
  const Bytes info = to_bytes("mifeng/v1/wrap/" + label.purpose);
  const SecretBytes key = crypto::hkdf_sm3(salt, master_key_.reveal_for_use(), info, crypto::kSm4KeySize);
  return provider_.cipher(crypto::Sm4Key(key.reveal_for_use().data(), crypto::kSm4KeySize));
}

Result<std::string> Wrapper::wrap(const WrapLabel& label, const SecretBytes& secret) const {
  Bytes out(kOverhead + secret.size());
  out[0] = kVersion;
  const MutableBytes salt = MutableBytes(out).subspan(1, kSaltSize);
  const MutableBytes nonce = MutableBytes(out).subspan(1 + kSaltSize, crypto::kGcmNonceSize);
  random_.fill(salt);
  random_.fill(nonce);
  MIFENG_TRY(auto sm4, cipher(label, salt));
  sm4->seal(crypto::GcmNonce(nonce.data(), crypto::kGcmNonceSize), additional_data(label), secret.reveal_for_use(),
            MutableBytes(out).subspan(1 + kSaltSize + crypto::kGcmNonceSize, secret.size()),
            crypto::GcmTag(out.data() + out.size() - crypto::kGcmTagSize, crypto::kGcmTagSize));
  return to_base64(out);
}

Result<SecretBytes> Wrapper::unwrap(const WrapLabel& label, const std::string& wrapped) const {
  const auto bytes = from_base64(wrapped);
  if (!bytes || bytes->size() < kOverhead || (*bytes)[0] != kVersion) return does_not_fit(label);
  const ByteView view(*bytes);
  MIFENG_TRY(auto sm4, cipher(label, view.subspan(1, kSaltSize)));
  SecretBytes secret(bytes->size() - kOverhead);
  if (!sm4->open(crypto::GcmNonce(view.data() + 1 + kSaltSize, crypto::kGcmNonceSize), additional_data(label),
                 view.subspan(1 + kSaltSize + crypto::kGcmNonceSize, secret.size()), secret.reveal_for_writing(),
                 crypto::ConstGcmTag(view.data() + view.size() - crypto::kGcmTagSize, crypto::kGcmTagSize)))
    return does_not_fit(label);
  return secret;
}

}  // namespace mifeng::trust

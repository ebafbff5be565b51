#include "sm2/openssl.h"

#include "mifeng/base/guarded.h"
#include "openssl_handle.h"
#include "sm2_verify.h"

namespace mifeng::crypto {
namespace {

// A context for signing or verifying with our user id (GM/T 0009 clause 10; OpenSSL has no default one).
using DigestInit = int (*)(EVP_MD_CTX*, EVP_PKEY_CTX**, const EVP_MD*, ENGINE*, EVP_PKEY*);
bool init_with_user_id(EVP_MD_CTX* context, DigestInit init, EVP_PKEY* key, std::string_view user_id = kSm2UserId) {
  EVP_PKEY_CTX* key_context = nullptr;  // owned by `context`
  return init(context, &key_context, EVP_sm3(), nullptr, key) == 1 &&
         EVP_PKEY_CTX_set1_id(key_context, user_id.data(), static_cast<int>(user_id.size())) == 1;
}

}  // namespace

Error sm2::bad_signature() {
  ERR_clear_error();
  return Error(ErrorCode::kVerificationFailed, "bad-signature", "the SM2 signature is not this key's over these bytes");
}

Error sm2::bad_root_key() {
  ERR_clear_error();
  return Error(ErrorCode::kVerificationFailed, "bad-root-key",
               "SM2 decryption failed: the ciphertext was altered, or made for another key");
}

Result<void> detail::verify_with_user_id(EVP_PKEY* key, std::string_view user_id, ByteView message,
                                         ByteView der_signature) {
  return guarded([&]() -> Result<void> {
    MIFENG_CHECK(parse_sm2_signature(der_signature));
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    if (!context || !init_with_user_id(context.get(), EVP_DigestVerifyInit, key, user_id))
      return openssl_failed("verify with SM2");
    if (EVP_DigestVerify(context.get(), der_signature.data(), der_signature.size(), message.data(), message.size()) !=
        1)
      return sm2::bad_signature();
    return ok();
  });
}

Result<SecretBytes> sm2::decrypt_by_openssl(EVP_PKEY* key, ByteView der_ciphertext, const Sm2CiphertextParts& parts) {
  return guarded([&]() -> Result<SecretBytes> {
    const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key, nullptr));
    if (!context || EVP_PKEY_decrypt_init(context.get()) != 1) return openssl_failed("decrypt with SM2");
    // OpenSSL asks for room of its own estimate, which is never below the size of C2.
    std::size_t size = 0;
    if (EVP_PKEY_decrypt(context.get(), nullptr, &size, der_ciphertext.data(), der_ciphertext.size()) != 1 ||
        size < parts.c2.size())
      return openssl_failed("decrypt with SM2");
    SecretBytes room(size);
    if (EVP_PKEY_decrypt(context.get(), room.reveal_for_writing().data(), &size, der_ciphertext.data(),
                         der_ciphertext.size()) != 1 ||
        size != parts.c2.size())
      return bad_root_key();
    return SecretBytes(room.reveal_for_copying().first(size));
  });
}

Result<Bytes> sm2::sign_by_openssl(EVP_PKEY* key, ByteView message) {
  return guarded([&]() -> Result<Bytes> {
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    std::size_t size = 0;
    if (!context || !init_with_user_id(context.get(), EVP_DigestSignInit, key) ||
        EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1)
      return openssl_failed("sign with SM2");
    Bytes signature(size);
    if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
      return openssl_failed("sign with SM2");
    signature.resize(size);
    return signature;
  });
}

}  // namespace mifeng::crypto

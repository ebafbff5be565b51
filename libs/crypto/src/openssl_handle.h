// Objects of OpenSSL's, freed by their own functions, and what its failure becomes.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <memory>
#include <string>

#include "mifeng/base/error.h"

namespace mifeng::crypto {

struct OpenSslDeleter {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
};
template <typename T>
using Owned = std::unique_ptr<T, OpenSslDeleter>;

// What OpenSSL queued is dropped: it may quote input, and what it says helps nobody who has to act.
inline Error openssl_failed(const char* what) {
  ERR_clear_error();
  return Error(ErrorCode::kInternal, "openssl-failed", std::string("OpenSSL could not ") + what);
}

}  // namespace mifeng::crypto

#include "mifeng/net/tls.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdio>

#include "mifeng/os/file.h"
#include "tls_context.h"

namespace mifeng::net {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;

constexpr int kDays = 825;  // the longest that common clients take
constexpr int kRenewDays = 30;

Error bad_certificate(const std::filesystem::path& path, const std::string& what) {
  char reason[128] = "";
  if (const unsigned long code = ERR_peek_last_error()) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  return Error(ErrorCode::kInvalidArgument, "bad-certificate",
               path.string() + " " + what + (*reason == '\0' ? "" : " (" + std::string(reason) + ")") + ".");
}

Result<std::string> fingerprint(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sm3(), digest, &size) != 1)
    return Error(ErrorCode::kInternal, "no-digest", "The digest of a certificate cannot be computed.");
  return to_hex({digest, size});
}

Result<X509Ptr> load_certificate(const std::filesystem::path& path) {
  MIFENG_TRY(const std::string text, read_text_file(path, 1 << 20));
  const BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!certificate) return bad_certificate(path, "holds no certificate in PEM");
  return certificate;
}

bool is_address(const std::string& name) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, name.c_str(), bytes) == 1 || inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

bool still_good(X509* certificate, const std::vector<std::string>& names, const Clock& clock) {
  std::time_t soon = static_cast<std::time_t>(clock.now_ms() / 1000) + kRenewDays * 24 * 3600;
  if (X509_cmp_time(X509_get0_notAfter(certificate), &soon) <= 0) return false;
  return std::ranges::all_of(names, [&](const std::string& name) {
    return is_address(name) ? X509_check_ip_asc(certificate, name.c_str(), 0) == 1
                            : X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1;
  });
}

bool add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

std::string pem_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

Result<ServerTls> self_made_certificate(const std::filesystem::path& dir, const std::vector<std::string>& names,
                                        const Clock& clock) {
  const ServerTls files{dir / "tls.crt", dir / "tls.key"};
  std::error_code ignored;
  if (std::filesystem::exists(files.certificate, ignored) && std::filesystem::exists(files.key, ignored)) {
    auto present = load_certificate(files.certificate);
    if (present && still_good(present->get(), names, clock)) return files;
  }
  std::string alternatives;
  for (const std::string& name : names) {
    // What goes into OpenSSL's little language must not bring commas or colons of its own, save those of IPv6.
    const bool plain = !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
    if (!is_address(name) && !plain)
      return Error(ErrorCode::kInvalidArgument, "bad-certificate",
                   "\"" + name + "\" is no name or address that a certificate can carry.");
    alternatives += (alternatives.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
  }
  const Error failed(ErrorCode::kInternal, "cannot-make-certificate", "OpenSSL could not make a certificate.");
  const KeyPtr key(EVP_EC_gen("P-256"));
  const X509Ptr certificate(X509_new());
  if (!key || !certificate) return failed;
  const auto now = static_cast<std::time_t>(clock.now_ms() / 1000);
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::time_t from = now - 3600;  // clocks differ
  std::time_t to = now + static_cast<std::time_t>(kDays) * 24 * 3600;
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), from);
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to);
  BIGNUM* serial = BN_new();
  BN_rand(serial, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
  BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate.get()));
  BN_free(serial);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("mifeng"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  if (!add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature") ||
      !add_extension(certificate.get(), NID_ext_key_usage, "serverAuth") ||
      !add_extension(certificate.get(), NID_subject_key_identifier, "hash") ||
      (!alternatives.empty() && !add_extension(certificate.get(), NID_subject_alt_name, alternatives)) ||
      X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0)
    return failed;
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) return failed;
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  // The key first: a certificate without its key is made again at the next start, a new key under an old one is too.
  MIFENG_CHECK(write_file_atomic(files.key, as_bytes({data, static_cast<std::size_t>(size)}), 0600));
  MIFENG_CHECK(write_file_atomic(files.certificate, as_bytes(pem_of(certificate.get()))));
  return files;
}

Result<std::string> certificate_fingerprint(const std::filesystem::path& certificate) {
  MIFENG_TRY(const X509Ptr loaded, load_certificate(certificate));
  return fingerprint(loaded.get());
}

Result<std::string> peer_fingerprint(SSL* ssl) {
  const X509Ptr certificate(SSL_get1_peer_certificate(ssl));
  if (!certificate)
    return Error(ErrorCode::kVerificationFailed, "bad-tls-certificate", "The other side showed no certificate.");
  return fingerprint(certificate.get());
}

Result<std::shared_ptr<SSL_CTX>> make_server_context(const ServerTls& tls) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_use_certificate_chain_file(context.get(), tls.certificate.c_str()) != 1)
    return bad_certificate(tls.certificate, "cannot be used as a certificate");
  if (SSL_CTX_use_PrivateKey_file(context.get(), tls.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return bad_certificate(tls.key, "cannot be used as the key of " + tls.certificate.string());
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return bad_certificate(tls.key, "does not belong to " + tls.certificate.string());
  return context;
}

Result<std::shared_ptr<SSL_CTX>> make_client_context(const ClientTls& tls) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  if (!tls.pinned_sm3.empty()) {
    // Checked after the handshake, which proves that the other side has the certificate's key.
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    return context;
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (tls.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (SSL_CTX_load_verify_locations(context.get(), tls.ca_file.c_str(), nullptr) != 1) {
    return bad_certificate(tls.ca_file, "holds no certificate in PEM");
  }
  return context;
}

}  // namespace mifeng::net

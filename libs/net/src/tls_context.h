// OpenSSL contexts for servers and clients.
#pragma once

#include <memory>
#include <string>

#include "mifeng/base/result.h"
#include "mifeng/net/tls.h"

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

namespace mifeng::net {

// kInvalidArgument "bad-certificate" names the file.
Result<std::shared_ptr<SSL_CTX>> make_server_context(const ServerTls& tls);
Result<std::shared_ptr<SSL_CTX>> make_client_context(const ClientTls& tls);
// SM3 of the peer's certificate in DER, hex.
Result<std::string> peer_fingerprint(SSL* ssl);

}  // namespace mifeng::net

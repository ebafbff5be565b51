// What sealing and opening a message needs.
#pragma once

#include <optional>

#include "mifeng/base/random.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm4_gcm.h"

namespace mifeng::messages {

inline constexpr std::size_t kMessageSizeMax = 64 << 10;  // sealed; of guards and gateways, and what answers a guard
inline constexpr std::size_t kSnapshotSizeMax = 64 << 20;

struct SealingTools {
  Random& random;
  crypto::Sm4GcmProvider& provider;
};

// From the clear part of a stream's header, so claims of whoever sent it: to find the key to open or verify with.
// kVerificationFailed with the sealed stream's class of failure.
struct StreamParties {
  crypto::KeyId recipient;
  std::optional<crypto::KeyId> signer;
};
Result<StreamParties> parties_of(ByteView stream);

// Every open_...() here fails with kVerificationFailed and the stream's class of failure where the stream is not what
// it should be, with kInvalidArgument "bad-message" where its plaintext is not, "message-mismatch" where the plaintext
// names another deployment, gateway, nonce or serial than the context, and kResourceExhausted "message-too-large".

}  // namespace mifeng::messages

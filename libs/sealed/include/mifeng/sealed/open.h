// Opening a stream: bytes in, verified plaintext out, one segment of memory. The checks stand in the order of
// spec/sealed-format.md, so that the class of failure that is named is always the first one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/sealed/header.h"
#include "mifeng/sealed/root_key.h"

namespace mifeng::sealed {

// --- The header's checks, one by one, for a process that holds the keys of streams opened elsewhere (a gateway). ---

// bad-recipient-der of every block, then bad-signature where the signature is not strict DER.
Result<void> check_der(const Header& header);
// no-recipient, check_der, bad-point of every block, bad-root-key. Most of the cost of a stream (one SM2 decryption).
Result<RootKey> unwrap_root_key(const Header& header, const crypto::Sm2PrivateKey& private_key);
// bad-header-mac. `blocks_digest` is SM3(header.blocks()) where it was kept, else computed.
Result<StreamKeys> check_header_mac(const Header& header, const RootKey& root_key, ByteView context,
                                    const crypto::Sm3Digest* blocks_digest = nullptr);
// missing-signature, then bad-signature where the policy knows a signer.
Result<void> check_signature(const Header& header, const Policy& policy);
// bad-signature (missing-signature where there is none): whether this key signed the header's sender statement.
Result<void> check_signature(const Header& header, const crypto::Sm2PublicKey& signer);
// All of it in order, down to the header MAC and the signature: what a key holder does with a header that it is shown.
Result<RootKey> verify_header(const Header& header, const crypto::Sm2PrivateKey& private_key, ByteView context,
                              const Policy& policy);

// --- A whole stream. ---

// State machine: header, segments, finished; or failed, for good. Output is plaintext of whole verified segments only.
class Opener {
 public:
  // Unwraps with a private key, which must outlive the header's arrival.
  Opener(Policy policy, const crypto::Sm2PrivateKey& private_key, Bytes context, crypto::Sm4GcmProvider& provider);
  // With a root key that was granted (a guard's payload): no-recipient, bad-point and bad-root-key are not asked.
  Opener(Policy policy, RootKey root_key, Bytes context, crypto::Sm4GcmProvider& provider);
  // With a header that was read by HeaderReader, or Header::parse, under the same policy, and its root key from a cache
  // or a key holder: goes on at the first segment. Every other check is made here. With a `blocks_digest` (as above)
  // these very blocks were unwrapped before, so their DER is not looked at again.
  static Result<Opener> resume(const Policy& policy, Header header, const RootKey& root_key, ByteView context,
                               crypto::Sm4GcmProvider& provider, const crypto::Sm3Digest* blocks_digest = nullptr);

  Opener(Opener&&) noexcept;
  Opener& operator=(Opener&&) noexcept;
  ~Opener();

  // Takes from the front of `in` and returns the plaintext of at most one segment, valid until the next call or the
  // Opener's end; empty where all of `in` was taken and more is needed, or where an empty segment was opened: call
  // until `in` is empty. kVerificationFailed with the class; the same error again ever after.
  Result<ByteView> next(ByteView& in);
  // The input has ended: truncated, unless finished().
  Result<void> finish();

  bool finished() const;                           // the final segment was opened; any further byte is trailing-data
  const std::optional<Header>& header() const;     // once its MAC and signature have verified
  const std::optional<RootKey>& root_key() const;  // the same; to grant it on. None after resume()

 private:
  friend struct LimitsSeam;  // src/limits_seam.h
  struct State;
  explicit Opener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// All at once, for what is small.
Result<SecretBytes> open(const Policy& policy, const crypto::Sm2PrivateKey& private_key, ByteView context,
                         ByteView stream, crypto::Sm4GcmProvider& provider);

}  // namespace mifeng::sealed

// What a keyholder does with its keys for a worker.
#include <algorithm>

#include "mifeng/keyholder/key_socket.h"
#include "mifeng/proxy/open_filter.h"
#include "mifeng/sealed/open.h"

namespace mifeng::keyholder {

Result<proxy::SealKey> make_seal_key(const crypto::Sm2PublicKey& output_key, const crypto::Sm2PrivateKey& instance_key,
                                     Random& random, SealKeyLimits limits) {
  sealed::SenderKeyOptions options;
  options.kind = sealed::Kind::kResponse;
  options.exponent = sealed::kResponseExponentMax;
  options.recipients = std::span(&output_key, 1);
  options.signer = &instance_key;
  MIFENG_TRY(const sealed::SenderKey key, sealed::SenderKey::create(options, random));
  auto parts = key.parts();
  proxy::SealKey made;
  made.exponent = static_cast<std::uint8_t>(parts.exponent);
  made.recipient_count = parts.recipient_count;
  made.blocks = std::move(parts.blocks);
  made.root_key = key.root_key().reveal_for_grant().clone();
  made.seconds_max =
      static_cast<std::uint32_t>(std::min<std::chrono::seconds>(limits.age_max, sealed::kResponseKeyAgeMax).count());
  made.streams_max = static_cast<std::uint32_t>(std::min(limits.streams_max, sealed::kResponseStreamsMax));
  return made;
}

Result<void> ResponseUnwrapper::update(std::vector<crypto::Sm2PrivateKey> output_keys,
                                       const std::vector<proxy::Instance>& instances) {
  std::multimap<Signer, crypto::Sm2PublicKey> listed;
  for (const auto& instance : instances) {
    MIFENG_TRY(auto key, crypto::Sm2PublicKey::from_point(instance.signing_key));
    const crypto::KeyId key_id = key.key_id();
    listed.emplace(Signer(instance.deployment, key_id), std::move(key));
  }
  std::map<crypto::KeyId, crypto::Sm2PrivateKey> keys;
  for (auto& key : output_keys) {
    const crypto::KeyId key_id = key.public_key().key_id();
    keys.emplace(key_id, std::move(key));
  }
  output_keys_ = std::move(keys);
  instances_ = std::move(listed);
  std::erase_if(allowances_, [this](const auto& item) { return !instances_.contains(item.first); });
  return ok();
}

bool ResponseUnwrapper::may_ask(const Signer& signer) {
  const auto now = clock_.steady_now();
  const auto [found, is_new] = allowances_.try_emplace(signer, Allowance{limits_.burst, now});
  Allowance& allowance = found->second;
  const double passed = std::chrono::duration<double>(now - allowance.at).count();
  allowance.left = std::min(limits_.burst, allowance.left + passed * limits_.per_second);
  allowance.at = now;
  if (allowance.left < 1) return false;
  allowance.left -= 1;
  return true;
}

Result<proxy::Unwrapped> ResponseUnwrapper::unwrap(const proxy::UnwrapRequest& request) {
  const sealed::Policy policy = proxy::response_policy();
  MIFENG_TRY(const sealed::Header header, sealed::Header::parse(request.header, policy));
  if (header.size() != request.header.size())
    return Error(ErrorCode::kVerificationFailed, "header-trailing", "bytes follow the header");
  const crypto::Sm2PrivateKey* private_key = nullptr;
  for (std::size_t i = 0; private_key == nullptr && i < header.recipient_count(); ++i) {
    const auto found = output_keys_.find(header.recipient(i).key_id);
    if (found != output_keys_.end()) private_key = &found->second;
  }
  if (private_key == nullptr)
    return Error(ErrorCode::kVerificationFailed, "no-recipient", "the answer is not sealed to an output key in force");
  if (!header.is_signed())
    return Error(ErrorCode::kVerificationFailed, "missing-signature", "the answer is not signed");

  // Cheap first: an unlisted signer costs no SM2 operation, however often it asks.
  const Signer signer(request.deployment, header.signer_key_id());
  const auto [first, last] = instances_.equal_range(signer);
  if (first == last) {
    return Error(ErrorCode::kVerificationFailed, "unknown-signer",
                 "no listed instance of this deployment has the key that signed the answer");
  }
  if (!may_ask(signer)) {
    return Error(ErrorCode::kResourceExhausted, "too-many-root-keys",
                 "the instance seals under too many root keys in too short a time");
  }
  MIFENG_TRY(const sealed::RootKey root_key, sealed::unwrap_root_key(header, *private_key));
  MIFENG_CHECK(sealed::check_header_mac(header, root_key, request.context));
  for (auto item = first; item != last; ++item) {
    if (!sealed::check_signature(header, item->second)) continue;
    proxy::Unwrapped unwrapped;
    unwrapped.id = request.id;
    unwrapped.root_key = root_key.reveal_for_grant().clone();
    unwrapped.signer = item->second.point();
    return unwrapped;
  }
  return Error(ErrorCode::kVerificationFailed, "bad-signature", "the answer's signature is not the instance's");
}

}  // namespace mifeng::keyholder

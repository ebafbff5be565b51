#include "mifeng/proxy/open_filter.h"

#include <cassert>

#include "mifeng/sealed/failure.h"
#include "mifeng/sealed/length.h"

namespace mifeng::proxy {

sealed::Policy response_policy() {
  sealed::Policy policy;
  policy.kind = sealed::Kind::kResponse;
  policy.exponent_max = sealed::kResponseExponentMax;
  policy.signature = sealed::SignatureRule::kRequired;
  return policy;
}

Result<void> OpenFilter::feed_header(ByteView& in) {
  assert(stage_ == Stage::kHeader);
  MIFENG_CHECK(reader_.feed(in));
  if (reader_.done()) {
    header_ = reader_.take();
    stage_ = Stage::kKey;
  }
  return ok();
}

Result<void> OpenFilter::start(const CachedKey& key, crypto::Sm4GcmProvider& provider) {
  assert(stage_ == Stage::kKey);
  MIFENG_TRY(opener_,
             sealed::Opener::resume(response_policy(), *header_, key.root_key, context_, provider, &key.blocks_digest));
  stage_ = Stage::kSegments;
  return ok();
}

Result<std::optional<std::uint64_t>> OpenFilter::plaintext_length(std::uint64_t stream_length) const {
  assert(stage_ != Stage::kHeader);
  if (!header_->is_fixed()) return std::optional<std::uint64_t>();
  const auto length = sealed::fixed_plaintext_length(header_->size(), stream_length, header_->exponent());
  if (!length) return sealed::failure(sealed::FailureClass::kFixedRule);
  return length;
}

Result<ByteView> OpenFilter::next(ByteView& in) {
  assert(stage_ == Stage::kSegments);
  MIFENG_TRY(ByteView plaintext, opener_->next(in));
  if (form_ == SealForm::kField && !plaintext.empty()) {
    return Error(ErrorCode::kVerificationFailed, "seal-not-empty",
                 "a Mifeng-Seal field opened to a body; the instance does not keep to the format");
  }
  return plaintext;
}

Result<void> OpenFilter::finish() {
  if (stage_ == Stage::kHeader) return reader_.ended_early();
  assert(stage_ == Stage::kSegments);
  return opener_->finish();
}

}  // namespace mifeng::proxy

// A sealed response being opened, as a filter: header and segments in, verified plaintext out. No nginx types, no I/O.
// Three stages: the header is read; whoever drives it finds the root key (from the cache, or from the keyholder) while
// the filter waits; segments are opened.
#pragma once

#include <cstdint>
#include <optional>

#include "mifeng/proxy/fields.h"
#include "mifeng/proxy/key_cache.h"
#include "mifeng/sealed/open.h"

namespace mifeng::proxy {

// What a gateway asks of every response: kind response, e at most 16, signed. Who signed is asked of the cache.
sealed::Policy response_policy();

class OpenFilter {
 public:
  OpenFilter(SealForm form, Bytes context) : form_(form), context_(std::move(context)), reader_(response_policy()) {}
  SealForm form() const { return form_; }

  enum class Stage { kHeader, kKey, kSegments };
  Stage stage() const { return stage_; }
  const Bytes& context() const { return context_; }

  // In kHeader: takes what belongs to the header; the stage is kKey once it is whole.
  Result<void> feed_header(ByteView& in);
  // In kKey and later.
  const sealed::Header& header() const { return *header_; }
  // In kKey: verifies the header's MAC. The stage is kSegments afterwards.
  Result<void> start(const CachedKey& key, crypto::Sm4GcmProvider& provider);
  // The plaintext's length from that of the whole stream, where the stream is fixed; none where it is not. "fixed-rule"
  // where no plaintext has this length. Not authenticated before the final segment is there.
  Result<std::optional<std::uint64_t>> plaintext_length(std::uint64_t stream_length) const;
  // In kSegments: takes from the front of `in`, returns the plaintext of at most one segment, valid until the next
  // call. Call until `in` is empty.
  Result<ByteView> next(ByteView& in);
  // The input has ended. "truncated" unless the final segment was opened.
  Result<void> finish();
  bool finished() const { return opener_ && opener_->finished(); }

 private:
  SealForm form_;
  Stage stage_ = Stage::kHeader;
  Bytes context_;
  sealed::HeaderReader reader_;
  std::optional<sealed::Header> header_;
  std::optional<sealed::Opener> opener_;
};

}  // namespace mifeng::proxy

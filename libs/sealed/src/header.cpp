#include "mifeng/sealed/header.h"

#include <algorithm>

#include "guard.h"
#include "header_layout.h"
#include "mifeng/sealed/failure.h"

namespace mifeng::sealed {
namespace {

constexpr std::size_t kHeaderSizeMin = kFixedPartSize + kMacSize;
constexpr std::size_t kBlockPrefixSize = 10;  // key id and length

// The size of the block at the front of `rest`; none where it runs past the end.
std::optional<std::size_t> block_size(ByteView rest) {
  if (rest.size() < kBlockPrefixSize) return std::nullopt;
  const std::size_t size = kBlockPrefixSize + load_be<std::uint16_t>(rest.subspan(8));
  if (size > rest.size()) return std::nullopt;
  return size;
}

Recipient read_block(ByteView block) {
  Recipient recipient{};
  std::copy_n(block.begin(), recipient.key_id.size(), recipient.key_id.begin());
  recipient.ciphertext = block.subspan(kBlockPrefixSize);
  return recipient;
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kPayload: return "payload";
    case Kind::kResponse: return "response";
    case Kind::kGrant: return "grant";
  }
  return "unknown";
}

std::optional<Kind> kind_from_string(std::string_view name) {
  for (const Kind kind : {Kind::kPayload, Kind::kResponse, Kind::kGrant})
    if (name == to_string(kind)) return kind;
  return std::nullopt;
}

Result<std::size_t> Header::size_of(ByteView fixed, const Policy& policy) {
  if (fixed.size() < kFixedPartSize) return failure(FailureClass::kTruncated);
  if (!std::equal(kMagic.begin(), kMagic.end(), fixed.begin())) return failure(FailureClass::kBadMagic);
  if (fixed[3] != kVersion) return failure(FailureClass::kBadVersion);
  if (fixed[4] < 1 || fixed[4] > 3 || (policy.kind && fixed[4] != static_cast<std::uint8_t>(*policy.kind)))
    return failure(FailureClass::kBadKind);
  if (fixed[5] < kExponentMin || fixed[5] > std::min(policy.exponent_max, kExponentMax))
    return failure(FailureClass::kBadExponent);
  if (fixed[24] < 1 || fixed[24] > kRecipientsMax) return failure(FailureClass::kBadRecipientCount);
  if ((fixed[25] & ~(kFlagSigned | kFlagFixed)) != 0 || fixed[26] != 0 || fixed[27] != 0)
    return failure(FailureClass::kReservedNotZero);
  const std::size_t size = load_be<std::uint16_t>(fixed.subspan(6));
  if (size > kHeaderSizeMax) return failure(FailureClass::kHeaderTooLong);
  if (size < kHeaderSizeMin) return failure(FailureClass::kHeaderTrailing);
  return size;
}

Result<Header> Header::from_whole(Bytes bytes) {
  Header header(std::move(bytes));
  ByteView rest = header.blocks();
  for (std::size_t i = 0; i < header.recipient_count(); ++i) {
    const auto block = block_size(rest);
    if (!block) return failure(FailureClass::kHeaderTrailing);
    header.recipient_blocks_size_ += *block;
    rest = rest.subspan(*block);
  }
  if (header.is_signed()) {
    const auto block = block_size(rest);
    if (!block) return failure(FailureClass::kHeaderTrailing);
    rest = rest.subspan(*block);
  }
  if (!rest.empty()) return failure(FailureClass::kHeaderTrailing);
  return header;
}

Result<Header> Header::parse(ByteView bytes, const Policy& policy) {
  return guarded([&]() -> Result<Header> {
    MIFENG_TRY(const std::size_t size, size_of(bytes, policy));
    if (bytes.size() < size) return failure(FailureClass::kTruncated);
    return from_whole(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)));
  });
}

Recipient Header::recipient(std::size_t index) const {
  ByteView rest = recipient_blocks();
  for (; index != 0; --index) rest = rest.subspan(*block_size(rest));
  return read_block(rest.first(*block_size(rest)));
}

std::optional<Recipient> Header::recipient_for(const crypto::KeyId& key_id) const {
  for (ByteView rest = recipient_blocks(); !rest.empty();) {
    const std::size_t size = *block_size(rest);
    const Recipient candidate = read_block(rest.first(size));
    if (candidate.key_id == key_id) return candidate;
    rest = rest.subspan(size);
  }
  return std::nullopt;
}

crypto::KeyId Header::signer_key_id() const { return read_block(blocks().subspan(recipient_blocks_size_)).key_id; }

ByteView Header::signature() const { return blocks().subspan(recipient_blocks_size_ + kBlockPrefixSize); }

Bytes Header::sender_statement() const {
  return sealed::sender_statement(kind(), exponent(), recipient_count(), recipient_blocks());
}

std::string Header::cache_key() const {
  std::string key;
  key.reserve(3 + blocks().size());
  for (const std::size_t at : {4, 5, 24}) key.push_back(static_cast<char>(bytes_[at]));
  key.append(as_text(blocks()));
  return key;
}

Result<void> HeaderReader::feed(ByteView& in) {
  return guarded(error_, [&]() -> Result<void> {
    if (header_ || in.empty()) return ok();
    if (bytes_.capacity() == 0) bytes_.reserve(512);
    if (size_ == 0) {
      const std::size_t take = std::min(kFixedPartSize - bytes_.size(), in.size());
      append(bytes_, in.first(take));
      in = in.subspan(take);
      if (bytes_.size() < kFixedPartSize) return ok();
      MIFENG_TRY(size_, Header::size_of(bytes_, policy_));
    }
    const std::size_t take = std::min(size_ - bytes_.size(), in.size());
    append(bytes_, in.first(take));
    in = in.subspan(take);
    if (bytes_.size() < size_) return ok();
    MIFENG_TRY(Header header, Header::from_whole(std::move(bytes_)));
    header_.emplace(std::move(header));
    return ok();
  });
}

Error HeaderReader::ended_early() const { return error_ ? *error_ : failure(FailureClass::kTruncated); }

}  // namespace mifeng::sealed

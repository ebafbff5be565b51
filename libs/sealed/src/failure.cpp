#include "mifeng/sealed/failure.h"

#include <array>
#include <string>

namespace mifeng::sealed {
namespace {

struct Entry {
  FailureClass failure;
  std::string_view name;
  std::string_view message;
};

// In the order of the enumeration; spec/errors.md says what each means to a person.
constexpr std::array<Entry, 21> kEntries = {{
    {FailureClass::kTruncated, "truncated", "the sealed stream ends before its final segment; fetch it again, whole"},
    {FailureClass::kBadMagic, "bad-magic", "this is not a sealed stream: it does not begin with MFS"},
    {FailureClass::kBadVersion, "bad-version", "the sealed stream has a version that this program does not know"},
    {FailureClass::kBadKind, "bad-kind", "the sealed stream is of another kind than the one expected here"},
    {FailureClass::kBadExponent, "bad-exponent", "the sealed stream's segment size is outside what is accepted here"},
    {FailureClass::kBadRecipientCount, "bad-recipient-count", "the sealed stream does not have 1 to 16 recipients"},
    {FailureClass::kReservedNotZero, "reserved-not-zero", "a reserved bit of the sealed stream is set"},
    {FailureClass::kHeaderTooLong, "header-too-long", "the sealed stream's header is longer than 4096 bytes"},
    {FailureClass::kHeaderTrailing, "header-trailing",
     "the blocks of the sealed stream's header do not fill it exactly"},
    {FailureClass::kNoRecipient, "no-recipient",
     "the stream was not sealed to this key; use the private key of one of its recipients"},
    {FailureClass::kBadRecipientDer, "bad-recipient-der", "a recipient block is not strict DER of an SM2 ciphertext"},
    {FailureClass::kBadSignature, "bad-signature", "the signature is not the expected signer's over this header"},
    {FailureClass::kBadPoint, "bad-point", "a recipient block's point is not on the curve"},
    {FailureClass::kBadRootKey, "bad-root-key", "SM2 decryption of the root key failed; the stream was altered"},
    {FailureClass::kBadHeaderMac, "bad-header-mac",
     "the header was altered, or the stream was sealed for another context than the one given"},
    {FailureClass::kMissingSignature, "missing-signature", "the stream is not signed, and must be"},
    {FailureClass::kFixedRule, "fixed-rule", "the stream breaks the rule of fixed segments"},
    {FailureClass::kTooManySegments, "too-many-segments", "the stream has more than 2^32 segments"},
    {FailureClass::kSegmentTooLong, "segment-too-long", "a segment is longer than the header allows"},
    {FailureClass::kBadTag, "bad-tag", "a segment was altered, moved or replaced"},
    {FailureClass::kTrailingData, "trailing-data", "there are bytes after the final segment"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kEntries.size(); ++i)
    if (kEntries[i].failure != static_cast<FailureClass>(i)) return false;
  return true;
}
static_assert(in_order() && kEntries.size() == static_cast<std::size_t>(FailureClass::kTrailingData) + 1);

const Entry& entry(FailureClass failure) { return kEntries[static_cast<std::size_t>(failure)]; }

}  // namespace

std::string_view to_string(FailureClass failure) { return entry(failure).name; }

std::optional<FailureClass> failure_class_of(const Error& error) {
  if (error.code() != ErrorCode::kVerificationFailed) return std::nullopt;
  for (const Entry& candidate : kEntries)
    if (candidate.name == error.reason()) return candidate.failure;
  return std::nullopt;
}

Error failure(FailureClass failure) {
  return Error(ErrorCode::kVerificationFailed, std::string(entry(failure).name), std::string(entry(failure).message));
}

}  // namespace mifeng::sealed

// Why a sealed stream is refused: the classes of spec/sealed-format.md. An Error of this library has the class's name
// as its reason() and kVerificationFailed as its code().
#pragma once

#include <optional>
#include <string_view>

#include "mifeng/base/error.h"

namespace mifeng::sealed {

enum class FailureClass {
  kTruncated,
  kBadMagic,
  kBadVersion,
  kBadKind,
  kBadExponent,
  kBadRecipientCount,
  kReservedNotZero,
  kHeaderTooLong,
  kHeaderTrailing,
  kNoRecipient,
  kBadRecipientDer,
  kBadSignature,
  kBadPoint,
  kBadRootKey,
  kBadHeaderMac,
  kMissingSignature,
  kFixedRule,
  kTooManySegments,
  kSegmentTooLong,
  kBadTag,
  kTrailingData,
};

std::string_view to_string(FailureClass failure);  // "bad-magic"
// The class that an error names, or none (out of memory, a caller's mistake).
std::optional<FailureClass> failure_class_of(const Error& error);
// The error for a class, with its standing sentence.
Error failure(FailureClass failure);

}  // namespace mifeng::sealed

// The kinds of files that people hand to each other, told by their first bytes.
#pragma once

#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::cli {

enum class FileKind { kUnknown, kStream, kPackage, kCard, kKey, kCertificate };

// Fewer than the first byte of a private key that is secret: what is read to tell the kind may lie anywhere in memory.
inline constexpr std::size_t kKindBytes = 48;
FileKind kind_of(ByteView beginning);

// The fingerprint that stands for a file: a card's identity key, a key's own, the vendor's of a package, a
// certificate's; of a stream the beginning of its signer's. kInvalidArgument "unknown-form", "not-signed".
Result<std::string> fingerprint_of(const std::string& path);

// A key id in the notation of fingerprints, whose beginning it is: "C60C 9363 C5D0 BE12 ...".
std::string shown_key_id(ByteView id);
std::string shown_key_id(const std::string& hex);

Error unknown_form();

}  // namespace mifeng::cli

// How people see and type the SM3 of a key or a certificate, everywhere the same.
#pragma once

#include <string>
#include <string_view>

#include "mifeng/base/bytes.h"

namespace mifeng::crypto {

// Upper-case hex in groups of four, "C60C 9363 ...": a whole digest, or its beginning, as a key id is one.
std::string in_groups(ByteView digest);

// As typed or read out: without spaces, `:` and `-`, in lower case. Two fingerprints are the same where this is.
std::string bare_fingerprint(std::string_view text);

}  // namespace mifeng::crypto

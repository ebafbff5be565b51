// SM3 of many equally long pieces at once, in the lanes of vector registers where the processor has them.
#pragma once

#include <span>

#include "mifeng/crypto/sm3.h"

namespace mifeng::crypto {

// out[i] = SM3(data[i * piece_size, (i + 1) * piece_size)). `piece_size` is a multiple of 64 and above 0, data.size()
// is out.size() * piece_size; else a programmer error.
void sm3_many(ByteView data, std::size_t piece_size, std::span<Sm3Digest> out);

}  // namespace mifeng::crypto

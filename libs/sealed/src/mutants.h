// Streams that somebody tampered with, for mutation_test.cpp: he has whole streams, and no key.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mifeng/base/bytes.h"

namespace mifeng::sealed::testing {

// Random numbers that come again from a seed; each mutant has its own, so that one can be made without those before it.
// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014), figure 3.
class Chance {
 public:
  using result_type = std::uint64_t;
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }
  result_type operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::size_t below(std::size_t bound) { return (*this)() % bound; }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

struct Range {
  std::size_t begin = 0;
  std::size_t size = 0;
  std::size_t end() const { return begin + size; }
};

// What a field is, the same in every stream; of recipients and segments, the number is added to it times 3.
enum FieldName : std::uint32_t {
  kMagic,
  kVersion,
  kKind,
  kExponent,
  kHeaderSize,
  kSalt,
  kRecipientCount,
  kFlags,
  kZero,
  kMac,
  kBlockKeyId = 100,  // a signature block counts as one recipient more
  kBlockSize,
  kBlockContent,
  kSegmentLength = 1000,
  kSegmentCiphertext,
  kSegmentTag,
};

struct Field {
  std::uint32_t name = 0;
  Range at;
};

// A stream that is whole, and where its parts are. Reads the layout of spec/sealed-format.md by itself, so that it
// shares no mistake with the parser.
struct Dissected {
  Bytes bytes;
  Bytes plaintext;
  std::size_t header_size = 0;
  std::size_t segment_size = 0;    // S
  std::vector<Field> fields;       // in their order, without gaps
  std::vector<Range> segments;     // each with its length and tag
  std::vector<std::size_t> until;  // bytes of plaintext before segment i; one more than there are segments
};
Dissected dissect(Bytes bytes, Bytes plaintext);

enum class Mutation {
  kFlipBits,
  kOverwrite,
  kTruncate,
  kCutOut,
  kInsert,
  kDuplicateBytes,
  kDropSegment,
  kDuplicateSegment,
  kSwapSegments,
  kReorderSegments,
  kForeignFields,
  kForeignSegment,
  kEditLength,
  kShiftLength,
};
inline constexpr std::size_t kMutations = 14;
std::string to_string(Mutation mutation);

// `own` changed in one way. May give back what it was given, or a donor as it is.
Bytes mutate(const Dissected& own, std::span<const Dissected> donors, Mutation mutation, Chance& chance);

}  // namespace mifeng::sealed::testing

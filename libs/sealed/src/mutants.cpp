#include "mutants.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace mifeng::sealed::testing {
namespace {

constexpr std::size_t kFixedPart = 28;
constexpr std::size_t kTag = 16;
constexpr std::uint32_t kFinal = 0x80000000;

std::ptrdiff_t signed_of(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

ByteView part(const Bytes& bytes, Range range) { return ByteView(bytes).subspan(range.begin, range.size); }

void replace(Bytes& bytes, Range range, ByteView with) {
  const auto at = bytes.erase(bytes.begin() + signed_of(range.begin), bytes.begin() + signed_of(range.end()));
  bytes.insert(at, with.begin(), with.end());
}

Bytes some(Chance& chance, std::size_t size) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(chance());
  return bytes;
}

std::uint32_t load(const Bytes& bytes, Range range) {
  std::uint32_t value = 0;
  for (const std::uint8_t byte : part(bytes, range)) value = value << 8 | byte;
  return value;
}

void store(Bytes& bytes, Range range, std::uint32_t value) {
  for (std::size_t i = range.end(); i-- > range.begin; value >>= 8) bytes[i] = static_cast<std::uint8_t>(value);
}

// Anywhere; as often in the header as in the segments, since these may be much longer.
std::size_t place(const Dissected& own, Chance& chance) {
  return chance.one_in(2) ? chance.below(own.header_size) : chance.below(own.bytes.size());
}

// A short range, or one that ends and begins with fields.
Range range_of(const Dissected& own, Chance& chance) {
  if (chance.one_in(2)) {
    const std::size_t first = chance.below(own.fields.size());
    const std::size_t last = std::min(first + chance.below(4), own.fields.size() - 1);
    return {own.fields[first].at.begin, own.fields[last].at.end() - own.fields[first].at.begin};
  }
  const std::size_t begin = place(own, chance);
  return {begin, std::min(1 + chance.below(64), own.bytes.size() - begin)};
}

// The header, and then the segments in this order.
Bytes with_segments(const Dissected& own, const std::vector<std::size_t>& order) {
  Bytes made(own.bytes.begin(), own.bytes.begin() + signed_of(own.header_size));
  for (const std::size_t i : order) append(made, part(own.bytes, own.segments[i]));
  return made;
}

Bytes with_other_segments(const Dissected& own, Mutation mutation, Chance& chance) {
  std::vector<std::size_t> order(own.segments.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto at = order.begin() + signed_of(chance.below(order.size()));
  if (mutation == Mutation::kDropSegment) order.erase(at);
  if (mutation == Mutation::kDuplicateSegment)
    order.insert(order.begin() + signed_of(chance.below(order.size() + 1)), *at);
  if (mutation == Mutation::kSwapSegments) std::iter_swap(at, order.begin() + signed_of(chance.below(order.size())));
  if (mutation == Mutation::kReorderSegments) std::shuffle(order.begin(), order.end(), chance);
  return with_segments(own, order);
}

// One to four fields in a row, or all from one on, become those of the same names in another stream.
Bytes with_foreign_fields(const Dissected& own, const Dissected& donor, Chance& chance) {
  const std::size_t first = chance.below(own.fields.size());
  const std::size_t count = chance.one_in(8) ? own.fields.size() : 1 + chance.below(4);
  Bytes made(own.bytes.begin(), own.bytes.begin() + signed_of(own.fields[first].at.begin));
  for (std::size_t i = first; i < own.fields.size(); ++i) {
    const auto same = std::find_if(donor.fields.begin(), donor.fields.end(),
                                   [&](const Field& field) { return field.name == own.fields[i].name; });
    const bool take = i - first < count && same != donor.fields.end();
    append(made, take ? part(donor.bytes, same->at) : part(own.bytes, own.fields[i].at));
  }
  return made;
}

// A segment of another stream in the place of one of our own, or beside it.
Bytes with_foreign_segment(const Dissected& own, const Dissected& donor, Chance& chance) {
  Bytes made = own.bytes;
  const Range at = own.segments[chance.below(own.segments.size())];
  const Range with = donor.segments[chance.below(donor.segments.size())];
  replace(made, chance.one_in(4) ? Range{at.begin, 0} : at, part(donor.bytes, with));
  return made;
}

bool is_length(const Field& field) {
  const std::uint32_t name = field.name;
  if (name >= kSegmentLength) return (name - kSegmentLength) % 3 == 0;
  if (name >= kBlockKeyId) return (name - kBlockKeyId) % 3 == 1;
  return name == kExponent || name == kHeaderSize || name == kRecipientCount || name == kFlags;
}

const Field& some_length(const Dissected& own, Chance& chance) {
  for (;;)
    if (const Field& field = own.fields[chance.below(own.fields.size())]; is_length(field)) return field;
}

// The number changes, the bytes do not. A tag of DER and its length stand at the beginning of a block.
Bytes with_edited_length(const Dissected& own, Chance& chance) {
  Bytes made = own.bytes;
  const Field& field = some_length(own, chance);
  Range at = field.at;
  if (field.name >= kBlockKeyId && field.name < kSegmentLength && chance.one_in(2))
    at = {field.at.end() + chance.below(4), 1};
  const std::uint32_t old = load(made, at);
  const auto segment = static_cast<std::uint32_t>(own.segment_size);
  const std::array<std::uint32_t, 8> steps = {1, 2, 4, 16, 20, 32, 256, segment};
  const std::uint32_t step = steps[chance.below(steps.size())];
  const std::array<std::uint32_t, 10> values = {0,
                                                old + step,
                                                old - step,
                                                segment,
                                                segment - 1,
                                                segment + 1,
                                                old ^ kFinal,
                                                ~std::uint32_t{0},
                                                static_cast<std::uint32_t>(chance()),
                                                old ^ 1U << chance.below(at.size * 8)};
  std::uint32_t value = values[chance.below(values.size())];
  if (at.size == 4 && chance.one_in(2)) value = (value & ~kFinal) | (old & kFinal);
  store(made, at, value);
  return made;
}

// The number changes, and bytes come in or go, so that all behind them is found again.
Bytes with_fitting_length(const Dissected& own, std::size_t index, Chance& chance) {
  Bytes made = own.bytes;
  const Range content = own.fields[index + 1].at;
  const bool shorter = content.size != 0 && chance.one_in(2);
  const std::size_t step = 1 + chance.below(shorter ? content.size : 32);
  const auto change = static_cast<std::uint32_t>(shorter ? 0 - step : step);
  replace(made, {content.end() - (shorter ? step : 0), shorter ? step : 0}, shorter ? Bytes() : some(chance, step));
  const auto add_to = [&](Range at) { store(made, at, load(own.bytes, at) + change); };
  add_to(own.fields[index].at);
  if (own.fields[index].name < kSegmentLength) add_to({6, 2});  // H
  return made;
}

// The border between a segment and the next moves; what they hold together stays as it was.
Bytes with_moved_border(const Dissected& own, std::size_t index, Chance& chance) {
  const auto field = [&](std::size_t i) { return part(own.bytes, own.fields[index + i].at); };  // length, text, tag
  const bool shorter = chance.one_in(2);
  const std::size_t room = shorter ? field(1).size() : field(4).size();
  const std::size_t step = room == 0 ? 0 : 1 + chance.below(room);
  const std::size_t border = shorter ? field(1).size() - step : field(1).size() + step;
  Bytes both(field(1).begin(), field(1).end());
  append(both, field(4));

  Bytes made(own.bytes.begin(), own.bytes.begin() + signed_of(own.fields[index].at.begin));
  const auto add_segment = [&](ByteView length, ByteView text, ByteView tag) {
    const std::uint32_t final = load_be<std::uint32_t>(length) & kFinal;
    append_be(made, static_cast<std::uint32_t>(text.size()) | final);
    append(made, text);
    append(made, tag);
  };
  add_segment(field(0), ByteView(both).first(border), field(2));
  add_segment(field(3), ByteView(both).subspan(border), field(5));
  append(made, ByteView(own.bytes).subspan(own.fields[index + 5].at.end()));
  return made;
}

Bytes with_shifted_length(const Dissected& own, Chance& chance) {
  const Field& field = some_length(own, chance);
  if (field.name < kBlockKeyId) return with_edited_length(own, chance);
  const auto index = static_cast<std::size_t>(&field - own.fields.data());
  const bool has_next = field.name >= kSegmentLength && index + 3 < own.fields.size();
  return has_next && chance.one_in(2) ? with_moved_border(own, index, chance) : with_fitting_length(own, index, chance);
}

}  // namespace

std::string to_string(Mutation mutation) {
  switch (mutation) {
    case Mutation::kFlipBits: return "flip bits";
    case Mutation::kOverwrite: return "overwrite";
    case Mutation::kTruncate: return "truncate";
    case Mutation::kCutOut: return "cut out";
    case Mutation::kInsert: return "insert";
    case Mutation::kDuplicateBytes: return "duplicate bytes";
    case Mutation::kDropSegment: return "drop a segment";
    case Mutation::kDuplicateSegment: return "duplicate a segment";
    case Mutation::kSwapSegments: return "swap two segments";
    case Mutation::kReorderSegments: return "reorder segments";
    case Mutation::kForeignFields: return "fields of another stream";
    case Mutation::kForeignSegment: return "a segment of another stream";
    case Mutation::kEditLength: return "edit a length";
    case Mutation::kShiftLength: return "edit a length and what it counts";
  }
  return "?";
}

Dissected dissect(Bytes bytes, Bytes plaintext) {
  Dissected made;
  made.bytes = std::move(bytes);
  made.plaintext = std::move(plaintext);
  std::size_t at = 0;
  const auto field = [&](std::uint32_t name, std::size_t size) {
    made.fields.push_back({name, {at, size}});
    at += size;
    return size <= 4 ? load(made.bytes, made.fields.back().at) : 0;
  };
  field(kMagic, 3);
  field(kVersion, 1);
  field(kKind, 1);
  made.segment_size = std::size_t{1} << field(kExponent, 1);
  made.header_size = field(kHeaderSize, 2);
  field(kSalt, 16);
  const std::uint32_t recipients = field(kRecipientCount, 1);
  const bool is_signed = (field(kFlags, 1) & 1) != 0;
  field(kZero, 2);
  for (std::uint32_t i = 0; i < recipients + (is_signed ? 1 : 0); ++i) {
    field(kBlockKeyId + 3 * i, 8);
    const std::uint32_t size = field(kBlockSize + 3 * i, 2);
    field(kBlockContent + 3 * i, size);
  }
  field(kMac, 32);
  made.until.push_back(0);
  for (std::uint32_t i = 0; at < made.bytes.size(); ++i) {
    const std::size_t begin = at;
    const std::uint32_t size = field(kSegmentLength + 3 * i, 4) & ~kFinal;
    field(kSegmentCiphertext + 3 * i, size);
    field(kSegmentTag + 3 * i, kTag);
    made.segments.push_back({begin, at - begin});
    made.until.push_back(made.until.back() + size);
  }
  return made;
}

Bytes mutate(const Dissected& own, std::span<const Dissected> donors, Mutation mutation, Chance& chance) {
  Bytes made = own.bytes;
  const Dissected& donor = donors[chance.below(donors.size())];
  switch (mutation) {
    case Mutation::kFlipBits:
      for (std::size_t i = chance.one_in(2) ? 1 : 1 + chance.below(8); i > 0; --i)
        made[place(own, chance)] ^= static_cast<std::uint8_t>(1U << chance.below(8));
      break;
    case Mutation::kOverwrite: {
      const Range at = range_of(own, chance);
      const std::array<Bytes, 3> with = {some(chance, at.size), Bytes(at.size, 0), Bytes(at.size, 0xff)};
      replace(made, at, with[chance.below(with.size())]);
      break;
    }
    case Mutation::kTruncate:
      made.resize(chance.one_in(4) ? own.fields[chance.below(own.fields.size())].at.begin : place(own, chance));
      break;
    case Mutation::kCutOut: replace(made, range_of(own, chance), {}); break;
    case Mutation::kInsert: {
      const std::size_t at = chance.one_in(4) ? made.size() : range_of(own, chance).begin;
      replace(made, {at, 0}, some(chance, 1 + chance.below(chance.one_in(2) ? 2 : 64)));
      break;
    }
    case Mutation::kDuplicateBytes: {
      const Range at = range_of(own, chance);
      replace(made, {chance.one_in(2) ? at.end() : place(own, chance), 0}, part(own.bytes, at));
      break;
    }
    case Mutation::kDropSegment:
    case Mutation::kDuplicateSegment:
    case Mutation::kSwapSegments:
    case Mutation::kReorderSegments: return with_other_segments(own, mutation, chance);
    case Mutation::kForeignFields: return with_foreign_fields(own, donor, chance);
    case Mutation::kForeignSegment: return with_foreign_segment(own, donor, chance);
    case Mutation::kEditLength: return with_edited_length(own, chance);
    case Mutation::kShiftLength: return with_shifted_length(own, chance);
  }
  return made;
}

}  // namespace mifeng::sealed::testing

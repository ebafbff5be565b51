#include "foreign_tar.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace mifeng::package {
namespace {

constexpr std::uint64_t kSpecialMax = 1 << 20;
constexpr std::size_t kNameMax = 4096;
constexpr std::uint64_t kEntriesMax = 4'000'000;
constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 41;

Error bad(const std::string& sentence) { return Error(ErrorCode::kInvalidArgument, "bad-tar", sentence); }

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::string_view until_nul(std::string_view text) { return text.substr(0, text.find('\0')); }

// Octal digits between blanks and NULs, nothing at all for 0, or base 256 where the first bit is set.
std::optional<std::uint64_t> number(ByteView field) {
  if ((field[0] & 0x80) != 0) {
    if ((field[0] & 0x7f) != 0) return std::nullopt;  // negative, or larger than 64 bits
    std::uint64_t value = 0;
    for (const std::uint8_t byte : field.subspan(1)) {
      if (value >> 55 != 0) return std::nullopt;
      value = value << 8 | byte;
    }
    return value;
  }
  std::string_view text = as_text(field);
  const std::string_view blanks(" \0", 2);
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return 0;
  text = text.substr(first, text.find_last_not_of(blanks) - first + 1);
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '7' || value >> 60 != 0) return std::nullopt;
    value = value << 3 | static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

std::uint64_t padding_of(std::uint64_t size) {
  return (archive::kTarBlock - size % archive::kTarBlock) % archive::kTarBlock;
}

// The name in a header block, which may be in two parts.
Result<std::string> name_of(ByteView block) {
  const std::string_view magic = as_text(block.subspan(257, 8));
  const std::string_view name = until_nul(as_text(block.first(100)));
  if (magic.starts_with(std::string_view("ustar\0", 6))) {
    if (as_text(block.subspan(508, 4)) == std::string_view("tar\0", 4)) return bad("a header of the format STAR");
    const std::string_view prefix = until_nul(as_text(block.subspan(345, 155)));
    return prefix.empty() ? std::string(name) : std::string(prefix) + "/" + std::string(name);
  }
  // Where times stand in GNU's format, one writer put the first part of a name.
  if (magic == std::string_view("ustar  \0", 8) && (!number(block.subspan(345, 12)) || !number(block.subspan(357, 12))))
    return bad("a GNU header with malformed times");
  return std::string(name);
}

}  // namespace

Result<void> ForeignTar::feed(ByteView bytes) {
  while (!error_ && !bytes.empty())
    if (auto taken = take(bytes); !taken) error_ = taken.error();
  if (error_) return *error_;
  return ok();
}

Result<void> ForeignTar::finish() {
  if (error_) return *error_;
  const bool between = state_ == State::kHeader && filled_ == 0 && !pax_ && !long_name_ && !long_link_;
  if (between || state_ == State::kEnded || (state_ == State::kSecondZero && filled_ == 0)) return ok();
  error_ = bad("it ends in the middle of an entry");
  return *error_;
}

Result<void> ForeignTar::take(ByteView& bytes) {
  const auto consume = [&](std::uint64_t size) {
    const ByteView part = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes.size())));
    bytes = bytes.subspan(part.size());
    return part;
  };
  switch (state_) {
    case State::kHeader:
    case State::kSecondZero: {
      const ByteView part = consume(archive::kTarBlock - filled_);
      std::memcpy(block_.data() + filled_, part.data(), part.size());
      filled_ += part.size();
      if (filled_ < archive::kTarBlock) return ok();
      filled_ = 0;
      return block();
    }
    case State::kSpecial: {
      const ByteView part = consume(left_);
      special_.append(as_text(part));
      left_ -= part.size();
      if (left_ != 0) return ok();
      MIFENG_CHECK(special());
      left_ = padding_;
      state_ = left_ != 0 ? State::kSkip : State::kHeader;
      return ok();
    }
    case State::kSkip:
      left_ -= consume(left_).size();
      if (left_ == 0) state_ = State::kHeader;
      return ok();
    case State::kEnded:
      if (!all_zero(consume(bytes.size()))) return bad("something follows its end");
      return ok();
  }
  return ok();
}

Result<void> ForeignTar::block() {
  const ByteView block(block_);
  if (all_zero(block)) {
    if (pax_ || long_name_ || long_link_) return bad("it ends where an entry has to follow");
    state_ = state_ == State::kSecondZero ? State::kEnded : State::kSecondZero;
    return ok();
  }
  if (state_ == State::kSecondZero) return bad("one zero block where the end has two");
  // Old writers summed signed bytes.
  std::int64_t sum = 0, signed_sum = 0;
  for (std::size_t i = 0; i < archive::kTarBlock; ++i) {
    const std::uint8_t byte = i >= 148 && i < 156 ? std::uint8_t{' '} : block_[i];
    sum += byte;
    signed_sum += static_cast<std::int8_t>(byte);
  }
  const auto stored = number(block.subspan(148, 8));
  if (!stored || (static_cast<std::int64_t>(*stored) != sum && static_cast<std::int64_t>(*stored) != signed_sum))
    return bad("a header with a wrong checksum");
  const auto size = number(block.subspan(124, 12));
  if (!size || *size > kSizeMax) return bad("a header with a malformed size");
  const char type = static_cast<char>(block_[156]);

  if (type == 'x' || type == 'g' || type == 'L' || type == 'K') {
    if (*size == 0 || *size > kSpecialMax) return bad("an extended header that is empty or too large");
    const bool begun = pax_ || long_name_ || long_link_;
    if ((type == 'g' && begun) || (type == 'x' && pax_) || (type == 'L' && long_name_) || (type == 'K' && long_link_))
      return bad("extended headers that do not belong together");
    special_type_ = type;
    special_.clear();
    left_ = *size;
    padding_ = padding_of(*size);
    state_ = State::kSpecial;
    return ok();
  }

  if (++entries_ > kEntriesMax) return bad("it has more than 4,000,000 entries");
  if ((long_name_ && pax_path_) || (long_link_ && pax_link_)) return bad("an entry with two long names");
  ForeignEntry entry;
  MIFENG_TRY(entry.path, name_of(block));
  if (pax_path_ || long_name_) entry.path = pax_path_ ? *pax_path_ : *long_name_;
  entry.link_target = until_nul(as_text(block.subspan(157, 100)));
  if (pax_link_ || long_link_) entry.link_target = pax_link_ ? *pax_link_ : *long_link_;
  const std::uint64_t content = pax_size_.value_or(*size);
  pax_path_.reset();
  pax_link_.reset();
  long_name_.reset();
  long_link_.reset();
  pax_size_.reset();
  pax_ = false;
  if (entry.path.empty()) return bad("an entry without a name");
  if (entry.path.size() > kNameMax || entry.link_target.size() > kNameMax) return bad("a name of more than 4096 bytes");
  const bool slash = entry.path.ends_with('/');
  switch (type) {
    case '\0': entry.type = slash ? ForeignEntry::Type::kDirectory : ForeignEntry::Type::kFile; break;
    case '0':
    case '7':
      if (slash) return bad("a file whose name ends like a folder's");
      entry.type = ForeignEntry::Type::kFile;
      break;
    case '1': entry.type = ForeignEntry::Type::kHardLink; break;
    case '2': entry.type = ForeignEntry::Type::kSymlink; break;
    case '3':
    case '4':
    case '6': entry.type = ForeignEntry::Type::kOther; break;
    case '5': entry.type = ForeignEntry::Type::kDirectory; break;
    default: return bad("\"" + entry.path.substr(0, 100) + "\" is of a type that is not known");
  }
  if (entry.type != ForeignEntry::Type::kFile && content != 0)
    return bad("\"" + entry.path.substr(0, 100) + "\" is no file and has content");
  MIFENG_CHECK(handler_(entry));
  left_ = content + padding_of(content);
  state_ = left_ != 0 ? State::kSkip : State::kHeader;
  return ok();
}

Result<void> ForeignTar::special() {
  if (special_type_ == 'x' || special_type_ == 'g') return pax_records(special_type_ == 'g');
  std::string name(until_nul(special_));
  if (name.empty() || name.size() > kNameMax) return bad("a name that is empty or longer than 4096 bytes");
  (special_type_ == 'L' ? long_name_ : long_link_) = std::move(name);
  return ok();
}

// "LENGTH KEY=VALUE\n". An empty value leaves the header's own; the last of several of one key counts.
Result<void> ForeignTar::pax_records(bool global) {
  std::string_view rest = special_;
  while (!rest.empty()) {
    std::size_t length = 0;
    const auto [stop, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto digits = static_cast<std::size_t>(stop - rest.data());
    if (failure != std::errc{} || length > rest.size() || length < digits + 4 || rest[digits] != ' ' ||
        rest[length - 1] != '\n')
      return bad("a malformed extended header");
    const std::string_view record = rest.substr(digits + 1, length - digits - 2);
    rest.remove_prefix(length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) return bad("a malformed extended header");
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key.starts_with("GNU.sparse.")) return bad("a sparse file");
    const bool name = key == "path" || key == "linkpath";
    // Readers differ in whether these hold for all that follows.
    if (global && (name || key == "size")) return bad("a global header that names entries");
    if (name && value.find('\0') != std::string_view::npos) return bad("a malformed extended header");
    if (name) {
      auto& target = key == "path" ? pax_path_ : pax_link_;
      target = value.empty() ? std::nullopt : std::optional(std::string(value));
    } else if (key == "size") {
      std::uint64_t size = 0;
      const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (wrong != std::errc{} || end != value.data() + value.size() || size > kSizeMax)
        return bad("a malformed extended header");
      pax_size_ = size;
    }
  }
  if (!global) pax_ = true;
  return ok();
}

}  // namespace mifeng::package

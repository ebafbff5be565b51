#include <algorithm>
#include <charconv>
#include <cstring>

#include "mifeng/archive/tar.h"
#include "mifeng/base/phrase.h"

namespace mifeng::archive {
namespace {

// Room for three records with a path of 1024 bytes each.
constexpr std::uint64_t kPaxMax = 4096;

// A field of `size` bytes that ends at its first NUL; what follows must be NUL.
std::optional<std::string_view> text_field(ByteView block, std::size_t at, std::size_t size) {
  const std::string_view field = as_text(block.subspan(at, size));
  const std::size_t end = std::min(field.find('\0'), field.size());
  if (std::any_of(field.begin() + static_cast<std::ptrdiff_t>(end), field.end(), [](char c) { return c != 0; }))
    return std::nullopt;
  return field.substr(0, end);
}

// Octal digits, then one NUL or blank, then nothing but NUL and blank.
std::optional<std::uint64_t> octal_field(ByteView block, std::size_t at, std::size_t size) {
  const std::string_view field = as_text(block.subspan(at, size));
  std::uint64_t value = 0;
  std::size_t i = 0;
  for (; i < field.size() && field[i] >= '0' && field[i] <= '7'; ++i)
    value = value << 3 | static_cast<std::uint64_t>(field[i] - '0');
  if (i == 0) return std::nullopt;
  for (; i < field.size(); ++i)
    if (field[i] != 0 && field[i] != ' ') return std::nullopt;
  return value;
}

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

Error TarReader::bad(const std::string& sentence) const {
  return Error(ErrorCode::kVerificationFailed, "bad-archive",
               sentence + " (before byte " + std::to_string(offset_) + " of the archive)");
}

Result<void> TarReader::feed(ByteView bytes) {
  if (error_) return *error_;
  while (!bytes.empty()) {
    auto taken = take(bytes);
    if (!taken) {
      error_ = taken.error();
      return taken;
    }
  }
  return ok();
}

Result<void> TarReader::finish() {
  if (error_) return *error_;
  if (state_ == State::kEnded) return ok();
  error_ = cut_at(offset_);
  return *error_;
}

Error TarReader::cut_at(std::uint64_t size) const {
  // No more is known than that the entry it ends in would go on, and the two blocks of the end follow.
  return Error(ErrorCode::kVerificationFailed, "bad-archive",
               phrase("the archive was cut: {} bytes of it are there, of {} at least; fetch it again", size,
                      offset_ - filled_ + left_ + padding_ + 2 * kTarBlock));
}

Result<std::uint64_t> TarReader::skip_content() {
  if (error_) return *error_;
  if (state_ != State::kData) return std::uint64_t{0};
  const std::uint64_t skipped = std::exchange(left_, 0);
  offset_ += skipped;
  state_ = padding_ != 0 ? State::kPadding : State::kHeader;
  auto ended = handler_->end();
  if (!ended) {
    error_ = ended.error();
    return *error_;
  }
  return skipped;
}

Result<void> TarReader::take(ByteView& bytes) {
  const auto consume = [&](std::size_t size) {
    const ByteView part = bytes.first(size);
    bytes = bytes.subspan(size);
    offset_ += size;
    return part;
  };
  switch (state_) {
    case State::kHeader:
    case State::kSecondZero: {
      const ByteView part = consume(std::min(bytes.size(), kTarBlock - filled_));
      std::memcpy(block_.data() + filled_, part.data(), part.size());
      filled_ += part.size();
      if (filled_ < kTarBlock) return ok();
      filled_ = 0;
      return block();
    }
    case State::kPax: {
      const ByteView part = consume(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_)));
      pax_.append(as_text(part));
      left_ -= part.size();
      if (left_ != 0) return ok();
      MIFENG_CHECK(pax_records());
      state_ = padding_ != 0 ? State::kPadding : State::kHeader;
      return ok();
    }
    case State::kData: {
      const ByteView part = consume(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_)));
      MIFENG_CHECK(handler_->data(part));
      left_ -= part.size();
      if (left_ != 0) return ok();
      state_ = padding_ != 0 ? State::kPadding : State::kHeader;
      return handler_->end();
    }
    case State::kPadding: {
      const ByteView part = consume(std::min(bytes.size(), padding_));
      if (!all_zero(part)) return bad("padding that is not zero");
      padding_ -= part.size();
      if (padding_ == 0) state_ = State::kHeader;
      return ok();
    }
    case State::kEnded: return bad("something follows the end of the archive");
  }
  return ok();
}

Result<void> TarReader::block() {
  const ByteView block(block_);
  if (all_zero(block)) {
    if (after_pax_) return bad("an extended header without an entry");
    state_ = state_ == State::kSecondZero ? State::kEnded : State::kSecondZero;
    return ok();
  }
  if (state_ == State::kSecondZero) return bad("one zero block where the end has two");

  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i) sum += i >= 148 && i < 156 ? std::uint32_t{' '} : block_[i];
  if (octal_field(block, 148, 8) != sum) return bad("a header with a wrong checksum");
  if (as_text(block.subspan(257, 8)) != std::string_view("ustar\00000", 8)) return bad("a header that is not ustar");
  const auto name = text_field(block, 0, 100);
  const auto link = text_field(block, 157, 100);
  const auto prefix = text_field(block, 345, 155);
  const auto mode = octal_field(block, 100, 8);
  const auto size = octal_field(block, 124, 12);
  if (!name || !link || !prefix || !mode || !size || *mode > 07777) return bad("a header with a malformed field");
  if (!prefix->empty()) return bad("a header with a name in two parts");  // the writer uses a pax record instead
  const char type = static_cast<char>(block_[156]);

  if (type == 'x') {
    if (after_pax_) return bad("two extended headers in a row");
    if (*size == 0 || *size > kPaxMax) return bad("an extended header that is empty or too large");
    pax_.clear();
    left_ = *size;
    padding_ = (kTarBlock - *size % kTarBlock) % kTarBlock;
    state_ = State::kPax;
    return ok();
  }

  TarEntry entry;
  entry.path = pax_path_.value_or(std::string(*name));
  entry.link_target = pax_link_.value_or(std::string(*link));
  entry.size = pax_size_.value_or(*size);
  entry.mode = static_cast<std::uint32_t>(*mode);
  pax_path_.reset();
  pax_link_.reset();
  pax_size_.reset();
  after_pax_ = false;
  switch (type) {
    case '0': entry.type = TarEntry::Type::kFile; break;
    case '5': entry.type = TarEntry::Type::kDirectory; break;
    case '2':
      if (!limits_.symlinks) return bad("a link, which is not allowed here");
      entry.type = TarEntry::Type::kSymlink;
      break;
    default: return bad("an entry that is neither a file, a folder nor a link");
  }
  if (entry.type == TarEntry::Type::kDirectory) {
    if (!entry.path.ends_with('/')) return bad("a folder without a '/' at its end");
    entry.path.pop_back();
  }
  if (const auto complaint = check_entry_path(entry.path)) return bad(*complaint);
  if (entry.type != TarEntry::Type::kFile && entry.size != 0) return bad("content of what is not a file");
  if ((entry.type == TarEntry::Type::kSymlink) == entry.link_target.empty()) return bad("a link without a target");
  if (entry.path == previous_path_) return bad("the same path twice");
  previous_path_ = entry.path;
  if (++entries_ > limits_.entries) return bad("more entries than are allowed");
  if (entry.size > limits_.total_size - total_) return bad("more content than is allowed");
  total_ += entry.size;
  MIFENG_CHECK(handler_->entry(entry));
  left_ = entry.size;
  padding_ = static_cast<std::size_t>((kTarBlock - entry.size % kTarBlock) % kTarBlock);
  state_ = entry.size != 0 ? State::kData : State::kHeader;
  if (entry.size == 0) return handler_->end();
  return ok();
}

// "LENGTH KEY=VALUE\n" and nothing else; only the three keys that the writer uses.
Result<void> TarReader::pax_records() {
  std::string_view rest = pax_;
  while (!rest.empty()) {
    std::size_t length = 0;
    const auto [stop, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    const auto digits = static_cast<std::size_t>(stop - rest.data());
    if (failure != std::errc{} || length > rest.size() || length < digits + 4 || rest[digits] != ' ' ||
        rest[0] == '0' || rest[length - 1] != '\n')
      return bad("a malformed extended header");
    const std::string_view record = rest.substr(digits + 1, length - digits - 2);
    rest.remove_prefix(length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) return bad("a malformed extended header");
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    if (key == "path" && !pax_path_) {
      pax_path_ = std::string(value);
    } else if (key == "linkpath" && !pax_link_) {
      if (value.find('\0') != std::string_view::npos) return bad("a malformed extended header");
      pax_link_ = std::string(value);
    } else if (key == "size" && !pax_size_) {
      std::uint64_t size = 0;
      const auto [end, bad_number] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (bad_number != std::errc{} || end != value.data() + value.size() || (value.size() > 1 && value[0] == '0'))
        return bad("a malformed extended header");
      pax_size_ = size;
    } else {
      return bad("an extended header with another key than path, linkpath and size");
    }
  }
  after_pax_ = true;
  return ok();
}

}  // namespace mifeng::archive

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "mifeng/archive/tar.h"

namespace mifeng::archive {
namespace {

constexpr std::uint64_t kOctalMax = 077777777777;  // 11 digits
constexpr std::size_t kNameSize = 100;
constexpr std::size_t kLinkSize = 100;

using Block = std::array<std::uint8_t, kTarBlock>;

void put_text(Block& block, std::size_t at, std::string_view text) {
  std::memcpy(block.data() + at, text.data(), text.size());
}
void put_octal(Block& block, std::size_t at, int digits, std::uint64_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
  put_text(block, at, text);
}

// Layout: POSIX.1-2017, pax, "ustar Interchange Format".
Block make_block(std::string_view name, char type, std::uint32_t mode, std::uint64_t size, std::string_view link) {
  Block block{};
  put_text(block, 0, name.substr(0, kNameSize));
  put_octal(block, 100, 7, mode);
  put_octal(block, 108, 7, 0);  // uid
  put_octal(block, 116, 7, 0);  // gid
  put_octal(block, 124, 11, size > kOctalMax ? 0 : size);
  put_octal(block, 136, 11, 0);  // mtime
  block[156] = static_cast<std::uint8_t>(type);
  put_text(block, 157, link.substr(0, kLinkSize));
  put_text(block, 257, std::string_view("ustar\0", 6));
  put_text(block, 263, "00");
  std::fill(block.begin() + 148, block.begin() + 156, static_cast<std::uint8_t>(' '));
  std::uint32_t sum = 0;
  for (const std::uint8_t byte : block) sum += byte;
  put_octal(block, 148, 6, sum);
  block[154] = 0;
  return block;
}

// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = 1 + key.size() + 1 + value.size() + 1;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

// A folder has a '/' at its end in the archive.
std::string stored_path(const TarEntry& entry) {
  return entry.type == TarEntry::Type::kDirectory ? entry.path + "/" : entry.path;
}

std::string pax_of(const TarEntry& entry) {
  std::string records;
  const std::string path = stored_path(entry);
  if (entry.link_target.size() > kLinkSize) records += pax_record("linkpath", entry.link_target);
  if (path.size() > kNameSize) records += pax_record("path", path);
  if (entry.size > kOctalMax) records += pax_record("size", std::to_string(entry.size));
  return records;
}

std::uint64_t padded(std::uint64_t size) { return (size + kTarBlock - 1) / kTarBlock * kTarBlock; }

Error bad_entry(const TarEntry& entry, const std::string& sentence) {
  return Error(ErrorCode::kInvalidArgument, "bad-entry", "\"" + entry.path + "\": " + sentence);
}

}  // namespace

std::optional<std::string> check_entry_path(std::string_view path) {
  if (path.empty()) return "an empty path";
  if (path.size() > 1024) return "a path of more than 1024 bytes";
  if (path.front() == '/') return "an absolute path";
  for (const char c : path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\')
      return "a path with a control character or a backslash";
  for (std::string_view rest = path;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return "a path with an empty, '.' or '..' part";
    if (part.size() > 255) return "a path with a part of more than 255 bytes";
    if (slash == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(slash + 1);
  }
}

std::uint64_t tar_entry_size(const TarEntry& entry) {
  const std::string pax = pax_of(entry);
  const std::uint64_t content = entry.type == TarEntry::Type::kFile ? padded(entry.size) : 0;
  return (pax.empty() ? 0 : kTarBlock + padded(pax.size())) + kTarBlock + content;
}

Result<void> TarWriter::put(ByteView bytes) {
  bytes_ += bytes.size();
  return sink_(bytes);
}

Result<void> TarWriter::header(const TarEntry& entry) {
  const std::string pax = pax_of(entry);
  if (!pax.empty()) {
    MIFENG_CHECK(put(make_block("pax", 'x', 0644, pax.size(), "")));
    Bytes content = to_bytes(pax);
    content.resize(padded(content.size()));
    MIFENG_CHECK(put(content));
  }
  const char type = entry.type == TarEntry::Type::kFile ? '0' : entry.type == TarEntry::Type::kDirectory ? '5' : '2';
  return put(make_block(stored_path(entry), type, entry.mode & 07777, entry.size, entry.link_target));
}

Result<void> TarWriter::add(const TarEntry& entry) {
  if (left_ != 0) return bad_entry(entry, "the file before it is not complete");
  if (const auto complaint = check_entry_path(entry.path)) return bad_entry(entry, *complaint);
  if (entry.type != TarEntry::Type::kFile && entry.size != 0) return bad_entry(entry, "only a file has content");
  if ((entry.type == TarEntry::Type::kSymlink) == entry.link_target.empty())
    return bad_entry(entry, "a link has a target, and nothing else has");
  if (entry.link_target.find('\0') != std::string::npos) return bad_entry(entry, "a link's target holds a NUL");
  MIFENG_CHECK(header(entry));
  left_ = entry.size;
  padding_ = static_cast<std::uint32_t>(padded(entry.size) - entry.size);
  return ok();
}

Result<void> TarWriter::data(ByteView bytes) {
  if (bytes.size() > left_)
    return Error(ErrorCode::kInvalidArgument, "bad-entry", "a file grew while it was written to the archive");
  if (bytes.empty()) return ok();
  MIFENG_CHECK(put(bytes));
  left_ -= bytes.size();
  if (left_ != 0 || padding_ == 0) return ok();
  const Block zeros{};
  return put(ByteView(zeros).first(std::exchange(padding_, 0)));
}

Result<void> TarWriter::add_file(std::string_view path, ByteView content, std::uint32_t mode) {
  MIFENG_CHECK(add({std::string(path), TarEntry::Type::kFile, mode, content.size(), {}}));
  return data(content);
}

Result<void> TarWriter::finish() {
  if (left_ != 0)
    return Error(ErrorCode::kInvalidArgument, "bad-entry", "the last file of the archive is not complete");
  const std::array<std::uint8_t, 2 * kTarBlock> zeros{};
  return put(zeros);
}

}  // namespace mifeng::archive

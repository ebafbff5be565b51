// Reading and writing the fields of spec/key-socket.md: big-endian integers, strings and byte strings with their length
// before them.
#pragma once

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>

#include "mifeng/base/bytes.h"

namespace mifeng::proxy {

class WireWriter {
 public:
  explicit WireWriter(Bytes& out) : out_(out) {}
  template <typename Integer>
  WireWriter& number(Integer value) {
    append_be<Integer>(out_, value);
    return *this;
  }
  // The length is the caller's to keep under 65,536; what is longer is a programmer error.
  WireWriter& string(std::string_view text) { return bytes(as_bytes(text)); }
  WireWriter& bytes(ByteView data) {
    assert(data.size() <= 0xffff);
    append_be<std::uint16_t>(out_, static_cast<std::uint16_t>(data.size()));
    append(out_, data);
    return *this;
  }
  WireWriter& raw(ByteView data) {
    append(out_, data);
    return *this;
  }

 private:
  Bytes& out_;
};

// After the first read that does not fit every read gives zeros and ok() stays false: check once at the end, and before
// a count is used to allocate.
class WireReader {
 public:
  explicit WireReader(ByteView in) : in_(in) {}

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && in_.empty(); }
  std::size_t left() const { return in_.size(); }
  void fail() {
    ok_ = false;
    in_ = {};
  }

  template <typename Integer>
  Integer number() {
    const ByteView from = raw(sizeof(Integer));
    return from.size() == sizeof(Integer) ? load_be<Integer>(from) : Integer{0};
  }
  ByteView raw(std::size_t size) {
    if (!ok_ || in_.size() < size) {
      fail();
      return {};
    }
    const ByteView taken = in_.first(size);
    in_ = in_.subspan(size);
    return taken;
  }
  ByteView bytes() { return raw(number<std::uint16_t>()); }
  std::string string() { return std::string(as_text(bytes())); }
  // How many items follow, each of at least `item_size_min` bytes: a count that cannot fit is an error before anything
  // is allocated for it.
  std::uint32_t count(std::size_t item_size_min, std::uint32_t count_max) {
    const auto count = number<std::uint32_t>();
    if (count > count_max || count > in_.size() / item_size_min) {
      fail();
      return 0;
    }
    return count;
  }
  // Of which bits a byte may have, all others being zero.
  std::uint8_t flags(std::uint8_t allowed) {
    const auto value = number<std::uint8_t>();
    if ((value & ~allowed) != 0) fail();
    return value;
  }

 private:
  ByteView in_;
  bool ok_ = true;
};

}  // namespace mifeng::proxy

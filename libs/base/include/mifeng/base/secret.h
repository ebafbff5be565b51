// Memory for keys: locked against swap, left out of core files, wiped when it goes, unprintable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "mifeng/base/bytes.h"

namespace mifeng {

// Overwrites `size` bytes in a way that the compiler keeps.
void wipe(void* data, std::size_t size);

namespace detail {
// Blocks from one locked arena (mlock, MADV_DONTDUMP, MADV_WIPEONFORK is not set: children of a keyholder need
// nothing of it and exec at once). The arena grows by 64 KiB; where the limit of locked memory is reached it still
// serves, unlocked, and secret_memory_is_locked() says so. Thread-safe.
void* secret_allocate(std::size_t size);
void secret_free(void* block, std::size_t size);
}  // namespace detail

// Whether every block handed out so far lies in locked memory. Programs that hold keys say so at start.
bool secret_memory_is_locked();

// A byte string that is a secret. Not copyable by accident: clone() says that it happens.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size)
      : data_(size == 0 ? nullptr : static_cast<std::uint8_t*>(detail::secret_allocate(size))), size_(size) {}
  // Copies `bytes`; wiping the source is up to its owner.
  explicit SecretBytes(ByteView bytes) : SecretBytes(bytes.size()) {
    if (size_ != 0) std::memcpy(data_, bytes.data(), size_);
  }
  SecretBytes(SecretBytes&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      reset();
      data_ = std::exchange(other.data_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { reset(); }

  SecretBytes clone() const { return SecretBytes(ByteView(data_, size_)); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The only ways to the bytes, by what becomes of them. A review searches for `reveal_for_`, and for the last two
  // first.
  ByteView reveal_for_computing() const { return {data_, size_}; }  // into cryptography, or a comparison
  ByteView reveal_for_copying() const { return {data_, size_}; }    // into another secret
  ByteView reveal_for_parsing() const { return {data_, size_}; }    // into values of this process, which are secret too
  ByteView reveal_for_output() const { return {data_, size_}; }  // out of this process, or into memory like any other
  MutableBytes reveal_for_writing() { return {data_, size_}; }

 private:
  void reset() {
    if (data_ != nullptr) detail::secret_free(data_, size_);
    data_ = nullptr;
    size_ = 0;
  }

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

// A secret of exactly N bytes (a key). Zero when made.
template <std::size_t N>
class Secret {
 public:
  Secret() : bytes_(N) { std::memset(bytes_.reveal_for_writing().data(), 0, N); }
  explicit Secret(std::span<const std::uint8_t, N> bytes) : bytes_(ByteView(bytes)) {}
  Secret(Secret&&) noexcept = default;
  Secret& operator=(Secret&&) noexcept = default;

  Secret clone() const { return Secret(reveal_for_copying()); }
  static constexpr std::size_t size() { return N; }

  std::span<const std::uint8_t, N> reveal_for_computing() const { return whole(); }
  std::span<const std::uint8_t, N> reveal_for_copying() const { return whole(); }
  std::span<const std::uint8_t, N> reveal_for_output() const { return whole(); }
  std::span<std::uint8_t, N> reveal_for_writing() {
    return std::span<std::uint8_t, N>(bytes_.reveal_for_writing().data(), N);
  }

  // In constant time.
  friend bool operator==(const Secret& a, const Secret& b) { return equal_in_constant_time(a.whole(), b.whole()); }

 private:
  std::span<const std::uint8_t, N> whole() const {
    return std::span<const std::uint8_t, N>(bytes_.reveal_for_computing().data(), N);
  }

  SecretBytes bytes_;
};

}  // namespace mifeng

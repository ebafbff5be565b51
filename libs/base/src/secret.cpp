#include "mifeng/base/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>

namespace mifeng {

void wipe(void* data, std::size_t size) {
  if (size != 0) ::explicit_bzero(data, size);  // an empty buffer may have no address
}

namespace detail {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::size_t kSmallest = 32;
constexpr std::size_t kLargestClass = 16 * 1024;  // what is larger has a mapping of its own

std::atomic<bool> g_all_locked{true};

void* map_locked(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();  // no memory for a key: nothing sensible can go on
  // The system call itself: sanitizers replace mlock() with a function that does nothing.
  if (::syscall(SYS_mlock, memory, size) != 0) g_all_locked = false;
  ::madvise(memory, size, MADV_DONTDUMP);
  return memory;
}

// mlock does not nest: unlocking one block's page would unlock its neighbours. So pages come in chunks that stay locked
// for the life of the process, and blocks in power-of-two classes with a free list each. The one process-wide object
// of this library: locked memory is a limit of the process.
class Arena {
 public:
  void* allocate(std::size_t size) {
    const std::lock_guard lock(mutex_);
    FreeBlock*& head = free_[class_of(size)];
    if (head == nullptr) refill(size);
    FreeBlock* block = head;
    head = block->next;
    block->next = nullptr;
    return block;
  }
  void free(void* memory, std::size_t size) {
    const std::lock_guard lock(mutex_);
    FreeBlock*& head = free_[class_of(size)];
    head = new (memory) FreeBlock{head};
  }
  static std::size_t rounded(std::size_t size) { return std::bit_ceil(size < kSmallest ? kSmallest : size); }

 private:
  struct FreeBlock {
    FreeBlock* next;
  };
  static std::size_t class_of(std::size_t size) {
    return static_cast<std::size_t>(std::countr_zero(rounded(size)) - std::countr_zero(kSmallest));
  }
  void refill(std::size_t size) {
    auto* chunk = static_cast<std::uint8_t*>(map_locked(kChunk));
    FreeBlock*& head = free_[class_of(size)];
    for (std::size_t at = 0; at < kChunk; at += rounded(size)) head = new (chunk + at) FreeBlock{head};
  }

  std::mutex mutex_;
  std::array<FreeBlock*, 16> free_{};
};

Arena& arena() {
  static Arena* const instance = new Arena;  // never destroyed: secrets in statics may outlive it otherwise
  return *instance;
}

}  // namespace

void* secret_allocate(std::size_t size) { return size > kLargestClass ? map_locked(size) : arena().allocate(size); }

void secret_free(void* block, std::size_t size) {
  wipe(block, size);
  if (size > kLargestClass) {
    ::munmap(block, size);
  } else {
    arena().free(block, size);
  }
}

}  // namespace detail

bool secret_memory_is_locked() { return detail::g_all_locked; }

}  // namespace mifeng

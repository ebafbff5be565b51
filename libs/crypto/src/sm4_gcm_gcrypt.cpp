#include "sm4_gcm_gcrypt.h"

#include <gcrypt.h>

#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "mifeng/base/guarded.h"
#include "mifeng/base/secret.h"

namespace mifeng::crypto {
namespace {

struct HandleCloser {
  void operator()(gcry_cipher_handle* handle) const { gcry_cipher_close(handle); }  // wipes
};
using Handle = std::unique_ptr<gcry_cipher_handle, HandleCloser>;

// libgcrypt wants to be initialised once in a process, and leaves it to the program who does so. We are a library, so
// the first of us does, unless somebody has.
bool initialize_gcrypt() {
  static const bool done = [] {
    if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P) != 0) return true;
    if (gcry_check_version("1.10.0") == nullptr) return false;
    // Its own locked memory is 32 KiB in all and is asked for by capability games; ours is not used through it.
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    return true;
  }();
  return done && gcry_cipher_test_algo(GCRY_CIPHER_SM4) == 0;
}

// Spent contexts, so that a stream does not pay for making one (bench/results/crypto.json). Their key is overwritten
// before they come here.
class HandlePool {
 public:
  Handle take() {
    {
      const std::lock_guard lock(mutex_);
      if (!spare_.empty()) {
        Handle handle = std::move(spare_.back());
        spare_.pop_back();
        return handle;
      }
    }
    gcry_cipher_hd_t handle = nullptr;
    if (gcry_cipher_open(&handle, GCRY_CIPHER_SM4, GCRY_CIPHER_MODE_GCM, 0) != 0) return nullptr;
    return Handle(handle);
  }
  void give_back(Handle handle) {
    static constexpr std::array<std::uint8_t, kSm4KeySize> kZero{};
    if (gcry_cipher_setkey(handle.get(), kZero.data(), kZero.size()) != 0) return;
    const std::lock_guard lock(mutex_);
    if (spare_.size() < kSpareMax) spare_.push_back(std::move(handle));
  }
  HandlePool() { spare_.reserve(kSpareMax); }

 private:
  static constexpr std::size_t kSpareMax = 32;
  std::mutex mutex_;
  std::vector<Handle> spare_;
};

class GcryptCipher final : public Sm4GcmCipher {
 public:
  GcryptCipher(HandlePool& pool, Handle handle) : pool_(pool), handle_(std::move(handle)) {}
  ~GcryptCipher() override { pool_.give_back(std::move(handle_)); }

  void seal(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, GcmTag tag) override {
    start(nonce, additional);
    check(gcry_cipher_encrypt(handle_.get(), out.data(), out.size(), in.data(), in.size()));
    check(gcry_cipher_gettag(handle_.get(), tag.data(), tag.size()));
  }

  bool open(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, ConstGcmTag tag) override {
    start(nonce, additional);
    check(gcry_cipher_decrypt(handle_.get(), out.data(), out.size(), in.data(), in.size()));
    // Compares in constant time.
    if (gcry_cipher_checktag(handle_.get(), tag.data(), tag.size()) == 0) return true;
    wipe(out.data(), out.size());
    return false;
  }

 private:
  void start(GcmNonce nonce, ByteView additional) {
    check(gcry_cipher_reset(handle_.get()));
    check(gcry_cipher_setiv(handle_.get(), nonce.data(), nonce.size()));
    if (!additional.empty()) check(gcry_cipher_authenticate(handle_.get(), additional.data(), additional.size()));
    check(gcry_cipher_final(handle_.get()));
  }
  // None of these can fail for arguments of the right size; going on unencrypted would be the one wrong answer.
  static void check(gcry_error_t error) {
    if (error != 0) std::abort();
  }

  HandlePool& pool_;
  Handle handle_;
};

class GcryptProvider final : public Sm4GcmProvider {
 public:
  GcryptProvider() : name_(std::string("libgcrypt ") + gcry_check_version(nullptr)) {}

  Result<std::unique_ptr<Sm4GcmCipher>> cipher(Sm4Key key) override {
    return guarded([&]() -> Result<std::unique_ptr<Sm4GcmCipher>> {
      Handle handle = pool_.take();
      if (!handle) return out_of_memory();
      if (gcry_cipher_setkey(handle.get(), key.data(), key.size()) != 0)
        return Error(ErrorCode::kInternal, "no-sm4-gcm", "libgcrypt refused an SM4 key");
      return std::unique_ptr<Sm4GcmCipher>(std::make_unique<GcryptCipher>(pool_, std::move(handle)));
    });
  }
  const char* name() const override { return name_.c_str(); }

 private:
  HandlePool pool_;
  std::string name_;
};

}  // namespace

Result<std::unique_ptr<Sm4GcmProvider>> create_gcrypt_provider() {
  return guarded([]() -> Result<std::unique_ptr<Sm4GcmProvider>> {
    if (!initialize_gcrypt())
      return Error(ErrorCode::kInternal, "no-sm4-gcm",
                   "libgcrypt 1.10 or later with SM4 is needed (Debian: libgcrypt20)");
    return std::unique_ptr<Sm4GcmProvider>(std::make_unique<GcryptProvider>());
  });
}

}  // namespace mifeng::crypto

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

// None of these can fail for arguments of the right size; going on unencrypted would be the one wrong answer.
void check(gcry_error_t error) {
  if (error != 0) std::abort();
}

// A text in pieces; libgcrypt keeps what a cut went through as well.
class GcryptStream final : public Sm4GcmStream {
 public:
  explicit GcryptStream(gcry_cipher_handle* handle) : handle_(handle) {}

  void begin(GcmNonce nonce, ByteView additional, std::size_t) override {
    check(gcry_cipher_reset(handle_));
    check(gcry_cipher_setiv(handle_, nonce.data(), nonce.size()));
    if (!additional.empty()) check(gcry_cipher_authenticate(handle_, additional.data(), additional.size()));
  }
  void seal(ByteView in, MutableBytes out) override {
    if (!in.empty()) check(gcry_cipher_encrypt(handle_, out.data(), out.size(), in.data(), in.size()));
  }
  void finish(GcmTag tag) override { check(gcry_cipher_gettag(handle_, tag.data(), tag.size())); }
  void open_unverified(ByteView in, MutableBytes out) override {
    if (!in.empty()) check(gcry_cipher_decrypt(handle_, out.data(), out.size(), in.data(), in.size()));
  }
  bool verify(ConstGcmTag tag) override {  // compares in constant time
    return gcry_cipher_checktag(handle_, tag.data(), tag.size()) == 0;
  }

 private:
  gcry_cipher_handle* handle_;
};

class GcryptCipher final : public Sm4GcmCipher {
 public:
  GcryptCipher(HandlePool& pool, Handle handle) : pool_(pool), handle_(std::move(handle)) {}
  ~GcryptCipher() override { pool_.give_back(std::move(handle_)); }

  void seal(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, GcmTag tag) override {
    const GcmPiece piece{in, out};
    seal(nonce, additional, std::span(&piece, 1), tag);
  }
  bool open(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, ConstGcmTag tag) override {
    const GcmPiece piece{in, out};
    return open(nonce, additional, std::span(&piece, 1), tag);
  }
  void seal(GcmNonce nonce, ByteView additional, std::span<const GcmPiece> pieces, GcmTag tag) override {
    GcryptStream text(handle_.get());
    text.begin(nonce, additional, 0);
    for (const GcmPiece& piece : pieces) text.seal(piece.in, piece.out);
    text.finish(tag);
  }
  bool open(GcmNonce nonce, ByteView additional, std::span<const GcmPiece> pieces, ConstGcmTag tag) override {
    GcryptStream text(handle_.get());
    text.begin(nonce, additional, 0);
    for (const GcmPiece& piece : pieces) text.open_unverified(piece.in, piece.out);
    if (text.verify(tag)) return true;
    for (const GcmPiece& piece : pieces) wipe(piece.out.data(), piece.out.size());
    return false;
  }
  Result<std::unique_ptr<Sm4GcmStream>> stream() override {
    return guarded([&]() -> Result<std::unique_ptr<Sm4GcmStream>> {
      return std::unique_ptr<Sm4GcmStream>(std::make_unique<GcryptStream>(handle_.get()));
    });
  }

 private:
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

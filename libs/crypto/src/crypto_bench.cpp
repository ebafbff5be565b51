// SM3, HMAC-SM3, SM4-GCM and SM2 by each library that is here, so that the choice between them rests on numbers.
#include <benchmark/benchmark.h>
#include <gcrypt.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "mifeng/crypto/hmac_sm3.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/crypto/sm3_many.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "sm4_gcm_gcrypt.h"

namespace mifeng::crypto {
namespace {

void count_bytes(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(size));
}

Bytes data_of(const benchmark::State& state) { return Bytes(static_cast<std::size_t>(state.range(0)), 0x5a); }

void sm3_ours(benchmark::State& state) {
  const Bytes data = data_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(sm3(data));
  count_bytes(state, data.size());
}
BENCHMARK(sm3_ours)->Arg(32)->Arg(1024)->Arg(1 << 20);

void sm3_many_4096(benchmark::State& state) {
  const Bytes data(static_cast<std::size_t>(state.range(0)) * 4096, 0x5a);
  std::vector<Sm3Digest> digests(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    sm3_many(data, 4096, digests);
    benchmark::DoNotOptimize(digests.data());
  }
  count_bytes(state, data.size());
}
BENCHMARK(sm3_many_4096)->Arg(1)->Arg(3)->Arg(4)->Arg(8)->Arg(16)->Arg(256);

void sm3_openssl(benchmark::State& state) {
  const Bytes data = data_of(state);
  EVP_MD* md = EVP_MD_fetch(nullptr, "SM3", nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::array<std::uint8_t, 32> out{};
  for (auto _ : state) {
    EVP_DigestInit_ex2(context, md, nullptr);
    EVP_DigestUpdate(context, data.data(), data.size());
    EVP_DigestFinal_ex(context, out.data(), nullptr);
    benchmark::DoNotOptimize(out);
  }
  EVP_MD_CTX_free(context);
  EVP_MD_free(md);
  count_bytes(state, data.size());
}
BENCHMARK(sm3_openssl)->Arg(32)->Arg(1024)->Arg(1 << 20);

void sm3_gcrypt(benchmark::State& state) {
  const Bytes data = data_of(state);
  gcry_md_hd_t handle = nullptr;
  gcry_md_open(&handle, GCRY_MD_SM3, 0);
  for (auto _ : state) {
    gcry_md_reset(handle);
    gcry_md_write(handle, data.data(), data.size());
    benchmark::DoNotOptimize(gcry_md_read(handle, GCRY_MD_SM3));
  }
  gcry_md_close(handle);
  count_bytes(state, data.size());
}
BENCHMARK(sm3_gcrypt)->Arg(32)->Arg(1024)->Arg(1 << 20);

// A short MAC under a key that is kept: what a response needs four times.
void hmac_ours(benchmark::State& state) {
  const HmacSm3Key key(as_bytes("a key of thirty-two bytes, nearly"));
  const Bytes data = data_of(state);
  for (auto _ : state) benchmark::DoNotOptimize(HmacSm3(key).update(data).finish());
}
BENCHMARK(hmac_ours)->Arg(32);

void hmac_openssl(benchmark::State& state) {
  const Bytes data = data_of(state);
  EVP_MD* md = EVP_MD_fetch(nullptr, "SM3", nullptr);
  const std::array<std::uint8_t, 64> pad{};
  EVP_MD_CTX* inner = EVP_MD_CTX_new();
  EVP_MD_CTX* outer = EVP_MD_CTX_new();
  EVP_MD_CTX* work = EVP_MD_CTX_new();
  for (EVP_MD_CTX* context : {inner, outer}) {
    EVP_DigestInit_ex2(context, md, nullptr);
    EVP_DigestUpdate(context, pad.data(), pad.size());
  }
  std::array<std::uint8_t, 32> out{};
  for (auto _ : state) {
    EVP_MD_CTX_copy_ex(work, inner);
    EVP_DigestUpdate(work, data.data(), data.size());
    EVP_DigestFinal_ex(work, out.data(), nullptr);
    EVP_MD_CTX_copy_ex(work, outer);
    EVP_DigestUpdate(work, out.data(), out.size());
    EVP_DigestFinal_ex(work, out.data(), nullptr);
    benchmark::DoNotOptimize(out);
  }
  for (EVP_MD_CTX* context : {inner, outer, work}) EVP_MD_CTX_free(context);
  EVP_MD_free(md);
}
BENCHMARK(hmac_openssl)->Arg(32);

void sm4_gcm_provider(benchmark::State& state) {
  const auto provider = Sm4GcmProvider::create().value();
  const std::array<std::uint8_t, 16> key{1};
  const std::array<std::uint8_t, 12> nonce{};
  std::array<std::uint8_t, 16> tag{};
  const auto cipher = provider->cipher(key).value();
  Bytes data = data_of(state);
  for (auto _ : state) {
    cipher->seal(nonce, as_bytes("0123"), data, data, tag);
    benchmark::DoNotOptimize(tag);
  }
  count_bytes(state, data.size());
  state.SetLabel(provider->name());
}
BENCHMARK(sm4_gcm_provider)->Arg(0)->Arg(1024)->Arg(65536)->Arg(1 << 20);

// Key set-up and one short message: what each response pays once.
void sm4_gcm_new_key(benchmark::State& state) {
  const auto provider = Sm4GcmProvider::create().value();
  std::array<std::uint8_t, 16> key{1};
  for (auto _ : state) {
    ++key[3];
    benchmark::DoNotOptimize(provider->cipher(key).value());
  }
}
BENCHMARK(sm4_gcm_new_key);

void sm4_ctr_openssl(benchmark::State& state) {  // it has no SM4-GCM: this is the share without GHASH
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, "SM4-CTR", nullptr);
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  const std::array<std::uint8_t, 16> key{1};
  const std::array<std::uint8_t, 16> nonce{};
  Bytes data = data_of(state);
  for (auto _ : state) {
    int size = 0;
    EVP_EncryptInit_ex2(context, cipher, key.data(), nonce.data(), nullptr);
    EVP_EncryptUpdate(context, data.data(), &size, data.data(), static_cast<int>(data.size()));
    benchmark::DoNotOptimize(size);
  }
  EVP_CIPHER_CTX_free(context);
  EVP_CIPHER_free(cipher);
  count_bytes(state, data.size());
}
BENCHMARK(sm4_ctr_openssl)->Arg(1024)->Arg(65536)->Arg(1 << 20);

// By the tier that is OpenSSL; sm2_bench has both.
void sm2_sign_openssl(benchmark::State& state) {
  const auto key = Sm2PrivateKey::generate().value();
  for (auto _ : state) benchmark::DoNotOptimize(key.sign(as_bytes("message"), Sm2Tier::kOpenSsl).value());
}
BENCHMARK(sm2_sign_openssl);

void sm2_verify_openssl(benchmark::State& state) {
  const auto key = Sm2PrivateKey::generate().value();
  const Bytes signature = key.sign(as_bytes("message")).value();
  for (auto _ : state)
    if (!key.public_key().verify(as_bytes("message"), signature, Sm2Tier::kOpenSsl)) state.SkipWithError("refused");
}
BENCHMARK(sm2_verify_openssl);

void sm2_encrypt_openssl(benchmark::State& state) {
  const auto key = Sm2PrivateKey::generate().value();
  for (auto _ : state) benchmark::DoNotOptimize(key.public_key().encrypt(Bytes(16)).value());
}
BENCHMARK(sm2_encrypt_openssl);

void sm2_decrypt_openssl(benchmark::State& state) {
  const auto key = Sm2PrivateKey::generate().value();
  const Bytes ciphertext = key.public_key().encrypt(Bytes(16)).value();
  for (auto _ : state) benchmark::DoNotOptimize(key.decrypt(ciphertext, Sm2Tier::kOpenSsl).value());
}
BENCHMARK(sm2_decrypt_openssl);

// libgcrypt's SM2, for comparison; Mifeng does not use it.
class GcryptSm2 {
 public:
  GcryptSm2() {
    gcry_sexp_t parameters = nullptr;
    gcry_sexp_build(&parameters, nullptr, "(genkey (ecc (curve sm2p256v1)))");
    gcry_pk_genkey(&pair_, parameters);
    gcry_sexp_release(parameters);
    private_ = gcry_sexp_find_token(pair_, "private-key", 0);
    public_ = gcry_sexp_find_token(pair_, "public-key", 0);
    const std::array<std::uint8_t, 32> digest{1, 2, 3};
    gcry_sexp_build(&hash_, nullptr, "(data (flags sm2) (hash sm3 %b))", static_cast<int>(digest.size()),
                    digest.data());
    gcry_sexp_build(&plain_, nullptr, "(data (flags sm2) (hash-algo sm3) (value %b))", 16, digest.data());
  }
  ~GcryptSm2() {
    for (gcry_sexp_t part : {pair_, private_, public_, hash_, plain_}) gcry_sexp_release(part);
  }
  gcry_sexp_t pair_ = nullptr, private_ = nullptr, public_ = nullptr, hash_ = nullptr, plain_ = nullptr;
};

void sm2_sign_gcrypt(benchmark::State& state) {
  const GcryptSm2 key;
  for (auto _ : state) {
    gcry_sexp_t signature = nullptr;
    if (gcry_pk_sign(&signature, key.hash_, key.private_) != 0) state.SkipWithError("cannot sign");
    gcry_sexp_release(signature);
  }
}
BENCHMARK(sm2_sign_gcrypt);

void sm2_verify_gcrypt(benchmark::State& state) {
  const GcryptSm2 key;
  gcry_sexp_t signature = nullptr;
  if (gcry_pk_sign(&signature, key.hash_, key.private_) != 0) state.SkipWithError("cannot sign");
  for (auto _ : state)
    if (gcry_pk_verify(signature, key.hash_, key.public_) != 0) state.SkipWithError("refused");
  gcry_sexp_release(signature);
}
BENCHMARK(sm2_verify_gcrypt);

void sm2_decrypt_gcrypt(benchmark::State& state) {
  const GcryptSm2 key;
  gcry_sexp_t sealed = nullptr;
  if (gcry_pk_encrypt(&sealed, key.plain_, key.public_) != 0) state.SkipWithError("cannot encrypt");
  for (auto _ : state) {
    gcry_sexp_t plain = nullptr;
    if (gcry_pk_decrypt(&plain, sealed, key.private_) != 0) state.SkipWithError("cannot decrypt");
    gcry_sexp_release(plain);
  }
  gcry_sexp_release(sealed);
}
BENCHMARK(sm2_decrypt_gcrypt);

}  // namespace
}  // namespace mifeng::crypto

int main(int argc, char** argv) {
  // Initialises libgcrypt, for the benchmarks that call it directly.
  if (!mifeng::crypto::create_gcrypt_provider()) return 1;
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}

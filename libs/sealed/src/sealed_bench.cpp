// What a sealed stream costs: a response with its root key in the cache, one without, a payload.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "mifeng/sealed/body_digest.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::sealed {
namespace {

struct Fixture {
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  crypto::Sm2PrivateKey receiver = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PrivateKey signer = crypto::Sm2PrivateKey::generate().value();
  std::vector<crypto::Sm2PublicKey> recipients = {receiver.public_key()};
  SenderKey key = make_key();
  Bytes context = response_context({.request_id = "000102030405060708090a0b0c0d0e0f",
                                    .status = 200,
                                    .content_type = "application/json",
                                    .content_encoding = "",
                                    .method = "POST",
                                    .target = "/predict",
                                    .body_digest = std::string(64, 'a')})
                      .value();
  Policy policy = [] {
    Policy made;
    made.kind = Kind::kResponse;
    made.exponent_max = kResponseExponentMax;
    made.signature = SignatureRule::kRequired;
    return made;
  }();

  SenderKey make_key() {
    SenderKeyOptions options;
    options.kind = Kind::kResponse;
    options.recipients = recipients;
    options.signer = &signer;
    return SenderKey::create(options, random).value();
  }
  Bytes stream(std::size_t size) { return seal(key, {.context = context}, Bytes(size), random, *provider).value(); }
};

void per_byte(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

// As the gateway does it: header parsed, root key and digest of the blocks found by the header's bytes, then opened.
void open_response_cached(benchmark::State& state) {
  Fixture f;
  const Bytes stream = f.stream(static_cast<std::size_t>(state.range(0)));
  const auto first = Header::parse(stream, f.policy).value();
  const RootKey root_key = unwrap_root_key(first, f.receiver).value();
  const crypto::Sm3Digest blocks_digest = crypto::sm3(first.blocks());
  for (auto _ : state) {
    auto header = Header::parse(stream, f.policy).value();
    ByteView rest = ByteView(stream).subspan(header.size());
    auto opener = Opener::resume(f.policy, std::move(header), root_key, f.context, *f.provider, &blocks_digest).value();
    while (!rest.empty()) benchmark::DoNotOptimize(opener.next(rest).value());
    if (!opener.finish()) state.SkipWithError("refused");
  }
  per_byte(state);
}
BENCHMARK(open_response_cached)->Arg(0)->Arg(1024)->Arg(65536)->Arg(1 << 20);

// As it comes through a proxy's buffers, of which a segment fills several.
void open_response_in_buffers(benchmark::State& state) {
  constexpr std::size_t kBuffer = 8192;
  Fixture f;
  const Bytes stream = f.stream(static_cast<std::size_t>(state.range(0)));
  const auto first = Header::parse(stream, f.policy).value();
  const RootKey root_key = unwrap_root_key(first, f.receiver).value();
  const crypto::Sm3Digest blocks_digest = crypto::sm3(first.blocks());
  for (auto _ : state) {
    auto header = Header::parse(stream, f.policy).value();
    ByteView rest = ByteView(stream).subspan(header.size());
    auto opener = Opener::resume(f.policy, std::move(header), root_key, f.context, *f.provider, &blocks_digest).value();
    while (!rest.empty()) {
      ByteView buffer = rest.first(std::min(kBuffer, rest.size()));
      rest = rest.subspan(buffer.size());
      while (!buffer.empty()) benchmark::DoNotOptimize(opener.next(buffer).value());
    }
    if (!opener.finish()) state.SkipWithError("refused");
  }
  per_byte(state);
}
BENCHMARK(open_response_in_buffers)->Arg(1024)->Arg(65536)->Arg(1 << 20);

void open_response_with_private_key(benchmark::State& state) {
  Fixture f;
  const Bytes stream = f.stream(static_cast<std::size_t>(state.range(0)));
  f.policy.signer = f.signer.public_key();
  for (auto _ : state) benchmark::DoNotOptimize(open(f.policy, f.receiver, f.context, stream, *f.provider).value());
}
BENCHMARK(open_response_with_private_key)->Arg(1024);

void seal_response(benchmark::State& state) {
  Fixture f;
  const Bytes plaintext(static_cast<std::size_t>(state.range(0)));
  Bytes out;
  std::size_t left = kResponseStreamsMax;
  for (auto _ : state) {
    if (--left == 0) {
      state.PauseTiming();
      f.key = f.make_key();
      left = kResponseStreamsMax;
      state.ResumeTiming();
    }
    auto sealer = Sealer::create(f.key, {.context = f.context}, f.random, *f.provider).value();
    std::size_t at = sealer.header().size();
    out.resize(at + plaintext.size() + (plaintext.size() / sealer.segment_size() + 1) * kSegmentOverhead);
    std::copy(sealer.header().begin(), sealer.header().end(), out.begin());
    ByteView rest = plaintext;
    while (!sealer.finished()) at += sealer.next(rest, Sealer::After::kLast, MutableBytes(out).subspan(at)).value();
    benchmark::DoNotOptimize(out.data());
  }
  per_byte(state);
}
BENCHMARK(seal_response)->Arg(0)->Arg(1024)->Arg(65536)->Arg(1 << 20);

void make_sender_key(benchmark::State& state) {
  Fixture f;
  for (auto _ : state) benchmark::DoNotOptimize(f.make_key());
}
BENCHMARK(make_sender_key);

void build_response_context(benchmark::State& state) {
  const std::string id = "000102030405060708090a0b0c0d0e0f";
  const std::string digest(64, 'a');
  for (auto _ : state)
    benchmark::DoNotOptimize(response_context({.request_id = id,
                                               .status = 200,
                                               .content_type = "application/json",
                                               .content_encoding = "",
                                               .method = "POST",
                                               .target = "/predict",
                                               .body_digest = digest})
                                 .value());
}
BENCHMARK(build_response_context);

void digest_body(benchmark::State& state) {
  const Bytes body(static_cast<std::size_t>(state.range(0)), 7);
  for (auto _ : state) benchmark::DoNotOptimize(body_digest(body));
  per_byte(state);
}
BENCHMARK(digest_body)->Arg(1024)->Arg(1 << 20);

}  // namespace
}  // namespace mifeng::sealed

BENCHMARK_MAIN();

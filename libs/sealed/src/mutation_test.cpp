// Streams that were tampered with: none is accepted, and what is released before the refusal is exactly the plaintext
// of the whole segments that stand unchanged before the first change. What that is, is found by comparing bytes.
//
// MIFENG_MUTANTS is how many are tried (20,000), MIFENG_MUTANTS_SEED where the choice of them begins. Keys are new at
// each run; a failure prints what it takes to open that stream again.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <set>

#include "limits_seam.h"
#include "mifeng/sealed/failure.h"
#include "mifeng/sealed/open.h"
#include "mifeng/sealed/seal.h"
#include "mifeng/sealed_fixture/feed.h"
#include "mutants.h"

namespace mifeng::sealed {
namespace {

using testing::Chance;
using testing::dissect;
using testing::Dissected;
using testing::Mutation;

std::size_t from_environment(const char* name, std::size_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

// Streams of one kind, as one receiver may get them.
struct Family {
  Kind kind;
  Segmentation segmentation;
  std::vector<std::size_t> segments;  // their sizes
  std::size_t recipients;
};

const std::vector<Family>& families() {
  static const std::vector<Family> all = {
      {Kind::kPayload, Segmentation::kFixed, {1024, 1024, 1024, 300}, 2},
      {Kind::kPayload, Segmentation::kFixed, {1024, 1024, 0}, 1},
      {Kind::kResponse, Segmentation::kFlushed, {5, 0, 1024, 5, 7, 0}, 1},
      {Kind::kResponse, Segmentation::kFlushed, {16, 16, 16, 16}, 2},
      {Kind::kResponse, Segmentation::kFixed, {20}, 1},
      {Kind::kResponse, Segmentation::kFixed, {0}, 1},
      {Kind::kGrant, Segmentation::kFixed, {1024, 40}, 1},
  };
  return all;
}

// How a receiver comes to the root key.
enum class Way { kGranted, kPrivateKey, kCached };

struct Outcome {
  Bytes released;
  std::string reason;  // empty: accepted
};

class Target {
 public:
  explicit Target(const Family& family) : family_(family) {
    const SenderKey key = make_key(receiver_, signer_);
    const SenderKey second_key = make_key(receiver_, signer_);
    const SenderKey foreign_key =
        make_key(crypto::Sm2PrivateKey::generate().value(), crypto::Sm2PrivateKey::generate().value());
    root_key_ = key.root_key().clone();
    streams_ = {make(key, context_), make(key, context_), make(key, to_bytes("of\nanother request")),
                make(second_key, context_), make(foreign_key, context_)};
    const Header header = Header::parse(own().bytes, {}).value();
    cache_key_ = header.cache_key();
    blocks_digest_ = crypto::sm3(header.blocks());
  }

  const Dissected& own() const { return streams_[0]; }
  // Under the same root key with the same context, with another; by the same signer under another root key; by others.
  std::span<const Dissected> donors() const { return std::span(streams_).subspan(1); }
  // The streams that open in this way.
  std::vector<const Dissected*> accepted(Way way) const {
    if (way == Way::kGranted) return {&streams_[0], &streams_[1]};
    return {&streams_[0], &streams_[1], &streams_[3]};
  }

  Outcome open(ByteView stream, Way way, Chance& chance) const {
    Outcome outcome;
    if (way == Way::kCached) {
      const auto header = Header::parse(stream, policy());
      if (header && header->cache_key() == cache_key_) {
        auto opener = Opener::resume(policy(), *header, *root_key_, context_, *provider_, &blocks_digest_);
        if (!opener) return {{}, opener.error().reason()};
        return feed(*opener, stream.subspan(header->size()), chance);
      }
    }
    Opener opener = way == Way::kGranted ? Opener(policy(), root_key_->clone(), context_, *provider_)
                                         : Opener(policy(), receiver_, context_, *provider_);
    return feed(opener, stream, chance);
  }

  std::string how_to_repeat() const {
    return "root key " + to_hex(root_key_->reveal_for_grant().reveal_for_computing()) + "\nprivate key " +
           to_hex(receiver_.scalar().reveal_for_computing()) + "\nsigner " + to_hex(signer_.public_key().point()) +
           "\ncontext " + to_hex(context_);
  }

 private:
  SenderKey make_key(const crypto::Sm2PrivateKey& receiver, const crypto::Sm2PrivateKey& signer) {
    std::vector<crypto::Sm2PublicKey> recipients = {receiver.public_key()};
    while (recipients.size() < family_.recipients)
      recipients.push_back(crypto::Sm2PrivateKey::generate().value().public_key());
    SenderKeyOptions options;
    options.kind = family_.kind;
    options.exponent = 10;
    options.recipients = recipients;
    options.signer = &signer;
    return SenderKey::create(options, random_).value();
  }

  Dissected make(const SenderKey& key, ByteView context) {
    // A grant's root key serves one stream; whoever has it could make more.
    auto copy = SenderKey::from_parts(key.parts(), key.root_key().clone()).value();
    auto sealer =
        Sealer::create(copy, {.segmentation = family_.segmentation, .context = context}, random_, *provider_).value();
    Bytes stream(sealer.header().begin(), sealer.header().end());
    Bytes plaintext;
    for (std::size_t i = 0; i < family_.segments.size(); ++i) {
      Bytes piece(family_.segments[i]);
      random_.fill(piece);
      Bytes segment(piece.size() + kSegmentOverhead);
      LimitsSeam::seal_segment(sealer, piece, i + 1 == family_.segments.size(), segment).value();
      append(stream, segment);
      append(plaintext, piece);
    }
    return dissect(std::move(stream), std::move(plaintext));
  }

  Policy policy() const {
    Policy made;
    made.kind = family_.kind;
    made.signature = SignatureRule::kRequired;
    made.signer = signer_.public_key();
    return made;
  }

  // Whole, byte by byte, or in pieces.
  static Outcome feed(Opener& opener, ByteView stream, Chance& chance) {
    Outcome outcome;
    const std::size_t most = std::array<std::size_t, 4>{1, 40, 1500, stream.size() + 1}[chance.below(4)];
    while (!stream.empty()) {
      const std::size_t size = std::min(most <= 1 ? 1 : 1 + chance.below(most), stream.size());
      const auto result = testing::feed(opener, stream.first(size), outcome.released);
      stream = stream.subspan(size);
      if (result) continue;
      outcome.reason = reason_of(result.error());
      // It stays refused, and nothing comes behind.
      const std::size_t released = outcome.released.size();
      const auto again = testing::feed(opener, stream, outcome.released);
      EXPECT_TRUE(!again && again.error().reason() == result.error().reason());
      EXPECT_EQ(outcome.released.size(), released);
      EXPECT_FALSE(opener.finished());
      return outcome;
    }
    if (const auto end = opener.finish(); !end) outcome.reason = reason_of(end.error());
    EXPECT_EQ(opener.finished(), outcome.reason.empty());
    return outcome;
  }

  // A stream that is refused has a class; anything else (no memory, a mistake of the caller) would be a fault of ours.
  static std::string reason_of(const Error& error) {
    EXPECT_TRUE(failure_class_of(error).has_value()) << error.reason();
    return error.reason();
  }

  const Family& family_;
  SystemRandom random_;
  std::unique_ptr<crypto::Sm4GcmProvider> provider_ = crypto::Sm4GcmProvider::create().value();
  crypto::Sm2PrivateKey receiver_ = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PrivateKey signer_ = crypto::Sm2PrivateKey::generate().value();
  Bytes context_ = to_bytes("of\nthis request");
  std::optional<RootKey> root_key_;
  std::vector<Dissected> streams_;
  std::string cache_key_;
  crypto::Sm3Digest blocks_digest_{};
};

// What may come out of `stream`: under the header of a stream that is good, its segments up to the first that differs.
ByteView may_release(ByteView stream, const std::vector<const Dissected*>& good) {
  const auto has = [&](const Dissected& whole, std::size_t begin, std::size_t size) {
    return stream.size() >= begin + size && std::equal(stream.begin() + static_cast<std::ptrdiff_t>(begin),
                                                       stream.begin() + static_cast<std::ptrdiff_t>(begin + size),
                                                       whole.bytes.begin() + static_cast<std::ptrdiff_t>(begin));
  };
  for (const Dissected* whole : good) {
    if (!has(*whole, 0, whole->header_size)) continue;
    std::size_t count = 0;
    while (count < whole->segments.size() && has(*whole, whole->segments[count].begin, whole->segments[count].size))
      ++count;
    return ByteView(whole->plaintext).first(whole->until[count]);
  }
  return {};
}

TEST(SealedMutants, AreRefusedAndNothingUnverifiedComesOut) {
  const std::size_t count = from_environment("MIFENG_MUTANTS", 20'000);
  const std::size_t seed = from_environment("MIFENG_MUTANTS_SEED", 1);
  std::vector<std::unique_ptr<Target>> targets;
  for (const Family& family : families()) targets.push_back(std::make_unique<Target>(family));

  std::map<std::string, std::size_t> classes;
  std::array<std::size_t, testing::kMutations> made{};
  std::array<std::size_t, testing::kMutations> released{};
  std::size_t mutants = 0;
  for (std::size_t i = 0; mutants < count; ++i) {
    Chance chance(seed * 0x100000001b3 + i);
    const Target& target = *targets[i % targets.size()];
    // SM2 takes most of the time where it is asked for.
    const Way way = chance.one_in(16) ? Way::kPrivateKey : chance.one_in(4) ? Way::kCached : Way::kGranted;
    const auto good = target.accepted(way);
    const bool control = i % 64 == 0;  // that a stream which nobody touched does open
    const auto mutation = static_cast<Mutation>(chance.below(testing::kMutations));
    Bytes stream = target.own().bytes;
    if (!control) {
      stream = testing::mutate(target.own(), target.donors(), mutation, chance);
      // A second change, now and then, at a place that the first one may have moved.
      if (chance.one_in(4) && !stream.empty()) stream[chance.below(stream.size())] ^= 1;
      if (std::any_of(good.begin(), good.end(), [&](const Dissected* whole) { return whole->bytes == stream; }))
        continue;
    }

    const Outcome outcome = target.open(stream, way, chance);
    const ByteView expected = may_release(stream, good);
    const auto report = [&] {
      return "seed " + std::to_string(seed) + ", number " + std::to_string(i) + ": " + to_string(mutation) +
             ", family " + std::to_string(i % targets.size()) + ", way " + std::to_string(static_cast<int>(way)) +
             ", " + (outcome.reason.empty() ? "accepted" : outcome.reason) + "\n" + target.how_to_repeat() +
             "\nstream " + to_hex(target.own().bytes) + "\nmutant " + to_hex(stream);
    };
    ASSERT_EQ(outcome.reason.empty(), control) << report();
    ASSERT_TRUE(std::equal(outcome.released.begin(), outcome.released.end(), expected.begin(), expected.end()))
        << "released " << to_hex(outcome.released) << "\nexpected " << to_hex(expected) << "\n"
        << report();
    ASSERT_FALSE(HasFailure()) << report();
    if (control) continue;
    ++mutants;
    ++classes[outcome.reason];
    ++made[static_cast<std::size_t>(mutation)];
    if (!expected.empty()) ++released[static_cast<std::size_t>(mutation)];
  }

  // That the run went everywhere. Of 20,000 each way to change a stream makes some 1,400.
  std::string report;
  for (std::size_t i = 0; i < testing::kMutations; ++i) {
    EXPECT_GT(made[i], count / 100) << to_string(static_cast<Mutation>(i));
    EXPECT_GT(released[i], count / 1000) << to_string(static_cast<Mutation>(i));
    report += "  " + to_string(static_cast<Mutation>(i)) + ": " + std::to_string(made[i]) + ", " +
              std::to_string(released[i]) + " with a segment before the change\n";
  }
  for (const char* reached :
       {"truncated", "bad-magic", "bad-version", "bad-kind", "bad-exponent", "bad-recipient-count", "reserved-not-zero",
        "header-too-long", "header-trailing", "no-recipient", "bad-recipient-der", "bad-signature", "bad-point",
        "bad-root-key", "bad-header-mac", "fixed-rule", "segment-too-long", "bad-tag", "trailing-data"})
    EXPECT_GT(classes[reached], 0U) << reached;
  for (const auto& [name, times] : classes) report += "  " + name + ": " + std::to_string(times) + "\n";
  std::printf("%zu mutants, none accepted\n%s", mutants, report.c_str());
}

// The comparison by itself: it must tell a stream that is whole from one that is not.
TEST(SealedMutants, WhatMayBeReleasedEndsAtTheFirstChange) {
  const Target target(families()[0]);
  const Dissected& own = target.own();
  const std::vector<const Dissected*> good = {&own};
  ASSERT_EQ(own.segments.size(), 4U);
  EXPECT_EQ(may_release(own.bytes, good).size(), 3372U);
  for (std::size_t i = 0; i < own.segments.size(); ++i)
    for (const std::size_t at : {own.segments[i].begin, own.segments[i].end() - 1}) {
      Bytes changed = own.bytes;
      changed[at] ^= 1;
      EXPECT_EQ(may_release(changed, good).size(), 1024 * i);
      changed.resize(at);
      EXPECT_EQ(may_release(changed, good).size(), 1024 * i);
    }
  Bytes changed = own.bytes;
  changed[own.header_size - 1] ^= 1;
  EXPECT_TRUE(may_release(changed, good).empty());
}

}  // namespace
}  // namespace mifeng::sealed

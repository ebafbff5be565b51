// Every case of the vectors, fed in three ways, with a private key and, where it opens, with the granted root key.
#include "mifeng/sealed_fixture/vectors.h"
#include "mifeng/sealed_fixture/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "mifeng/sealed/body_digest.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/failure.h"
#include "mifeng/sealed/open.h"

namespace mifeng::sealed {
namespace {

using testing::VectorCase;

struct Outcome {
  Bytes released;
  std::optional<Error> error;
};

// Feeds the stream in pieces whose sizes `next_size` gives.
template <typename NextSize>
Outcome feed(Opener& opener, ByteView stream, NextSize next_size) {
  Outcome outcome;
  while (!stream.empty()) {
    const std::size_t size = std::min<std::size_t>(next_size(), stream.size());
    const auto result = testing::feed(opener, stream.first(size), outcome.released);
    stream = stream.subspan(size);
    if (!result) {
      outcome.error = result.error();
      // The error stays, and nothing more comes out.
      const std::size_t released = outcome.released.size();
      const auto again = testing::feed(opener, stream, outcome.released);
      EXPECT_FALSE(again);
      EXPECT_EQ(again ? "opened" : again.error().reason(), outcome.error->reason());
      EXPECT_EQ(outcome.released.size(), released);
      EXPECT_FALSE(opener.finished());
      return outcome;
    }
  }
  if (const auto end = opener.finish(); !end) outcome.error = end.error();
  return outcome;
}

void expect(const VectorCase& vector, const Outcome& outcome) {
  if (vector.ok) {
    EXPECT_FALSE(outcome.error) << outcome.error->reason();
    EXPECT_EQ(outcome.released.size(), vector.length);
    EXPECT_EQ(testing::sha256_hex(outcome.released), vector.sha256);
    return;
  }
  ASSERT_TRUE(outcome.error) << "opened, expected " << vector.classes.front();
  EXPECT_EQ(outcome.error->code(), ErrorCode::kVerificationFailed);
  EXPECT_EQ(outcome.error->reason(), vector.classes.front());
  EXPECT_TRUE(failure_class_of(*outcome.error).has_value());
  // All segments before the bad one are released, no byte more.
  EXPECT_EQ(outcome.released.size(), vector.length);
  EXPECT_EQ(testing::sha256_hex(outcome.released), vector.sha256);
}

Policy policy_of(const VectorCase& vector) {
  Policy policy;
  policy.kind = vector.kind;
  if (vector.require_signature) policy.signature = SignatureRule::kRequired;
  if (vector.signer) policy.signer = crypto::Sm2PublicKey::from_point(*vector.signer).value();
  return policy;
}

TEST(SealedVectors, GiveTheirPlaintextOrTheirClassHoweverTheyArrive) {
  const auto provider = crypto::Sm4GcmProvider::create().value();
  for (const std::string& file : testing::vector_files("sealed-v1.json")) {
    const auto cases = testing::read_sealed_vectors(file);
    ASSERT_GE(cases.size(), 60U) << file;
    std::mt19937 random(7);
    for (const VectorCase& vector : cases) {
      SCOPED_TRACE(file + ": " + vector.name);
      const Policy policy = policy_of(vector);
      const auto key = crypto::Sm2PrivateKey::from_scalar(vector.private_key).value();
      Opener whole(policy, key, vector.context, *provider);
      expect(vector, feed(whole, vector.stream, [&] { return vector.stream.size(); }));
      Opener bytewise(policy, key, vector.context, *provider);
      expect(vector, feed(bytewise, vector.stream, [] { return 1; }));
      for (int i = 0; i < 3; ++i) {
        Opener pieces(policy, key, vector.context, *provider);
        expect(vector, feed(pieces, vector.stream, [&] { return 1 + random() % 700; }));
      }
    }
  }
}

// libs/crypto says which tiers this processor lacks.
TEST(SealedVectors, GiveTheSameByEveryWayToComputeSm4) {
  for (const crypto::Sm4Tier tier : crypto::kSm4Tiers) {
    if (!crypto::is_supported(tier)) continue;
    const auto provider = crypto::Sm4GcmProvider::create(tier).value();
    for (const std::string& file : testing::vector_files("sealed-v1.json")) {
      for (const VectorCase& vector : testing::read_sealed_vectors(file)) {
        SCOPED_TRACE(file + ": " + vector.name + " by " + crypto::to_string(tier));
        const auto key = crypto::Sm2PrivateKey::from_scalar(vector.private_key).value();
        Opener opener(policy_of(vector), key, vector.context, *provider);
        expect(vector, feed(opener, vector.stream, [] { return 500; }));
      }
    }
  }
}

TEST(SealedVectors, OpenTheSameWithTheGrantedRootKeyAndWithACachedOne) {
  const auto provider = crypto::Sm4GcmProvider::create().value();
  for (const std::string& file : testing::vector_files("sealed-v1.json")) {
    for (const VectorCase& vector : testing::read_sealed_vectors(file)) {
      SCOPED_TRACE(file + ": " + vector.name);
      const Policy policy = policy_of(vector);
      const auto key = crypto::Sm2PrivateKey::from_scalar(vector.private_key).value();
      const auto header = Header::parse(vector.stream, policy);
      if (!header) continue;  // covered by the test above
      const auto root_key = unwrap_root_key(*header, key);
      if (!root_key) {
        EXPECT_FALSE(vector.ok);
        continue;
      }
      Opener granted(policy, root_key->clone(), vector.context, *provider);
      expect(vector, feed(granted, vector.stream, [] { return 100; }));

      const crypto::Sm3Digest blocks_digest = crypto::sm3(header->blocks());
      auto resumed = Opener::resume(policy, *header, *root_key, vector.context, *provider, &blocks_digest);
      if (!resumed) {
        expect(vector, Outcome{{}, resumed.error()});
        continue;
      }
      expect(vector, feed(*resumed, ByteView(vector.stream).subspan(header->size()), [] { return 1000; }));
    }
  }
}

TEST(SealedVectors, EveryCutOfAGoodStreamIsTruncated) {
  const auto provider = crypto::Sm4GcmProvider::create().value();
  const auto cases = testing::read_sealed_vectors(MIFENG_SOURCE_DIR "/vectors/sealed-v1.json");
  std::size_t cuts = 0;
  for (const VectorCase& vector : cases) {
    if (!vector.ok || vector.stream.size() > 1500) continue;
    SCOPED_TRACE(vector.name);
    Policy policy;  // no signer: an SM2 verification for each cut would take most of the time
    policy.kind = vector.kind;
    const auto key = crypto::Sm2PrivateKey::from_scalar(vector.private_key).value();
    const auto header = Header::parse(vector.stream, policy).value();
    const auto root_key = unwrap_root_key(header, key).value();
    for (std::size_t size = 0; size < vector.stream.size(); ++size, ++cuts) {
      Opener opener(policy, root_key.clone(), vector.context, *provider);
      Bytes released;
      ASSERT_TRUE(testing::feed(opener, ByteView(vector.stream).first(size), released)) << size;
      const auto end = opener.finish();
      ASSERT_FALSE(end) << size;
      EXPECT_EQ(end.error().reason(), "truncated");
    }
  }
  EXPECT_GT(cuts, 1000U);
}

// "00..ff * 300", "00 * 8192", or plain hex.
Bytes expand(std::string text) {
  std::size_t times = 1;
  if (const auto star = text.find(" * "); star != std::string::npos) {
    times = std::stoul(text.substr(star + 3));
    text.resize(star);
  }
  Bytes unit;
  if (text == "00..ff") {
    for (int i = 0; i < 256; ++i) unit.push_back(static_cast<std::uint8_t>(i));
  } else {
    unit = from_hex(text).value();
  }
  Bytes out;
  for (std::size_t i = 0; i < times; ++i) append(out, unit);
  return out;
}

TEST(ContextVectors, BodyDigestsFit) {
  for (const std::string& file : testing::vector_files("contexts-v1.json")) {
    const auto document = testing::read_json(file);
    ASSERT_TRUE(document.is_object());
    std::size_t count = 0;
    for (const auto& item : document.as_object().at("bodies").as_array()) {
      const auto& object = item.as_object();
      SCOPED_TRACE(file + ": " + std::string(object.at("name").as_string()));
      const std::string spelled(object.at("bytes").as_string());
      const bool is_text = object.contains("is") && object.at("is").as_string() == "text";
      const Bytes body = is_text ? to_bytes(spelled) : expand(spelled);
      ASSERT_EQ(body.size(), static_cast<std::size_t>(object.at("length").as_int64()));
      const std::string expected(object.at("digest").as_string());
      EXPECT_EQ(body_digest(body), expected);
      BodyDigest pieces;
      for (std::size_t at = 0; at < body.size(); at += 97)
        pieces.update(ByteView(body).subspan(at, std::min<std::size_t>(97, body.size() - at)));
      EXPECT_EQ(pieces.digest(), expected);
      ++count;
    }
    EXPECT_GE(count, 4U);
  }
}

Result<Bytes> build(const std::string& kind, const std::vector<std::string>& f) {
  if (kind == "payload") return payload_context(f.at(0), f.at(1), f.at(2));
  if (kind == "response")
    return response_context({.request_id = f.at(0),
                             .status = std::stoi(f.at(1)),
                             .content_type = f.at(2),
                             .content_encoding = f.at(3),
                             .method = f.at(4),
                             .target = f.at(5),
                             .body_digest = f.at(6)});
  if (f.at(0) == "grant-request") return grant_request_context(f.at(1), f.at(2));
  if (f.at(0) == "renew") return renew_context(f.at(1), f.at(2));
  if (f.at(0) == "grant") return grant_context(f.at(1), f.at(2));
  if (f.at(0) == "enrol") return enrol_context(f.at(1), f.at(2));
  if (f.at(0) == "snapshot") return snapshot_context(f.at(1), std::stoull(f.at(2)));
  if (f.at(0) == "report") return report_context(f.at(1), std::stoull(f.at(2)));
  return Error(ErrorCode::kInternal, "unknown-context", f.at(0));
}

TEST(ContextVectors, ContextsFit) {
  for (const std::string& file : testing::vector_files("contexts-v1.json")) {
    const auto document = testing::read_json(file);
    ASSERT_TRUE(document.is_object());
    std::size_t count = 0;
    for (const auto& item : document.as_object().at("contexts").as_array()) {
      const auto& object = item.as_object();
      std::vector<std::string> fields;
      for (const auto& field : object.at("fields").as_array()) fields.emplace_back(field.as_string());
      SCOPED_TRACE(file + ": " + fields.at(0));
      const auto context = build(std::string(object.at("kind").as_string()), fields);
      ASSERT_TRUE(context) << context.error().message();
      EXPECT_EQ(to_hex(*context), std::string(object.at("context_hex").as_string()));
      EXPECT_EQ(to_hex(crypto::sm3(*context)), std::string(object.at("sm3").as_string()));
      ++count;
    }
    EXPECT_GE(count, 8U);
  }
}

}  // namespace
}  // namespace mifeng::sealed

// The worked example of docs/sealed-stream.md, read out of the page and done again: each byte has the meaning that
// stands beside it, and the library makes and opens this very stream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "mifeng/crypto/sm2_der.h"
#include "mifeng/os/file.h"
#include "mifeng/sealed/body_digest.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"
#include "mifeng/sealed/seal.h"
#include "mifeng/sealed_fixture/feed.h"
#include "segment.h"

namespace mifeng::sealed {
namespace {

// All blocks that begin with ```text NAME, their lines one after another.
std::vector<std::string> lines_of(const std::string& name) {
  static const std::string page = read_text_file(MIFENG_SOURCE_DIR "/docs/sealed-stream.md", 1 << 20).value();
  std::vector<std::string> lines;
  const std::string begin = "\n```text " + name + "\n";
  for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at + 1)) {
    const std::size_t from = at + begin.size();
    std::istringstream block(page.substr(from, page.find("\n```", from) - from));
    for (std::string line; std::getline(block, line);) lines.push_back(line);
  }
  EXPECT_FALSE(lines.empty()) << name;
  return lines;
}

// "name  hex", with two spaces or more between them.
std::map<std::string, Bytes> values_of(const std::string& name) {
  std::map<std::string, Bytes> values;
  for (const std::string& line : lines_of(name)) {
    const std::size_t gap = line.find("  ");
    values[line.substr(0, gap)] = from_hex(line.substr(line.find_first_not_of(' ', gap))).value();
  }
  return values;
}

struct Page {
  Bytes stream;
  std::map<std::string, Bytes> fields;             // by what stands before the colon, of the line that begins them
  std::map<std::string, std::string> explanation;  // what stands behind it
  std::map<std::string, std::size_t> at;
};

// "offset  up to 16 bytes  what it is"; a line that does not say what it is goes on with the one before.
Page read_page() {
  constexpr std::size_t kHexAt = 6;
  constexpr std::size_t kHexWidth = 47;
  Page page;
  std::string name;
  for (const std::string& line : lines_of("stream")) {
    EXPECT_EQ(std::stoul(line.substr(0, kHexAt)), page.stream.size()) << line;
    std::string hex = line.substr(kHexAt, kHexWidth);
    std::erase(hex, ' ');
    const Bytes bytes = from_hex(hex).value();
    if (line.size() > kHexAt + kHexWidth + 2) {
      const std::string what = line.substr(kHexAt + kHexWidth + 2);
      const std::size_t colon = what.find(':');
      name = what.substr(0, colon);
      EXPECT_FALSE(page.at.contains(name)) << line;
      page.at[name] = page.stream.size();
      if (colon != std::string::npos) page.explanation[name] = what.substr(colon + 2);
    }
    append(page.fields[name], bytes);
    append(page.stream, bytes);
  }
  return page;
}

class FixedRandom final : public Random {
 public:
  explicit FixedRandom(Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(MutableBytes out) override {
    ASSERT_EQ(out.size(), bytes_.size());
    std::copy(bytes_.begin(), bytes_.end(), out.begin());
  }

 private:
  Bytes bytes_;
};

constexpr std::string_view kFirst = "{\"answer\": ";
constexpr std::string_view kSecond = "42}";

class SealedPage : public ::testing::Test {
 protected:
  SealedPage() {
    std::string text;
    for (const std::string& line : lines_of("context")) text += (text.empty() ? "" : "\n") + line;
    context = to_bytes(text);
    policy.kind = Kind::kResponse;
    policy.signature = SignatureRule::kRequired;
    policy.signer = signer.public_key();
  }
  static Bytes point(const std::map<std::string, Bytes>& values, const std::string& whose) {
    Bytes made = {4};
    append(made, values.at(whose + "'s public key x"));
    append(made, values.at(whose + "'s public key y"));
    return made;
  }
  const Bytes& field(const std::string& name) const { return page.fields.at(name); }
  Header header() const { return Header::parse(page.stream, policy).value(); }

  Page page = read_page();
  std::map<std::string, Bytes> values = values_of("values");
  std::map<std::string, Bytes> keys = values_of("keys");
  crypto::Sm2PrivateKey receiver = crypto::Sm2PrivateKey::from_scalar(values.at("receiver's private key")).value();
  crypto::Sm2PrivateKey signer = crypto::Sm2PrivateKey::from_scalar(values.at("signer's private key")).value();
  RootKey root_key = RootKey(Secret<kRootKeySize>(ByteView(values.at("root key")).first<kRootKeySize>()));
  Bytes context;
  Policy policy;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
};

TEST_F(SealedPage, TheKeysAndTheContextAreThoseItSays) {
  EXPECT_EQ(to_hex(receiver.public_key().point()), to_hex(point(values, "receiver")));
  EXPECT_EQ(to_hex(signer.public_key().point()), to_hex(point(values, "signer")));
  const std::string id = lines_of("context")[0];
  const auto made = response_context({.request_id = id,
                                      .status = 200,
                                      .content_type = "application/json",
                                      .content_encoding = "",
                                      .method = "POST",
                                      .target = "/predict",
                                      .body_digest = body_digest(as_bytes("{\"x\": 41}"))});
  EXPECT_EQ(as_text(made.value()), as_text(context));
}

TEST_F(SealedPage, EachByteOfTheHeaderIsWhatStandsBesideIt) {
  EXPECT_EQ(as_text(field("magic")), "MFS");
  EXPECT_EQ(to_hex(field("version")), "01");
  EXPECT_EQ(page.explanation.at("version"), "1");
  EXPECT_EQ(field("kind"), Bytes{static_cast<std::uint8_t>(Kind::kResponse)});
  const Header parsed = header();
  EXPECT_EQ(field("exponent"), Bytes{static_cast<std::uint8_t>(parsed.exponent())});
  EXPECT_EQ(parsed.segment_size(), 1024U);
  EXPECT_EQ(load_be<std::uint16_t>(field("header size")), parsed.size());
  EXPECT_EQ(page.explanation.at("header size"), std::to_string(parsed.size()));
  EXPECT_EQ(page.at.at("length 0"), parsed.size());
  EXPECT_EQ(to_hex(field("salt")), to_hex(parsed.salt()));
  EXPECT_EQ(field("recipients"), Bytes{static_cast<std::uint8_t>(parsed.recipient_count())});
  EXPECT_EQ(page.explanation.at("recipients"), "1");
  EXPECT_TRUE(parsed.is_signed());
  EXPECT_FALSE(parsed.is_fixed());
  EXPECT_EQ(to_hex(field("flags")), "01");
  EXPECT_EQ(to_hex(field("zero")), "0000");
  EXPECT_EQ(to_hex(field("header MAC")), to_hex(parsed.mac()));

  const Recipient recipient = parsed.recipient(0);
  EXPECT_EQ(to_hex(field("receiver's key id")), to_hex(receiver.public_key().key_id()));
  EXPECT_EQ(to_hex(field("receiver's key id")), to_hex(recipient.key_id));
  EXPECT_EQ(load_be<std::uint16_t>(field("receiver's block size")), recipient.ciphertext.size());
  EXPECT_EQ(page.explanation.at("receiver's block size"), std::to_string(recipient.ciphertext.size()));
  const auto parts = crypto::parse_sm2_ciphertext(recipient.ciphertext).value();
  EXPECT_EQ(to_hex(field("x")), to_hex(parts.x));
  EXPECT_EQ(to_hex(field("y")), to_hex(parts.y));
  EXPECT_EQ(to_hex(field("C3")), to_hex(parts.c3));
  EXPECT_EQ(to_hex(field("C2")), to_hex(parts.c2));
  EXPECT_EQ(unwrap_root_key(parsed, receiver)->reveal_for_grant(), root_key.reveal_for_grant());

  EXPECT_EQ(to_hex(field("signer's key id")), to_hex(signer.public_key().key_id()));
  EXPECT_EQ(load_be<std::uint16_t>(field("signer's block size")), parsed.signature().size());
  EXPECT_EQ(page.explanation.at("signer's block size"), std::to_string(parsed.signature().size()));
  const auto signature = crypto::parse_sm2_signature(parsed.signature()).value();
  EXPECT_EQ(to_hex(field("r")), "00" + to_hex(signature.r));
  EXPECT_EQ(to_hex(field("s")), to_hex(signature.s));
  Bytes statement = to_bytes("mifeng/v1/sender");
  append(statement, Bytes{2, 10, 1});
  append(statement, ByteView(page.stream).subspan(28, 160 - 28));
  EXPECT_EQ(page.at.at("signer's key id"), 160U);
  EXPECT_TRUE(signer.public_key().verify(statement, parsed.signature()));
}

// Each is the tag of its sort and the size of what comes next.
TEST_F(SealedPage, TheHeadsOfDerAreWhatTheySay) {
  const std::map<std::string, std::string> tags = {{"SEQUENCE", "30"}, {"INTEGER", "02"}, {"OCTET STRING", "04"}};
  std::size_t heads = 0;
  for (const auto& [name, bytes] : page.fields) {
    if (!name.ends_with("'s head")) continue;
    SCOPED_TRACE(name);
    ++heads;
    ASSERT_EQ(bytes.size(), 2U);
    const std::string& said = page.explanation.at(name);
    const std::size_t of = said.find(" of ");
    EXPECT_EQ(to_hex(bytes), tags.at(said.substr(0, of)) + to_hex(Bytes{bytes[1]}));
    EXPECT_EQ(said.substr(of), " of " + std::to_string(bytes[1]) + " bytes");
    const std::string what = name.substr(0, name.size() - std::string("'s head").size());
    EXPECT_TRUE(!page.fields.contains(what) || field(what).size() == bytes[1]);
  }
  EXPECT_EQ(heads, 8U);
}

TEST_F(SealedPage, TheKeysFollowFromTheRootKey) {
  const auto prk = crypto::hmac_sm3(Bytes(32), values.at("root key"));
  EXPECT_EQ(to_hex(prk), to_hex(keys.at("prk")));
  Bytes label = to_bytes("mifeng/v1/response");
  append(label, field("salt"));
  append(label, context);
  label.push_back(1);
  const auto stream_key = crypto::hmac_sm3(prk, label);
  EXPECT_EQ(to_hex(stream_key), to_hex(keys.at("stream key")));
  const Header parsed = header();
  EXPECT_EQ(to_hex(crypto::sm3(parsed.blocks())), to_hex(keys.at("SM3 of the blocks")));
  Bytes covered(page.stream.begin(), page.stream.begin() + 28);
  append(covered, keys.at("SM3 of the blocks"));
  EXPECT_EQ(to_hex(crypto::hmac_sm3(stream_key, covered)), to_hex(field("header MAC")));
  const StreamKeys made(root_key, Kind::kResponse, parsed.salt(), context);
  EXPECT_EQ(to_hex(made.segment_key().reveal_for_computing()), to_hex(keys.at("segment key")));
}

TEST_F(SealedPage, EachSegmentIsWhatItSays) {
  const auto cipher = provider->cipher(ByteView(keys.at("segment key")).first<16>()).value();
  for (const auto& [number, text, final, nonce] :
       {std::tuple{"0", kFirst, false, "000000000000000000000000"}, {"1", kSecond, true, "000000000000000000000101"}}) {
    const Bytes& length = field(std::string("length ") + number);
    EXPECT_EQ(load_be<std::uint32_t>(length), text.size() | (final ? 0x80000000U : 0U));
    EXPECT_EQ(page.explanation.at(std::string("length ") + number),
              std::to_string(text.size()) + (final ? ", final" : ""));
    EXPECT_EQ(to_hex(segment_nonce(final ? 1 : 0, final)), nonce);
    const Bytes iv = from_hex(nonce).value();
    Bytes out(text.size());
    Bytes tag(crypto::kGcmTagSize);
    cipher->seal(ByteView(iv).first<crypto::kGcmNonceSize>(), length, as_bytes(text), out,
                 MutableBytes(tag).first<crypto::kGcmTagSize>());
    EXPECT_EQ(to_hex(out), to_hex(field(std::string("ciphertext ") + number)));
    EXPECT_EQ(to_hex(tag), to_hex(field(std::string("tag ") + number)));
  }
}

// SM2 draws random numbers, so its two blocks are taken as they are; all else comes out the same.
TEST_F(SealedPage, TheLibrarySealsAndOpensThisVeryStream) {
  const Header parsed = header();
  auto key = SenderKey::from_parts({.kind = Kind::kResponse,
                                    .exponent = 10,
                                    .recipient_count = 1,
                                    .is_signed = true,
                                    .blocks = Bytes(parsed.blocks().begin(), parsed.blocks().end())},
                                   root_key.clone())
                 .value();
  FixedRandom salt(field("salt"));
  auto sealer =
      Sealer::create(key, {.segmentation = Segmentation::kFlushed, .context = context}, salt, *provider).value();
  Bytes made(sealer.header().begin(), sealer.header().end());
  testing::feed(sealer, as_bytes(kFirst), Sealer::After::kMore, made).value();
  testing::feed(sealer, {}, Sealer::After::kFlush, made).value();
  testing::feed(sealer, as_bytes(kSecond), Sealer::After::kMore, made).value();
  testing::feed(sealer, {}, Sealer::After::kLast, made).value();
  EXPECT_EQ(to_hex(made), to_hex(page.stream));

  Opener opener(policy, receiver, context, *provider);
  Bytes out;
  ASSERT_TRUE(testing::feed(opener, ByteView(page.stream).first(page.at.at("length 1")), out));
  EXPECT_EQ(as_text(out), kFirst);
  ASSERT_TRUE(testing::feed(opener, ByteView(page.stream).subspan(page.at.at("length 1")), out));
  ASSERT_TRUE(opener.finish());
  EXPECT_EQ(as_text(out), std::string(kFirst) + std::string(kSecond));
}

TEST_F(SealedPage, EachChangeIsRefusedAsItSays) {
  std::size_t changes = 0;
  for (const std::string& line : lines_of("changes")) {
    SCOPED_TRACE(line);
    std::istringstream words(line);
    std::size_t offset = 0;
    std::size_t released = 0;
    std::string instead;
    std::string failure;
    ASSERT_TRUE(words >> offset >> instead >> failure >> released);
    Bytes stream = page.stream;
    if (instead == "end") {
      stream.resize(offset);
    } else {
      ASSERT_LE(offset, stream.size());
      stream.resize(std::max(stream.size(), offset + 1));
      ASSERT_TRUE(offset == page.stream.size() || to_hex({&stream[offset], 1}) != instead) << "changes nothing";
      stream[offset] = from_hex(instead).value()[0];
    }
    Opener opener(policy, receiver, context, *provider);
    Bytes out;
    auto result = testing::feed(opener, stream, out);
    if (result) result = opener.finish();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason(), failure);
    EXPECT_EQ(out.size(), released);
    ++changes;
  }
  EXPECT_EQ(changes, 12U);
}

}  // namespace
}  // namespace mifeng::sealed

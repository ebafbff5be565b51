// Writes vectors/sealed-v1.json and vectors/contexts-v1.json: streams that open, and streams with one fault each, the
// class of failure named. Keys, salts and ciphertexts are new at each run, so run it only when the format's reading
// changes:  build/release/libs/sealed_fixture/golden_vectors vectors
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <functional>

#include "mifeng/crypto/sm2_der.h"
#include "mifeng/os/file.h"
#include "mifeng/sealed/body_digest.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"
#include "mifeng/sealed/seal.h"
#include "mifeng/sealed_fixture/feed.h"
#include "mifeng/sealed_fixture/vectors.h"

namespace mifeng::sealed {
namespace {

namespace json = boost::json;

class Generator {
 public:
  Generator() : provider_(crypto::Sm4GcmProvider::create().value()) {}

  struct Spec {
    Kind kind = Kind::kResponse;
    int exponent = 10;
    std::size_t recipients = 1;
    bool is_signed = true;
    Segmentation segmentation = Segmentation::kFixed;
    std::vector<std::size_t> pieces;  // plaintext lengths; after each a flush where segments are flushed
  };

  // A stream with all that made it, so that a fault can be put in and the header authenticated again.
  struct Made {
    crypto::Sm2PrivateKey receiver;
    crypto::Sm2PrivateKey signer;
    RootKey root_key;
    Bytes context;
    Bytes stream;
    std::size_t header_size;
    Bytes plaintext;
    Spec spec;
  };

  Made make(const Spec& spec) {
    auto receiver = crypto::Sm2PrivateKey::generate().value();
    auto signer = crypto::Sm2PrivateKey::generate().value();
    std::vector<crypto::Sm2PublicKey> recipients = {receiver.public_key()};
    while (recipients.size() < spec.recipients)
      recipients.push_back(crypto::Sm2PrivateKey::generate().value().public_key());
    auto key = SenderKey::create({.kind = spec.kind,
                                  .exponent = spec.exponent,
                                  .recipients = recipients,
                                  .signer = spec.is_signed ? &signer : nullptr},
                                 random_)
                   .value();
    const Bytes context = to_bytes("golden\ncontext");
    auto sealer =
        Sealer::create(key, {.segmentation = spec.segmentation, .context = context}, random_, *provider_).value();
    Bytes stream(sealer.header().begin(), sealer.header().end());
    Bytes plaintext;
    for (const std::size_t size : spec.pieces) {
      Bytes piece(size);
      random_.fill(piece);
      testing::feed(sealer, piece, Sealer::After::kMore, stream).value();
      if (spec.segmentation == Segmentation::kFlushed) testing::feed(sealer, {}, Sealer::After::kFlush, stream).value();
      append(plaintext, piece);
    }
    testing::feed(sealer, {}, Sealer::After::kLast, stream).value();
    return Made{std::move(receiver),
                std::move(signer),
                key.root_key().clone(),
                context,
                stream,
                key.header_size(),
                plaintext,
                spec};
  }

  // Makes the header's MAC right again, after something in the header was changed.
  static void authenticate(Made& made) {
    Bytes& s = made.stream;
    const std::size_t size = made.header_size;
    const StreamKeys keys(made.root_key, static_cast<Kind>(s[4]), std::span<const std::uint8_t, 16>(s.data() + 8, 16),
                          made.context);
    const auto mac = keys.header_mac(ByteView(s).first(28), crypto::sm3(ByteView(s).subspan(28, size - 60)));
    std::copy(mac.begin(), mac.end(), s.begin() + static_cast<std::ptrdiff_t>(size - 32));
  }

  // Replaces the recipient blocks and the signature block, with H, signature and MAC right again.
  void replace_blocks(Made& made, const std::vector<Bytes>& recipient_blocks, const Bytes* signature = nullptr) {
    Bytes blocks;
    for (const Bytes& block : recipient_blocks) append(blocks, block);
    Bytes statement = to_bytes("mifeng/v1/sender");
    append(statement, Bytes{made.stream[4], made.stream[5], made.stream[24]});
    append(statement, blocks);
    if ((made.stream[25] & 1) != 0) {
      const Bytes fresh = signature != nullptr ? *signature : made.signer.sign(statement).value();
      append(blocks, block(made.signer.public_key().key_id(), fresh));
    }
    Bytes header(made.stream.begin(), made.stream.begin() + 28);
    append(header, blocks);
    header.resize(header.size() + 32);
    header[6] = static_cast<std::uint8_t>(header.size() >> 8);
    header[7] = static_cast<std::uint8_t>(header.size());
    const ByteView segments = ByteView(made.stream).subspan(made.header_size);
    made.header_size = header.size();
    append(header, segments);
    made.stream = header;
    authenticate(made);
  }

  static Bytes block(const crypto::KeyId& key_id, ByteView content) {
    Bytes out(key_id.begin(), key_id.end());
    append_be(out, static_cast<std::uint16_t>(content.size()));
    append(out, content);
    return out;
  }

  void ok(const std::string& name, const Spec& spec) {
    const Made made = make(spec);
    json::object expected{
        {"result", "ok"}, {"length", made.plaintext.size()}, {"sha256", testing::sha256_hex(made.plaintext)}};
    add(name, made, std::move(expected), made.signer.public_key());
  }

  // `released`: plaintext that comes out before the fault.
  void refuse(const std::string& failure, const std::string& what, const Made& made, std::size_t released = 0,
              std::optional<crypto::Sm2PublicKey> signer = std::nullopt) {
    const ByteView before = ByteView(made.plaintext).first(released);
    json::object expected{{"result", "refuse"},
                          {"class", failure},
                          {"released", json::object{{"length", released}, {"sha256", testing::sha256_hex(before)}}}};
    add(failure + "/" + what, made, std::move(expected), signer ? *signer : made.signer.public_key());
  }

  // A stream of `spec` with one change.
  void fault(const std::string& failure, const std::string& what, const Spec& spec,
             const std::function<void(Made&)>& change, std::size_t released = 0) {
    Made made = make(spec);
    change(made);
    refuse(failure, what, made, released);
  }

  json::value document() { return json::object{{"format", "sealed stream, version 1"}, {"cases", cases_}}; }

 private:
  void add(const std::string& name, const Made& made, json::object expected, const crypto::Sm2PublicKey& signer) {
    cases_.push_back(json::object{{"name", name},
                                  {"kind", static_cast<int>(made.spec.kind)},
                                  {"context_hex", to_hex(made.context)},
                                  {"stream_hex", to_hex(made.stream)},
                                  {"private_key_hex", to_hex(made.receiver.scalar().reveal_for_output())},
                                  {"signer_public_hex", to_hex(signer.point())},
                                  {"require_signature", made.spec.is_signed},
                                  {"expected", std::move(expected)}});
  }

  SystemRandom random_;
  std::unique_ptr<crypto::Sm4GcmProvider> provider_;
  json::array cases_;
};

using Made = Generator::Made;
using Spec = Generator::Spec;

void good_streams(Generator& g) {
  for (const Kind kind : {Kind::kPayload, Kind::kResponse, Kind::kGrant})
    for (const std::size_t size : {0, 1, 1023, 1024, 1025, 2048, 3000})
      g.ok("ok/" + std::string(to_string(kind)) + "-" + std::to_string(size), {.kind = kind, .pieces = {size}});
  g.ok("ok/flushed", {.segmentation = Segmentation::kFlushed, .pieces = {5, 1024, 7, 1030, 9}});
  g.ok("ok/flushed-empty", {.segmentation = Segmentation::kFlushed, .pieces = {}});
  g.ok("ok/flushed-one-full", {.segmentation = Segmentation::kFlushed, .pieces = {1024}});
  g.ok("ok/unsigned", {.is_signed = false, .pieces = {40}});
  g.ok("ok/sixteen-recipients", {.kind = Kind::kPayload, .recipients = 16, .pieces = {40}});
  g.ok("ok/exponent-16", {.exponent = 16, .pieces = {1500}});
}

void bad_fixed_parts(Generator& g) {
  const Spec spec{.pieces = {20}};
  const auto set = [&](const char* failure, const char* what, std::size_t at, std::uint8_t value) {
    g.fault(failure, what, spec, [&](Made& made) {
      made.stream[at] = value;
      Generator::authenticate(made);
    });
  };
  set("bad-magic", "byte-0", 0, 0x4e);
  set("bad-magic", "byte-2", 2, 0x73);
  set("bad-version", "0", 3, 0);
  set("bad-version", "2", 3, 2);
  set("bad-kind", "0", 4, 0);
  set("bad-kind", "4", 4, 4);
  set("bad-kind", "another", 4, 3);
  set("bad-exponent", "9", 5, 9);
  set("bad-exponent", "25", 5, 25);
  set("bad-recipient-count", "0", 24, 0);
  set("bad-recipient-count", "17", 24, 17);
  set("reserved-not-zero", "flag-2", 25, 7);
  set("reserved-not-zero", "byte-26", 26, 1);
  set("reserved-not-zero", "byte-27", 27, 128);
  g.fault("header-too-long", "4097", spec, [](Made& made) { made.stream[6] = 0x10, made.stream[7] = 0x01; });
  g.fault("header-trailing", "59", spec, [](Made& made) { made.stream[6] = 0, made.stream[7] = 59; });
  g.fault("header-trailing", "one-shorter", spec,
          [](Made& made) { made.stream[7] = static_cast<std::uint8_t>(made.stream[7] - 1); });
  g.fault("header-trailing", "one-recipient-less", {.kind = Kind::kPayload, .recipients = 2, .pieces = {20}},
          [](Made& made) { made.stream[24] = 1; });
  for (const std::size_t size : {0, 1, 27, 28, 60, 200})
    g.fault("truncated", std::to_string(size), spec, [&](Made& made) { made.stream.resize(size); });
}

void bad_blocks(Generator& g) {
  const Spec spec{.kind = Kind::kPayload, .recipients = 2, .pieces = {20}};
  const auto with_ciphertext = [&](const char* failure, const std::string& what, std::size_t which,
                                   const std::function<Bytes(Bytes)>& change) {
    g.fault(failure, what + "-in-block-" + std::to_string(which), spec, [&](Made& made) {
      const auto header = Header::parse(made.stream, {}).value();
      std::vector<Bytes> blocks;
      for (std::size_t i = 0; i < 2; ++i) {
        const Recipient r = header.recipient(i);
        Bytes ciphertext(r.ciphertext.begin(), r.ciphertext.end());
        blocks.push_back(Generator::block(r.key_id, i == which ? change(ciphertext) : ciphertext));
      }
      g.replace_blocks(made, blocks);
    });
  };
  const auto with_parts = [&](const char* failure, const std::string& what, std::size_t which,
                              const std::function<void(crypto::Sm2CiphertextParts&)>& change) {
    with_ciphertext(failure, what, which, [&](const Bytes& der) {
      auto parts = crypto::parse_sm2_ciphertext(der).value();
      change(parts);
      return crypto::encode_sm2_ciphertext(parts);
    });
  };
  const Bytes zeros(40);
  for (const std::size_t which : {0, 1}) {
    with_ciphertext("bad-recipient-der", "trailing-byte", which, [](Bytes der) { return der.push_back(0), der; });
    with_ciphertext("bad-recipient-der", "tag", which, [](Bytes der) { return der[0] = 0x31, der; });
    with_ciphertext("bad-recipient-der", "long-length", which, [](Bytes der) {
      der.insert(der.begin() + 1, 0x81);
      return der;
    });
    with_ciphertext("bad-recipient-der", "empty", which, [](const Bytes&) { return Bytes(); });
    with_parts("bad-recipient-der", "x-over-p", which, [](auto& parts) { parts.x.fill(0xff); });
    with_parts("bad-recipient-der", "c3-31", which, [](auto& parts) { parts.c3 = parts.c3.first(31); });
    with_parts("bad-recipient-der", "c2-15", which, [](auto& parts) { parts.c2 = parts.c2.first(15); });
    with_parts("bad-recipient-der", "c2-17", which, [&](auto& parts) { parts.c2 = ByteView(zeros).first(17); });
    with_parts("bad-point", "y-plus-1", which, [](auto& parts) { parts.y[31] ^= 1; });
  }
  with_parts("bad-root-key", "c3", 0, [&](auto& parts) { parts.c3 = ByteView(zeros).first(32); });
  g.fault("no-recipient", "key-id", spec, [](Made& made) {
    made.stream[28] ^= 1;
    Generator::authenticate(made);
  });
}

void bad_signatures(Generator& g) {
  const Spec spec{.pieces = {20}};
  const auto with_signature = [&](const char* what, const std::function<Bytes(Made&, Bytes)>& change) {
    g.fault("bad-signature", what, spec, [&](Made& made) {
      const auto header = Header::parse(made.stream, {}).value();
      const Recipient r = header.recipient(0);
      const Bytes changed = change(made, Bytes(header.signature().begin(), header.signature().end()));
      g.replace_blocks(made, {Generator::block(r.key_id, r.ciphertext)}, &changed);
    });
  };
  with_signature("trailing-byte", [](Made&, Bytes der) { return der.push_back(0), der; });
  with_signature("empty", [](Made&, const Bytes&) { return Bytes(); });
  with_signature("one-bit", [](Made&, Bytes der) { return der.back() ^= 1, der; });
  with_signature("r-zero", [](Made&, const Bytes& der) {
    auto parts = crypto::parse_sm2_signature(der).value();
    parts.r.fill(0);
    return crypto::encode_sm2_signature(parts);
  });
  with_signature("s-over-n", [](Made&, const Bytes& der) {
    auto parts = crypto::parse_sm2_signature(der).value();
    parts.s.fill(0xff);
    return crypto::encode_sm2_signature(parts);
  });
  with_signature("another-message",
                 [](Made& made, const Bytes&) { return made.signer.sign(as_bytes("mifeng/v1/sender")).value(); });
  const Made made = g.make(spec);
  g.refuse("bad-signature", "another-signer", made, 0, crypto::Sm2PrivateKey::generate().value().public_key());
  Made unsigned_made = g.make({.is_signed = false, .pieces = {20}});
  unsigned_made.spec.is_signed = true;  // what the receiver asks for
  g.refuse("missing-signature", "unsigned", unsigned_made);
}

void bad_macs(Generator& g) {
  const Spec spec{.pieces = {20}};
  g.fault("bad-header-mac", "mac", spec, [](Made& made) { made.stream[made.header_size - 1] ^= 1; });
  g.fault("bad-header-mac", "salt", spec, [](Made& made) { made.stream[8] ^= 1; });
  g.fault("bad-header-mac", "exponent", spec, [](Made& made) { made.stream[5] = 11; });
  g.fault("bad-header-mac", "fixed-flag", spec, [](Made& made) { made.stream[25] ^= 2; });
  g.fault("bad-header-mac", "context", spec, [](Made& made) { made.context.push_back('x'); });
  g.fault("bad-header-mac", "context-empty", spec, [](Made& made) { made.context.clear(); });
  g.fault("fixed-rule", "payload-without-flag", {.kind = Kind::kPayload, .pieces = {20}}, [](Made& made) {
    made.stream[25] = 1;
    Generator::authenticate(made);
  });
}

void bad_segments(Generator& g) {
  const Spec spec{.pieces = {2100}};  // 1024, 1024, 52
  constexpr std::size_t kFull = 1024 + 20;
  const auto at = [](Made& made, std::size_t offset) -> std::uint8_t& {
    return made.stream[made.header_size + offset];
  };
  g.fault("bad-tag", "first-byte", spec, [&](Made& made) { at(made, 4) ^= 1; });
  g.fault(
      "bad-tag", "second-segment", spec, [&](Made& made) { at(made, kFull + 100) ^= 1; }, 1024);
  g.fault(
      "bad-tag", "last-byte", spec, [&](Made& made) { made.stream.back() ^= 0x80; }, 2048);
  g.fault("bad-tag", "swapped", spec, [&](Made& made) {
    const auto first = made.stream.begin() + static_cast<std::ptrdiff_t>(made.header_size);
    std::swap_ranges(first, first + kFull, first + kFull);
  });
  g.fault("bad-tag", "first-missing", spec, [&](Made& made) {
    const auto first = made.stream.begin() + static_cast<std::ptrdiff_t>(made.header_size);
    made.stream.erase(first, first + kFull);
  });
  g.fault("bad-tag", "final-bit", {.segmentation = Segmentation::kFlushed, .pieces = {5, 5}},
          [&](Made& made) { at(made, 0) ^= 0x80; });
  g.fault("reserved-not-zero", "segment-bit-30", spec, [&](Made& made) { at(made, 0) |= 0x40; });
  g.fault(
      "reserved-not-zero", "segment-bit-25", spec, [&](Made& made) { at(made, kFull) |= 0x02; }, 1024);
  g.fault("segment-too-long", "1025", spec, [&](Made& made) { at(made, 3) = 1; });
  g.fault("fixed-rule", "short", spec, [&](Made& made) { at(made, 2) = 3; });
  g.fault(
      "fixed-rule", "full-final", spec, [&](Made& made) { at(made, kFull) |= 0x80; }, 1024);
  g.fault(
      "trailing-data", "byte", spec, [](Made& made) { made.stream.push_back(0); }, 2100);
  g.fault(
      "trailing-data", "twice", spec,
      [](Made& made) {
        const Bytes copy = made.stream;
        append(made.stream, copy);
      },
      2100);
  g.fault("truncated", "after-header", spec, [](Made& made) { made.stream.resize(made.header_size); });
  g.fault("truncated", "in-length", spec, [](Made& made) { made.stream.resize(made.header_size + 3); });
  g.fault("truncated", "in-segment", spec, [](Made& made) { made.stream.resize(made.header_size + 500); });
  g.fault(
      "truncated", "at-border", spec, [&](Made& made) { made.stream.resize(made.header_size + 2 * kFull); }, 2048);
  g.fault(
      "truncated", "last-byte", spec, [](Made& made) { made.stream.pop_back(); }, 2048);
}

json::value contexts() {
  json::array bodies;
  const auto body = [&](const char* name, const char* spelled, const Bytes& bytes) {
    bodies.push_back(
        json::object{{"name", name}, {"bytes", spelled}, {"length", bytes.size()}, {"digest", body_digest(bytes)}});
  };
  body("empty", "", {});
  body("one byte", "61", {0x61});
  body("one chunk", "61 * 4096", Bytes(4096, 0x61));
  body("one chunk and a byte", "61 * 4097", Bytes(4097, 0x61));
  body("three chunks", "00 * 12288", Bytes(12288, 0));

  json::array made;
  const auto add = [&](const char* kind, const std::vector<std::string>& fields, const Result<Bytes>& context) {
    json::array list;
    for (const std::string& field : fields) list.push_back(json::value(field));
    made.push_back(json::object{{"kind", kind},
                                {"fields", list},
                                {"context_hex", to_hex(context.value())},
                                {"sm3", to_hex(crypto::sm3(context.value()))}});
  };
  const std::string id = "000102030405060708090a0b0c0d0e0f";
  const std::string digest(64, 'd');
  add("response", {id, "200", "application/json", "gzip", "POST", "/predict?x=%20", digest},
      response_context({.request_id = id,
                        .status = 200,
                        .content_type = "application/json",
                        .content_encoding = "gzip",
                        .method = "POST",
                        .target = "/predict?x=%20",
                        .body_digest = digest}));
  add("response", {id, "404", "", "", "GET", "/", ""},
      response_context({.request_id = id,
                        .status = 404,
                        .content_type = "",
                        .content_encoding = "",
                        .method = "GET",
                        .target = "/",
                        .body_digest = ""}));
  add("payload", {"acme", "digits", "1.0.0"}, payload_context("acme", "digits", "1.0.0"));
  add("grant", {"grant-request", "d1", id}, grant_request_context("d1", id));
  add("grant", {"renew", "d1", id}, renew_context("d1", id));
  add("grant", {"grant", "d1", id}, grant_context("d1", id));
  add("grant", {"snapshot", "g1", "1700000000000"}, snapshot_context("g1", 1700000000000));
  add("grant", {"enrol", "g1", id}, enrol_context("g1", id));
  add("grant", {"report", "g1", "1"}, report_context("g1", 1));
  return json::object{
      {"format", "sealed stream, version 1: body digests and contexts"}, {"bodies", bodies}, {"contexts", made}};
}

// One case a line, so that a change shows as a change of lines.
std::string spell(const json::value& document) {
  std::string text = "{";
  bool first = true;
  for (const auto& [name, value] : document.as_object()) {
    text += first ? "\n" : ",\n";
    first = false;
    text += json::serialize(json::value(name)) + ": ";
    if (!value.is_array()) {
      text += json::serialize(value);
      continue;
    }
    text += "[";
    bool first_item = true;
    for (const auto& item : value.as_array()) {
      text += first_item ? "\n" : ",\n";
      first_item = false;
      text += json::serialize(item);
    }
    text += "\n]";
  }
  return text + "\n}\n";
}

}  // namespace
}  // namespace mifeng::sealed

int main(int argc, char** argv) {
  using namespace mifeng;
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  sealed::Generator generator;
  sealed::good_streams(generator);
  sealed::bad_fixed_parts(generator);
  sealed::bad_blocks(generator);
  sealed::bad_signatures(generator);
  sealed::bad_macs(generator);
  sealed::bad_segments(generator);
  const std::string folder = argv[1];
  for (const auto& [name, document] :
       {std::pair{"/sealed-v1.json", generator.document()}, std::pair{"/contexts-v1.json", sealed::contexts()}}) {
    if (const auto written = write_file_atomic(folder + name, as_bytes(sealed::spell(document))); !written) {
      std::fprintf(stderr, "%s\n", written.error().message().c_str());
      return 1;
    }
  }
  return 0;
}

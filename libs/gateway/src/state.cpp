#include "mifeng/gateway/state.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "mifeng/base/bounds.h"
#include "mifeng/json/fields.h"
#include "mifeng/os/held_lock.h"
#include "mifeng/vault/master_key.h"

namespace mifeng::gateway {

namespace {

constexpr std::size_t kStateSizeMax = 1 << 20;
constexpr std::size_t kWrappedMax = 1024;
// Not the vault's: here a new enrolment is a way out too.
Error does_not_fit() {
  return Error(ErrorCode::kVerificationFailed, "wrapped-key-does-not-fit",
               "the gateway's private keys cannot be opened with this master key; give the master key that they were "
               "stored under, or enrol the gateway anew with a new state folder and join file");
}

vault::WrapLabel label_of(const std::string& purpose, const crypto::Sm2PublicKey& key) {
  return {.purpose = purpose, .public_key = Bytes(key.point().begin(), key.point().end())};
}

Error bad_state(const std::string& message) {
  return Error(ErrorCode::kInvalidArgument, "bad-state",
               "the gateway's gateway.json cannot be read: " + message +
                   " Restore it, or enrol the gateway anew with a new state folder and join file");
}

json::Value key_value(const crypto::Sm2PrivateKey& key, const std::string& purpose, const vault::Wrapper& wrapper) {
  const auto wrapped =
      wrapper.wrap(label_of(purpose, key.public_key()), SecretBytes(key.scalar().reveal_for_copying())).value();
  return json::Object{{"key", to_base64(key.public_key().point())}, {"wrapped", wrapped}};
}

Result<crypto::Sm2PrivateKey> read_key(ByteView point, const std::string& wrapped, const std::string& purpose,
                                       const vault::Wrapper& wrapper) {
  const auto public_key = crypto::Sm2PublicKey::from_point(point);
  if (!public_key) return bad_state("a public key is no point.");
  const auto scalar = wrapper.unwrap(label_of(purpose, *public_key), wrapped);
  if (!scalar) return does_not_fit();
  auto key = crypto::Sm2PrivateKey::from_scalar(scalar->reveal_for_computing());
  if (!key || key->public_key() != *public_key) return does_not_fit();
  return key;
}

}  // namespace

Bytes encode_membership(const Membership& membership, const vault::Wrapper& wrapper) {
  json::Object object{
      {"format", "mifeng-gateway/1"}, {"gateway", membership.gateway}, {"platform", membership.platform}};
  if (membership.tls_certificate_sm3) object.set("tls_certificate_sm3", *membership.tls_certificate_sm3);
  object.set("card", json::parse(messages::encode_card(membership.card)).value());
  object.set("receive", key_value(membership.receive, "receive", wrapper));
  object.set("sign", key_value(membership.sign, "sign", wrapper));
  if (membership.pending)
    object.set("pending",
               json::Object{{"nonce", membership.pending->nonce}, {"stream", to_base64(membership.pending->stream)}});
  return to_bytes(json::serialize_pretty(object));
}

Result<Membership> decode_membership(ByteView json, const vault::Wrapper& wrapper) {
  auto object = json::parse_object(as_text(json), {.bytes = kStateSizeMax, .depth = 8, .values = 1000});
  if (!object) return bad_state(object.error().message());
  json::Fields fields(*object);
  fields.word("format", {"mifeng-gateway/1"});
  std::string gateway = fields.string("gateway", {.min = 1, .max = bounds::kIdMax});
  std::string platform = fields.string("platform", {.min = 1, .max = 1024});
  auto certificate = fields.optional_string("tls_certificate_sm3", {.min = 64, .max = 64});
  json::Fields card_fields = fields.object("card");
  const auto card = messages::decode_card(card_fields.whole());
  Bytes points[2];
  std::string wrapped[2];
  for (const int i : {0, 1}) {
    json::Fields key = fields.object(i == 0 ? "receive" : "sign");
    points[i] = key.base64("key", crypto::kSm2PointSize, crypto::kSm2PointSize);
    wrapped[i] = key.string("wrapped", {.min = 1, .max = kWrappedMax});
  }
  std::optional<PendingEnrolment> pending;
  if (auto each = fields.optional_object("pending")) {
    pending.emplace();
    pending->nonce = each->string("nonce", {.min = 32, .max = 32});
    pending->stream = each->base64("stream", 1, messages::kMessageSizeMax);
  }
  if (auto finished = fields.finish(); !finished) return bad_state(finished.error().message());
  if (!card) return bad_state(card.error().message());
  MIFENG_TRY(messages::CardKeys card_keys, messages::verify_card(*card));
  MIFENG_TRY(crypto::Sm2PrivateKey receive, read_key(points[0], wrapped[0], "receive", wrapper));
  MIFENG_TRY(crypto::Sm2PrivateKey sign, read_key(points[1], wrapped[1], "sign", wrapper));
  return Membership{.gateway = std::move(gateway),
                    .platform = std::move(platform),
                    .tls_certificate_sm3 = std::move(certificate),
                    .card = *card,
                    .card_keys = std::move(card_keys),
                    .receive = std::move(receive),
                    .sign = std::move(sign),
                    .pending = std::move(pending)};
}

Result<StateFolder> StateFolder::open(std::filesystem::path folder, std::filesystem::path master_key,
                                      const messages::SealingTools& tools) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return errno_error(error.value(), "make the folder " + folder.string());
  MIFENG_TRY(HeldLock lock, try_lock(folder / "lock"));
  if (!lock.fd)
    return Error(
        ErrorCode::kConflict, "state-in-use",
        "another gateway runs with the state folder " + folder.string() + "; stop it, or give this one its own");
  const auto mode = std::filesystem::exists(folder / "gateway.json", error) ? vault::MasterKeyFile::kMustExist
                                                                            : vault::MasterKeyFile::kCreate;
  if (error) return errno_error(error.value(), "look for a gateway.json in " + folder.string());
  MIFENG_TRY(SecretBytes key, vault::load_master_key(master_key, mode, tools.random));
  MIFENG_TRY(auto wrapper,
             vault::Wrapper::create(std::move(key), vault::WrapForm::kGateway, tools.provider, tools.random));
  return StateFolder(std::move(folder), std::move(lock.fd), std::move(wrapper), tools);
}

Result<std::optional<Membership>> StateFolder::load() const {
  auto text = read_file(folder_ / "gateway.json", kStateSizeMax);
  if (!text && text.error().code() == ErrorCode::kNotFound) return std::optional<Membership>();
  if (!text) return text.error();
  MIFENG_TRY(Membership membership, decode_membership(*text, *wrapper_));
  return std::optional<Membership>(std::move(membership));
}

Result<void> StateFolder::store(const Membership& membership) const {
  return write_file_atomic(folder_ / "gateway.json", encode_membership(membership, *wrapper_), 0600);
}

Result<Membership> StateFolder::begin_enrolment(const messages::JoinFile& join, const std::string& version) const {
  MIFENG_TRY(messages::CardKeys card_keys, messages::verify_card(join.card));
  // Which join file a pending enrolment was made from: its code says so, and is not to be stored in clear.
  const std::string mark = to_hex(crypto::sm3(messages::encode_join(join).reveal_for_computing()));
  MIFENG_TRY(std::optional<Membership> known, load());
  const auto stored_mark = read_text_file(folder_ / "join-mark", 256);
  if (known && known->pending && stored_mark && *stored_mark == mark) return std::move(*known);
  MIFENG_TRY(crypto::Sm2PrivateKey receive, crypto::Sm2PrivateKey::generate());
  MIFENG_TRY(crypto::Sm2PrivateKey sign, crypto::Sm2PrivateKey::generate());
  const messages::Enrolment enrolment{.gateway = join.gateway,
                                      .code = join.code.clone(),
                                      .nonce = tools_.random.hex(16),
                                      .receive_key = receive.public_key(),
                                      .signing_key = sign.public_key(),
                                      .version = version};
  MIFENG_TRY(Bytes stream, messages::seal_enrolment(enrolment, card_keys.delivery.key, sign, tools_));
  Membership membership{.gateway = join.gateway,
                        .platform = join.platform,
                        .tls_certificate_sm3 = join.tls_certificate_sm3,
                        .card = join.card,
                        .card_keys = std::move(card_keys),
                        .receive = std::move(receive),
                        .sign = std::move(sign),
                        .pending = PendingEnrolment{.nonce = enrolment.nonce, .stream = std::move(stream)}};
  MIFENG_CHECK(store(membership));
  MIFENG_CHECK(write_file_atomic(folder_ / "join-mark", as_bytes(mark), 0600));
  return membership;
}

Result<void> StateFolder::finish_enrolment(Membership& membership) const {
  membership.pending.reset();
  return store(membership);
}

Result<std::optional<messages::SnapshotFrame>> StateFolder::load_snapshot() const {
  auto bytes = read_file(folder_ / "snapshot", messages::kSnapshotSizeMax + messages::kSnapshotFrameHeaderSize);
  if (!bytes && bytes.error().code() == ErrorCode::kNotFound) return std::optional<messages::SnapshotFrame>();
  if (!bytes) return bytes.error();
  messages::SnapshotFrameReader reader;
  std::vector<messages::SnapshotFrame> frames;
  MIFENG_CHECK(reader.feed(*bytes, frames));
  if (frames.size() != 1) return bad_state("the stored snapshot is no snapshot.");
  return std::optional<messages::SnapshotFrame>(std::move(frames[0]));
}

Result<void> StateFolder::store_snapshot(const messages::SnapshotFrame& frame) const {
  Bytes bytes;
  messages::append_snapshot_frame(bytes, frame.serial, frame.stream);
  return write_file_atomic(folder_ / "snapshot", bytes, 0600);
}

}  // namespace mifeng::gateway

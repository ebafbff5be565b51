#include "fields.h"

#include <algorithm>
#include "mifeng/base/bounds.h"

namespace mifeng::messages {

namespace {

bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == ':' || c == '-';
  });
}

bool is_nonce(std::string_view text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), is_lower_hex);
}

void wipe_texts(json::Value& value) {
  if (std::string* text = value.if_string()) {
    wipe(text->data(), text->size());
  } else if (json::Array* array = value.if_array()) {
    for (json::Value& element : *array) wipe_texts(element);
  } else if (json::Object* object = value.if_object()) {
    for (json::Object::Member& member : *object) wipe_texts(member.second);
  }
}

Error bad_message(const Error& error, std::string_view reason) {
  return Error(error.code() == ErrorCode::kResourceExhausted ? error.code() : ErrorCode::kInvalidArgument,
               std::string(reason), error.message());
}

Result<Document> Document::parse(ByteView plaintext, const json::ParseLimits& limits) {
  auto object = json::parse_object(as_text(plaintext), limits);
  if (!object) return bad_message(object.error());
  return Document(std::move(*object));
}

void Reader::format(std::string_view expected) { fields_.word("format", {expected}); }

std::string Reader::id(std::string_view name) {
  std::string text = fields_.string(name, {.min = 1, .max = bounds::kIdMax});
  if (!text.empty() && !is_id(text)) fields_.refuse(name, "must be an id: letters, digits, '.', '_', ':' and '-'");
  return text;
}

std::string Reader::nonce(std::string_view name) {
  std::string text = fields_.string(name, {.min = 32, .max = 32});
  if (!text.empty() && !is_nonce(text)) fields_.refuse(name, "must be 32 lower-case hex digits");
  return text;
}

std::optional<crypto::Sm2PublicKey> Reader::point(std::string_view name) {
  const Bytes bytes = fields_.base64(name, crypto::kSm2PointSize, crypto::kSm2PointSize);
  if (bytes.empty()) return std::nullopt;  // refused already
  auto key = crypto::Sm2PublicKey::from_point(bytes);
  if (!key) {
    fields_.refuse(name, "must be an uncompressed point on sm2p256v1");
    return std::nullopt;
  }
  return std::move(*key);
}

crypto::Sm3Digest Reader::digest(std::string_view name) {
  crypto::Sm3Digest digest{};
  const std::string text = fields_.string(name, {.min = 64, .max = 64});
  if (text.empty()) return digest;
  const auto bytes = from_hex(text);
  if (!bytes || !std::all_of(text.begin(), text.end(), is_lower_hex)) {
    fields_.refuse(name, "must be 64 lower-case hex digits");
    return digest;
  }
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

SecretBytes Reader::secret(std::string_view name, std::size_t size) {
  Bytes bytes = fields_.base64(name, size, size);
  SecretBytes secret = bytes.size() == size ? SecretBytes(ByteView(bytes)) : SecretBytes(size);
  wipe(bytes.data(), bytes.size());
  return secret;
}

KeyStatement Reader::statement_in(json::Fields fields) {
  KeyStatement statement;
  statement.statement = fields.base64("statement", 1, 1024);
  statement.signature = fields.base64("signature", 1, 128);
  return statement;
}

KeyStatement Reader::statement(std::string_view name) { return statement_in(fields_.object(name)); }

KeyStatements Reader::chain(std::string_view name) {
  KeyStatements chain;
  for (json::Fields& each : fields_.objects(name, {.min = 0, .max = kIdentityChainMax}))
    chain.push_back(statement_in(each));
  return chain;
}

Result<void> Reader::finish() {
  auto finished = fields_.finish();
  if (!finished) return bad_message(finished.error());
  return ok();
}

std::string point_text(const crypto::Sm2PublicKey& key) { return to_base64(key.point()); }

json::Value statement_value(const KeyStatement& statement) {
  return json::Object{{"statement", to_base64(statement.statement)}, {"signature", to_base64(statement.signature)}};
}

json::Value chain_value(const KeyStatements& chain) {
  json::Array array;
  for (const KeyStatement& statement : chain) array.push_back(statement_value(statement));
  return array;
}

SecretBytes to_secret(json::Object object) {
  json::Value value(std::move(object));
  std::string text = json::serialize(value);
  SecretBytes secret(as_bytes(text));
  wipe(text.data(), text.size());
  wipe_texts(value);
  return secret;
}

}  // namespace mifeng::messages

// Reading and writing the field types of spec/grant.md.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/json/fields.h"
#include "mifeng/json/value.h"
#include "mifeng/messages/key_statement.h"

namespace mifeng::messages {

inline constexpr std::int64_t kIntegerMax = (std::int64_t{1} << 53) - 1;

// Overwrites every text in a value that held secrets. What the parser itself left behind is out of reach.
void wipe_texts(json::Value& value);

// A parsed plaintext, whose texts are wiped when it goes.
class Document {
 public:
  // kInvalidArgument "bad-message" for all that is no JSON object within `limits`.
  static Result<Document> parse(ByteView plaintext, const json::ParseLimits& limits);
  Document(Document&& other) noexcept : value_(std::exchange(other.value_, json::Value())) {}
  Document& operator=(Document&&) = delete;
  ~Document() { wipe_texts(value_); }

  const json::Object& object() const { return *value_.if_object(); }

 private:
  explicit Document(json::Object object) : value_(std::move(object)) {}
  json::Value value_;
};

// The error of a decoder: whatever it was, reason "bad-message" (or `reason`), the message kept.
Error bad_message(const Error& error, std::string_view reason = "bad-message");

// Reads what json::Fields does not know, and puts values that cannot be empty (keys) into optionals until finish().
class Reader {
 public:
  explicit Reader(json::Fields fields) : fields_(std::move(fields)) {}

  json::Fields& fields() { return fields_; }
  void format(std::string_view expected);
  std::string id(std::string_view name);     // 1..128 of A-Z a-z 0-9 . _ : -
  std::string nonce(std::string_view name);  // 32 lower-case hex digits
  std::string text(std::string_view name, std::size_t min, std::size_t max) {
    return fields_.string(name, {.min = min, .max = max});
  }
  std::int64_t millis(std::string_view name) { return fields_.integer(name, 0, kIntegerMax); }
  std::uint64_t count(std::string_view name) {
    return static_cast<std::uint64_t>(fields_.integer(name, 0, kIntegerMax));
  }
  bool boolean(std::string_view name) { return fields_.boolean(name); }
  std::optional<crypto::Sm2PublicKey> point(std::string_view name);
  crypto::Sm3Digest digest(std::string_view name);
  SecretBytes secret(std::string_view name, std::size_t size);  // base64 of exactly `size` bytes
  KeyStatement statement(std::string_view name);
  static KeyStatement statement_in(json::Fields fields);
  KeyStatements chain(std::string_view name);
  std::vector<json::Fields> list(std::string_view name, std::size_t max) {
    return fields_.objects(name, {.min = 0, .max = max});
  }
  Result<void> finish();

 private:
  json::Fields fields_;
};

bool is_id(std::string_view text);
bool is_nonce(std::string_view text);

std::string point_text(const crypto::Sm2PublicKey& key);
json::Value statement_value(const KeyStatement& statement);
json::Value chain_value(const KeyStatements& chain);
// The text of an object as a secret; wipes the object's texts.
SecretBytes to_secret(json::Object object);

}  // namespace mifeng::messages

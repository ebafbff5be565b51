#include "mifeng/sealed_fixture/vectors.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <boost/json/parse.hpp>

#include "mifeng/os/file.h"

namespace mifeng::sealed::testing {
namespace {

Bytes hex_field(const boost::json::object& object, const char* name) {
  return from_hex(object.at(name).as_string()).value();
}

}  // namespace

boost::json::value read_json(const std::string& path) {
  const auto text = read_text_file(path, 64 << 20);
  EXPECT_TRUE(text) << path;
  if (!text) return nullptr;
  return boost::json::parse(*text);
}

std::vector<VectorCase> read_sealed_vectors(const std::string& path) {
  std::vector<VectorCase> cases;
  const boost::json::value document = read_json(path);
  if (document.is_null()) return cases;
  for (const boost::json::value& item : document.as_object().at("cases").as_array()) {
    const boost::json::object& object = item.as_object();
    VectorCase made;
    made.name = object.at("name").as_string();
    made.kind = static_cast<Kind>(object.at("kind").as_int64());
    made.context = hex_field(object, "context_hex");
    made.stream = hex_field(object, "stream_hex");
    made.private_key = hex_field(object, "private_key_hex");
    if (!object.at("signer_public_hex").is_null()) made.signer = hex_field(object, "signer_public_hex");
    made.require_signature = object.at("require_signature").as_bool();
    const boost::json::object& expected = object.at("expected").as_object();
    made.ok = expected.at("result").as_string() == "ok";
    if (!made.ok) {
      made.classes.emplace_back(expected.at("class").as_string());
      if (const auto* also = expected.if_contains("also"))
        for (const boost::json::value& other : also->as_array()) made.classes.emplace_back(other.as_string());
    }
    const boost::json::object& bytes = made.ok ? expected : expected.at("released").as_object();
    made.length = static_cast<std::size_t>(bytes.at("length").as_int64());
    made.sha256 = bytes.at("sha256").as_string();
    cases.push_back(std::move(made));
  }
  return cases;
}

std::vector<std::string> vector_files(const std::string& name) {
  const std::string folder = MIFENG_SOURCE_DIR "/vectors/";
  return {folder + name, folder + "reference/" + name};
}

std::string sha256_hex(ByteView bytes) {
  std::array<std::uint8_t, 32> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return to_hex(digest);
}

}  // namespace mifeng::sealed::testing

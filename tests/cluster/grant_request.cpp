// A grant request as a guard would send it, for whoever has nothing but what stands in a guard's environment, and a
// token of any kind: {"deployment", "unit", "pod_uid", "token", "delivery_key"} in, {"line", "nonce", "body"} out.
#include <cstdio>
#include <iostream>
#include <iterator>

#include "mifeng/json/value.h"
#include "mifeng/messages/grant.h"

namespace mifeng {
namespace {

std::string text_of(const json::Object& object, const char* name) {
  const json::Value* value = object.find(name);
  const std::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string() : *text;
}

Result<void> run() {
  const std::string input(std::istreambuf_iterator<char>(std::cin), {});
  MIFENG_TRY(const json::Object asked, json::parse_object(input));
  SystemRandom random;
  MIFENG_TRY(const auto provider, crypto::Sm4GcmProvider::create());
  const messages::SealingTools tools{random, *provider};
  MIFENG_TRY(const Bytes point, from_base64(text_of(asked, "delivery_key")));
  MIFENG_TRY(const auto delivery_key, crypto::Sm2PublicKey::from_point(point));
  MIFENG_TRY(const auto receive, crypto::Sm2PrivateKey::generate());
  MIFENG_TRY(const auto sign, crypto::Sm2PrivateKey::generate());
  const std::string nonce = random.hex(16);
  const messages::GrantRequest request{.deployment = text_of(asked, "deployment"),
                                       .unit = text_of(asked, "unit"),
                                       .pod_uid = text_of(asked, "pod_uid"),
                                       .token = SecretBytes(as_bytes(text_of(asked, "token"))),
                                       .nonce = nonce,
                                       .receive_key = receive.public_key(),
                                       .signing_key = sign.public_key(),
                                       .payload_header_sm3 = {},
                                       .guard_version = "0.1.0"};
  MIFENG_TRY(const Bytes body, messages::seal_grant_request(request, delivery_key, sign, tools));
  std::printf(
      "%s\n",
      json::serialize(json::Object{{"line", messages::request_line(body)}, {"nonce", nonce}, {"body", to_base64(body)}})
          .c_str());
  return ok();
}

}  // namespace
}  // namespace mifeng

int main() {
  const auto done = mifeng::run();
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return 1;
}

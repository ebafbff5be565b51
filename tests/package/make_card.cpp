// make_card FOLDER: a platform's identity and delivery keys and its card, a vendor's key pair, for tests and benchmarks
// that pack without a platform.
#include <cstdio>

#include "mifeng/messages/card.h"
#include "mifeng/os/file.h"

namespace {

mifeng::Result<void> make(const std::filesystem::path& folder) {
  using namespace mifeng;
  MIFENG_TRY(const auto identity, crypto::Sm2PrivateKey::generate());
  MIFENG_TRY(const auto delivery, crypto::Sm2PrivateKey::generate());
  MIFENG_TRY(const auto vendor, crypto::Sm2PrivateKey::generate());
  const messages::KeyClaims claims{messages::KeyPurpose::kDelivery, delivery.public_key(), 1, 0, 4'000'000'000'000};
  MIFENG_TRY(auto statement, messages::make_key_statement(claims, identity));
  const messages::PlatformCard card{"test site", identity.public_key(), std::move(statement), std::nullopt};
  MIFENG_CHECK(write_file_atomic(folder / "card.json", as_bytes(messages::encode_card(card))));
  for (const auto& [name, key] : {std::pair{"delivery", &delivery}, std::pair{"vendor", &vendor}}) {
    MIFENG_TRY(const SecretBytes pem, key->to_pem());
    MIFENG_CHECK(write_file_atomic(folder / (std::string(name) + ".key"), pem.reveal_for_output(), 0600));
    MIFENG_TRY(const std::string public_pem, key->public_key().to_pem());
    MIFENG_CHECK(write_file_atomic(folder / (std::string(name) + ".pub"), as_bytes(public_pem)));
  }
  return ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_card FOLDER\n");
    return 2;
  }
  const auto made = make(argv[1]);
  if (made) return 0;
  std::fprintf(stderr, "make_card: %s\n", made.error().message().c_str());
  return 1;
}

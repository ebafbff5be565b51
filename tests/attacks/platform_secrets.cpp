// Opens what a platform keeps wrapped in its database, with its master key and by its own rules, and prints it: so that
// a test knows what to look for where it must not be. DATA-FOLDER MASTER-KEY-FILE
#include <cstdio>

#include "mifeng/crypto/sm2.h"
#include "mifeng/json/value.h"
#include "mifeng/store/audit.h"
#include "mifeng/store/database.h"
#include "mifeng/store/grants.h"
#include "mifeng/vault/master_key.h"
#include "mifeng/vault/wrapper.h"

namespace mifeng {
namespace {

void print(const std::string& purpose, const std::string& id, const SecretBytes& secret) {
  std::printf(
      "%s\n",
      json::serialize(json::Object{{"purpose", purpose}, {"id", id}, {"secret", to_hex(secret.reveal_for_output())}})
          .c_str());
}

Result<void> run(const std::filesystem::path& data, const std::filesystem::path& master_key) {
  SystemRandom random;
  MIFENG_TRY(auto master, vault::load_master_key(master_key, vault::MasterKeyFile::kMustExist, random));
  MIFENG_TRY(const auto provider, crypto::Sm4GcmProvider::create());
  MIFENG_TRY(const auto wrapper,
             vault::Wrapper::create(std::move(master), vault::WrapForm::kPlatform, *provider, random));
  MIFENG_TRY(const auto db, store::Database::open({.path = data / "mifeng.db", .connections = 1}));
  return db->read([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto keys, store::keys_by_serial(tx, ""));
    for (const auto& row : keys) {
      if (row.destroyed_ms != 0) continue;
      MIFENG_TRY(const Bytes point, from_base64(row.public_key));
      MIFENG_TRY(const auto public_key, crypto::Sm2PublicKey::from_point(point));
      MIFENG_TRY(const auto scalar,
                 wrapper->unwrap({.purpose = row.purpose,
                                  .public_key = Bytes(public_key.point().begin(), public_key.point().end())},
                                 row.wrapped));
      MIFENG_TRY(const auto private_key, crypto::Sm2PrivateKey::from_scalar(scalar.reveal_for_computing()));
      if (!(private_key.public_key() == public_key))
        return Error(ErrorCode::kVerificationFailed, "other-key", row.id + " is another key's.");
      print(row.purpose, row.id, scalar);
    }
    MIFENG_TRY(const auto secrets, store::all<store::WrappedSecretRow>(tx));
    for (const auto& row : secrets) {
      MIFENG_TRY(const auto secret, wrapper->unwrap({.purpose = row.purpose, .public_key = {}}, row.wrapped));
      print(row.purpose, "", secret);
    }
    return ok();
  });
}

}  // namespace
}  // namespace mifeng

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto done = mifeng::run(argv[1], argv[2]);
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return 1;
}

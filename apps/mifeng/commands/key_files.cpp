#include "commands/key_files.h"

#include "mifeng/os/file.h"

namespace mifeng::cli {

Result<crypto::Sm2PrivateKey> read_private_key(const std::string& path) {
  MIFENG_TRY(const SecretBytes pem, read_secret_file(path, kKeyFileSizeMax));
  auto key = crypto::Sm2PrivateKey::from_pem(pem);
  if (!key) return key.error().with_context(path);
  return key;
}

Result<crypto::Sm2PublicKey> read_public_key(const std::string& path) {
  MIFENG_TRY(const std::string pem, read_text_file(path, kKeyFileSizeMax));
  auto key = crypto::Sm2PublicKey::from_pem(pem);
  if (!key) return key.error().with_context(path);
  return key;
}

Result<crypto::Sm2PublicKey> read_either_key(const std::string& path) {
  MIFENG_TRY(const SecretBytes pem, read_secret_file(path, kKeyFileSizeMax));
  const std::string_view text = as_text(pem.reveal_for_parsing());
  if (text.find("PRIVATE KEY-----") != std::string_view::npos) {
    const auto key = crypto::Sm2PrivateKey::from_pem(pem);
    if (!key) return key.error().with_context(path);
    return key->public_key();
  }
  auto key = crypto::Sm2PublicKey::from_pem(text);
  if (!key) return key.error().with_context(path);
  return key;
}

}  // namespace mifeng::cli

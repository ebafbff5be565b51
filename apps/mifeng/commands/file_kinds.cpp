#include "commands/file_kinds.h"

#include "cli/language.h"
#include "cli/stream_files.h"
#include "commands/key_files.h"
#include "mifeng/crypto/fingerprint.h"
#include "mifeng/messages/card.h"
#include "mifeng/net/tls.h"
#include "mifeng/os/file.h"
#include "mifeng/package/package_file.h"
#include "mifeng/sealed/header.h"

namespace mifeng::cli {
namespace {

constexpr std::size_t kHeaderMax = 4096;

Result<Bytes> first_bytes(const std::string& path, std::size_t size) {
  MIFENG_TRY(Input input, Input::open(path));
  Bytes bytes;
  MIFENG_CHECK(input.read_up_to(bytes, size));
  return bytes;
}

Result<std::string> of_stream(const std::string& path) {
  MIFENG_TRY(const Bytes bytes, first_bytes(path, kHeaderMax));
  MIFENG_TRY(const auto header, sealed::Header::parse(bytes, {}));
  if (!header.is_signed())
    return Error(ErrorCode::kInvalidArgument, "not-signed",
                 tr("nobody signed this stream, so there is no fingerprint"));
  return shown_key_id(header.signer_key_id());
}

Result<std::string> of_package(const std::string& path) {
  MIFENG_TRY(const auto file, package::PackageFile::open(path));
  MIFENG_TRY(const auto key, crypto::Sm2PublicKey::from_pem(file.manifest().vendor_public_key));
  return key.fingerprint();
}

}  // namespace

FileKind kind_of(ByteView beginning) {
  const std::string_view text = as_text(beginning);
  if (text.starts_with("MFS")) return FileKind::kStream;
  if (text.starts_with(std::string_view("mifeng-package.json\0", 20))) return FileKind::kPackage;
  if (text.starts_with("-----BEGIN CERTIFICATE-----")) return FileKind::kCertificate;
  if (text.starts_with("-----BEGIN ")) return FileKind::kKey;
  const std::size_t at = text.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && text[at] == '{' ? FileKind::kCard : FileKind::kUnknown;
}

Result<std::string> fingerprint_of(const std::string& path) {
  MIFENG_TRY(const Bytes beginning, first_bytes(path, kKindBytes));
  switch (kind_of(beginning)) {
    case FileKind::kStream: return of_stream(path);
    case FileKind::kPackage: return of_package(path);
    case FileKind::kCard: {
      MIFENG_TRY(const Bytes text, read_file(path, messages::kCardSizeMax));
      const auto card = messages::decode_card(text);
      if (!card) return card.error().with_context(path);
      return card->identity.fingerprint();
    }
    case FileKind::kKey: {
      MIFENG_TRY(const auto key, read_either_key(path));
      return key.fingerprint();
    }
    case FileKind::kCertificate: {
      MIFENG_TRY(const std::string hex, net::certificate_fingerprint(path));
      MIFENG_TRY(const Bytes digest, from_hex(hex));
      return crypto::in_groups(digest);
    }
    case FileKind::kUnknown: break;
  }
  return unknown_form();
}

std::string shown_key_id(ByteView id) { return crypto::in_groups(id) + " ..."; }

std::string shown_key_id(const std::string& hex) {
  const auto id = from_hex(hex);
  return id ? shown_key_id(*id) : hex;
}

Error unknown_form() {
  return Error(
      ErrorCode::kInvalidArgument, "unknown-form",
      tr("this is no form that mifeng knows: a platform card, a key or certificate in PEM, a package (.mfpkg), a "
         "sealed stream"));
}

}  // namespace mifeng::cli

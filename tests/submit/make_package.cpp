// make_package CARD VENDOR-KEY FOLDER VERSION BASE-BYTES [MODEL]: FOLDER/package.mfpkg, a small package of acme's model
// MODEL ("digits") for tests that submit to a running mifengd. BASE-BYTES is the size of a layer that does not
// compress.
#include <cstdio>
#include <cstdlib>

#include "mifeng/os/file.h"
#include "mifeng/package_fixture/test_package.h"

namespace mifeng::submit {
namespace {

Result<void> make(char** arguments, const char* model) {
  const std::filesystem::path folder = arguments[2];
  MIFENG_TRY(const Bytes card_text, read_file(arguments[0], 64 << 10));
  MIFENG_TRY(const auto card, messages::decode_card(card_text));
  MIFENG_TRY(const Bytes pem, read_file(arguments[1], 64 << 10));
  MIFENG_TRY(const auto key, crypto::Sm2PrivateKey::from_pem(pem));
  package::PackageSpec spec;
  spec.model = model;
  spec.version = arguments[3];
  spec.base_bytes = std::strtoull(arguments[4], nullptr, 10);
  SystemRandom random;
  MIFENG_TRY(const auto parts, package::package_parts(spec, card, key, folder, random));
  return write_parts(parts, key, folder / "package.mfpkg");
}

}  // namespace
}  // namespace mifeng::submit

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) {
    std::fprintf(stderr, "usage: make_package CARD VENDOR-KEY FOLDER VERSION BASE-BYTES [MODEL]\n");
    return 2;
  }
  const auto made = mifeng::submit::make(argv + 1, argc == 7 ? argv[6] : "digits");
  if (made) return 0;
  std::fprintf(stderr, "make_package: %s\n", made.error().message().c_str());
  return 1;
}

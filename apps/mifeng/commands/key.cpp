// mifeng key generate | public | fingerprint; those of the platform are in gateway.cpp
#include <sys/stat.h>

#include "cli/console.h"
#include "cli/language.h"
#include "cli/stream_files.h"
#include "commands/commands.h"
#include "commands/file_kinds.h"
#include "commands/key_files.h"

namespace mifeng::cli {
namespace {

struct GenerateOptions {
  std::string output;
  std::string public_output;
  bool force = false;
};

// A key that is overwritten is gone for good, and with it all that was sealed to it.
Result<void> refuse_existing(const std::string& path, bool force) {
  struct ::stat status {};
  if (force || path.empty() || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return ok();
  return Error(ErrorCode::kConflict, "file-exists",
               say("{} exists; choose another name, or overwrite it with --force.", {path}));
}

Result<void> write_whole(const std::string& path, ByteView content, ::mode_t mode) {
  MIFENG_TRY(Output output, Output::create(path, mode));
  MIFENG_CHECK(output.write(content));
  return output.commit();
}

Result<int> generate(const GenerateOptions& options, Console& console) {
  MIFENG_CHECK(refuse_existing(options.output, options.force));
  MIFENG_CHECK(refuse_existing(options.public_output, options.force));
  MIFENG_TRY(const auto key, crypto::Sm2PrivateKey::generate());
  MIFENG_TRY(const SecretBytes pem, key.to_pem());
  MIFENG_CHECK(write_whole(options.output, pem.reveal_for_output(), 0600));
  if (!options.public_output.empty()) {
    MIFENG_TRY(const std::string public_pem, key.public_key().to_pem());
    MIFENG_CHECK(write_whole(options.public_output, as_bytes(public_pem), 0644));
  }
  console.message(say("fingerprint: {}", {key.public_key().fingerprint()}));
  return 0;
}

Result<int> print_public(const std::string& key_path, const std::string& output) {
  MIFENG_TRY(const auto key, read_either_key(key_path));
  MIFENG_TRY(const std::string pem, key.to_pem());
  MIFENG_CHECK(write_whole(output, as_bytes(pem), 0644));
  return 0;
}

Result<int> print_fingerprint(const std::string& key_path, Console& console) {
  MIFENG_TRY(const std::string fingerprint, fingerprint_of(key_path));
  MIFENG_CHECK(console.print(fingerprint + "\n"));
  return 0;
}

}  // namespace

void add_key(Command& root) {
  Command key = root.add("key", "SM2 key pairs of your own in files, and those of a platform");
  key.examples(
      "  mifeng key generate --output-file vendor.pem --public vendor.pub.pem\n"
      "  mifeng key fingerprint vendor.pub.pem      to compare by telephone\n"
      "  openssl pkey -in vendor.pem -text -noout   the files are ordinary PKCS#8 and SPKI PEM");

  auto options = std::make_shared<GenerateOptions>();
  Command generate_command = key.add("generate", "Make a key pair");
  generate_command.text("--output-file", options->output, "file for the private key (mode 0600); else standard output")
      .text("--public", options->public_output, "file for the public key")
      .flag("--force", options->force, "overwrite existing files")
      .examples("  mifeng key generate --output-file vendor.pem --public vendor.pub.pem");
  generate_command.run([options](Console& console) { return generate(*options, console); });

  struct PathOptions {
    std::string key;
    std::string output;
  };
  auto shown = std::make_shared<PathOptions>();
  Command public_command = key.add("public", "Print the public key (SPKI PEM) of a private key");
  public_command.text("KEY", shown->key, "a private or public key (PEM)", Need::kRequired)
      .text("--output-file", shown->output, "file; else standard output")
      .examples("  mifeng key public vendor.pem --output-file vendor.pub.pem");
  public_command.run([shown](Console&) { return print_public(shown->key, shown->output); });

  auto compared = std::make_shared<PathOptions>();
  Command fingerprint_command =
      key.add("fingerprint", "Print the fingerprint of a file, in groups to compare by telephone");
  fingerprint_command
      .text("FILE", compared->key, "a key or certificate (PEM), a platform card, a package, a sealed stream",
            Need::kRequired)
      .examples(
          "  mifeng key fingerprint vendor.pub.pem\n"
          "  mifeng key fingerprint card.json            the platform's identity key\n"
          "  mifeng key fingerprint wheat.mfpkg          the key of the vendor who signed it\n\n"
          "SM3 of a key's point or of a certificate. A stream holds the beginning of its signer's alone.");
  fingerprint_command.run([compared](Console& console) { return print_fingerprint(compared->key, console); });

  add_platform_keys(key);
}

}  // namespace mifeng::cli

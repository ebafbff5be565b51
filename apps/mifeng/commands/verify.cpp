// mifeng verify
#include "cli/console.h"
#include "cli/language.h"
#include "commands/commands.h"
#include "commands/key_files.h"
#include "mifeng/package/package_file.h"

namespace mifeng::cli {
namespace {

struct VerifyArguments {
  std::string input;
  std::string vendor;
};

Result<int> run(const VerifyArguments& arguments, Console& console) {
  MIFENG_TRY(const auto vendor, read_public_key(arguments.vendor));
  MIFENG_TRY(const auto file, package::PackageFile::open(arguments.input));
  auto verified = file.verify(
      vendor, [&](std::uint64_t done, std::uint64_t total) { console.progress(tr("verifying"), done, total); });
  console.progress_end();
  if (!verified) return verified.error();
  const package::PackageManifest& manifest = file.manifest();
  MIFENG_CHECK(console.print(say("verified: {} {} of {}, signed by {}", {manifest.image_name, manifest.model.version,
                                                                         manifest.vendor.name, vendor.fingerprint()}) +
                             "\n"));
  return 0;
}

}  // namespace

void add_verify(Command& root) {
  auto arguments = std::make_shared<VerifyArguments>();
  Command command = root.add("verify", "Check a package: its signature and every digest");
  command.text("FILE", arguments->input, "the .mfpkg", Need::kRequired)
      .text("--vendor", arguments->vendor, "the vendor's public key (PEM file), as you know it to be his",
            Need::kRequired)
      .examples(
          "  mifeng verify digits.mfpkg --vendor acme.pub\n\n"
          "Exit status 6 where anything does not fit. Whether the payload was sealed for this vendor, model and "
          "version is\n"
          "checked by the platform, which alone can open its header.");
  command.run([arguments](Console& console) { return run(*arguments, console); });
}

}  // namespace mifeng::cli

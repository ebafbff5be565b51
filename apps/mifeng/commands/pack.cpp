// mifeng pack
#include "mifeng/package/packer.h"

#include <chrono>

#include "cli/console.h"
#include "cli/interrupted.h"
#include "cli/language.h"
#include "commands/commands.h"
#include "commands/key_files.h"
#include "commands/pack_places.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {
namespace {

struct PackArguments {
  std::string project = ".";
  std::vector<std::string> cards;
  std::string signer;
  std::string output;
  std::string base;
  std::string packs;
  std::string cache;
  bool again = false;
};

class ConsoleListener final : public package::PackListener {
 public:
  explicit ConsoleListener(Console& console) : console_(console) {}
  void step(std::string_view what) override {
    console_.progress_end();
    console_.message(tr_phrase(what));
  }
  void note(std::string_view what) override { console_.message("  " + tr_phrase(what)); }
  void line(std::string_view text) override { console_.message("  " + std::string(text)); }
  void progress(std::string_view what, std::uint64_t done, std::uint64_t total) override {
    console_.progress(tr_phrase(what), done, total);
  }
  // Where nobody looks on, as in a log, a line for each minute.
  void waiting(std::chrono::seconds silent) override {
    const std::string words = say("  {} s", {std::to_string(silent.count())});
    if (console_.messages_are_on_terminal())
      console_.passing(words);
    else if (silent.count() % 60 == 0)
      console_.message(words);
  }

 private:
  Console& console_;
};

Result<int> run(const PackArguments& arguments, Console& console) {
  MIFENG_TRY(StopSignal stop, StopSignal::create());
  package::PackOptions options;
  options.stop = &stop;
  options.project = arguments.project.empty() ? "." : arguments.project;
  options.packs = packs_folder(arguments.packs);
  options.cache = cache_folder(arguments.cache);
  options.base = arguments.base;
  options.again = arguments.again;
  options.created_by = "mifeng " MIFENG_VERSION;
  for (const std::string& path : arguments.cards) {
    MIFENG_TRY(const Bytes text, read_file(path, messages::kCardSizeMax));
    auto card = messages::decode_card(text);
    if (!card) return card.error().with_context(path);
    options.cards.push_back(std::move(*card));
  }
  MIFENG_TRY(const auto signer, read_private_key(arguments.signer));
  options.signer = &signer;
  std::error_code error;
  options.output = arguments.output.empty()
                       ? options.project / (std::filesystem::absolute(options.project, error).lexically_normal() / ".")
                                               .parent_path()
                                               .filename()
                                               .concat(".mfpkg")
                       : std::filesystem::path(arguments.output);
  SystemRandom random;
  ConsoleListener listener(console);
  const auto begin = std::chrono::steady_clock::now();
  auto packed = package::pack(options, random, listener);
  console.progress_end();
  if (!packed && stop.signal() != 0)
    return interrupted(
        console, stop,
        say("Interrupted. {} is as it was before, and nothing half-made is left. The same command packs it; "
            "what it has fetched and built so far need not be done again.",
            {options.output.string()}));
  if (!packed) return packed.error();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  const package::PackageManifest& manifest = packed->manifest;
  const std::string name = manifest.image_name + " " + manifest.model.version;
  const std::string seconds = std::to_string(ms.count() / 1000) + "." + std::to_string(ms.count() % 1000 / 100);
  console.message(packed->was_current ? say("Nothing has changed: {}, {} s", {name, seconds})
                                      : say("Packed {} in {} s", {name, seconds}));
  for (const messages::PlatformCard& card : options.cards)
    console.message(say("Sealed for {}, whose fingerprint is {}", {card.platform, card.identity.fingerprint()}));
  console.message(say("Signed with the key {}", {signer.public_key().fingerprint()}));
  MIFENG_CHECK(console.print(options.output.string() + "\n"));
  return 0;
}

}  // namespace

void add_pack(Command& root) {
  auto arguments = std::make_shared<PackArguments>();
  Command command = root.add("pack", "Build a model, seal it for a platform and write a .mfpkg");
  command.text("FOLDER", arguments->project, "the folder of mifeng.yaml; default the current one")
      .texts("--for", arguments->cards, "platform card to seal for (file); again for more", Need::kRequired)
      .text("--sign,--key", arguments->signer, "the vendor's private key (PEM file)", Need::kRequired)
      .text("--output-file", arguments->output, "the package; default FOLDER/FOLDER.mfpkg")
      .flag("--again", arguments->again, "also where nothing has changed since the package was made")
      .text("--base", arguments->base,
            "image to build on, oci:FOLDER[:TAG] or docker-archive:FILE; default `base` of mifeng.yaml, else Debian "
            "packages")
      .text("--packs", arguments->packs, "folder of the language packs")
      .setting("packs")
      .text("--cache", arguments->cache, "folder for base images, dependencies and finished layers")
      .setting("cache")
      .examples(
          "  mifeng pack --for card.json --sign vendor.key\n"
          "  mifeng pack examples/tumor-cpp --for a.json --for b.json --sign vendor.key --output-file tumor.mfpkg\n"
          "  mifeng pack --base oci:/srv/images/debian:12 --for card.json --sign vendor.key");
  command.run([arguments](Console& console) { return run(*arguments, console); });
}

}  // namespace mifeng::cli

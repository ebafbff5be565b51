// mifeng document
#include "cli/console.h"
#include "cli/lookup.h"
#include "commands/commands.h"
#include "commands/fetch.h"

namespace mifeng::cli {
namespace {

struct DocumentOptions {
  std::string version, kind, output;
  bool raw = false;
};

Result<int> document(const PlatformFlags& flags, const DocumentOptions& options, Console& console) {
  MIFENG_TRY(const auto client, connect(flags));
  MIFENG_TRY(const json::Object version, find_version(client, options.version));
  if (options.raw) console.show_raw();
  return print_or_save(client, "/models/" + net::percent_encode(text_of(version, "id")) + "/documents/" + options.kind,
                       options.output, {}, console);
}

}  // namespace

void add_document(Command& root) {
  Command command = root.add("document", "Read the design, usage or test document of a model version");
  auto flags = add_platform_flags(command);
  auto options = std::make_shared<DocumentOptions>();
  command.text("VERSION", options->version, "VENDOR/MODEL@VERSION, or the version's id", Need::kRequired)
      .word("KIND", options->kind, {"design", "usage", "test"}, "which document", Need::kRequired)
      .text("--output-file", options->output, "file; else standard output")
      .flag("--raw", options->raw, "to a terminal too, as it was written: control sequences in it act there")
      .examples(
          "  mifeng document acme/digits@1.2.0 usage\n"
          "  mifeng document acme/digits@1.2.0 design --output-file design.md\n\n"
          "It is Markdown, byte for byte as the vendor signed it.");
  command.run([=](Console& console) { return document(*flags, *options, console); });
}

}  // namespace mifeng::cli

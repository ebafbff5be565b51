#include "commands/inspect.h"

#include <algorithm>

#include "cli/language.h"
#include "commands/commands.h"
#include "commands/file_kinds.h"

namespace mifeng::cli {
namespace {

struct InspectArguments {
  std::string input;
  std::string format = "table";
};

Result<int> run(const InspectArguments& arguments, Console& console) {
  MIFENG_TRY(Input input, Input::open(arguments.input));
  InspectRequest request{arguments.input, arguments.format, {}, &input};
  MIFENG_CHECK(input.read_up_to(request.beginning, kKindBytes));
  switch (kind_of(request.beginning)) {
    case FileKind::kStream:
      MIFENG_CHECK(input.read_up_to(request.beginning, kInspectBeginning));
      return inspect_stream(request, console);
    case FileKind::kPackage: return inspect_package(request, console);
    case FileKind::kCard: return inspect_card(request, console);
    case FileKind::kKey:
    case FileKind::kCertificate: return inspect_key(request, console);
    case FileKind::kUnknown: break;
  }
  return unknown_form();
}

}  // namespace

void add_inspect(Command& root) {
  auto arguments = std::make_shared<InspectArguments>();
  Command command = root.add("inspect", "Show what a file is, without any key");
  command.text("FILE", arguments->input, "file; else standard input")
      .word("-o,--output", arguments->format, {"table", "json"}, "how to print it")
      .examples(
          "  mifeng inspect card.json                    a platform card, a key or certificate (PEM)\n"
          "  mifeng inspect wheat.mfpkg                  a package\n"
          "  mifeng inspect -o json < model.sealed       a sealed stream\n\n"
          "What it shows is not verified: `mifeng open` proves who sealed a stream and for whom, `mifeng verify` a "
          "package.");
  command.run([arguments](Console& console) { return run(*arguments, console); });
}

}  // namespace mifeng::cli

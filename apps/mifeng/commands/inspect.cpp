#include "commands/inspect.h"

#include <algorithm>

#include "cli/language.h"
#include "commands/commands.h"

namespace mifeng::cli {
namespace {

struct InspectArguments {
  std::string input;
  std::string format = "table";
};

bool begins_with(ByteView bytes, std::string_view magic) { return as_text(bytes).starts_with(magic); }

Result<int> run(const InspectArguments& arguments, Console& console) {
  MIFENG_TRY(Input input, Input::open(arguments.input));
  InspectRequest request{arguments.input, arguments.format, Bytes(kInspectBeginning), &input};
  std::size_t have = 0;
  while (have < request.beginning.size()) {
    MIFENG_TRY(const std::size_t size, input.read(MutableBytes(request.beginning).subspan(have)));
    if (size == 0) break;
    have += size;
  }
  request.beginning.resize(have);
  if (begins_with(request.beginning, "MFS")) return inspect_stream(request, console);
  if (begins_with(request.beginning, std::string_view("mifeng-package.json\0", 20)))
    return inspect_package(request, console);
  return Error(
      ErrorCode::kInvalidArgument, "unknown-form",
      tr("this is no form that mifeng knows: a sealed stream begins with MFS, a package with mifeng-package.json"));
}

}  // namespace

void add_inspect(Command& root) {
  auto arguments = std::make_shared<InspectArguments>();
  Command command = root.add("inspect", "Show what a file is, without any key");
  command.text("FILE", arguments->input, "file; else standard input")
      .word("-o,--output", arguments->format, {"table", "json"}, "how to print it")
      .examples(
          "  mifeng inspect model.sealed\n"
          "  mifeng inspect -o json < model.sealed\n\n"
          "What it shows is not verified: `mifeng open` proves who sealed a stream and for whom, `mifeng verify` a "
          "package.");
  command.run([arguments](Console& console) { return run(*arguments, console); });
}

}  // namespace mifeng::cli

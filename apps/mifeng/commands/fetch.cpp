#include "commands/fetch.h"

#include "cli/console.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {

Result<int> print_or_save(const PlatformClient& client, const std::string& path, const std::string& output,
                          const Tell& tell, Console& console) {
  MIFENG_TRY(const auto text, client.get_text(path));
  if (output.empty()) {
    MIFENG_CHECK(console.print(text));
  } else {
    MIFENG_CHECK(write_file_atomic(output, as_bytes(text)));
  }
  if (tell) MIFENG_CHECK(tell(text, console));
  return 0;
}

void add_fetch(Command& group, const std::string& name, const std::string& summary, const std::string& path,
               const std::string& example, const Tell& tell) {
  Command command = group.add(name, summary);
  auto flags = add_platform_flags(command);
  auto output = std::make_shared<std::string>();
  command.text("--output-file", *output, "file; else standard output").examples(example);
  command.run([=](Console& console) -> Result<int> {
    MIFENG_TRY(const auto client, connect(*flags));
    return print_or_save(client, path, *output, tell, console);
  });
}

}  // namespace mifeng::cli

// mifeng help, version, completion, settings: what is about the command line itself.
#include "cli/connect.h"
#include "cli/console.h"
#include "cli/output.h"
#include "commands/commands.h"

namespace mifeng::cli {
namespace {

void add_completion(Command& root, const CommandLine& line) {
  auto shell = std::make_shared<std::string>("bash");
  Command completion = root.add("completion", "Print what a shell needs to complete mifeng's commands");
  completion.word("SHELL", *shell, {"bash", "zsh", "fish"}, "for which shell")
      .examples(
          "  source <(mifeng completion bash)        for this shell\n"
          "  mifeng completion bash > /etc/bash_completion.d/mifeng\n"
          "  mifeng completion fish | source\n\n"
          "Names of deployments, models and the like are asked of the platform that one is signed in at.");
  completion.run([&line, shell](Console& console) -> Result<int> {
    MIFENG_CHECK(console.print(line.completion(*shell)));
    return 0;
  });
}

void add_settings(Command& root, const CommandLine& line) {
  Command command = root.add("settings", "Show the settings in force, and where each of them comes from");
  auto flags = add_platform_flags(command);
  struct Places {
    std::string format, packs, guard, cache, data;
  };
  auto places = std::make_shared<Places>();
  add_output_flag(command, places->format);
  command.text("--packs", places->packs, "folder of the language packs").setting("packs");
  command.text("--guard", places->guard, "folder of the guards' image").setting("guard");
  command.text("--cache", places->cache, "folder for base images, dependencies and finished layers").setting("cache");
  command.text("--data", places->data, "folder of all that `mifeng up` keeps").setting("data");
  command.examples(
      "  mifeng settings\n\n"
      "A flag beats MIFENG_<SETTING>, which beats `defaults` in ./mifeng.yaml, which beats\n"
      "~/.config/mifeng/config.yaml (mode 0600), which beats /etc/mifeng/config.yaml.");
  command.run([&line, flags, places](Console& console) -> Result<int> {
    json::Array rows;
    for (const CommandLine::Setting& one : line.settings())
      rows.push_back(json::Object{{"name", one.name}, {"value", one.value}, {"from", one.from}});
    MIFENG_CHECK(print_objects(console, json::Value(std::move(rows)), places->format,
                               {{"SETTING", "name"}, {"VALUE", "value"}, {"FROM", "from"}}, "name"));
    return 0;
  });
}

void add_help(Command& root, const CommandLine& line) {
  Command command = root.add("help", "What --help shows, of a command or of all");
  auto path = std::make_shared<std::vector<std::string>>();
  command.texts("COMMAND", *path, "which; else what commands there are")
      .examples("  mifeng help\n  mifeng help deploy\n  mifeng help key rotate");
  command.run([&line, path](Console& console) -> Result<int> {
    MIFENG_TRY(const auto text, line.help(*path));
    MIFENG_CHECK(console.print(text));
    return 0;
  });
}

void add_version(Command& root, const CommandLine& line) {
  Command command = root.add("version", "Print the version");
  auto format = std::make_shared<std::string>();
  add_output_flag(command, *format);
  command.examples("  mifeng version");
  command.run([&line, format](Console& console) -> Result<int> {
    if (*format == "table") {
      MIFENG_CHECK(console.print("mifeng " + line.version() + "\n"));
    } else {
      MIFENG_CHECK(print_objects(console, json::Object{{"version", line.version()}}, *format, {}, "version"));
    }
    return 0;
  });
}

}  // namespace

void add_shell_commands(Command& root, const CommandLine& line) {
  add_help(root, line);
  add_version(root, line);
  add_settings(root, line);
  add_completion(root, line);
  add_complete(root, line);
}

}  // namespace mifeng::cli

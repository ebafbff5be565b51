#include <csignal>
#include <memory>

#include "cli/command.h"
#include "cli/console.h"
#include "commands/commands.h"

int main(int argc, char** argv) {
  // A closed pipe is an error of write(2), with a message, not a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  using namespace mifeng::cli;
  Console console;
  CommandLine line("mifeng", "Seals models, hands them over, and runs them: the tool for vendors and operators.",
                   MIFENG_VERSION);
  Command root = line.root();
  add_commands(root);

  auto shell = std::make_shared<std::string>("bash");  // shared: the action outlives this scope's other copies
  Command completion = root.add("completion", "Print what a shell needs to complete mifeng's commands");
  completion.word("SHELL", *shell, {"bash", "zsh"}, "for which shell")
      .examples(
          "  source <(mifeng completion bash)        for this shell\n"
          "  mifeng completion bash > /etc/bash_completion.d/mifeng");
  completion.run([&line, shell](Console& out) -> mifeng::Result<int> {
    MIFENG_CHECK(out.print(line.completion(*shell)));
    return 0;
  });
  return line.main(argc, argv, console);
}

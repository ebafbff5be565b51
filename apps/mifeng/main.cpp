#include <csignal>

#include "cli/command.h"
#include "cli/console.h"
#include "commands/commands.h"

int main(int argc, char** argv) {
  // A closed pipe is an error of write(2), so that what is half-made is cleared away; a closed standard output ends the
  // program without a word all the same (console.h).
  std::signal(SIGPIPE, SIG_IGN);
  using namespace mifeng::cli;
  Console console;
  CommandLine line("mifeng", "Seals models, hands them over, and runs them: the tool for vendors and operators.",
                   MIFENG_VERSION);
  Command root = line.root();
  add_commands(root);
  add_shell_commands(root, line);
  return line.main(argc, argv, console);
}

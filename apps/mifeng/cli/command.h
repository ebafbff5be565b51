// The command line of `mifeng`, as its commands see it. One file (command_line.cpp) knows CLI11, which takes 14 seconds
// to compile; a command is a small file of its own with one function
//
//   void add_open(Command& parent) {
//     auto options = std::make_shared<Options>();
//     Command command = parent.add("open", "Open a sealed stream");
//     command.text("-k,--key", options->key, "the private key (PEM)", Need::kRequired).examples("...");
//     command.run([options](Console& console) { return run(*options, console); });
//   }
//
// and one line in commands.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::cli {

class Console;

enum class Need { kOptional, kRequired };

// What a command does, once its options are filled in. The value is the exit status (0, or 8 where part of a batch
// failed); an Error is printed and becomes one by exit_code().
using Action = std::function<Result<int>(Console&)>;

// A handle; copies name the same command. Targets must live as long as the CommandLine (keep them in what the action
// captures). `flags` as in "-o,--output"; without a dash it is a positional, named as in "FILE".
class Command {
 public:
  Command add(const std::string& name, const std::string& summary);

  // A second name of this command.
  Command& alias(const std::string& name);
  // Not in --help: for programs.
  Command& hidden();
  Command& text(const std::string& flags, std::string& target, const std::string& help, Need need = Need::kOptional);
  // May be given several times.
  Command& texts(const std::string& flags, std::vector<std::string>& target, const std::string& help,
                 Need need = Need::kOptional);
  Command& number(const std::string& flags, std::int64_t& target, std::int64_t min, std::int64_t max,
                  const std::string& help, Need need = Need::kOptional);
  Command& flag(const std::string& flags, bool& target, const std::string& help);
  // One of `words`.
  Command& word(const std::string& flags, std::string& target, const std::vector<std::string>& words,
                const std::string& help, Need need = Need::kOptional);
  // The text option added last is a setting: where there is no flag, MIFENG_<NAME> and then the files of defaults.h are
  // asked. Never for a secret.
  Command& setting(const std::string& name);
  // Shown at the end of --help: commands that work as they stand, with a word about each.
  Command& examples(const std::string& text);
  void run(Action action);

 private:
  friend class CommandLine;
  explicit Command(void* app, void* line) : app_(app), line_(line) {}
  void* app_;             // CLI::App
  void* line_;            // CommandLine::State
  void* last_ = nullptr;  // CLI::Option
  std::string* last_target_ = nullptr;
};

class CommandLine {
 public:
  CommandLine(const std::string& name, const std::string& summary, const std::string& version);
  ~CommandLine();
  Command root();
  // Parses, runs, prints an error; the exit status of the program.
  int main(int argc, char** argv, Console& console);
  // The settings of the command that runs, as they were settled: for its action.
  struct Setting {
    std::string name;
    std::string value;
    std::string from;  // "flag", the variable, or the file; empty where nobody said anything
  };
  std::vector<Setting> settings() const;
  // What --help shows of the command that `path` names, which is the whole program where it is empty. kInvalidArgument
  // "unknown-command".
  Result<std::string> help(const std::vector<std::string>& path) const;
  const std::string& version() const;
  // What a shell needs to complete commands and flags; `shell` is "bash", "zsh" or "fish". It asks `mifeng complete`
  // for what the platform has.
  std::string completion(const std::string& shell) const;
  // The commands and flags that may follow these words.
  std::vector<std::string> following(const std::vector<std::string>& words) const;

 private:
  friend class Command;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mifeng::cli

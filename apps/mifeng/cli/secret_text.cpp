#include "cli/secret_text.h"

#include <termios.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "cli/language.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {

Result<std::string> read_password(Console& console, const std::string& file, const std::string& prompt) {
  std::string line;
  if (!file.empty()) {
    MIFENG_TRY(line, read_text_file(file, 4096));
    line = line.substr(0, line.find_first_of("\r\n"));
  } else {
    termios before{};
    const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before) == 0;
    if (terminal) {
      console.message(prompt);
      termios silent = before;
      silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    std::getline(std::cin, line);
    if (terminal) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  }
  if (line.empty())
    return Error(ErrorCode::kInvalidArgument, "no-password",
                 tr("No password: type it, pipe it in, or give --password-file."));
  return line;
}

Result<void> refuse_existing_secret(const std::string& file) {
  std::error_code failure;
  if (file.empty() || !std::filesystem::exists(file, failure)) return ok();
  return Error(ErrorCode::kConflict, "file-exists", say("{} exists; choose another name, or remove it first.", {file}));
}

Result<void> give_secret(Console& console, const std::string& secret, const std::string& file) {
  if (file.empty()) return console.print(secret + "\n");
  MIFENG_CHECK(write_file_atomic(file, as_bytes(secret + "\n"), 0600));
  console.message(say("It is in {}, which only you can read.", {file}));
  return ok();
}

}  // namespace mifeng::cli

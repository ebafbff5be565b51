// Where a command writes: data to standard output, messages to standard error, colour and progress on a terminal only.
// Much of it was written by others, models among them: on a terminal what would act on it is shown instead (visible.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/error.h"
#include "mifeng/base/result.h"
#include "mifeng/base/visible.h"

namespace mifeng::cli {

class Console {
 public:
  // Of this process: terminals and NO_COLOR are looked at once.
  Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console();

  // The one that there is, for what has to be said by whom no command has called; nullptr before and after it.
  static Console* of_this_process();

  // From now on data goes to a terminal as it is.
  void show_raw() { raw_ = true; }

  // Data; output_error() where it cannot be written.
  Result<void> write(ByteView data);
  Result<void> print(std::string_view text);  // as it is: end lines yourself
  // Columns as wide as their widest cell; the header only where there is one. A cell stays in its line, wherever it
  // goes.
  Result<void> table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

  // Messages, a line each.
  void message(std::string_view text);
  void warning(std::string_view text);
  void error(const Error& error);  // "mifeng: error: <message> [<reason>]"
  // A line that is overwritten by the next; nothing where standard error is no terminal.
  void progress(std::string_view what, std::uint64_t done, std::uint64_t total);
  // The same without a bar, where nobody knows how long it takes.
  void passing(std::string_view text);
  void progress_end();

  bool output_is_terminal() const { return output_is_terminal_; }
  bool messages_are_on_terminal() const { return messages_are_on_terminal_; }

 private:
  Result<void> write_all(ByteView data);
  std::string shown(std::string_view text) const;  // of a message

  Visible visible_;
  bool raw_ = false;
  bool output_is_terminal_;
  bool messages_are_on_terminal_;
  bool colour_;
  bool progress_shown_ = false;
};

// What write(2) to standard output failed with. Where nobody reads any more, as behind `| head`: kCancelled
// kOutputClosed, on which the program ends without a word.
Error output_error(int error_number);
inline constexpr const char* kOutputClosed = "output-closed";

}  // namespace mifeng::cli

#include "cli/console.h"

#include <locale.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "cli/language.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {
namespace {

// Columns of a terminal that UTF-8 text takes, as the C library has them of Unicode. Its C.UTF-8 is there whatever the
// locale of the process, and whatever is installed.
std::size_t width(std::string_view text) {
  static const ::locale_t kUtf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (kUtf8 == nullptr) return text.size();
  const ::locale_t before = ::uselocale(kUtf8);
  std::size_t columns = 0;
  ::mbstate_t state{};
  while (!text.empty()) {
    wchar_t character = 0;
    std::size_t size = ::mbrtowc(&character, text.data(), text.size(), &state);
    int wide = 1;  // of what is no character, or none that is shown
    if (size == 0 || size > text.size()) {
      size = 1;
      state = {};
    } else if (const int known = ::wcwidth(character); known >= 0) {
      wide = known;
    }
    columns += static_cast<std::size_t>(wide);
    text.remove_prefix(size);
  }
  ::uselocale(before);
  return columns;
}

// "mifeng: error: " in a colour or none; the colon of Chinese brings its own space.
std::string headed(std::string_view what, std::string_view colour) {
  return "mifeng: " + std::string(colour) + tr(what) + (colour.empty() ? "" : "\033[0m") +
         (speaks_chinese() ? "" : " ");
}

Console* the_console = nullptr;

void to_stderr(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace

Console::Console()
    : output_is_terminal_(::isatty(STDOUT_FILENO) == 1),
      messages_are_on_terminal_(::isatty(STDERR_FILENO) == 1),
      colour_(messages_are_on_terminal_ && std::getenv("NO_COLOR") == nullptr) {
  the_console = this;
}

Console* Console::of_this_process() { return the_console; }

Console::~Console() {
  the_console = nullptr;
  if (const std::string rest = visible_.end(); !rest.empty()) (void)write_all(as_bytes(rest));
}

Result<void> Console::write(ByteView data) {
  if (!output_is_terminal_ || raw_) return write_all(data);
  return write_all(as_bytes(visible_.add(as_text(data))));
}

Result<void> Console::write_all(ByteView data) {
  while (!data.empty()) {
    const ::ssize_t written = ::write(STDOUT_FILENO, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return output_error(errno);
    }
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return ok();
}

Error output_error(int error_number) {
  if (error_number == EPIPE)
    return Error(ErrorCode::kCancelled, kOutputClosed, tr("Nobody reads standard output any more."));
  return errno_error(error_number, "write to standard output");
}

Result<void> Console::print(std::string_view text) { return write(as_bytes(text)); }

Result<void> Console::table(const std::vector<std::string>& header,
                            const std::vector<std::vector<std::string>>& cells) {
  auto rows = cells;
  for (auto& row : rows)
    for (std::string& cell : row) cell = visible_in_line(cell);
  std::vector<std::size_t> widths;
  const auto measure = [&](const std::vector<std::string>& row) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  };
  measure(header);
  for (const auto& row : rows) measure(row);
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width(row[i]) + 2, ' ');
    }
    text += '\n';
  };
  if (!header.empty()) add(header);
  for (const auto& row : rows) add(row);
  return print(text);
}

std::string Console::shown(std::string_view text) const {
  return messages_are_on_terminal_ ? visible(text) : std::string(text);
}

void Console::message(std::string_view text) {
  progress_end();
  to_stderr(shown(text) + "\n");
}

void Console::warning(std::string_view text) {
  progress_end();
  to_stderr(headed("warning:", colour_ ? "\033[33m" : "") + shown(text) + "\n");
}

void Console::error(const Error& error) {
  progress_end();
  to_stderr(headed("error:", colour_ ? "\033[31m" : "") + shown(tr(error)) + " [" + shown(error.reason()) + "]\n");
}

void Console::progress(std::string_view what, std::uint64_t done, std::uint64_t total) {
  if (!messages_are_on_terminal_) return;
  constexpr std::size_t kBar = 30;
  const std::uint64_t share = total == 0 ? 0 : std::min<std::uint64_t>(100, done * 100 / total);
  const std::size_t filled = static_cast<std::size_t>(share) * kBar / 100;
  to_stderr("\r\033[K" + visible_in_line(what) + " [" + std::string(filled, '#') + std::string(kBar - filled, ' ') +
            "] " + std::to_string(share) + "%");
  progress_shown_ = true;
}

void Console::passing(std::string_view text) {
  if (!messages_are_on_terminal_) return;
  to_stderr("\r\033[K" + visible_in_line(text));
  progress_shown_ = true;
}

void Console::progress_end() {
  if (progress_shown_) to_stderr("\r\033[K");
  progress_shown_ = false;
}

}  // namespace mifeng::cli

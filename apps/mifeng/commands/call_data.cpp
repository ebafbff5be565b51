#include "commands/call_data.h"

#include "cli/language.h"
#include "cli/stream_files.h"

namespace mifeng::cli {

Result<std::string> data_of(const std::string& given, std::size_t max) {
  if (!given.starts_with('@')) return given;
  MIFENG_TRY(Input input, Input::open(given.substr(1)));
  std::string data;
  Bytes piece(256 * 1024);
  for (;;) {
    MIFENG_TRY(const std::size_t size, input.read(piece));
    if (size == 0) return data;
    data += as_text(ByteView(piece).first(size));
    if (data.size() > max)
      return Error(ErrorCode::kResourceExhausted, "data-too-large",
                   say("{} is larger than the {} bytes that this command sends.", {given, std::to_string(max)}));
  }
}

}  // namespace mifeng::cli

#include "log_frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using mifeng::ByteView;
  using mifeng::cluster::LogFrameReader;
  using mifeng::cluster::LogLine;
  // However the stream is cut into pieces, the lines are the same.
  LogFrameReader whole;
  std::vector<LogLine> expected;
  const bool accepted = whole.feed(ByteView(data, size), expected).has_value();
  whole.finish(expected);
  LogFrameReader bytewise;
  std::vector<LogLine> lines;
  bool still = true;
  for (std::size_t i = 0; i < size && still; ++i) still = bytewise.feed(ByteView(data + i, 1), lines).has_value();
  bytewise.finish(lines);
  if (still != accepted || lines.size() != expected.size()) __builtin_trap();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].text != expected[i].text || lines[i].text.size() > LogFrameReader::kLineMax) __builtin_trap();
  }
  return 0;
}

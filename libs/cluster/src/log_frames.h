// libpod's and Docker's log stream: frames of one byte stream (1 out, 2 err), three zeros, length (4, big-endian),
// bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/cluster/engine.h"

namespace mifeng::cluster {

// Takes the stream in pieces of any size and gives lines. Never holds more than one line of each of the two streams.
class LogFrameReader {
 public:
  static constexpr std::size_t kLineMax = 16 * 1024;

  // Appends the lines that are complete. kVerificationFailed "bad-log-frame" for what is no frame; then it stays so.
  Result<void> feed(ByteView bytes, std::vector<LogLine>& lines);
  // What stands without a line end, at the end of the stream.
  void finish(std::vector<LogLine>& lines);

 private:
  void take(bool is_stderr, ByteView bytes, std::vector<LogLine>& lines);

  std::uint8_t header_[8] = {};
  std::size_t header_size_ = 0;
  std::uint32_t left_ = 0;  // of the frame's bytes
  bool broken_ = false;
  std::string partial_[2];
};

}  // namespace mifeng::cluster

#include "log_frames.h"

#include <algorithm>

namespace mifeng::cluster {

void LogFrameReader::take(bool is_stderr, ByteView bytes, std::vector<LogLine>& lines) {
  std::string& partial = partial_[is_stderr ? 1 : 0];
  for (const std::uint8_t byte : bytes) {
    if (byte == '\n') {
      if (!partial.empty() && partial.back() == '\r') partial.pop_back();
      lines.push_back({is_stderr, std::move(partial)});
      partial.clear();
    } else if (partial.size() < kLineMax) {
      partial.push_back(static_cast<char>(byte));
    }
  }
}

Result<void> LogFrameReader::feed(ByteView bytes, std::vector<LogLine>& lines) {
  while (!bytes.empty() && !broken_) {
    if (left_ == 0) {
      const std::size_t wanted = std::min(sizeof header_ - header_size_, bytes.size());
      std::copy_n(bytes.begin(), wanted, header_ + header_size_);
      header_size_ += wanted;
      bytes = bytes.subspan(wanted);
      if (header_size_ < sizeof header_) break;
      broken_ = (header_[0] != 1 && header_[0] != 2) || header_[1] != 0 || header_[2] != 0 || header_[3] != 0;
      left_ = load_be<std::uint32_t>(ByteView(header_ + 4, 4));
      if (left_ == 0) header_size_ = 0;
      continue;
    }
    const std::size_t size = std::min<std::size_t>(left_, bytes.size());
    take(header_[0] == 2, bytes.first(size), lines);
    left_ -= static_cast<std::uint32_t>(size);
    if (left_ == 0) header_size_ = 0;
    bytes = bytes.subspan(size);
  }
  if (broken_)
    return Error(ErrorCode::kVerificationFailed, "bad-log-frame", "the container engine sent a log that is not framed");
  return ok();
}

void LogFrameReader::finish(std::vector<LogLine>& lines) {
  for (int stream = 0; stream < 2; ++stream) {
    if (!partial_[stream].empty()) lines.push_back({stream == 1, std::move(partial_[stream])});
    partial_[stream].clear();
  }
}

}  // namespace mifeng::cluster

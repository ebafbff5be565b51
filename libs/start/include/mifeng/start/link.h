// The connection between the model's first process and its guard: a Unix socket of whole datagrams, with the payload's
// two files handed over as descriptors (spec/start.md).
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

#include "mifeng/os/file.h"
#include "mifeng/start/message.h"

namespace mifeng::start {

struct Received {
  Message message;
  std::vector<UniqueFd> fds;  // two with kPayload, none with any other
};

class Link {
 public:
  explicit Link(UniqueFd socket) : socket_(std::move(socket)) {}
  // Connects to the socket at `path`, again and again until `patience` is over: its listener may still be
  // starting. kTimeout "no-guard".
  static Result<Link> connect(const std::filesystem::path& path, std::chrono::milliseconds patience);

  int fd() const { return socket_.get(); }
  // kUnavailable "link-broken" where the other side has gone; also where it does not take what is sent to it.
  Result<void> send(const Message& message, const std::vector<int>& fds = {});
  // Nothing where no datagram is there. kUnavailable "link-broken" at its end; kInvalidArgument "bad-message" for one
  // that is none, is too long, or brings another number of descriptors (those that came are closed).
  Result<std::optional<Received>> receive();

 private:
  UniqueFd socket_;
};

}  // namespace mifeng::start

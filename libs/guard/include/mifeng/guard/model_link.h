// The guard's end of the connection to the first process of the model's container (spec/start.md).
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>

#include "mifeng/guard/sealed_file.h"
#include "mifeng/start/link.h"

namespace mifeng::guard {

struct HandedPayload {
  SealedFile header;
  SealedFile segments;
};

class ModelLink {
 public:
  // Listens at `path`, made anew, for one connection of a process whose user id is `peer`. The socket's own rights let
  // everybody connect: who it is, is asked of the kernel (SO_PEERCRED).
  static Result<std::unique_ptr<ModelLink>> listen(boost::asio::io_context& io, const std::filesystem::path& path,
                                                   ::uid_t peer);
  ~ModelLink();

  // Takes the connection, listens no more, and takes the payload. Waits for the connection without a limit: the engine
  // may still be fetching the model's image, and a first process that is not taken gives up and ends its container,
  // which the engine hears. Then `patience` for the payload: kTimeout "no-payload". kInvalidArgument "bad-message",
  // "bad-handover"; kUnavailable "link-broken".
  boost::asio::awaitable<Result<HandedPayload>> take_payload(std::chrono::milliseconds patience);

  // The model's next start; the answer comes by next().
  Result<void> start();
  // SIGTERM to the model of the last start, SIGKILL after `grace`.
  Result<void> end(std::chrono::milliseconds grace);
  std::uint32_t starts() const;

  // What the other side says next: kStarted, kFailed, kExited, kKilled of the last start, or kAsked. kInvalidArgument
  // "bad-message" for anything else; kUnavailable "link-broken" at its end, after which there is nothing more.
  boost::asio::awaitable<Result<start::Message>> next();

 private:
  struct Impl;
  explicit ModelLink(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mifeng::guard

// The event loop of an engine, for what goes on between calls, with a thread of its own.
#pragma once

#include <memory>

#include "mifeng/net/runtime.h"

namespace mifeng::cluster {

class BackgroundLoop {
 public:
  BackgroundLoop();   // its thread takes no signals: they are the program's
  ~BackgroundLoop();  // after the TaskGroups on it
  net::asio::any_io_executor executor();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mifeng::cluster

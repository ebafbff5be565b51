// Whether this unit lives and is ready, for the kubelet, Podman and the platform, who can neither send a request id nor
// open an answer: /live, /ready, and /metrics. Answered by the guard's own process in a thread of its own, from what it
// knows: no load on the model's ports keeps it from that.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/keyholder/listen_socket.h"
#include "mifeng/proxy/key_socket.h"

namespace mifeng::guard {

class Health {
 public:
  // Answers on these from now on, until it goes. One request a connection.
  static Result<std::unique_ptr<Health>> start(const std::vector<keyholder::ListenSocket>& sockets);
  ~Health();

  void set_ready(bool ready) { ready_ = ready; }
  void add(const proxy::CountRow& row);

  // To a request's first lines: the whole answer.
  std::string answer(std::string_view request) const;

 private:
  struct Server;
  Health();
  std::string metrics() const;

  // The caller's thread writes, the server's reads.
  std::atomic<bool> ready_ = false;
  std::atomic<std::uint64_t> calls_ = 0, errors_ = 0, refusals_ = 0;
  std::unique_ptr<Server> server_;
};

}  // namespace mifeng::guard

// The end of a guard's worker: it takes no connection any more, and finishes those that it has.
#pragma once

#include <chrono>
#include <vector>

#include "ngx.h"

namespace mifeng::nginx {

// nginx's own graceful end closes idle connections at once, and a gateway may just be writing a request to one. So we
// stop accepting ourselves, answer what still comes with "Connection: close", and nginx is told to end only when
// nothing more can come.
class Drain {
 public:
  // No connection is taken any more on the ports that seal; health goes on.
  void begin();
  bool begun() const { return begun_; }
  // No request is under way, and no connection is left on which a gateway would still send one.
  bool done();

 private:
  bool is_a_callers(const ngx_connection_t& connection) const;

  bool begun_ = false;
  std::vector<const ngx_listening_t*> ports_;
  std::chrono::steady_clock::time_point busy_at_{};  // when a request was under way last
};

}  // namespace mifeng::nginx

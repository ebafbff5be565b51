// Sending the request of a trial, and taking its answer whole.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/net/client.h"

namespace mifeng::trials {

struct Dial {
  std::string name;  // the address, for people
  net::ClientOptions options;
};

struct Exchange {
  std::size_t dialled = 0;  // which of the dials answered
  int status = 0;
  net::Headers headers;
  std::string body;
  std::chrono::microseconds connected{}, first_byte{}, whole{};  // since the beginning
};

// Dials them in turn until one connects: what was sent once is not sent again. `reason` is that of the error where none
// does, or where the connection breaks: kUnavailable. kTimeout "trial-too-slow", kResourceExhausted "answer-too-large".
net::Task<Exchange> exchange(std::vector<Dial> dials, net::ClientRequest request, std::chrono::seconds patience,
                             const Clock& clock, std::string reason);

}  // namespace mifeng::trials

// Frames of both directions: what is accepted is written again byte for byte, and a table never breaks the router.
#include <cstdlib>

#include "mifeng/proxy/key_socket.h"
#include "mifeng/proxy/router.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng;
  const ByteView frame(data, size);
  proxy::FrameReader reader(4096);
  reader.feed(frame);
  for (auto next = reader.next(); next && !next->empty(); next = reader.next()) {
  }
  if (const auto message = proxy::decode_worker_message(frame)) {
    const Bytes again = proxy::encode_frame(*message);
    // A map puts the classes of a row in order, so only the length is the same there.
    if (again.size() != size + 4) std::abort();
    if (!std::holds_alternative<proxy::Counts>(*message) && !std::equal(frame.begin(), frame.end(), again.begin() + 4))
      std::abort();
  }
  if (const auto message = proxy::decode_keyholder_message(frame)) {
    const Bytes again = proxy::encode_frame(*message);
    if (again.size() != size + 4 || !std::equal(frame.begin(), frame.end(), again.begin() + 4)) std::abort();
    if (const auto* const push = std::get_if<proxy::TablePush>(&*message)) {
      const auto router = proxy::Router::create(push->table);
      (void)router->match("/a/b%20c?d");
    }
  }
  return 0;
}

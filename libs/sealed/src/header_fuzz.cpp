// Any bytes as a header: whole and byte by byte must give the same, and every view must lie inside it.
#include <cstdlib>

#include "mifeng/sealed/failure.h"
#include "mifeng/sealed/header.h"
#include "mifeng/sealed/open.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool inside(const mifeng::sealed::Header& header, mifeng::ByteView part) {
  const auto* begin = header.bytes().data();
  return part.data() >= begin + 28 && part.data() + part.size() <= begin + header.size() - 32;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng::sealed;
  const mifeng::ByteView input(data, size);
  const auto header = Header::parse(input, {});

  HeaderReader reader{Policy{}};
  mifeng::ByteView rest = input;
  mifeng::Result<void> fed;
  while (fed && !rest.empty() && !reader.done()) {
    mifeng::ByteView piece = rest.first(1);
    fed = reader.feed(piece);
    rest = rest.subspan(1);
  }
  require(reader.done() == header.has_value());
  if (!header) {
    const auto failure = failure_class_of(header.error());
    require(failure.has_value());
    require((fed ? reader.ended_early() : fed.error()).reason() == header.error().reason());
    return 0;
  }
  const Header again = reader.take();
  require(again.cache_key() == header->cache_key());
  require(header->recipient_blocks().size() <= header->blocks().size());
  for (std::size_t i = 0; i < header->recipient_count(); ++i) {
    const Recipient recipient = header->recipient(i);
    require(inside(*header, recipient.ciphertext));
    require(header->recipient_for(recipient.key_id).has_value());
  }
  if (header->is_signed()) require(inside(*header, header->signature()));
  require(header->sender_statement().size() == 19 + header->recipient_blocks().size());
  (void)check_der(*header).has_value();
  return 0;
}

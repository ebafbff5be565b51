// Every decoder of this library reads the input; what it takes, it must write so that it reads the same again.
#include <cstdlib>

#include "mifeng/messages/gateway.h"
#include "mifeng/messages/grant.h"

using mifeng::ByteView;

namespace {

template <typename Decode, typename Encode>
void try_one(ByteView input, Decode decode, Encode encode) {
  const auto message = decode(input);
  if (!message) return;
  const auto text = encode(*message);
  const auto again = decode(text.reveal_for_parsing());
  if (!again) std::abort();
  const auto second = encode(*again);
  if (!mifeng::equal_in_constant_time(text.reveal_for_computing(), second.reveal_for_computing())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng::messages;
  const ByteView input(data, size);
  try_one(input, decode_grant_request, encode_grant_request);
  try_one(input, decode_grant, encode_grant);
  try_one(input, decode_renewal, encode_renewal);
  try_one(input, decode_renewed, encode_renewed);
  try_one(input, decode_join, encode_join);
  try_one(input, decode_enrolment, encode_enrolment);
  try_one(input, decode_snapshot, encode_snapshot);
  try_one(input, decode_report, encode_report);
  if (const auto claims = decode_key_claims(input)) (void)encode_key_claims(*claims);
  mifeng::messages::SnapshotFrameReader frames;
  std::vector<SnapshotFrame> out;
  (void)frames.feed(input, out);
  return 0;
}

#include "mifeng/proxy/key_socket.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "wire_format.h"

namespace mifeng::proxy {
namespace {

constexpr std::uint8_t kProtocolVersion = 2;
constexpr std::uint32_t kRowsMax = 4096;
constexpr std::uint32_t kClassesMax = 64;

enum Type : std::uint8_t {
  kHello = 1,
  kUnwrapRequest = 2,
  kSealKeyRequest = 3,
  kCounts = 4,
  kTableTaken = 5,
  kDrained = 6,
  kTable = 17,
  kUnwrapped = 18,
  kRefused = 19,
  kSealKey = 20,
  kRenewSealKey = 21,
  kGuardState = 22,
};

enum StateFlag : std::uint8_t { kReady = 1, kDraining = 2, kLameDuck = 4 };

Error bad_frame() {
  return {
      ErrorCode::kInvalidArgument, "bad-frame",
      "the other end of the key socket does not speak version 2 of its protocol; nginx module and keyholder must be "
      "of one release"};
}

// Length and type are written by whoever knows the type; the payload by these.
void write(WireWriter& out, const Hello& message) {
  out.number(kProtocolVersion).number(static_cast<std::uint8_t>(message.role)).number(message.pid);
}
void write(WireWriter& out, const UnwrapRequest& message) {
  out.number(message.id).string(message.deployment).bytes(message.header);
  out.number(static_cast<std::uint32_t>(message.context.size())).raw(message.context);
}
void write(WireWriter& out, const SealKeyRequest& message) { out.number(message.id); }
void write(WireWriter& out, const Counts& message) {
  out.number(static_cast<std::uint32_t>(message.rows.size()));
  for (const auto& row : message.rows) {
    out.string(row.deployment).string(row.instance).number(row.calls).number(row.errors);
    out.number(static_cast<std::uint32_t>(row.refusals.size()));
    for (const auto& [reason, count] : row.refusals) out.string(reason).number(count);
  }
}
void write(WireWriter& out, const TableTaken& message) { out.number(message.serial); }
void write(WireWriter&, const Drained&) {}
void write(WireWriter& out, const TablePush& message) { out.raw(encode_table(message.table)); }
void write(WireWriter& out, const Unwrapped& message) {
  out.number(message.id).raw(message.root_key.reveal_for_output()).raw(message.signer);
}
void write(WireWriter& out, const Refused& message) { out.number(message.id).string(message.reason); }
void write(WireWriter& out, const SealKey& message) {
  out.number(message.id).number(message.exponent).number(message.recipient_count);
  out.number(message.seconds_max).number(message.streams_max);
  out.raw(message.root_key.reveal_for_output()).bytes(message.blocks);
}
void write(WireWriter&, const RenewSealKey&) {}
void write(WireWriter& out, const GuardState& message) {
  out.number(static_cast<std::uint8_t>((message.ready ? kReady : 0) | (message.draining ? kDraining : 0) |
                                       (message.lame_duck ? kLameDuck : 0)));
}

std::uint8_t type_of(const WorkerMessage& message) {
  constexpr std::uint8_t kTypes[] = {kHello, kUnwrapRequest, kSealKeyRequest, kCounts, kTableTaken, kDrained};
  return kTypes[message.index()];
}
std::uint8_t type_of(const KeyholderMessage& message) {
  constexpr std::uint8_t kTypes[] = {kTable, kUnwrapped, kRefused, kSealKey, kRenewSealKey, kGuardState};
  return kTypes[message.index()];
}

template <typename Message>
Bytes encode_any(const Message& message) {
  Bytes frame;
  // No growth while a root key is written, so that no copy of it is left in freed memory.
  frame.reserve(1024);
  WireWriter out(frame);
  out.number(std::uint32_t{0}).number(type_of(message));
  std::visit([&](const auto& m) { write(out, m); }, message);
  Bytes length;
  append_be<std::uint32_t>(length, static_cast<std::uint32_t>(frame.size() - 4));
  std::copy(length.begin(), length.end(), frame.begin());
  return frame;
}

WorkerMessage read_hello(WireReader& in) {
  if (in.number<std::uint8_t>() != kProtocolVersion) in.fail();
  const auto role = in.number<std::uint8_t>();
  if (role != 1 && role != 2) in.fail();
  return Hello{static_cast<Role>(role), in.number<std::uint32_t>()};
}

WorkerMessage read_unwrap(WireReader& in) {
  UnwrapRequest message;
  message.id = in.number<std::uint32_t>();
  message.deployment = in.string();
  const ByteView header = in.bytes();
  message.header.assign(header.begin(), header.end());
  const ByteView context = in.raw(in.number<std::uint32_t>());
  message.context.assign(context.begin(), context.end());
  return message;
}

WorkerMessage read_counts(WireReader& in) {
  Counts message;
  message.rows.resize(in.count(24, kRowsMax));
  for (auto& row : message.rows) {
    row.deployment = in.string();
    row.instance = in.string();
    row.calls = in.number<std::uint64_t>();
    row.errors = in.number<std::uint64_t>();
    const std::uint32_t classes = in.count(10, kClassesMax);
    for (std::uint32_t i = 0; i < classes; ++i) {
      std::string reason = in.string();
      const auto count = in.number<std::uint64_t>();
      if (!row.refusals.emplace(std::move(reason), count).second) in.fail();
    }
  }
  return message;
}

KeyholderMessage read_unwrapped(WireReader& in) {
  Unwrapped message;
  message.id = in.number<std::uint32_t>();
  const ByteView key = in.raw(16);
  std::copy(key.begin(), key.end(), message.root_key.reveal_for_writing().begin());
  const ByteView signer = in.raw(crypto::kSm2PointSize);
  std::copy(signer.begin(), signer.end(), message.signer.begin());
  return message;
}

KeyholderMessage read_seal_key(WireReader& in) {
  SealKey message;
  message.id = in.number<std::uint32_t>();
  message.exponent = in.number<std::uint8_t>();
  message.recipient_count = in.number<std::uint8_t>();
  message.seconds_max = in.number<std::uint32_t>();
  message.streams_max = in.number<std::uint32_t>();
  const ByteView key = in.raw(16);
  std::copy(key.begin(), key.end(), message.root_key.reveal_for_writing().begin());
  const ByteView blocks = in.bytes();
  message.blocks.assign(blocks.begin(), blocks.end());
  return message;
}

}  // namespace

Bytes encode_frame(const WorkerMessage& message) { return encode_any(message); }
Bytes encode_frame(const KeyholderMessage& message) { return encode_any(message); }

Bytes encode_table_frame(ByteView encoded_table) {
  Bytes frame;
  WireWriter(frame).number(static_cast<std::uint32_t>(encoded_table.size() + 1)).number(kTable).raw(encoded_table);
  return frame;
}

FrameReader::~FrameReader() {
  buffer_.resize(buffer_.capacity());  // erase() leaves bytes behind the end
  wipe(buffer_.data(), buffer_.size());
}

void FrameReader::feed(ByteView bytes) {
  // Taken frames are wiped and cut off first; a buffer that has to move is wiped before it is freed.
  wipe(buffer_.data(), taken_);
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  if (buffer_.capacity() < buffer_.size() + bytes.size()) {
    Bytes larger;
    larger.reserve(std::max(buffer_.size() + bytes.size(), 2 * buffer_.capacity()));
    larger.assign(buffer_.begin(), buffer_.end());
    wipe(buffer_.data(), buffer_.size());
    buffer_ = std::move(larger);
  }
  append(buffer_, bytes);
}

Result<ByteView> FrameReader::next() {
  const ByteView waiting = ByteView(buffer_).subspan(taken_);
  if (waiting.size() < 4) return ByteView{};
  const auto length = load_be<std::uint32_t>(waiting);
  if (length == 0 || length > frame_size_max_) return bad_frame();
  if (waiting.size() - 4 < length) return ByteView{};
  taken_ += 4 + std::size_t{length};
  return waiting.subspan(4, length);
}

Result<WorkerMessage> decode_worker_message(ByteView frame) {
  WireReader in(frame);
  WorkerMessage message;
  switch (in.number<std::uint8_t>()) {
    case kHello: message = read_hello(in); break;
    case kUnwrapRequest: message = read_unwrap(in); break;
    case kSealKeyRequest: message = SealKeyRequest{in.number<std::uint32_t>()}; break;
    case kCounts: message = read_counts(in); break;
    case kTableTaken: message = TableTaken{in.number<std::uint64_t>()}; break;
    case kDrained: message = Drained{}; break;
    default: in.fail();
  }
  if (!in.at_end()) return bad_frame();
  return message;
}

Result<KeyholderMessage> decode_keyholder_message(ByteView frame) {
  WireReader in(frame);
  KeyholderMessage message = RenewSealKey{};
  switch (in.number<std::uint8_t>()) {
    case kTable: {
      MIFENG_TRY(Table table, decode_table(in.raw(in.left())));
      message = TablePush{std::move(table)};
      break;
    }
    case kUnwrapped: message = read_unwrapped(in); break;
    case kRefused: {
      Refused refused;
      refused.id = in.number<std::uint32_t>();
      refused.reason = in.string();
      message = std::move(refused);
      break;
    }
    case kSealKey: message = read_seal_key(in); break;
    case kRenewSealKey: break;
    case kGuardState: {
      const std::uint8_t flags = in.flags(kReady | kDraining | kLameDuck);
      message = GuardState{(flags & kReady) != 0, (flags & kDraining) != 0, (flags & kLameDuck) != 0};
      break;
    }
    default: in.fail();
  }
  if (!in.at_end()) return bad_frame();
  return message;
}

}  // namespace mifeng::proxy

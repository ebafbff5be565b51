// The messages between an nginx worker and its keyholder (mifeng-guard or mifeng-gateway), spec/key-socket.md.
// Bytes in, bytes out, no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/proxy/table.h"

namespace mifeng::proxy {

enum class Role : std::uint8_t { kGateway = 1, kGuard = 2 };

// --- Worker to keyholder. ---

// First on each connection.
struct Hello {
  Role role = Role::kGateway;
  std::uint32_t pid = 0;
};

// Gateway: who signed this header, and what is its root key? The keyholder verifies MAC (so it needs the context) and
// signature, and that the signer is a listed instance of this deployment.
struct UnwrapRequest {
  std::uint32_t id = 0;  // the worker's own number; its answer carries it
  std::string deployment;
  Bytes context;  // of the response, sealed-format.md
  Bytes header;   // H bytes
};

// Guard: a fresh root key to seal with.
struct SealKeyRequest {
  std::uint32_t id = 0;
};

// What happened since the last such message. The form of a report's rows (spec/grant.md).
struct CountRow {
  std::string deployment;  // empty in a guard, and where none can be named
  std::string instance;
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  std::map<std::string, std::uint64_t> refusals;  // class: count
  friend bool operator==(const CountRow&, const CountRow&) = default;
};
struct Counts {
  std::vector<CountRow> rows;
};

// Gateway: this table is now in use for every request that comes.
struct TableTaken {
  std::uint64_t serial = 0;
};

// Guard, once it drains: no connection of a gateway is left that could bring a request.
struct Drained {};

// --- Keyholder to worker. ---

struct Unwrapped {
  std::uint32_t id = 0;
  Secret<16> root_key;
  crypto::Sm2Point signer{};
};
struct Refused {
  std::uint32_t id = 0;
  std::string reason;  // a class of sealed-format.md, or of key-socket.md
};

// Answers a SealKeyRequest. The parts of a sealed::SenderKey.
struct SealKey {
  std::uint32_t id = 0;
  std::uint8_t exponent = 16;
  std::uint8_t recipient_count = 1;
  Bytes blocks;  // recipient blocks and the signature block, header[28 .. H-32); always signed
  Secret<16> root_key;
  std::uint32_t seconds_max = 900;
  std::uint32_t streams_max = 1u << 20;
};

// Ask for a new seal key now, and use the one at hand only until it comes (the output key has changed).
struct RenewSealKey {};

struct GuardState {
  bool ready = false;      // /ready asks the model only while this is set
  bool draining = false;   // /ready says no, and no connection is taken any more
  bool lame_duck = false;  // it will drain soon: all is as before, but each answer is its connection's last
  friend bool operator==(const GuardState&, const GuardState&) = default;
};

struct TablePush {
  Table table;
};

using WorkerMessage = std::variant<Hello, UnwrapRequest, SealKeyRequest, Counts, TableTaken, Drained>;
using KeyholderMessage = std::variant<TablePush, Unwrapped, Refused, SealKey, RenewSealKey, GuardState>;

inline constexpr std::size_t kFrameHeaderSize = 5;                     // length (4) || type (1)
inline constexpr std::size_t kWorkerFrameMax = 256u << 10;             // what a keyholder accepts
inline constexpr std::size_t kKeyholderFrameMax = kTableSizeMax + 64;  // what a worker accepts

// A whole frame, length first. One that holds a root key is to be wiped by whoever has sent it.
Bytes encode_frame(const WorkerMessage& message);
Bytes encode_frame(const KeyholderMessage& message);
Bytes encode_table_frame(ByteView encoded_table);  // of TablePush, without encoding the table again for each worker

// Collects frames from pieces of any size. After an error the connection is of no more use. What it has read is wiped
// as it is taken.
class FrameReader {
 public:
  explicit FrameReader(std::size_t frame_size_max) : frame_size_max_(frame_size_max) {}
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;
  ~FrameReader();

  void feed(ByteView bytes);
  // The next whole frame (type and payload), valid until the next call; empty where more is needed.
  // kInvalidArgument "bad-frame" for a length that no frame may have.
  Result<ByteView> next();

 private:
  std::size_t frame_size_max_;
  Bytes buffer_;
  std::size_t taken_ = 0;
};

// From type and payload. kInvalidArgument "bad-frame": an unknown type, a length that does not fit, a byte too many.
Result<WorkerMessage> decode_worker_message(ByteView frame);
Result<KeyholderMessage> decode_keyholder_message(ByteView frame);

}  // namespace mifeng::proxy

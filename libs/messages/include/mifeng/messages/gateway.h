// The messages between a gateway and the platform (spec/grant.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/messages/card.h"
#include "mifeng/messages/key_statement.h"
#include "mifeng/messages/tools.h"

namespace mifeng::messages {

struct JoinFile {
  std::string platform;                            // http://..., https://... or unix:/absolute/path
  std::optional<std::string> tls_certificate_sm3;  // of its DER, 64 lower-case hex digits
  std::string gateway;
  SecretBytes code;
  PlatformCard card;
};

struct Enrolment {
  std::string gateway;
  SecretBytes code;
  std::string nonce;
  crypto::Sm2PublicKey receive_key;
  crypto::Sm2PublicKey signing_key;
  std::string version;
};

struct SnapshotRoute {
  std::string id;
  std::string name;
  std::string prefix;
  std::string forward;
  bool open = false;
  std::optional<std::vector<std::string>> callers;  // none: every caller that has a key
  bool stream_requests = false;
  bool idempotent = false;
  std::vector<std::string> pass_headers;
  std::uint32_t calls_per_minute = 0;  // of each caller; 0: no limit, for these three
  std::uint32_t calls_at_once = 0;
  std::uint32_t seconds_max = 0;
};

// What stands behind each address of an endpoint.
enum class EndpointKind {
  kUnit,      // one unit, always the same
  kBalanced,  // one of several, chosen anew for each connection (a node port)
};

struct SnapshotEndpoint {
  std::string deployment;
  std::string port;  // name
  EndpointKind kind = EndpointKind::kUnit;
  std::vector<std::string> addresses;  // "127.0.0.1:30001"
};

struct SnapshotInstance {
  std::string id;
  std::string deployment;
  crypto::Sm2PublicKey signing_key;
};

struct SnapshotCaller {
  std::string id;
  crypto::Sm3Digest key_sm3;
};

// Of a snapshot. Whoever makes output keys keeps to it, or no gateway takes another snapshot.
inline constexpr std::size_t kOutputKeysMax = 64;

struct SnapshotOutputKey {
  crypto::Sm2PrivateKey private_key;
  UnixMillis not_before_ms = 0;
  UnixMillis not_after_ms = 0;
};

struct Snapshot {
  std::string gateway;
  std::uint64_t serial = 0;
  UnixMillis issued_ms = 0;
  UnixMillis expires_ms = 0;
  KeyStatements identity_chain;
  std::vector<SnapshotRoute> routes;
  std::vector<SnapshotEndpoint> endpoints;
  std::vector<SnapshotInstance> instances;
  std::vector<SnapshotCaller> callers;
  std::vector<SnapshotOutputKey> output_keys;
};

struct ReportRow {
  std::string deployment;
  std::string instance;  // empty: no instance can be named
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  std::map<std::string, std::uint64_t> refusals;  // class of failure, count
};

// Why a gateway does not serve all that the newest snapshot says.
struct GatewayTrouble {
  std::string reason;  // kEntriesLeftOut, or the class under which it refused the snapshot
  std::string detail;  // at most kTroubleDetailMax bytes, without control characters
  friend bool operator==(const GatewayTrouble&, const GatewayTrouble&) = default;
};
inline constexpr const char* kEntriesLeftOut = "entries-left-out";
inline constexpr std::size_t kTroubleDetailMax = 1000;

struct Report {
  std::string gateway;
  std::uint64_t serial = 0;
  std::uint64_t counter = 0;
  UnixMillis from_ms = 0;
  UnixMillis to_ms = 0;
  std::vector<ReportRow> rows;
  std::optional<GatewayTrouble> trouble;  // at the end of the period
};

// --- Plaintexts. kInvalidArgument "bad-message". ---
SecretBytes encode_join(const JoinFile& message);
SecretBytes encode_enrolment(const Enrolment& message);
SecretBytes encode_snapshot(const Snapshot& message);
SecretBytes encode_report(const Report& message);
Result<JoinFile> decode_join(ByteView json);
Result<Enrolment> decode_enrolment(ByteView json);
Result<Snapshot> decode_snapshot(ByteView json);
Result<Report> decode_report(ByteView json);

// --- Gateway to platform. ---
Result<Bytes> seal_enrolment(const Enrolment& message, const crypto::Sm2PublicKey& delivery_key,
                             const crypto::Sm2PrivateKey& signing_key, const SealingTools& tools);
// Verifies that the key which it introduces signed it. The code is the caller's to check.
Result<Enrolment> open_enrolment(ByteView stream, std::string_view gateway, std::string_view nonce,
                                 const crypto::Sm2PrivateKey& delivery_key, const SealingTools& tools);

Result<Bytes> seal_report(const Report& message, const crypto::Sm2PublicKey& delivery_key,
                          const crypto::Sm2PrivateKey& signing_key, const SealingTools& tools);
Result<Report> open_report(ByteView stream, std::string_view gateway, std::uint64_t serial,
                           const crypto::Sm2PrivateKey& delivery_key, const crypto::Sm2PublicKey& gateway_key,
                           const SealingTools& tools);

// --- Platform to gateway. ---
Result<Bytes> seal_snapshot(const Snapshot& message, const crypto::Sm2PublicKey& receive_key,
                            const crypto::Sm2PrivateKey& identity_key, const SealingTools& tools);
// Checks chain, signature, gateway and serial. Age and expiry are the caller's to check.
Result<Snapshot> open_snapshot(ByteView stream, std::string_view gateway, std::uint64_t serial,
                               const crypto::Sm2PrivateKey& receive_key, const crypto::Sm2PublicKey& card_identity,
                               const SealingTools& tools);

// --- What stands beside a request to follow, and is signed with purpose "follow". ---
struct FollowRequest {
  std::string gateway;
  std::string nonce;
  UnixMillis time_ms = 0;
};
Result<Bytes> sign_follow(const FollowRequest& request, const crypto::Sm2PrivateKey& signing_key);
// kVerificationFailed "bad-signature". Time and nonce are the caller's to check.
Result<void> verify_follow(const FollowRequest& request, ByteView signature, const crypto::Sm2PublicKey& gateway_key);

// --- Frames of the followed stream. ---
struct SnapshotFrame {
  std::uint64_t serial = 0;
  Bytes stream;  // empty: a heartbeat
};
inline constexpr std::size_t kSnapshotFrameHeaderSize = 12;
void append_snapshot_frame(Bytes& to, std::uint64_t serial, ByteView stream);
// Collects frames from pieces of any size.
class SnapshotFrameReader {
 public:
  // Appends what is complete to `frames`. kResourceExhausted "message-too-large" over kSnapshotSizeMax; stays.
  Result<void> feed(ByteView bytes, std::vector<SnapshotFrame>& frames);

 private:
  Bytes pending_;
  bool failed_ = false;
};

}  // namespace mifeng::messages

// The keyholder's end of the key socket (spec/key-socket.md): a Unix stream socket that the nginx workers of one
// keyholder connect to. Plain Asio; everything happens on the io_context that is handed in, one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "mifeng/base/clock.h"
#include "mifeng/base/random.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/proxy/key_socket.h"
#include "mifeng/proxy/router.h"
#include "mifeng/sealed/root_key.h"

namespace boost::asio {
class io_context;
}

namespace mifeng::keyholder {

struct KeySocketOptions {
  std::filesystem::path path;                // at most 107 bytes; a socket file that is left over is replaced
  proxy::Role role = proxy::Role::kGateway;  // a worker of the other role is turned away
  // The uid that workers may have besides our own (SO_PEERCRED decides). None: our own only.
  std::optional<unsigned> worker_uid;
  // The group that the socket file is given to then (mode 0660); none: everybody may ask and be turned away (0666).
  std::optional<unsigned> worker_gid;
  // Whether the process that connects is one of ours. None: whoever has a uid that may.
  std::function<bool(int pid)> is_worker;
  std::size_t connections_max = 64;
  // How long an unwrap for an unknown signer waits for a table that lists it.
  std::chrono::milliseconds unknown_signer_wait{2000};
};

// What the keyholder does. Called from the io_context's thread; none may block for long (an SM2 operation is fine).
struct KeySocketCallbacks {
  // Gateway. The error's reason() goes back to the worker. "unknown-signer" is asked again after each push_table()
  // until unknown_signer_wait has passed. Use ResponseUnwrapper.
  std::function<Result<proxy::Unwrapped>(const proxy::UnwrapRequest&)> on_unwrap;
  // Guard. A fresh key for each call: use make_seal_key(). The id is filled in by the server.
  std::function<Result<proxy::SealKey>()> on_seal_key;
  std::function<void(const proxy::Counts&)> on_counts;
  // Gateway: every connected worker (at least one) uses the table with this serial. Once a serial.
  std::function<void(std::uint64_t serial)> on_table_taken;
  // Guard: workers_have_seal_keys() or workers_are_drained() may have changed. Not from inside another callback.
  std::function<void()> on_workers_changed;
  // One line for the log, in English.
  std::function<void(const std::string&)> on_log;
};

class KeySocketServer {
 public:
  // Listens before it returns (mode 0600 unless workers have another uid). kInvalidArgument "bad-socket-path",
  // kInternal "cannot-listen".
  static Result<std::unique_ptr<KeySocketServer>> create(boost::asio::io_context& io, KeySocketOptions options,
                                                         KeySocketCallbacks callbacks);
  // Closes every connection and removes the socket file. Not from inside a callback.
  ~KeySocketServer();
  KeySocketServer(const KeySocketServer&) = delete;
  KeySocketServer& operator=(const KeySocketServer&) = delete;

  // Gateway: to every worker, now and to each that connects later, ahead of any answer that is sent after this call.
  // Says what of it the workers leave out. kInvalidArgument "bad-table" for one whose form no worker reads.
  Result<proxy::LeftOut> push_table(const proxy::Table& table);
  // Guard: every worker asks for a new seal key now (the output key has changed).
  void renew_seal_keys();
  // Guard: to every worker, now and to each that connects later.
  void set_state(proxy::GuardState state);

  std::size_t worker_count() const;
  // Guard: every connected worker (at least one) was sent a seal key, ahead of what is sent after this call.
  bool workers_have_seal_keys() const;
  // Guard: every connected worker (at least one) has no connection left, since it was told to drain.
  bool workers_are_drained() const;

 private:
  struct Impl;
  explicit KeySocketServer(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with the handlers that are under way in the io_context
};

// --- What the callbacks are usually made of. ---

// How long a worker seals with one root key: at most what spec/sealed-format.md allows.
struct SealKeyLimits {
  std::chrono::seconds age_max = sealed::kResponseKeyAgeMax;
  std::uint64_t streams_max = sealed::kResponseStreamsMax;
};

// Guard: a fresh root key sealed to the output key and signed by the instance.
Result<proxy::SealKey> make_seal_key(const crypto::Sm2PublicKey& output_key, const crypto::Sm2PrivateKey& instance_key,
                                     Random& random, SealKeyLimits limits = {});

// What one instance may cost: a new root key is two SM2 operations here, and an instance that sealed each answer under
// a new one would keep the keyholder from everybody else. An honest one needs a few for each worker of the gateway,
// when it is new or the gateway is, and then one for each in 12 minutes.
struct UnwrapLimits {
  double burst = 256;
  double per_second = 4;
};

// Gateway: output private keys and instances of the snapshot in force.
class ResponseUnwrapper {
 public:
  explicit ResponseUnwrapper(const Clock& clock, UnwrapLimits limits = {}) : clock_(clock), limits_(limits) {}
  // Replaces both. `instances` are those of the table that is pushed.
  Result<void> update(std::vector<crypto::Sm2PrivateKey> output_keys, const std::vector<proxy::Instance>& instances);
  // Opens the header through its MAC and verifies the signature by a listed instance of the request's deployment.
  // kVerificationFailed with a class of sealed-format.md, or "unknown-signer": no listed instance of this deployment
  // has the header's signer key id. kResourceExhausted "too-many-root-keys".
  Result<proxy::Unwrapped> unwrap(const proxy::UnwrapRequest& request);

 private:
  using Signer = std::pair<std::string, crypto::KeyId>;  // by deployment
  struct Allowance {
    double left = 0;
    std::chrono::steady_clock::time_point at;
  };
  bool may_ask(const Signer& signer);

  const Clock& clock_;
  UnwrapLimits limits_;
  std::map<crypto::KeyId, crypto::Sm2PrivateKey> output_keys_;
  std::multimap<Signer, crypto::Sm2PublicKey> instances_;
  std::map<Signer, Allowance> allowances_;  // of those that are listed
};

}  // namespace mifeng::keyholder

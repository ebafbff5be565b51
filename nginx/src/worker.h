// What one nginx worker process has: its link to the keyholder, and what came over it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "drain.h"
#include "link.h"
#include "mifeng/base/random.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/proxy/balancer.h"
#include "mifeng/proxy/call_table.h"
#include "mifeng/proxy/counters.h"
#include "mifeng/proxy/key_cache.h"
#include "mifeng/proxy/key_socket.h"
#include "mifeng/proxy/router.h"
#include "mifeng/sealed/root_key.h"
#include "ngx.h"

namespace mifeng::nginx {

struct RequestState;

struct WorkerTotals {
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  std::uint64_t refusals = 0;
};

class Worker final : public LinkUser {
 public:
  // The one of this process; none in the master. nginx hands no pointer of ours to filters and timers, so a process has
  // exactly one, made by init_process.
  static Worker* get();
  static bool start(ngx_cycle_t* cycle, proxy::Role role, const std::string& link_path,
                    std::chrono::seconds root_key_age_max);
  static void stop();

  // --- Gateway. ---
  // The table in force; none before the first one came, and from its expiry on.
  std::shared_ptr<const proxy::Router> router() const;
  bool has_had_table() const { return router_ != nullptr; }
  proxy::Balancer& balancer() { return balancer_; }
  // What all workers count together; none in a guard.
  proxy::CallTable* calls() { return calls_ ? &*calls_ : nullptr; }
  void count_calls_in(proxy::CallTable table) { calls_.emplace(table); }
  // The key for the header that `state` has read: found at once, refused (the error), or none: then the keyholder is
  // asked, and resume_opening() or refuse_held() is called for the state.
  Result<std::shared_ptr<const proxy::CachedKey>> find_key(RequestState& state);
  void forget(RequestState& state);

  // --- Guard. ---
  // A key to seal with; none where the last one is spent and no new one has come.
  sealed::SenderKey* seal_key();
  // Keeps one of the key's streams for the answer to a request that begins now, so that the key is not spent by others
  // while the model works on it. False where there is none to keep.
  bool hold_stream();
  void release_stream() { --streams_held_; }
  bool is_leaving() const { return guard_state_.lame_duck || guard_state_.draining; }

  // --- Both. ---
  // Makes a request's `room` for a body that goes into a file so many bytes. False where `limit` (0: none) does not
  // leave that much beside others; one alone always has it.
  bool set_room(std::size_t& room, std::size_t bytes, std::size_t limit);
  void release_room(std::size_t bytes) { room_held_ -= bytes; }
  proxy::Counters& counters() { return counters_; }
  WorkerTotals& totals() { return totals_; }
  Random& random() { return random_; }
  crypto::Sm4GcmProvider& provider() { return *provider_; }

  // LinkUser.
  void on_connected() override;
  void on_message(proxy::KeyholderMessage message) override;

  Worker(proxy::Role role, std::unique_ptr<crypto::Sm4GcmProvider> provider, std::chrono::seconds root_key_age_max)
      : role_(role), provider_(std::move(provider)), keys_(cache_limits(root_key_age_max)) {}

 private:
  using Time = std::chrono::steady_clock::time_point;
  static proxy::KeyCacheLimits cache_limits(std::chrono::seconds age_max) {
    proxy::KeyCacheLimits limits;
    limits.age_max = age_max;
    return limits;
  }
  // Everyone who waits for one root key: their headers have the same blocks.
  struct Pending {
    std::string cache_key;
    std::vector<RequestState*> waiting;  // never empty
    RequestState* asked = nullptr;       // whose context the keyholder was shown; none once that one has gone
    Time deadline;
  };

  static void on_tick(ngx_event_t* event);
  static void on_drain(ngx_event_t* event);
  void look_whether_drained();
  void tick();
  void ask(Pending pending);
  void on_table(proxy::Table table);
  void on_unwrapped(const proxy::Unwrapped& message);
  void on_refused(const proxy::Refused& message);
  void resume_all();
  void on_too_late(std::uint32_t id);
  Pending take_pending(std::unordered_map<std::uint32_t, Pending>::iterator item);
  void on_seal_key(const proxy::SealKey& message);
  void ask_for_seal_key();
  bool has_what_it_needs() const { return role_ == proxy::Role::kGateway ? router_ != nullptr : seal_key_.has_value(); }

  proxy::Role role_;
  std::unique_ptr<crypto::Sm4GcmProvider> provider_;
  BufferedRandom random_;
  std::unique_ptr<KeyholderLink> link_;
  ngx_event_t tick_{};
  proxy::Counters counters_;
  WorkerTotals totals_;
  std::size_t room_held_ = 0;  // bytes, for bodies

  std::shared_ptr<const proxy::Router> router_;  // shared with the requests that began under it
  proxy::Balancer balancer_;
  std::optional<proxy::CallTable> calls_;
  proxy::KeyCache keys_;
  std::unordered_map<std::uint32_t, Pending> pending_;
  std::unordered_map<std::string, std::uint32_t> pending_by_key_;
  std::vector<RequestState*> resuming_;
  std::uint32_t next_id_ = 1;

  std::optional<sealed::SenderKey> seal_key_;
  Time seal_key_renew_at_{};
  Time seal_key_ends_at_{};
  std::uint64_t seal_key_streams_max_ = 0;
  bool seal_key_asked_ = false;
  Time seal_key_asked_at_{};
  std::uint64_t streams_held_ = 0;
  proxy::GuardState guard_state_;
  Drain drain_;
  ngx_event_t drain_event_{};
};

}  // namespace mifeng::nginx

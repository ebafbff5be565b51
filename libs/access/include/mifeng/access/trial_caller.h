// The caller that the platform itself is while somebody tries a route (libs/trials): gateways know it like any other,
// for some minutes and for what is being tried. Its key is in this process's memory alone, and no list shows it.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::access {

struct Context;

inline constexpr const char* kTrialCaller = "ca-trial";
inline constexpr UnixMillis kTrialKeyLifetime = 10 * 60 * 1000;

// Any thread.
class TrialCaller {
 public:
  // What a snapshot says of it.
  struct Admitted {
    crypto::Sm3Digest key_sm3{};
    std::set<std::string> routes;  // that name their callers, and let this one in as well
  };
  std::optional<Admitted> admitted() const;

  // Its key, good at the gateways for this route for a minute at least: makes one where there is none or it is about to
  // end, and tells the gateways what is new to them (access::tell_gateways, so it may wait for 2 s).
  Result<SecretBytes> admit(const Context& context, const std::string& route_id);
  // Forgets a key whose time is over, and tells the gateways. Called by the housekeeping.
  Result<void> end_expired(const Context& context);

 private:
  struct Key {
    SecretBytes text;
    Admitted admitted;
    UnixMillis ends_ms = 0;
  };
  mutable std::mutex mutex_;
  std::optional<Key> key_;
};

}  // namespace mifeng::access

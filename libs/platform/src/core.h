// What the services share. Services know each other only through here.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>

#include "cluster_set.h"
#include "mifeng/base/clock.h"
#include "mifeng/base/random.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/messages/tools.h"
#include "mifeng/platform/actor.h"
#include "mifeng/platform/platform.h"
#include "mifeng/platform/types.h"
#include "mifeng/store/database.h"
#include "mifeng/store/rows.h"
#include "mifeng/vault/wrapper.h"

namespace mifeng::platform {

class KeyRing;
class AuditLog;
class GrantLimits;
class ProvedPeers;
class GuardImage;
class Renderings;

// Calls everybody who subscribed, from the thread that changed something. Subscribers must not block.
class Notifier {
 public:
  std::shared_ptr<void> subscribe(std::function<void()> callback);
  void notify();

 private:
  struct Shared {
    std::mutex mutex;
    std::uint64_t next = 0;
    std::map<std::uint64_t, std::function<void()>> callbacks;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();  // a subscription may outlive the notifier
};

struct Core {
  PlatformOptions options;
  std::unique_ptr<store::Database> db;
  const Clock& clock;
  Random& random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider;
  std::unique_ptr<vault::Wrapper> wrapper;
  std::unique_ptr<ClusterSet> clusters;
  std::unique_ptr<Renderings> renderings;
  std::unique_ptr<GuardImage> guard_image;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<KeyRing> keys;
  std::unique_ptr<GrantLimits> grant_limits;
  std::unique_ptr<ProvedPeers> proved_peers;
  UnixMillis started_ms = 0;     // of this process
  Notifier snapshots_changed;    // routes, endpoints, instances, callers, output keys
  Notifier deployments_changed;  // the reconciler has something to do
  // Shared from an image's entry in the library until a version names it; alone while unused ones are deleted.
  std::shared_mutex images_mutex;
  std::atomic<bool> images_unused = false;  // a version was removed: look at once
  // Gateways that follow now: how many connections each has.
  std::mutex followers_mutex;
  std::map<std::string, int> followers;

  messages::Tools tools() { return {.random = random, .provider = *provider}; }
};

// kInvalidArgument "bad-page".
Result<store::Window> window_of(const PageRequest& page);

// "mv-" and 16 random hex digits.
std::string new_id(Core& core, const char* prefix);
std::string sm3_hex(std::string_view text);
std::string sm3_hex(ByteView bytes);

// Where `text` stops being UTF-8 (Unicode 15, table 3-7), counted in bytes; nothing where it does not.
std::optional<std::size_t> not_utf8_at(std::string_view text);

// For text that comes from elsewhere (a container, a registry, a header field) and will be shown, stored and exported:
// valid UTF-8 without control characters, at most `max` bytes. What is neither becomes '?', a line end a space.
std::string clean_text(std::string_view text, std::size_t max);

template <typename Item, typename Row, typename Convert>
Page<Item> page_of(store::Slice<Row>&& slice, Convert&& convert) {
  Page<Item> page;
  page.total = slice.total;
  for (Row& row : slice.rows) page.items.push_back(convert(row));
  return page;
}

Error not_found(const std::string& what, const std::string& id);

}  // namespace mifeng::platform

// What has changed, for whoever follows: one short history of all changes, in which each reader has a place. A reader
// holds nothing here, so a slow one costs nothing; what it comes too late for is lost to it, and it is told so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/base/random.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/events/kinds.h"
#include "mifeng/store/database.h"
#include "mifeng/trust/subscribers.h"

namespace mifeng::events {

// A thing that has changed. What it is now, the API says.
struct Change {
  Kind kind{};
  std::string id;  // empty: the kind as a whole
  UnixMillis time_ms = 0;
};

// A place in the history: behind so many changes.
using Place = std::uint64_t;

struct News {
  std::vector<Change> changes;  // that the reader may learn of, in the order of each thing's last change
  Place place = 0;              // behind them
  bool lost = false;            // something between was forgotten: the reader has to ask for everything anew
  Place about_reader = 0;  // where the reader's own person, sessions or tokens changed last, or may have; 0: nowhere
};

struct FeedOptions {
  std::size_t remembered = 4096;  // changes of different things; what changed longest ago goes first
};

// Thread-safe.
class Feed {
 public:
  // Watches the tables of `db`, which nobody else uses yet. All must outlive the feed, and nobody may write any more
  // when it ends. kResourceExhausted "out-of-memory".
  static Result<std::unique_ptr<Feed>> create(store::Database& db, crypto::Sm4GcmProvider& provider, const Clock& clock,
                                              Random& random, const FeedOptions& options = {});

  // What no table tells. A thing that changes again moves to the end of the history: it stands there once.
  void note(Kind kind, const std::string& id, const std::string& owner = "");

  Place now() const;
  News after(Place place, const Sight& sight) const;
  // Calls from the thread that changed something, which must not be blocked.
  std::shared_ptr<void> subscribe(std::function<void()> callback) { return changed_.subscribe(std::move(callback)); }

  // A place as whoever reads may keep it. Sealed under a key of this run of the program: nobody learns from it how much
  // there is that he may not see, and one that was made up, altered, or given out by another run is none.
  std::string seal(Place place);
  std::optional<Place> open(std::string_view sealed);

 private:
  using Thing = std::tuple<Kind, std::string, std::string>;  // id, owner
  struct Entry {
    Thing thing;
    UnixMillis time_ms = 0;
  };
  Feed(std::unique_ptr<crypto::Sm4GcmCipher> cipher, const Clock& clock, Random& random, const FeedOptions& options)
      : cipher_(std::move(cipher)), clock_(clock), random_(random), options_(options) {}
  void add(Kind kind, const std::string& id, const std::string& owner, UnixMillis now);  // under the lock

  const std::unique_ptr<crypto::Sm4GcmCipher> cipher_;
  const Clock& clock_;
  Random& random_;
  const FeedOptions options_;
  mutable std::mutex mutex_;
  Place last_ = 0;
  Place forgotten_ = 0;  // the last that is remembered no more
  std::map<Place, Entry> entries_;
  std::map<Thing, Place> newest_;  // where in entries_ each thing stands
  trust::Subscribers changed_;
};

}  // namespace mifeng::events

#include "mifeng/events/feed.h"

#include <array>
#include <span>

namespace mifeng::events {
namespace {

constexpr std::size_t kPlaceSize = sizeof(Place);
constexpr std::size_t kSealedSize = crypto::kGcmNonceSize + kPlaceSize + crypto::kGcmTagSize;

struct Watched {
  Kind kind;
  store::WatchedTable table;
};
// Quiet is what is written again and again while nothing happens that anybody waits for.
const std::vector<Watched>& watched() {
  static const std::vector<Watched> kWatched = {
      {Kind::kDeployments, {.table = "deployments", .id = "id", .owner = {}, .quiet = {"told_change"}}},
      {Kind::kDeployments, {.table = "revisions", .id = "deployment_id", .owner = {}, .quiet = {}}},
      {Kind::kUnits, {.table = "units", .id = "deployment_id", .owner = {}, .quiet = {}}},
      {Kind::kUnits, {.table = "endpoints", .id = "deployment_id", .owner = {}, .quiet = {}}},
      {Kind::kBatches, {.table = "batches", .id = "id", .owner = {}, .quiet = {}}},
      {Kind::kBatches, {.table = "batch_items", .id = "batch_id", .owner = {}, .quiet = {}}},
      {Kind::kModels, {.table = "model_information", .id = "id", .owner = "vendor_id", .quiet = {}}},
      {Kind::kUploads, {.table = "uploads", .id = "id", .owner = "person_id", .quiet = {}}},
      {Kind::kVendors, {.table = "developer_information", .id = "id", .owner = "id", .quiet = {}}},
      {Kind::kClusters, {.table = "clusters", .id = "id", .owner = {}, .quiet = {}}},
      {Kind::kPorts, {.table = "available_node_ports", .id = "cluster_id", .owner = {}, .quiet = {}}},
      {Kind::kPorts, {.table = "reserved_node_ports", .id = "cluster_id", .owner = {}, .quiet = {}}},
      {Kind::kPorts, {.table = "used_node_ports", .id = "cluster_id", .owner = {}, .quiet = {}}},
      {Kind::kRoutes, {.table = "route_information", .id = "id", .owner = {}, .quiet = {}}},
      {Kind::kCallers, {.table = "callers", .id = "id", .owner = {}, .quiet = {}}},
      {Kind::kCallers, {.table = "caller_keys", .id = "caller_id", .owner = {}, .quiet = {}}},
      {Kind::kGateways, {.table = "gateways", .id = "id", .owner = {}, .quiet = {"last_seen_ms", "report_counter"}}},
      {Kind::kKeys, {.table = "platform_keys", .id = "id", .owner = {}, .quiet = {}}},
      {Kind::kInstances,
       {.table = "instances",
        .id = "id",
        .owner = {},
        .quiet = {"lease_until_ms", "calls", "counter", "request_sm3", "answer", "renewal_sm3", "renewal_answer"}}},
      {Kind::kPeople, {.table = "people", .id = "id", .owner = "id", .quiet = {}}},
      {Kind::kSessions,
       {.table = "sessions", .id = "id", .owner = "person_id", .quiet = {"last_used_ms", "expires_ms"}}},
      {Kind::kTokens, {.table = "tokens", .id = "id", .owner = "person_id", .quiet = {"last_used_ms"}}},
      {Kind::kAudit, {.table = "audit_log", .id = {}, .owner = {}, .quiet = {}}},
  };
  return kWatched;
}

bool says_who(Kind kind) { return kind == Kind::kPeople || kind == Kind::kSessions || kind == Kind::kTokens; }

}  // namespace

Result<std::unique_ptr<Feed>> Feed::create(store::Database& db, crypto::Sm4GcmProvider& provider, const Clock& clock,
                                           Random& random, const FeedOptions& options) {
  Secret<crypto::kSm4KeySize> key;
  random.fill(key.reveal_for_writing());
  MIFENG_TRY(auto cipher, provider.cipher(key.reveal_for_computing()));
  std::unique_ptr<Feed> feed(new Feed(std::move(cipher), clock, random, options));
  std::vector<store::WatchedTable> tables;
  for (const Watched& one : watched()) tables.push_back(one.table);
  MIFENG_CHECK(db.watch(tables, [feed = feed.get()](std::span<const store::RowChange> rows) {
    const UnixMillis now = feed->clock_.now_ms();
    {
      const std::lock_guard lock(feed->mutex_);
      for (const store::RowChange& row : rows) feed->add(watched()[row.watched].kind, row.id, row.owner, now);
    }
    feed->changed_.notify();
  }));
  return feed;
}

void Feed::note(Kind kind, const std::string& id, const std::string& owner) {
  const UnixMillis now = clock_.now_ms();
  {
    const std::lock_guard lock(mutex_);
    add(kind, id, owner, now);
  }
  changed_.notify();
}

void Feed::add(Kind kind, const std::string& id, const std::string& owner, UnixMillis now) {
  const Thing thing{kind, id, owner};
  const Place place = ++last_;
  const auto [known, is_new] = newest_.emplace(thing, place);
  if (!is_new) {
    entries_.erase(known->second);
    known->second = place;
  }
  entries_.emplace(place, Entry{thing, now});
  if (entries_.size() <= options_.remembered) return;
  const auto oldest = entries_.begin();
  forgotten_ = oldest->first;
  newest_.erase(oldest->second.thing);
  entries_.erase(oldest);
}

Place Feed::now() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

News Feed::after(Place place, const Sight& sight) const {
  News news;
  const std::lock_guard lock(mutex_);
  news.place = last_;
  news.lost = place < forgotten_;
  if (news.lost) news.about_reader = forgotten_;
  for (auto entry = entries_.upper_bound(place); entry != entries_.end(); ++entry) {
    const auto& [kind, id, owner] = entry->second.thing;
    if (says_who(kind) && owner == sight.person()) news.about_reader = entry->first;
    if (!news.lost && sight.sees(kind, owner)) news.changes.push_back({kind, id, entry->second.time_ms});
  }
  return news;
}

std::string Feed::seal(Place place) {
  std::array<std::uint8_t, kSealedSize> sealed{};
  const auto nonce = std::span(sealed).first<crypto::kGcmNonceSize>();
  const auto text = std::span(sealed).subspan<crypto::kGcmNonceSize, kPlaceSize>();
  Bytes plain;
  append_be(plain, place);
  const std::lock_guard lock(mutex_);
  random_.fill(nonce);
  cipher_->seal(nonce, {}, plain, text, std::span(sealed).last<crypto::kGcmTagSize>());
  return to_hex(sealed);
}

std::optional<Place> Feed::open(std::string_view sealed) {
  if (sealed.size() != 2 * kSealedSize) return std::nullopt;
  const auto bytes = from_hex(sealed);
  if (!bytes) return std::nullopt;
  const ByteView view(*bytes);
  std::array<std::uint8_t, kPlaceSize> plain{};
  const std::lock_guard lock(mutex_);
  if (!cipher_->open(view.first<crypto::kGcmNonceSize>(), {}, view.subspan(crypto::kGcmNonceSize, kPlaceSize), plain,
                     view.last<crypto::kGcmTagSize>()))
    return std::nullopt;
  return load_be<Place>(plain);
}

}  // namespace mifeng::events

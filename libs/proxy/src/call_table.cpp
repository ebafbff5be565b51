#include "mifeng/proxy/call_table.h"

#include <bit>
#include <cassert>
#include <new>

#include "mifeng/base/bounds.h"
#include "mifeng/base/bytes.h"
#include "mifeng/crypto/sm3.h"
#include "wire_format.h"

namespace mifeng::proxy {
namespace {

using std::chrono::nanoseconds;

constexpr std::uint32_t kWays = 16;  // places that one caller may have, side by side
constexpr std::uint32_t kCallerPlaces = 65'536;
constexpr std::uint32_t kAddressPlaces = 16'384;
constexpr std::uint32_t kPlaces = kCallerPlaces + kAddressPlaces;
constexpr int kTries = 4;  // where another worker was faster
static_assert(CallTable::kWorkersMax == 64, "a bit of a number for each worker");
static_assert(bounds::kCallsAtOnceMax < 0xffff, "a worker's calls of one caller are counted in 16 bits");

// An owner has the highest bit, so that it is neither nobody nor the number of a worker, counted from 1, that is just
// giving the place away.
constexpr std::uint64_t kNobody = 0;
constexpr std::uint64_t kOwnerBit = std::uint64_t{1} << 63;
bool is_owner(std::uint64_t owner) { return (owner & kOwnerBit) != 0; }

template <typename Number>
std::atomic_ref<Number> atomic(Number& number) {
  static_assert(std::atomic_ref<Number>::is_always_lock_free);
  return std::atomic_ref<Number>(number);
}

}  // namespace

// Plain numbers, so that making one writes nothing: what no worker uses is no memory.
struct CallTable::Shared {
  Secret secret;
  std::uint64_t joined;  // a bit for each worker whose calls count
  std::array<std::uint64_t, kPlaces> owners;
  std::array<std::int64_t, kPlaces> due;  // nanoseconds of the steady clock, which all processes share
  std::array<std::array<std::uint16_t, kPlaces>, kWorkersMax> calls;  // each written by its worker alone
};

struct CallTable::Key {
  std::uint64_t owner;
  std::uint32_t first;  // of its places
};

std::size_t CallTable::size() { return sizeof(Shared); }

void CallTable::format(void* memory, const Secret& secret) {
  auto& shared = *new (memory) Shared;
  shared.secret = secret;
  shared.joined = 0;
  shared.owners.fill(kNobody);
  shared.due.fill(0);
}

CallTable::CallTable(void* memory, unsigned worker) : shared_(*static_cast<Shared*>(memory)), worker_(worker) {
  assert(worker < kWorkersMax);
  for (std::uint16_t& calls : shared_.calls[worker_]) atomic(calls).store(0);
  atomic(shared_.joined).fetch_or(std::uint64_t{1} << worker_);
  // What the one before it was giving away when it was killed.
  for (std::uint64_t& owner : shared_.owners) {
    std::uint64_t claimed = worker_ + 1;
    atomic(owner).compare_exchange_strong(claimed, kNobody);
  }
}

CallTable::Entry CallTable::enter(CallerKind kind, std::string_view route, std::string_view name,
                                  const CallLimits& limits, std::chrono::steady_clock::time_point time) {
  if (limits.per_minute == 0 && limits.at_once == 0) return {};
  const nanoseconds now = time.time_since_epoch();
  const Key key = key_of(kind, route, name);
  auto place = hold(key, now);
  // Two calls that come at the same instant see each other, so each makes room and looks again, for as long as there is
  // room: else neither might get the last one.
  for (int tries = 0; place && limits.at_once != 0 && calls_of(*place) > limits.at_once; ++tries) {
    count(*place, -1);
    if (tries == kTries || calls_of(*place) >= limits.at_once) return {Verdict::kTooManyAtOnce, {}, {}};
    place = hold(key, now);
  }
  if (!place) return {};
  Entry entry;
  if (limits.per_minute != 0) {
    const RateDecision decision = take(*place, limits.per_minute, now);
    if (!decision.goes) entry = {Verdict::kTooMany, decision.wait, {}};
  }
  if (entry.verdict == Verdict::kGoes && limits.at_once != 0)
    entry.held = place;
  else
    count(*place, -1);
  return entry;
}

void CallTable::leave(std::uint32_t held) { count(held, -1); }

CallTable::Key CallTable::key_of(CallerKind kind, std::string_view route, std::string_view name) const {
  Bytes text;
  WireWriter(text).raw(shared_.secret).number(static_cast<std::uint8_t>(kind)).string(route).string(name);
  const crypto::Sm3Digest digest = crypto::sm3(text);
  const ByteView bytes(digest);
  const auto chance = load_be<std::uint32_t>(bytes.subspan(8));
  const std::uint32_t first = kind == CallerKind::kCaller ? chance % (kCallerPlaces / kWays) * kWays
                                                          : kCallerPlaces + chance % (kAddressPlaces / kWays) * kWays;
  return {load_be<std::uint64_t>(bytes) | kOwnerBit, first};
}

// A place of its own with this call counted in it, so that nobody gives it away meanwhile.
std::optional<std::uint32_t> CallTable::hold(const Key& key, nanoseconds now) {
  for (int tries = 0; tries < kTries; ++tries) {
    const auto place = find(key, now);
    if (!place) continue;
    count(*place, 1);
    if (atomic(shared_.owners[*place]).load() == key.owner) return place;
    count(*place, -1);
  }
  return std::nullopt;
}

// The place that it has, or gets. Two workers may give one caller two of them in the same instant: from then on both
// find the first, and the other is given away when the calls that it counts have ended.
std::optional<std::uint32_t> CallTable::find(const Key& key, nanoseconds now) {
  for (std::uint32_t place = key.first; place < key.first + kWays; ++place)
    if (atomic(shared_.owners[place]).load() == key.owner) return place;
  std::optional<std::uint32_t> best;
  std::uint64_t best_owner = kNobody;
  nanoseconds best_due{};
  for (std::uint32_t place = key.first; place < key.first + kWays; ++place) {
    const std::uint64_t owner = atomic(shared_.owners[place]).load();
    if (owner != kNobody && (!is_owner(owner) || calls_of(place) != 0)) continue;
    const nanoseconds due(owner == kNobody ? 0 : atomic(shared_.due[place]).load());
    if (best && due >= best_due) continue;
    best = place;
    best_owner = owner;
    best_due = due;
    if (due <= now) break;
  }
  return best && claim(*best, best_owner, key.owner) ? best : std::nullopt;
}

bool CallTable::claim(std::uint32_t place, std::uint64_t from, std::uint64_t to) {
  const auto owner = atomic(shared_.owners[place]);
  if (!owner.compare_exchange_strong(from, worker_ + 1)) return false;
  // Whoever counts a call looks at the owner after it, and this looks at the calls after the owner: one of the two
  // sees the other.
  if (calls_of(place) != 0) {
    owner.store(from);
    return false;
  }
  atomic(shared_.due[place]).store(0);
  owner.store(to);
  return true;
}

std::uint32_t CallTable::calls_of(std::uint32_t place) const {
  std::uint32_t calls = 0;
  for (std::uint64_t left = atomic(shared_.joined).load(); left != 0; left &= left - 1)
    calls += atomic(shared_.calls[static_cast<std::size_t>(std::countr_zero(left))][place]).load();
  return calls;
}

void CallTable::count(std::uint32_t place, int change) {
  const auto calls = atomic(shared_.calls[worker_][place]);
  calls.store(static_cast<std::uint16_t>(calls.load() + change));
}

RateDecision CallTable::take(std::uint32_t place, std::uint32_t per_minute, nanoseconds now) {
  const auto due = atomic(shared_.due[place]);
  const CallRate rate = CallRate::per_minute(per_minute);
  for (std::int64_t known = due.load();;) {
    const RateDecision decision = decide(rate, nanoseconds(known), now);
    const std::int64_t next = decision.due.count();
    if (next == known || due.compare_exchange_weak(known, next)) return decision;
  }
}

}  // namespace mifeng::proxy

// Who calls how often, and how much at once: what all workers of a gateway count together, in memory that they share.
// Its size is fixed, nobody waits for anybody in it, and a worker that is killed takes nothing along that it counted.
//
// A place belongs to one caller of one route. Once its calls have ended and its rate is made up for, it says the same
// as no place at all, so it is given to whoever needs one: nothing is lost by that. Where all places that a caller may
// have are in use, the one whose rate is made up for soonest and that counts no call is given away, and its owner
// begins anew; where all of them count a call, a further caller passes uncounted. So whoever fills the table blocks
// nobody. A caller's places follow from a secret, so nobody can choose whose he shares, and addresses, which are
// strangers', have places of their own.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "mifeng/proxy/call_rate.h"

namespace mifeng::proxy {

// 0: no limit.
struct CallLimits {
  std::uint32_t per_minute = 0;
  std::uint32_t at_once = 0;
};

enum class CallerKind : std::uint8_t {
  kCaller = 1,   // with a key; the name is his id
  kAddress = 2,  // of whoever calls an open route without one
};

class CallTable {
 public:
  static constexpr unsigned kWorkersMax = 64;  // as many as a key socket has connections (spec/key-socket.md)
  using Secret = std::array<std::uint8_t, 16>;

  // Bytes of memory, aligned to 64.
  static std::size_t size();
  // Before any worker joins.
  static void format(void* memory, const Secret& secret);

  // A worker joins, by its number below kWorkersMax; what one of that number counted before it is forgotten. There is
  // one alone at a time.
  CallTable(void* memory, unsigned worker);

  enum class Verdict { kGoes, kTooMany, kTooManyAtOnce };
  struct Entry {
    Verdict verdict = Verdict::kGoes;
    std::chrono::nanoseconds wait{};      // kTooMany: after which the next one goes
    std::optional<std::uint32_t> held{};  // for leave(), once the call has ended
  };
  // A call begins. One that is refused counts for nothing.
  Entry enter(CallerKind kind, std::string_view route, std::string_view name, const CallLimits& limits,
              std::chrono::steady_clock::time_point now);
  void leave(std::uint32_t held);

 private:
  struct Shared;
  struct Key;

  Key key_of(CallerKind kind, std::string_view route, std::string_view name) const;
  std::optional<std::uint32_t> hold(const Key& key, std::chrono::nanoseconds now);
  std::optional<std::uint32_t> find(const Key& key, std::chrono::nanoseconds now);
  bool claim(std::uint32_t place, std::uint64_t from, std::uint64_t to);
  std::uint32_t calls_of(std::uint32_t place) const;
  void count(std::uint32_t place, int change);
  RateDecision take(std::uint32_t place, std::uint32_t per_minute, std::chrono::nanoseconds now);

  Shared& shared_;
  std::uint32_t worker_;
};

}  // namespace mifeng::proxy

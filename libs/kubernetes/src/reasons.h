// Why a unit does not run: a code that stays, a sentence, and what a person has to do. Pure functions of what API
// server, scheduler, kubelet and guard said.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/cluster/guard_said.h"
#include "mifeng/cluster/units.h"

namespace mifeng::kubernetes {

using cluster::GuardSaid;
using cluster::read_guard_log;
using cluster::Reason;
using cluster::see_log;
using cluster::why_by_guard;
using cluster::why_not_ready;

// What is asked of a node, or free on it.
struct Taken {
  std::int64_t cpu_millis = 0, memory_bytes = 0;
  std::map<std::string, std::int64_t> devices{};  // by resource name

  bool fits_into(const Taken& free) const;
  void add(const Taken& other);
  void subtract(const Taken& other);
  bool operator==(const Taken&) const = default;
};

// The last line that says anything, cut to what a reason may have.
std::string last_line(std::string text);
// The last two of a container's log. Its two outputs are one there, in no order between them: the last words of a
// program that fails may stand before what it said last on the other.
std::string last_words(std::string text);

// An image that could not be pulled, by kubelet's words: "image-not-found", "wrong-architecture", "registry-refused",
// "registry-not-trusted", else "image-not-pulled".
Reason why_not_pulled(const std::string& container, const std::string& message);
// That it was refused for want of a login.
Reason why_no_login(const std::string& message);

struct Ended {
  std::string container{};
  std::string reason{};  // kubelet's word: "OOMKilled", "StartError"
  std::string words{};   // its last
  std::int64_t code = 0;
  std::int64_t memory_limit_bytes = 0;  // 0 where there is none
};
// "out-of-memory", "cannot-start", "wrong-architecture", else "exited".
Reason why_ended(const Ended& ended);
Reason why_cannot_start(const std::string& container, const std::string& message);

// By the scheduler's words: "volume-not-bound", "node-lost", else "unschedulable". `free`: what each node has left that
// takes units; empty where that is not seen.
Reason why_unschedulable(const std::string& message, const Taken& asked, const std::vector<Taken>& free);
// A claim that the scheduler waits for, in the words of whoever should make its volume ("" where nobody said any).
Reason why_not_bound(const std::string& claim, const std::string& words);
// A node that cannot give the unit its volumes or its network yet.
Reason why_not_set_up(const std::string& words);
Reason why_node_lost(const std::string& node);
// No pod was made, in the words of the API server: "quota", "limit-range", else "not-admitted".
Reason why_not_made(const std::string& message);
// A node port that somebody else has, and whatever else the API server does not take.
Reason why_port_taken(const std::string& message);
Reason why_refused(std::string code, const std::string& message);
// By somebody, while it ran.
Reason why_changed(const std::string& how);
// Nothing else is known of one whose deployment did not come up in time.
Reason why_overdue(std::int64_t seconds, const std::string& otherwise);

}  // namespace mifeng::kubernetes

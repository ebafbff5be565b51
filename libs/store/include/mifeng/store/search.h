// Finding things of any kind by a part of their names, and by their ids. Each function looks through one kind.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/store/database.h"
#include "mifeng/store/words.h"

namespace mifeng::store {

enum class FoundKind {
  kVersion,
  kDeployment,
  kUnit,
  kInstance,
  kBatch,
  kRoute,
  kCaller,
  kVendor,
  kPort,
  kCluster,
  kGateway,
  kKey,
  kPerson,
  kRequest,
  kAudit,
};
template <>
struct Words<FoundKind> {
  static constexpr std::string_view of[] = {"version", "deployment", "unit",   "instance", "batch",
                                            "route",   "caller",     "vendor", "port",     "cluster",
                                            "gateway", "key",        "person", "request",  "audit"};
};

// What says to a person what it is, and to a program where its page is.
MIFENG_LISTED(Found, word(FoundKind, kind), text(id),
              text(name),    // "acme/digits@1.2.0", "/digits", "ward-7"
              text(detail),  // what it does, or whose it is
              text(within),  // id of what it belongs to: a unit's deployment, a port's cluster, a request's route
              text(owner));  // of a version and a vendor the vendor's id, of a person the person's; else empty

inline constexpr std::size_t kSearchWordsMax = 8;

// Every word (separated by spaces, at most kSearchWordsMax are looked at) has to be part of something of the thing.
// What begins with the whole text comes first. `owner`: only what is his; empty: everybody's. Versions, deployments,
// batches, routes, callers, vendors, clusters, gateways, keys (by the beginning of the id) and people; nothing of other
// kinds.
Result<std::vector<Found>> search_kind(Transaction& tx, FoundKind kind, const std::string& text,
                                       const std::string& owner, std::int64_t limit);
// Node ports whose numbers begin with these digits, used ones and reserved ones, and a free one that is just that.
Result<std::vector<Found>> search_ports(Transaction& tx, const std::string& digits, std::int64_t limit);
// What is called exactly so, by the id of its kind; of a deployment and a caller by the name as well. kPort as
// search_ports() for the whole number; kRequest in the newest kRequestEntries entries of the audit log.
Result<std::optional<Found>> find_exactly(Transaction& tx, FoundKind kind, const std::string& id);
inline constexpr std::int64_t kRequestEntries = 200'000;

}  // namespace mifeng::store

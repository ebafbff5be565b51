// Which version of a thing somebody has seen: its ETag, and what he expects of it when he changes it (If-Match).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/store/clusters.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/models.h"
#include "mifeng/store/ports.h"
#include "mifeng/trust/actor.h"

namespace mifeng::trust {

// 32 hex digits that follow from what people decide about a thing, and from nothing that the platform notes of how it
// goes: they are others as soon as somebody changed it, and the same again where it was changed back.
std::string version_of(const store::DeploymentRow& row);
std::string version_of(const store::RouteRow& row);
std::string version_of(const store::CallerRow& row);
std::string version_of(const store::VendorRow& row);
std::string version_of(const store::ClusterRow& row);
// Of a cluster's ranges and of its reserved ports, each as a whole, in whatever order they come.
std::string version_of(std::vector<store::PortRangeRow> rows);
std::string version_of(std::vector<store::ReservedPortRow> rows);

// Whether the actor has seen this version of what he is about to change, where he says which he has seen; in the
// transaction that changes it. kConflict "changed-meanwhile".
Result<void> expect_version(const Actor& actor, const std::string& version);
template <typename Thing>
Result<void> expect(const Actor& actor, Thing&& thing) {
  if (actor.seen.empty()) return ok();
  return expect_version(actor, version_of(std::forward<Thing>(thing)));
}

// The value of an If-Match field: the versions it names; none for "*", which is satisfied by any. kInvalidArgument
// "bad-if-match".
Result<std::vector<std::string>> parse_if_match(std::string_view field);

}  // namespace mifeng::trust

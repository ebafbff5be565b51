// What changes can be of, and who may learn of them.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "mifeng/trust/actor.h"

namespace mifeng::events {

// The words go out over the API (ChangeEvent in spec/openapi.yaml, which says what the id of each is).
enum class Kind {
  kDeployments,  // with their revisions
  kUnits,        // and endpoints, by deployment
  kBatches,      // with their items
  kModels,
  kUploads,
  kVendors,
  kClusters,
  kPorts,  // by cluster
  kRoutes,
  kCallers,
  kGateways,
  kKeys,
  kInstances,
  kPeople,
  kSessions,
  kTokens,
  kAudit,  // the log as a whole
};
inline constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::kAudit) + 1;
std::string_view to_string(Kind kind);  // "deployments"

// What one person may learn of. Never more than the lists of the API would show: a vendor's person learns of that
// vendor alone, and of an upload or a session whoever began it.
class Sight {
 public:
  explicit Sight(const trust::Actor& actor);
  // `owner`: the vendor's id of models and vendors; the person's of uploads, people, sessions and tokens.
  bool sees(Kind kind, const std::string& owner) const;
  const std::string& person() const { return person_; }

 private:
  enum class Extent { kNothing, kOwn, kAll };
  std::array<Extent, kKinds> extents_{};
  std::string person_, vendor_;
};

}  // namespace mifeng::events

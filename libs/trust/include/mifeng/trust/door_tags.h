// What a guard on another machine shows before anything else that it sends is looked at (spec/grant.md, The guards'
// door): the tag of its deployment, which only this platform can make. It proves nothing more: it stands in the
// environment of each of the deployment's guards, for whoever may read that.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mifeng/base/clock.h"
#include "mifeng/base/random.h"
#include "mifeng/crypto/hmac_sm3.h"
#include "mifeng/store/database.h"

namespace mifeng::vault {
class Wrapper;
}

namespace mifeng::trust {

// Any thread. Neither of the two talks to the database.
class DoorTags {
 public:
  // Unwraps the tags' key, or makes it in a database that has none yet.
  static Result<std::unique_ptr<DoorTags>> load_or_create(store::Database& db, const vault::Wrapper& wrapper,
                                                          const Clock& clock, Random& random);

  // CLUSTER.HEX, the second being HMAC-SM3 over "mifeng/v1/door-tag" LF cluster LF deployment.
  std::string make(const std::string& cluster, const std::string& deployment) const;
  // The cluster that the tag names, where it is this deployment's tag there; the comparison takes as long for any that
  // is not.
  std::optional<std::string> cluster_of(std::string_view tag, std::string_view deployment) const;

 private:
  explicit DoorTags(crypto::HmacSm3Key key) : key_(std::move(key)) {}
  std::string hex_of(std::string_view cluster, std::string_view deployment) const;
  crypto::HmacSm3Key key_;
};

}  // namespace mifeng::trust

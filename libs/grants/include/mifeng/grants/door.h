// The guards' door: requests from other machines, before it is known who asks (spec/grant.md, The guards' door).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"

namespace mifeng::trust {
class AuditLog;
class DoorTags;
}  // namespace mifeng::trust

namespace mifeng::grants {

class Door;

enum class Asked { kGrant, kRenewal };

// A request that came with the right tag of a deployment, for as long as it is looked at. It counts as one of nobody's
// until proved().
class DoorVisit {
 public:
  DoorVisit(DoorVisit&&) noexcept;
  DoorVisit& operator=(DoorVisit&&) = delete;
  ~DoorVisit();

  const std::string& cluster() const { return cluster_; }
  const std::string& deployment() const { return deployment_; }
  const std::string& address() const { return address_; }  // of the peer, behind which there may be a whole node
  // Who asks has been proved, whatever he is answered.
  void proved();

 private:
  friend class Door;
  DoorVisit(Door& door, std::string key, std::string cluster, std::string deployment, std::string address);
  Door* door_;  // null once moved from
  std::string key_;
  std::string cluster_, deployment_, address_;
  bool proved_ = false;
};

// Any thread; what enter() does takes microseconds and writes nothing.
class Door {
 public:
  Door(const trust::DoorTags& tags, trust::AuditLog& audit, const Clock& clock)
      : tags_(tags), audit_(audit), clock_(clock) {}

  // kPermissionDenied "refused" without the right tag of this deployment. kResourceExhausted "too-many-requests" where
  // too many of its requests are looked at just now, or were not proved lately. The visit must not outlive the door.
  Result<DoorVisit> enter(const std::string& tag, const std::string& deployment, const std::string& address,
                          Asked asked);
  // Whether this refusal of a visit should stand in the audit log by itself; else it is counted. Of a deployment and a
  // reason 20 do in ten minutes, so that many of one kind hide none of another.
  bool may_audit(const DoorVisit& visit, std::string_view reason);
  // Writes down how many were sent away without a word of their own, where there were any: at once, and then every ten
  // minutes at most. Called by the housekeeping.
  void tell_strangers();

 private:
  friend class DoorVisit;
  // What requests that are not proved may use up.
  struct Budget {
    double left;
    UnixMillis since_ms;
    std::size_t inside = 0;
  };
  struct Audited {
    int count = 0;
    UnixMillis since_ms = 0;
  };
  void leave(const DoorVisit& visit);
  void refill(Budget& budget, UnixMillis now) const;
  void forget_idle(UnixMillis now);

  const trust::DoorTags& tags_;
  trust::AuditLog& audit_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Budget> budgets_;   // by cluster, deployment, and what is asked
  std::map<std::string, Audited> audited_;  // by cluster, deployment and reason
  std::size_t inside_ = 0;
  std::uint64_t without_tag_ = 0;  // since told_ms_
  std::uint64_t uncounted_ = 0;    // visits refused that may_audit() did not let through
  std::string last_address_;
  std::optional<UnixMillis> told_ms_;
};

}  // namespace mifeng::grants

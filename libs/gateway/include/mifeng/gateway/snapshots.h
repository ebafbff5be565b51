// Which snapshot is in force, and which are refused (spec/grant.md, snapshot).
#pragma once

#include <optional>

#include "mifeng/base/clock.h"
#include "mifeng/gateway/state.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/proxy/table.h"

namespace mifeng::gateway {

class SnapshotKeeper {
 public:
  SnapshotKeeper(const StateFolder& folder, const Membership& membership, const Clock& clock,
                 const messages::SealingTools& tools)
      : folder_(folder), membership_(membership), clock_(clock), tools_(tools) {}

  // The stored one, if any. One that has expired meanwhile stays as the lowest serial that is taken.
  Result<void> load();
  // Whether it is a new one, now in force and stored as it came; not where it is the very one in force. Errors of
  // opening it; kVerificationFailed "snapshot-rollback" for a lower serial, or other bytes under the same one,
  // "snapshot-expired". After an error everything is as it was.
  Result<bool> offer(const messages::SnapshotFrame& frame);

  const messages::Snapshot* current() const { return snapshot_ ? &*snapshot_ : nullptr; }
  std::uint64_t serial() const { return frame_ ? frame_->serial : 0; }
  bool is_expired() const;  // or there is none

 private:
  Result<messages::Snapshot> open(const messages::SnapshotFrame& frame) const;

  const StateFolder& folder_;
  const Membership& membership_;
  const Clock& clock_;
  const messages::SealingTools& tools_;
  std::optional<messages::SnapshotFrame> frame_;
  std::optional<messages::Snapshot> snapshot_;
};

// What the workers get.
proxy::Table to_table(const messages::Snapshot& snapshot);

}  // namespace mifeng::gateway

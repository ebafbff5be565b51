// Units as an engine reports them, and as they stand in the table.
#pragma once

#include <string_view>
#include <vector>

#include "mifeng/cluster/units.h"
#include "mifeng/store/deployments.h"

namespace mifeng::deployments {

// Of a unit that somebody changed while it ran (cluster::Unit::reason_code).
inline constexpr std::string_view kChanged = "changed";

// How long until the next try after so many failures.
UnixMillis unit_backoff(std::int64_t failures);

// The row as the engine's report makes it. `attempted`: it was just tried to make or start it, so a failure is another
// one.
void take_unit(store::UnitRow& row, const cluster::Unit& unit, UnixMillis now, bool attempted);

template <typename Row>
bool same_row(const Row& a, const Row& b) {
  Row left = a, right = b;
  return members_of(left) == members_of(right);
}

// Whether the engine should be given the deployment now: something is missing, surplus or outdated, and what keeps
// failing has waited long enough.
struct Sought {
  std::int64_t revision = 0;
  std::int64_t restart = 0;
  std::int64_t replicas = 0;
};
bool due_to_apply(const Sought& sought, const std::vector<cluster::Unit>& units,
                  const std::vector<store::UnitRow>& rows, UnixMillis now);

// Whether `unit` is of what is sought, and as it was rendered.
bool is_current(const Sought& sought, const cluster::Unit& unit);

}  // namespace mifeng::deployments

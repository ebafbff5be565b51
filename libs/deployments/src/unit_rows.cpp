#include "unit_rows.h"

#include <algorithm>

#include "mifeng/base/phrase.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/trust/text.h"

namespace mifeng::deployments {
namespace {

constexpr UnixMillis kBackoffMax = 5 * 60 * 1000;
constexpr UnixMillis kSettled = 10 * 60 * 1000;  // running that long, earlier failures count no more

using cluster::UnitState;

std::string sentence(const cluster::Unit& unit) {
  return unit.reason.empty() ? phrase("it is {}", cluster::to_string(unit.state))
                             : trust::clean_text(unit.reason, 1000);
}

void take_reason(store::UnitRow& row, const cluster::Unit& unit) {
  row.reason = trust::clean_text(unit.reason, 1000);
  row.reason_code = trust::clean_text(unit.reason_code, 64);
  row.remedy = trust::clean_text(unit.remedy, 1000);
}

}  // namespace

UnixMillis unit_backoff(std::int64_t failures) {
  return std::min<UnixMillis>(kBackoffMax, 1000LL << std::min<std::int64_t>(failures, 9));
}

void take_unit(store::UnitRow& row, const cluster::Unit& unit, UnixMillis now, bool attempted) {
  row.revision_id = unit.revision;
  row.restart = unit.restart;
  row.slot = slot_of(unit);
  row.node = trust::clean_text(unit.node, 253);
  const bool another_run = row.engine_id != unit.engine_id ||
                           (unit.started_at_ms && row.started_ms != 0 && *unit.started_at_ms != row.started_ms);
  if (another_run || (unit.state != UnitState::kRunning && unit.state != UnitState::kStopping)) row.ready_ms = 0;
  switch (unit.state) {
    case UnitState::kRunning:
      row.state = unit.ready ? store::UnitState::kReady : store::UnitState::kStarting;
      take_reason(row, unit.ready ? cluster::Unit() : unit);
      row.next_try_ms = 0;
      if (unit.ready && row.ready_ms == 0) row.ready_ms = std::max<UnixMillis>(now, 1);
      if (unit.ready && unit.started_at_ms && *unit.started_at_ms + kSettled <= now) row.failures = 0;
      break;
    case UnitState::kPending:
      // An engine may forget why a start failed; until the next try we do not.
      if (row.state == store::UnitState::kFailed && row.next_try_ms > now) break;
      row.state = store::UnitState::kWaiting;
      take_reason(row, unit);
      break;
    case UnitState::kStopping:
      row.state = store::UnitState::kStopping;
      take_reason(row, unit);
      break;
    case UnitState::kExited:
    case UnitState::kFailed:
      if (row.state != store::UnitState::kFailed || row.next_try_ms == 0 || (attempted && row.next_try_ms <= now)) {
        ++row.failures;
        row.next_try_ms = now + unit_backoff(row.failures);
      } else if (row.next_try_ms > now) {
        break;  // why the last try came to nothing; the engine only knows how the run before it ended
      }
      row.state = store::UnitState::kFailed;
      take_reason(row, unit);
      row.reason = sentence(unit);
      break;
  }
  if (unit.started_at_ms) row.started_ms = *unit.started_at_ms;
  row.engine_id = unit.engine_id;
}

bool is_current(const Sought& sought, const cluster::Unit& unit) {
  return unit.revision == sought.revision && unit.restart == sought.restart && unit.reason_code != "drifted" &&
         unit.reason_code != kChanged;
}

bool due_to_apply(const Sought& sought, const std::vector<cluster::Unit>& units,
                  const std::vector<store::UnitRow>& rows, UnixMillis now) {
  const auto waits = [&](const store::UnitRow& row) {
    return row.state == store::UnitState::kFailed && row.next_try_ms > now;
  };
  const auto row_of = [&](const std::string& name) {
    return std::find_if(rows.begin(), rows.end(), [&](const store::UnitRow& row) { return row.name == name; });
  };
  std::int64_t live = 0;
  bool outdated = false, coming = false, unmade = false;
  for (const cluster::Unit& unit : units) {
    if (unit.state == UnitState::kStopping) continue;
    if (unit.reason_code == kChanged) return true;  // whatever else is on its way
    ++live;
    if (!is_current(sought, unit)) {
      outdated = true;
      continue;
    }
    const auto row = row_of(unit.name);
    const bool must_wait = row != rows.end() && waits(*row);
    if ((unit.state == UnitState::kPending || unit.state == UnitState::kFailed) && !must_wait) unmade = true;
    coming = coming || !unit.ready;
  }
  if (unmade) return true;
  // Those that could not even be made are in no listing.
  const auto absent = std::count_if(rows.begin(), rows.end(), [&](const store::UnitRow& row) {
    return row.revision_id == sought.revision && waits(row) &&
           std::none_of(units.begin(), units.end(), [&](const cluster::Unit& unit) { return unit.name == row.name; });
  });
  if (live + absent < sought.replicas) return true;
  // While a new unit is on its way nothing else is replaced; what is surplus beyond that goes at once.
  if (outdated) return !coming && absent == 0;
  return live > sought.replicas;
}

}  // namespace mifeng::deployments

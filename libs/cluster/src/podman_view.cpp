#include "podman_view.h"

#include <algorithm>

#include "mifeng/base/phrase.h"

namespace mifeng::cluster {
namespace {

constexpr std::size_t kEventsMax = 100;
constexpr std::size_t kEventLogsMax = 2000;  // deployments that are remembered

bool same_workload(const Workload& a, const Workload& b) {
  return a.deployment == b.deployment && a.revision == b.revision && a.restart == b.restart && a.pod == b.pod &&
         a.replicas == b.replicas && a.node_ports == b.node_ports;
}

// Whether a watcher has to be told: the time in "has run for 3 s" is no news.
bool same_news(const std::optional<Unit>& a, const std::optional<Unit>& b) {
  if (!a || !b) return !a && !b;
  return a->engine_id == b->engine_id && a->state == b->state && a->ready == b->ready &&
         a->reason_code == b->reason_code && a->started_at_ms == b->started_at_ms && a->exit_code == b->exit_code;
}

bool is_of(const std::string& deployment, const Unit& unit) {
  return deployment.empty() || unit.deployment == deployment;
}

void stop(Unit& unit) {
  unit.state = UnitState::kStopping;
  unit.ready = false;
  unit.reason = phrase("is being stopped");
  unit.reason_code = "not-ready";
}

}  // namespace

std::shared_ptr<const Workload> PodmanView::want(const Workload& workload) {
  const std::lock_guard guard(mutex_);
  std::shared_ptr<const Workload>& wanted = wanted_[workload.deployment];
  if (!wanted || !same_workload(*wanted, workload)) wanted = std::make_shared<const Workload>(workload);
  return wanted;
}

std::shared_ptr<const Workload> PodmanView::wanted(const std::string& deployment) const {
  const std::lock_guard guard(mutex_);
  const auto found = wanted_.find(deployment);
  return found == wanted_.end() ? nullptr : found->second;
}

void PodmanView::forget(const std::string& deployment) {
  const std::lock_guard guard(mutex_);
  const auto is_meant = [&](const auto& entry) { return deployment.empty() || entry.first == deployment; };
  std::erase_if(wanted_, is_meant);
  std::erase_if(events_, is_meant);
  std::erase_if(failures_, [&](const auto& entry) { return is_of(deployment, entry.second.unit); });
}

bool PodmanView::store(Seen seen) {
  const std::lock_guard guard(mutex_);
  const std::string name = seen.unit.name;
  const auto before = present(name);
  if (const auto found = seen_.find(name); found != seen_.end() && found->second.fingerprint == seen.fingerprint) {
    seen.unit.ready = found->second.unit.ready;
    seen.unit.reason = found->second.unit.reason;
    seen.unit.reason_code = found->second.unit.reason_code;
    seen.unit.remedy = found->second.unit.remedy;
    seen.told = found->second.told;
    seen.told_at_ms = found->second.told_at_ms;
  }
  seen_[name] = std::move(seen);
  return !same_news(before, present(name));
}

bool PodmanView::erase(const std::string& name) {
  const std::lock_guard guard(mutex_);
  return seen_.erase(name) != 0;
}

bool PodmanView::store_health(const std::string& name, const std::string& fingerprint, const Health& health) {
  const std::lock_guard guard(mutex_);
  const auto found = seen_.find(name);
  if (found == seen_.end() || found->second.fingerprint != fingerprint) return false;  // of a run that is over
  const auto before = present(name);
  found->second.unit.ready = health.ready;
  found->second.unit.take(health.reason);
  found->second.told = health.told;
  found->second.told_at_ms = health.told_at_ms;
  return !same_news(before, present(name));
}

std::optional<Seen> PodmanView::find(const std::string& name) const {
  const std::lock_guard guard(mutex_);
  const auto found = seen_.find(name);
  return found == seen_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> PodmanView::running(const std::string& deployment) const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, seen] : seen_) {
    if (seen.unit.state == UnitState::kRunning && is_of(deployment, seen.unit) && !endings_.contains(name))
      names.push_back(name);
  }
  return names;
}

std::vector<std::string> PodmanView::differing(const std::vector<Listed>& listed, const std::string& deployment) const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> names;
  std::set<std::string> there;
  for (const Listed& one : listed) {
    there.insert(one.name);
    const auto found = seen_.find(one.name);
    bool differs = found == seen_.end() || found->second.fingerprint != one.fingerprint;
    if (const auto wanted = wanted_.find(one.deployment); !differs && wanted != wanted_.end()) {
      const bool is_comparable = wanted->second->revision == found->second.unit.revision;
      differs = is_comparable && found->second.compared != wanted->second;
    }
    if (differs) names.push_back(one.name);
  }
  for (const auto& [name, seen] : seen_) {
    if (is_of(deployment, seen.unit) && !there.contains(name)) names.push_back(name);
  }
  return names;
}

Unit PodmanView::present(const Seen& seen) const {
  Unit unit = seen.unit;
  if (endings_.contains(unit.name) || unit.state == UnitState::kStopping) {
    stop(unit);
    return unit;
  }
  if (unit.state == UnitState::kPending) {
    const auto failure = failures_.find(unit.name);
    if (failure != failures_.end()) {
      unit.state = UnitState::kFailed;
      unit.reason = failure->second.unit.reason;
      unit.reason_code = failure->second.unit.reason_code;
    } else {
      unit.reason = phrase("is made and not started yet");
      unit.reason_code = "not-ready";
    }
  } else if (unit.state == UnitState::kRunning) {
    if (seen.is_paused) {
      unit.ready = false;
      unit.reason = phrase("somebody has paused it");
      unit.reason_code = "not-ready";
    } else if (seen.address.empty()) {
      unit.ready = false;
      unit.reason = phrase("has no address in the container network");
      unit.reason_code = "not-ready";
    } else if (!unit.ready && unit.reason_code.empty()) {
      unit.reason_code = "not-answering";  // nobody has asked it yet
      unit.reason = phrase("has run for {} and does not answer on its health port {}", "0 s", seen.health_port);
    }
  }
  // It would never be granted anything. What has ended is not started again as it was; why it ended stays.
  const bool is_compared = seen.drift && seen.compared && seen.compared->revision == unit.revision;
  if (is_compared && (unit.state == UnitState::kRunning || unit.state == UnitState::kExited)) {
    unit.reason_code = "drifted";
    if (unit.state == UnitState::kRunning) {
      unit.ready = false;
      unit.reason = phrase("is not what was rendered ({}) and is made anew", *seen.drift);
    }
  }
  return unit;
}

std::optional<Unit> PodmanView::present(const std::string& name) const {
  const auto found = seen_.find(name);
  return found == seen_.end() ? std::nullopt : std::optional(present(found->second));
}

std::vector<Known> PodmanView::known(const std::string& deployment) const {
  const std::lock_guard guard(mutex_);
  std::vector<Known> all;
  for (const auto& [name, seen] : seen_) {
    if (is_of(deployment, seen.unit)) all.push_back({present(seen), seen.slot, true, seen.compared, seen.drift});
  }
  // Gone, and its slot not free yet; or never made.
  for (const auto& [name, ending] : endings_) {
    if (is_of(deployment, ending.known.unit) && !seen_.contains(name)) all.push_back(ending.known);
  }
  for (const auto& [name, failure] : failures_) {
    if (is_of(deployment, failure.unit) && !seen_.contains(name) && !endings_.contains(name))
      all.push_back({failure.unit, failure.slot, false, nullptr, std::nullopt});
  }
  std::sort(all.begin(), all.end(), [](const Known& a, const Known& b) {
    if (a.unit.deployment != b.unit.deployment) return a.unit.deployment < b.unit.deployment;
    return a.slot != b.slot ? a.slot < b.slot : a.unit.name < b.unit.name;
  });
  return all;
}

std::vector<Unit> PodmanView::units(const std::string& deployment) const {
  std::vector<Unit> units;
  for (Known& one : known(deployment)) units.push_back(std::move(one.unit));
  return units;
}

Claimed PodmanView::claimed() const {
  const std::lock_guard guard(mutex_);
  Claimed sum;
  for (const auto& [name, seen] : seen_) {
    sum.cpu_millis += seen.claimed.cpu_millis;
    sum.memory_bytes += seen.claimed.memory_bytes;
  }
  return sum;
}

void PodmanView::note_failure(const Unit& unit, int slot) {
  const std::lock_guard guard(mutex_);
  failures_[unit.name] = {unit, slot};
}

void PodmanView::forget_failure(const std::string& name) {
  const std::lock_guard guard(mutex_);
  failures_.erase(name);
}

void PodmanView::forget_unmade(const std::string& deployment) {
  const std::lock_guard guard(mutex_);
  std::erase_if(failures_, [&](const auto& entry) {
    return entry.second.unit.deployment == deployment && !seen_.contains(entry.first);
  });
}

bool PodmanView::begin_ending(const Known& known) {
  const std::lock_guard guard(mutex_);
  const auto [ending, is_new] = endings_.try_emplace(known.unit.name, Ending{known, std::nullopt});
  if (is_new) stop(ending->second.known.unit);
  failures_.erase(known.unit.name);
  return is_new;
}

bool PodmanView::is_ending(const std::string& name) const {
  const std::lock_guard guard(mutex_);
  return endings_.contains(name);
}

void PodmanView::end_ending(const std::string& name) {
  const std::lock_guard guard(mutex_);
  endings_.erase(name);
}

void PodmanView::note_trouble(const std::string& name, const Error& trouble) {
  const std::lock_guard guard(mutex_);
  if (const auto found = endings_.find(name); found != endings_.end()) found->second.trouble = trouble;
}

void PodmanView::forget_trouble(const std::string& deployment) {
  const std::lock_guard guard(mutex_);
  for (auto& [name, ending] : endings_) {
    if (is_of(deployment, ending.known.unit)) ending.trouble.reset();
  }
}

PodmanView::Endings PodmanView::endings(const std::string& deployment) const {
  const std::lock_guard guard(mutex_);
  Endings endings;
  for (const auto& [name, ending] : endings_) {
    if (!is_of(deployment, ending.known.unit)) continue;
    ++endings.count;
    if (ending.trouble) endings.trouble = ending.trouble;
  }
  return endings;
}

void PodmanView::add_event(const std::string& deployment, Event event) {
  const std::lock_guard guard(mutex_);
  if (events_.size() >= kEventLogsMax && !events_.contains(deployment)) {
    const auto oldest = std::min_element(events_.begin(), events_.end(), [](const auto& a, const auto& b) {
      return a.second.back().time_ms < b.second.back().time_ms;
    });
    events_.erase(oldest);
  }
  std::deque<Event>& log = events_[deployment];
  // The news overlap where they were broken off.
  const bool is_known = std::any_of(log.begin(), log.end(), [&](const Event& one) {
    return one.time_ms == event.time_ms && one.unit == event.unit && one.action == event.action;
  });
  if (is_known) return;
  log.push_back(std::move(event));
  if (log.size() > kEventsMax) log.pop_front();
}

std::vector<Event> PodmanView::events(const std::string& deployment) const {
  const std::lock_guard guard(mutex_);
  std::vector<Event> events;
  for (const auto& [id, log] : events_) {
    if (!deployment.empty() && id != deployment) continue;
    for (const Event& one : log) {
      events.push_back(one);
      events.back().deployment = id;
    }
  }
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.time_ms < b.time_ms; });
  return events;
}

}  // namespace mifeng::cluster

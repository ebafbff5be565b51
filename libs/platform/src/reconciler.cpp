#include "mifeng/platform/reconciler.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>

#include "audit_log.h"
#include "batches.h"
#include "core.h"
#include "deployment_round.h"
#include "image_prune.h"
#include "keyed_workers.h"
#include "mifeng/base/phrase.h"

namespace mifeng::platform {
namespace {

using Steady = std::chrono::steady_clock;
using cluster::InstanceStatus;

constexpr auto kPause = std::chrono::seconds(1);        // from one look at everything to the next
constexpr auto kImagesAgain = std::chrono::minutes(1);  // after a look for unused images that came to nothing
constexpr char kSweepKey[] = "/sweep";                  // no deployment has such a name
constexpr char kImagesKey[] = "/images";

// What a person changes of a deployment: then it is looked at again at once.
using Wish = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
Wish wish_of(const store::DeploymentRow& row) { return {row.deleting, row.replicas, row.restart_wanted}; }

// What the jobs of one look at everything have in common.
struct Look {
  std::atomic<bool> engine_away = false;  // so it is for all: nobody else has to find out
  std::mutex mutex;
  std::condition_variable ended;
  int open = 0;
  Reconciler::Round round;
  std::optional<Error> first;

  void begin() {
    const std::lock_guard guard(mutex);
    ++open;
  }
  void end(const Result<int>& changed) {
    if (!changed && changed.error().code() == ErrorCode::kUnavailable) engine_away = true;
    const std::lock_guard guard(mutex);
    if (changed) {
      round.changed += *changed;
    } else if (!first || (engine_away && first->code() != ErrorCode::kUnavailable)) {
      first = changed.error();
    }
    --open;
    ended.notify_all();
  }
  void wait() {
    std::unique_lock guard(mutex);
    ended.wait(guard, [&] { return open == 0; });
  }
};

// What a library throws is an error of this piece of work, and no end of the daemon that serves all others.
Result<int> contained(const std::function<Result<int>()>& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInternal, "unexpected",
                 phrase("This failed in a way that was not foreseen ({}); it is tried again.", error.what()));
  }
}

// A job that counts in `look`, whatever becomes of it.
void submit(KeyedWorkers& workers, const std::shared_ptr<Look>& look, const std::string& key, JobKind kind,
            std::function<Result<int>()> work) {
  struct Ticket {
    std::shared_ptr<Look> look;
    Result<int> result = 0;  // also of a job that is dropped while it waits
    ~Ticket() { look->end(result); }
  };
  look->begin();
  auto ticket = std::make_shared<Ticket>();
  ticket->look = look;
  workers.submit(key, kind, [ticket = std::move(ticket), work = std::move(work)] { ticket->result = contained(work); });
}

JobKind kind_of(const store::DeploymentRow& row, bool news) {
  if (row.deleting != 0) return JobKind::kPatient;
  return news ? JobKind::kUrgent : JobKind::kPrompt;
}

// One deployment's trouble is not the others': it stands in its row.
Result<int> look_at(Core& core, Look& look, const store::DeploymentRow& row) {
  if (look.engine_away) return 0;
  auto changed = contained([&] { return run_deployment_round(core, row); });
  if (changed || changed.error().code() == ErrorCode::kUnavailable) return changed;
  MIFENG_CHECK(core.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto fresh, store::find<store::DeploymentRow>(tx, row.id));
    if (!fresh || fresh->reason == changed.error().message()) return ok();
    fresh->reason = changed.error().message();
    if (fresh->deleting == 0) fresh->state = "failed";
    MIFENG_CHECK(store::update(tx, *fresh));
    return ok();
  }));
  return changed;
}

Result<std::set<std::string>> wanted_ids(Core& core) {
  MIFENG_TRY(const auto rows,
             core.db->read([](store::Transaction& tx) { return store::all<store::DeploymentRow>(tx); }));
  std::set<std::string> ids;
  for (const auto& row : rows) ids.insert(row.id);
  return ids;
}

// What carries our label and nobody wants any more: a deployment whose row went while its containers did not.
Result<std::set<std::string>> find_orphans(Core& core) {
  // Asked before and after: one that is removed or made at this moment is no orphan.
  MIFENG_TRY(const auto before, wanted_ids(core));
  MIFENG_TRY(const auto there,
             core.engine.call<std::vector<InstanceStatus>>([](cluster::Engine& engine) { return engine.list(); }));
  MIFENG_TRY(const auto after, wanted_ids(core));
  std::set<std::string> orphans;
  for (const auto& status : there)
    if (!before.contains(status.deployment) && !after.contains(status.deployment)) orphans.insert(status.deployment);
  return orphans;
}

Result<int> remove_orphan(Core& core, const std::string& id) {
  MIFENG_CHECK(core.engine.call<void>([&](cluster::Engine& engine) { return engine.remove(id); }));
  MIFENG_CHECK(core.db->write([&](store::Transaction& tx) {
    return core.audit->append(tx, AuditEvent{.actor = "system",
                                             .action = "deployment.gone",
                                             .subject = id,
                                             .detail = "its containers were there and nobody wanted them"});
  }));
  return 1;
}

}  // namespace

struct Reconciler::State {
  explicit State(int parallel) : workers(parallel) {}

  KeyedWorkers workers;
  std::mutex mutex;
  std::condition_variable woken;
  std::uint64_t wakes = 0;
  bool stopping = false;
  std::thread thread;
  std::shared_ptr<void> subscription;  // an opaque handle of the notifier

  // Of the thread alone.
  std::map<std::string, Wish> looked;  // at which wish of each deployment
  Steady::time_point last_look{};
  Steady::time_point images_due = Steady::now();
  std::atomic<bool> images_pruned = false;  // by the job, since the thread looked
};

Reconciler::Reconciler(Core& core) : core_(core), state_(new State(core.options.parallel_deployments)) {}
Reconciler::~Reconciler() { stop(); }

Result<Reconciler::Round> Reconciler::run_once() {
  MIFENG_CHECK(resume_batches(core_));
  if (core_.engine.get() == nullptr) return Round{};
  MIFENG_TRY(const auto deployments,
             core_.db->read([](store::Transaction& tx) { return store::all<store::DeploymentRow>(tx); }));
  KeyedWorkers& workers = state_->workers;
  const auto look = std::make_shared<Look>();
  for (const auto& row : deployments) {
    ++look->round.looked_at;
    submit(workers, look, row.id, kind_of(row, false), [this, row, look] { return look_at(core_, *look, row); });
  }
  look->wait();
  if (look->engine_away) return *look->first;
  MIFENG_TRY(const auto orphans, find_orphans(core_));
  for (const auto& id : orphans)
    submit(workers, look, id, JobKind::kPatient, [this, id] { return remove_orphan(core_, id); });
  look->wait();
  if (look->first) return *look->first;
  return look->round;
}

// Submits what is due and waits for none of it.
Result<void> Reconciler::look_around() {
  MIFENG_CHECK(resume_batches(core_));
  MIFENG_TRY(const auto deployments,
             core_.db->read([](store::Transaction& tx) { return store::all<store::DeploymentRow>(tx); }));
  State& state = *state_;
  // Everything again after a pause, and only when nothing of the last time waits: a slow engine is not asked ever more.
  const bool all = state.workers.none_waits() && Steady::now() - state.last_look >= kPause;
  if (all) state.last_look = Steady::now();
  const auto look = std::make_shared<Look>();
  std::map<std::string, Wish> looked;
  for (const auto& row : deployments) {
    const auto before = state.looked.find(row.id);
    const bool news = before == state.looked.end() || before->second != wish_of(row);
    if ((!all && !news) || state.workers.busy(row.id)) {
      if (before != state.looked.end()) looked.insert(*before);
      continue;
    }
    looked.emplace(row.id, wish_of(row));
    submit(state.workers, look, row.id, kind_of(row, news), [this, row, look] {
      auto changed = look_at(core_, *look, row);
      if (changed && *changed != 0) wake();
      return changed;
    });
  }
  state.looked = std::move(looked);
  if (all && !state.workers.busy(kSweepKey))
    submit(state.workers, look, kSweepKey, JobKind::kPrompt, [this, look]() -> Result<int> {
      if (look->engine_away) return 0;
      MIFENG_TRY(const auto orphans, find_orphans(core_));
      for (const auto& id : orphans)
        if (!state_->workers.busy(id))
          submit(state_->workers, look, id, JobKind::kPatient, [this, id] { return remove_orphan(core_, id); });
      return 0;
    });
  return ok();
}

// Deletes unused images now and then, on a thread that nobody waits for.
void Reconciler::look_at_images() {
  State& state = *state_;
  if (state.images_pruned.exchange(false))
    state.images_due = Steady::now() + std::chrono::milliseconds(core_.options.image_pruning_ms);
  if ((Steady::now() < state.images_due && !core_.images_unused) || state.workers.busy(kImagesKey)) return;
  core_.images_unused = false;
  // Should this one fail, the next is not in an hour; where it does not, the next time is put off when it has ended.
  state.images_due = Steady::now() + kImagesAgain;
  state.workers.submit(kImagesKey, JobKind::kPatient, [this] {
    if (contained([this] { return prune_images(core_); })) state_->images_pruned = true;
  });
}

void Reconciler::start() {
  // Before our own lock is taken: a notification holds the notifier's while wake() takes ours.
  auto subscription = core_.deployments_changed.subscribe([this] { wake(); });
  std::lock_guard lock(state_->mutex);
  if (state_->thread.joinable()) return;
  state_->stopping = false;
  state_->subscription = std::move(subscription);
  state_->thread = std::thread([this] {
    std::unique_lock guard(state_->mutex);
    while (!state_->stopping) {
      const std::uint64_t seen = state_->wakes;
      guard.unlock();
      // Errors stand in the deployments' rows; an engine that is away is asked again in a second.
      if (core_.engine.get() != nullptr) {
        (void)look_around();
        look_at_images();
      }
      guard.lock();
      state_->woken.wait_for(guard, kPause, [&] { return state_->stopping || state_->wakes != seen; });
    }
  });
}

void Reconciler::stop() {
  std::thread thread;
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    thread.swap(state_->thread);
  }
  state_->woken.notify_all();
  if (thread.joinable()) thread.join();
  state_->subscription.reset();
  state_->workers.drain();
}

void Reconciler::wake() {
  {
    std::lock_guard lock(state_->mutex);
    ++state_->wakes;
  }
  state_->woken.notify_all();
}

}  // namespace mifeng::platform

#include "mifeng/deployments/reconciler.h"

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

#include "batch_items.h"
#include "cluster_round.h"
#include "deployment_round.h"
#include "image_prune.h"
#include "keyed_workers.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/engine.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/trust/audit_log.h"

namespace mifeng::deployments {
namespace {

using Steady = std::chrono::steady_clock;

constexpr auto kEndingCalls = std::chrono::seconds(3);    // that a call of an engine is given when all stops
constexpr auto kFirstRetry = std::chrono::seconds(1);     // after trouble; doubles up to a whole resync
constexpr auto kImagesAgain = std::chrono::minutes(1);    // after a look for unused images that came to nothing
constexpr auto kRestMax = std::chrono::milliseconds(50);  // between two looks at once
constexpr std::int64_t kItemsAtOnce = 50;                 // of a cluster without an engine
constexpr char kClusterKey[] = "/cluster";                // no deployment has such a name
constexpr char kImagesKey[] = "/images";

// What a person changes of a deployment: then it is looked at again at once.
using Wish = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
Wish wish_of(const store::DeploymentRow& row) {
  return {row.deleting, row.replicas, row.restart_wanted, row.revision_id};
}

// What a library throws is an error of this piece of work, and no end of the daemon that serves all others.
Result<int> contained(const std::function<Result<int>()>& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInternal, "unexpected",
                 phrase("This failed in a way that was not foreseen ({}); it is tried again.", error.what()));
  }
}

JobKind kind_of(const store::DeploymentRow& row, bool news) {
  if (row.deleting != 0) return JobKind::kPatient;
  return news ? JobKind::kUrgent : JobKind::kPrompt;
}

// One deployment's trouble is not the others': it stands in its row.
Result<void> note_trouble(const Context& context, const std::string& id, const Error& error) {
  return context.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto fresh, store::find<store::DeploymentRow>(tx, id));
    if (!fresh || fresh->reason == error.message()) return ok();
    fresh->reason = error.message();
    fresh->reason_code = error.reason();
    fresh->remedy.clear();
    if (fresh->deleting == 0) fresh->state = store::DeploymentState::kFailed;
    MIFENG_CHECK(store::update(tx, *fresh));
    return settle_items(context, tx, *fresh);
  });
}

// What was asked for last has not come to its cluster. Its units go on as they are, so its state stays what it is.
Result<void> note_delay(const Context& context, const std::string& id, const Error& error) {
  const std::string reason =
      phrase("what was asked for has not reached the cluster yet and is tried again: {}", error.message());
  return context.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto fresh, store::find<store::DeploymentRow>(tx, id));
    if (!fresh || fresh->reason == reason) return ok();
    fresh->reason = reason;
    fresh->reason_code = error.reason();
    fresh->remedy.clear();
    MIFENG_CHECK(store::update(tx, *fresh));
    return ok();
  });
}

}  // namespace

// What the jobs of one look have in common.
struct Reconciler::Look {
  std::mutex mutex;
  std::condition_variable ended;
  int open = 0;
  Reconciler::Round round;
  std::set<std::string> away;  // clusters: nobody else has to find out
  std::optional<Error> first;

  void begin() {
    const std::lock_guard guard(mutex);
    ++open;
  }
  void end(const std::string& cluster, const Result<int>& changed) {
    const std::lock_guard guard(mutex);
    const bool unavailable = !changed && changed.error().code() == ErrorCode::kUnavailable;
    if (unavailable) away.insert(cluster);
    if (changed) {
      round.changed += *changed;
    } else if (!first || (unavailable && first->code() != ErrorCode::kUnavailable)) {
      first = changed.error();
    }
    --open;
    ended.notify_all();
  }
  bool is_away(const std::string& cluster) {
    const std::lock_guard guard(mutex);
    return away.contains(cluster);
  }
  void wait() {
    std::unique_lock guard(mutex);
    ended.wait(guard, [&] { return open == 0; });
  }
};

struct Reconciler::State {
  // Of one cluster: its engine's slowness takes no other cluster's threads.
  struct PerCluster {
    PerCluster(std::shared_ptr<cluster::Engine> of, int parallel, std::function<void()> ended)
        : engine(std::move(of)), workers(parallel, std::move(ended)) {}
    const std::shared_ptr<cluster::Engine> engine;  // shared with calls that run
    // Items of batches that were submitted, by batch and number; under State::mutex.
    std::set<std::pair<std::string, std::int64_t>> items;
    std::optional<Steady::time_point> items_due;  // when those of a cluster that is away are tried again; the same
    std::chrono::milliseconds items_retry = kFirstRetry;
    KeyedWorkers workers;
    std::shared_ptr<void> watch;  // an opaque handle of the engine
  };
  // What is remembered of a deployment between two looks.
  struct Known {
    Wish looked{};                // submitted with
    std::optional<Wish> applied;  // given to the engine with, by this process
    std::optional<Steady::time_point> due;
    std::chrono::milliseconds retry = kFirstRetry;
  };

  explicit State(int parallel) : image_worker(parallel) {}

  std::mutex mutex;  // of all below down to the thread
  std::condition_variable woken;
  std::uint64_t wakes = 0;
  bool stopping = false;
  std::set<std::string> dirty;           // deployments of which an engine told something
  std::set<std::string> dirty_clusters;  // or of all in it
  std::map<std::string, Known> known;    // by deployment
  bool passed_over = false;              // one was due and busy
  Steady::time_point waits_until{};      // the thread, if nobody wakes it
  std::thread thread;
  std::vector<std::shared_ptr<void>> subscriptions;  // opaque handles

  // Of the thread alone.
  Steady::time_point resync_due{};
  Steady::time_point images_due = Steady::now();
  std::atomic<bool> images_pruned = false;  // by the job, since the thread looked

  // Last: their threads use what stands above. Under the mutex as well.
  using Clusters = std::map<std::string, std::shared_ptr<PerCluster>>;  // shared with a look that goes on
  Clusters clusters;                                                    // those with an engine
  std::vector<std::shared_ptr<PerCluster>> retired;                     // removed ones whose last job has not ended
  KeyedWorkers image_worker;

  Clusters all() {
    const std::lock_guard guard(mutex);
    return clusters;
  }
};

Reconciler::Reconciler(const Context& context) : context_(context), state_(new State(2)) {}
Reconciler::~Reconciler() { stop(); }

// Clusters come and go. What is let go of here ends without our lock: its threads take that.
bool Reconciler::know_clusters() {
  State& state = *state_;
  const State::Clusters there = state.all();
  State::Clusters wanted;
  for (const std::string& id : context_.clusters.ids()) {
    auto engine = context_.clusters.find(id);
    if (!engine) continue;
    const auto before = there.find(id);
    wanted[id] = before != there.end() && before->second->engine == engine
                     ? before->second
                     : std::make_shared<State::PerCluster>(std::move(engine), context_.options.parallel,
                                                           [this] { wake_if_somebody_waits(); });
  }
  std::vector<std::shared_ptr<State::PerCluster>> retired, ended;
  bool news = false;
  {
    const std::lock_guard guard(state.mutex);
    for (const auto& [id, cluster] : state.clusters) {
      const auto now = wanted.find(id);
      if (now == wanted.end() || now->second != cluster) retired.push_back(cluster);
    }
    for (const auto& [id, cluster] : wanted) {
      const auto before = state.clusters.find(id);
      news = news || before == state.clusters.end() || before->second != cluster;
    }
    state.clusters = std::move(wanted);
    for (auto one = state.retired.begin(); one != state.retired.end();) {
      if (!(*one)->workers.idle()) {
        ++one;
        continue;
      }
      ended.push_back(std::move(*one));
      one = state.retired.erase(one);
    }
  }
  for (const auto& cluster : retired) cluster->watch.reset();
  const std::lock_guard guard(state.mutex);
  state.retired.insert(state.retired.end(), retired.begin(), retired.end());
  return news;
}

// A job that counts in `look`, whatever becomes of it.
template <typename LookPtr, typename Work>
void submit(KeyedWorkers& workers, const LookPtr& look, const std::string& cluster, const std::string& key,
            JobKind kind, Work work) {
  struct Ticket {
    LookPtr look;
    std::string cluster;
    Result<int> result = 0;  // also of a job that is dropped while it waits
    ~Ticket() { look->end(cluster, result); }
  };
  look->begin();
  auto ticket = std::make_shared<Ticket>();
  ticket->look = look;
  ticket->cluster = cluster;
  workers.submit(key, kind, [ticket = std::move(ticket), work = std::move(work)] { ticket->result = contained(work); });
}

Result<int> Reconciler::look_at(const store::DeploymentRow& row) {
  State& state = *state_;
  const Wish wish = wish_of(row);
  Urge urge = Urge::kApply;
  {
    const std::lock_guard guard(state.mutex);
    if (state.known[row.id].applied == wish) urge = Urge::kLook;
  }
  std::optional<RoundResult> done;
  auto changed = contained([&]() -> Result<int> {
    MIFENG_TRY(done, run_deployment_round(context_, row, urge));
    return done->changed;
  });
  bool tried_before = false;
  {
    const std::lock_guard guard(state.mutex);
    State::Known& known = state.known[row.id];
    known.due.reset();
    tried_before = known.retry > kFirstRetry;
    if (changed) {
      known.applied = wish;
      known.retry = kFirstRetry;
      if (done->look_again_ms) {
        const auto wait = std::max<UnixMillis>(0, *done->look_again_ms - context_.clock.now_ms());
        known.due = Steady::now() + std::chrono::milliseconds(wait);
      }
    } else {
      known.due = Steady::now() + known.retry;
      known.retry =
          std::min<std::chrono::milliseconds>(known.retry * 2, std::chrono::milliseconds(context_.options.resync_ms));
    }
    const bool sooner = known.due && *known.due < state.waits_until;
    if (row.deleting != 0 && changed) state.known.erase(row.id);
    if (sooner) ++state.wakes;
  }
  state.woken.notify_all();
  if (changed) return changed;
  if (changed.error().code() != ErrorCode::kUnavailable) {
    MIFENG_CHECK(note_trouble(context_, row.id, changed.error()));
  } else if (urge == Urge::kApply && tried_before) {  // once is no news: an API server that restarts is back by then
    MIFENG_CHECK(note_delay(context_, row.id, changed.error()));
  }
  return changed;
}

Result<Reconciler::Round> Reconciler::run_once() {
  know_clusters();
  const auto look = std::make_shared<Look>();
  MIFENG_CHECK(take_up_items(look, TakeUp::kAll));
  look->wait();
  const State::Clusters clusters = state_->all();
  if (clusters.empty()) return Round{};
  MIFENG_TRY(const auto deployments,
             context_.db.read([](store::Transaction& tx) { return store::all<store::DeploymentRow>(tx); }));
  for (const auto& row : deployments) {
    const auto cluster = clusters.find(row.cluster_id);
    if (cluster == clusters.end()) continue;
    ++look->round.looked_at;
    submit(cluster->second->workers, look, row.cluster_id, row.id, kind_of(row, false),
           [this, row, look]() -> Result<int> {
             if (look->is_away(row.cluster_id)) return 0;
             return look_at(row);
           });
  }
  look->wait();
  for (const auto& [id, cluster] : clusters) {
    if (look->is_away(id)) continue;
    submit(cluster->workers, look, id, kClusterKey, JobKind::kPrompt, [this, id = id]() -> Result<int> {
      MIFENG_CHECK(probe_cluster(context_, id));
      int removed = 0;
      MIFENG_TRY(const auto orphans, find_orphans(context_, id));
      for (const auto& orphan : orphans) {
        MIFENG_TRY(const int one, remove_orphan(context_, id, orphan));
        removed += one;
      }
      return removed;
    });
  }
  look->wait();
  if (look->first) return *look->first;
  return look->round;
}

// Submits what waits in batches: some more than are worked on at a time, so that no thread waits for this one.
Result<void> Reconciler::take_up_items(const std::shared_ptr<Look>& look, TakeUp how_many) {
  using PerCluster = State::PerCluster;
  // The ports that others hold are asked for once for all items of a look: whoever takes one meanwhile is found out
  // when a unit does not get it.
  struct Asked {
    std::mutex mutex;
    std::optional<HeldPorts> held;
  };
  // That an item was submitted, until its job has come to it or was dropped.
  struct Claim {
    State& state;
    PerCluster& cluster;
    const store::BatchItemRow item;
    Claim(State& of, PerCluster& in, store::BatchItemRow row) : state(of), cluster(in), item(std::move(row)) {}
    void release() {
      const std::lock_guard guard(state.mutex);
      cluster.items.erase({item.batch_id, item.number});
    }
    ~Claim() { release(); }
  };
  State& state = *state_;
  MIFENG_TRY(const auto waited_for,
             context_.db.read([](store::Transaction& tx) { return store::clusters_with_waiting_items(tx); }));
  if (waited_for.empty()) return ok();
  const State::Clusters clusters = state.all();
  const auto most = static_cast<std::size_t>(context_.options.parallel) * 2;
  for (const std::string& id : waited_for) {
    const auto found = clusters.find(id);
    if (found == clusters.end()) {
      MIFENG_CHECK(do_items_without_engine(id));
      continue;
    }
    PerCluster& cluster = *found->second;  // no job outlives its workers
    std::size_t submitted = 0;
    {
      const std::lock_guard guard(state.mutex);
      if (cluster.items_due && *cluster.items_due > Steady::now() && how_many == TakeUp::kSome) continue;
      submitted = cluster.items.size();
    }
    if (submitted >= most) continue;
    // Those that were submitted wait still, as far as their rows say.
    const auto limit = static_cast<std::int64_t>(how_many == TakeUp::kAll ? INT32_MAX : most);
    MIFENG_TRY(const auto rows,
               context_.db.read([&](store::Transaction& tx) { return store::waiting_batch_items(tx, id, limit); }));
    const auto asked = std::make_shared<Asked>();
    for (const auto& row : rows) {
      {
        const std::lock_guard guard(state.mutex);
        if (!cluster.items.emplace(row.batch_id, row.number).second) continue;
      }
      const auto claim = std::make_shared<Claim>(state, cluster, row);
      const std::string deployment = deployment_id_for(context_, row);
      submit(cluster.workers, look, id, deployment, JobKind::kPrompt,
             [this, look, claim, asked, id, deployment, most]() -> Result<int> {
               State& at = *state_;
               PerCluster& in = claim->cluster;
               if (look->is_away(id)) return 0;
               auto done = do_item(context_, claim->item, deployment, [&]() -> Result<HeldPorts> {
                 const std::lock_guard guard(asked->mutex);
                 if (!asked->held) {
                   MIFENG_TRY(asked->held, held_ports(context_, id));
                 }
                 return *asked->held;
               });
               claim->release();
               bool few = false;
               {
                 const std::lock_guard guard(at.mutex);
                 few = in.items.size() * 2 <= most;
                 if (done) {
                   in.items_due.reset();
                   in.items_retry = kFirstRetry;
                 } else {
                   in.items_due = Steady::now() + in.items_retry;
                   in.items_retry = std::min<std::chrono::milliseconds>(
                       in.items_retry * 2, std::chrono::milliseconds(context_.options.resync_ms));
                 }
                 if (done && *done) at.known[(*done)->id].looked = wish_of(**done);
               }
               if (few) wake();
               if (!done) return done.error();
               return *done ? look_at(**done) : Result<int>(0);
             });
    }
  }
  return ok();
}

// Their rows are made all the same: units follow once there is an engine.
Result<void> Reconciler::do_items_without_engine(const std::string& cluster) {
  MIFENG_TRY(const auto rows, context_.db.read([&](store::Transaction& tx) {
    return store::waiting_batch_items(tx, cluster, kItemsAtOnce);
  }));
  if (rows.empty()) return ok();
  const auto held = held_ports(context_, cluster);
  for (const auto& row : rows) {
    const auto done = do_item(context_, row, deployment_id_for(context_, row), [&] { return held; });
    if (!done && done.error().code() == ErrorCode::kUnavailable) return ok();
    MIFENG_CHECK(done);
  }
  if (static_cast<std::int64_t>(rows.size()) == kItemsAtOnce) wake();
  return ok();
}

// Submits what is due and waits for none of it.
Result<void> Reconciler::look_around() {
  State& state = *state_;
  const auto look = std::make_shared<Look>();
  MIFENG_CHECK(take_up_items(look, TakeUp::kSome));
  MIFENG_TRY(const auto deployments,
             context_.db.read([](store::Transaction& tx) { return store::all<store::DeploymentRow>(tx); }));
  const bool all = Steady::now() >= state.resync_due;
  if (all) state.resync_due = Steady::now() + std::chrono::milliseconds(context_.options.resync_ms);
  const State::Clusters clusters = state.all();
  std::vector<std::pair<store::DeploymentRow, bool>> due;
  std::set<std::string> dirty_clusters;
  {
    const std::lock_guard guard(state.mutex);
    std::set<std::string> dirty;
    dirty.swap(state.dirty);
    dirty_clusters.swap(state.dirty_clusters);
    std::set<std::string> there;
    for (const auto& row : deployments) {
      there.insert(row.id);
      const auto cluster = clusters.find(row.cluster_id);
      if (cluster == clusters.end()) continue;
      State::Known& known = state.known[row.id];
      const bool news = known.looked != wish_of(row);
      const bool told = dirty.contains(row.id) || dirty_clusters.contains(row.cluster_id);
      if (!all && !news && !told && (!known.due || *known.due > Steady::now())) continue;
      if (cluster->second->workers.busy(row.id)) {
        // Come back to when that job has ended.
        state.passed_over = true;
        if (told) state.dirty.insert(row.id);
        continue;
      }
      known.looked = wish_of(row);
      known.due.reset();
      due.emplace_back(row, news);
    }
    std::erase_if(state.known, [&](const auto& one) { return !there.contains(one.first); });
  }
  for (const auto& [row, news] : due)
    submit(clusters.at(row.cluster_id)->workers, look, row.cluster_id, row.id, kind_of(row, news),
           [this, row = row, look]() -> Result<int> {
             if (!look->is_away(row.cluster_id)) return look_at(row);
             {
               const std::lock_guard guard(state_->mutex);
               state_->known[row.id].due = Steady::now() + kFirstRetry;
             }
             wake();  // which has a time to wait for now
             return 0;
           });
  // One that came back or went away is asked at once, so that people are told so.
  for (const auto& [id, cluster] : clusters) {
    const bool told = dirty_clusters.contains(id) && !context_.clusters.is_here(id);
    if ((!all && !told) || cluster->workers.busy(kClusterKey)) continue;
    // A job does not outlive its workers.
    KeyedWorkers& workers = cluster->workers;
    submit(workers, look, id, kClusterKey, JobKind::kPrompt, [this, look, &workers, id = id]() -> Result<int> {
      MIFENG_CHECK(probe_cluster(context_, id));
      MIFENG_TRY(const auto orphans, find_orphans(context_, id));
      for (const auto& orphan : orphans)
        if (!workers.busy(orphan))
          submit(workers, look, id, orphan, JobKind::kPatient,
                 [this, id, orphan] { return remove_orphan(context_, id, orphan); });
      return 0;
    });
  }
  return ok();
}

// Deletes unused images now and then, on a thread that nobody waits for.
void Reconciler::look_at_images() {
  State& state = *state_;
  if (state.images_pruned.exchange(false))
    state.images_due = Steady::now() + std::chrono::milliseconds(context_.options.image_pruning_ms);
  if ((Steady::now() < state.images_due && !context_.images.has_unused) || state.image_worker.busy(kImagesKey)) return;
  context_.images.has_unused = false;
  // Should this one fail, the next is not in an hour; where it does not, the next time is put off when it has ended.
  state.images_due = Steady::now() + kImagesAgain;
  state.image_worker.submit(kImagesKey, JobKind::kPatient, [this] {
    if (contained([this] { return prune_images(context_); })) {
      state_->images_pruned = true;
      wake();
    }
  });
}

void Reconciler::watch_clusters() {
  for (const auto& [id, cluster] : state_->all()) {
    if (cluster->watch) continue;
    cluster->watch = cluster->engine->watch(
        [this, id = id](const std::string& deployment) {
          {
            const std::lock_guard guard(state_->mutex);
            if (deployment.empty()) {
              state_->dirty_clusters.insert(id);
            } else {
              state_->dirty.insert(deployment);
            }
          }
          wake();
        },
        std::chrono::milliseconds(context_.options.resync_ms));
  }
}

void Reconciler::start() {
  {
    const std::lock_guard guard(state_->mutex);
    if (state_->thread.joinable()) return;
  }
  know_clusters();
  watch_clusters();
  // Before our own lock is taken: a notification holds the notifier's while wake() takes ours.
  std::vector<std::shared_ptr<void>> subscriptions;
  for (trust::Subscribers* changed : {&context_.changed, &context_.images.changed})
    subscriptions.push_back(changed->subscribe([this] { wake(); }));
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = false;
    state_->subscriptions = std::move(subscriptions);
    state_->resync_due = {};
    state_->thread = std::thread([this] { loop(); });
  }
}

void Reconciler::loop() {
  State& state = *state_;
  std::unique_lock guard(state.mutex);
  while (!state.stopping) {
    const std::uint64_t seen = state.wakes;
    guard.unlock();
    const auto began = Steady::now();
    if (know_clusters()) state.resync_due = {};  // at once, and not when all the others are looked at again
    watch_clusters();
    // Errors stand in the deployments' rows and the clusters'.
    const bool has_clusters = !state.all().empty();
    if (has_clusters) {
      if (!look_around()) state.resync_due = Steady::now() + kFirstRetry;
      look_at_images();
    } else {
      (void)take_up_items(std::make_shared<Look>(), TakeUp::kSome);
    }
    guard.lock();
    // A look reads every deployment: while much happens it takes half of a processor at most.
    const auto rest = std::min<Steady::duration>(Steady::now() - began, kRestMax);
    state.woken.wait_for(guard, rest, [&] { return state.stopping; });
    // Without a cluster nothing is ever due, and nobody moves these two on.
    auto until = has_clusters ? std::min(state.resync_due, state.images_due)
                              : Steady::now() + std::chrono::milliseconds(context_.options.resync_ms);
    for (const auto& [id, known] : state.known)
      if (known.due) until = std::min(until, *known.due);
    for (const auto& [id, cluster] : state.clusters)
      if (cluster->items_due && *cluster->items_due > Steady::now()) until = std::min(until, *cluster->items_due);
    state.waits_until = until;
    state.woken.wait_until(guard, until, [&] { return state.stopping || state.wakes != seen; });
  }
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
  state_->subscriptions.clear();
  State::Clusters clusters = state_->all();
  // Without our lock: a watch ends when its last call of ours has returned.
  for (const auto& [id, cluster] : clusters) cluster->watch.reset();
  const auto hurry = context_.clusters.loop().interrupt_after(kEndingCalls);
  for (const auto& [id, cluster] : clusters) cluster->workers.drain();
  std::vector<std::shared_ptr<State::PerCluster>> retired;
  {
    std::lock_guard lock(state_->mutex);
    retired.swap(state_->retired);
  }
  for (const auto& cluster : retired) cluster->workers.drain();
  state_->image_worker.drain();
}

void Reconciler::wake_if_somebody_waits() {
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->passed_over) return;
    state_->passed_over = false;
  }
  wake();
}

void Reconciler::wake() {
  {
    std::lock_guard lock(state_->mutex);
    ++state_->wakes;
  }
  state_->woken.notify_all();
}

}  // namespace mifeng::deployments

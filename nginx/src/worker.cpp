#include "worker.h"

#include <algorithm>

#include "open_response.h"
#include "request_state.h"

namespace mifeng::nginx {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr ngx_msec_t kTickMs = 1000;
constexpr ngx_msec_t kDrainTickMs = 50;
constexpr milliseconds kStartWait{3000};
// A keyholder holds an unknown signer for 2 s; a busy one needs a little more.
constexpr seconds kKeyWait{5};

Worker* the_worker = nullptr;

proxy::UnwrapRequest unwrap_request(std::uint32_t id, const RequestState& state) {
  const ByteView header = state.opening->filter.header().bytes();
  return {id, state.route->forward.deployment, state.opening->filter.context(), Bytes(header.begin(), header.end())};
}

}  // namespace

Worker* Worker::get() { return the_worker; }

bool Worker::start(ngx_cycle_t* cycle, proxy::Role role, const std::string& link_path,
                   std::chrono::seconds root_key_age_max) {
  auto provider = crypto::Sm4GcmProvider::create();
  if (!provider) {
    ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "mifeng: %s", provider.error().message().c_str());
    return false;
  }
  the_worker = new Worker(role, *std::move(provider), root_key_age_max);
  Worker& worker = *the_worker;
  worker.drain_event_.handler = &Worker::on_drain;
  worker.drain_event_.data = the_worker;
  worker.drain_event_.log = cycle->log;
  worker.drain_event_.cancelable = 1;
  worker.link_ = std::make_unique<KeyholderLink>(link_path, role, worker, cycle->log);
  worker.link_->start(kStartWait, [&] { return worker.has_what_it_needs(); });
  if (!worker.has_what_it_needs()) {
    ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                  "mifeng: the keyholder has sent nothing yet; until it does every request is refused");
  }
  worker.tick_.handler = &Worker::on_tick;
  worker.tick_.data = the_worker;
  worker.tick_.log = cycle->log;
  worker.tick_.cancelable = 1;
  ngx_add_timer(&worker.tick_, kTickMs);
  return true;
}

void Worker::stop() {
  if (the_worker == nullptr) return;
  the_worker->tick();
  for (ngx_event_t* const timer : {&the_worker->tick_, &the_worker->drain_event_})
    if (timer->timer_set) ngx_del_timer(timer);
  // The link goes, so that nginx finds no socket left open; the rest goes with the process, since requests that are
  // being torn down may still ask for it.
  the_worker->link_.reset();
}

std::shared_ptr<const proxy::Router> Worker::router() const {
  const auto now_ms =
      static_cast<UnixMillis>(ngx_cached_time->sec) * 1000 + static_cast<UnixMillis>(ngx_cached_time->msec);
  return router_ != nullptr && !router_->expired(now_ms) ? router_ : nullptr;
}

// --- Root keys of answers. ---

Result<std::shared_ptr<const proxy::CachedKey>> Worker::find_key(RequestState& state) {
  const std::string cache_key = state.opening->filter.header().cache_key();
  auto found = keys_.find(cache_key, steady_clock::now());
  if (found) {
    // Whether the signer is listed, for this deployment, is asked at each use, and of the newest table.
    const std::string& deployment = state.route->forward.deployment;
    const proxy::Instance* const instance =
        router_ == nullptr ? nullptr : router_->instance(deployment, (*found)->signer);
    if (instance == nullptr) {
      return Error(ErrorCode::kVerificationFailed, "unknown-signer",
                   "no listed instance of this deployment signed this");
    }
    state.instance = instance->id;
    return found;
  }
  if (found.error().code() != ErrorCode::kNotFound) return found;

  const auto under_way = pending_by_key_.find(cache_key);
  if (under_way != pending_by_key_.end()) {
    pending_.at(under_way->second).waiting.push_back(&state);
  } else {
    ask(Pending{cache_key, {&state}, nullptr, steady_clock::now() + kKeyWait});
  }
  state.opening->waits_for_key = true;
  return std::shared_ptr<const proxy::CachedKey>();
}

void Worker::ask(Pending pending) {
  pending.asked = pending.waiting.front();
  const std::uint32_t id = next_id_++;
  pending_by_key_[pending.cache_key] = id;
  // Without a link it waits for one: on_connected() asks again.
  link_->send(unwrap_request(id, *pending.asked));
  pending_[id] = std::move(pending);
}

void Worker::forget(RequestState& state) {
  std::erase(resuming_, &state);
  for (auto item = pending_.begin(); item != pending_.end(); ++item) {
    Pending& pending = item->second;
    if (std::erase(pending.waiting, &state) == 0) continue;
    // The key that was asked for it serves the others too, so nothing is asked again now.
    if (pending.asked == &state) pending.asked = nullptr;
    if (pending.waiting.empty()) take_pending(item);
    break;
  }
  state.opening->waits_for_key = false;
}

Worker::Pending Worker::take_pending(std::unordered_map<std::uint32_t, Pending>::iterator item) {
  Pending pending = std::move(item->second);
  pending_by_key_.erase(pending.cache_key);
  pending_.erase(item);
  return pending;
}

void Worker::on_unwrapped(const proxy::Unwrapped& message) {
  const auto found = pending_.find(message.id);
  if (found == pending_.end()) return;
  const Pending pending = take_pending(found);
  const RequestState& first = *pending.waiting.front();
  auto key = std::make_shared<const proxy::CachedKey>(
      proxy::CachedKey{sealed::RootKey(message.root_key.clone()), crypto::sm3(first.opening->filter.header().blocks()),
                       message.signer, first.route->forward.deployment});
  keys_.insert(pending.cache_key, std::move(key), steady_clock::now());
  resuming_.insert(resuming_.end(), pending.waiting.begin(), pending.waiting.end());
  resume_all();
}

void Worker::on_refused(const proxy::Refused& message) {
  const auto found = pending_.find(message.id);
  if (found == pending_.end()) return;
  Pending pending = take_pending(found);
  // What was wrong may have been in that one's context alone: each of the others asks for itself.
  std::erase(pending.waiting, pending.asked);
  resuming_.insert(resuming_.end(), pending.waiting.begin(), pending.waiting.end());
  if (pending.asked != nullptr) {
    pending.asked->opening->waits_for_key = false;
    refuse_held(*pending.asked, message.reason);
  }
  resume_all();
}

void Worker::on_too_late(std::uint32_t id) {
  for (auto found = pending_.find(id); found != pending_.end(); found = pending_.find(id)) {
    RequestState* const state = found->second.waiting.back();
    forget(*state);
    refuse_held(*state, "no-key-in-time");
  }
}

// Each may end others (a connection that breaks takes its HTTP/2 streams along): a state that goes takes itself off the
// list, so the list is looked at again after each.
void Worker::resume_all() {
  while (!resuming_.empty()) {
    RequestState* const state = resuming_.back();
    resuming_.pop_back();
    state->opening->waits_for_key = false;
    resume_opening(*state);
  }
}

// --- Messages. ---

void Worker::on_connected() {
  if (role_ == proxy::Role::kGuard) {
    seal_key_asked_ = false;
    ask_for_seal_key();
    return;
  }
  for (auto& [id, pending] : pending_) {
    pending.asked = pending.waiting.front();
    if (!link_->send(unwrap_request(id, *pending.asked))) return;
  }
}

void Worker::on_message(proxy::KeyholderMessage message) {
  if (auto* const table = std::get_if<proxy::TablePush>(&message)) {
    on_table(std::move(table->table));
  } else if (const auto* const unwrapped = std::get_if<proxy::Unwrapped>(&message)) {
    on_unwrapped(*unwrapped);
  } else if (const auto* const refused = std::get_if<proxy::Refused>(&message)) {
    on_refused(*refused);
  } else if (const auto* const key = std::get_if<proxy::SealKey>(&message)) {
    on_seal_key(*key);
  } else if (std::holds_alternative<proxy::RenewSealKey>(message)) {
    seal_key_asked_ = false;
    ask_for_seal_key();
  } else if (const auto* const state = std::get_if<proxy::GuardState>(&message)) {
    guard_state_ = *state;
    if (!state->draining) return;
    drain_.begin();
    look_whether_drained();
  }
}

void Worker::on_table(proxy::Table table) {
  // The keyholder leaves out the same, and says so.
  router_ = proxy::Router::create(std::move(table));
  balancer_.keep_only(*router_);
  keys_.keep_only(*router_);
  link_->send(proxy::TableTaken{router_->serial()});
}

void Worker::on_seal_key(const proxy::SealKey& message) {
  auto key = sealed::SenderKey::from_parts(
      {sealed::Kind::kResponse, message.exponent, message.recipient_count, true, message.blocks},
      sealed::RootKey(message.root_key.clone()));
  if (!key) {
    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "mifeng: the keyholder's seal key is refused: %s",
                  key.error().message().c_str());
    return;
  }
  const Time now = steady_clock::now();
  const auto age_max = std::min<steady_clock::duration>(seconds(message.seconds_max), sealed::kResponseKeyAgeMax);
  seal_key_ = *std::move(key);
  seal_key_renew_at_ = now + age_max * 4 / 5;
  seal_key_ends_at_ = now + age_max;
  seal_key_streams_max_ = std::min<std::uint64_t>(message.streams_max, sealed::kResponseStreamsMax);
  seal_key_asked_ = false;
}

void Worker::ask_for_seal_key() {
  const Time now = steady_clock::now();
  if (seal_key_asked_ && now - seal_key_asked_at_ < kKeyWait) return;
  seal_key_asked_ = link_->send(proxy::SealKeyRequest{next_id_++});
  seal_key_asked_at_ = now;
}

sealed::SenderKey* Worker::seal_key() {
  const Time now = steady_clock::now();
  const bool usable = seal_key_ && now < seal_key_ends_at_ && seal_key_->streams() < seal_key_streams_max_;
  if (!usable || now >= seal_key_renew_at_ || seal_key_->streams() >= seal_key_streams_max_ / 10 * 9)
    ask_for_seal_key();
  return usable ? &*seal_key_ : nullptr;
}

bool Worker::hold_stream() {
  const sealed::SenderKey* const key = seal_key();
  if (key == nullptr) return false;
  if (key->streams() + streams_held_ >= seal_key_streams_max_) {
    ask_for_seal_key();
    return false;
  }
  ++streams_held_;
  return true;
}

// --- Room for bodies. ---

bool Worker::set_room(std::size_t& room, std::size_t bytes, std::size_t limit) {
  const std::size_t others = room_held_ - room;
  if (bytes > room && limit != 0 && others != 0 && (bytes > limit || others > limit - bytes)) return false;
  room_held_ = others + bytes;
  room = bytes;
  return true;
}

// --- The end of a guard. ---

void Worker::look_whether_drained() {
  if (drain_.done()) {
    link_->send(proxy::Drained{});
  } else if (!drain_event_.timer_set && !ngx_exiting && !ngx_terminate) {
    ngx_add_timer(&drain_event_, kDrainTickMs);
  }
}

void Worker::on_drain(ngx_event_t* event) {
  auto* const worker = static_cast<Worker*>(event->data);
  guarded(event->log, [&] { worker->look_whether_drained(); });
}

// --- Time. ---

void Worker::on_tick(ngx_event_t* event) {
  auto* const worker = static_cast<Worker*>(event->data);
  guarded(event->log, [&] { worker->tick(); });
  if (!ngx_exiting && !ngx_terminate) ngx_add_timer(event, kTickMs);
}

void Worker::tick() {
  if (!counters_.empty() && link_->connected()) link_->send(counters_.take());
  if (role_ == proxy::Role::kGuard) seal_key();
  std::vector<std::uint32_t> late;
  const Time now = steady_clock::now();
  for (const auto& [id, pending] : pending_)
    if (now >= pending.deadline) late.push_back(id);
  for (const std::uint32_t id : late) on_too_late(id);
}

}  // namespace mifeng::nginx

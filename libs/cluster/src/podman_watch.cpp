// The view of what is ours, kept from libpod's events.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "mifeng/cluster/json_path.h"
#include "mifeng/net/http.h"
#include "podman_engine.h"
#include "podman_isolation.h"
#include "podman_parts.h"

namespace mifeng::cluster {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kPauseMin{100}, kPauseMax{5000};
constexpr milliseconds kFirstHealthMax{2000};
constexpr std::size_t kNewsLineMax = 256 * 1024;
constexpr UnixMillis kOverlapMs = 2000;  // news are asked for from a little before, since libpod counts in seconds

// Somewhere between the half and the whole, so that several programs do not come back at the same moment.
milliseconds jittered(milliseconds pause, const Clock& clock) {
  return pause / 2 + milliseconds(clock.now_ms() * 7919 % std::max<std::int64_t>(1, pause.count() / 2));
}

}  // namespace

void PodmanEngine::tell(const std::string& deployment) {
  std::shared_ptr<Subscription> subscription;
  {
    const std::lock_guard guard(mutex_);
    subscription = subscription_;
  }
  if (subscription) subscription->tell(deployment);
}

Task<void> PodmanEngine::refresh(std::string name) {
  const auto held = co_await names_.acquire(name);
  auto looked = co_await look_into(name);
  if (!looked && looked.error().code() != ErrorCode::kPermissionDenied) co_return looked.error();
  if (!looked || !looked->guard) {
    const auto before = view_.find(name);
    if (view_.erase(name) && before) tell(before->unit.deployment);
    co_return ok();
  }
  Seen seen = seen_in(*looked->guard, looked->model ? &*looked->model : nullptr);
  const auto wanted = view_.wanted(seen.unit.deployment);
  if (wanted && wanted->revision == seen.unit.revision) {
    auto drift = co_await drift_of(*wanted, seen.slot, *looked);
    if (!drift) co_return drift.error();
    seen.compared = wanted;
    seen.drift = std::move(*drift);
  }
  const auto before = view_.find(name);
  if (seen.unit.state == UnitState::kExited && !(before && before->fingerprint == seen.fingerprint)) {
    const LastWords last = co_await last_words(name);
    explain_exit(seen.unit, last, seen.memory_limit);
  }
  const bool needs_health = seen.unit.state == UnitState::kRunning;
  const std::string deployment = seen.unit.deployment;
  if (view_.store(std::move(seen))) tell(deployment);
  if (needs_health) watch_health(name);
  co_return ok();
}

Task<bool> PodmanEngine::look_at(std::string deployment) {
  auto containers = co_await list_ours(deployment);
  if (!containers) co_return containers.error();
  const std::vector<std::string> names = view_.differing(listed_in(*containers), deployment);
  for (const std::string& name : names) {
    auto looked = co_await refresh(name);
    // One container that cannot be looked at hides no other.
    if (!looked && (!deployment.empty() || is_engine_away(looked.error()))) co_return looked.error();
  }
  co_return !names.empty();
}

Task<void> PodmanEngine::look_closely(std::string deployment) {
  auto looked = co_await look_at(deployment);
  if (!looked) co_return looked.error();
  if (!is_live_) co_await ask_health_of(view_.running(deployment), kHealthMax);
  co_return ok();
}

std::shared_ptr<void> PodmanEngine::watch(Changed changed, milliseconds resync) {
  auto subscription = std::make_shared<Subscription>(std::move(changed), loop_.executor());  // shared with the engine
  {
    const std::lock_guard guard(mutex_);
    subscription_ = subscription;
  }
  const UnixMillis since = clock_.now_ms();
  subscription->spawn("view", [this, resync, since] { return keep_view(resync, since); });
  // The engine may be gone before who watches lets go: then it has ended the subscription itself.
  return std::shared_ptr<void>(subscription.get(), [subscription](void*) { subscription->end(); });
}

boost::asio::awaitable<void> PodmanEngine::keep_view(milliseconds resync, UnixMillis since) {
  struct Live {
    std::atomic<bool>& flag;
    ~Live() { flag = false; }  // also when cancelled
  } live{is_live_};
  milliseconds pause = kPauseMin;
  for (;;) {
    auto followed = co_await follow_news(resync, since);
    const bool was_live = is_live_.exchange(false);
    if (was_live) {
      pause = kPauseMin;
      tell("");
    }
    co_await net::sleep_for(jittered(pause, clock_));
    pause = std::min(pause * 2, kPauseMax);
  }
}

Task<void> PodmanEngine::follow_news(milliseconds resync, UnixMillis since) {
  json::Object filters{
      {"type", json::Array{"container"}},
      {"label", json::Array{std::string(kLabelInstallation) + "=" + frame_.installation}},
  };
  const std::string from = std::to_string((clock_.now_ms() - kOverlapMs) / 1000);
  auto opened = co_await client_.stream(
      "GET", "/events?stream=true&since=" + from + "&filters=" + net::percent_encode(json::serialize(filters)),
      Patience::kFollow);
  if (!opened) co_return opened.error();
  // After the news were asked for, so that nothing happens unseen between the two.
  auto looked = co_await look_at("");
  if (!looked) co_return looked.error();
  // So that the view begins with what serves; the news may wait that long.
  co_await ask_health_of(view_.running(""), kFirstHealthMax);
  is_live_ = true;
  tell("");
  Result<void> ended = ok();
  std::function<boost::asio::awaitable<void>()> news = [&]() -> boost::asio::awaitable<void> {
    ended = co_await read_news(**opened, since);
  };
  std::function<boost::asio::awaitable<void>()> lists = [&]() -> boost::asio::awaitable<void> {
    ended = co_await resync_now_and_then(resync);
  };
  co_await net::race(std::move(news), std::move(lists));
  co_return ended;
}

boost::asio::awaitable<Result<void>> PodmanEngine::read_news(net::ResponseStream& stream, UnixMillis since) {
  std::string rest;
  for (;;) {
    auto piece = co_await stream.read();
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return Error(ErrorCode::kUnavailable, "engine-unavailable", "the news broke off");
    rest.append(as_text(*piece));
    std::set<std::string> names;
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      auto news = news_in(rest.substr(0, end));
      rest.erase(0, end + 1);
      if (!news) continue;
      names.insert(news->name);
      if (news->is_of_guard && news->event.time_ms >= since) view_.add_event(news->deployment, std::move(news->event));
    }
    if (rest.size() > kNewsLineMax)
      co_return Error(ErrorCode::kInternal, "bad-engine-answer", "an event of the container engine has no end");
    for (const std::string& name : names) {
      auto looked = co_await refresh(name);
      if (!looked && is_engine_away(looked.error())) co_return looked.error();
    }
  }
}

boost::asio::awaitable<Result<void>> PodmanEngine::resync_now_and_then(milliseconds resync) {
  for (;;) {
    co_await net::sleep_for(resync);
    // Somebody else's program may have emptied the tables.
    if (isolates_models_) {
      const auto isolated = co_await filter_packets(isolate_models);
      if (!isolated) spdlog::error("{}", isolated.error().message());
    }
    if (isolates_guards_) co_await keep_guards_apart();
    auto looked = co_await look_at("");
    if (!looked) co_return looked.error();
    if (*looked) tell("");
    // Those that are not ready are asked all the time.
    std::vector<std::string> names;
    for (const std::string& name : view_.running("")) {
      const auto seen = view_.find(name);
      if (seen && seen->unit.ready) names.push_back(name);
    }
    co_await ask_health_of(names, kHealthMax);
    for (const std::string& name : names) watch_health(name);  // who is ready is let go at once
  }
}

}  // namespace mifeng::cluster

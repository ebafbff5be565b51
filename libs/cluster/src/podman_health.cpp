// Whether units that run serve: their health port is asked.
#include <algorithm>

#include "mifeng/base/beginning.h"
#include "mifeng/base/guard_words.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/guard_said.h"
#include "mifeng/net/listeners.h"
#include "podman_engine.h"

namespace mifeng::cluster {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 100ms, kLastPause = 1000ms;  // between two questions to one that is not ready
constexpr std::int64_t kSilentMs = 5000;                  // before its logs are worth a look, and another one
constexpr int kGuardLines = 20;                           // of them, among which the one that says why should be
constexpr std::size_t kSocketTableMax = 64 << 10;         // 400 sockets: a model may open as many as it likes

// Where a model's own network has somebody who listens: it has one of its own, which its guard does not see.
std::optional<net::Listener> listener_of_model(const Seen& seen) {
  if (!seen.model_pid) return std::nullopt;
  auto listeners = net::read_tcp_listeners("/proc/" + std::to_string(*seen.model_pid), kSocketTableMax);
  if (!listeners || listeners->empty()) return std::nullopt;
  // On loopback it may have one of its own for itself.
  const auto open =
      std::find_if(listeners->begin(), listeners->end(), [](const auto& one) { return !one.on_loopback; });
  return open == listeners->end() ? listeners->front() : *open;
}

std::optional<Reason> why_by_words(const LastWords& words, const Seen& seen) {
  const auto said = read_guard_log(words.guard_lines);
  if (!said) return std::nullopt;
  const std::string model = one_line(words.model);
  const bool waits = said->kind == GuardSaid::Kind::kStarting || said->kind == GuardSaid::Kind::kNotReady;
  if (!waits) return why_by_guard(*said, model, seen.model_memory_limit);
  const bool answers = said->words.starts_with(guard_words::kAnswers);
  if (const auto listener = answers ? std::nullopt : listener_of_model(seen))
    return why_elsewhere(listener->address, listener->port);
  Reason why = why_by_guard(*said, model, seen.model_memory_limit);
  if (!model.empty()) why.sentence = phrase("{}; its model's last words: {}", why.sentence, model);
  return why;
}

// Lets go of one of several that somebody waits for, however its task ends.
struct Batch {
  std::atomic<std::size_t> left;
  net::Notifier changed;
};
class Share {
 public:
  explicit Share(std::shared_ptr<Batch> batch) : batch_(std::move(batch)) {}
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;
  ~Share() {
    --batch_->left;
    batch_->changed.notify();
  }

 private:
  std::shared_ptr<Batch> batch_;  // shared with the other tasks and who waits
};

}  // namespace

boost::asio::awaitable<LastWords> PodmanEngine::last_words(std::string unit) {
  LastWords words;
  for (const Part part : {Part::kGuard, Part::kModel}) {
    LogOptions options;
    options.container = to_string(part);
    options.tail = part == Part::kGuard ? kGuardLines : 2;
    std::vector<std::string> lines;
    LogSink keep = [&](LogLine line) -> boost::asio::awaitable<Result<void>> {
      if (line.text.find_first_not_of(" \r\t") != std::string::npos) lines.push_back(std::move(line.text));
      co_return ok();
    };
    // Without the log the reason is only shorter.
    auto read = co_await logs(unit, options, std::move(keep));
    (void)read;
    if (lines.empty()) continue;
    if (part == Part::kGuard) {
      words.guard = lines.back();
      words.guard_lines = std::move(lines);
    } else {
      words.model = lines.size() == 1 ? lines[0] : lines[0] + "; " + lines[1];
    }
  }
  co_return words;
}

boost::asio::awaitable<void> PodmanEngine::ask_health(std::string name) {
  const auto seen = view_.find(name);
  if (!seen || seen->unit.state != UnitState::kRunning || seen->is_paused || seen->address.empty()) co_return;
  net::ClientOptions options;
  options.endpoint = net::TcpEndpoint{seen->address, seen->health_port};
  options.connect_timeout = options_.probe_timeout;
  options.idle_timeout = options_.probe_timeout;
  auto client = net::HttpClient::create(std::move(options));
  if (!client) co_return;
  net::ClientRequest request("GET", "/ready");
  request.max_response_bytes = 64 * 1024;
  auto answer = co_await client->send(std::move(request));
  PodmanView::Health health;
  health.ready = answer && answer->status == 200;
  if (!health.ready) {
    const std::int64_t since_ms = clock_.now_ms() - seen->unit.started_at_ms.value_or(clock_.now_ms());
    health.told = seen->told;
    health.told_at_ms = seen->told_at_ms;
    if (since_ms > kSilentMs && clock_.now_ms() - seen->told_at_ms > kSilentMs) {
      const LastWords words = co_await last_words(name);
      health.told = why_by_words(words, *seen);
      health.told_at_ms = clock_.now_ms();
    }
    // A guard that does not answer says nothing that holds now.
    const std::string since = std::to_string(std::max<std::int64_t>(0, since_ms / 1000)) + " s";
    if (!answer) {
      health.reason = {
          .code = "not-answering",
          .sentence = phrase("has run for {} and does not answer on its health port {}", since, seen->health_port)};
      if (health.told) health.reason.sentence = phrase("{}; before: {}", health.reason.sentence, health.told->sentence);
    } else if (health.told) {
      health.reason = *health.told;
    } else {
      health.reason = {
          .code = "not-ready",
          .sentence = phrase("has run for {} and says that it is not ready yet (status {} on its health port)", since,
                             answer->status)};
    }
  }
  if (view_.store_health(name, seen->fingerprint, health)) tell(seen->unit.deployment);
}

boost::asio::awaitable<void> PodmanEngine::ask_health_of(std::vector<std::string> names,
                                                         std::chrono::milliseconds at_most) {
  if (names.empty()) co_return;
  auto batch = std::make_shared<Batch>();  // shared with the tasks, which may outlive a caller that was cancelled
  batch->left = names.size();
  for (const std::string& name : names) {
    auto share = std::make_shared<Share>(batch);  // std::function wants what can be copied
    tasks_.spawn("ask " + name, [this, name, share]() -> boost::asio::awaitable<void> {
      const auto turn = co_await probes_.acquire();
      co_await ask_health(name);
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    const std::uint64_t seen = batch->changed.count();
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (batch->left == 0 || left <= 0ms) co_return;
    co_await batch->changed.wait(seen, left);
  }
}

void PodmanEngine::watch_health(const std::string& name) {
  std::shared_ptr<Subscription> subscription;
  {
    const std::lock_guard guard(mutex_);
    subscription = subscription_;
  }
  if (!subscription || !subscription->claim(name)) return;
  subscription->spawn("health of " + name,
                      [this, name, subscription = subscription.get()]() -> boost::asio::awaitable<void> {
                        const auto needs_it = [this, &name] {
                          const auto seen = view_.find(name);
                          return seen && seen->unit.state == UnitState::kRunning && !seen->unit.ready;
                        };
                        std::string run;
                        std::chrono::milliseconds pause = kFirstPause;
                        for (;;) {
                          if (subscription->release_unless(name, needs_it)) co_return;
                          const auto seen = view_.find(name);
                          if (seen && seen->fingerprint != run) {
                            pause = kFirstPause;
                            run = seen->fingerprint;
                          }
                          {
                            const auto turn = co_await probes_.acquire();
                            co_await ask_health(name);
                          }
                          if (!needs_it()) continue;
                          co_await net::sleep_for(pause);
                          pause = std::min<std::chrono::milliseconds>(pause * 3 / 2, kLastPause);
                        }
                      });
}

}  // namespace mifeng::cluster

// Whether units that run serve: their health port is asked.
#include <algorithm>

#include "mifeng/base/phrase.h"
#include "podman_engine.h"

namespace mifeng::cluster {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 100ms, kLastPause = 1000ms;  // between two questions to one that is not ready
constexpr std::int64_t kSilentMs = 5000;                  // before its last words are worth a look, and another one

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
    std::string& line_of = part == Part::kGuard ? words.guard : words.model;
    std::string& time_of = part == Part::kGuard ? words.guard_time : words.model_time;
    LogOptions options;
    options.container = to_string(part);
    options.tail = 1;
    options.timestamps = true;
    LogSink keep = [&](LogLine line) -> boost::asio::awaitable<Result<void>> {
      const std::size_t space = line.text.find(' ');
      if (space != std::string::npos && space + 1 < line.text.size()) {
        time_of = line.text.substr(0, space);
        line_of = line.text.substr(space + 1);
      }
      co_return ok();
    };
    // Without the log the reason is only shorter.
    auto read = co_await logs(unit, options, std::move(keep));
    (void)read;
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
    const std::string since = std::to_string(std::max<std::int64_t>(0, since_ms / 1000)) + " s";
    if (answer) {
      health.reason_code = "not-ready";
      health.reason = phrase("has run for {} and says that it is not ready yet (status {} on its health port)", since,
                             answer->status);
    } else {
      health.reason_code = "not-answering";
      health.reason = phrase("has run for {} and does not answer on its health port {}", since, seen->health_port);
    }
    health.last_words = seen->last_words;
    health.words_at_ms = seen->words_at_ms;
    if (since_ms > kSilentMs && clock_.now_ms() - seen->words_at_ms > kSilentMs) {
      const LastWords words = co_await last_words(name);
      health.last_words = words.latest();
      health.words_at_ms = clock_.now_ms();
    }
    if (!health.last_words.empty())
      health.reason = phrase("{}; its last words: {}", health.reason, health.last_words.substr(0, 300));
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

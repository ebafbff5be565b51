// One suite for all engines: the parameter is the bench of a kind of engine.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "bench.h"
#include "mifeng/base/random.h"
#include "mifeng/net/client.h"
#include "mifeng/stack/backends.h"

namespace mifeng::cluster {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

// Hears an engine's changes, and waits for them.
class Watcher {
 public:
  explicit Watcher(Engine& engine, std::chrono::milliseconds resync = 1h)
      : handle_(engine.watch([this](const std::string& deployment) { heard(deployment); }, resync)) {}
  ~Watcher() { end(); }
  void end() { handle_.reset(); }

  // Until `condition`, which is looked at after each change only.
  bool wait_for(const std::function<bool()>& condition, std::chrono::milliseconds at_most = 30s) {
    const auto deadline = Steady::now() + at_most;
    for (;;) {
      const std::size_t before = count();
      if (condition()) return true;
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, deadline, [&] { return heard_.size() != before; })) return false;
    }
  }
  std::size_t count() {
    const std::lock_guard guard(mutex_);
    return heard_.size();
  }

 private:
  void heard(const std::string& deployment) {
    const std::lock_guard guard(mutex_);
    heard_.push_back(deployment);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> heard_;
  std::shared_ptr<void> handle_;  // last: nothing is heard after it
};

class EngineTestBase : public ::testing::Test {
 protected:
  explicit EngineTestBase(Bench& its_bench) : bench(its_bench), engine(bench.make_engine(installation)) {}
  ~EngineTestBase() override {
    expect_done([&] { return engine->remove_everything(); });
  }

  // A deployment "test" with node ports for as many slots as the engine wants; `spare`: also for updates. What `args`
  // say stands in the guard's place; the model's container says what it may do, and waits.
  Workload workload(std::vector<std::string> args, int replicas = 1, bool spare = true) {
    Workload made;
    made.deployment = "test";
    made.replicas = replicas;
    for (ContainerTemplate* container : {&made.pod.guard, &made.pod.model}) {
      container->image = bench.image();
      container->command = {"/probe"};
      container->env = {{"LANG", "C.UTF-8"}};
    }
    made.pod.guard.args = std::move(args);
    made.pod.guard.memory_mounts = {{"/mifeng/run", 4 << 20, false}};
    made.pod.model.args = {"describe"};
    made.pod.model.user = manifest::kModelUserMin + 7;
    made.pod.shared = {{"app", "/app", 4 << 20, true, false},
                       {"guard", "/mifeng/guard", 1 << 20, false, false},
                       {"model", "/mifeng/model", 1 << 20, false, true}};
    made.pod.ports = {{"http", 8080}};
    made.pod.scratch_mounts = {{"cache", "/cache", std::nullopt}};
    made.pod.termination_grace_seconds = 5;
    give_ports(made, spare);
    return made;
  }
  // Never the same twice: the machine may offer one again that nobody listens at yet.
  std::uint16_t free_port() {
    static std::set<std::uint16_t> given;
    static std::mt19937 random{std::random_device{}()};
    const auto [first, last] = bench.node_ports();
    for (;;) {
      const auto port = static_cast<std::uint16_t>(std::uniform_int_distribution<int>(first, last)(random));
      if (bench.is_free(port) && given.insert(port).second) return port;
    }
  }
  void give_ports(Workload& made, bool spare) {
    const PortNeeds needs = engine->ports_needed(made.pod, made.replicas);
    for (int slot = static_cast<int>(made.node_ports.size()); slot < needs.slots + (spare ? needs.update_slots : 0);
         ++slot) {
      made.node_ports.push_back({"http", slot, free_port()});
    }
  }

  template <typename T>
  T get(std::function<Task<T>()> call) {
    auto result = net::run_to_result<T>(std::move(call));
    EXPECT_TRUE(result) << result.error().message();
    return result ? std::move(*result) : T{};
  }
  void expect_done(std::function<Task<void>()> call) {
    const auto done = net::run_to_result<void>(std::move(call));
    EXPECT_TRUE(done) << done.error().message();
  }
  std::string reason_of(std::function<Task<void>()> call) {
    const auto done = net::run_to_result<void>(std::move(call));
    EXPECT_FALSE(done);
    return done ? "" : std::string(done.error().reason());
  }
  ApplyResult apply(const Workload& wanted) {
    return get<ApplyResult>([&] { return engine->apply(wanted); });
  }
  // Steps until there is nothing left to do but to wait for units to be ready.
  ApplyResult settle(const Workload& wanted) {
    ApplyResult last = apply(wanted);
    const auto deadline = Steady::now() + 30s;
    while (!last.settled && Steady::now() < deadline) {
      std::this_thread::sleep_for(100ms);
      const bool changed = last.changed;
      last = apply(wanted);
      last.changed = last.changed || changed;
    }
    EXPECT_TRUE(last.settled);
    return last;
  }
  std::vector<Unit> units(const std::string& deployment = "test") {
    return get<std::vector<Unit>>([&] { return engine->units(deployment); });
  }
  std::vector<Endpoint> endpoints() {
    return get<std::vector<Endpoint>>([&] { return engine->endpoints("test"); });
  }

  // The only unit, as soon as `when` likes it.
  Unit wait_for(const std::function<bool(const Unit&)>& when) {
    Unit last;
    const auto deadline = Steady::now() + 30s;
    while (Steady::now() < deadline) {
      const auto all = units();
      if (!all.empty()) last = all[0];
      if (all.size() == 1 && when(last)) return last;
      std::this_thread::sleep_for(50ms);
    }
    ADD_FAILURE() << "state " << to_string(last.state) << ", ready " << last.ready << ", reason " << last.reason;
    return last;
  }
  // The only unit, as soon as there is one: an engine may make it after apply().
  Unit wait_made() {
    return wait_for([](const Unit&) { return true; });
  }
  Unit wait_reason(const std::string& code) {
    return wait_for([&](const Unit& one) { return one.reason_code == code; });
  }
  // What an engine brings about in apply() itself is there at once, what a cluster's controllers do a little later.
  bool comes_about(const std::function<bool()>& condition, std::chrono::seconds at_most = 30s) {
    const auto deadline = Steady::now() + (bench.restarts_by_itself() ? at_most : 0s);
    while (!condition()) {
      if (Steady::now() >= deadline) return false;
      std::this_thread::sleep_for(50ms);
    }
    return true;
  }
  Unit wait_ready() {
    return wait_for([](const Unit& one) { return one.ready; });
  }

  static bool all_ready(const std::vector<Unit>& all) {
    return std::all_of(all.begin(), all.end(), [](const Unit& one) { return one.ready; });
  }
  // What the platform does: a step, and the next one when something changed, until all runs as wanted.
  bool drive(const Workload& wanted, Watcher& watcher) {
    ApplyResult last;
    const bool done = watcher.wait_for(
        [&] {
          last = apply(wanted);
          return last.settled && all_ready(last.units);
        },
        90s);
    EXPECT_TRUE(done) << "settled " << last.settled;
    if (!done) {
      for (const Unit& one : last.units) ADD_FAILURE() << one.name << " " << to_string(one.state) << " " << one.reason;
    }
    return done;
  }

  Result<std::string> call(std::uint16_t port, std::chrono::milliseconds patience = 5s) {
    net::ClientOptions options;
    options.endpoint = net::TcpEndpoint{bench.node_address(), port};
    options.connect_timeout = patience;
    options.idle_timeout = patience;
    MIFENG_TRY(net::HttpClient client, net::HttpClient::create(options));
    MIFENG_TRY(net::ClientResponse response, client.send_now(net::ClientRequest("GET", "/")));
    return response.body;
  }

  // As soon as it is reached: a cluster tells its nodes of a unit a moment after it is ready.
  Result<std::string> call_soon(std::uint16_t port) {
    Result<std::string> answer = call(port);
    comes_about([&] {
      if (!answer) answer = call(port);
      return answer.has_value();
    });
    return answer;
  }

  // How few node ports answered at the same time while `action` ran.
  std::size_t fewest_serving(const Workload& wanted, const std::function<void()>& action) {
    std::atomic<bool> done{false};
    std::size_t fewest = wanted.node_ports.size();
    std::size_t looks = 0;
    std::thread poller([&] {
      while (!done) {
        // Twice, in both orders: while one port goes and another comes one of the two counts both or neither.
        std::size_t up = 0, down = 0;
        for (auto port = wanted.node_ports.begin(); port != wanted.node_ports.end(); ++port)
          up += call(port->node_port, 500ms) ? 1 : 0;
        for (auto port = wanted.node_ports.rbegin(); port != wanted.node_ports.rend(); ++port)
          down += call(port->node_port, 500ms) ? 1 : 0;
        fewest = std::min(fewest, std::max(up, down));
        ++looks;
      }
    });
    action();
    done = true;
    poller.join();
    EXPECT_GT(looks, 3U);
    return fewest;
  }

  std::set<std::string> ids() {
    std::set<std::string> ids;
    for (const Unit& one : units()) ids.insert(one.engine_id);
    return ids;
  }
  void expect_all_of(std::int64_t revision, std::int64_t restart, std::size_t count) {
    const auto all = units();
    EXPECT_EQ(all.size(), count);
    for (const Unit& one : all) {
      EXPECT_EQ(one.revision, revision);
      EXPECT_EQ(one.restart, restart);
      EXPECT_TRUE(one.ready) << one.reason;
    }
  }

  Result<std::vector<std::string>> logs(const std::string& unit, LogOptions options) {
    std::vector<std::string> lines;
    LogSink keep = [&](LogLine line) -> boost::asio::awaitable<Result<void>> {
      lines.push_back((line.is_stderr ? "err " : "out ") + line.text);
      co_return ok();
    };
    MIFENG_CHECK(net::run_to_result<void>([&] { return engine->logs(unit, options, keep); }));
    return lines;
  }
  Result<std::vector<std::string>> logs(const std::string& unit, int tail) {
    LogOptions options;
    options.container = "guard";
    options.tail = tail;
    return logs(unit, options);
  }

  Bench& bench;
  std::string installation = SystemRandom().hex(16);
  std::unique_ptr<Engine> engine;
};

class EngineTest : public EngineTestBase, public ::testing::WithParamInterface<Bench* (*)()> {
 protected:
  EngineTest() : EngineTestBase(*GetParam()()) {}
};

// Of engines whose units have a slot of node ports each.
class SlottedEngineTest : public EngineTest {};

}  // namespace mifeng::cluster

#include "mifeng/guard/guard.h"

#include <sys/stat.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <optional>
#include <set>
#include <thread>

#include "health.h"
#include "mifeng/base/file.h"
#include "mifeng/guard/model.h"
#include "mifeng/guard/payload.h"
#include "mifeng/guard/session.h"
#include "mifeng/keyholder/key_socket.h"
#include "mifeng/keyholder/nginx.h"
#include "mifeng/keyholder/platform_link.h"
#include "mifeng/keyholder/process.h"
#include "mifeng/keyholder/tasks.h"
#include "model_container.h"
#include "nginx_config.h"

namespace mifeng::guard {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr milliseconds kConnecting{100};  // for connections that are just being made when no more are taken
constexpr milliseconds kModelStop{1200};  // for a model that has no request left
constexpr milliseconds kModelGone{2000};  // until a killed one is known to have ended
constexpr milliseconds kListenerCheck{2000};
constexpr milliseconds kReadinessCheck{2000};
constexpr seconds kModelSilence{30};  // a model that works on a long call answers nothing else meanwhile
constexpr seconds kRepeatLog{60};

}  // namespace

struct Guard::Impl {
  explicit Impl(GuardOptions given) : options(std::move(given)) {}

  GuardOptions options;
  asio::io_context io{1};
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider;
  std::optional<messages::Tools> tools;
  keyholder::Tasks tasks{io, [this](const std::string& line) { log(line); }};
  keyholder::Bell bell{io};
  Bytes payload_header;
  std::vector<ServedPort> ports;
  std::vector<keyholder::ListenSocket> health_sockets;
  std::unique_ptr<Health> health;
  std::set<std::uint64_t> own_inodes;
  std::unique_ptr<keyholder::KeySocketServer> key_socket;
  std::optional<keyholder::NginxSupervisor> nginx;
  std::unique_ptr<keyholder::HttpPlatformLink> link;
  std::unique_ptr<ModelContainer> model;
  std::optional<GrantSession> session;  // once a payload was handed over
  std::optional<GuardExit> exit;        // set: stopping, with this status
  int asked_by_signal = 0;              // how often
  int asked_by_model = 0;               // by way of the model's container, which the engine ends at the same time
  bool asked_to_stop = false;
  bool hurry = false;  // asked a second time
  bool model_ready = false;
  std::optional<std::chrono::steady_clock::time_point>
      answered_at;  // the model, at last; none: it says it is not ready
  bool draining = false;
  proxy::GuardState told{};
  std::string logged_error;
  std::chrono::steady_clock::time_point logged_at{};

  void log(const std::string& line) const {
    if (options.log) options.log(line);
  }
  void stop(GuardExit status) {
    if (!exit) exit = status;
    bell.ring();
  }
  bool stopping() const { return exit.has_value(); }

  Result<void> prepare();
  Result<void> open_sockets();
  Result<void> listen_for_model();
  Result<void> start_key_socket();
  Result<void> configure_nginx();
  void tell_state();
  void tell_error();
  asio::awaitable<void> pause(milliseconds duration);
  asio::awaitable<void> converse();
  asio::awaitable<void> watch_signals();
  asio::awaitable<void> watch_orphans();
  void count_event(const std::string& event_class) {
    if (session) session->count_event(event_class);
  }
  void be_asked_to_stop(int times);
  Result<void> begin_session(SealedFile header);
  asio::awaitable<Result<void>> open_payload_in_thread(SealedFile segments);
  asio::awaitable<bool> bring_up_model();
  asio::awaitable<void> wait_until_ready();
  asio::awaitable<void> watch_readiness();
  bool model_answers() const { return answered_at && clock.steady_now() - *answered_at <= kModelSilence; }
  bool listeners_are_ours();
  asio::awaitable<void> lame_duck();
  asio::awaitable<void> drain(std::chrono::steady_clock::time_point deadline);
  asio::awaitable<void> shut_down();
  asio::awaitable<void> life();
};

Result<void> Guard::Impl::prepare() {
  const GuardConfig& config = options.config;
  MIFENG_TRY(provider, crypto::Sm4GcmProvider::create());
  tools.emplace(messages::Tools{random, *provider});
  MIFENG_CHECK(check_in_memory(config.folders.app));
  MIFENG_CHECK(check_in_memory(config.folders.run));
  MIFENG_TRY(link, keyholder::HttpPlatformLink::create(
                       {.address = config.platform, .tls_certificate_sm3 = {}, .answer_size_max = 64 << 10}));
  MIFENG_CHECK(open_sockets());
  MIFENG_CHECK(start_key_socket());
  MIFENG_CHECK(configure_nginx());
  return listen_for_model();
}

Result<void> Guard::Impl::listen_for_model() {
  ModelContainerCallbacks callbacks;
  callbacks.on_changed = [this] { bell.ring(); };
  callbacks.on_asked = [this] { be_asked_to_stop(++asked_by_model); };
  callbacks.on_over = [this](GuardExit status, const std::string& why) {
    if (!stopping()) log(why);
    stop(status);
  };
  const GuardConfig& config = options.config;
  MIFENG_TRY(model, ModelContainer::listen(io, config.start_socket(), config.model_uid, std::move(callbacks)));
  return ok();
}

Result<void> Guard::Impl::open_sockets() {
  for (std::size_t i = 0; i < options.config.ports.size(); ++i) {
    MIFENG_TRY(auto sockets, keyholder::ListenSocket::open_all(options.config.ports[i].port));
    ports.push_back({.sockets = std::move(sockets), .upstream = options.config.model_socket(i)});
  }
  MIFENG_TRY(health_sockets, keyholder::ListenSocket::open_all(options.health_port));
  MIFENG_TRY(health, Health::start(health_sockets));
  for (const ServedPort& port : ports)
    for (const keyholder::ListenSocket& socket : port.sockets) own_inodes.insert(socket.inode());
  for (const keyholder::ListenSocket& socket : health_sockets) own_inodes.insert(socket.inode());
  return ok();
}

Result<void> Guard::Impl::start_key_socket() {
  keyholder::KeySocketCallbacks callbacks;
  callbacks.on_seal_key = [this]() -> Result<proxy::SealKey> {
    if (!session || !session->has_grant())
      return Error(ErrorCode::kUnavailable, "no-grant", "there is no grant yet, so nothing to seal to");
    return keyholder::make_seal_key(session->output_key(), session->signing_key(), random, options.config.seal_key);
  };
  callbacks.on_counts = [this](const proxy::Counts& counts) {
    for (const proxy::CountRow& row : counts.rows) {
      health->add(row);
      if (row.calls > row.errors && answered_at) answered_at = clock.steady_now();
      if (!session) continue;
      session->count_calls(row.calls);
      for (const auto& [refusal, count] : row.refusals) session->count_event(refusal, count);
    }
  };
  callbacks.on_workers_changed = [this] {
    asio::post(io, [this] {
      tell_state();
      bell.ring();
    });
  };
  callbacks.on_log = [this](const std::string& line) { log(line); };
  keyholder::KeySocketOptions socket;
  socket.path = options.config.folders.run / "key.sock";
  socket.role = proxy::Role::kGuard;
  // Nobody else runs under this user id, and nobody else gets a key all the same.
  socket.is_worker = [this](int pid) { return nginx && nginx->pid() && keyholder::parent_of(pid) == *nginx->pid(); };
  MIFENG_TRY(key_socket, keyholder::KeySocketServer::create(io, std::move(socket), std::move(callbacks)));
  return ok();
}

Result<void> Guard::Impl::configure_nginx() {
  const std::filesystem::path run = options.config.folders.run;
  MIFENG_TRY(const std::string text, nginx_configuration(options, run / "key.sock", ports));
  const std::filesystem::path file = run / "nginx.conf";
  MIFENG_CHECK(write_file_atomic(file, as_bytes(text), 0600));
  keyholder::NginxOptions start;
  start.program = options.nginx;
  start.prefix = run;
  start.configuration = file;
  for (const ServedPort& port : ports)
    for (const keyholder::ListenSocket& socket : port.sockets) start.listen_fds.push_back(socket.fd());
  start.log = [this](const std::string& line) {
    count_event("nginx-restarted");
    log(line);
  };
  nginx.emplace(io, std::move(start));
  return ok();
}

asio::awaitable<void> Guard::Impl::pause(milliseconds duration) {
  const auto until = clock.steady_now() + duration;
  while (!stopping()) {
    const auto left = std::chrono::ceil<milliseconds>(until - clock.steady_now());
    if (left.count() <= 0) break;
    co_await bell.wait(left);
  }
}

void Guard::Impl::tell_state() {
  // Its seal key is with a worker before it hears of being ready.
  const bool ready = model_ready && !draining && session && session->listed() && key_socket->workers_have_seal_keys();
  const proxy::GuardState state{.ready = ready, .draining = draining, .lame_duck = asked_to_stop};
  if (state.ready && !told.ready) log("ready: the model answers, and the gateways know this instance");
  if (state != told) key_socket->set_state(state);
  told = state;
  health->set_ready(ready && model_answers());
}

void Guard::Impl::tell_error() {
  const std::string& error = session->last_error();
  const auto now = clock.steady_now();
  if (error.empty() && !logged_error.empty()) log("the platform answers again");
  if (!error.empty() && (error != logged_error || now - logged_at >= kRepeatLog)) {
    log(session->has_grant() ? error : "no grant yet, so the model does not start: " + error);
    logged_at = now;
  }
  logged_error = error;
}

asio::awaitable<void> Guard::Impl::converse() {
  while (!stopping()) {
    if (options.config.token_file) {
      auto token = read_text_file(*options.config.token_file, 16384);
      if (token) session->set_token(std::move(*token));
    }
    auto exchange = session->next();
    if (!exchange) {
      log("cannot make a message to the platform: " + exchange.error().message());
      co_await pause(seconds(5));
      continue;
    }
    net::Headers headers{{"Mifeng-Deployment", options.config.deployment}, {"Mifeng-Nonce", exchange->nonce}};
    auto post = link->post(exchange->path, std::move(headers), std::move(exchange->body), exchange->what);
    auto answer = co_await std::move(post);
    Result<Bytes> body = answer ? Result<Bytes>(std::move(answer->body)) : Result<Bytes>(answer.error());
    const bool had_grant = session->has_grant();
    switch (session->handle(body)) {
      case GrantSession::Step::kNothing: break;
      case GrantSession::Step::kGranted:
        log("granted: instance " + session->grant().instance_id + " of deployment " + options.config.deployment +
            (had_grant ? ", anew" : ""));
        if (!secret_memory_is_locked())
          log("some keys lie in memory that cannot be locked against swap; raise the limit of locked memory (ulimit "
              "-l)");
        if (had_grant) session->forget_root_key();  // the payload is open already
        key_socket->renew_seal_keys();
        break;
      case GrantSession::Step::kNewKey:
        log("another output key is in force");
        key_socket->renew_seal_keys();
        break;
      case GrantSession::Step::kRevoked:
        log("the platform has ended this instance; the model is stopped. Deploy it again, or look at the audit log");
        stop(GuardExit::kRevoked);
        break;
    }
    tell_error();
    tell_state();
    bell.ring();
    co_await pause(session->delay());
  }
}

// `times`: how often from there. The engine may ask both containers of a unit to end, and that is one wish.
void Guard::Impl::be_asked_to_stop(int times) {
  hurry = hurry || times > 1;
  const bool first = !asked_to_stop;
  asked_to_stop = true;
  if (first) log("asked to stop");
  if (hurry || !told.ready || options.config.lame_duck.count() == 0) {
    stop(GuardExit::kStopped);
  } else if (first) {
    tasks.spawn("lame duck", lame_duck());
  }
  bell.ring();
}

asio::awaitable<void> Guard::Impl::watch_signals() {
  asio::signal_set signals(io, SIGTERM, SIGINT);
  while (true) {
    co_await signals.async_wait(asio::use_awaitable);
    be_asked_to_stop(++asked_by_signal);
  }
}

asio::awaitable<void> Guard::Impl::watch_orphans() {
  asio::signal_set child_ended(io, SIGCHLD);
  while (true) {
    co_await child_ended.async_wait(asio::use_awaitable);
    keyholder::reap_orphans([this](int pid) { return nginx->pid() && *nginx->pid() == pid; });
  }
}

Result<void> Guard::Impl::begin_session(SealedFile header) {
  MIFENG_TRY(payload_header, header.read_all());
  const GuardConfig& config = options.config;
  session.emplace(SessionOptions{.deployment = config.deployment,
                                 .instance = config.instance,
                                 .pod_uid = config.pod_uid,
                                 .token = std::nullopt,
                                 .guard_version = options.version,
                                 .identity_key = config.identity_key,
                                 .delivery_key = config.delivery_key,
                                 .payload_header_sm3 = crypto::sm3(payload_header)},
                  clock, *tools);
  return ok();
}

asio::awaitable<Result<void>> Guard::Impl::open_payload_in_thread(SealedFile segments) {
  const PayloadKey key = payload_key(session->grant());
  std::atomic<bool> cancel = false;
  std::optional<Result<void>> result;
  std::thread worker([&] {
    auto opened = open_payload(payload_header, std::move(segments), key, options.config.folders.app, *provider, cancel);
    asio::post(io, [this, &result, done = std::move(opened)]() mutable {
      result.emplace(std::move(done));
      bell.ring();
    });
  });
  while (!result) {
    if (stopping()) cancel = true;
    co_await bell.wait(milliseconds(500));
  }
  worker.join();
  session->forget_root_key();
  co_return std::move(*result);
}

asio::awaitable<bool> Guard::Impl::bring_up_model() {
  while (!stopping() && !model->payload()) co_await bell.wait(seconds(60));
  if (stopping()) co_return false;
  HandedPayload payload = std::move(*model->payload());
  model->payload().reset();
  if (auto begun = begin_session(std::move(payload.header)); !begun) {
    log(begun.error().message());
    stop(GuardExit::kFailed);
    co_return false;
  }
  tasks.spawn("platform", converse());
  while (!stopping() && !session->has_grant()) co_await bell.wait(seconds(60));
  if (stopping()) co_return false;
  const auto before = clock.steady_now();
  auto opening = open_payload_in_thread(std::move(payload.segments));
  auto opened = co_await std::move(opening);
  if (stopping()) co_return false;
  if (!opened) {
    log("the payload cannot be opened (" + opened.error().reason() + "): " + opened.error().message() +
        ". Nothing of it was run. Deploy the accepted version again; if that fails too, its image was altered");
    stop(GuardExit::kFailed);
    co_return false;
  }
  const auto took = std::chrono::duration_cast<milliseconds>(clock.steady_now() - before);
  log("payload opened into memory in " + std::to_string(took.count()) + " ms; starting the model");
  model->start();
  while (!stopping() && !model->runs()) co_await bell.wait(seconds(60));
  co_return !stopping();
}

asio::awaitable<void> Guard::Impl::wait_until_ready() {
  milliseconds interval{50};
  auto told_at = clock.steady_now();
  while (!stopping()) {
    auto asked = ask_ready(options.config.model_socket(0), options.config.model_uid, options.config.readiness);
    auto ready = co_await std::move(asked);
    if (ready) {
      answered_at = clock.steady_now();
      co_return;
    }
    if (clock.steady_now() - told_at >= seconds(30)) {
      log("the model is not ready yet: " + ready.error().message());
      told_at = clock.steady_now();
    }
    co_await pause(interval);
    interval = std::min(interval * 3 / 2, milliseconds(1000));
  }
}

asio::awaitable<void> Guard::Impl::watch_readiness() {
  while (!stopping()) {
    auto asked = ask_ready(options.config.model_socket(0), options.config.model_uid, options.config.readiness);
    auto ready = co_await std::move(asked);
    if (ready) {
      if (!answered_at) log("the model is ready again");
      answered_at = clock.steady_now();
    } else if (ready.error().reason() == "model-not-ready" || ready.error().reason() == "another-user") {
      if (answered_at) log("the model is not ready any more: " + ready.error().message());
      answered_at.reset();
    }
    tell_state();
    co_await pause(kReadinessCheck);
  }
}

bool Guard::Impl::listeners_are_ours() {
  const auto listeners = keyholder::read_listeners();
  if (!listeners) {
    log("cannot tell who listens in this container (" + listeners.error().message() + "), so the model is stopped");
    stop(GuardExit::kFailed);
    return false;
  }
  const auto foreign = find_foreign_listener(*listeners, own_inodes);
  if (!foreign) return true;
  log(describe_foreign_listener(*foreign));
  stop(GuardExit::kModelStopped);
  return false;
}

// Who sends calls here learns of the end at the same time as we do, or later: so for a while all goes on, the renewals
// too, and every answer says that its connection ends with it.
asio::awaitable<void> Guard::Impl::lame_duck() {
  tell_state();
  co_await pause(options.config.lame_duck);
  stop(GuardExit::kStopped);
}

// No connection is taken any more, and those that are there end with their next answer.
asio::awaitable<void> Guard::Impl::drain(std::chrono::steady_clock::time_point deadline) {
  for (const ServedPort& port : ports) {
    for (const keyholder::ListenSocket& socket : port.sockets) {
      if (auto stopped = socket.stop_new_connections(); !stopped) log(stopped.error().message());
    }
  }
  const auto taken_by = std::min(deadline, clock.steady_now() + kConnecting);
  while (!hurry && clock.steady_now() < taken_by)
    co_await bell.wait(std::chrono::ceil<milliseconds>(taken_by - clock.steady_now()));
  draining = true;
  tell_state();
  while (!hurry && clock.steady_now() < deadline && nginx->pid() && !key_socket->workers_are_drained())
    co_await bell.wait(std::chrono::ceil<milliseconds>(deadline - clock.steady_now()));
}

asio::awaitable<void> Guard::Impl::shut_down() {
  const auto deadline = clock.steady_now() + options.config.termination_grace;
  if (*exit == GuardExit::kStopped) {
    auto draining_now = drain(deadline - kModelStop);
    co_await std::move(draining_now);
  } else {
    draining = true;
    tell_state();
    model->end(milliseconds(0));  // nothing of it is wanted any more
  }
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock.steady_now()) - kModelStop;
  const bool patient = *exit == GuardExit::kStopped && !hurry;
  co_await nginx->stop(patient ? std::max(left, milliseconds(500)) : milliseconds(500));
  model->end(kModelStop);
  const auto ended_by = clock.steady_now() + kModelStop + kModelGone;
  while (model->may_run() && clock.steady_now() < ended_by)
    co_await bell.wait(std::chrono::ceil<milliseconds>(ended_by - clock.steady_now()));
}

asio::awaitable<void> Guard::Impl::life() {
  tasks.spawn("signals", watch_signals());
  tasks.spawn("orphans", watch_orphans());
  auto started = co_await nginx->start();
  if (!started) {
    log(started.error().message());
    exit = GuardExit::kFailed;
    co_return;
  }
  tasks.spawn("nginx", nginx->supervise());
  tasks.spawn("model's container", model->follow());
  if (co_await bring_up_model()) {
    co_await wait_until_ready();
    tasks.spawn("readiness", watch_readiness());
    while (!stopping() && listeners_are_ours()) {
      model_ready = true;
      tell_state();
      co_await pause(kListenerCheck);
    }
  }
  co_await shut_down();
}

Guard::Guard(GuardOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Guard::~Guard() = default;

GuardExit Guard::run() {
  if (auto prepared = impl_->prepare(); !prepared) {
    impl_->log(prepared.error().message());
    return GuardExit::kFailed;
  }
  impl_->tasks.run(impl_->life());
  impl_->model.reset();  // and with the connection whatever is left over there
  impl_->key_socket.reset();
  return impl_->exit.value_or(GuardExit::kFailed);
}

}  // namespace mifeng::guard

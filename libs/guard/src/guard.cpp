#include "mifeng/guard/guard.h"

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "guard_impl.h"
#include "mifeng/base/guard_words.h"
#include "mifeng/guard/folders.h"
#include "mifeng/guard/open_payload.h"
#include "mifeng/keyholder/process.h"
#include "mifeng/os/file.h"

namespace mifeng::guard {

namespace {

constexpr milliseconds kConnecting{100};  // for connections that are just being made when no more are taken
constexpr milliseconds kModelStop{1200};  // for a model that has no request left
constexpr milliseconds kModelGone{2000};  // until a killed one is known to have ended
constexpr seconds kRepeatLog{60};
constexpr seconds kFormerModel{20};   // mifeng-start ends itself and its model within 7 s of its guard's end
constexpr seconds kDoorPatience{45};  // the platform asks the cluster about us, which may be slow itself
constexpr std::size_t kTokenMax = 16'384;

// As a file of Kubernetes has it, or an editor: what stands around it is none of it.
Result<SecretBytes> read_token(const std::filesystem::path& file) {
  MIFENG_TRY(const SecretBytes text, read_secret_file(file, kTokenMax));
  const std::string_view all = as_text(text.reveal_for_parsing());
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t begin = all.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return Error(ErrorCode::kUnavailable, "no-token", file.string() + " is empty");
  return SecretBytes(as_bytes(all.substr(begin, all.find_last_not_of(kSpace) + 1 - begin)));
}

}  // namespace

Result<void> Guard::Impl::prepare() {
  const GuardConfig& config = options.config;
  MIFENG_TRY(provider, crypto::Sm4GcmProvider::create());
  tools.emplace(messages::SealingTools{random, *provider});
  MIFENG_CHECK(check_in_memory(config.folders.app));
  MIFENG_CHECK(check_in_memory(config.folders.run));
  MIFENG_CHECK(clear_folders(config.folders, kFormerModel));
  keyholder::PlatformAddress address{
      .address = config.platform, .tls_certificate_sm3 = {}, .answer_size_max = 64 << 10};
  if (config.door) address.idle_timeout = kDoorPatience;
  MIFENG_TRY(link, keyholder::HttpPlatformLink::create(address));
  MIFENG_CHECK(open_sockets());
  MIFENG_CHECK(start_key_socket());
  MIFENG_CHECK(configure_nginx());
  return listen_for_model();
}

Result<void> Guard::Impl::listen_for_model() {
  ModelContainerCallbacks callbacks;
  callbacks.on_changed = [this] { bell.ring(); };
  callbacks.on_asked = [this] { be_asked_to_stop(++asked_by_model); };
  callbacks.on_ended = [this](const std::string& how) { note_model_ended(how); };
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

asio::awaitable<void> Guard::Impl::pause(milliseconds duration, std::function<bool()> enough) {
  const auto until = clock.steady_now() + duration;
  while (!stopping() && !(enough && enough())) {
    const auto left = std::chrono::ceil<milliseconds>(until - clock.steady_now());
    if (left.count() <= 0) break;
    co_await bell.wait(left);
  }
}

void Guard::Impl::tell_state() {
  // Its seal key is with a worker before it hears of being ready.
  const bool ready = model_ready && !draining && session && session->listed() && key_socket->workers_have_seal_keys();
  const proxy::GuardState state{.ready = ready, .draining = draining, .lame_duck = asked_to_stop};
  if (state.ready && !told.ready)
    log(std::string(guard_words::kReady) + "the model answers, and the gateways know this instance");
  if (state != told) key_socket->set_state(state);
  told = state;
  health->set_ready(ready && model_answers());
}

void Guard::Impl::tell_error() {
  const std::string& error = session->last_error();
  const auto now = clock.steady_now();
  if (error.empty() && !logged_error.empty()) log("the platform answers again");
  if (!error.empty() && (error != logged_error || now - logged_at >= kRepeatLog)) {
    log(session->has_grant() ? error : std::string(guard_words::kNoGrant) + error);
    logged_at = now;
  }
  logged_error = error;
}

asio::awaitable<void> Guard::Impl::converse() {
  while (!stopping()) {
    if (session->needs_token()) {
      auto token = read_token(options.config.door->token_file);
      if (!token) {
        log("no message to the platform, since the pod's token cannot be read: " + token.error().message());
        co_await pause(seconds(5));
        continue;
      }
      session->set_token(std::move(*token));
    }
    auto exchange = session->next();
    if (!exchange) {
      log("cannot make a message to the platform: " + exchange.error().message());
      co_await pause(seconds(5));
      continue;
    }
    net::Headers headers{{"Mifeng-Deployment", options.config.deployment}, {"Mifeng-Nonce", exchange->nonce}};
    if (options.config.door) headers.add("Mifeng-Door-Tag", options.config.door->tag);
    if (!exchange->printed.empty() && options.print) options.print(exchange->printed);
    auto post = link->post(exchange->path, std::move(headers), std::move(exchange->body), exchange->what);
    auto answer = co_await std::move(post);
    Result<Bytes> body = answer ? Result<Bytes>(std::move(answer->body)) : Result<Bytes>(answer.error());
    const bool had_grant = session->has_grant();
    switch (session->handle(body)) {
      case GrantSession::Step::kNothing: break;
      case GrantSession::Step::kGranted:
        log(std::string(guard_words::kGranted) + session->grant().instance_id + " of deployment " +
            options.config.deployment + (had_grant ? ", anew" : ""));
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
    std::function<bool()> at_once = [this] { return session->delay().count() == 0; };
    auto pausing = pause(session->delay(), std::move(at_once));
    co_await std::move(pausing);
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

// Those who send calls here learn of the end at the same time as we do, or later: so for a while all goes on, the
// renewals too, and every answer says that its connection ends with it.
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
  tasks.spawn("readiness", watch_readiness());
  auto bringing_up = bring_up_model();
  bool started_model = co_await std::move(bringing_up);
  while (started_model) {
    auto serving = serve_model();
    co_await std::move(serving);
    auto starting = start_model_again();
    started_model = co_await std::move(starting);
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

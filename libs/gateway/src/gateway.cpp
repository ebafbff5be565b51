#include "mifeng/gateway/gateway.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <utility>

#include "mifeng/base/beginning.h"
#include "mifeng/gateway/reports.h"
#include "mifeng/gateway/snapshots.h"
#include "mifeng/gateway/state.h"
#include "mifeng/keyholder/key_socket.h"
#include "mifeng/keyholder/listen_socket.h"
#include "mifeng/keyholder/nginx.h"
#include "mifeng/keyholder/platform_link.h"
#include "mifeng/keyholder/process.h"
#include "mifeng/keyholder/tasks.h"
#include "mifeng/os/file.h"
#include "nginx_config.h"
#include "run_folder.h"
#include "worker_user.h"

namespace mifeng::gateway {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr seconds kReportInterval{10};
constexpr seconds kSilenceMax{6};  // three heartbeats
constexpr milliseconds kReconnectMin{200};
constexpr milliseconds kReconnectMax{5000};
constexpr milliseconds kEnrolRetryMax{15'000};
constexpr seconds kRepeatLog{60};
constexpr seconds kStopGrace{8};  // of the 10 that a program has (spec/processes.md)
// In which callers that are about to call have an answer that says that its connection ends; without calls for a while
// there are none of these.
constexpr milliseconds kLeaving{1000};
constexpr seconds kQuiet{5};

}  // namespace

struct Gateway::Impl {
  explicit Impl(GatewayOptions given) : options(std::move(given)) {}

  GatewayOptions options;
  asio::io_context io{1};
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider;
  std::optional<messages::SealingTools> tools;
  keyholder::Tasks tasks{io, [this](const std::string& line) { log(line); }};
  keyholder::Bell bell{io};
  std::optional<StateFolder> state;
  std::optional<Membership> member;
  std::optional<SnapshotKeeper> snapshots;
  std::optional<Reports> reports;
  std::optional<keyholder::ListenSocket> socket;
  std::unique_ptr<keyholder::KeySocketServer> key_socket;
  std::unique_ptr<RunFolder> run_folder;
  std::optional<keyholder::NginxSupervisor> nginx;
  keyholder::ResponseUnwrapper unwrapper{clock};
  std::unique_ptr<keyholder::HttpPlatformLink> link;    // for what is answered
  std::unique_ptr<keyholder::HttpPlatformLink> stream;  // for what is followed
  bool nginx_started = false;
  bool told_ready = false;
  bool told_expired = false;
  bool platform_is_away = false;
  std::chrono::steady_clock::time_point ready_at{};                // when it said that it is ready
  std::optional<std::chrono::steady_clock::time_point> called_at;  // when calls were counted last
  std::optional<messages::GatewayTrouble> trouble_in_use;          // of the snapshot in use
  std::uint64_t taken_serial = 0;
  std::uint64_t confirmed_serial = 0;
  std::optional<GatewayExit> exit;
  std::string logged_error;
  std::chrono::steady_clock::time_point logged_at{};

  void log(const std::string& line) const {
    if (options.log) options.log(line);
  }
  void stop(GatewayExit status) {
    if (!exit) exit = status;
    bell.ring();
  }
  bool stopping() const { return exit.has_value(); }
  // The same complaint only once a minute.
  void complain(const std::string& line) {
    const auto now = clock.steady_now();
    if (line == logged_error && now - logged_at < kRepeatLog) return;
    log(line);
    logged_error = line;
    logged_at = now;
  }

  Result<void> prepare();
  Result<void> join();
  Result<void> listen();
  void use_snapshot();
  messages::GatewayTrouble trouble_of(std::string reason, const std::string& detail) const;
  void offer(const messages::SnapshotFrame& frame);
  void tell_ready();
  void rotate_access_log();
  asio::awaitable<void> pause(milliseconds duration);
  asio::awaitable<bool> enrol();
  asio::awaitable<void> follow();
  asio::awaitable<Result<void>> follow_once(milliseconds& delay);
  asio::awaitable<void> report();
  asio::awaitable<Result<void>> post_report(messages::Report report, std::string path, std::string what);
  asio::awaitable<void> confirm();
  asio::awaitable<void> watch_signals();
  asio::awaitable<void> take_leave();
  asio::awaitable<void> life();
};

Result<void> Gateway::Impl::prepare() {
  MIFENG_TRY(provider, crypto::Sm4GcmProvider::create());
  tools.emplace(messages::SealingTools{random, *provider});
  MIFENG_TRY(StateFolder opened, StateFolder::open(options.state, options.master_key, *tools));
  state.emplace(std::move(opened));
  MIFENG_CHECK(join());
  snapshots.emplace(*state, *member, clock, *tools);
  if (auto loaded = snapshots->load(); !loaded) log(loaded.error().message() + "; waiting for a new one");
  reports.emplace(member->gateway, clock);
  keyholder::PlatformAddress address{.address = member->platform,
                                     .tls_certificate_sm3 = member->tls_certificate_sm3,
                                     .answer_size_max = messages::kSnapshotSizeMax};
  MIFENG_TRY(link, keyholder::HttpPlatformLink::create(address));
  address.idle_timeout = kSilenceMax;
  MIFENG_TRY(stream, keyholder::HttpPlatformLink::create(address));
  return listen();
}

Result<void> Gateway::Impl::join() {
  MIFENG_TRY(member, state->load());
  if (member && !member->pending) return ok();
  if (!options.join) {
    if (member) return ok();  // goes on with the enrolment that it had begun
    return Error(ErrorCode::kInvalidArgument, "not-enrolled",
                 "this gateway belongs to no platform yet; start it once with --join and the join file that an "
                 "administrator made (console: Gateways, or `mifeng gateway join-file`)");
  }
  MIFENG_TRY(const SecretBytes text, read_secret_file(*options.join, 1 << 20));
  auto file = messages::decode_join(text.reveal_for_parsing());
  if (!file) return file.error().with_context(options.join->string());
  MIFENG_TRY(member, state->begin_enrolment(*file, options.version));
  return ok();
}

Result<void> Gateway::Impl::listen() {
  MIFENG_TRY(const std::optional<WorkerUser> user, choose_worker_user(options.user));
  auto opened = keyholder::ListenSocket::open(options.address, options.port);
  if (!opened) return opened.error();
  socket.emplace(std::move(*opened));
  MIFENG_TRY(run_folder, RunFolder::create(options.state, user ? std::optional(user->gid) : std::nullopt));
  keyholder::KeySocketCallbacks callbacks;
  callbacks.on_unwrap = [this](const proxy::UnwrapRequest& request) -> Result<proxy::Unwrapped> {
    if (snapshots->is_expired())
      return Error(ErrorCode::kVerificationFailed, "snapshot-expired", "the snapshot in force has expired");
    return unwrapper.unwrap(request);
  };
  callbacks.on_counts = [this](const proxy::Counts& counts) {
    if (!counts.rows.empty()) called_at = clock.steady_now();
    reports->add(counts);
  };
  callbacks.on_table_taken = [this](std::uint64_t serial) {
    taken_serial = serial;
    tell_ready();
    bell.ring();
  };
  callbacks.on_log = [this](const std::string& line) { log(line); };
  keyholder::KeySocketOptions key_options;
  key_options.path = run_folder->path() / "key.sock";
  key_options.role = proxy::Role::kGateway;
  if (user) {
    key_options.worker_uid = user->uid;
    key_options.worker_gid = user->gid;
  }
  // Others may run under the workers' uid.
  key_options.is_worker = [this](int pid) {
    return nginx && nginx->pid() && keyholder::parent_of(pid) == *nginx->pid();
  };
  MIFENG_TRY(key_socket, keyholder::KeySocketServer::create(io, std::move(key_options), std::move(callbacks)));
  MIFENG_TRY(const std::string text, nginx_configuration(options, *socket, run_folder->path(), user, clock));
  const std::filesystem::path file = run_folder->path() / "nginx.conf";
  MIFENG_CHECK(write_file_atomic(file, as_bytes(text), 0600));
  keyholder::NginxOptions start;
  start.program = options.nginx;
  start.prefix = run_folder->path();
  start.configuration = file;
  start.listen_fds = {socket->fd()};
  start.log = [this](const std::string& line) { log(line); };
  nginx.emplace(io, std::move(start));
  return ok();
}

// For the platform too, whose people see it: theirs is the machine where it can be mended.
messages::GatewayTrouble Gateway::Impl::trouble_of(std::string reason, const std::string& detail) const {
  return {std::move(reason), one_line(detail, messages::kTroubleDetailMax - 3)};
}

void Gateway::Impl::use_snapshot() {
  const messages::Snapshot& snapshot = *snapshots->current();
  const proxy::Table table = to_table(snapshot);
  std::vector<crypto::Sm2PrivateKey> output_keys;
  for (const messages::SnapshotOutputKey& key : snapshot.output_keys) output_keys.push_back(key.private_key.clone());
  // Keys and instances first: a worker that has the new table may ask about a new instance at once.
  const auto pushed = [&]() -> Result<proxy::LeftOut> {
    MIFENG_CHECK(unwrapper.update(std::move(output_keys), table.instances));
    return key_socket->push_table(table);
  }();
  const auto former = std::exchange(trouble_in_use, std::nullopt);
  if (!pushed) {
    complain("the workers cannot use the snapshot: " + pushed.error().message());
    trouble_in_use = trouble_of(pushed.error().reason(), pushed.error().message());
  } else if (pushed->count > 0) {
    trouble_in_use = trouble_of(messages::kEntriesLeftOut, pushed->text());
    // Snapshots come often; what they leave out is mostly the same.
    if (trouble_in_use != former)
      log("from snapshot " + std::to_string(table.serial) + " on is left out: " + trouble_in_use->detail);
  }
  reports->set_trouble(trouble_in_use);
}

void Gateway::Impl::offer(const messages::SnapshotFrame& frame) {
  auto is_new = snapshots->offer(frame);
  if (!is_new) {
    reports->add_refusal(is_new.error().reason());
    complain("a snapshot was refused (" + is_new.error().reason() + "): " + is_new.error().message());
    reports->set_trouble(trouble_of(is_new.error().reason(), is_new.error().message()));
    return;
  }
  // The newest there is, once more: what was refused in between counts no longer.
  if (!*is_new) return reports->set_trouble(trouble_in_use);
  told_expired = false;
  use_snapshot();
  bell.ring();
}

void Gateway::Impl::tell_ready() {
  if (told_ready || !nginx_started || taken_serial == 0 || snapshots->is_expired()) return;
  told_ready = true;
  ready_at = clock.steady_now();
  if (!secret_memory_is_locked())
    log("some keys lie in memory that cannot be locked against swap; raise the limit of locked memory (ulimit -l)");
  const bool tls = uses_tls(options);
  const std::string url = (tls ? "https://" : "http://") + socket->name();
  log("ready: serving on " + url);
  if (options.ready) options.ready(url);
}

asio::awaitable<void> Gateway::Impl::pause(milliseconds duration) {
  const auto until = clock.steady_now() + duration;
  while (!stopping()) {
    const auto left = std::chrono::ceil<milliseconds>(until - clock.steady_now());
    if (left.count() <= 0) break;
    co_await bell.wait(left);
  }
}

asio::awaitable<bool> Gateway::Impl::enrol() {
  milliseconds delay{500};
  while (member->pending && !stopping()) {
    net::Headers headers{{"Mifeng-Nonce", member->pending->nonce}};
    auto post = link->post("/api/v1/gateways/" + member->gateway + "/enrolment", std::move(headers),
                           member->pending->stream, "the enrolment");
    auto answer = co_await std::move(post);
    if (answer) {
      const std::string* serial = answer->headers.find("Mifeng-Serial");
      messages::SnapshotFrame frame{.serial = 0, .stream = std::move(answer->body)};
      if (serial != nullptr) frame.serial = std::strtoull(serial->c_str(), nullptr, 10);
      auto is_new = snapshots->offer(frame);
      if (is_new) {
        if (auto stored = state->finish_enrolment(*member); !stored) {
          log(stored.error().message());
          stop(GatewayExit::kFailed);
          co_return false;
        }
        log("enrolled as " + member->gateway);
        co_return true;
      }
      complain("the answer to the enrolment was refused (" + is_new.error().reason() +
               "): whoever answered is not the platform of the join file (identity key " +
               member->card_keys.identity.fingerprint() + ")");
    } else {
      complain(
          "not enrolled yet: " + answer.error().message() +
          ". Asking again; if the platform refuses it, have a new join file made: its code works once and 24 hours");
    }
    co_await pause(delay);
    delay = std::min(delay * 2, kEnrolRetryMax);
  }
  co_return !member->pending;
}

asio::awaitable<Result<void>> Gateway::Impl::follow_once(milliseconds& delay) {
  messages::FollowRequest ask{.gateway = member->gateway, .nonce = random.hex(16), .time_ms = clock.now_ms()};
  auto signature = messages::sign_follow(ask, member->sign);
  if (!signature) co_return signature.error();
  net::ClientRequest request(
      "GET", "/api/v1/gateways/" + member->gateway + "/snapshots?after=" + std::to_string(snapshots->serial()));
  request.headers.add("Mifeng-Nonce", ask.nonce);
  request.headers.add("Mifeng-Time", std::to_string(ask.time_ms));
  request.headers.add("Mifeng-Signature", to_base64(*signature));
  auto opening = stream->client().open(std::move(request));
  auto opened = co_await std::move(opening);
  if (!opened) co_return opened.error();
  const std::unique_ptr<net::ResponseStream> body = std::move(*opened);
  if (body->status() != 200)
    co_return Error(ErrorCode::kPermissionDenied, "platform-refused",
                    "the platform answers " + std::to_string(body->status()) + " to a request to follow");
  messages::SnapshotFrameReader reader;
  while (!stopping()) {
    auto reading = body->read();
    auto bytes = co_await std::move(reading);
    if (!bytes) co_return bytes.error();
    if (bytes->empty()) co_return Error(ErrorCode::kUnavailable, "connection-lost", "the platform ended the stream");
    std::vector<messages::SnapshotFrame> frames;
    auto fed = reader.feed(*bytes, frames);
    if (!fed) co_return fed.error();
    delay = kReconnectMin;
    if (platform_is_away) log("the platform is there again");
    platform_is_away = false;
    logged_error.clear();
    for (const messages::SnapshotFrame& frame : frames)
      if (!frame.stream.empty()) offer(frame);
  }
  co_return ok();
}

asio::awaitable<void> Gateway::Impl::follow() {
  auto delay = kReconnectMin;
  while (!stopping()) {
    auto once = follow_once(delay);
    auto ended = co_await std::move(once);
    if (stopping()) break;
    platform_is_away = platform_is_away || !ended;
    if (!ended)
      complain("the platform cannot be followed: " + ended.error().message() + ". Serving from snapshot " +
               std::to_string(snapshots->serial()) +
               (snapshots->current() ? " until " + format_time(snapshots->current()->expires_ms) : "") +
               ", and connecting again");
    std::uint8_t chance[1];
    random.fill(chance);
    co_await pause(delay + delay * chance[0] / (5 * 255));
    delay = std::min(delay * 2, kReconnectMax);
  }
}

asio::awaitable<Result<void>> Gateway::Impl::post_report(messages::Report report, std::string path, std::string what) {
  auto sealed = messages::seal_report(report, member->card_keys.delivery.key, member->sign, *tools);
  if (!sealed) co_return sealed.error();
  net::Headers headers{{"Mifeng-Serial", std::to_string(report.serial)}};
  auto post =
      link->post("/api/v1/gateways/" + member->gateway + path, std::move(headers), std::move(*sealed), std::move(what));
  auto answer = co_await std::move(post);
  if (!answer) co_return answer.error();
  co_return ok();
}

void Gateway::Impl::rotate_access_log() {
  // Copied and cut, not renamed: the workers, who append to it, could not open another one in our folder.
  const std::filesystem::path log_path = options.state / "access.log";
  const std::filesystem::path old_path = options.state / "access.log.1";
  std::error_code error;
  const auto size = std::filesystem::file_size(log_path, error);
  if (error || size <= options.access_log_max) return;
  std::filesystem::copy_file(log_path, old_path, std::filesystem::copy_options::overwrite_existing, error);
  if (!error) std::filesystem::resize_file(log_path, 0, error);
  if (error) complain("the access log cannot be cut: " + error.message() + "; see that the disk has room");
}

asio::awaitable<void> Gateway::Impl::report() {
  while (!stopping()) {
    co_await pause(kReportInterval);
    rotate_access_log();
    reports->close_period(snapshots->serial());
    while (const messages::Report* next = reports->front()) {
      auto post = post_report(*next, "/reports", "a report");
      auto sent = co_await std::move(post);
      // What the platform will never take must not hold up the rest.
      if (!sent && sent.error().reason() != "platform-refused") break;
      if (!sent) complain(sent.error().message());
      reports->delivered();
    }
    if (snapshots->is_expired() && snapshots->current() != nullptr && !told_expired) {
      log("the snapshot has expired at " + format_time(snapshots->current()->expires_ms) +
          " and the platform has given no other, so nothing is served any more; see that mifengd runs and is reached");
      told_expired = true;
    }
  }
}

asio::awaitable<void> Gateway::Impl::confirm() {
  while (!stopping()) {
    if (taken_serial <= confirmed_serial) {
      co_await bell.wait(seconds(60));
      continue;
    }
    const std::uint64_t serial = taken_serial;
    messages::Report confirmation;
    confirmation.gateway = member->gateway;
    confirmation.serial = serial;
    confirmation.from_ms = confirmation.to_ms = clock.now_ms();
    auto post = post_report(std::move(confirmation), "/confirmations", "a confirmation");
    auto sent = co_await std::move(post);
    if (sent) {
      confirmed_serial = serial;
    } else {
      co_await pause(seconds(2));
    }
  }
}

asio::awaitable<void> Gateway::Impl::watch_signals() {
  asio::signal_set signals(io, SIGTERM, SIGINT);
  while (true) {
    co_await signals.async_wait(asio::use_awaitable);
    stop(GatewayExit::kStopped);
  }
}

// Whoever connects now is to find another gateway, or the next one here; whoever has a connection is told with his next
// answer that it ends. Closed at once, it would take along a call that is just being written to it.
asio::awaitable<void> Gateway::Impl::take_leave() {
  if (!told_ready) co_return;
  // Of the latest calls the workers have not said yet: one that has just started may have had some.
  const auto last = std::max(ready_at, called_at.value_or(ready_at));
  if (clock.steady_now() - last > kQuiet) co_return;
  if (auto stopped = socket->stop_new_connections(); !stopped) log(stopped.error().message());
  key_socket->set_state({.ready = false, .draining = false, .lame_duck = true});
  const auto until = clock.steady_now() + kLeaving;
  while (clock.steady_now() < until) co_await bell.wait(milliseconds(100));
}

asio::awaitable<void> Gateway::Impl::life() {
  tasks.spawn("signals", watch_signals());
  if (member->pending && !co_await enrol()) co_return;
  // Before there is a worker: each takes no request until it has a table.
  if (snapshots->current() != nullptr) use_snapshot();
  auto started = co_await nginx->start();
  if (!started) {
    log(started.error().message());
    stop(GatewayExit::kFailed);
    co_return;
  }
  nginx_started = true;
  tell_ready();
  tasks.spawn("nginx", nginx->supervise());
  tasks.spawn("follow", follow());
  tasks.spawn("reports", report());
  tasks.spawn("confirmations", confirm());
  while (!stopping()) co_await bell.wait(seconds(60));
  if (exit == GatewayExit::kStopped) {
    auto leaving = take_leave();
    co_await std::move(leaving);
  }
  co_await nginx->stop(kStopGrace - kLeaving);
}

Gateway::Gateway(GatewayOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Gateway::~Gateway() = default;

GatewayExit Gateway::run() {
  if (auto prepared = impl_->prepare(); !prepared) {
    impl_->log(prepared.error().message());
    return GatewayExit::kFailed;
  }
  impl_->tasks.run(impl_->life());
  impl_->key_socket.reset();
  return impl_->exit.value_or(GatewayExit::kFailed);
}

}  // namespace mifeng::gateway

// The guard's parts, of one event loop with one thread. guard.cpp has its sockets, the platform and its end,
// guard_model.cpp the model's life.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <set>

#include "health.h"
#include "mifeng/base/clock.h"
#include "mifeng/base/random.h"
#include "mifeng/guard/guard.h"
#include "mifeng/guard/session.h"
#include "mifeng/keyholder/key_socket.h"
#include "mifeng/keyholder/nginx.h"
#include "mifeng/keyholder/platform_link.h"
#include "mifeng/keyholder/tasks.h"
#include "model_container.h"
#include "nginx_config.h"

namespace mifeng::guard {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Guard::Impl {
  explicit Impl(GuardOptions given) : options(std::move(given)) {}

  GuardOptions options;
  asio::io_context io{1};
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider;
  std::optional<messages::SealingTools> tools;
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
  milliseconds start_again_delay{};
  std::chrono::steady_clock::time_point started_at{};  // the model, at last
  bool model_ready = false;
  // The model, at last; nothing where it says that it is not ready.
  std::optional<std::chrono::steady_clock::time_point> answered_at;
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
  // Until then, until this stops, or `enough` says so.
  asio::awaitable<void> pause(milliseconds duration, std::function<bool()> enough = {});
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
  asio::awaitable<bool> start_model();
  asio::awaitable<bool> start_model_again();
  asio::awaitable<void> serve_model();
  void note_model_ended(const std::string& how);
  asio::awaitable<void> wait_until_ready();
  asio::awaitable<void> watch_readiness();
  bool model_answers() const;
  bool listeners_are_ours();
  asio::awaitable<void> lame_duck();
  asio::awaitable<void> drain(std::chrono::steady_clock::time_point deadline);
  asio::awaitable<void> shut_down();
  asio::awaitable<void> life();
};

}  // namespace mifeng::guard

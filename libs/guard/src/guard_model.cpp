// The model's life, as far as its guard has to do with it: payload, grant, start, readiness, and starts after the
// first.
#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <thread>

#include "guard_impl.h"
#include "mifeng/base/guard_words.h"
#include "mifeng/guard/model.h"
#include "mifeng/guard/open_payload.h"

namespace mifeng::guard {

namespace {

constexpr milliseconds kListenerCheck{2000};
constexpr milliseconds kReadinessCheck{2000};
constexpr seconds kPayloadPatience{30};  // without a byte of it
constexpr seconds kModelSilence{30};     // a model that works on a long call answers nothing else meanwhile
// Before a model that ended is started again: twice as long each time, save after a run of kStable.
constexpr milliseconds kStartAgainMin{100};
constexpr milliseconds kStartAgainMax{30'000};
constexpr std::chrono::minutes kStable{10};

}  // namespace

Result<void> Guard::Impl::begin_session(SealedFile header) {
  MIFENG_TRY(payload_header, header.read_all());
  const GuardConfig& config = options.config;
  session.emplace(SessionOptions{.deployment = config.deployment,
                                 .instance = config.instance,
                                 .pod_uid = config.door ? std::optional(config.door->pod_uid) : std::nullopt,
                                 .proves_by_token = config.door.has_value(),
                                 .guard_version = options.version,
                                 .identity_key = config.identity_key,
                                 .delivery_key = config.delivery_key,
                                 .payload_header_sm3 = crypto::sm3(payload_header)},
                  clock, *tools);
  return ok();
}

asio::awaitable<Result<void>> Guard::Impl::open_payload_in_thread(SealedFile segments) {
  const PayloadKey key = payload_key(session->grant());
  PayloadProgress progress;
  Standstill standstill(kPayloadPatience, clock.steady_now());
  std::optional<Result<void>> result;
  std::thread worker([&] {
    auto opened =
        open_payload(payload_header, std::move(segments), key, options.config.folders.app, *provider, progress);
    asio::post(io, [this, &result, done = std::move(opened)]() mutable {
      result.emplace(std::move(done));
      bell.ring();
    });
  });
  while (!result) {
    if (stopping()) progress.cancel = true;
    if (standstill.lasts(progress.bytes, clock.steady_now())) {
      // The thread hangs in a read, which nothing in this process ends: it would wait for it with the rest of its end.
      log("the payload's segments have not been read any further for " + std::to_string(kPayloadPatience.count()) +
          " s (" + std::to_string(progress.bytes) + " bytes until then), so this unit ends; look at the node's disk");
      std::_Exit(static_cast<int>(GuardExit::kFailed));
    }
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
  log(std::string(guard_words::kStarting) + std::to_string(took.count()) + " ms; starting the model");
  auto starting = start_model();
  co_return co_await std::move(starting);
}

asio::awaitable<bool> Guard::Impl::start_model() {
  started_at = clock.steady_now();
  model->start();
  // One that ended at once was started as well.
  while (!stopping() && model->may_run() && !model->runs()) co_await bell.wait(seconds(60));
  co_return !stopping();
}

void Guard::Impl::note_model_ended(const std::string& how) {
  model_ready = false;
  answered_at.reset();
  if (stopping()) return bell.ring();
  const std::string sentence = std::string(guard_words::kModelEnded) + how + "), ";
  const std::string where = "; its own words stand in the log of the model's container";
  count_event("model-ended");
  tell_state();
  if (asked_to_stop) {
    log(sentence + "so this unit ends" + where);
    return stop(GuardExit::kModelEnded);
  }
  log(sentence + "and is to be started again" + where);
  bell.ring();
}

// In its container, with the payload as it was opened; where the platform, which proves this unit once more, lets it.
asio::awaitable<bool> Guard::Impl::start_model_again() {
  const bool was_stable = clock.steady_now() - started_at >= kStable;
  start_again_delay = was_stable ? kStartAgainMin : std::clamp(start_again_delay * 2, kStartAgainMin, kStartAgainMax);
  co_await pause(start_again_delay);
  if (stopping()) co_return false;
  session->ask_start(model->starts() + 1);
  bell.ring();
  while (!stopping() && session->start_word() == GrantSession::StartWord::kAsked) co_await bell.wait(seconds(60));
  if (stopping()) co_return false;
  if (session->start_word() == GrantSession::StartWord::kRefused) {
    log("the platform does not let the model start again, so this unit ends; look at the deployment and the audit log");
    stop(GuardExit::kModelEnded);
    co_return false;
  }
  log(std::string(guard_words::kStartingAgain) + "start " + std::to_string(model->starts() + 1));
  auto starting = start_model();
  co_return co_await std::move(starting);
}

bool Guard::Impl::model_answers() const { return answered_at && clock.steady_now() - *answered_at <= kModelSilence; }

asio::awaitable<void> Guard::Impl::wait_until_ready() {
  milliseconds interval{50};
  auto told_at = clock.steady_now();
  while (!stopping() && model->runs() && listeners_are_ours()) {
    auto asked = ask_ready(options.config.model_socket(0), options.config.model_uid, options.config.readiness);
    auto ready = co_await std::move(asked);
    if (!model->runs()) co_return;
    if (ready) {
      answered_at = clock.steady_now();
      co_return;
    }
    if (clock.steady_now() - told_at >= seconds(30)) {
      log(std::string(guard_words::kNotReadyYet) + ready.error().message());
      told_at = clock.steady_now();
    }
    co_await pause(interval);
    interval = std::min(interval * 3 / 2, milliseconds(1000));
  }
}

// Until the model ends, or this.
asio::awaitable<void> Guard::Impl::serve_model() {
  auto waiting = wait_until_ready();
  co_await std::move(waiting);
  while (!stopping() && model->runs() && listeners_are_ours()) {
    model_ready = true;
    tell_state();
    std::function<bool()> ended = [this] { return !model->runs(); };
    auto pausing = pause(kListenerCheck, std::move(ended));
    co_await std::move(pausing);
  }
}

asio::awaitable<void> Guard::Impl::watch_readiness() {
  while (!stopping()) {
    if (!model_ready) {
      co_await bell.wait(kReadinessCheck);
      continue;
    }
    auto asked = ask_ready(options.config.model_socket(0), options.config.model_uid, options.config.readiness);
    auto ready = co_await std::move(asked);
    if (!model_ready) continue;  // it has ended meanwhile
    if (ready) {
      if (!answered_at) log(std::string(guard_words::kReadyAgain));
      answered_at = clock.steady_now();
    } else if (ready.error().reason() == "model-not-ready" || ready.error().reason() == "another-user") {
      if (answered_at) log(std::string(guard_words::kNotReadyAnyMore) + ready.error().message());
      answered_at.reset();
    }
    tell_state();
    co_await pause(kReadinessCheck);
  }
}

bool Guard::Impl::listeners_are_ours() {
  const auto listeners = net::read_listeners();
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

}  // namespace mifeng::guard

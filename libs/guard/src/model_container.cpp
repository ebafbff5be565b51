#include "model_container.h"

#include <csignal>

#include "mifeng/os/child_process.h"

namespace mifeng::guard {

namespace asio = boost::asio;
using start::Word;
using std::chrono::milliseconds;

namespace {

// For a container that has connected, and for every step of it.
constexpr milliseconds kPayloadPatience{30'000};
constexpr const char* kLookThere = "; look at the log of the model's container";

std::string describe_end(const start::Message& message) {
  ChildExit ended;
  (message.word == Word::kExited ? ended.code : ended.signal) = static_cast<int>(message.detail);
  // libpod, and so the platform, hears of it what it hears of every end.
  if (ended.signal == SIGKILL)
    return ended.describe() +
           ", most likely because it needed more than its memory limit: raise resources.limits.memory";
  return ended.describe();
}

}  // namespace

Result<std::unique_ptr<ModelContainer>> ModelContainer::listen(asio::io_context& io, const std::filesystem::path& path,
                                                               ::uid_t peer, ModelContainerCallbacks callbacks) {
  MIFENG_TRY(auto link, ModelLink::listen(io, path, peer));
  return std::unique_ptr<ModelContainer>(new ModelContainer(std::move(link), std::move(callbacks)));
}

asio::awaitable<void> ModelContainer::follow() {
  auto taking = link_->take_payload(kPayloadPatience);
  auto taken = co_await std::move(taking);
  if (!taken) {
    const bool gone = taken.error().reason() == "link-broken";
    over(gone ? GuardExit::kModelEnded : GuardExit::kFailed,
         "no payload was handed over (" + taken.error().reason() + "): " + taken.error().message() + kLookThere);
    co_return;
  }
  payload_.emplace(std::move(*taken));
  callbacks_.on_changed();
  for (bool more = true; more;) {
    auto listening = link_->next();
    auto message = co_await std::move(listening);
    if (message) {
      more = hear(*message);
    } else if (message.error().reason() == "link-broken") {
      more = false;
      over(GuardExit::kModelEnded,
           "the model's container has gone (" + message.error().message() + "), so this unit ends" + kLookThere);
    } else {
      more = false;
      over(GuardExit::kFailed, message.error().message() + ", which is not its to say, so this unit ends" + kLookThere);
    }
  }
}

bool ModelContainer::hear(const start::Message& message) {
  if (message.word == Word::kAsked) {
    callbacks_.on_asked();
    return true;
  }
  if (message.word == Word::kStarted) {
    state_ = State::kRuns;
    callbacks_.on_changed();
    return true;
  }
  if (message.word == Word::kFailed) {
    over(GuardExit::kFailed, std::string("the model's program cannot be run") + kLookThere);
    return false;
  }
  state_ = State::kEnded;
  callbacks_.on_ended(describe_end(message));
  return true;
}

void ModelContainer::over(GuardExit status, const std::string& why) {
  state_ = State::kEnded;
  callbacks_.on_over(status, why);
}

void ModelContainer::start() {
  state_ = State::kStarting;
  // Where it cannot be said, follow() hears the end of the connection.
  (void)link_->start();
}

void ModelContainer::end(milliseconds grace) {
  if (may_run()) (void)link_->end(grace);
}

}  // namespace mifeng::guard

// What the guard knows of the model's container: what comes over the one connection to it, as states and events.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mifeng/guard/guard.h"
#include "mifeng/guard/model_link.h"

namespace mifeng::guard {

// None may block. Called from follow() alone.
struct ModelContainerCallbacks {
  std::function<void()> on_changed;                      // payload() or runs() may have become true
  std::function<void()> on_asked;                        // the engine asked the model's container to end
  std::function<void(const std::string& how)> on_ended;  // the model: "exit status 3"; may_run() is false
  // Nothing more comes from there. `why` is the sentence for the log.
  std::function<void(GuardExit status, const std::string& why)> on_over;
};

class ModelContainer {
 public:
  static Result<std::unique_ptr<ModelContainer>> listen(boost::asio::io_context& io, const std::filesystem::path& path,
                                                        ::uid_t peer, ModelContainerCallbacks callbacks);

  // Takes the connection and the payload, then hears what it says, to its end.
  boost::asio::awaitable<void> follow();

  // What was handed over; the caller takes it out.
  std::optional<HandedPayload>& payload() { return payload_; }
  // For the first time, or again once it has ended.
  void start();
  std::uint32_t starts() const { return link_->starts(); }
  bool runs() const { return state_ == State::kRuns; }
  // From start() until it is known to have ended.
  bool may_run() const { return state_ == State::kStarting || state_ == State::kRuns; }
  // SIGTERM, and SIGKILL after `grace`; nothing where it does not run.
  void end(std::chrono::milliseconds grace);

 private:
  enum class State { kNotStarted, kStarting, kRuns, kEnded };
  ModelContainer(std::unique_ptr<ModelLink> link, ModelContainerCallbacks callbacks)
      : link_(std::move(link)), callbacks_(std::move(callbacks)) {}
  void over(GuardExit status, const std::string& why);
  // Whether there may be more to hear.
  bool hear(const start::Message& message);

  std::unique_ptr<ModelLink> link_;
  ModelContainerCallbacks callbacks_;
  std::optional<HandedPayload> payload_;
  State state_ = State::kNotStarted;
};

}  // namespace mifeng::guard

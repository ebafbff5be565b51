#include <boost/asio/steady_timer.hpp>

#include "mifeng/clusters/engine_call.h"

namespace mifeng::clusters {

class EngineLoop::Interruption {
 public:
  Interruption(EngineLoop& loop, std::chrono::milliseconds wait) : loop_(loop), timer_(loop.io_, wait) {
    timer_.async_wait([&loop, armed = armed_](const boost::system::error_code& error) {
      if (!error && *armed) loop.interrupt();
    });
  }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption() {
    std::promise<void> done;
    boost::asio::post(loop_.io_, [&] {
      *armed_ = false;
      timer_.cancel();
      loop_.interrupted_ = false;
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  EngineLoop& loop_;
  const std::shared_ptr<bool> armed_ = std::make_shared<bool>(true);  // shared with the timer's handler; of the thread
  boost::asio::steady_timer timer_;
};

EngineLoop::EngineLoop() : io_(1), work_(boost::asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}

EngineLoop::~EngineLoop() {
  work_.reset();
  io_.stop();
  thread_.join();
}

std::shared_ptr<void> EngineLoop::interrupt_after(std::chrono::milliseconds wait) {
  return std::make_shared<Interruption>(*this, wait);
}

Error EngineLoop::stopping() {
  return Error(ErrorCode::kUnavailable, "platform-stopping", "The platform is stopping.");
}

void EngineLoop::interrupt() {
  interrupted_ = true;
  const auto all = running_;  // each goes from the list when it has ended
  for (const auto& signal : all) signal->emit(boost::asio::cancellation_type::terminal);
}

}  // namespace mifeng::clusters

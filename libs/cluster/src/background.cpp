#include "mifeng/cluster/background.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "mifeng/os/thread.h"

namespace mifeng::cluster {

struct BackgroundLoop::Impl {
  net::asio::io_context context{1};
  net::asio::executor_work_guard<net::asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

BackgroundLoop::BackgroundLoop() : impl_(std::make_unique<Impl>()) {
  // Its tasks catch what they throw.
  impl_->thread = start_thread_without_signals([impl = impl_.get()] { impl->context.run(); });
}

BackgroundLoop::~BackgroundLoop() {
  impl_->work.reset();
  impl_->context.stop();
  impl_->thread.join();
}

net::asio::any_io_executor BackgroundLoop::executor() { return impl_->context.get_executor(); }

}  // namespace mifeng::cluster

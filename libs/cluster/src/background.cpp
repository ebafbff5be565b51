#include "mifeng/cluster/background.h"

#include <signal.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

namespace mifeng::cluster {

struct BackgroundLoop::Impl {
  net::asio::io_context context{1};
  net::asio::executor_work_guard<net::asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

BackgroundLoop::BackgroundLoop() : impl_(std::make_unique<Impl>()) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  impl_->thread = std::thread([impl = impl_.get()] { impl->context.run(); });  // its tasks catch what they throw
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BackgroundLoop::~BackgroundLoop() {
  impl_->work.reset();
  impl_->context.stop();
  impl_->thread.join();
}

net::asio::any_io_executor BackgroundLoop::executor() { return impl_->context.get_executor(); }

}  // namespace mifeng::cluster

#include "mifeng/os/thread.h"

#include <signal.h>

#include <utility>

namespace mifeng {

std::thread start_thread_without_signals(std::function<void()> body) {
  // A thread inherits the mask of its starter.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::move(body));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
  } catch (...) {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace mifeng

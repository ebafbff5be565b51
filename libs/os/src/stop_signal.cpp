#include "mifeng/os/stop_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

namespace mifeng {

Result<StopSignal> StopSignal::create() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    // An ignored signal that is blocked would be kept for us, and what was to outlive the terminal would not.
    struct sigaction before {};
    if (::sigaction(number, nullptr, &before) != 0 || before.sa_handler != SIG_IGN) sigaddset(&signals, number);
  }
  if (::pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) return errno_error(errno, "block signals");
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return errno_error(errno, "signalfd");
  return StopSignal(std::move(fd));
}

bool StopSignal::requested() {
  signalfd_siginfo info;
  if (signal_ == 0 && ::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    signal_ = static_cast<int>(info.ssi_signo);
  return signal_ != 0;
}

Result<void> StopSignal::check() {
  if (requested()) return Error(ErrorCode::kCancelled, "interrupted", "stopped before it was done");
  return ok();
}

bool StopSignal::wait(std::chrono::milliseconds timeout) {
  if (requested()) return true;
  pollfd wait{fd_.get(), POLLIN, 0};
  ::poll(&wait, 1, static_cast<int>(timeout.count()));
  return requested();
}

}  // namespace mifeng

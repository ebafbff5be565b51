// Which system calls a model is refused (seccomp(2)). A second line: what it protects is the first process of the same
// container, which the kernel would let processes of one user id reach, and the kernel's own rarely used doors.
#pragma once

#include <sys/types.h>

#include <memory>

#include "mifeng/base/result.h"

namespace mifeng::start {

struct FilterOptions {
  ::pid_t keeper = 1;              // whose scheduling, priority and limits are nobody's business: our own number
  bool only_unix_sockets = false;  // socket() of any family but AF_UNIX is refused
};

// A refusal is EPERM, and ENOSYS for clone3 and io_uring (whose arguments no filter can see: their callers fall back
// to what can be seen). Nothing is ever killed. Everything else is allowed: memfd, mlock, mprotect, own affinity.
class SystemCallFilter {
 public:
  // kInternal "no-filter" where this kernel's or this library's words do not suffice.
  static Result<SystemCallFilter> build(const FilterOptions& options);
  SystemCallFilter(SystemCallFilter&&) noexcept;
  ~SystemCallFilter();
  // For this thread and all that comes of it, for good; sets no_new_privs. Gives errno, or 0.
  int load() const;

 private:
  explicit SystemCallFilter(void* context) : context_(context) {}
  void* context_;  // scmp_filter_ctx
};

}  // namespace mifeng::start

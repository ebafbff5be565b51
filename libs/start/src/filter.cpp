#include "mifeng/start/filter.h"

#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace mifeng::start {
namespace {

constexpr std::uint64_t kInt = 0xffffffff;

// linux/ioprio.h is not among the headers for programs.
constexpr unsigned kIoprioProcess = 1;
constexpr unsigned kIoprioGroup = 2;
constexpr unsigned kIoprioUser = 3;

// Other processes' memory, registers and descriptors; mounts and namespaces; the kernel's programs, keys and counters;
// files by handle, past every folder's rights.
constexpr std::array kRefused{
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(bpf),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(fanotify_init),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(acct),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(quotactl),
    SCMP_SYS(lookup_dcookie),
};
constexpr std::array kNotThere{SCMP_SYS(clone3), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter),
                               SCMP_SYS(io_uring_register)};
// clone(2)'s first argument; CLONE_NEWTIME lies among the bits of the exit signal there and is clone3's alone.
constexpr std::array<std::uint64_t, 7> kNamespaces{CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                                   CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
// A process, by its number in the first argument.
constexpr std::array kOfProcess{SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_setparam), SCMP_SYS(sched_setattr),
                                SCMP_SYS(sched_setaffinity), SCMP_SYS(prlimit64)};

// Collects rules until the first that the library does not take.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx context) : context_(context) {}
  template <typename... Compared>
  void refuse(int call, int error_number, Compared... compared) {
    if (failed_ != 0) return;
    failed_ = -seccomp_rule_add(context_, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error_number)), call,
                                sizeof...(compared), compared...);
  }
  int failed() const { return failed_; }

 private:
  scmp_filter_ctx context_;
  int failed_ = 0;
};

}  // namespace

Result<SystemCallFilter> SystemCallFilter::build(const FilterOptions& options) {
  const auto no_filter = [](const std::string& what, int error_number) {
    return Error(ErrorCode::kInternal, "no-filter",
                 what + " of the system call filter: " + std::generic_category().message(error_number));
  };
  SystemCallFilter filter(seccomp_init(SCMP_ACT_ALLOW));
  if (filter.context_ == nullptr) return no_filter("the beginning", ENOMEM);
  // Calls of another machine's kind (32 bits, x32) would pass by every rule.
  if (const int failed = seccomp_attr_set(filter.context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)); failed != 0)
    return no_filter("the machine", -failed);
  Rules rules(filter.context_);
  for (const int call : kRefused) rules.refuse(call, EPERM);
  for (const int call : kNotThere) rules.refuse(call, ENOSYS);
  for (const std::uint64_t bit : kNamespaces)
    rules.refuse(SCMP_SYS(clone), EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
  const auto keeper = static_cast<std::uint32_t>(options.keeper);
  // The kernel takes 32 bits of such a number, whatever stands above them. Only a mask says so: SCMP_A0_32 narrows what
  // is compared with, and the filter still looks at all 64 bits.
  for (const int call : kOfProcess) rules.refuse(call, EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, keeper));
  const auto refuse_whose = [&](int call, unsigned process, unsigned group, unsigned user) {
    rules.refuse(call, EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, process), SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, keeper));
    // A group is the caller's own (0) or nobody's; a user's processes are ours, too.
    rules.refuse(call, EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, group), SCMP_A1(SCMP_CMP_NE, 0));
    rules.refuse(call, EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, user));
  };
  refuse_whose(SCMP_SYS(setpriority), PRIO_PROCESS, PRIO_PGRP, PRIO_USER);
  refuse_whose(SCMP_SYS(ioprio_set), kIoprioProcess, kIoprioGroup, kIoprioUser);
  if (options.only_unix_sockets) rules.refuse(SCMP_SYS(socket), EPERM, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
  if (rules.failed() != 0) return no_filter("a rule", rules.failed());
  return filter;
}

SystemCallFilter::SystemCallFilter(SystemCallFilter&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)) {}
SystemCallFilter::~SystemCallFilter() {
  if (context_ != nullptr) seccomp_release(context_);
}
int SystemCallFilter::load() const { return -seccomp_load(context_); }

}  // namespace mifeng::start

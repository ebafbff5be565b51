/* The model of these tests, a hostile one where it is told so: model ACTION OUT [ARGUMENT]. What it finds goes to OUT, one "NAME RESULT" a
   line, RESULT being "ok" or the errno's name. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static FILE *out;

static void tell(const char *name, long result) {
  fprintf(out, "%s %s\n", name, result >= 0 ? "ok" : strerrorname_np(errno));
  fflush(out);
}

static void *thread(void *nothing) { return nothing; }

static void attack_keeper(void) {
  struct rlimit nothing = {0, 0};
  struct sched_param idle = {0};
  struct iovec piece = {&nothing, sizeof nothing}, theirs = {(void *)0x400000, sizeof nothing};
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  tell("ptrace", ptrace(PTRACE_ATTACH, 1, 0, 0));
  tell("process_vm_readv", process_vm_readv(1, &piece, 1, &theirs, 1, 0));
  tell("process_vm_writev", process_vm_writev(1, &piece, 1, &theirs, 1, 0));
  tell("open-mem", open("/proc/1/mem", O_RDWR));
  tell("open-environ", open("/proc/1/environ", O_RDONLY));
  DIR *fds = opendir("/proc/1/fd");
  tell("list-fds", fds ? 0 : -1);
  tell("sched_setscheduler", sched_setscheduler(1, SCHED_IDLE, &idle));
  tell("sched_setaffinity", sched_setaffinity(1, sizeof one, &one));
  tell("setpriority-process", setpriority(PRIO_PROCESS, 1, 19));
  tell("setpriority-group", setpriority(PRIO_PGRP, 1, 19));
  tell("setpriority-user", setpriority(PRIO_USER, 0, 19));
  tell("ioprio_set-process", syscall(SYS_ioprio_set, 1, 1, 3 << 13));
  tell("ioprio_set-user", syscall(SYS_ioprio_set, 3, getuid(), 3 << 13));
  tell("prlimit", prlimit(1, RLIMIT_NOFILE, &nothing, NULL));
  /* A number whose upper half the kernel does not look at. */
  tell("setpriority-wide", syscall(SYS_setpriority, 0x100000000L | PRIO_USER, 0, 19));
  tell("sched_setaffinity-wide", syscall(SYS_sched_setaffinity, 0x100000001L, sizeof one, &one));
  tell("prlimit-wide", syscall(SYS_prlimit64, 0x100000001L, RLIMIT_NOFILE, &nothing, NULL));
  int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
  tell("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 3, 0));
  for (int signal = 1; signal < 32; ++signal) kill(1, signal);
  tell("still-there", kill(getppid(), 0) == 0 || errno == EPERM ? 0 : -1);
}

static void attack_kernel(void) {
  struct clone_args clone3_arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  struct perf_event_attr counter = {.type = PERF_TYPE_SOFTWARE, .size = sizeof counter, .exclude_kernel = 1};
  union bpf_attr program = {0};
  char ring[256] = {0};
  struct {
    struct file_handle head;
    char rest[128];
  } handle = {.head = {.handle_bytes = 128}};
  int mount_id;
  tell("unshare", unshare(CLONE_NEWUSER));
  tell("clone-newuser", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  tell("clone-newnet", syscall(SYS_clone, CLONE_NEWNET | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
  tell("clone3", syscall(SYS_clone3, &clone3_arguments, sizeof clone3_arguments));
  tell("io_uring_setup", syscall(SYS_io_uring_setup, 8, ring));
  tell("setns", setns(0, CLONE_NEWNET));
  tell("mount", mount("none", "/tmp", "tmpfs", 0, NULL));
  tell("umount2", umount2("/proc", MNT_DETACH));
  tell("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
  tell("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 0));
  tell("chroot", chroot("/tmp"));
  tell("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, &program, sizeof program));
  tell("keyctl", syscall(SYS_keyctl, 0, -3, 1));
  tell("add_key", syscall(SYS_add_key, "user", "x", "y", 1, -3));
  tell("userfaultfd", syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
  tell("perf_event_open", syscall(SYS_perf_event_open, &counter, 0, -1, -1, 0));
  tell("name_to_handle_at", name_to_handle_at(AT_FDCWD, "/", &handle.head, &mount_id, 0));
  tell("open_by_handle_at", open_by_handle_at(AT_FDCWD, &handle.head, O_RDONLY));
#ifdef __x86_64__
  long result;
  /* getpid by the door of 32 bits, past filters that know one set of numbers only. */
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
  errno = result < 0 ? (int)-result : 0;
  tell("int80", result < 0 ? -1 : 0);
  tell("x32", syscall(0x40000000 | SYS_getpid));
#endif
}

static void attack_files(void) {
  tell("read-sealed", open("/mifeng/payload/segments", O_RDONLY));
  tell("read-link", open("/mifeng/guard/start.sock", O_PATH) < 0 ? -1 : open("/mifeng/guard", O_RDONLY));
  tell("write-app", open("/app/new", O_WRONLY | O_CREAT, 0600));
  tell("write-start", open("/mifeng/start/mifeng-start", O_WRONLY));
  tell("read-app", open("/app/model", O_RDONLY));
  tell("write-own", open("/mifeng/model/new", O_WRONLY | O_CREAT, 0600));
  tell("write-tmp", open("/tmp/new", O_WRONLY | O_CREAT, 0600));
}

static void ordinary(void) {
  cpu_set_t cpus;
  struct sched_param normal = {0};
  pthread_t other;
  struct rlimit files;
  tell("memfd_create", memfd_create("x", 0));
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  tell("mlock", mlock(page, 4096));
  tell("mprotect-exec", mprotect(page, 4096, PROT_READ | PROT_EXEC));
  tell("membarrier", syscall(SYS_membarrier, 0, 0, 0));
  tell("own-affinity", sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? sched_setaffinity(0, sizeof cpus, &cpus) : -1);
  tell("own-affinity-by-number", sched_setaffinity(getpid(), sizeof cpus, &cpus));
  tell("own-scheduling", sched_setscheduler(0, SCHED_BATCH, &normal));
  tell("own-priority", setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0)));
  tell("own-limits", prlimit(0, RLIMIT_NOFILE, NULL, &files));
  errno = pthread_create(&other, NULL, thread, NULL);
  tell("thread", errno == 0 ? pthread_join(other, NULL) : -1);
  pid_t child = fork();
  if (child == 0) _exit(0);
  tell("fork", waitpid(child, NULL, 0));
  int pair[2];
  tell("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  tell("unix-socket", socket(AF_UNIX, SOCK_STREAM, 0));
}

static void sockets(void) {
  tell("inet", socket(AF_INET, SOCK_STREAM, 0));
  tell("inet6", socket(AF_INET6, SOCK_DGRAM, 0));
  tell("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
  tell("unix", socket(AF_UNIX, SOCK_STREAM, 0));
}

static void facts(void) {
  char folder[4096];
  mode_t mask = umask(0);
  for (char **entry = environ; *entry; ++entry) fprintf(out, "env %s\n", *entry);
  fprintf(out, "umask %o\n", mask);
  fprintf(out, "folder %s\n", getcwd(folder, sizeof folder));
  fprintf(out, "session %d\n", getsid(0) == getpid());
  for (int fd = 0; fd < 1024; ++fd)
    if (fd != fileno(out) && fcntl(fd, F_GETFD) >= 0) fprintf(out, "fd %d\n", fd);
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  for (int signal = 1; signal < 32; ++signal)
    if (sigismember(&blocked, signal)) fprintf(out, "blocked %d\n", signal);
  struct rlimit core;
  getrlimit(RLIMIT_CORE, &core);
  fprintf(out, "core %lu\n", (unsigned long)core.rlim_max);
  fflush(out);
}

static void note_signal(int signal) {
  fprintf(out, "signal %d\n", signal);
  fflush(out);
}

/* Leaves processes behind that the model's own end does not end: in sessions of their own, and ones whose parent has gone. */
static void leave_behind(void) {
  for (int i = 0; i < 3; ++i) {
    if (fork() != 0) continue;
    setsid();
    if (i == 2 && fork() != 0) _exit(0);
    fprintf(out, "left %d\n", getpid());
    fflush(out);
    for (;;) pause();
  }
  sleep(1);
}

int main(int count, char **arguments) {
  if (count < 3) return 99;
  const char *action = arguments[1];
  out = fopen(arguments[2], "ae");
  if (!out) return 98;
  fprintf(out, "begun %d\n", getpid());
  fflush(out);
  if (!strcmp(action, "attack")) {
    attack_keeper();
    attack_kernel();
    attack_files();
  } else if (!strcmp(action, "ordinary")) {
    ordinary();
  } else if (!strcmp(action, "sockets")) {
    sockets();
  } else if (!strcmp(action, "facts")) {
    facts();
  } else if (!strcmp(action, "exit")) {
    return atoi(arguments[3]);
  } else if (!strcmp(action, "abort")) {
    abort();
  } else if (!strcmp(action, "leave")) {
    leave_behind();
    return 0;
  } else if (!strcmp(action, "stubborn")) {
    signal(SIGTERM, note_signal);
  } else if (!strcmp(action, "signals")) {
    signal(SIGHUP, note_signal);
    signal(SIGUSR1, note_signal);
    signal(SIGUSR2, note_signal);
  }
  fprintf(out, "done\n");
  fflush(out);
  for (;;) pause();
}

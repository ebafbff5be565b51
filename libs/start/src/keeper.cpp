#include "mifeng/start/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <vector>

#include "mifeng/os/child_process.h"
#include "mifeng/start/filter.h"
#include "mifeng/start/landlock.h"
#include "mifeng/start/link.h"
#include "mifeng/start/unit_lock.h"

namespace mifeng::start {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kGraceWithoutGuard{1000};  // nobody asks the model anything any more
constexpr milliseconds kEndsAtLast{5000};         // until killed processes are gone; the kernel may be writing for one
constexpr std::array kPassedOn{SIGHUP, SIGUSR1, SIGUSR2};

// Which processes to choose when memory ends: those of the model before us, whom nobody could start again.
void be_chosen_first() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file) (void)!::write(file.get(), "500", 3);
}

// A volume that several deployments of one vendor claim belongs to the user of the one that started last: what lets the
// others in is the group, which all models have.
void share_with_group(const std::vector<std::filesystem::path>& folders) {
  constexpr ::mode_t kShared = S_ISGID | S_IRWXG;
  for (const std::filesystem::path& folder : folders) {
    struct ::stat facts {};
    if (::stat(folder.c_str(), &facts) != 0 || facts.st_uid != ::geteuid() || (facts.st_mode & kShared) == kShared)
      continue;
    (void)::chmod(folder.c_str(), (facts.st_mode & 07777) | kShared);
  }
}

// What the model before this one listened on: its path would be taken. In its own folder alone: what lies in a volume
// may be another unit's.
void remove_sockets() {
  const char* const socket = ::getenv("MIFENG_SOCKET");
  if (socket == nullptr) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(socket).parent_path(), ignored))
    if (entry.symlink_status(ignored).type() == std::filesystem::file_type::socket)
      std::filesystem::remove(entry.path(), ignored);
}

class Keeper {
 public:
  Keeper(const StartOptions& options, Link link, UniqueFd signals, SystemCallFilter filter,
         const std::function<void(const std::string&)>& log)
      : options_(options),
        link_(std::move(link)),
        signals_(std::move(signals)),
        filter_(std::move(filter)),
        log_(log),
        landlock_(landlock_version()) {}

  Result<void> run();

 private:
  // What comes back is the end of everything.
  Result<void> hear_guard();
  Result<void> hear_signals();
  Result<void> start(std::uint32_t number);
  Result<void> reap();
  void begin_end(milliseconds grace);
  // Everything that is left of the model goes; bounded.
  void kill_all();
  Result<void> tell_ended(const ChildExit& ended);
  int give_up() const;
  std::map<std::string, std::string> environment() const;
  milliseconds patience() const;

  const StartOptions& options_;
  Link link_;
  UniqueFd signals_;
  SystemCallFilter filter_;
  const std::function<void(const std::string&)>& log_;
  int landlock_;
  std::uint32_t number_ = 0;  // of the last start
  std::optional<ChildProcess> model_;
  std::optional<Clock::time_point> kill_at_;
};

// Between fork and exec of the model: what it need not have. The filter last, since it forbids nothing of the rest.
int Keeper::give_up() const {
  if (::setsid() < 0) return errno;
  ::umask(0007);
  be_chosen_first();
  if (landlock_ > 0) {
    // Shown by its version in "started", and not fatal where the kernel has none.
    if (const int failed = restrict_files(landlock_, options_.writable); failed != 0) return failed;
  }
  return filter_.load();
}

std::map<std::string, std::string> Keeper::environment() const {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; options_.whole_environment && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const std::string& name : options_.env)
    if (const char* value = ::getenv(name.c_str()); value != nullptr) variables[name] = value;
  return variables;
}

Result<void> Keeper::start(std::uint32_t number) {
  if (model_) return Error(ErrorCode::kInvalidArgument, "bad-message", "the guard starts a model that runs");
  if (number != number_ + 1)
    return Error(ErrorCode::kInvalidArgument, "bad-message",
                 "the guard counts start " + std::to_string(number) + " after " + std::to_string(number_));
  number_ = number;
  share_with_group(options_.writable);
  remove_sockets();
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ChildOptions child;
  child.argv = options_.command;
  child.env = environment();
  child.working_directory = options_.folder;
  if (nothing) child.fds[0] = nothing.get();
  child.new_process_group = false;  // a session of its own, by give_up()
  child.disable_core_dumps = true;
  child.last_step = [this] { return give_up(); };
  auto started = ChildProcess::start(child);
  if (!started) {
    log_(started.error().message());
    return link_.send({Word::kFailed, number_, 0});
  }
  model_.emplace(std::move(*started));
  return link_.send({Word::kStarted, number_, static_cast<std::uint32_t>(landlock_)});
}

void Keeper::begin_end(milliseconds grace) {
  if (!model_) return;
  model_->send_signal(SIGTERM);
  kill_at_ = Clock::now() + grace;
}

void Keeper::kill_all() {
  // Ours alone, where we are the first process of a namespace; else, in tests, the model's session.
  const auto kill_them = [this] {
    if (::getpid() == 1) {
      ::kill(-1, SIGKILL);
    } else if (model_) {
      ::kill(-model_->pid(), SIGKILL);
    }
  };
  const auto deadline = Clock::now() + kEndsAtLast;
  kill_them();
  while (Clock::now() < deadline) {
    // The model's own status is its object's to take.
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) break;  // ECHILD: nobody is left
    if (info.si_pid == 0) {
      kill_them();  // one that was forked while the others died
      ::poll(nullptr, 0, 5);
    } else if (model_ && info.si_pid == model_->pid()) {
      (void)model_->wait(milliseconds(0));
      if (::getpid() != 1) break;
    } else {
      ::waitpid(info.si_pid, nullptr, WNOHANG);
    }
  }
}

Result<void> Keeper::tell_ended(const ChildExit& ended) {
  model_.reset();
  kill_at_.reset();
  if (ended.signal != 0) return link_.send({Word::kKilled, number_, static_cast<std::uint32_t>(ended.signal)});
  return link_.send({Word::kExited, number_, static_cast<std::uint32_t>(ended.code)});
}

Result<void> Keeper::reap() {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return ok();
    if (!model_ || info.si_pid != model_->pid()) {
      ::waitpid(info.si_pid, nullptr, WNOHANG);  // an orphan of the model's
      continue;
    }
    MIFENG_TRY(const ChildExit ended, model_->wait(milliseconds(0)));
    kill_all();
    MIFENG_CHECK(tell_ended(ended));
  }
}

Result<void> Keeper::hear_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const int signal = static_cast<int>(info.ssi_signo);
    // The engine is outside of our namespace, and so has no number in it; the model's words are not the engine's.
    if (signal != SIGCHLD && ::getpid() == 1 && info.ssi_pid != 0) continue;
    if (signal == SIGTERM || signal == SIGINT) {
      // The guard is asked at the same time, and goes on for as long as calls may come; its end is ours.
      MIFENG_CHECK(link_.send({Word::kAsked, 0, 0}));
    } else if (signal != SIGCHLD && model_) {
      model_->send_signal(signal);
    }
  }
  return reap();
}

Result<void> Keeper::hear_guard() {
  for (;;) {
    MIFENG_TRY(auto received, link_.receive());
    if (!received) return ok();
    const Message& message = received->message;
    if (message.word == Word::kStart) {
      MIFENG_CHECK(start(message.number));
    } else if (message.word == Word::kEnd) {
      // One that crossed the news of that model's end means nothing any more.
      if (message.number == number_) begin_end(milliseconds(message.detail));
    } else {
      return Error(ErrorCode::kInvalidArgument, "bad-message", "the guard says what is ours to say");
    }
  }
}

milliseconds Keeper::patience() const {
  if (!kill_at_) return milliseconds(-1);
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*kill_at_ - Clock::now()));
}

Result<void> Keeper::run() {
  Result<void> heard = ok();
  while (heard) {
    std::array<pollfd, 2> waits{{{link_.fd(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), static_cast<int>(patience().count())) < 0 && errno != EINTR)
      return errno_error(errno, "wait for the guard");
    if (waits[1].revents != 0) heard = hear_signals();
    if (heard && waits[0].revents != 0) heard = hear_guard();
    if (kill_at_ && Clock::now() >= *kill_at_) {
      kill_at_.reset();
      if (model_) model_->send_signal(SIGKILL);
    }
  }
  if (model_) {
    model_->send_signal(SIGTERM);
    (void)model_->wait(kGraceWithoutGuard);
  }
  kill_all();
  if (heard.error().reason() == "link-broken") return ok();
  return heard;
}

}  // namespace

Result<void> keep_model(const StartOptions& options, const std::function<void(const std::string&)>& log) {
  // Its memory and descriptors are root's to look at, and not those of the model's user id.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return errno_error(errno, "close this process to others");
  MIFENG_TRY(auto filter,
             SystemCallFilter::build({.keeper = ::getpid(), .only_unix_sockets = options.only_unix_sockets}));
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&wanted, signal);
  for (const int signal : kPassedOn) sigaddset(&wanted, signal);
  if (::sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0) return errno_error(errno, "block signals");
  UniqueFd signals(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals) return errno_error(errno, "make a descriptor of signals");

  MIFENG_TRY(Link link, Link::connect(options.link, options.patience));
  // To the end of this process, which is that of everything in the container.
  MIFENG_TRY(const UnitLock lock, UnitLock::hold(options.link.parent_path() / kLockName));
  {
    const UniqueFd header(::open(options.header.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!header) return errno_error(errno, "open " + options.header.string());
    const UniqueFd segments(::open(options.segments.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!segments) return errno_error(errno, "open " + options.segments.string());
    MIFENG_CHECK(link.send({Word::kPayload, 0, 0}, {header.get(), segments.get()}));
  }
  return Keeper(options, std::move(link), std::move(signals), std::move(filter), log).run();
}

}  // namespace mifeng::start

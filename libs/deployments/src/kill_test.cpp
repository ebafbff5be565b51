// The platform killed with -9 at random moments while it deploys: what it told stays, and every table fits every other.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <set>

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/gateways.h"
#include "mifeng/store/grants.h"
#include "mifeng/store/ports.h"

namespace mifeng::deployments {
namespace {

using platform_fixture::PlatformTest;

class Killed : public PlatformTest {
 protected:
  // In the child: deploys, scales, routes, deletes, until the parent ends it. What was answered goes into the pipe.
  [[noreturn]] void work_until_killed(const std::string& version, int round, int pipe) {
    reopen();
    if (!platform_) ::_exit(3);
    for (int i = 0;; ++i) {
      DeploymentRequest wanted;
      wanted.name = "d" + std::to_string(round) + "-" + std::to_string(i);
      wanted.version_id = version;
      wanted.replicas = 2;
      wanted.route.emplace();
      wanted.route->name = wanted.name;
      wanted.route->prefix = "/" + wanted.name;
      auto made = platform_->deployments().create(operator_, wanted);
      if (!made) ::_exit(4);
      char id[64] = {};
      made->id.copy(id, sizeof id - 1);
      if (::write(pipe, id, sizeof id) != sizeof id) ::_exit(5);
      if (!platform_->reconciler().run_once()) ::_exit(6);
      engine_.make_all_ready();
      if (!platform_->reconciler().run_once()) ::_exit(7);
      if (!platform_->deployments().scale(operator_, made->id, i % 4)) ::_exit(8);
      if (!platform_->callers().create(operator_, wanted.name)) ::_exit(9);
      if (!platform_->reconciler().run_once()) ::_exit(10);
      // Some stay, most go, so that ports are used again.
      char gone = 0;
      if (i % 5 != 0 && !platform_->deployments().remove(operator_, made->id)) ::_exit(11);
      if (i % 5 != 0) gone = 1;
      char answer[64] = {gone != 0 ? '-' : '+'};
      if (::write(pipe, answer, sizeof answer) != sizeof answer) ::_exit(12);
    }
  }

  void check_tables() {
    auto checked = db().read([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(const auto deployments, store::all<store::DeploymentRow>(tx));
      MIFENG_TRY(const auto ports, store::all<store::UsedPortRow>(tx));
      MIFENG_TRY(const auto routes, store::all<store::RouteRow>(tx));
      std::set<std::string> ids;
      for (const auto& row : deployments) {
        ids.insert(row.id);
        MIFENG_TRY(const auto revision, store::find<store::RevisionRow>(tx, row.revision_id));
        EXPECT_TRUE(revision) << "what is wanted is kept";
        MIFENG_TRY(const auto own, store::ports_of(tx, row.id));
        EXPECT_GE(static_cast<std::int64_t>(own.size()), row.deleting != 0 ? 0 : row.replicas)
            << "one port a replica, reserved with it";
      }
      for (const auto& row : ports) EXPECT_TRUE(ids.contains(row.deployment_id));
      for (const auto& row : routes) EXPECT_TRUE(ids.contains(row.deployment_id));
      return ok();
    });
    EXPECT_TRUE(checked);
    EXPECT_EQ(*db().check_integrity(), std::nullopt);
  }
};

TEST_F(Killed, FiftyTimesDuringDeployments) {
  const std::string version = add_model("acme", "digits", "1.0.0");
  options_.port_last = 32767;
  ASSERT_TRUE(platform_->ports().set_ranges(operator_, "", {{.first = 30000, .last = 32767}}));
  std::mt19937 random(7);  // NOLINT: the same moments each time, as far as the machine allows
  std::string kept_head = platform_->audit().export_head(auditor_).value();
  int told = 0;
  for (int round = 0; round < 50; ++round) {
    platform_.reset();
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const ::pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      work_until_killed(version, round, pipe[1]);
    }
    ::close(pipe[1]);
    std::set<std::string> must_be_there;
    std::string last;
    char message[64];
    int messages = static_cast<int>(random() % 8);
    const auto take = [&] {
      if (::read(pipe[0], message, sizeof message) != static_cast<::ssize_t>(sizeof message)) return false;
      if (message[0] == '-') {
        must_be_there.erase(last);
      } else if (message[0] != '+') {
        last = message;
        must_be_there.insert(last);
        ++told;
      }
      return true;
    };
    while (messages-- > 0 && take()) {
    }
    // A random moment of what comes next; the length of a round is some milliseconds.
    ::usleep(static_cast<::useconds_t>(random() % 20'000));
    ::kill(child, SIGKILL);
    while (take()) {
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the platform ended by itself with " << WEXITSTATUS(status);

    reopen();
    const trust::AuditVerdict verdict = platform_->audit().verify(auditor_, kept_head).value();
    ASSERT_TRUE(verdict.intact) << verdict.problem;
    kept_head = platform_->audit().export_head(auditor_).value();
    check_tables();
    for (const std::string& id : must_be_there) {
      // It may have been deleted without the answer having arrived; else it is there.
      const auto found = platform_->deployments().get(operator_, id);
      if (!found) {
        EXPECT_EQ(id, last) << "a deployment that was told is gone";
      }
    }
    // The next start goes on: what was to be deleted goes, what was to run runs.
    engine_.containers.clear();
    ASSERT_TRUE(platform_->reconciler().run_once());
    engine_.make_all_ready();
    ASSERT_TRUE(platform_->reconciler().run_once());
    const auto all = platform_->deployments().list(operator_, {}, {.page = 1, .page_size = 200}).value();
    std::size_t wanted = 0;
    for (const auto& deployment : all.items) {
      wanted += static_cast<std::size_t>(deployment.replicas);
      EXPECT_EQ(deployment.state, deployment.replicas == 0 ? DeploymentState::kStopped : DeploymentState::kReady)
          << deployment.reason;
      ASSERT_TRUE(platform_->deployments().remove(operator_, deployment.id));
    }
    EXPECT_EQ(engine_.containers.size(), wanted) << "nothing is left unowned";
    ASSERT_TRUE(platform_->reconciler().run_once());
    check_tables();
    EXPECT_TRUE(engine_.containers.empty());
  }
  EXPECT_GT(told, 50);
}

}  // namespace
}  // namespace mifeng::deployments

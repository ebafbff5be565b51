// Whose containers are whose, across restarts, other installations and attackers.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

#include "podman_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::HasSubstr;

TEST_F(PodmanEngineTest, ContainersOfOthersAreNeverTouched) {
  const Workload wanted = workload({"serve"});
  const std::string name = engine->instance_name("test", 0);
  machine->podman({"create", "--name", name, machine->image, "hang"});
  const auto result = apply(wanted);
  ASSERT_EQ(result.instances.size(), 1U);
  EXPECT_EQ(result.instances[0].reason_code, "not-ours");
  EXPECT_EQ(status(wanted)[0].reason_code, "not-ours");
  const auto restarted = net::run_to_result<void>([&] { return engine->restart(name); });
  ASSERT_FALSE(restarted);
  EXPECT_EQ(restarted.error().reason(), "not-ours");
  EXPECT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  EXPECT_TRUE(net::run_to_result<void>([&] { return engine->remove_everything(); }));
  EXPECT_THAT(machine->podman({"ps", "-a", "--format", "{{.Names}}"}), HasSubstr(name));
  machine->podman({"rm", "-f", name});
}

TEST_F(PodmanEngineTest, TwoInstallationsSideBySideDoNotSeeEachOther) {
  auto other = machine->make_engine(SystemRandom().hex(16));
  const Workload mine = workload({"serve"});
  const Workload theirs = workload({"serve"});
  apply(mine);
  ASSERT_TRUE(net::run_to_result<ApplyResult>([&] { return other->apply(theirs); }));
  EXPECT_EQ(net::run_to_result<std::vector<InstanceStatus>>([&] { return engine->list(); })->size(), 1U);
  ASSERT_TRUE(net::run_to_result<void>([&] { return other->remove_everything(); }));
  EXPECT_TRUE(wait_ready(mine).ready);
  EXPECT_TRUE(call(mine.host_ports[0].host_port));
  EXPECT_FALSE(apply(mine).changed);
}

TEST_F(PodmanEngineTest, ContainersOutliveTheServiceAndAreFoundAgain) {
  const Workload wanted = workload({"serve"});
  apply(wanted);
  const auto before = wait_ready(wanted);
  machine->kill_podman();
  EXPECT_TRUE(call(wanted.host_ports[0].host_port));
  const auto away = net::run_to_result<ApplyResult>([&] { return engine->apply(wanted); });
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().reason(), "engine-unavailable");
  machine->start_podman();
  EXPECT_FALSE(apply(wanted).changed);
  EXPECT_EQ(status(wanted)[0].engine_id, before.engine_id);
}

// A Unix socket in the folder that only this container sees, and the process at its other end.
class Listener {
 public:
  explicit Listener(const std::filesystem::path& folder) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::filesystem::create_directories(folder);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (folder / "platform.sock").string();
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << path;
    std::filesystem::permissions(path, std::filesystem::perms(0666));
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
  }
  // Pid of the peer that says `word`.
  ::pid_t accept(const std::string& word) {
    for (int i = 0; i < 2; ++i) {
      pollfd wait{fd_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20'000) != 1) break;
      UniqueFd peer(::accept(fd_.get(), nullptr, nullptr));
      ucred credentials{};
      socklen_t size = sizeof credentials;
      ::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size);
      char text[16] = {};
      EXPECT_GT(::read(peer.get(), text, sizeof text - 1), 0);
      if (text == word) return credentials.pid;
    }
    ADD_FAILURE() << "nobody said " << word;
    return -1;
  }

 private:
  UniqueFd fd_;
};

TEST_F(PodmanEngineTest, OnlyTheFirstProcessOfAContainerAsRenderedProvesItself) {
  const Workload wanted = workload({"ask"});
  const auto verify = [&](const Workload& as, ::pid_t pid) {
    return net::run_to_result<PeerIdentity>([&] { return engine->verify_peer(as, 0, pid); });
  };
  Listener listener(machine->path() / "sockets" / engine->instance_name("test", 0));
  apply(wanted);
  const ::pid_t child = listener.accept("child");
  const auto refused = verify(wanted, child);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "not-first-process");

  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->restart(engine->instance_name("test", 0)); }));
  const ::pid_t first = listener.accept("first");
  const auto identity = verify(wanted, first);
  ASSERT_TRUE(identity) << identity.error().message();
  EXPECT_EQ(identity->instance, engine->instance_name("test", 0));
  EXPECT_EQ(identity->deployment, "test");
  EXPECT_GT(identity->started_at_ms, 0);

  EXPECT_EQ(verify(wanted, ::getpid()).error().reason(), "not-first-process");
  Workload changed = wanted;
  changed.pod.args = {"serve"};
  EXPECT_EQ(verify(changed, first).error().reason(), "drifted");

  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  EXPECT_EQ(verify(wanted, first).error().reason(), "not-running");
}

// The same name, labels, image and user, and a command of the attacker's own.
TEST_F(PodmanEngineTest, AContainerMadeByHandUnderOurNameIsDriftAndIsReplaced) {
  const Workload wanted = workload({"serve"});
  const std::string name = engine->instance_name("test", 0);
  apply(wanted);
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  machine->podman({"run", "-d", "--name", name, "--label", "io.mifeng.installation=" + installation, "--label",
                   "io.mifeng.deployment=test", "--label", "io.mifeng.replica=0", "--user", "65532:65532",
                   machine->image, "hang"});
  const std::string pid = machine->podman({"inspect", "--format", "{{.State.Pid}}", name});
  const auto refused =
      net::run_to_result<PeerIdentity>([&] { return engine->verify_peer(wanted, 0, std::atoi(pid.c_str())); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "drifted");
  const auto seen = net::run_to_result<std::vector<InstanceStatus>>([&] { return engine->status(wanted); });
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_EQ(seen->at(0).reason_code, "drifted");
  EXPECT_FALSE(seen->at(0).ready);
  EXPECT_TRUE(apply(wanted).changed);
  EXPECT_TRUE(wait_ready(wanted).ready);
}

TEST_F(PodmanEngineTest, DyingBetweenTwoStepsIsMendedByTheNextApply) {
  const Workload wanted = workload({"serve"});
  // What is left after each step: a volume; a container that was made and never started.
  machine->podman({"volume", "create", "--label", "io.mifeng.installation=" + installation, "--label",
                   "io.mifeng.deployment=test", engine->instance_name("test", 0) + ".cache"});
  apply(wanted);
  EXPECT_TRUE(wait_ready(wanted).ready);
  const std::string name = engine->instance_name("test", 0);
  machine->podman({"stop", name});
  EXPECT_EQ(wait_for(wanted, [](const auto& one) { return one.state == InstanceState::kExited; }).exit_code, 0);
  machine->podman({"container", "rm", name});
  EXPECT_EQ(status(wanted)[0].state, InstanceState::kMissing);
  EXPECT_TRUE(apply(wanted).changed);
  EXPECT_TRUE(wait_ready(wanted).ready);
}

}  // namespace
}  // namespace mifeng::cluster

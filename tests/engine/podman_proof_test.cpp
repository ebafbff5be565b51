// Who is at the other end of a unit's socket.
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "podman_bench.h"

namespace mifeng::cluster {
namespace {

struct Peer {
  ::pid_t pid = -1;
  UniqueFd pidfd;
};
Peer peer_of(::pid_t pid) {
  Peer peer;
  peer.pid = pid;
  peer.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return peer;
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
  // The peer that says `word`.
  Peer accept(const std::string& word) {
    for (int i = 0; i < 2; ++i) {
      pollfd wait{fd_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20'000) != 1) break;
      UniqueFd peer(::accept(fd_.get(), nullptr, nullptr));
      ucred credentials{};
      socklen_t size = sizeof credentials;
      ::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size);
      char text[16] = {};
      EXPECT_GT(::read(peer.get(), text, sizeof text - 1), 0);
      if (text == word) return peer_of(credentials.pid);
    }
    ADD_FAILURE() << "nobody said " << word;
    return Peer{};
  }

 private:
  UniqueFd fd_;
};

class PodmanProofTest : public PodmanTest {
 protected:
  Result<Proof> prove(const std::vector<Workload>& candidates, const Peer& peer, int slot = 0) {
    PeerEvidence evidence;
    evidence.unit = name_of(slot);
    evidence.pid = peer.pid;
    evidence.pidfd = peer.pidfd.get();
    return net::run_to_result<Proof>([&] { return engine->prove(candidates, evidence); });
  }
  std::string refusal(const std::vector<Workload>& candidates, const Peer& peer) {
    const auto proof = prove(candidates, peer);
    EXPECT_FALSE(proof);
    return proof ? "" : std::string(proof.error().reason());
  }
};

TEST_F(PodmanProofTest, OnlyTheFirstProcessOfAContainerAsRenderedProvesItself) {
  Workload wanted = workload({"ask"});
  wanted.revision = 7;
  Listener listener(machine.path() / "sockets" / name_of(0));
  apply(wanted);
  const Peer child = listener.accept("child");
  EXPECT_EQ(refusal({wanted}, child), "not-first-process");

  // Started anew, the first process connects again.
  const auto before = prove({wanted}, peer_of(machine.pid_of(name_of(0))));
  machine.podman({"stop", name_of(0)});
  EXPECT_EQ(refusal({wanted}, child), "not-running");
  expect_done([&] { return engine->restart(name_of(0)); });
  const Peer first = listener.accept("first");
  Workload other = wanted;
  other.revision = 6;
  other.pod.guard.args = {"serve"};
  const auto proof = prove({other, wanted}, first);
  ASSERT_TRUE(proof) << proof.error().message();
  EXPECT_EQ(proof->unit, name_of(0));
  EXPECT_EQ(proof->deployment, "test");
  EXPECT_EQ(proof->revision, 7);
  EXPECT_EQ(proof->engine_id, units().at(0).engine_id);
  ASSERT_TRUE(before);
  EXPECT_GT(proof->started_at_ms, before->started_at_ms);

  EXPECT_EQ(refusal({wanted}, peer_of(::getpid())), "not-first-process");
  EXPECT_EQ(refusal({other}, first), "no-such-revision");
  EXPECT_EQ(refusal({}, first), "no-such-revision");
  Workload foreign = wanted;
  foreign.deployment = "other";
  EXPECT_EQ(refusal({foreign}, first), "no-such-revision");
  Workload changed = wanted;
  changed.pod.guard.args = {"serve"};
  EXPECT_EQ(refusal({changed}, first), "drifted");
  changed = wanted;
  changed.pod.model.args = {"serve"};  // the model's container counts as much
  EXPECT_EQ(refusal({changed}, first), "drifted");
  changed = wanted;
  changed.restart = 5;  // when it was wanted is nothing of what it is
  EXPECT_TRUE(prove({changed}, first));

  const auto token = net::run_to_result<Proof>([&] { return engine->prove({wanted}, TokenEvidence{"x"}); });
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().reason(), "not-supported");
  expect_done([&] { return engine->remove("test"); });
  EXPECT_EQ(refusal({wanted}, first), "not-running");
}

// The number of a process that has ended may be the first process's by now.
TEST_F(PodmanProofTest, AProcessThatHasEndedProvesNothingWhoeverHasItsNumber) {
  const Workload wanted = workload({"serve"});
  apply(wanted);
  Peer peer = peer_of(machine.pid_of(name_of(0)));
  ASSERT_TRUE(prove({wanted}, peer));
  const ::pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  peer.pidfd = peer_of(gone).pidfd;
  pollfd wait{peer.pidfd.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 20'000), 1);
  EXPECT_EQ(refusal({wanted}, peer), "not-first-process");
  peer.pidfd.reset();
  EXPECT_EQ(refusal({wanted}, peer), "not-first-process");
}

// While an old unit is replaced both revisions are wanted.
TEST_F(PodmanProofTest, BothRevisionsOfAnUpdateProveThemselves) {
  const Workload old = workload({"serve"});
  apply(old);
  wait_ready();
  Workload next = old;
  next.revision = 2;
  next.pod.guard.args = {"serve", "503 Service Unavailable"};
  apply(next);
  for (const auto& [slot, revision] : {std::pair(0, 1), std::pair(1, 2)}) {
    const auto proof = prove({old, next}, peer_of(machine.pid_of(name_of(slot))), slot);
    ASSERT_TRUE(proof) << proof.error().message();
    EXPECT_EQ(proof->revision, revision);
  }
}

// The same name, labels, image and user, and a command of the attacker's own.
TEST_F(PodmanProofTest, AContainerMadeByHandUnderOurNameIsDriftAndIsReplaced) {
  const Workload wanted = workload({"serve"}, 1, false);
  apply(wanted);
  expect_done([&] { return engine->remove("test"); });
  const std::string label = "io.mifeng.";
  machine.podman({"run",         "-d",
                  "--name",      name_of(0),
                  "--label",     label + "installation=" + installation,
                  "--label",     label + "deployment=test",
                  "--label",     label + "slot=0",
                  "--label",     label + "revision=1",
                  "--label",     label + "restart=0",
                  "--label",     label + "ports=http:8080",
                  "--label",     label + "health-port=15020",
                  "--user",      "65532:65532",
                  bench.image(), "hang"});
  EXPECT_EQ(refusal({wanted}, peer_of(machine.pid_of(name_of(0)))), "drifted");
  const auto result = apply(wanted);
  EXPECT_TRUE(result.changed);
  EXPECT_FALSE(result.settled);
  Watcher watcher(*engine);
  EXPECT_TRUE(drive(wanted, watcher));
  EXPECT_EQ(refusal({wanted}, peer_of(::getpid())), "not-first-process");
  EXPECT_TRUE(prove({wanted}, peer_of(machine.pid_of(name_of(0)))));
}

TEST_F(PodmanProofTest, WhatDriftedSaysSoUntilItIsReplaced) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"});
  ASSERT_TRUE(drive(wanted, watcher));
  const Unit before = units().at(0);
  wanted.pod.guard.env.push_back({"MORE", "1"});  // under the same revision, which nobody should do
  const ApplyResult result = apply(wanted);
  EXPECT_TRUE(result.changed);
  EXPECT_EQ(result.units.at(0).reason_code, "drifted");
  EXPECT_FALSE(result.units.at(0).ready);
  EXPECT_THAT(result.units.at(0).reason, ::testing::HasSubstr("Config.Env"));
  ASSERT_TRUE(drive(wanted, watcher));
  EXPECT_NE(units().at(0).engine_id, before.engine_id);
}

}  // namespace
}  // namespace mifeng::cluster

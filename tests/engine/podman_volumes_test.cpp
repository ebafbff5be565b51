// What is left of a deployment that goes: volumes and images.
#include "podman_bench.h"

namespace mifeng::cluster {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

// As `podman volume ls` sorts them.
std::string volumes_of(const std::string& unit) {
  std::string list;
  for (const char* name : {".cache", ".shared.app", ".shared.guard", ".shared.model"}) list += unit + name + "\n";
  return list;
}

TEST_F(PodmanTest, RemovingOneDeploymentLeavesTheVolumesOfAnother) {
  Workload stays = workload({"serve"});
  stays.deployment = "test-0";  // its names begin as those of the other
  const std::string other = "mf-" + installation.substr(0, 8) + "-test-0-0";
  const Workload goes = workload({"serve"});
  apply(stays);
  apply(goes);
  // Ended, so that nothing but the engine keeps its volume from being removed.
  machine.podman({"stop", other, other + ".model"});
  const auto removed = net::run_to_result<void>([&] { return engine->remove("test"); });
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_EQ(machine.podman({"volume", "ls", "-q"}), volumes_of(other));
  EXPECT_TRUE(std::filesystem::exists(machine.path() / "sockets" / other));
  EXPECT_FALSE(std::filesystem::exists(machine.path() / "sockets" / name_of(0)));
}

TEST_F(PodmanTest, WhatIsClaimedOutlivesItsDeploymentsAndGoesWhenAskedAndUnused) {
  Workload one = workload({"serve"});
  one.pod.scratch_mounts.clear();
  one.pod.claim_mounts = {{"acme.data", "/cache"}};
  Workload two = workload({"serve"});
  two.deployment = "other";
  two.pod.scratch_mounts.clear();
  two.pod.claim_mounts = one.pod.claim_mounts;
  apply(one);
  apply(two);
  EXPECT_TRUE(wait_ready().ready);
  EXPECT_FALSE(apply(one).changed);
  const std::string name = "mf-" + installation.substr(0, 8) + ".acme.data";
  EXPECT_EQ(machine.podman({"volume", "inspect", "--format", "{{index .Labels \"io.mifeng.installation\"}}", name}),
            installation + "\n");
  const std::string point = machine.podman({"volume", "inspect", "--format", "{{.Mountpoint}}", name});
  const std::filesystem::path written = std::filesystem::path(point.substr(0, point.size() - 1)) / "written";
  EXPECT_TRUE(std::filesystem::exists(written));

  const auto remove_claims = [&] {
    const auto removed = net::run_to_result<void>([&] { return engine->remove_claims({"acme.data", "acme.no"}); });
    EXPECT_TRUE(removed) << removed.error().message();
  };
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  remove_claims();  // the other still uses it
  EXPECT_TRUE(std::filesystem::exists(written));
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove_everything(); }));
  EXPECT_TRUE(std::filesystem::exists(written));
  remove_claims();
  EXPECT_EQ(machine.podman({"volume", "ls", "-q"}), "");
}

TEST_F(PodmanTest, PruneRemovesOnlyImagesOfOursThatNobodyUses) {
  const Workload wanted = workload({"serve"});
  apply(wanted);
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->prune_images({}); }));
  EXPECT_THAT(machine.podman({"images", "-q"}), Not(IsEmpty()));  // in use
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->prune_images({bench.image()}); }));
  EXPECT_THAT(machine.podman({"images", "-q"}), Not(IsEmpty()));  // wanted
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->prune_images({}); }));
  EXPECT_EQ(machine.podman({"images", "-q"}), "");
}

TEST_F(PodmanTest, AUnitsFolderAndVolumesGoWithIt) {
  Workload wanted = workload({"serve"}, 2);
  apply(wanted);
  EXPECT_TRUE(std::filesystem::exists(machine.path() / "sockets" / name_of(1)));
  Watcher watcher(*engine);
  wanted.replicas = 1;
  EXPECT_TRUE(watcher.wait_for([&] { return apply(wanted).settled; }));
  EXPECT_EQ(machine.podman({"volume", "ls", "-q"}), volumes_of(name_of(0)));
  EXPECT_FALSE(std::filesystem::exists(machine.path() / "sockets" / name_of(1)));
  expect_done([&] { return engine->remove("test"); });
  EXPECT_FALSE(std::filesystem::exists(machine.path() / "sockets" / name_of(0)));
}

TEST_F(PodmanTest, DyingBetweenTwoStepsIsMendedByTheNextApply) {
  const Workload wanted = workload({"serve"});
  const auto leave_volume = [&](int slot) {
    machine.podman({"volume", "create", "--label", "io.mifeng.installation=" + installation, "--label",
                    "io.mifeng.deployment=test", name_of(slot) + ".cache"});
  };
  // What is left after each step: a volume of a unit that never was, and of one that is gone.
  leave_volume(0);
  leave_volume(7);
  apply(wanted);
  EXPECT_TRUE(wait_ready().ready);
  EXPECT_EQ(machine.podman({"volume", "ls", "-q"}), volumes_of(name_of(0)));
  // The guard's container went behind our back, and left the model's: half a unit is none.
  machine.podman({"stop", name_of(0)});
  EXPECT_EQ(wait_for([](const auto& one) { return one.state == UnitState::kExited; }).exit_code, 0);
  machine.podman({"container", "rm", name_of(0)});
  EXPECT_THAT(units(), IsEmpty());
  EXPECT_TRUE(apply(wanted).changed);
  EXPECT_TRUE(wait_ready().ready);
  machine.podman({"rm", "-f", name_of(0)});
  expect_done([&] { return engine->remove("test"); });
  EXPECT_EQ(machine.everything_of(installation), "");
}

TEST_F(PodmanTest, AUnitWithoutItsModelsContainerIsMadeAnew) {
  const Workload wanted = workload({"serve"});
  apply(wanted);
  const Unit before = wait_ready();
  machine.podman({"rm", "-f", name_of(0) + ".model"});
  Watcher watcher(*engine);
  ASSERT_TRUE(drive(wanted, watcher));
  EXPECT_NE(wait_ready().engine_id, before.engine_id);
}

// What a unit's memory folders hold is bounded, gone at its next start, and never in the image's way.
TEST_F(PodmanTest, SharedFoldersAreBoundedAndEmptyAtEachStart) {
  Workload wanted = workload({"fill", "/app/filled"});
  apply(wanted);
  const auto said = [&](std::size_t count) {
    return wait_for([&](const Unit&) {
      const auto lines = logs(name_of(0), -1);
      return lines && lines->size() >= count;
    });
  };
  said(1);
  const auto lines = logs(name_of(0), -1);
  ASSERT_TRUE(lines);
  EXPECT_EQ(lines->front(), "out new, 4194304 bytes, then: No space left on device");
  machine.podman({"stop", name_of(0)});
  wait_for([](const Unit& one) { return one.state == UnitState::kExited; });
  expect_done([&] { return engine->restart(name_of(0)); });
  said(2);
  EXPECT_EQ(logs(name_of(0), 1).value().front(), "out new, 4194304 bytes, then: No space left on device");
}

}  // namespace
}  // namespace mifeng::cluster

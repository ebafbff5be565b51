// Logs, and what is left of a deployment that goes: volumes and images.
#include "podman_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(PodmanEngineTest, LogsComeFromTheEndAndFollow) {
  const Workload wanted = workload({"lines", "500"});
  apply(wanted);
  const std::string name = engine->instance_name("test", 0);
  wait_for(wanted, [&](const auto&) {
    const auto lines = logs(name, -1);
    return lines && lines->size() == 500;
  });
  const auto lines = logs(name, 2);
  ASSERT_TRUE(lines);
  EXPECT_THAT(*lines, ElementsAre("out line 498", "out line 499"));

  // Following ends when the reader has had enough; the container still runs.
  int seen = 0;
  LogSink three = [&](LogLine) -> boost::asio::awaitable<Result<void>> {
    if (++seen == 3) co_return Error(ErrorCode::kCancelled, "enough", "enough");
    co_return ok();
  };
  LogOptions options;
  options.follow = true;
  const auto followed = net::run_to_result<void>([&] { return engine->logs(name, options, three); });
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().reason(), "enough");
  EXPECT_EQ(seen, 3);
  const auto missing = logs("mf-nothing", 1);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
}

TEST_F(PodmanEngineTest, RemoveLeavesNothingAndTwiceIsFine) {
  const Workload wanted = workload({"serve"}, 2);
  apply(wanted);
  for (int i = 0; i < 2; ++i) {
    const auto removed = net::run_to_result<void>([&] { return engine->remove("test"); });
    EXPECT_TRUE(removed) << removed.error().message();
  }
  EXPECT_EQ(machine->podman({"ps", "-aq"}), "");
  EXPECT_EQ(machine->podman({"volume", "ls", "-q"}), "");
  EXPECT_FALSE(std::filesystem::exists(machine->path() / "sockets" / engine->instance_name("test", 0)));
  EXPECT_EQ(status(wanted)[0].state, InstanceState::kMissing);
}

TEST_F(PodmanEngineTest, RemovingOneDeploymentLeavesTheVolumesOfAnother) {
  Workload stays = workload({"serve"});
  stays.deployment = "test-0";  // its names begin as those of the other
  const Workload goes = workload({"serve"});
  apply(stays);
  apply(goes);
  // Ended, so that nothing but the engine keeps its volume from being removed.
  machine->podman({"stop", engine->instance_name("test-0", 0)});
  const auto removed = net::run_to_result<void>([&] { return engine->remove("test"); });
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_EQ(machine->podman({"volume", "ls", "-q"}), engine->instance_name("test-0", 0) + ".cache\n");
  EXPECT_TRUE(std::filesystem::exists(machine->path() / "sockets" / engine->instance_name("test-0", 0)));
  EXPECT_FALSE(std::filesystem::exists(machine->path() / "sockets" / engine->instance_name("test", 0)));
}

TEST_F(PodmanEngineTest, WhatIsClaimedOutlivesItsDeploymentsAndGoesWhenAskedAndUnused) {
  Workload one = workload({"serve"});
  one.pod.scratch_mounts.clear();
  one.pod.claim_mounts = {{"acme.data", "/cache"}};
  Workload two = workload({"serve"});
  two.deployment = "other";
  two.pod.scratch_mounts.clear();
  two.pod.claim_mounts = one.pod.claim_mounts;
  apply(one);
  apply(two);
  EXPECT_TRUE(wait_ready(one).ready);
  EXPECT_FALSE(apply(one).changed);
  const std::string name = "mf-" + installation.substr(0, 8) + ".acme.data";
  EXPECT_EQ(machine->podman({"volume", "inspect", "--format", "{{index .Labels \"io.mifeng.installation\"}}", name}),
            installation + "\n");
  const std::string point = machine->podman({"volume", "inspect", "--format", "{{.Mountpoint}}", name});
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
  EXPECT_EQ(machine->podman({"volume", "ls", "-q"}), "");
}

TEST_F(PodmanEngineTest, PruneRemovesOnlyImagesOfOursThatNobodyUses) {
  const Workload wanted = workload({"serve"});
  apply(wanted);
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->prune_images({}); }));
  EXPECT_THAT(machine->podman({"images", "-q"}), Not(IsEmpty()));  // in use
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->prune_images({machine->image}); }));
  EXPECT_THAT(machine->podman({"images", "-q"}), Not(IsEmpty()));  // wanted
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->prune_images({}); }));
  EXPECT_EQ(machine->podman({"images", "-q"}), "");
}

}  // namespace
}  // namespace mifeng::cluster

#include "mifeng/manifest/pod_template.h"

#include <gmock/gmock.h>

#include "mifeng/base/bounds.h"
#include "mifeng/os/file.h"

namespace mifeng::manifest {
namespace {

using testing::Contains;
using testing::ElementsAre;

DeploymentConfig full_config() {
  const std::string path = std::string(MIFENG_SOURCE_DIR) + "/libs/manifest/testdata/good-deployment-full.yaml";
  return *parse_deployment_config(*read_text_file(path, 1 << 20), "config.yaml", ConfigKind::kPackage);
}

RenderOptions options() {
  return {.deployment_id = "dep-1",
          .registry = "127.0.0.1:5000",
          .guard_image = "mifeng/guard@sha256:" + std::string(64, '7'),
          .payload_bytes = 10 << 20,
          .model_user = kModelUserMin + 3,
          .identity_key = "aWRlbnRpdHk=",
          .delivery_key = "ZGVsaXZlcnk="};
}

TEST(PodTemplate, CarriesAllOfAConfig) {
  const auto pod = render_pod(full_config(), options());
  ASSERT_TRUE(pod) << pod.error().message();
  const ContainerTemplate& model = pod->model;
  EXPECT_THAT(model.image, testing::StartsWith("127.0.0.1:5000/acme/digits@sha256:0123"));
  EXPECT_EQ(model.pull_policy, PullPolicy::kIfNotPresent);
  EXPECT_EQ(model.user, 1'900'000'003U);
  EXPECT_THAT(model.command, ElementsAre("/mifeng/start/mifeng-start"));
  EXPECT_THAT(model.env, ElementsAre(EnvVar{"LANG", "C.UTF-8"}, EnvVar{"MIFENG_MODEL_NAME", "digits"},
                                     EnvVar{"MIFENG_MODEL_VERSION", "1.2.0"},
                                     EnvVar{"MIFENG_SOCKET", "/mifeng/model/model.sock"}));
  // Named to the first process: what the config sets, and what an image may bring; then the model's own command.
  for (const char* name : {"LANG", "MIFENG_SOCKET", "PATH", "JAVA_HOME"}) EXPECT_THAT(model.args, Contains(name));
  EXPECT_THAT(model.args, testing::Not(Contains("MIFENG_PLATFORM")));
  ASSERT_GE(model.args.size(), 6U);
  EXPECT_THAT(std::vector<std::string>(model.args.end() - 6, model.args.end()),
              ElementsAre("--writable", "/mifeng/model", "--writable", "/cache", "--", "/app/model"));
  EXPECT_EQ(model.resources.cpu_request_millis, 2000);
  EXPECT_EQ(model.resources.cpu_limit_millis, std::nullopt);
  EXPECT_EQ(model.resources.memory_request_bytes, 4LL << 30);
  EXPECT_EQ(model.resources.memory_limit_bytes, 8LL << 30);
  EXPECT_THAT(model.resources.devices, ElementsAre(std::pair<const std::string, std::int64_t>("nvidia.com/gpu", 1)));
  EXPECT_THAT(model.memory_mounts, ElementsAre(MemoryMount{"/tmp", 64LL << 20, false}));
  EXPECT_EQ(pod->network, Network::kNone);

  const ContainerTemplate& guard = pod->guard;
  EXPECT_EQ(guard.image, "127.0.0.1:5000/" + options().guard_image);
  EXPECT_EQ(guard.user, kGuardUser);
  EXPECT_THAT(guard.command, ElementsAre("/mifeng/bin/mifeng-guard"));
  EXPECT_THAT(guard.args, ElementsAre("--health-port", "15020"));
  EXPECT_THAT(guard.env,
              ElementsAre(EnvVar{"MIFENG_DELIVERY_KEY", "ZGVsaXZlcnk="}, EnvVar{"MIFENG_DEPLOYMENT", "dep-1"},
                          EnvVar{"MIFENG_IDENTITY_KEY", "aWRlbnRpdHk="}, EnvVar{"MIFENG_LAME_DUCK", "5"},
                          EnvVar{"MIFENG_MODEL_UID", "1900000003"}, EnvVar{"MIFENG_PORTS", "http=8080"},
                          EnvVar{"MIFENG_READINESS", "/v2/health/ready"}, EnvVar{"MIFENG_TERMINATION_GRACE", "30"}));
  EXPECT_THAT(guard.memory_mounts, ElementsAre(MemoryMount{"/mifeng/run", 64LL << 20, false}));
  // The payload's folder, the guard's own two, and what it needs to serve.
  EXPECT_EQ(guard.resources.memory_limit_bytes, (27LL + 64 + 1 + 150 + 96) << 20);
  EXPECT_THAT(pod->shared, ElementsAre(SharedFolder{"app", "/app", 27LL << 20, true, false},
                                       SharedFolder{"guard", "/mifeng/guard", 1LL << 20, false, false},
                                       SharedFolder{"model", "/mifeng/model", 1LL << 20, false, true}));
  // Lame duck, drain, and the model's own end.
  EXPECT_EQ(pod->termination_grace_seconds, 5 + 30 + 5);
  EXPECT_THAT(pod->ports, ElementsAre(ContainerPort{"http", 8080}));
  EXPECT_THAT(pod->scratch_mounts, ElementsAre(ScratchMount{"cache", "/cache", std::nullopt}));
  EXPECT_EQ(*render_pod(full_config(), options()), *pod);
}

// NVIDIA's runtime gives all of the machine's accelerators to a container that says nothing.
TEST(PodTemplate, WithoutADeviceThereIsNone) {
  auto config = full_config();
  config.resources.requests.erase("nvidia.com/gpu");
  config.resources.limits.erase("nvidia.com/gpu");
  const auto pod = render_pod(config, options());
  ASSERT_TRUE(pod);
  EXPECT_THAT(pod->model.env, Contains(EnvVar{"NVIDIA_VISIBLE_DEVICES", "void"}));
}

TEST(PodTemplate, EachPortHasASocketOfItsOwn) {
  auto config = full_config();
  config.ports.push_back({"grpc-web", 9000});
  config.network = Network::kOutgoing;
  const auto pod = render_pod(config, options());
  ASSERT_TRUE(pod);
  EXPECT_THAT(pod->model.env, Contains(EnvVar{"MIFENG_SOCKET_GRPC_WEB", "/mifeng/model/model-grpc-web.sock"}));
  EXPECT_THAT(pod->guard.env, Contains(EnvVar{"MIFENG_PORTS", "http=8080,grpc-web=9000"}));
  EXPECT_EQ(pod->network, Network::kOutgoing);
}

TEST(PodTemplate, AMemoryVolumeIsAMemoryMount) {
  auto config = full_config();
  config.volumes[0].medium = Volume::Medium::kMemory;
  config.volumes[0].size_limit = *parse_quantity("8Mi");
  const auto pod = render_pod(config, options());
  ASSERT_TRUE(pod);
  EXPECT_THAT(pod->model.memory_mounts, Contains(MemoryMount{"/cache", 8LL << 20, false}));
  EXPECT_TRUE(pod->scratch_mounts.empty());
  EXPECT_TRUE(pod->claim_mounts.empty());
}

TEST(PodTemplate, AClaimIsTheVendorsAndSaysItsSizeAndClass) {
  auto config = full_config();
  config.volumes[0].claim = "data";
  const auto plain = render_pod(config, options());
  ASSERT_TRUE(plain);
  EXPECT_THAT(plain->claim_mounts, ElementsAre(ClaimMount{"acme.data", "/cache"}));
  config.volumes[0].claim_size = *parse_quantity("10Gi");
  config.volumes[0].storage_class = "fast-ssd";
  const auto pod = render_pod(config, options());
  ASSERT_TRUE(pod);
  EXPECT_THAT(pod->claim_mounts, ElementsAre(ClaimMount{"acme.data", "/cache", 10LL << 30, "fast-ssd"}));
  EXPECT_TRUE(pod->scratch_mounts.empty());
}

TEST(PodTemplate, TheEnginesPatienceCoversALongerLameDuck) {
  auto longer = options();
  longer.lame_duck_seconds = 15;
  const auto pod = render_pod(full_config(), longer);
  ASSERT_TRUE(pod);
  EXPECT_THAT(pod->guard.env, Contains(EnvVar{"MIFENG_LAME_DUCK", "15"}));
  EXPECT_EQ(pod->termination_grace_seconds, 15 + 30 + 5);
  for (const int bad : {-1, 61}) {
    longer.lame_duck_seconds = bad;
    EXPECT_FALSE(render_pod(full_config(), longer)) << bad;
  }
}

TEST(PodTemplate, RefusesWhatCannotRun) {
  auto config = full_config();
  config.image.clear();
  EXPECT_FALSE(render_pod(config, options()));
  config = full_config();
  config.command.clear();
  EXPECT_FALSE(render_pod(config, options()));
  config = full_config();
  config.volumes.clear();
  EXPECT_FALSE(render_pod(config, options()));
  auto bad = options();
  bad.registry.clear();
  EXPECT_FALSE(render_pod(full_config(), bad));
  bad = options();
  bad.deployment_id.clear();
  EXPECT_FALSE(render_pod(full_config(), bad));
  bad = options();
  bad.guard_image = "mifeng/guard:latest";
  EXPECT_FALSE(render_pod(full_config(), bad));
  bad = options();
  bad.model_user = kGuardUser;
  EXPECT_FALSE(render_pod(full_config(), bad));
  bad = options();
  bad.identity_key.clear();
  EXPECT_FALSE(render_pod(full_config(), bad));
}

TEST(Overlay, ChangesWhatAnOperatorMayChange) {
  DeploymentOverlay overlay;
  overlay.replicas = 3;
  overlay.limits["memory"] = *parse_quantity("16Gi");
  overlay.env = {{"LANG", "zh_CN.UTF-8"}};
  const auto config = apply_overlay(full_config(), overlay);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->replicas, 3);
  EXPECT_EQ(config->resources.limits.at("memory").text, "16Gi");
  EXPECT_EQ(config->env[0].value, "zh_CN.UTF-8");
  EXPECT_EQ(config->command, full_config().command);
}

TEST(Overlay, PutsAVolumeElsewhereAndLeavesItsMount) {
  DeploymentOverlay overlay;
  const auto pod = [&] {
    const auto config = apply_overlay(full_config(), overlay);
    EXPECT_TRUE(config) << config.error().message();
    EXPECT_EQ(config->volume_mounts, full_config().volume_mounts);
    return *render_pod(*config, options());
  };
  overlay.volumes = {{.name = "cache", .medium = "memory", .size = "1Gi"}};
  PodTemplate rendered = pod();
  EXPECT_THAT(rendered.model.memory_mounts, Contains(MemoryMount{"/cache", 1LL << 30, false}));
  EXPECT_THAT(rendered.scratch_mounts, testing::IsEmpty());
  overlay.volumes = {{.name = "cache", .medium = "disk", .size = "10Gi"}};
  rendered = pod();
  EXPECT_THAT(rendered.scratch_mounts, ElementsAre(ScratchMount{"cache", "/cache", 10LL << 30}));
  // Whatever the operator names, it is one of this vendor's.
  overlay.volumes = {{.name = "cache", .claim = "shared", .size = "10Gi", .storage_class = "fast"}};
  rendered = pod();
  EXPECT_THAT(rendered.claim_mounts, ElementsAre(ClaimMount{"acme.shared", "/cache", 10LL << 30, "fast"}));
  EXPECT_THAT(rendered.scratch_mounts, testing::IsEmpty());
}

TEST(Overlay, TakesAVolumeOffAClaimAndOutOfMemory) {
  auto config = full_config();
  config.volumes = {{.name = "cache", .claim = "data", .claim_size = *parse_quantity("5Gi"), .storage_class = "slow"}};
  const auto moved = apply_overlay(config, {.volumes = {{.name = "cache", .medium = "disk"}}});
  ASSERT_TRUE(moved) << moved.error().message();
  EXPECT_EQ(moved->volumes[0], Volume{.name = "cache"}) << "nothing of the claim is left";
  config.volumes = {{.name = "cache", .medium = Volume::Medium::kMemory, .size_limit = *parse_quantity("8Mi")}};
  const auto claimed = apply_overlay(config, {.volumes = {{.name = "cache", .claim = "own"}}});
  ASSERT_TRUE(claimed) << claimed.error().message();
  EXPECT_EQ(claimed->volumes[0], (Volume{.name = "cache", .claim = "own"}));
}

TEST(Overlay, RefusesVolumesThatCannotBe) {
  const std::pair<std::vector<VolumeChoice>, const char*> cases[] = {
      {{{.name = "other", .medium = "disk"}}, "volumes: other is not among the volumes"},
      {{{.name = "cache", .medium = "disk"}, {.name = "cache", .claim = "a"}}, "volumes: cache is there twice"},
      {{{.name = "cache"}}, "volumes.cache needs either a claim or a medium"},
      {{{.name = "cache", .claim = "a", .medium = "memory"}}, "volumes.cache needs either a claim or a medium"},
      {{{.name = "cache", .medium = "Memory"}}, "volumes.cache.medium must be disk or memory"},
      {{{.name = "cache", .medium = "disk", .storage_class = "fast"}},
       "volumes.cache.storage_class belongs to a claim"},
      {{{.name = "cache", .claim = "../acme"}}, "volumes.cache.claim must be 1 to 63 characters"},
      {{{.name = "cache", .claim = "other.data"}}, "volumes.cache.claim must be 1 to 63 characters"},
      {{{.name = "cache", .claim = std::string(64, 'a')}}, "volumes.cache.claim must be 1 to 63 characters"},
      {{{.name = "cache", .claim = "a", .storage_class = "a b"}}, "volumes.cache.storage_class must be 1 to 63"},
      {{{.name = "cache", .medium = "memory", .size = "4095"}}, "volumes.cache.size must be at least 4096 bytes"},
      {{{.name = "cache", .claim = "a", .size = "1023Ki"}}, "volumes.cache.size must be at least 1Mi"},
  };
  for (const auto& [volumes, words] : cases) {
    const auto config = apply_overlay(full_config(), {.volumes = volumes});
    ASSERT_FALSE(config) << words;
    EXPECT_EQ(config.error().reason(), "bad-overlay");
    EXPECT_THAT(config.error().message(), testing::HasSubstr(words));
  }
  for (const char* size : {"much", "-1", "0x10", "9Pi", "1e99"}) {
    const auto config = apply_overlay(full_config(), {.volumes = {{.name = "cache", .medium = "disk", .size = size}}});
    ASSERT_FALSE(config) << size;
    EXPECT_EQ(config.error().reason(), "bad-quantity");
    EXPECT_THAT(config.error().message(), testing::HasSubstr("volumes.cache.size"));
  }
  // In memory each place would be a memory of its own.
  auto twice = full_config();
  twice.volume_mounts.push_back({"cache", "/also"});
  EXPECT_TRUE(apply_overlay(twice, {.volumes = {{.name = "cache", .medium = "disk"}}}));
  const auto config = apply_overlay(twice, {.volumes = {{.name = "cache", .medium = "memory"}}});
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message(), testing::HasSubstr("several places"));
}

TEST(Tolerations, AreInTheTemplateAsTheyWereAskedFor) {
  auto wished = options();
  wished.tolerations = {{.key = "dedicated", .value = "lab", .effect = "NoSchedule"},
                        {.key = "dedicated", .value = "lab", .effect = "NoExecute", .seconds = 60},
                        {.key = "nvidia.com/gpu"},
                        {.key = "example/Spot_1.x", .value = ""}};
  const auto pod = render_pod(full_config(), wished);
  ASSERT_TRUE(pod) << pod.error().message();
  EXPECT_EQ(pod->tolerations, wished.tolerations);
}

TEST(Tolerations, AreRefusedWhereNoTaintCanBeMeant) {
  const std::pair<Toleration, const char*> cases[] = {
      {{.key = ""}, "tolerations[0].key must be the key of a taint"},
      {{.key = "-a"}, "tolerations[0].key must be"},
      {{.key = "a b"}, "tolerations[0].key must be"},
      {{.key = "a/b/c"}, "tolerations[0].key must be"},
      {{.key = "/a"}, "tolerations[0].key must be"},
      {{.key = "a/"}, "tolerations[0].key must be"},
      {{.key = "Example.com/a"}, "tolerations[0].key must be"},
      {{.key = std::string(64, 'a')}, "tolerations[0].key must be"},
      {{.key = "node.kubernetes.io/unreachable"}, "tolerations[0].key is a taint by which a cluster says"},
      {{.key = "a", .value = "b c"}, "tolerations[0].value must be at most 63"},
      {{.key = "a", .value = std::string(64, 'b')}, "tolerations[0].value must be at most 63"},
      {{.key = "a", .effect = "noSchedule"}, "tolerations[0].effect must be NoSchedule"},
      {{.key = "a", .effect = "NoSchedule", .seconds = 1}, "tolerations[0].seconds belong to the effect NoExecute"},
      {{.key = "a", .seconds = 1}, "tolerations[0].seconds belong to the effect NoExecute"},
      {{.key = "a", .effect = "NoExecute", .seconds = -1}, "tolerations[0].seconds must be from 0 to 604800"},
      {{.key = "a", .effect = "NoExecute", .seconds = 604801}, "tolerations[0].seconds must be from 0 to 604800"},
  };
  const auto refused = [](const std::vector<Toleration>& tolerations) {
    auto wished = options();
    wished.tolerations = tolerations;
    const auto pod = render_pod(full_config(), wished);
    EXPECT_EQ(pod ? "rendered" : pod.error().reason(), "bad-overlay");
    return pod ? std::string() : std::string(pod.error().message());
  };
  for (const auto& [toleration, words] : cases) EXPECT_THAT(refused({toleration}), testing::HasSubstr(words));
  EXPECT_THAT(refused({{.key = "a"}, {.key = "b"}, {.key = "a"}}), testing::HasSubstr("tolerations[2] is there twice"));
  std::vector<Toleration> many;
  for (std::size_t i = 0; i <= kTolerationsMax; ++i) many.push_back({.key = "k" + std::to_string(i)});
  EXPECT_THAT(refused(many), testing::HasSubstr("more than 16"));
  many.pop_back();
  auto wished = options();
  wished.tolerations = many;
  EXPECT_TRUE(render_pod(full_config(), wished));
}

TEST(Overlay, RefusesTheRest) {
  DeploymentOverlay overlay;
  overlay.replicas = static_cast<int>(bounds::kReplicasMax) + 1;
  EXPECT_EQ(apply_overlay(full_config(), overlay).error().reason(), "bad-overlay");
  overlay = {};
  overlay.env = {{"LD_PRELOAD", "/x"}};
  EXPECT_FALSE(apply_overlay(full_config(), overlay));
  overlay.env = {{"HOME", "/"}};
  EXPECT_FALSE(apply_overlay(full_config(), overlay));
  overlay = {};
  overlay.limits["memory"] = *parse_quantity("1Gi");  // below the request
  EXPECT_FALSE(apply_overlay(full_config(), overlay));
  overlay = {};
  overlay.limits["gpu"] = *parse_quantity("1");
  EXPECT_FALSE(apply_overlay(full_config(), overlay));
}

}  // namespace
}  // namespace mifeng::manifest

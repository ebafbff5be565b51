#include "podman_render.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "mifeng/cluster/json_path.h"
#include "podman_parts.h"
#include "test_workload.h"

namespace mifeng::cluster {
namespace {

using ::testing::HasSubstr;

std::string drift_of(const Workload& workload, const json::Object& guard, const json::Object& model,
                     const std::vector<std::string>& image_env = {}) {
  return find_drift(sample_frame(), workload, 0, {&guard, {}}, {&model, image_env}).value_or("");
}
std::string drift_of(const Workload& workload) {
  return drift_of(workload, sample_inspected("guard"), sample_inspected("model"));
}

TEST(PodmanRender, NamesAreOfTheInstallationAndNeverMeet) {
  EXPECT_EQ(unit_name(sample_frame(), "digits", 3), "mf-01234567-digits-3");
  EXPECT_NE(volume_name(sample_frame(), "a", 0, "1-cache"), volume_name(sample_frame(), "a-0", 1, "cache"));
  for (const Part part : {Part::kGuard, Part::kModel})
    EXPECT_EQ(unit_of(container_name("mf-01234567-digits-3", part)), "mf-01234567-digits-3");
}

TEST(PodmanRender, HasNoPrivilegeWhateverTheTemplateSays) {
  for (const Part part : {Part::kGuard, Part::kModel}) {
    const json::Object body = render_container(sample_frame(), sample_workload(), 0, part);
    EXPECT_EQ(text_at(body, "user"), part == Part::kGuard ? "65532:65532" : "1900000000:65532");
    EXPECT_TRUE(bool_at(body, "read_only_filesystem"));
    EXPECT_TRUE(bool_at(body, "no_new_privileges"));
    EXPECT_EQ(texts_at(body, "cap_drop"), std::vector<std::string>{"all"});
    EXPECT_EQ(text_at(body, "restart_policy"), "no");
    EXPECT_EQ(body.find("privileged"), nullptr);
    EXPECT_EQ(body.find("devices"), nullptr);
  }
}

TEST(PodmanRender, OnlyTheGuardHasANetworkPortsAndThePlatformsSocket) {
  const json::Object guard = render_container(sample_frame(), sample_workload(), 0, Part::kGuard);
  const json::Object model = render_container(sample_frame(), sample_workload(), 0, Part::kModel);
  EXPECT_EQ(text_at(guard, "netns", "nsmode"), "bridge");
  EXPECT_EQ(text_at(model, "netns", "nsmode"), "none");
  EXPECT_NE(guard.find("portmappings"), nullptr);
  EXPECT_EQ(model.find("portmappings"), nullptr);
  EXPECT_EQ(model.find("Networks"), nullptr);
  EXPECT_THAT(json::serialize(*guard.find("mounts")), HasSubstr("/mifeng/platform"));
  EXPECT_THAT(json::serialize(*model.find("mounts")), ::testing::Not(HasSubstr("/mifeng/platform")));
  EXPECT_THAT(json::serialize(*model.find("env")), ::testing::Not(HasSubstr("MIFENG_PLATFORM")));
}

// Each shared folder is written by one side and read by the other.
TEST(PodmanRender, ASharedFolderHasOneWriter) {
  const Workload workload = sample_workload();
  for (const SharedFolder& folder : workload.pod.shared) {
    int writers = 0;
    for (const Part part : {Part::kGuard, Part::kModel}) {
      const json::Object body = render_container(sample_frame(), workload, 0, part);
      for (const json::Value& volume : *body.find("volumes")->if_array()) {
        if (text_at(*volume.if_object(), "Dest") != folder.path) continue;
        const auto options = texts_at(*volume.if_object(), "Options");
        const bool writes = std::find(options.begin(), options.end(), "rw") != options.end();
        EXPECT_EQ(writes, folder.model_writes == (part == Part::kModel)) << folder.path;
        writers += writes ? 1 : 0;
      }
    }
    EXPECT_EQ(writers, 1) << folder.path;
  }
  EXPECT_EQ(shared_volume_options(workload.pod.shared[0], workload.pod),
            "nr_blocks=2048,uid=65532,gid=65532,mode=0750,nosuid,nodev");
  EXPECT_EQ(shared_volume_options(workload.pod.shared[2], workload.pod),
            "nr_blocks=256,uid=1900000000,gid=65532,mode=0750,nosuid,nodev,noexec");
}

TEST(PodmanRender, HardwareArrivesInTheWordsOfCgroupsAndCdi) {
  Workload workload = sample_workload();
  workload.pod.model.resources.devices["example.com/accelerator"] = 2;
  const json::Object body = render_container(sample_frame(), workload, 0, Part::kModel);
  EXPECT_EQ(integer_at(body, "resource_limits", "cpu", "shares"), 512);
  EXPECT_EQ(integer_at(body, "resource_limits", "cpu", "quota"), 150'000);
  EXPECT_EQ(integer_at(body, "resource_limits", "memory", "limit"), 64 << 20);
  EXPECT_EQ(integer_at(body, "resource_limits", "memory", "swap"), 64 << 20);
  ASSERT_NE(body.find("devices"), nullptr);
  EXPECT_EQ(json::serialize(*body.find("devices")),
            R"([{"path":"example.com/accelerator=0"},{"path":"example.com/accelerator=1"}])");
}

TEST(PodmanRender, TheContainerThatPodmanShowsIsTheOneRendered) { EXPECT_EQ(drift_of(sample_workload()), ""); }

TEST(PodmanRender, EveryChangeOfTheTemplateIsDrift) {
  const std::vector<std::pair<const char*, std::function<void(Workload&)>>> changes = {
      {"ImageDigest", [](Workload& w) { w.pod.guard.image.back() = '3'; }},
      {"model: ImageDigest", [](Workload& w) { w.pod.model.image.back() = '3'; }},
      {"Path", [](Workload& w) { w.pod.guard.command = {"/other"}; }},
      {"model: Path", [](Workload& w) { w.pod.model.command = {"/other"}; }},
      {"Args", [](Workload& w) { w.pod.guard.args.push_back("more"); }},
      {"model: Args", [](Workload& w) { w.pod.model.args.push_back("more"); }},
      {"model: Config.User", [](Workload& w) { ++w.pod.model.user; }},
      {"Config.Env", [](Workload& w) { w.pod.guard.env[0].value = "C"; }},
      {"model: Config.Env", [](Workload& w) { w.pod.model.env[0].value = "/tmp/model.sock"; }},
      {"Config.Env",
       [](Workload& w) {
         w.pod.guard.env.push_back({"NEW", "1"});
       }},
      {"Config.Env", [](Workload& w) { w.pod.guard.env.clear(); }},
      {"model: HostConfig.Memory", [](Workload& w) { w.pod.model.resources.memory_limit_bytes = 65 << 20; }},
      {"HostConfig.Memory", [](Workload& w) { w.pod.guard.resources.memory_limit_bytes.reset(); }},
      {"HostConfig.MemoryReservation", [](Workload& w) { w.pod.model.resources.memory_request_bytes.reset(); }},
      {"HostConfig.CpuShares", [](Workload& w) { w.pod.model.resources.cpu_request_millis = 600; }},
      {"HostConfig.CpuQuota", [](Workload& w) { w.pod.model.resources.cpu_limit_millis.reset(); }},
      {"HostConfig.Tmpfs", [](Workload& w) { w.pod.guard.memory_mounts[0].size_bytes = 16 << 20; }},
      {"model: HostConfig.Tmpfs", [](Workload& w) { w.pod.model.memory_mounts[0].executable = true; }},
      {"HostConfig.Tmpfs", [](Workload& w) { w.pod.guard.memory_mounts.pop_back(); }},
      {"HostConfig.Tmpfs",
       [](Workload& w) {
         w.pod.model.memory_mounts.push_back({"/more", 4096, false});
       }},
      {"Mounts", [](Workload& w) { w.pod.shared[1].path = "/mifeng/other"; }},
      {"Mounts", [](Workload& w) { w.pod.shared[2].model_writes = false; }},
      {"Mounts", [](Workload& w) { w.pod.shared.pop_back(); }},
      {"Mounts", [](Workload& w) { w.pod.scratch_mounts.clear(); }},
      {"Mounts", [](Workload& w) { w.pod.scratch_mounts[0].volume = "other"; }},
      {"Mounts",
       [](Workload& w) {
         w.pod.claim_mounts = {{"acme.data", "/data"}};
       }},
      {"HostConfig.PortBindings", [](Workload& w) { w.node_ports[0].node_port = 30992; }},
      {"Labels.io.mifeng.ports", [](Workload& w) { w.pod.ports[0].container_port = 8081; }},
      {"Config.StopTimeout", [](Workload& w) { w.pod.termination_grace_seconds = 31; }},
      {"Name", [](Workload& w) { w.deployment = "digits-other"; }},
      {"Labels.io.mifeng.revision", [](Workload& w) { w.revision = 2; }},
      {"Labels.io.mifeng.ports",
       [](Workload& w) {
         w.pod.ports[0].name = "other";
         w.node_ports[0].port_name = "other";
       }},
      {"Labels.io.mifeng.health-port", [](Workload& w) { w.pod.health_port = 15021; }},
  };
  for (const auto& [field, change] : changes) {
    Workload workload = sample_workload();
    change(workload);
    EXPECT_THAT(drift_of(workload), HasSubstr(field));
  }
}

// What somebody with the engine's socket could have given a container of our name and labels.
TEST(PodmanRender, EveryWidenedContainerIsDrift) {
  const auto set = [](json::Object& in, std::initializer_list<const char*> path, json::Value value) {
    json::Object* object = &in;
    const char* last = nullptr;
    for (const char* name : path) {
      if (last != nullptr) object = object->find(last)->if_object();
      ASSERT_NE(object, nullptr);
      last = name;
    }
    object->set(last, std::move(value));
  };
  const std::vector<std::pair<const char*, std::function<void(json::Object&)>>> changes = {
      {"Privileged",
       [&](json::Object& o) {
         set(o, {"HostConfig", "Privileged"}, true);
       }},
      {"ReadonlyRootfs",
       [&](json::Object& o) {
         set(o, {"HostConfig", "ReadonlyRootfs"}, false);
       }},
      {"SecurityOpt",
       [&](json::Object& o) {
         set(o, {"HostConfig", "SecurityOpt"}, json::Array{});
       }},
      {"SecurityOpt",
       [&](json::Object& o) {
         set(o, {"HostConfig", "SecurityOpt"}, json::Array{"no-new-privileges", "seccomp=unconfined"});
       }},
      {"EffectiveCaps", [&](json::Object& o) { set(o, {"EffectiveCaps"}, json::Array{"CAP_SYS_PTRACE"}); }},
      {"BoundingCaps", [&](json::Object& o) { set(o, {"BoundingCaps"}, json::Array{"CAP_SYS_PTRACE"}); }},
      {"CapAdd",
       [&](json::Object& o) {
         set(o, {"HostConfig", "CapAdd"}, json::Array{"CAP_NET_RAW"});
       }},
      {"Config.User",
       [&](json::Object& o) {
         set(o, {"Config", "User"}, "0");
       }},
      {"PidMode",
       [&](json::Object& o) {
         set(o, {"HostConfig", "PidMode"}, "host");
       }},
      {"IpcMode",
       [&](json::Object& o) {
         set(o, {"HostConfig", "IpcMode"}, "host");
       }},
      {"NetworkMode",
       [&](json::Object& o) {
         set(o, {"HostConfig", "NetworkMode"}, "host");
       }},
      {"Networks",
       [&](json::Object& o) {
         set(o, {"NetworkSettings", "Networks"}, json::Object{{"podman", json::Object{}}});
       }},
      {"Config.Env",
       [&](json::Object& o) {
         auto env = *at(o, "Config", "Env")->if_array();
         env.emplace_back("LD_PRELOAD=/cache/x.so");
         set(o, {"Config", "Env"}, env);
       }},
      {"Config.Env",
       [&](json::Object& o) {
         set(o, {"Config", "Env"}, json::Array{"OTHER=C.UTF-8"});
       }},
      {"Mounts",
       [&](json::Object& o) {
         auto mounts = *at(o, "Mounts")->if_array();
         mounts.emplace_back(json::Object{{"Type", "bind"}, {"Source", "/"}, {"Destination", "/host"}, {"RW", true}});
         set(o, {"Mounts"}, mounts);
       }},
      {"Devices",
       [&](json::Object& o) {
         set(o, {"HostConfig", "Devices"}, json::Array{json::Object{{"PathOnHost", "/dev/mem"}}});
       }},
      {"Args",
       [&](json::Object& o) {
         set(o, {"Args"}, json::Array{"lines", "3"});
       }},
      {"Path", [&](json::Object& o) { set(o, {"Path"}, "/bin/sh"); }},
      {"Rootfs", [&](json::Object& o) { set(o, {"Rootfs"}, "/srv/other"); }},
      {"RLIMIT_CORE",
       [&](json::Object& o) {
         set(o, {"HostConfig", "Ulimits"}, json::Array{});
       }},
      {"Labels",
       [&](json::Object& o) {
         set(o, {"Config", "Labels"}, json::Object{});
       }},
      {"ImageDigest", [&](json::Object& o) { o.erase("ImageDigest"); }},
      {"Mounts", [&](json::Object& o) { o.erase("Mounts"); }},
      {"PortBindings",
       [&](json::Object& o) {
         set(o, {"HostConfig", "PortBindings"}, nullptr);
       }},
  };
  for (const auto& [field, change] : changes) {
    json::Object guard = sample_inspected("guard");
    change(guard);
    EXPECT_THAT(drift_of(sample_workload(), guard, sample_inspected("model")), HasSubstr(field));
    json::Object model = sample_inspected("model");
    if (std::string(field) == "PortBindings") continue;  // it has none that could be missing
    change(model);
    EXPECT_THAT(drift_of(sample_workload(), sample_inspected("guard"), model), HasSubstr("model: "));
    EXPECT_THAT(drift_of(sample_workload(), sample_inspected("guard"), model), HasSubstr(field));
  }
  json::Object published = sample_inspected("model");
  set(published, {"HostConfig", "PortBindings"},
      json::Object{{"9/tcp", json::Array{json::Object{{"HostIp", "0.0.0.0"}, {"HostPort", "9"}}}}});
  EXPECT_THAT(drift_of(sample_workload(), sample_inspected("guard"), published), HasSubstr("PortBindings"));
  const json::Object guard = sample_inspected("guard");
  EXPECT_THAT(find_drift(sample_frame(), sample_workload(), 0, {&guard, {}}, {}).value_or(""),
              HasSubstr("there is no container"));
}

TEST(PodmanRender, TheImagesOwnEnvironmentIsNoDriftUntilSomebodyChangesIt) {
  json::Object inspected = sample_inspected("model");
  json::Object* config = inspected.find("Config")->if_object();
  json::Array env = *config->find("Env")->if_array();
  env.emplace_back("PYTHONUNBUFFERED=1");
  config->set("Env", env);
  EXPECT_EQ(drift_of(sample_workload(), sample_inspected("guard"), inspected, {"PYTHONUNBUFFERED=1"}), "");
  EXPECT_THAT(drift_of(sample_workload(), sample_inspected("guard"), inspected, {"PYTHONUNBUFFERED=0"}),
              HasSubstr("Config.Env"));
  // A path of the image's own is the only one allowed then.
  EXPECT_THAT(drift_of(sample_workload(), sample_inspected("guard"), inspected, {"PYTHONUNBUFFERED=1", "PATH=/bin"}),
              HasSubstr("Config.Env"));
}

TEST(PodmanRender, WhatADeviceAddsToTheEnvironmentIsNoDriftUnlessItChangesWhatRuns) {
  const auto with = [](const char* entry) {
    json::Object inspected = sample_inspected("model");
    json::Object* config = inspected.find("Config")->if_object();
    json::Array env = *config->find("Env")->if_array();
    env.emplace_back(entry);
    config->set("Env", env);
    return inspected;
  };
  Workload workload = sample_workload();
  EXPECT_THAT(drift_of(workload, sample_inspected("guard"), with("NVIDIA_VISIBLE_DEVICES=void")),
              HasSubstr("Config.Env"));
  workload.pod.model.resources.devices["example.com/accelerator"] = 1;
  EXPECT_EQ(drift_of(workload, sample_inspected("guard"), with("NVIDIA_VISIBLE_DEVICES=void")), "");
  EXPECT_THAT(drift_of(workload, sample_inspected("guard"), with("LD_PRELOAD=/dev/shm/x.so")), HasSubstr("Config.Env"));
  EXPECT_THAT(drift_of(workload, sample_inspected("guard"), with("MIFENG_PLATFORM=http://192.0.2.1")),
              HasSubstr("Config.Env"));
}

}  // namespace
}  // namespace mifeng::cluster

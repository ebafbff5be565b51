// What an image's configuration may say.
#include "mifeng/package/oci.h"

#include <gmock/gmock.h>

#include "mifeng/json/value.h"

namespace mifeng::package {
namespace {

using testing::HasSubstr;

PackageManifest manifest() {
  PackageManifest made;
  made.vendor.id = "acme";
  made.model.name = "echo";
  made.model.version = "1.0.0";
  made.layers = {{.role = LayerRole::kBase,
                  .media_type = std::string(kLayerGzip),
                  .digest = "sha256:1",
                  .size = 1,
                  .diff_id = "sha256:2"}};
  return made;
}
// The verdict over an image's configuration that was changed: empty where it is taken.
template <typename Change>
std::string verdict(Change change) {
  json::Object config = *json::parse_object(image_config_json(manifest(), {"LANG=C.UTF-8"}));
  change(config);
  const auto checked = check_image_config(json::serialize(config), manifest());
  return checked ? "" : checked.error().message();
}
json::Object& inner(json::Object& config) { return *config.find("config")->if_object(); }
std::string with_env(json::Array env) {
  return verdict([&](json::Object& config) { inner(config).set("Env", env); });
}

TEST(ImageConfig, WhatPackWritesIsTaken) {
  EXPECT_EQ(verdict([](json::Object&) {}), "");
  for (const auto& env :
       {std::vector<std::string>{}, {"PATH=/opt/bin:/usr/bin"}, {"TZ=Asia/Shanghai", "CUDA_VERSION=12.4"}})
    EXPECT_TRUE(check_image_config(image_config_json(manifest(), env), manifest()));
}

TEST(ImageConfig, VariablesThatChangeWhichCodeRunsAreRefused) {
  for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "OPENSSL_CONF", "OPENSSL_MODULES", "GCONV_PATH", "NGINX",
                           "GLIBC_TUNABLES", "MIFENG_PLATFORM", "PYTHONPATH", "NVIDIA_VISIBLE_DEVICES", "", "lang"})
    EXPECT_THAT(with_env({std::string(name) + "=/x", "PATH=/usr/bin"}), HasSubstr("Env")) << name;
  EXPECT_THAT(with_env({"LANG=C", "LANG=C.UTF-8", "PATH=/usr/bin"}), HasSubstr("twice"));
  EXPECT_NE(with_env({"LANG=C"}), "") << "without a PATH it is not what pack writes";
}

TEST(ImageConfig, WhateverElseAnImageCanAskForIsRefused) {
  const auto with = [](const char* name, json::Value value) {
    return verdict([&](json::Object& config) { inner(config).set(name, value); });
  };
  EXPECT_THAT(with("Volumes", json::Object{{"/app", json::Object{}}}), HasSubstr("mifeng pack"));
  EXPECT_THAT(with("ExposedPorts", json::Object{{"9/tcp", json::Object{}}}), HasSubstr("mifeng pack"));
  EXPECT_THAT(with("StopSignal", "SIGKILL"), HasSubstr("mifeng pack"));
  EXPECT_THAT(with("Healthcheck", json::Object{{"Test", json::Array{"CMD", "/app/model"}}}), HasSubstr("mifeng pack"));
  EXPECT_THAT(with("OnBuild", json::Array{"RUN x"}), HasSubstr("mifeng pack"));
  EXPECT_THAT(with("Shell", json::Array{"/app/model"}), HasSubstr("mifeng pack"));
  EXPECT_THAT(with("WorkingDir", "/mifeng"), HasSubstr("mifeng pack"));
  EXPECT_THAT(with("Labels", json::Object{{"io.podman.annotations.label", "disable"}}), HasSubstr("mifeng pack"));
  EXPECT_THAT(with("Cmd", json::Array{"/app/model"}), HasSubstr("Cmd"));
  EXPECT_THAT(with("User", "0:0"), HasSubstr("User"));
  EXPECT_THAT(with("Entrypoint", json::Array{"/app/model"}), HasSubstr("Entrypoint"));
  EXPECT_THAT(verdict([](json::Object& config) { config.set("architecture", "arm64"); }), HasSubstr("architecture"));
  EXPECT_THAT(verdict([](json::Object& config) { config.set("history", json::Array{}); }), HasSubstr("mifeng pack"));
}

}  // namespace
}  // namespace mifeng::package

// Holds the bounds that spec/openapi.yaml and spec/mifeng.schema.json say to the constants that the code has.
#include "mifeng/base/bounds.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include "mifeng/manifest/pod_template.h"

namespace mifeng::rest {
namespace {

struct Place {
  const char* schema;    // of components/schemas
  const char* property;  // "" for the schema itself; "a/items" for what a list or an object has inside
  const char* keyword;
  std::int64_t bound;
};

YAML::Node inside(YAML::Node node, const std::string& path) {
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    node.reset(node[path.substr(at, end - at)]);
    at = end + 1;
  }
  return node;
}

void expect(const YAML::Node& node, const Place& place) {
  SCOPED_TRACE(std::string(place.schema) + " " + place.property + " " + place.keyword);
  ASSERT_TRUE(node.IsDefined() && node.IsMap()) << "it is not described";
  ASSERT_TRUE(node[place.keyword]) << "it has no such bound";
  EXPECT_EQ(node[place.keyword].as<std::int64_t>(), place.bound);
}

constexpr auto size(std::size_t bound) { return static_cast<std::int64_t>(bound); }

// The first properties, at any depth, that have this one.
YAML::Node find(const YAML::Node& node, const std::string& property) {
  if (node.IsMap() && node["properties"] && node["properties"][property]) return node["properties"];
  if (node.IsMap() || node.IsSequence()) {
    for (const auto& each : node) {
      const YAML::Node found = find(node.IsMap() ? each.second : YAML::Node(each), property);
      if (found.IsDefined() && !found.IsNull()) return found;
    }
  }
  return YAML::Node(YAML::NodeType::Undefined);
}

TEST(Bounds, OfTheApiDescriptionAreThoseOfTheCode) {
  const YAML::Node root = YAML::LoadFile(std::string(MIFENG_SOURCE_DIR) + "/spec/openapi.yaml");
  const Place places[] = {
      {"DeploymentRequest", "name", "maxLength", size(bounds::kDeploymentNameMax)},
      {"DeploymentRequest", "cluster", "maxLength", size(bounds::kLabelMax)},
      {"DeploymentRequest", "version_id", "maxLength", size(bounds::kIdMax)},
      {"DeploymentRequest", "replicas", "maximum", bounds::kReplicasMax},
      {"DeploymentRequest", "env", "maxItems", size(bounds::kEnvVarsMax)},
      {"EnvVar", "name", "maxLength", size(bounds::kEnvNameMax)},
      {"DeploymentRequest", "volumes", "maxItems", size(manifest::kVolumesMax)},
      {"UpdateRequest", "volumes", "maxItems", size(manifest::kVolumesMax)},
      {"BatchWish", "volumes", "maxItems", size(manifest::kVolumesMax)},
      {"VolumeChoice", "name", "maxLength", size(bounds::kLabelMax)},
      {"DeploymentRequest", "tolerations", "maxItems", size(manifest::kTolerationsMax)},
      {"UpdateRequest", "tolerations", "maxItems", size(manifest::kTolerationsMax)},
      {"BatchWish", "tolerations", "maxItems", size(manifest::kTolerationsMax)},
      {"Toleration", "seconds", "maximum", manifest::kTolerationSecondsMax},
      {"BatchPlanRequest", "items", "maxItems", size(bounds::kBatchItemsMax)},
      {"BatchRequest", "items", "maxItems", size(bounds::kBatchItemsMax)},
      {"BatchRequest", "without", "maxItems", size(bounds::kBatchItemsMax)},
      {"RouteInput", "name", "maxLength", size(bounds::kRouteNameMax)},
      {"RouteInput", "prefix", "maxLength", size(bounds::kRoutePathMax)},
      {"RouteInput", "forward", "maxLength", size(bounds::kForwardUrlMax)},
      {"RouteInput", "callers", "maxItems", size(bounds::kRouteCallersMax)},
      {"RouteInput", "callers/items", "maxLength", size(bounds::kIdMax)},
      {"RouteInput", "pass_headers", "maxItems", size(bounds::kPassHeadersMax)},
      {"RouteInput", "pass_headers/items", "maxLength", size(bounds::kPassHeaderNameMax)},
      {"RouteInput", "calls_per_minute", "maximum", bounds::kCallsPerMinuteMax},
      {"RouteInput", "calls_at_once", "maximum", bounds::kCallsAtOnceMax},
      {"RouteInput", "seconds_max", "maximum", bounds::kCallSecondsMax},
      {"Route", "name", "maxLength", size(bounds::kRouteNameMax)},
      {"Route", "prefix", "maxLength", size(bounds::kRoutePathMax)},
      {"Route", "forward", "maxLength", size(bounds::kForwardUrlMax)},
      {"Route", "calls_per_minute", "maximum", bounds::kCallsPerMinuteMax},
      {"Route", "calls_at_once", "maximum", bounds::kCallsAtOnceMax},
      {"Route", "seconds_max", "maximum", bounds::kCallSecondsMax},
      {"RouteMove", "deployment_id", "maxLength", size(bounds::kIdMax)},
      {"Reason", "reason", "maxLength", size(bounds::kReasonMax)},
      {"Replicas", "replicas", "maximum", bounds::kReplicasMax},
      {"CallerInput", "name", "maxLength", size(bounds::kCallerNameMax)},
      {"TrialInput", "unit", "maxLength", size(bounds::kUnitNameMax)},
      {"TrialInput", "path", "maxLength", size(bounds::kTrialPathMax)},
      {"TrialInput", "headers", "maxItems", size(bounds::kTrialHeadersMax)},
      {"TrialInput", "body_base64", "maxLength", size((bounds::kTrialBodyMax + 2) / 3 * 4)},
      {"TrialInput", "timeout_seconds", "maximum", bounds::kTrialSecondsMax},
      {"TrialHeaderField", "name", "maxLength", size(bounds::kTrialHeaderNameMax)},
      {"TrialHeaderField", "value", "maxLength", size(bounds::kTrialHeaderValueMax)},
  };
  for (const Place& place : places)
    expect(inside(root["components"]["schemas"][place.schema]["properties"], place.property), place);
  std::size_t found = 0;
  for (const auto& parameter : root["paths"]["/deployments/{id}/logs"]["get"]["parameters"]) {
    if (!parameter["name"] || parameter["name"].as<std::string>() != "tail") continue;
    EXPECT_EQ(parameter["schema"]["maximum"].as<std::int64_t>(), bounds::kLogLinesMax);
    ++found;
  }
  EXPECT_EQ(found, 1u);
}

// Its patterns say how many characters stand between the first and the last.
std::string between(std::size_t bound) { return "[-a-z0-9]{0," + std::to_string(bound - 2) + "}"; }

TEST(Bounds, OfTheSchemaOfAModelProjectAreThoseOfTheCode) {
  const YAML::Node root = YAML::LoadFile(std::string(MIFENG_SOURCE_DIR) + "/spec/mifeng.schema.json");
  const auto label = root["$defs"]["label"]["pattern"].as<std::string>();
  EXPECT_NE(label.find(between(bounds::kLabelMax)), std::string::npos) << label;
  const YAML::Node spec = find(root, "containerPort");
  ASSERT_TRUE(spec.IsDefined()) << "it has no ports";
  const auto port = spec["name"]["pattern"].as<std::string>();
  EXPECT_NE(port.find(between(bounds::kPortNameMax)), std::string::npos) << port;
  const YAML::Node replicas = find(root, "replicas");
  ASSERT_TRUE(replicas.IsDefined()) << "it has no replicas";
  expect(replicas["replicas"], {"spec", "replicas", "maximum", bounds::kReplicasMax});
  const YAML::Node env = find(root, "env");
  expect(env["env"], {"spec", "env", "maxItems", size(bounds::kEnvVarsMax)});
  expect(inside(env["env"], "items/properties/name"), {"spec", "env/name", "maxLength", size(bounds::kEnvNameMax)});
}

}  // namespace
}  // namespace mifeng::rest

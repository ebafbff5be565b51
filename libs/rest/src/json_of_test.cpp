#include "json_of.h"

#include <gtest/gtest.h>

namespace mifeng::rest {
namespace {

TEST(JsonOf, IsAnObjectOfTheListedMembersInTheirOrder) {
  models::ModelVersion version;
  version.id = "mv-1";
  version.state = models::VersionState::kAccepted;
  version.documents = {{.kind = models::DocumentKind::kUsage, .sm3 = "ab", .size = 3}};
  EXPECT_EQ(json::serialize(json_of(models::ModelService::Withdrawn{.version = version, .deployment_ids = {"d-1"}})),
            R"({"version":{"id":"mv-1","vendor_id":"","vendor_name":"","name":"","function":"","language":"",)"
            R"("version":"","config_address":"","config_sm3":"","image_name":"","image_digest":"","image_address":"",)"
            R"("state":"accepted","state_reason":"","package_sm3":"","payload_header_sm3":"","payload_size":0,)"
            R"("signer_fingerprint":"","delivery_key_id":"","documents":[{"kind":"usage","sm3":"ab","size":3}],)"
            R"("submitted_by":"","submitted_ms":0,"decided_by":"","decided_ms":0},"deployment_ids":["d-1"]})");
}

TEST(JsonOf, IsNullWhereThereIsNothingToTell) {
  clusters::Cluster cluster;
  const auto capacity_of = [](const clusters::Cluster& one) {
    return json::serialize(*json_of(one).if_object()->find("capacity"));
  };
  EXPECT_EQ(capacity_of(cluster), "null");
  cluster.capacity.emplace();
  cluster.capacity->accelerators["gpu"] = {.all = 2, .free = 1};
  EXPECT_EQ(capacity_of(cluster), R"({"cpu_millis":{"all":0,"free":0},"memory_bytes":{"all":0,"free":0},)"
                                  R"("accelerators":{"gpu":{"all":2,"free":1}},"counts":{}})");
}

TEST(JsonOf, LeavesOutOfARequestWhatWasNotAskedFor) {
  deployments::DeploymentRequest request;
  request.name = "digits";
  request.version_id = "mv-1";
  EXPECT_EQ(json::serialize(json_of(request)), R"({"name":"digits","version_id":"mv-1"})");
  request.replicas = 0;
  request.overlay.env = {{.name = "LANG", .value = "C"}};
  EXPECT_EQ(json::serialize(json_of(request)),
            R"({"name":"digits","version_id":"mv-1","replicas":0,"env":[{"name":"LANG","value":"C"}]})");
}

}  // namespace
}  // namespace mifeng::rest

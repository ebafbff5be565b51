#include "reasons.h"

#include <gmock/gmock.h>

#include "seen.h"

namespace mifeng::kubernetes {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(Reasons, AnImageThatIsNotPulledSaysWhoHasToDoWhat) {
  const std::vector<std::pair<const char*, const char*>> all{
      {"failed to resolve reference \"r/x@sha256:1\": r/x@sha256:1: not found", "image-not-found"},
      {"failed to pull and unpack image \"r/x@sha256:1\": no match for platform in manifest: not found",
       "wrong-architecture"},
      {"failed to do request: Head \"https://r/v2/x\": tls: failed to verify certificate: x509: certificate signed by "
       "unknown authority",
       "registry-not-trusted"},
      {"pull access denied, repository does not exist or may require authorization: authorization failed: no basic "
       "auth credentials",
       "registry-refused"},
      {"unexpected status from HEAD request to https://r/v2/x: 403 Forbidden", "registry-refused"},
      {"dial tcp 192.0.2.1:5000: connect: connection refused", "image-not-pulled"},
      {"", "image-not-pulled"},
  };
  for (const auto& [message, code] : all) {
    const Reason why = why_not_pulled("model", message);
    EXPECT_EQ(why.code, code) << message;
    EXPECT_THAT(why.sentence, HasSubstr(message));
    EXPECT_THAT(why.sentence, HasSubstr("container model"));
    EXPECT_NE(why.remedy, "");
  }
  EXPECT_EQ(why_no_login("Unable to retrieve some image pull secrets").code, "no-pull-secret");
}

TEST(Reasons, AnEndIsOfMemoryOfTheWrongProcessorOrItsOwn) {
  const auto ended = [](const char* reason, const char* words, std::int64_t limit = 0) {
    return why_ended({.container = "model", .reason = reason, .words = words, .code = 3, .memory_limit_bytes = limit});
  };
  EXPECT_EQ(ended("OOMKilled", "").code, "out-of-memory");
  EXPECT_THAT(ended("OOMKilled", "", 32 << 20).sentence, HasSubstr("its limit of 32 MiB"));
  EXPECT_EQ(ended("Error", "exec /app/model: exec format error").code, "wrong-architecture");
  EXPECT_EQ(ended("StartError", "no such file").code, "cannot-start");
  EXPECT_EQ(ended("Error", "the weights do not fit").sentence,
            "the container model ended with exit status 3: the weights do not fit");
  EXPECT_EQ(ended("Error", "").sentence, "the container model ended with exit status 3");
  EXPECT_THAT(why_ended({.container = "guard", .reason = "OOMKilled"}).remedy, HasSubstr("report"));
}

TEST(Reasons, WhatIsShortIsSaidWithItsAmount) {
  const std::string words =
      "0/2 nodes are available: 2 Insufficient memory. preemption: 0/2 nodes are available: 2 No victims found.";
  const std::vector<Taken> free{{.cpu_millis = 4000, .memory_bytes = 1LL << 30},
                                {.cpu_millis = 100, .memory_bytes = 3LL << 30}};
  const Reason why = why_unschedulable(words, {.cpu_millis = 50, .memory_bytes = 4LL << 30}, free);
  EXPECT_EQ(why.code, "unschedulable");
  EXPECT_EQ(why.sentence,
            "no node has room for it: of memory it asks for 4096Mi, and the most that is free on one node is 3072Mi, "
            "1024Mi too little (0/2 nodes are available: 2 Insufficient memory)");
  EXPECT_THAT(why.remedy, HasSubstr("--request memory="));
  const Reason device =
      why_unschedulable("0/1 nodes are available: 1 Insufficient example.com/npu.",
                        {.devices = {{"example.com/npu", 2}}}, {{.devices = {{"example.com/npu", 1}}}});
  EXPECT_THAT(device.sentence,
              HasSubstr("of example.com/npu it asks for 2, and the most that is free on one node is 1"));
  // Enough of each somewhere, and all of it nowhere; and where nodes are not seen.
  for (const auto& seen : {free, std::vector<Taken>()}) {
    const Reason vague = why_unschedulable(words, {.cpu_millis = 2000, .memory_bytes = 2LL << 30}, seen);
    EXPECT_THAT(vague.sentence, HasSubstr("too little memory ("));
    EXPECT_EQ(vague.code, "unschedulable");
  }
}

TEST(Reasons, ANodeThatTakesNothingSaysWhy) {
  const auto why = [](const char* words) { return why_unschedulable(words, {}, {}); };
  const Reason taint = why("0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: lab}.");
  EXPECT_EQ(taint.code, "unschedulable");
  EXPECT_THAT(taint.sentence, HasSubstr("taint dedicated: lab"));
  EXPECT_THAT(taint.remedy, HasSubstr("--toleration dedicated)"));
  // What says that a node is not well cannot be tolerated.
  const Reason unwell =
      why("0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.");
  EXPECT_THAT(unwell.remedy, ::testing::StartsWith("take the taint away"));
  EXPECT_EQ(why("0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }.").code,
            "node-lost");
  EXPECT_THAT(why("0/1 nodes are available: 1 node(s) were unschedulable.").remedy, HasSubstr("uncordon"));
  EXPECT_EQ(why("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.").code, "volume-not-bound");
  EXPECT_EQ(why("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.").code, "unschedulable");
}

TEST(Reasons, WhatIsNotMadeIsOfAQuotaALimitRangeOrARule) {
  EXPECT_EQ(why_not_made("pods \"x\" is forbidden: exceeded quota: few, requested: pods=1").code, "quota");
  EXPECT_EQ(why_not_made("pods \"x\" is forbidden: maximum memory usage per Container is 64Mi, but limit is 96Mi").code,
            "limit-range");
  EXPECT_EQ(why_not_made("pods \"x\" is forbidden: ValidatingAdmissionPolicy 'no' denied request: not here").code,
            "not-admitted");
}

TEST(Quota, HasRoomForWhatFitsIntoAllOfIt) {
  const auto quota = [](const char* text) { return quota_in(*json::parse_object(text)); };
  const json::Object spec = *json::parse_object(
      R"({"containers": [{"resources": {"requests": {"cpu": "500m", "memory": "64Mi", "example.com/npu": "1"},
                                        "limits": {"memory": "128Mi", "example.com/npu": "1"}}}]})");
  const auto holds = [&](const char* hard, const char* used) {
    return has_room_for(*quota((std::string(R"({"metadata": {"name": "q"}, "status": {"hard": )") + hard +
                                R"(, "used": )" + used + "}}")
                                   .c_str()),
                        spec);
  };
  EXPECT_TRUE(holds(R"({"pods": "3"})", R"({"pods": "2"})"));
  EXPECT_FALSE(holds(R"({"pods": "3"})", R"({"pods": "3"})"));
  EXPECT_TRUE(holds(R"({"requests.cpu": "1", "limits.memory": "1Gi"})", R"({"requests.cpu": "500m"})"));
  EXPECT_FALSE(holds(R"({"requests.cpu": "1"})", R"({"requests.cpu": "501m"})"));
  EXPECT_FALSE(holds(R"({"limits.memory": "128Mi"})", R"({"limits.memory": "1"})"));
  EXPECT_FALSE(holds(R"({"requests.example.com/npu": "4"})", R"({"requests.example.com/npu": "4"})"));
  EXPECT_TRUE(holds(R"({"services.nodeports": "0"})", "{}"));
  EXPECT_FALSE(quota(R"({"spec": {"scopes": ["BestEffort"]}, "status": {"hard": {"pods": "0"}}})"));
  EXPECT_TRUE(quota("{}"));
}

TEST(Quota, BoundsWhatIsFreeOfTheCluster) {
  cluster::Capacity capacity{.cpu_millis = {.all = 8000, .free = 5000},
                             .memory_bytes = {.all = 1 << 30, .free = 1 << 20},
                             .accelerators = {},
                             .counts = {}};
  const auto quota = [](const char* text) { return *quota_in(*json::parse_object(text)); };
  bound_by(quota(R"({"status": {"hard": {"requests.cpu": "4", "requests.memory": "2Gi", "pods": "10", "secrets": "1"},
                                "used": {"requests.cpu": "1500m", "pods": "4"}}})"),
           capacity);
  bound_by(quota(R"({"status": {"hard": {"count/pods": "20", "services.nodeports": "2"},
                                "used": {"count/pods": "18", "services.nodeports": "3"}}})"),
           capacity);
  const auto is = [](std::int64_t all, std::int64_t free) {
    return AllOf(Field(&cluster::Amount::all, all), Field(&cluster::Amount::free, free));
  };
  EXPECT_THAT(capacity.cpu_millis, is(4000, 2500));
  EXPECT_THAT(capacity.memory_bytes, is(1 << 30, 1 << 20));
  EXPECT_THAT(capacity.counts, ElementsAre(Pair("pods", is(10, 2)), Pair("services.nodeports", is(2, 0))));
}

}  // namespace
}  // namespace mifeng::kubernetes

#include "seen.h"

#include <gmock/gmock.h>

#include "sample.h"

namespace mifeng::kubernetes {
namespace {

using cluster::Unit;
using cluster::UnitState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Of testdata/pods.json and testdata/others.json: what API server, scheduler and kubelet of a real cluster wrote.
json::Object recorded(const char* file, const std::string& name) {
  const json::Object all = testdata_object(file);
  const json::Value* found = all.find(name);
  EXPECT_TRUE(found != nullptr && found->if_object() != nullptr) << name;
  return found == nullptr ? json::Object() : *found->if_object();
}
PodSeen pod(const std::string& name) { return pod_in(recorded("pods.json", name)); }
json::Object& inner(json::Object& in, const char* name) { return *in.find(name)->if_object(); }

TEST(Quantity, IsReadInThousandths) {
  EXPECT_EQ(thousandths("3"), 3000);
  EXPECT_EQ(thousandths("250m"), 250);
  EXPECT_EQ(thousandths("1.5"), 1500);
  EXPECT_EQ(thousandths("2Ki"), 2'048'000);
  EXPECT_EQ(thousandths("2Gi"), 2'147'483'648'000);
  EXPECT_EQ(thousandths("1e3"), 1'000'000);
  EXPECT_EQ(thousandths("100u"), 0);
  for (const char* bad : {"", "m", "3x", "3 Gi", "Gi3", "1e300", "nan", "inf"})
    EXPECT_EQ(thousandths(bad), std::nullopt) << bad;
}

TEST(Time, IsReadWithSecondsAndParts) {
  EXPECT_EQ(time_of("2026-11-29T18:43:56Z"), 1795977836000);
  EXPECT_EQ(time_of("2026-11-29T18:43:56.903684Z"), 1795977836903);
  EXPECT_EQ(time_of("2026-11-29T18:43:56.9Z"), 1795977836900);
  for (const char* bad : {"", "yesterday", "2026-11-29", "2026-11-29T18:43:56", "2026-11-29T18:43:56+01:00"})
    EXPECT_EQ(time_of(bad), std::nullopt) << bad;
}

TEST(PodSeen, OneThatServes) {
  const PodSeen seen = pod("running");
  EXPECT_EQ(seen.unit.state, UnitState::kRunning);
  EXPECT_TRUE(seen.unit.ready);
  EXPECT_EQ(seen.unit.reason, "");
  EXPECT_EQ(seen.unit.reason_code, "");
  EXPECT_EQ(seen.unit.deployment, seen.deployment);
  EXPECT_THAT(seen.unit.name, StartsWith("mf-test-"));
  EXPECT_EQ(seen.unit.engine_id, seen.uid);
  EXPECT_GE(seen.unit.revision, 1);
  EXPECT_TRUE(seen.unit.started_at_ms);
  EXPECT_EQ(seen.unit.exit_code, std::nullopt);
  EXPECT_EQ(seen.installation.size(), 32U);
  EXPECT_EQ(seen.node, "node1");
  EXPECT_FALSE(seen.ended);
  EXPECT_THAT(seen.container_ids, SizeIs(3));
  EXPECT_THAT(seen.unit.node_ports, IsEmpty());
}

TEST(PodSeen, OneThatIsMadeOrOnItsWay) {
  for (const char* name : {"made", "starting"}) {
    const Unit unit = pod(name).unit;
    EXPECT_EQ(unit.state, UnitState::kPending) << name;
    EXPECT_EQ(unit.reason_code, "") << name;
    EXPECT_FALSE(unit.ready);
  }
  EXPECT_EQ(pod("stopping").unit.state, UnitState::kStopping);
  EXPECT_FALSE(pod("stopping").unit.ready);
}

TEST(PodSeen, OneThatKubeletHasGivenUp) {
  json::Object object = recorded("pods.json", "succeeded");
  EXPECT_TRUE(pod_in(object).ended);
  inner(object, "metadata").erase("deletionTimestamp");
  EXPECT_EQ(pod_in(object).unit.state, UnitState::kExited);
}

struct Failing {
  const char* name;
  UnitState state;
  const char* code;
  std::vector<const char*> words;
};
TEST(PodSeen, WhyOneDoesNotServe) {
  const std::vector<Failing> all{
      {"not-ready", UnitState::kRunning, "not-ready", {}},
      {"image-not-found", UnitState::kFailed, "image-not-found", {"container model", "not found"}},
      {"image-not-pulled", UnitState::kFailed, "image-not-pulled", {"container model", "connection refused"}},
      {"image-never-pulled", UnitState::kFailed, "image-not-found", {"container model", "imagePullPolicy is Never"}},
      {"cannot-start", UnitState::kFailed, "cannot-start", {"container guard", "/no-such-program"}},
      {"cannot-start-again", UnitState::kFailed, "cannot-start", {"container guard", "/no-such-program"}},
      {"ended", UnitState::kExited, "exited", {"container guard", "exit status"}},
      {"crash-loop", UnitState::kExited, "exited", {"container guard", "exit status 3: going; the weights do not fit"}},
      {"out-of-memory", UnitState::kExited, "out-of-memory", {"container guard", "its limit of 32 MiB"}},
      {"unschedulable", UnitState::kPending, "volume-not-bound", {"PersistentVolumeClaims"}},
  };
  for (const Failing& one : all) {
    SCOPED_TRACE(one.name);
    const Unit unit = pod(one.name).unit;
    EXPECT_EQ(unit.state, one.state);
    EXPECT_FALSE(unit.ready);
    EXPECT_EQ(unit.reason_code, one.code);
    for (const char* words : one.words) EXPECT_THAT(unit.reason, HasSubstr(words));
    EXPECT_EQ(unit.exit_code.has_value(), one.state == UnitState::kExited);
  }
}

TEST(PodSeen, ARunThatEndedHasItsTimes) {
  for (const char* name : {"ended", "crash-loop", "out-of-memory"}) {
    const Unit unit = pod(name).unit;
    ASSERT_TRUE(unit.started_at_ms && unit.finished_at_ms) << name;
    EXPECT_LE(*unit.started_at_ms, *unit.finished_at_ms);
    EXPECT_GT(*unit.started_at_ms, 1'700'000'000'000);
  }
  EXPECT_EQ(pod("crash-loop").unit.exit_code, 3);
  EXPECT_EQ(pod("out-of-memory").unit.exit_code, 137);
}

TEST(PodSeen, OneThatWasStartedAgainRuns) {
  json::Object object = recorded("pods.json", "crash-loop");
  json::Object& guard = *inner(object, "status").find("containerStatuses")->if_array()->at(0).if_object();
  guard.set("state", json::Object{{"running", json::Object{{"startedAt", "2026-11-29T19:00:00Z"}}}});
  const Unit unit = pod_in(object).unit;
  EXPECT_EQ(unit.state, UnitState::kRunning);
  EXPECT_EQ(unit.reason_code, "not-answering");
  EXPECT_EQ(unit.exit_code, std::nullopt);
  EXPECT_EQ(unit.started_at_ms, time_of("2026-11-29T19:00:00Z"));
}

// A model's end is told, and its unit runs as long as its guard does.
TEST(PodSeen, AModelThatEndedIsToldWhileItsGuardRuns) {
  json::Object object = recorded("pods.json", "not-ready");
  json::Object& model = *inner(object, "status").find("containerStatuses")->if_array()->at(1).if_object();
  model.set("state", json::Object{{"waiting", json::Object{{"reason", "CrashLoopBackOff"}}}});
  model.set("lastState",
            json::Object{{"terminated", json::Object{{"exitCode", 3}, {"message", "words\nlast words\n"}}}});
  const Unit unit = pod_in(object).unit;
  EXPECT_EQ(unit.state, UnitState::kRunning);
  EXPECT_EQ(unit.reason, "the container model ended with exit status 3: words; last words");
  EXPECT_EQ(unit.exit_code, std::nullopt);
}

TEST(PodSeen, WhatItTakesIsWhatTheSchedulerCounts) {
  const auto parse = [](const char* text) { return pod_in(*json::parse_object(text)); };
  const PodSeen seen = parse(R"({"spec": {"overhead": {"cpu": "10m"},
      "initContainers": [{"resources": {"requests": {"cpu": "2", "memory": "1Mi"}}},
                         {"restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}}],
      "containers": [{"resources": {"requests": {"cpu": "500m", "memory": "2Mi", "nvidia.com/gpu": "1"}}},
                     {"resources": {"requests": {"memory": 1048576}}, "ports": [{"hostPort": 443}, {"hostPort": 70000}]}]}})");
  EXPECT_EQ(seen.taken.cpu_millis, 2010);
  EXPECT_EQ(seen.taken.memory_bytes, 3 << 20);
  EXPECT_EQ(seen.taken.devices.at("nvidia.com/gpu"), 1);
  EXPECT_THAT(seen.host_ports, ElementsAre(443));
  EXPECT_EQ(seen.installation, "");
}

TEST(PodSeen, WhatIsOfTheWrongKindIsNothing) {
  for (const char* text : {"{}", R"({"metadata": 1, "spec": [], "status": "x"})",
                           R"({"metadata": {"labels": {"mifeng.io/installation": "0123456789abcdef0123456789abcdef"}},
            "status": {"containerStatuses": [1, {}, {"name": "guard", "state": {"terminated": {}}}]}})"}) {
    const auto object = json::parse_object(text);
    ASSERT_TRUE(object);
    (void)pod_in(*object);
    (void)deployment_in(*object);
    (void)service_in(*object);
    (void)node_in(*object);
    (void)event_in(*object);
  }
}

TEST(DeploymentSeen, IsRolledOutWhenAllPodsAreOfTheTemplate) {
  const DeploymentSeen done = deployment_in(recorded("others.json", "deployment-done"));
  EXPECT_TRUE(done.is_rolled_out());
  EXPECT_EQ(done.deployment, "test");
  EXPECT_EQ(done.name, "mf-test");
  EXPECT_GE(done.revision, 1);
  EXPECT_EQ(done.failure, "");
  EXPECT_FALSE(done.is_overdue);
  EXPECT_FALSE(deployment_in(recorded("others.json", "deployment-made")).is_rolled_out());
}

TEST(DeploymentSeen, SaysThatTheQuotaIsUsedUp) {
  const DeploymentSeen seen = deployment_in(recorded("others.json", "deployment-quota"));
  EXPECT_THAT(seen.failure, HasSubstr("exceeded quota"));
  EXPECT_FALSE(seen.is_rolled_out());
}

TEST(OthersSeen, AreRead) {
  const ServiceSeen service = service_in(recorded("others.json", "service"));
  EXPECT_EQ(service.deployment, "digits-a1b2c3");
  EXPECT_EQ(service.name_space, "models");
  EXPECT_THAT(service.node_ports, ElementsAre(cluster::NodePort{"http", 0, 30991}));
  const NodeSeen node = node_in(recorded("others.json", "node"));
  EXPECT_EQ(node.name, "node1");
  EXPECT_TRUE(node.ready);
  EXPECT_FALSE(node.cordoned);
  EXPECT_THAT(node.addresses, ElementsAre("10.99.4.2"));
  EXPECT_GT(node.allocatable.cpu_millis, 0);
  EXPECT_GT(node.allocatable.memory_bytes, 0);
  EXPECT_GT(node.pods, 0);
  EXPECT_FALSE(node.tainted);
  const EventSeen of_pod = event_in(recorded("others.json", "event-pod"));
  EXPECT_TRUE(of_pod.is_warning);
  EXPECT_EQ(of_pod.event.action, "FailedScheduling");
  EXPECT_THAT(of_pod.event.unit, StartsWith("mf-digits-a1b2c3-"));
  EXPECT_EQ(of_pod.event.time_ms, time_of("2026-11-29T18:43:56.903Z"));
  const EventSeen of_claim = event_in(recorded("others.json", "event-claim"));
  EXPECT_EQ(of_claim.event.unit, "");
  EXPECT_EQ(of_claim.event.time_ms, time_of("2026-11-29T18:43:56Z"));
}

TEST(News, AreThereGoneABookmarkOrAnError) {
  const auto there = read_news(R"({"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"7"}}})");
  ASSERT_TRUE(there);
  EXPECT_EQ(there->kind, NewsSeen::Kind::kThere);
  EXPECT_EQ(there->resource_version, "7");
  EXPECT_NE(there->object.find("metadata"), nullptr);
  EXPECT_EQ(read_news(R"({"type":"DELETED","object":{}})")->kind, NewsSeen::Kind::kGone);
  EXPECT_EQ(read_news(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}})")->resource_version, "9");
  const auto expired = read_news(R"({"type":"ERROR","object":{"code":410,"message":"too old resource version"}})");
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().reason(), "expired");
  EXPECT_EQ(read_news(R"({"type":"ERROR","object":{"code":500,"message":"x"}})").error().reason(), "api-unavailable");
  for (const char* bad :
       {"", "{}", "[]", R"({"type":"ADDED"})", R"({"type":"ADDED","object":[]})", "{\"type\":\"ADDED\""})
    EXPECT_EQ(read_news(bad).error().reason(), "bad-api-answer") << bad;
}

}  // namespace
}  // namespace mifeng::kubernetes

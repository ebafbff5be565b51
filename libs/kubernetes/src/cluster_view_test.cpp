#include "cluster_view.h"

#include <gmock/gmock.h>

namespace mifeng::kubernetes {
namespace {

using cluster::Unit;
using cluster::UnitState;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const std::string kOurs = "0123456789abcdef0123456789abcdef";
const std::string kTheirs = "f0123456789abcdef0123456789abcde";
const ClusterView::News kNothing = std::nullopt;

PodSeen pod(const std::string& name, const std::string& deployment, const std::string& installation = kOurs) {
  PodSeen seen;
  seen.name = name;
  seen.name_space = "models";
  seen.uid = "uid-" + name;
  seen.installation = installation;
  seen.deployment = deployment;
  seen.unit.name = name;
  seen.unit.engine_id = seen.uid;
  seen.unit.deployment = deployment;
  return seen;
}
DeploymentSeen deployment(const std::string& id, const std::string& version = "1") {
  DeploymentSeen seen;
  seen.name = "mf-" + id;
  seen.uid = "uid-" + id;
  seen.installation = kOurs;
  seen.deployment = id;
  seen.resource_version = version;
  return seen;
}
ServiceSeen service(const std::string& name, std::uint16_t port, const std::string& installation = kOurs) {
  ServiceSeen seen;
  seen.name = name;
  seen.name_space = "models";
  seen.installation = installation;
  seen.deployment = installation.empty() ? "" : name.substr(3);
  seen.resource_version = "1";
  seen.node_ports = {{"http", 0, port}};
  return seen;
}
EventSeen event(const std::string& pod_name, UnixMillis time, const std::string& uid, const std::string& action) {
  EventSeen seen;
  seen.uid = uid;
  seen.kind = "Pod";
  seen.object = pod_name;
  seen.event = {time, pod_name, action, "what was said"};
  return seen;
}

TEST(ClusterView, APodThatWasChangedIsSaidToBeForAsLongAsItIsThere) {
  ClusterView view(kOurs);
  PodSeen seen = pod("mf-a-1-x", "a");
  const Changeable rendered{{"the image of the container model", "acme/a@sha256:1"},
                            {"the image of the container guard", "guard@sha256:9"},
                            {"the image of the container start", "guard@sha256:9"}};
  seen.changeable = rendered;
  view.put(seen);
  EXPECT_EQ(view.change_of(seen.uid), "");
  EXPECT_THAT(view.note_changed("a", 0, rendered), IsEmpty());
  PodSeen changed = seen;
  changed.unit.ready = true;
  changed.changeable["the image of the container model"] = "evil@sha256:2";
  EXPECT_EQ(view.put(changed), ClusterView::News("a"));
  const std::string what = "the image of the container model was acme/a@sha256:1 and is evil@sha256:2";
  EXPECT_EQ(view.change_of(seen.uid), what);
  view.put(seen);  // and back again
  EXPECT_EQ(view.change_of(seen.uid), what);
  const auto units = view.units("a");
  ASSERT_THAT(units, SizeIs(1));
  EXPECT_EQ(units[0].reason_code, "changed");
  EXPECT_FALSE(units[0].ready);
  EXPECT_THAT(view.note_changed("a", 7, {}), ElementsAre(Field(&ClusterView::Changed::pod, "mf-a-1-x")));
  // Another of that name has nothing to do with it; and one that was seen too late is held against its revision.
  PodSeen other = changed;
  other.uid = "uid-other";
  view.put(other);
  EXPECT_EQ(view.change_of("uid-other"), "");
  EXPECT_THAT(view.note_changed("a", 7, rendered), IsEmpty());
  EXPECT_THAT(view.note_changed("a", 0, rendered), ElementsAre(Field(&ClusterView::Changed::what, what)));
}

TEST(ClusterView, TellsOnlyOfWhatChangedAndIsOurs) {
  ClusterView view(kOurs);
  EXPECT_EQ(view.put(pod("mf-a-1-x", "a")), ClusterView::News("a"));
  EXPECT_EQ(view.put(pod("mf-a-1-x", "a")), kNothing);
  PodSeen ready = pod("mf-a-1-x", "a");
  ready.unit.ready = true;
  EXPECT_EQ(view.put(ready), ClusterView::News("a"));
  PodSeen anew = ready;
  anew.uid = "uid-other";
  EXPECT_EQ(view.put(anew), ClusterView::News("a"));
  EXPECT_EQ(view.put(pod("mf-b-1-x", "b", kTheirs)), kNothing);
  EXPECT_EQ(view.put(pod("other", "", "")), kNothing);
  EXPECT_EQ(view.put(deployment("a")), ClusterView::News("a"));
  EXPECT_EQ(view.put(deployment("a")), kNothing);
  EXPECT_EQ(view.put(deployment("a", "2")), ClusterView::News("a"));
  EXPECT_EQ(view.put(service("mf-a", 30001)), ClusterView::News("a"));
  EXPECT_EQ(view.put(service("theirs", 30002, "")), kNothing);
  EXPECT_EQ(view.erase_pod("models/mf-a-1-x"), ClusterView::News("a"));
  EXPECT_EQ(view.erase_pod("models/mf-a-1-x"), kNothing);
  EXPECT_EQ(view.erase_service("models/theirs"), kNothing);
  EXPECT_EQ(view.erase_service("models/mf-a"), ClusterView::News("a"));
  EXPECT_EQ(view.erase_deployment("mf-a"), ClusterView::News("a"));
  EXPECT_EQ(view.erase_deployment("mf-a"), kNothing);
}

// Somebody took our label away by hand.
TEST(ClusterView, WhatIsNoLongerOursIsNews) {
  ClusterView view(kOurs);
  (void)view.put(pod("mf-a-1-x", "a"));
  PodSeen released = pod("mf-a-1-x", "", "");
  EXPECT_EQ(view.put(released), ClusterView::News("a"));
  EXPECT_THAT(view.units("a"), IsEmpty());
  EXPECT_EQ(view.put(released), kNothing);
  (void)view.put(service("mf-a", 30001));
  ServiceSeen unlabelled = service("mf-a", 30001, "");
  unlabelled.resource_version = "2";
  EXPECT_EQ(view.put(unlabelled), ClusterView::News("a"));
  EXPECT_FALSE(view.service("a"));
}

TEST(ClusterView, UnitsAreThePodsThatKubeletHasNotGivenUp) {
  ClusterView view(kOurs);
  (void)view.put(deployment("a"));
  (void)view.put(pod("mf-a-1-x", "a"));
  PodSeen ended = pod("mf-a-1-y", "a");
  ended.ended = true;
  (void)view.put(ended);
  (void)view.put(pod("mf-b-1-x", "b"));
  (void)view.put(pod("mf-a-1-z", "a", kTheirs));
  EXPECT_THAT(view.units("a"), ElementsAre(Field(&Unit::name, "mf-a-1-x")));
  EXPECT_THAT(view.all_units(), UnorderedElementsAre(Field(&Unit::name, "mf-a-1-x"), Field(&Unit::name, "mf-b-1-x")));
  EXPECT_FALSE(view.pod("mf-a-1-z"));
  EXPECT_THAT(view.pods("a"), SizeIs(1));
  EXPECT_THAT(view.deployments(), ElementsAre("a"));
}

TEST(ClusterView, WhatCouldNotBeMadeIsAUnitToo) {
  ClusterView view(kOurs);
  DeploymentSeen held = deployment("a");
  held.failure = "pods is forbidden: exceeded quota: few";
  (void)view.put(held);
  auto units = view.units("a");
  ASSERT_EQ(units.size(), 1U);
  EXPECT_EQ(units[0].state, UnitState::kFailed);
  EXPECT_EQ(units[0].reason_code, "quota");
  held.failure = "denied by a policy";
  held.resource_version = "2";
  (void)view.put(held);
  EXPECT_EQ(view.units("a").at(0).reason_code, "not-admitted");
  Unit failure;
  failure.name = "mf-a";
  failure.reason_code = "port-taken";
  view.note_failure("a", failure);
  EXPECT_THAT(view.units("a"), SizeIs(2));
  view.note_failure("a", std::nullopt);
  EXPECT_THAT(view.units("a"), SizeIs(1));
}

TEST(ClusterView, AListingSweepsWhatItDidNotShow) {
  ClusterView view(kOurs);
  (void)view.put(pod("mf-a-1-x", "a"));
  (void)view.put(pod("mf-b-1-x", "b"));
  (void)view.put(pod("other", "", ""));
  EXPECT_THAT(view.keep_pods({"models/mf-b-1-x"}, {.only_ours = true, .deployment = "a"}), ElementsAre("a"));
  EXPECT_THAT(view.units("b"), SizeIs(1));
  EXPECT_THAT(view.keep_pods({}, {.only_ours = true}), ElementsAre("b"));
  EXPECT_THAT(view.keep_pods({}, {}), IsEmpty());  // that of others is no news
  (void)view.put(deployment("a"));
  (void)view.put(deployment("b"));
  EXPECT_THAT(view.keep_deployments({"mf-a"}, {}), ElementsAre("b"));
  (void)view.put(service("mf-a", 30001));
  (void)view.put(service("theirs", 30002, ""));
  EXPECT_THAT(view.keep_services({}, {.only_ours = true}), ElementsAre("a"));
  EXPECT_THAT(view.ports_in_use(), SizeIs(1));
}

TEST(ClusterView, KeepsTheLastHundredEventsOfADeploymentItKnows) {
  ClusterView view(kOurs);
  EXPECT_EQ(view.put(event("mf-a-5d9f-x", 2000, "1", "Pulled"), 1000), kNothing);
  (void)view.put(deployment("a"));
  EXPECT_EQ(view.put(event("mf-a-5d9f-x", 500, "1", "Pulled"), 1000), kNothing);
  EXPECT_EQ(view.put(event("other-5d9f-x", 2000, "1", "Pulled"), 1000), kNothing);
  EXPECT_EQ(view.put(event("mf-a-5d9f-x", 2000, "1", "Pulled"), 1000), ClusterView::News("a"));
  EXPECT_EQ(view.put(event("mf-a-5d9f-x", 3000, "1", "Pulled"), 1000), ClusterView::News("a"));
  EXPECT_THAT(view.events("a"), ElementsAre(Field(&cluster::Event::time_ms, 3000)));
  for (int i = 0; i < 150; ++i)
    (void)view.put(event("mf-a-5d9f-x", 4000 - i, "n" + std::to_string(i), "Started"), 1000);
  const auto events = view.events("a");
  EXPECT_EQ(events.size(), 100U);
  EXPECT_TRUE(std::is_sorted(events.begin(), events.end(),
                             [](const auto& one, const auto& other) { return one.time_ms < other.time_ms; }));
  (void)view.erase_deployment("mf-a");
  EXPECT_THAT(view.events("a"), IsEmpty());
}

TEST(ClusterView, TheProbesWordsComeFromAnEvent) {
  ClusterView view(kOurs);
  (void)view.put(deployment("a"));
  PodSeen seen = pod("mf-a-5d9f-x", "a");
  seen.unit.reason_code = "not-ready";
  seen.unit.reason = "it says so";
  (void)view.put(seen);
  EXPECT_EQ(view.units("a").at(0).reason, "it says so");
  (void)view.put(event("mf-a-5d9f-x", 2000, "1", "Unhealthy"), 0);
  EXPECT_THAT(view.units("a").at(0).reason, ::testing::HasSubstr("what was said"));
}

TEST(ClusterView, PortsHaveTheirHolders) {
  ClusterView view(kOurs);
  (void)view.put(service("mf-a", 30001));
  ServiceSeen theirs = service("theirs", 30002, "");
  theirs.health_port = 30003;
  (void)view.put(theirs);
  PodSeen hosting = pod("ingress", "", "");
  hosting.host_ports = {443};
  (void)view.put(hosting);
  std::map<std::uint16_t, std::string> holders;
  for (const auto& one : view.ports_in_use()) holders[one.port] = one.holder;
  EXPECT_THAT(holders, SizeIs(4));
  EXPECT_THAT(holders[30001], ::testing::HasSubstr("models/mf-a"));
  EXPECT_THAT(holders[30003], ::testing::HasSubstr("models/theirs"));
  EXPECT_THAT(holders[443], ::testing::HasSubstr("models/ingress"));
  hosting.ended = true;
  (void)view.put(hosting);
  EXPECT_THAT(view.ports_in_use(), SizeIs(3));
}

TEST(ClusterView, WhatIsFreeIsWhatUsableNodesHaveLeft) {
  ClusterView view(kOurs);
  NodeSeen node;
  node.name = "one";
  node.ready = true;
  node.allocatable = {.cpu_millis = 4000, .memory_bytes = 1 << 30, .devices = {{"nvidia.com/gpu", 2}}};
  (void)view.put(node);
  node.name = "cordoned";
  node.cordoned = true;
  (void)view.put(node);
  PodSeen taking = pod("x", "", "");
  taking.node = "one";
  taking.taken = {.cpu_millis = 500, .memory_bytes = 1 << 20, .devices = {{"nvidia.com/gpu", 1}}};
  (void)view.put(taking);
  taking.name = "elsewhere";
  taking.node = "cordoned";
  (void)view.put(taking);
  taking.ended = true;
  taking.name = "ended";
  (void)view.put(taking);
  const auto nodes = view.nodes();
  ASSERT_THAT(nodes, SizeIs(2));
  EXPECT_EQ(nodes[0].name, "cordoned");
  EXPECT_TRUE(nodes[0].cordoned);
  EXPECT_EQ(nodes[0].cpu_millis.free, 3500);
  EXPECT_EQ(nodes[1].accelerators.at("nvidia.com/gpu").free, 1);
  EXPECT_EQ(nodes[1].memory_bytes.all, 1 << 30);
  const auto capacity = view.capacity();
  EXPECT_EQ(capacity.cpu_millis.all, 4000);
  EXPECT_EQ(capacity.cpu_millis.free, 3500);
  EXPECT_EQ(capacity.memory_bytes.free, (1 << 30) - (1 << 20));
  EXPECT_EQ(capacity.accelerators.at("nvidia.com/gpu").free, 1);
  EXPECT_EQ(view.put(node), kNothing);
  node.cordoned = false;
  EXPECT_EQ(view.put(node), ClusterView::News(""));
  EXPECT_EQ(view.capacity().cpu_millis.all, 8000);
  view.keep_nodes({"one"});
  EXPECT_THAT(view.nodes(), SizeIs(1));
}

}  // namespace
}  // namespace mifeng::kubernetes

#include <gtest/gtest.h>

#include "mifeng/os/file.h"
#include "mifeng/store/audit.h"
#include "mifeng/store/clusters.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/gateways.h"
#include "mifeng/store/grants.h"
#include "mifeng/store/models.h"
#include "mifeng/store/people.h"
#include "mifeng/store/ports.h"

namespace mifeng::store {
namespace {

class Tables : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TempDir::create(std::filesystem::temp_directory_path());
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    auto database = Database::open({.path = folder_->path() / "mifeng.db", .connections = 2});
    ASSERT_TRUE(database) << database.error().message();
    database_ = std::move(*database);
  }
  template <typename Work>
  auto write(Work work) {
    return database_->write(work);
  }

  std::optional<TempDir> folder_;
  std::unique_ptr<Database> database_;
};

VendorRow vendor(const std::string& id) {
  VendorRow row;
  row.id = id;
  row.name = "Name of " + id;
  return row;
}

ModelRow model(const std::string& id, const std::string& vendor_id, const std::string& name,
               const std::string& version) {
  ModelRow row;
  row.id = id;
  row.vendor_id = vendor_id;
  row.vendor_name = "Name of " + vendor_id;
  row.name = name;
  row.version = version;
  row.language = "python";
  row.function = "recognises 手写 digits";
  row.config_sm3 = "c0ffee";
  row.image_address = "r/" + name + "@sha256:1";
  row.state = VersionState::kSubmitted;
  row.submitted_ms = 5'000'000'000;  // more than 32 bits
  return row;
}

Result<void> insert_model(Transaction& tx, const ModelRow& row) {
  MIFENG_TRY(auto v, find<VendorRow>(tx, row.vendor_id));
  if (!v) MIFENG_CHECK(insert(tx, vendor(row.vendor_id)));
  MIFENG_TRY(auto c, find<ConfigRow>(tx, row.config_sm3));
  if (!c) MIFENG_CHECK(insert(tx, ConfigRow{.sm3 = row.config_sm3, .address = "a", .content = "x", .size = 1}));
  MIFENG_TRY(auto i, find<ImageRow>(tx, row.image_address));
  if (!i) MIFENG_CHECK(insert(tx, ImageRow{.address = row.image_address, .name = row.name, .digest = "sha256:1"}));
  return insert(tx, row);
}

TEST_F(Tables, EveryRowComesBackAsItWentIn) {
  // Fills each column with a value of its own, by the same description that find() uses the other way round; `parents`
  // names the rows that it belongs to.
  const auto none = [](auto&) {};
  const auto round_trip_of = [&](auto row, auto parents) {
    using Row = decltype(row);
    std::int64_t number = 5'000'000'000;
    auto fill = [&](auto& member) {
      if constexpr (std::is_same_v<std::decay_t<decltype(member)>, std::string>) {
        member = "文 '\" %" + std::to_string(number++);
      } else if constexpr (WordEnum<std::decay_t<decltype(member)>>) {
        using Enum = std::decay_t<decltype(member)>;
        member = static_cast<Enum>(std::size(Words<Enum>::of) - 1);
      } else {
        member = number++;
      }
    };
    std::apply([&](auto&... member) { (fill(member), ...); }, members_of(row));
    parents(row);
    auto done = database_->write([&](Transaction& tx) -> Result<void> {
      MIFENG_CHECK(insert(tx, row));
      MIFENG_TRY(auto rows, all<Row>(tx));
      EXPECT_EQ(rows.size(), 1u) << Table<Row>::name;
      EXPECT_TRUE(members_of(rows.at(0)) == members_of(row)) << Table<Row>::name;
      MIFENG_TRY(const bool changed, update(tx, row));
      EXPECT_TRUE(changed);
      return ok();
    });
    EXPECT_TRUE(done) << Table<Row>::name << ": " << (done ? "" : done.error().message());
  };
  const auto round_trip = [&](auto row) { round_trip_of(row, none); };
  round_trip(PersonRow{});
  round_trip(VendorRow{});
  round_trip(ConfigRow{});
  round_trip(ImageRow{});
  round_trip(UploadRow{});
  round_trip(ClusterRow{});
  const std::string cluster = database_->read([](Transaction& tx) { return all<ClusterRow>(tx); }).value().front().id;
  const auto in_cluster = [&](auto& row) { row.cluster_id = cluster; };
  round_trip_of(PortRangeRow{}, in_cluster);
  round_trip_of(ReservedPortRow{}, in_cluster);
  round_trip(BatchRow{});
  round_trip(RouteRow{});
  round_trip(CallerRow{});
  const std::string caller = database_->read([](Transaction& tx) { return all<CallerRow>(tx); }).value().front().id;
  round_trip_of(CallerKeyRow{}, [&](auto& row) { row.caller_id = caller; });
  round_trip(KeyRow{});
  round_trip(WrappedSecretRow{});
  round_trip(InstanceRow{});
  round_trip(GatewayRow{});
  round_trip(UsageRow{});
  round_trip(AuditRow{});
  round_trip(AuditHeadRow{});
}

TEST_F(Tables, WhatADeploymentHasComesBackAsItWentIn) {
  const auto done = write([](Transaction& tx) -> Result<void> {
    ModelRow version = model("1", "acme", "digits", "1.0");
    MIFENG_CHECK(insert_model(tx, version));
    ClusterRow cluster;
    cluster.id = "local";
    MIFENG_CHECK(insert(tx, cluster));
    DeploymentRow deployment;
    deployment.id = "d";
    deployment.cluster_id = "local";
    deployment.version_id = version.id;
    deployment.replicas = 2;
    MIFENG_CHECK(insert(tx, deployment));
    for (const std::int64_t number : {1, 2}) {
      RevisionRow revision;
      MIFENG_TRY(revision.id, next_revision_id(tx));
      revision.deployment_id = "d";
      revision.number = number;
      revision.version_id = version.id;
      MIFENG_CHECK(insert(tx, revision));
    }
    MIFENG_TRY(const auto revisions, revisions_of(tx, "d"));
    EXPECT_EQ(revisions.at(0).number, 2) << "newest first";
    MIFENG_CHECK(raise_revision_id(tx, 1));
    EXPECT_EQ(current_revision_id(tx).value(), 2) << "it only rises";
    MIFENG_CHECK(raise_revision_id(tx, 7));
    EXPECT_EQ(next_revision_id(tx).value(), 8);
    UnitRow unit{.cluster_id = "local", .name = "mf-d-0", .deployment_id = "d", .revision_id = 2, .slot = 1};
    MIFENG_CHECK(insert(tx, unit));
    EndpointRow endpoint{.cluster_id = "local", .node_port = 30001, .deployment_id = "d", .port_name = "http"};
    endpoint.unit = "mf-d-0";
    MIFENG_CHECK(insert(tx, endpoint));
    UsedPortRow port{.cluster_id = "local", .port = 30001, .deployment_id = "d", .slot = 1, .port_name = "http"};
    MIFENG_CHECK(insert(tx, port));
    EXPECT_EQ(units_of(tx, "d")->at(0).slot, 1);
    EXPECT_EQ(endpoints_of(tx, "d")->at(0).unit, "mf-d-0");
    EXPECT_EQ(ports_of(tx, "d")->at(0).port, 30001);
    EXPECT_EQ(used_ports_in(tx, "other")->size(), 0u);
    EXPECT_EQ(deployments_with_version(tx, version.id)->size(), 1u);
    EXPECT_EQ(deployments_in_cluster(tx, "local").value(), 1);
    EXPECT_FALSE(erase<ClusterRow>(tx, std::string("local"))) << "something runs there";
    return ok();
  });
  EXPECT_TRUE(done) << (done ? "" : done.error().message());
}

TEST_F(Tables, SearchesModelsByEachFieldAndPage) {
  ASSERT_TRUE(write([](Transaction& tx) -> Result<void> {
    MIFENG_CHECK(insert_model(tx, model("1", "acme", "digits", "1.0")));
    MIFENG_CHECK(insert_model(tx, model("2", "acme", "digits", "1.1")));
    ModelRow other = model("3", "bolt", "100%_sure", "1.0");
    other.language = "c++";
    other.state = VersionState::kAccepted;
    return insert_model(tx, other);
  }));
  const auto ids = [&](const ModelFilter& filter, const Window& window = {}) {
    auto slice = database_->read([&](Transaction& tx) { return search_models(tx, filter, window); });
    EXPECT_TRUE(slice);
    std::string text = std::to_string(slice->total) + ":";
    for (const ModelRow& row : slice->rows) text += row.id;
    return text;
  };
  EXPECT_EQ(ids({}), "3:312");
  EXPECT_EQ(ids({}, {.offset = 1, .limit = 1}), "3:1");
  EXPECT_EQ(ids({.name = "DIGIT"}), "2:12");
  EXPECT_EQ(ids({.function = "手写"}), "3:312");
  EXPECT_EQ(ids({.language = "c++"}), "1:3");
  EXPECT_EQ(ids({.language = "c"}), "0:");
  EXPECT_EQ(ids({.vendor_id = "bolt"}), "1:3");
  EXPECT_EQ(ids({.state = "accepted"}), "1:3");
  EXPECT_EQ(ids({.text = "name of BOLT"}), "1:3");
  EXPECT_EQ(ids({.name = "0%_s"}), "1:3") << "wildcards are text";
  EXPECT_EQ(ids({.name = "1_0"}), "0:");
  EXPECT_EQ(ids({.name = "' OR 1=1 --"}), "0:");
}

TEST_F(Tables, KeysAndReferencesHold) {
  ASSERT_TRUE(write([](Transaction& tx) { return insert_model(tx, model("1", "acme", "digits", "1.0")); }));
  auto again = write([](Transaction& tx) { return insert_model(tx, model("2", "acme", "digits", "1.0")); });
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason(), "already-exists");
  auto gone = write([](Transaction& tx) { return erase<VendorRow>(tx, std::string("acme")); });
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().reason(), "still-referenced");
  auto orphan = write([](Transaction& tx) { return insert(tx, UsedPortRow{.port = 1, .deployment_id = "nobody"}); });
  ASSERT_FALSE(orphan);
  EXPECT_EQ(orphan.error().reason(), "still-referenced");
  EXPECT_EQ(*database_->check_integrity(), std::nullopt);
}

TEST_F(Tables, AWordThatIsNoneOfItsEnumerationIsAnError) {
  ASSERT_TRUE(write([](Transaction& tx) -> Result<void> {
    MIFENG_CHECK(insert(tx, GatewayRow{.id = "g", .state = GatewayState::kRevoked}));
    MIFENG_CHECK(run_sql(tx, "UPDATE gateways SET state = :state", {std::string("asleep")}));
    return ok();
  }));
  const auto read = database_->read([](Transaction& tx) { return find<GatewayRow>(tx, std::string("g")); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason(), "bad-row");
}

TEST_F(Tables, SessionsEnd) {
  ASSERT_TRUE(write([](Transaction& tx) -> Result<void> {
    MIFENG_CHECK(insert(tx, PersonRow{.id = "p", .name = "ann", .roles = " vendor administrator ", .enabled = 1}));
    MIFENG_CHECK(insert(tx, PersonRow{.id = "q", .name = "bob", .roles = " vendor ", .enabled = 1}));
    for (const char* token : {"a", "b", "c"})
      MIFENG_CHECK(insert(
          tx, SessionRow{.token_sm3 = token, .id = token, .person_id = "p", .expires_ms = 10, .last_used_ms = 5}));
    MIFENG_TRY(const auto hers, sessions_of(tx, "p"));
    EXPECT_EQ(hers.size(), 3u);
    MIFENG_TRY(const auto his, sessions_of(tx, "q"));
    EXPECT_TRUE(his.empty());
    MIFENG_TRY(const auto admins, enabled_administrators(tx));
    EXPECT_EQ(admins, 1);
    MIFENG_CHECK(erase_sessions(tx, "p", "b"));
    MIFENG_TRY(auto left, all<SessionRow>(tx));
    EXPECT_EQ(left.size(), 1u);
    EXPECT_EQ(left.at(0).token_sm3, "b");
    MIFENG_TRY(const auto none, erase_ended_sessions(tx, 9, 4));
    EXPECT_EQ(none, 0);
    MIFENG_TRY(const auto one, erase_ended_sessions(tx, 10, 0));
    EXPECT_EQ(one, 1);
    return ok();
  }));
}

TEST_F(Tables, UsageIsSummedAndNoncesAreTakenOnce) {
  ASSERT_TRUE(write([](Transaction& tx) -> Result<void> {
    MIFENG_CHECK(add_usage(tx, {.deployment_id = "d", .hour_ms = 0, .calls = 3, .errors = 1, .refusals = 0}));
    MIFENG_CHECK(add_usage(tx, {.deployment_id = "d", .hour_ms = 0, .calls = 4, .errors = 0, .refusals = 2}));
    MIFENG_CHECK(add_usage(tx, {.deployment_id = "d", .hour_ms = 3600000, .calls = 1}));
    MIFENG_TRY(auto rows, usage_between(tx, 0, 3600001));
    EXPECT_EQ(rows.at(0).calls, 8);
    EXPECT_EQ(rows.at(0).refusals, 2);
    MIFENG_TRY(const bool first, take_nonce(tx, "g", "n", 100, 0));
    MIFENG_TRY(const bool second, take_nonce(tx, "g", "n", 101, 0));
    MIFENG_TRY(const bool other, take_nonce(tx, "h", "n", 101, 0));
    MIFENG_TRY(const bool later, take_nonce(tx, "g", "n", 200, 150));
    EXPECT_TRUE(first);
    EXPECT_FALSE(second);
    EXPECT_TRUE(other);
    EXPECT_TRUE(later);
    MIFENG_TRY(const auto before, current_change(tx));
    MIFENG_TRY(const auto after, next_change(tx));
    EXPECT_EQ(after, before + 1);
    return ok();
  }));
}

}  // namespace
}  // namespace mifeng::store

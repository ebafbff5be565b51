#include "mifeng/store/search.h"

#include <gtest/gtest.h>

#include "mifeng/os/file.h"
#include "mifeng/store/audit.h"
#include "mifeng/store/clusters.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/models.h"
#include "mifeng/store/people.h"
#include "mifeng/store/ports.h"

namespace mifeng::store {
namespace {

class Search : public testing::Test {
 protected:
  void SetUp() override {
    database_ = Database::open({.path = folder_.path() / "mifeng.db", .connections = 2}).value();
    insert_row(VendorRow{.id = "acme", .name = "Acme 智能"});
    insert_row(VendorRow{.id = "bolt", .name = "Bolt"});
    insert_row(ConfigRow{.sm3 = "c", .address = "a"});
    insert_row(ImageRow{.address = "r"});
    version("mv-1", "acme", "wheat", "1.0.0", "counts ears of wheat");
    version("mv-2", "acme", "buckwheat", "1.0.0", "counts grains");
    version("mv-3", "bolt", "ocr", "2.0.0", "识别手写文字, 100%");
    insert_row(ClusterRow{.id = "local", .name = "this machine"});
    insert_row(DeploymentRow{.id = "wheat-1a2b3c",
                             .name = "wheat",
                             .cluster_id = "local",
                             .version_id = "mv-1",
                             .model = "wheat",
                             .version = "1.0.0",
                             .model_user = 1});
    insert_row(RouteRow{.id = "rt-1", .name = "fields", .prefix = "/wheat", .deployment_id = "wheat-1a2b3c"});
    insert_row(CallerRow{.id = "ca-1", .name = "ward-7"});
    insert_row(CallerKeyRow{.id = "ck-1", .caller_id = "ca-1", .name = "first", .key_sm3 = "secret"});
    insert_row(PersonRow{.id = "pe-1", .name = "wang", .display_name = "王工"});
    insert_row(PortRangeRow{.cluster_id = "local", .first_port = 30000, .last_port = 30999});
    insert_row(UsedPortRow{
        .cluster_id = "local", .port = 30017, .deployment_id = "wheat-1a2b3c", .slot = 0, .port_name = "http"});
    insert_row(ReservedPortRow{.cluster_id = "local", .port = 30170, .reason = "printer"});
  }
  template <typename Row>
  void insert_row(const Row& row) {
    const auto done = database_->write([&](Transaction& tx) { return insert(tx, row); });
    ASSERT_TRUE(done) << done.error().message();
  }
  void version(const std::string& id, const std::string& vendor, const std::string& name, const std::string& version,
               const std::string& function) {
    ModelRow row;
    row.id = id;
    row.vendor_id = vendor;
    row.vendor_name = vendor;
    row.name = name;
    row.version = version;
    row.function = function;
    row.config_sm3 = "c";
    row.image_address = "r";
    insert_row(row);
  }
  using Ids = std::vector<std::string>;
  Ids found(FoundKind kind, const std::string& text, const std::string& owner = "", std::int64_t limit = 8) {
    const auto all = database_->read([&](Transaction& tx) { return search_kind(tx, kind, text, owner, limit); });
    EXPECT_TRUE(all) << all.error().message();
    Ids ids;
    for (const Found& one : *all) {
      EXPECT_EQ(one.kind, kind);
      ids.push_back(one.id);
    }
    return ids;
  }
  Ids ports(const std::string& digits) {
    const auto all = database_->read([&](Transaction& tx) { return search_ports(tx, digits, 8); });
    EXPECT_TRUE(all) << all.error().message();
    Ids ids;
    for (const Found& one : *all) ids.push_back(one.id + " " + one.within + " " + one.name + one.detail);
    return ids;
  }
  std::string exactly(FoundKind kind, const std::string& id) {
    const auto one = database_->read([&](Transaction& tx) { return find_exactly(tx, kind, id); });
    EXPECT_TRUE(one) << one.error().message();
    return *one ? (*one)->id + " " + (*one)->name + " " + (*one)->within : "";
  }

  TempDir folder_ = TempDir::create(std::filesystem::temp_directory_path()).value();
  std::unique_ptr<Database> database_;
};

TEST_F(Search, WhatBeginsSoComesBeforeWhatContainsIt) {
  EXPECT_EQ(found(FoundKind::kVersion, "wheat"), (Ids{"mv-1", "mv-2"}));
  EXPECT_EQ(found(FoundKind::kVersion, "wheat", "", 1), Ids{"mv-1"});
  EXPECT_EQ(found(FoundKind::kVersion, "buck"), Ids{"mv-2"});
  EXPECT_EQ(found(FoundKind::kDeployment, "WHEAT"), Ids{"wheat-1a2b3c"});
  EXPECT_EQ(found(FoundKind::kRoute, "field"), Ids{"rt-1"});
  EXPECT_EQ(found(FoundKind::kCaller, "ward"), Ids{"ca-1"});
  EXPECT_EQ(found(FoundKind::kVendor, "智能"), Ids{"acme"});
  EXPECT_EQ(found(FoundKind::kPerson, "王"), Ids{"pe-1"});
  EXPECT_EQ(found(FoundKind::kCluster, "machine"), Ids{"local"});
}

TEST_F(Search, EveryWordHasToBeThere) {
  EXPECT_EQ(found(FoundKind::kVersion, "wheat 1.0"), (Ids{"mv-1", "mv-2"}));
  EXPECT_EQ(found(FoundKind::kVersion, "  wheat   grains "), Ids{"mv-2"});
  EXPECT_EQ(found(FoundKind::kVersion, "wheat 2.0"), Ids{});
  EXPECT_EQ(found(FoundKind::kVersion, "acme/wheat@1.0.0"), Ids{"mv-1"});
  EXPECT_EQ(found(FoundKind::kVersion, ""), Ids{});
  EXPECT_EQ(found(FoundKind::kVersion, "   "), Ids{});
}

TEST_F(Search, SignsThatMeanSomethingElsewhereAreTakenAsTheyAre) {
  EXPECT_EQ(found(FoundKind::kVersion, "100%"), Ids{"mv-3"});
  EXPECT_EQ(found(FoundKind::kVersion, "%"), Ids{"mv-3"});
  EXPECT_EQ(found(FoundKind::kVersion, "_"), Ids{});
  EXPECT_EQ(found(FoundKind::kVersion, "!"), Ids{});
  EXPECT_EQ(found(FoundKind::kVersion, "'; DROP TABLE callers; --"), Ids{});
  EXPECT_EQ(found(FoundKind::kVersion, ":p0 :limit ?"), Ids{});
  EXPECT_EQ(found(FoundKind::kCaller, "secret"), Ids{}) << "a key is nothing to be found by";
}

TEST_F(Search, OneVendorFindsWhatIsHis) {
  EXPECT_EQ(found(FoundKind::kVersion, "1.0.0", "acme"), (Ids{"mv-2", "mv-1"}));
  EXPECT_EQ(found(FoundKind::kVersion, "1.0.0", "bolt"), Ids{});
  EXPECT_EQ(found(FoundKind::kVendor, "o", "bolt"), Ids{"bolt"});
  EXPECT_EQ(found(FoundKind::kVendor, "acme", "bolt"), Ids{});
}

TEST_F(Search, PortsAreFoundByHowTheyBegin) {
  EXPECT_EQ(ports("3001"), (Ids{"30017 local wheat-1a2b3chttp"}));
  EXPECT_EQ(ports("017"), Ids{});
  EXPECT_EQ(ports("301"), Ids{"30170 local printer"});
  EXPECT_EQ(ports("30"), (Ids{"30017 local wheat-1a2b3chttp", "30170 local printer"}));
  EXPECT_EQ(ports("30500"), Ids{"30500 local "}) << "a free one is told where it is a whole number";
  EXPECT_EQ(ports("40500"), Ids{});
  EXPECT_EQ(ports("30017"), Ids{"30017 local wheat-1a2b3chttp"});
}

TEST_F(Search, AnIdLeadsToItsThing) {
  EXPECT_EQ(exactly(FoundKind::kVersion, "mv-1"), "mv-1 acme/wheat@1.0.0 submitted");
  EXPECT_EQ(exactly(FoundKind::kVersion, "mv"), "");
  EXPECT_EQ(exactly(FoundKind::kDeployment, "wheat-1a2b3c"), "wheat-1a2b3c wheat local");
  EXPECT_EQ(exactly(FoundKind::kDeployment, "wheat"), "wheat-1a2b3c wheat local");
  EXPECT_EQ(exactly(FoundKind::kRoute, "rt-1"), "rt-1 /wheat wheat-1a2b3c");
  EXPECT_EQ(exactly(FoundKind::kCaller, "ward-7"), "ca-1 ward-7 ");
  EXPECT_EQ(exactly(FoundKind::kPort, "30017"), "30017 wheat-1a2b3c local");
  EXPECT_EQ(exactly(FoundKind::kPort, "3001"), "");
  insert_row(UnitRow{.cluster_id = "local", .name = "wheat-1a2b3c-0", .deployment_id = "wheat-1a2b3c"});
  EXPECT_EQ(exactly(FoundKind::kUnit, "wheat-1a2b3c-0"), "wheat-1a2b3c-0 wheat-1a2b3c-0 wheat-1a2b3c");
  EXPECT_EQ(exactly(FoundKind::kUnit, ""), "");
}

TEST_F(Search, ARequestOfOurOwnIsFoundInTheLog) {
  const std::string id = "000102030405060708090a0b0c0d0e0f";
  insert_row(AuditRow{.seq = 1, .action = "trial.send", .subject = "rt-1", .detail = "POST, request " + id});
  insert_row(AuditRow{.seq = 2, .action = "route.update", .subject = "rt-2", .detail = "request " + id});
  EXPECT_EQ(exactly(FoundKind::kRequest, id), "1 trial.send rt-1");
  EXPECT_EQ(exactly(FoundKind::kRequest, "f" + id.substr(1)), "");
  EXPECT_EQ(exactly(FoundKind::kAudit, "2"), "2 route.update rt-2");
  EXPECT_EQ(exactly(FoundKind::kAudit, "3"), "");
  EXPECT_EQ(exactly(FoundKind::kAudit, "99999999999999999999999"), "");
}

TEST_F(Search, EveryKindThatCanBeLookedThroughIs) {
  // No table and no column is called otherwise than it is.
  for (std::size_t i = 0; i < std::size(Words<FoundKind>::of); ++i) {
    const auto kind = static_cast<FoundKind>(i);
    SCOPED_TRACE(to_string(kind));
    (void)found(kind, "x");
    (void)found(kind, "x", "y");
    (void)exactly(kind, "1");
  }
}

}  // namespace
}  // namespace mifeng::store

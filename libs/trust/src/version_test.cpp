#include "mifeng/trust/version.h"

#include <gtest/gtest.h>

namespace mifeng::trust {
namespace {

Actor who_saw(std::vector<std::string> seen) {
  Actor actor;
  actor.seen = std::move(seen);
  return actor;
}

TEST(Version, IsAnotherWhereSomebodyDecidedAndTheSameWhereItWentOn) {
  store::DeploymentRow row{.id = "wheat-1", .name = "wheat", .replicas = 2};
  const std::string before = version_of(row);
  EXPECT_EQ(before.size(), 32u);
  row.state = store::DeploymentState::kFailed;
  row.reason = row.reason_code = row.remedy = "something";
  row.update_failed = row.restart_wanted = 1;
  row.changed_ms = row.update_started_ms = row.unready_since_ms = row.told_change = 5;
  row.opens_route = "rt-1";
  EXPECT_EQ(version_of(row), before);
  row.replicas = 3;
  EXPECT_NE(version_of(row), before);
  row.replicas = 2;
  row.revision_id = 7;
  EXPECT_NE(version_of(row), before);
  row.revision_id = 0;
  EXPECT_EQ(version_of(row), before);
  row.deleting = store::kDelete;
  EXPECT_NE(version_of(row), before);
}

TEST(Version, EveryMemberThatPeopleDecideCounts) {
  const store::RouteRow route;
  for (auto member : {&store::RouteRow::name, &store::RouteRow::prefix, &store::RouteRow::forward,
                      &store::RouteRow::callers_json, &store::RouteRow::pass_headers_json}) {
    store::RouteRow other = route;
    other.*member = "x";
    EXPECT_NE(version_of(other), version_of(route));
  }
  for (auto member : {&store::RouteRow::enabled, &store::RouteRow::open_to_all, &store::RouteRow::stream_requests,
                      &store::RouteRow::idempotent, &store::RouteRow::calls_per_minute, &store::RouteRow::calls_at_once,
                      &store::RouteRow::seconds_max}) {
    store::RouteRow other = route;
    other.*member = 1;
    EXPECT_NE(version_of(other), version_of(route));
  }
  store::CallerRow caller, renewed;
  renewed.key_changes = 1;
  EXPECT_NE(version_of(renewed), version_of(caller));
  store::VendorRow vendor, proposed;
  proposed.pending_key_pem = "other";
  EXPECT_NE(version_of(proposed), version_of(vendor));
  store::ClusterRow cluster, away, named;
  away.state = store::ClusterState::kAway;
  away.reason = away.version = away.may = "other";
  EXPECT_EQ(version_of(away), version_of(cluster));
  named.node_addresses = "192.0.2.1";
  EXPECT_NE(version_of(named), version_of(cluster));
}

TEST(Version, WhatMovesFromOneMemberToTheNextIsNotTheSame) {
  store::VendorRow left, right;
  left.name = "ab";
  left.address = "c";
  right.name = "a";
  right.address = "bc";
  EXPECT_NE(version_of(left), version_of(right));
  right.name = "ab7:address=1:c";
  right.address.clear();
  EXPECT_NE(version_of(left), version_of(right));
}

TEST(Version, AListIsTheSameInAnyOrder) {
  const store::PortRangeRow low{.cluster_id = "a", .first_port = 30000, .last_port = 30099};
  const store::PortRangeRow high{.cluster_id = "a", .first_port = 31000, .last_port = 31099};
  EXPECT_EQ(version_of(std::vector{low, high}), version_of(std::vector{high, low}));
  EXPECT_NE(version_of(std::vector{low, high}), version_of(std::vector{low}));
  EXPECT_NE(version_of(std::vector{low}), version_of(std::vector<store::PortRangeRow>{}));
  const store::ReservedPortRow kept{.cluster_id = "a", .port = 30001, .reason = "printer"};
  store::ReservedPortRow other = kept;
  other.reason = "scanner";
  EXPECT_NE(version_of(std::vector{kept}), version_of(std::vector{other}));
}

TEST(Version, IsExpectedOnlyWhereSomebodySaysWhatHeSaw) {
  const store::CallerRow row{.id = "ca-1", .name = "ward"};
  EXPECT_TRUE(expect(who_saw({}), row));
  EXPECT_TRUE(expect(who_saw({"other", version_of(row)}), row));
  const auto refused = expect(who_saw({"other"}), row);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "changed-meanwhile");
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
}

TEST(IfMatch, IsReadAsHttpHasIt) {
  using Seen = std::vector<std::string>;
  EXPECT_EQ(parse_if_match("*").value(), Seen{});
  EXPECT_EQ(parse_if_match(" * ").value(), Seen{});
  EXPECT_EQ(parse_if_match("\"a\"").value(), Seen{"a"});
  EXPECT_EQ(parse_if_match("\"a\", \"b\",\t\"\"").value(), (Seen{"a", "b", ""}));
  EXPECT_EQ(parse_if_match("\"a,b\"").value(), Seen{"a,b"});
  // A weak one matches nothing, and no version is called so.
  EXPECT_EQ(parse_if_match("W/\"a\"").value(), Seen{"W/"});
}

TEST(IfMatch, RefusesWhatIsNone) {
  for (const std::string& wrong : {std::string(), std::string("a"), std::string("\"a"), std::string("a\""),
                                   std::string("\"a\" \"b\""), std::string("\"a\","), std::string("*, \"a\""),
                                   std::string("**"), std::string("w/\"a\""), "\"" + std::string(2000, 'a') + "\"", [] {
                                     std::string many = "\"a\"";
                                     for (int i = 0; i < 16; ++i) many += ",\"a\"";
                                     return many;
                                   }()}) {
    const auto read = parse_if_match(wrong);
    ASSERT_FALSE(read) << wrong;
    EXPECT_EQ(read.error().reason(), "bad-if-match");
  }
}

}  // namespace
}  // namespace mifeng::trust

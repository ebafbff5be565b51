#include "mifeng/events/kinds.h"

#include <gtest/gtest.h>

#include <set>

namespace mifeng::events {
namespace {

using trust::Role;

constexpr auto kAll = [] {
  std::array<Kind, kKinds> all{};
  for (std::size_t i = 0; i < kKinds; ++i) all[i] = static_cast<Kind>(i);
  return all;
}();

trust::Actor actor(std::vector<Role> roles, const std::string& vendor = "") {
  trust::Actor made;
  made.id = "pe-1";
  made.roles = std::move(roles);
  made.vendor_id = vendor;
  return made;
}

std::set<std::string> seen(const trust::Actor& who, const std::string& owner) {
  const Sight sight(who);
  std::set<std::string> words;
  for (const Kind kind : kAll)
    if (sight.sees(kind, owner)) words.emplace(to_string(kind));
  return words;
}

using Words = std::set<std::string>;

TEST(Sight, AnAdministratorSeesAllButOthersUploadsAndSessions) {
  Words all;
  for (const Kind kind : kAll) all.emplace(to_string(kind));
  EXPECT_EQ(all.size(), kKinds);
  EXPECT_EQ(seen(actor({Role::kAdministrator}), "pe-1"), all);
  all.erase("uploads");
  all.erase("sessions");
  EXPECT_EQ(seen(actor({Role::kAdministrator}), "pe-2"), all);
}

TEST(Sight, AVendorsPersonSeesThatVendorAlone) {
  const auto vendor = actor({Role::kVendor}, "acme");
  EXPECT_EQ(seen(vendor, "acme"), (Words{"models", "vendors"}));
  EXPECT_EQ(seen(vendor, "pe-1"), (Words{"uploads", "people", "sessions", "tokens"}));
  EXPECT_EQ(seen(vendor, "zenith"), Words{});
  EXPECT_EQ(seen(vendor, ""), Words{});
  EXPECT_EQ(seen(actor({Role::kVendor}), ""), Words{}) << "of no vendor";
  EXPECT_EQ(seen(actor({Role::kVendor}), "-"), Words{});
  // With another role that may read them all.
  EXPECT_TRUE(seen(actor({Role::kVendor, Role::kAuditor}, "acme"), "zenith").contains("models"));
}

TEST(Sight, EachRoleSeesWhatItMayRead) {
  EXPECT_EQ(seen(actor({Role::kCaller}), "pe-2"), Words{"routes"});
  const Words operators = seen(actor({Role::kOperator}), "pe-2");
  EXPECT_TRUE(operators.contains("deployments") && operators.contains("models") && operators.contains("batches"));
  EXPECT_FALSE(operators.contains("audit") || operators.contains("people") || operators.contains("tokens"));
  EXPECT_TRUE(seen(actor({Role::kAuditor}), "pe-2").contains("audit"));
  EXPECT_EQ(seen(actor({}), "pe-2"), Words{});
}

TEST(Sight, WhoHasToChangeThePasswordSeesNothing) {
  auto who = actor({Role::kAdministrator});
  who.must_change_password = true;
  EXPECT_EQ(seen(who, "pe-1"), Words{});
}

}  // namespace
}  // namespace mifeng::events

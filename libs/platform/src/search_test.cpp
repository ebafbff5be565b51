// What each role finds: never more than its lists show.
#include "mifeng/base/utf8.h"
#include "mifeng/platform_fixture/platform_test.h"

namespace mifeng::platform {
namespace {

using platform_fixture::PlatformTest;
using Words = std::vector<std::string>;

class Searching : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    version_ = add_model("acme", "wheat", "1.0.0");
    add_vendor("bolt", other_key_);
    deployment_ = add_deployment("wheat", version_);
    access::RouteInput route;
    route.name = "fields";
    route.prefix = "/wheat";
    route.forward = "mifeng://" + deployment_;
    route_ = platform_->routes().create(operator_, route).value().id;
    caller_ = platform_->callers().create(operator_, "wheat-field").value().caller.id;
  }
  Words found(const trust::Actor& actor, const std::string& text) {
    const auto things = platform_->search().search(actor, text, 8);
    EXPECT_TRUE(things) << things.error().message();
    Words words;
    for (const FoundThing& one : *things) words.push_back(std::string(to_string(one.kind)) + " " + one.id);
    return words;
  }
  std::string led(const trust::Actor& actor, const std::string& id) {
    const auto thing = platform_->search().find(actor, id);
    if (!thing) return thing.error().reason();
    return std::string(to_string(thing->kind)) + " " + thing->id + " " + thing->within;
  }

  crypto::Sm2PrivateKey other_key_ = crypto::Sm2PrivateKey::generate().value();
  std::string version_, deployment_, route_, caller_;
};

TEST_F(Searching, EveryoneFindsWhatHeMaySee) {
  const Words all{"version " + version_, "deployment " + deployment_, "route " + route_, "caller " + caller_};
  EXPECT_EQ(found(operator_, "wheat"), all);
  EXPECT_EQ(found(operator_, deployment_).front(), "deployment " + deployment_);
  EXPECT_EQ(found(operator_, caller_), Words{"caller " + caller_});
  EXPECT_EQ(found(admin_, " WHEAT "), all);
  EXPECT_EQ(found(auditor_, "wheat"), all);
  EXPECT_EQ(found(actor_with(trust::Role::kVendor, "acme"), "wheat"), Words{"version " + version_});
  EXPECT_EQ(found(actor_with(trust::Role::kVendor, "bolt"), "wheat"), Words{});
  EXPECT_EQ(found(actor_with(trust::Role::kVendor), "wheat"), Words{}) << "of no vendor";
  EXPECT_EQ(found(actor_with(trust::Role::kCaller), "wheat"), Words{"route " + route_});
  trust::Actor fresh = admin_;
  fresh.must_change_password = true;
  EXPECT_EQ(found(fresh, "wheat"), Words{});
  EXPECT_EQ(found(actor_with(trust::Role::kVendor, "bolt"), "acme"), Words{});
  EXPECT_EQ(found(actor_with(trust::Role::kVendor, "bolt"), "bolt"), Words{"vendor bolt"});
}

TEST_F(Searching, AnIdLeadsToItsObjectForWhoMaySeeIt) {
  EXPECT_EQ(led(operator_, version_), "version " + version_ + " accepted");
  EXPECT_EQ(led(operator_, deployment_), "deployment " + deployment_ + " local");
  EXPECT_EQ(led(operator_, "wheat"), "deployment " + deployment_ + " local");
  EXPECT_EQ(led(operator_, route_), "route " + route_ + " " + deployment_);
  EXPECT_EQ(led(operator_, "30000"), "port 30000 local");
  EXPECT_EQ(led(operator_, "local"), "cluster local ");
  const auto keys = platform_->keys().list(admin_).value();
  EXPECT_EQ(led(admin_, keys[0].id), "key " + keys[0].id + " ");
  EXPECT_EQ(led(admin_, "1"), "audit 1 " + platform_->audit().list(admin_, {}, {})->items.back().subject);
  for (const std::string& none : {std::string("none"), std::string("mv-"), std::string("%"), std::string(),
                                  std::string(10'000, 'a'), std::string("99999999999999999999")})
    EXPECT_EQ(led(admin_, none), "not-found") << none.substr(0, 20);
  EXPECT_EQ(led(operator_, "1"), "not-found") << "the log is not for operators";
  EXPECT_EQ(led(actor_with(trust::Role::kVendor, "bolt"), version_), "not-found");
  EXPECT_EQ(led(actor_with(trust::Role::kVendor, "acme"), version_), "version " + version_ + " accepted");
  EXPECT_EQ(led(actor_with(trust::Role::kVendor, "acme"), "30000"), "not-found");
  EXPECT_EQ(led(actor_with(trust::Role::kCaller), route_), "route " + route_ + " " + deployment_);
  EXPECT_EQ(led(actor_with(trust::Role::kCaller), deployment_), "not-found");
}

TEST_F(Searching, AFingerprintIsFoundByHowItBegins) {
  const std::string fingerprint = other_key_.public_key().fingerprint();
  const std::string spoken = fingerprint.substr(0, 9);  // two groups
  EXPECT_EQ(found(operator_, spoken), Words{"vendor bolt"});
  EXPECT_EQ(found(operator_, fingerprint), Words{"vendor bolt"});
  EXPECT_EQ(found(actor_with(trust::Role::kVendor, "acme"), fingerprint), Words{});
  EXPECT_EQ(found(operator_, fingerprint + " z"), Words{}) << "no fingerprint";
  EXPECT_EQ(found(operator_, spoken.substr(0, 3)), Words{}) << "too little of one";
  const auto keys = platform_->keys().list(admin_).value();
  EXPECT_EQ(found(admin_, keys[0].fingerprint), Words{"key " + keys[0].id});
}

TEST_F(Searching, IsBounded) {
  EXPECT_EQ(platform_->search().search(admin_, std::string(201, 'a'), 8).error().reason(), "bad-search");
  EXPECT_EQ(platform_->search().search(admin_, "a", 0).error().reason(), "bad-search");
  EXPECT_EQ(platform_->search().search(admin_, "a", 51).error().reason(), "bad-search");
  EXPECT_EQ(found(admin_, ""), Words{});
  EXPECT_EQ(found(admin_, "    "), Words{});
  EXPECT_EQ(platform_->search().search(operator_, "wheat", 1)->size(), 4u) << "one of each kind";
  const std::string said = platform_->search().find(admin_, std::string(255, 'a') + "密").error().message();
  EXPECT_NE(said.find(std::string(255, 'a')), std::string::npos);
  EXPECT_TRUE(is_utf8(said)) << "no half character";
}

}  // namespace
}  // namespace mifeng::platform

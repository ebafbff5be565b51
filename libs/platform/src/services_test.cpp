// Vendors, routes, callers, models: what is taken and what is refused.
#include <algorithm>
#include <functional>

#include "mifeng/messages/card.h"
#include "mifeng/messages/vendor_key.h"
#include "mifeng/platform_fixture/platform_test.h"

namespace mifeng::platform {
namespace {

using platform_fixture::PlatformTest;

class Services : public PlatformTest {
 protected:
  std::string reason_of(const Result<access::Route>& result) { return result ? "made" : result.error().reason(); }
};

TEST_F(Services, AVendorsKeyComesInForceByItsFingerprint) {
  models::VendorInput input;
  input.id = "acme";
  input.name = "Acme 智能";
  ASSERT_TRUE(platform_->vendors().create(operator_, input));
  EXPECT_EQ(platform_->vendors().create(operator_, input).error().reason(), "vendor-exists");
  const auto key = crypto::Sm2PrivateKey::generate().value(), other = crypto::Sm2PrivateKey::generate().value();
  EXPECT_EQ(platform_->vendors().confirm_key(admin_, "acme", key.public_key().fingerprint()).error().reason(),
            "no-pending-key");
  auto vendor = platform_->vendors().propose_key(operator_, "acme", key.public_key().to_pem().value(), "");
  ASSERT_TRUE(vendor);
  EXPECT_TRUE(vendor->public_key_pem.empty());
  EXPECT_EQ(platform_->vendors().confirm_key(operator_, "acme", vendor->pending_fingerprint).error().reason(),
            "not-allowed");
  EXPECT_EQ(platform_->vendors().confirm_key(admin_, "acme", other.public_key().fingerprint()).error().reason(),
            "fingerprint-mismatch");
  std::string read_out;  // as somebody types what was read out
  for (const char c : vendor->pending_fingerprint) read_out += c == ' ' ? '-' : static_cast<char>(std::tolower(c));
  vendor = platform_->vendors().confirm_key(admin_, "acme", " " + read_out);
  ASSERT_TRUE(vendor) << vendor.error().message();
  EXPECT_EQ(vendor->fingerprint, key.public_key().fingerprint());
  EXPECT_TRUE(vendor->pending_key_pem.empty());
}

TEST_F(Services, AKeyInForceSignsForTheNextOne) {
  add_vendor("acme", *vendor_key_);
  const auto next = crypto::Sm2PrivateKey::generate().value();
  const std::string pem = next.public_key().to_pem().value();
  const messages::VendorKeyChange right{.platform = messages::verify_card(card()).value().identity.fingerprint(),
                                        .vendor = "acme",
                                        .serial = 1,
                                        .next = next.public_key()};
  const auto sign = [&](const crypto::Sm2PrivateKey& signer, const messages::VendorKeyChange& change) {
    return to_base64(messages::sign_vendor_key_change(change, signer).value());
  };
  const trust::Actor vendor = actor_with(trust::Role::kVendor, "acme"),
                     stranger = actor_with(trust::Role::kVendor, "bolt");
  EXPECT_EQ(platform_->vendors().propose_key(stranger, "acme", pem, sign(*vendor_key_, right)).error().reason(),
            "not-your-vendor");
  EXPECT_EQ(platform_->vendors().propose_key(vendor, "acme", pem, sign(next, right)).error().reason(), "bad-signature");
  // Signed for another platform, another vendor, another change, another key: as it may lie about somewhere.
  const std::vector<std::function<void(messages::VendorKeyChange&)>> others = {
      [](auto& change) { change.platform = crypto::Sm2PrivateKey::generate().value().public_key().fingerprint(); },
      [](auto& change) { change.vendor = "bolt"; },
      [](auto& change) { change.serial = 0; },
      [](auto& change) { change.serial = 2; },
      [&](auto& change) { change.next = vendor_key_->public_key(); },
  };
  for (std::size_t i = 0; i < others.size(); ++i) {
    messages::VendorKeyChange other = right;
    others[i](other);
    const auto replayed = platform_->vendors().propose_key(vendor, "acme", pem, sign(*vendor_key_, other));
    ASSERT_FALSE(replayed) << i;
    EXPECT_EQ(replayed.error().reason(), "bad-signature") << i;
  }
  const std::string signature = sign(*vendor_key_, right);
  const auto changed = platform_->vendors().propose_key(vendor, "acme", pem, signature);
  ASSERT_TRUE(changed) << changed.error().message();
  EXPECT_EQ(changed->fingerprint, next.public_key().fingerprint());
  EXPECT_EQ(changed->key_serial, 2);
  // Back under the first key, by an administrator: what that one has signed once does not count once more.
  ASSERT_TRUE(platform_->vendors().propose_key(vendor, "acme", vendor_key_->public_key().to_pem().value(), ""));
  ASSERT_TRUE(platform_->vendors().confirm_key(admin_, "acme", vendor_key_->public_key().fingerprint()));
  EXPECT_EQ(platform_->vendors().propose_key(vendor, "acme", pem, signature).error().reason(), "bad-signature");
  ASSERT_TRUE(platform_->vendors().revoke_key(admin_, "acme"));
  EXPECT_EQ(platform_->vendors().propose_key(vendor, "acme", pem, sign(next, right)).error().reason(),
            "no-key-in-force");
  EXPECT_EQ(platform_->vendors().propose_key(vendor, "acme", "not a key", "").error().reason(), "bad-public-key");
}

TEST_F(Services, VendorsSeeThemselvesOnly) {
  add_model("acme", "digits", "1.0.0");
  add_vendor("bolt", crypto::Sm2PrivateKey::generate().value());
  const trust::Actor acme = actor_with(trust::Role::kVendor, "acme"), bolt = actor_with(trust::Role::kVendor, "bolt");
  EXPECT_EQ(platform_->vendors().list(bolt, "", {})->total, 1);
  EXPECT_EQ(platform_->vendors().list(operator_, "", {})->total, 2);
  EXPECT_EQ(platform_->vendors().get(bolt, "acme").error().reason(), "not-your-vendor");
  EXPECT_EQ(platform_->models().search(acme, {}, {})->total, 1);
  EXPECT_EQ(platform_->models().search(bolt, {}, {})->total, 0);
  models::ModelQuery of_acme;
  of_acme.vendor = "acme";
  EXPECT_EQ(platform_->models().search(bolt, of_acme, {})->total, 0);
  const auto model = platform_->models().search(acme, {}, {})->items.at(0);
  EXPECT_EQ(platform_->models().get(bolt, model.id).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(platform_->models().find(bolt, "acme", "digits", "1.0.0"));
  EXPECT_TRUE(platform_->models().config(acme, model.config_sm3));
  EXPECT_EQ(platform_->models().config(bolt, model.config_sm3).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(platform_->models().configs(bolt, {})->total, 0);
  EXPECT_EQ(platform_->models().images(acme, "", {})->total, 1);
  EXPECT_EQ(platform_->vendors().remove(admin_, "acme").error().reason(), "vendor-has-models");
  EXPECT_TRUE(platform_->vendors().remove(admin_, "bolt"));
  EXPECT_EQ(platform_->models().remove(operator_, model.id).error().reason(), "version-accepted");
}

TEST_F(Services, RoutesHaveUniquePrefixesAndIdsThatStay) {
  const std::string deployment = add_deployment("digits", add_model("acme", "digits", "1.0.0"));
  access::RouteInput input;
  input.name = "digits";
  input.prefix = "/digits";
  input.forward = "mifeng://" + deployment;
  const auto route = platform_->routes().create(operator_, input);
  ASSERT_TRUE(route) << route.error().message();
  EXPECT_EQ(reason_of(platform_->routes().create(operator_, input)), "prefix-taken");
  access::RouteInput changed = input;
  changed.prefix = "/numbers";
  changed.pass_headers = {"X-Model"};
  const auto updated = platform_->routes().update(operator_, route->id, changed);
  ASSERT_TRUE(updated) << updated.error().message();
  EXPECT_EQ(updated->id, route->id);
  EXPECT_EQ(updated->pass_headers, std::vector<std::string>{"x-model"});
  ASSERT_TRUE(platform_->routes().remove(operator_, route->id));
  const auto again = platform_->routes().create(operator_, changed);
  ASSERT_TRUE(again);
  EXPECT_NE(again->id, route->id);

  input.prefix = "/other";
  input.forward = "mifeng://nobody";
  EXPECT_EQ(reason_of(platform_->routes().create(operator_, input)), "no-such-deployment");
  input.forward = "mifeng://" + deployment;
  input.callers = {"ca-none"};
  EXPECT_EQ(reason_of(platform_->routes().create(operator_, input)), "not-found");
  input.callers.clear();
  for (const char* header : {"Mifeng-Seal", "Content-Type", "Transfer-Encoding", "X-Accel-Redirect", "a b", ""}) {
    input.pass_headers = {header};
    EXPECT_EQ(reason_of(platform_->routes().create(operator_, input)), "bad-route") << header;
  }
  input.pass_headers.clear();
  for (auto [member, max] : {std::pair(&access::RouteInput::calls_per_minute, std::int64_t{1'000'000}),
                             std::pair(&access::RouteInput::calls_at_once, std::int64_t{10'000}),
                             std::pair(&access::RouteInput::seconds_max, std::int64_t{86'400})}) {
    for (const std::int64_t limit : {std::int64_t{-1}, max + 1}) {
      access::RouteInput limited = input;
      limited.*member = limit;
      EXPECT_EQ(reason_of(platform_->routes().create(operator_, limited)), "bad-route") << limit;
    }
    access::RouteInput limited = changed;
    limited.*member = max;
    const auto kept = platform_->routes().update(operator_, again->id, limited);
    ASSERT_TRUE(kept) << kept.error().message();
    EXPECT_EQ(platform_->routes().get(operator_, again->id).value().*member, max);
    EXPECT_NE(kept->etag, again->etag);
  }
  EXPECT_EQ(platform_->routes().create(auditor_, changed).error().reason(), "not-allowed");
  EXPECT_EQ(platform_->routes().list(actor_with(trust::Role::kCaller), "numb", {})->total, 1);
}

TEST_F(Services, ARemovedCallerNeverOpensARoute) {
  const std::string deployment = add_deployment("digits", add_model("acme", "digits", "1.0.0"));
  const auto one = platform_->callers().create(operator_, "one").value();
  const auto two = platform_->callers().create(operator_, "two").value();
  EXPECT_EQ(platform_->callers().create(operator_, "one").error().reason(), "caller-exists");
  access::RouteInput input;
  input.name = "digits";
  input.prefix = "/digits";
  input.forward = "mifeng://" + deployment;
  input.callers = {one.caller.id, two.caller.id};
  const auto route = platform_->routes().create(operator_, input).value();
  ASSERT_TRUE(platform_->callers().remove(operator_, one.caller.id));
  EXPECT_EQ(platform_->routes().get(operator_, route.id)->callers, std::vector<std::string>{two.caller.id});
  EXPECT_TRUE(platform_->routes().get(operator_, route.id)->enabled);
  ASSERT_TRUE(platform_->callers().remove(operator_, two.caller.id));
  EXPECT_FALSE(platform_->routes().get(operator_, route.id)->enabled);
  input.open = true;
  input.callers = {};
  EXPECT_TRUE(platform_->routes().update(operator_, route.id, input));
}

TEST_F(Services, CallerKeysChange) {
  const auto made = platform_->callers().create(operator_, "ward").value();
  const auto renewed = platform_->callers().new_key(operator_, made.caller.id).value();
  EXPECT_NE(made.key, renewed.key);
  EXPECT_TRUE(renewed.key.starts_with("mfk_"));
  EXPECT_EQ(platform_->callers().new_key(operator_, "ca-none").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(platform_->callers().new_key(auditor_, made.caller.id).error().reason(), "not-allowed");
  EXPECT_EQ(renewed.caller.keys.size(), 1u) << "the others have ended";
}

TEST_F(Services, KeysOfACallerOverlapAndEnd) {
  auto& callers = platform_->callers();
  const auto made = callers.create(operator_, "ward").value();
  ASSERT_EQ(made.caller.keys.size(), 1u);
  EXPECT_EQ(made.caller.keys[0].id, made.key_id);
  EXPECT_EQ(made.caller.keys[0].expires_ms, 0);
  const std::string id = made.caller.id;
  constexpr std::int64_t kDay = 24LL * 3600 * 1000;
  const auto next = callers.add_key(operator_, id, {.name = "next", .lifetime_ms = kDay});
  ASSERT_TRUE(next) << next.error().message();
  EXPECT_NE(next->key, made.key);
  EXPECT_NE(next->caller.etag, made.caller.etag);
  // By its id: both were made within one millisecond, so which of them comes first is anybody's guess.
  const auto& keys = next->caller.keys;
  const auto added = std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key.id == next->key_id; });
  ASSERT_NE(added, keys.end());
  EXPECT_EQ(added->expires_ms, clock_.now_ms() + kDay);
  EXPECT_EQ(callers.add_key(operator_, id, {.name = "next"}).error().reason(), "caller-key-exists");
  EXPECT_EQ(callers.add_key(operator_, id, {.name = ""}).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(callers.add_key(operator_, id, {.name = "x", .lifetime_ms = -1}).error().reason(), "bad-lifetime");
  EXPECT_EQ(callers.add_key(operator_, id, {.name = "x", .lifetime_ms = 4000 * kDay}).error().reason(), "bad-lifetime");
  EXPECT_EQ(callers.add_key(auditor_, id, {.name = "x"}).error().reason(), "not-allowed");
  EXPECT_EQ(callers.end_key(operator_, id, "ck-none").error().code(), ErrorCode::kNotFound);
  const auto other = callers.create(operator_, "other").value();
  EXPECT_EQ(callers.end_key(operator_, id, other.key_id).error().code(), ErrorCode::kNotFound) << "another caller's";
  ASSERT_TRUE(callers.end_key(operator_, id, made.key_id));
  EXPECT_EQ(callers.get(operator_, id)->keys.size(), 1u);
  EXPECT_EQ(callers.end_expired_keys().value(), 0);
  clock_.advance(std::chrono::hours(24));
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_TRUE(callers.get(operator_, id)->keys.empty());
  EXPECT_EQ(callers.get(operator_, other.caller.id)->keys.size(), 1u);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(callers.add_key(operator_, id, {.name = "k" + std::to_string(i)}));
  EXPECT_EQ(callers.add_key(operator_, id, {.name = "more"}).error().reason(), "too-many-caller-keys");
  ASSERT_TRUE(callers.remove(operator_, id)) << "with all its keys";
}

TEST_F(Services, UploadsAreResumedInOrderAndByTheirOwner) {
  const trust::Actor ann = actor_with(trust::Role::kVendor, "acme");
  trust::Actor bob = actor_with(trust::Role::kVendor, "acme");
  bob.id = "pe-bob";
  EXPECT_EQ(platform_->submits().begin(ann, (64LL << 30) + 1).error().reason(), "package-too-large");
  // It needs its bytes twice. Three quarters of the room do not fit, nor would they if others left as much as half of
  // it while the test runs.
  const auto room = static_cast<std::int64_t>(std::filesystem::space(options_.data_dir).available);
  options_.package_size_max = std::max(options_.package_size_max, room);
  reopen();
  auto& submits = platform_->submits();
  EXPECT_EQ(submits.begin(ann, room / 4 * 3).error().reason(), "disk-full");
  EXPECT_EQ(submits.begin(auditor_, 10).error().reason(), "not-allowed");
  EXPECT_EQ(submits.begin(ann, 0).error().reason(), "bad-size");
  const auto upload = submits.begin(ann, 10).value();
  EXPECT_EQ(submits.append(bob, upload.id, 0, as_bytes("12345")).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(submits.append(ann, upload.id, 0, as_bytes("12345"))->received, 5);
  EXPECT_EQ(submits.append(ann, upload.id, 0, as_bytes("12345")).error().reason(), "wrong-offset");
  EXPECT_EQ(submits.append(ann, upload.id, 5, as_bytes("678901")).error().reason(), "too-many-bytes");
  EXPECT_EQ(submits.finish(ann, upload.id).error().reason(), "upload-incomplete");
  reopen();
  EXPECT_EQ(platform_->submits().get(ann, upload.id)->received, 5) << "a restart keeps it";
  ASSERT_TRUE(platform_->submits().append(ann, upload.id, 5, as_bytes("67890")));
  const auto finished = platform_->submits().finish(ann, upload.id);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code(), ErrorCode::kVerificationFailed) << "ten bytes are no package";
  EXPECT_FALSE(platform_->submits().get(ann, upload.id)) << "wrong bytes stay wrong";
  const auto second = platform_->submits().begin(ann, 10).value();
  ASSERT_TRUE(platform_->submits().append(ann, second.id, 0, as_bytes("1")));
  clock_.advance(std::chrono::hours(24));
  EXPECT_EQ(*platform_->submits().remove_expired(), 1);
  EXPECT_TRUE(std::filesystem::is_empty(options_.data_dir / "uploads"));
  const auto third = platform_->submits().begin(ann, 10).value();
  ASSERT_TRUE(platform_->submits().append(ann, third.id, 0, as_bytes("1")));
  ASSERT_TRUE(platform_->submits().cancel(ann, third.id));
  EXPECT_TRUE(std::filesystem::is_empty(options_.data_dir / "uploads"));
}

TEST_F(Services, HousekeepingRunsAndAMissingRegistryIsSaid) {
  EXPECT_TRUE(platform_->housekeep());
  options_.registry = "";
  reopen();
  EXPECT_EQ(platform_->submits().begin(admin_, 10).error().reason(), "no-registry");
}

}  // namespace
}  // namespace mifeng::platform

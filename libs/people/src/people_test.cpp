#include <atomic>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/people.h"

namespace mifeng::people {
namespace {

using platform_fixture::PlatformTest;

class People : public PlatformTest {
 protected:
  NewPassword make(const std::string& name, trust::Role role = trust::Role::kOperator) {
    PersonInput input;
    input.name = name;
    input.roles = {role};
    auto made = platform_->people().create(admin_, input);
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
  }
};

constexpr char kGood[] = "correct horse battery";

TEST_F(People, TheFirstAdministratorIsMadeOnceAndMustChangeThePassword) {
  auto first = platform_->people().ensure_administrator();
  ASSERT_TRUE(first && *first);
  EXPECT_FALSE(*platform_->people().ensure_administrator());
  auto session = platform_->people().sign_in("admin", (*first)->password, "127.0.0.1");
  ASSERT_TRUE(session) << session.error().message();
  auto actor = platform_->people().authenticate(session->token, "127.0.0.1");
  ASSERT_TRUE(actor);
  EXPECT_EQ(platform_->people().list(*actor, {}).error().reason(), "must-change-password");
  EXPECT_EQ(platform_->keys().card(*actor).error().reason(), "must-change-password");
  ASSERT_TRUE(platform_->people().change_password(*actor, session->token, (*first)->password, kGood));
  actor = platform_->people().authenticate(session->token, "127.0.0.1");
  ASSERT_TRUE(actor);
  EXPECT_TRUE(platform_->people().list(*actor, {}));
  EXPECT_FALSE(platform_->people().sign_in("admin", (*first)->password, ""));
  EXPECT_TRUE(platform_->people().sign_in("admin", kGood, ""));
}

TEST_F(People, WrongNameWrongPasswordAndDisabledLookTheSame) {
  const NewPassword ann = make("ann"), bob = make("bob");
  PersonInput off;
  off.name = "bob";
  off.roles = {trust::Role::kOperator};
  off.enabled = false;
  make("root", trust::Role::kAdministrator);
  ASSERT_TRUE(platform_->people().update(admin_, bob.person.id, off));
  for (const auto& [name, password] : {std::pair<std::string, std::string>{"nobody", ann.password},
                                       {"ann", "wrong wrong wrong"},
                                       {"bob", bob.password},
                                       {"ann", ""},
                                       {std::string(65, 'a'), "x"},
                                       {"ann", std::string(300, 'x')},
                                       {"' OR 1=1 --", "x"}}) {
    const auto refused = platform_->people().sign_in(name, password, "");
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().reason(), "bad-sign-in") << name;
  }
}

// What a sign-in answers: "ok", or the reason.
std::string answer_to(PeopleService& people, const std::string& name, const std::string& password,
                      const std::string& address) {
  const auto session = people.sign_in(name, password, address);
  return session ? "ok" : session.error().reason();
}

TEST_F(People, WrongPasswordsHoldUpWhereTheyCameFromAndNobodyElse) {
  const NewPassword ann = make("ann");
  const auto answer = [&](const std::string& password, const std::string& address) {
    return answer_to(platform_->people(), "ann", password, address);
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answer("wrong", "192.0.2.1"), "bad-sign-in");
  EXPECT_EQ(answer("wrong", "192.0.2.1"), "too-many-sign-ins");
  EXPECT_EQ(answer(ann.password, "192.0.2.1"), "too-many-sign-ins") << "or guessing would go on";
  EXPECT_EQ(answer(ann.password, "192.0.2.2"), "ok");
  EXPECT_EQ(platform_->people().sign_in("ann", "x", "192.0.2.1").error().code(), ErrorCode::kResourceExhausted);
  // Each time it is twice as long.
  clock_.advance(std::chrono::seconds(15));
  EXPECT_EQ(answer("wrong", "192.0.2.1"), "bad-sign-in");
  clock_.advance(std::chrono::seconds(29));
  EXPECT_EQ(answer(ann.password, "192.0.2.1"), "too-many-sign-ins");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(answer(ann.password, "192.0.2.1"), "ok") << "and a right one begins the count anew";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(answer("wrong", "192.0.2.1"), "bad-sign-in");
  const auto reset = platform_->people().reset_password(admin_, ann.person.id);
  ASSERT_TRUE(reset);
  EXPECT_EQ(answer(ann.password, "192.0.2.1"), "bad-sign-in");
  EXPECT_EQ(answer(reset->password, "192.0.2.1"), "ok");
}

TEST_F(People, WhetherThereIsSuchAPersonMakesNoDifference) {
  make("ann");
  const auto answers = [&](const std::string& name, const std::string& address) {
    std::vector<std::string> all;
    for (int i = 0; i < 7; ++i) all.push_back(answer_to(platform_->people(), name, "wrong", address));
    clock_.advance(std::chrono::seconds(15));
    for (int i = 0; i < 2; ++i) all.push_back(answer_to(platform_->people(), name, "wrong", address));
    return all;
  };
  EXPECT_EQ(answers("ann", "192.0.2.1"), answers("nobody", "192.0.2.1"));
}

TEST_F(People, GuessesThatRunAtOnceAreCountedToo) {
  make("ann");
  std::atomic<int> looked_at = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 3; ++n)
        if (answer_to(platform_->people(), "ann", "wrong", "192.0.2.1") == "bad-sign-in") ++looked_at;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(looked_at, 5);
}

TEST_F(People, GuessesAtThePasswordOfASessionHoldUpThatAlone) {
  const NewPassword ann = make("ann");
  const auto session = platform_->people().sign_in("ann", ann.password, "192.0.2.1").value();
  const auto actor = platform_->people().authenticate(session.token, "192.0.2.1").value();
  const auto change = [&](const std::string& old_password) {
    const auto done = platform_->people().change_password(actor, session.token, old_password, kGood);
    return done ? std::string("ok") : done.error().reason();
  };
  // A stranger behind the same address keeps nobody from it who is signed in.
  for (int i = 0; i < 40; ++i) (void)answer_to(platform_->people(), "ann", "wrong", "192.0.2.1");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(change("wrong"), "bad-sign-in");
  EXPECT_EQ(change(ann.password), "too-many-sign-ins");
  EXPECT_TRUE(platform_->people().authenticate(session.token, "192.0.2.1")) << "the session goes on";
  clock_.advance(std::chrono::seconds(15));
  EXPECT_EQ(change(ann.password), "ok");
}

TEST_F(People, WrongSignInsAreSummedUpInTheAuditLog) {
  make("ann");
  trust::AuditQuery query;
  query.action = "person.sign-in";
  for (int i = 0; i < 200; ++i) {
    const std::string address = "192.0.2." + std::to_string(i);
    (void)answer_to(platform_->people(), "nobody-" + std::to_string(i), "wrong", address);
    (void)answer_to(platform_->people(), "ann", "wrong", address);
    ASSERT_TRUE(platform_->housekeep());
  }
  const auto entries = platform_->audit().list(auditor_, query, {.page = 1, .page_size = 200}).value();
  std::map<std::string, int> count;
  for (const auto& entry : entries.items) ++count[entry.actor + " " + entry.outcome];
  EXPECT_EQ(count["unknown person bad-sign-in"], 10);
  EXPECT_EQ(count["ann bad-sign-in"], 10) << "many strangers hide none of one who is there";
  EXPECT_EQ(count["strangers strangers"], 1) << "once a minute";
  clock_.advance(std::chrono::minutes(1));
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(platform_->audit().list(auditor_, query, {}).value().total, entries.total + 1);
}

TEST_F(People, SessionsEndByTimeByIdlenessAndBySigningOut) {
  const NewPassword ann = make("ann");
  const auto sign_in = [&] { return platform_->people().sign_in("ann", ann.password, "").value().token; };
  const auto works = [&](const std::string& token) { return platform_->people().authenticate(token, "").has_value(); };
  const std::string idle = sign_in();
  clock_.advance(std::chrono::minutes(59));
  EXPECT_TRUE(works(idle));
  clock_.advance(std::chrono::minutes(59));
  EXPECT_TRUE(works(idle)) << "use keeps it";
  clock_.advance(std::chrono::minutes(60));
  EXPECT_FALSE(works(idle));
  const std::string busy = sign_in();
  for (int i = 0; i < 11 * 2; ++i) {
    clock_.advance(std::chrono::minutes(30));
    ASSERT_TRUE(works(busy)) << i;
  }
  clock_.advance(std::chrono::minutes(59));
  ASSERT_TRUE(works(busy));
  clock_.advance(std::chrono::minutes(1));
  EXPECT_FALSE(works(busy)) << "twelve hours";
  const std::string gone = sign_in();
  ASSERT_TRUE(platform_->people().sign_out(gone));
  EXPECT_FALSE(works(gone));
  EXPECT_FALSE(works(""));
  EXPECT_FALSE(works("mfs_" + std::string(43, 'a')));
}

TEST_F(People, ABrowsersSessionGoesOnWhileSomebodyWorks) {
  const NewPassword ann = make("ann");
  const Entrance browser{.address = "10.0.0.1", .browser = true, .agent = "Fox\n\x80 1.0"};
  const auto sign_in = [&] { return platform_->people().sign_in("ann", ann.password, browser).value().token; };
  const auto works = [&](const std::string& token, Use use) {
    return platform_->people().authenticate(token, "", use).has_value();
  };
  // A page that refreshes itself keeps nothing alive.
  const std::string watched = sign_in();
  for (int i = 0; i < 3; ++i) {
    clock_.advance(std::chrono::minutes(19));
    ASSERT_TRUE(works(watched, Use::kRefresh));
  }
  clock_.advance(std::chrono::minutes(3));
  EXPECT_FALSE(works(watched, Use::kRefresh));
  // Work goes on beyond twelve hours, but not for ever.
  const std::string busy = sign_in();
  constexpr int kHalfHoursMax = 7 * 24 * 2;
  for (int i = 1; i < kHalfHoursMax; ++i) {
    clock_.advance(std::chrono::minutes(30));
    ASSERT_TRUE(works(busy, Use::kWork)) << i;
  }
  clock_.advance(std::chrono::minutes(30));
  EXPECT_FALSE(works(busy, Use::kWork)) << "seven days";
}

TEST_F(People, EverybodySeesAndEndsTheirOwnSessionsAlone) {
  const NewPassword ann = make("ann"), bob = make("bob");
  const Entrance browser{.address = "10.0.0.1", .browser = true, .agent = std::string("Fox\n") + std::string(300, 'x')};
  const std::string first = platform_->people().sign_in("ann", ann.password, browser).value().token;
  clock_.advance(std::chrono::minutes(1));
  const std::string second = platform_->people().sign_in("ann", ann.password, "10.0.0.2").value().token;
  const std::string other = platform_->people().sign_in("bob", bob.password, "10.0.0.3").value().token;
  const auto actor = platform_->people().authenticate(first, "").value();
  const auto sessions = platform_->people().list_sessions(actor, first).value();
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].address, "10.0.0.2");
  EXPECT_FALSE(sessions[0].browser || sessions[0].current);
  EXPECT_TRUE(sessions[1].browser && sessions[1].current);
  EXPECT_EQ(sessions[1].agent, "Fox?" + std::string(196, 'x'));
  const auto bobs_actor = platform_->people().authenticate(other, "").value();
  const auto bobs = platform_->people().list_sessions(bobs_actor, other).value();
  ASSERT_EQ(bobs.size(), 1u);
  EXPECT_EQ(platform_->people().end_session(actor, bobs[0].id).error().code(), ErrorCode::kNotFound);
  ASSERT_TRUE(platform_->people().end_session(actor, sessions[0].id));
  EXPECT_FALSE(platform_->people().authenticate(second, ""));
  EXPECT_TRUE(platform_->people().authenticate(first, ""));
  clock_.advance(std::chrono::minutes(61));
  EXPECT_TRUE(platform_->people().list_sessions(actor, first).value().empty()) << "what has ended is not shown";
}

TEST_F(People, TokensAreASubsetExpireAndMakeNoOthers) {
  make("root", trust::Role::kAdministrator);
  PersonInput input;
  input.name = "ann";
  input.roles = {trust::Role::kOperator, trust::Role::kAuditor};
  const auto ann = platform_->people().create(admin_, input).value();
  const auto session = platform_->people().sign_in("ann", ann.password, "").value();
  auto actor = platform_->people().authenticate(session.token, "").value();
  EXPECT_EQ(platform_->people().create_token(actor, "ci", {}, 0).error().reason(), "must-change-password");
  ASSERT_TRUE(platform_->people().change_password(actor, session.token, ann.password, kGood));
  actor = platform_->people().authenticate(session.token, "").value();
  EXPECT_EQ(platform_->people().create_token(actor, "ci", {trust::Role::kAdministrator}, 0).error().reason(),
            "not-your-role");
  const auto token = platform_->people().create_token(actor, "ci", {trust::Role::kAuditor}, 60'000).value();
  auto robot = platform_->people().authenticate(token.token, "").value();
  EXPECT_EQ(robot.roles, std::vector<trust::Role>{trust::Role::kAuditor});
  EXPECT_EQ(platform_->people().create_token(robot, "more", {}, 0).error().reason(), "token-cannot-make-token");
  EXPECT_FALSE(platform_->people().change_password(robot, token.token, kGood, "another good password"));
  // The person loses the role: so does the token.
  input.roles = {trust::Role::kOperator};
  ASSERT_TRUE(platform_->people().update(admin_, ann.person.id, input));
  EXPECT_TRUE(platform_->people().authenticate(token.token, "").value().roles.empty());
  clock_.advance(std::chrono::minutes(1));
  EXPECT_FALSE(platform_->people().authenticate(token.token, ""));
}

TEST_F(People, TokensEndWithThePasswordThatTheyWereMadeUnder) {
  make("root", trust::Role::kAdministrator);
  const NewPassword ann = make("ann"), bob = make("bob");
  const auto signed_in = [&](const std::string& name, const std::string& password) {
    const auto session = platform_->people().sign_in(name, password, "").value();
    auto actor = platform_->people().authenticate(session.token, "").value();
    actor.must_change_password = false;
    return std::pair(actor, session.token);
  };
  const auto works = [&](const NewApiToken& token) {
    return platform_->people().authenticate(token.token, "").has_value();
  };
  const auto [actor, session] = signed_in("ann", ann.password);
  const auto kept = platform_->people().create_token(actor, "kept", {}, 0).value();
  const auto ends = platform_->people().create_token(actor, "ends", {}, 0).value();
  const auto bobs = platform_->people().create_token(signed_in("bob", bob.password).first, "bob's", {}, 0).value();
  const auto change = [&, &of = actor, &bearer = session](const std::string& from, const std::string& to,
                                                          const std::vector<std::string>& keep) {
    return platform_->people().change_password(of, bearer, from, to, keep);
  };
  EXPECT_EQ(change(ann.password, kGood, {bobs.info.id}).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(works(ends)) << "what is refused changes nothing";
  ASSERT_TRUE(change(ann.password, kGood, {kept.info.id}));
  EXPECT_TRUE(works(kept));
  EXPECT_FALSE(works(ends));
  EXPECT_TRUE(works(bobs));
  ASSERT_TRUE(platform_->people().reset_password(admin_, ann.person.id));
  EXPECT_FALSE(works(kept));
  EXPECT_TRUE(works(bobs));
  trust::AuditQuery query;
  query.action = "person.change-password";
  const auto entry = platform_->audit().list(auditor_, query, {}).value().items.at(0);
  EXPECT_NE(entry.detail.find(ends.info.id), std::string::npos);
  EXPECT_EQ(entry.detail.find(kept.info.id), std::string::npos);
}

TEST_F(People, TokensLiveNoLongerThanThePlatformAllows) {
  constexpr UnixMillis kDay = 24LL * 3600 * 1000;
  options_.token_lifetime_max_ms = 10 * kDay;
  reopen();
  const NewPassword ann = make("ann");
  auto actor =
      platform_->people().authenticate(platform_->people().sign_in("ann", ann.password, "").value().token, "").value();
  actor.must_change_password = false;
  EXPECT_EQ(platform_->people().create_token(actor, "ci", {}, 10 * kDay + 1).error().reason(), "bad-lifetime");
  EXPECT_EQ(platform_->people().create_token(actor, "ci", {}, -1).error().reason(), "bad-lifetime");
  const auto token = platform_->people().create_token(actor, "ci", {}, 0).value();
  EXPECT_EQ(token.info.expires_ms, clock_.now_ms() + 10 * kDay);
  EXPECT_EQ(platform_->people().authenticate(token.token, "").value().until_ms, token.info.expires_ms);
  // A shorter one holds for those that are there.
  options_.token_lifetime_max_ms = 5 * kDay;
  reopen();
  clock_.advance(std::chrono::milliseconds(5 * kDay - 1));
  EXPECT_TRUE(platform_->people().authenticate(token.token, ""));
  clock_.advance(std::chrono::milliseconds(1));
  EXPECT_FALSE(platform_->people().authenticate(token.token, ""));
}

TEST_F(People, ATokenMakesNobodyAnAdministrator) {
  const NewPassword root = make("root", trust::Role::kAdministrator), ann = make("ann");
  auto actor = admin_;
  actor.token_id = "to-1";
  const auto as = [](const std::string& name, std::vector<trust::Role> roles, bool enabled = true) {
    PersonInput input;
    input.name = name;
    input.roles = std::move(roles);
    input.enabled = enabled;
    return input;
  };
  constexpr char kRefused[] = "token-cannot-make-administrator";
  auto& people = platform_->people();
  EXPECT_EQ(people.create(actor, as("eve", {trust::Role::kAdministrator})).error().reason(), kRefused);
  EXPECT_EQ(people.update(actor, ann.person.id, as("ann", {trust::Role::kAuditor, trust::Role::kAdministrator}))
                .error()
                .reason(),
            kRefused);
  EXPECT_EQ(people.reset_password(actor, root.person.id).error().reason(), kRefused);
  make("second", trust::Role::kAdministrator);
  ASSERT_TRUE(people.update(actor, root.person.id, as("root", {trust::Role::kAdministrator}, false)));
  EXPECT_EQ(people.update(actor, root.person.id, as("root", {trust::Role::kAdministrator})).error().reason(), kRefused)
      << "nor lets one in again";
  // Other people it may manage.
  EXPECT_TRUE(people.create(actor, as("bob", {trust::Role::kOperator})));
  EXPECT_TRUE(people.update(actor, ann.person.id, as("ann", {trust::Role::kAuditor})));
  EXPECT_TRUE(people.reset_password(actor, ann.person.id));
  EXPECT_TRUE(people.create(admin_, as("eve", {trust::Role::kAdministrator}))) << "signed in";
}

TEST_F(People, NoSecretStandsInTheDatabaseFiles) {
  const NewPassword ann = make("ann");
  const auto session = platform_->people().sign_in("ann", ann.password, "").value();
  auto actor = platform_->people().authenticate(session.token, "").value();
  ASSERT_TRUE(platform_->people().change_password(actor, session.token, ann.password, kGood));
  actor.must_change_password = false;
  const auto token = platform_->people().create_token(actor, "ci", {}, 0).value();
  const auto caller = platform_->callers().create(admin_, "ward").value();
  const std::string join = platform_->gateways().create_join_file(admin_, "gw-1", "http://127.0.0.1:1", "").value();
  const std::size_t code_at = join.find("\"code\":");
  ASSERT_NE(code_at, std::string::npos);
  const std::size_t code_from = join.find('"', code_at + 7) + 1;
  const std::string code = join.substr(code_from, join.find('"', code_from) - code_from);
  std::string files;
  for (const char* name : {"mifeng.db", "mifeng.db-wal"}) {
    std::ifstream file(options_.data_dir / name, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    files += text.str();
  }
  ASSERT_GT(files.size(), 10'000u);
  EXPECT_NE(files.find("ann"), std::string::npos);
  for (const std::string& secret : {ann.password, std::string(kGood), session.token, token.token, caller.key, code})
    EXPECT_EQ(files.find(secret), std::string::npos) << secret.substr(0, 4);
}

TEST_F(People, WeakPasswordsAreRefused) {
  const NewPassword ann = make("ann.longer.name");
  const auto session = platform_->people().sign_in("ann.longer.name", ann.password, "").value();
  const auto actor = platform_->people().authenticate(session.token, "").value();
  for (const std::string& weak : {std::string("short"), std::string("ann.longer.name"), std::string(12, 'a'),
                                  std::string(257, 'x') + "y", ann.password, std::string("with\ncontrol characters")})
    EXPECT_EQ(platform_->people().change_password(actor, session.token, ann.password, weak).error().reason(),
              "weak-password")
        << weak.size();
  EXPECT_EQ(platform_->people().change_password(actor, session.token, "wrong wrong", kGood).error().reason(),
            "bad-sign-in");
}

TEST_F(People, TheLastAdministratorStays) {
  const NewPassword root = make("root", trust::Role::kAdministrator);
  EXPECT_EQ(platform_->people().remove(admin_, root.person.id).error().reason(), "last-administrator");
  PersonInput input;
  input.name = "root";
  input.roles = {trust::Role::kOperator};
  EXPECT_EQ(platform_->people().update(admin_, root.person.id, input).error().reason(), "last-administrator");
  input.roles = {trust::Role::kAdministrator};
  input.enabled = false;
  EXPECT_EQ(platform_->people().update(admin_, root.person.id, input).error().reason(), "last-administrator");
  make("second", trust::Role::kAdministrator);
  EXPECT_TRUE(platform_->people().remove(admin_, root.person.id));
}

TEST_F(People, BadInput) {
  PersonInput input;
  for (const char* name : {"", "Ann", "a b", "system", "local", "strangers", "你好"}) {
    input.name = name;
    input.roles = {trust::Role::kOperator};
    EXPECT_EQ(platform_->people().create(admin_, input).error().reason(), "bad-name") << name;
  }
  input.name = "ann";
  input.roles = {};
  EXPECT_EQ(platform_->people().create(admin_, input).error().reason(), "bad-roles");
  input.roles = {trust::Role::kVendor};
  EXPECT_EQ(platform_->people().create(admin_, input).error().reason(), "bad-roles");
  input.vendor_id = "nobody";
  EXPECT_EQ(platform_->people().create(admin_, input).error().code(), ErrorCode::kNotFound);
  make("twice");
  input = {};
  input.name = "twice";
  input.roles = {trust::Role::kOperator};
  EXPECT_EQ(platform_->people().create(admin_, input).error().reason(), "person-exists");
  EXPECT_EQ(platform_->people().list(admin_, {.page = 0, .page_size = 10}).error().reason(), "bad-page");
  EXPECT_EQ(platform_->people().list(admin_, {.page = 1, .page_size = 201}).error().reason(), "bad-page");
}

// The matrix as people read it: what each role may do, and nothing else.
TEST(Roles, Matrix) {
  const std::map<trust::Role, std::string> expected = {
      {trust::Role::kVendor, "read-models submit read-vendors read-card "},
      {trust::Role::kCaller, "read-routes read-card "},
      {trust::Role::kAuditor,
       "read-models read-vendors read-deployments read-clusters read-ports read-routes read-callers read-card "
       "read-keys "
       "read-gateways read-audit read-system "},
      {trust::Role::kOperator,
       "read-models submit decide-versions read-vendors manage-vendors read-deployments deploy read-clusters "
       "read-ports manage-ports "
       "read-routes manage-routes try-models read-callers manage-callers read-card read-keys read-gateways "
       "read-system "}};
  for (const trust::Role role : trust::kAllRoles) {
    std::string allowed, all;
    for (const trust::Permission permission : trust::kAllPermissions) {
      all += std::string(to_string(permission)) + " ";
      if (may(role, permission)) allowed += std::string(to_string(permission)) + " ";
    }
    EXPECT_EQ(allowed, role == trust::Role::kAdministrator ? all : expected.at(role)) << to_string(role);
  }
}

TEST(Roles, AVendorIsHeldToItsOwn) {
  trust::Actor actor;
  actor.roles = {trust::Role::kVendor};
  actor.vendor_id = "acme";
  EXPECT_TRUE(require_for_vendor(actor, trust::Permission::kSubmit, "acme"));
  EXPECT_EQ(require_for_vendor(actor, trust::Permission::kSubmit, "bolt").error().reason(), "not-your-vendor");
  actor.roles = {trust::Role::kVendor, trust::Role::kOperator};
  EXPECT_TRUE(require_for_vendor(actor, trust::Permission::kSubmit, "bolt"));
  actor.roles = {trust::Role::kVendor};
  actor.vendor_id = "";
  EXPECT_FALSE(require_for_vendor(actor, trust::Permission::kSubmit, ""));
}

}  // namespace
}  // namespace mifeng::people

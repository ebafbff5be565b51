#include "mifeng/events/feed.h"

#include <gtest/gtest.h>

#include "mifeng/os/file.h"
#include "mifeng/store/models.h"
#include "mifeng/store/people.h"

namespace mifeng::events {
namespace {

trust::Actor actor(trust::Role role, const std::string& id = "pe-1", const std::string& vendor = "") {
  trust::Actor made;
  made.id = id;
  made.roles = {role};
  made.vendor_id = vendor;
  return made;
}

class FeedTest : public testing::Test {
 protected:
  void make(const FeedOptions& options = {}) {
    feed_.reset();
    db_ = store::Database::open({.path = folder_.path() / "mifeng.db", .connections = 3}).value();
    feed_ = Feed::create(*db_, *provider_, clock_, random_, options).value();
  }
  void SetUp() override { make(); }

  std::vector<std::string> said(Place from, const Sight& sight) const {
    std::vector<std::string> all;
    for (const Change& change : feed_->after(from, sight).changes)
      all.push_back(std::string(to_string(change.kind)) + " " + change.id);
    return all;
  }
  template <typename Row>
  void insert(const Row& row) {
    ASSERT_TRUE(db_->write([&](store::Transaction& tx) { return store::insert(tx, row); }));
  }

  TempDir folder_ = TempDir::create(std::filesystem::temp_directory_path()).value();
  std::unique_ptr<crypto::Sm4GcmProvider> provider_ = crypto::Sm4GcmProvider::create().value();
  FakeClock clock_;
  SystemRandom random_;
  std::unique_ptr<store::Database> db_;
  std::unique_ptr<Feed> feed_;  // after the database, which tells it
  const Sight all_{actor(trust::Role::kAdministrator)};
};

using Words = std::vector<std::string>;

TEST_F(FeedTest, TellsWhatWasCommittedAndWhen) {
  insert(store::VendorRow{.id = "acme"});
  EXPECT_EQ(said(0, all_), Words{"vendors acme"});
  const News news = feed_->after(0, all_);
  EXPECT_EQ(news.place, feed_->now());
  EXPECT_EQ(news.changes[0].time_ms, clock_.now_ms());
  EXPECT_FALSE(news.lost);
  EXPECT_TRUE(said(news.place, all_).empty());
  const auto undone = db_->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_CHECK(store::insert(tx, store::VendorRow{.id = "zenith"}));
    return Error(ErrorCode::kConflict, "because", "Because.");
  });
  EXPECT_FALSE(undone);
  EXPECT_TRUE(said(news.place, all_).empty());
}

TEST_F(FeedTest, SaysAThingOnceHoweverOftenItChanged) {
  for (int i = 0; i < 5; ++i) {
    feed_->note(Kind::kRoutes, "rt-1");
    feed_->note(Kind::kRoutes, "rt-2");
  }
  const Place before = feed_->now();
  EXPECT_EQ(said(0, all_), (Words{"routes rt-1", "routes rt-2"}));
  feed_->note(Kind::kRoutes, "rt-1");
  EXPECT_EQ(said(before, all_), Words{"routes rt-1"});
  EXPECT_EQ(said(0, all_), (Words{"routes rt-2", "routes rt-1"}));
}

TEST_F(FeedTest, AReaderThatComesTooLateIsToldSo) {
  make({.remembered = 3});
  for (const char* id : {"a", "b", "c", "d", "e"}) feed_->note(Kind::kCallers, id);
  EXPECT_TRUE(feed_->after(0, all_).lost);
  EXPECT_TRUE(feed_->after(1, all_).lost);
  EXPECT_TRUE(feed_->after(1, all_).changes.empty());
  EXPECT_EQ(said(2, all_), (Words{"callers c", "callers d", "callers e"}));
  // What changes again takes no room.
  for (int i = 0; i < 100; ++i) feed_->note(Kind::kCallers, "e");
  EXPECT_EQ(said(2, all_), (Words{"callers c", "callers d", "callers e"}));
}

TEST_F(FeedTest, SaysWhereItWasAboutTheReader) {
  insert(store::PersonRow{.id = "pe-1", .name = "wang"});
  const Place first = feed_->now();
  insert(store::PersonRow{.id = "pe-2", .name = "li"});
  EXPECT_EQ(feed_->after(0, all_).about_reader, first);
  EXPECT_EQ(feed_->after(first, all_).about_reader, 0u);
  insert(store::SessionRow{.token_sm3 = "t", .id = "se-1", .person_id = "pe-1"});
  EXPECT_EQ(feed_->after(first, all_).about_reader, feed_->now());
  // What was forgotten may have been about him.
  make({.remembered = 1});
  feed_->note(Kind::kCallers, "a");
  feed_->note(Kind::kCallers, "b");
  EXPECT_EQ(feed_->after(0, all_).about_reader, 1u);
}

TEST_F(FeedTest, UsingASessionIsNoNewsItsEndIs) {
  insert(store::PersonRow{.id = "pe-1", .name = "wang"});
  store::SessionRow session{.token_sm3 = "t", .id = "se-1", .person_id = "pe-1"};
  insert(session);
  const Place before = feed_->now();
  session.last_used_ms = 5;
  session.expires_ms = 6;
  ASSERT_TRUE(db_->write([&](store::Transaction& tx) { return store::update(tx, session); }));
  EXPECT_EQ(feed_->now(), before);
  ASSERT_TRUE(db_->write([&](store::Transaction& tx) { return store::erase_sessions(tx, "pe-1", ""); }));
  EXPECT_EQ(said(before, all_), Words{"sessions se-1"});
}

TEST_F(FeedTest, CallsWhoeverSubscribed) {
  int calls = 0;
  auto subscription = feed_->subscribe([&] { ++calls; });
  insert(store::VendorRow{.id = "acme"});
  feed_->note(Kind::kGateways, "gw-1");
  EXPECT_EQ(calls, 2);
  subscription.reset();
  feed_->note(Kind::kGateways, "gw-1");
  EXPECT_EQ(calls, 2);
}

TEST_F(FeedTest, APlaceIsOpenedByTheRunThatSealedItAlone) {
  feed_->note(Kind::kRoutes, "rt-1");
  const Place place = feed_->now();
  const std::string sealed = feed_->seal(place);
  EXPECT_EQ(feed_->open(sealed), place);
  EXPECT_NE(feed_->seal(place), sealed) << "nobody learns whether anything has changed";
  for (std::size_t i = 0; i < sealed.size(); i += 7) {
    std::string forged = sealed;
    forged[i] = forged[i] == '0' ? '1' : '0';
    EXPECT_FALSE(feed_->open(forged)) << i;
  }
  for (const std::string& wrong : {std::string(), std::string("1"), sealed.substr(2), sealed + "00",
                                   std::string(sealed.size(), 'x'), std::string(sealed.size(), '0')})
    EXPECT_FALSE(feed_->open(wrong)) << wrong;
  make();
  feed_->note(Kind::kRoutes, "rt-1");
  EXPECT_FALSE(feed_->open(sealed));
}

}  // namespace
}  // namespace mifeng::events

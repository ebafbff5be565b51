#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "mifeng/os/file.h"
#include "mifeng/store/database.h"
#include "mifeng/store/people.h"

namespace mifeng::store {
namespace {

class ChangesTest : public testing::Test {
 protected:
  ChangesTest() {
    db_ = Database::open({.path = folder_.path() / "mifeng.db", .connections = 3}).value();
    const std::vector<WatchedTable> tables = {
        {.table = "people", .id = "id", .owner = "vendor_id", .quiet = {"must_change_password", "last_sign_in_ms"}},
        {.table = "sessions", .id = "id", .owner = "person_id", .quiet = {}},
        {.table = "gateway_nonces", .id = {}, .owner = {}, .quiet = {}}};
    EXPECT_TRUE(db_->watch(tables, [this](std::span<const RowChange> changes) {
      for (const auto& change : changes)
        told_.push_back(std::to_string(change.watched) + " " + change.id + " " + change.owner);
    }));
  }
  template <typename Work>
  void write(Work work) {
    told_.clear();
    const auto done = db_->write(work);
    EXPECT_TRUE(done) << done.error().message();
    std::ranges::sort(told_);
  }
  void add(const PersonRow& row) {
    write([&](Transaction& tx) { return insert(tx, row); });
  }

  TempDir folder_ = TempDir::create(std::filesystem::temp_directory_path()).value();
  std::unique_ptr<Database> db_;
  std::vector<std::string> told_;
};

using Told = std::vector<std::string>;

TEST_F(ChangesTest, TellsRowsThatAreMadeChangedAndErased) {
  PersonRow row{.id = "pe-1", .name = "wang", .vendor_id = "acme"};
  add(row);
  EXPECT_EQ(told_, Told{"0 pe-1 acme"});
  row.display_name = "Wang";
  write([&](Transaction& tx) { return update(tx, row); });
  EXPECT_EQ(told_, Told{"0 pe-1 acme"});
  write([&](Transaction& tx) { return erase<PersonRow>(tx, row.id); });
  EXPECT_EQ(told_, Told{"0 pe-1 acme"});
}

TEST_F(ChangesTest, IsSilentAboutWhatIsQuietOrNoChangeAtAll) {
  PersonRow row{.id = "pe-1", .name = "wang"};
  add(row);
  row.must_change_password = 1;
  row.last_sign_in_ms = 4;
  write([&](Transaction& tx) { return update(tx, row); });
  write([&](Transaction& tx) { return update(tx, row); });
  EXPECT_EQ(told_, Told{});
  ASSERT_TRUE(db_->read([](Transaction& tx) { return all<PersonRow>(tx); }));
  EXPECT_EQ(told_, Told{});
}

TEST_F(ChangesTest, TellsBothOwnersOfWhatChangesHands) {
  PersonRow row{.id = "pe-1", .name = "wang", .vendor_id = "acme"};
  add(row);
  row.vendor_id = "zenith";
  write([&](Transaction& tx) { return update(tx, row); });
  EXPECT_EQ(told_, (Told{"0 pe-1 acme", "0 pe-1 zenith"}));
}

TEST_F(ChangesTest, TellsOnceOfOneTransactionAndNothingOfOneThatIsUndone) {
  write([](Transaction& tx) -> Result<void> {
    PersonRow row{.id = "pe-1", .name = "wang"};
    MIFENG_CHECK(insert(tx, row));
    for (const char* name : {"a", "b", "c"}) {
      row.display_name = name;
      MIFENG_CHECK(update(tx, row));
    }
    return insert(tx, PersonRow{.id = "pe-2", .name = "li"});
  });
  EXPECT_EQ(told_, (Told{"0 pe-1 ", "0 pe-2 "}));
  told_.clear();
  EXPECT_FALSE(db_->write([](Transaction& tx) -> Result<void> {
    MIFENG_CHECK(insert(tx, PersonRow{.id = "pe-3", .name = "zhao"}));
    return Error(ErrorCode::kConflict, "because", "Because.");
  }));
  EXPECT_FALSE(db_->write([](Transaction& tx) { return insert(tx, PersonRow{.id = "pe-1", .name = "again"}); }));
  write([](Transaction& tx) { return insert(tx, PersonRow{.id = "pe-4", .name = "qian"}); });
  EXPECT_EQ(told_, Told{"0 pe-4 "}) << "what was undone is not told later either";
}

TEST_F(ChangesTest, SeesWhatADatabaseErasesByItself) {
  add({.id = "pe-1", .name = "wang"});
  write([](Transaction& tx) { return insert(tx, SessionRow{.token_sm3 = "t", .id = "se-1", .person_id = "pe-1"}); });
  EXPECT_EQ(told_, Told{"1 se-1 pe-1"});
  write([](Transaction& tx) { return erase<PersonRow>(tx, std::string("pe-1")); });
  EXPECT_EQ(told_, (Told{"0 pe-1 ", "1 se-1 pe-1"}));
}

TEST_F(ChangesTest, TellsOfATableAsAWhole) {
  write([](Transaction& tx) {
    return run_sql(tx, "INSERT INTO gateway_nonces (gateway_id, nonce, time_ms) VALUES ('g', 'n', 1), ('g', 'm', 1)",
                   {});
  });
  EXPECT_EQ(told_, Told{"2  "});
}

TEST_F(ChangesTest, WatchesEveryConnection) {
  // Held open, so that the next write has to take another.
  std::vector<std::thread> readers;
  std::atomic<int> inside = 0;
  std::atomic<bool> leave = false;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      EXPECT_TRUE(db_->read([&](Transaction&) -> Result<void> {
        ++inside;
        while (!leave) std::this_thread::yield();
        return ok();
      }));
    });
  while (inside != 2) std::this_thread::yield();
  add({.id = "pe-1", .name = "wang"});
  EXPECT_EQ(told_, Told{"0 pe-1 "});
  leave = true;
  for (auto& reader : readers) reader.join();
  for (int i = 2; i < 8; ++i) {
    add({.id = "pe-" + std::to_string(i), .name = "n" + std::to_string(i)});
    EXPECT_EQ(told_.size(), 1u);
  }
}

TEST_F(ChangesTest, ATableThatIsNotThereIsAnError) {
  TempDir folder = TempDir::create(std::filesystem::temp_directory_path()).value();
  auto other = Database::open({.path = folder.path() / "mifeng.db", .connections = 1}).value();
  EXPECT_FALSE(other->watch({{.table = "nowhere", .id = "id", .owner = {}, .quiet = {}}}, [](auto) {}));
}

}  // namespace
}  // namespace mifeng::store

#include "mifeng/store/database.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "mifeng/os/file.h"
#include "mifeng/store/audit.h"
#include "mifeng/store/grants.h"

namespace mifeng::store {
namespace {

struct Opened {
  TempDir folder;
  std::unique_ptr<Database> database;
};
Opened open_new(int connections = 4, std::chrono::milliseconds wait = DatabaseOptions().wait) {
  TempDir folder = TempDir::create(std::filesystem::temp_directory_path()).value();
  auto database = Database::open({.path = folder.path() / "mifeng.db", .connections = connections, .wait = wait});
  EXPECT_TRUE(database) << database.error().message();
  return {std::move(folder), std::move(database).value()};
}

AuditRow entry(std::int64_t seq, std::string detail = "") {
  AuditRow row;
  row.seq = seq;
  row.detail = std::move(detail);
  return row;
}

TEST(Database, MakesAFileForItsOwnerOnlyAndMigratesOnce) {
  Opened db = open_new();
  struct ::stat info {};
  ASSERT_EQ(::stat((db.folder.path() / "mifeng.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(*db.database->schema_version(), 1);
  db.database.reset();
  auto again = Database::open({.path = db.folder.path() / "mifeng.db"});
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*(*again)->schema_version(), 1);
}

TEST(Database, RefusesAFileOfALaterVersion) {
  Opened db = open_new();
  ASSERT_TRUE(db.database->write(
      [](Transaction& tx) { return run_sql(tx, "INSERT INTO schema_migrations (version) VALUES (1000)", {}); }));
  db.database.reset();
  auto again = Database::open({.path = db.folder.path() / "mifeng.db"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason(), "newer-database");
}

TEST(Database, RefusesAFileThatIsNone) {
  TempDir folder = TempDir::create(std::filesystem::temp_directory_path()).value();
  ASSERT_TRUE(write_file_atomic(folder.path() / "x.db", as_bytes(std::string(8192, 'x'))));
  auto opened = Database::open({.path = folder.path() / "x.db"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kInternal);
  EXPECT_FALSE(Database::open({.path = folder.path() / "missing" / "x.db"}));
}

TEST(Database, UndoesAllOfATransactionThatFails) {
  Opened db = open_new();
  auto failed = db.database->write([](Transaction& tx) -> Result<void> {
    MIFENG_CHECK(insert(tx, entry(1)));
    return Error(ErrorCode::kConflict, "because", "Because.");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason(), "because");
  auto thrown = db.database->write([](Transaction& tx) -> Result<void> {
    MIFENG_CHECK(insert(tx, entry(1)));
    throw std::runtime_error("boom");
  });
  ASSERT_FALSE(thrown);
  auto rows = db.database->read([](Transaction& tx) { return all<AuditRow>(tx); });
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->empty());
}

TEST(Database, AReadSeesOneState) {
  Opened db = open_new();
  auto done = db.database->read([&](Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto before, all<AuditRow>(tx));
    std::thread([&] {
      EXPECT_TRUE(db.database->write([](Transaction& writer) { return insert(writer, entry(1)); }));
    }).join();
    MIFENG_TRY(auto after, all<AuditRow>(tx));
    EXPECT_EQ(before.size(), after.size());
    return ok();
  });
  EXPECT_TRUE(done);
}

TEST(Database, WritersComeOneAfterTheOther) {
  Opened db = open_new(4, std::chrono::minutes(2));  // a disk may be slow; how long a writer waits is not the point
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 25; ++n)
        if (!db.database->write([](Transaction& tx) { return next_change(tx); })) ++failures;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(*db.database->read([](Transaction& tx) { return current_change(tx); }), 1 + 8 * 25);
}

TEST(Database, AFullDiskChangesNothingAndIsOverOnceThereIsRoom) {
  Opened db = open_new();
  ASSERT_TRUE(db.database->write([](Transaction& tx) { return insert(tx, entry(1)); }));
  ASSERT_TRUE(db.database->limit_size_for_tests(512 << 10));
  auto full = db.database->write([](Transaction& tx) -> Result<void> {
    for (std::int64_t seq = 2; seq < 100; ++seq) MIFENG_CHECK(insert(tx, entry(seq, std::string(20'000, 'x'))));
    return ok();
  });
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(full.error().reason(), "disk-full");
  EXPECT_EQ(db.database->read([](Transaction& tx) { return all<AuditRow>(tx); })->size(), 1u);
  ASSERT_TRUE(db.database->limit_size_for_tests(64 << 20));
  ASSERT_TRUE(db.database->write([](Transaction& tx) { return insert(tx, entry(2, std::string(20'000, 'x'))); }));
  EXPECT_EQ(*db.database->check_integrity(), std::nullopt);
}

TEST(Database, TablesRefuseOtherTypes) {
  Opened db = open_new();
  auto wrong = db.database->write([](Transaction& tx) {
    return run_sql(tx, "INSERT INTO reserved_node_ports (port, reason) VALUES (:port, :reason)",
                   {std::string("eighty"), std::string("x")});
  });
  EXPECT_FALSE(wrong);
}

}  // namespace
}  // namespace mifeng::store

#include "mifeng/store/database.h"

#include <fcntl.h>
#include <soci/connection-pool.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>
#include <sys/stat.h>

#include <mutex>

#include "changes.h"
#include "connection.h"
#include "mifeng/os/disk_reserve.h"
#include "mifeng/os/file.h"
#include "mifeng/store/rows.h"
#include "migrations.h"

namespace mifeng::store {

struct Database::Impl {
  explicit Impl(const DatabaseOptions& given) : options(given), pool(static_cast<std::size_t>(given.connections)) {}
  DatabaseOptions options;
  soci::connection_pool pool;
  // SQLite takes one writer; waiting here is without its polling. Other processes meet busy_timeout.
  std::timed_mutex writer;
  ToldChanges told;  // empty where nothing is watched
};

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const DatabaseOptions& options) {
  // SQLite would make the file readable by everybody.
  UniqueFd file(::open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return errno_error(errno, "open " + options.path.string());
  file.reset();
  auto impl = std::make_unique<Impl>(options);
  try {
    for (std::size_t i = 0; i < static_cast<std::size_t>(options.connections); ++i) {
      soci::session& session = impl->pool.at(i);
      session.open(soci::sqlite3, "dbname=\"" + options.path.string() + "\"");
      session << "PRAGMA busy_timeout = " << std::to_string(options.wait.count());
      session << "PRAGMA journal_mode = WAL";
      // With WAL, FULL syncs each commit: a grant or a serial that was answered survives a power cut.
      session << "PRAGMA synchronous = FULL";
      session << "PRAGMA foreign_keys = ON";
      session << "PRAGMA trusted_schema = OFF";
      session << "PRAGMA temp_store = MEMORY";  // what watches notes there costs no file
      session << "PRAGMA secure_delete = ON";   // a destroyed key leaves no bytes in a free page
    }
  } catch (...) {
    return current_database_error().with_context(options.path.string());
  }
  std::unique_ptr<Database> database(new Database(std::move(impl)));
  MIFENG_CHECK(database->write([](Transaction& tx) { return migrate(tx); }));
  return database;
}

namespace {

struct Lease {
  soci::connection_pool& pool;
  std::size_t position;
  Lease(soci::connection_pool& from, std::size_t which) : pool(from), position(which) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { pool.give_back(position); }
};

Error database_busy() {
  return Error(ErrorCode::kUnavailable, "database-busy", "The database is busy. Try again in a few seconds.");
}

}  // namespace

Result<bool> Database::empty_log() {
  std::unique_lock<std::timed_mutex> alone(impl_->writer, std::defer_lock);
  if (!alone.try_lock_for(impl_->options.wait)) return database_busy();
  std::size_t position = 0;
  if (!impl_->pool.try_lease(position, static_cast<int>(impl_->options.wait.count()))) return database_busy();
  const Lease lease(impl_->pool, position);
  soci::session& session = impl_->pool.at(position);
  const std::string patience = std::to_string(impl_->options.wait.count());
  try {
    // It would wait for readers, and all writers for it.
    session << "PRAGMA busy_timeout = 0";
    int in_the_way = 0, frames = 0, moved = 0;
    session << "PRAGMA wal_checkpoint(TRUNCATE)", soci::into(in_the_way), soci::into(frames), soci::into(moved);
    session << "PRAGMA busy_timeout = " << patience;
    return in_the_way == 0;
  } catch (...) {
    const Error error = current_database_error();
    try {
      session << "PRAGMA busy_timeout = " << patience;
    } catch (...) {  // the next use of this connection says what is wrong with it
    }
    return error;
  }
}

Result<void> Database::run_in(Mode mode, const std::function<Result<void>(Transaction&)>& work) {
  std::unique_lock<std::timed_mutex> alone(impl_->writer, std::defer_lock);
  if (mode == Mode::kWrite && !alone.try_lock_for(impl_->options.wait)) return database_busy();
  // Before the transaction: one that has met a full disk cannot be run again, since `work` may have told somebody.
  if (mode == Mode::kWrite && impl_->options.reserve != nullptr) impl_->options.reserve->make_room();
  std::size_t position = 0;
  if (!impl_->pool.try_lease(position, static_cast<int>(impl_->options.wait.count()))) return database_busy();
  const Lease lease(impl_->pool, position);
  soci::session& session = impl_->pool.at(position);
  bool begun = false;
  const auto undo = [&] {
    try {
      if (begun) session << "ROLLBACK";
    } catch (...) {  // SQLite has rolled back by itself after some errors (full disk): then there is none to undo
    }
  };
  std::vector<RowChange> changes;
  try {
    session << (mode == Mode::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
    begun = true;
    Transaction::State state{session};
    Transaction tx(state);
    if (auto done = work(tx); !done) {
      undo();
      return done;
    }
    if (mode == Mode::kWrite && impl_->told) {
      auto taken = take_changes(tx);
      if (!taken) {
        undo();
        return std::move(taken).error();
      }
      changes = std::move(*taken);
    }
    session << "COMMIT";
  } catch (...) {
    const Error error = current_database_error();
    undo();
    return error;
  }
  // Still alone, so that the order is that of the commits.
  if (!changes.empty()) impl_->told(changes);
  return ok();
}

Result<void> Database::watch(const std::vector<WatchedTable>& tables, ToldChanges told) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(impl_->options.connections); ++i) {
    Transaction::State state{impl_->pool.at(i)};
    Transaction tx(state);
    MIFENG_CHECK(watch_tables(tx, tables));
  }
  impl_->told = std::move(told);
  return ok();
}

Result<int> Database::schema_version() {
  return write([](Transaction& tx) { return applied_schema_version(tx); });
}

Result<std::optional<std::string>> Database::check_integrity() {
  return read([](Transaction& tx) -> Result<std::optional<std::string>> {
    std::string line, problems;
    MIFENG_CHECK(run_sql(tx, "PRAGMA integrity_check", {}, {Target(&line)}, [&] {
      if (line != "ok") problems += line + "; ";
    }));
    MIFENG_CHECK(run_sql(tx, "SELECT \"table\" FROM pragma_foreign_key_check", {}, {Target(&line)},
                         [&] { problems += "a row of " + line + " refers to nothing; "; }));
    if (problems.empty()) return std::optional<std::string>{};
    return std::optional<std::string>(problems);
  });
}

Result<void> Database::limit_size_for_tests(std::int64_t bytes) {
  try {
    for (std::size_t i = 0; i < static_cast<std::size_t>(impl_->options.connections); ++i) {
      soci::session& session = impl_->pool.at(i);
      long long page_size = 0;
      session << "PRAGMA page_size", soci::into(page_size);
      session << "PRAGMA max_page_count = " << std::to_string(bytes / page_size);
    }
    return ok();
  } catch (...) {
    return current_database_error();
  }
}

}  // namespace mifeng::store

// The database: connections, transactions, migrations. SQLite in one file; nothing above this library knows that.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng {
class DiskReserve;
}

namespace mifeng::store {

struct DatabaseOptions {
  std::filesystem::path path;              // of the file; its folder must be there
  int connections = 8;                     // that many reads at once
  std::chrono::milliseconds wait{10'000};  // for a connection, and for another process's write, then kUnavailable
  DiskReserve* reserve = nullptr;          // room for writes when the disk is full; outlives the database
};

// A transaction under way; good only inside the function that it was handed to.
class Transaction {
 public:
  struct State;
  explicit Transaction(State& state) : state_(state) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  State& state() { return state_; }

 private:
  State& state_;
};

// A table whose changes are told.
struct WatchedTable {
  std::string table;
  std::string id;                  // column of what the change is told with; empty: of the table as a whole
  std::string owner;               // column of whose it is; empty: nobody's
  std::vector<std::string> quiet;  // columns that change without that being news
};
// A row that was made, erased, or changed in a column that is not quiet; told once for each id and owner.
struct RowChange {
  std::size_t watched = 0;  // which of the tables
  std::string id, owner;
};
using ToldChanges = std::function<void(std::span<const RowChange>)>;

// Thread-safe. Errors of every call that touches the database: kUnavailable "database-busy", kResourceExhausted
// "disk-full" (nothing of the transaction is stored), kConflict "already-exists" for a key that must be unique,
// kConflict "still-referenced" for a row that others name, else kInternal "database".
class Database {
 public:
  // Opens or makes the file (0600) and brings its tables to this program's version. kConflict "newer-database" for a
  // file that a later version of Mifeng wrote.
  static Result<std::unique_ptr<Database>> open(const DatabaseOptions& options);
  ~Database();

  // Runs `work` (Transaction& -> Result<T>) in one transaction: read() sees one state throughout, write() is alone and
  // is committed when `work` succeeds, undone when it returns an error. Neither may be called inside the other by one
  // thread.
  template <typename Work>
  auto read(Work&& work) {
    return run<std::invoke_result_t<Work, Transaction&>>(Mode::kRead, std::forward<Work>(work));
  }
  template <typename Work>
  auto write(Work&& work) {
    return run<std::invoke_result_t<Work, Transaction&>>(Mode::kWrite, std::forward<Work>(work));
  }

  // From now on `told` is called with what a write changed, once it is committed and before write() returns: in the
  // order of the commits, from the thread that wrote. It must neither block, throw nor use this database. Once, before
  // anybody else uses it. What other processes write is not seen.
  Result<void> watch(const std::vector<WatchedTable>& tables, ToldChanges told);

  // The number of the last migration that was applied.
  Result<int> schema_version();
  // Writes back what the write-ahead log holds and empties its file, so that what was erased before stands in no file
  // any more. False where somebody was reading: try again later.
  Result<bool> empty_log();
  // SQLite's own integrity check and that of references: the sentence that is wrong, or nothing.
  Result<std::optional<std::string>> check_integrity();
  // For tests of a full disk: at most this many bytes from now on, on every connection.
  Result<void> limit_size_for_tests(std::int64_t bytes);

 private:
  enum class Mode { kRead, kWrite };
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  Result<void> run_in(Mode mode, const std::function<Result<void>(Transaction&)>& work);

  template <typename R, typename Work>
  R run(Mode mode, Work&& work) {
    if constexpr (std::is_void_v<typename R::value_type>) {
      return run_in(mode, work);
    } else {
      std::optional<typename R::value_type> value;
      Result<void> done = run_in(mode, [&](Transaction& tx) -> Result<void> {
        R result = work(tx);
        if (!result) return std::move(result).error();
        value.emplace(std::move(result).value());
        return ok();
      });
      if (!done) return std::move(done).error();
      return std::move(*value);
    }
  }

  std::unique_ptr<Impl> impl_;
};

}  // namespace mifeng::store

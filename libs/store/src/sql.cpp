#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <algorithm>
#include <cctype>
#include <deque>
#include <vector>

#include "connection.h"
#include "mifeng/base/phrase.h"
#include "mifeng/store/rows.h"

namespace mifeng::store {
namespace {

// SQLite's primary result codes (sqlite.org/rescode.html); sqlite3.h is not needed for four numbers.
constexpr int kBusy = 5, kLocked = 6, kIoError = 10, kFull = 13, kConstraint = 19;

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

Error database_error(int result, const std::string& text) {
  const int primary = result & 0xff;
  // SOCI loses the number in some calls; SQLite's own sentence is then what is left.
  if (primary == kBusy || primary == kLocked || contains(text, "database is locked"))
    return Error(ErrorCode::kUnavailable, "database-busy",
                 "The database is busy with another write. Try again in a few seconds.");
  if (primary == kFull || contains(text, "database or disk is full") || (primary == kIoError && errno == ENOSPC))
    return Error(ErrorCode::kResourceExhausted, "disk-full",
                 phrase("The disk of the platform's database is full; nothing was changed. Make room there, or ask its "
                        "administrator to, and try again."));
  if (contains(text, "FOREIGN KEY constraint failed"))
    return Error(ErrorCode::kConflict, "still-referenced", "Something else still refers to this.");
  if (primary == kConstraint || contains(text, "UNIQUE constraint failed"))
    return Error(ErrorCode::kConflict, "already-exists", "There is one with this name or key already.");
  return Error(ErrorCode::kInternal, "database", "The database refused: " + text);
}

}  // namespace

Error current_database_error() {
  try {
    throw;
  } catch (const soci::sqlite3_soci_error& error) {
    return database_error(error.result(), error.what());
  } catch (const soci::soci_error& error) {
    return database_error(0, error.get_error_message());
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInternal, "database", std::string("The database failed: ") + error.what());
  }
}

Result<std::int64_t> run_sql(Transaction& tx, const std::string& sql, const std::vector<Param>& params,
                             const std::vector<Target>& targets, const std::function<void()>& on_row) {
  try {
    soci::statement statement(tx.state().session);
    std::deque<std::pair<WordTarget, std::string>> words;  // whose places stay where they are
    for (const Target& target : targets) {
      if (auto* const* text = std::get_if<std::string*>(&target)) {
        statement.exchange(soci::into(**text));
      } else if (auto* const* number = std::get_if<std::int64_t*>(&target)) {
        statement.exchange(soci::into(**number));
      } else {
        words.emplace_back(std::get<WordTarget>(target), std::string());
        statement.exchange(soci::into(words.back().second));
      }
    }
    for (const Param& param : params) {
      if (const auto* text = std::get_if<std::string>(&param)) {
        statement.exchange(soci::use(*text));
      } else {
        statement.exchange(soci::use(std::get<std::int64_t>(param)));
      }
    }
    statement.alloc();
    statement.prepare(sql);
    statement.define_and_bind();
    if (targets.empty()) {
      statement.execute(true);
      return static_cast<std::int64_t>(statement.get_affected_rows());
    }
    statement.execute(false);
    while (statement.fetch()) {
      for (const auto& [target, word] : words)
        if (!target.take(target.member, word))
          return Error(ErrorCode::kInternal, "bad-row", "What the database holds, \"" + word + "\", is no such word.");
      if (on_row)
        on_row();
      else
        break;
    }
    return std::int64_t{0};
  } catch (...) {
    return current_database_error();
  }
}

namespace detail {

std::string join_columns(const char* const* columns, std::size_t count, const char* prefix) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) out += ", ";
    out += prefix;
    out += columns[i];
  }
  return out;
}

std::string join_equal(const char* const* columns, std::size_t count, const char* separator) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) out += separator;
    out += std::string(columns[i]) + " = :" + columns[i];
  }
  return out;
}

}  // namespace detail

Result<std::int64_t> count_rows(Transaction& tx, const std::string& table, const std::string& where,
                                const std::vector<Param>& params) {
  std::int64_t count = 0;
  MIFENG_CHECK(run_sql(tx, "SELECT COUNT(*) FROM " + table + " " + where, params, {Target(&count)}));
  return count;
}

std::string like_part(const std::string& text) {
  std::string out = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '!') out += '!';
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out + "%";
}

}  // namespace mifeng::store

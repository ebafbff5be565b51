// Rows as plain structs. A listed struct (base/listed.h) that says its table (Table<Row>) can be found, inserted,
// updated and erased here; everything else that is asked of a table is a named function beside its row.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/store/database.h"
#include "mifeng/store/words.h"

namespace mifeng::store {

using Param = std::variant<std::string, std::int64_t>;
// An enumerator that is told by its word; `take` says whether there is such a one.
struct WordTarget {
  void* member;
  bool (*take)(void* member, std::string_view word);
};
using Target = std::variant<std::string*, std::int64_t*, WordTarget>;

// The only function that talks SQL to a connection. Parameters are bound in the order in which their :names appear.
// `on_row` is called with the targets filled; kInternal "bad-row" where a word is none of its enumeration. Returns the
// number of rows that were changed (0 for a SELECT).
Result<std::int64_t> run_sql(Transaction& tx, const std::string& sql, const std::vector<Param>& params,
                             const std::vector<Target>& targets = {}, const std::function<void()>& on_row = {});

// What MIFENG_RECORD (record.h) says of a row beside its members: the table's name, and how many columns lead as its
// key.
template <typename Row>
struct Table;

namespace detail {

template <typename Member>
Target target_of(Member& member) {
  if constexpr (WordEnum<Member>) {
    const auto take = [](void* into, std::string_view word) {
      const auto value = from_word<Member>(word);
      if (value) *static_cast<Member*>(into) = *value;
      return value.has_value();
    };
    return WordTarget{&member, take};
  } else {
    return &member;
  }
}
template <typename Member>
Param param_of(const Member& member) {
  if constexpr (WordEnum<Member>) {
    return std::string(to_string(member));
  } else {
    return member;
  }
}
template <typename Row>
std::vector<Target> targets_of(Row& row) {
  return std::apply([](auto&... member) { return std::vector<Target>{target_of(member)...}; }, members_of(row));
}
template <typename Row>
std::vector<Param> params_of(const Row& row) {
  return std::apply([](const auto&... member) { return std::vector<Param>{param_of(member)...}; }, members_of(row));
}
// "a, b" or ":a, :b"
std::string join_columns(const char* const* columns, std::size_t count, const char* prefix);
// "a = :a AND b = :b" or with ", "
std::string join_equal(const char* const* columns, std::size_t count, const char* separator);
template <typename Row>
std::string key_clause() {
  return " WHERE " + join_equal(Row::member_names, Table<Row>::keys, " AND ");
}

}  // namespace detail

// Rows that satisfy `clause` ("WHERE … ORDER BY …"), which only this library's sources write.
template <typename Row>
Result<std::vector<Row>> select(Transaction& tx, const std::string& clause, const std::vector<Param>& params) {
  std::vector<Row> rows;
  Row row;
  const std::string sql = "SELECT " + detail::join_columns(Row::member_names, kMembers<Row>, "") + " FROM " +
                          Table<Row>::name + " " + clause;
  auto done = run_sql(tx, sql, params, detail::targets_of(row), [&] { rows.push_back(row); });
  if (!done) return std::move(done).error();
  return rows;
}

template <typename Row>
Result<std::optional<Row>> select_one(Transaction& tx, const std::string& clause, const std::vector<Param>& params) {
  auto rows = select<Row>(tx, clause, params);
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return std::optional<Row>{};
  return std::optional<Row>(std::move(rows->front()));
}

template <typename Row, typename... Keys>
Result<std::optional<Row>> find(Transaction& tx, const Keys&... keys) {
  static_assert(sizeof...(Keys) == Table<Row>::keys);
  return select_one<Row>(tx, detail::key_clause<Row>(), {detail::param_of(keys)...});
}

template <typename Row>
Result<std::vector<Row>> all(Transaction& tx) {
  return select<Row>(tx, std::string("ORDER BY ") + detail::join_columns(Row::member_names, Table<Row>::keys, ""), {});
}

template <typename Row>
Result<void> insert(Transaction& tx, const Row& row) {
  const std::size_t count = kMembers<Row>;
  auto done = run_sql(tx,
                      std::string("INSERT INTO ") + Table<Row>::name + " (" +
                          detail::join_columns(Row::member_names, count, "") + ") VALUES (" +
                          detail::join_columns(Row::member_names, count, ":") + ")",
                      detail::params_of(row));
  if (!done) return std::move(done).error();
  return ok();
}

// Writes all columns of the row with these keys. Whether there was one.
template <typename Row>
Result<bool> update(Transaction& tx, const Row& row) {
  const std::size_t keys = Table<Row>::keys;
  std::vector<Param> params = detail::params_of(row);
  std::rotate(params.begin(), params.begin() + static_cast<std::ptrdiff_t>(keys), params.end());
  auto done =
      run_sql(tx,
              std::string("UPDATE ") + Table<Row>::name + " SET " +
                  detail::join_equal(Row::member_names + keys, kMembers<Row> - keys, ", ") + detail::key_clause<Row>(),
              params);
  if (!done) return std::move(done).error();
  return *done > 0;
}

template <typename Row, typename... Keys>
Result<bool> erase(Transaction& tx, const Keys&... keys) {
  static_assert(sizeof...(Keys) == Table<Row>::keys);
  auto done = run_sql(tx, std::string("DELETE FROM ") + Table<Row>::name + detail::key_clause<Row>(),
                      {detail::param_of(keys)...});
  if (!done) return std::move(done).error();
  return *done > 0;
}

// One page of a list and how many rows there are in all.
template <typename Row>
struct Slice {
  std::vector<Row> rows;
  std::int64_t total = 0;
};
struct Window {
  std::int64_t offset = 0;
  std::int64_t limit = 50;
};
Result<std::int64_t> count_rows(Transaction& tx, const std::string& table, const std::string& where,
                                const std::vector<Param>& params);
template <typename Row>
Result<Slice<Row>> select_slice(Transaction& tx, const std::string& where, const std::vector<Param>& params,
                                const std::string& order, const Window& window) {
  Slice<Row> slice;
  auto total = count_rows(tx, Table<Row>::name, where, params);
  if (!total) return std::move(total).error();
  slice.total = *total;
  std::vector<Param> all_params = params;
  all_params.emplace_back(window.limit);
  all_params.emplace_back(window.offset);
  auto rows = select<Row>(tx, where + " ORDER BY " + order + " LIMIT :window_limit OFFSET :window_offset", all_params);
  if (!rows) return std::move(rows).error();
  slice.rows = std::move(*rows);
  return slice;
}

// "%text%" with the wildcards of LIKE escaped by '!' and ASCII letters lower-case: for "lower(x) LIKE :x ESCAPE '!'".
std::string like_part(const std::string& text);

}  // namespace mifeng::store

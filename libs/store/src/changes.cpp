#include "changes.h"

#include <algorithm>
#include <string>

#include "mifeng/store/rows.h"

namespace mifeng::store {
namespace {

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

// `row` is OLD or NEW.
std::string note(std::size_t number, const WatchedTable& table, const std::string& row) {
  const auto value = [&](const std::string& column) {
    return column.empty() ? std::string("''") : "CAST(" + row + "." + quoted(column) + " AS TEXT)";
  };
  return "INSERT INTO changed_rows VALUES (" + std::to_string(number) + ", " + value(table.id) + ", " +
         value(table.owner) + "); ";
}

Result<std::vector<std::string>> columns_of(Transaction& tx, const std::string& table) {
  std::vector<std::string> columns;
  std::string name;
  MIFENG_CHECK(run_sql(tx, "SELECT name FROM pragma_table_info(:of)", {table}, {Target(&name)},
                       [&] { columns.push_back(name); }));
  return columns;
}

// A column that is added to the table later counts without anybody naming it.
Result<std::string> really_changed(Transaction& tx, const WatchedTable& table) {
  MIFENG_TRY(const auto columns, columns_of(tx, table.table));
  std::string any;
  for (const auto& column : columns) {
    if (std::ranges::find(table.quiet, column) != table.quiet.end()) continue;
    any += (any.empty() ? "" : " OR ") + ("OLD." + quoted(column)) + " IS NOT NEW." + quoted(column);
  }
  return any;
}

}  // namespace

Result<void> watch_tables(Transaction& tx, const std::vector<WatchedTable>& tables) {
  MIFENG_CHECK(run_sql(tx, "CREATE TEMP TABLE changed_rows (watched INTEGER, id TEXT, owner TEXT)", {}));
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const WatchedTable& table = tables[i];
    const auto trigger = [&](const std::string& event, const std::string& when, const std::string& body) {
      return run_sql(tx,
                     "CREATE TEMP TRIGGER " + quoted("told_" + std::to_string(i) + "_" + event) + " AFTER " + event +
                         " ON main." + quoted(table.table) + when + " BEGIN " + body + "END",
                     {});
    };
    MIFENG_TRY(const auto changed, really_changed(tx, table));
    MIFENG_CHECK(trigger("INSERT", "", note(i, table, "NEW")));
    MIFENG_CHECK(trigger("DELETE", "", note(i, table, "OLD")));
    // Both: whoever could see it before learns that it is gone from there.
    MIFENG_CHECK(trigger("UPDATE", " WHEN " + changed, note(i, table, "OLD") + note(i, table, "NEW")));
  }
  return ok();
}

Result<std::vector<RowChange>> take_changes(Transaction& tx) {
  std::vector<RowChange> changes;
  std::int64_t watched = 0;
  RowChange change;
  MIFENG_CHECK(run_sql(tx, "SELECT DISTINCT watched, id, owner FROM changed_rows", {},
                       {Target(&watched), Target(&change.id), Target(&change.owner)}, [&] {
                         change.watched = static_cast<std::size_t>(watched);
                         changes.push_back(change);
                       }));
  if (!changes.empty()) MIFENG_CHECK(run_sql(tx, "DELETE FROM changed_rows", {}));
  return changes;
}

}  // namespace mifeng::store

// What a write changed in the watched tables. Triggers of each connection note it, so that no way to change a row can
// forget to; they are temporary, and so no part of the file.
#pragma once

#include <vector>

#include "mifeng/store/database.h"

namespace mifeng::store {

// On the connection of `tx`, outside of a transaction.
Result<void> watch_tables(Transaction& tx, const std::vector<WatchedTable>& tables);
// What was noted since the transaction began, each once; and forgets it.
Result<std::vector<RowChange>> take_changes(Transaction& tx);

}  // namespace mifeng::store

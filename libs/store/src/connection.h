// What a transaction holds: one connection of the pool. Only database.cpp and sql.cpp see SOCI.
#pragma once

#include <soci/soci.h>

#include <string>

#include "mifeng/store/database.h"

namespace mifeng::store {

struct Transaction::State {
  soci::session& session;
};

// What SOCI threw, as an error of ours. Call it inside a catch block.
Error current_database_error();

}  // namespace mifeng::store
